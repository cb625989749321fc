//! The log of a vault of originals, for whoever checks it: entries, their proofs down to the ledger, and all of one exhibit's in one file.
//!
//! ```text
//! entry     one entry, the tree over all, and its head
//! proof     that an entry is under a head, or a line under an audit's report; that the ledger has a text of the vault's account
//! custody   what happened to one exhibit, up to a head, as a file
//! ```
//!
//! Pure: no clock, no disk, no network. Formats: docs/specs/vault.md.

pub mod custody;
pub mod entry;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod proof;

use xiezhi_crypto::sha256_parts;
use xiezhi_verify::Facts;

pub use custody::{Custody, CustodyLog};
pub use proof::{AuditProof, EntryProof, LogError, recorded};

/// The id of the exhibit whose record `facts` are about: one for each statement, or for each item of a batch.
///
/// `None` for a certificate that cannot be read.
#[must_use]
pub fn exhibit_of(facts: &Facts) -> Option<String> {
    let statement = facts.statement.as_deref()?;
    let item = facts.item.map_or_else(String::new, |item| item.to_string());
    Some(hex::encode(sha256_parts(&[b"xiezhi exhibit v1\n", statement.as_bytes(), b"\n", item.as_bytes()])))
}

/// The id of the scope of all exhibits of `owner`, or of those whose records are of one of its groups.
#[must_use]
pub fn scope_id(owner: &str, group: Option<&str>) -> String {
    let group = group.unwrap_or_default();
    hex::encode(sha256_parts(&[b"xiezhi vault scope v1\n", owner.as_bytes(), b"\n", group.as_bytes()]))
}
