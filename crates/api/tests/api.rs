//! The API over a real alliance of four nodes in this process, driven over HTTP.

#[path = "alliance/mod.rs"]
mod alliance;

use std::time::Duration;

use alliance::{Depositor, alliance, get, now_ms, post, skipped, witness::Witness};
use xiezhi_client::{CBOR, CERTIFICATE, COSE, Client, ClientError, Event, RecordQuery, Tree, Wait, wire};
use xiezhi_crypto::{DigestAlg, PublicKey, SignatureAlg, sha256};
use xiezhi_evidence::{Certificate, Genesis, Statement, seal::note_keys};
use xiezhi_merkle::{Sha256, Sm3, TreeHash, verify_consistency, verify_inclusion};
use xiezhi_note::{NoteSignature, SignedNote};
use xiezhi_types::{LogIndex, StatementId};

const SEALED: Wait = Wait::Sealed(Duration::from_secs(30));
const RECORDED: Wait = Wait::Recorded(Duration::from_secs(30));

fn index(record: &wire::RecordStatus) -> LogIndex {
    LogIndex(record.index.0)
}

fn hashes(path: &[wire::Base64]) -> Vec<[u8; 32]> {
    path.iter().map(|hash| hash.0[..].try_into().unwrap()).collect()
}

#[tokio::test]
async fn a_deposit_comes_back_with_a_certificate_that_the_verifier_accepts() {
    let client = alliance().client();
    let depositor = Depositor::new(1).await;
    let original = b"an original";
    let statement = depositor.deposit(original, None);
    let deposited = client.deposit(statement.clone(), SEALED).await.unwrap();
    assert!(!deposited.known && deposited.record.sealed);
    let certificate = deposited.certificate.unwrap();
    assert_eq!(Certificate::parse(&certificate).unwrap().statement, statement);
    let again = client.certificate(index(&deposited.record), None).await.unwrap();
    assert_eq!(Certificate::parse(&again).unwrap().statement, statement, "perhaps with more seals by now");

    let request = wire::VerifyRequest {
        certificate: wire::Base64(certificate),
        digests: vec![
            DigestAlg::Sha256.digest(original).to_string(),
            DigestAlg::Sm3.digest(original).to_string(),
        ],
        size: None,
        declared_time: None,
        record_only: true,
    };
    let answer = client.verify(&request).await.unwrap();
    let outcome = answer.verdict["outcome"].as_str();
    assert!(matches!(outcome, Some("valid" | "unknown")), "{:#}", answer.verdict);
    let record_only = wire::VerifyRequest { digests: Vec::new(), ..request };
    let answer = client.verify(&record_only).await.unwrap();
    assert_eq!(answer.verdict["outcome"], "valid", "{:#}", answer.verdict);
    assert!(answer.notice.en.contains("word") && !answer.notice.zh.is_empty());
}

#[tokio::test]
async fn sending_a_statement_again_here_or_elsewhere_records_nothing_new() {
    let depositor = Depositor::new(2).await;
    let statement = depositor.deposit(b"twice", None);
    let first = alliance().client().deposit(statement.clone(), SEALED).await.unwrap();
    for node in 0..4 {
        let again = alliance().client_of(node).deposit(statement.clone(), SEALED).await.unwrap();
        assert!(again.certificate.is_some());
        // A node that is a block behind says "recorded", not "known".
        assert!(again.known || node != 0);
        assert_eq!((&again.record.id, again.record.index), (&first.record.id, first.record.index));
    }
}

#[tokio::test]
async fn a_recorded_statement_is_known_when_its_time_is_long_past() {
    let depositor = Depositor::new(15).await;
    let clock_max_ms = 300_000;
    let statement = depositor.deposit_at(b"late", now_ms() - clock_max_ms + 10_000);
    let first = alliance().client().deposit(statement.clone(), SEALED).await.unwrap();
    assert!(!first.known);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let again = alliance().client_of(1).deposit(statement, SEALED).await.unwrap();
    assert!(again.known && again.certificate.is_some());
    let stale = depositor.deposit_at(b"never recorded", now_ms() - clock_max_ms - 1_000);
    let refused = alliance().client().deposit(stale, SEALED).await.unwrap_err();
    assert_eq!(refused.code(), Some("clock-off"));
}

