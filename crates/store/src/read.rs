//! Reading: records, searches, accounts, checkpoints and what was collected for them.

use std::{ops::Bound, sync::Arc};

use fjall::Keyspace;
use xiezhi_crypto::Digest;
use xiezhi_evidence::{Account, Alliance, CertifiedSeal, Checkpoint, StateProof, TimeStamp};
use xiezhi_ledger::{StateTree, StateVersion, StateView, undated_key};
use xiezhi_types::{
    AccountId, GroupId, Height, LedgerId, LogIndex, StatementId, TimestampMs, from_canonical,
};

use crate::{Store, StoreError, damaged, keys};

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Height of its block.
    pub height: Height,
    /// Time of its block.
    pub time: TimestampMs,
    /// Items of a batch; 0 for any other record.
    pub items: u32,
    /// The statement's bytes.
    pub statement: Vec<u8>,
}

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The state's version it speaks of.
    pub state: StateVersion,
}

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// A searchable digest.
    Digest(Digest),
    /// An account's records.
    Account(AccountId),
    /// A group's records.
    Group(GroupId),
}

/// A place that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The record.
    pub index: LogIndex,
    /// The item of a batch.
    pub item: Option<u32>,
}

impl Store {
    /// The record at `index`, from the archive if it is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record(&self, index: LogIndex) -> Result<Option<StoredRecord>, StoreError> {
        let Some(value) = self.get(&self.log, &index.0.to_be_bytes())? else {
            return self.archived_record(index);
        };
        let read = || {
            Some(StoredRecord {
                height: Height(keys::u64_at(&value, 0)?),
                time: TimestampMs(keys::u64_at(&value, 8)?),
                items: keys::u32_at(&value, 16)?,
                statement: value.get(20..)?.to_vec(),
            })
        };
        read().map(Some).ok_or_else(|| damaged("a record", "too short"))
    }

    /// Item `item` of the batch at `index`, which has `items` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn item(&self, index: LogIndex, item: u32, items: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let (bundle, at) = (item as usize / keys::BUNDLE_ITEMS, item as usize % keys::BUNDLE_ITEMS);
        let bundle = u32::try_from(bundle).unwrap_or(keys::NO_ITEM);
        if item >= items {
            return Ok(None);
        }
        let Some(bytes) = self.get(&self.items, &keys::place(index, Some(bundle)))? else {
            return Ok(self.archived_items(index)?.get(item as usize).cloned());
        };
        Ok(read_bundle(&bytes, bundle, items)?.get(at).cloned())
    }

    /// All `items` items of the batch at `index`, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn items(&self, index: LogIndex, items: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut all = Vec::with_capacity(items as usize);
        for (bundle, guard) in (0u32..).zip(self.items.prefix(index.0.to_be_bytes())) {
            let (key, bytes) = guard.into_inner().map_err(|source| self.failed(source))?;
            if keys::u32_at(&key, 8) != Some(bundle) {
                break;
            }
            all.extend(read_bundle(&bytes, bundle, items)?);
        }
        // All moved, or all but what lay bare again.
        if all.len() < items as usize { self.archived_items(index) } else { Ok(all) }
    }

    /// Index of the statement `id`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_of(&self, id: &StatementId) -> Result<Option<LogIndex>, StoreError> {
        let Some(value) = self.get(&self.find, &keys::by_statement(id))? else { return Ok(None) };
        keys::u64_at(&value, 0)
            .map(|index| Some(LogIndex(index)))
            .ok_or_else(|| damaged("an index entry", "too short"))
    }

    /// At most `limit` places after `after`, in rising order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn search(
        &self,
        search: &Search,
        after: Option<Found>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (prefix, with_item) = match search {
            Search::Digest(digest) => (keys::digest_prefix(digest).to_vec(), true),
            Search::Account(account) => (keys::account_prefix(account), false),
            Search::Group(group) => (keys::group_prefix(group), false),
        };
        let place = |found: Found| {
            let place = keys::place(found.index, found.item);
            keys::concat(&[&prefix, if with_item { &place } else { &place[..8] }])
        };
        let from = after.map_or(Bound::Included(prefix.clone()), |found| Bound::Excluded(place(found)));
        let to = Bound::Included(keys::concat(&[&prefix, &[0xff; 12]]));
        let read = |key: &[u8]| {
            let index =
                keys::u64_at(key, prefix.len()).ok_or_else(|| damaged("an index key", "too short"))?;
            let item = keys::u32_at(key, prefix.len() + 8).filter(|item| *item != keys::NO_ITEM);
            Ok(Found { index: LogIndex(index), item })
        };
        let mut found = Vec::new();
        let mut scan = |keyspace: &Keyspace| {
            for guard in keyspace.range((from.clone(), to.clone())).take(limit) {
                found.push(read(&guard.key().map_err(|source| self.failed(source))?)?);
            }
            Ok::<_, StoreError>(())
        };
        if !with_item {
            scan(&self.find)?;
            return Ok(found);
        }
        let range = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        let in_memory = self.digests.in_memory(range, limit);
        scan(self.digests.keyspace())?;
        if self.has_old_digests {
            scan(&self.find)?;
        }
        for entry in in_memory {
            found.push(read(&entry)?);
        }
        // An entry may be in memory and in the tables.
        found.sort_unstable_by_key(|found| (found.index, keys::item_number(found.item)));
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }

    /// The account as it stands at the tip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let value = StateTree::new(self).get(&Account::state_key(id), self.tip().state);
        let value = value.map_err(|e| damaged("state", e))?;
        value
            .map(|bytes| from_canonical("an account", &bytes).map_err(|e| damaged("an account", e)))
            .transpose()
    }

    /// The account as it stood at `version`, if there was one, with the proof of either.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove_account(
        &self,
        id: &AccountId,
        version: StateVersion,
    ) -> Result<(Option<Account>, StateProof), StoreError> {
        let proven = StateTree::new(self).prove(&Account::state_key(id), version);
        let (value, proof) = proven.map_err(|e| damaged("state", e))?;
        let account =
            |bytes: Vec<u8>| from_canonical("an account", &bytes).map_err(|e| damaged("an account", e));
        Ok((value.map(account).transpose()?, proof))
    }

    /// The checkpoint after the block at `height`, if that block added records.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint(&self, height: Height) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.get(&self.seals, &keys::checkpoint(height))?.map(|value| read_checkpoint(&value)).transpose()
    }

    /// At most `limit` checkpoints above height `after`, rising.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoints_after(
        &self,
        after: Height,
        limit: usize,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let range =
            (Bound::Excluded(keys::checkpoint(after)), Bound::Included(keys::checkpoint(Height(u64::MAX))));
        let values = self.seals.range(range).take(limit);
        values.map(|guard| read_checkpoint(&guard.value().map_err(|source| self.failed(source))?)).collect()
    }

    /// The newest checkpoint at or below `height`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint_at_most(&self, height: Height) -> Result<Option<StoredCheckpoint>, StoreError> {
        let range = keys::checkpoint(Height(0))..=keys::checkpoint(height);
        let last = self.seals.range(range).next_back();
        last.map(|guard| read_checkpoint(&guard.value().map_err(|source| self.failed(source))?)).transpose()
    }

    /// Seals of the checkpoint at `height`, sorted by institution.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn seals(&self, height: Height) -> Result<Vec<CertifiedSeal>, StoreError> {
        let read = |bytes: &[u8]| from_canonical("a seal", bytes).map_err(|e| damaged("a seal", e));
        let values = self.seals.prefix(keys::seal_prefix(height));
        values.map(|guard| read(&guard.value().map_err(|source| self.failed(source))?)).collect()
    }

    /// Time stamps of the checkpoint at `height`, by authority fingerprint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stamps(&self, height: Height) -> Result<Vec<([u8; 32], TimeStamp)>, StoreError> {
        let mut stamps = Vec::new();
        for guard in self.seals.prefix(keys::stamp_prefix(height)) {
            let (key, value) = guard.into_inner().map_err(|source| self.failed(source))?;
            let fingerprint = key.get(9..).and_then(|bytes| bytes.try_into().ok());
            let fingerprint = fingerprint.ok_or_else(|| damaged("a time stamp's key", "too short"))?;
            stamps.push((fingerprint, TimeStamp { token: value.to_vec() }));
        }
        Ok(stamps)
    }
}

