//! The part of CMS (RFC 5652) and ESS (RFC 5035) that a time-stamp token uses.
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
    key::{encoded, sha256 as digest},
};

/// `ContentInfo`; the content is decoded once its type is known.
#[derive(Debug, Sequence)]
pub(super) struct ContentInfo<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: AnyRef<'a>,
}

/// `SignedData`.
#[derive(Debug, Sequence)]
pub(super) struct SignedData<'a> {
    pub(super) version: u8,
    pub(super) digest_algorithms: TlvSet<'a>,
    pub(super) content: EncapsulatedContentInfo<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<TlvSet<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) crls: Option<TlvSet<'a>>,
    pub(super) signer_infos: TlvSet<'a>,
}

/// `EncapsulatedContentInfo`.
#[derive(Debug, Sequence)]
pub(super) struct EncapsulatedContentInfo<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) content: Option<&'a OctetStringRef>,
}

/// `SignerInfo`; the signer is left undecoded because it is a choice.
#[derive(Debug, Sequence)]
pub(super) struct SignerInfo<'a> {
    pub(super) version: u8,
    pub(super) signer: AnyRef<'a>,
    pub(super) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) signed_attributes: Option<TlvSet<'a>>,
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) unsigned_attributes: Option<TlvSet<'a>>,
}

/// `IssuerAndSerialNumber`.
#[derive(Debug, PartialEq, Eq, Sequence)]
pub(super) struct IssuerAndSerialNumber {
    pub(super) issuer: Name,
    pub(super) serial_number: SerialNumber,
}

impl IssuerAndSerialNumber {
    pub(super) fn of(certificate: &X509Certificate) -> Self {
        let tbs = certificate.inner().tbs_certificate();
        Self { issuer: tbs.issuer().clone(), serial_number: tbs.serial_number().clone() }
    }
}

/// `Attribute`.
#[derive(Debug, Sequence)]
pub(super) struct Attribute<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) values: TlvSet<'a>,
}

/// `SigningCertificateV2`.
#[derive(Debug, Sequence)]
pub(super) struct SigningCertificateV2<'a> {
    pub(super) certificates: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<AnyRef<'a>>,
}

/// `ESSCertIDv2`; the algorithm defaults to SHA-256.
#[derive(Debug, Sequence)]
pub(super) struct EssCertIdV2 {
    #[asn1(optional = "true")]
    pub(super) hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(super) hash: OctetString,
    #[asn1(optional = "true")]
    pub(super) issuer_serial: Option<IssuerSerial>,
}

/// `IssuerSerial`.
#[derive(Debug, PartialEq, Eq, Sequence)]
pub(super) struct IssuerSerial {
    pub(super) issuer: Vec<GeneralName>,
    pub(super) serial_number: SerialNumber,
}

impl EssCertIdV2 {
    pub(super) fn of(certificate: &X509Certificate) -> Self {
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
    pub(super) fn names(&self, certificate: &X509Certificate) -> bool {
        let own = Self::of(certificate);
        let same_issuer = self.issuer_serial.is_none() || self.issuer_serial == own.issuer_serial;
        self.hash == own.hash && same_issuer
    }
}

/// An attribute with one value.
pub(super) fn attribute(oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    encoded(&Attribute { oid, values: TlvSet(vec![value]) })
}

/// What the signature covers: the attributes as a plain DER `SET OF`. RFC 5652, section 5.4.
pub(super) fn signed_bytes(attributes: &TlvSet<'_>) -> Vec<u8> {
    encoded(attributes)
}

/// The signed attributes of a token over `content` by `certificate`, in DER order.
pub(super) fn signed_attributes(content: &[u8], signing_certificate_v2: &[u8]) -> Vec<Vec<u8>> {
    let message_digest = OctetString::new(digest(content)).expect("32 bytes fit an octet string");
    let mut attributes = vec![
        attribute(oid::CONTENT_TYPE, &encoded(&oid::TST_INFO)),
        attribute(oid::MESSAGE_DIGEST, &encoded(&message_digest)),
        attribute(oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2),
    ];
    attributes.sort_unstable();
    attributes
}

/// SHA-256 as the only digest algorithm, encoded.
pub(super) fn digest_algorithm() -> Vec<u8> {
    encoded(&sha256())
}
