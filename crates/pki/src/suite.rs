//! Signature suites in X.509: which key signs with which algorithm identifier.

use der::asn1::ObjectIdentifier;
use spki::AlgorithmIdentifierOwned;
use xiezhi_crypto::SignatureAlg;

use crate::encoding::oid;

/// A signature suite that certificates are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// ECDSA on P-256 with SHA-256; signatures in DER. RFC 5758, section 3.2.
    P256,
    /// Ed25519; signatures of 64 bytes, checked by the rule of ZIP-215. RFC 8410.
    Ed25519,
    /// SM2 with SM3 and the identifier `1234567812345678`; signatures in DER. GM/T 0009, GM/T 0015.
    Sm2,
}

impl Suite {
    /// Every suite that the crate signs and verifies with.
    pub const ALL: &'static [Self] = &[Self::P256, Self::Ed25519, Self::Sm2];
    /// What stands behind seals and time stamps, by the specifications of the certificate.
    pub const WITNESSES: &'static [Self] = &[Self::P256];

    /// Its name in texts: `es256`, `ed25519`, `sm2`, as for accounts' keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "es256",
            Self::Ed25519 => "ed25519",
            Self::Sm2 => "sm2",
        }
    }

    /// Its name among those of all signatures.
    #[must_use]
    pub fn signature_alg(self) -> SignatureAlg {
        match self {
            Self::P256 => SignatureAlg::Es256,
            Self::Ed25519 => SignatureAlg::Ed25519,
            Self::Sm2 => SignatureAlg::Sm2,
        }
    }

    /// The suite called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.name() == name)
    }

    /// Its algorithm identifier; parameters are absent in all of them.
    pub(crate) fn algorithm(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::P256 => oid::ECDSA_SHA256,
            Self::Ed25519 => oid::ED25519,
            Self::Sm2 => oid::SM2_SM3,
        };
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    /// The one of `allowed` that `algorithm` names, otherwise what it names.
    pub(crate) fn of(
        algorithm: &AlgorithmIdentifierOwned,
        allowed: &[Self],
    ) -> Result<Self, ObjectIdentifier> {
        let found = allowed.iter().copied().find(|suite| suite.algorithm() == *algorithm);
        found.ok_or(algorithm.oid)
    }
}
