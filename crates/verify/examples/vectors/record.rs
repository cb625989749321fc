//! The file and the record in it, wrong in one way each; and good records of other kinds.

use xiezhi_crypto::{Digest, DigestAlg, PublicKey, SignatureAlg, SigningKey};
use xiezhi_evidence::{
    Account, AccountSpec, AccountStatus, Body, Certificate, DepositBody, Entry, Manifest, Statement, Value,
    manifest::names,
};
use xiezhi_types::{AccountId, Height, canonical, from_canonical};
use xiezhi_verify::{
    Exhibit,
    fixtures::{Fixture, ORIGINAL, Plan, deposit, exhibit, manifest, signing_key},
};

use super::{Vector, changed, replaced, vector};

const PAYLOAD: &[u8] = b"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}\n";

pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    let groups = [
        broken(fixture),
        ledgers(fixture),
        statements(fixture),
        originals(fixture),
        batches(fixture),
        accounts(fixture),
        signatures(fixture),
        inclusion(fixture),
    ];
    groups.into_iter().flatten().collect()
}

fn of(name: &'static str, about: &'static str, fixture: &Fixture, plan: &Plan) -> Vector {
    vector(name, about, fixture, &fixture.certificate(plan))
}

fn raw(name: &'static str, about: &'static str, fixture: &Fixture, certificate: Vec<u8>) -> Vector {
    Vector { certificate, ..of(name, about, fixture, &Plan::default()) }
}

fn broken(fixture: &Fixture) -> Vec<Vector> {
    let plan = Plan::default;
    let bytes = fixture.certificate(&plan()).encode();
    // d9d9f7, the map's head, key 1, version 1.
    let (start, head, rest) = (&bytes[..3], bytes[3], &bytes[4..]);
    let field = |name: &str| {
        let fields = [(name.to_owned(), Value::Number(0))];
        Manifest::new(fields, || [0; 16]).expect("a manifest").entries().to_vec()
    };
    let unsorted: Vec<Entry> = [field("b"), field("a")].concat();
    let unsorted: Manifest = from_canonical("a manifest", &canonical(&unsorted)).expect("a manifest");
    let key = fixture.key.public_key();
    let mut points = (0..=u8::MAX).map(|y| [[y].as_slice(), &[0; 31]].concat());
    let no_point = points.find(|y| PublicKey::new(SignatureAlg::Ed25519, y).is_err()).expect("half of all");
    vec![
        raw("broken-version", "version 4", fixture, [&bytes[..5], &[4], &bytes[6..]].concat()),
        raw(
            "broken-no-history",
            "version 2 without history",
            fixture,
            [&bytes[..5], &[2], &bytes[6..]].concat(),
        ),
        raw(
            "broken-later-version",
            "nothing but version 300",
            fixture,
            b"\xd9\xd9\xf7\xa1\x01\x19\x01\x2c".into(),
        ),
        raw(
            "broken-unlisted-key",
            "a key 16 in the deterministic encoding",
            fixture,
            [start, &[head + 1], rest, &[0x10, 0x00]].concat(),
        ),
        raw(
            "broken-key-twice",
            "the version twice",
            fixture,
            [start, &[head + 1, 0x01, 0x01], rest].concat(),
        ),
        raw(
            "broken-indefinite",
            "a map of indefinite length",
            fixture,
            [start, &[0xbf], rest, &[0xff]].concat(),
        ),
        changed("broken-unsorted-seals", "two seals change places", fixture, &plan(), |c| c.seals.swap(0, 1)),
        changed("broken-unsorted-fields", "open fields b, a", fixture, &plan(), |c| {
            c.manifest = Some(unsorted)
        }),
        raw(
            "broken-point",
            "the account's key is no point",
            fixture,
            replaced(&bytes, key.as_bytes(), &no_point),
        ),
        changed("broken-history", "a change since genesis", fixture, &plan(), |c| c.history.push(vec![0])),
    ]
}

fn ledgers(fixture: &Fixture) -> Vec<Vector> {
    let batch = fixture.batch(2, 5);
    vec![
        changed("bad-genesis", "a byte follows the genesis", fixture, &batch, |c| c.genesis.push(0)),
        changed("bad-genesis-bare", "so it does, and nobody sealed", fixture, &Plan::default(), |c| {
            c.genesis.push(0);
            c.seals.clear();
            c.timestamps.clear();
            c.revocations.clear();
        }),
    ]
}

