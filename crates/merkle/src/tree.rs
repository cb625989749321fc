//! A whole tree in memory.

use std::marker::PhantomData;

use crate::{Hash, TreeHash};

#[cfg(test)]
mod tests;

/// All hashes of a tree, so that every inclusion path is a matter of look-ups.
///
/// Made for batches: about 64 bytes an item, one hash an item to build. It does not grow; a log is an
/// [`Appender`](crate::Appender).
///
/// A level holds the parents of the level below, two by two; a last node without a neighbour moves up as it is.
/// That is the shape of RFC 9162, whose left half is always the largest power of two.
#[derive(Debug, Clone)]
pub struct Tree<H> {
    /// All levels, one after the other, the leaves first.
    hashes: Vec<Hash>,
    /// Where each level starts and, last, where the top one ends.
    starts: Vec<usize>,
    hash: PhantomData<H>,
}

impl<H: TreeHash> Tree<H> {
    /// Builds the tree over `leaves`, which are leaf hashes.
    pub fn new(leaves: &[Hash]) -> Self {
        let mut hashes = Vec::with_capacity(2 * leaves.len() + 64);
        hashes.extend_from_slice(leaves);
        let mut starts = vec![0, hashes.len()];
        let mut width = leaves.len();
        while width > 1 {
            let below = hashes.len() - width;
            let parents = width / 2;
            hashes.resize(hashes.len() + parents, [0; 32]);
            let (levels, above) = hashes.split_at_mut(below + width);
            H::nodes(&levels[below..below + 2 * parents], above);
            if width % 2 == 1 {
                hashes.push(hashes[below + width - 1]);
            }
            starts.push(hashes.len());
            width = width.div_ceil(2);
        }
        Self { hashes, starts, hash: PhantomData }
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.starts[1] as u64
    }

    /// Returns the leaf hash at `index`, if there is one.
    pub fn leaf(&self, index: u64) -> Option<&Hash> {
        self.hashes[..self.starts[1]].get(usize::try_from(index).ok()?)
    }

    /// Returns the root.
    pub fn root(&self) -> Hash {
        self.hashes.last().copied().unwrap_or_else(H::empty)
    }

    /// Returns the inclusion path of the leaf at `index`, the leaf's neighbour first, or `None` outside the tree.
    ///
    /// No hashing.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        self.leaf(index)?;
        let mut at = usize::try_from(index).ok()?;
        let mut path = Vec::with_capacity(self.starts.len());
        for level in self.starts.windows(2) {
            path.extend(self.hashes[level[0]..level[1]].get(at ^ 1));
            at >>= 1;
        }
        Some(path)
    }
}
