//! The authenticated state: a Jellyfish Merkle tree over a key-value store that the caller provides.
//!
//! A deposit changes no state, so updates are rare; what matters is that the root depends on the content alone and that proofs of presence and
//! absence can be checked with a page of code (see `xiezhi_evidence::state_proof`).

use std::sync::Arc;

use jmt::{
    JellyfishMerkleIterator, JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher, Version,
    storage::{LeafNode, Node, NodeKey, TreeReader},
};
use xiezhi_crypto::{sha256, sha256_parts};
use xiezhi_evidence::state_proof::{OtherLeaf, StateProof};

/// How many times the state has changed; each checkpoint has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct StateVersion(pub u64);

/// Key and value of an entry of the state.
pub type StateEntry = (Vec<u8>, Vec<u8>);

/// An entry as it lies in the tree: the SHA-256 of its key, and its value.
pub type HashedEntry = ([u8; 32], Vec<u8>);

/// Why the state cannot be read or changed: the store failed, or holds what was never written.
#[derive(Debug, thiserror::Error)]
#[error("state: {reason}")]
pub struct StateError {
    reason: String,
}

impl StateError {
    /// A failure for `reason`.
    #[must_use]
    pub fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Where the tree's nodes are. Keys are opaque, written once, and sort by version for values.
pub trait StateNodes {
    /// The bytes under `key`.
    ///
    /// # Errors
    /// The store's.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// The bytes under the greatest key that begins with `prefix` and is at most `key`.
    ///
    /// # Errors
    /// The store's.
    fn last_at_most(&self, prefix: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
}

/// What a change of the state writes: key and bytes, to be stored in one go with the rest of the block.
#[derive(Debug, Default)]
pub struct StateChange {
    /// The root afterwards.
    pub root: [u8; 32],
    /// The version afterwards.
    pub version: StateVersion,
    /// New nodes and values.
    pub writes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// SHA-256 for the tree.
struct Sha256(Vec<u8>);

impl SimpleHasher for Sha256 {
    fn new() -> Self {
        Self(Vec::with_capacity(96))
    }

    fn update(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }

    fn finalize(self) -> [u8; 32] {
        sha256(&self.0)
    }
}

const NODE: u8 = b'n';
const VALUE: u8 = b'v';

fn node_key(key: &NodeKey) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![NODE];
    borsh::to_writer(&mut bytes, key)?;
    Ok(bytes)
}

fn value_prefix(key: &KeyHash) -> Vec<u8> {
    [&[VALUE], key.0.as_slice()].concat()
}

fn value_key(key: &KeyHash, version: Version) -> Vec<u8> {
    [value_prefix(key).as_slice(), &version.to_be_bytes()].concat()
}

/// Reads the tree through [`StateNodes`].
struct Reader<'a, N>(&'a N);

impl<N: StateNodes> TreeReader for Reader<'_, N> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let bytes = self.0.node(&node_key(key)?)?;
        Ok(bytes.map(|bytes| borsh::from_slice(&bytes)).transpose()?)
    }

    fn get_value_option(&self, max: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.0.last_at_most(&value_prefix(&key), &value_key(&key, max))?)
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        // Asked for only when a tree is restored from a stream of leaves, which is not done.
        Ok(None)
    }
}

/// The state tree.
#[derive(Debug)]
pub struct StateTree<'a, N>(&'a N);

impl<'a, N: StateNodes> StateTree<'a, N> {
    /// The tree whose nodes are in `nodes`.
    #[must_use]
    pub fn new(nodes: &'a N) -> Self {
        Self(nodes)
    }

    /// Sets `entries` on top of `version`; the result has the next version. Order of the entries does not matter.
    ///
    /// `first` says that there is no version yet, and the result has version 0.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn update(
        &self,
        version: Option<StateVersion>,
        entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<StateChange, StateError> {
        self.update_hashed(version, entries.into_iter().map(|(key, value)| (sha256(&key), value)))
    }

