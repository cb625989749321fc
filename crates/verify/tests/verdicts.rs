//! What the verifier says of good certificates, and of records that are wrong in one way each.

mod asking;

use asking::{Question, ask, check_only, check_plan, find};
use xiezhi_crypto::{DigestAlg, SignatureAlg};
use xiezhi_evidence::{
    Account, AccountSpec, AccountStatus, Body, Certificate, Manifest, StatementDraft, Value, manifest::names,
};
use xiezhi_merkle::{Frontier, Sha256, Sm3, TreeHash};
use xiezhi_types::{Height, LedgerId, LogIndex};
use xiezhi_verify::{
    DOES_NOT_PROVE, Exhibit, KnownCheckpoint, Lang, Outcome, PROVES, PROVES_RECORD, Status, code,
    fixtures::{Fixture, ORIGINAL, Plan, deposit, exhibit, manifest, signing_key},
};

#[test]
fn a_good_certificate_with_its_original_is_valid() {
    let fixture = Fixture::new();
    let verdict = ask(&fixture, &fixture.certificate(&Plan::default()));
    let bad: Vec<_> = verdict.checks.iter().filter(|check| check.status != Status::Pass).collect();
    assert_eq!(verdict.outcome, Outcome::Valid, "{bad:?}");
    assert_eq!((verdict.proves, verdict.does_not_prove), (PROVES, DOES_NOT_PROVE));
    assert_eq!(bad.len(), 1, "only the consistency with a known checkpoint stays open: {bad:?}");
    let facts = &verdict.facts;
    assert_eq!(facts.index.as_deref(), Some("4"));
    assert_eq!(facts.seals.len(), 4);
    assert_eq!(facts.seals[1].name.en, "Example Internet Court");
    assert_eq!(facts.exists_since.as_deref(), Some("2027-01-15T08:00:01.500Z"));
    assert_eq!(facts.checkpoint_time.as_deref(), Some("2027-01-15T08:00:00.250Z"));
    assert_eq!(facts.phase, Some(2));
    assert_eq!(facts.issuer, Some(fixture.account.id.to_string()));
}

#[test]
fn the_checks_come_in_the_order_of_their_codes() {
    let fixture = Fixture::new();
    let verdict = ask(&fixture, &fixture.certificate(&fixture.batch(3, 9)));
    let mut codes: Vec<_> = verdict.checks.iter().map(|check| check.code).collect();
    codes.dedup();
    assert_eq!(codes, code::ALL);
}

#[test]
fn equal_questions_get_equal_answers_and_every_sentence_is_whole() {
    let fixture = Fixture::new();
    for plan in [Plan::default(), fixture.batch(0, 1), Plan { sealers: vec![2], ..Plan::default() }] {
        let question = Question::of(&fixture.certificate(&plan), &fixture);
        let verdict = question.ask();
        assert_eq!(verdict.to_json(), question.ask().to_json());
        for check in &verdict.checks {
            for lang in [Lang::Zh, Lang::En] {
                let sentence = check.sentence(lang);
                assert!(
                    !sentence.contains(['{', '}', '?']) && sentence.len() > 10,
                    "{}: {sentence}",
                    check.code
                );
            }
        }
    }
}

#[test]
fn another_file_is_not_the_original() {
    let fixture = Fixture::new();
    let mut question = Question::of(&fixture.certificate(&Plan::default()), &fixture);
    question.exhibit = exhibit(b"another file");
    check_only(&question.ask(), Outcome::Invalid, code::ORIGINAL, "digest-differs", &[]);
    let wrong_length = Exhibit::Digests { size: Some(1), digests: vec![DigestAlg::Sha256.digest(ORIGINAL)] };
    question.exhibit = wrong_length;
    check_only(&question.ask(), Outcome::Invalid, code::ORIGINAL, "size-differs", &[]);
    question.exhibit = Exhibit::Digests { size: None, digests: Vec::new() };
    check_only(&question.ask(), Outcome::Unknown, code::ORIGINAL, "no-common-algorithm", &[]);
}

