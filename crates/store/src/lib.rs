//! The node's durable state: log, tiles, indexes, accounts, checkpoints, seals and time stamps.
//!
//! One embedded LSM database; this is the only crate that names it, but for `fsck`, which reads it back. A block is applied in one atomic
//! batch with one `fsync`, so a crash at any instruction leaves the state before the block or the state after it. Seals and time stamps are
//! written without `fsync`: they can be made or fetched again.
//!
//! ```text
//! meta    "format" | "ledger" | "tip"
//!         "base"                      -> height, size: only in a store that was made from a snapshot
//!         "archive"                   -> how many records moved to the archive, with their items and the tiles over them
//!         "term/" number              -> the block that decided the term, the alliance after it, the proof of it
//!         "digests"                   -> how many records' digests are in `digests`; those of later ones are in memory and read again on opening
//! log     index                       -> height, time, items, statement
//! items   index, bundle               -> up to 256 items, each after its 16-bit length
//! find    's' id                      -> index
//!         'a' account index           -> (nothing)
//!         'g' group index             -> (nothing)
//! digests 'd' alg digest index item   -> (nothing)      alg: 0 SHA-256, 1 SM3; item = 2^32-1 for the record itself
//! tiles   tree, level, index          -> up to 256 hashes
//! state   nodes and values of the state tree
//! seals   'c' height                  -> state version, checkpoint
//!         'k' height institution      -> seal with chain
//!         't' height fingerprint      -> time-stamp token
//! ```
//!
//! Numbers in keys are big-endian, so that keys sort as numbers do. A store of version 1 had the entries of `digests` in `find`; they stay there when it
//! is opened, and it is of version 2 from then on.

mod apply;
mod archive;
mod digests;
mod keys;
mod read;
mod snapshot;
mod terms;
mod trees;

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock, RwLock, atomic::AtomicU64},
};

use digests::Digests;
use fjall::{
    AbstractTree as _, CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode,
    config::{CompressionPolicy, FilterPolicy},
};
use xiezhi_evidence::Genesis;
use xiezhi_ledger::{StateNodes, StateTree, StateVersion, genesis_state};
use xiezhi_types::{Height, LedgerId, TimestampMs, TreeSize};

pub use apply::Sealed;
use archive::Archive;
pub use archive::Archived;
pub use read::{Found, Search, StoredCheckpoint, StoredRecord};
pub use snapshot::{Base, SnapshotError, TileSource};
pub use terms::TermChange;
use terms::Terms;
pub use trees::TreeKind;
use trees::Trees;

/// Version of the layout above.
const FORMAT: &[u8] = b"xiezhi-store 2";
/// The version before it.
const FORMAT_BEFORE: &[u8] = b"xiezhi-store 1";

/// Journals beyond this are written to tables: opening replays them, a second or two for each 100 MiB.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;

/// A keyspace with this much in memory is written to tables; the database bears four more that wait for it, and then makes writers wait.
const MEMTABLE_BYTES_MAX: u64 = 32 << 20;

/// Why the store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed: full disk, unreadable file, another process has it open.
    #[error("store at {path}: {source}")]
    Database {
        /// The directory.
        path: String,
        /// What the database said.
        source: fjall::Error,
    },
    /// Another process has the store open.
    #[error("the store at {path} is in use by another process")]
    InUse {
        /// The directory.
        path: String,
    },
    /// The directory belongs to another ledger.
    #[error(
        "the store at {path} belongs to ledger {found}, not to {expected}: wrong data directory, or another genesis"
    )]
    OtherLedger {
        /// The directory.
        path: String,
        /// The ledger it belongs to.
        found: String,
        /// The ledger asked for.
        expected: LedgerId,
    },
    /// Written by another version of the software.
    #[error("the store at {path} has format \"{found}\", this software reads \"xiezhi-store 1\" and 2")]
    Format {
        /// The directory.
        path: String,
        /// The format found.
        found: String,
    },
    /// Its ledger was founded before the state held the alliance: no membership can be proven from it.
    #[error(
        "the store at {path} holds a ledger founded by an older version, whose state does not hold the alliance; \
         its certificates stay valid, but this software cannot continue it"
    )]
    BeforeTerms {
        /// The directory.
        path: String,
    },
    /// The genesis names a key that is none.
    #[error("genesis: {source}")]
    Key {
        /// What is wrong with it.
        source: xiezhi_crypto::KeyError,
    },
    /// What is stored cannot be what was written.
    #[error("store: {what} is damaged: {reason}")]
    Damaged {
        /// Which object.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It moved to the archive and cannot be had from there, or cannot move. Retrying helps when the archive is reached again.
    #[error("{what} is in the archive: {reason}")]
    Archive {
        /// What.
        what: String,
        /// What is wrong with the archive.
        reason: String,
    },
    /// A block was applied out of order.
    #[error("block {found} cannot follow block {tip}")]
    OutOfOrder {
        /// The block's height.
        found: Height,
        /// The last height applied.
        tip: Height,
    },
    /// The block leads to another checkpoint than the one that is sealed.
    #[error("block {height} leads to another checkpoint than the sealed one")]
    OtherCheckpoint {
        /// The block's height.
        height: Height,
    },
}