fn statements(fixture: &Fixture) -> Vec<Vector> {
    let recorded = |name, about, leaf: Vec<u8>, manifest| {
        of(name, about, fixture, &Plan { leaf: Some(leaf), manifest, ..Plan::default() })
    };
    let shortened = fixture.statement().as_bytes()[..200].to_vec();
    let cut = |c: &mut Certificate| c.statement.truncate(200);
    let spec = AccountSpec::single([7; 16], fixture.key.public_key());
    let creation = fixture.draft(Body::Account(spec)).sign(&[&fixture.key]).expect("a statement");
    let (own, other) = (fixture.account.id.uri(), AccountId([1; 32]).uri());
    let elsewhere = replaced(creation.as_bytes(), own.as_bytes(), other.as_bytes());
    let general = fixture.general(PAYLOAD);
    let bytes = general.as_bytes();
    let stranger = replaced(bytes, own.as_bytes(), format!("https{}", &own[5..]).as_bytes());
    let payload = |vector: Vector| Vector { exhibit: exhibit(PAYLOAD), ..vector };
    let bare = Plan { statement: Some(general.clone()), manifest: None, ..Plan::default() };
    let with_manifest = Plan { manifest: Some(manifest(ORIGINAL)), ..bare.clone() };
    vec![
        recorded(
            "bad-statement",
            "the recorded statement is cut short",
            shortened.clone(),
            Some(manifest(ORIGINAL)),
        ),
        recorded("bad-statement-no-manifest", "the same without a manifest", shortened, None),
        changed(
            "bad-statement-in-batch",
            "a batch's statement is cut short",
            fixture,
            &fixture.batch(2, 5),
            cut,
        ),
        recorded("bad-account-issuer", "an account created in another's name", elsewhere, None),
        payload(of("good-general", "a general statement that names no ledger", fixture, &bare)),
        payload(of("bad-general-manifest", "a general statement with a manifest", fixture, &with_manifest)),
        of("bad-general-other", "another payload is presented", fixture, &bare),
        payload(recorded("bad-general-issuer", "a general statement of no account", stranger, None)),
        payload(recorded(
            "bad-general-long-form",
            "a general statement with its tag in two bytes",
            [&[0xd8, 0x12], &bytes[1..]].concat(),
            None,
        )),
    ]
}

/// A deposit of a manifest of which only `keep` is shown, with `digests` made searchable.
fn shown(fixture: &Fixture, keep: &[&str], digests: Vec<Digest>) -> Plan {
    let manifest_root = manifest(ORIGINAL).root();
    let body = Body::Deposit(DepositBody { manifest_root, digests, phase: None });
    Plan {
        statement: Some(fixture.draft(body).sign(&[&fixture.key]).expect("a statement")),
        manifest: Some(manifest(ORIGINAL).disclose(keep)),
        ..Plan::default()
    }
}

fn originals(fixture: &Fixture) -> Vec<Vector> {
    let length = ORIGINAL.len() as u64;
    let presented = |size, algs: &[DigestAlg]| Exhibit::Digests {
        size: Some(size),
        digests: algs.iter().map(|alg| alg.digest(ORIGINAL)).collect(),
    };
    let ask = |name, about, plan: &Plan, exhibit| Vector { exhibit, ..of(name, about, fixture, plan) };
    let (sha256, sm3) = (DigestAlg::Sha256, DigestAlg::Sm3);
    let size_only = shown(fixture, &[names::SIZE], vec![]);
    let sm3_only = shown(fixture, &[names::SIZE, names::DIGEST_SM3], vec![]);
    let mut swapped =
        manifest(ORIGINAL).fields().map(|f| (f.name.clone(), f.value.clone())).collect::<Vec<_>>();
    swapped.retain(|(name, _)| name == names::DIGEST_SHA256);
    swapped[0].0 = names::DIGEST_SM3.to_owned();
    let swapped = Manifest::new(swapped, || [1; 16]).expect("a manifest");
    let under_other_name = Plan {
        statement: Some(
            fixture.draft(deposit(&swapped, ORIGINAL)).sign(&[&fixture.key]).expect("a statement"),
        ),
        manifest: Some(swapped),
        ..Plan::default()
    };
    vec![
        ask(
            "ask-other-size",
            "the digests, but another size",
            &Plan::default(),
            presented(1, &[sha256, sm3]),
        ),
        ask("ask-size-alone", "only a size is shown, and it differs", &size_only, presented(1, &[sha256])),
        ask("ask-no-digest", "only a size is shown", &size_only, presented(length, &[sha256, sm3])),
        ask(
            "ask-other-algorithm",
            "SM3 is recorded, SHA-256 presented",
            &sm3_only,
            presented(length, &[sha256]),
        ),
        ask(
            "ask-one-algorithm",
            "SM3 is recorded, both presented",
            &sm3_only,
            presented(length, &[sha256, sm3]),
        ),
        ask("ask-no-digests", "a size is presented, no digest", &Plan::default(), presented(length, &[])),
        ask(
            "ask-misnamed-digest",
            "a field of SM3 holds SHA-256: the statement's digest counts",
            &under_other_name,
            presented(length, &[sha256]),
        ),
    ]
}

