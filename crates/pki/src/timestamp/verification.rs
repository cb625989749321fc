//! The judge of tokens, ours and other authorities'.

use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;

use super::{
    FailInfo, GenTime, TimeStampRequest, TimeStampResponse,
    cms::{
        Attribute, ContentInfo, EssCertIdV2, IssuerAndSerialNumber, SignedData, SignerInfo,
        SigningCertificateV2, signed_bytes,
    },
    message::{TstInfo, token_serial},
};
use crate::{
    ChainError, EncodingError, PublicKey, Purpose, Trust, Validated, X509Certificate,
    encoding::{TlvSet, decode, ecdsa_sha256, is_sha256, oid},
    key::{encoded, sha256},
    validate,
};

/// Longest response, and longest token, that is read.
pub const RESPONSE_BYTES_MAX: usize = 128 << 10;

/// Why a token proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Bytes that are not what they should be.
    #[error("the {part} is malformed: {source}")]
    Malformed {
        /// Which part.
        part: &'static str,
        /// How.
        source: EncodingError,
    },
    /// Not a time-stamp token.
    #[error("the {part} is of type {found}")]
    ContentType {
        /// Which part.
        part: &'static str,
        /// Its type.
        found: ObjectIdentifier,
    },
    /// Well formed, but outside what RFC 3161 and this crate allow.
    #[error("{rule}")]
    Profile {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// No such signed attribute.
    #[error("the token has no signed attribute {attribute}")]
    AttributeMissing {
        /// Which.
        attribute: &'static str,
    },
    /// A digest or signature that we do not verify.
    #[error("unsupported algorithm {algorithm} of the {part}")]
    UnsupportedAlgorithm {
        /// Which part.
        part: &'static str,
        /// Algorithm.
        algorithm: ObjectIdentifier,
    },
    /// A token over something else.
    #[error("the token is over another digest")]
    Imprint,
    /// Nobody gave the signer's certificate.
    #[error("the signer's certificate is neither in the token nor among the intermediates")]
    SignerMissing,
    /// A certificate that is not on the path: anybody could have put it there.
    #[error("certificate {index} in the token is not on the signer's path or is there twice")]
    StrayCertificate {
        /// Its index among those in the token.
        index: usize,
    },
    /// The content is not the one that was signed.
    #[error("the message digest is not the content's")]
    MessageDigest,
    /// The signature is bound to another certificate.
    #[error("the signing-certificate attribute names another certificate")]
    SigningCertificate,
    /// The signature is not the signer's.
    #[error("the token's signature does not verify")]
    BadSignature,
    /// The signer does not count.
    #[error("the signer's path: {source}")]
    Chain {
        /// Why. Intermediates are numbered as they stand in the token, then as given.
        #[from]
        source: ChainError,
    },
    /// A token from after the declared time.
    #[error("the token's time {gen_time_ms} ms is after the declared time {declared} s")]
    FromTheFuture {
        /// The token's unix milliseconds.
        gen_time_ms: u64,
        /// The declared unix second.
        declared: u64,
    },
    /// The authority refused.
    #[error("the authority refused with status {status}, {failures:?}: {text}")]
    Refused {
        /// Its status.
        status: u8,
        /// Its reasons.
        failures: Vec<FailInfo>,
        /// Its words.
        text: String,
    },
    /// The answer to another request.
    #[error("the token's {part} is not the request's")]
    NotTheRequest {
        /// What differs.
        part: &'static str,
    },
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The time it states.
    pub gen_time: GenTime,
    /// How far the true time may be from it, either way, in microseconds, if the authority says.
    pub accuracy_us: Option<u64>,
    /// Its serial number, big-endian without leading zeros; at most 20 bytes.
    pub serial: Vec<u8>,
    /// The authority's policy.
    pub policy: ObjectIdentifier,
    /// The nonce as two's complement, if any.
    pub nonce: Option<Vec<u8>>,
    /// The authority: its subject, certificate and path.
    pub authority: Validated,
}

