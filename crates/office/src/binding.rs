//! What goes on the ledger when an account is bound to an identity: the root of a manifest of salted fields, and nothing else.
//!
//! ```text
//! application --approved--> fields, each with a salt --root--> statement of the office's account, phase 1 of a group of its own
//!                           (the manifest is the applicant's)  revocation: phase 2 of the same group, by the same account
//! ```
//!
//! The holder shows any field with its salt and keeps the others closed; [`CORE`] fields are always shown, since a name without them says
//! nothing. A demonstration is findable on the ledger itself: its statement has [`demonstration_mark`] as a searchable digest.

use xiezhi_crypto::{Digest, DigestAlg, KeyId, sha256};
use xiezhi_evidence::{
    Account, Body, DepositBody, Manifest, Statement,
    account::AccountStatus,
    manifest::{ManifestError, Salt, Value},
};
use xiezhi_types::{AccountId, LedgerId, TimestampMs};

use crate::{applicant::Applicant, erasure::Erasure, revocation::Revocation};

/// The format of a binding's manifest.
pub const FORMAT: &str = "xiezhi-identity-binding/1";
const REVOCATION_FORMAT: &str = "xiezhi-identity-revocation/1";
const ERASURE_FORMAT: &str = "xiezhi-erasure/1";
/// Phase of a binding in its group.
pub const PHASE_BOUND: u32 = 1;
/// Phase of its revocation.
pub const PHASE_REVOKED: u32 = 2;
/// Fields that every disclosure shows.
pub const CORE: [&str; 5] =
    ["binding.account", "binding.approved-at", "binding.format", "binding.office", "binding.provider"];

/// The searchable digest of everything that a demonstration puts on the ledger.
#[must_use]
pub fn demonstration_mark() -> Digest {
    Digest { alg: DigestAlg::Sha256, value: sha256(b"xiezhi demonstration identity\n") }
}

/// What is bound.
#[derive(Debug, Clone)]
pub struct Binding<'a> {
    /// Who.
    pub applicant: &'a Applicant,
    /// To which account.
    pub account: AccountId,
    /// The institution whose office this is.
    pub office: &'a str,
    /// Which provider approved.
    pub provider: &'a str,
    /// When it approved.
    pub approved_at: TimestampMs,
}

impl Binding<'_> {
    /// The manifest; `salt` is asked once for each field and must be random.
    ///
    /// # Errors
    /// Never for an applicant that was checked.
    pub fn manifest(&self, salt: impl FnMut() -> Salt) -> Result<Manifest, ManifestError> {
        let one = self.applicant;
        let mut fields = vec![
            ("binding.account", self.account.to_string()),
            ("binding.approved-at", self.approved_at.rfc3339()),
            ("binding.format", FORMAT.to_owned()),
            ("binding.office", self.office.to_owned()),
            ("binding.provider", self.provider.to_owned()),
            ("subject.kind", one.kind.name().to_owned()),
            ("subject.name", one.name.clone()),
            ("subject.number", one.number.clone()),
            ("subject.number-kind", one.number_kind.clone()),
        ];
        if let Some(representative) = &one.legal_representative {
            fields.push(("representative.name", representative.name.clone()));
            fields.push(("representative.number", representative.number.clone()));
            fields.push(("representative.number-kind", representative.number_kind.clone()));
        }
        if let Some(agent) = &one.agent {
            fields.push(("agent.authority.reference", agent.authority.reference.clone()));
            fields.push(("agent.authority.sha256", agent.authority.sha256.clone()));
            fields.push(("agent.authority.until", agent.authority.until.clone()));
            fields.push(("agent.name", agent.name.clone()));
            fields.push(("agent.number", agent.number.clone()));
            fields.push(("agent.number-kind", agent.number_kind.clone()));
        }
        texts(fields, salt)
    }
}

fn texts(fields: Vec<(&str, String)>, salt: impl FnMut() -> Salt) -> Result<Manifest, ManifestError> {
    Manifest::new(fields.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text))), salt)
}

