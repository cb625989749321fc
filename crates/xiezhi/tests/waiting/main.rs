//! What takes minutes of waiting and little else: it waits at the same time.

mod backup;
mod expiry;
#[path = "../place/mod.rs"]
mod place;
mod reset;
mod snapshot;