#[test]
fn without_the_original_the_verdict_is_valid_only_for_the_record_and_only_when_so_asked() {
    let fixture = Fixture::new();
    let mut question = Question::of(&fixture.certificate(&Plan::default()), &fixture);
    question.exhibit = Exhibit::None;
    check_only(&question.ask(), Outcome::Unknown, code::ORIGINAL, "not-presented", &[]);
    question.record_only = true;
    let verdict = question.ask();
    assert_eq!((verdict.outcome, verdict.proves), (Outcome::Valid, PROVES_RECORD));
    assert_eq!(find(&verdict, code::ORIGINAL).reason, "left-out");
}

#[test]
fn an_unknown_alliance_is_never_valid() {
    let fixture = Fixture::new();
    let mut question = Question::of(&fixture.certificate(&Plan::default()), &fixture);
    question.anchors[0].ledger = LedgerId([1; 32]);
    check_only(&question.ask(), Outcome::Unknown, code::LEDGER, "unknown-ledger", &[]);
    question.anchors.clear();
    question.exhibit = Exhibit::None;
    question.record_only = true;
    check_only(&question.ask(), Outcome::Unknown, code::LEDGER, "unknown-ledger", &[]);
}

#[test]
fn bytes_that_are_no_certificate_fail_one_check_and_leave_the_rest_open() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&Plan::default()).encode();
    let longer = [good.as_slice(), &[0]].concat();
    let long = [&good[..3], &[0; 4 << 20]].concat();
    let rows: [(&[u8], &str); 6] = [
        (b"%PDF-1.7", "not-a-certificate"),
        (b"", "not-a-certificate"),
        (&good[..good.len() - 1], "malformed"),
        (&longer, "not-canonical"),
        (&[0; (4 << 20) + 1], "not-a-certificate"),
        (&long, "too-long"),
    ];
    for (bytes, reason) in rows {
        let mut question = Question::of(&fixture.certificate(&Plan::default()), &fixture);
        question.certificate = bytes.to_vec();
        let verdict = question.ask();
        assert_eq!(verdict.outcome, Outcome::Invalid);
        assert_eq!(find(&verdict, code::CERTIFICATE).reason, reason);
        assert!(verdict.checks[1..].iter().all(|check| check.reason == "not-evaluated"));
        assert_eq!(verdict.facts, xiezhi_verify::Facts::default());
    }
    let mut certificate = fixture.certificate(&Plan::default());
    certificate.version = 4;
    assert_eq!(find(&ask(&fixture, &certificate), code::CERTIFICATE).reason, "version");
}

#[test]
fn a_manifest_can_keep_fields_closed() {
    let fixture = Fixture::new();
    let disclosed = |keep: &[&str]| {
        let plan = Plan { manifest: Some(manifest(ORIGINAL).disclose(keep)), ..Plan::default() };
        ask(&fixture, &fixture.certificate(&plan))
    };
    let verdict = disclosed(&[names::DIGEST_SM3]);
    assert_eq!(verdict.outcome, Outcome::Valid);
    let check = find(&verdict, code::MANIFEST);
    assert_eq!((check.param("open"), check.param("closed")), (Some("1"), Some("7")));
    assert_eq!(find(&verdict, code::ORIGINAL).param("algorithms"), Some("sm3"));
    // With every digest closed the statement's own digests are compared.
    assert_eq!(disclosed(&[names::TITLE]).outcome, Outcome::Valid);
}

#[test]
fn without_a_manifest_the_original_is_compared_with_the_statement() {
    let fixture = Fixture::new();
    let plan = Plan { manifest: None, ..Plan::default() };
    let verdict = ask(&fixture, &fixture.certificate(&plan));
    assert_eq!(verdict.outcome, Outcome::Valid);
    assert_eq!(find(&verdict, code::MANIFEST).reason, "absent");
    let body = xiezhi_evidence::DepositBody { manifest_root: [1; 32], digests: Vec::new(), phase: None };
    let statement = fixture.draft(Body::Deposit(body)).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), ..plan };
    check_plan(&plan, Outcome::Unknown, code::ORIGINAL, "no-digest", &[]);
}

#[test]
fn another_manifest_or_a_contradicting_one_fails() {
    let fixture = Fixture::new();
    let plan = Plan { manifest: Some(manifest(b"other").disclose(&[names::TITLE])), ..Plan::default() };
    check_plan(&plan, Outcome::Invalid, code::MANIFEST, "root-differs", &[]);
    let body = deposit(&manifest(ORIGINAL), b"other");
    let statement = fixture.draft(body).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), ..Plan::default() };
    check_plan(&plan, Outcome::Invalid, code::MANIFEST, "digest-contradicts", &[]);
}

