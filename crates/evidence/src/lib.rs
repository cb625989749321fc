//! The objects in the life of an exhibit, in the order in which they come into being.
//!
//! ```text
//! Manifest -> Statement (or BatchItem in a batch Statement) -> record in the log -> Checkpoint -> Seal, time-stamp token -> Certificate
//! ```
//!
//! Each object has one encoding (deterministic CBOR; the statement is a COSE_Sign1), specified in docs/specs and pinned by hash in the
//! tests. This crate encodes, decodes and says what binds an object to the next; it never decides whether a certificate is valid (that is
//! `verify`) nor whether a statement may be recorded (that is `ledger`). No clock, no randomness, no I/O: salts, keys and times are
//! arguments.

pub mod account;
pub mod alliance;
pub mod certificate;
pub mod checkpoint;
pub mod cose;
mod encoding;
pub mod equivocation;
pub mod genesis;
pub mod governance;
pub mod manifest;
pub mod policy;
pub mod seal;
pub mod state_proof;
pub mod statement;

pub use account::{Account, AccountSpec, AccountStatus, Action, WeightedKey};
pub use alliance::{Alliance, Term};
pub use certificate::{
    AccountProof, BatchPlace, Certificate, CertificateError, CertifiedSeal, TermLink, TimeStamp,
};
pub use checkpoint::Checkpoint;
pub use genesis::{Genesis, Institution, Limits, LocalName};
pub use governance::Governance;
pub use manifest::{Entry, Field, Manifest, ManifestError, Salt, Value};
pub use policy::{Group, Member, Policy, PolicyError};
pub use seal::Seal;
pub use state_proof::StateProof;
pub use statement::{
    BatchBody, BatchItem, Body, Claims, DepositBody, Signature, Statement, StatementDraft, StatementError,
    Unsigned,
};
