//! What a node takes from the machine it runs on: time and chance.

#![cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "public for simulations"))]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use xiezhi_consensus::BoxFuture;
use xiezhi_types::TimestampMs;

/// Time and chance. A node asks nothing else for them, so that a simulation can stand in for the machine.
///
/// Used for proposals, votes, seals, waiting and what is shown; execution never sees it.
pub trait Machine: Send + Sync + 'static {
    /// The wall clock, which may be wrong and may jump.
    fn now(&self) -> TimestampMs;

    /// Time since some fixed moment; never goes back.
    fn uptime(&self) -> Duration;

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Fills `bytes` with unpredictable ones; false where there are none.
    fn fill(&self, bytes: &mut [u8]) -> bool;
}

/// The machine that this process runs on.
pub(crate) struct System {
    since: Instant,
}

impl System {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now() }
    }
}

impl Machine for System {
    fn now(&self) -> TimestampMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.since.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn fill(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }
}
