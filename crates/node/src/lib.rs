//! One institution's node.
//!
//! ```text
//! submit -> admission thread -> mempool -> consensus -> execution -> store -> sealing thread -> certificate
//!              | gossip ^           (signatures checked once)                    | gossip ^
//! ```
//!
//! A deposit is acknowledged only when it is recorded: final, executed and durable on this node. Everything before that may be lost and sent
//! again at no risk. Seals and time stamps are collected from peers and can be asked for again at any time, so a node that was away needs no
//! help to catch up.
//!
//! A company that only records and checks runs the same node without a vote: it follows ([`Node::observe`]).
//!
//! The engine and the database are behind `xiezhi-consensus` and `xiezhi-store`; HTTP is above, in `xiezhi-api`.

mod admission;
mod answer;
mod api;
mod archive;
mod certify;
mod chain;
mod collection;
mod config;
mod core;
mod eras;
mod expiry;
mod follow;
mod join;
mod lists;
mod machine;
mod mempool;
mod message;
mod node;
mod parts;
mod recover;
mod sealing;
#[cfg(feature = "simulation")]
pub mod simulation;
mod witness;

pub use api::{
    AccountView, ArchiveStatus, Following, Hit, NodeStatus, PeerStatus, Query, QueryError, Record,
    RecordStatus, SealedCheckpoint, SubmitError, Tree,
};
pub use config::{
    AuthorityConfig, NodeConfig, NodeKeys, ObserverConfig, Renewal, StampError, Stamper, TimeStampConfig,
};
pub use expiry::{Expiry, ExpiryKind, Standing};
pub use follow::{RestoreError, Upstream, UpstreamError, restore};
pub use join::{SnapshotSource, join, join_as_member};
pub use node::{Node, StartError};
pub use recover::{Begin, RecoverError, Recovery, recover};
pub use xiezhi_consensus::Exit;
