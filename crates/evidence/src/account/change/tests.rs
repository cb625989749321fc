use proptest::prelude::*;
use xiezhi_crypto::SigningKey;
use xiezhi_types::LedgerId;

use super::*;
use crate::{
    Body, Statement, StatementDraft,
    account::{AccountSpec, AuthorityError},
    genesis::tests::{check_pinned, key},
};

const DAY_MS: u64 = 24 * 3600 * 1000;

fn authority(of: &[&SigningKey], threshold: u32) -> Authority {
    let mut keys: Vec<_> = of.iter().map(|key| WeightedKey { key: key.public_key(), weight: 1 }).collect();
    keys.sort_by_key(|one| one.key.id());
    Authority { keys, deposit_threshold: threshold, manage_threshold: threshold }
}

/// An account with the key 1, and the recovery key 9.
fn account() -> Account {
    let mut spec = AccountSpec::single([7; 16], key(1).public_key());
    spec.recovery_key = Some(key(9).public_key());
    Account::create(&spec, Height(1))
}

fn statement(account: &Account, said: &AccountChange, keys: &[&SigningKey]) -> Statement {
    let (ledger, issued_at) = (LedgerId([2; 32]), TimestampMs(1_800_000_000_000));
    let body = Body::Change(said.clone());
    StatementDraft { issuer: account.id, ledger, issued_at, group: None, body }.sign(keys).unwrap()
}

/// Signs, judges and carries out, as the ledger does.
fn say(
    account: &Account,
    said: &AccountChange,
    keys: &[&SigningKey],
    (height, days): (u64, u64),
) -> Result<Account, String> {
    let signed = statement(account, said, keys);
    assert_eq!(*signed.body(), Body::Change(said.clone()), "reads back");
    let judged = account.as_of(Height(height));
    judged.verify(signed.action(), signed.signatures()).map_err(|e| e.to_string())?;
    account.change(said, Height(height), TimestampMs(days * DAY_MS)).map_err(|e| e.code().to_owned())
}

fn order(account: &Account, reference: &str) -> Order {
    Order { account: account.id, reference: reference.to_owned(), document: [4; 32] }
}

fn court() -> InstitutionId {
    "court".parse().unwrap()
}

#[test]
fn the_encodings_are_pinned() {
    let account = account();
    let two = authority(&[&key(2), &key(3)], 2);
    let lifting = Lifting { order: order(&account, "2"), institution: court(), freezing: "1".to_owned() };
    let all = [
        AccountChange::Authority(two.clone()),
        AccountChange::Recovery(Recovery { key: None, delay_s: Some(7200) }),
        AccountChange::Encryption(Encryption { key: Some(key(4).public_key()) }),
        AccountChange::BeginReset(two.clone()),
        AccountChange::CancelReset,
        AccountChange::FinishReset,
        AccountChange::Transfer(Successor { account: None }),
        AccountChange::Accept(account.id),
        AccountChange::Freeze(order(&account, "1")),
        AccountChange::Unfreeze(lifting),
    ];
    for said in &all {
        assert_eq!(AccountChange::parse(&said.encode()).as_ref(), Ok(said));
    }
    let bytes: Vec<u8> = all.iter().flat_map(AccountChange::encode).collect();
    check_pinned(&bytes, "38b4e657fe6caa859f1f0ca6a3a6cb22487169c0104ee4ecfd391038f0b74b2b");
    let mut changed = account.change(&all[3], Height(5), TimestampMs(DAY_MS)).unwrap();
    changed = changed.freeze(&court(), &order(&account, "1"), Height(6)).unwrap();
    changed.successor = Some(account.id);
    changed.keys_changed = Some(TimestampMs(3));
    changed.recovery_delay_s = Some(7200);
    check_pinned(&canonical(&changed), "2f28a0834daf2ba5a9204ebe47347fdb580ef8594d57a1506b0de4dba5d3dc49");
}

