//! What leads from an entry of the log, or a line of an audit's report, to a record of the vault's account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xiezhi_crypto::sha256;
use xiezhi_evidence::{Body, Certificate, Statement};
use xiezhi_merkle::{Hash, Sha256, TreeHash as _, verify_inclusion};
use xiezhi_types::{AccountId, TimestampMs, from_canonical};
use xiezhi_verify::{Anchor, Exhibit, Input, Verdict};

use crate::entry::{Entry, head};

/// Why something of a log proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A part is not of the form it must have.
    #[error("{0} is not of the form it must have")]
    Form(&'static str),
    /// The entry is not in the log.
    #[error("the entry is not in the log under its head")]
    Entry,
    /// The entry is of another exhibit, or its place in the file is not its place in the log.
    #[error("entry {0} is of another exhibit, or out of order")]
    Strange(u64),
    /// What is said besides is not what the entry commits to.
    #[error("the detail of entry {0} is not what the entry commits to")]
    Detail(u64),
    /// The file is of another exhibit than the certificate.
    #[error("it is of another exhibit")]
    Exhibit,
    /// No entry says that the original was stored.
    #[error("no entry says that the original was stored")]
    Stored,
    /// The audit's report does not have the line.
    #[error("the line is not in the audit's report")]
    Audit,
    /// A certificate is not of a record of this text by the vault's account.
    #[error("a certificate is not of a record of this text by the vault's account")]
    Record,
}

/// The proof that an entry is in a log whose head is on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryProof {
    /// The entry, hexadecimal: the leaf.
    pub entry: String,
    /// Entries in the log of this head.
    pub size: u64,
    /// The leaf's path to the root, hexadecimal (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
    /// The head.
    pub head: String,
    /// The certificate of the head's record, hexadecimal.
    pub certificate: String,
}

impl EntryProof {
    /// The entry that is shown to be in the log of `vault`, if the certificate of the head holds.
    ///
    /// # Errors
    /// [`LogError::Form`], [`LogError::Entry`].
    pub fn check(&self, vault: &AccountId) -> Result<Entry, LogError> {
        let (account, size, root) = parsed(&self.head)?;
        if account != *vault || size != self.size {
            return Err(LogError::Entry);
        }
        included(&self.entry, &self.path, size, &root)
    }
}

/// What an audit found of an exhibit, with the proof that its report says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditProof {
    /// The exhibit's line: the leaf.
    pub leaf: String,
    /// Its place among the lines, from 0.
    pub position: u64,
    /// Lines of the report.
    pub size: u64,
    /// The leaf's path to the root, hexadecimal (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
    /// The report: time, counts and root.
    pub report: String,
    /// The certificate of the report's record by the vault's account, hexadecimal; none before it is sealed.
    pub certificate: Option<String>,
}

impl AuditProof {
    /// When the audit by `vault` began and what it found of `exhibit`: `well`, `lost` or `damaged`; if the certificate of the report holds.
    ///
    /// # Errors
    /// [`LogError::Form`], [`LogError::Audit`].
    pub fn check(&self, vault: &AccountId, exhibit: &str) -> Result<(TimestampMs, &str), LogError> {
        let lines: Vec<_> = self.report.split('\n').collect();
        let ["xiezhi vault audit v1", account, time, _, root, ""] = lines[..] else {
            return Err(LogError::Form("the report"));
        };
        let time = TimestampMs::parse_rfc3339(time).ok_or(LogError::Form("the report"))?;
        let (of, finding) = self.leaf.split_once(' ').ok_or(LogError::Form("the line"))?;
        let leaf = Sha256::leaf(self.leaf.as_bytes());
        let (path, root) = (path(&self.path)?, hash("the report", root)?);
        let held = verify_inclusion::<Sha256>(&leaf, self.position, self.size, &path, &root);
        let is_known = ["well", "lost", "damaged"].contains(&finding);
        if held.is_err() || !is_known || account != vault.to_string() || of != exhibit {
            return Err(LogError::Audit);
        }
        Ok((time, finding))
    }
}

/// The verdict on `certificate` by `anchors` at `time`, which is of a record of `text` by the account `vault`.
///
/// # Errors
/// [`LogError::Record`] where it is another's record, or of another text. What the verdict says is the caller's to look at.
pub fn recorded(
    text: &str,
    certificate: &[u8],
    vault: &AccountId,
    anchors: &[Anchor],
    time: TimestampMs,
) -> Result<Verdict, LogError> {
    let parsed = Certificate::parse(certificate).map_err(|_| LogError::Record)?;
    let statement = Statement::parse(&parsed.statement).map_err(|_| LogError::Record)?;
    let commits =
        matches!(statement.body(), Body::Deposit(body) if body.manifest_root == sha256(text.as_bytes()));
    if !commits || statement.claims().issuer != *vault {
        return Err(LogError::Record);
    }
    Ok(xiezhi_verify::verify(&Input {
        certificate,
        anchors,
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: time,
        known_checkpoints: &[],
    }))
}

/// Account, size and root of a head.
pub(crate) fn parsed(text: &str) -> Result<(AccountId, u64, Hash), LogError> {
    let form = LogError::Form("the head");
    let lines: Vec<_> = text.split('\n').collect();
    let ["xiezhi vault log v1", account, size, root, ""] = lines[..] else { return Err(form) };
    let (account, size) = (account.parse().map_err(|_| form)?, size.parse().map_err(|_| form)?);
    let root = hash("the head", root)?;
    if head(&account, size, &root) == text.as_bytes() { Ok((account, size, root)) } else { Err(form) }
}

/// The entry whose bytes are the leaf at its place under `root`.
pub(crate) fn included(entry: &str, hashes: &[String], size: u64, root: &Hash) -> Result<Entry, LogError> {
    let leaf = hex::decode(entry).map_err(|_| LogError::Form("the entry"))?;
    let entry: Entry = from_canonical("entry", &leaf).map_err(|_| LogError::Form("the entry"))?;
    let held = verify_inclusion::<Sha256>(&Sha256::leaf(&leaf), entry.position, size, &path(hashes)?, root);
    if held.is_ok() { Ok(entry) } else { Err(LogError::Entry) }
}

fn hash(what: &'static str, text: &str) -> Result<Hash, LogError> {
    hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(LogError::Form(what))
}

fn path(text: &[String]) -> Result<Vec<Hash>, LogError> {
    text.iter().map(|one| hash("a path", one)).collect()
}
