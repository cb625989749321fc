//! The registration office: real-name applications, decisions, bindings to accounts, erasure.
//!
//! ```text
//! applicant, state, provider, policy, binding, revocation, erasure   what is right: pure, no clock, no randomness, no database
//! desk                                                   what happens: the database, the keys of persons, the office's account
//! oidc, people                                           who is behind a browser: issuers' words, passkeys
//! roster                                                 who is an officer at this moment
//! service                                                what programs reach over HTTP: applicants', and officers'
//! ```

mod applicant;
pub mod binding;
mod desk;
mod erasure;
mod oidc;
mod people;
pub mod policy;
mod provider;
mod refusal;
mod revocation;
mod roster;
mod service;
mod state;

pub use applicant::{Agent, Applicant, ApplicantKind, Authority, Individual, day_of};
pub use desk::{Application, Desk, DeskError, Dossier, Happened, LIST_MAX, OnRecord, OwnPasskey};
pub use erasure::{BASES, Erasure};
pub use oidc::{IssuerConfig, LoginError};
pub use people::{BrowserAnswer, BrowserQuestion, EXAMPLES, KeyError, People, Visitor};
pub use provider::{ClaimNames, Evidence, Judgement, judge};
pub use revocation::{HOLDER, REASONS, Revocation};
pub use roster::{Officer, Roster, Rosters};
pub use service::{Bind, BindSignature, Service, openapi_document, router};
pub use state::{Event, State, WrongState};
