//! X.509 certificates as values: read strictly, asked, printed.

use std::fmt;

use der::{Decode, Encode, oid::AssociatedOid};
use x509_cert::{
    Certificate, Version,
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage,
            SubjectAltName, SubjectKeyIdentifier,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::Name,
};
use xiezhi_types::InstitutionId;

use crate::{
    encoding::{
        CERTIFICATE_BYTES_MAX, EncodingError, decode, from_pem, names_of_text, oid, pem_blocks, profile,
        strip_zeros, to_pem, unix_seconds, unsigned,
    },
    key::{PublicKey, encoded, sha256},
    suite::Suite,
};

/// What precedes an institution's short name in the subject alternative name of its seal certificate.
pub const SEAL_URI_PREFIX: &str = "urn:xiezhi:institution:";

const LABEL: &str = "CERTIFICATE";
/// Longest serial number, without leading zeros. RFC 5280, section 4.1.2.2.
const SERIAL_BYTES_MAX: usize = 20;

/// First and last second a certificate is valid in, both inclusive; unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
}

/// A well-formed X.509 v3 certificate. Being well formed says nothing about who issued it: see [`crate::validate`].
#[derive(Clone, PartialEq, Eq)]
pub struct X509Certificate {
    der: Vec<u8>,
    inner: Certificate,
    key: PublicKey,
    extensions: Extensions,
}

/// The extensions the crate acts on, each with its critical flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<(bool, KeyUsage)>,
    pub(crate) extended_key_usage: Option<(bool, ExtendedKeyUsage)>,
    alternative_names: Vec<GeneralName>,
    pub(crate) key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    crl_urls: Vec<String>,
    /// First extension that must be understood and is not.
    pub(crate) not_understood: Option<der::asn1::ObjectIdentifier>,
}

impl X509Certificate {
    /// Reads exactly one certificate.
    ///
    /// # Errors
    /// [`EncodingError`]: not canonical DER, not version 3, two algorithms, an extension twice, a key that is no key, a name that is no
    /// text.
    pub fn from_der(der: &[u8]) -> Result<Self, EncodingError> {
        let inner: Certificate = decode(der, CERTIFICATE_BYTES_MAX)?;
        let tbs = inner.tbs_certificate();
        profile(tbs.version() == Version::V3, "the certificate is not version 3")?;
        profile(
            tbs.signature() == inner.signature_algorithm(),
            "the certificate names two different signature algorithms",
        )?;
        profile(!inner.signature().has_unused_bits(), "the certificate's signature is not whole bytes")?;
        profile(
            tbs.issuer_unique_id().is_none() && tbs.subject_unique_id().is_none(),
            "the certificate has a unique identifier of version 2",
        )?;
        names_of_text(tbs.subject())?;
        names_of_text(tbs.issuer())?;
        let serial = unsigned(tbs.serial_number().as_bytes());
        profile(
            serial.is_some_and(|serial| (1..=SERIAL_BYTES_MAX).contains(&serial.len())),
            "the certificate's serial number is not positive or has more than 20 bytes",
        )?;
        let key = PublicKey::from_spki(tbs.subject_public_key_info())?;
        let extensions = Extensions::read(tbs.extensions().map_or(&[], |list| list.as_slice()))?;
        Ok(Self { der: der.to_vec(), inner, key, extensions })
    }

