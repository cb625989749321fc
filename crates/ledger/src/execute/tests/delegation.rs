use proptest::prelude::*;
use xiezhi_evidence::account::Grant;

use super::*;

/// A deposit of `original` by `delegate` in the name of `grantor`.
fn deposit_for(delegate: &Depositor, grantor: AccountId, original: &[u8]) -> Arc<Admitted> {
    let digests = vec![crate::fixtures::digest(original)];
    let body = Body::Deposit(DepositBody { manifest_root: [1; 32], digests, phase: None });
    for_other(delegate, grantor, body, Vec::new(), &delegate.key)
}

fn for_other(
    delegate: &Depositor,
    grantor: AccountId,
    body: Body,
    items: Vec<Vec<u8>>,
    key: &SigningKey,
) -> Arc<Admitted> {
    let draft = StatementDraft { issuer: delegate.id(), ledger: LEDGER, issued_at: NOW, group: None, body };
    admitted(draft.sign_for(Some(grantor), &[key]).unwrap().as_bytes().to_vec(), items)
}

/// A batch of `count` items by `delegate` in the name of `grantor`.
fn batch_for(delegate: &Depositor, grantor: AccountId, count: u8) -> Arc<Admitted> {
    let originals: Vec<_> = (0..count).map(|at| vec![at, 99]).collect();
    let own = delegate.batch(&originals);
    let items = own.transaction().items().map(<[u8]>::to_vec).collect();
    for_other(delegate, grantor, own.statement().body().clone(), items, &delegate.key)
}

fn grant(delegate: &Depositor, quota: u64) -> AccountChange {
    AccountChange::Delegate(Grant {
        delegate: delegate.id(),
        permissions: vec![Permission::Deposit],
        quota,
        daily: None,
        not_before: None,
        until: TimestampMs(NOW.0 + 60_000),
    })
}

/// Executes at `height` and applies; the codes of what was refused.
fn run_at(memory: &mut Memory, height: u64, time: TimestampMs, block: &[Arc<Admitted>]) -> Vec<&'static str> {
    let outcome = execute(&genesis(), Height(height), time, TreeSize(memory.size), block, memory).unwrap();
    memory.size += outcome.records.len() as u64;
    memory.recorded.extend(outcome.records.iter().map(|record| record.admitted.id()));
    memory.accounts.extend(outcome.accounts.into_iter().map(|(id, account)| (id, Arc::new(account))));
    outcome.rejected.iter().map(|(_, why)| why.code()).collect()
}

/// A firm that lets a platform deposit `quota` times, and another firm.
fn granted(quota: u64) -> (Memory, [Depositor; 3]) {
    let [firm, platform, other] = [1, 2, 3].map(Depositor::new);
    let mut memory = Memory::default();
    let grants = change(&firm, grant(&platform, quota), &[&firm.key], NOW);
    let block = [firm.creation(), platform.creation(), other.creation(), grants];
    assert_eq!(run_at(&mut memory, 1, NOW, &block), [""; 0]);
    (memory, [firm, platform, other])
}

#[test]
fn statements_of_one_block_do_not_pass_the_quota_together() {
    let (mut memory, [firm, platform, _]) = granted(5);
    let one = |at: u8| deposit_for(&platform, firm.id(), &[at]);
    let block =
        [one(1), batch_for(&platform, firm.id(), 3), batch_for(&platform, firm.id(), 2), one(2), one(3)];
    assert_eq!(run_at(&mut memory, 2, NOW, &block), ["delegation-quota", "delegation-quota"]);
    let account = &memory.accounts[&firm.id()];
    assert_eq!((account.delegations[0].used, account.delegations[0].left(NOW)), (5, 0));
    assert_eq!(run_at(&mut memory, 3, NOW, &[one(4)]), ["delegation-quota"]);
    // The platform's own deposits take nothing from it.
    assert_eq!(run_at(&mut memory, 3, NOW, &[platform.deposit(b"own", None)]), [""; 0]);
    // What was refused counts nothing, so a block is no place to use a limit up with statements that do not hold.
    let renews = change(&firm, grant(&platform, 2), &[&firm.key], TimestampMs(NOW.0 + 1000));
    assert_eq!(run_at(&mut memory, 4, NOW, &[renews]), [""; 0]);
    let mut bytes = one(5).statement().as_bytes().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let forged = admitted(bytes, Vec::new());
    let refused = run_at(&mut memory, 5, NOW, &[forged, batch_for(&platform, firm.id(), 4), one(5), one(6)]);
    assert_eq!(refused, ["signature-invalid", "delegation-quota"]);
}

