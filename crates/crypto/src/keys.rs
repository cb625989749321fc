//! Public keys, signing keys and single signatures of every suite.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use ml_dsa::{EncodedVerifyingKey, Keypair as _, MlDsa65};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use zeroize::Zeroizing;

use crate::digest::sha256;

/// Signatures on curves have this many bytes: `R || S`, or `r || s` (RFC 9053, section 2.1).
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of a signature of ML-DSA-65 (FIPS 204, table 2).
const ML_DSA_SIGNATURE_BYTES: usize = 3309;

/// The distinguishing identifier that SM2 signatures use everywhere here (GM/T 0009).
const SM2_ID: &str = "1234567812345678";

/// A signature suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureAlg {
    /// Ed25519 checked by the rule of ZIP-215, COSE -8 (EdDSA).
    Ed25519,
    /// ECDSA with P-256 and SHA-256, COSE -7 (ES256).
    Es256,
    /// SM2 with SM3 and the default identifier, private COSE number -65601.
    Sm2,
    /// ML-DSA-65 (FIPS 204) with an empty context, COSE -49.
    MlDsa65,
}

/// Why bytes are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The suite is not one of the registry's.
    #[error(
        "unknown signature algorithm {found}; known are -8 (ed25519), -7 (es256), -65601 (sm2) and -49 (ml-dsa-65)"
    )]
    UnknownAlgorithm {
        /// Name or number that was given.
        found: String,
    },
    /// Not a point or a scalar of the suite's curve, or of another length.
    #[error("not a valid {alg} key")]
    Invalid {
        /// The suite's name.
        alg: &'static str,
    },
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Of another length than its suite's.
    #[error("a signature has {expected} bytes, not {bytes}")]
    Length {
        /// The suite's length, in bytes.
        expected: usize,
        /// Length found, in bytes.
        bytes: usize,
    },
    /// The equation does not hold.
    #[error("the {alg} signature does not verify")]
    Mismatch {
        /// The suite's name.
        alg: &'static str,
    },
}

impl SignatureAlg {
    /// Every suite of the registry.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::Es256, Self::Sm2, Self::MlDsa65];
    /// Those that a new ledger allows; the others by its members' vote.
    pub const FOUNDING: [Self; 3] = [Self::Ed25519, Self::Es256, Self::Sm2];

    /// The number that names the suite in COSE.
    #[must_use]
    pub fn cose(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::Es256 => -7,
            Self::Sm2 => -65_601,
            Self::MlDsa65 => -49,
        }
    }

    /// The name in texts and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
            Self::Sm2 => "sm2",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }

    /// How many bytes its signatures have.
    #[must_use]
    pub fn signature_bytes(self) -> usize {
        match self {
            Self::Ed25519 | Self::Es256 | Self::Sm2 => SIGNATURE_BYTES,
            Self::MlDsa65 => ML_DSA_SIGNATURE_BYTES,
        }
    }

    /// Checks that `bytes` are as long as its signatures.
    ///
    /// # Errors
    /// [`SignatureError::Length`].
    pub fn check_length(self, signature: &[u8]) -> Result<(), SignatureError> {
        let (expected, bytes) = (self.signature_bytes(), signature.len());
        if bytes == expected { Ok(()) } else { Err(SignatureError::Length { expected, bytes }) }
    }

    /// The suite with COSE number `number`.
    ///
    /// # Errors
    /// [`KeyError::UnknownAlgorithm`].
    pub fn from_cose(number: i64) -> Result<Self, KeyError> {
        let found = Self::ALL.into_iter().find(|alg| alg.cose() == number);
        found.ok_or_else(|| KeyError::UnknownAlgorithm { found: number.to_string() })
    }

    /// The suite called `name`.
    ///
    /// # Errors
    /// [`KeyError::UnknownAlgorithm`].
    pub fn from_name(name: &str) -> Result<Self, KeyError> {
        let found = Self::ALL.into_iter().find(|alg| alg.name() == name);
        found.ok_or_else(|| KeyError::UnknownAlgorithm { found: name.chars().take(40).collect() })
    }
}

