//! Names, numbers and identifiers that every other crate speaks.
//!
//! Index, count, height and time are different types, so that one cannot stand for another. The crate does no I/O, knows no clock,
//! no randomness and no cryptography: an identifier here is a value, and what makes it the right one is checked elsewhere.

pub mod cbor;
mod ids;
mod lang;
mod numbers;
mod record_number;
mod refusal;

pub use cbor::{CborError, canonical, from_canonical, from_canonical_with, known_version};
pub use ids::{AccountId, GroupId, IdError, InstitutionId, LedgerId, Role, StatementId};
pub use lang::Lang;
pub use numbers::{Height, LogIndex, TimestampMs, TreeSize};
pub use record_number::{RecordNumber, RecordNumberError};
pub use refusal::Refusal;