/// The manifest of a revocation.
///
/// # Errors
/// Never for a revocation that was checked.
pub fn revocation(
    revocation: &Revocation,
    account: &str,
    office: &str,
    at: TimestampMs,
    salt: impl FnMut() -> Salt,
) -> Result<Manifest, ManifestError> {
    let fields = vec![
        ("revocation.account", account.to_owned()),
        ("revocation.at", at.rfc3339()),
        ("revocation.format", REVOCATION_FORMAT.to_owned()),
        ("revocation.office", office.to_owned()),
        ("revocation.reason", revocation.reason.clone()),
        ("revocation.reference", revocation.reference.clone()),
    ];
    texts(fields, salt)
}

/// The manifest of the record that a person's data was erased; nothing of the person.
///
/// # Errors
/// Never for an erasure that was checked.
pub fn erasure(
    erasure: &Erasure,
    office: &str,
    by: &str,
    at: TimestampMs,
    salt: impl FnMut() -> Salt,
) -> Result<Manifest, ManifestError> {
    let fields = vec![
        ("erasure.at", at.rfc3339()),
        ("erasure.basis", erasure.basis.clone()),
        ("erasure.by", by.to_owned()),
        ("erasure.format", ERASURE_FORMAT.to_owned()),
        ("erasure.office", office.to_owned()),
        ("erasure.reference", erasure.reference.clone()),
    ];
    texts(fields, salt)
}

/// What the statement of any of these commits to.
#[must_use]
pub fn deposit(manifest: &Manifest, phase: Option<u32>, demonstration: bool) -> DepositBody {
    let digests = demonstration.then(demonstration_mark).into_iter().collect();
    DepositBody { manifest_root: manifest.root(), digests, phase }
}

/// Whether `other` revokes what `binding` bound: phase 2 of the same group, by the same account in its own name. Its fields need not be shown.
#[must_use]
pub fn revokes(other: &Statement, binding: &Statement) -> bool {
    let (revoking, bound) = (other.claims(), binding.claims());
    let is_phase = matches!(other.body(), Body::Deposit(body) if body.phase == Some(PHASE_REVOKED));
    is_phase
        && revoking.issuer == bound.issuer
        && revoking.grantor.is_none()
        && revoking.audience == bound.audience
        && other.group().is_some()
        && other.group() == binding.group()
}

/// What an applicant signs with the account's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The ledger.
    pub ledger: LedgerId,
    /// The office's account.
    pub office: AccountId,
    /// The application.
    pub application: String,
    /// The account to be bound.
    pub account: AccountId,
    /// Until when.
    pub expires: TimestampMs,
    /// Random.
    pub nonce: [u8; 16],
}

impl Challenge {
    /// The message to sign. Its first line keeps a signature over it from being one over anything else.
    #[must_use]
    pub fn message(&self) -> String {
        format!(
            "xiezhi identity binding v1\nledger {}\noffice {}\napplication {}\naccount {}\nexpires {}\nnonce {:032x}\n",
            self.ledger,
            self.office,
            self.application,
            self.account,
            self.expires.rfc3339(),
            u128::from_be_bytes(self.nonce)
        )
    }
}

/// Why signatures do not prove that an account is the applicant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PossessionError {
    /// The account cannot act.
    #[error("the account is {status}")]
    Status {
        /// What it is.
        status: &'static str,
    },
    /// Not one of its keys.
    #[error("key {key} is not a key of the account")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// One key signed twice.
    #[error("key {key} signed more than once")]
    RepeatedKey {
        /// The key.
        key: KeyId,
    },
    /// A signature does not hold.
    #[error("the signature of key {key} does not hold")]
    Signature {
        /// The key.
        key: KeyId,
    },
    /// Too few keys.
    #[error("the keys that signed add up to {sum}, {needed} is needed: what changes the account binds it")]
    Threshold {
        /// Their weights.
        sum: u64,
        /// The threshold for changes.
        needed: u32,
    },
}

