use xiezhi_types::{canonical, from_canonical};

use super::*;
use crate::genesis::tests::{check_pinned, institution, sample};

fn sealed(names: &str) -> BTreeSet<InstitutionId> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn one(name: &str) -> Member {
    Member::Institution(name.parse().unwrap())
}

#[test]
fn the_encoding_is_pinned_and_reads_back() {
    let inner = Group { threshold: 1, members: vec![one("ca"), Member::Role(Role::Notary)] };
    let policy = Policy {
        seals: Group { threshold: 2, members: vec![one("court"), Member::Group(inner)] },
        timestamps: 2,
    };
    check_pinned(&canonical(&policy), "e2c14aaab59a0269d101a2b84438694e835468bc5dab3a2104bf177710136963");
    assert_eq!(from_canonical::<Policy>("policy", &canonical(&policy)), Ok(policy));
}

#[test]
fn the_usual_policy_wants_a_quorum_and_each_role() {
    let genesis = sample();
    let check = |names: &str, timestamps, expected: bool| {
        let met = genesis.policy.is_met(&genesis.institutions, &sealed(names), timestamps);
        assert_eq!(met, expected, "{names} with {timestamps}");
    };
    check("ca court forensic notary", 1, true);
    check("ca court notary", 1, true);
    check("ca court notary", 0, false);
    check("court notary", 5, false);
    check("ca court forensic", 1, false);
    check("ca forensic notary", 1, false);
    check("ca court bank", 1, false);
    check("", 1, false);
}

#[test]
fn a_quorum_is_two_thirds_and_one() {
    for (count, threshold) in [(4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (13, 9), (64, 43)] {
        let institutions: Vec<_> =
            (0..count).map(|i| institution(&format!("i{i:02}"), Role::Technology, i)).collect();
        let Policy { seals, .. } = Policy::quorum(&institutions, &[], 0);
        let [Member::Group(quorum)] = &seals.members[..] else { panic!("one group") };
        assert_eq!(quorum.threshold, threshold, "of {count}");
    }
}

#[test]
fn what_is_missing_is_named_only_in_groups_that_are_not_met() {
    let genesis = sample();
    let missing =
        |names: &str, timestamps| genesis.policy.missing(&genesis.institutions, &sealed(names), timestamps);
    let found = missing("ca court", 0);
    assert_eq!(found.members, ["forensic", "notary", "role notary"].map(str::to_owned).into());
    assert_eq!((found.seals, found.timestamps), ((1, 3), (0, 1)));
    assert!(missing("ca court notary", 1).members.is_empty());
    assert!(missing("ca court notary", 1).is_met());
}

#[test]
fn a_role_is_met_by_any_institution_that_has_it_and_each_counts_once() {
    let institutions = [institution("a", Role::Court, 1), institution("b", Role::Court, 2)];
    let courts =
        Policy { seals: Group { threshold: 1, members: vec![Member::Role(Role::Court)] }, timestamps: 0 };
    assert!(courts.is_met(&institutions, &sealed("b"), 0));
    let both = Policy { seals: Group { threshold: 2, members: vec![one("a"), one("b")] }, timestamps: 0 };
    assert!(!both.is_met(&institutions, &sealed("a"), 0));
    let twice = Policy { seals: Group { threshold: 2, members: vec![one("a"), one("a")] }, timestamps: 0 };
    assert!(twice.check(&institutions).is_err());
}

fn nested(depth: usize) -> Group {
    (1..depth).fold(Group { threshold: 1, members: vec![one("ca")] }, |inner, _| Group {
        threshold: 1,
        members: vec![Member::Group(inner)],
    })
}

#[test]
fn a_policy_that_cannot_be_used_is_refused() {
    let institutions = sample().institutions;
    let check = |seals: Group, expected: Result<(), PolicyError>| {
        assert_eq!(Policy { seals, timestamps: 0 }.check(&institutions), expected);
    };
    let of = |threshold, members| Group { threshold, members };
    check(of(0, vec![one("ca")]), Err(PolicyError::Threshold { threshold: 0, members: 1 }));
    check(of(2, vec![one("ca")]), Err(PolicyError::Threshold { threshold: 2, members: 1 }));
    check(of(1, vec![one("bank")]), Err(PolicyError::Unknown { member: "bank".to_owned() }));
    let technology = Err(PolicyError::Unknown { member: "role technology".to_owned() });
    check(of(1, vec![Member::Role(Role::Technology)]), technology);
    check(nested(DEPTH_MAX), Ok(()));
    check(nested(DEPTH_MAX + 1), Err(PolicyError::Depth));
}

#[test]
fn deep_nesting_is_refused_before_it_can_exhaust_the_stack() {
    let of = |depth| canonical(&nested(depth));
    assert_eq!(from_canonical::<Group>("group", &of(DEPTH_MAX)), Ok(nested(DEPTH_MAX)));
    assert!(from_canonical::<Group>("group", &of(DEPTH_MAX + 1)).is_err());
    // [1, [[2, [[1, [[2, [...
    let bomb = [0x82, 0x01, 0x81, 0x82, 0x02, 0x81].repeat(500_000);
    assert!(from_canonical::<Group>("group", &bomb).is_err());
}

#[test]
fn a_member_in_another_form_is_refused() {
    for bytes in [
        &[0x82, 0x01, 0x81, 0x82, 0x03, 0x81, 0x01][..], // an unknown kind
        &[0x82, 0x01, 0x81, 0x82, 0x01, 0x81, 0x00],     // an unknown role
        &[0x82, 0x01, 0x81, 0x82, 0x01, 0x82, 0x01, 0x01], // a second value
        &[0x82, 0x01, 0x81, 0x83, 0x01, 0x81, 0x01, 0x00], // a third element
        &[0x82, 0x01, 0x9f, 0xff],                       // an array without length
    ] {
        assert!(from_canonical::<Group>("group", bytes).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn a_policy_follows_the_members_where_it_names_all_and_loses_who_is_gone_elsewhere() {
    let before = sample().institutions;
    let after: Vec<_> = before.iter().filter(|i| i.id.as_str() != "notary").cloned().collect();
    let of = |threshold, members: &[&str]| Group {
        threshold,
        members: members.iter().map(|id| one(id)).collect(),
    };
    let named = |institutions: &[Institution]| -> Vec<_> {
        institutions.iter().map(|i| Member::Institution(i.id.clone())).collect()
    };
    let two = |first, second| Policy {
        seals: Group { threshold: 2, members: vec![Member::Group(first), Member::Group(second)] },
        timestamps: 1,
    };
    let quorum = Policy::quorum(&before, &[], 1).seals.members[0].clone();
    let Member::Group(quorum) = quorum else { panic!("a group") };
    let fewer = Policy::quorum(&after, &[], 1).seals.members[0].clone();
    let Member::Group(fewer) = fewer else { panic!("a group") };
    let policy = two(quorum, of(1, &["court", "notary"]));
    assert_eq!(policy.adjusted(&before, &after), two(fewer, of(1, &["court"])));
    assert_eq!(policy.adjusted(&before, &before), policy);

    // A threshold that people chose stays theirs; one that cannot be met any more is left for them to see.
    let all = Group { threshold: 1, members: named(&before) };
    let policy = Policy { seals: all, timestamps: 0 };
    assert_eq!(policy.adjusted(&before, &after).seals, Group { threshold: 1, members: named(&after) });
    let both = Policy { seals: of(2, &["court", "notary"]), timestamps: 0 };
    assert!(both.adjusted(&before, &after).check(&after).is_err());
}
