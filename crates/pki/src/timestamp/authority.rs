//! A time-stamping authority: answers requests with tokens. Time and serial numbers are the caller's.

use der::{
    Decode,
    asn1::{AnyRef, Int, ObjectIdentifier, OctetStringRef},
};

use super::{
    GenTime,
    cms::{
        ContentInfo, EncapsulatedContentInfo, EssCertIdV2, IssuerAndSerialNumber, SignedData, SignerInfo,
        SigningCertificateV2, digest_algorithm, signed_attributes, signed_bytes,
    },
    message::{
        Accuracy, FailInfo, MessageImprint, TimeStampRequest, TimeStampResponse, TstInfo, shortest_int,
    },
};
use crate::{
    EncodingError, P256Key, PublicKey, Validity, X509Certificate,
    encoding::{TlvSet, ecdsa_sha256, is_sha256, oid, sha256},
    key::{encoded, sha256 as digest},
};

/// Why there is no authority, or no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// One of the authority's certificates is malformed.
    #[error("certificate {index} of the authority is malformed: {source}")]
    Malformed {
        /// 0 is its own, then the chain.
        index: usize,
        /// How.
        source: EncodingError,
    },
    /// The key is not the one its certificate names.
    #[error("the key is not the one that the authority's certificate names")]
    Key,
    /// Its certificate is not for time-stamping.
    #[error("the certificate's only extended key usage must be time-stamping, critical")]
    Purpose,
    /// Its certificate does not allow a token at that time.
    #[error("the authority's certificate is not valid at {at}, only from {not_before} to {not_after}")]
    OutsideValidity {
        /// Time asked for; unix seconds.
        at: u64,
        /// First second.
        not_before: u64,
        /// Last second.
        not_after: u64,
    },
}

/// A time-stamping key with its certificate and policy.
///
/// Equal requests, serial numbers and times get equal tokens. It keeps no state: the caller hands out each serial number once.
#[derive(Debug, Clone)]
pub struct TimeStampAuthority {
    key: P256Key,
    certificate: X509Certificate,
    /// Own certificate and chain without root, in DER order.
    certificates: Vec<Vec<u8>>,
    policy: ObjectIdentifier,
    accuracy: Option<Accuracy>,
    signer: Vec<u8>,
    signing_certificate: Vec<u8>,
}

