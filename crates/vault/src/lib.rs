//! The vault of originals: encrypted under a key for each, compared with their record, disclosed under grants, every read logged, erasable.
//!
//! ```text
//! envelope  segments of an original under its key; the key handed over to a reader
//! possession  the proof that an original is there at a moment, and its check
//! vault     what may happen to an original, and what lies where
//! service   the same over HTTP; uploads by tus 1.0
//! ```
//!
//! Invariants: an exhibit is whole only after what lies in its place was read back and its digests are those of its record; a key is handed over
//! only after the entry that says so is durable; an erased key is in no backup of the database.

pub mod envelope;
pub mod possession;
mod service;
mod vault;

pub use service::{Service, openapi_document, router};
pub use vault::{
    Audited, Finding, Granted, Logged, Opened, Own, Progress, Vault, VaultError, audits::AuditSummary,
    disclosure::Of, originals::Originals,
};
use xiezhi_vault_log::entry;
