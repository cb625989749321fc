//! A store of tiles in memory, for the tests: the newest version of each tile, as bytes, as a real store keeps it.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::{Appender, Hash, HashReader, TileId, TileTree, TileWrite, TreeHash};

#[derive(Default)]
pub(crate) struct MemoryStore {
    tiles: HashMap<(u8, u64), Vec<u8>>,
    pub(crate) reads: Cell<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotStored;

impl MemoryStore {
    /// Stores the tree over `leaves`, appended `step` at a time.
    pub(crate) fn of<H: TreeHash>(leaves: &[Hash], step: usize) -> (Self, Appender<H>) {
        let mut store = Self::default();
        let mut appender = Appender::new();
        for leaves in leaves.chunks(step) {
            store.put(&appender.append(leaves.iter().copied()));
        }
        (store, appender)
    }

    pub(crate) fn put<H: TreeHash>(&mut self, writes: &[TileWrite<H>]) {
        for TileWrite { id, tile } in writes {
            self.tiles.insert((id.level(), id.index()), tile.as_bytes().to_vec());
        }
    }

    pub(crate) fn ids(&self) -> Vec<TileId> {
        let id = |(at, bytes): (&(u8, u64), &Vec<u8>)| {
            TileId::new(at.0, at.1, (bytes.len() / 32) as u16).expect("only tiles were stored")
        };
        let mut ids: Vec<_> = self.tiles.iter().map(id).collect();
        ids.sort();
        ids
    }

    pub(crate) fn bytes(&self, level: u8, index: u64) -> &[u8] {
        &self.tiles[&(level, index)]
    }
}

impl<H: TreeHash> HashReader<H> for MemoryStore {
    type Error = NotStored;

    fn tile(&self, level: u8, index: u64, _width: u16) -> Result<Arc<TileTree<H>>, NotStored> {
        self.reads.set(self.reads.get() + 1);
        let bytes = self.tiles.get(&(level, index)).ok_or(NotStored)?;
        Ok(Arc::new(TileTree::from_bytes(bytes).expect("only tiles were stored")))
    }
}
