//! Split views: what proves them, and what does not.

use xiezhi_evidence::{
    Alliance, Certificate, Seal, Term,
    equivocation::{Divergence, Equivocation, Leaf, Sealed},
};
use xiezhi_merkle::{Sha256, TreeHash as _};
use xiezhi_types::Height;
use xiezhi_verify::{
    Anchor,
    equivocation::{Unproven, judge},
    fixtures::{CHECKPOINT_MS, Fixture, Plan, SEALED_S},
};

fn anchor(fixture: &Fixture) -> Anchor {
    Anchor { ledger: fixture.ledger, name: fixture.genesis.name.clone() }
}

fn side(certificate: &Certificate) -> Sealed {
    Sealed::new(certificate.checkpoint.clone(), certificate.seals.clone(), certificate.history.clone())
}

fn file(first: &Certificate, second: &Certificate, divergence: Option<Divergence>) -> Equivocation {
    Equivocation::new(first.genesis.clone(), side(first), side(second), divergence)
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
fn keys_of_later_terms_count_by_the_history_that_leads_to_them() {
    // The court has other keys in term 1, from height 4 on.
    let mut fixture = Fixture::new();
    let (court, sealer) = fixture.member("court", 0x73);
    fixture.sealers.push(sealer);
    let term = Term::at_genesis(&fixture.genesis);
    let mut members = term.members.clone();
    let seat = members.iter().position(|member| member.institution.id == court.institution.id).unwrap();
    members[seat] = court;
    let next = Term { number: 1, from: Height(4), members, policy: term.policy.clone(), suites: None };
    let alliance = Alliance {
        version: 1,
        term,
        next: Some(next),
        proposals: Vec::new(),
        invitations: Vec::new(),
        next_proposal: 2,
    };
    let link = |plan: &Plan| fixture.link(&alliance, 2, plan).encode();
    let at = |after: u64, sealers: &[usize], link: &[u8]| {
        let plan = Plan { after, sealers: sealers.to_vec(), ..Plan::default() };
        let mut plain = fixture.certificate(&plan);
        plain.seals.sort_by(|a, b| a.seal.institution.cmp(&b.seal.institution));
        let checkpoint = plain.checkpoint.clone();
        assert!(checkpoint.height.0 >= 4);
        Sealed::new(checkpoint, plain.seals, vec![link.to_vec()])
    };
    let genesis = fixture.genesis.encode();
    let good = link(&Plan::default());
    let (old, new) = ([0, 1, 3], [0, 3, 4]);
    let proof = Equivocation::new(genesis.clone(), at(0, &new, &good), at(7, &[2, 4], &good), None);
    assert_eq!(judged(&fixture, &proof).unwrap(), ("same-height", "court".to_owned()));
    // The court's old keys are nobody's in term 1; without the history its new ones are nobody's.
    let stolen = Equivocation::new(genesis.clone(), at(0, &[1], &good), at(7, &[1], &good), None);
    assert_eq!(judged(&fixture, &stolen), Err(Unproven::NobodySealedBoth));
    let mut bare = Equivocation::new(genesis.clone(), at(0, &[4], &good), at(7, &[4], &good), None);
    (bare.first.history, bare.second.history, bare.version) = (None, None, 1);
    assert_eq!(judged(&fixture, &bare), Err(Unproven::NobodySealedBoth));
    // A history that a quorum of term 0 did not seal makes nobody's keys.
    let few = link(&Plan { sealers: vec![0], ..Plan::default() });
    let forged = Equivocation::new(genesis.clone(), at(0, &new, &good), at(7, &new, &few), None);
    assert_eq!(
        judged(&fixture, &forged),
        Err(Unproven::History { side: "second", link: 0, reason: "not-sealed" })
    );
    let mixed = Equivocation::new(genesis, at(0, &old, &good), at(7, &old, &good), None);
    assert_eq!(judged(&fixture, &mixed).unwrap().1, "ca notary");
    for version in [1, 3] {
        let mut wrong = proof.clone();
        wrong.version = version;
        assert!(matches!(judged(&fixture, &wrong), Err(Unproven::Malformed(_))), "{version}");
    }
    let bytes = proof.encode();
    for at in (0..bytes.len()).step_by(53) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(proven) = judge(&changed, &[anchor(&fixture)]) {
            let who: Vec<_> = proven.institutions.iter().map(ToString::to_string).collect();
            assert_eq!(who, ["court"], "byte {at}");
        }
    }
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
