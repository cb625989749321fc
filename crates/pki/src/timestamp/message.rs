//! What client and authority say to each other, and what a token states. RFC 3161, section 2.4.

use der::{
    Decode, Sequence,
    asn1::{AnyRef, BitString, Int, ObjectIdentifier, OctetString},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::{Extension, pkix::name::GeneralName};

use super::{GenTime, verification::RESPONSE_BYTES_MAX};
use crate::{
    encoding::{EncodingError, decode, is_sha256, profile, sha256, unsigned},
    key::encoded,
};

/// Longest request that is read.
pub const REQUEST_BYTES_MAX: usize = 4 << 10;

/// The digest that is time-stamped.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(crate) struct MessageImprint {
    pub(crate) hash_algorithm: AlgorithmIdentifierOwned,
    pub(crate) hashed_message: OctetString,
}

impl MessageImprint {
    pub(crate) fn sha256(digest: &[u8; 32]) -> Self {
        let hashed_message = OctetString::new(*digest).expect("32 bytes fit an octet string");
        Self { hash_algorithm: sha256(), hashed_message }
    }

    /// The digest, if it is SHA-256's.
    pub(crate) fn as_sha256(&self) -> Option<[u8; 32]> {
        if !is_sha256(&self.hash_algorithm) {
            return None;
        }
        self.hashed_message.as_bytes().try_into().ok()
    }
}

/// `TimeStampReq`.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct TimeStampRequest {
    pub(crate) version: u8,
    pub(crate) message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    pub(crate) policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    pub(crate) nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    pub(crate) cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) extensions: Option<Vec<Extension>>,
}

impl TimeStampRequest {
    /// Asks for a stamp on a SHA-256 digest, with the authority's certificates in the token, under whatever policy.
    ///
    /// The nonce ties the answer to this request; the caller draws it at random.
    #[must_use]
    pub fn sha256(imprint: &[u8; 32], nonce: Option<u64>) -> Self {
        let nonce = nonce.map(|nonce| {
            let mut bytes = [0; 9];
            bytes[1..].copy_from_slice(&nonce.to_be_bytes());
            shortest_int(&bytes)
        });
        let message_imprint = MessageImprint::sha256(imprint);
        Self { version: 1, message_imprint, policy: None, nonce, cert_req: true, extensions: None }
    }

    /// The same, under `policy`.
    #[must_use]
    pub fn with_policy(self, policy: ObjectIdentifier) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The same, without certificates in the token: whoever verifies it must have them from elsewhere.
    #[must_use]
    pub fn without_certificates(self) -> Self {
        Self { cert_req: false, ..self }
    }

    /// Reads exactly one request. A version or digest we do not serve is not an error here.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn from_der(der: &[u8]) -> Result<Self, EncodingError> {
        decode(der, REQUEST_BYTES_MAX)
    }

    /// DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        encoded(self)
    }

    /// The SHA-256 digest to be stamped; `None` when it is another algorithm's.
    #[must_use]
    pub fn imprint_sha256(&self) -> Option<[u8; 32]> {
        self.message_imprint.as_sha256()
    }
}

/// The integer of two's complement `bytes` in its shortest form.
pub(crate) fn shortest_int(bytes: &[u8]) -> Int {
    let zeros =
        bytes.iter().zip(&bytes[1..]).take_while(|(first, second)| **first == 0 && **second < 0x80).count();
    Int::new(&bytes[zeros..]).expect("a few bytes fit an integer")
}

/// Why an authority refuses. RFC 3161, section 2.4.2; the discriminant is the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailInfo {
    /// The digest's algorithm is not served.
    BadAlg = 0,
    /// The request is not permitted or not supported.
    BadRequest = 2,
    /// The request is malformed.
    BadDataFormat = 5,
    /// The authority has no time.
    TimeNotAvailable = 14,
    /// The policy asked for is not served.
    UnacceptedPolicy = 15,
    /// An extension of the request is not served.
    UnacceptedExtension = 16,
    /// Additional information asked for is not available.
    AddInfoNotAvailable = 17,
    /// The authority failed.
    SystemFailure = 25,
}

