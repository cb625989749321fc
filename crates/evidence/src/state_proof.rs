//! Proofs of the ledger's state: that a key has a value, or has none, under a state root.
//!
//! The state is a Jellyfish Merkle tree: a sparse binary Merkle tree over the SHA-256 of keys in which a subtree with one leaf is that leaf.
//!
//! ```text
//! leaf     = SHA-256("JMT::LeafNode"    || SHA-256(key) || SHA-256(value))
//! interior = SHA-256("JMT::IntrnalNode" || left || right)
//! empty    = "SPARSE_MERKLE_PLACEHOLDER_HASH__"
//! ```

use minicbor::{Decode, Encode};
use xiezhi_crypto::{sha256, sha256_parts};
use xiezhi_merkle::Hash;

const LEAF_DOMAIN: &[u8] = b"JMT::LeafNode";
const INTERIOR_DOMAIN: &[u8] = b"JMT::IntrnalNode";
const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

/// The leaf at which a proof for another key ends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OtherLeaf {
    /// SHA-256 of its key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key_hash: Hash,
    /// SHA-256 of its value.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value_hash: Hash,
}

/// The way from a leaf, or an empty place, to the root.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StateProof {
    /// Siblings from the bottom to the top.
    #[cbor(n(1), with = "siblings")]
    pub siblings: Vec<Hash>,
    /// In a proof of absence: the other leaf in the key's place, if there is one.
    #[n(2)]
    pub other: Option<OtherLeaf>,
}

/// Why a state proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateProofError {
    /// Longer than a key's hash has bits.
    #[error("a state proof has at most 256 siblings, not {siblings}")]
    TooLong {
        /// How many it has.
        siblings: usize,
    },
    /// It leads to another root.
    #[error("the state proof leads to another root")]
    Root,
    /// It proves presence where absence was asked, or the reverse, or a leaf that lies elsewhere.
    #[error("the state proof is about another key")]
    OtherKey,
}

impl StateProof {
    /// Checks that `key` has `value` under `root`.
    ///
    /// # Errors
    /// [`StateProofError`].
    pub fn verify_present(&self, root: &Hash, key: &[u8], value: &[u8]) -> Result<(), StateProofError> {
        if self.other.is_some() {
            return Err(StateProofError::OtherKey);
        }
        let key_hash = sha256(key);
        self.climb(root, &key_hash, leaf_hash(&key_hash, &sha256(value)))
    }

    /// Checks that `key` has no value under `root`.
    ///
    /// # Errors
    /// [`StateProofError`].
    pub fn verify_absent(&self, root: &Hash, key: &[u8]) -> Result<(), StateProofError> {
        let key_hash = sha256(key);
        let Some(other) = &self.other else { return self.climb(root, &key_hash, EMPTY) };
        let shares_path =
            (0..self.siblings.len().min(256)).all(|at| bit(&other.key_hash, at) == bit(&key_hash, at));
        if other.key_hash == key_hash || !shares_path {
            return Err(StateProofError::OtherKey);
        }
        self.climb(root, &key_hash, leaf_hash(&other.key_hash, &other.value_hash))
    }

    fn climb(&self, root: &Hash, key_hash: &Hash, start: Hash) -> Result<(), StateProofError> {
        let depth = self.siblings.len();
        if depth > 256 {
            return Err(StateProofError::TooLong { siblings: depth });
        }
        let reached = self.siblings.iter().zip((0..depth).rev()).fold(start, |hash, (sibling, level)| {
            let (left, right) = if bit(key_hash, level) { (sibling, &hash) } else { (&hash, sibling) };
            sha256_parts(&[INTERIOR_DOMAIN, left, right])
        });
        if reached == *root { Ok(()) } else { Err(StateProofError::Root) }
    }
}

fn leaf_hash(key_hash: &Hash, value_hash: &Hash) -> Hash {
    sha256_parts(&[LEAF_DOMAIN, key_hash, value_hash])
}

/// Bit `at` of `hash`, the most significant first.
fn bit(hash: &Hash, at: usize) -> bool {
    hash[at / 8] >> (7 - at % 8) & 1 == 1
}

/// Up to 256 siblings: longer than a Merkle path of the log may be.
mod siblings {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    pub(super) fn encode<C, W: Write>(
        value: &[[u8; 32]],
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        xiezhi_types::cbor::hashes::encode(value, e, ctx)
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Vec<[u8; 32]>, DecodeError> {
        xiezhi_types::cbor::hashes::decode_up_to(256, d, ctx)
    }
}

#[cfg(test)]
mod tests;
