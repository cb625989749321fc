//! The JSON of the office's API; server and client serialize the same types. Times are RFC 3339.

use serde::{Deserialize, Serialize};

use crate::applicant::Applicant;

/// A token was granted (RFC 6749, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenGranted {
    /// To be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// How long it is good, in seconds.
    pub expires_in: u32,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The name.
    pub principal: String,
    /// The role.
    pub role: String,
    /// The institution.
    pub institution: String,
}

/// The office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// The institution whose office this is.
    pub institution: String,
    /// The ledger.
    pub ledger: String,
    /// The account by which it puts bindings on the ledger.
    pub account: String,
    /// Whether this is a demonstration: nobody checks anything.
    pub demonstration: bool,
    /// Where tokens are asked for, and whom assertions must name as their audience.
    pub token_endpoint: String,
    /// Issuers of assertions that are taken here.
    pub issuers: Vec<Issuer>,
}

/// An issuer of assertions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Its identifier.
    pub issuer: String,
    /// The audience that its tokens must name.
    pub audience: String,
}

/// An application, without data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationRow {
    /// Its id.
    pub id: String,
    /// `person` or `enterprise`.
    pub kind: String,
    /// Where it stands.
    pub state: String,
    /// Whether nobody checked anything.
    pub demonstration: bool,
    /// When it was submitted.
    pub submitted: String,
}

/// Some applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationPage {
    /// In the order in which they came.
    pub applications: Vec<ApplicationRow>,
    /// Give this as `cursor` for those that follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Without data.
    #[serde(flatten)]
    pub row: ApplicationRow,
    /// What an assertion must repeat; for its owner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nonce: Option<String>,
    /// The data, if the reader may see it and it is not erased.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub applicant: Option<Applicant>,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
    /// The accounts bound to it.
    pub bindings: Vec<Binding>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub time: String,
    /// Who: a name of the configuration, `person:` and a number, or `provider:` and its name.
    pub actor: String,
    /// What.
    pub event: String,
    /// Why, if the reader may see it and it is not erased.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// An officer's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `approve`, `refuse` or `rescind`.
    pub decision: Verb,
    /// Why.
    pub reason: String,
}

/// What an officer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Yes.
    Approve,
    /// No.
    Refuse,
    /// No longer.
    Rescind,
}

/// An identity provider's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// The token.
    pub id_token: String,
}

/// An account to be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// Its id.
    pub account: String,
}

/// What to sign with the account's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// To be named with the signatures.
    pub challenge: String,
    /// The text to sign, byte for byte.
    pub message: String,
    /// Until when.
    pub expires: String,
}

/// The signed challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingRequest {
    /// Which challenge.
    pub challenge: String,
    /// Signatures over its message.
    pub signatures: Vec<Signature>,
}

/// A signature of one of the account's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The key's id, 16 hexadecimal digits.
    pub key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

/// An account bound to an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its id.
    pub id: String,
    /// The account.
    pub account: String,
    /// The group of its records on the ledger.
    pub group: String,
    /// `bound` or `revoked`.
    pub state: String,
    /// Whether nobody checked anything.
    pub demonstration: bool,
    /// Its record on the ledger.
    pub record: Recorded,
    /// The record of its revocation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revocation: Option<Recorded>,
}

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// `pending`, `recorded`, `sealed` or `refused`.
    pub state: String,
    /// Its place in the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<String>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<String>,
    /// The ledger's code, where it refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refusal: Option<String>,
}

/// Why a binding ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// A code: `holder`, `superseded`, `compromised`, `untrue`.
    pub reason: String,
}

/// The record that a person's data was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Which applications; they hold nothing any more.
    pub applications: Vec<String>,
    /// When.
    pub time: String,
    /// By whom.
    pub by: String,
    /// On which basis.
    pub basis: String,
    /// The reference of the decision.
    pub reference: String,
    /// Whether the key and its traces are overwritten; otherwise this is still tried.
    pub complete: bool,
    /// Its record on the ledger.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<Recorded>,
}

/// Some erasures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasurePage {
    /// In the order in which they were done.
    pub erasures: Vec<Erased>,
    /// Give this as `cursor` for those that follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// What is wrong (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:xiezhi:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// In the reader's language.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More, where there is more.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// Every rule that failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refusals: Vec<FailedRule>,
}

/// A rule that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRule {
    /// Which field.
    pub field: String,
    /// Which rule.
    pub rule: String,
    /// In the reader's language.
    pub reason: String,
}