#[test]
fn what_is_out_of_bounds_is_named() {
    let account = account();
    let of = |said: AccountChange| AccountChange::parse(&said.encode()).unwrap_err();
    let mut none = authority(&[&key(2)], 1);
    none.manage_threshold = 2;
    assert!(of(AccountChange::Authority(none.clone())).contains("manage threshold is 2"));
    assert!(of(AccountChange::BeginReset(none)).contains("manage threshold is 2"));
    let short = Recovery { key: None, delay_s: Some(RECOVERY_DELAY_MIN_S - 1) };
    assert!(of(AccountChange::Recovery(short)).contains("delay"));
    for reference in ["", "a\nb", &"x".repeat(REFERENCE_BYTES_MAX + 1)] {
        assert!(of(AccountChange::Freeze(order(&account, reference))).contains("reference"));
    }
}

#[test]
fn a_stolen_authority_key_loses_to_the_recovery_key() {
    let (owner, thief, recovery, fresh) = (key(1), key(66), key(9), key(10));
    // The thief has the owner's key and takes the account over.
    let takes = AccountChange::Authority(authority(&[&thief], 1));
    let taken = say(&account(), &takes, &[&owner], (10, 100)).unwrap();
    let keep = AccountChange::Recovery(Recovery { key: Some(thief.public_key()), delay_s: None });
    assert!(say(&taken, &keep, &[&thief], (11, 100)).unwrap_err().contains("recovery key"));
    let begin = AccountChange::BeginReset(authority(&[&fresh], 1));
    assert!(say(&taken, &begin, &[&thief], (11, 100)).is_err());
    let begun = say(&taken, &begin, &[&recovery], (12, 101)).unwrap();
    assert_eq!(begun.status, AccountStatus::Recovering);
    // It can neither act nor object: its key is younger than the delay.
    assert!(say(&begun, &takes, &[&thief], (13, 102)).unwrap_err().contains("recovering"));
    assert_eq!(
        say(&begun, &AccountChange::CancelReset, &[&thief], (13, 102)),
        Err("account-keys-too-young".to_owned())
    );
    let finish = AccountChange::FinishReset;
    assert_eq!(say(&begun, &finish, &[&recovery], (14, 107)), Err("account-reset-too-early".to_owned()));
    let done = say(&begun, &finish, &[&recovery], (15, 108)).unwrap();
    assert_eq!((done.status, done.recovered_at), (AccountStatus::Normal, Some(TimestampMs(108 * DAY_MS))));
    assert_eq!(done.authority(), authority(&[&fresh], 1));
    assert!(say(&done, &takes, &[&thief], (16, 109)).is_err());
    assert!(say(&done, &takes, &[&fresh], (16, 109)).is_ok());
}

#[test]
fn a_stolen_recovery_key_loses_to_cancellation_within_the_delay() {
    let (owner, stolen, thief) = (key(1), key(9), key(66));
    let begin = AccountChange::BeginReset(authority(&[&thief], 1));
    let begun = say(&account(), &begin, &[&stolen], (12, 101)).unwrap();
    let cancel = AccountChange::CancelReset;
    assert!(say(&begun, &cancel, &[&stolen], (13, 102)).is_err());
    assert!(say(&begun, &begin, &[&stolen], (13, 102)).is_err(), "one at a time");
    assert_eq!(say(&begun, &cancel, &[&owner], (13, 108)), Err("account-reset-too-late".to_owned()));
    let safe = say(&begun, &cancel, &[&owner], (13, 107)).unwrap();
    assert_eq!((safe.status, safe.authority()), (AccountStatus::Normal, account().authority()));
    assert_eq!(
        say(&safe, &AccountChange::FinishReset, &[&stolen], (14, 120)),
        Err("account-no-reset".to_owned())
    );
    // Another recovery key needs both.
    let other = AccountChange::Recovery(Recovery { key: Some(key(11).public_key()), delay_s: Some(3600) });
    assert!(say(&safe, &other, &[&stolen], (15, 108)).is_err());
    assert!(say(&safe, &other, &[&owner], (15, 108)).is_err());
    let safe = say(&safe, &other, &[&owner, &stolen], (15, 108)).unwrap();
    assert!(say(&safe, &begin, &[&stolen], (16, 109)).is_err());
    assert!(say(&safe, &begin, &[&key(11)], (16, 109)).is_ok());
}

