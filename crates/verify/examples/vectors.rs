//! Makes the vectors in testdata/certificates: certificates good and bad, and what a verifier must say of them.
//!
//! `cargo run -p xiezhi-verify --example vectors --features fixtures`

#[path = "vectors/accounts.rs"]
mod accounts;
#[path = "vectors/delegations.rs"]
mod delegations;
#[path = "vectors/governance.rs"]
mod governance;
#[path = "vectors/history.rs"]
mod history;
#[path = "vectors/keys.rs"]
mod keys;
#[path = "vectors/proofs.rs"]
mod proofs;
#[path = "vectors/record.rs"]
mod record;
#[path = "vectors/seals.rs"]
mod seals;
#[path = "vectors/stamps.rs"]
mod stamps;

use serde::Serialize;
use serde_json::Value as Json;
use xiezhi_crypto::{Digest, SignatureAlg};
use xiezhi_evidence::{AccountSpec, AccountStatus, Body, Certificate, LocalName, manifest::names};
use xiezhi_merkle::Hash;
use xiezhi_pki::RevocationReason;
use xiezhi_types::{LedgerId, TimestampMs, canonical, from_canonical};
use xiezhi_verify::{
    Anchor, Exhibit, Input, KnownCheckpoint,
    fixtures::{
        DECLARED, Fixture, ORIGINAL, Plan, SEALED_S, deposit, exhibit, manifest, revocation, signing_key,
    },
    verify, verify_account,
};

#[allow(dead_code, reason = "the tests include this file for its functions")]
fn main() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    for (name, bytes) in vectors() {
        std::fs::write(folder.join(name), bytes).expect("the folder is there and can be written to");
    }
}

struct Vector {
    name: &'static str,
    about: &'static str,
    certificate: Vec<u8>,
    anchor: LedgerId,
    exhibit: Exhibit,
    record_only: bool,
    declared: TimestampMs,
    known: Vec<KnownCheckpoint>,
    /// The file proves an account, and is no certificate.
    is_account: bool,
}

/// vectors.json. Structs, because their fields keep their order whatever the features of the JSON library.
#[derive(Serialize)]
struct Index {
    format: &'static str,
    vectors: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    about: &'static str,
    certificate: String,
    anchor: String,
    exhibit: Option<Presented>,
    record_only: bool,
    declared_time: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known: Vec<Known>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    account: bool,
    outcome: String,
    verdict: String,
}

#[derive(Serialize)]
struct Presented {
    size: Option<String>,
    digests: Vec<String>,
}

/// A checkpoint known: its CBOR, and consistency paths; all in hexadecimal.
#[derive(Serialize)]
struct Known {
    checkpoint: String,
    sha256: Vec<String>,
    sm3: Vec<String>,
}

fn hashes(list: &Json) -> Vec<Hash> {
    let hash = |text: &Json| {
        let mut hash = [0; 32];
        hex::decode_to_slice(text.as_str()?, &mut hash).ok().map(|()| hash)
    };
    list.as_array().into_iter().flatten().map(|text| hash(text).expect("a hash")).collect()
}

fn known_checkpoint(known: &Json) -> KnownCheckpoint {
    let checkpoint = hex::decode(known["checkpoint"].as_str().expect("a checkpoint")).expect("hexadecimal");
    KnownCheckpoint {
        checkpoint: from_canonical("a checkpoint", &checkpoint).expect("a checkpoint"),
        sha256: hashes(&known["sha256"]),
        sm3: hashes(&known["sm3"]),
    }
}

/// Judges `certificate` as the entry `vector` of vectors.json asks.
pub(crate) fn judge(certificate: &[u8], vector: &Json) -> String {
    let text = |name: &str| vector[name].as_str();
    let anchor = text("anchor").expect("an anchor").parse().expect("a ledger id");
    let name =
        LocalName { zh: "獬豸示例司法链".to_owned(), en: "Xiezhi Example Judicial Chain".to_owned() };
    let exhibit = match vector["exhibit"].as_object() {
        None => Exhibit::None,
        Some(exhibit) => Exhibit::Digests {
            size: exhibit["size"].as_str().and_then(|size| size.parse().ok()),
            digests: exhibit["digests"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|digest| digest.as_str()?.parse::<Digest>().ok())
                .collect(),
        },
    };
    let known: Vec<_> = vector["known"].as_array().into_iter().flatten().map(known_checkpoint).collect();
    let anchors = [Anchor { ledger: anchor, name }];
    let declared_time =
        TimestampMs(text("declared_time").and_then(|ms| ms.parse().ok()).expect("milliseconds"));
    if vector["account"] == true {
        return verify_account(certificate, &anchors, declared_time).0.to_json();
    }
    let verdict = verify(&Input {
        certificate,
        anchors: &anchors,
        exhibit: &exhibit,
        record_only: vector["record_only"] == true,
        declared_time,
        known_checkpoints: &known,
    });
    verdict.to_json()
}

