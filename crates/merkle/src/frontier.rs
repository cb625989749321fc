//! The right edge of a tree: enough to append to it and to know its root, in at most 64 hashes.

use std::marker::PhantomData;

use crate::{Hash, TreeHash};

#[cfg(test)]
mod tests;

/// The peaks of a tree: the roots of its complete subtrees, the largest (leftmost) first.
///
/// A tree of `size` leaves has as many peaks as `size` has ones in binary. A store that persists `size` and
/// [`Frontier::peaks`] can go on appending after a restart; that the peaks belong to *its* tree it learns only by
/// comparing [`Frontier::root`] with a root it trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier<H> {
    size: u64,
    peaks: Vec<Hash>,
    hash: PhantomData<H>,
}

/// Why peaks do not make a [`Frontier`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontierError {
    /// A tree of this size has another number of peaks.
    #[error("a tree of {size} leaves has {expected} peaks, not {found}")]
    WrongPeakCount {
        /// The number of leaves claimed.
        size: u64,
        /// The peaks such a tree has.
        expected: usize,
        /// The peaks given.
        found: usize,
    },
}

impl<H: TreeHash> Frontier<H> {
    /// Starts an empty tree.
    pub fn new() -> Self {
        Self { size: 0, peaks: Vec::new(), hash: PhantomData }
    }

    /// Takes up a tree of `size` leaves where it was left, `peaks` as [`Frontier::peaks`] gave them.
    ///
    /// # Errors
    /// [`FrontierError`] when the number of peaks does not fit `size`; their values cannot be checked here.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones() as usize;
        if peaks.len() != expected {
            return Err(FrontierError::WrongPeakCount { size, expected, found: peaks.len() });
        }
        Ok(Self { size, peaks, hash: PhantomData })
    }

    /// Appends one leaf hash. `O(1)` hashes on average.
    ///
    /// # Panics
    /// When the tree already has `u64::MAX` leaves.
    pub fn append(&mut self, leaf: Hash) {
        let size = self.size.checked_add(1).expect("a tree has at most u64::MAX leaves");
        let mut peak = leaf;
        // A subtree is completed for every one at the end of the old size: 0b1011 + 1 merges twice.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for every one in the size");
            peak = H::node(&left, &peak);
        }
        self.peaks.push(peak);
        self.size = size;
    }

    /// Appends leaf hashes in order.
    ///
    /// # Panics
    /// As [`Frontier::append`].
    pub fn append_all(&mut self, leaves: impl IntoIterator<Item = Hash>) {
        for leaf in leaves {
            self.append(leaf);
        }
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the complete subtrees, the largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Returns the root. At most 63 hashes.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return H::empty() };
        peaks.fold(*smallest, |root, left| H::node(left, &root))
    }
}

impl<H: TreeHash> Default for Frontier<H> {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the root over `leaves`, which are leaf hashes.
pub fn root_of<H: TreeHash>(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::<H>::new();
    frontier.append_all(leaves.iter().copied());
    frontier.root()
}
