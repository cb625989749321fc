//! Whole alliances in a deterministic world: seeded faults, checkers outside the product, exact replay of a seed.
//!
//! ```text
//! seed -> schedule (faults, wishes) -> cluster: the nodes ---------------> checks: what must hold
//!                                      operators: propose, vote            roots, signatures, policy, terms recomputed here
//!                                      node: admission, chain, sealing, eras
//!                                      ledger, store (a directory each)
//!                                      engine on simulated links, disks, time (xiezhi_consensus::simulation)
//! ```
//!
//! The nodes are the product's: proposal, judging, execution, store, checkpoints, seals by certified keys, time stamps and policy. A step of
//! the simulation does what the admission and sealing threads do, one after the other, every [`cluster::STEP`]; races between those threads
//! are therefore not simulated. HTTP and the encrypted links are not there.
//!
//! An even seed plays four institutions in one term. An odd one plays five, whose alliance changes while things fail ([`schedule::Want`]): every
//! institution votes on what its own node shows it, whoever is suspended tries as well, and [`terms`] says what should come of it.
//!
//! # What fails
//! - One node crashes: the engine's unsynced writes are lost; of the store's journal, what came after the last applied block is cut at a
//!   random byte. All nodes at once: besides, unsynced engine writes are torn byte by byte.
//! - Links: delay, jitter, loss, partitions. A link keeps its order; messages of different links overtake each other.
//! - A full disk: the store takes no block from then on; the node must stop and say so.
//! - Clocks that are off, within `block_skew_ms` and far beyond.
//! - At most one institution lies, see [`byzantine`].
//! - A node crashes on its way from one era to the next: after its store has passed the heights that recorded nothing, before its engine starts.
//!
//! # Running
//! `cargo test -p xiezhi-simulation` plays some seeds. `XIEZHI_SIM_SEED=S` begins at seed S (with `XIEZHI_SIM_SEEDS=1`: that one alone),
//! `XIEZHI_SIM_SEEDS=N` plays N, `XIEZHI_SIM_LOG=debug` shows the nodes' log. A failure prints the seed and its schedule.

#![cfg(test)]

mod alliance;
mod byzantine;
mod checks;
mod cluster;
mod operators;
mod schedule;
mod terms;
mod tests;