impl FailInfo {
    const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// A named bit list: no trailing zero bits.
    fn bits(self) -> BitString {
        let bit = self as usize;
        let mut bytes = vec![0; bit / 8 + 1];
        bytes[bit / 8] = 0x80 >> (bit % 8);
        let unused = u8::try_from(7 - bit % 8).expect("below 8");
        BitString::new(unused, bytes).expect("a few bytes fit a bit string")
    }

    fn read(bits: &BitString) -> Vec<Self> {
        Self::ALL.into_iter().filter(|info| bits.get(*info as usize) == Some(true)).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<Vec<String>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct TimeStampResp<'a> {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    token: Option<AnyRef<'a>>,
}

/// `TimeStampResp`: a token, or why there is none. The token is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStampResponse {
    /// `PKIStatus`: 0 granted, 1 granted with changes, 2 rejection, 3 to 5 warnings.
    pub status: u8,
    /// What the authority says to people.
    pub text: Vec<String>,
    /// Why it refused, as far as the reasons are known.
    pub failures: Vec<FailInfo>,
    /// The token, DER; there exactly when the status is 0 or 1.
    pub token: Option<Vec<u8>>,
}

impl TimeStampResponse {
    /// Reads exactly one response.
    ///
    /// # Errors
    /// [`EncodingError`]; also when status and presence of the token contradict each other.
    pub fn from_der(der: &[u8]) -> Result<Self, EncodingError> {
        let response: TimeStampResp<'_> = decode(der, RESPONSE_BYTES_MAX)?;
        let PkiStatusInfo { status, status_string, fail_info } = response.status;
        profile((status <= 1) == response.token.is_some(), "a token is there exactly when it is granted")?;
        Ok(Self {
            status,
            text: status_string.unwrap_or_default(),
            failures: fail_info.as_ref().map(FailInfo::read).unwrap_or_default(),
            token: response.token.map(|token| encoded(&token)),
        })
    }

    /// DER of a response that grants `token_der`.
    pub(crate) fn granted(token_der: &[u8]) -> Vec<u8> {
        let status = PkiStatusInfo { status: 0, status_string: None, fail_info: None };
        let token = AnyRef::from_der(token_der).expect("own encoding");
        encoded(&TimeStampResp { status, token: Some(token) })
    }

    /// DER of a response that refuses.
    pub(crate) fn refused(failure: FailInfo, text: &str) -> Vec<u8> {
        let status = PkiStatusInfo {
            status: 2,
            status_string: Some(vec![text.to_owned()]),
            fail_info: Some(failure.bits()),
        };
        encoded(&TimeStampResp { status, token: None })
    }
}

/// `TSTInfo`: what the authority signs.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(crate) struct TstInfo {
    pub(crate) version: u8,
    pub(crate) policy: ObjectIdentifier,
    pub(crate) message_imprint: MessageImprint,
    pub(crate) serial_number: Int,
    pub(crate) gen_time: GenTime,
    #[asn1(optional = "true")]
    pub(crate) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(crate) ordering: bool,
    #[asn1(optional = "true")]
    pub(crate) nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) tsa: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) extensions: Option<Vec<Extension>>,
}

/// How far the true time may be from the stated one, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Sequence)]
pub(crate) struct Accuracy {
    #[asn1(optional = "true")]
    seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    micros: Option<u16>,
}

impl Accuracy {
    pub(crate) fn from_ms(ms: u32) -> Self {
        let millis = u16::try_from(ms % 1000).expect("below 1000");
        Self {
            seconds: (ms >= 1000).then_some(ms / 1000),
            millis: (millis > 0).then_some(millis),
            micros: None,
        }
    }

    /// Microseconds; `None` when a part is outside 1 to 999.
    pub(crate) fn micros(self) -> Option<u64> {
        let part = |part: Option<u16>| match part {
            None => Some(0),
            Some(value @ 1..=999) => Some(u64::from(value)),
            Some(_) => None,
        };
        Some(
            u64::from(self.seconds.unwrap_or(0)) * 1_000_000 + part(self.millis)? * 1000 + part(self.micros)?,
        )
    }
}

/// A token's serial number: non-negative, at most 160 bits. RFC 3161, section 2.4.2.
pub(crate) fn token_serial(serial: &Int) -> Option<&[u8]> {
    unsigned(serial.as_bytes()).filter(|bytes| bytes.len() <= 20)
}

#[cfg(test)]
mod tests;