#[test]
fn a_frozen_account_does_nothing_and_is_not_reset_until_every_order_is_lifted() {
    let (owner, recovery) = (key(1), key(9));
    let begin = AccountChange::BeginReset(authority(&[&key(10)], 1));
    let begun = say(&account(), &begin, &[&recovery], (5, 100)).unwrap();
    let frozen = begun.freeze(&court(), &order(&begun, "order 1"), Height(6)).unwrap();
    let frozen = frozen.freeze(&court(), &order(&begun, "order 2"), Height(7)).unwrap();
    assert!(matches!(
        frozen.freeze(&court(), &order(&begun, "order 2"), Height(8)),
        Err(ChangeError::Ordered { .. })
    ));
    assert_eq!(frozen.status, AccountStatus::Frozen);
    for (said, signer) in [
        (AccountChange::Encryption(Encryption { key: None }), &owner),
        (AccountChange::CancelReset, &owner),
        (AccountChange::FinishReset, &recovery),
    ] {
        assert!(say(&frozen, &said, &[signer], (9, 120)).unwrap_err().contains("frozen"));
    }
    let signed = statement(&frozen, &AccountChange::CancelReset, &[&owner]);
    let said = frozen.verify(Action::Deposit, signed.signatures());
    assert_eq!(said, Err(AuthorityError::Status { account: frozen.id, status: "frozen" }));
    let lift = |freezing: &str| Lifting {
        order: order(&frozen, "lifted"),
        institution: court(),
        freezing: freezing.to_owned(),
    };
    let at = |days| TimestampMs(days * DAY_MS);
    assert!(matches!(
        frozen.unfreeze(&lift("order 3"), Height(9), at(120)),
        Err(ChangeError::NoOrder { .. })
    ));
    let one = frozen.unfreeze(&lift("order 1"), Height(9), at(120)).unwrap();
    assert_eq!(one.status, AccountStatus::Frozen);
    let none = one.unfreeze(&lift("order 2"), Height(10), at(121)).unwrap();
    // The owner has the whole delay again.
    assert_eq!((none.status, none.reset.as_ref().unwrap().until), (AccountStatus::Recovering, at(128)));
    assert!(say(&none, &AccountChange::CancelReset, &[&owner], (11, 127)).is_ok());
}

#[test]
fn an_account_goes_to_the_successor_that_accepts_it_and_does_nothing_any_more() {
    let (owner, other) = (key(1), AccountId([8; 32]));
    let offer = |account| AccountChange::Transfer(Successor { account });
    let offered = say(&account(), &offer(Some(other)), &[&owner], (5, 100)).unwrap();
    assert!(matches!(account().succeed(&other, Height(6)), Err(ChangeError::NotOffered { .. })));
    assert!(offered.succeed(&AccountId([9; 32]), Height(6)).is_err());
    let back = say(&offered, &offer(None), &[&owner], (6, 100)).unwrap();
    assert!(back.succeed(&other, Height(7)).is_err());
    let gone = offered.succeed(&other, Height(6)).unwrap();
    assert_eq!((gone.status, gone.successor), (AccountStatus::Transferred, Some(other)));
    assert!(say(&gone, &offer(None), &[&owner], (7, 100)).is_err());
    assert!(gone.freeze(&court(), &order(&gone, "1"), Height(7)).is_err());
    // Whoever is offered to itself stays.
    let own = account().id;
    let offered = say(&account(), &offer(Some(own)), &[&owner], (5, 100)).unwrap();
    assert!(offered.succeed(&own, Height(6)).is_err());
}

#[test]
fn what_an_account_may_do_in_a_block_is_what_it_might_do_at_its_beginning() {
    let (old, new) = (key(1), key(2));
    let change = AccountChange::Authority(authority(&[&new], 1));
    let first = say(&account(), &change, &[&old], (5, 100)).unwrap();
    // In the same block the old key still signs, after it only the new one.
    let encryption = AccountChange::Encryption(Encryption { key: Some(key(4).public_key()) });
    assert!(say(&first, &encryption, &[&new], (5, 100)).is_err());
    let second = say(&first, &encryption, &[&old], (5, 100)).unwrap();
    assert_eq!(second.as_of(Height(5)).authority(), account().authority());
    assert_eq!(second.as_of(Height(6)).authority(), authority(&[&new], 1));
    assert!(say(&second, &change, &[&old], (6, 100)).is_err());
    assert_eq!(say(&second, &change, &[&new], (6, 101)), Err("account-nothing-changes".to_owned()));
}

