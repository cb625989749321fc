//! Is this certificate revoked? Asked and answered (OCSP, RFC 6960; nonces as in RFC 9654).
//!
//! Answers are signed by a delegated responder: a certificate that the issuer of the certificates asked about has issued for that purpose
//! alone. A [`Responder`] answers for one issuer; what it knows of other issuers' certificates is "unknown".
//!
//! # Invariants
//! - Requests and answers are decoded strictly. A signature on a request is not looked at: it gives its maker nothing.
//! - An answer counts only with the issuer's or its delegate's signature, for exactly the certificate asked about, within its times.

mod message;

use der::{
    Encode,
    asn1::{BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString},
};
use sha1::{Digest as _, Sha1};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{ext::Extension, serial_number::SerialNumber};

use xiezhi_crypto::Signer;

use self::message::{
    BasicResponse, CertId, CertStatus, OcspRequest, OcspResponse, OcspResponseStatus, Request, ResponderId,
    ResponseBytes, ResponseData, RevokedInfo, SingleResponse, TbsRequest,
};
use crate::{
    PublicKey, RevocationReason, Suite, X509Certificate,
    encoding::{EncodingError, decode, oid, profile, strip_zeros, unsigned},
    issuance::{IssueError, algorithm},
    key::{encoded, sha256},
    signer::signature,
};

/// Longest request that is read.
pub const REQUEST_BYTES_MAX: usize = 16 << 10;
/// Longest answer that is read.
pub const RESPONSE_BYTES_MAX: usize = 256 << 10;
/// Most certificates that one request asks about.
pub const QUESTIONS_MAX: usize = 64;
/// Longest nonce, in bytes. RFC 9654, section 2.1.
const NONCE_BYTES_MAX: usize = 128;

/// Media type of a request.
pub const REQUEST_TYPE: &str = "application/ocsp-request";
/// Media type of an answer.
pub const RESPONSE_TYPE: &str = "application/ocsp-response";

/// How a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Issued and not revoked. Says nothing about its expiry.
    Good,
    /// Revoked or suspended.
    Revoked {
        /// When; unix seconds.
        at: u64,
        /// Why; a suspension is [`RevocationReason::CertificateHold`].
        reason: RevocationReason,
    },
    /// Not issued by this authority, as far as the responder knows.
    Unknown,
}

/// Why there is no answer. RFC 6960, section 4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request is not one.
    #[error("the responder calls the request malformed")]
    MalformedRequest,
    /// The responder has a fault.
    #[error("the responder has an internal error")]
    InternalError,
    /// The responder cannot answer now.
    #[error("the responder asks to try later")]
    TryLater,
    /// The responder answers signed requests only.
    #[error("the responder wants a signed request")]
    SignatureRequired,
    /// The responder does not answer this client, or for this issuer.
    #[error("the responder does not answer this request")]
    Unauthorized,
}

impl Refusal {
    /// The answer that says so. It is not signed.
    #[must_use]
    pub fn to_der(self) -> Vec<u8> {
        let status = match self {
            Self::MalformedRequest => OcspResponseStatus::MalformedRequest,
            Self::InternalError => OcspResponseStatus::InternalError,
            Self::TryLater => OcspResponseStatus::TryLater,
            Self::SignatureRequired => OcspResponseStatus::SigRequired,
            Self::Unauthorized => OcspResponseStatus::Unauthorized,
        };
        encoded(&OcspResponse { status, bytes: None })
    }
}

/// One certificate that is asked about: its issuer by digests, and its serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(CertId);

impl Question {
    /// The question about the certificate of `issuer` with `serial` (big-endian), its issuer named by SHA-256.
    ///
    /// # Errors
    /// [`EncodingError`] for a serial number that is none.
    pub fn new(issuer: &X509Certificate, serial: &[u8]) -> Result<Self, EncodingError> {
        let hash_algorithm = AlgorithmIdentifierOwned { oid: oid::SHA256, parameters: Some(Null.into()) };
        let (name, key) = issuer_hashes(issuer, oid::SHA256).unwrap_or_default();
        Ok(Self(CertId {
            hash_algorithm,
            issuer_name_hash: OctetString::new(name)?,
            issuer_key_hash: OctetString::new(key)?,
            serial_number: SerialNumber::new(strip_zeros(serial))?,
        }))
    }

