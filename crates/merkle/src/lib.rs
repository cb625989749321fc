//! The Merkle tree of RFC 9162, under SHA-256 and under SM3, stored as the tiles of C2SP tlog-tiles.
//!
//! The tree is the same shape whatever the hash ([`TreeHash`]); nothing else in this crate knows which one it is.
//!
//! - [`Frontier`]: the few hashes that suffice to append and to know the root.
//! - [`Tree`]: a whole tree in memory, for a batch whose inclusion proofs are all wanted.
//! - [`Appender`]: new leaf hashes in, tiles to be stored out.
//! - [`inclusion_path`], [`consistency_path`], [`tree_root`]: proofs read from stored tiles through a [`HashReader`].
//! - [`verify_inclusion`], [`verify_consistency`]: what everybody else runs.
//! - [`TileId`], [`BundleId`], [`encode_bundle`], [`decode_bundle`]: the public names and bytes of tiles and entries.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness. Leaf and node hashes are kept apart
//! by the prefixes 0x00 and 0x01; that a root is *the* root is for a sealed checkpoint to say, never for a proof.

mod append;
mod bundle;
mod frontier;
mod hash;
mod prove;
mod tile;
mod tile_tree;
mod tree;
mod verify;

#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod oracle;

pub use append::{Appender, TileWrite};
pub use bundle::{BundleError, decode_bundle, encode_bundle, push_entry};
pub use frontier::{Frontier, FrontierError, root_of};
pub use hash::{Hash, Sha256, Sm3, TreeHash};
pub use prove::{HashReader, PathError, consistency_path, inclusion_path, tree_root};
pub use tile::{BundleId, TILE_HEIGHT, TILE_WIDTH, TileError, TileId};
pub use tile_tree::TileTree;
pub use tree::Tree;
pub use verify::{
    PATH_HASHES_MAX, ProofError, inclusion_path_len, root_from_inclusion, verify_consistency,
    verify_inclusion,
};