    /// Does what [`StateTree::update`] does, with entries as [`StateTree::entries`] gives them: the SHA-256 of each key in the key's place.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn update_hashed(
        &self,
        version: Option<StateVersion>,
        entries: impl IntoIterator<Item = HashedEntry>,
    ) -> Result<StateChange, StateError> {
        let reader = Reader(self.0);
        let tree = JellyfishMerkleTree::<_, Sha256>::new(&reader);
        let next = version.map_or(0, |v| v.0 + 1);
        let set = entries.into_iter().map(|(key, value)| (KeyHash(key), Some(value)));
        let (RootHash(root), update) = tree.put_value_set(set, next).map_err(StateError::new)?;
        let mut writes = Vec::new();
        for (key, node) in update.node_batch.nodes() {
            let bytes = borsh::to_vec(node).map_err(StateError::new)?;
            writes.push((node_key(key).map_err(StateError::new)?, bytes));
        }
        for ((version, key), value) in update.node_batch.values() {
            let value = value.clone().ok_or_else(|| StateError::new("a value was deleted"))?;
            writes.push((value_key(key, *version), value));
        }
        Ok(StateChange { root, version: StateVersion(next), writes })
    }

    /// The entries at `version` whose keys' SHA-256 is at least `from`, in rising order of it, until they take `bytes_max` bytes; at least one, if
    /// there is one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn entries(
        &self,
        version: StateVersion,
        from: [u8; 32],
        bytes_max: usize,
    ) -> Result<Vec<HashedEntry>, StateError> {
        let reader = Arc::new(Reader(self.0));
        let all = JellyfishMerkleIterator::new(reader, version.0, KeyHash(from)).map_err(StateError::new)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for entry in all {
            let (key, value) = entry.map_err(StateError::new)?;
            bytes += key.0.len() + value.len();
            entries.push((key.0, value));
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(entries)
    }

    /// The value of `key` at `version`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn get(&self, key: &[u8], version: StateVersion) -> Result<Option<Vec<u8>>, StateError> {
        let hash = KeyHash(sha256(key));
        Reader(self.0).get_value_option(version.0, hash).map_err(StateError::new)
    }

    /// The value of `key` at `version`, and the proof of it or of its absence.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prove(
        &self,
        key: &[u8],
        version: StateVersion,
    ) -> Result<(Option<Vec<u8>>, StateProof), StateError> {
        let reader = Reader(self.0);
        let tree = JellyfishMerkleTree::<_, Sha256>::new(&reader);
        let key_hash = KeyHash(sha256(key));
        let (value, proof) = tree.get_with_proof(key_hash, version.0).map_err(StateError::new)?;
        let proof = read_proof(&borsh::to_vec(&proof).map_err(StateError::new)?, &key_hash.0)?;
        Ok((value, proof))
    }
}

#[derive(borsh::BorshDeserialize)]
struct WireLeaf {
    key_hash: [u8; 32],
    value_hash: [u8; 32],
}

#[derive(borsh::BorshDeserialize)]
enum WireNode {
    Null,
    Internal { left: [u8; 32], right: [u8; 32] },
    Leaf(WireLeaf),
}

#[derive(borsh::BorshDeserialize)]
struct WireProof {
    leaf: Option<WireLeaf>,
    siblings: Vec<WireNode>,
}

/// The library keeps a proof's siblings to itself; its serialised form is public.
fn read_proof(bytes: &[u8], key_hash: &[u8; 32]) -> Result<StateProof, StateError> {
    let wire: WireProof = borsh::from_slice(bytes).map_err(StateError::new)?;
    let leaf = |leaf: &WireLeaf| sha256_parts(&[b"JMT::LeafNode", &leaf.key_hash, &leaf.value_hash]);
    let siblings = wire.siblings.iter().map(|node| match node {
        WireNode::Null => *b"SPARSE_MERKLE_PLACEHOLDER_HASH__",
        WireNode::Internal { left, right } => sha256_parts(&[b"JMT::IntrnalNode", left, right]),
        WireNode::Leaf(one) => leaf(one),
    });
    let other = wire.leaf.filter(|leaf| leaf.key_hash != *key_hash);
    let other = other.map(|leaf| OtherLeaf { key_hash: leaf.key_hash, value_hash: leaf.value_hash });
    Ok(StateProof { siblings: siblings.collect(), other })
}

#[cfg(test)]
mod tests;
