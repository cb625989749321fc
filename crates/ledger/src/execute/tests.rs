use std::convert::Infallible;

use xiezhi_crypto::{PublicKey, SignatureAlg, SigningKey};
use xiezhi_evidence::{
    AccountSpec, AccountStatus, DepositBody, Governance, StatementDraft, WeightedKey,
    account::{AccountChange, Authority, Encryption, Lifting, Order, Permission},
};

use super::*;
use crate::{
    Transaction,
    fixtures::{
        Depositor, LEDGER, NOW, admitted, genesis, genesis_of, governance, institution_id, institution_keys,
        proven_keys,
    },
    verify_signatures,
};

/// A ledger in memory.
struct Memory {
    alliance: Arc<Alliance>,
    accounts: BTreeMap<AccountId, Arc<Account>>,
    recorded: BTreeSet<StatementId>,
    undated: BTreeSet<Vec<u8>>,
    size: u64,
}

impl Default for Memory {
    fn default() -> Self {
        let alliance = Arc::new(Alliance::at_genesis(&genesis()));
        Self {
            alliance,
            accounts: BTreeMap::new(),
            recorded: BTreeSet::new(),
            undated: BTreeSet::new(),
            size: 0,
        }
    }
}

impl StateView for Memory {
    type Error = Infallible;

    fn ledger(&self) -> LedgerId {
        LEDGER
    }

    fn alliance(&self) -> Result<Arc<Alliance>, Infallible> {
        Ok(Arc::clone(&self.alliance))
    }

    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, Infallible> {
        Ok(self.accounts.get(id).cloned())
    }

    fn is_recorded(&self, id: &StatementId) -> Result<bool, Infallible> {
        Ok(self.recorded.contains(id))
    }

    fn is_undated_recorded(&self, id: &StatementId) -> Result<bool, Infallible> {
        Ok(self.undated.contains(&undated_key(id)))
    }
}

impl Memory {
    fn execute(&self, time: TimestampMs, block: &[Arc<Admitted>]) -> Outcome {
        execute(&genesis(), Height(1), time, TreeSize(self.size), block, self).unwrap()
    }

    /// Executes and applies; the codes of what was refused.
    fn run(&mut self, block: &[Arc<Admitted>]) -> Vec<&'static str> {
        let outcome = self.execute(NOW, block);
        for record in &outcome.records {
            assert_eq!(record.index, LogIndex(self.size));
            self.size += 1;
            self.recorded.insert(record.admitted.id());
        }
        if let Some(alliance) = outcome.alliance {
            self.alliance = alliance;
        }
        self.accounts.extend(outcome.accounts.into_iter().map(|(id, account)| (id, Arc::new(account))));
        outcome.rejected.iter().map(|(_, why)| why.code()).collect()
    }
}

/// The same statement, as a node that has verified nothing reads it.
fn fresh(one: &Admitted) -> Arc<Admitted> {
    admitted(one.statement().as_bytes().to_vec(), one.transaction().items().map(<[u8]>::to_vec).collect())
}

#[test]
fn an_account_created_in_a_block_deposits_in_the_same_block() {
    let depositor = Depositor::new(1);
    let mut ledger = Memory::default();
    assert_eq!(ledger.run(&[depositor.deposit(b"early", None)]), ["no-account"]);
    let block = [depositor.creation(), depositor.deposit(b"a", None), depositor.batch(&[b"b".to_vec()])];
    assert_eq!(ledger.run(&block), [""; 0]);
    assert_eq!(ledger.size, 3);
    assert_eq!(ledger.accounts[&depositor.id()].status, AccountStatus::Normal);
}

#[test]
fn nothing_is_recorded_twice_within_a_block_or_across_blocks() {
    let depositor = Depositor::new(1);
    let mut ledger = Memory::default();
    let deposit = depositor.deposit(b"a", None);
    let block = [depositor.creation(), deposit.clone(), fresh(&deposit)];
    assert_eq!(ledger.run(&block), ["duplicate"]);
    assert_eq!(ledger.run(&[depositor.creation(), fresh(&deposit)]), ["duplicate", "duplicate"]);
    assert_eq!(ledger.size, 2);
}

