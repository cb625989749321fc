use proptest::prelude::*;
use xiezhi_types::{canonical, from_canonical};

use super::*;
use crate::{
    account::{AccountChange, AccountSpec, Order},
    genesis::tests::{check_pinned, key},
};

const DELEGATE: AccountId = AccountId([8; 32]);
const NOON: TimestampMs = TimestampMs(1_800_014_400_000);

fn account() -> Account {
    Account::create(&AccountSpec::single([7; 16], key(1).public_key()), Height(1))
}

fn grant(quota: u64) -> Grant {
    let until = TimestampMs(NOON.0 + 10 * DAY_MS);
    Grant {
        delegate: DELEGATE,
        permissions: vec![Permission::Deposit],
        quota,
        daily: None,
        not_before: None,
        until,
    }
}

fn granted(given: Grant) -> Account {
    account().change(&AccountChange::Delegate(given), Height(5), NOON).unwrap()
}

#[test]
fn the_encodings_are_pinned() {
    let full = Grant { daily: Some(3), not_before: Some(NOON), ..grant(10) };
    let all = [AccountChange::Delegate(full.clone()), AccountChange::Revoke(DELEGATE)];
    for said in &all {
        assert_eq!(AccountChange::parse(&said.encode()).as_ref(), Ok(said));
    }
    let bytes: Vec<u8> = all.iter().flat_map(AccountChange::encode).collect();
    check_pinned(&bytes, "0a1eba0b418097205d736acaff5135934761399456972fca9d5b77be7582570a");
    let mut account = granted(full).with_deposits_by(&DELEGATE, 2, Height(6), NOON).unwrap();
    account = account.change(&AccountChange::Revoke(DELEGATE), Height(7), NOON).unwrap();
    account = account.change(&AccountChange::Delegate(grant(1)), Height(7), NOON).unwrap();
    let bytes = canonical(&account);
    check_pinned(&bytes, "62af0bbc1dd0762e96a670809016416b7c286f276cabecdcdaf8b6276d4b9dfd");
    assert_eq!(from_canonical::<Account>("an account", &bytes), Ok(account));
}

