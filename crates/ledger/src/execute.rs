//! Execution of one block.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use xiezhi_crypto::{KeyError, PublicKey, SignatureAlg};
use xiezhi_evidence::{
    Account, Alliance, Body, Genesis,
    account::{AccountChange, ChangeError},
    alliance::{STATE_KEY, Suites, institution_account, institution_account_id},
};
use xiezhi_types::{
    AccountId, Height, InstitutionId, LedgerId, LogIndex, Role, StatementId, TimestampMs, TreeSize, canonical,
};

use crate::{
    admit::{Admitted, Rejection},
    govern::{begin, govern},
    state::StateEntry,
};

/// What execution reads of the ledger as it stands before the block.
pub trait StateView {
    /// Failure of the store beneath: the block cannot be executed, and nothing of it takes effect.
    type Error;

    /// The ledger.
    fn ledger(&self) -> LedgerId;

    /// The alliance.
    ///
    /// # Errors
    /// The store's.
    fn alliance(&self) -> Result<Arc<Alliance>, Self::Error>;

    /// The account, if it exists.
    ///
    /// # Errors
    /// The store's.
    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, Self::Error>;

    /// Whether the statement is recorded.
    ///
    /// # Errors
    /// The store's.
    fn is_recorded(&self, id: &StatementId) -> Result<bool, Self::Error>;

    /// Whether the state says that the statement, which has no `iat`, is recorded: [`undated_key`].
    ///
    /// # Errors
    /// The store's.
    fn is_undated_recorded(&self, id: &StatementId) -> Result<bool, Self::Error>;
}

/// Under this key the state holds the height at which a statement without `iat` was recorded. Any other is refused for its time once it is old; this one
/// only because it is known, by nodes too that do not have the log's older part.
#[must_use]
pub fn undated_key(id: &StatementId) -> Vec<u8> {
    [b"statement/".as_slice(), &id.0].concat()
}

/// A statement that consensus has ordered and execution has recorded.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its place in the log, for ever.
    pub index: LogIndex,
    /// The statement and what came with it.
    pub admitted: Arc<Admitted>,
}

/// What a block changes.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub time: TimestampMs,
    /// New records, in the order of their indices.
    pub records: Vec<NewRecord>,
    /// Accounts created or changed, by id.
    pub accounts: BTreeMap<AccountId, Account>,
    /// The alliance, if it changed.
    pub alliance: Option<Arc<Alliance>>,
    /// Statements that were not recorded, and why; in the block's order.
    pub rejected: Vec<(StatementId, Rejection)>,
}

impl Outcome {
    /// What the block sets in the state, as keys and values.
    #[must_use]
    pub fn state_entries(&self) -> Vec<StateEntry> {
        let accounts =
            self.accounts.values().map(|account| (Account::state_key(&account.id), canonical(account)));
        let alliance = self.alliance.iter().map(|alliance| (STATE_KEY.to_vec(), alliance.encode()));
        let undated = self.records.iter().map(|record| &record.admitted).filter(|one| one.is_undated());
        let undated = undated.map(|one| (undated_key(&one.id()), canonical(&self.height)));
        accounts.chain(alliance).chain(undated).collect()
    }
}

/// The state at height 0, as keys and values: the ledger's id, the alliance, and the account of each institution.
///
/// # Errors
/// When a seal key is none.
pub fn genesis_state(genesis: &Genesis, ledger: &LedgerId) -> Result<Vec<StateEntry>, KeyError> {
    let alliance = Alliance::at_genesis(genesis);
    let mut entries = vec![(b"ledger".to_vec(), ledger.0.to_vec()), (STATE_KEY.to_vec(), alliance.encode())];
    for (institution, keys) in alliance.account_keys() {
        let id = institution_account_id(ledger, &institution);
        let account = institution_account(id, read_keys(&keys)?, Height(0));
        entries.push((Account::state_key(&id), canonical(&account)));
    }
    Ok(entries)
}

fn read_keys(keys: &BTreeSet<[u8; 32]>) -> Result<Vec<PublicKey>, KeyError> {
    keys.iter().map(|key| PublicKey::new(SignatureAlg::Ed25519, key)).collect()
}

/// A block that is being executed.
struct Draft<'a, V> {
    view: &'a V,
    height: Height,
    ledger: LedgerId,
    /// Those of the block's term.
    suites: Suites,
    alliance: Arc<Alliance>,
    has_changed: bool,
    accounts: BTreeMap<AccountId, Account>,
}