    /// Reads one PEM block labelled `CERTIFICATE`.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn from_pem(text: &str) -> Result<Self, EncodingError> {
        Self::from_der(&from_pem(text, LABEL)?)
    }

    /// Reads every PEM block of `text`, all labelled `CERTIFICATE`; text around them is passed over.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, EncodingError> {
        pem_blocks(text)?.into_iter().map(Self::from_pem).collect()
    }

    /// Whether `issuer`, by name and by signature, has issued it. Says nothing about time, purpose or revocation.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.issuer_name() == issuer.subject_name() && self.is_signed_by(&issuer.public_key())
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

    /// Serial number, big-endian without leading zeros.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        strip_zeros(self.inner.tbs_certificate().serial_number().as_bytes())
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        let validity = self.inner.tbs_certificate().validity();
        Validity {
            not_before: unix_seconds(validity.not_before),
            not_after: unix_seconds(validity.not_after),
        }
    }

    /// The subject's public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// The subject's name as RFC 4514 prints it; for people, never for comparison.
    #[must_use]
    pub fn subject(&self) -> String {
        self.subject_name().to_string()
    }

    /// The subject's name, DER: what names are compared by.
    #[must_use]
    pub fn subject_der(&self) -> Vec<u8> {
        encoded(self.subject_name())
    }

    /// The issuer's name as RFC 4514 prints it; for people, never for comparison.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer_name().to_string()
    }

    /// The subject's first common name, when it is a string.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.subject_name().common_name().ok().flatten().map(Into::into)
    }

    /// The subject's first organisation name, when it is a string.
    #[must_use]
    pub fn organisation(&self) -> Option<String> {
        self.subject_name().organization().ok().flatten().map(Into::into)
    }

    /// URIs among the subject's alternative names.
    pub fn alternative_uris(&self) -> impl Iterator<Item = &str> {
        self.extensions.alternative_names.iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    /// The institution it names: there is exactly one `urn:xiezhi:institution:` URI and its rest is a short name.
    #[must_use]
    pub fn institution(&self) -> Option<InstitutionId> {
        let mut ids = self.alternative_uris().filter_map(|uri| uri.strip_prefix(SEAL_URI_PREFIX));
        let id = ids.next()?.parse().ok()?;
        ids.next().is_none().then_some(id)
    }

    /// Where its issuer says revocation lists are. The crate never goes there.
    #[must_use]
    pub fn crl_urls(&self) -> &[String] {
        &self.extensions.crl_urls
    }

    /// Whether its only extended key usage is time-stamping, critical: a time-stamp authority's (RFC 3161, section 2.3).
    #[must_use]
    pub fn is_time_stamping(&self) -> bool {
        let usages = &self.extensions.extended_key_usage;
        usages.as_ref().is_some_and(|(critical, usages)| *critical && usages.0 == [oid::KP_TIME_STAMPING])
    }

    pub(crate) fn inner(&self) -> &Certificate {
        &self.inner
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn subject_name(&self) -> &Name {
        self.inner.tbs_certificate().subject()
    }

    pub(crate) fn issuer_name(&self) -> &Name {
        self.inner.tbs_certificate().issuer()
    }

    pub(crate) fn alternative_names(&self) -> &[GeneralName] {
        &self.extensions.alternative_names
    }

    /// Whether it is a certificate authority's by its basic constraints.
    pub(crate) fn is_authority(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// The suite it is signed with if that is one of `allowed`, otherwise the algorithm.
    pub(crate) fn signature_suite(&self, allowed: &[Suite]) -> Result<Suite, der::asn1::ObjectIdentifier> {
        Suite::of(self.inner.signature_algorithm(), allowed)
    }

    /// Whether the key `issuer` made its signature, in the suite that it names. Says nothing about names, times or rights.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        self.signature_suite(Suite::ALL).ok().is_some_and(|suite| issuer.suite() == Some(suite))
            && issuer.verifies(&encoded(self.inner.tbs_certificate()), self.inner.signature().raw_bytes())
    }
}

impl fmt::Debug for X509Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "X509Certificate({} by {})", self.subject(), self.issuer())
    }
}

impl Extensions {
    fn read(list: &[Extension]) -> Result<Self, EncodingError> {
        for (index, extension) in list.iter().enumerate() {
            let twice = list[..index].iter().any(|earlier| earlier.extn_id == extension.extn_id);
            profile(!twice, "the certificate has an extension twice")?;
        }
        let key_id: Option<(bool, SubjectKeyIdentifier)> = find(list)?;
        let authority: Option<(bool, AuthorityKeyIdentifier)> = find(list)?;
        let names: Option<(bool, SubjectAltName)> = find(list)?;
        Ok(Self {
            basic_constraints: find(list)?.map(|(_, constraints)| constraints),
            key_usage: find(list)?,
            extended_key_usage: find(list)?,
            alternative_names: names.map_or_else(Vec::new, |(_, names)| names.0),
            key_id: key_id.map(|(_, id)| id.0.as_bytes().to_vec()),
            authority_key_id: authority.and_then(|(_, id)| Some(id.key_identifier?.as_bytes().to_vec())),
            crl_urls: crl_urls(list),
            not_understood: list
                .iter()
                .find(|extension| !is_understood(extension))
                .map(|extension| extension.extn_id),
        })
    }
}

fn find<'a, T>(list: &'a [Extension]) -> Result<Option<(bool, T)>, EncodingError>
where
    T: Decode<'a, Error = der::Error> + Encode + AssociatedOid,
{
    let Some(extension) = list.iter().find(|extension| extension.extn_id == T::OID) else { return Ok(None) };
    Ok(Some((extension.critical, decode(extension.extn_value.as_bytes(), CERTIFICATE_BYTES_MAX)?)))
}

/// Constraints on names and policies bind even when their issuer forgot to mark them critical; we implement neither.
fn is_understood(extension: &Extension) -> bool {
    match extension.extn_id {
        oid::NAME_CONSTRAINTS | oid::POLICY_CONSTRAINTS => false,
        // Without constraints any policy will do, so a critical list of policies asks nothing of us.
        oid::BASIC_CONSTRAINTS
        | oid::KEY_USAGE
        | oid::EXTENDED_KEY_USAGE
        | oid::SUBJECT_ALT_NAME
        | oid::CERTIFICATE_POLICIES => true,
        _ => !extension.critical,
    }
}

/// A hint only, so that a form we cannot read counts as none.
fn crl_urls(list: &[Extension]) -> Vec<String> {
    let points: Option<(bool, CrlDistributionPoints)> = find(list).unwrap_or_default();
    let points = points.map_or_else(Vec::new, |(_, points)| points.0);
    let names = points.into_iter().filter_map(|point| match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    let urls = names.flatten().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(url) => Some(url.as_str().to_owned()),
        _ => None,
    });
    urls.collect()
}
