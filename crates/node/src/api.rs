//! What a node answers: the types that the REST layer and the tools speak.

use xiezhi_crypto::Digest;
use xiezhi_evidence::{Account, CertifiedSeal, Checkpoint, TimeStamp, policy::Missing};
use xiezhi_ledger::Rejection;
use xiezhi_types::{
    AccountId, GroupId, Height, InstitutionId, LedgerId, LogIndex, Role, StatementId, TimestampMs,
};

use crate::expiry::Expiry;

/// Where a statement stands, from the moment it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordStatus {
    /// The statement's id.
    pub id: StatementId,
    /// Its place in the log.
    pub index: LogIndex,
    /// Height of the block that recorded it.
    pub height: Height,
    /// That block's time.
    pub time: TimestampMs,
    /// How many items it has, when it is a batch.
    pub items: u32,
    /// Who has sealed its checkpoint, in the order of names.
    pub sealed_by: Vec<InstitutionId>,
    /// How many time-stamp authorities have stamped it.
    pub timestamps: u32,
    /// What the sealing policy still misses; certificates exist once [`Missing::is_met`].
    pub missing: Missing,
}

impl RecordStatus {
    /// Whether a certificate exists.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.missing.is_met()
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log.
    pub index: LogIndex,
    /// Height of its block.
    pub height: Height,
    /// Time of its block.
    pub time: TimestampMs,
    /// The statement's bytes.
    pub statement: Vec<u8>,
    /// How many items it has, when it is a batch.
    pub items: u32,
}

/// A place found by a search: a record, or an item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The record.
    pub index: LogIndex,
    /// The item, when the record is a batch and an item was found.
    pub item: Option<u32>,
}

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Records and items with this searchable digest.
    Digest(Digest),
    /// Records of this account.
    Account(AccountId),
    /// Records of this group.
    Group(GroupId),
    /// All records.
    All,
}

/// Which of the log's twin trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// RFC 9162 as it stands.
    Sha256,
    /// The twin under SM3.
    Sm3,
}

/// A checkpoint and what has been collected for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Seals, sorted by institution.
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps.
    pub timestamps: Vec<TimeStamp>,
    /// What the policy misses.
    pub missing: Missing,
}

/// How an institution's node is seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which institution.
    pub institution: InstitutionId,
    /// Whether it is suspended: it neither votes nor seals.
    pub suspended: bool,
    /// What it is.
    pub role: Role,
    /// Its names, Chinese and English.
    pub name: (String, String),
    /// Whether it is this node.
    pub this: bool,
    /// Height of the last checkpoint of which this node has its seal.
    pub sealed_height: Height,
    /// When a message of it last arrived, if ever; the node's own clock.
    pub heard: Option<TimestampMs>,
}

/// How an observer comes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// The node from which it has its blocks, as it is called.
    pub upstream: String,
    /// Records sealed to policy there, as far as is known.
    pub sealed_size: u64,
    /// The first record that is here: another one than 0 where the store was made from a snapshot.
    pub kept_from: u64,
    /// When an upstream last gave an answer that holds, if ever; the observer's own clock.
    pub answered: Option<TimestampMs>,
    /// What was wrong with the last answer, if anything was.
    pub problem: Option<String>,
}

/// What of the log is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveStatus {
    /// Records before this one are there, with the tiles over them.
    pub records: u64,
    /// How many of the newest records stay; none where this node was not told where the archive is.
    pub keep: Option<u64>,
    /// Whether the archive is not known, or it did not do what it was last asked; the log has the reason.
    pub is_failing: bool,
}

/// A node's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The ledger.
    pub ledger: LedgerId,
    /// The ledger's names, Chinese and English.
    pub name: (String, String),
    /// Whose node this is.
    pub institution: InstitutionId,
    /// How it follows, when it is an observer's and has no vote.
    pub following: Option<Following>,
    /// Last executed height and its block's time.
    pub height: Height,
    /// Time of that block.
    pub time: TimestampMs,
    /// Records in the log.
    pub size: u64,
    /// Records covered by a checkpoint that is sealed to policy.
    pub sealed_size: u64,
    /// What of the log is in the archive, if anything is or could be.
    pub archive: Option<ArchiveStatus>,
    /// Statements that wait to be ordered.
    pub queued: u64,
    /// Whether blocks and seals come: false says that the alliance has too few nodes in reach.
    pub live: bool,
    /// Whether this node votes: an observer never does, and a restored node not before it cannot contradict votes it has forgotten.
    pub voting: bool,
    /// When the first of the certificates behind this node's seals expires; an observer has none.
    pub seal_expires: Option<TimestampMs>,
    /// All that expires, as far as this node knows: certificates that it has seen at work, roots, revocation lists.
    pub expiries: Vec<Expiry>,
    /// Why this institution's seal would not count now, if so: nothing is sealed here then.
    pub sealing_problem: Option<String>,
    /// Checkpoints that wait for seals or time stamps.
    pub unsealed_checkpoints: u64,
    /// The alliance's term.
    pub term: u64,
    /// The next one and its first height, if it is decided.
    pub next_term: Option<(u64, Height)>,
    /// Every institution.
    pub institutions: Vec<PeerStatus>,
}

/// Why a deposit was not recorded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It may not be recorded.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The statement is recorded already; nothing was added.
    #[error("statement {} is recorded already at index {}", .0.id, .0.index)]
    AlreadyRecorded(Box<RecordStatus>),
    /// The queue is full. Retrying helps, later.
    #[error("{queued} statements wait already; try again in {retry_after_s} s")]
    Busy {
        /// How many wait.
        queued: u64,
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// It was not ordered in time, so nothing is promised; sending the same statement again is safe.
    #[error("not recorded within {waited_ms} ms: {reason}; sending the same statement again is safe")]
    NotOrdered {
        /// How long was waited, in milliseconds.
        waited_ms: u64,
        /// Why, as far as this node knows.
        reason: String,
    },
    /// The node is an observer's: it records nothing.
    #[error("this node follows the ledger without a vote and takes no deposits; send them to {upstream}")]
    Observer {
        /// A node that takes them.
        upstream: String,
    },
    /// The node is shutting down or its store failed.
    #[error("the node is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

/// Why something cannot be answered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No such thing.
    #[error("{what} does not exist here")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The record's checkpoint is not sealed to policy yet. Retrying helps.
    #[error("record {} is not sealed yet", .0.index)]
    NotSealed(Box<RecordStatus>),
    /// A number is out of range.
    #[error("{field}: {reason}")]
    Range {
        /// The argument.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// This node's copy begins with a snapshot, and what was asked for is before it.
    #[error(
        "this node's copy begins after height {height}, at record {size}; what is before, and what is found by it, other nodes have"
    )]
    NotKept {
        /// Height of the snapshot.
        height: Height,
        /// Records before it.
        size: u64,
    },
    /// What was asked for is in this node's archive, which is not in reach or does not give what was moved there. Retrying helps, later.
    #[error("{what} is in this node's archive, which is not in reach; other nodes may have it at hand")]
    Archive {
        /// What is there.
        what: String,
    },
    /// The store failed.
    #[error("the node is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

/// An account and when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// The height at which it stands so.
    pub height: Height,
    /// That block's time.
    pub time: TimestampMs,
}
