//! Verifier keys.
//!
//! ```text
//! vkey   = <name> "+" <key id, 8 hex digits> "+" base64(<algorithm byte> || <public key>)
//! key id = SHA-256(<name> || "\n" || <algorithm byte> || <public key>)[:4]
//! ```
//!
//! C2SP signed-note, "Signatures" and "Verifier keys".

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::base64;

#[cfg(test)]
mod tests;

/// The four bytes that, with the name, say which key made a signature. An identifier, not a fingerprint: anybody can
/// find another key with the same one.
pub type KeyId = [u8; 4];

const PUBLIC_KEY_BYTES: usize = 32;

/// What a key signs, and how; the byte is part of its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over the text of the note.
    Ed25519 = 0x01,
    /// Ed25519 over a checkpoint and the time of signing: a [`Cosignature`](crate::Cosignature).
    CosignatureV1 = 0x04,
}

impl Algorithm {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|algorithm| *algorithm as u8 == byte)
    }
}

/// A name, an algorithm and a public key: who may sign, and by what.
///
/// The public key is 32 bytes of Ed25519 that nobody has checked to be a point of the curve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    public_key: [u8; PUBLIC_KEY_BYTES],
}

/// Why a name or a text does not make a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key name is not empty and has no space, plus sign or control character.
    #[error("this is not a key name")]
    BadName,
    /// A verifier key is a name, eight small hex digits and base64, with plus signs between.
    #[error("this is not a verifier key")]
    Malformed,
    /// The algorithm is not one of [`Algorithm`].
    #[error("keys of algorithm {algorithm:#04x} are not supported")]
    UnknownAlgorithm {
        /// The algorithm byte.
        algorithm: u8,
    },
    /// The key is not as long as keys of its algorithm are.
    #[error("the public key has {bytes} bytes, not 32")]
    WrongKeyLength {
        /// The bytes after the algorithm byte.
        bytes: usize,
    },
    /// The key id written is not that of this name and key.
    #[error("the key id is {}, not {}", hex::encode(expected), hex::encode(found))]
    WrongKeyId {
        /// The id computed.
        expected: KeyId,
        /// The id written.
        found: KeyId,
    },
}

impl VerifierKey {
    /// Names a public key.
    ///
    /// # Errors
    /// [`KeyError::BadName`].
    pub fn new(
        name: impl Into<String>,
        algorithm: Algorithm,
        public_key: [u8; PUBLIC_KEY_BYTES],
    ) -> Result<Self, KeyError> {
        let name = name.into();
        if is_key_name(&name) { Ok(Self { name, algorithm, public_key }) } else { Err(KeyError::BadName) }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the key signs, and how.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the public key as RFC 8032 encodes it.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public_key
    }

    /// Computes the key id. One or more hash blocks: keep it where it is needed often.
    pub fn key_id(&self) -> KeyId {
        let mut digest = Sha256::new();
        digest.update(&self.name);
        digest.update([b'\n', self.algorithm as u8]);
        digest.update(self.public_key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        [a, b, c, d]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm as u8], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.key_id()), base64::encode(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        // The base64 may contain plus signs, the name and the id may not.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let mut found = KeyId::default();
        hex::decode_to_slice(id, &mut found).map_err(|_| KeyError::Malformed)?;
        let key = base64::decode(key).ok_or(KeyError::Malformed)?;
        let (algorithm, public_key) = key.split_first().ok_or(KeyError::Malformed)?;
        let algorithm =
            Algorithm::from_byte(*algorithm).ok_or(KeyError::UnknownAlgorithm { algorithm: *algorithm })?;
        let public_key =
            public_key.try_into().map_err(|_| KeyError::WrongKeyLength { bytes: public_key.len() })?;
        let key = Self::new(name, algorithm, public_key)?;
        let expected = key.key_id();
        match () {
            () if found != expected => Err(KeyError::WrongKeyId { expected, found }),
            // Capital hex digits.
            () if key.to_string() != vkey => Err(KeyError::Malformed),
            () => Ok(key),
        }
    }
}

/// Tells whether `name` can stand in a signature line: not empty, no Unicode space, no plus, no control character.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}
