use xiezhi_crypto::{SignatureAlg, SigningKey};

use super::*;
use crate::{
    Group,
    genesis::tests::{check_pinned, institution, sample},
    governance::Step,
};

/// An alliance with everything in it.
pub(crate) fn full() -> Alliance {
    let mut alliance = Alliance::at_genesis(&sample());
    let mut next = Term { number: 1, from: Height(50), ..alliance.term.clone() };
    next.members.push(Member {
        institution: institution("university", Role::Forensic, 5),
        status: MemberStatus::Suspended,
        address: Some("node.university.example:7400".to_owned()),
    });
    alliance.next = Some(next);
    alliance.proposals.push(Proposal {
        number: 3,
        proposer: "court".parse().unwrap(),
        change: Change { step: Step::Remove("ca".parse().unwrap()), policy: Some(sample().policy) },
        until: TimestampMs(1_800_000_000_000),
        approved: vec!["court".parse().unwrap(), "notary".parse().unwrap()],
        refused: vec!["forensic".parse().unwrap()],
    });
    alliance.invitations.push(Invitation {
        institution: "bank".parse().unwrap(),
        role: Role::Technology,
        name: LocalName { zh: "银行".to_owned(), en: "Bank".to_owned() },
        key: [7; 32],
        policy: None,
        until: TimestampMs(1_800_000_000_001),
    });
    alliance.next_proposal = 4;
    alliance
}

