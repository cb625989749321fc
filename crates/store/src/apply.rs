//! Writing: blocks, seals and time stamps.

use std::sync::Arc;

use fjall::{OwnedWriteBatch, PersistMode};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, TimeStamp};
use xiezhi_ledger::{NewRecord, Outcome, StateTree, StateVersion};
use xiezhi_types::{Height, TreeSize, canonical};

use crate::{
    Store, StoreError, Tip, damaged, keys,
    trees::{Trees, tile_key},
};

/// A checkpoint with what was collected for it; the caller has checked all of it.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// The checkpoint.
    pub checkpoint: &'a Checkpoint,
    /// Seals.
    pub seals: &'a [CertifiedSeal],
    /// Time stamps, each with the fingerprint of its authority's certificate.
    pub stamps: &'a [([u8; 32], TimeStamp)],
}

impl Store {
    /// Applies a block's outcome in one atomic, durable batch; gives the checkpoint if it added records.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of the block has taken effect. After a failed write the database refuses further ones: the node must stop.
    pub fn apply(&self, outcome: &Outcome) -> Result<Option<Checkpoint>, StoreError> {
        self.commit(outcome, None)
    }

    /// Applies a block's outcome as [`Store::apply`] does, if it leads to exactly the sealed checkpoint, whose seals and time stamps are kept in
    /// the same batch. Blocks without records may be left out before it: they have no checkpoint by which they could be known.
    ///
    /// # Errors
    /// [`StoreError`], [`StoreError::OtherCheckpoint`] among them; then nothing of the block has taken effect.
    pub fn apply_sealed(&self, outcome: &Outcome, sealed: &Sealed<'_>) -> Result<(), StoreError> {
        self.commit(outcome, Some(sealed)).map(drop)
    }

