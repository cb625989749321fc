//! Split views: what proves them, and what does not.

use xiezhi_evidence::{
    Certificate, Seal,
    equivocation::{Divergence, Equivocation, Leaf, Sealed, VERSION},
};
use xiezhi_merkle::{Sha256, TreeHash as _};
use xiezhi_verify::{
    Anchor,
    equivocation::{Unproven, judge},
    fixtures::{CHECKPOINT_MS, Fixture, Plan, SEALED_S},
};

fn anchor(fixture: &Fixture) -> Anchor {
    Anchor { ledger: fixture.ledger, name: fixture.genesis.name.clone() }
}

fn side(certificate: &Certificate) -> Sealed {
    Sealed { checkpoint: certificate.checkpoint.clone(), seals: certificate.seals.clone() }
}

fn file(first: &Certificate, second: &Certificate, divergence: Option<Divergence>) -> Equivocation {
    let genesis = first.genesis.clone();
    Equivocation { version: VERSION, genesis, first: side(first), second: side(second), divergence }
}

fn judged(fixture: &Fixture, file: &Equivocation) -> Result<(&'static str, String), Unproven> {
    let proven = judge(&file.encode(), &[anchor(fixture)])?;
    let who: Vec<_> = proven.institutions.iter().map(ToString::to_string).collect();
    Ok((proven.contradiction.code(), who.join(" ")))
}

/// The certificate with its checkpoint changed and sealed again by the same institutions.
fn resealed(
    fixture: &Fixture,
    mut certificate: Certificate,
    change: impl FnOnce(&mut Certificate),
) -> Certificate {
    change(&mut certificate);
    let origin = fixture.genesis.origin(&fixture.ledger);
    for certified in &mut certificate.seals {
        let sealer = fixture.sealers.iter().find(|one| one.id == certified.seal.institution).unwrap();
        let checkpoint = &certificate.checkpoint;
        certified.seal = Seal::sign(checkpoint, &origin, &sealer.id, SEALED_S, &sealer.key).unwrap();
    }
    certificate
}

#[test]
fn one_height_with_two_checkpoints_names_those_who_sealed_both() {
    let fixture = Fixture::new();
    let first = fixture.certificate(&Plan::default());
    let second = fixture.certificate(&Plan { after: 7, sealers: vec![1, 3], ..Plan::default() });
    assert_eq!(first.checkpoint.height, second.checkpoint.height);
    let proof = file(&first, &second, None);
    assert_eq!(judged(&fixture, &proof).unwrap(), ("same-height", "court notary".to_owned()));
    let proof = file(&second, &first, None);
    assert_eq!(judged(&fixture, &proof).unwrap(), ("same-height", "court notary".to_owned()));
}

#[test]
fn sizes_roots_times_and_leaves_contradict_each_other_across_heights() {
    let fixture = Fixture::new();
    let first = fixture.certificate(&Plan::default());
    let later = |certificate: &mut Certificate| {
        certificate.checkpoint.height.0 += 1;
        certificate.checkpoint.time.0 = CHECKPOINT_MS + 1;
    };
    let all = "ca court forensic notary".to_owned();

    let other_root = resealed(&fixture, first.clone(), |certificate| {
        later(certificate);
        certificate.checkpoint.root_sm3[0] ^= 1;
    });
    assert_eq!(judged(&fixture, &file(&first, &other_root, None)).unwrap(), ("same-size", all.clone()));
    let same_size = resealed(&fixture, first.clone(), later);
    assert_eq!(judged(&fixture, &file(&first, &same_size, None)).unwrap(), ("order", all.clone()));
    let earlier =
        resealed(&fixture, fixture.certificate(&Plan { after: 7, ..Plan::default() }), |certificate| {
            later(certificate);
            certificate.checkpoint.time.0 = CHECKPOINT_MS;
        });
    assert_eq!(judged(&fixture, &file(&earlier, &first, None)).unwrap(), ("order", all.clone()));

    // Another statement at the same index of a longer log.
    let longer = Plan { leaf: Some(b"another leaf".to_vec()), after: 9, ..Plan::default() };
    let second = resealed(&fixture, fixture.certificate(&longer), later);
    let leaf = |certificate: &Certificate| Leaf {
        hash: Sha256::leaf(&certificate.statement),
        path: certificate.path_sha256.clone(),
    };
    let divergence = Divergence { index: first.index, first: leaf(&first), second: leaf(&second) };
    let proof = file(&first, &second, Some(divergence.clone()));
    assert_eq!(judged(&fixture, &proof).unwrap(), ("leaf", all));
    assert_eq!(judged(&fixture, &file(&first, &second, None)), Err(Unproven::NoContradiction));
    for change in [
        |d: &mut Divergence| d.index.0 += 1,
        |d: &mut Divergence| d.second.path[0][0] ^= 1,
        |d: &mut Divergence| d.second = d.first.clone(),
        |d: &mut Divergence| d.first.hash[0] ^= 1,
    ] {
        let mut changed = divergence.clone();
        change(&mut changed);
        let proof = file(&first, &second, Some(changed));
        assert_eq!(judged(&fixture, &proof), Err(Unproven::NoContradiction));
    }
}

#[test]
fn honest_views_and_forged_seals_prove_nothing() {
    let fixture = Fixture::new();
    let first = fixture.certificate(&Plan::default());
    assert_eq!(judged(&fixture, &file(&first, &first, None)), Err(Unproven::NoContradiction));
    let longer =
        resealed(&fixture, fixture.certificate(&Plan { after: 9, ..Plan::default() }), |certificate| {
            certificate.checkpoint.height.0 += 1;
            certificate.checkpoint.time.0 += 1;
        });
    assert_eq!(judged(&fixture, &file(&first, &longer, None)), Err(Unproven::NoContradiction));

    let other = fixture.certificate(&Plan { after: 7, ..Plan::default() });
    let mut forged = file(&first, &other, None);
    forged.second.seals = forged.first.seals.clone();
    assert_eq!(judged(&fixture, &forged), Err(Unproven::NobodySealedBoth));
    let mut disjoint = file(&first, &other, None);
    disjoint.first.seals.truncate(2);
    disjoint.second.seals.drain(..2);
    assert_eq!(judged(&fixture, &disjoint), Err(Unproven::NobodySealedBoth));
    let good = file(&first, &other, None);
    assert_eq!(judge(&good.encode(), &[]), Err(Unproven::UnknownLedger { ledger: fixture.ledger }));
    let mut elsewhere = good.clone();
    elsewhere.second.checkpoint.ledger.0[0] ^= 1;
    assert!(matches!(judged(&fixture, &elsewhere), Err(Unproven::OtherLedger { .. })));
    let mut version = good.clone();
    version.version = 2;
    assert!(matches!(judged(&fixture, &version), Err(Unproven::Malformed(_))));
    let mut unsorted = good;
    unsorted.first.seals.swap(0, 1);
    assert!(matches!(judged(&fixture, &unsorted), Err(Unproven::Malformed(_))));
}

#[test]
fn a_changed_byte_never_accuses_anybody_else() {
    let fixture = Fixture::new();
    let first = fixture.certificate(&Plan { sealers: vec![0, 1], ..Plan::default() });
    let second = fixture.certificate(&Plan { after: 7, sealers: vec![1, 3], ..Plan::default() });
    let bytes = file(&first, &second, None).encode();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(proven) = judge(&changed, &[anchor(&fixture)]) {
            let who: Vec<_> = proven.institutions.iter().map(ToString::to_string).collect();
            assert_eq!(who, ["court"], "byte {at}");
        }
    }
}