#[tokio::test]
async fn an_account_is_good_at_every_node_as_soon_as_one_has_said_so() {
    for (seed, node) in [(17, 1), (18, 2), (19, 3)] {
        let depositor = Depositor::new(seed).await;
        alliance().client_of(node).deposit(depositor.deposit(b"at once", None), RECORDED).await.unwrap();
    }
}

#[tokio::test]
async fn the_raw_way_gives_the_certificate_and_nothing_else() {
    let depositor = Depositor::new(3).await;
    let statement = depositor.deposit(b"raw", None);
    let limit = Duration::from_secs(30);
    let certificate = alliance().client().deposit_sealed(statement.clone(), limit).await.unwrap();
    assert_eq!(Certificate::parse(&certificate).unwrap().statement, statement);

    let other = depositor.deposit(b"raw, by hand", None);
    let url = "/v1/deposits?wait=sealed&timeout_ms=30000";
    let answer = post(url, &[("content-type", COSE), ("accept", CERTIFICATE)], other).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, CERTIFICATE));
    let found = Certificate::parse(&answer.body).unwrap();
    assert_eq!(answer.header("location"), format!("/v1/records/{}", found.index));
}

#[tokio::test]
async fn an_idempotency_key_is_bound_to_its_statement() {
    let depositor = Depositor::new(4).await;
    let (one, other) = (depositor.deposit(b"one", None), depositor.deposit(b"other", None));
    let client = alliance().client();
    let key = "5b6f4b1e-0001";
    let first = client.deposit_with_key(one.clone(), RECORDED, key).await.unwrap();
    let again = client.deposit_with_key(one, RECORDED, key).await.unwrap();
    assert!(!again.known, "answered as the first time");
    assert_eq!(again.record.index, first.record.index);
    let error = client.deposit_with_key(other.clone(), RECORDED, key).await.unwrap_err();
    assert_eq!(error.code(), Some("idempotency-mismatch"), "{error}");
    // A key whose statement was refused is free again.
    let key = "5b6f4b1e-0002";
    assert!(client.deposit_with_key(b"no statement".to_vec(), RECORDED, key).await.is_err());
    client.deposit_with_key(other, RECORDED, key).await.unwrap();
}

#[tokio::test]
async fn a_batch_is_recorded_once_and_each_item_has_its_certificate() {
    let depositor = Depositor::new(5).await;
    let originals: Vec<Vec<u8>> = (0..7).map(|n| format!("item {n}").into_bytes()).collect();
    let (statement, items) = depositor.batch(&originals);
    let client = alliance().client();
    let deposited = client.deposit_batch(&statement, &items, SEALED).await.unwrap();
    assert_eq!(deposited.record.items, 7);
    let at = index(&deposited.record);
    let sequence = client.batch_certificates(at, 2, 3).await.unwrap();
    let mut d = minicbor::Decoder::new(&sequence);
    for item in 2..5 {
        let start = d.position();
        d.skip().unwrap();
        let listed = Certificate::parse(&sequence[start..d.position()]).unwrap();
        let single = Certificate::parse(&client.certificate(at, Some(item)).await.unwrap()).unwrap();
        assert_eq!(listed.batch.as_ref().unwrap().index, item);
        assert_eq!((&listed.batch, listed.statement), (&single.batch, single.statement));
    }
    assert_eq!(d.position(), sequence.len());
    let page = get(&format!("/v1/batches/{at}/certificates?from=2&limit=3"), &[]).await;
    assert_eq!(page.header("link"), format!("</v1/batches/{at}/certificates?from=5&limit=3>; rel=\"next\""));
    assert!(get(&format!("/v1/batches/{at}/certificates?from=5"), &[]).await.headers.get("link").is_none());

    let digest = DigestAlg::Sha256.digest(&originals[4]).to_string();
    let found = client.find(&RecordQuery::Digest(digest.clone()), None, 10).await.unwrap();
    assert_eq!((found.records.len(), found.records[0].item), (1, Some(4)));
    assert_eq!(found.records[0].statement.digests, [digest]);
    let number = found.records[0].status.number.clone();
    let found = client.find(&RecordQuery::Number(number), None, 10).await.unwrap();
    assert_eq!(found.records[0].item, Some(4));
    let error = client.certificate(at, Some(7)).await.unwrap_err();
    assert!(matches!(error.code(), Some("not-found" | "out-of-range")), "{error}");
}

