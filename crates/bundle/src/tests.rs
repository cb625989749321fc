use xiezhi_crypto::sha256_parts;
use xiezhi_evidence::{Body, DepositBody, manifest::names};
use xiezhi_pki::{CrlTemplate, timestamp::GenTime};
use xiezhi_types::{Lang, TimestampMs};
use xiezhi_verify::{
    Anchor, Exhibit, Outcome, Status,
    fixtures::{self, DECLARED, Fixture, ORIGINAL, Plan},
};

use super::*;

/// A ledger, an authority, and a manifest that lists both.
struct World {
    fixture: Fixture,
    root: Vec<u8>,
    manifest: Manifest,
    bundle: Bundle,
}

fn manifest(sinks: &[String]) -> Manifest {
    let mut fields: Vec<_> =
        fixtures::manifest(ORIGINAL).fields().map(|f| (f.name.clone(), f.value.clone())).collect();
    fields.extend(sink_fields(sinks));
    let mut count = 0_u8;
    let salt = || {
        count += 1;
        let mut salt = [0; 16];
        salt.copy_from_slice(&sha256_parts(&[b"bundle salt", &[count]])[..16]);
        salt
    };
    Manifest::new(fields, salt).unwrap()
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        let root = fixture.genesis.timestamp_roots[0].clone();
        let manifest = manifest(&[ledger_sink(&fixture.ledger), stamp_sink(&root)]);
        let legs = vec![Self::ledger(&fixture, &manifest), Self::stamp(&fixture, &manifest.root())];
        let bundle = Bundle::new(manifest.clone(), legs);
        Self { fixture, root, manifest, bundle }
    }

    fn ledger(fixture: &Fixture, manifest: &Manifest) -> Leg {
        let body = DepositBody { manifest_root: manifest.root(), digests: Vec::new(), phase: Some(1) };
        let statement = fixture.draft(Body::Deposit(body)).sign(&[&fixture.key]).unwrap();
        let plan = Plan { statement: Some(statement), manifest: None, ..Plan::default() };
        let proof = fixture.certificate(&plan).encode();
        Leg { kind: Kind::Ledger, name: "judicial".to_owned(), proof, revocations: Vec::new() }
    }

    fn stamp(fixture: &Fixture, imprint: &[u8; 32]) -> Leg {
        let time = GenTime::from_unix_ms(fixtures::STAMPED_MS).unwrap();
        let proof = fixture.authorities[0].issue_token(imprint, 5, time, None).unwrap();
        // The root's, under which the authority is; the other is for the institutions.
        let revocations = fixture.lists(&Plan::default()).split_off(1);
        Leg { kind: Kind::Stamp, name: "tsa".to_owned(), proof, revocations }
    }

    fn judge(&self, bundle: &Bundle, anchors: &[Anchor], roots: &[Vec<u8>]) -> BundleVerdict {
        verify(&Input {
            bundle: &bundle.encode(),
            anchors,
            stamp_roots: roots,
            exhibit: &fixtures::exhibit(ORIGINAL),
            record_only: false,
            declared_time: DECLARED,
        })
    }

    fn trusting(&self, bundle: &Bundle) -> BundleVerdict {
        self.judge(bundle, &[self.fixture.anchor()], std::slice::from_ref(&self.root))
    }
}

fn codes(verdict: &BundleVerdict) -> Vec<&'static str> {
    std::iter::once(verdict.whole.code).chain(verdict.legs.iter().map(|leg| leg.finding.code)).collect()
}

#[test]
fn every_finding_has_its_own_code_and_both_languages() {
    for (at, one) in verdict::ALL.iter().enumerate() {
        assert!(verdict::ALL[..at].iter().all(|other| other.code != one.code), "{}", one.code);
        assert!(one.sentence(Lang::En).is_ascii() && !one.sentence(Lang::Zh).is_ascii(), "{}", one.code);
    }
}

#[test]
fn a_bundle_is_valid_to_whoever_trusts_every_leg_and_unknown_to_others() {
    let world = World::new();
    let good = world.trusting(&world.bundle);
    assert_eq!(codes(&good), ["sinks-whole", "ledger-holds", "stamp-holds"]);
    assert_eq!(good.outcome, Outcome::Valid);
    assert!(good.legs.iter().all(|leg| leg.time.is_some() && leg.who.is_some()));
    let blind = world.judge(&world.bundle, &[], &[]);
    assert_eq!(codes(&blind), ["sinks-whole", "ledger-unknown", "stamp-untrusted"]);
    assert_eq!(blind.outcome, Outcome::Unknown);
    assert!(blind.legs.iter().all(|leg| leg.time.is_none() && leg.who.is_none()));
    let half = world.judge(&world.bundle, &[world.fixture.anchor()], &[]);
    assert_eq!((half.outcome, codes(&half)[2]), (Outcome::Unknown, "stamp-untrusted"));
}

#[test]
fn a_leg_that_is_missing_strange_or_moved_makes_the_bundle_invalid() {
    let world = World::new();
    let [ledger, stamp] = &world.bundle.legs[..] else { panic!() };
    let rows: [(&str, Vec<Leg>); 4] = [
        ("the authority's is missing", vec![ledger.clone()]),
        ("the ledger's is missing", vec![stamp.clone()]),
        ("the other way round", vec![stamp.clone(), ledger.clone()]),
        ("the ledger's twice", vec![ledger.clone(), ledger.clone()]),
    ];
    for (what, legs) in rows {
        let verdict = world.trusting(&Bundle::new(world.manifest.clone(), legs.clone()));
        assert_eq!((verdict.whole.code, verdict.outcome), ("sinks-differ", Outcome::Invalid), "{what}");
        let blind = world.judge(&Bundle::new(world.manifest.clone(), legs), &[], &[]);
        assert_eq!(blind.outcome, Outcome::Invalid, "{what}, to who trusts nobody");
    }
}