/// Every file of the folder with its bytes: certificates, the original, the index.
pub(crate) fn vectors() -> Vec<(String, Vec<u8>)> {
    let fixture = Fixture::new();
    let mut files = vec![("original.txt".to_owned(), ORIGINAL.to_vec())];
    let mut index = Vec::new();
    let first = [good(&fixture), asked(&fixture), planned(&fixture), altered(&fixture)];
    let then = [record::all(&fixture), seals::all(&fixture), stamps::all(&fixture), keys::all(&fixture)];
    let then = then.into_iter().chain([
        accounts::all(&fixture),
        delegations::all(&fixture),
        governance::all(&fixture),
        history::all(),
        history::suites(),
        post_quantum(),
        proofs::all(&fixture),
    ]);
    for vector in first.into_iter().chain(then).flatten() {
        let file = format!("{}.{}", vector.name, if vector.is_account { "xza" } else { "xzc" });
        let exhibit = match &vector.exhibit {
            Exhibit::None => None,
            Exhibit::Digests { size, digests } => Some(Presented {
                size: size.map(|size| size.to_string()),
                digests: digests.iter().map(ToString::to_string).collect(),
            }),
        };
        let mut entry = Entry {
            name: vector.name,
            about: vector.about,
            certificate: file.clone(),
            anchor: vector.anchor.to_string(),
            exhibit,
            record_only: vector.record_only,
            declared_time: vector.declared.to_string(),
            known: vector.known.iter().map(known_entry).collect(),
            account: vector.is_account,
            outcome: String::new(),
            verdict: String::new(),
        };
        entry.verdict = judge(&vector.certificate, &serde_json::to_value(&entry).expect("strings"));
        let read: Json = serde_json::from_str(&entry.verdict).expect("the verdict is JSON");
        entry.outcome = read["outcome"].as_str().expect("an outcome").to_owned();
        index.push(entry);
        files.push((file, vector.certificate));
    }
    let index = Index { format: "xiezhi-vectors/1", vectors: index };
    let mut text = serde_json::to_string_pretty(&index).expect("strings");
    text.push('\n');
    files.push(("vectors.json".to_owned(), text.into_bytes()));
    files
}

fn known_entry(known: &KnownCheckpoint) -> Known {
    let texts = |path: &[Hash]| path.iter().map(hex::encode).collect();
    Known {
        checkpoint: hex::encode(canonical(&known.checkpoint)),
        sha256: texts(&known.sha256),
        sm3: texts(&known.sm3),
    }
}

fn vector(name: &'static str, about: &'static str, fixture: &Fixture, certificate: &Certificate) -> Vector {
    Vector {
        name,
        about,
        certificate: certificate.encode(),
        anchor: fixture.ledger,
        exhibit: exhibit(ORIGINAL),
        record_only: false,
        declared: DECLARED,
        known: Vec::new(),
        is_account: false,
    }
}

/// The certificate of `plan`, changed afterwards.
fn changed(
    name: &'static str,
    about: &'static str,
    fixture: &Fixture,
    plan: &Plan,
    change: impl FnOnce(&mut Certificate),
) -> Vector {
    let mut certificate = fixture.certificate(plan);
    change(&mut certificate);
    vector(name, about, fixture, &certificate)
}

/// `bytes` with every `from` replaced by `to`, of the same length; there is at least one.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from));
    let count = places.map(|at| changed[at..at + to.len()].copy_from_slice(to)).count();
    assert!(count > 0 && from.len() == to.len(), "what is replaced is there");
    changed
}

fn good(fixture: &Fixture) -> Vec<Vector> {
    let keys: Vec<_> =
        SignatureAlg::FOUNDING.into_iter().zip(0x61..).map(|(alg, seed)| signing_key(alg, seed)).collect();
    let weighted = [(&keys[0], 2), (&keys[1], 2), (&keys[2], 3)];
    let signers = [&keys[2], &keys[1], &keys[0]];
    let of = |name, about, plan: &Plan| vector(name, about, fixture, &fixture.certificate(plan));
    let plan = Plan::default;
    let shown = manifest(ORIGINAL).disclose(&[names::DIGEST_SM3, names::SIZE]);
    let closed = manifest(ORIGINAL).disclose(&[]);
    vec![
        of("good", "four seals, one time stamp, whole manifest", &plan()),
        of(
            "good-three-seals",
            "the quorum with court and notary",
            &Plan { sealers: vec![0, 1, 3], ..plan() },
        ),
        of("good-two-stamps", "two time-stamp authorities", &Plan { stampers: vec![0, 1], ..plan() }),
        of("good-one-record", "a log of one record", &Plan { before: 0, after: 0, ..plan() }),
        of("good-disclosed", "six of eight fields closed", &Plan { manifest: Some(shown), ..plan() }),
        of("good-all-closed", "every field closed", &Plan { manifest: Some(closed), ..plan() }),
        of("good-no-manifest", "no manifest", &Plan { manifest: None, ..plan() }),
        of("good-batch-item", "item 2 of 5", &fixture.batch(2, 5)),
        of("good-batch-of-one", "the only item", &fixture.batch(0, 1)),
        of("good-weighted", "three suites sign together", &fixture.weighted(&weighted, 7, &signers)),
    ]
}

