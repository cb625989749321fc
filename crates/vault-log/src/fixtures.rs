//! An honest custody log of the fixtures' deposit, in a log with a stranger's entry; the vault's account is the depositor's.

use xiezhi_crypto::{DigestAlg, sha256};
use xiezhi_evidence::{Body, DepositBody};
use xiezhi_merkle::{Hash, Sha256, Tree};
use xiezhi_types::{AccountId, TimestampMs};
use xiezhi_verify::{
    Exhibit, Facts, Input,
    fixtures::{CHECKPOINT_MS, DECLARED, Fixture, Plan},
};

use crate::{
    custody::{CustodyEntry, CustodyLog, FORMAT},
    entry::{Entry, Happening, head, tree},
    exhibit_of,
    proof::AuditProof,
    scope_id,
};

/// What is known of `certificate`, whoever trusts it.
#[must_use]
pub fn facts(certificate: &[u8]) -> Facts {
    xiezhi_verify::verify(&Input {
        certificate,
        anchors: &[],
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: DECLARED,
        known_checkpoints: &[],
    })
    .facts
}

fn recorded(fixture: &Fixture, text: &[u8]) -> String {
    let digests = vec![DigestAlg::Sha256.digest(text)];
    let body = Body::Deposit(DepositBody { manifest_root: sha256(text), digests, phase: None });
    let statement = fixture.draft(body).sign(&[&fixture.key]).expect("a statement");
    let plan = Plan { statement: Some(statement), manifest: None, ..Plan::default() };
    hex::encode(fixture.certificate(&plan).encode())
}

fn hexed(tree: &Tree<Sha256>, position: u64) -> Vec<String> {
    tree.inclusion(position).expect("it is in the tree").iter().map(hex::encode).collect()
}

/// Stored, granted with all of the account's, audited, read, and revoked; the third of the log's five entries is another exhibit's. What the grant
/// says was erased.
#[must_use]
pub fn custody_log(fixture: &Fixture) -> CustodyLog {
    let of = facts(&fixture.certificate(&Plan::default()).encode());
    let exhibit = exhibit_of(&of).expect("a statement");
    let owner = fixture.account.id;
    let wide = scope_id(&owner.to_string(), None);
    let reader = AccountId([0xc0; 32]);
    let happened = [
        (Happening::Stored, exhibit.as_str(), owner, r#"{"root":"00","size":47}"#),
        (Happening::Granted, &wide, owner, r#"{"case":"(2026)1","grantee":"c0","purpose":"审理"}"#),
        (Happening::Stored, &"77".repeat(32), reader, "{}"),
        (Happening::Read, &exhibit, reader, r#"{"grant":"01","purpose":"庭审"}"#),
        (Happening::Revoked, &wide, owner, r#"{"grant":"01"}"#),
    ];
    let mut opened = Vec::new();
    let entries: Vec<_> = happened
        .into_iter()
        .zip(0_u8..)
        .map(|((what, about, by, detail), at)| {
            opened.push([&[at; 32][..], detail.as_bytes()].concat());
            let mut exhibit = [0; 32];
            hex::decode_to_slice(about, &mut exhibit).expect("an id");
            let time = TimestampMs(CHECKPOINT_MS - 10_000 + u64::from(at) * 1_000);
            let detail = Entry::commit(&[at; 32], detail.as_bytes());
            Entry { position: at.into(), time, what, exhibit, by, detail }.encode()
        })
        .collect();
    let log = tree(entries.iter().map(Vec::as_slice));
    let head = head(&owner, entries.len() as u64, &log.root());
    let entry = |at: usize| CustodyEntry {
        detail: (at != 1).then(|| hex::encode(&opened[at])),
        entry: hex::encode(&entries[at]),
        path: hexed(&log, at as u64),
    };
    let lines = [format!("{exhibit} well"), format!("{} lost", "77".repeat(32))];
    let audited = tree(lines.iter().map(String::as_bytes));
    let (time, root): (_, Hash) = (TimestampMs(CHECKPOINT_MS - 7_500).rfc3339(), audited.root());
    let report = format!("xiezhi vault audit v1\n{owner}\n{time}\n2 1 0\n{}\n", hex::encode(root));
    CustodyLog {
        audits: vec![AuditProof {
            leaf: lines[0].clone(),
            position: 0,
            size: 2,
            path: hexed(&audited, 0),
            certificate: Some(recorded(fixture, report.as_bytes())),
            report,
        }],
        certificate: recorded(fixture, &head),
        entries: vec![entry(0), entry(1), entry(3), entry(4)],
        exhibit,
        format: FORMAT.to_owned(),
        head: String::from_utf8_lossy(&head).into_owned(),
    }
}