/// A store that begins with a snapshot has the state, and not the records before it.
#[test]
fn a_statement_without_a_time_is_refused_by_whoever_has_the_state_alone() {
    let depositor = Depositor::new(1);
    let mut ledger = Memory::default();
    let undated = depositor.undated(b"{}");
    let outcome =
        ledger.execute(NOW, &[depositor.creation(), depositor.deposit(b"a", None), undated.clone()]);
    let entries: Vec<_> = outcome.state_entries().into_iter().map(|(key, _)| key).collect();
    assert_eq!(entries, [Account::state_key(&depositor.id()), undated_key(&undated.id())]);
    assert_eq!(ledger.run(&[depositor.creation(), undated.clone(), undated.clone()]), ["duplicate"]);
    ledger.recorded.clear();
    assert_eq!(ledger.run(&[fresh(&undated)]), [""; 0], "nothing says that it is recorded");
    ledger.recorded.clear();
    ledger.undated.insert(undated_key(&undated.id()));
    assert_eq!(ledger.run(&[fresh(&undated), depositor.undated(b"[]")]), ["duplicate"]);
}

#[test]
fn an_account_is_created_once() {
    let depositor = Depositor::new(1);
    let mut ledger = Memory::default();
    let later = TimestampMs(NOW.0 + 1000);
    let again = admitted(depositor.statement(later, None, Body::Account(depositor.spec.clone())), Vec::new());
    assert_eq!(ledger.run(&[depositor.creation(), again.clone()]), ["account-exists"]);
    assert_eq!(ledger.run(&[again]), ["account-exists"]);
}

#[test]
fn the_block_s_time_bounds_the_statement_s() {
    let depositor = Depositor::new(1);
    let creation = depositor.creation();
    let window = u64::from(genesis().limits.statement_window_s) * 1000;
    for (time, expected) in
        [(NOW.0 - window, 1), (NOW.0 + window, 1), (NOW.0 - window - 1000, 0), (NOW.0 + window + 1000, 0)]
    {
        let outcome = Memory::default().execute(TimestampMs(time), std::slice::from_ref(&creation));
        assert_eq!(outcome.records.len(), expected, "{time}");
        assert!(outcome.rejected.iter().all(|(_, why)| why.code() == "clock-off"));
    }
}

#[test]
fn an_account_that_is_not_active_records_nothing() {
    let depositor = Depositor::new(1);
    let mut ledger = Memory::default();
    ledger.run(&[depositor.creation()]);
    let mut account = (*ledger.accounts[&depositor.id()]).clone();
    account.status = AccountStatus::Frozen;
    ledger.accounts.insert(depositor.id(), Arc::new(account));
    assert_eq!(ledger.run(&[depositor.deposit(b"a", None)]), ["account-inactive"]);
}

/// A deposit in `account`'s name by `keys`.
fn signed(account: AccountId, keys: &[&SigningKey]) -> Arc<Admitted> {
    let body = Body::Deposit(DepositBody { manifest_root: [3; 32], digests: Vec::new(), phase: None });
    let draft = StatementDraft { issuer: account, ledger: LEDGER, issued_at: NOW, group: None, body };
    admitted(draft.sign(keys).unwrap().as_bytes().to_vec(), Vec::new())
}

#[test]
fn keys_weights_and_signatures_decide() {
    let key = |seed| SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap();
    let (first, second, stranger) = (key(1), key(2), key(9));
    let weighted = |key: PublicKey, weight| WeightedKey { key, weight };
    let mut keys = vec![weighted(first.public_key(), 1), weighted(second.public_key(), 1)];
    keys.sort_by_key(|one| one.key.id());
    let spec = AccountSpec { keys, deposit_threshold: 2, ..AccountSpec::single([1; 16], first.public_key()) };
    let draft = StatementDraft {
        issuer: spec.id(),
        ledger: LEDGER,
        issued_at: NOW,
        group: None,
        body: Body::Account(spec.clone()),
    };
    let creation = admitted(draft.sign(&[&first]).unwrap().as_bytes().to_vec(), Vec::new());
    let mut ledger = Memory::default();
    assert_eq!(ledger.run(&[creation]), [""; 0]);
    assert_eq!(ledger.run(&[signed(spec.id(), &[&first])]), ["threshold-not-met"]);
    assert_eq!(ledger.run(&[signed(spec.id(), &[&first, &stranger])]), ["key-not-authorized"]);
    let both = signed(spec.id(), &[&first, &second]);
    let mut bytes = both.statement().as_bytes().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(ledger.run(&[admitted(bytes, Vec::new())]), ["signature-invalid"]);
    assert_eq!(ledger.run(&[both]), [""; 0]);
}