pub(crate) fn damaged(what: &'static str, reason: impl ToString) -> StoreError {
    StoreError::Damaged { what, reason: reason.to_string() }
}

/// Where the ledger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Last block applied.
    pub height: Height,
    /// Its time.
    pub time: TimestampMs,
    /// Records in the log.
    pub size: TreeSize,
    /// Version of the state.
    pub state: StateVersion,
    /// Root of the state.
    pub state_root: [u8; 32],
}

/// Before the genesis.
const NOWHERE: Tip = Tip {
    height: Height(0),
    time: TimestampMs(0),
    size: TreeSize(0),
    state: StateVersion(0),
    state_root: [0; 32],
};

/// The store of one node.
pub struct Store {
    path: String,
    database: Database,
    meta: Keyspace,
    log: Keyspace,
    items: Keyspace,
    find: Keyspace,
    digests: Digests,
    /// Whether `find` has digests too, of a store of version 1.
    has_old_digests: bool,
    tiles: Keyspace,
    state: Keyspace,
    seals: Keyspace,
    ledger: LedgerId,
    tip: RwLock<Tip>,
    base: RwLock<Option<Base>>,
    terms: RwLock<Terms>,
    trees: RwLock<Arc<Trees>>,
    cache: trees::TileCache,
    writer: Mutex<()>,
    archived: AtomicU64,
    archive: OnceLock<Archive>,
    #[cfg(feature = "simulation")]
    full: std::sync::atomic::AtomicBool,
}

impl Store {
    /// Opens the store in `dir` for `ledger`, which begins with `genesis`, or creates it; `cache_bytes` bounds the database's block cache.
    ///
    /// # Errors
    /// [`StoreError`]; a store of another ledger or format is left untouched.
    pub fn open(
        dir: &Path,
        genesis: &Genesis,
        ledger: LedgerId,
        cache_bytes: u64,
    ) -> Result<Self, StoreError> {
        let path = dir.display().to_string();
        let failed = |source| match source {
            fjall::Error::Locked => StoreError::InUse { path: path.clone() },
            source => StoreError::Database { path: path.clone(), source },
        };
        let database = Database::builder(dir)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .journal_compression(CompressionType::None)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        // Never reached: see `Store::relieve`.
        let options = || KeyspaceCreateOptions::default().max_memtable_size(8 * MEMTABLE_BYTES_MAX);
        // Digests and hashes do not compress.
        let hashes = || options().data_block_compression_policy(CompressionPolicy::disabled());
        // Searched by ranges only.
        let ranges = || hashes().filter_policy(FilterPolicy::disabled());
        let keyspace = |name: &str| database.keyspace(name, options).map_err(failed);
        let hashed = |name: &str| database.keyspace(name, hashes).map_err(failed);
        let mut store = Self {
            meta: keyspace("meta")?,
            log: keyspace("log")?,
            items: hashed("items")?,
            find: keyspace("find")?,
            tiles: hashed("tiles")?,
            state: keyspace("state")?,
            seals: keyspace("seals")?,
            digests: Digests::new(database.keyspace("digests", ranges).map_err(failed)?),
            has_old_digests: false,
            path: path.clone(),
            database,
            ledger,
            tip: RwLock::new(NOWHERE),
            base: RwLock::default(),
            terms: RwLock::default(),
            trees: RwLock::new(Arc::new(Trees::default())),
            cache: trees::TileCache::default(),
            writer: Mutex::new(()),
            archived: AtomicU64::new(0),
            archive: OnceLock::new(),
            #[cfg(feature = "simulation")]
            full: false.into(),
        };
        store.has_old_digests = store.find.prefix(b"d").next().is_some();
        store.begin_or_resume(genesis)?;
        Ok(store)
    }

