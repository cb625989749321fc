//! SHA-256 and SM3 under one type that names which it is.

use std::{fmt, str::FromStr};

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use sha2::Digest as _;

/// A digest algorithm. Both give 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlg {
    /// SHA-256 (FIPS 180-4), COSE -16.
    Sha256,
    /// SM3 (GB/T 32905, ISO/IEC 10118-3), private COSE number -65602.
    Sm3,
}

/// Why something is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The algorithm is not one of the registry's.
    #[error("unknown digest algorithm {found}; known are sha256 (-16) and sm3 (-65602)")]
    UnknownAlgorithm {
        /// Name or number that was given.
        found: String,
    },
    /// The value has another length than the algorithm's.
    #[error("a {alg} digest has 32 bytes, not {bytes}")]
    Length {
        /// The algorithm's name.
        alg: &'static str,
        /// Length found, in bytes.
        bytes: usize,
    },
    /// The text is not `<algorithm>:<64 hexadecimal digits>`.
    #[error("a digest is written <algorithm>:<64 hexadecimal digits>")]
    Text,
}

impl DigestAlg {
    /// Every algorithm of the registry.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sm3];

    /// The number that names the algorithm in CBOR.
    #[must_use]
    pub fn cose(self) -> i64 {
        match self {
            Self::Sha256 => -16,
            Self::Sm3 => -65_602,
        }
    }

    /// The name in texts and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sm3 => "sm3",
        }
    }

    /// The algorithm with COSE number `number`.
    ///
    /// # Errors
    /// [`DigestError::UnknownAlgorithm`].
    pub fn from_cose(number: i64) -> Result<Self, DigestError> {
        let found = Self::ALL.into_iter().find(|alg| alg.cose() == number);
        found.ok_or_else(|| DigestError::UnknownAlgorithm { found: number.to_string() })
    }

    /// Digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let value = match self {
            Self::Sha256 => sha256(bytes),
            Self::Sm3 => sm3(bytes),
        };
        Digest { alg: self, value }
    }
}

impl fmt::Display for DigestAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest and the algorithm that made it. In CBOR `[number, bytes]`, in text `sha256:<hex>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The algorithm.
    pub alg: DigestAlg,
    /// Its value.
    pub value: [u8; 32],
}

impl Digest {
    /// A digest from its parts, the length checked.
    ///
    /// # Errors
    /// [`DigestError::Length`].
    pub fn new(alg: DigestAlg, value: &[u8]) -> Result<Self, DigestError> {
        let fixed =
            value.try_into().map_err(|_| DigestError::Length { alg: alg.name(), bytes: value.len() })?;
        Ok(Self { alg, value: fixed })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.alg, hex::encode(self.value))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Reads `<algorithm>:<hex>`, upper or lower case.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, digits) = text.trim().split_once(':').ok_or(DigestError::Text)?;
        let alg = DigestAlg::ALL.into_iter().find(|alg| alg.name().eq_ignore_ascii_case(name));
        let alg =
            alg.ok_or_else(|| DigestError::UnknownAlgorithm { found: name.chars().take(40).collect() })?;
        Self::new(alg, &hex::decode(digits).map_err(|_| DigestError::Text)?)
    }
}

impl<C> Encode<C> for Digest {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.i64(self.alg.cose())?.bytes(&self.value)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Digest {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a digest is an array of two"));
        }
        let alg = DigestAlg::from_cose(d.i64()?).map_err(|e| decode::Error::message(e.to_string()))?;
        Self::new(alg, d.bytes()?).map_err(|e| decode::Error::message(e.to_string()))
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// SHA-256 of the concatenation of `parts`.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SM3 of `bytes`.
#[must_use]
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    sm3::Sm3::digest(bytes).into()
}

/// Digests a stream under several algorithms in one pass and constant memory.
#[derive(Default)]
pub struct DigestHasher {
    sha256: Option<sha2::Sha256>,
    sm3: Option<sm3::Sm3>,
    bytes: u64,
}

impl DigestHasher {
    /// A hasher for `algs`.
    #[must_use]
    pub fn new(algs: &[DigestAlg]) -> Self {
        Self {
            sha256: algs.contains(&DigestAlg::Sha256).then(sha2::Sha256::new),
            sm3: algs.contains(&DigestAlg::Sm3).then(sm3::Sm3::new),
            bytes: 0,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sm3 {
            hasher.update(bytes);
        }
    }

    /// Length of the stream in bytes and its digests, in the order of [`DigestAlg::ALL`].
    #[must_use]
    pub fn finish(self) -> (u64, Vec<Digest>) {
        let sha256 = self.sha256.map(|h| Digest { alg: DigestAlg::Sha256, value: h.finalize().into() });
        let sm3 = self.sm3.map(|h| Digest { alg: DigestAlg::Sm3, value: h.finalize().into() });
        (self.bytes, sha256.into_iter().chain(sm3).collect())
    }
}

#[cfg(test)]
mod tests;
