//! A tile together with every hash inside it.

use std::marker::PhantomData;

use crate::tile::TileError;
use crate::{Hash, TILE_HEIGHT, TILE_WIDTH, TreeHash};

#[cfg(test)]
mod tests;

const FULL: usize = TILE_WIDTH as usize;
/// 256 + 128 + ... + 1.
const HASHES: usize = 2 * FULL - 1;

/// A decoded tile and its interior hashes: a proof reads them instead of hashing.
///
/// 16 KiB whatever the width; decoding a full tile costs 255 hashes. Meant to be cached behind an `Arc` by whoever
/// reads tiles. Nothing vouches for the hashes themselves.
///
/// Layout: height 0 in places 0 to 255, height 1 in 256 to 383, ..., height 8 in place 510.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileTree<H> {
    hashes: Box<[Hash]>,
    width: usize,
    hash: PhantomData<H>,
}

impl<H: TreeHash> TileTree<H> {
    /// Decodes the stored bytes of a full or partial tile.
    ///
    /// # Errors
    /// [`TileError`] unless `bytes` are 1 to 256 hashes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TileError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(TileError::RaggedBytes { bytes: bytes.len() });
        }
        Self::from_hashes(hashes)
    }

    /// Takes the hashes of a full or partial tile.
    ///
    /// # Errors
    /// [`TileError`] unless there are 1 to 256.
    pub fn from_hashes(hashes: &[Hash]) -> Result<Self, TileError> {
        if hashes.is_empty() || hashes.len() > FULL {
            return Err(TileError::WidthOutside { width: hashes.len() });
        }
        let mut tile = Self::empty();
        tile.fill(&mut hashes.iter().copied());
        Ok(tile)
    }

    /// Starts a tile that is still to be filled; it never leaves the crate empty.
    pub(crate) fn empty() -> Self {
        Self { hashes: vec![[0; 32]; HASHES].into_boxed_slice(), width: 0, hash: PhantomData }
    }

    /// Takes hashes until the tile is full or there are no more. One hash per hash taken, at most.
    pub(crate) fn fill(&mut self, hashes: &mut impl Iterator<Item = Hash>) {
        let old = self.width;
        let free = &mut self.hashes[old..FULL];
        // `zip` asks the free places first: no hash is drawn that has no place.
        self.width += free.iter_mut().zip(hashes).map(|(place, hash)| *place = hash).count();
        for height in 1..=usize::from(TILE_HEIGHT) {
            let (from, to) = (old >> height, self.width >> height);
            let (below, above) = self.hashes.split_at_mut(start(height));
            H::nodes(&below[start(height - 1)..][2 * from..2 * to], &mut above[from..to]);
        }
    }

    /// Returns the number of hashes in the tile, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width as u16
    }

    /// Tells whether the tile has all its 256 hashes.
    pub fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// Returns the tile's hashes, without the interior.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes[..self.width]
    }

    /// Returns the bytes to store and to serve: 32 per hash, at most 8,192.
    pub fn as_bytes(&self) -> &[u8] {
        self.hashes().as_flattened()
    }

    /// Returns the `index`-th hash at `height` above the tile's own, if that subtree is complete in this tile.
    ///
    /// Height 0 is the tile's hashes, height 8 the hash of the whole tile.
    pub fn node(&self, height: u8, index: u16) -> Option<&Hash> {
        let (height, index) = (usize::from(height), usize::from(index));
        (height <= usize::from(TILE_HEIGHT) && index < self.width >> height)
            .then(|| &self.hashes[start(height) + index])
    }
}

/// Returns the place of the first hash at `height`.
const fn start(height: usize) -> usize {
    2 * FULL - ((2 * FULL) >> height)
}
