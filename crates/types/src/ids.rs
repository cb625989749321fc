//! Identifiers: what each is made of is said where it is made; here they are values with one text form.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Why a text is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Wrong characters or wrong length.
    #[error("{kind} is {expected}, not \"{found}\"")]
    Text {
        /// Which kind of identifier was expected.
        kind: &'static str,
        /// Its form in words.
        expected: &'static str,
        /// The text, cut after 80 characters.
        found: String,
    },
}

fn wrong(kind: &'static str, expected: &'static str, found: &str) -> IdError {
    IdError::Text { kind, expected, found: found.chars().take(80).collect() }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The first four bytes in hexadecimal, for people to tell a few apart; never an identifier.
            #[must_use]
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                if text.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(text, &mut bytes).is_err() {
                    return Err(wrong($kind, $expected, text));
                }
                Ok(Self(bytes))
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let bytes = d.bytes()?;
                let fixed = bytes.try_into().map_err(|_| {
                    decode::Error::message(format!("{} is {}, not {} bytes", $kind, $expected, bytes.len()))
                })?;
                Ok(Self(fixed))
            }
        }
    };
}

id! {
    /// A ledger: SHA-256 of its genesis bytes.
    LedgerId, 32, "a ledger id", "64 lower-case hexadecimal digits"
}
id! {
    /// An account: SHA-256 of what created it, so that it never depends on the keys it has later.
    AccountId, 32, "an account id", "64 lower-case hexadecimal digits"
}
id! {
    /// A statement: SHA-256 of what its signature covers, so that two signatures over one content are one statement.
    StatementId, 32, "a statement id", "64 lower-case hexadecimal digits"
}
id! {
    /// A group of records that belong to one business transaction, chosen at random by the depositor.
    GroupId, 16, "a group id", "32 lower-case hexadecimal digits"
}

const ACCOUNT_URI: &str = "xz:";

impl AccountId {
    /// The form in which a statement names its issuer: `xz:` and the id in unpadded base64url, 46 bytes.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{ACCOUNT_URI}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Reads [`AccountId::uri`]'s form, and no other.
    ///
    /// # Errors
    /// [`IdError::Text`].
    pub fn from_uri(text: &str) -> Result<Self, IdError> {
        let id = text
            .strip_prefix(ACCOUNT_URI)
            .and_then(|tail| URL_SAFE_NO_PAD.decode(tail).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self);
        id.ok_or_else(|| wrong("an issuer", "\"xz:\" and 43 characters of base64url", text))
    }
}

/// Short name of an institution: 1 to 32 lower-case letters, digits and inner hyphens, as `court` or `notary-2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstitutionId(String);

impl InstitutionId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstitutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InstitutionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !inner || text.is_empty() || text.len() > 32 || text.starts_with('-') || text.ends_with('-') {
            return Err(wrong(
                "an institution's name",
                "1 to 32 lower-case letters, digits and inner hyphens",
                text,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<C> Encode<C> for InstitutionId {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for InstitutionId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.str()?.parse().map_err(|e: IdError| decode::Error::message(e.to_string()))
    }
}

/// What an institution is in the alliance; a sealing policy can ask for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// A court.
    #[n(1)]
    Court,
    /// A notary office.
    #[n(2)]
    Notary,
    /// A forensic-appraisal centre.
    #[n(3)]
    Forensic,
    /// A certificate authority.
    #[n(4)]
    CertificateAuthority,
    /// A provider of technology.
    #[n(5)]
    Technology,
}

impl Role {
    /// Every role, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::Court, Self::Notary, Self::Forensic, Self::CertificateAuthority, Self::Technology];

    /// The role's name in configuration files, policies and APIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Notary => "notary",
            Self::Forensic => "forensic",
            Self::CertificateAuthority => "ca",
            Self::Technology => "technology",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| wrong("a role", "one of court, notary, forensic, ca, technology", text))
    }
}

#[cfg(test)]
mod tests;