/// `bytes` with `to` wherever the statement names `from`; ledgers are named in the same form.
fn replaced(bytes: &[u8], from: [u8; 32], to: [u8; 32]) -> Vec<u8> {
    let [from, to] = [from, to].map(|id| AccountId(id).uri());
    let mut out = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            out[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    out
}

#[test]
fn what_was_signed_for_another_ledger_account_or_time_is_refused() {
    let one = Depositor::new(1);
    // Another account of the same key.
    let other = Depositor { spec: AccountSpec::single([9; 16], one.key.public_key()), ..Depositor::new(1) };
    let elsewhere = LedgerId([8; 32]);
    let mut ledger = Memory::default();
    assert_eq!(ledger.run(&[one.creation(), other.creation()]), [""; 0]);
    let encryption = Encryption { key: Some(one.key.public_key()) };
    let changed = change(&one, AccountChange::Encryption(encryption), &[&one.key], NOW);
    for said in [one.deposit(b"a", None), changed] {
        let bytes = said.statement().as_bytes();
        let taken = Admitted::check(Transaction::new::<Vec<u8>>(bytes, &[]), &genesis(), &elsewhere);
        assert_eq!(taken.unwrap_err().code(), "other-ledger");
        let for_other = replaced(bytes, one.id().0, other.id().0);
        assert_ne!(for_other, bytes);
        assert_eq!(ledger.run(&[admitted(for_other, Vec::new())]), ["signature-invalid"]);
        // Signed elsewhere and made to look as if it were signed for here.
        let foreign = replaced(bytes, LEDGER.0, elsewhere.0);
        let foreign = Admitted::check(Transaction::new::<Vec<u8>>(&foreign, &[]), &genesis(), &elsewhere);
        assert_eq!(ledger.run(&[Arc::new(foreign.unwrap())]), ["signature-invalid"]);

        assert_eq!(ledger.run(std::slice::from_ref(&said)), [""; 0]);
        assert_eq!(ledger.run(&[fresh(&said)]), ["duplicate"], "at the next height");
        let late = TimestampMs(NOW.0 + u64::from(genesis().limits.statement_window_s) * 1000 + 1000);
        let outcome =
            Memory { accounts: ledger.accounts.clone(), ..Memory::default() }.execute(late, &[said]);
        assert_eq!(outcome.rejected[0].1.code(), "clock-off", "once nobody remembers it");
    }
}

#[test]
fn what_was_verified_before_changes_nothing_but_the_cost() {
    let (one, two) = (Depositor::new(1), Depositor::new(2));
    let mut ledger = Memory::default();
    ledger.run(&[one.creation()]);
    let good = one.deposit(b"good", None);
    let mut bytes = one.deposit(b"bad", None).statement().as_bytes().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let bad = admitted(bytes, Vec::new());
    let block = [two.creation(), good, bad, two.deposit(b"x", None)];
    let cold: Vec<_> = block.iter().map(|one| fresh(one)).collect();
    verify_signatures(&block, |id| ledger.accounts.get(id).cloned(), [5; 32]);
    let outcomes = [ledger.execute(NOW, &block), ledger.execute(NOW, &cold)];
    let told = |outcome: &Outcome| {
        let records: Vec<_> = outcome.records.iter().map(|r| (r.index, r.admitted.id())).collect();
        (records, outcome.accounts.clone(), outcome.rejected.clone())
    };
    assert_eq!(told(&outcomes[0]), told(&outcomes[1]));
    assert_eq!(outcomes[0].records.len(), 3);
}

/// A ledger with an alliance of `count`.
fn governed(count: u8) -> Memory {
    let genesis = genesis_of(count);
    let mut ledger = Memory { alliance: Arc::new(Alliance::at_genesis(&genesis)), ..Memory::default() };
    for (key, value) in genesis_state(&genesis, &LEDGER).unwrap() {
        if key.starts_with(b"account/") {
            let account: Account = xiezhi_types::from_canonical("an account", &value).unwrap();
            ledger.accounts.insert(account.id, Arc::new(account));
        }
    }
    ledger
}

fn seal_key(number: u8, turn: u8) -> SigningKey {
    let [_, seal] = institution_keys(number, turn);
    seal
}

#[test]
fn institutions_govern_with_their_seal_keys_and_deposit_nothing() {
    let mut ledger = governed(5);
    assert_eq!(ledger.accounts.len(), 5);
    let id = institution_account_id(&LEDGER, &institution_id(0));
    assert_eq!(ledger.run(&[signed(id, &[&seal_key(0, 0)])]), ["threshold-not-met"]);
    let leave = |number, key| governance(number, NOW, &key, Governance::Leave);
    assert_eq!(ledger.run(&[leave(0, seal_key(1, 0))]), ["key-not-authorized"]);
    assert_eq!(ledger.run(&[leave(9, seal_key(9, 0))]), ["no-account"]);
    assert_eq!(
        ledger.run(&[leave(0, seal_key(0, 0)), leave(1, seal_key(1, 0))]),
        ["governance-term-decided"]
    );
    assert_eq!(ledger.alliance.next.as_ref().unwrap().from, Height(33));
    // An account like any other has no say.
    let depositor = Depositor::new(200);
    let said = depositor.statement(NOW, None, Body::Governance(Governance::Leave));
    let mut ledger = governed(5);
    assert_eq!(ledger.run(&[depositor.creation(), admitted(said, Vec::new())]), ["governance-not-a-member"]);
    assert_eq!(ledger.alliance.term.members.len(), 5);
}

#[test]
fn a_term_and_its_keys_begin_with_the_first_record_at_or_after_its_height() {
    let mut ledger = governed(4);
    let rotate = governance(0, NOW, &seal_key(0, 0), Governance::Rotate(proven_keys(0, 1)));
    assert_eq!(ledger.run(&[rotate]), [""; 0]);
    let id = institution_account_id(&LEDGER, &institution_id(0));
    assert_eq!(ledger.accounts[&id].keys.len(), 2, "the statement's own signer stays among the keys");
    let from = ledger.alliance.next.as_ref().unwrap().from;
    let at = |height| {
        let said = |turn| governance(0, NOW, &seal_key(0, turn), Governance::Withdraw(1));
        let block = [Depositor::new(1).creation(), said(0), said(1)];
        let outcome = execute(&genesis(), height, NOW, TreeSize(1), &block, &ledger).unwrap();
        (outcome.alliance, outcome.accounts.get(&id).cloned(), outcome.rejected[0].1.code())
    };
    assert_eq!(at(Height(from.0 - 1)), (None, None, "governance-term-decided"));
    let (alliance, account, code) = at(from);
    assert_eq!((alliance.unwrap().term.number, code), (1, "key-not-authorized"));
    let keys: Vec<_> = account.unwrap().keys.into_iter().map(|one| one.key).collect();
    assert_eq!(keys, [seal_key(0, 1).public_key()]);
    // Without a record nothing changes: every change of the state has a checkpoint.
    let empty = execute(&genesis(), from, NOW, TreeSize(1), &[], &ledger).unwrap();
    assert_eq!((empty.alliance, empty.accounts.len()), (None, 0));
}

/// Says `said` in the name of `depositor`, signed with `keys`.
fn change(
    depositor: &Depositor,
    said: AccountChange,
    keys: &[&SigningKey],
    time: TimestampMs,
) -> Arc<Admitted> {
    let body = Body::Change(said);
    let draft = StatementDraft { issuer: depositor.id(), ledger: LEDGER, issued_at: time, group: None, body };
    admitted(draft.sign(keys).unwrap().as_bytes().to_vec(), Vec::new())
}

fn single(key: &SigningKey) -> Authority {
    let keys = vec![WeightedKey { key: key.public_key(), weight: 1 }];
    Authority { keys, deposit_threshold: 1, manage_threshold: 1 }
}

#[test]
fn keys_change_with_the_next_block_and_every_signature_of_the_block_is_judged_by_its_beginning() {
    let (one, new) = (Depositor::new(1), Depositor::new(2).key);
    let mut memory = Memory::default();
    let takes = change(&one, AccountChange::Authority(single(&new)), &[&one.key], NOW);
    let by_new =
        change(&one, AccountChange::Encryption(Encryption { key: Some(new.public_key()) }), &[&new], NOW);
    let block =
        [one.creation(), one.deposit(b"before", None), takes, one.deposit(b"after", None), by_new.clone()];
    assert_eq!(memory.run(&block), ["key-not-authorized"], "the new key is not yet one of the account's");
    let account = memory.accounts[&one.id()].clone();
    for admitted in &block[..4] {
        let signers = admitted.statement().signatures();
        let as_of = account.as_of(Height(1));
        as_of
            .verify(admitted.statement().action(), signers)
            .expect("what a certificate of this block proves");
    }
    // `run` executes at height 1 each time: the next block is the next height.
    let next =
        execute(&genesis(), Height(2), NOW, TreeSize(4), &[by_new, one.deposit(b"late", None)], &memory)
            .unwrap();
    assert_eq!(next.records.len(), 1);
    assert_eq!(next.rejected[0].1.code(), "key-not-authorized");
}

#[test]
fn only_a_court_freezes_and_the_account_must_exist() {
    let (one, other) = (Depositor::new(1), Depositor::new(2));
    let mut memory = Memory { alliance: Arc::new(Alliance::at_genesis(&genesis_of(4))), ..Memory::default() };
    let entries = genesis_state(&genesis_of(4), &LEDGER).unwrap();
    for (key, value) in entries.into_iter().filter(|(key, _)| key.starts_with(b"account/")) {
        let account: Account = xiezhi_types::from_canonical("an account", &value).unwrap();
        assert_eq!(key, Account::state_key(&account.id));
        memory.accounts.insert(account.id, Arc::new(account));
    }
    let order = |account| Order { account, reference: "order 1".to_owned(), document: [1; 32] };
    let freeze = |account| AccountChange::Freeze(order(account));
    let issuer = institution_account_id(&LEDGER, &institution_id(0));
    let by_court = |said, at: u64| {
        let (body, issued_at) = (Body::Change(said), TimestampMs(NOW.0 + at * 1000));
        let draft = StatementDraft { issuer, ledger: LEDGER, issued_at, group: None, body };
        admitted(draft.sign(&[&institution_keys(0, 0)[1]]).unwrap().as_bytes().to_vec(), Vec::new())
    };
    assert_eq!(memory.run(&[one.creation(), other.creation()]), [""; 0]);
    assert_eq!(memory.run(&[change(&other, freeze(one.id()), &[&other.key], NOW)]), ["account-not-entitled"]);
    assert_eq!(memory.run(&[by_court(freeze(AccountId([9; 32])), 0)]), ["no-account"]);
    assert_eq!(memory.run(&[by_court(freeze(issuer), 0)]), ["account-of-institution"]);
    assert_eq!(memory.run(&[by_court(freeze(one.id()), 0)]), [""; 0]);
    assert_eq!(memory.accounts[&one.id()].status, AccountStatus::Frozen);
    let next = |memory: &Memory, block: &[Arc<Admitted>]| {
        let outcome = execute(&genesis(), Height(2), NOW, TreeSize(memory.size), block, memory).unwrap();
        outcome.rejected.iter().map(|(_, why)| why.code()).collect::<Vec<_>>()
    };
    assert_eq!(next(&memory, &[one.deposit(b"x", None)]), ["account-inactive"]);
    let institution = institution_id(0);
    let lifting = Lifting { order: order(one.id()), institution, freezing: "order 1".to_owned() };
    assert_eq!(memory.run(&[by_court(AccountChange::Unfreeze(lifting), 1)]), [""; 0]);
    assert_eq!(next(&memory, &[one.deposit(b"x", None)]), [""; 0]);
}

mod delegation;
mod suites;