/// A suite with other lengths, on a ledger that allows it and on one that does not.
fn post_quantum() -> Vec<Vector> {
    let fixture = &Fixture::new().with_genesis(|genesis| genesis.suites = vec![-7, -8, -49, -65_601]);
    let (new, plain) = (&signing_key(SignatureAlg::MlDsa65, 0x65), &signing_key(SignatureAlg::Ed25519, 0x66));
    let weighted = [(plain, 1), (new, 1)];
    let signers: [&[_]; 2] = [&[plain, new], &[new, plain]];
    let [plain_first, new_first] = signers.map(|signers| fixture.weighted(&weighted, 2, signers));
    let alone = fixture.weighted(&[(new, 1)], 1, &[new]);
    let of = |name, about, plan: &Plan| vector(name, about, fixture, &fixture.certificate(plan));
    let elsewhere = &Fixture::new();
    let not_allowed = elsewhere.weighted(&[(new, 1)], 1, &[new]);
    let mut forged = of("bad-ml-dsa-65-signature", "one byte of the signature differs", &alone);
    let signature = alone.statement.as_ref().map(|statement| statement.signatures()[0].bytes.clone());
    let signature = signature.expect("it is signed");
    let mut other = signature.clone();
    other[2000] ^= 1;
    forged.certificate = replaced(&forged.certificate, &signature, &other);
    vec![
        of("good-ml-dsa-65", "ML-DSA-65 alone", &alone),
        of("good-ml-dsa-65-second", "Ed25519, then ML-DSA-65", &plain_first),
        of("good-ml-dsa-65-first", "ML-DSA-65, then Ed25519", &new_first),
        vector(
            "bad-ml-dsa-65-not-allowed",
            "a ledger that does not allow it",
            elsewhere,
            &elsewhere.certificate(&not_allowed),
        ),
        forged,
    ]
}

/// Good certificates about which something else is asked.
fn asked(fixture: &Fixture) -> Vec<Vector> {
    let of = |name, about| vector(name, about, fixture, &fixture.certificate(&Plan::default()));
    let spec = AccountSpec::single([7; 16], fixture.key.public_key());
    let creation = fixture.draft(Body::Account(spec)).sign(&[&fixture.key]).expect("a statement");
    let creation = Plan { statement: Some(creation), manifest: None, ..Plan::default() };
    let creation = vector("ask-account", "an account's creation", fixture, &fixture.certificate(&creation));
    vec![
        Vector { exhibit: exhibit(b"another file"), ..of("ask-other-file", "another file is presented") },
        Vector { exhibit: Exhibit::None, ..of("ask-no-original", "no original, not so meant") },
        Vector { exhibit: Exhibit::None, record_only: true, ..of("ask-record-only", "the record alone") },
        Vector { anchor: LedgerId([1; 32]), ..of("ask-unknown-ledger", "the ledger is not trusted") },
        Vector {
            declared: TimestampMs(SEALED_S * 1000 - 1),
            ..of("ask-too-early", "declared before the seals")
        },
        Vector { exhibit: Exhibit::None, ..creation },
    ]
}