#[test]
fn an_institutions_account_does_not_change_so() {
    let account = crate::alliance::institution_account(account().id, vec![key(1).public_key()], Height(0));
    let change = AccountChange::Authority(authority(&[&key(2)], 1));
    assert_eq!(say(&account, &change, &[&key(1)], (5, 100)), Err("account-of-institution".to_owned()));
    assert!(account.freeze(&court(), &order(&account, "1"), Height(5)).is_err());
    assert!(!super::tests::account().is_institution());
}

/// A model that knows owners by name: who holds the authority, what is pending, how often it is frozen.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    owner: u8,
    changed: Option<u64>,
    reset: Option<(u8, u64)>,
    frozen: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Take(u8),
    Begin(u8),
    Cancel,
    Finish,
    Freeze,
    Lift,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        (2u8..6).prop_map(Step::Take),
        (2u8..6).prop_map(Step::Begin),
        Just(Step::Cancel),
        Just(Step::Finish),
        Just(Step::Freeze),
        Just(Step::Lift),
        (1u64..9).prop_map(Step::Wait),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #[test]
    fn random_sequences_agree_with_a_model(steps in steps()) {
        let mut real = account();
        let mut model = Model { owner: 1, changed: None, reset: None, frozen: 0 };
        let (mut day, mut orders) = (100, 0u32);
        for (height, step) in (2u64..).zip(steps) {
            let (before, at) = (model.clone(), (height, day));
            let idle = model.frozen == 0 && model.reset.is_none();
            let done = match step {
                Step::Wait(days) => { day += days; continue }
                Step::Take(to) => {
                    if idle && model.owner != to {
                        (model.owner, model.changed) = (to, Some(day));
                    }
                    let said = AccountChange::Authority(authority(&[&key(to)], 1));
                    say(&real, &said, &[&key(before.owner)], at).ok()
                }
                Step::Begin(to) => {
                    if idle { model.reset = Some((to, day)); }
                    say(&real, &AccountChange::BeginReset(authority(&[&key(to)], 1)), &[&key(9)], at).ok()
                }
                Step::Cancel => {
                    let young = |begun: u64| model.changed.is_some_and(|changed| changed + 7 > begun);
                    if model.frozen == 0 && model.reset.is_some_and(|(_, begun)| day < begun + 7)
                        && real.reset.as_ref().is_some_and(|reset| !young(reset.begun.0 / DAY_MS)) {
                        model.reset = None;
                    }
                    say(&real, &AccountChange::CancelReset, &[&key(before.owner)], at).ok()
                }
                Step::Finish => {
                    if model.frozen == 0 && let Some((to, begun)) = model.reset && day >= begun + 7 {
                        (model.owner, model.changed, model.reset) = (to, None, None);
                    }
                    say(&real, &AccountChange::FinishReset, &[&key(9)], at).ok()
                }
                Step::Freeze => {
                    orders += 1;
                    if model.frozen < ORDERS_MAX { model.frozen += 1; }
                    real.freeze(&court(), &order(&real, &orders.to_string()), Height(height)).ok()
                }
                Step::Lift => {
                    let first = real.freezings.first().map(|one| one.reference.clone());
                    if model.frozen > 0 {
                        model.frozen -= 1;
                        if model.frozen == 0 && let Some((_, begun)) = &mut model.reset { *begun = (*begun).max(day); }
                    }
                    let lifting = Lifting {
                        order: order(&real, "lifted"),
                        institution: court(),
                        freezing: first.unwrap_or_default(),
                    };
                    real.unfreeze(&lifting, Height(height), TimestampMs(day * DAY_MS)).ok()
                }
            };
            let takes_what_it_has = matches!(step, Step::Take(to) if to == before.owner);
            prop_assert!(takes_what_it_has || done.is_some() == (model != before), "{step:?} of {before:?}");
            real = done.unwrap_or(real);
            prop_assert_eq!(real.authority(), authority(&[&key(model.owner)], 1));
            let status = match (model.frozen, model.reset) {
                (0, None) => AccountStatus::Normal,
                (0, Some(_)) => AccountStatus::Recovering,
                _ => AccountStatus::Frozen,
            };
            prop_assert_eq!(real.status, status);
        }
    }
}