impl fmt::Display for SignatureAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first eight bytes of SHA-256 over a public key's CBOR: tells the keys of one account apart. Not an identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[derive(Clone)]
enum Verifying {
    Ed25519(ed25519_zebra::VerificationKey),
    Es256(Box<p256::ecdsa::VerifyingKey>),
    Sm2(Box<sm2::dsa::VerifyingKey>),
    MlDsa65(Box<ml_dsa::VerifyingKey<MlDsa65>>),
}

/// A public key: suite and point, decoded once.
///
/// In CBOR `[number, bytes]`: 32 bytes for Ed25519 (RFC 8032), 33 for P-256 and SM2 (SEC 1, compressed), 1952 for ML-DSA-65 (FIPS 204).
#[derive(Clone)]
pub struct PublicKey {
    bytes: Vec<u8>,
    verifying: Verifying,
}

impl PublicKey {
    /// The key whose encoding under `alg` is `bytes`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] when the bytes are no point, or not in the one encoding.
    pub fn new(alg: SignatureAlg, bytes: &[u8]) -> Result<Self, KeyError> {
        let invalid = || KeyError::Invalid { alg: alg.name() };
        // The libraries also read a compact form (05), which SEC 1 does not have.
        let is_compressed = bytes.len() == 33 && matches!(bytes[0], 2 | 3);
        let compressed = || is_compressed.then_some(bytes).ok_or_else(invalid);
        let verifying = match alg {
            SignatureAlg::Ed25519 => Verifying::Ed25519(bytes.try_into().map_err(|_| invalid())?),
            SignatureAlg::Es256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(compressed()?).map_err(|_| invalid())?;
                Verifying::Es256(Box::new(key))
            }
            SignatureAlg::Sm2 => {
                let key =
                    sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, compressed()?).map_err(|_| invalid())?;
                Verifying::Sm2(Box::new(key))
            }
            // Every string of the right length is a key (FIPS 204, algorithm 23).
            SignatureAlg::MlDsa65 => {
                let bytes = EncodedVerifyingKey::<MlDsa65>::try_from(bytes).map_err(|_| invalid())?;
                Verifying::MlDsa65(Box::new(ml_dsa::VerifyingKey::decode(&bytes)))
            }
        };
        Ok(Self { bytes: bytes.to_vec(), verifying })
    }

    /// The ES256 key whose point is `point`, in the uncompressed form of SEC 1 (65 bytes): as tokens and certificates have it.
    ///
    /// # Errors
    /// [`KeyError::Invalid`].
    pub fn es256_of_point(point: &[u8]) -> Result<Self, KeyError> {
        let invalid = KeyError::Invalid { alg: SignatureAlg::Es256.name() };
        let is_uncompressed = point.len() == 65 && point[0] == 4;
        let read = is_uncompressed.then(|| p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()).flatten();
        Self::new(SignatureAlg::Es256, read.ok_or(invalid)?.to_sec1_point(true).as_bytes())
    }

    /// The suite.
    #[must_use]
    pub fn alg(&self) -> SignatureAlg {
        match self.verifying {
            Verifying::Ed25519(_) => SignatureAlg::Ed25519,
            Verifying::Es256(_) => SignatureAlg::Es256,
            Verifying::Sm2(_) => SignatureAlg::Sm2,
            Verifying::MlDsa65(_) => SignatureAlg::MlDsa65,
        }
    }

    /// The encoded point.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key's short name within an account.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&sha256(&xiezhi_types::canonical(self))[..8]);
        KeyId(id)
    }

    /// Checks that `signature` over `message` was made with this key. Ed25519 by ZIP-215.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.alg().check_length(signature)?;
        let holds = match &self.verifying {
            Verifying::Ed25519(key) => ed25519_zebra::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(&signature, message).is_ok()),
            Verifying::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Verifying::Sm2(key) => sm2::dsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Verifying::MlDsa65(key) => ml_dsa::Signature::<MlDsa65>::try_from(signature)
                .is_ok_and(|signature| key.verify_with_context(message, &[], &signature)),
        };
        if holds { Ok(()) } else { Err(SignatureError::Mismatch { alg: self.alg().name() }) }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.alg() == other.alg() && self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.alg(), hex::encode(&self.bytes))
    }
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.i64(self.alg().cose())?.bytes(&self.bytes)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a public key is an array of two"));
        }
        let alg = SignatureAlg::from_cose(d.i64()?).map_err(|e| decode::Error::message(e.to_string()))?;
        Self::new(alg, d.bytes()?).map_err(|e| decode::Error::message(e.to_string()))
    }
}