    /// Has what fills the memory written to tables. After each block, instead of leaving it to the database: that asks its worker at every write beyond
    /// the limit, in a bounded queue which the worker itself writes to, and once it is full (a thousand blocks during one long compaction) nothing
    /// is ever written to tables again and memory grows without end.
    fn relieve(&self) -> Result<(), fjall::Error> {
        for keyspace in
            [&self.meta, &self.log, &self.items, &self.find, &self.tiles, &self.state, &self.seals]
        {
            if keyspace.tree.active_memtable().size() >= MEMTABLE_BYTES_MAX {
                keyspace.rotate_memtable()?;
            }
        }
        Ok(())
    }

    fn begin_or_resume(&self, genesis: &Genesis) -> Result<(), StoreError> {
        let Some(format) = self.get(&self.meta, b"format")? else { return self.begin(genesis) };
        if format != FORMAT && format != FORMAT_BEFORE {
            let found = String::from_utf8_lossy(&format).into_owned();
            return Err(StoreError::Format { path: self.path.clone(), found });
        }
        let found = self.get(&self.meta, b"ledger")?.unwrap_or_default();
        if found != self.ledger.0 {
            let found = LedgerId(found.as_slice().try_into().unwrap_or_default()).to_string();
            return Err(StoreError::OtherLedger { path: self.path.clone(), found, expected: self.ledger });
        }
        let tip = self.get(&self.meta, b"tip")?.ok_or_else(|| damaged("tip", "missing"))?;
        let tip = keys::decode_tip(&tip).ok_or_else(|| damaged("tip", "wrong length"))?;
        let base = self.get(&self.meta, b"base")?;
        let base = base.map(|base| Base::decode(&base).ok_or_else(|| damaged("base", "wrong length")));
        *self.base.write().unwrap_or_else(|e| e.into_inner()) = base.transpose()?;
        if format == FORMAT_BEFORE {
            let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(&self.meta, b"format".as_slice(), FORMAT);
            batch.insert(&self.meta, keys::DIGESTS, tip.size.0.to_be_bytes());
            batch.commit().map_err(|source| self.failed(source))?;
        }
        self.restore_archived()?;
        self.restore_digests(tip.size.0)?;
        self.restore_terms(tip.state)?;
        let trees = Trees::restore(self, tip.size.0)?;
        *self.trees.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(trees);
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = tip;
        Ok(())
    }

    /// Height 0: the state holds the ledger's id, the alliance and the institutions' accounts.
    fn begin(&self, genesis: &Genesis) -> Result<(), StoreError> {
        let entries = genesis_state(genesis, &self.ledger).map_err(|source| StoreError::Key { source })?;
        let change = StateTree::new(self).update(None, entries).map_err(|e| damaged("state", e))?;
        let tip = Tip { state_root: change.root, ..NOWHERE };
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in change.writes {
            batch.insert(&self.state, key, value);
        }
        batch.insert(&self.meta, b"format".as_slice(), FORMAT);
        batch.insert(&self.meta, b"ledger".as_slice(), self.ledger.0.as_slice());
        batch.insert(&self.meta, b"tip".as_slice(), keys::encode_tip(&tip));
        batch.commit().map_err(|source| self.failed(source))?;
        *self.tip.write().unwrap_or_else(|e| e.into_inner()) = tip;
        self.restore_terms(tip.state)
    }

    /// Where the ledger stands.
    #[must_use]
    pub fn tip(&self) -> Tip {
        *self.tip.read().unwrap_or_else(|e| e.into_inner())
    }

    /// The ledger this store belongs to.
    #[must_use]
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Bytes on disk, journals included.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.database.disk_space().unwrap_or(0)
    }

    /// From now on no block can be applied, as if the disk were full.
    #[cfg(feature = "simulation")]
    pub fn fill_disk(&self) {
        self.full.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn failed(&self, source: fjall::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), source }
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(keyspace.get(key).map_err(|source| self.failed(source))?.map(|value| value.to_vec()))
    }
}

impl StateNodes for Store {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, xiezhi_ledger::StateError> {
        self.get(&self.state, key).map_err(xiezhi_ledger::StateError::new)
    }

    fn last_at_most(&self, prefix: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, xiezhi_ledger::StateError> {
        let last = self.state.range(prefix.to_vec()..=key.to_vec()).next_back();
        last.map(|guard| guard.value().map(|value| value.to_vec()))
            .transpose()
            .map_err(xiezhi_ledger::StateError::new)
    }
}

#[cfg(test)]
mod tests;
