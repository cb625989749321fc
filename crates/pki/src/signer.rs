//! Keys that sign: whatever holds them, and keys of every suite in memory.

use std::sync::Arc;

use der::{
    Encode, SecretDocument, Sequence,
    asn1::{Any, BitStringRef, ObjectIdentifier, OctetStringRef},
    pem::LineEnding,
    zeroize::Zeroizing,
};
use spki::AlgorithmIdentifierOwned;
use xiezhi_crypto::{SignatureAlg, Signer, SigningError};

use crate::{
    encoding::{decode, oid},
    key::{KeyError, P256Key, P256PublicKey, PublicKey, Sm2PublicKey, ecdsa_der},
    suite::Suite,
};

const PRIVATE_KEY_LABEL: &str = "PRIVATE KEY";
const PKCS8_BYTES_MAX: usize = 1024;

impl PublicKey {
    /// The public half of `key`, as certificates have it.
    #[must_use]
    pub fn of(key: &dyn Signer) -> Self {
        let key = key.public_key();
        let point = "a public key's bytes are a point";
        match key.alg() {
            SignatureAlg::Ed25519 => Self::Ed25519(key.as_bytes().try_into().expect(point)),
            SignatureAlg::Es256 => Self::P256(P256PublicKey::from_sec1(key.as_bytes()).expect(point)),
            SignatureAlg::Sm2 => Self::Sm2(Sm2PublicKey::from_sec1(key.as_bytes()).expect(point)),
            SignatureAlg::MlDsa65 => Self::Other(oid::ML_DSA_65),
        }
    }
}

/// Signs `message` with `key` as its suite has it in certificates: DER of `r` and `s`, or 64 bytes for Ed25519.
///
/// # Errors
/// [`SigningError`], also for a key of a suite that is not in [`Suite`].
pub fn signature(key: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SigningError> {
    match PublicKey::of(key).suite() {
        None => Err(SigningError { reason: "a signer's key is of no known suite".to_owned() }),
        Some(Suite::Ed25519) => key.sign(message),
        Some(Suite::P256 | Suite::Sm2) => Ok(ecdsa_der(&key.sign_on_curve(message)?)),
    }
}

impl Signer for P256Key {
    fn public_key(&self) -> xiezhi_crypto::PublicKey {
        let point = P256Key::public_key(self).to_compressed();
        xiezhi_crypto::PublicKey::new(SignatureAlg::Es256, &point).expect("a point of the curve")
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(self.sign_raw(message))
    }
}

/// A key of any suite held in memory; wiped when the last copy is dropped. Signatures are deterministic.
#[derive(Clone, Debug)]
pub struct SigningKey {
    suite: Suite,
    key: Arc<xiezhi_crypto::SigningKey>,
}

impl SigningKey {
    /// The key made from 32 secret bytes: the seed of Ed25519, the scalar of P-256 and SM2, big-endian.
    ///
    /// # Errors
    /// [`KeyError::Secret`]; 32 uniform bytes fail with probability 2⁻³², take new ones then.
    pub fn from_bytes(suite: Suite, secret: &[u8; 32]) -> Result<Self, KeyError> {
        let key = xiezhi_crypto::SigningKey::from_seed(suite.signature_alg(), secret)
            .map_err(|_| KeyError::Secret)?;
        Ok(Self { suite, key: Arc::new(key) })
    }

    /// Its suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(self)
    }

    /// Reads PKCS#8 PEM (`PRIVATE KEY`, not encrypted) of a key of one of the suites.
    ///
    /// # Errors
    /// [`KeyError::NoKey`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| KeyError::NoKey)?;
        if label != PRIVATE_KEY_LABEL {
            return Err(KeyError::NoKey);
        }
        Self::from_pkcs8_der(document.as_bytes())
    }

    /// Reads PKCS#8 DER.
    ///
    /// # Errors
    /// [`KeyError::NoKey`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info: PrivateKeyInfo<'_> = decode(der, PKCS8_BYTES_MAX).map_err(|_| KeyError::NoKey)?;
        let bytes = info.private_key.as_bytes();
        let curve = || info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
        let (suite, secret) = match (info.algorithm.oid, curve()) {
            (oid::ED25519, _) => {
                let seed = decode::<&OctetStringRef>(bytes, PKCS8_BYTES_MAX).map_err(|_| KeyError::NoKey)?;
                (Suite::Ed25519, seed.as_bytes())
            }
            (oid::EC_PUBLIC_KEY, Some(curve)) => {
                let suite = match curve {
                    oid::PRIME256V1 => Suite::P256,
                    oid::SM2_CURVE => Suite::Sm2,
                    _ => return Err(KeyError::NoKey),
                };
                let key = decode::<EcPrivateKey<'_>>(bytes, PKCS8_BYTES_MAX).map_err(|_| KeyError::NoKey)?;
                (suite, key.private_key.as_bytes())
            }
            _ => return Err(KeyError::NoKey),
        };
        Self::from_bytes(suite, secret.try_into().map_err(|_| KeyError::NoKey)?)
    }

    /// PKCS#8 PEM, wiped when dropped. It is not encrypted.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let document = SecretDocument::try_from(self.to_pkcs8_der().as_slice()).expect("a key encodes");
        document.to_pem(PRIVATE_KEY_LABEL, LineEnding::LF).expect("a key encodes")
    }

    /// PKCS#8 DER, wiped when dropped. It is not encrypted.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let encode = || -> der::Result<Zeroizing<Vec<u8>>> {
            let secret = OctetStringRef::new(self.key.seed())?;
            let public = self.public_key().to_spki()?;
            let inner = Zeroizing::new(match self.suite() {
                Suite::Ed25519 => secret.to_der()?,
                Suite::P256 | Suite::Sm2 => {
                    let point = BitStringRef::from_bytes(public.subject_public_key.raw_bytes())?;
                    EcPrivateKey { version: 1, private_key: secret, curve: None, public_key: Some(point) }
                        .to_der()?
                }
            });
            let private_key = OctetStringRef::new(&inner)?;
            let info = PrivateKeyInfo { version: 0, algorithm: public.algorithm, private_key };
            Ok(Zeroizing::new(info.to_der()?))
        };
        encode().expect("a key of a known suite encodes")
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> xiezhi_crypto::PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.key.sign(message)
    }
}

/// `PrivateKeyInfo` of RFC 5208; attributes are refused.
#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: AlgorithmIdentifierOwned,
    private_key: &'a OctetStringRef,
}

/// `ECPrivateKey` of RFC 5915.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    curve: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

#[cfg(test)]
mod tests;