#[test]
fn a_batch_item_has_its_own_certificate() {
    let fixture = Fixture::new();
    for (index, count) in [(0, 1), (0, 2), (6, 7), (100, 300)] {
        let plan = fixture.batch(index, count);
        let verdict = ask(&fixture, &fixture.certificate(&plan));
        assert_eq!(verdict.outcome, Outcome::Valid, "{index} of {count}");
        assert_eq!(verdict.facts.item, Some(index));
        let without = Plan { manifest: None, ..plan };
        assert_eq!(ask(&fixture, &fixture.certificate(&without)).outcome, Outcome::Valid);
    }
}

#[test]
fn a_wrong_place_in_the_batch_fails() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&fixture.batch(2, 5));
    let change = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = good.clone();
        change(&mut certificate);
        ask(&fixture, &certificate)
    };
    let place = code::BATCH_PLACE;
    let verdict = change(&|c| c.batch.as_mut().unwrap().index = 5);
    check_only(&verdict, Outcome::Invalid, place, "index-outside", &[]);
    let verdict = change(&|c| c.batch.as_mut().unwrap().index = 3);
    check_only(&verdict, Outcome::Invalid, place, "wrong-path", &[]);
    let verdict = change(&|c| c.batch.as_mut().unwrap().item.push(0));
    check_only(&verdict, Outcome::Invalid, place, "item-malformed", &[code::ORIGINAL, code::MANIFEST]);
    let verdict = change(&|c| c.batch = None);
    assert_eq!(find(&verdict, code::ORIGINAL).reason, "whole-batch");
    assert_eq!(find(&verdict, place).reason, "whole-batch");
    let mut single = fixture.certificate(&Plan::default());
    single.batch = good.batch.clone();
    check_only(&ask(&fixture, &single), Outcome::Invalid, place, "not-a-batch", &[]);
}

#[test]
fn the_whole_batch_can_be_verified_as_a_record() {
    let fixture = Fixture::new();
    let plan = Plan { manifest: None, ..fixture.batch(2, 5) };
    let mut certificate = fixture.certificate(&plan);
    certificate.batch = None;
    let mut question = Question::of(&certificate, &fixture);
    question.exhibit = Exhibit::None;
    question.record_only = true;
    assert_eq!(question.ask().outcome, Outcome::Valid);
}

#[test]
fn a_weighted_account_needs_its_threshold() {
    let fixture = Fixture::new();
    let keys: Vec<_> =
        SignatureAlg::FOUNDING.into_iter().zip(0x61..).map(|(alg, seed)| signing_key(alg, seed)).collect();
    let weighted = [(&keys[0], 2), (&keys[1], 2), (&keys[2], 3)];
    let judged = |need, signers: &[_]| {
        let plan = fixture.weighted(&weighted, need, signers);
        ask(&fixture, &fixture.certificate(&plan))
    };
    assert_eq!(judged(5, &[&keys[1], &keys[2]]).outcome, Outcome::Valid);
    assert_eq!(judged(7, &[&keys[2], &keys[1], &keys[0]]).outcome, Outcome::Valid);
    let signatures = code::STATEMENT_SIGNATURES;
    check_only(&judged(5, &[&keys[0], &keys[1]]), Outcome::Invalid, signatures, "threshold", &[]);
    check_only(&judged(3, &[&keys[0], &keys[0]]), Outcome::Invalid, signatures, "repeated-key", &[]);
    check_only(&judged(2, &[&keys[0], &fixture.key]), Outcome::Invalid, signatures, "unknown-key", &[]);
}

#[test]
fn only_the_account_proven_at_that_time_can_have_signed() {
    let fixture = Fixture::new();
    let signatures = code::STATEMENT_SIGNATURES;
    let of = |change: &dyn Fn(&mut Account)| {
        let mut account = fixture.account.clone();
        change(&mut account);
        Plan { account: Some(account), ..Plan::default() }
    };
    let frozen = of(&|a| a.status = AccountStatus::Frozen);
    check_plan(&frozen, Outcome::Invalid, signatures, "account-status", &[]);
    let later = of(&|a| a.created = Height(43));
    check_plan(&later, Outcome::Invalid, signatures, "created-later", &[]);
    let other = of(&|a| a.id.0[0] ^= 1);
    check_plan(&other, Outcome::Invalid, signatures, "other-account", &[]);
    let rotated = of(&|a| a.keys[0].key = signing_key(SignatureAlg::Ed25519, 1).public_key());
    check_plan(&rotated, Outcome::Invalid, signatures, "unknown-key", &[]);
    // The account is as it should be, but not what the state holds.
    let mut certificate = fixture.certificate(&frozen);
    certificate.account.account.status = AccountStatus::Normal;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, signatures, "account-proof", &[]);
}

