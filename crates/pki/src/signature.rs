//! Detached CMS signatures over documents, in the form that CAdES and PAdES ask for at their baseline levels B-B and B-T.
//!
//! ```text
//! ContentInfo          id-signedData (RFC 5652)
//!   SignedData v1      digest SHA-256, no content, certificates: the signer's and its issuers'
//!     SignerInfo v1    issuer and serial number; ECDSA P-256 with SHA-256
//!       signedAttrs    content type, message digest, signing certificate v2 (ETSI EN 319 122-1, EN 319 142-1, 6.3)
//!       unsignedAttrs  at B-T: an RFC 3161 token over the signature's value
//! ```

use der::Decode as _;
use der::asn1::{AnyRef, OctetStringRef};

use crate::{
    EncodingError, P256Key, PublicKey, X509Certificate,
    encoding::{TlvSet, ecdsa_sha256, oid, sha256},
    key::{encoded, sha256 as digest},
    timestamp::cms::{
        ContentInfo, EncapsulatedContentInfo, EssCertIdV2, IssuerAndSerialNumber, SignedData, SignerInfo,
        SigningCertificateV2, attribute, digest_algorithm, signed_attributes, signed_bytes,
    },
};

/// Why key and certificates make no signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// No certificate was given.
    #[error("the signer's certificate is missing")]
    NoCertificate,
    /// One cannot be read.
    #[error("certificate {index} of the signer is malformed: {source}")]
    Malformed {
        /// 0 is the signer's own.
        index: usize,
        /// How.
        source: EncodingError,
    },
    /// The key is not the one that the first certificate names.
    #[error("the key is not the one that the signer's certificate names")]
    Key,
}

/// Who signs: a key, its certificate, and the issuers'.
#[derive(Debug, Clone)]
pub struct DocumentSigner {
    key: P256Key,
    /// The signer's first.
    certificates: Vec<X509Certificate>,
}

impl DocumentSigner {
    /// Puts a signer together; `certificates` are DER, the signer's own first, the root left out. What they are for and whether they are valid is for
    /// verifiers to judge.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn new(key: P256Key, certificates: &[Vec<u8>]) -> Result<Self, SignerError> {
        let read = |(index, der): (usize, &Vec<u8>)| {
            X509Certificate::from_der(der).map_err(|source| SignerError::Malformed { index, source })
        };
        let certificates: Vec<_> = certificates.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let own = certificates.first().ok_or(SignerError::NoCertificate)?;
        if own.public_key() != PublicKey::P256(key.public_key()) {
            return Err(SignerError::Key);
        }
        Ok(Self { key, certificates })
    }

    /// Signs content with this SHA-256. Equal inputs give equal signatures.
    #[must_use]
    pub fn sign(&self, content: [u8; 32]) -> DetachedSignature {
        let own = &self.certificates[0];
        let signing = SigningCertificateV2 { certificates: vec![EssCertIdV2::of(own)], policies: None };
        let attributes = signed_attributes(oid::DATA, content, &encoded(&signing));
        let value = self.key.sign(&signed_bytes(&TlvSet(attributes.iter().map(Vec::as_slice).collect())));
        let mut certificates: Vec<_> = self.certificates.iter().map(|one| one.der().to_vec()).collect();
        certificates.sort_unstable();
        certificates.dedup();
        DetachedSignature {
            signer: encoded(&IssuerAndSerialNumber::of(own)),
            attributes,
            value,
            certificates,
        }
    }
}

/// A signature, to be given a time stamp or not.
#[derive(Debug, Clone)]
pub struct DetachedSignature {
    signer: Vec<u8>,
    attributes: Vec<Vec<u8>>,
    value: Vec<u8>,
    certificates: Vec<Vec<u8>>,
}

impl DetachedSignature {
    /// What a time-stamp authority stamps: SHA-256 of the signature's value.
    #[must_use]
    pub fn imprint(&self) -> [u8; 32] {
        digest(&self.value)
    }

    /// The CMS in DER, with `token` as its time stamp. The token is not checked here.
    ///
    /// # Errors
    /// [`EncodingError`] when `token` is not one DER value.
    pub fn to_der(&self, token: Option<&[u8]>) -> Result<Vec<u8>, EncodingError> {
        let token = token.map(|token| {
            AnyRef::from_der(token).map(|token| attribute(oid::TIME_STAMP_TOKEN, &encoded(&token)))
        });
        let token = token.transpose()?;
        let signer_info = encoded(&SignerInfo {
            version: 1,
            signer: AnyRef::from_der(&self.signer).expect("own encoding"),
            digest_algorithm: sha256(),
            signed_attributes: Some(TlvSet(self.attributes.iter().map(Vec::as_slice).collect())),
            signature_algorithm: ecdsa_sha256(),
            signature: OctetStringRef::new(&self.value).expect("a signature fits an octet string"),
            unsigned_attributes: token.as_ref().map(|token| TlvSet(vec![token])),
        });
        let digest_algorithm = digest_algorithm();
        let signed_data = encoded(&SignedData {
            version: 1,
            digest_algorithms: TlvSet(vec![&digest_algorithm]),
            content: EncapsulatedContentInfo { content_type: oid::DATA, content: None },
            certificates: Some(TlvSet(self.certificates.iter().map(Vec::as_slice).collect())),
            crls: None,
            signer_infos: TlvSet(vec![&signer_info]),
        });
        let content = AnyRef::from_der(&signed_data).expect("own encoding");
        Ok(encoded(&ContentInfo { content_type: oid::SIGNED_DATA, content }))
    }
}

#[cfg(test)]
mod tests;
