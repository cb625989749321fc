//! Time stamps, their chains and authorities.

use xiezhi_evidence::Certificate;
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, CrlTemplate, P256Key, Profile, RevocationReason, Subject,
    Validity, timestamp::TimeStampAuthority,
};
use xiezhi_verify::fixtures::{
    DAY_S, Fixture, POLICY, Plan, ROOT, SEALED_S, STAMPED_MS, issue, p256, revocation,
};

use super::{
    Vector, changed, replaced,
    seals::{der, namesake, stranger},
    vector,
};

/// SHA-256 and SHA-384 in DER.
const SHA256: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
/// Key usages in DER: signing of certificates and of revocation lists, each alone.
const SIGNS_BOTH: [u8; 4] = [0x03, 0x02, 0x01, 0x06];
const SIGNS_LISTS: [u8; 4] = [0x03, 0x02, 0x01, 0x02];
pub(super) const SIGNS_CERTIFICATES: [u8; 4] = [0x03, 0x02, 0x02, 0x04];
/// Key usage and name constraints, as extensions' identifiers in DER.
const KEY_USAGE: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x0f];
const NAME_CONSTRAINTS: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x1e];
/// Basic constraints of an authority with path length 0, and with 5.
const NONE_BELOW: [u8; 8] = [0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00];
const FIVE_BELOW: [u8; 8] = [0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x05];

pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    [tokens(fixture), chains(fixture), authorities(fixture), policies(fixture)]
        .into_iter()
        .flatten()
        .collect()
}

/// The root with other key usages; a root's own signature is not looked at.
pub(super) fn root_that(fixture: &Fixture, usages: &[u8; 4]) -> Vec<u8> {
    replaced(&der(&fixture.root), &SIGNS_BOTH, usages)
}

/// The alliance with another root of time-stamp authorities.
pub(super) fn under(root: Vec<u8>) -> Fixture {
    Fixture::new().with_genesis(|genesis| genesis.timestamp_roots = vec![root])
}

/// A time-stamp authority of its own name and key.
fn authority(
    by: &CertificateAuthority,
    key: &P256Key,
    subject: Subject<'_>,
    serial: u8,
    not_after: u64,
    chain: &[&[u8]],
) -> TimeStampAuthority {
    let profile = Profile::TimeStamping { key: key.public_key() };
    let validity = Validity { not_after, ..by.certificate().validity() };
    let template = CertificateTemplate::new(profile, subject, [serial; 16], validity);
    let certificate = by.issue(&template).expect("a certificate");
    TimeStampAuthority::new(key.clone(), certificate.der(), chain, POLICY, 0).expect("an authority")
}

fn named(common_name: &str) -> Subject<'_> {
    Subject { organisation: "Example Time", common_name }
}

fn tokens(fixture: &Fixture) -> Vec<Vector> {
    let change = |name, about, change: &dyn Fn(&mut Vec<u8>)| {
        changed(name, about, fixture, &Plan::default(), |c| change(&mut c.timestamps[0].token))
    };
    let later = Plan { stamped_ms: STAMPED_MS + 1, ..Plan::default() };
    vec![
        change("bad-token-malformed", "a token cut short", &|token| token.truncate(100)),
        change("bad-token-certificate", "the certificate in a token", &|token| {
            *token = replaced(token, b"Example TSA One", b"Example TSA one");
        }),
        change("bad-token-unsupported", "a token under SHA-384", &|token| {
            *token = replaced(token, &SHA256, &SHA384);
        }),
        changed("bad-token-checkpoint", "a token over another checkpoint", fixture, &Plan::default(), |c| {
            c.timestamps = fixture.certificate(&Plan { after: 7, ..Plan::default() }).timestamps;
        }),
        vector(
            "bad-token-twice",
            "the same token twice",
            fixture,
            &fixture.certificate(&Plan { stampers: vec![0, 0], ..Plan::default() }),
        ),
        changed("good-two-of-one", "two tokens of one authority", fixture, &Plan::default(), |c| {
            c.timestamps.extend(fixture.stamps(&c.checkpoint, &later));
        }),
    ]
}

fn chains(fixture: &Fixture) -> Vec<Vector> {
    let of = |name, about, root: Vec<u8>| {
        let fixture = under(root);
        vector(name, about, &fixture, &fixture.certificate(&Plan::default()))
    };
    let Validity { not_before, .. } = fixture.root.certificate().validity();
    let expired = Validity { not_before, not_after: SEALED_S - 1 };
    let expired = CertificateAuthority::new_root(p256(1), ROOT, [1; 16], expired).expect("a root");
    let strange = replaced(&der(&fixture.root), &KEY_USAGE, &NAME_CONSTRAINTS);
    vec![
        of("bad-stamp-chain-malformed", "the root in the genesis", vec![0x30, 0]),
        of("bad-stamp-chain-unknown-issuer", "another root", der(&stranger(fixture))),
        of("bad-stamp-chain-signature", "another root of the same name", der(&namesake(fixture))),
        of("bad-stamp-chain-expired", "the root expired before", der(&expired)),
        of("bad-stamp-chain-purpose", "the root may not sign certificates", root_that(fixture, &SIGNS_LISTS)),
        of("bad-stamp-chain-unsupported", "the root constrains names", strange),
    ]
}