#[test]
fn the_encodings_are_pinned_and_read_back() {
    let begin = Alliance::at_genesis(&sample());
    check_pinned(&begin.encode(), "6a87d135446f3fc2ee82c2f3a8fbbba810942480e8cd321b19de6153b1d101b5");
    check_pinned(&full().encode(), "96a665771e706d7eab7bdf5c1bbe4ea099113c0320be964f410800990ffafb10");
    for alliance in [begin, full()] {
        let bytes = alliance.encode();
        assert_eq!(Alliance::parse(&bytes), Ok(alliance));
        assert!(Alliance::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
        for end in 0..bytes.len() {
            assert!(Alliance::parse(&bytes[..end]).is_err());
        }
    }
    let other = Alliance { version: 2, ..full() };
    assert!(Alliance::parse(&other.encode()).unwrap_err().to_string().contains("version 2"));
}

#[test]
fn the_term_of_a_height_is_the_current_one_until_the_next_begins() {
    let alliance = full();
    let number = |height| alliance.term_at(Height(height)).map(|term| term.number);
    assert_eq!([0, 49, 50, 51].map(number), [Some(0), Some(0), Some(1), Some(1)]);
    let begun = Alliance { term: alliance.next.clone().unwrap(), next: None, ..alliance.clone() };
    assert_eq!(begun.term_at(Height(49)), None);
    assert_eq!(begun.term_at(Height(50)).unwrap().number, 1);
}

#[test]
fn each_rule_of_a_term_is_named_when_it_is_broken() {
    let check = |change: &dyn Fn(&mut Term), expected: &str| {
        let mut term = full().next.unwrap();
        assert_eq!(term.check(), Ok(()));
        change(&mut term);
        let said = term.check().unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(&|t| t.members[0].status = MemberStatus::Suspended, "3 active members");
    check(&|t| t.members.swap(0, 1), "sorted");
    check(&|t| t.members[4] = t.members[3].clone(), "sorted");
    check(
        &|t| t.members[4].institution.seal_key = t.members[0].institution.seal_key,
        "ca shares a key with another",
    );
    check(
        &|t| t.members[4].institution.consensus_key = t.members[1].institution.consensus_key,
        "court shares a key with another",
    );
    // A suspended member cannot be asked for its seal.
    let id: InstitutionId = "university".parse().unwrap();
    check(
        &|t| t.policy.seals = Group { threshold: 1, members: vec![crate::Member::Institution(id.clone())] },
        "policy",
    );
    check(
        &|t| {
            let many = (0..61).map(|at| Member {
                institution: institution(&format!("z{at:02}"), Role::Court, 60 + at),
                status: MemberStatus::Active,
                address: None,
            });
            t.members.extend(many);
        },
        "66 members",
    );
}

#[test]
fn a_quorum_bears_a_third_and_counts_active_members_only() {
    let mut term = full().next.unwrap();
    let mut quorum = |active: u8| {
        term.members = (0..active)
            .map(|at| Member {
                institution: institution(&format!("i{at:02}"), Role::Court, at + 1),
                status: MemberStatus::Active,
                address: None,
            })
            .collect();
        term.members.push(Member { status: MemberStatus::Suspended, ..term.members[0].clone() });
        term.quorum()
    };
    assert_eq!([4, 5, 6, 7, 10, 64].map(&mut quorum), [3, 4, 5, 5, 7, 43]);
}

#[test]
fn an_institution_s_account_outlives_its_keys_and_manages_only() {
    let court = "court".parse().unwrap();
    let id = institution_account_id(&LedgerId([1; 32]), &court);
    assert_eq!(id.to_string(), "2e055d8552a526c47b5397719b97fd7f6749ef0294efd7d39da9851f6079d43c");
    assert_ne!(id, institution_account_id(&LedgerId([2; 32]), &court));
    let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[3; 32]).unwrap().public_key();
    let account = institution_account(id, vec![key], Height(0));
    check_pinned(&canonical(&account), "980cc45feaa8de06e1b1d6f3892c7063daaf04abae0cb5be388daf71b23555c5");
    assert!(account.keys[0].weight < account.deposit_threshold);
    assert_eq!(account.manage_threshold, 1);
}

#[test]
fn an_account_has_the_keys_of_both_terms_and_of_its_invitation() {
    let mut alliance = full();
    let next = alliance.next.as_mut().unwrap();
    next.members[1].institution.seal_key = [9; 32];
    let keys = alliance.account_keys();
    let of = |id: &str| keys[&id.parse().unwrap()].iter().map(|key| key[0]).collect::<Vec<_>>();
    let seal_key = |seed| institution("x", Role::Court, seed).seal_key[0];
    assert_eq!(of("ca"), [seal_key(1)]);
    assert_eq!(of("court").len(), 2);
    assert_eq!(of("university"), [seal_key(5)]);
    assert_eq!(of("bank"), [7]);
    assert_eq!(keys.len(), 6);
}

#[test]
fn an_address_is_a_host_and_a_port() {
    for good in ["node.court.example:7400", "10.0.0.1:1", "[2001:db8::1]:65535"] {
        assert_eq!(check_address(good), Ok(()), "{good}");
    }
    let long = format!("{}:1", "a".repeat(254));
    for bad in
        ["", "host", "host:", ":1", "host:0", "host:65536", "host:01", "ho st:1", "h/x:1", "主机:1", &long]
    {
        assert!(check_address(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_suites_of_a_term_are_pinned_and_keep_their_rules() {
    let suites = Suites { allowed: vec![-8, -65_601], retired: vec![-7] };
    check_pinned(&canonical(&suites), "4380943e663cac1430cab58380ca00bf4088b9d4443393ecb7e725276c38979c");
    let term = Term { suites: Some(suites.clone()), ..Term::at_genesis(&sample()) };
    assert_eq!(term.check(), Ok(()));
    assert_eq!(term.suites(&sample()), suites);
    let check = |allowed: &[i64], retired: &[i64], expected: &str| {
        let suites = Suites { allowed: allowed.to_vec(), retired: retired.to_vec() };
        let said = Term { suites: Some(suites), ..term.clone() }.check().unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(&[-65_601, -8], &[], "sorted");
    check(&[-8], &[-7, -7], "sorted");
    check(&[-7, -8], &[-7], "both");
    check(&[-7], &[-8], "ed25519");
    check(&[], &[], "ed25519");
    let first = Suites { allowed: vec![-7, -8], retired: vec![] };
    assert_eq!(first.followed_by(&[-8, -65_601]), suites);
    assert_eq!(suites.followed_by(&[-7, -8]).retired, [-65_601], "what was retired can come back");
}