impl<V: StateView> Draft<'_, V> {
    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, V::Error> {
        match self.accounts.get(id) {
            Some(account) => Ok(Some(Arc::new(account.clone()))),
            None => self.view.account(id),
        }
    }

    /// Sets the alliance, and with it the keys of institutions' accounts.
    fn set_alliance(&mut self, alliance: Alliance) -> Result<(), V::Error> {
        for (institution, keys) in alliance.account_keys() {
            let id = institution_account_id(&self.ledger, &institution);
            // Every key was read as one when the genesis or the statement that brought it was.
            let Ok(keys) = read_keys(&keys) else { continue };
            let before = self.account(&id)?;
            let created = before.as_ref().map_or(self.height, |account| account.created);
            let account = institution_account(id, keys, created);
            if before.as_deref() != Some(&account) {
                self.accounts.insert(id, account);
            }
        }
        self.alliance = Arc::new(alliance);
        self.has_changed = true;
        Ok(())
    }

    /// The account that `said`, by the account `issuer`, changes, as it stands then.
    fn change(
        &self,
        issuer: &AccountId,
        said: &AccountChange,
        time: TimestampMs,
    ) -> Result<Result<Account, Rejection>, V::Error> {
        let id = said.other_account().unwrap_or(*issuer);
        let Some(account) = self.account(&id)? else {
            return Ok(Err(Rejection::NoAccount { account: id }));
        };
        let changed = match said {
            AccountChange::Accept(_) => account.succeed(issuer, self.height),
            AccountChange::Freeze(order) => {
                self.court(issuer).and_then(|court| account.freeze(&court, order, self.height))
            }
            AccountChange::Unfreeze(lifting) => {
                self.court(issuer).and_then(|_| account.unfreeze(lifting, self.height, time))
            }
            own => account.change(own, self.height, time),
        };
        Ok(changed.map_err(Rejection::from))
    }

    /// The active court whose account `issuer` is.
    fn court(&self, issuer: &AccountId) -> Result<InstitutionId, ChangeError> {
        let members = self.alliance.term.institutions().into_iter();
        let mut courts = members.filter(|member| member.role == Role::Court).map(|member| member.id);
        let found = courts.find(|id| institution_account_id(&self.ledger, id) == *issuer);
        found.ok_or(ChangeError::NotEntitled { issuer: *issuer })
    }

    /// Executes one statement.
    fn execute(
        &mut self,
        one: &Admitted,
        time: TimestampMs,
        genesis: &Genesis,
    ) -> Result<Result<(), Rejection>, V::Error> {
        let issuer = one.statement().claims().issuer;
        let account = self.account(&issuer)?;
        let judged = account.as_deref().map(|account| account.as_of(self.height));
        let allowed = one.check_clock(time, genesis).and_then(|()| one.check_suites(&self.suites));
        let allowed = allowed.and_then(|()| one.authorize(judged.as_deref()));
        if let Err(rejection) = allowed {
            return Ok(Err(rejection));
        }
        if let Some(grantor) = one.grantor() {
            let grantor = self.account(&grantor)?;
            match one.use_delegation(grantor.as_deref(), self.height, time) {
                Ok(used) => self.accounts.extend(used.map(|account| (account.id, account))),
                Err(rejection) => return Ok(Err(rejection)),
            }
        }
        match one.statement().body() {
            Body::Account(spec) => {
                self.accounts.insert(issuer, Account::create(spec, self.height));
            }
            Body::Change(said) => match self.change(&issuer, said, time)? {
                Ok(account) => drop(self.accounts.insert(account.id, account)),
                Err(rejection) => return Ok(Err(rejection)),
            },
            Body::Governance(said) => {
                match govern(&self.alliance, (genesis, &self.ledger), &issuer, said, self.height, time) {
                    Ok(alliance) => self.set_alliance(alliance)?,
                    Err(error) => return Ok(Err(error.into())),
                }
            }
            Body::Deposit(_) | Body::Batch(_) | Body::General { .. } => {}
        }
        Ok(Ok(()))
    }
}

/// Executes the statements of the block at `height` with block time `time`, in their order, after `size` records.
///
/// A statement that may not be recorded changes nothing and is listed with its reason. `admitted` must come from
/// [`Admitted::check`] with the same `genesis`; whether its signatures were verified before changes the cost, never the outcome.
///
/// The first block of a term that adds records makes the term the current one in the state; a block without records changes nothing, so that
/// every change of the state has a checkpoint.
///
/// # Errors
/// Only the view's; then nothing may be applied.
pub fn execute<V: StateView>(
    genesis: &Genesis,
    height: Height,
    time: TimestampMs,
    size: TreeSize,
    admitted: &[Arc<Admitted>],
    view: &V,
) -> Result<Outcome, V::Error> {
    let (ledger, before) = (view.ledger(), view.alliance()?);
    let begun = begin(&before, height);
    let suites = begun.as_ref().unwrap_or(&before).term.suites(genesis);
    let accounts = BTreeMap::new();
    let mut draft = Draft { view, height, ledger, suites, alliance: before, has_changed: false, accounts };
    if let Some(alliance) = begun {
        draft.set_alliance(alliance)?;
    }
    let (mut records, mut rejected, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for one in admitted {
        let id = one.id();
        let is_recorded = seen.contains(&id)
            || view.is_recorded(&id)?
            || one.is_undated() && view.is_undated_recorded(&id)?;
        if is_recorded {
            rejected.push((id, Rejection::Duplicate { id }));
            continue;
        }
        if let Err(rejection) = draft.execute(one, time, genesis)? {
            rejected.push((id, rejection));
            continue;
        }
        seen.insert(id);
        let index = LogIndex(size.0 + records.len() as u64);
        records.push(NewRecord { index, admitted: Arc::clone(one) });
    }
    let is_changed = !records.is_empty();
    let accounts = if is_changed { draft.accounts } else { BTreeMap::new() };
    let alliance = (is_changed && draft.has_changed).then_some(draft.alliance);
    Ok(Outcome { height, time, records, accounts, alliance, rejected })
}

#[cfg(test)]
mod tests;