#[test]
fn a_stolen_delegate_key_stays_within_its_limits() {
    let (mut memory, [firm, platform, other]) = granted(2);
    let stolen = &platform.key;
    let as_firm = |body| {
        let draft = StatementDraft { issuer: firm.id(), ledger: LEDGER, issued_at: NOW, group: None, body };
        admitted(draft.sign(&[stolen]).unwrap().as_bytes().to_vec(), Vec::new())
    };
    let deposit = Body::Deposit(DepositBody { manifest_root: [3; 32], digests: Vec::new(), phase: None });
    let block = [
        // As the firm itself; changing the firm; passing on what was granted; for a firm that granted nothing.
        as_firm(deposit),
        as_firm(Body::Change(AccountChange::Authority(single(stolen)))),
        as_firm(Body::Change(grant(&other, 9))),
        deposit_for(&other, firm.id(), b"passed on"),
        deposit_for(&platform, other.id(), b"elsewhere"),
        deposit_for(&platform, AccountId([9; 32]), b"nowhere"),
        deposit_for(&platform, firm.id(), b"1"),
        deposit_for(&platform, firm.id(), b"2"),
        deposit_for(&platform, firm.id(), b"3"),
    ];
    let refused = run_at(&mut memory, 2, NOW, &block);
    let keys = ["key-not-authorized"; 3];
    let granted = ["not-delegated"; 3];
    assert_eq!(refused, [&keys[..], &granted[..], &["delegation-quota"]].concat());
    // Another key of the firm's does not stand for the delegate's.
    let body = Body::Deposit(DepositBody { manifest_root: [4; 32], digests: Vec::new(), phase: None });
    let by_firm = for_other(&platform, firm.id(), body, Vec::new(), &firm.key);
    assert_eq!(run_at(&mut memory, 3, NOW, &[by_firm]), ["key-not-authorized"]);
}

