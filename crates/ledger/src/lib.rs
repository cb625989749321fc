//! Deterministic execution: a block and the state in, records and changes out.
//!
//! Nothing here depends on anything but its arguments: no clock, no map order, no float, no locale, no I/O. Every node that executes the same
//! blocks has the same log and the same state, byte for byte.
//!
//! The stages of a statement are types: [`Transaction`] (bytes as they came), [`Admitted`] (structure, limits and items checked),
//! [`NewRecord`] (ordered and recorded). Signatures are checked once per node: an [`Admitted`] remembers the keys it was verified with, and
//! execution compares those with the account's keys at that height.

mod admit;
mod block;
mod execute;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod govern;
mod sealed;
mod snapshot;
mod state;

pub use admit::{Admitted, Rejection, verify_signatures};
pub use block::{BLOCK_VERSION, BlockBody, BlockError, Transaction};
pub use execute::{NewRecord, Outcome, StateView, execute, genesis_state, undated_key};
pub use govern::{GovernanceError, begin};
pub use sealed::{SEALED_BLOCKS_VERSION, SealedBlock, SealedBlocks};
pub use snapshot::{SNAPSHOT_VERSION, Snapshot, StateEntries, StateEntryPart, after};
pub use state::{HashedEntry, StateChange, StateEntry, StateError, StateNodes, StateTree, StateVersion};
