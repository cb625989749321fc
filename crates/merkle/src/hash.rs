//! The two hashes a tree is built with.
//!
//! ```text
//! leaf = HASH(0x00 || entry)        node = HASH(0x01 || left || right)        empty = HASH()
//! ```
//!
//! RFC 9162, section 2.1.1.

use std::fmt::Debug;

use sha2::Digest;

/// A leaf hash, a node hash or a root.
pub type Hash = [u8; 32];

const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// Hashes the leaves and the nodes of one tree.
///
/// A type, not a value: a tree of the wrong hash does not compile.
pub trait TreeHash: Copy + Debug + Eq + Send + Sync + 'static {
    /// The hash's name as written in public documents.
    const NAME: &'static str;

    /// Returns the root of a tree without leaves.
    fn empty() -> Hash;

    /// Hashes a whole entry to its leaf hash.
    fn leaf(entry: &[u8]) -> Hash;

    /// Hashes two neighbours to their parent.
    fn node(left: &Hash, right: &Hash) -> Hash;

    /// Hashes the neighbours in `below`, two by two, into `above`.
    ///
    /// A hash that is faster on many messages at once says so here; the result never differs from [`TreeHash::node`].
    ///
    /// # Panics
    /// When `below` is not twice as long as `above`.
    fn nodes(below: &[Hash], above: &mut [Hash]) {
        assert_eq!(below.len(), 2 * above.len(), "every parent has two children");
        for (parent, children) in above.iter_mut().zip(below.chunks_exact(2)) {
            *parent = Self::node(&children[0], &children[1]);
        }
    }
}

/// The tree under SHA-256 (FIPS 180-4): the one the world's log software reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256;

/// The tree under SM3 (GB/T 32905-2016), of the same shape, kept beside the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sm3;

impl TreeHash for Sha256 {
    const NAME: &'static str = "SHA-256";

    fn empty() -> Hash {
        sha2::Sha256::digest([]).into()
    }

    fn leaf(entry: &[u8]) -> Hash {
        prefixed::<sha2::Sha256>(entry)
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        sha2::Sha256::digest(node_message(left, right)).into()
    }
}

impl TreeHash for Sm3 {
    const NAME: &'static str = "SM3";

    fn empty() -> Hash {
        sm3::Sm3::digest([]).into()
    }

    fn leaf(entry: &[u8]) -> Hash {
        prefixed::<sm3::Sm3>(entry)
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        sm3::Sm3::digest(node_message(left, right)).into()
    }
}

fn prefixed<D: Digest>(entry: &[u8]) -> Hash
where
    Hash: From<sha2::digest::Output<D>>,
{
    let mut digest = D::new();
    digest.update([LEAF_PREFIX]);
    digest.update(entry);
    digest.finalize().into()
}

/// Lays a node out in one piece: the first block then goes to the compression function without another copy.
fn node_message(left: &Hash, right: &Hash) -> [u8; 65] {
    let mut message = [NODE_PREFIX; 65];
    message[1..33].copy_from_slice(left);
    message[33..].copy_from_slice(right);
    message
}
