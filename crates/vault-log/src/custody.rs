//! What happened to one exhibit in a vault, up to a head on the ledger, as a file that is checked without the vault.
//!
//! Proves of each entry that it stood in the log when the head was recorded, and what was said in it. Does not prove that there were no others: the
//! log is the vault's, and which of its entries are of one exhibit is for its owner to compare.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use xiezhi_types::{AccountId, TimestampMs};
use xiezhi_verify::{Anchor, Facts, Outcome, Verdict};

use crate::{
    entry::{Entry, Happening},
    exhibit_of,
    proof::{AuditProof, LogError, included, parsed, recorded},
    scope_id,
};

/// Name and version of the file.
pub const FORMAT: &str = "xiezhi-vault-custody/1";

/// What happened to one exhibit, with the proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyLog {
    /// Audits of it whose reports are on the ledger: at most the last ten, the oldest first.
    pub audits: Vec<AuditProof>,
    /// The certificate of the head's record, hexadecimal.
    pub certificate: String,
    /// Its entries and those of the scopes that reach it, by position; all under one head.
    pub entries: Vec<CustodyEntry>,
    /// The exhibit's id.
    pub exhibit: String,
    /// [`FORMAT`].
    pub format: String,
    /// The head.
    pub head: String,
}

/// One entry with its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyEntry {
    /// Salt and detail, hexadecimal: they open the entry's commitment. None once they are erased.
    pub detail: Option<String>,
    /// The entry, hexadecimal: the leaf.
    pub entry: String,
    /// The leaf's path to the head's root, hexadecimal (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
}

/// What a checked file says.
#[derive(Debug, Clone)]
pub struct Custody {
    /// The vault's account: it vouches for all of this.
    pub vault: AccountId,
    /// Whether every record behind it is on a trusted ledger: valid, or unknown.
    pub outcome: Outcome,
    /// Since when the head demonstrably exists: what happened later is not in the file; RFC 3339.
    pub until: Option<String>,
    /// What happened, by time.
    pub events: Vec<Happened>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When, by the vault's clock.
    pub time: TimestampMs,
    /// `stored`, `granted`, `revoked`, `read`, `erased`, `audited-well`, `audited-lost` or `audited-damaged`.
    pub what: String,
    /// By which account.
    pub by: AccountId,
    /// What was said besides; none once it is erased.
    pub detail: Option<Json>,
}

impl CustodyLog {
    /// Checks the file against `of`, what is known of the exhibit's certificate, and its records by `anchors` at `time`.
    ///
    /// # Errors
    /// [`LogError`]. That a record's ledger is not trusted is no error: [`Custody::outcome`] says so.
    pub fn check(&self, of: &Facts, anchors: &[Anchor], time: TimestampMs) -> Result<Custody, LogError> {
        if self.format != FORMAT {
            return Err(LogError::Form("the file"));
        }
        let owner = of.grantor.as_deref().or(of.issuer.as_deref()).ok_or(LogError::Exhibit)?;
        if exhibit_of(of).as_ref() != Some(&self.exhibit) {
            return Err(LogError::Exhibit);
        }
        let places = [self.exhibit.clone(), scope_id(owner, None), scope_id(owner, of.group.as_deref())];
        let (vault, size, root) = parsed(&self.head)?;
        let mut events = Vec::new();
        let mut next = 0;
        for one in &self.entries {
            let entry = included(&one.entry, &one.path, size, &root)?;
            if entry.position < next || !places.contains(&hex::encode(entry.exhibit)) {
                return Err(LogError::Strange(entry.position));
            }
            next = entry.position + 1;
            let detail = one.detail.as_deref().map(|opened| detail(&entry, opened)).transpose()?;
            events.push(Happened {
                time: entry.time,
                what: entry.what.name().to_owned(),
                by: entry.by,
                detail,
            });
        }
        if !events.iter().any(|event| event.what == Happening::Stored.name()) {
            return Err(LogError::Stored);
        }
        let head = record(&self.head, Some(&self.certificate), &vault, anchors, time)?;
        let mut outcome = head.outcome;
        for audit in &self.audits {
            let (began, finding) = audit.check(&vault, &self.exhibit)?;
            let verdict = record(&audit.report, audit.certificate.as_ref(), &vault, anchors, time)?;
            if verdict.outcome != Outcome::Valid {
                outcome = Outcome::Unknown;
            }
            events.push(Happened {
                time: began,
                what: format!("audited-{finding}"),
                by: vault,
                detail: None,
            });
        }
        events.sort_by_key(|event| event.time);
        Ok(Custody { vault, outcome, until: head.facts.exists_since, events })
    }
}

/// The verdict on the record of `text`, which may be unknown and not invalid.
fn record(
    text: &str,
    certificate: Option<&String>,
    vault: &AccountId,
    anchors: &[Anchor],
    time: TimestampMs,
) -> Result<Verdict, LogError> {
    let certificate = certificate.and_then(|text| hex::decode(text).ok()).ok_or(LogError::Record)?;
    let verdict = recorded(text, &certificate, vault, anchors, time)?;
    if verdict.outcome == Outcome::Invalid { Err(LogError::Record) } else { Ok(verdict) }
}

fn detail(entry: &Entry, opened: &str) -> Result<Json, LogError> {
    let wrong = LogError::Detail(entry.position);
    let opened = hex::decode(opened).map_err(|_| wrong)?;
    let (salt, detail) = opened.split_first_chunk::<32>().ok_or(wrong)?;
    if Entry::commit(salt, detail) != entry.detail {
        return Err(wrong);
    }
    serde_json::from_slice(detail).map_err(|_| wrong)
}

#[cfg(test)]
mod tests;
