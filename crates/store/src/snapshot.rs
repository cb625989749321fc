//! A store that begins with a snapshot: filled part by part, each part checked against what is above it, and whole only at the end.
//!
//! The order is [`Store::begin_snapshot`], [`Store::adopt_term`] for each term, [`Store::adopt_state`] until the state is whole, for both trees
//! [`Store::adopt_edge`] and [`Store::adopt_tiles`] from the top down, and [`Store::finish_snapshot`]. Until then the store says that it stands at height 0.
//! Tiles that are there already, from an attempt that was cut off, are checked anew and kept.

use std::{collections::HashMap, sync::Arc};

use fjall::PersistMode;
use xiezhi_evidence::{Alliance, Checkpoint, Genesis, alliance::STATE_KEY};
use xiezhi_ledger::{HashedEntry, StateTree, StateVersion};
use xiezhi_merkle::{Appender, HashReader, Sha256, Sm3, TILE_HEIGHT, TILE_WIDTH, TileId, TileTree};
use xiezhi_types::{Height, TreeSize, canonical};

use crate::{
    Sealed, Store, StoreError, TermChange, Tip, TreeKind, damaged, keys,
    trees::{Stored, Trees, Twin, tile_key},
};

/// Entries that are removed in one batch.
const CLEARED_AT_ONCE: usize = 10_000;

/// Where a store begins that was made from a snapshot: it has every tile, and records, index and checkpoints from here on only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Height of the snapshot's checkpoint.
    pub height: Height,
    /// Records up to it: the first that is here has this index.
    pub size: TreeSize,
}

impl Base {
    pub(crate) fn encode(self) -> Vec<u8> {
        keys::concat(&[&self.height.0.to_be_bytes(), &self.size.0.to_be_bytes()])
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let base = Self { height: Height(keys::u64_at(bytes, 0)?), size: TreeSize(keys::u64_at(bytes, 8)?) };
        (bytes.len() == 16).then_some(base)
    }
}

/// Where a snapshot's tiles come from.
pub trait TileSource {
    /// The tile `id`, of which `holds` says whether it is the right one.
    ///
    /// # Errors
    /// Why none that holds was had.
    fn tile(&self, tree: TreeKind, id: TileId, holds: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, String>;
}

/// Why a part of a snapshot was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not what the checkpoint says, or was not had.
    #[error("{what}: {reason}")]
    Part {
        /// Which part.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn part(what: impl Into<String>, reason: impl ToString) -> SnapshotError {
    SnapshotError::Part { what: what.into(), reason: reason.to_string() }
}

impl Store {
    /// Where this store begins, if it was made from a snapshot.
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        *self.base.read().unwrap_or_else(|e| e.into_inner())
    }

