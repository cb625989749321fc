//! The state tree, made again from the accounts and the alliance.
//!
//! The root is that of docs/specs/account-and-state.md: a binary tree over the hashes of keys in which a subtree with one leaf is that leaf and
//! an empty one is a constant. It is stored as the Jellyfish Merkle tree stores it: four levels in one node of sixteen children, and at each
//! version the nodes that changed.
//!
//! ```text
//! node key   'n' version path-length path-bytes path       path-length in nibbles, two nibbles a byte
//! node       1 child{16} children leaves  |  2 key-hash value-hash
//! child      0  |  1 hash version (0 | 1 leaves)           absent; a leaf, or an inner node
//! value key  'v' key-hash version                          version big-endian here
//! ```
//!
//! Numbers are little-endian with 8 bytes, path-bytes with 4, tags with 1. Version 0 holds the ledger's id under `ledger`, the alliance and the
//! institutions' accounts; each block that sets anything makes the next.

use xiezhi_crypto::{sha256, sha256_parts};

type Hash = [u8; 32];

const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

fn leaf_hash(key: &Hash, value: &Hash) -> Hash {
    sha256_parts(&[b"JMT::LeafNode", key, value])
}

fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_parts(&[b"JMT::IntrnalNode", left, right])
}

/// The tree, with what the stored nodes hold beside hashes.
#[derive(Debug, Default)]
pub(crate) struct State {
    root: Option<Box<Node>>,
    /// Versions made so far.
    versions: u64,
}

#[derive(Debug)]
struct Node {
    /// When it was last written.
    version: u64,
    hash: Hash,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Leaf { key: Hash, value: Hash },
    Inner { children: [Option<Box<Node>>; 16], leaves: u64 },
}

impl State {
    /// The state at height 0, which holds `entries`.
    pub(crate) fn new(entries: &[(Vec<u8>, Vec<u8>)], emit: &mut dyn FnMut(&[u8], &[u8])) -> Self {
        let mut state = Self::default();
        state.set(entries, emit);
        state
    }

    /// Sets `entries` in the next version; `emit` gets key and bytes of everything that is then written.
    pub(crate) fn set(&mut self, entries: &[(Vec<u8>, Vec<u8>)], emit: &mut dyn FnMut(&[u8], &[u8])) {
        let version = self.versions;
        for (key, value) in entries {
            let (key, value_hash) = (sha256(key), sha256(value));
            let value_key = [b"v".as_slice(), &key, &version.to_be_bytes()].concat();
            emit(&value_key, value);
            self.root = Some(insert(self.root.take(), key, value_hash, 0, version));
        }
        self.versions += 1;
        if let Some(root) = &mut self.root {
            write(root, &mut Vec::new(), version, emit);
        }
    }

    /// The root.
    pub(crate) fn root(&self) -> Hash {
        self.root.as_ref().map_or(EMPTY, |root| root.hash)
    }

    /// The version.
    pub(crate) fn version(&self) -> u64 {
        self.versions.saturating_sub(1)
    }
}

fn nibble(key: &Hash, depth: usize) -> usize {
    usize::from(key[depth / 2] >> (4 * (1 - depth % 2)) & 15)
}

/// Sets a leaf below `node`; hashes are made afterwards.
fn insert(node: Option<Box<Node>>, key: Hash, value: Hash, depth: usize, version: u64) -> Box<Node> {
    let leaf = |key, value| Box::new(Node { version, hash: EMPTY, kind: Kind::Leaf { key, value } });
    let Some(node) = node else { return leaf(key, value) };
    let mut children = match node.kind {
        Kind::Leaf { key: old, .. } if old == key => return leaf(key, value),
        Kind::Leaf { key: old, value } => {
            // The leaf moves one level down, and is written again there.
            let mut children: [Option<Box<Node>>; 16] = Default::default();
            children[nibble(&old, depth)] = Some(leaf(old, value));
            children
        }
        Kind::Inner { children, .. } => children,
    };
    let child = &mut children[nibble(&key, depth)];
    *child = Some(insert(child.take(), key, value, depth + 1, version));
    Box::new(Node { version, hash: EMPTY, kind: Kind::Inner { children, leaves: 0 } })
}