#[test]
fn a_signature_for_one_grantor_is_none_for_another() {
    let (mut memory, [firm, platform, other]) = granted(2);
    let grants = change(&other, grant(&platform, 2), &[&other.key], NOW);
    assert_eq!(run_at(&mut memory, 2, NOW, &[grants]), [""; 0]);
    let made = deposit_for(&platform, firm.id(), b"x");
    let (from, to) = (firm.id().uri(), other.id().uri());
    let mut bytes = made.statement().as_bytes().to_vec();
    let at = bytes.windows(from.len()).position(|text| text == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    assert_eq!(run_at(&mut memory, 3, NOW, &[admitted(bytes, Vec::new())]), ["signature-invalid"]);
}

#[test]
fn revoked_expired_and_frozen_are_refused_and_from_when_on() {
    let (mut memory, [firm, platform, _]) = granted(9);
    let one = |at: u8| deposit_for(&platform, firm.id(), &[at]);
    let later = TimestampMs(NOW.0 + 60_000);
    assert_eq!(run_at(&mut memory, 2, TimestampMs(later.0 - 1), &[one(1)]), [""; 0]);
    assert_eq!(run_at(&mut memory, 3, later, &[one(2)]), ["delegation-expired"]);
    let revokes = change(&firm, AccountChange::Revoke(platform.id()), &[&firm.key], NOW);
    assert_eq!(run_at(&mut memory, 4, NOW, &[one(3), revokes, one(4)]), [""; 0]);
    assert_eq!(memory.accounts[&firm.id()].delegations, []);
    assert_eq!(memory.accounts[&firm.id()].before.as_ref().unwrap().delegations[0].used, 3);
    assert_eq!(run_at(&mut memory, 5, NOW, &[one(5)]), ["not-delegated"]);
    let (mut memory, [firm, platform, _]) = granted(9);
    let one = |at: u8| deposit_for(&platform, firm.id(), &[at]);
    let mut freeze = |id: AccountId, status| {
        let mut account = (*memory.accounts[&id]).clone();
        account.status = status;
        memory.accounts.insert(id, Arc::new(account));
        run_at(&mut memory, 2, NOW, &[one(1)])
    };
    assert_eq!(freeze(firm.id(), AccountStatus::Frozen), ["grantor-inactive"]);
    assert_eq!(freeze(firm.id(), AccountStatus::Recovering), ["grantor-inactive"]);
    assert_eq!(freeze(firm.id(), AccountStatus::Transferred), ["grantor-inactive"]);
    assert_eq!(freeze(platform.id(), AccountStatus::Frozen), ["account-inactive"]);
}

#[test]
fn an_institution_neither_grants_nor_deposits_for_others() {
    let mut ledger = governed(4);
    let depositor = Depositor::new(200);
    assert_eq!(run_at(&mut ledger, 1, NOW, &[depositor.creation()]), [""; 0]);
    let issuer = institution_account_id(&LEDGER, &institution_id(0));
    let draft = |body| StatementDraft { issuer, ledger: LEDGER, issued_at: NOW, group: None, body };
    let key = seal_key(0, 0);
    let said = draft(Body::Change(grant(&depositor, 1))).sign(&[&key]).unwrap();
    let granted = admitted(said.as_bytes().to_vec(), Vec::new());
    assert_eq!(run_at(&mut ledger, 2, NOW, &[granted]), ["account-of-institution"]);
    let body = Body::Deposit(DepositBody { manifest_root: [3; 32], digests: Vec::new(), phase: None });
    let made = draft(body).sign_for(Some(depositor.id()), &[&key]).unwrap();
    let made = admitted(made.as_bytes().to_vec(), Vec::new());
    assert_eq!(run_at(&mut ledger, 3, NOW, &[made]), ["threshold-not-met"]);
}

#[derive(Debug, Clone)]
enum Act {
    Grant(u64),
    Revoke,
    One,
    Batch(u8),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Blocks of grants, revocations and deposits: at every moment what was recorded under a grant is within it, and what a block's certificates show
    /// holds for each of its records.
    #[test]
    fn no_block_records_more_than_was_granted(
        blocks in prop::collection::vec(prop::collection::vec(prop_oneof![
            1 => (1u64..6).prop_map(Act::Grant),
            1 => Just(Act::Revoke),
            3 => Just(Act::One),
            2 => (1u8..4).prop_map(Act::Batch),
        ], 1..6), 1..6)
    ) {
        let (mut memory, [firm, platform, _]) = granted(4);
        let (mut number, mut left) = (0u64, Some(4u64));
        for (height, acts) in (2..).zip(blocks) {
            // What holds after the block, by what was granted or revoked in it.
            let (mut next, mut expected) = (None, Vec::new());
            let mut block = Vec::new();
            for act in acts {
                number += 1;
                let at = TimestampMs(NOW.0 + number * 1000);
                match act {
                    Act::Grant(quota) => {
                        let AccountChange::Delegate(mut given) = grant(&platform, quota) else { unreachable!() };
                        // The same again in one block would change nothing.
                        given.until.0 += number;
                        block.push(change(&firm, AccountChange::Delegate(given), &[&firm.key], at));
                        next = Some(Some(quota));
                    }
                    Act::Revoke => {
                        block.push(change(&firm, AccountChange::Revoke(platform.id()), &[&firm.key], at));
                        if next.unwrap_or(left).is_none() {
                            expected.push("account-nothing-changes");
                        }
                        next = Some(None);
                    }
                    Act::One | Act::Batch(_) => {
                        let count = if let Act::Batch(count) = act { u64::from(count) } else { 1 };
                        let original = number.to_be_bytes();
                        block.push(match act {
                            Act::Batch(count) => {
                                let originals: Vec<_> =
                                    (0..count).map(|at| [&original[..], &[at]].concat()).collect();
                                let own = platform.batch(&originals);
                                let items = own.transaction().items().map(<[u8]>::to_vec).collect();
                                for_other(&platform, firm.id(), own.statement().body().clone(), items, &platform.key)
                            }
                            _ => deposit_for(&platform, firm.id(), &original),
                        });
                        match &mut left {
                            None => expected.push("not-delegated"),
                            Some(left) if *left < count => expected.push("delegation-quota"),
                            Some(left) => *left -= count,
                        }
                    }
                }
            }
            let size = memory.size;
            let outcome =
                execute(&genesis(), Height(height), NOW, TreeSize(size), &block, &memory).unwrap();
            let refused: Vec<_> = outcome.rejected.iter().map(|(_, why)| why.code()).collect();
            prop_assert_eq!(refused, expected);
            for record in outcome.records.iter().filter(|record| record.admitted.grantor().is_some()) {
                let judged = outcome.accounts[&firm.id()].as_of(Height(height));
                let deposits = record.admitted.statement().deposits();
                prop_assert!(judged.check_deposited_by(&platform.id(), deposits, NOW).is_ok());
            }
            prop_assert!(run_at(&mut memory, height, NOW, &block).len() == outcome.rejected.len());
            left = next.unwrap_or(left);
        }
    }
}
