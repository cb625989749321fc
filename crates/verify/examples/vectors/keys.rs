//! Key status, revocation lists, times, and consistency with checkpoints already known.

use xiezhi_evidence::Certificate;
use xiezhi_merkle::{Sha256, Sm3, TreeHash};
use xiezhi_pki::{CrlTemplate, RevocationReason};
use xiezhi_types::TimestampMs;
use xiezhi_verify::{
    KnownCheckpoint,
    fixtures::{
        CHECKPOINT_MS, DECLARED, Fixture, ORIGINAL, Plan, SEALED_S, deposit, manifest, revocation, tree,
    },
};

use super::{
    Vector, changed,
    seals::stranger,
    stamps::{SIGNS_CERTIFICATES, root_that, under},
    vector,
};

pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    [statuses(fixture), lists(fixture), times(fixture), consistency(fixture)].into_iter().flatten().collect()
}

fn of(name: &'static str, about: &'static str, fixture: &Fixture, plan: &Plan) -> Vector {
    vector(name, about, fixture, &fixture.certificate(plan))
}

fn statuses(fixture: &Fixture) -> Vec<Vector> {
    let expiry = fixture.root.certificate().validity().not_after;
    let late = Plan { listed_s: expiry + 1, ..Plan::default() };
    let issuing = |since| Plan {
        revoked: vec![revocation(
            fixture.issuing.certificate().serial(),
            since,
            RevocationReason::CaCompromise,
        )],
        ..Plan::default()
    };
    let keyless = under(root_that(fixture, &SIGNS_CERTIFICATES));
    let without_leaf_list = |c: &mut Certificate| {
        c.revocations.remove(0);
    };
    vec![
        Vector {
            declared: TimestampMs((expiry + 2) * 1000),
            ..of("open-late-lists", "lists made after every certificate expired", fixture, &late)
        },
        of(
            "open-issuer-stolen-later",
            "the issuing authority's key stolen afterwards",
            fixture,
            &issuing(SEALED_S + 5),
        ),
        changed(
            "bad-issuer-revoked",
            "the issuing authority revoked before, and no list of its own",
            fixture,
            &issuing(SEALED_S - 5),
            without_leaf_list,
        ),
        changed(
            "open-issuer-list",
            "no list of the issuing authority, whose key was stolen afterwards",
            fixture,
            &issuing(SEALED_S + 5),
            without_leaf_list,
        ),
        of("bad-no-list-signing", "a root that may not sign lists", &keyless, &Plan::default()),
    ]
}

fn lists(fixture: &Fixture) -> Vec<Vector> {
    let change = |name, about, change: &dyn Fn(&mut Certificate)| {
        changed(name, about, fixture, &Plan { stampers: vec![0, 1], ..Plan::default() }, change)
    };
    let template =
        CrlTemplate { number: 1, this_update: SEALED_S - 9, next_update: SEALED_S + 9, revoked: &[] };
    let stray = stranger(fixture).issue_crl(&template).expect("a list");
    let second = fixture.issuing.issue_crl(&template).expect("a list");
    vec![
        change("good-any-order", "time stamps and lists in another order", &|c| {
            c.timestamps.reverse();
            c.revocations.reverse();
        }),
        change("bad-list-malformed", "the first byte of a list", &|c| c.revocations[1][0] ^= 1),
        change("bad-list-stray", "a list of nobody on a chain", &|c| c.revocations.push(stray.clone())),
        change("bad-list-unplaced", "the same beside a seal that does not hold", &|c| {
            c.seals[0].seal.receipt[0] ^= 1;
            c.revocations.push(stray.clone());
        }),
        change("bad-list-twice", "two lists of one authority", &|c| c.revocations.push(second.clone())),
        Vector {
            declared: TimestampMs((SEALED_S + 9) * 1000),
            ..of(
                "bad-list-later",
                "lists made after the declared second",
                fixture,
                &Plan { listed_s: SEALED_S + 10, ..Plan::default() },
            )
        },
    ]
}

