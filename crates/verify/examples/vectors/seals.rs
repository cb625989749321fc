//! Seals and their chains, wrong in one way each.

use xiezhi_evidence::{Certificate, Seal};
use xiezhi_pki::{CertificateAuthority, Profile};
use xiezhi_types::TimestampMs;
use xiezhi_verify::fixtures::{Fixture, Plan, ROOT, issue, p256};

use super::{Vector, changed, replaced, vector};

/// ecdsa-with-SHA256 and ecdsa-with-SHA384.
const ECDSA_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA384: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

/// A root of another name and another key.
pub(super) fn stranger(fixture: &Fixture) -> CertificateAuthority {
    let subject = xiezhi_pki::Subject { organisation: "Another Alliance", common_name: "Another Root" };
    let validity = fixture.root.certificate().validity();
    CertificateAuthority::new_root(p256(0x0e), subject, [0x0e; 16], validity).expect("a root")
}

/// A root of the same name and another key.
pub(super) fn namesake(fixture: &Fixture) -> CertificateAuthority {
    let validity = fixture.root.certificate().validity();
    CertificateAuthority::new_root(p256(0x0f), ROOT, [0x0f; 16], validity).expect("a root")
}

pub(super) fn der(authority: &CertificateAuthority) -> Vec<u8> {
    authority.certificate().der().to_vec()
}

pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    [seals(fixture), chains(fixture), roots(fixture)].into_iter().flatten().collect()
}

fn seals(fixture: &Fixture) -> Vec<Vector> {
    let change = |name, about, change: &dyn Fn(&mut Certificate)| {
        changed(name, about, fixture, &Plan::default(), change)
    };
    vec![
        change("bad-stranger", "an institution that the genesis does not know", &|c| {
            c.seals[0].seal.institution = "bank".parse().expect("a short name");
        }),
        change("bad-impossible-time", "a time above 2^63 - 1, and so a bad signature", &|c| {
            c.seals[0].seal.time = 1 << 63;
        }),
        change("bad-log-signature", "one seal's log signature", &|c| c.seals[0].seal.log[9] ^= 1),
        change("bad-no-chain", "a seal without X.509 certificates", &|c| c.seals[0].chain.clear()),
    ]
}

fn chains(fixture: &Fixture) -> Vec<Vector> {
    let change = |name, about, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        changed(name, about, fixture, &Plan::default(), |c| change(&mut c.seals[0].chain))
    };
    let of = |other: usize| fixture.sealers[other].chain.clone();
    let stamping = fixture.authorities[0].certificate().der().to_vec();
    let ca = &fixture.sealers[0];
    let profile = Profile::InstitutionSeal { institution: &ca.id, key: [0x29; 32] };
    let other_key = issue(&fixture.issuing, profile, "x", "x", 0x29).der().to_vec();
    let last = fixture.root.certificate().validity().not_after;
    let late = changed("bad-expired-chain", "sealed a second too late", fixture, &Plan::default(), |c| {
        let origin = fixture.genesis.origin(&fixture.ledger);
        c.seals[0].seal = Seal::sign(&c.checkpoint, &origin, &ca.id, last + 1, &ca.key).expect("a seal");
    });
    vec![
        change("bad-chain-malformed", "the first byte of a certificate", &|chain| chain[0][0] ^= 1),
        change("bad-chain-unknown-issuer", "the issuing authority's is missing", &|chain| chain.truncate(1)),
        Vector { declared: TimestampMs((last + 2) * 1000), ..late },
        change("bad-chain-purpose", "a time-stamp authority's certificate", &|chain| {
            *chain = vec![stamping.clone()];
        }),
        change("bad-chain-unsupported", "a certificate signed under another algorithm", &|chain| {
            chain[0] = replaced(&chain[0], &ECDSA_SHA256, &ECDSA_SHA384);
        }),
        change("bad-stray-unsupported", "such a one beside the path", &|chain| {
            chain.push(replaced(&chain[0], &ECDSA_SHA256, &ECDSA_SHA384));
        }),
        change("bad-other-institution", "another institution's certificate", &|chain| *chain = of(1)),
        change("bad-other-key", "a certificate of another key", &|chain| chain[0] = other_key.clone()),
    ]
}

fn roots(fixture: &Fixture) -> Vec<Vector> {
    let under = |roots: Vec<Vec<u8>>| Fixture::new().with_genesis(|genesis| genesis.roots = roots);
    let of =
        |name, about, fixture: &Fixture| vector(name, about, fixture, &fixture.certificate(&Plan::default()));
    let (own, stranger, namesake) = (der(&fixture.root), der(&stranger(fixture)), der(&namesake(fixture)));
    vec![
        of(
            "good-second-root",
            "the second of three roots",
            &under(vec![stranger.clone(), own, namesake.clone()]),
        ),
        of("bad-roots", "a root of another name, one of the same name", &under(vec![stranger, namesake])),
    ]
}