/// Checks that `token_der` proves: an authority under `trust` had seen the SHA-256 digest `imprint` at the time it states.
///
/// The authority's path is judged at that time. With `declared` (unix seconds), a token from after that second is refused.
/// Certificates come from the token and from `trust.intermediates`. About 0.2 ms for the token and for each check of [`validate`].
///
/// # Errors
/// [`TokenError`].
///
/// RFC 3161, section 2.4.2; RFC 5652, section 5; RFC 5035, section 5.4.
pub fn verify_token(
    token_der: &[u8],
    imprint: &[u8; 32],
    trust: &Trust<'_>,
    declared: Option<u64>,
) -> Result<TokenInfo, TokenError> {
    let token = Token::read(token_der)?;
    let info = token.statement()?;
    if !is_sha256(&info.message_imprint.hash_algorithm) {
        let algorithm = info.message_imprint.hash_algorithm.oid;
        return Err(TokenError::UnsupportedAlgorithm { part: "imprint", algorithm });
    }
    if info.message_imprint.as_sha256() != Some(*imprint) {
        return Err(TokenError::Imprint);
    }
    if let Some(declared) = declared
        && info.gen_time.unix() > declared
    {
        return Err(TokenError::FromTheFuture { gen_time_ms: info.gen_time.unix_ms(), declared });
    }
    let embedded = token.certificates()?;
    let signer = token.signer(&embedded, trust)?;
    token.check_signature(&signer)?;
    let authority = token.check_path(&embedded, &signer, trust, info.gen_time.unix())?;
    check_authority_name(&info, &signer)?;
    let accuracy_us = info.accuracy.map(|accuracy| {
        accuracy.micros().ok_or(TokenError::Profile { rule: "a part of the accuracy is outside 1 to 999" })
    });
    let serial = token_serial(&info.serial_number);
    let serial =
        serial.ok_or(TokenError::Profile { rule: "the serial number is negative or above 160 bits" })?;
    Ok(TokenInfo {
        gen_time: info.gen_time,
        accuracy_us: accuracy_us.transpose()?,
        serial: serial.to_vec(),
        policy: info.policy,
        nonce: info.nonce.as_ref().map(|nonce| nonce.as_bytes().to_vec()),
        authority,
    })
}

/// Checks an authority's answer to `request`, and returns the token with what it says.
///
/// Beyond [`verify_token`]: imprint, nonce and policy are the request's, certificates are there exactly when asked for.
///
/// # Errors
/// [`TokenError`].
pub fn verify_response(
    response_der: &[u8],
    request: &TimeStampRequest,
    trust: &Trust<'_>,
    declared: Option<u64>,
) -> Result<(Vec<u8>, TokenInfo), TokenError> {
    let response = TimeStampResponse::from_der(response_der);
    let response = response.map_err(|source| TokenError::Malformed { part: "response", source })?;
    let TimeStampResponse { status, text, failures, token } = response;
    let token = token.ok_or_else(|| TokenError::Refused { status, failures, text: text.join(" ") })?;
    let imprint = request.imprint_sha256().ok_or(TokenError::UnsupportedAlgorithm {
        part: "request",
        algorithm: request.message_imprint.hash_algorithm.oid,
    })?;
    let info = verify_token(&token, &imprint, trust, declared)?;
    if info.nonce.as_deref() != request.nonce.as_ref().map(|nonce| nonce.as_bytes()) {
        return Err(TokenError::NotTheRequest { part: "nonce" });
    }
    if request.policy.is_some_and(|policy| policy != info.policy) {
        return Err(TokenError::NotTheRequest { part: "policy" });
    }
    if Token::read(&token)?.signed_data.certificates.is_some() != request.cert_req {
        return Err(TokenError::NotTheRequest { part: "wish for certificates" });
    }
    Ok((token, info))
}

/// A token taken apart, of one signer, with nothing unsigned that could be something else.
struct Token<'a> {
    signed_data: SignedData<'a>,
    signer: SignerInfo<'a>,
    content: &'a [u8],
}

impl<'a> Token<'a> {
    fn read(der: &'a [u8]) -> Result<Self, TokenError> {
        let outer: ContentInfo<'a> = part("token", der)?;
        if outer.content_type != oid::SIGNED_DATA {
            return Err(TokenError::ContentType { part: "token", found: outer.content_type });
        }
        let signed_data_der = last_tlv(der, &outer.content)?;
        let signed_data: SignedData<'a> = part("signed data", signed_data_der)?;
        if signed_data.content.content_type != oid::TST_INFO {
            let found = signed_data.content.content_type;
            return Err(TokenError::ContentType { part: "signed content", found });
        }
        rule(signed_data.version == 3, "the signed data is not version 3")?;
        rule(signed_data.crls.is_none(), "the token carries revocation lists, which nobody signed")?;
        let content =
            signed_data.content.content.ok_or(TokenError::Profile { rule: "the token has no content" })?;
        let [signer] = signed_data.signer_infos.0[..] else {
            return Err(TokenError::Profile { rule: "the token does not have exactly one signer" });
        };
        let signer: SignerInfo<'a> = part("signer info", signer)?;
        let token = Self { content: content.as_bytes(), signed_data, signer };
        token.check_signer_info()?;
        Ok(token)
    }