fn times(fixture: &Fixture) -> Vec<Vector> {
    let statement = |after: u64| {
        let mut draft = fixture.draft(deposit(&manifest(ORIGINAL), ORIGINAL));
        draft.issued_at = TimestampMs((CHECKPOINT_MS / 1000 + after) * 1000);
        let statement = draft.sign(&[&fixture.key]).expect("a statement");
        Plan { statement: Some(statement), ..Plan::default() }
    };
    let early = Plan { checkpoint_ms: fixture.genesis.created.0 - 1, ..Plan::default() };
    let good = || of("bad-declared-early", "declared before the checkpoint", fixture, &Plan::default());
    vec![
        Vector { declared: TimestampMs(CHECKPOINT_MS - 1), ..good() },
        of("bad-before-genesis", "a checkpoint from before the genesis", fixture, &early),
        of("good-statement-window", "signed as late as the window allows", fixture, &statement(300)),
        of("bad-statement-window", "signed a second later", fixture, &statement(301)),
        Vector {
            declared: DECLARED,
            ..of(
                "bad-stamped-late",
                "stamped after the declared time",
                fixture,
                &Plan { stamped_ms: DECLARED.0 + 1, ..Plan::default() },
            )
        },
    ]
}

/// What the log of `certificate` was after its first `size` records, and the way from there; `size` is a power of two and the rest fits
/// in one subtree of that size.
fn earlier(fixture: &Fixture, certificate: &Certificate, size: u64) -> KnownCheckpoint {
    let log = fixture.log(&fixture.statement(), &Plan::default());
    let (first, rest) = log.split_at(usize::try_from(size).expect("a short log"));
    let mut checkpoint = certificate.checkpoint.clone();
    checkpoint.height.0 -= 1;
    checkpoint.time.0 -= 1_000;
    checkpoint.size.0 = size;
    (checkpoint.root_sha256, checkpoint.root_sm3) = (root::<Sha256>(first), root::<Sm3>(first));
    KnownCheckpoint { checkpoint, sha256: vec![root::<Sha256>(rest)], sm3: vec![root::<Sm3>(rest)] }
}

fn root<H: TreeHash>(log: &[Vec<u8>]) -> xiezhi_merkle::Hash {
    tree::<H>(log).root()
}

fn consistency(fixture: &Fixture) -> Vec<Vector> {
    let certificate = fixture.certificate(&Plan::default());
    let own =
        KnownCheckpoint { checkpoint: certificate.checkpoint.clone(), sha256: Vec::new(), sm3: Vec::new() };
    let before = earlier(fixture, &certificate, 8);
    let empty = KnownCheckpoint {
        checkpoint: xiezhi_evidence::Checkpoint {
            size: xiezhi_types::TreeSize(0),
            root_sha256: Sha256::empty(),
            root_sm3: Sm3::empty(),
            ..before.checkpoint.clone()
        },
        ..own.clone()
    };
    let of = |name, about, known: &[KnownCheckpoint]| Vector {
        known: known.to_vec(),
        ..vector(name, about, fixture, &certificate)
    };
    let one = |name, about, known: &KnownCheckpoint, change: &dyn Fn(&mut KnownCheckpoint)| {
        let mut known = known.clone();
        change(&mut known);
        of(name, about, &[known])
    };
    vec![
        of(
            "good-known",
            "known: the same, one with fewer records, the empty log",
            &[own.clone(), before.clone(), empty.clone()],
        ),
        one("good-known-no-proof", "known, without the proof", &before, &|k| {
            k.sha256.clear();
            k.sm3.clear();
        }),
        one("good-known-elsewhere", "known: another ledger's", &before, &|k| k.checkpoint.ledger.0[0] ^= 1),
        one("bad-fork-height", "another state at one height", &own, &|k| k.checkpoint.state_root[0] ^= 1),
        one("bad-fork-size", "more records at a lower height", &before, &|k| k.checkpoint.size.0 = 12),
        one("bad-fork-time", "a later time at a lower height", &before, &|k| k.checkpoint.time.0 += 2_000),
        one("bad-fork-root", "another root of one size", &own, &|k| {
            k.checkpoint.height.0 += 1;
            k.checkpoint.root_sm3[0] ^= 1;
        }),
        one("bad-known-proof", "a proof that does not connect", &before, &|k| k.sm3[0][0] ^= 1),
        one("bad-known-half-proof", "a proof under one hash only", &before, &|k| k.sm3.clear()),
        one("bad-known-empty", "an empty log with a root of another", &empty, &|k| {
            k.checkpoint.root_sha256[0] ^= 1;
        }),
    ]
}
