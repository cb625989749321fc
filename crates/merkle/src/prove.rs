//! Proofs from stored tiles.
//!
//! Every hash of a path is the root of a complete subtree, which some tile holds, except at most one: where the
//! right edge of the tree is the neighbour, its hash is folded together from the peaks under it. So a path reads
//! one tile per eight levels, and up to as many again at the right edge.

use std::sync::Arc;

use crate::tile::TileId;
use crate::{Hash, TILE_HEIGHT, TileTree, TreeHash};

#[cfg(test)]
mod tests;

const HEIGHTS: u32 = u64::BITS;

/// Reads the tiles of one stored tree.
///
/// The cache is the implementor's: one that keeps [`TileTree`]s makes a path a matter of look-ups.
pub trait HashReader<H: TreeHash> {
    /// What reading can run into.
    type Error;

    /// Returns the tile at `level` and `index` with at least `width` hashes.
    ///
    /// A tile that has grown since may be returned as it is now: wider.
    ///
    /// # Errors
    /// The store's own.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Arc<TileTree<H>>, Self::Error>;
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError<E> {
    /// The tree has no such leaf.
    #[error("there is no leaf {index} in a tree of {size} leaves")]
    IndexOutside {
        /// The leaf asked about.
        index: u64,
        /// The number of leaves in the tree.
        size: u64,
    },
    /// The newer tree is the smaller one.
    #[error("a tree of {new_size} leaves cannot continue one of {old_size}")]
    SizesOutOfOrder {
        /// The number of leaves in the older tree.
        old_size: u64,
        /// The number of leaves in the newer tree.
        new_size: u64,
    },
    /// The store has less of a tile than a tree of this size needs: the size is not the store's, or it is damaged.
    #[error("the tile {level}/{index} has {found} hashes, not the {wanted} that are needed")]
    TileTooNarrow {
        /// The tile's level.
        level: u8,
        /// The tile's index in the level.
        index: u64,
        /// The hashes needed.
        wanted: u16,
        /// The hashes there are.
        found: u16,
    },
    /// The store failed; whether trying again can help is for its error to say.
    #[error("the tile {level}/{index} could not be read")]
    Read {
        /// The tile's level.
        level: u8,
        /// The tile's index in the level.
        index: u64,
        /// What the reader said.
        source: E,
    },
}

/// Returns the inclusion path of leaf `index` in the tree of the first `size` leaves.
///
/// At most 64 hashes and 16 tiles read; at most 63 hashes computed, and none unless the path meets the right edge.
///
/// # Errors
/// [`PathError`].
///
/// RFC 9162, section 2.1.3.1.
pub fn inclusion_path<H: TreeHash, R: HashReader<H>>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, PathError<R::Error>> {
    if index >= size {
        return Err(PathError::IndexOutside { index, size });
    }
    let mut path = Vec::new();
    Walk::new(reader, size).climb(0, index, &mut path)?;
    Ok(path)
}

/// Returns the path which shows that the tree of `new_size` leaves begins with that of `old_size` leaves.
///
/// Empty when the sizes are equal or the old tree is empty. Cost as of [`inclusion_path`].
///
/// # Errors
/// [`PathError`].
///
/// RFC 9162, section 2.1.4.1, as an inclusion path of the last complete subtree of the old tree, led by that
/// subtree's root unless it is the whole old tree.
pub fn consistency_path<H: TreeHash, R: HashReader<H>>(
    reader: &R,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Hash>, PathError<R::Error>> {
    if old_size > new_size {
        return Err(PathError::SizesOutOfOrder { old_size, new_size });
    }
    let mut path = Vec::new();
    if old_size == 0 || old_size == new_size {
        return Ok(path);
    }
    let height = old_size.trailing_zeros();
    let last = (old_size >> height) - 1;
    let mut walk = Walk::new(reader, new_size);
    if last > 0 {
        path.push(walk.node(height, last)?);
    }
    walk.climb(height, last, &mut path)?;
    Ok(path)
}

/// Returns the root of the tree of the first `size` leaves. At most 8 tiles read and 63 hashes computed.
///
/// # Errors
/// [`PathError`].
pub fn tree_root<H: TreeHash, R: HashReader<H>>(reader: &R, size: u64) -> Result<Hash, PathError<R::Error>> {
    Ok(Walk::new(reader, size).right_edge(HEIGHTS)?.unwrap_or_else(H::empty))
}

/// Finds nodes of a tree of one size, holding on to the tile it looked at last.
struct Walk<'a, H, R> {
    reader: &'a R,
    size: u64,
    held: Option<(u8, u64, Arc<TileTree<H>>)>,
}

impl<'a, H: TreeHash, R: HashReader<H>> Walk<'a, H, R> {
    fn new(reader: &'a R, size: u64) -> Self {
        Self { reader, size, held: None }
    }

    /// Appends the neighbours met from node `index` at height `start` up to the root.
    fn climb(&mut self, start: u32, index: u64, path: &mut Vec<Hash>) -> Result<(), PathError<R::Error>> {
        for height in start..HEIGHTS {
            let last = (self.size - 1) >> height;
            if last == 0 {
                break;
            }
            let neighbour = (index >> (height - start)) ^ 1;
            if neighbour < self.size >> height {
                path.push(self.node(height, neighbour)?);
            } else if neighbour == last {
                // A walk of its own, lest the tile held here be dropped for those of the edge.
                path.extend(Walk::new(self.reader, self.size).right_edge(height)?);
            }
        }
        Ok(())
    }

    /// Returns the root over the leaves that remain right of all complete subtrees of `height`, if any remain.
    fn right_edge(&mut self, height: u32) -> Result<Option<Hash>, PathError<R::Error>> {
        let size = self.size;
        let mut root = None;
        for height in (0..height).filter(|height| size >> height & 1 == 1) {
            let peak = self.node(height, (size >> height) - 1)?;
            root = Some(root.map_or(peak, |right| H::node(&peak, &right)));
        }
        Ok(root)
    }

    /// Returns the root of the complete subtree `index` of `height`; it must be complete at this size.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, PathError<R::Error>> {
        let tile_height = u32::from(TILE_HEIGHT);
        let (level, inner) = ((height / tile_height) as u8, height % tile_height);
        let tile_index = index >> (tile_height - inner);
        let place = index & ((1 << (tile_height - inner)) - 1);
        let tile = self.tile(level, tile_index)?;
        Ok(*tile.node(inner as u8, place as u16).expect("the tile is as wide as a tree of this size has it"))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&TileTree<H>, PathError<R::Error>> {
        if self.held.as_ref().is_none_or(|held| (held.0, held.1) != (level, index)) {
            let id = TileId::in_tree(level, index, self.size).expect("a complete subtree is in a tile");
            let tile = self.reader.tile(level, index, id.width()).map_err(|source| PathError::Read {
                level,
                index,
                source,
            })?;
            if tile.width() < id.width() {
                let (wanted, found) = (id.width(), tile.width());
                return Err(PathError::TileTooNarrow { level, index, wanted, found });
            }
            self.held = Some((level, index, tile));
        }
        let (_, _, tile) = self.held.as_ref().expect("a tile was just put there");
        Ok(tile)
    }
}