    /// Moves the tip to `height`, if it is below: the blocks up to there added no records.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pass_to(&self, height: Height) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(|e| e.into_inner());
        let tip = self.tip();
        if tip.height >= height {
            return Ok(());
        }
        let next = Tip { height, ..tip };
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.meta, b"tip".as_slice(), keys::encode_tip(&next));
        batch.commit().map_err(|source| self.failed(source))?;
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = next;
        Ok(())
    }

    fn commit(
        &self,
        outcome: &Outcome,
        sealed: Option<&Sealed<'_>>,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(|e| e.into_inner());
        let tip = self.tip();
        let follows =
            if sealed.is_some() { outcome.height > tip.height } else { outcome.height == tip.height.next() };
        if !follows {
            return Err(StoreError::OutOfOrder { found: outcome.height, tip: tip.height });
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut next = Tip { height: outcome.height, time: outcome.time, ..tip };
        let entries = outcome.state_entries();
        if !entries.is_empty() {
            let change =
                StateTree::new(self).update(Some(tip.state), entries).map_err(|e| damaged("state", e))?;
            self.put_term(&mut batch, outcome, &change)?;
            (next.state, next.state_root) = (change.version, change.root);
            for (key, value) in change.writes {
                batch.insert(&self.state, key, value);
            }
        }
        let mut trees = Arc::clone(&self.trees.read().unwrap_or_else(|e| e.into_inner()));
        let mut checkpoint = None;
        let mut digests = Vec::new();
        if !outcome.records.is_empty() {
            for record in &outcome.records {
                self.put_record(&mut batch, outcome, record)?;
                let places = record.admitted.digests().iter();
                digests.extend(places.map(|(digest, item)| keys::digest_place(digest, record.index, *item)));
            }
            trees = Arc::new(self.put_leaves(&mut batch, &trees, &outcome.records));
            next.size = TreeSize(tip.size.0 + outcome.records.len() as u64);
            let made = Checkpoint {
                ledger: self.ledger,
                height: next.height,
                time: next.time,
                size: next.size,
                root_sha256: trees.sha256.root(),
                root_sm3: trees.sm3.root(),
                state_root: next.state_root,
            };
            self.put_checkpoint(&mut batch, next.state, &made);
            checkpoint = Some(made);
        }
        if let Some(sealed) = sealed {
            if checkpoint.as_ref() != Some(sealed.checkpoint) {
                return Err(StoreError::OtherCheckpoint { height: outcome.height });
            }
            self.put_sealed(&mut batch, next.state, sealed);
        }
        batch.insert(&self.meta, b"tip".as_slice(), keys::encode_tip(&next));
        let mark =
            self.digests.mark_in(&mut batch, &self.meta, false).map_err(|source| self.failed(source))?;
        #[cfg(feature = "simulation")]
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(self.failed(fjall::Error::Io(std::io::ErrorKind::StorageFull.into())));
        }
        batch.commit().and_then(|()| self.relieve()).map_err(|source| self.failed(source))?;
        self.digests.marked(mark);
        self.digests.add(digests, next.size.0);
        *self.trees.write().unwrap_or_else(|e| e.into_inner()) = trees;
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = next;
        if let Some(alliance) = &outcome.alliance {
            self.set_alliance(alliance);
        }
        Ok(checkpoint)
    }

    fn put_checkpoint(&self, batch: &mut OwnedWriteBatch, state: StateVersion, checkpoint: &Checkpoint) {
        let value = keys::concat(&[&state.0.to_be_bytes(), &checkpoint.encode()]);
        batch.insert(&self.seals, keys::checkpoint(checkpoint.height), value);
    }

    /// Adds to `batch` a checkpoint over `state` with what was collected for it.
    pub(crate) fn put_sealed(&self, batch: &mut OwnedWriteBatch, state: StateVersion, sealed: &Sealed<'_>) {
        let height = sealed.checkpoint.height;
        self.put_checkpoint(batch, state, sealed.checkpoint);
        for seal in sealed.seals {
            batch.insert(&self.seals, keys::seal(height, &seal.seal.institution), canonical(seal));
        }
        for (fingerprint, stamp) in sealed.stamps {
            batch.insert(&self.seals, keys::stamp(height, fingerprint), stamp.token.as_slice());
        }
    }

    fn put_record(
        &self,
        batch: &mut OwnedWriteBatch,
        outcome: &Outcome,
        record: &NewRecord,
    ) -> Result<(), StoreError> {
        let index = record.index.0.to_be_bytes();
        let statement = record.admitted.statement();
        let items: Vec<_> = record.admitted.transaction().items().collect();
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let head = [outcome.height.0.to_be_bytes(), outcome.time.0.to_be_bytes()].concat();
        let value = keys::concat(&[&head, &count.to_be_bytes(), statement.as_bytes()]);
        batch.insert(&self.log, index, value);
        batch.insert(&self.find, keys::by_statement(&statement.id()), index);
        for account in statement.accounts() {
            batch.insert(&self.find, keys::concat(&[&keys::account_prefix(&account), &index]), []);
        }
        if let Some(group) = statement.group() {
            batch.insert(&self.find, keys::concat(&[&keys::group_prefix(&group), &index]), []);
        }
        for (bundle, items) in (0u32..).zip(items.chunks(keys::BUNDLE_ITEMS)) {
            let bytes = xiezhi_merkle::encode_bundle(items).map_err(|e| damaged("a batch", e))?;
            batch.insert(&self.items, keys::place(record.index, Some(bundle)), bytes);
        }
        Ok(())
    }

    fn put_leaves(&self, batch: &mut OwnedWriteBatch, trees: &Trees, records: &[NewRecord]) -> Trees {
        let mut next = trees.clone();
        for write in next.sha256.append(records.iter().map(|r| r.admitted.leaf_sha256())) {
            let key = tile_key::<xiezhi_merkle::Sha256>(write.id.level(), write.id.index());
            batch.insert(&self.tiles, key, write.tile.as_bytes());
        }
        for write in next.sm3.append(records.iter().map(|r| r.admitted.leaf_sm3())) {
            let key = tile_key::<xiezhi_merkle::Sm3>(write.id.level(), write.id.index());
            batch.insert(&self.tiles, key, write.tile.as_bytes());
        }
        next
    }

    /// Keeps a seal of the checkpoint at `height`; the caller has checked it. Not yet durable when this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_seal(&self, height: Height, seal: &CertifiedSeal) -> Result<(), StoreError> {
        let key = keys::seal(height, &seal.seal.institution);
        self.seals.insert(key, canonical(seal)).map_err(|source| self.failed(source))
    }

    /// Keeps a checked time-stamp token of the authority with certificate `fingerprint`. Not yet durable when this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_stamp(&self, height: Height, fingerprint: &[u8; 32], token: &[u8]) -> Result<(), StoreError> {
        self.seals.insert(keys::stamp(height, fingerprint), token).map_err(|source| self.failed(source))
    }
}
