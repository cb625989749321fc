//! Sessions: who a client is, proven by its key (RFC 7523) or by an identity provider, and the memory of those who proved it.
//!
//! ```text
//! token     JSON Web Tokens, key sets, client assertions, identity tokens
//! passkey   what browsers answer for keys of people (Web Authentication)
//! expiring  a bounded memory of what is over at a certain time
//! sessions  bearer tokens, and the assertions that were used
//! door      the same for a service over HTTP, with its problem documents
//! ```
//!
//! Pure: no network, no clock, no randomness; the caller gives the time, 32 random bytes and the keys.
//!
//! A client is known by a key in a service's configuration, or is an account on a ledger. Of an account `iss` and `sub` are its id as text,
//! and the keys are the authority keys that the ledger has for it at present. How a service logs a client in:
//!
//! ```
//! # use xiezhi_crypto::{SignatureAlg, SigningKey};
//! # use xiezhi_session::{Sessions, token::{sign_client_assertion, unverified_issuer}};
//! # let (key, now_s, random) = (SigningKey::from_seed(SignatureAlg::Ed25519, &[1; 32]).unwrap(), 1_800_000_000, [2; 32]);
//! # let assertion = sign_client_assertion("gateway", &key, "https://a.example", "1", now_s).unwrap();
//! let sessions = Sessions::new(10_000, 600);
//! let issuer = unverified_issuer(&assertion)?;
//! let keys = [key.public_key()]; // looked up for `issuer`
//! let grant = sessions.log_in(&assertion, &issuer, &keys, &["https://a.example"], issuer.clone(), now_s, random)?;
//! assert_eq!(sessions.find(&grant.access_token, now_s), Some("gateway".to_owned()));
//! # Ok::<(), xiezhi_session::LogInError>(())
//! ```

mod door;
mod expiring;
pub mod passkey;
mod sessions;
pub mod token;

pub use door::{Door, problem_kinds};
pub use expiring::{Expiring, Full};
pub use sessions::{AssertionForm, FormError, Grant, LogInError, Sessions, assertion_in_form};
