//! The states of an application, and what leads from one to the next.
//!
//! ```text
//!              +--> refused ------------------------------+
//! submitted ---+--> withdrawn ----------------------------+--> erased
//!              +--> approved ------------> rescinded -----+
//! ```
//!
//! Nothing leads back: whoever was refused applies anew. Each step has an actor, a time and, where somebody decides, a reason; all are kept.

use serde::{Deserialize, Serialize};

/// Where an application stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for a provider.
    Submitted,
    /// What it says is true, as the provider says: accounts can be bound to it.
    Approved,
    /// The provider says no.
    Refused,
    /// The applicant took it back.
    Withdrawn,
    /// It was approved wrongly, or is true no more: its bindings are revoked.
    Rescinded,
    /// Its data is gone.
    Erased,
}

/// What happens to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It was submitted: the first event of every application, and of no other moment.
    Submitted,
    /// Somebody other than its owner read its data.
    Read,
    /// An assertion did not fit and changed nothing.
    AssertionRefused,
    /// A provider says yes.
    Approved,
    /// A provider says no.
    Refused,
    /// The owner takes it back.
    Withdrawn,
    /// An account was bound to it.
    Bound,
    /// A binding was revoked.
    BindingRevoked,
    /// The approval was taken back.
    Rescinded,
    /// Its data was erased.
    Erased,
}

/// An event that cannot happen in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" cannot happen to an application that is {}", event.name(), state.name())]
pub struct WrongState {
    /// The state.
    pub state: State,
    /// The event.
    pub event: Event,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Submitted, Self::Approved, Self::Refused, Self::Withdrawn, Self::Rescinded, Self::Erased];

    /// The state after `event`.
    ///
    /// # Errors
    /// [`WrongState`].
    pub fn after(self, event: Event) -> Result<Self, WrongState> {
        match (self, event) {
            (Self::Submitted, Event::Approved) => Ok(Self::Approved),
            (Self::Submitted, Event::Refused) => Ok(Self::Refused),
            (Self::Submitted, Event::Withdrawn) => Ok(Self::Withdrawn),
            (Self::Submitted, Event::AssertionRefused) => Ok(self),
            (Self::Approved, Event::Bound) => Ok(self),
            (Self::Approved, Event::Rescinded) => Ok(Self::Rescinded),
            // Bindings outlive the data: the account's holder may end one at any time.
            (Self::Approved | Self::Rescinded | Self::Erased, Event::BindingRevoked) => Ok(self),
            (state, Event::Read) if state != Self::Erased => Ok(state),
            (state, Event::Erased) if state != Self::Erased => Ok(Self::Erased),
            (state, event) => Err(WrongState { state, event }),
        }
    }

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Rescinded => "rescinded",
            Self::Erased => "erased",
        }
    }

    /// The state with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Submitted,
        Self::Read,
        Self::AssertionRefused,
        Self::Approved,
        Self::Refused,
        Self::Withdrawn,
        Self::Bound,
        Self::BindingRevoked,
        Self::Rescinded,
        Self::Erased,
    ];

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Read => "read",
            Self::AssertionRefused => "assertion-refused",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Bound => "bound",
            Self::BindingRevoked => "binding-revoked",
            Self::Rescinded => "rescinded",
            Self::Erased => "erased",
        }
    }

    /// The event with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far an application has come; the rule restated: nothing leads back, and what ended stays as it ended.
    fn rank(state: State) -> u8 {
        match state {
            State::Submitted => 0,
            State::Approved => 1,
            State::Refused | State::Withdrawn | State::Rescinded => 2,
            State::Erased => 3,
        }
    }

    #[test]
    fn no_event_leads_back_or_sideways() {
        for state in State::ALL {
            for event in Event::ALL {
                let Ok(after) = state.after(event) else { continue };
                assert!(after == state || rank(after) > rank(state), "{state:?} {event:?} {after:?}");
            }
        }
    }

    #[test]
    fn each_state_has_exactly_these_events() {
        use Event as E;
        let allowed = |state: State| -> Vec<Event> {
            E::ALL.into_iter().filter(|event| state.after(*event).is_ok()).collect()
        };
        let rows: [(State, &[Event]); 6] = [
            (
                State::Submitted,
                &[E::Read, E::AssertionRefused, E::Approved, E::Refused, E::Withdrawn, E::Erased],
            ),
            (State::Approved, &[E::Read, E::Bound, E::BindingRevoked, E::Rescinded, E::Erased]),
            (State::Refused, &[E::Read, E::Erased]),
            (State::Withdrawn, &[E::Read, E::Erased]),
            (State::Rescinded, &[E::Read, E::BindingRevoked, E::Erased]),
            (State::Erased, &[E::BindingRevoked]),
        ];
        for (state, expected) in rows {
            assert_eq!(allowed(state), expected, "{state:?}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        for event in Event::ALL {
            assert_eq!(Event::from_name(event.name()), Some(event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        }
        assert_eq!((State::from_name("Approved"), Event::from_name("")), (None, None));
    }
}