/// Checks that whoever made `signatures` over `message` has the say over `account`: as for a change of the account.
///
/// # Errors
/// [`PossessionError`].
pub fn check_possession(
    account: &Account,
    message: &str,
    signatures: &[(String, Vec<u8>)],
) -> Result<(), PossessionError> {
    if account.status != AccountStatus::Normal {
        return Err(PossessionError::Status { status: account.status.word() });
    }
    let (mut sum, mut seen) = (0, Vec::new());
    for (key, signature) in signatures {
        let unknown = || PossessionError::UnknownKey { key: key.chars().take(32).collect() };
        let known =
            account.keys.iter().find(|known| known.key.id().to_string() == *key).ok_or_else(unknown)?;
        let id = known.key.id();
        if seen.contains(&id) {
            return Err(PossessionError::RepeatedKey { key: id });
        }
        seen.push(id);
        known
            .key
            .verify(message.as_bytes(), signature)
            .map_err(|_| PossessionError::Signature { key: id })?;
        sum += u64::from(known.weight);
    }
    if sum < u64::from(account.manage_threshold) {
        return Err(PossessionError::Threshold { sum, needed: account.manage_threshold });
    }
    Ok(())
}

/// Why a manifest is no binding, or shows too little of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// A field that every disclosure shows is closed or missing.
    #[error("the field {field} is not shown: without it nothing else counts")]
    Closed {
        /// Which.
        field: &'static str,
    },
    /// Another format.
    #[error("this certificate is no binding of an identity")]
    Format,
    /// A field is not what it must be.
    #[error("the field {field} cannot be read")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// The holder asked to show what is not there.
    #[error("there is no field \"{field}\" in this binding; there are: {known}")]
    NoSuchField {
        /// What was asked for.
        field: String,
        /// What there is.
        known: String,
    },
}

/// A binding as its holder shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The account that is bound.
    pub account: AccountId,
    /// The institution whose office vouches, by its own word.
    pub office: String,
    /// Which provider approved.
    pub provider: String,
    /// When.
    pub approved_at: String,
    /// The other fields that are shown, by name.
    pub fields: Vec<(String, String)>,
    /// How many are closed.
    pub closed: usize,
}

impl Shown {
    /// Reads what a binding's manifest shows.
    ///
    /// # Errors
    /// [`BindingError`].
    pub fn of(manifest: &Manifest) -> Result<Self, BindingError> {
        let core = |field: &'static str| match manifest.value(field) {
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(_) => Err(BindingError::Field { field }),
            None => Err(BindingError::Closed { field }),
        };
        let is_binding = manifest.fields().any(|field| field.name.starts_with("binding."));
        if !is_binding || core("binding.format")? != FORMAT {
            return Err(BindingError::Format);
        }
        let account = core("binding.account")?;
        let account = account.parse().map_err(|_| BindingError::Field { field: "binding.account" })?;
        let others = manifest.fields().filter(|field| !CORE.contains(&field.name.as_str()));
        let fields = others.filter_map(|field| match &field.value {
            Value::Text(text) => Some((field.name.clone(), text.clone())),
            _ => None,
        });
        Ok(Self {
            account,
            office: core("binding.office")?,
            provider: core("binding.provider")?,
            approved_at: core("binding.approved-at")?,
            fields: fields.collect(),
            closed: manifest.entries().len() - manifest.fields().count(),
        })
    }

    /// Whether nobody checked anything.
    #[must_use]
    pub fn is_demonstration(&self) -> bool {
        self.provider == "demonstration"
    }
}

/// The same binding with every field closed but [`CORE`] and those named; a number is shown with its kind.
///
/// # Errors
/// [`BindingError`].
pub fn disclose(manifest: &Manifest, fields: &[&str]) -> Result<Manifest, BindingError> {
    Shown::of(manifest)?;
    for field in fields {
        if manifest.value(field).is_none() {
            let known: Vec<_> = manifest.fields().map(|field| field.name.as_str()).collect();
            return Err(BindingError::NoSuchField { field: (*field).to_owned(), known: known.join(", ") });
        }
    }
    let kinds: Vec<_> =
        fields.iter().filter(|f| f.ends_with(".number")).map(|f| format!("{f}-kind")).collect();
    let keep = CORE.into_iter().chain(fields.iter().copied()).chain(kinds.iter().map(String::as_str));
    Ok(manifest.disclose(&keep.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;
