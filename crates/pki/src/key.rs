//! Keys: P-256 that sign certificates, revocation lists and tokens; public keys of every suite that certificates carry.

use der::{
    Encode, SecretDocument, Sequence,
    asn1::{Any, BitString, UintRef},
    pem::LineEnding,
    zeroize::Zeroizing,
};
use p256::{
    ecdsa::{
        DerSignature, Signature, SigningKey, VerifyingKey,
        signature::{Signer, Verifier},
    },
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
};
use sha2::{Digest, Sha256};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use xiezhi_crypto::SignatureAlg;

use crate::{
    ObjectIdentifier,
    encoding::{EncodingError, decode, oid, profile},
    suite::Suite,
};

const PRIVATE_KEY_LABEL: &str = "PRIVATE KEY";
/// Longest DER of two integers of 256 bits.
const SIGNATURE_BYTES_MAX: usize = 72;

/// Why bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Zero, not below the group's order, or not 32 bytes.
    #[error("not a secret of the curve")]
    Secret,
    /// Not PKCS#8 of a P-256 key.
    #[error("not PKCS#8 of a P-256 key")]
    Pkcs8,
    /// Not the SEC 1 encoding of a point of the curve.
    #[error("not a point of the curve")]
    Point,
    /// Not PKCS#8, unencrypted, of a key of a suite that is known.
    #[error("not an unencrypted PKCS#8 key of P-256, Ed25519 or SM2")]
    NoKey,
}

/// A P-256 signing key held in software; wiped when dropped.
///
/// Signatures are deterministic (RFC 6979) over SHA-256.
#[derive(Clone)]
pub struct P256Key(SigningKey);

impl P256Key {
    /// The key whose secret scalar is `secret`, big-endian.
    ///
    /// # Errors
    /// [`KeyError::Secret`]; 32 uniform bytes fail with probability 2⁻³², take new ones then.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_slice(secret).map(Self).map_err(|_| KeyError::Secret)
    }

    /// Reads PKCS#8 DER.
    ///
    /// # Errors
    /// [`KeyError::Pkcs8`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_der(der).map(Self).map_err(|_| KeyError::Pkcs8)
    }

    /// Reads PKCS#8 PEM (`PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError::Pkcs8`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| KeyError::Pkcs8)?;
        if label != PRIVATE_KEY_LABEL {
            return Err(KeyError::Pkcs8);
        }
        Self::from_pkcs8_der(document.as_bytes())
    }

    /// PKCS#8 PEM, wiped when dropped.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let document = self.0.to_pkcs8_der().expect("a P-256 key encodes");
        document.to_pem(PRIVATE_KEY_LABEL, LineEnding::LF).expect("a P-256 key encodes")
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> P256PublicKey {
        P256PublicKey(*self.0.verifying_key())
    }

    /// ECDSA signature over SHA-256 of `message`: `r || s`.
    pub(crate) fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().to_vec()
    }

    /// DER-encoded ECDSA signature over SHA-256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl std::fmt::Debug for P256Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("P256Key(secret)")
    }
}

/// A point of P-256 other than infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct P256PublicKey(VerifyingKey);

impl P256PublicKey {
    /// Reads SEC 1, compressed (33 bytes) or not (65 bytes).
    ///
    /// # Errors
    /// [`KeyError::Point`].
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        // The library also reads a compact form (05), which SEC 1 does not have.
        let bytes = bytes.first().filter(|tag| **tag != 0x05).and(Some(bytes)).ok_or(KeyError::Point)?;
        VerifyingKey::from_sec1_bytes(bytes).map(Self).map_err(|_| KeyError::Point)
    }

    /// SEC 1, uncompressed, 65 bytes.
    #[must_use]
    pub fn to_sec1(&self) -> Vec<u8> {
        self.0.to_sec1_point(false).as_bytes().to_vec()
    }

    /// SEC 1, compressed, 33 bytes.
    pub(crate) fn to_compressed(self) -> Vec<u8> {
        self.0.to_sec1_point(true).as_bytes().to_vec()
    }

    /// Whether `signature` (strict DER) is ECDSA by this key over SHA-256 of `message`. About 200 us.
    ///
    /// ECDSA has twins: with `(r, s)` also `(r, n - s)` verifies, and other people's signers emit both.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        DerSignature::from_bytes(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// A point of SM2's curve other than infinity. Signatures are with SM3 and the identifier `1234567812345678`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sm2PublicKey(sm2::PublicKey);

impl Sm2PublicKey {
    /// Reads SEC 1, compressed (33 bytes) or not (65 bytes).
    ///
    /// # Errors
    /// [`KeyError::Point`].
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.first().filter(|tag| **tag != 0x05).and(Some(bytes)).ok_or(KeyError::Point)?;
        sm2::PublicKey::from_sec1_bytes(bytes).map(Self).map_err(|_| KeyError::Point)
    }

    fn point(self, compressed: bool) -> Vec<u8> {
        self.0.to_sec1_point(compressed).as_bytes().to_vec()
    }

    /// SEC 1, uncompressed, 65 bytes.
    #[must_use]
    pub fn to_sec1(self) -> Vec<u8> {
        self.point(false)
    }
}

/// The subject's key in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// Ed25519, RFC 8410; the bytes are not checked to be a point.
    Ed25519([u8; 32]),
    /// ECDSA on P-256.
    P256(P256PublicKey),
    /// SM2.
    Sm2(Sm2PublicKey),
    /// Anything else: the algorithm, or the curve of an elliptic-curve key. Never used to verify.
    Other(ObjectIdentifier),
}

