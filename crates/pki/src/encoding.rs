//! Strict DER: one value, one encoding, no rest; and the few object identifiers the crate speaks.

use std::time::Duration;

use der::{
    DateTime, Decode, DecodeValue, Document, Encode, EncodeValue, FixedTag, Header, Length, Reader, Tag,
    Tagged, Writer, pem::LineEnding,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{name::Name, time::Time};

/// Longest certificate that is read.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 16 << 10;
/// Longest revocation list that is read.
pub(crate) const CRL_BYTES_MAX: usize = 16 << 20;

/// Why bytes are not what they were taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Not DER of the expected shape.
    #[error("not DER of the expected shape: {source}")]
    Der {
        /// What the decoder found, with the offset.
        #[from]
        source: der::Error,
    },
    /// Decodes, but not to the only encoding that is accepted.
    #[error("not the canonical encoding of its value")]
    NotCanonical,
    /// Longer than anything honest.
    #[error("{found} bytes, at most {max} are read")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// PEM of something else.
    #[error("PEM label is {found:?}, not {expected:?}")]
    PemLabel {
        /// Label found.
        found: String,
        /// Label expected.
        expected: &'static str,
    },
    /// Well formed, but outside the profile that is read.
    #[error("{rule}")]
    Profile {
        /// The rule that is broken.
        rule: &'static str,
    },
}

/// The PEM blocks of `text`, in order, each as it stands; text around them is passed over.
///
/// # Errors
/// [`EncodingError::Profile`]: a block that does not end.
pub fn pem_blocks(text: &str) -> Result<Vec<&str>, EncodingError> {
    const RULE: &str = "a PEM block does not end";
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let block = &rest[start..];
        let end = block.find("-----END ").ok_or(EncodingError::Profile { rule: RULE })? + "-----END ".len();
        let close = block[end..].find("-----").ok_or(EncodingError::Profile { rule: RULE })? + "-----".len();
        blocks.push(&block[..end + close]);
        rest = &block[end + close..];
    }
    Ok(blocks)
}

/// Decodes the one value `bytes` is the canonical encoding of.
///
/// Encodes again and compares: the decoders below sort sets and accept some explicit defaults, which would make bytes malleable.
pub(crate) fn decode<'a, T>(bytes: &'a [u8], bytes_max: usize) -> Result<T, EncodingError>
where
    T: Decode<'a, Error = der::Error> + Encode,
{
    if bytes.len() > bytes_max {
        return Err(EncodingError::TooLong { found: bytes.len(), max: bytes_max });
    }
    let value = T::from_der(bytes)?;
    if value.to_der()? != bytes {
        return Err(EncodingError::NotCanonical);
    }
    Ok(value)
}

pub(crate) fn profile(holds: bool, rule: &'static str) -> Result<(), EncodingError> {
    if holds { Ok(()) } else { Err(EncodingError::Profile { rule }) }
}

/// Every value in `name` is one of the strings of a `DirectoryString`, or an `IA5String`; what is in the string is not looked at.
pub(crate) fn names_of_text(name: &Name) -> Result<(), EncodingError> {
    let texts = [Tag::Utf8String, Tag::PrintableString, Tag::Ia5String, Tag::TeletexString, Tag::BmpString];
    profile(
        name.iter().all(|part| texts.contains(&part.value.tag())),
        "a name holds something else than text",
    )
}

pub(crate) fn from_pem(text: &str, expected: &'static str) -> Result<Vec<u8>, EncodingError> {
    let (label, document) = Document::from_pem(text)?;
    if label != expected {
        return Err(EncodingError::PemLabel { found: label.to_owned(), expected });
    }
    Ok(document.into_vec())
}

pub(crate) fn to_pem(der: &[u8], label: &'static str) -> String {
    der::pem::encode_string(label, LineEnding::LF, der).expect("bytes under DER's length limit encode as PEM")
}

/// The members of a `SET OF` as they stand: raw, in the order found, so that encoding again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlvSet<'a>(pub(crate) Vec<&'a [u8]>);

impl<'a> TlvSet<'a> {
    /// Strictly ascending, hence also without duplicates.
    pub(crate) fn is_der_ordered(&self) -> bool {
        self.0.is_sorted_by(|a, b| a < b)
    }
}

impl FixedTag for TlvSet<'_> {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for TlvSet<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let mut members = Vec::new();
        while !reader.is_finished() {
            members.push(reader.tlv_bytes()?);
        }
        Ok(Self(members))
    }
}

