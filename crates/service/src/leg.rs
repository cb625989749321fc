//! How an entry stands at a sink.

use serde::{Deserialize, Serialize};

/// Longest wait before a leg is tried again, in milliseconds.
const DELAY_MAX_MS: u64 = 300_000;
/// First wait.
const DELAY_MIN_MS: u64 = 1_000;

/// A leg's state. None leads back to `pending`; `sealed` leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LegState {
    /// Not heard of yet.
    Pending,
    /// The sink has it and has not sealed it.
    Recorded,
    /// The proof is there.
    Sealed,
    /// The last try failed, for the reason given; it is tried again.
    Failed,
}

impl LegState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Recorded, Self::Sealed, Self::Failed];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Recorded => "recorded",
            Self::Sealed => "sealed",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How long to wait after the `attempts`-th try that brought no proof, in milliseconds: twice as long each time, five minutes at most.
#[must_use]
pub fn delay_ms(attempts: u64) -> u64 {
    let doubled = DELAY_MIN_MS.checked_shl(u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.filter(|ms| (DELAY_MIN_MS..DELAY_MAX_MS).contains(ms)).unwrap_or(DELAY_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_waits_twice_as_long_each_time_up_to_five_minutes() {
        let waits: Vec<_> = [0, 1, 2, 3, 9, 10, 63, 64, 65, u64::MAX].map(delay_ms).to_vec();
        assert_eq!(waits, [1_000, 1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000, 300_000, 300_000]);
    }

    #[test]
    fn every_state_has_its_name() {
        for state in LegState::ALL {
            assert_eq!(LegState::from_name(state.name()), Some(state));
        }
        assert_eq!(LegState::from_name("lost"), None);
    }
}
