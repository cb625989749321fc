//! The registration office: real-name applications, decisions, bindings to accounts, erasure.
//!
//! ```text
//! applicant, state, provider, policy, token, binding, erasure   what is right: pure, no clock, no randomness, no database
//! ```

mod applicant;
pub mod binding;
mod erasure;
pub mod policy;
mod provider;
mod refusal;
mod state;
pub mod token;

pub use applicant::{Agent, Applicant, ApplicantKind, Authority, Individual, day_of};
pub use erasure::{BASES, Erasure};
pub use provider::{ClaimNames, Evidence, Judgement, judge};
pub use refusal::{Language, Refusal};
pub use state::{Event, State, WrongState};
