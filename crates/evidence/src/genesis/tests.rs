use xiezhi_crypto::{SignatureAlg, SigningKey};

use super::*;
use crate::{Group, Member};

/// Checks an encoding against its pinned SHA-256. A changed hash is a protocol change.
pub(crate) fn check_pinned(bytes: &[u8], expected: &str) {
    assert_eq!(
        hex::encode(sha256(bytes)),
        expected,
        "a changed hash is a protocol change; bytes {}",
        hex::encode(bytes)
    );
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn institution(id: &str, role: Role, seed: u8) -> Institution {
    let public = |seed| key(seed).public_key().as_bytes().try_into().unwrap();
    Institution {
        id: id.parse().unwrap(),
        role,
        name: LocalName { zh: format!("机构{seed}"), en: format!("Institution {seed}") },
        consensus_key: public(seed + 100),
        seal_key: public(seed),
    }
}

/// An alliance of four; the root certificates are no certificates, which is not this crate's to notice.
pub(crate) fn sample() -> Genesis {
    let institutions = vec![
        institution("ca", Role::CertificateAuthority, 1),
        institution("court", Role::Court, 2),
        institution("forensic", Role::Forensic, 3),
        institution("notary", Role::Notary, 4),
    ];
    Genesis {
        version: 1,
        salt: [9; 32],
        created: TimestampMs(1_800_000_000_000),
        name: LocalName { zh: "示例链".to_owned(), en: "Example".to_owned() },
        domain: "log.example".to_owned(),
        policy: Policy::quorum(&institutions, &[Role::Court, Role::Notary], 1),
        institutions,
        roots: vec![vec![0x30, 0]],
        timestamp_roots: vec![vec![0x30, 1]],
        limits: Limits::default(),
        suites: vec![-8, -7, -65_601],
    }
}

#[test]
fn the_encoding_is_pinned() {
    check_pinned(&sample().encode(), "71023aaf179fdd9cd7df1c7189a5b100a20aecb273363ded72f180b4ca89dff4");
    let bytes = sample().encode();
    assert_eq!(Genesis::ledger_id(&bytes).0, sha256(&bytes));
}

#[test]
fn a_genesis_reads_back_from_its_one_encoding_only() {
    let bytes = sample().encode();
    assert_eq!(Genesis::parse(&bytes), Ok(sample()));
    assert!(Genesis::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    // The version 1 in two bytes instead of one: a map of 11, key 1, value 0x18 0x01.
    let long = [&bytes[..2], &[0x18, 0x01], &bytes[3..]].concat();
    assert!(matches!(Genesis::parse(&long), Err(GenesisError::Cbor(CborError::NotCanonical { .. }))));
    for end in 0..bytes.len() {
        assert!(Genesis::parse(&bytes[..end]).is_err());
    }
}

#[test]
fn each_rule_is_named_when_it_is_broken() {
    let check = |change: &dyn Fn(&mut Genesis), expected: &str| {
        let mut genesis = sample();
        change(&mut genesis);
        let said = Genesis::parse(&genesis.encode()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(&|g| g.version = 2, "version");
    check(&|g| g.institutions.truncate(3), "institutions: 3");
    check(&|g| g.institutions.swap(0, 1), "sorted");
    check(&|g| g.institutions[1].seal_key = g.institutions[0].seal_key, "shares a key");
    check(&|g| g.institutions[1].consensus_key = g.institutions[3].consensus_key, "shares a key");
    check(&|g| g.roots.clear(), "root certificate is missing");
    check(&|g| g.timestamp_roots.clear(), "root certificate is missing");
    check(&|g| g.roots = vec![vec![]; ROOTS_MAX + 1], "more than 16");
    check(&|g| g.domain = "a b".to_owned(), "domain");
    check(&|g| g.domain = String::new(), "domain");
    check(&|g| g.suites.push(-999), "suites");
    check(&|g| g.suites.clear(), "suites");
    check(&|g| g.limits.statement_bytes_max = 65_536, "statement_bytes_max");
    check(&|g| g.limits.batch_items_max = 0, "batch_items_max");
    check(&|g| g.limits.block_bytes_max = 1, "block_bytes_max");
    check(&|g| g.policy.seals.threshold = 9, "policy");
    check(
        &|g| g.policy.seals = Group { threshold: 1, members: vec![Member::Role(Role::Technology)] },
        "technology",
    );
}

#[test]
fn names_are_found_and_made() {
    let genesis = sample();
    let court = "court".parse().unwrap();
    assert_eq!(genesis.institution(&court).unwrap().role, Role::Court);
    assert!(genesis.institution(&"bank".parse().unwrap()).is_none());
    assert_eq!(institution_uri(&court), "urn:xiezhi:institution:court");
    assert_eq!(genesis.origin(&LedgerId([0xab; 32])), format!("log.example/{}", "ab".repeat(32)));
    assert!(genesis.allows(SignatureAlg::Sm2));
}