impl PublicKey {
    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, EncodingError> {
        let algorithm = &spki.algorithm;
        let bits = spki.subject_public_key.as_bytes();
        let bits =
            bits.ok_or(EncodingError::Profile { rule: "the subject's public key is not whole bytes" })?;
        if algorithm.oid == oid::ED25519 {
            profile(algorithm.parameters.is_none(), "an Ed25519 key has no parameters")?;
            let key = bits.try_into();
            return key
                .map(Self::Ed25519)
                .map_err(|_| EncodingError::Profile { rule: "an Ed25519 key has 32 bytes" });
        }
        if algorithm.oid != oid::EC_PUBLIC_KEY {
            return Ok(Self::Other(algorithm.oid));
        }
        let curve =
            algorithm.parameters.as_ref().and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
        match curve {
            Some(oid::PRIME256V1) => P256PublicKey::from_sec1(bits).map(Self::P256).map_err(|_| {
                EncodingError::Profile { rule: "the subject's public key is not a point of P-256" }
            }),
            // One that is no point stays what it was before SM2 was read: a key that verifies nothing.
            Some(oid::SM2_CURVE) => {
                Ok(Sm2PublicKey::from_sec1(bits).map_or(Self::Other(oid::SM2_CURVE), Self::Sm2))
            }
            Some(other) => Ok(Self::Other(other)),
            None => Err(EncodingError::Profile { rule: "an elliptic-curve key names its curve" }),
        }
    }

    /// DER of `SubjectPublicKeyInfo`; empty for [`PublicKey::Other`], whose bytes are not kept.
    #[must_use]
    pub fn to_spki_der(self) -> Vec<u8> {
        self.to_spki().and_then(|spki| spki.to_der()).unwrap_or_default()
    }

    pub(crate) fn to_spki(self) -> der::Result<SubjectPublicKeyInfoOwned> {
        let (oid, parameters, bits) = match self {
            Self::Ed25519(key) => (oid::ED25519, None, key.to_vec()),
            Self::P256(key) => (oid::EC_PUBLIC_KEY, Some(Any::encode_from(&oid::PRIME256V1)?), key.to_sec1()),
            Self::Sm2(key) => (oid::EC_PUBLIC_KEY, Some(Any::encode_from(&oid::SM2_CURVE)?), key.to_sec1()),
            Self::Other(oid) => return Err(der::ErrorKind::OidUnknown { oid }.into()),
        };
        Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&bits)?,
        })
    }

    /// The suite it signs with; `None` for a key that verifies nothing.
    #[must_use]
    pub fn suite(&self) -> Option<Suite> {
        match self {
            Self::Ed25519(_) => Some(Suite::Ed25519),
            Self::P256(_) => Some(Suite::P256),
            Self::Sm2(_) => Some(Suite::Sm2),
            Self::Other(_) => None,
        }
    }

    /// Whether `signature`, as certificates carry it (see [`crate::signature`]), is by this key over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let by = |alg, key: &[u8], signature: &[u8]| {
            let key = xiezhi_crypto::PublicKey::new(alg, key);
            key.is_ok_and(|key| key.verify(message, signature).is_ok())
        };
        match self {
            Self::P256(key) => key.verifies(message, signature),
            Self::Ed25519(key) => by(SignatureAlg::Ed25519, key, signature),
            Self::Sm2(key) => ecdsa_raw(signature)
                .is_some_and(|signature| by(SignatureAlg::Sm2, &key.point(true), &signature)),
            Self::Other(_) => false,
        }
    }

    /// The algorithm, or the curve, for messages.
    pub(crate) fn algorithm(&self) -> ObjectIdentifier {
        match self {
            Self::Ed25519(_) => oid::ED25519,
            Self::P256(_) => oid::PRIME256V1,
            Self::Sm2(_) => oid::SM2_CURVE,
            Self::Other(oid) => *oid,
        }
    }
}

/// `SEQUENCE { r INTEGER, s INTEGER }`. RFC 3279, section 2.2.3; GM/T 0009 has the same for SM2.
#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// DER of a signature `r || s`, as X.509 has it.
#[must_use]
pub fn ecdsa_der(raw: &[u8; 64]) -> Vec<u8> {
    let integer = |bytes| UintRef::new(bytes).expect("32 bytes are within bounds");
    encoded(&EcdsaSignature { r: integer(&raw[..32]), s: integer(&raw[32..]) })
}

/// `r || s` of a signature in strict DER.
fn ecdsa_raw(der: &[u8]) -> Option<[u8; 64]> {
    let signature: EcdsaSignature<'_> = decode(der, SIGNATURE_BYTES_MAX).ok()?;
    let mut raw = [0; 64];
    for (half, integer) in raw.chunks_exact_mut(32).zip([signature.r, signature.s]) {
        let bytes = integer.as_bytes();
        half[32usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    }
    Some(raw)
}

/// Key identifier: the leftmost 160 bits of SHA-256 of the key's bits. RFC 7093, section 2, method 1.
pub(crate) fn key_identifier(spki: &SubjectPublicKeyInfoOwned) -> [u8; 20] {
    let digest: [u8; 32] = Sha256::digest(spki.subject_public_key.raw_bytes()).into();
    let mut id = [0; 20];
    id.copy_from_slice(&digest[..20]);
    id
}

impl From<P256PublicKey> for PublicKey {
    fn from(key: P256PublicKey) -> Self {
        Self::P256(key)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn encoded(value: &impl Encode) -> Vec<u8> {
    value.to_der().expect("what was decoded or built within bounds encodes")
}
