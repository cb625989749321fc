//! Puts opaque blocks in one final order among the institutions of an alliance.
//!
//! This is the only crate that names the consensus engine (the pinned `commonware-*` crates), and no type
//! of the engine appears in its public signatures. What a block means is the [`Application`]'s business:
//! this crate never looks into a payload.
//!
//! ```text
//!             propose, verify, finalized, message
//! Application <---------------------------------- xiezhi-consensus ---- encrypted links ---- other nodes
//!             ----------------------------------> (own threads,
//!               Handle: broadcast, send, stop      own directory)
//! ```
//!
//! # Invariants
//! - [`Application::finalized`] is called for heights `h + 1, h + 2, ...` in order, where `h` is the height the
//!   application reported at the start; a height is never skipped, and not called again while the node runs.
//! - A block that was handed to `finalized` is final: no other block ever has its height, provided that fewer
//!   than one third of the validators are faulty. A validator whose directory was emptied has forgotten what
//!   it voted for: marked so ([`forget_votes`], or by itself, when its votes turn out to be damaged) it says nothing until it cannot
//!   contradict itself, unmarked it counts as faulty until it has caught up.
//! - Only the keys in [`Config::peers`] are talked to; a stranger is refused in the handshake.
//! - The validators are fixed for one [`Era`]. Another set is another era: the node is stopped and started with it, and the application sees
//!   to it that all nodes end an era at the same height. Messages pass between nodes in different eras, votes and blocks do not.
//!
//! # Absent
//! Nothing here reads the payload, makes a
//! certificate, or keeps a seal key. Consensus' own votes are no part of any evidence.

mod adapter;
mod application;
mod block;
mod config;
mod directory;
mod engine;
mod handle;
mod journal;
mod node;
#[cfg(feature = "simulation")]
pub mod simulation;

pub use application::{Application, BoxFuture};
pub use block::Block;
pub use config::{Config, Era, Peer, Timings, public_key};
pub use directory::{begin_restart, forget_votes, last_restart, rejoin_restart, restart_has_begun};
pub use handle::{Exit, Handle, SendError};
pub use node::{StartError, start};