#[tokio::test]
async fn records_are_found_page_by_page_and_read_back() {
    let depositor = Depositor::new(6).await;
    let client = alliance().client();
    let group = [6; 16];
    for n in 0..5_u8 {
        client.deposit(depositor.deposit(&[n], Some(group)), RECORDED).await.unwrap();
    }
    for query in [RecordQuery::Account(depositor.id), RecordQuery::Group(xiezhi_types::GroupId(group))] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = client.find(&query, cursor.as_deref(), 2).await.unwrap();
            seen.extend(page.records);
            let Some(next) = page.next else { break };
            cursor = Some(next);
        }
        let account = u64::from(matches!(query, RecordQuery::Account(_)));
        assert_eq!(seen.len() as u64, 5 + account, "the account's creation is a record too");
        assert!(seen.windows(2).all(|pair| pair[0].status.index < pair[1].status.index));
    }
    let page = get(&format!("/v1/records?account={}&limit=2", depositor.id), &[]).await;
    assert!(page.header("link").ends_with("rel=\"next\""), "{}", page.header("link"));

    let found = client.find(&RecordQuery::Group(xiezhi_types::GroupId(group)), None, 1).await.unwrap();
    let record = &found.records[0];
    assert_eq!(client.record(index(&record.status)).await.unwrap().statement, record.statement);
    let statement = Statement::parse(&client.statement(index(&record.status)).await.unwrap()).unwrap();
    assert_eq!(statement.id().to_string(), record.status.id);
    let status = client.statement_status(&statement.id()).await.unwrap();
    assert_eq!(status.index, record.status.index);
    assert_eq!(client.account(&depositor.id).await.unwrap().id, depositor.id.to_string());
    assert_eq!(record.statement.group.as_deref(), Some("06".repeat(16).as_str()));
}

#[tokio::test]
async fn proofs_and_checkpoints_verify() {
    let depositor = Depositor::new(7).await;
    let client = alliance().client();
    let one = client.deposit(depositor.deposit(b"one", None), SEALED).await.unwrap();
    let two = client.deposit(depositor.deposit(b"two", None), SEALED).await.unwrap();
    let old = client.checkpoint(xiezhi_types::Height(one.record.height.0)).await.unwrap();
    let new = client.checkpoint(xiezhi_types::Height(two.record.height.0)).await.unwrap();
    assert!(old.sealed && new.sealed && !new.seals.is_empty());
    let root = |text: &str| -> [u8; 32] {
        hex::decode(text.split(':').nth(1).unwrap()).unwrap().try_into().unwrap()
    };
    let leaf = client.statement(index(&one.record)).await.unwrap();
    let (at, old_size, size) = (one.record.index.0, old.size.0, new.size.0);

    let proof = client.inclusion_proof(Tree::Sha256, LogIndex(at), Some(size)).await.unwrap();
    verify_inclusion::<Sha256>(&Sha256::leaf(&leaf), at, size, &hashes(&proof.path), &root(&new.root_sha256))
        .unwrap();
    let proof = client.inclusion_proof(Tree::Sm3, LogIndex(at), Some(size)).await.unwrap();
    verify_inclusion::<Sm3>(&Sm3::leaf(&leaf), at, size, &hashes(&proof.path), &root(&new.root_sm3)).unwrap();
    let proof = client.consistency_proof(Tree::Sha256, old_size, size).await.unwrap();
    let (first, second) = (root(&old.root_sha256), root(&new.root_sha256));
    verify_consistency::<Sha256>(old_size, size, &hashes(&proof.path), &first, &second).unwrap();

    let page = client.checkpoints(Some(xiezhi_types::Height(old.height.0 - 1)), 1).await.unwrap();
    assert_eq!((page.checkpoints[0].height, page.checkpoints.len()), (old.height, 1));
    assert_eq!(page.next, Some(old.height));
    assert!(client.latest_checkpoint().await.unwrap().size >= new.size);
    assert_eq!(sha256(&new.checkpoint.0), root(&new.digest));
}