/// Makes the hashes of what `version` changed, and emits it.
fn write(node: &mut Node, path: &mut Vec<usize>, version: u64, emit: &mut dyn FnMut(&[u8], &[u8])) {
    let mut bytes = Vec::new();
    match &mut node.kind {
        Kind::Leaf { key, value } => {
            node.hash = leaf_hash(key, value);
            bytes.push(2);
            bytes.extend_from_slice(&[*key, *value].concat());
        }
        Kind::Inner { children, leaves } => {
            *leaves = 0;
            for (at, child) in children.iter_mut().enumerate() {
                let Some(child) = child else { continue };
                if child.version == version {
                    path.push(at);
                    write(child, path, version, emit);
                    path.pop();
                }
                *leaves += child.leaves();
            }
            node.hash = subtree(children);
            bytes.push(1);
            for child in children.iter() {
                encode_child(child.as_deref(), &mut bytes);
            }
            bytes.extend_from_slice(&(children.iter().flatten().count() as u64).to_le_bytes());
            bytes.extend_from_slice(&leaves.to_le_bytes());
        }
    }
    let packed: Vec<u8> =
        path.chunks(2).map(|pair| (pair[0] << 4 | pair.get(1).unwrap_or(&0)) as u8).collect();
    let key = [
        b"n".as_slice(),
        &version.to_le_bytes(),
        &(path.len() as u64).to_le_bytes(),
        &(packed.len() as u32).to_le_bytes(),
        &packed,
    ];
    emit(&key.concat(), &bytes);
}

fn encode_child(child: Option<&Node>, bytes: &mut Vec<u8>) {
    let Some(child) = child else { return bytes.push(0) };
    bytes.push(1);
    bytes.extend_from_slice(&child.hash);
    bytes.extend_from_slice(&child.version.to_le_bytes());
    match &child.kind {
        Kind::Leaf { .. } => bytes.push(0),
        Kind::Inner { leaves, .. } => {
            bytes.push(1);
            bytes.extend_from_slice(&leaves.to_le_bytes());
        }
    }
}

impl Node {
    fn leaves(&self) -> u64 {
        match &self.kind {
            Kind::Leaf { .. } => 1,
            Kind::Inner { leaves, .. } => *leaves,
        }
    }
}

/// The hash over some of a node's children: 16, 8, 4, 2 or 1 of them.
fn subtree(children: &[Option<Box<Node>>]) -> Hash {
    let mut present = children.iter().flatten();
    match (present.next(), present.next()) {
        (None, _) => EMPTY,
        (Some(one), None) if children.len() == 1 || matches!(one.kind, Kind::Leaf { .. }) => one.hash,
        _ => {
            let (left, right) = children.split_at(children.len() / 2);
            inner_hash(&subtree(left), &subtree(right))
        }
    }
}

/// Says what an entry of the keyspace is, for people.
pub(crate) fn describe(key: &[u8]) -> String {
    let number = |at: usize| Some(u64::from_le_bytes(key.get(at..at + 8)?.try_into().ok()?));
    match (key.first(), number(1), number(9)) {
        (Some(b'n'), Some(version), Some(nibbles)) => {
            let path = hex::encode(key.get(21..).unwrap_or_default());
            let path = &path[..path.len().min(usize::try_from(nibbles).unwrap_or(usize::MAX))];
            format!("node {version}/{path}")
        }
        (Some(b'v'), ..) if key.len() == 41 => {
            let version = crate::layout::u64_at(key, 33).unwrap_or_default();
            format!("value {version}/{}", hex::encode(&key[1..33]))
        }
        _ => hex::encode(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root by the specification, from the sorted set of leaves.
    fn oracle(leaves: &[(Hash, Hash)], depth: usize) -> Hash {
        match leaves {
            [] => EMPTY,
            [(key, value)] => leaf_hash(key, value),
            leaves => {
                let split = leaves.partition_point(|(key, _)| key[depth / 8] >> (7 - depth % 8) & 1 == 0);
                inner_hash(&oracle(&leaves[..split], depth + 1), &oracle(&leaves[split..], depth + 1))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_specification_after_every_version() {
        let mut state = State::new(&[(b"ledger".to_vec(), vec![7; 32])], &mut |_, _| {});
        let mut leaves = std::collections::BTreeMap::from([(sha256(b"ledger"), sha256(&[7; 32]))]);
        for version in 0..60u64 {
            let entries: Vec<_> = (0..version % 7 + 1)
                .map(|at| ([version.to_be_bytes(), at.to_be_bytes()].concat(), vec![at as u8]))
                .collect();
            leaves.extend(entries.iter().map(|(key, value)| (sha256(key), sha256(value))));
            state.set(&entries, &mut |_, _| {});
            let sorted: Vec<_> = leaves.clone().into_iter().collect();
            assert_eq!(state.root(), oracle(&sorted, 0));
        }
        assert_eq!(state.version(), 60);
    }
}