#[test]
fn a_leg_over_another_manifest_fails_even_to_who_trusts_nobody() {
    let world = World::new();
    let mut bundle = world.bundle.clone();
    bundle.legs[1] = World::stamp(&world.fixture, &[7; 32]);
    assert_eq!(world.trusting(&bundle).legs[1].finding.code, "stamp-other");
    assert_eq!(world.judge(&bundle, &[], &[]).legs[1].finding.code, "stamp-other");
    let mut bundle = world.bundle.clone();
    let other = manifest(&[ledger_sink(&world.fixture.ledger)]);
    bundle.legs[0] = World::ledger(&world.fixture, &other);
    assert_eq!(world.trusting(&bundle).legs[0].finding.status, Status::Fail);
}

#[test]
fn a_token_without_a_revocation_list_is_unknown_and_a_revoked_one_fails() {
    let world = World::new();
    let mut bundle = world.bundle.clone();
    bundle.legs[1].revocations.clear();
    let verdict = world.trusting(&bundle);
    assert_eq!((verdict.outcome, verdict.legs[1].finding.code), (Outcome::Unknown, "stamp-status"));
    let serial = {
        use xiezhi_pki::timestamp::verify_token;
        let trust = xiezhi_pki::Trust {
            root_der: &world.root,
            intermediates: &[],
            crls: &[],
            revocation: xiezhi_pki::RevocationPolicy::IF_PRESENT,
        };
        let info = verify_token(&bundle.legs[1].proof, &world.manifest.root(), &trust, None).unwrap();
        info.authority.certificates[0].serial().to_vec()
    };
    let revoked = [fixtures::revocation(
        &serial,
        fixtures::SEALED_S - 100,
        xiezhi_pki::RevocationReason::KeyCompromise,
    )];
    let template = CrlTemplate {
        number: 10,
        this_update: fixtures::SEALED_S,
        next_update: fixtures::SEALED_S + 1_000_000,
        revoked: &revoked,
    };
    let stray = fixtures::Fixture::lists(&world.fixture, &Plan::default());
    bundle.legs[1].revocations = stray;
    assert_eq!(world.trusting(&bundle).legs[1].finding.code, "stamp-malformed", "a list that is not needed");
    bundle.legs[1].revocations = vec![world.fixture.root.issue_crl(&template).unwrap()];
    assert_eq!(world.trusting(&bundle).legs[1].finding.code, "stamp-revoked");
}

#[test]
fn one_field_is_shown_without_the_rest_and_the_legs_still_hold() {
    let world = World::new();
    let shown = world.bundle.disclose(&[names::TITLE]);
    assert_eq!(shown.manifest.fields().count(), 3);
    let verdict = verify(&Input {
        bundle: &shown.encode(),
        anchors: &[world.fixture.anchor()],
        stamp_roots: std::slice::from_ref(&world.root),
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: DECLARED,
    });
    assert_eq!(verdict.outcome, Outcome::Valid, "{:?}", codes(&verdict));
    let closed = Bundle::new(shown.manifest.disclose(&[]), shown.legs.clone());
    assert_eq!(world.trusting(&closed).whole.code, "sinks-closed");
}

#[test]
fn a_token_from_after_the_declared_time_fails() {
    let world = World::new();
    let verdict = verify(&Input {
        bundle: &world.bundle.encode(),
        anchors: &[],
        stamp_roots: std::slice::from_ref(&world.root),
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: TimestampMs(fixtures::STAMPED_MS - 60_000),
    });
    assert_eq!(verdict.legs[1].finding.code, "stamp-late");
}

#[test]
fn a_bundle_has_one_encoding() {
    let world = World::new();
    let bytes = world.bundle.encode();
    assert_eq!(Bundle::parse(&bytes).unwrap(), world.bundle);
    assert!(Bundle::is(&bytes) && !Bundle::is(&world.bundle.legs[0].proof));
    assert!(xiezhi_evidence::Certificate::parse(&bytes).is_err());
    let small = Bundle::new(
        manifest(&["ledger:00".to_owned()]),
        vec![Leg {
            kind: Kind::Stamp,
            name: "tsa".to_owned(),
            proof: vec![1, 2, 3],
            revocations: vec![vec![4]],
        }],
    );
    let pinned = hex::encode(sha256(&small.encode()));
    assert_eq!(
        pinned, "44181badba5e8b992fd070f551b9720bf06322f57a6ab27584a5546f2e174138",
        "a changed encoding is another version"
    );
}

#[test]
fn no_byte_of_a_bundle_can_change() {
    let world = World::new();
    let bytes = world.bundle.encode();
    let before = world.trusting(&world.bundle);
    assert_eq!(before.outcome, Outcome::Valid);
    // What the service calls a leg is said to prove nothing.
    let names: Vec<_> = ["judicial", "tsa"]
        .iter()
        .flat_map(|name| {
            let at = bytes.windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
            at..at + name.len()
        })
        .collect();
    for at in (0..bytes.len()).step_by(37).filter(|at| !names.contains(at)) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let verdict = verify(&Input {
            bundle: &changed,
            anchors: &[world.fixture.anchor()],
            stamp_roots: std::slice::from_ref(&world.root),
            exhibit: &fixtures::exhibit(ORIGINAL),
            record_only: false,
            declared_time: DECLARED,
        });
        assert_ne!(verdict.outcome, Outcome::Valid, "byte {at}");
    }
}