#[tokio::test]
async fn anyone_can_mirror_the_log() {
    let depositor = Depositor::new(8).await;
    let client = alliance().client();
    let deposited = client.deposit(depositor.deposit(b"tile", None), SEALED).await.unwrap();
    let size = client.latest_checkpoint().await.unwrap().size.0;
    assert!(size > deposited.record.index.0 && size < 256, "the test's log fits one tile");
    let entries = client.tile(Tree::Sha256, &format!("tile/entries/000.p/{size}")).await.unwrap();
    let entries = xiezhi_merkle::decode_bundle(&entries, u16::try_from(size).unwrap()).unwrap();
    for (tree, leaf) in [(Tree::Sha256, Sha256::leaf as fn(&[u8]) -> _), (Tree::Sm3, Sm3::leaf)] {
        let tile = client.tile(tree, &format!("tile/0/000.p/{size}")).await.unwrap();
        let expected: Vec<u8> = entries.iter().flat_map(|entry| leaf(entry)).collect();
        assert_eq!(tile, expected);
    }
    let answer = get(&format!("/tile/0/000.p/{size}"), &[]).await;
    assert!(answer.header("cache-control").contains("immutable"));
    assert_eq!(get("/tile/0/000", &[]).await.status, 404, "not full yet");
    assert_eq!(get("/tile/0/0", &[]).await.status, 400);
}

#[tokio::test]
async fn the_newest_checkpoint_is_a_note_that_witnesses_read() {
    let client = alliance().client();
    let depositor = Depositor::new(14).await;
    let deposited = client.deposit(depositor.deposit(b"noted", None), SEALED).await.unwrap();
    let text = client.checkpoint_note().await.unwrap();
    let note = SignedNote::from_bytes(text.as_bytes()).unwrap();
    let genesis = client.genesis().await.unwrap();
    let origin = Genesis::parse(&genesis).unwrap().origin(&Genesis::ledger_id(&genesis));
    assert_eq!(note.text().lines().next(), Some(origin.as_str()));
    let size: u64 = note.text().lines().nth(1).unwrap().parse().unwrap();
    assert!(size > deposited.record.index.0);
    assert!(note.signatures().len() >= 3, "{text}");
    assert_eq!(note.signatures()[0].name(), origin, "the log's own signature first");
}

/// The served note with the log's own signature only, as a log hands it to a witness, and the tree's size.
async fn note_for_witness() -> (SignedNote, u64) {
    let text = alliance().client().checkpoint_note().await.unwrap();
    let note = SignedNote::from_bytes(text.as_bytes()).unwrap();
    let size = note.text().lines().nth(1).unwrap().parse().unwrap();
    (SignedNote::new(note.text(), vec![note.signatures()[0].clone()]).unwrap(), size)
}

#[tokio::test]
async fn a_witness_of_another_make_follows_the_log() {
    let client = alliance().client();
    let depositor = Depositor::new(16).await;
    client.deposit(depositor.deposit(b"seen by a witness", None), SEALED).await.unwrap();
    let genesis_bytes = client.genesis().await.unwrap();
    let genesis = Genesis::parse(&genesis_bytes).unwrap();
    let origin = genesis.origin(&Genesis::ledger_id(&genesis_bytes));
    let (first, first_size) = note_for_witness().await;
    let log_keys = genesis
        .institutions
        .iter()
        .filter_map(|one| note_keys(&origin, &one.id, one.seal_key))
        .map(|(log, _)| log);
    let log = log_keys.into_iter().find(|key| first.signatures_by(key).next().is_some()).unwrap();
    let witness = match Witness::start(&log) {
        Ok(witness) => witness,
        Err(why) => return skipped(&format!("no witness saw our checkpoints: {why}")),
    };
    witness.ready().await;
    let key = PublicKey::new(SignatureAlg::Ed25519, witness.key.public_key()).unwrap();
    let signed = |note: &SignedNote, lines: &[NoteSignature]| {
        assert_eq!((lines[0].name(), lines[0].key_id()), (witness.key.name(), witness.key.key_id()));
        key.verify(note.text().as_bytes(), lines[0].signature()).unwrap();
    };
    let (status, lines) = witness.add(0, &[], &first).await;
    assert_eq!(status, 200);
    signed(&first, &lines);

    client.deposit(depositor.deposit(b"and later", None), SEALED).await.unwrap();
    let (second, size) = note_for_witness().await;
    assert!(size > first_size);
    let proof = client.consistency_proof(Tree::Sha256, first_size, size).await.unwrap();
    let mut path = hashes(&proof.path);
    path[0][0] ^= 1;
    assert_ne!(witness.add(first_size, &path, &second).await.0, 200, "a false proof is refused");
    path[0][0] ^= 1;
    let (status, lines) = witness.add(first_size, &path, &second).await;
    assert_eq!(status, 200);
    signed(&second, &lines);
}

