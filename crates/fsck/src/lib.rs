//! An offline check of one node's store, independent of the code that wrote it.
//!
//! Everything is made again from the log alone and compared: both Merkle trees tile by tile, every checkpoint, the accounts and the state tree
//! that they make, the index, the tip; and what institutions signed is verified: statements, seals, time-stamp tokens. The crate shares the
//! layout's description with `store`, and no code with it or with `ledger`. It never writes to the store and refuses one that is in use.
//!
//! | what is checked | against |
//! |---|---|
//! | files of the database | the checksums in manifests and journals |
//! | records | their encoding; the leaf hashes in both trees; limits, accounts and signatures |
//! | items of batches | the root in the statement |
//! | tiles | the trees over the log |
//! | checkpoints | size, roots, state root, height and time of the log |
//! | seals, time stamps | keys and roots that the genesis pins; revocation is not asked |
//! | index, state | what the records imply: nothing missing, nothing else |
//! | tip | where the log ends |
//!
//! What the log cannot tell: whether blocks without records came after the last checkpoint (the tip's height and time have bounds only), whether
//! a seal or token is missing, and whether the last batch of a journal was cut by a power failure or by damage.
//!
//! Held in memory: every account with its place in the state tree (about 600 bytes), one journal of the database, what the journals hold over
//! the tables, sums of 256 KiB; the digests of one batch. Where index or state differ, up to half a million of their entries. Records, items,
//! tiles, checkpoints and seals are streamed.

mod accounts;
mod archive;
mod check;
mod database;
mod files;
mod finding;
mod governance;
mod index;
mod journal;
mod layout;
mod ordered;
mod records;
mod signatures;
mod state;
mod sums;
mod tip;
mod trees;
mod witnesses;

use std::path::{Path, PathBuf};

use xiezhi_evidence::Genesis;
use xiezhi_objects::Waiting;
use xiezhi_types::{Height, LedgerId, TimestampMs, TreeSize};

pub use finding::{FINDINGS_MAX, Finding, Object, Source, code};

use crate::{
    archive::Archive,
    database::Database,
    finding::Findings,
    layout::{Space, Tip},
};

/// Why a store cannot be checked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsckError {
    /// No store there.
    #[error("{}: no store", path.display())]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// A node runs on it.
    #[error("the store at {} is in use: stop its node first", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The store of another ledger.
    #[error("the store at {} belongs to ledger {found}, not to {expected}: wrong directory, or another genesis", path.display())]
    OtherLedger {
        /// The directory.
        path: PathBuf,
        /// The ledger it belongs to.
        found: LedgerId,
        /// The genesis's.
        expected: LedgerId,
    },
    /// Made from a snapshot: the log that all else would be checked by is not there.
    #[error(
        "the store at {} begins with a snapshot at record {size}: it holds no log from which it could be checked; \
         check another node's, or make it anew", path.display()
    )]
    Snapshot {
        /// The directory.
        path: PathBuf,
        /// Records before it.
        size: u64,
    },
    /// A part of the log is in an archive that was not named.
    #[error(
        "the store at {} has moved records 0 to {} to its archive: name that, or the node's configuration", path.display(), size - 1
    )]
    NoArchive {
        /// The directory.
        path: PathBuf,
        /// How many records.
        size: u64,
    },
    /// The archive that was named does not answer, or is not this ledger's.
    #[error("the archive with records 0 to {}: {reason}", size - 1)]
    Archive {
        /// How many records it should have.
        size: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The system does not let a file be read, or a temporary one be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The database's files, in bytes.
    Files,
    /// The log, in records.
    Log,
    /// Index and state, in entries.
    Index,
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Done of `total`.
    pub done: u64,
    /// All of it.
    pub total: u64,
}

/// Something to know that is no damage, or that damage kept from being checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One of the constants.
    pub code: &'static str,
    /// Particulars, in English.
    pub detail: String,
}

impl Note {
    /// A journal ends in a batch that was never finished; the node drops it when it starts.
    pub const JOURNAL_UNFINISHED: &str = "journal-unfinished";
    /// A lost record may have created an account: the state is not made again from there on.
    pub const STATE_UNKNOWN: &str = "state-unknown";
    /// A keyspace was not compared.
    pub const NOT_COMPARED: &str = "not-compared";
    /// Every code.
    pub const ALL: [&str; 3] = [Self::JOURNAL_UNFINISHED, Self::STATE_UNKNOWN, Self::NOT_COMPARED];
}

