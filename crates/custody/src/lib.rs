//! Where a signing key is kept, when it is not in a file of ours: a hardware token, or a server that signs.
//!
//! ```text
//! pkcs11:token=NAME;object=LABEL?module-path=/PATH    a token (RFC 7512), reached through its PKCS#11 module
//! transit:https://HOST/v1/transit/keys/NAME           a server with the transit API of HashiCorp Vault and OpenBao
//! ```
//!
//! A key's file holds such a name instead of a secret. The PIN or token that opens the place is never in it: it is handed in.
//!
//! # Invariants
//! - What a token or server signs is checked with the public key before it is given out.
//! - A signature is given, or refused within [`transit::PATIENCE`]: a server that is away stops nobody for ever.

pub mod transit;

use std::{fmt, str::FromStr, sync::Arc};

use xiezhi_crypto::{SignatureAlg, Signer};
use xiezhi_pkcs11::{KeyUri, TokenError, TokenKey, UriError};

use transit::{TransitError, TransitKey, TransitUrl};

/// The name of a key that is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a token; its user PIN opens it.
    Token(KeyUri),
    /// At a server; a token in the sense of its API opens it.
    Server(TransitUrl),
}

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A token's.
    #[error(transparent)]
    Token(#[from] UriError),
    /// A server's.
    #[error(
        "not the name of a key at a server: {reason}; transit:https://HOST/v1/transit/keys/NAME is needed"
    )]
    Server {
        /// What is wrong.
        reason: &'static str,
    },
    /// Neither.
    #[error("a key that is kept elsewhere has a name that begins with pkcs11: or transit:")]
    Scheme,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server.
    #[error(transparent)]
    Server(#[from] TransitError),
}

impl Place {
    /// Whether the content of a key's file is the name of one that is kept elsewhere.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        KeyUri::is_one(text) || text.trim_start().starts_with(transit::SCHEME)
    }

    /// Opens the key with the token's PIN, or the server's token.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub fn open(&self, secret: &str) -> Result<Arc<dyn Signer>, CustodyError> {
        Ok(match self {
            Self::Token(uri) => Arc::new(TokenKey::open(uri, secret)?),
            Self::Server(url) => Arc::new(TransitKey::open(url, secret)?),
        })
    }

    /// Opens the key, and has a token make it, of the suite `alg`, where it has none of that name. A server's operator makes its keys.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub fn open_or_make(&self, secret: &str, alg: SignatureAlg) -> Result<Arc<dyn Signer>, CustodyError> {
        match self {
            Self::Token(uri) if !TokenKey::exists(uri, secret)? => {
                Ok(Arc::new(TokenKey::make(uri, secret, alg)?))
            }
            _ => self.open(secret),
        }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match text.trim().strip_prefix(transit::SCHEME) {
            Some(url) => {
                TransitUrl::parse(url).map(Self::Server).map_err(|reason| PlaceError::Server { reason })
            }
            None if KeyUri::is_one(text) => Ok(Self::Token(text.parse()?)),
            None => Err(PlaceError::Scheme),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(uri) => uri.fmt(f),
            Self::Server(url) => write!(f, "{}{url}", transit::SCHEME),
        }
    }
}

#[cfg(test)]
mod tests;