    /// Serial number asked about, big-endian without leading zeros.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        strip_zeros(self.0.serial_number.as_bytes())
    }

    /// Whether the issuer named is `issuer`, by SHA-1 or SHA-256; other digests name nobody.
    #[must_use]
    pub fn is_about(&self, issuer: &X509Certificate) -> bool {
        issuer_hashes(issuer, self.0.hash_algorithm.oid).is_some_and(|(name, key)| {
            self.0.issuer_name_hash.as_bytes() == name && self.0.issuer_key_hash.as_bytes() == key
        })
    }
}

/// Digests of the issuer's name and of its key's bits. SHA-1, which everybody's client uses, only finds the issuer here.
fn issuer_hashes(issuer: &X509Certificate, algorithm: ObjectIdentifier) -> Option<(Vec<u8>, Vec<u8>)> {
    let name = issuer.subject_der();
    let key = issuer.inner().tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    match algorithm {
        oid::SHA1 => Some((Sha1::digest(&name).to_vec(), Sha1::digest(key).to_vec())),
        oid::SHA256 => Some((sha256(&name).to_vec(), sha256(key).to_vec())),
        _ => None,
    }
}

/// A request: what is asked, and what the answer shall repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspQuery {
    questions: Vec<Question>,
    /// The extension's value as it stands.
    nonce: Option<Vec<u8>>,
}

impl OcspQuery {
    /// Asks about one certificate; `nonce`, 1 to 128 bytes, binds the answer to this request.
    #[must_use]
    pub fn new(question: Question, nonce: Option<&[u8]>) -> Self {
        let nonce = nonce.map(|nonce| encoded(&OctetString::new(nonce).expect("a nonce is short")));
        Self { questions: vec![question], nonce }
    }

    /// Reads exactly one request.
    ///
    /// # Errors
    /// [`EncodingError`]: not canonical DER, another version, no question or more than 64, a critical extension, a nonce of another length.
    pub fn from_der(der: &[u8]) -> Result<Self, EncodingError> {
        let request: OcspRequest = decode(der, REQUEST_BYTES_MAX)?;
        let tbs = request.tbs;
        profile(tbs.version.is_none(), "the request is not version 1")?;
        profile(
            (1..=QUESTIONS_MAX).contains(&tbs.requests.len()),
            "the request asks about no certificate or about more than 64",
        )?;
        let mut nonce = None;
        for extension in tbs.extensions.iter().flatten() {
            if extension.extn_id == oid::OCSP_NONCE {
                profile(nonce.is_none(), "the request has two nonces")?;
                nonce = Some(extension.extn_value.as_bytes().to_vec());
            } else {
                profile(!extension.critical, "the request has a critical extension that is not understood")?;
            }
        }
        let bounds = 1..=NONCE_BYTES_MAX + 3;
        profile(
            nonce.as_ref().is_none_or(|nonce| bounds.contains(&nonce.len())),
            "the request's nonce is empty or too long",
        )?;
        let mut questions = Vec::new();
        for Request { cert_id, extensions } in tbs.requests {
            let critical = extensions.iter().flatten().any(|extension| extension.critical);
            profile(!critical, "a question has a critical extension that is not understood")?;
            profile(
                unsigned(cert_id.serial_number.as_bytes()).is_some(),
                "a question's serial number is negative",
            )?;
            questions.push(Question(cert_id));
        }
        Ok(Self { questions, nonce })
    }

    /// DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let requests = self.questions.iter().cloned();
        let requests = requests.map(|question| Request { cert_id: question.0, extensions: None }).collect();
        let tbs = TbsRequest { version: None, requestor: None, requests, extensions: self.nonce_extension() };
        encoded(&OcspRequest { tbs, signature: None })
    }

    /// What is asked.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Whether the answer must be made for this request.
    #[must_use]
    pub fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    fn nonce_extension(&self) -> Option<Vec<Extension>> {
        let value = self.nonce.as_deref()?;
        let extn_value = OctetString::new(value).expect("a nonce is short");
        Some(vec![Extension { extn_id: oid::OCSP_NONCE, critical: false, extn_value }])
    }
}

/// One issuer's delegate: a key, and the certificate that the issuer gave it for this.
#[derive(Debug)]
pub struct Responder<S> {
    issuer: X509Certificate,
    certificate: X509Certificate,
    key: S,
}

impl<S: Signer> Responder<S> {
    /// Puts together what answers for `issuer`.
    ///
    /// # Errors
    /// [`IssueError::Authority`]: another key, not issued by `issuer` for this.
    pub fn new(issuer: X509Certificate, certificate: X509Certificate, key: S) -> Result<Self, IssueError> {
        if certificate.public_key() != PublicKey::of(&key) {
            let rule = "the key is not the one that the responder's certificate names";
            return Err(IssueError::Authority { rule });
        }
        if !is_delegate(&certificate, &issuer) {
            let rule = "the issuer has not issued the responder's certificate for signing OCSP answers";
            return Err(IssueError::Authority { rule });
        }
        Ok(Self { issuer, certificate, key })
    }