/// An authority under five others.
fn deep(fixture: &Fixture) -> TimeStampAuthority {
    let mut by = fixture.root.clone();
    let mut chain = Vec::new();
    for seed in 0x71..=0x75 {
        let profile = Profile::IssuingAuthority { key: p256(seed).public_key().into() };
        let name = format!("Example Authority {seed:x}");
        let issued = issue(&by, profile, &name, &name, seed);
        // What it issues lies deeper than its certificate says, so that the path can become too long.
        let loose = replaced(issued.der(), &NONE_BELOW, &FIVE_BELOW);
        by = CertificateAuthority::from_parts(p256(seed), &loose).expect("an authority");
        chain.push(issued.der().to_vec());
    }
    let chain: Vec<_> = chain.iter().map(Vec::as_slice).collect();
    authority(&by, &p256(0x76), named("Deep"), 0x76, by.certificate().validity().not_after, &chain)
}

fn authorities(fixture: &Fixture) -> Vec<Vector> {
    let last = fixture.root.certificate().validity().not_after;
    let plan = Plan { stampers: vec![2], ..Plan::default() };
    let with = |name, about, authority| {
        let mut fixture = Fixture::new();
        fixture.authorities.push(authority);
        vector(name, about, &fixture, &fixture.certificate(&plan))
    };
    let other = stranger(fixture);
    let list = |by: &CertificateAuthority, this_update| {
        let next_update = this_update + 10 * DAY_S;
        by.issue_crl(&CrlTemplate { number: 9, this_update, next_update, revoked: &[] }).expect("a list")
    };
    let mut two_roots = under(der(&other));
    two_roots.authorities.push(authority(&other, &p256(0x43), named("Elsewhere"), 0x43, last, &[]));
    let issuing = issue(
        &fixture.root,
        Profile::IssuingAuthority { key: p256(0x44).public_key().into() },
        "Example Time",
        "Example Time CA",
        0x44,
    );
    let issuing = CertificateAuthority::from_parts(p256(0x44), issuing.der()).expect("an authority");
    let mut below = Fixture::new();
    let chain = [issuing.certificate().der()];
    below.authorities.push(authority(&issuing, &p256(0x45), named("Below"), 0x45, last, &chain));
    let stale = Plan { listed_s: SEALED_S - 11 * DAY_S, ..plan.clone() };
    vec![
        changed("good-two-roots", "the time-stamp authority has a root of its own", &two_roots, &plan, |c| {
            c.revocations.push(list(&other, SEALED_S - DAY_S));
        }),
        changed("good-stamp-issuer", "an authority between time stamp and root", &below, &plan, |c| {
            c.revocations.push(list(&issuing, SEALED_S - DAY_S));
        }),
        changed("open-stamp-issuer", "the same, every list stale", &below, &stale, |c| {
            c.revocations.push(list(&issuing, SEALED_S - 11 * DAY_S));
        }),
        with(
            "good-last-second",
            "half a second after the last second of the authority's certificate",
            authority(&fixture.root, &p256(0x46), named("Last Second"), 0x46, STAMPED_MS / 1000, &[]),
        ),
        with("bad-stamp-chain-too-long", "a path of seven certificates", deep(fixture)),
    ]
}

fn policies(fixture: &Fixture) -> Vec<Vector> {
    let last = fixture.root.certificate().validity().not_after;
    let of = |key: &P256Key, name, serial| authority(&fixture.root, key, named(name), serial, last, &[]);
    let mut two = Fixture::new().with_genesis(|genesis| genesis.policy.timestamps = 2);
    let keys = [p256(0x47), p256(0x48)];
    // The first shares its name with the second and its key with the third.
    two.authorities = vec![of(&keys[0], "One", 0x47), of(&keys[1], "One", 0x48), of(&keys[0], "Two", 0x49)];
    let plan = |stampers| Plan { stampers, ..Plan::default() };
    let certificate = |stampers| two.certificate(&plan(stampers));
    let stolen =
        revocation(two.authorities[1].certificate().serial(), SEALED_S + 5, RevocationReason::KeyCompromise);
    let stolen: Certificate = two.certificate(&Plan { revoked: vec![stolen], ..plan(vec![0, 1, 2]) });
    vec![
        vector(
            "good-different-authorities",
            "of three authorities two differ",
            &two,
            &certificate(vec![0, 1, 2]),
        ),
        vector("bad-same-name", "two authorities of one name", &two, &certificate(vec![0, 1])),
        vector("bad-same-key", "two authorities of one key", &two, &certificate(vec![0, 2])),
        vector("open-stamp-stolen-later", "one of the two was stolen afterwards", &two, &stolen),
    ]
}