/// Up to where the log is what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Good {
    /// Height of the last checkpoint that the log leads to, nothing before it being wrong.
    pub height: Height,
    /// Its size: records from 0 to one less are good.
    pub size: TreeSize,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// At least so many more are wrong.
    pub more: u64,
    /// What else there is to know.
    pub notes: Vec<Note>,
    /// The log's last good prefix; `None` when there is none.
    pub good: Option<Good>,
    /// The last checkpoint within it that is sealed to policy, revocation apart.
    pub sealed: Option<Height>,
    /// Bytes of tables.
    pub table_bytes: u64,
    /// Records that the log should have.
    pub records: u64,
    /// Items of batches.
    pub items: u64,
    /// Accounts.
    pub accounts: u64,
    /// Tiles of both trees.
    pub tiles: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Seals.
    pub seals: u64,
    /// Time-stamp tokens.
    pub stamps: u64,
    /// Entries of the index.
    pub index_entries: u64,
    /// Nodes and values of the state.
    pub state_entries: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks the store in `dir`, which must be that of a node of `ledger` that does not run; `genesis` is the ledger's, `now` the caller's clock, `place` is
/// where its archive is, if it has one. What the archive does not give is a finding, as what the store does not.
///
/// Reads every byte of the store at least once; about 20,000 records of one signature per second and core, and about 1 ms for a checkpoint
/// with four seals and a token.
/// Needs a directory for temporary files, for links to the database's tables.
///
/// # Errors
/// [`FsckError`] when the store cannot be checked; whatever is wrong with it is a finding.
pub fn check(
    dir: &Path,
    genesis: &Genesis,
    ledger: LedgerId,
    now: TimestampMs,
    place: Option<Waiting>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, FsckError> {
    let (mut findings, mut notes) = (Findings::default(), Vec::new());
    let files = files::check(dir, &mut findings, progress)?;
    let table_bytes = files.bytes;
    let mut database = Database::open(files, &mut findings, &mut notes);
    if let Some(found) = other_ledger(&database, ledger) {
        return Err(FsckError::OtherLedger { path: dir.to_owned(), found, expected: ledger });
    }
    if let Ok(Some(base)) = database.get(Space::Meta, b"base") {
        let size = layout::u64_at(&base, 8).unwrap_or_default();
        return Err(FsckError::Snapshot { path: dir.to_owned(), size });
    }
    let moved = database.get(Space::Meta, layout::ARCHIVE).ok().flatten();
    if let Some(size) = moved.and_then(|mark| layout::u64_at(&mark, 0)).filter(|size| *size > 0) {
        let place = place.ok_or_else(|| FsckError::NoArchive { path: dir.to_owned(), size })?;
        let opened = Archive::open(place, size, ledger);
        database.archive = Some(opened.map_err(|reason| FsckError::Archive { size, reason })?);
    }
    let report = check::run(&database, genesis, ledger, now, &mut findings, &mut notes, progress);
    let Findings { list, more } = findings;
    Ok(Report { findings: list, more, notes, table_bytes, ..report })
}

/// The ledger that the store belongs to, when both its note and a checkpoint say that it is another.
fn other_ledger(database: &Database, ledger: LedgerId) -> Option<LedgerId> {
    let noted = database.get(Space::Meta, b"ledger").ok()??;
    let noted = LedgerId((*noted).try_into().ok()?);
    let sealed = database.scan(Space::Seals, b"c").find_map(Result::ok);
    let sealed =
        sealed.and_then(|(_, value)| Some(xiezhi_evidence::Checkpoint::parse(value.get(8..)?).ok()?.ledger));
    let empty = || {
        let tip = database.get(Space::Meta, b"tip").ok()??;
        Tip::read(&tip).filter(|tip| tip.size == 0).map(|_| noted)
    };
    (noted != ledger && sealed.or_else(empty) == Some(noted)).then_some(noted)
}

#[cfg(test)]
mod tests;
