//! Appending to a tree that is stored as tiles.

use std::sync::Arc;

use crate::prove::{HashReader, PathError};
use crate::tile::TileId;
use crate::{Frontier, Hash, TILE_HEIGHT, TILE_WIDTH, TileTree, TreeHash};

#[cfg(test)]
mod tests;

/// The rightmost, unfinished tile of each level, in memory.
///
/// [`Appender::append`] returns the tiles to store; until they are stored, in one atomic batch, the appender is ahead
/// of the store. After a failed write go back to a clone made before: cloning copies pointers, not tiles.
///
/// Invariant: level `l` holds `size / 256^l mod 256` hashes, and there are just as many levels as it takes.
#[derive(Debug, Clone)]
pub struct Appender<H> {
    size: u64,
    edge: Vec<Arc<TileTree<H>>>,
}

/// A tile that is new or has grown: store it under its level and index, in place of a narrower one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileWrite<H> {
    /// The tile's name.
    pub id: TileId,
    /// The tile, ready for a cache; [`TileTree::as_bytes`] is what to store.
    pub tile: Arc<TileTree<H>>,
}

impl<H: TreeHash> Appender<H> {
    /// Starts an empty tree.
    pub fn new() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// Takes up the stored tree of `size` leaves. Reads at most 8 tiles; tiles wider than that tree are cut back.
    ///
    /// That the tiles are the right ones is known only when [`Appender::root`] equals a root that is trusted.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn restore<R: HashReader<H>>(reader: &R, size: u64) -> Result<Self, PathError<R::Error>> {
        let mut edge = Vec::new();
        let mut hashes = size;
        while hashes > 0 {
            let (level, index) = (edge.len() as u8, hashes / u64::from(TILE_WIDTH));
            let wanted = (hashes % u64::from(TILE_WIDTH)) as u16;
            edge.push(match wanted {
                0 => Arc::new(TileTree::empty()),
                _ => read_edge(reader, level, index, wanted)?,
            });
            hashes >>= TILE_HEIGHT;
        }
        Ok(Self { size, edge })
    }

    /// Appends leaf hashes in order and returns every tile that changed, each once, as it is afterwards.
    ///
    /// Tiles come bottom level first. About one hash per leaf and one 16 KiB allocation per tile.
    ///
    /// # Panics
    /// When the tree would have more than `u64::MAX` leaves.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<TileWrite<H>> {
        let mut writes = Vec::new();
        let mut parents = self.fill_level(0, leaves.into_iter(), &mut writes);
        let mut level = 0;
        while !parents.is_empty() {
            level += 1;
            parents = self.fill_level(level, parents.into_iter(), &mut writes);
        }
        let new_size = writes
            .iter()
            .rfind(|write| write.id.level() == 0)
            .map(|last| last.id.index().checked_mul(TILE_WIDTH.into())?.checked_add(last.id.width().into()));
        self.size = new_size.unwrap_or(Some(self.size)).expect("a tree has at most u64::MAX leaves");
        writes
    }

    /// Appends hashes to one level and returns the hashes of the tiles this filled. Does not touch `size`.
    fn fill_level(
        &mut self,
        level: u8,
        hashes: impl Iterator<Item = Hash>,
        writes: &mut Vec<TileWrite<H>>,
    ) -> Vec<Hash> {
        let mut hashes = hashes.peekable();
        let mut parents = Vec::new();
        let height_above = u32::from(TILE_HEIGHT) * (u32::from(level) + 1);
        let mut index = self.size.checked_shr(height_above).unwrap_or(0);
        while hashes.peek().is_some() {
            if self.edge.len() == usize::from(level) {
                self.edge.push(Arc::new(TileTree::empty()));
            }
            let held = &mut self.edge[usize::from(level)];
            let tile = Arc::make_mut(held);
            tile.fill(&mut hashes);
            let id = TileId::new(level, index, tile.width()).expect("the tile has at least one hash");
            let full = tile.node(TILE_HEIGHT, 0).copied();
            let tile = match full {
                Some(_) => std::mem::replace(held, Arc::new(TileTree::empty())),
                None => Arc::clone(held),
            };
            writes.push(TileWrite { id, tile });
            parents.extend(full);
            index += u64::from(full.is_some());
        }
        parents
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root. At most 63 hashes.
    pub fn root(&self) -> Hash {
        self.frontier().root()
    }

    /// Returns the peaks of the tree. No hashing.
    pub fn frontier(&self) -> Frontier<H> {
        let mut peaks = Vec::with_capacity(self.size.count_ones() as usize);
        for tile in self.edge.iter().rev() {
            for height in (0..TILE_HEIGHT).rev().filter(|height| tile.width() >> height & 1 == 1) {
                let last = (tile.width() >> height) - 1;
                peaks.extend(tile.node(height, last));
            }
        }
        Frontier::from_peaks(self.size, peaks)
            .expect("the tiles at the edge are those of a tree of this size")
    }

    /// Returns the unfinished tile of `level`, or `None` when that level has none.
    ///
    /// A [`HashReader`] answers from here first: these tiles change with every append.
    pub fn edge(&self, level: u8) -> Option<&Arc<TileTree<H>>> {
        self.edge.get(usize::from(level)).filter(|tile| tile.width() > 0)
    }
}

impl<H: TreeHash> Default for Appender<H> {
    fn default() -> Self {
        Self::new()
    }
}

fn read_edge<H: TreeHash, R: HashReader<H>>(
    reader: &R,
    level: u8,
    index: u64,
    wanted: u16,
) -> Result<Arc<TileTree<H>>, PathError<R::Error>> {
    let tile =
        reader.tile(level, index, wanted).map_err(|source| PathError::Read { level, index, source })?;
    match tile.width() {
        found if found < wanted => Err(PathError::TileTooNarrow { level, index, wanted, found }),
        found if found > wanted => {
            let hashes = &tile.hashes()[..usize::from(wanted)];
            Ok(Arc::new(TileTree::from_hashes(hashes).expect("1 to 255 hashes are a tile")))
        }
        _ => Ok(tile),
    }
}
