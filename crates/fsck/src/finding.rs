//! What is wrong with a store: the object, a stable code, a sentence, and where it can be had again.

use std::fmt;

/// Most findings that are listed; the rest is counted.
pub const FINDINGS_MAX: usize = 1_000;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// Every code.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

/// Stable codes of findings.
pub mod code {
    codes! {
        /// A file that the database needs is not there.
        FILE_MISSING = "file-missing";
        /// A file is not what the database wrote.
        FILE_DAMAGED = "file-damaged";
        /// A journal has a damaged batch; what follows it is lost to the node.
        JOURNAL_DAMAGED = "journal-damaged";
        /// A keyspace is not there.
        KEYSPACE_MISSING = "keyspace-missing";
        /// A keyspace, or a part of it, cannot be read.
        KEYSPACE_UNREADABLE = "keyspace-unreadable";
        /// An entry that nothing writes.
        ENTRY_STRAY = "entry-stray";
        /// The layout's name is not the one known.
        FORMAT_DIFFERS = "format-differs";
        /// The ledger's id is not the genesis's.
        LEDGER_DIFFERS = "ledger-differs";
        /// No tip.
        TIP_MISSING = "tip-missing";
        /// The tip is not where the log ends.
        TIP_DIFFERS = "tip-differs";
        /// What is kept of the decision of a term is not there.
        TERM_MISSING = "term-missing";
        /// What is kept of the decision of a term is not what was decided, or its proof does not hold.
        TERM_DIFFERS = "term-differs";
        /// No record.
        RECORD_MISSING = "record-missing";
        /// The database cannot read the record.
        RECORD_UNREADABLE = "record-unreadable";
        /// Not a record, or not a statement.
        RECORD_MALFORMED = "record-malformed";
        /// The statement is not the one that both trees were made from.
        RECORD_ALTERED = "record-altered";
        /// Its height is not its checkpoint's.
        RECORD_HEIGHT = "record-height";
        /// Its time is not its block's.
        RECORD_TIME = "record-time";
        /// Its count of items is not the statement's.
        RECORD_ITEMS = "record-items";
        /// It may not be on this ledger: another ledger's, too long, a suite that is not allowed, a clock too far off.
        RECORD_NOT_ALLOWED = "record-not-allowed";
        /// The account does not exist, exists already, or may not do this.
        RECORD_NOT_AUTHORIZED = "record-not-authorized";
        /// A signature does not hold.
        RECORD_SIGNATURE = "record-signature";
        /// The statement is recorded twice.
        RECORD_DUPLICATE = "record-duplicate";
        /// A record after the end of the log.
        RECORD_STRAY = "record-stray";
        /// Items of a batch are not there.
        ITEMS_MISSING = "items-missing";
        /// The database cannot read items.
        ITEMS_UNREADABLE = "items-unreadable";
        /// Not items.
        ITEMS_MALFORMED = "items-malformed";
        /// The items' root is not the statement's.
        ITEMS_ALTERED = "items-altered";
        /// Items of no batch.
        ITEMS_STRAY = "items-stray";
        /// No tile.
        TILE_MISSING = "tile-missing";
        /// The database cannot read the tile.
        TILE_UNREADABLE = "tile-unreadable";
        /// The tile's hashes are not the log's.
        TILE_DIFFERS = "tile-differs";
        /// A tile outside the tree.
        TILE_STRAY = "tile-stray";
        /// No checkpoint for a block that added records.
        CHECKPOINT_MISSING = "checkpoint-missing";
        /// Not a checkpoint.
        CHECKPOINT_MALFORMED = "checkpoint-malformed";
        /// The checkpoint is not the log's.
        CHECKPOINT_DIFFERS = "checkpoint-differs";
        /// Height and time do not rise as those of blocks do.
        CHECKPOINT_ORDER = "checkpoint-order";
        /// A checkpoint of a height that no record has.
        CHECKPOINT_STRAY = "checkpoint-stray";
        /// The checkpoint is sealed, and the log does not lead to it.
        LOG_DIFFERS = "log-differs";
        /// The database cannot read a checkpoint's seals or time stamps.
        SEAL_UNREADABLE = "seal-unreadable";
        /// Not a seal.
        SEAL_MALFORMED = "seal-malformed";
        /// A signature of the seal does not hold.
        SEAL_INVALID = "seal-invalid";
        /// The seal's certificates do not lead to the genesis, or are another's.
        SEAL_CHAIN = "seal-chain";
        /// A seal of no checkpoint, or of no institution.
        SEAL_STRAY = "seal-stray";
        /// The time-stamp token does not hold.
        STAMP_INVALID = "stamp-invalid";
        /// A token of no checkpoint.
        STAMP_STRAY = "stamp-stray";
        /// An entry of the index is not there.
        INDEX_MISSING = "index-missing";
        /// An entry that no record implies.
        INDEX_STRAY = "index-stray";
        /// An entry that leads elsewhere.
        INDEX_DIFFERS = "index-differs";
        /// A node or value of the state is not there.
        STATE_MISSING = "state-missing";
        /// A node or value that no account implies.
        STATE_STRAY = "state-stray";
        /// A node or value is not what the accounts imply.
        STATE_DIFFERS = "state-differs";
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Object {
    /// A file, by its path in the store.
    File(String),
    /// A keyspace of the database.
    Keyspace(&'static str),
    /// An entry of `meta`, or one with a key that is none.
    Entry {
        /// The keyspace.
        keyspace: &'static str,
        /// The key, as text or in hexadecimal digits.
        key: String,
    },
    /// Where the store says that it stands.
    Tip,
    /// Neighbouring records.
    Records {
        /// Index of the first.
        first: u64,
        /// Index of the last.
        last: u64,
    },
    /// Items of a batch: one bundle of 256, or all.
    Items {
        /// The record.
        record: u64,
        /// The bundle.
        bundle: Option<u32>,
    },
    /// A tile of one of the twin trees.
    Tile {
        /// `sha256` or `sm3`.
        tree: &'static str,
        /// Its level.
        level: u8,
        /// Its index.
        index: u64,
    },
    /// A checkpoint, by its height.
    Checkpoint(u64),
    /// A seal.
    Seal {
        /// Whose.
        institution: String,
        /// Of which checkpoint.
        height: u64,
    },
    /// A time-stamp token.
    Stamp {
        /// Fingerprint of the authority's certificate.
        authority: String,
        /// Of which checkpoint.
        height: u64,
    },
    /// An entry of the index, in words.
    Index(String),
    /// A node or a value of the state tree, in words.
    State(String),
}

impl Object {
    /// Record `index`.
    #[must_use]
    pub fn record(index: u64) -> Self {
        Self::Records { first: index, last: index }
    }

    /// Its kind, for programs and texts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Keyspace(_) => "keyspace",
            Self::Entry { .. } => "entry",
            Self::Tip => "tip",
            Self::Records { first, last } if first == last => "record",
            Self::Records { .. } => "records",
            Self::Items { bundle: Some(_), .. } => "bundle",
            Self::Items { bundle: None, .. } => "items",
            Self::Tile { .. } => "tile",
            Self::Checkpoint(_) => "checkpoint",
            Self::Seal { .. } => "seal",
            Self::Stamp { .. } => "stamp",
            Self::Index(_) => "index",
            Self::State(_) => "state",
        }
    }

    /// Its parts by name, for texts.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::File(name) | Self::Index(name) | Self::State(name) => vec![("name", name.clone())],
            Self::Keyspace(name) => vec![("name", (*name).to_owned())],
            Self::Entry { keyspace, key } => vec![("name", (*keyspace).to_owned()), ("key", key.clone())],
            Self::Tip => Vec::new(),
            Self::Records { first, last } => vec![("first", first.to_string()), ("last", last.to_string())],
            Self::Items { record, bundle } => {
                vec![("record", record.to_string()), ("bundle", bundle.unwrap_or_default().to_string())]
            }
            Self::Tile { tree, level, index } => {
                vec![("tree", (*tree).to_owned()), ("level", level.to_string()), ("index", index.to_string())]
            }
            Self::Checkpoint(height) => vec![("height", height.to_string())],
            Self::Seal { institution, height } => {
                vec![("who", institution.clone()), ("height", height.to_string())]
            }
            Self::Stamp { authority, height } => {
                vec![("who", authority.clone()), ("height", height.to_string())]
            }
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "file {name}"),
            Self::Keyspace(name) => write!(f, "keyspace {name}"),
            Self::Entry { keyspace, key } => write!(f, "entry {key} of {keyspace}"),
            Self::Tip => f.write_str("tip"),
            Self::Records { first, last } if first == last => write!(f, "record {first}"),
            Self::Records { first, last } => write!(f, "records {first} to {last}"),
            Self::Items { record, bundle: Some(bundle) } => write!(f, "item bundle {record}/{bundle}"),
            Self::Items { record, bundle: None } => write!(f, "items of record {record}"),
            Self::Tile { tree, level, index } => write!(f, "{tree} tile {level}/{index}"),
            Self::Checkpoint(height) => write!(f, "checkpoint {height}"),
            Self::Seal { institution, height } => write!(f, "seal of {institution} at height {height}"),
            Self::Stamp { authority, height } => write!(f, "time stamp of {authority} at height {height}"),
            Self::Index(name) => write!(f, "index entry {name}"),
            Self::State(name) => write!(f, "state {name}"),
        }
    }
}

/// Where an object can be had again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The other nodes have it.
    Peers,
    /// It follows from this node's log.
    Log,
}

impl Source {
    /// Its name, for programs and texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Log => "log",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// With what.
    pub object: Object,
    /// What: one of [`code`].
    pub code: &'static str,
    /// Particulars, in English; may be empty.
    pub detail: String,
    /// Where it can be had again.
    pub source: Source,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.code)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Finding>,
    pub(crate) more: u64,
}

impl Findings {
    /// Adds one; neighbouring records with the same fault become one finding.
    pub(crate) fn add(&mut self, object: Object, code: &'static str, source: Source, detail: impl ToString) {
        let detail = detail.to_string();
        if let Object::Records { first, last } = object
            && let Some(before) = self.list.last_mut()
            && before.code == code
            && before.detail == detail
            && let Object::Records { last: end, .. } = &mut before.object
            && end.checked_add(1) == Some(first)
        {
            *end = last;
            return;
        }
        if self.list.len() >= FINDINGS_MAX {
            self.more += 1;
        } else {
            self.list.push(Finding { object, code, detail, source });
        }
    }
}