/// The items of bundle number `bundle` of a batch of `items`.
fn read_bundle(bytes: &[u8], bundle: u32, items: u32) -> Result<Vec<Vec<u8>>, StoreError> {
    let before = u64::from(bundle) * keys::BUNDLE_ITEMS as u64;
    let width = u64::from(items).saturating_sub(before).min(keys::BUNDLE_ITEMS as u64);
    let width = u16::try_from(width).unwrap_or(0);
    let entries = xiezhi_merkle::decode_bundle(bytes, width).map_err(|e| damaged("a batch", e))?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

fn read_checkpoint(value: &[u8]) -> Result<StoredCheckpoint, StoreError> {
    let state = keys::u64_at(value, 0).ok_or_else(|| damaged("a checkpoint", "too short"))?;
    let checkpoint = Checkpoint::parse(&value[8..]).map_err(|e| damaged("a checkpoint", e))?;
    Ok(StoredCheckpoint { checkpoint, state: StateVersion(state) })
}

impl StateView for Store {
    type Error = StoreError;

    fn ledger(&self) -> LedgerId {
        Store::ledger(self)
    }

    fn alliance(&self) -> Result<Arc<Alliance>, StoreError> {
        Ok(Store::alliance(self))
    }

    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(Store::account(self, id)?.map(Arc::new))
    }

    fn is_recorded(&self, id: &StatementId) -> Result<bool, StoreError> {
        self.find.contains_key(keys::by_statement(id)).map_err(|source| self.failed(source))
    }

    fn is_undated_recorded(&self, id: &StatementId) -> Result<bool, StoreError> {
        let value = StateTree::new(self).get(&undated_key(id), self.tip().state);
        Ok(value.map_err(|e| damaged("state", e))?.is_some())
    }
}