impl TimeStampAuthority {
    /// Puts an authority together; `chain` are the certificates between its own and the root, without the root.
    ///
    /// `accuracy_ms` is a promise about the caller's clock, put into every token; 0 means none.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn new(
        key: P256Key,
        certificate_der: &[u8],
        chain: &[&[u8]],
        policy: ObjectIdentifier,
        accuracy_ms: u32,
    ) -> Result<Self, AuthorityError> {
        let read = |index, der: &[u8]| {
            X509Certificate::from_der(der).map_err(|source| AuthorityError::Malformed { index, source })
        };
        let certificate = read(0, certificate_der)?;
        if certificate.public_key() != PublicKey::P256(key.public_key()) {
            return Err(AuthorityError::Key);
        }
        if !certificate.is_time_stamping() {
            return Err(AuthorityError::Purpose);
        }
        let mut certificates = vec![certificate_der.to_vec()];
        for (index, der) in chain.iter().enumerate() {
            certificates.push(read(index + 1, der)?.der().to_vec());
        }
        certificates.sort_unstable();
        let certificates_v2 =
            SigningCertificateV2 { certificates: vec![EssCertIdV2::of(&certificate)], policies: None };
        Ok(Self {
            signer: encoded(&IssuerAndSerialNumber::of(&certificate)),
            signing_certificate: encoded(&certificates_v2),
            accuracy: (accuracy_ms > 0).then(|| Accuracy::from_ms(accuracy_ms)),
            key,
            certificate,
            certificates,
            policy,
        })
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &X509Certificate {
        &self.certificate
    }

    /// Answers a request, DER to DER; the answer to a bad request is a refusal that says why. One signature, about 0.2 ms.
    ///
    /// RFC 3161, section 2.4.2. Serves SHA-256 imprints, its one policy, no extensions.
    #[must_use]
    pub fn respond(&self, request_der: &[u8], serial: u128, gen_time: GenTime) -> Vec<u8> {
        let refuse = TimeStampResponse::refused;
        let Ok(request) = TimeStampRequest::from_der(request_der) else {
            return refuse(FailInfo::BadDataFormat, "the request is not a DER TimeStampReq");
        };
        if request.version != 1 {
            return refuse(FailInfo::BadRequest, "the request's version is not 1");
        }
        if !is_sha256(&request.message_imprint.hash_algorithm) {
            return refuse(FailInfo::BadAlg, "the imprint is not SHA-256");
        }
        if request.imprint_sha256().is_none() {
            return refuse(FailInfo::BadDataFormat, "a SHA-256 imprint has 32 bytes");
        }
        if request.policy.is_some_and(|policy| policy != self.policy) {
            return refuse(FailInfo::UnacceptedPolicy, "the policy is not served");
        }
        if request.extensions.is_some() {
            return refuse(FailInfo::UnacceptedExtension, "no extension is served");
        }
        match self.token(request.message_imprint, serial, gen_time, request.nonce, request.cert_req) {
            Ok(token) => TimeStampResponse::granted(&token),
            Err(_) => refuse(FailInfo::SystemFailure, "the authority's certificate is not valid now"),
        }
    }

    /// Makes a token over a SHA-256 digest, with the authority's certificates, without a request.
    ///
    /// # Errors
    /// [`AuthorityError::OutsideValidity`].
    pub fn issue_token(
        &self,
        imprint: &[u8; 32],
        serial: u128,
        gen_time: GenTime,
        nonce: Option<u64>,
    ) -> Result<Vec<u8>, AuthorityError> {
        let TimeStampRequest { message_imprint, nonce, .. } = TimeStampRequest::sha256(imprint, nonce);
        self.token(message_imprint, serial, gen_time, nonce, true)
    }

    fn token(
        &self,
        message_imprint: MessageImprint,
        serial: u128,
        gen_time: GenTime,
        nonce: Option<Int>,
        with_certificates: bool,
    ) -> Result<Vec<u8>, AuthorityError> {
        let Validity { not_before, not_after } = self.certificate.validity();
        let at = gen_time.unix();
        if at < not_before || at > not_after {
            return Err(AuthorityError::OutsideValidity { at, not_before, not_after });
        }
        let mut serial_bytes = [0; 17];
        serial_bytes[1..].copy_from_slice(&serial.to_be_bytes());
        let content = encoded(&TstInfo {
            version: 1,
            policy: self.policy,
            message_imprint,
            serial_number: shortest_int(&serial_bytes),
            gen_time,
            accuracy: self.accuracy,
            ordering: false,
            nonce,
            tsa: None,
            extensions: None,
        });
        Ok(self.sign(&content, with_certificates))
    }

    fn sign(&self, content: &[u8], with_certificates: bool) -> Vec<u8> {
        let attributes = signed_attributes(oid::TST_INFO, digest(content), &self.signing_certificate);
        let attributes = TlvSet(attributes.iter().map(Vec::as_slice).collect());
        let signature = self.key.sign(&signed_bytes(&attributes));
        let signer_info = encoded(&SignerInfo {
            version: 1,
            signer: AnyRef::from_der(&self.signer).expect("own encoding"),
            digest_algorithm: sha256(),
            signed_attributes: Some(attributes),
            signature_algorithm: ecdsa_sha256(),
            signature: OctetStringRef::new(&signature).expect("a signature fits an octet string"),
            unsigned_attributes: None,
        });
        let digest_algorithm = digest_algorithm();
        let certificates = || TlvSet(self.certificates.iter().map(Vec::as_slice).collect());
        let signed_data = encoded(&SignedData {
            version: 3,
            digest_algorithms: TlvSet(vec![&digest_algorithm]),
            content: EncapsulatedContentInfo {
                content_type: oid::TST_INFO,
                content: Some(OctetStringRef::new(content).expect("a token's content fits an octet string")),
            },
            certificates: with_certificates.then(certificates),
            crls: None,
            signer_infos: TlvSet(vec![&signer_info]),
        });
        let content = AnyRef::from_der(&signed_data).expect("own encoding");
        encoded(&ContentInfo { content_type: oid::SIGNED_DATA, content })
    }
}

#[cfg(test)]
mod tests;
