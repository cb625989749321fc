//! The store's layout, restated: this crate shares no code with the one that writes it.
//!
//! ```text
//! meta    "format" | "ledger" | "tip"
//!         "archive"                   -> records that are in the archive: with their items and the tiles over them
//!         "digests"                   -> records whose digests are in `digests`; of later ones nothing need be there
//!         "term/" number              -> height, alliance, proof: CBOR
//! log     index                       -> height, time, items, statement
//! items   index, bundle               -> up to 256 items, each after its 16-bit length
//! find    's' id                      -> index
//!         'a' account index           -> (nothing)
//!         'g' group index             -> (nothing)
//! digests 'd' alg digest index item   -> (nothing)      alg 0 SHA-256, 1 SM3; item 2^32-1 for the record itself
//! tiles   tree, level, index          -> up to 256 hashes   tree '2' SHA-256, '3' SM3
//! state   'n' version path            -> node of the state tree
//!         'v' key hash, version       -> value
//! seals   'c' height                  -> state version, checkpoint
//!         'k' height institution      -> seal with chain
//!         't' height fingerprint      -> time-stamp token
//! ```
//!
//! Numbers are big-endian: index, height, time, version 8 bytes, items, item and bundle 4, level 1. The tip is height, time, size, state
//! version, each of 8 bytes, and the state's root. Version 1 has no keyspace `digests` and its entries in `find`; a store that was opened since is of version 2
//! and keeps the old ones there.

use xiezhi_crypto::{Digest, DigestAlg};

/// The value of `format`.
pub(crate) const FORMAT: &[u8] = b"xiezhi-store 2";
/// The value of `format` before there were tables of digests.
pub(crate) const FORMAT_BEFORE: &[u8] = b"xiezhi-store 1";
/// Of `meta`: of how many records the tables have the digests.
pub(crate) const DIGESTS: &[u8] = b"digests";
/// Of `meta`: how many records are in the archive.
pub(crate) const ARCHIVE: &[u8] = b"archive";
/// Stands for the record itself where an item's number could be.
pub(crate) const NO_ITEM: u32 = u32::MAX;
/// Items stored under one key.
pub(crate) const BUNDLE_ITEMS: u32 = 256;
/// Hashes in a full tile.
pub(crate) const TILE_HASHES: u64 = 256;

/// The keyspaces, in the order in which the node makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Meta,
    Log,
    Items,
    Find,
    Tiles,
    State,
    Seals,
    Digests,
}

impl Space {
    pub(crate) const ALL: [Self; 8] = [
        Self::Meta,
        Self::Log,
        Self::Items,
        Self::Find,
        Self::Tiles,
        Self::State,
        Self::Seals,
        Self::Digests,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Log => "log",
            Self::Items => "items",
            Self::Find => "find",
            Self::Tiles => "tiles",
            Self::State => "state",
            Self::Seals => "seals",
            Self::Digests => "digests",
        }
    }
}

/// The front of a record, which is not part of the log's leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) height: u64,
    pub(crate) time: u64,
    pub(crate) items: u32,
}

/// Bytes of a [`Head`].
pub(crate) const HEAD_BYTES: usize = 20;

impl Head {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        Some(Self { height: u64_at(value, 0)?, time: u64_at(value, 8)?, items: u32_at(value, 16)? })
    }
}

/// Where the store says that it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    pub(crate) height: u64,
    pub(crate) time: u64,
    pub(crate) size: u64,
    pub(crate) state_version: u64,
    pub(crate) state_root: [u8; 32],
}

impl Tip {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        Some(Self {
            height: u64_at(value, 0)?,
            time: u64_at(value, 8)?,
            size: u64_at(value, 16)?,
            state_version: u64_at(value, 24)?,
            state_root: value.get(32..)?.try_into().ok()?,
        })
    }
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn bundle_key(record: u64, bundle: u32) -> Vec<u8> {
    [record.to_be_bytes().as_slice(), &bundle.to_be_bytes()].concat()
}

pub(crate) fn tile_key(tag: u8, level: u8, index: u64) -> Vec<u8> {
    [[tag, level].as_slice(), &index.to_be_bytes()].concat()
}

/// `kind` and a height: a checkpoint's key, and the beginning of its seals' and time stamps' keys.
pub(crate) fn height_key(kind: u8, height: u64) -> Vec<u8> {
    [[kind].as_slice(), &height.to_be_bytes()].concat()
}

fn alg_number(alg: DigestAlg) -> u8 {
    match alg {
        DigestAlg::Sha256 => 0,
        DigestAlg::Sm3 => 1,
    }
}

pub(crate) fn statement_entry(id: &[u8; 32]) -> Vec<u8> {
    [b"s".as_slice(), id].concat()
}

pub(crate) fn account_entry(account: &[u8; 32], index: u64) -> Vec<u8> {
    [b"a".as_slice(), account, &index.to_be_bytes()].concat()
}

pub(crate) fn group_entry(group: &[u8; 16], index: u64) -> Vec<u8> {
    [b"g".as_slice(), group, &index.to_be_bytes()].concat()
}

pub(crate) fn digest_entry(digest: &Digest, index: u64, item: u32) -> Vec<u8> {
    let value: &[u8] = &digest.value;
    [b"d", [alg_number(digest.alg)].as_slice(), value, &index.to_be_bytes(), &item.to_be_bytes()].concat()
}

/// An entry of the index, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// What it says, for people.
    pub(crate) name: String,
    pub(crate) index: u64,
    /// Only for digests.
    pub(crate) item: Option<u32>,
}

impl IndexEntry {
    /// `None` when nothing writes such an entry.
    pub(crate) fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (kind, rest) = key.split_first()?;
        let (what, at, length) = match kind {
            b's' => ("statement ".to_owned(), 32, 32),
            b'a' => ("account ".to_owned(), 32, 40),
            b'g' => ("group ".to_owned(), 16, 24),
            b'd' => {
                let alg = DigestAlg::ALL.into_iter().find(|alg| Some(&alg_number(*alg)) == rest.first())?;
                (format!("{}:", alg.name()), 33, 45)
            }
            _ => return None,
        };
        if rest.len() != length || value.len() != if *kind == b's' { 8 } else { 0 } {
            return None;
        }
        let index = if *kind == b's' { u64_at(value, 0)? } else { u64_at(rest, at)? };
        let item = if *kind == b'd' { Some(u32_at(rest, at + 8)?) } else { None };
        let from = usize::from(*kind == b'd');
        let mut name = format!("{what}{}, record {index}", hex::encode(&rest[from..at]));
        if let Some(item) = item.filter(|item| *item != NO_ITEM) {
            name.push_str(&format!(", item {item}"));
        }
        Some(Self { name, index, item })
    }
}

/// Sorted ranges of indices, added in rising order.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(crate) fn add(&mut self, index: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last >= index => {}
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => self.0.push((index, index)),
        }
    }

    pub(crate) fn contains(&self, index: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < index);
        self.0.get(at).is_some_and(|(first, _)| *first <= index)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