enum Signing {
    Ed25519(Box<ed25519_zebra::SigningKey>),
    Es256(Box<p256::ecdsa::SigningKey>),
    Sm2(Box<sm2::dsa::SigningKey>),
    MlDsa65(Box<ml_dsa::SigningKey<MlDsa65>>),
}

/// A signing key in memory. Signatures are deterministic (RFC 8032, RFC 6979, FIPS 204).
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    signing: Signing,
}

impl SigningKey {
    /// The key made from 32 secret bytes: the seed of Ed25519 and ML-DSA, the scalar of P-256 and SM2.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] when the scalar is zero or not below the group's order.
    pub fn from_seed(alg: SignatureAlg, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let invalid = |_| KeyError::Invalid { alg: alg.name() };
        let signing = match alg {
            SignatureAlg::Ed25519 => Signing::Ed25519(Box::new(ed25519_zebra::SigningKey::from(*seed))),
            SignatureAlg::Es256 => {
                Signing::Es256(Box::new(p256::ecdsa::SigningKey::from_slice(seed).map_err(invalid)?))
            }
            SignatureAlg::Sm2 => {
                Signing::Sm2(Box::new(sm2::dsa::SigningKey::from_slice(SM2_ID, seed).map_err(invalid)?))
            }
            SignatureAlg::MlDsa65 => {
                Signing::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&(*seed).into())))
            }
        };
        Ok(Self { seed: Zeroizing::new(*seed), signing })
    }

    /// The 32 secret bytes the key was made from.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The suite.
    #[must_use]
    pub fn alg(&self) -> SignatureAlg {
        match self.signing {
            Signing::Ed25519(_) => SignatureAlg::Ed25519,
            Signing::Es256(_) => SignatureAlg::Es256,
            Signing::Sm2(_) => SignatureAlg::Sm2,
            Signing::MlDsa65(_) => SignatureAlg::MlDsa65,
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.signing {
            Signing::Ed25519(key) => {
                let key = key.verification_key();
                let bytes: [u8; 32] = key.into();
                PublicKey { bytes: bytes.to_vec(), verifying: Verifying::Ed25519(key) }
            }
            Signing::Es256(key) => {
                let key = *key.verifying_key();
                PublicKey {
                    bytes: key.to_sec1_point(true).as_bytes().to_vec(),
                    verifying: Verifying::Es256(Box::new(key)),
                }
            }
            Signing::Sm2(key) => {
                let key = key.verifying_key().clone();
                let point = sm2::elliptic_curve::sec1::ToSec1Point::to_sec1_point(key.as_affine(), true);
                PublicKey { bytes: point.as_bytes().to_vec(), verifying: Verifying::Sm2(Box::new(key)) }
            }
            Signing::MlDsa65(key) => {
                let key = key.verifying_key();
                PublicKey { bytes: key.encode().to_vec(), verifying: Verifying::MlDsa65(Box::new(key)) }
            }
        }
    }

    /// Signs `message`; as many bytes as [`SignatureAlg::signature_bytes`] says.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signing {
            Signing::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Signing::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Signing::Sm2(key) => key.sign(message).to_bytes().to_vec(),
            Signing::MlDsa65(key) => key.sign(message).encode().to_vec(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public_key())
    }
}

#[cfg(test)]
mod tests;
