//! The words of a node's REST API, and a client that speaks them.
//!
//! [`wire`] holds the JSON objects of the API; the server serializes the same types, so the two cannot drift apart. [`Client`]
//! keeps connections alive, knows several institutions' nodes, and moves on to the next when one does not answer.
//!
//! The client believes nothing that it need not: certificates, receipts and proofs are handed out as bytes, to be verified by the
//! verifier; this crate holds no keys and checks no signatures.

mod client;
mod error;
mod events;
mod foreign;
mod services;
mod transport;
pub mod wire;

pub use client::{Client, Deposited, RecordQuery, Tree, Wait};
pub use error::{ClientError, DepositError, NetworkError};
pub use events::{Event, Events};
pub use foreign::{Foreign, Host};

/// Media type of a COSE object: a statement, a receipt.
pub const COSE: &str = "application/cose";
/// Media type of a certificate.
pub const CERTIFICATE: &str = "application/vnd.xiezhi.certificate+cbor";
/// Media type of the proof of an account.
pub const ACCOUNT_PROOF: &str = "application/vnd.xiezhi.account-proof+cbor";
/// Media type of a bundle of proofs.
pub const BUNDLE: &str = "application/vnd.xiezhi.bundle+cbor";
/// Media type of plain CBOR: a batch, the genesis.
pub const CBOR: &str = "application/cbor";
/// Media type of a CBOR sequence (RFC 8742): certificates of a batch.
pub const CBOR_SEQUENCE: &str = "application/cbor-seq";
/// Media type of a problem document (RFC 9457).
pub const PROBLEM: &str = "application/problem+json";
