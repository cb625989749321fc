//! Execution of one block.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use xiezhi_evidence::{Account, Body, Genesis};
use xiezhi_types::{AccountId, Height, LogIndex, StatementId, TimestampMs, TreeSize};

use crate::admit::{Admitted, Rejection};

/// What execution reads of the ledger as it stands before the block.
pub trait StateView {
    /// Failure of the store beneath: the block cannot be executed, and nothing of it takes effect.
    type Error;

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
    /// Statements that were not recorded, and why; in the block's order.
    pub rejected: Vec<(StatementId, Rejection)>,
}

/// Executes the statements of the block at `height` with block time `time`, in their order, after `size` records.
///
/// A statement that may not be recorded changes nothing and is listed with its reason. `admitted` must come from
/// [`Admitted::check`] with the same `genesis`; whether its signatures were verified before changes the cost, never the outcome.
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
    let mut outcome =
        Outcome { height, time, records: Vec::new(), accounts: BTreeMap::new(), rejected: Vec::new() };
    let mut seen = BTreeSet::new();
    for one in admitted {
        let id = one.id();
        if seen.contains(&id) || view.is_recorded(&id)? {
            outcome.rejected.push((id, Rejection::Duplicate { id }));
            continue;
        }
        let issuer = one.statement().claims().issuer;
        let changed = outcome.accounts.get(&issuer).cloned().map(Arc::new);
        let account = match changed {
            Some(account) => Some(account),
            None => view.account(&issuer)?,
        };
        let allowed = one.check_clock(time, genesis).and_then(|()| one.authorize(account.as_deref()));
        if let Err(rejection) = allowed {
            outcome.rejected.push((id, rejection));
            continue;
        }
        if let Body::Account(spec) = one.statement().body() {
            outcome.accounts.insert(issuer, Account::create(spec, height));
        }
        seen.insert(id);
        let index = LogIndex(size.0 + outcome.records.len() as u64);
        outcome.records.push(NewRecord { index, admitted: Arc::clone(one) });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests;
