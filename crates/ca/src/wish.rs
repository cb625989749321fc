//! What an applicant wishes to have certified, and the rules that it must keep.

use serde::{Deserialize, Serialize};
use xiezhi_identity::Kind;
use xiezhi_pki::{Profile, PublicKey};
use xiezhi_types::InstitutionId;

/// Longest organisation and common name, in characters (RFC 5280, appendix A).
const NAME_CHARS_MAX: usize = 64;
/// Most host names of a node.
const HOSTS_MAX: usize = 16;

/// What the certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "profile", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Purpose {
    /// The key that an institution seals checkpoints with: Ed25519.
    Seal {
        /// The institution's short name.
        #[serde(with = "text")]
        institution: InstitutionId,
    },
    /// A time-stamping authority's key: P-256.
    TimeStamping {},
    /// A machine of an institution.
    Node {
        /// The institution's short name.
        #[serde(with = "text")]
        institution: InstitutionId,
        /// Its host names and addresses.
        hosts: Vec<String>,
    },
    /// Somebody who acts for an institution.
    Officer {
        /// The institution's short name.
        #[serde(with = "text")]
        institution: InstitutionId,
    },
    /// An enterprise that signs.
    Enterprise {
        /// Its unified social credit code (GB 32100) or LEI (ISO 17442).
        number: String,
    },
    /// A person who signs. The certificate numbers the person by the application, which says nothing to anybody else.
    Person {},
    /// The authority's own responder; nobody can apply for it.
    Responder {},
}

impl Purpose {
    /// Its name, as in the book and on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Seal { .. } => "seal",
            Self::TimeStamping {} => "time-stamping",
            Self::Node { .. } => "node",
            Self::Officer { .. } => "officer",
            Self::Enterprise { .. } => "enterprise",
            Self::Person {} => "person",
            Self::Responder {} => "responder",
        }
    }

    /// For how many days it is certified when nothing else is said.
    #[must_use]
    pub fn days(&self) -> u64 {
        match self {
            Self::Seal { .. } | Self::TimeStamping {} => 5 * 365,
            Self::Node { .. } => 365,
            Self::Officer { .. } | Self::Enterprise { .. } | Self::Person {} => 2 * 365,
            Self::Responder {} => crate::RESPONDER_DAYS,
        }
    }
}

/// What is asked for: purpose and name. The key is in the request that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What for.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// Organisation; empty only for a person.
    #[serde(default)]
    pub organisation: String,
    /// Common name.
    pub common_name: String,
}

/// Which rule a wish breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct WishError {
    /// Which field.
    pub field: &'static str,
    /// The rule.
    pub reason: String,
}

impl Wish {
    /// Whether the authority can certify this, were it true.
    ///
    /// # Errors
    /// [`WishError`], the first rule that is broken.
    pub fn check(&self) -> Result<(), WishError> {
        let refuse = |field, reason: &str| Err(WishError { field, reason: reason.to_owned() });
        let named = |field, text: &str| {
            let chars = text.chars().count();
            if !(1..=NAME_CHARS_MAX).contains(&chars) || text.trim() != text {
                let rule = "1 to 64 characters are needed, without spaces around them";
                return refuse(field, rule);
            }
            if text.chars().any(char::is_control) {
                return refuse(field, "control characters are not possible");
            }
            Ok(())
        };
        if self.purpose != (Purpose::Person {}) || !self.organisation.is_empty() {
            named("organisation", &self.organisation)?;
        }
        named("common_name", &self.common_name)?;
        match &self.purpose {
            Purpose::Enterprise { number } => {
                let kind = if number.len() == Kind::Lei.length() { Kind::Lei } else { Kind::CreditCode };
                xiezhi_identity::check(kind, number, None).map_err(|rule| WishError {
                    field: "number",
                    reason: format!("{rule} ({})", kind.name()),
                })
            }
            Purpose::Node { hosts, .. } if !(1..=HOSTS_MAX).contains(&hosts.len()) => {
                refuse("hosts", "1 to 16 names or addresses are needed")
            }
            Purpose::Responder {} => refuse("profile", "the authority makes its responder's itself"),
            _ => Ok(()),
        }
    }

    /// The profile that this wish has with `key`; `person` numbers a person.
    pub(crate) fn profile<'a>(&'a self, key: PublicKey, person: &'a str) -> Result<Profile<'a>, WishError> {
        Ok(match (&self.purpose, key) {
            (Purpose::Seal { institution }, PublicKey::Ed25519(key)) => {
                Profile::InstitutionSeal { institution, key }
            }
            (Purpose::Seal { .. }, _) => return Err(key_of("seals are made with Ed25519 keys")),
            (Purpose::TimeStamping {}, PublicKey::P256(key)) => Profile::TimeStamping { key },
            (Purpose::TimeStamping {}, _) => return Err(key_of("time stamps are made with P-256 keys")),
            (Purpose::Node { institution, hosts }, key) => Profile::Node { institution, hosts, key },
            (Purpose::Officer { institution }, key) => Profile::Officer { institution, key },
            (Purpose::Enterprise { number }, key) => Profile::Enterprise { number, key },
            (Purpose::Person {}, key) => Profile::Person { number: person, key },
            (Purpose::Responder {}, key) => Profile::OcspResponder { key },
        })
    }
}

fn key_of(reason: &str) -> WishError {
    WishError { field: "request", reason: reason.to_owned() }
}

/// Short names of institutions as text.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use xiezhi_types::InstitutionId;

    pub(super) fn serialize<S: Serializer>(id: &InstitutionId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<InstitutionId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
