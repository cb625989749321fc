//! The alliance and its terms: the value in memory, and for each change what a certificate's history needs, kept for ever.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError},
};

use fjall::OwnedWriteBatch;
use minicbor::{Decode, Encode};
use xiezhi_evidence::{Alliance, StateProof, Term, alliance::STATE_KEY};
use xiezhi_ledger::{Outcome, StateChange, StateError, StateNodes, StateTree, StateVersion};
use xiezhi_types::{Height, canonical, from_canonical};

use crate::{Store, StoreError, damaged, keys};

/// The block that decided a term, and the proof of what it decided under the state root of its checkpoint.
///
/// Its checkpoint, seals and time stamps are where those of every block are, under [`TermChange::height`]: with this they make a link of the
/// history, so whatever else is pruned, these must stay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TermChange {
    /// Height of the block that decided the term.
    #[n(1)]
    pub height: Height,
    /// The alliance after that block: its `next` is the term.
    #[n(2)]
    pub alliance: Alliance,
    /// Proof that the state held it then.
    #[n(3)]
    pub proof: StateProof,
}

/// The alliance as the tip's state holds it, and every term decided so far, oldest first.
#[derive(Default)]
pub(crate) struct Terms {
    alliance: Option<Arc<Alliance>>,
    decided: Vec<Arc<Term>>,
}

impl Terms {
    fn set(&mut self, alliance: Arc<Alliance>) {
        for term in std::iter::once(&alliance.term).chain(&alliance.next) {
            if self.decided.last().is_none_or(|last| last.number < term.number) {
                self.decided.push(Arc::new(term.clone()));
            }
        }
        self.alliance = Some(alliance);
    }
}

impl Store {
    /// The alliance as it stands at the tip; [`Store::term_at`] says which term the next block belongs to.
    #[must_use]
    pub fn alliance(&self) -> Arc<Alliance> {
        let terms = self.terms.read().unwrap_or_else(PoisonError::into_inner);
        // Set before the store is given to anybody.
        terms.alliance.clone().unwrap_or_else(|| unreachable!("a store that was not opened"))
    }

    /// The term to which the block at `height` belongs, of those decided so far.
    ///
    /// # Panics
    /// Never: term 0 begins at height 0.
    #[must_use]
    pub fn term_at(&self, height: Height) -> Arc<Term> {
        let terms = self.terms.read().unwrap_or_else(PoisonError::into_inner);
        let found = terms.decided.iter().rev().find(|term| term.from <= height);
        found.cloned().unwrap_or_else(|| unreachable!("term 0 begins at height 0"))
    }

    /// The last term that is decided; it may not have begun.
    pub(crate) fn last_term(&self) -> Arc<Term> {
        self.term_at(Height(u64::MAX))
    }

    /// What decided the terms 1 to `number`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn term_changes(&self, number: u64) -> Result<Vec<TermChange>, StoreError> {
        let range = (Bound::Included(keys::term(1)), Bound::Included(keys::term(number)));
        let read = |bytes: &[u8]| from_canonical("a term", bytes).map_err(|e| damaged("a term", e));
        let values = self.meta.range(range);
        let changes: Vec<TermChange> = values
            .map(|guard| read(&guard.value().map_err(|source| self.failed(source))?))
            .collect::<Result<_, _>>()?;
        if changes.len() as u64 == number { Ok(changes) } else { Err(damaged("a term", "missing")) }
    }

    /// What decided every term that was decided at or below `height`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn term_changes_until(&self, height: Height) -> Result<Vec<TermChange>, StoreError> {
        let mut changes = self.term_changes(self.last_term().number)?;
        changes.retain(|change| change.height <= height);
        Ok(changes)
    }

    /// Reads the alliance at the tip's `version` of the state and the terms before it.
    pub(crate) fn restore_terms(&self, version: StateVersion) -> Result<(), StoreError> {
        let value = StateTree::new(self).get(STATE_KEY, version).map_err(|e| damaged("state", e))?;
        let value = value.ok_or_else(|| StoreError::BeforeTerms { path: self.path.clone() })?;
        let alliance = Alliance::parse(&value).map_err(|e| damaged("the alliance", e))?;
        let past = self.term_changes(alliance.term.number)?;
        let decided = past.into_iter().map(|change| Arc::new(change.alliance.term)).collect();
        let mut terms = Terms { alliance: None, decided };
        terms.set(Arc::new(alliance));
        *self.terms.write().unwrap_or_else(PoisonError::into_inner) = terms;
        Ok(())
    }

    /// Adds to `batch` what is kept of the term that `outcome` decides, if it decides one by `change` of the state.
    pub(crate) fn put_term(
        &self,
        batch: &mut OwnedWriteBatch,
        outcome: &Outcome,
        change: &StateChange,
    ) -> Result<(), StoreError> {
        let Some(alliance) = &outcome.alliance else { return Ok(()) };
        let Some(next) = &alliance.next else { return Ok(()) };
        if self.alliance().next.as_ref().is_some_and(|known| known.number == next.number) {
            return Ok(());
        }
        let nodes = Changed { store: self, writes: change.writes.iter().cloned().collect() };
        let proven = StateTree::new(&nodes).prove(STATE_KEY, change.version);
        let (_, proof) = proven.map_err(|e| damaged("state", e))?;
        let kept = TermChange { height: outcome.height, alliance: (**alliance).clone(), proof };
        batch.insert(&self.meta, keys::term(next.number), canonical(&kept));
        Ok(())
    }

    /// Takes over what a block has changed, after it was written.
    pub(crate) fn set_alliance(&self, alliance: &Arc<Alliance>) {
        let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
        terms.set(Arc::clone(alliance));
    }
}

/// The state's nodes with those that are about to be written.
struct Changed<'a> {
    store: &'a Store,
    writes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StateNodes for Changed<'_> {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.writes.get(key) {
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.store.node(key),
        }
    }

    fn last_at_most(&self, prefix: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        // What is about to be written is of the newest version.
        match self.writes.range(prefix.to_vec()..=key.to_vec()).next_back() {
            Some((_, bytes)) => Ok(Some(bytes.clone())),
            None => self.store.last_at_most(prefix, key),
        }
    }
}
