//! The evidence service: what a platform records about one business transaction, phase by phase, at every sink that it names.
//!
//! ```text
//! entry, leg      what is right: pure, no clock, no randomness, no database
//! sink            a ledger or a time-stamp authority, and what it answers
//! book, overview,
//! view            what happens: the database, the keys of customers
//! outbox          carries every entry to every sink, however often it is stopped on the way
//! webhook         tells platforms what happened, signed
//! http, court     what platforms' programs reach over HTTP; the second in the shape of a court's interface that they know
//! ```
//!
//! An entry is acknowledged when it, its salts and its legs are in the database; it is complete when every leg has its proof. Nothing of a
//! customer leaves the service but inside salted fields whose root goes to the sinks.

mod book;
mod court;
mod entry;
mod http;
mod leg;
mod outbox;
mod overview;
mod sink;
mod view;
mod webhook;

pub use book::{Book, ServiceError};
pub use entry::{Consent, Content, Customer, Entry, Generation, Opening, PACK_PHASE};
pub use http::{Service, openapi_document, router};
pub use leg::{LegState, delay_ms};
pub use outbox::Outbox;
pub use overview::{Filter, OVERVIEW_MAX};
pub use sink::{LedgerSink, Sink, SinkError, StampSink, Step, Task};
pub use view::{Added, EntryView, Happened, HappenedTo, LegView, Opened, Overview, TransactionView};
pub use webhook::{Webhooks, public_key, signature};