    /// Goes back to height 0 for a snapshot to be taken; tiles stay.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin_snapshot(&self, genesis: &Genesis) -> Result<(), StoreError> {
        // Key by key: `fsck` reads journals, and knows no other way of clearing. Log and index are empty until a snapshot is whole.
        for keyspace in [&self.meta, &self.state, &self.seals] {
            let mut all = keyspace.iter().map(|guard| guard.key());
            loop {
                let keys = all.by_ref().take(CLEARED_AT_ONCE);
                let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|source| self.failed(source))?;
                if keys.is_empty() {
                    break;
                }
                let mut batch = self.database.batch();
                for key in keys {
                    batch.remove(keyspace, key);
                }
                batch.commit().and_then(|()| self.relieve()).map_err(|source| self.failed(source))?;
            }
        }
        self.begin(genesis)
    }

    /// Takes a term that was decided before the snapshot; the caller has checked link and seals.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn adopt_term(&self, change: &TermChange, sealed: &Sealed<'_>) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        if let Some(next) = &change.alliance.next {
            batch.insert(&self.meta, keys::term(next.number), canonical(change));
        }
        // Of the state then nothing but the proof is kept.
        self.put_sealed(&mut batch, StateVersion(0), sealed);
        batch.commit().map_err(|source| self.failed(source))?;
        self.set_alliance(&Arc::new(change.alliance.clone()));
        Ok(())
    }

    /// Adds entries to the state, each the SHA-256 of its key with its value; gives the state's root so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn adopt_state(&self, entries: Vec<HashedEntry>) -> Result<[u8; 32], StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(|e| e.into_inner());
        let tip = self.tip();
        let change = StateTree::new(self).update_hashed(Some(tip.state), entries);
        let change = change.map_err(|e| damaged("state", e))?;
        let mut batch = self.database.batch();
        for (key, value) in change.writes {
            batch.insert(&self.state, key, value);
        }
        batch.commit().and_then(|()| self.relieve()).map_err(|source| self.failed(source))?;
        let next = Tip { state: change.version, state_root: change.root, ..tip };
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = next;
        Ok(next.state_root)
    }

    /// Takes the unfinished tiles at the right edge of the tree of `checkpoint`, if they lead to its root.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn adopt_edge(
        &self,
        tree: TreeKind,
        checkpoint: &Checkpoint,
        get: impl FnMut(TileId) -> Result<Vec<u8>, String>,
    ) -> Result<(), SnapshotError> {
        let size = checkpoint.size.0;
        match tree {
            TreeKind::Sha256 => self.adopt_edge_of::<Sha256>(size, &checkpoint.root_sha256, get),
            TreeKind::Sm3 => self.adopt_edge_of::<Sm3>(size, &checkpoint.root_sm3, get),
        }
    }

    fn adopt_edge_of<H: Twin>(
        &self,
        size: u64,
        root: &[u8; 32],
        mut get: impl FnMut(TileId) -> Result<Vec<u8>, String>,
    ) -> Result<(), SnapshotError> {
        let mut edge = Edge::<H>(HashMap::new());
        for id in edge_of(size) {
            let bytes = get(id).map_err(|reason| part(name::<H>(id), reason))?;
            let tile = TileTree::from_bytes(&bytes).map_err(|e| part(name::<H>(id), e))?;
            edge.0.insert((id.level(), id.index()), Arc::new(tile));
        }
        let edge_name = format!("the right edge of the {} tree", H::NAME);
        let restored = Appender::<H>::restore(&edge, size).map_err(|e| part(edge_name.as_str(), e))?;
        if restored.root() != *root {
            return Err(part(edge_name, "leads to another root than the sealed one"));
        }
        let tiles = edge.0.into_iter().map(|((level, index), tile)| (level, index, tile));
        Ok(self.put_tiles::<H>(tiles)?)
    }

    /// Takes the full tiles below the tile `index` of `level`, which must be here; gives how many were fetched. Those that are here already stay, if
    /// they are the right ones.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn adopt_tiles(
        &self,
        tree: TreeKind,
        level: u8,
        index: u64,
        source: &dyn TileSource,
    ) -> Result<u64, SnapshotError> {
        match tree {
            TreeKind::Sha256 => self.adopt_tiles_of::<Sha256>(level, index, source),
            TreeKind::Sm3 => self.adopt_tiles_of::<Sm3>(level, index, source),
        }
    }

    fn adopt_tiles_of<H: Twin>(
        &self,
        level: u8,
        index: u64,
        source: &dyn TileSource,
    ) -> Result<u64, SnapshotError> {
        let above: Arc<TileTree<H>> = Stored(self).tile(level, index, 1)?;
        let mut tiles = Vec::new();
        for (at, hash) in (0u64..).zip(above.hashes()) {
            let (level, index) = (level - 1, index * u64::from(TILE_WIDTH) + at);
            let id = TileId::new(level, index, TILE_WIDTH).map_err(|e| part("a tile", e))?;
            let holds = |bytes: &[u8]| {
                let tile = TileTree::<H>::from_bytes(bytes);
                tile.is_ok_and(|tile| tile.node(TILE_HEIGHT, 0) == Some(hash))
            };
            let key = tile_key::<H>(level, index);
            if self.get(&self.tiles, &key)?.is_some_and(|bytes| holds(&bytes)) {
                continue;
            }
            let bytes = source.tile(H::KIND, id, &holds).map_err(|reason| part(name::<H>(id), reason))?;
            if !holds(&bytes) {
                return Err(part(name::<H>(id), "is not the one that the tile above it names"));
            }
            let tile = TileTree::from_bytes(&bytes).map_err(|e| part(name::<H>(id), e))?;
            tiles.push((level, index, Arc::new(tile)));
        }
        let fetched = tiles.len() as u64;
        self.put_tiles::<H>(tiles)?;
        Ok(fetched)
    }

    fn put_tiles<H: Twin>(
        &self,
        tiles: impl IntoIterator<Item = (u8, u64, Arc<TileTree<H>>)>,
    ) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(|e| e.into_inner());
        let mut batch = self.database.batch();
        for (level, index, tile) in tiles {
            batch.insert(&self.tiles, tile_key::<H>(level, index), tile.as_bytes());
        }
        batch.commit().and_then(|()| self.relieve()).map_err(|source| self.failed(source))
    }

    /// Ends the taking of a snapshot at the sealed checkpoint, in one durable batch, if state and trees are those of the checkpoint.
    ///
    /// The tiles below the right edge must have been taken: they are not looked at again.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn finish_snapshot(&self, sealed: &Sealed<'_>) -> Result<(), SnapshotError> {
        let checkpoint = sealed.checkpoint;
        let tip = self.tip();
        if tip.state_root != checkpoint.state_root {
            return Err(part("the state", "has another root than the sealed one"));
        }
        let alliance = StateTree::new(self).get(STATE_KEY, tip.state).map_err(|e| damaged("state", e))?;
        let alliance = alliance.and_then(|value| Alliance::parse(&value).ok());
        let alliance = alliance.ok_or_else(|| part("the state", "holds no alliance"))?;
        // Whoever leaves out the last link would have a term passed over.
        if alliance.next.as_ref().unwrap_or(&alliance.term) != &*self.last_term() {
            return Err(part("the history", "does not lead to the term that the state holds"));
        }
        let trees = Trees::restore(self, checkpoint.size.0)?;
        if trees.sha256.root() != checkpoint.root_sha256 || trees.sm3.root() != checkpoint.root_sm3 {
            return Err(part("the log", "has another root than the sealed one"));
        }
        let base = Base { height: checkpoint.height, size: checkpoint.size };
        let next = Tip { height: base.height, time: checkpoint.time, size: base.size, ..tip };
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        self.put_sealed(&mut batch, next.state, sealed);
        batch.insert(&self.meta, b"base".as_slice(), base.encode());
        batch.insert(&self.meta, b"tip".as_slice(), keys::encode_tip(&next));
        self.restore_terms(next.state)?;
        batch.commit().map_err(|source| self.failed(source))?;
        *self.trees.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(trees);
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = next;
        *self.base.write().unwrap_or_else(|e| e.into_inner()) = Some(base);
        Ok(())
    }
}

/// The unfinished tiles of the tree of `size` leaves, from the bottom.
fn edge_of(size: u64) -> impl Iterator<Item = TileId> {
    let hashes = (0u8..8).map(move |level| (level, size >> (u32::from(TILE_HEIGHT) * u32::from(level))));
    hashes.filter_map(|(level, hashes)| {
        let width = u16::try_from(hashes % u64::from(TILE_WIDTH)).ok()?;
        TileId::new(level, hashes / u64::from(TILE_WIDTH), width).ok()
    })
}

fn name<H: Twin>(id: TileId) -> String {
    format!("{id} of the {} tree", H::NAME)
}

/// Tiles of the right edge, before they are stored.
struct Edge<H>(HashMap<(u8, u64), Arc<TileTree<H>>>);

impl<H: Twin> HashReader<H> for Edge<H> {
    type Error = StoreError;

    fn tile(&self, level: u8, index: u64, _width: u16) -> Result<Arc<TileTree<H>>, StoreError> {
        self.0.get(&(level, index)).cloned().ok_or_else(|| damaged("a tile", "missing"))
    }
}