fn batches(fixture: &Fixture) -> Vec<Vector> {
    let batch = |index, count| fixture.certificate(&fixture.batch(index, count));
    let place = batch(2, 5).batch;
    let change = |name, about, change: &dyn Fn(&mut Certificate)| {
        changed(name, about, fixture, &fixture.batch(2, 5), change)
    };
    let bare = |c: &mut Certificate| (c.batch, c.manifest) = (None, None);
    let whole = change("good-whole-batch", "a whole batch, the record alone", &bare);
    vec![
        Vector { exhibit: Exhibit::None, record_only: true, ..whole },
        change("ask-whole-batch", "an original beside a whole batch", &bare),
        Vector {
            exhibit: Exhibit::None,
            ..change("ask-whole-batch-bare", "a whole batch, no original, not so meant", &bare)
        },
        change("bad-whole-batch-manifest", "a manifest beside a whole batch", &|c| c.batch = None),
        changed("bad-not-a-batch", "a place in a batch that is none", fixture, &Plan::default(), |c| {
            c.batch = place
        }),
        change("bad-item", "a byte follows the item", &|c| c.batch.as_mut().expect("a batch").item.push(0)),
        Vector {
            exhibit: Exhibit::None,
            record_only: true,
            ..change("bad-item-record", "the same, the record alone", &|c| {
                c.batch.as_mut().expect("a batch").item.push(0);
            })
        },
        change("bad-item-index", "item 5 of 5", &|c| c.batch.as_mut().expect("a batch").index = 5),
        change("bad-item-path", "the item's path is short", &|c| {
            c.batch.as_mut().expect("a batch").path.pop();
        }),
    ]
}

fn accounts(fixture: &Fixture) -> Vec<Vector> {
    let with = |name, about, change: &dyn Fn(&mut Account)| {
        let mut account = fixture.account.clone();
        change(&mut account);
        of(name, about, fixture, &Plan { account: Some(account), ..Plan::default() })
    };
    let spec = AccountSpec::single([7; 16], fixture.key.public_key());
    let creation = fixture.draft(Body::Account(spec)).sign(&[&fixture.key]).expect("a statement");
    let creation = Plan { statement: Some(creation), ..Plan::default() };
    let bare = Plan { manifest: None, ..creation.clone() };
    vec![
        with("bad-other-account", "another account is proven", &|a| a.id.0[0] ^= 1),
        with("bad-created-later", "created above the checkpoint", &|a| a.created = Height(43)),
        with("bad-recovering", "the account was recovering", &|a| a.status = AccountStatus::Recovering),
        with("bad-replaced-key", "the key was replaced before", &|a| {
            a.keys[0].key = signing_key(SignatureAlg::Ed25519, 1).public_key();
        }),
        of("ask-account-original", "an original beside an account's creation", fixture, &bare),
        of("bad-account-manifest", "an account's creation with a manifest", fixture, &creation),
    ]
}

fn signatures(fixture: &Fixture) -> Vec<Vector> {
    let key = |alg, seed| signing_key(alg, seed);
    let (sm2, es256) = (key(SignatureAlg::Sm2, 0x61), key(SignatureAlg::Es256, 0x62));
    let one = |key: &SigningKey| fixture.weighted(&[(key, 1)], 1, &[key]);
    let two = |signers: &[&SigningKey]| fixture.weighted(&[(&fixture.key, 1), (&es256, 1)], 1, signers);
    let spoilt = |name, about, plan: Plan| {
        let statement = plan.statement.as_ref().map(Statement::as_bytes).expect("a statement");
        let leaf = [&statement[..statement.len() - 1], &[statement[statement.len() - 1] ^ 1]].concat();
        of(name, about, fixture, &Plan { leaf: Some(leaf), ..plan })
    };
    let mut countersigned = two(&[&fixture.key, &es256]);
    let statement = countersigned.statement.as_ref().expect("a statement");
    let second = statement.signatures()[1].bytes.clone();
    let mut other = second.clone();
    other[40] ^= 1;
    countersigned.leaf = Some(replaced(statement.as_bytes(), &second, &other));
    let narrow = Fixture::new().with_genesis(|genesis| genesis.suites = vec![-8]);
    vec![
        of("good-sm2", "signed with SM2", fixture, &one(&sm2)),
        spoilt("bad-sm2", "the last byte of an SM2 signature", one(&sm2)),
        of("good-es256", "signed with ECDSA", fixture, &one(&es256)),
        spoilt("bad-es256", "the last byte of an ECDSA signature", one(&es256)),
        of("bad-countersignature", "a further signer's signature", fixture, &countersigned),
        of("bad-repeated-key", "one key signs twice", fixture, &two(&[&fixture.key, &fixture.key])),
        of("bad-unknown-key", "a key of nobody signs too", fixture, &two(&[&fixture.key, &sm2])),
        of(
            "bad-suite",
            "the ledger knows Ed25519 only",
            &narrow,
            &narrow.weighted(&[(&es256, 1)], 1, &[&es256]),
        ),
    ]
}

fn inclusion(fixture: &Fixture) -> Vec<Vector> {
    let change = |name, about, change: &dyn Fn(&mut Certificate)| {
        changed(name, about, fixture, &Plan::default(), change)
    };
    vec![
        change("bad-index-outside", "record 11 of 11", &|c| c.index.0 = 11),
        change("bad-short-paths", "both paths lack a step", &|c| {
            c.path_sha256.pop();
            c.path_sm3.pop();
        }),
        change("bad-long-paths", "both paths have a step too many", &|c| {
            c.path_sha256.push([0; 32]);
            c.path_sm3.push([0; 32]);
        }),
    ]
}