#[test]
fn a_suite_that_the_genesis_leaves_out_does_not_count() {
    let mut fixture = Fixture::new();
    fixture.genesis.suites = vec![-8];
    fixture.ledger = xiezhi_evidence::Genesis::ledger_id(&fixture.genesis.encode());
    let key = signing_key(SignatureAlg::Es256, 0x61);
    let plan = fixture.weighted(&[(&key, 1)], 1, &[&key]);
    let verdict = ask(&fixture, &fixture.certificate(&plan));
    check_only(&verdict, Outcome::Invalid, code::STATEMENT_SIGNATURES, "suite", &[]);
}

#[test]
fn an_accounts_creation_is_a_record_of_its_own() {
    let fixture = Fixture::new();
    let spec = AccountSpec::single([7; 16], fixture.key.public_key());
    let statement = fixture.draft(Body::Account(spec)).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), manifest: None, ..Plan::default() };
    let mut question = Question::of(&fixture.certificate(&plan), &fixture);
    check_only(&question.ask(), Outcome::Unknown, code::ORIGINAL, "account-record", &[]);
    question.exhibit = Exhibit::None;
    assert_eq!(question.ask().outcome, Outcome::Valid);
}

#[test]
fn a_statement_for_another_ledger_is_worth_nothing_here() {
    let fixture = Fixture::new();
    let draft =
        StatementDraft { ledger: LedgerId([3; 32]), ..fixture.draft(deposit(&manifest(ORIGINAL), ORIGINAL)) };
    let plan = Plan { statement: Some(draft.sign(&[&fixture.key]).unwrap()), ..Plan::default() };
    check_plan(&plan, Outcome::Invalid, code::STATEMENT_LEDGER, "other-ledger", &[]);
}

#[test]
fn a_record_that_is_not_in_the_log_fails_under_both_trees() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&Plan::default());
    let mut certificate = good.clone();
    certificate.index = LogIndex(5);
    let verdict = ask(&fixture, &certificate);
    check_only(&verdict, Outcome::Invalid, code::INCLUSION_SHA256, "wrong-root", &[code::INCLUSION_SM3]);
    certificate.index = LogIndex(11);
    let verdict = ask(&fixture, &certificate);
    check_only(&verdict, Outcome::Invalid, code::INCLUSION_SM3, "index-outside", &[code::INCLUSION_SHA256]);
    let mut certificate = good.clone();
    certificate.path_sm3[1][0] ^= 1;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::INCLUSION_SM3, "wrong-root", &[]);
    let mut certificate = good;
    certificate.path_sha256.pop();
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::INCLUSION_SHA256, "path-length", &[]);
}

#[test]
fn a_log_of_one_record_is_enough() {
    let fixture = Fixture::new();
    let plan = Plan { before: 0, after: 0, ..Plan::default() };
    assert_eq!(ask(&fixture, &fixture.certificate(&plan)).outcome, Outcome::Valid);
}

fn known(fixture: &Fixture, plan: &Plan, size: u64) -> KnownCheckpoint {
    let log = fixture.log(&fixture.statement(), plan);
    let mut checkpoint = fixture.certificate(plan).checkpoint;
    checkpoint.size.0 = size;
    checkpoint.height.0 = size;
    checkpoint.time.0 = checkpoint.time.0 - 1_000 + size;
    checkpoint.root_sha256 = root::<Sha256>(&log[..size as usize]);
    checkpoint.root_sm3 = root::<Sm3>(&log[..size as usize]);
    // The log of 11 continues that of 8: the root of eight is a node, so the path is the sibling alone.
    let rest = &log[size as usize..];
    KnownCheckpoint { sha256: vec![root::<Sha256>(rest)], sm3: vec![root::<Sm3>(rest)], checkpoint }
}