    fn check_signer_info(&self) -> Result<(), TokenError> {
        let signer = &self.signer;
        rule(signer.version == 1, "the signer info is not version 1, by issuer and serial number")?;
        rule(signer.unsigned_attributes.is_none(), "the token carries unsigned attributes")?;
        if !is_sha256(&signer.digest_algorithm) {
            let algorithm = signer.digest_algorithm.oid;
            return Err(TokenError::UnsupportedAlgorithm { part: "message digest", algorithm });
        }
        let alike = self.signed_data.digest_algorithms.0 == [encoded(&signer.digest_algorithm)];
        rule(alike, "the digest algorithms are not just the signer's")?;
        if signer.signature_algorithm != ecdsa_sha256() {
            let algorithm = signer.signature_algorithm.oid;
            return Err(TokenError::UnsupportedAlgorithm { part: "signature", algorithm });
        }
        Ok(())
    }

    fn statement(&self) -> Result<TstInfo, TokenError> {
        let info: TstInfo = part("statement", self.content)?;
        rule(info.version == 1, "the statement is not version 1")?;
        let extensions = info.extensions.as_deref().unwrap_or_default();
        rule(
            extensions.iter().all(|extension| !extension.critical),
            "the statement has a critical extension",
        )?;
        Ok(info)
    }

    fn certificates(&self) -> Result<Vec<X509Certificate>, TokenError> {
        let set = self.signed_data.certificates.as_ref();
        rule(set.is_none_or(|set| !set.0.is_empty()), "the set of certificates is empty instead of absent")?;
        let members = set.map_or(&[][..], |set| &set.0[..]);
        let read = |der: &&[u8]| {
            X509Certificate::from_der(der)
                .map_err(|source| TokenError::Malformed { part: "certificate set", source })
        };
        // More than the path can hold cannot all be on it.
        rule(members.len() <= crate::PATH_CERTIFICATES_MAX, "the token carries too many certificates")?;
        members.iter().map(read).collect()
    }

    fn signer(&self, embedded: &[X509Certificate], trust: &Trust<'_>) -> Result<X509Certificate, TokenError> {
        let named = encoded(&self.signer.signer);
        rule(named.first() == Some(&0x30), "the signer is not named by issuer and serial number")?;
        let named: IssuerAndSerialNumber = part("signer's name", &named)?;
        let is_signer = |certificate: &X509Certificate| IssuerAndSerialNumber::of(certificate) == named;
        if let Some(certificate) = embedded.iter().find(|certificate| is_signer(certificate)) {
            return Ok(certificate.clone());
        }
        // Certificates given but malformed are named by `validate`, which reads them all.
        let given = trust.intermediates.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        given.into_iter().find(is_signer).ok_or(TokenError::SignerMissing)
    }

    /// Content type, message digest, certificate binding, signature.
    fn check_signature(&self, signer: &X509Certificate) -> Result<(), TokenError> {
        let attributes = self.signer.signed_attributes.as_ref();
        let attributes =
            attributes.ok_or(TokenError::Profile { rule: "the token has no signed attributes" })?;
        rule(attributes.is_der_ordered(), "the signed attributes are not in DER order")?;
        let content_type: ObjectIdentifier = single(attributes, oid::CONTENT_TYPE, "content type")?;
        if content_type != oid::TST_INFO {
            return Err(TokenError::ContentType { part: "content-type attribute", found: content_type });
        }
        let digest: der::asn1::OctetString = single(attributes, oid::MESSAGE_DIGEST, "message digest")?;
        if digest.as_bytes() != sha256(self.content) {
            return Err(TokenError::MessageDigest);
        }
        let named: EssCertIdV2 = self.signing_certificates(attributes)?.swap_remove(0);
        if !named.names(signer) {
            return Err(TokenError::SigningCertificate);
        }
        match signer.public_key() {
            PublicKey::P256(key) => {
                let signature = self.signer.signature.as_bytes();
                if key.verifies(&signed_bytes(attributes), signature) {
                    Ok(())
                } else {
                    Err(TokenError::BadSignature)
                }
            }
            other => {
                Err(TokenError::UnsupportedAlgorithm { part: "signer's key", algorithm: other.algorithm() })
            }
        }
    }

    /// At least one.
    fn signing_certificates(&self, attributes: &TlvSet<'_>) -> Result<Vec<EssCertIdV2>, TokenError> {
        let der = single_der(attributes, oid::SIGNING_CERTIFICATE_V2, "signing certificate v2")?;
        let list: SigningCertificateV2<'_> = part("signing certificate", &der)?;
        rule(!list.certificates.is_empty(), "the signing-certificate attribute is empty")?;
        for id in &list.certificates {
            if let Some(algorithm) = id.hash_algorithm.as_ref().filter(|algorithm| !is_sha256(algorithm)) {
                let algorithm = algorithm.oid;
                return Err(TokenError::UnsupportedAlgorithm { part: "signing certificate", algorithm });
            }
        }
        Ok(list.certificates)
    }

