//! Four eyes: which deeds need a second officer, what one officer proposes, and that another confirmed it. Pure.
//!
//! ```text
//! ruled (deeds, officers' keys) --> proposed by one, signed --> confirmed by another, signed --> the deed itself
//! ```
//!
//! Both signatures are over what they mean at that place of that book: they count nowhere else and only once. Whoever has the book checks all of
//! it; what it cannot show is a certificate that was signed beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xiezhi_crypto::{PublicKey, SignatureAlg};

use crate::book::{BookError, Event, refuse};

/// What can need a second officer: the kinds of the entries. A change of the rule always does.
pub const DEEDS: [&str; 4] = ["issued", "released", "revoked", "suspended"];
/// Most officers of a rule.
const OFFICERS_MAX: usize = 100;

/// What an officer would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// Certifying an application.
    Issue {
        /// Which.
        application: String,
        /// For how many days at most.
        days: u64,
    },
    /// Suspending a certificate.
    Suspend {
        /// Serial number, lower-case hex.
        serial: String,
    },
    /// Lifting a suspension.
    Release {
        /// Serial number, lower-case hex.
        serial: String,
    },
    /// Revoking a certificate.
    Revoke {
        /// Serial number, lower-case hex.
        serial: String,
        /// As in [`Event::Revoked`].
        reason: String,
        /// As in [`Event::Revoked`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invalid_since: Option<u64>,
    },
    /// Another rule.
    Rule(Rule),
}

/// Which deeds need two officers, and whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Some of [`DEEDS`], in order.
    pub deeds: Vec<String>,
    /// Officers' names and public keys, as [`Rule::key_text`] writes them.
    pub officers: BTreeMap<String, String>,
}

impl Rule {
    /// Checks that it can be kept.
    ///
    /// # Errors
    /// [`BookError`]: an unknown deed, fewer than two officers, a key that is none or two officers'.
    pub(crate) fn check(&self) -> Result<(), BookError> {
        let is_known = |deed: &String| DEEDS.contains(&deed.as_str());
        if !self.deeds.iter().all(is_known) || !self.deeds.is_sorted_by(|a, b| a < b) {
            return refuse(format!("deeds are some of {}, in this order", DEEDS.join(", ")));
        }
        if !(2..=OFFICERS_MAX).contains(&self.officers.len()) {
            return refuse("a rule of four eyes names 2 to 100 officers");
        }
        let mut keys = Vec::new();
        for name in self.officers.keys() {
            let key = self.key(name)?.id();
            if keys.contains(&key) {
                return refuse("each officer has a key of his own");
            }
            keys.push(key);
        }
        Ok(())
    }

    /// A key as a rule names it: its algorithm, a colon, its bytes in hex.
    #[must_use]
    pub fn key_text(key: &PublicKey) -> String {
        format!("{}:{}", key.alg().name(), hex::encode(key.as_bytes()))
    }

    fn key(&self, officer: &str) -> Result<PublicKey, BookError> {
        let Some(text) = self.officers.get(officer) else {
            return refuse(format!("{officer} is none of the officers that the rule names"));
        };
        let (alg, bytes) = text.split_once(':').unwrap_or_default();
        let key = SignatureAlg::from_name(alg).ok().zip(hex::decode(bytes).ok());
        let key = key.and_then(|(alg, bytes)| PublicKey::new(alg, &bytes).ok());
        match key.filter(|key| Self::key_text(key) == *text) {
            Some(key) => Ok(key),
            None => refuse(format!("{officer}'s key cannot be read")),
        }
    }

    /// Whether `officer` signed `message`.
    pub(crate) fn signed(&self, officer: &str, message: &str, signature: &str) -> Result<(), BookError> {
        let key = self.key(officer)?;
        let signature =
            hex::decode(signature).map_err(|_| BookError { reason: "a signature is hex".to_owned() })?;
        match key.verify(message.as_bytes(), &signature) {
            Ok(()) => Ok(()),
            Err(_) => refuse(format!("the signature is not {officer}'s")),
        }
    }
}

/// What whoever proposes signs: `deed`, after the entry with the digest `head`, in the book of `authority`.
pub(crate) fn proposal_message(authority: &[u8; 32], head: &[u8; 32], deed: &Deed) -> String {
    let deed = serde_json::to_string(deed).unwrap_or_default();
    let (authority, head) = (hex::encode(authority), hex::encode(head));
    format!("xiezhi authority proposal v1\nauthority {authority}\nafter {head}\n{deed}\n")
}

/// What whoever confirms signs: the line of the proposal, by its digest.
pub(crate) fn confirmation_message(authority: &[u8; 32], proposal: &[u8; 32]) -> String {
    let (authority, proposal) = (hex::encode(authority), hex::encode(proposal));
    format!("xiezhi authority confirmation v1\nauthority {authority}\nproposal {proposal}\n")
}

/// A proposal and what became of it.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The number of its entry.
    pub number: u64,
    /// When.
    pub at: u64,
    /// Who proposes.
    pub by: String,
    /// What.
    pub deed: Deed,
    /// Who confirmed.
    pub confirmed_by: Option<String>,
    /// Whether it is done.
    pub is_done: bool,
    /// SHA-256 of its line.
    pub(crate) digest: [u8; 32],
}

impl Deed {
    /// Whether `event` is this deed; of a certificate that is issued, `lasts_days` is what is left of its validity, rounded up.
    pub(crate) fn is(&self, event: &Event, lasts_days: u64) -> bool {
        match (self, event) {
            (Self::Issue { application, days }, Event::Issued { application: Some(of), .. }) => {
                application == of && lasts_days <= *days
            }
            (Self::Suspend { serial }, Event::Suspended { serial: of })
            | (Self::Release { serial }, Event::Released { serial: of }) => serial == of,
            (
                Self::Revoke { serial, reason, invalid_since },
                Event::Revoked { serial: of, reason: why, invalid_since: since },
            ) => serial == of && reason == why && invalid_since == since,
            (Self::Rule(rule), Event::Ruled(of)) => rule == of,
            _ => false,
        }
    }
}

/// Which of [`DEEDS`] an event is; empty for what never needs a second officer: applications, refusals, lists, the authority's own responder.
pub(crate) fn deed_of(event: &Event) -> &'static str {
    match event {
        Event::Issued { application: Some(_), .. } => "issued",
        Event::Released { .. } => "released",
        Event::Revoked { .. } => "revoked",
        Event::Suspended { .. } => "suspended",
        _ => "",
    }
}
