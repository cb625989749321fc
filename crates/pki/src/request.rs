//! Requests for certificates (PKCS#10, RFC 2986), with proof of possession: the key that is to be certified signs the request.
//!
//! Name and attributes of a request are what its maker wishes. An authority that issues decides by itself what it certifies and takes
//! nothing but the key from here.

use der::{Encode, asn1::BitString};
use x509_cert::{
    attr::Attributes,
    request::{CertReq, CertReqInfo, Version},
};

use xiezhi_crypto::Signer;

use crate::{
    ObjectIdentifier, Subject,
    encoding::{CERTIFICATE_BYTES_MAX, EncodingError, decode, from_pem, names_of_text, profile, to_pem},
    issuance::{IssueError, algorithm, name, person_name},
    key::{PublicKey, encoded, sha256},
    signer::signature,
    suite::Suite,
};

const LABEL: &str = "CERTIFICATE REQUEST";

/// Why a request is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not canonical DER of a request of version 1.
    #[error("not a certification request: {source}")]
    Malformed {
        /// How.
        #[from]
        source: EncodingError,
    },
    /// A key or a signature of no suite that is verified.
    #[error("the request uses the unsupported algorithm {algorithm}; P-256, Ed25519 and SM2 are possible")]
    UnsupportedAlgorithm {
        /// Which.
        algorithm: ObjectIdentifier,
    },
    /// The signature is not by the key in the request.
    #[error("the request is not signed by the key that it names: whoever made it does not hold the key")]
    ProofOfPossession,
}

/// A request whose maker held the key.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificationRequest {
    der: Vec<u8>,
    info: CertReqInfo,
    key: PublicKey,
}

impl CertificationRequest {
    /// Reads exactly one request and checks that its own key signed it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let request: CertReq = decode(der, CERTIFICATE_BYTES_MAX)?;
        profile(!request.signature.has_unused_bits(), "the request's signature is not whole bytes")?;
        names_of_text(&request.info.subject)?;
        let key = PublicKey::from_spki(&request.info.public_key)?;
        let named = key.suite().ok_or(RequestError::UnsupportedAlgorithm { algorithm: key.algorithm() })?;
        let suite = Suite::of(&request.algorithm, Suite::ALL)
            .map_err(|algorithm| RequestError::UnsupportedAlgorithm { algorithm })?;
        if suite != named || !key.verifies(&encoded(&request.info), request.signature.raw_bytes()) {
            return Err(RequestError::ProofOfPossession);
        }
        Ok(Self { der: der.to_vec(), info: request.info, key })
    }

    /// Reads one PEM block labelled `CERTIFICATE REQUEST`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        Self::from_der(&from_pem(text, LABEL)?)
    }

    /// Makes a request for `subject`, signed by `key`. The organisation may be empty: a person's.
    ///
    /// # Errors
    /// [`IssueError`]: a name that is too long, a key that did not sign.
    pub fn create(key: &dyn Signer, subject: Subject<'_>) -> Result<Self, IssueError> {
        let subject = match subject.organisation {
            "" => person_name(subject.common_name)?,
            _ => name(subject)?,
        };
        let public = PublicKey::of(key);
        let info = CertReqInfo {
            version: Version::V1,
            subject,
            public_key: public.to_spki()?,
            attributes: Attributes::default(),
        };
        let signature = BitString::from_bytes(&signature(key, &info.to_der()?)?)?;
        let request = CertReq { info, algorithm: algorithm(key)?, signature };
        Ok(Self { der: request.to_der()?, info: request.info, key: public })
    }

    /// The bytes it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        to_pem(&self.der, LABEL)
    }

    /// SHA-256 of the DER.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.der)
    }

    /// The key, which signed the request.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// The organisation that the request wishes for, when it is a string.
    #[must_use]
    pub fn organisation(&self) -> Option<String> {
        self.info.subject.organization().ok().flatten().map(Into::into)
    }

    /// The common name that the request wishes for, when it is a string.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.info.subject.common_name().ok().flatten().map(Into::into)
    }
}

impl std::fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificationRequest({})", self.info.subject)
    }
}

#[cfg(test)]
mod tests;