    /// The signer's path at `at`, made of all certificates in the token and of those given.
    fn check_path(
        &self,
        embedded: &[X509Certificate],
        signer: &X509Certificate,
        trust: &Trust<'_>,
        at: u64,
    ) -> Result<Validated, TokenError> {
        let mut intermediates: Vec<&[u8]> = embedded.iter().map(X509Certificate::der).collect();
        intermediates.extend(trust.intermediates);
        let trust = Trust { intermediates: &intermediates, ..*trust };
        let validated = validate(signer.der(), &trust, at, Purpose::TimeStamping)?;
        self.check_embedded(embedded, &validated)?;
        let attributes =
            self.signer.signed_attributes.as_ref().map(|attributes| self.signing_certificates(attributes));
        // RFC 5035, section 5.4: further certificates named there are those the path may consist of.
        for id in attributes.transpose()?.unwrap_or_default() {
            let on_path = validated.path.iter().any(|fingerprint| fingerprint == id.hash.as_bytes());
            if !on_path {
                return Err(TokenError::SigningCertificate);
            }
        }
        Ok(validated)
    }

    /// Every certificate in the token is on the path, once, in DER order or in path order.
    fn check_embedded(&self, embedded: &[X509Certificate], validated: &Validated) -> Result<(), TokenError> {
        let place = |certificate: &X509Certificate| {
            let fingerprint = certificate.fingerprint();
            validated.path.iter().position(|other| *other == fingerprint)
        };
        let mut places = Vec::new();
        for (index, certificate) in embedded.iter().enumerate() {
            match place(certificate) {
                Some(place) if !places.contains(&place) => places.push(place),
                _ => return Err(TokenError::StrayCertificate { index }),
            }
        }
        let ordered = self.signed_data.certificates.as_ref().is_none_or(TlvSet::is_der_ordered);
        rule(ordered || places.is_sorted(), "the certificates are neither in DER order nor in path order")
    }
}

/// RFC 3161, section 2.4.2: the authority's name in the statement is one of its certificate's names.
fn check_authority_name(info: &TstInfo, signer: &X509Certificate) -> Result<(), TokenError> {
    let named = match &info.tsa {
        None => true,
        Some(GeneralName::DirectoryName(name)) => {
            name == signer.subject_name()
                || signer.alternative_names().contains(&GeneralName::DirectoryName(name.clone()))
        }
        Some(other) => signer.alternative_names().contains(other),
    };
    rule(named, "the authority named in the statement is not the signer")
}

fn rule(holds: bool, rule: &'static str) -> Result<(), TokenError> {
    if holds { Ok(()) } else { Err(TokenError::Profile { rule }) }
}

fn part<'a, T>(part: &'static str, der: &'a [u8]) -> Result<T, TokenError>
where
    T: der::Decode<'a, Error = der::Error> + der::Encode,
{
    decode(der, RESPONSE_BYTES_MAX).map_err(|source| TokenError::Malformed { part, source })
}

/// The bytes of `inner`, which is the last TLV in `der`.
fn last_tlv<'a>(der: &'a [u8], inner: &der::asn1::AnyRef<'_>) -> Result<&'a [u8], TokenError> {
    let length = encoded(inner).len();
    let start = der.len().checked_sub(length);
    start.map(|start| &der[start..]).ok_or(TokenError::Profile { rule: "the token is cut short" })
}

fn single_der(
    attributes: &TlvSet<'_>,
    wanted: ObjectIdentifier,
    name: &'static str,
) -> Result<Vec<u8>, TokenError> {
    let mut found = None;
    for der in &attributes.0 {
        let attribute: Attribute<'_> = part("signed attribute", der)?;
        if attribute.oid != wanted {
            continue;
        }
        rule(found.is_none(), "a signed attribute is there twice")?;
        let [value] = attribute.values.0[..] else {
            return Err(TokenError::Profile { rule: "a signed attribute does not have exactly one value" });
        };
        found = Some(value.to_vec());
    }
    found.ok_or(TokenError::AttributeMissing { attribute: name })
}

fn single<T>(attributes: &TlvSet<'_>, wanted: ObjectIdentifier, name: &'static str) -> Result<T, TokenError>
where
    T: for<'b> der::Decode<'b, Error = der::Error> + der::Encode,
{
    part(name, &single_der(attributes, wanted, name)?)
}

#[cfg(test)]
mod tests;
