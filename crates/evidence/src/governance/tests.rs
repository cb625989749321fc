use super::*;
use crate::genesis::tests::{check_pinned, key, sample};

const LEDGER: LedgerId = LedgerId([4; 32]);

fn court() -> InstitutionId {
    "court".parse().unwrap()
}

fn keys() -> Keys {
    Keys::prove(&LEDGER, &court(), &key(40), &key(41), "node.court.example:7400".to_owned()).unwrap()
}

fn invite() -> Invite {
    let name = LocalName { zh: "大学".to_owned(), en: "University".to_owned() };
    let key = key(50).public_key().as_bytes().try_into().unwrap();
    Invite { institution: "university".parse().unwrap(), role: Role::Forensic, name, key }
}

fn propose(step: Step, policy: Option<Policy>) -> Governance {
    Governance::Propose(Change { step, policy })
}

#[test]
fn the_encodings_are_pinned_and_read_back() {
    let rows = [
        (
            propose(Step::Invite(invite()), None),
            "2cbda2c46f1a7bf5f94ed5dc4f3973002458ada364206496060340370aa2e8b8",
        ),
        (
            propose(Step::Suspend(court()), None),
            "704e848c57d522530a1030843695ac6a010a4be893298dc6868c88c2fd53e990",
        ),
        (
            propose(Step::Readmit(court()), None),
            "b567acb4b117f7ac138c103b55657e2379e465165902be7bffbb22036b1522eb",
        ),
        (
            propose(Step::Remove(court()), Some(sample().policy)),
            "c61268ac5b858a724e8bdf1686b910d65b9a7e8a01efb5cd3ef2d82b36db8d28",
        ),
        (
            propose(Step::Policy, Some(sample().policy)),
            "e57a5461f9c5ea107c217940a6213832e2d673cffb20da7ec09bd67f44b99c0b",
        ),
        (
            propose(Step::Suites(vec![-7, -8, -65_601]), None),
            "7faa30b9171ce9ddad832b32cec458e4e6b6a8c330991656802ea0fb93b561e5",
        ),
        (
            Governance::Vote(Vote { proposal: 7, approve: true }),
            "fd117f7b3ab380083b1e0125d29437dd27c07c3b28617ee7aaa7ad6d9dbd3552",
        ),
        (Governance::Withdraw(7), "c174c906702020ae8a0e6a6740ac8fddf67fae32595468f46dd845330711f93a"),
        (Governance::Confirm(keys()), "b48ef2f9f449b0ea21fc72dec2200cf2ee81b00ac62dfcd5f9688cbd8bb7caa3"),
        (Governance::Leave, "557f9ed2018e33506544da0da47b0a222664a7878601e6c0bc09679f002baad7"),
        (Governance::Rotate(keys()), "811f426a789b59bd0e520365bb7cb837d46b94f41fce23cec69ed053177b396a"),
    ];
    for (said, pinned) in rows {
        let bytes = said.encode();
        check_pinned(&bytes, pinned);
        assert_eq!(Governance::parse(&bytes), Ok(said));
        assert!(Governance::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
        for end in 0..bytes.len() {
            assert!(Governance::parse(&bytes[..end]).is_err());
        }
    }
}

#[test]
fn each_bound_is_named_when_it_is_broken() {
    let check = |said: Governance, expected: &str| {
        let said = Governance::parse(&said.encode()).unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    check(propose(Step::Policy, None), "policy: missing");
    for suites in [&[][..], &[-8, -7], &[-8, -8], &[-8, -999]] {
        check(propose(Step::Suites(suites.to_vec()), None), "suites: ");
    }
    let mut long = sample().policy;
    long.seals.members = vec![crate::Member::Institution(court()); 800];
    check(propose(Step::Policy, Some(long)), "policy: ");
    for name in ["", "two\nlines", &"x".repeat(257)] {
        let name = LocalName { en: name.to_owned(), ..invite().name };
        check(propose(Step::Invite(Invite { name, ..invite() }), None), "name: ");
    }
    // No point of the curve.
    let no_key = [2; 32];
    check(propose(Step::Invite(Invite { key: no_key, ..invite() }), None), "key: ");
    check(Governance::Rotate(Keys { consensus_key: no_key, ..keys() }), "keys: ");
    check(Governance::Confirm(Keys { seal_key: no_key, ..keys() }), "keys: ");
    check(Governance::Confirm(Keys { address: "court".to_owned(), ..keys() }), "address: ");
}

#[test]
fn proofs_hold_for_their_keys_institution_and_ledger_only() {
    let good = keys();
    assert_eq!(good.verify(&LEDGER, &court()), Ok(()));
    assert!(good.verify(&LedgerId([5; 32]), &court()).is_err());
    assert!(good.verify(&LEDGER, &"notary".parse().unwrap()).is_err());
    let other = Keys::prove(&LEDGER, &court(), &key(42), &key(41), good.address.clone()).unwrap();
    for keys in [
        Keys { consensus_key: other.consensus_key, ..good.clone() },
        Keys { consensus_proof: other.consensus_proof, ..good.clone() },
        Keys { seal_proof: other.seal_proof, ..good.clone() },
        Keys { seal_proof: good.consensus_proof, ..good.clone() },
    ] {
        assert!(keys.verify(&LEDGER, &court()).is_err());
    }
    // The address may change without new proofs: the statement's own signature covers it.
    assert_eq!(Keys { address: "elsewhere:1".to_owned(), ..good }.verify(&LEDGER, &court()), Ok(()));
}
