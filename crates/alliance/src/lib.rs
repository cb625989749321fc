//! Founding an alliance, and starting its nodes from what was founded.
//!
//! ```text
//! DIR/genesis.cbor            the alliance as it begins; its hash is the ledger's id
//! DIR/<institution>/node.toml configuration of one node; paths in it are relative to it
//!                  /keys/     secret: consensus.key, seal.key, and where they are held ca.key, tsa.key
//!                  /pki/      public: root.pem, seal.pem, crl.pem, and where it is run tsa.pem
//!                  /data/     the node's store and the engine's journals
//! ```
//!
//! Each institution's folder can be carried to a machine of its own. Founding all of them in one place, as a demonstration or a test does, means
//! that one person has seen every key; docs/operations.md says what a real founding does instead.

mod config;
mod found;
mod member;
mod renew;

pub use config::{
    ArchiveSection, NodeFile, Overrides, authority_of, load, passphrase, pems, place_secret, place_variable,
};
pub use found::{Founding, Layout, found, institutions};
pub use member::{Code, Invitation, Own, OwnKeys, certify, prepare, requested};
pub use renew::{Renewals, renew};

use std::path::PathBuf;

/// Why an alliance cannot be founded or a node not configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllianceError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A value is out of its bounds.
    #[error("{field}: {reason}")]
    Value {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate could not be issued.
    #[error("issuing a certificate: {0}")]
    Issue(#[from] xiezhi_pki::IssueError),
    /// A key that is kept elsewhere did not sign.
    #[error(transparent)]
    Key(#[from] xiezhi_crypto::SigningError),
    /// The system has no randomness to give.
    #[error("no randomness from the system")]
    Entropy,
}
