//! Secrets sealed with a passphrase, in one versioned file: argon2id (RFC 9106) makes the key, AES-256-GCM seals.
//!
//! Format, docs/specs/keystore.md: one JSON object that names its parameters. They are bound to the sealed bytes, and bounded, so a
//! file can neither weaken its own seal unnoticed nor exhaust the machine that opens it.
//!
//! The crate reads no file, no clock and no randomness: salt and nonce are arguments, to be fresh for every sealing.
//!
//! Not guaranteed: a passphrase that can be guessed is guessed; the cost only makes each guess dear.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

const FORMAT: &str = "xiezhi-keystore/1";
const KDF: &str = "argon2id";
const CIPHER: &str = "aes-256-gcm";
/// Longest file that is read, in bytes.
pub const SEALED_BYTES_MAX: usize = 1 << 20;

/// What one guess of the passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, [`Cost::MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes over it, 1 to [`Cost::PASSES_MAX`].
    pub passes: u32,
}

impl Cost {
    /// Bounds of the memory, in KiB.
    pub const MEMORY_KIB: std::ops::RangeInclusive<u32> = 64..=1 << 20;
    /// Most passes.
    pub const PASSES_MAX: u32 = 16;
    /// The second recommendation of RFC 9106, section 4, with one lane: 64 MiB, three passes; about a fifth of a second.
    pub const STANDARD: Self = Self { memory_kib: 64 << 10, passes: 3 };

    fn check(self) -> Result<Self, KeystoreError> {
        let bounded =
            Self::MEMORY_KIB.contains(&self.memory_kib) && (1..=Self::PASSES_MAX).contains(&self.passes);
        bounded
            .then_some(self)
            .ok_or(KeystoreError::Cost { memory_kib: self.memory_kib, passes: self.passes })
    }
}

/// Why a file gives no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// It is no sealed file, or one of another format.
    #[error("field \"{field}\": {reason}")]
    Malformed {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The cost is out of bounds: retrying does not help.
    #[error(
        "a cost of {memory_kib} KiB and {passes} passes is out of bounds ({} to {} KiB, 1 to {} passes)",
        Cost::MEMORY_KIB.start(), Cost::MEMORY_KIB.end(), Cost::PASSES_MAX
    )]
    Cost {
        /// KiB asked for.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
    },
    /// Another passphrase sealed it, or the file was changed: which of the two cannot be told.
    #[error("the passphrase is wrong, or the file was changed")]
    Passphrase,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    cipher: String,
    nonce: String,
    sealed: String,
}

/// Whether `bytes` claim to be a sealed file; what is not may be a secret that lies open.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Claim {
        format: String,
    }
    serde_json::from_slice::<Claim>(bytes).is_ok_and(|claim| claim.format.starts_with("xiezhi-keystore/"))
}

/// Seals `secret` with `passphrase`. `salt` and `nonce` must be random and new.
///
/// # Errors
/// [`KeystoreError::Cost`].
pub fn seal(
    secret: &[u8],
    passphrase: &[u8],
    salt: &[u8; 16],
    nonce: &[u8; 12],
    cost: Cost,
) -> Result<Vec<u8>, KeystoreError> {
    let cipher = cipher(passphrase, salt, cost.check()?)?;
    let bound = bound(cost, salt);
    let payload = Payload { msg: secret, aad: bound.as_bytes() };
    let sealed = cipher.encrypt(&Nonce::from(*nonce), payload).map_err(|_| KeystoreError::Passphrase)?;
    let file = File {
        format: FORMAT.to_owned(),
        kdf: KDF.to_owned(),
        memory_kib: cost.memory_kib,
        passes: cost.passes,
        salt: hex::encode(salt),
        cipher: CIPHER.to_owned(),
        nonce: hex::encode(nonce),
        sealed: hex::encode(sealed),
    };
    let mut bytes = serde_json::to_vec_pretty(&file).expect("texts and numbers are JSON");
    bytes.push(b'\n');
    Ok(bytes)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`KeystoreError`].
pub fn open(bytes: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let malformed = |field, reason: String| KeystoreError::Malformed { field, reason };
    if bytes.len() > SEALED_BYTES_MAX {
        return Err(malformed("file", format!("{} bytes, at most {SEALED_BYTES_MAX}", bytes.len())));
    }
    let file: File = serde_json::from_slice(bytes).map_err(|error| malformed("file", error.to_string()))?;
    for (field, found, known) in
        [("format", &file.format, FORMAT), ("kdf", &file.kdf, KDF), ("cipher", &file.cipher, CIPHER)]
    {
        if found != known {
            return Err(malformed(field, format!("\"{found}\", this software reads \"{known}\"")));
        }
    }
    let (salt, nonce) = (fixed("salt", &file.salt)?, fixed::<12>("nonce", &file.nonce)?);
    let sealed = hex::decode(&file.sealed).map_err(|error| malformed("sealed", error.to_string()))?;
    let cost = Cost { memory_kib: file.memory_kib, passes: file.passes }.check()?;
    let bound = bound(cost, &salt);
    let payload = Payload { msg: &sealed, aad: bound.as_bytes() };
    let opened = cipher(passphrase, &salt, cost)?.decrypt(&Nonce::from(nonce), payload);
    opened.map(Zeroizing::new).map_err(|_| KeystoreError::Passphrase)
}

/// What the sealed bytes are bound to.
fn bound(cost: Cost, salt: &[u8; 16]) -> String {
    format!("{FORMAT}\n{KDF} {} {} 1 {}\n{CIPHER}\n", cost.memory_kib, cost.passes, hex::encode(salt))
}

fn cipher(passphrase: &[u8], salt: &[u8; 16], cost: Cost) -> Result<Aes256Gcm, KeystoreError> {
    let refused = |_| KeystoreError::Cost { memory_kib: cost.memory_kib, passes: cost.passes };
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(refused)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase, salt, &mut *key).map_err(refused)?;
    Ok(Aes256Gcm::new((&*key).into()))
}

fn fixed<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], KeystoreError> {
    let mut bytes = [0; N];
    let decoded = hex::decode_to_slice(text, &mut bytes);
    decoded.map_err(|_| KeystoreError::Malformed {
        field,
        reason: format!("{N} bytes in hexadecimal are needed"),
    })?;
    Ok(bytes)
}