#[test]
fn each_rule_of_a_grant_is_named_when_it_is_broken() {
    let check = |change: &dyn Fn(&mut Grant), expected: &str| {
        let mut grant = grant(10);
        change(&mut grant);
        let said = AccountChange::parse(&AccountChange::Delegate(grant).encode()).unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    check(&|g| g.permissions.clear(), "permissions");
    check(&|g| g.permissions.push(Permission::Deposit), "permissions");
    check(&|g| g.quota = 0, "quota");
    check(&|g| g.daily = Some(0), "quota");
    check(&|g| g.not_before = Some(g.until), "until");
    // A permission that this software does not know is no permission.
    let mut bytes = AccountChange::Delegate(grant(10)).encode();
    let at = bytes.windows(3).position(|three| three == [0x02, 0x81, 0x00]).unwrap();
    bytes[at + 2] = 0x01;
    assert!(AccountChange::parse(&bytes).is_err());
}

#[test]
fn a_grant_counts_from_the_next_block_and_within_its_time() {
    let start = TimestampMs(NOON.0 + DAY_MS);
    let account = granted(Grant { not_before: Some(start), ..grant(3) });
    let by = |delegate, height, time| account.with_deposits_by(&delegate, 1, Height(height), time);
    let not_granted = |delegate| DelegationError::NotGranted { grantor: account.id, delegate };
    assert_eq!(by(DELEGATE, 5, start), Err(not_granted(DELEGATE)));
    assert_eq!(by(AccountId([9; 32]), 6, start), Err(not_granted(AccountId([9; 32]))));
    let early = TimestampMs(start.0 - 1);
    assert_eq!(by(DELEGATE, 6, early), Err(DelegationError::NotYet { not_before: start, now: early }));
    let until = grant(3).until;
    assert_eq!(by(DELEGATE, 6, until), Err(DelegationError::Expired { until, now: until }));
    assert_eq!(by(DELEGATE, 6, start).unwrap().delegations[0].used, 1);
    assert_eq!(by(DELEGATE, 6, TimestampMs(until.0 - 1)).unwrap().delegations[0].used, 1);
    // What has ended already is not granted.
    let said = AccountChange::Delegate(grant(3));
    let error = super::super::ChangeError::GrantEnded { until, now: until };
    assert_eq!(Account::change(&super::tests::account(), &said, Height(5), until), Err(error));
}

#[test]
fn what_is_used_counts_at_once_and_a_batch_counts_its_items() {
    let account = granted(grant(10)).with_deposits_by(&DELEGATE, 7, Height(6), NOON).unwrap();
    let over = account.with_deposits_by(&DELEGATE, 4, Height(6), NOON);
    assert_eq!(over, Err(DelegationError::Quota { quota: 10, used: 7, need: 4 }));
    let full = account.with_deposits_by(&DELEGATE, 3, Height(6), NOON).unwrap();
    assert_eq!((full.delegations[0].used, full.delegations[0].left(NOON)), (10, 0));
    assert!(full.before.as_ref().unwrap().height == Height(5), "a deposit is no change of the account");
    // A new grant begins anew.
    let renewed = full.change(&AccountChange::Delegate(grant(10)), Height(7), NOON).unwrap();
    assert_eq!(renewed.delegations[0].left(NOON), 10);
    let in_its_block = renewed.with_deposits_by(&DELEGATE, 1, Height(7), NOON);
    assert_eq!(in_its_block, Err(DelegationError::Quota { quota: 10, used: 10, need: 1 }));
    assert!(renewed.with_deposits_by(&DELEGATE, 1, Height(8), NOON).is_ok());
}

#[test]
fn a_daily_quota_begins_anew_at_midnight() {
    let account = granted(Grant { daily: Some(2), ..grant(5) });
    let midnight = TimestampMs((NOON.0 / DAY_MS + 1) * DAY_MS);
    let before = TimestampMs(midnight.0 - 1);
    let account = account.with_deposits_by(&DELEGATE, 2, Height(6), before).unwrap();
    let over = account.with_deposits_by(&DELEGATE, 1, Height(7), before);
    assert_eq!(over, Err(DelegationError::Daily { daily: 2, used: 2, need: 1 }));
    let account = account.with_deposits_by(&DELEGATE, 2, Height(7), midnight).unwrap();
    let next = TimestampMs(midnight.0 + DAY_MS);
    assert_eq!(account.delegations[0].left(next), 1, "the whole quota is nearer");
    let over = account.with_deposits_by(&DELEGATE, 2, Height(8), next);
    assert_eq!(over, Err(DelegationError::Quota { quota: 5, used: 4, need: 2 }));
}

#[test]
fn what_is_revoked_in_a_block_still_counts_in_it_and_no_longer() {
    let account = granted(grant(2)).with_deposits_by(&DELEGATE, 1, Height(6), NOON).unwrap();
    let revoked = account.change(&AccountChange::Revoke(DELEGATE), Height(6), NOON).unwrap();
    let revoked = revoked.with_deposits_by(&DELEGATE, 1, Height(6), NOON).unwrap();
    let over = revoked.with_deposits_by(&DELEGATE, 1, Height(6), NOON);
    assert_eq!(over, Err(DelegationError::Quota { quota: 2, used: 2, need: 1 }));
    assert!(revoked.as_of(Height(6)).check_deposited_by(&DELEGATE, 1, NOON).is_ok());
    let next = revoked.with_deposits_by(&DELEGATE, 1, Height(7), NOON);
    assert!(matches!(next, Err(DelegationError::NotGranted { .. })));
    assert!(revoked.change(&AccountChange::Revoke(DELEGATE), Height(7), NOON).is_err(), "nothing changes");
}

#[test]
fn a_grantor_that_cannot_act_lets_nobody_act_and_a_reset_ends_what_was_granted() {
    let mut account = granted(grant(9));
    account.recovery_key = Some(key(9).public_key());
    let order = Order { account: account.id, reference: "1".to_owned(), document: [1; 32] };
    let frozen = account.freeze(&"court".parse().unwrap(), &order, Height(6)).unwrap();
    assert!(frozen.with_deposits_by(&DELEGATE, 1, Height(6), NOON).is_ok(), "from the next block on");
    let grantor = account.id;
    let said = frozen.with_deposits_by(&DELEGATE, 1, Height(7), NOON);
    assert_eq!(said, Err(DelegationError::Status { grantor, status: "frozen" }));
    let begins = AccountChange::BeginReset(super::super::Authority {
        keys: account.keys.clone(),
        deposit_threshold: 1,
        manage_threshold: 1,
    });
    let begun = account.change(&begins, Height(6), NOON).unwrap();
    let said = begun.with_deposits_by(&DELEGATE, 1, Height(7), NOON);
    assert_eq!(said, Err(DelegationError::Status { grantor, status: "recovering" }));
    let later = TimestampMs(NOON.0 + 8 * DAY_MS);
    let done = begun.change(&AccountChange::FinishReset, Height(8), later).unwrap();
    assert_eq!(done.delegations, []);
}

#[test]
fn there_are_only_so_many_and_they_are_sorted() {
    let mut account = account();
    for number in (0..DELEGATIONS_MAX as u8).rev() {
        let given = Grant { delegate: AccountId([number; 32]), ..grant(1) };
        account = account.change(&AccountChange::Delegate(given), Height(5), NOON).unwrap();
    }
    assert!(account.delegations.is_sorted_by_key(|one| one.grant.delegate));
    let one_more = Grant { delegate: AccountId([200; 32]), ..grant(1) };
    let said = account.change(&AccountChange::Delegate(one_more), Height(6), NOON);
    assert_eq!(said, Err(super::super::ChangeError::TooManyDelegations));
    let renewed = Grant { delegate: AccountId([3; 32]), ..grant(2) };
    assert!(account.change(&AccountChange::Delegate(renewed), Height(6), NOON).is_ok());
}

/// What happens to two delegates of one account.
#[derive(Debug, Clone)]
enum Step {
    Grant(u8, u64, Option<u64>),
    Revoke(u8),
    Deposit(u8, u64),
    NextBlock(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        (0u8..2, 1u64..9, prop::option::of(1u64..4))
            .prop_map(|(who, quota, daily)| Step::Grant(who, quota, daily)),
        (0u8..2).prop_map(Step::Revoke),
        (0u8..2, 1u64..4).prop_map(|(who, count)| Step::Deposit(who, count)),
        (0u8..2, 1u64..4).prop_map(|(who, count)| Step::Deposit(who, count)),
        (0u64..3).prop_map(Step::NextBlock),
    ];
    prop::collection::vec(one, 1..80)
}

/// A model that keeps every grant for itself, with the list of what was deposited under it: (day, count).
#[derive(Debug, Clone)]
struct Held {
    who: u8,
    quota: u64,
    daily: Option<u64>,
    uses: Vec<(u64, u64)>,
}

proptest! {
    #[test]
    fn no_sequence_passes_a_limit_and_all_agree_with_a_model(steps in steps()) {
        let mut real = account();
        let (mut height, mut day) = (2u64, NOON.0 / DAY_MS);
        // Every grant ever made; which of them hold now, and which did when the block began.
        let mut held: Vec<Held> = Vec::new();
        let (mut now, mut begun): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for step in steps {
            let time = TimestampMs(day * DAY_MS);
            match step {
                Step::NextBlock(days) => { height += 1; day += days; begun = now.clone(); }
                Step::Grant(who, quota, daily) => {
                    // Each is another one: the same again in one block would change nothing.
                    let until = TimestampMs(u64::MAX - held.len() as u64);
                    let delegate = AccountId([who; 32]);
                    let given = Grant { delegate, permissions: vec![Permission::Deposit], quota, daily, not_before: None, until };
                    real = real.change(&AccountChange::Delegate(given), Height(height), time).unwrap();
                    now.retain(|at| held[*at].who != who);
                    now.push(held.len());
                    held.push(Held { who, quota, daily, uses: Vec::new() });
                }
                Step::Revoke(who) => {
                    let said = real.change(&AccountChange::Revoke(AccountId([who; 32])), Height(height), time);
                    let known = now.iter().any(|at| held[*at].who == who);
                    prop_assert_eq!(said.is_ok(), known);
                    now.retain(|at| held[*at].who != who);
                    real = said.unwrap_or(real);
                }
                Step::Deposit(who, count) => {
                    let found = begun.iter().copied().find(|at| held[*at].who == who);
                    let fits = found.is_some_and(|at| {
                        let one = &held[at];
                        let all: u64 = one.uses.iter().map(|(_, count)| count).sum();
                        let today: u64 = one.uses.iter().filter(|(on, _)| *on == day).map(|(_, count)| count).sum();
                        all + count <= one.quota && one.daily.is_none_or(|daily| today + count <= daily)
                    });
                    let done = real.with_deposits_by(&AccountId([who; 32]), count, Height(height), time);
                    prop_assert_eq!(done.is_ok(), fits, "{:?}", done);
                    if let Ok(done) = done {
                        // What a certificate shows holds for every deposit of the block.
                        let judged = done.as_of(Height(height));
                        prop_assert!(judged.check_deposited_by(&AccountId([who; 32]), count, time).is_ok());
                        held[found.unwrap()].uses.push((day, count));
                        real = done;
                    }
                }
            }
            let bytes = canonical(&real);
            prop_assert!(from_canonical::<Account>("an account", &bytes).is_ok_and(|read| read == real));
        }
    }
}