impl EncodeValue for TlvSet<'_> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.iter().try_fold(Length::ZERO, |sum, member| sum + Length::try_from(member.len())?)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.iter().try_for_each(|member| writer.write(member))
    }
}

/// X.509's `Time` of `unix` seconds: UTCTime through 2049, then GeneralizedTime. RFC 5280, section 4.1.2.5.
pub(crate) fn x509_time(unix: u64) -> der::Result<Time> {
    Ok(Time::from(DateTime::from_unix_duration(Duration::from_secs(unix))?))
}

pub(crate) fn unix_seconds(time: Time) -> u64 {
    time.to_unix_duration().as_secs()
}

/// Bytes of a non-negative integer without leading zeros; `None` when it is negative.
pub(crate) fn unsigned(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [first, ..] if *first >= 0x80 => None,
        _ => Some(strip_zeros(integer)),
    }
}

pub(crate) fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

pub(crate) mod oid {
    use der::asn1::ObjectIdentifier;

    const fn oid(text: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(text)
    }

    pub(crate) const COUNTRY: ObjectIdentifier = oid("2.5.4.6");
    pub(crate) const ORGANISATION: ObjectIdentifier = oid("2.5.4.10");
    pub(crate) const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");

    pub(crate) const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
    pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
    pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
    pub(crate) const INVALIDITY_DATE: ObjectIdentifier = oid("2.5.29.24");
    /// Delta list, issuing distribution point, certificate issuer: the list is not complete and direct.
    pub(crate) const PARTIAL: [ObjectIdentifier; 3] = [oid("2.5.29.27"), oid("2.5.29.28"), oid("2.5.29.29")];
    pub(crate) const NAME_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.30");
    pub(crate) const CERTIFICATE_POLICIES: ObjectIdentifier = oid("2.5.29.32");
    pub(crate) const POLICY_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.36");
    pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
    pub(crate) const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37.0");
    pub(crate) const KP_SERVER_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.1");
    pub(crate) const KP_CLIENT_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.2");
    pub(crate) const KP_OCSP_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.9");
    pub(crate) const KP_DOCUMENT_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.36");
    pub(crate) const KP_TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");

    pub(crate) const ACCESS_OCSP: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1");
    pub(crate) const OCSP_BASIC: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
    pub(crate) const OCSP_NONCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.2");
    pub(crate) const OCSP_NO_CHECK: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.5");

    pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
    /// FIPS 204.
    pub(crate) const ML_DSA_65: ObjectIdentifier = oid("2.16.840.1.101.3.4.3.18");
    pub(crate) const SM2_CURVE: ObjectIdentifier = oid("1.2.156.10197.1.301");
    pub(crate) const SM2_SM3: ObjectIdentifier = oid("1.2.156.10197.1.501");
    pub(crate) const PRIME256V1: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
    pub(crate) const ED25519: ObjectIdentifier = oid("1.3.101.112");
    pub(crate) const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
    pub(crate) const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
    pub(crate) const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");

    pub(crate) const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
    pub(crate) const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
    pub(crate) const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
    pub(crate) const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
    pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
    pub(crate) const TIME_STAMP_TOKEN: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.14");
    pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
}

/// Extended key usages of subscribers' certificates, in the order they are written.
pub(crate) mod usages {
    use super::oid::{KP_CLIENT_AUTH, KP_DOCUMENT_SIGNING, KP_SERVER_AUTH};
    use der::asn1::ObjectIdentifier;

    pub(crate) const NODE: &[ObjectIdentifier] = &[KP_SERVER_AUTH, KP_CLIENT_AUTH];
    pub(crate) const OFFICER: &[ObjectIdentifier] = &[KP_CLIENT_AUTH];
    pub(crate) const SIGNER: &[ObjectIdentifier] = &[KP_DOCUMENT_SIGNING, KP_CLIENT_AUTH];
}

/// ECDSA with SHA-256; parameters are absent. RFC 5758, section 3.2.
pub(crate) fn ecdsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: oid::ECDSA_SHA256, parameters: None }
}

/// SHA-256; parameters are absent. RFC 5754, section 2.
pub(crate) fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: oid::SHA256, parameters: None }
}

/// SHA-256 with parameters absent or NULL, which RFC 5754 tells readers to accept both.
pub(crate) fn is_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == oid::SHA256
        && algorithm.parameters.as_ref().is_none_or(|parameters| parameters.is_null())
}