    /// The issuer it answers for.
    #[must_use]
    pub fn issuer(&self) -> &X509Certificate {
        &self.issuer
    }

    /// Its own certificate.
    #[must_use]
    pub fn certificate(&self) -> &X509Certificate {
        &self.certificate
    }

    /// Answers `query`, made at `produced_at` from what was known at `this_update`; news by `next_update`. All unix seconds.
    ///
    /// `status_of` gets serial numbers of this issuer, big-endian without leading zeros.
    ///
    /// # Errors
    /// [`IssueError`]: a time out of range, a key that did not sign.
    pub fn answer(
        &self,
        query: &OcspQuery,
        produced_at: u64,
        (this_update, next_update): (u64, u64),
        status_of: impl Fn(&[u8]) -> Status,
    ) -> Result<Vec<u8>, IssueError> {
        let mut responses = Vec::new();
        for question in &query.questions {
            let known = question.is_about(&self.issuer);
            let status = if known { status_of(question.serial()) } else { Status::Unknown };
            responses.push(SingleResponse {
                cert_id: question.0.clone(),
                status: cert_status(status)?,
                this_update: time(this_update)?,
                next_update: Some(time(next_update)?),
                extensions: None,
            });
        }
        let data = ResponseData {
            version: None,
            responder: ResponderId::ByName(self.certificate.subject_name().clone()),
            produced_at: time(produced_at)?,
            responses,
            extensions: query.nonce_extension(),
        };
        let signature = BitString::from_bytes(&signature(&self.key, &data.to_der()?)?)?;
        let basic = BasicResponse {
            data,
            algorithm: algorithm(&self.key)?,
            signature,
            certificates: Some(vec![self.certificate.inner().clone()]),
        };
        let bytes =
            ResponseBytes { response_type: oid::OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
        let response = OcspResponse { status: OcspResponseStatus::Successful, bytes: Some(bytes) };
        Ok(response.to_der()?)
    }
}

/// Whether `issuer` has issued `certificate` for signing its OCSP answers. RFC 6960, section 4.2.2.2. Says nothing about time.
fn is_delegate(certificate: &X509Certificate, issuer: &X509Certificate) -> bool {
    let extensions = certificate.extensions();
    let usages = &extensions.extended_key_usage;
    certificate.is_issued_by(issuer)
        && !certificate.is_authority()
        && extensions.not_understood.is_none()
        && extensions.key_usage.is_none_or(|(_, usage)| usage.digital_signature())
        && usages.as_ref().is_some_and(|(_, usages)| usages.0.contains(&oid::KP_OCSP_SIGNING))
}

/// Why an answer does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspError {
    /// Not canonical DER of an answer.
    #[error("not an OCSP answer: {source}")]
    Malformed {
        /// How.
        #[from]
        source: EncodingError,
    },
    /// The responder did not answer.
    #[error("{refusal}")]
    Refused {
        /// What it said.
        refusal: Refusal,
    },
    /// An algorithm that is not verified.
    #[error("the answer uses the unsupported algorithm {algorithm}")]
    UnsupportedAlgorithm {
        /// Which.
        algorithm: ObjectIdentifier,
    },
    /// Signed by nobody who may speak for the issuer at that time.
    #[error("the answer is signed neither by the issuer nor by somebody that it has certified for that")]
    Signature,
    /// Not the answer to this request.
    #[error("the answer does not repeat the request's nonce")]
    Nonce,
    /// It says nothing about the certificate asked about.
    #[error("the answer says nothing about the certificate asked about")]
    NotAsked,
    /// Too old or from the future.
    #[error("the answer holds from {this_update} to {next_update}, not at {at}")]
    NotFresh {
        /// When it was needed.
        at: u64,
        /// First second.
        this_update: u64,
        /// Last second; the first one if the answer names none.
        next_update: u64,
    },
}

