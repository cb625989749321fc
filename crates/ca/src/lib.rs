//! An issuing authority (CA): the book of what it was asked, issued, suspended and revoked; what it signs; what it answers over HTTP.
//!
//! [`Authority`] is one directory on disk. Everything that happens is an [`Entry`] of its book: appended, synced, then answered, and never changed.
//! Several processes may have the directory open, an officer's tool beside the server: each change is made under a lock, upon what all have
//! written. The crate reads no clock and draws no randomness: times are unix seconds and serial numbers are bytes that the caller passes.
//!
//! Keys are not in the book: what signs is handed in, as [`xiezhi_pki::CertificateAuthority`] and [`xiezhi_pki::ocsp::Responder`].
//!
//! # Invariants
//! - What the book says of a certificate at a time never changes later: [`Book::standing`].
//! - A serial number is used once; a key is certified for one subject.
//! - What the rule of four eyes names is done only after one officer proposed it and another confirmed it, both by signature.
//! - Nothing is issued that the alliance's own verifier would not accept for its purpose.
//!
//! Format: docs/specs/authority-book.md.

mod answers;
mod authority;
mod book;
mod deed;
mod heads;
mod journal;
mod service;
mod wish;

#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthorityError, Expiring, LIST_DAYS, RESPONDER_DAYS};
pub use book::{
    Application, Book, BookError, Certificate, Change, Entry, Event, List, Outcome, Standing, Withdrawal,
};
pub use deed::{DEEDS, Deed, Proposal, Rule};
pub use heads::{HeadStanding, OVERDUE_S, RecordedHead};
pub use journal::JournalError;
pub use service::{Head, Service, router};
pub use wish::{Purpose, Wish, WishError};
