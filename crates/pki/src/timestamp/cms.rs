//! The part of CMS (RFC 5652) and ESS (RFC 5035) that time-stamp tokens and detached signatures use.
//!
//! Types of our own: a general CMS library sorts sets while it decodes them and so cannot tell one order of the unsigned certificates
//! from another. Sets are kept here as they stand.

use der::{
    Sequence,
    asn1::{AnyRef, ObjectIdentifier, OctetString, OctetStringRef},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{ext::pkix::name::GeneralName, name::Name, serial_number::SerialNumber};

use crate::{
    X509Certificate,
    encoding::{TlvSet, oid, sha256},
    key::encoded,
};

/// `ContentInfo`; the content is decoded once its type is known.
#[derive(Debug, Sequence)]
pub(crate) struct ContentInfo<'a> {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(crate) content: AnyRef<'a>,
}

/// `SignedData`.
#[derive(Debug, Sequence)]
pub(crate) struct SignedData<'a> {
    pub(crate) version: u8,
    pub(crate) digest_algorithms: TlvSet<'a>,
    pub(crate) content: EncapsulatedContentInfo<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) certificates: Option<TlvSet<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) crls: Option<TlvSet<'a>>,
    pub(crate) signer_infos: TlvSet<'a>,
}

/// `EncapsulatedContentInfo`.
#[derive(Debug, Sequence)]
pub(crate) struct EncapsulatedContentInfo<'a> {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) content: Option<&'a OctetStringRef>,
}

/// `SignerInfo`; the signer is left undecoded because it is a choice.
#[derive(Debug, Sequence)]
pub(crate) struct SignerInfo<'a> {
    pub(crate) version: u8,
    pub(crate) signer: AnyRef<'a>,
    pub(crate) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) signed_attributes: Option<TlvSet<'a>>,
    pub(crate) signature_algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) unsigned_attributes: Option<TlvSet<'a>>,
}

/// `IssuerAndSerialNumber`.
#[derive(Debug, PartialEq, Eq, Sequence)]
pub(crate) struct IssuerAndSerialNumber {
    pub(crate) issuer: Name,
    pub(crate) serial_number: SerialNumber,
}

impl IssuerAndSerialNumber {
    pub(crate) fn of(certificate: &X509Certificate) -> Self {
        let tbs = certificate.inner().tbs_certificate();
        Self { issuer: tbs.issuer().clone(), serial_number: tbs.serial_number().clone() }
    }
}

/// `Attribute`.
#[derive(Debug, Sequence)]
pub(crate) struct Attribute<'a> {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) values: TlvSet<'a>,
}

/// `SigningCertificateV2`.
#[derive(Debug, Sequence)]
pub(crate) struct SigningCertificateV2<'a> {
    pub(crate) certificates: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(crate) policies: Option<AnyRef<'a>>,
}

/// `ESSCertIDv2`; the algorithm defaults to SHA-256.
#[derive(Debug, Sequence)]
pub(crate) struct EssCertIdV2 {
    #[asn1(optional = "true")]
    pub(crate) hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(crate) hash: OctetString,
    #[asn1(optional = "true")]
    pub(crate) issuer_serial: Option<IssuerSerial>,
}

/// `IssuerSerial`.
#[derive(Debug, PartialEq, Eq, Sequence)]
pub(crate) struct IssuerSerial {
    pub(crate) issuer: Vec<GeneralName>,
    pub(crate) serial_number: SerialNumber,
}

impl EssCertIdV2 {
    pub(crate) fn of(certificate: &X509Certificate) -> Self {
        let IssuerAndSerialNumber { issuer, serial_number } = IssuerAndSerialNumber::of(certificate);
        Self {
            hash_algorithm: None,
            hash: OctetString::new(certificate.fingerprint()).expect("32 bytes fit an octet string"),
            issuer_serial: Some(IssuerSerial {
                issuer: vec![GeneralName::DirectoryName(issuer)],
                serial_number,
            }),
        }
    }

    /// Whether this names `certificate`. The caller has checked the algorithm.
    pub(crate) fn names(&self, certificate: &X509Certificate) -> bool {
        let own = Self::of(certificate);
        let same_issuer = self.issuer_serial.is_none() || self.issuer_serial == own.issuer_serial;
        self.hash == own.hash && same_issuer
    }
}

/// An attribute with one value.
pub(crate) fn attribute(oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    encoded(&Attribute { oid, values: TlvSet(vec![value]) })
}

/// What the signature covers: the attributes as a plain DER `SET OF`. RFC 5652, section 5.4.
pub(crate) fn signed_bytes(attributes: &TlvSet<'_>) -> Vec<u8> {
    encoded(attributes)
}

/// The signed attributes over content of `content_type` with this SHA-256, in DER order.
pub(crate) fn signed_attributes(
    content_type: ObjectIdentifier,
    digest: [u8; 32],
    signing_certificate_v2: &[u8],
) -> Vec<Vec<u8>> {
    let message_digest = OctetString::new(digest).expect("32 bytes fit an octet string");
    let mut attributes = vec![
        attribute(oid::CONTENT_TYPE, &encoded(&content_type)),
        attribute(oid::MESSAGE_DIGEST, &encoded(&message_digest)),
        attribute(oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2),
    ];
    attributes.sort_unstable();
    attributes
}

/// SHA-256 as the only digest algorithm, encoded.
pub(crate) fn digest_algorithm() -> Vec<u8> {
    encoded(&sha256())
}
