//! Accounts as the log makes them, and whether a statement may be on the log: the rules of docs/specs, restated.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use xiezhi_crypto::PublicKey;
use xiezhi_evidence::{
    Account, Body, Genesis, Statement,
    account::{AccountChange, ChangeError},
};
use xiezhi_types::{AccountId, Height, LedgerId, StatementId, TimestampMs, canonical};

use crate::{finding::code, governance::Membership, state::State};

/// Why a statement may not be there: a code and a reason.
pub(crate) type Refusal = (&'static str, String);

/// Every account, and the state that they make. All are held in memory.
pub(crate) struct Accounts<'a> {
    genesis: &'a Genesis,
    ledger: LedgerId,
    by_id: HashMap<AccountId, Arc<Account>>,
    /// As they were created, of those that have changed since.
    created: HashMap<AccountId, Arc<Account>>,
    /// What changed them, by height.
    changes: BTreeMap<u64, BTreeMap<AccountId, Arc<Account>>>,
    /// Those created or changed in the block that is being read.
    fresh: BTreeSet<AccountId>,
    /// Statements without `iat`, by height.
    undated: BTreeMap<u64, Vec<StatementId>>,
    pub(crate) membership: Membership,
    pub(crate) state: State,
}

impl<'a> Accounts<'a> {
    pub(crate) fn new(genesis: &'a Genesis, ledger: LedgerId, emit: &mut dyn FnMut(&[u8], &[u8])) -> Self {
        let membership = Membership::new(genesis, ledger);
        let state = State::new(&begin(&membership, &ledger), emit);
        Self {
            genesis,
            ledger,
            by_id: HashMap::new(),
            created: HashMap::new(),
            changes: BTreeMap::new(),
            fresh: BTreeSet::new(),
            undated: BTreeMap::new(),
            membership,
            state,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.by_id.len() as u64
    }

    /// Judges a statement of the block at `height`, signatures excepted; gives the signers' keys, or `None` for an account that does not exist.
    ///
    /// `time` is the block's in milliseconds, where it is beyond doubt, and `clock` the best that is known of it. An account is created whatever else is wrong with its statement: the
    /// node that recorded it created it too.
    pub(crate) fn judge(
        &mut self,
        statement: &Statement,
        time: Option<u64>,
        (height, clock): (u64, u64),
    ) -> Result<Option<Vec<PublicKey>>, Refusal> {
        let issuer = statement.claims().issuer;
        if statement.claims().issued_at.is_none() {
            self.undated.entry(height).or_default().push(statement.id());
        }
        let institution = || self.membership.account(&issuer).cloned().map(Arc::new);
        let known = self.by_id.get(&issuer).cloned().or_else(institution);
        let exists = known.is_some();
        let account = match statement.body() {
            Body::Account(spec) => {
                let created = || Arc::new(Account::create(spec, Height(height)));
                Some(known.unwrap_or_else(created))
            }
            _ => known,
        };
        let is_creation = matches!(statement.body(), Body::Account(_));
        if let (true, Some(account), false) = (is_creation, &account, exists) {
            self.by_id.insert(issuer, Arc::clone(account));
            self.fresh.insert(issuer);
        }
        self.check_bounds(statement, height, time).map_err(|reason| (code::RECORD_NOT_ALLOWED, reason))?;
        if is_creation && exists {
            return Err((code::RECORD_NOT_AUTHORIZED, "the account exists already".to_owned()));
        }
        let Some(account) = account else { return Ok(None) };
        let signers = statement.signatures();
        let account = account.as_of(Height(height));
        let judged = account.authorizes(statement.action(), signers);
        judged.map_err(|e| (code::RECORD_NOT_AUTHORIZED, e.to_string()))?;
        let keys = signers.iter().filter_map(|s| account.signer(s.key)).cloned().collect();
        if let Some(grantor) = statement.claims().grantor {
            let used = self.use_delegation(&grantor, statement, height, clock);
            used.map_err(|reason| (code::RECORD_NOT_AUTHORIZED, reason))?;
        }
        if let Body::Change(said) = statement.body() {
            let changed = self.change(&issuer, said, height, clock);
            changed.map_err(|reason| (code::RECORD_NOT_AUTHORIZED, reason))?;
        }
        if let Body::Governance(said) = statement.body() {
            let taken = self.membership.take(&issuer, said, height, clock);
            taken.map_err(|reason| (code::RECORD_NOT_AUTHORIZED, reason))?;
        }
        Ok(Some(keys))
    }

    /// Counts what `statement` deposits in the name of `grantor`.
    fn use_delegation(
        &mut self,
        grantor: &AccountId,
        statement: &Statement,
        height: u64,
        clock: u64,
    ) -> Result<(), String> {
        let (delegate, deposits) = (statement.claims().issuer, statement.deposits());
        let account = self.by_id.get(grantor).cloned();
        let account = account.ok_or_else(|| format!("the grantor, account {grantor}, does not exist"))?;
        let used = account.with_deposits_by(&delegate, deposits, Height(height), TimestampMs(clock));
        self.set(account, used.map_err(|e| e.to_string())?, height);
        Ok(())
    }

    /// Sets `changed` in the place of `account`.
    fn set(&mut self, account: Arc<Account>, changed: Account, height: u64) {
        let (id, changed) = (changed.id, Arc::new(changed));
        self.created.entry(id).or_insert(account);
        self.changes.entry(height).or_default().insert(id, Arc::clone(&changed));
        self.by_id.insert(id, changed);
        self.fresh.insert(id);
    }

    /// Changes the account that `said`, by the account `issuer`, is about.
    fn change(
        &mut self,
        issuer: &AccountId,
        said: &AccountChange,
        height: u64,
        clock: u64,
    ) -> Result<(), String> {
        let id = said.other_account().unwrap_or(*issuer);
        let account = self.by_id.get(&id).cloned();
        // Those of institutions are kept elsewhere, and do not change so.
        let account =
            account.ok_or_else(|| format!("account {id} does not exist, or is an institution's"))?;
        let (at, time) = (Height(height), TimestampMs(clock));
        let court = self.membership.court(issuer).ok_or(ChangeError::NotEntitled { issuer: *issuer });
        let changed = match said {
            AccountChange::Accept(_) => account.succeed(issuer, at),
            AccountChange::Freeze(order) => court.and_then(|court| account.freeze(&court, order, at)),
            AccountChange::Unfreeze(lifting) => court.and_then(|_| account.unfreeze(lifting, at, time)),
            own => account.change(own, at, time),
        };
        self.set(account, changed.map_err(|e| e.to_string())?, height);
        Ok(())
    }

    fn check_bounds(&self, statement: &Statement, height: u64, time: Option<u64>) -> Result<(), String> {
        let limits = &self.genesis.limits;
        if statement.claims().audience.is_some_and(|found| found != self.ledger) {
            return Err("it is meant for another ledger".to_owned());
        }
        if statement.as_bytes().len() > limits.statement_bytes_max as usize {
            return Err(format!("{} bytes", statement.as_bytes().len()));
        }
        if matches!(statement.body(), Body::Batch(batch) if batch.items > limits.batch_items_max) {
            return Err("too many items".to_owned());
        }
        if let Some(alg) = self.membership.term_at(height).suites(self.genesis).refuses(statement) {
            return Err(format!("suite {} is not allowed", alg.name()));
        }
        let off = statement.claims().issued_at.zip(time).map(|(at, time)| at.abs_diff(time / 1000));
        match off.filter(|off| *off > u64::from(limits.statement_window_s)) {
            Some(off) => Err(format!("iat is {off} s off the block's time")),
            None => Ok(()),
        }
    }

    /// The block at `height` ends: what it set enters the state.
    pub(crate) fn end_block(&mut self, height: u64, emit: &mut dyn FnMut(&[u8], &[u8])) {
        let fresh = std::mem::take(&mut self.fresh);
        let entry = |id: &AccountId| (state_key(id), canonical(&*self.by_id[id]));
        let mut entries: Vec<_> = fresh.iter().map(entry).collect();
        entries.extend(self.membership.end_block(height));
        entries.extend(self.undated_entries(height));
        if !entries.is_empty() {
            self.state.set(&entries, emit);
        }
    }

    /// What the statements without `iat` of the block at `height` set.
    fn undated_entries(&self, height: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let entry = |id: &StatementId| ([b"statement/".as_slice(), &id.0].concat(), canonical(&height));
        self.undated.get(&height).into_iter().flatten().map(entry).collect()
    }

    /// Gives `emit` everything that the state's keyspace holds.
    pub(crate) fn emit_state(&self, emit: &mut dyn FnMut(&[u8], &[u8])) {
        let mut blocks: BTreeMap<u64, BTreeMap<AccountId, &Arc<Account>>> = BTreeMap::new();
        for (id, account) in &self.by_id {
            let first = self.created.get(id).unwrap_or(account);
            blocks.entry(first.created.0).or_default().insert(*id, first);
        }
        // What changed in the block that created it is what that block set.
        for (height, changed) in &self.changes {
            blocks.entry(*height).or_default().extend(changed.iter().map(|(id, account)| (*id, account)));
        }
        for height in self.undated.keys() {
            blocks.entry(*height).or_default();
        }
        let mut state = State::new(&begin(&self.membership, &self.ledger), emit);
        let mut governed = self.membership.history.range(1..).peekable();
        for (height, block) in blocks {
            while let Some((_, entries)) = governed.next_if(|(at, _)| **at < height) {
                state.set(entries, emit);
            }
            let mut entries: Vec<_> =
                block.values().map(|one| (state_key(&one.id), canonical(&***one))).collect();
            let same = governed.next_if(|(at, _)| **at == height);
            entries.extend(same.into_iter().flat_map(|(_, entries)| entries.clone()));
            entries.extend(self.undated_entries(height));
            state.set(&entries, emit);
        }
        for (_, entries) in governed {
            state.set(entries, emit);
        }
    }
}

/// The entries of the state at height 0.
fn begin(membership: &Membership, ledger: &LedgerId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = vec![(b"ledger".to_vec(), ledger.0.to_vec())];
    entries.extend(membership.history[&0].iter().cloned());
    entries
}

fn state_key(id: &AccountId) -> Vec<u8> {
    [b"account/".as_slice(), &id.0].concat()
}