fn root<H: TreeHash>(log: &[Vec<u8>]) -> [u8; 32] {
    let mut frontier = Frontier::<H>::new();
    frontier.append_all(log.iter().map(|entry| H::leaf(entry)));
    frontier.root()
}

#[test]
fn a_checkpoint_already_known_must_agree() {
    let fixture = Fixture::new();
    let plan = Plan::default();
    let certificate = fixture.certificate(&plan);
    let ask = |known: KnownCheckpoint| {
        let mut question = Question::of(&certificate, &fixture);
        question.known = vec![known];
        question.ask()
    };
    let good = known(&fixture, &plan, 8);
    let same = KnownCheckpoint { checkpoint: certificate.checkpoint.clone(), sha256: vec![], sm3: vec![] };
    for agreeing in [good.clone(), same.clone()] {
        let verdict = ask(agreeing);
        assert_eq!(verdict.outcome, Outcome::Valid);
        assert_eq!(find(&verdict, code::CONSISTENCY).reason, "");
    }
    let changed = |change: &dyn Fn(&mut KnownCheckpoint)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let rows: [(KnownCheckpoint, Outcome, &str); 6] = [
        (changed(&|k| k.sm3[0][0] ^= 1), Outcome::Invalid, "wrong-proof"),
        (changed(&|k| k.checkpoint.root_sm3[0] ^= 1), Outcome::Invalid, "wrong-proof"),
        (changed(&|k| k.checkpoint.height.0 = 43), Outcome::Invalid, "fork"),
        (changed(&|k| (k.sha256.clear(), k.sm3.clear()).0), Outcome::Valid, "no-proof"),
        (changed(&|k| k.checkpoint.ledger.0[0] ^= 1), Outcome::Valid, "other-ledger"),
        (
            {
                let mut forked = same;
                forked.checkpoint.state_root[0] ^= 1;
                forked
            },
            Outcome::Invalid,
            "fork",
        ),
    ];
    for (known, outcome, reason) in rows {
        let verdict = ask(known);
        assert_eq!(find(&verdict, code::CONSISTENCY).reason, reason);
        assert_eq!(verdict.outcome, outcome, "{reason}");
    }
}

#[test]
fn a_general_statement_is_compared_by_its_payload() {
    let fixture = Fixture::new();
    let statement = fixture.general(b"a bill of materials, longer than twenty-three bytes");
    let plan = Plan { statement: Some(statement), manifest: None, ..Plan::default() };
    let mut question = Question::of(&fixture.certificate(&plan), &fixture);
    question.exhibit = exhibit(b"a bill of materials, longer than twenty-three bytes");
    let verdict = question.ask();
    assert_eq!(find(&verdict, code::STATEMENT_LEDGER).reason, "unbound");
    assert_eq!(verdict.outcome, Outcome::Valid);
    question.exhibit = exhibit(b"another");
    check_only(&question.ask(), Outcome::Invalid, code::ORIGINAL, "digest-differs", &[]);
}

#[test]
fn the_json_forms_name_what_people_look_for() {
    let fixture = Fixture::new();
    let certificate = fixture.certificate(&fixture.batch(1, 3));
    let view = xiezhi_verify::certificate_json(&certificate).to_string();
    for name in
        ["Example Internet Court", "租赁合同", "record_number", "items_root", &fixture.ledger.to_string()]
    {
        assert!(view.contains(name), "{name}");
    }
    let mut broken = certificate;
    broken.genesis.clear();
    broken.statement.clear();
    assert!(xiezhi_verify::certificate_json(&broken).to_string().contains("unreadable"));
    assert!(xiezhi_verify::receipts(&broken).is_empty());
}

#[test]
fn a_manifest_without_an_own_digest_says_nothing_of_the_original() {
    let fixture = Fixture::new();
    let part = (String::from("digest.page-1"), Value::Digest(DigestAlg::Sha256.digest(ORIGINAL)));
    let manifest = Manifest::new([part], || [1; 16]).unwrap();
    let body =
        xiezhi_evidence::DepositBody { manifest_root: manifest.root(), digests: Vec::new(), phase: None };
    let statement = fixture.draft(Body::Deposit(body)).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), manifest: Some(manifest), ..Plan::default() };
    check_plan(&plan, Outcome::Unknown, code::ORIGINAL, "no-digest", &[]);
}