/// What a certificate's issuer says about it in `response_der`, asked by `query` and judged at the unix second `at`.
///
/// The issuer's own key counts, or that of a delegate whose certificate is in the answer and valid at `at`. Answers without a nonce to a query
/// with one are refused.
///
/// # Errors
/// [`OcspError`].
pub fn verify_response(
    response_der: &[u8],
    query: &OcspQuery,
    issuer: &X509Certificate,
    suites: &[Suite],
    at: u64,
) -> Result<Vec<Status>, OcspError> {
    let response: OcspResponse = decode(response_der, RESPONSE_BYTES_MAX)?;
    let refusal = match response.status {
        OcspResponseStatus::Successful => None,
        OcspResponseStatus::MalformedRequest => Some(Refusal::MalformedRequest),
        OcspResponseStatus::InternalError => Some(Refusal::InternalError),
        OcspResponseStatus::TryLater => Some(Refusal::TryLater),
        OcspResponseStatus::SigRequired => Some(Refusal::SignatureRequired),
        OcspResponseStatus::Unauthorized => Some(Refusal::Unauthorized),
    };
    if let Some(refusal) = refusal {
        return Err(OcspError::Refused { refusal });
    }
    let bytes = response.bytes.ok_or(EncodingError::Profile { rule: "the answer is empty" })?;
    profile(bytes.response_type == oid::OCSP_BASIC, "the answer is not a basic one")?;
    let basic: BasicResponse = decode(bytes.response.as_bytes(), RESPONSE_BYTES_MAX)?;
    check_signature(&basic, issuer, suites, at)?;
    let data = &basic.data;
    profile(data.version.is_none(), "the answer is not version 1")?;
    let list = data.extensions.as_deref().unwrap_or_default();
    let nonce = list.iter().find(|extension| extension.extn_id == oid::OCSP_NONCE);
    let nonce = nonce.map(|extension| extension.extn_value.as_bytes());
    if query.nonce.is_some() && nonce != query.nonce.as_deref() {
        return Err(OcspError::Nonce);
    }
    let answer = |question: &Question| {
        let single = data.responses.iter().find(|single| single.cert_id == question.0);
        let single = single.filter(|_| question.is_about(issuer)).ok_or(OcspError::NotAsked)?;
        let critical = single.extensions.iter().flatten().any(|extension| extension.critical);
        profile(!critical, "the answer has a critical extension that is not understood")?;
        let this_update = seconds(single.this_update);
        let next_update = single.next_update.map_or(this_update, seconds);
        if !(this_update..=next_update).contains(&at) {
            return Err(OcspError::NotFresh { at, this_update, next_update });
        }
        status(&single.status)
    };
    query.questions.iter().map(answer).collect()
}

fn check_signature(
    basic: &BasicResponse,
    issuer: &X509Certificate,
    suites: &[Suite],
    at: u64,
) -> Result<(), OcspError> {
    let suite = Suite::of(&basic.algorithm, suites)
        .map_err(|algorithm| OcspError::UnsupportedAlgorithm { algorithm })?;
    profile(!basic.signature.has_unused_bits(), "the answer's signature is not whole bytes")?;
    let mut signers = vec![issuer.clone()];
    for certificate in basic.certificates.iter().flatten() {
        let certificate = X509Certificate::from_der(&encoded(certificate))?;
        let validity = certificate.validity();
        let in_time = (validity.not_before..=validity.not_after).contains(&at);
        if in_time && certificate.signature_suite(suites).is_ok() && is_delegate(&certificate, issuer) {
            signers.push(certificate);
        }
    }
    let data = encoded(&basic.data);
    let signed = signers
        .iter()
        .map(X509Certificate::public_key)
        .any(|key| key.suite() == Some(suite) && key.verifies(&data, basic.signature.raw_bytes()));
    if signed { Ok(()) } else { Err(OcspError::Signature) }
}

fn cert_status(status: Status) -> Result<CertStatus, der::Error> {
    Ok(match status {
        Status::Good => CertStatus::Good(Null),
        Status::Unknown => CertStatus::Unknown(Null),
        Status::Revoked { at, reason } => CertStatus::Revoked(RevokedInfo {
            at: time(at)?,
            reason: (reason != RevocationReason::Unspecified).then(|| reason.into()),
        }),
    })
}

fn status(status: &CertStatus) -> Result<Status, OcspError> {
    Ok(match status {
        CertStatus::Good(_) => Status::Good,
        CertStatus::Unknown(_) => Status::Unknown,
        CertStatus::Revoked(info) => Status::Revoked {
            at: seconds(info.at),
            reason: match info.reason {
                Some(reason) => RevocationReason::try_from(reason)?,
                None => RevocationReason::Unspecified,
            },
        },
    })
}

fn time(unix: u64) -> Result<GeneralizedTime, der::Error> {
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(unix))
}

fn seconds(time: GeneralizedTime) -> u64 {
    time.to_unix_duration().as_secs()
}

#[cfg(test)]
mod tests;
