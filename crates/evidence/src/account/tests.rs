use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_types::LedgerId;

use super::*;
use crate::{
    Body, DepositBody, Statement, StatementDraft,
    genesis::tests::{check_pinned, key},
};

/// Three keys, one of each suite, that weigh 2, 2 and 3.
pub(crate) fn weighted() -> (AccountSpec, Vec<SigningKey>) {
    let keys: Vec<_> =
        SignatureAlg::ALL.into_iter().map(|alg| SigningKey::from_seed(alg, &[0x33; 32]).unwrap()).collect();
    let mut spec = AccountSpec::single([5; 16], keys[0].public_key());
    spec.keys = keys
        .iter()
        .zip([2, 2, 3])
        .map(|(key, weight)| WeightedKey { key: key.public_key(), weight })
        .collect();
    spec.keys.sort_by_key(|one| one.key.id());
    spec.deposit_threshold = 4;
    spec.manage_threshold = 7;
    (spec, keys)
}

fn statement(account: &Account, keys: &[&SigningKey]) -> Statement {
    let body = DepositBody { manifest_root: [1; 32], digests: vec![], phase: None };
    let (ledger, issued_at) = (LedgerId([2; 32]), TimestampMs(1_800_000_000_000));
    let draft =
        StatementDraft { issuer: account.id, ledger, issued_at, group: None, body: Body::Deposit(body) };
    draft.sign(keys).unwrap()
}

#[test]
fn the_encodings_are_pinned() {
    let (mut spec, _) = weighted();
    check_pinned(&canonical(&spec), "d16604920d38787a8ef0f9b4819021a83126ed6892e14f6f8914c02920162a08");
    assert_eq!(spec.id().to_string(), "9c5967027cfbd1f4e804fd8fcce7afd4c2afc9c2b303ea9175fed2732a94c330");
    spec.recovery_key = Some(key(9).public_key());
    spec.encryption_key = Some(key(8).public_key());
    check_pinned(&canonical(&spec), "4882186d8f2c3183e4a0389d18ae11d5c0d75ee03302c3e06e442a71ff3cb8a9");
    let mut account = Account::create(&spec, Height(3));
    check_pinned(&canonical(&account), "4496019f0338511ca1d1a4bf896773843812494b368491940a564d97244f1c0d");
    account.recovered_at = Some(TimestampMs(4));
    account.status = AccountStatus::Recovering;
    check_pinned(&canonical(&account), "7bac76e5236116564f5757fabb0a4ca80a3631aa7d5617cde92e8e6d3e16a596");
    assert_eq!(Account::state_key(&account.id)[..8], *b"account/");
}

#[test]
fn the_id_names_the_first_keys_and_the_salt() {
    let one = AccountSpec::single([1; 16], key(1).public_key());
    assert_ne!(one.id(), AccountSpec::single([2; 16], key(1).public_key()).id());
    assert_ne!(one.id(), AccountSpec::single([1; 16], key(2).public_key()).id());
    assert_eq!(Account::create(&one, Height(1)).id, one.id());
}

#[test]
fn each_rule_of_a_specification_is_named_when_it_is_broken() {
    let check = |change: &dyn Fn(&mut AccountSpec), expected: &str| {
        let (mut spec, _) = weighted();
        change(&mut spec);
        let said = spec.check().unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    weighted().0.check().unwrap();
    check(&|s| s.keys.clear(), "0 keys");
    check(&|s| s.keys = vec![s.keys[0].clone(); KEYS_MAX + 1], "17 keys");
    check(&|s| s.keys.swap(0, 1), "sorted");
    check(&|s| s.keys[1] = s.keys[0].clone(), "sorted");
    check(&|s| s.keys[1].weight = 0, "weight of 0");
    check(&|s| s.keys[1].weight = WEIGHT_MAX, "add up");
    check(&|s| s.deposit_threshold = 0, "deposit threshold");
    check(&|s| s.manage_threshold = 8, "manage threshold is 8");
}

#[test]
fn signing_weights_are_counted_once_per_key_and_by_action() {
    let (spec, keys) = weighted();
    let account = Account::create(&spec, Height(1));
    let judge =
        |action, signers: &[&SigningKey]| account.verify(action, statement(&account, signers).signatures());
    assert_eq!(judge(Action::Deposit, &[&keys[0], &keys[1]]), Ok(()));
    assert_eq!(judge(Action::Deposit, &[&keys[2], &keys[0]]), Ok(()));
    assert_eq!(judge(Action::Deposit, &[&keys[2]]), Err(AuthorityError::Threshold { sum: 3, need: 4 }));
    assert_eq!(
        judge(Action::Manage, &[&keys[2], &keys[0]]),
        Err(AuthorityError::Threshold { sum: 5, need: 7 })
    );
    assert_eq!(judge(Action::Manage, &[&keys[0], &keys[1], &keys[2]]), Ok(()));
    let repeated = keys[2].public_key().id();
    assert_eq!(
        judge(Action::Deposit, &[&keys[2], &keys[2]]),
        Err(AuthorityError::RepeatedKey { key: repeated })
    );
    let stranger = AuthorityError::UnknownKey { key: key(1).public_key().id(), account: account.id };
    assert_eq!(judge(Action::Deposit, &[&keys[0], &keys[1], &key(1)]), Err(stranger));
}

#[test]
fn a_frozen_or_recovering_account_does_nothing() {
    let (spec, keys) = weighted();
    for (status, word) in [(AccountStatus::Frozen, "frozen"), (AccountStatus::Recovering, "recovering")] {
        let account = Account { status, ..Account::create(&spec, Height(1)) };
        let signed = statement(&account, &[&keys[0], &keys[1]]);
        let said = account.verify(Action::Deposit, signed.signatures()).unwrap_err();
        assert_eq!(said, AuthorityError::Status { account: account.id, status: word });
    }
}

#[test]
fn one_changed_bit_in_any_signature_fails() {
    let (spec, keys) = weighted();
    let account = Account::create(&spec, Height(1));
    let signed = statement(&account, &[&keys[0], &keys[1], &keys[2]]);
    for at in 0..3 {
        let mut signatures = signed.signatures().to_vec();
        signatures[at].bytes[7] ^= 1;
        let said = account.verify(Action::Deposit, &signatures);
        assert!(matches!(said, Err(AuthorityError::Signature { key, .. }) if key == signatures[at].key));
    }
    // A countersignature covers the first signature, so it cannot be moved to another signing of the same content.
    let (first, second) = (signed.signatures()[0].clone(), signed.signatures()[1].clone());
    let other = statement(&account, &[&keys[2], &keys[1]]);
    assert_eq!(other.signatures()[1].verify(&keys[1].public_key()), Ok(()));
    assert_ne!(other.signatures()[1].message, second.message);
    assert!(second.verify(&keys[0].public_key()).is_err(), "another suite");
    assert_eq!(first.verify(&keys[0].public_key()), Ok(()));
}