/// Certificates that were made wrongly.
fn planned(fixture: &Fixture) -> Vec<Vector> {
    let of = |name, about, plan: Plan| vector(name, about, fixture, &fixture.certificate(&plan));
    let plan = Plan::default;
    let revoked =
        |serial: &[u8], since, reason| Plan { revoked: vec![revocation(serial, since, reason)], ..plan() };
    let (court, ca) = (&fixture.sealers[1].serial, &fixture.sealers[0].serial);
    let mut frozen = fixture.account.clone();
    frozen.status = AccountStatus::Frozen;
    let contradicting =
        fixture.draft(deposit(&manifest(ORIGINAL), b"other")).sign(&[&fixture.key]).expect("signed");
    let mut elsewhere = fixture.draft(deposit(&manifest(ORIGINAL), ORIGINAL));
    elsewhere.ledger = LedgerId([3; 32]);
    let elsewhere = elsewhere.sign(&[&fixture.key]).expect("signed");
    let weak = fixture.weighted(
        &[(&fixture.key, 1), (&signing_key(SignatureAlg::Sm2, 0x61), 1)],
        2,
        &[&fixture.key],
    );
    vec![
        of("bad-few-seals", "court and notary only", Plan { sealers: vec![1, 3], ..plan() }),
        of("bad-no-court", "the court's seal is missing", Plan { sealers: vec![0, 2, 3], ..plan() }),
        of("bad-no-stamp", "no time stamp", Plan { stampers: vec![], ..plan() }),
        of(
            "bad-revoked",
            "a seal key revoked before",
            revoked(ca, SEALED_S - 5, RevocationReason::Superseded),
        ),
        of(
            "bad-revoked-court",
            "the court's key",
            revoked(court, SEALED_S - 5, RevocationReason::KeyCompromise),
        ),
        of(
            "open-stolen-later",
            "stolen afterwards",
            revoked(court, SEALED_S + 5, RevocationReason::KeyCompromise),
        ),
        of(
            "good-retired-later",
            "retired later",
            revoked(court, SEALED_S + 5, RevocationReason::CessationOfOperation),
        ),
        of("open-no-lists", "no revocation lists", Plan { lists: false, ..plan() }),
        of("open-stale-lists", "stale revocation lists", Plan { listed_s: SEALED_S - 11 * 86_400, ..plan() }),
        of("bad-early-seals", "sealed before the checkpoint", Plan { sealed_s: SEALED_S - 60, ..plan() }),
        of("bad-early-stamp", "stamped before", Plan { stamped_ms: (SEALED_S - 60) * 1000, ..plan() }),
        of("bad-frozen", "the account was frozen", Plan { account: Some(frozen), ..plan() }),
        of("bad-threshold", "one of two keys signed", weak),
        of("bad-contradiction", "statement and manifest", Plan { statement: Some(contradicting), ..plan() }),
        of("bad-audience", "for another ledger", Plan { statement: Some(elsewhere), ..plan() }),
        of("bad-manifest", "another manifest", Plan { manifest: Some(manifest(b"other")), ..plan() }),
    ]
}

/// Good certificates altered afterwards.
fn altered(fixture: &Fixture) -> Vec<Vector> {
    let of = |name, about, change: &dyn Fn(&mut Certificate)| {
        let mut certificate = fixture.certificate(&fixture.batch(2, 5));
        change(&mut certificate);
        vector(name, about, fixture, &certificate)
    };
    let last = |bytes: &mut Vec<u8>| *bytes.last_mut().expect("not empty") ^= 1;
    let mut vectors = vec![
        of("altered-statement", "the last byte of the statement", &|c| last(&mut c.statement)),
        of("altered-genesis", "the genesis's policy", &|c| {
            let mut genesis = fixture.genesis.clone();
            genesis.policy.timestamps = 0;
            c.genesis = genesis.encode();
        }),
        of("altered-index", "the record's place", &|c| c.index.0 += 1),
        of("altered-item", "the place in the batch", &|c| {
            c.batch.as_mut().expect("a batch").index = 3;
        }),
        of("altered-path", "the SM3 path", &|c| c.path_sm3[0][0] ^= 1),
        of("altered-checkpoint", "the checkpoint's height", &|c| c.checkpoint.height.0 += 1),
        of("altered-account", "the account's threshold", &|c| c.account.account.manage_threshold += 1),
        of("altered-seal", "one seal's receipt", &|c| c.seals[0].seal.receipt[0] ^= 1),
        of("altered-cosignature", "one seal's cosignature", &|c| c.seals[3].seal.cosignature[63] ^= 1),
        of("altered-seal-time", "one seal's time", &|c| c.seals[2].seal.time += 1),
        of("altered-chain", "one seal's X.509 certificate", &|c| last(&mut c.seals[1].chain[0])),
        of("altered-stray", "a certificate too many", &|c| {
            let extra = c.seals[0].chain[1].clone();
            c.seals[0].chain.push(extra);
        }),
        of("altered-token", "the time stamp's signature", &|c| last(&mut c.timestamps[0].token)),
        of("altered-list", "a revocation list's signature", &|c| last(&mut c.revocations[0])),
    ];
    let bytes = fixture.certificate(&Plan::default()).encode();
    let raw = |name, about, certificate: Vec<u8>| Vector {
        certificate,
        ..vector(name, about, fixture, &fixture.certificate(&Plan::default()))
    };
    vectors.push(raw("broken-longer", "a byte follows", [bytes.as_slice(), &[0]].concat()));
    vectors.push(raw("broken-shorter", "the last byte is missing", bytes[..bytes.len() - 1].to_vec()));
    vectors.push(raw(
        "broken-long-form",
        "the version in two bytes",
        [&bytes[..5], &[0x18, 1], &bytes[6..]].concat(),
    ));
    vectors.push(raw("broken-not-one", "a PDF", b"%PDF-1.7\n".to_vec()));
    vectors
}