#[tokio::test]
async fn events_tell_the_way_to_the_seal_and_end_there() {
    let depositor = Depositor::new(9).await;
    let client = alliance().client();
    let deposited = client.deposit(depositor.deposit(b"followed", None), RECORDED).await.unwrap();
    let mut events = client.events(index(&deposited.record)).await.unwrap();
    let mut names = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        names.push(match event {
            Event::Recorded(status) => {
                assert_eq!(status.id, deposited.record.id);
                "recorded"
            }
            Event::Seal(progressed) => {
                assert!(progressed.institution.is_some());
                "seal"
            }
            Event::Timestamp(_) => "timestamp",
            Event::Sealed(status) => {
                assert!(status.sealed);
                "sealed"
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!((names.first(), names.last()), (Some(&"recorded"), Some(&"sealed")));
    assert!(names.iter().filter(|name| **name == "seal").count() >= 3, "{names:?}");
    assert_eq!(client.events(LogIndex(1 << 40)).await.unwrap_err().code(), Some("not-found"));
}

#[tokio::test]
async fn scitt_clients_get_receipts_and_keys() {
    let depositor = Depositor::new(10).await;
    let statement = depositor.deposit(b"scitt", None);
    let mut answer = post("/entries", &[("content-type", COSE)], statement.clone()).await;
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("/entries/{}", Statement::parse(&statement).unwrap().id()));
    for _ in 0..100 {
        if answer.status != 303 && answer.status != 302 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = get(&location, &[("accept", COSE)]).await;
    }
    assert!(answer.status == 201 || answer.status == 200, "{}", answer.status);
    assert_eq!(answer.header("content-type"), COSE);
    assert_eq!(answer.body[0], 0xd2, "a tagged COSE_Sign1");

    let id = location.rsplit('/').next().unwrap().parse::<StatementId>().unwrap();
    let status = alliance().client().statement_status(&id).await.unwrap();
    let receipts = alliance().client().receipts(index(&status)).await.unwrap();
    assert!(receipts.receipts.len() >= 3);
    assert!(receipts.receipts.iter().any(|one| one.receipt.0 == answer.body));

    let keys = get("/.well-known/scitt-keys", &[("accept", CBOR)]).await;
    let mut d = minicbor::Decoder::new(&keys.body);
    assert_eq!(d.array().unwrap(), Some(4));
    let missing = get("/.well-known/scitt-keys/AAAAAAAAAAA", &[("accept", CBOR)]).await;
    assert_eq!(
        (missing.status, missing.header("content-type")),
        (404, "application/concise-problem-details+cbor")
    );
    let refused = post("/entries", &[("content-type", COSE)], b"no".to_vec()).await;
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (400, "application/concise-problem-details+cbor")
    );
}

#[tokio::test]
async fn a_mistake_is_named_in_the_clients_language() {
    let depositor = Depositor::new(11).await;
    let client = alliance().client();
    let stranger = Depositor::unknown(12);
    let mut forged = depositor.deposit(b"forged", None);
    *forged.last_mut().unwrap() ^= 1;
    let rows = [
        (b"junk".to_vec(), 422, "statement-malformed", "statement"),
        (stranger.deposit(b"x", None), 422, "no-account", "iss"),
        (forged, 403, "signature-invalid", "signature"),
        (depositor.deposit_at(b"late", now_ms() - 3_600_000), 422, "clock-off", "iat"),
        (depositor.creation_again(), 409, "account-exists", "iss"),
    ];
    for (statement, status, code, field) in rows {
        match client.clone().language("zh-CN").deposit(statement, RECORDED).await {
            Err(ClientError::Problem(problem)) => {
                assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
                assert_eq!(problem.field.as_deref(), Some(field));
                assert!(!problem.title.is_ascii(), "{}", problem.title);
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    let rows = [
        ("/v1/records/x", 400, "invalid-parameter"),
        ("/v1/records/99999999", 404, "not-found"),
        ("/v1/records?limit=0", 400, "invalid-parameter"),
        ("/v1/records?digset=1", 400, "invalid-parameter"),
        ("/v1/statements/00", 400, "invalid-parameter"),
        ("/v1/proofs/inclusion?index=0&size=99999999", 400, "out-of-range"),
        ("/v1/checkpoints/99999999", 404, "not-found"),
        ("/v2", 404, "no-such-route"),
    ];
    for (path, status, code) in rows {
        let answer = get(path, &[]).await;
        let problem: wire::Problem = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, problem.code.as_str()), (status, code), "{path}: {}", problem.detail);
    }
    let plain = post("/v1/deposits", &[("content-type", "text/plain")], b"x".to_vec()).await;
    assert_eq!(plain.status, 415);
    let large = post("/v1/deposits", &[("content-type", COSE)], vec![0; 70_000]).await;
    assert_eq!(large.status, 413);
    let accept = get("/v1/records/0/certificate", &[("accept", "application/pdf")]).await;
    assert_eq!(accept.status, 406);
}

#[tokio::test]
async fn the_ledger_and_the_node_describe_themselves() {
    let client = alliance().client();
    let genesis = client.genesis().await.unwrap();
    let anchor = client.anchor().await.unwrap();
    assert_eq!(anchor.ledger, Genesis::ledger_id(&genesis).to_string());
    assert_eq!(anchor.fingerprint.replace(' ', ""), anchor.ledger);
    assert_eq!(anchor.genesis_sm3, DigestAlg::Sm3.digest(&genesis).to_string());
    assert_eq!(anchor.institutions.len(), 4);
    assert!(anchor.suites.iter().any(|suite| suite == SignatureAlg::Ed25519.name()));
    let status = client.status().await.unwrap();
    assert_eq!((status.ledger, status.institutions.len(), status.live), (anchor.ledger, 4, true));
    assert_eq!(get("/healthz", &[]).await.status, 200);
    assert_eq!(get("/readyz", &[]).await.status, 200);
    let metrics = String::from_utf8(get("/metrics", &[]).await.body).unwrap();
    assert!(
        metrics
            .contains("xiezhi_http_request_seconds_count{method=\"GET\",route=\"/healthz\",status=\"200\"}")
    );
    let document = client.openapi().await.unwrap();
    assert!(document["paths"]["/v1/deposits"]["post"].is_object());
}

#[tokio::test]
async fn a_client_moves_on_when_an_institution_is_down() {
    let urls = alliance().urls.clone();
    let client = Client::with_nodes(&["http://127.0.0.1:9", &urls[2]]).unwrap();
    let depositor = Depositor::new(13).await;
    // The other node may be a block behind the one where the account was made.
    while client.account(&depositor.id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        client.deposit(depositor.deposit(b"elsewhere", None), SEALED).await.unwrap().certificate.is_some()
    );
}

#[tokio::test]
async fn the_alliance_and_its_terms_are_shown_as_the_ledger_has_them() {
    let client = alliance().client();
    let shown = client.alliance().await.unwrap();
    let value = xiezhi_evidence::Alliance::parse(&shown.value.0).unwrap();
    assert_eq!((shown.term.number.0, shown.term.from.0, shown.term.quorum), (0, 0, 3));
    assert_eq!(shown.term.members.len(), 4);
    for (shown, member) in shown.term.members.iter().zip(&value.term.members) {
        assert_eq!(shown.id, member.institution.id.to_string());
        assert_eq!((shown.status.as_str(), &shown.address), ("active", &None));
        assert_eq!(shown.seal_key.0, member.institution.seal_key);
    }
    assert!(shown.next.is_none() && shown.proposals.is_empty() && shown.invitations.is_empty());
    assert_eq!(client.terms().await.unwrap(), [shown.term]);
}
