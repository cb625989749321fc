//! Certificate revocation lists as values: complete, direct, version 2.

use std::sync::OnceLock;

use der::{Decode, Encode};
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert},
    ext::{
        Extension,
        pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason},
    },
    name::Name,
    time::Time,
};

use crate::{
    X509Certificate,
    encoding::{
        CRL_BYTES_MAX, EncodingError, decode, from_pem, names_of_text, oid, profile, to_pem, unix_seconds,
        unsigned, x509_time,
    },
    key::{PublicKey, encoded},
    suite::Suite,
};

const LABEL: &str = "X509 CRL";

/// Why a certificate was revoked. RFC 5280, section 5.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RevocationReason {
    /// Not said.
    Unspecified,
    /// Somebody else may hold the key.
    KeyCompromise,
    /// Somebody else may hold the issuer's key.
    CaCompromise,
    /// The subject's name or other data changed.
    AffiliationChanged,
    /// Replaced by another certificate.
    Superseded,
    /// No longer needed.
    CessationOfOperation,
    /// Suspended; a later list may drop it.
    CertificateHold,
    /// A privilege it states was withdrawn.
    PrivilegeWithdrawn,
    /// Somebody else may hold the attribute authority's key.
    AaCompromise,
}

impl RevocationReason {
    /// The name RFC 5280 gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl RevocationReason {
    const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The reason that RFC 5280 gives this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether somebody else may have signed with the key.
    pub(crate) fn is_compromise(self) -> bool {
        matches!(self, Self::KeyCompromise | Self::CaCompromise | Self::AaCompromise)
    }
}

impl From<RevocationReason> for CrlReason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::Unspecified => Self::Unspecified,
            RevocationReason::KeyCompromise => Self::KeyCompromise,
            RevocationReason::CaCompromise => Self::CaCompromise,
            RevocationReason::AffiliationChanged => Self::AffiliationChanged,
            RevocationReason::Superseded => Self::Superseded,
            RevocationReason::CessationOfOperation => Self::CessationOfOperation,
            RevocationReason::CertificateHold => Self::CertificateHold,
            RevocationReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            RevocationReason::AaCompromise => Self::AaCompromise,
        }
    }
}

impl TryFrom<CrlReason> for RevocationReason {
    type Error = EncodingError;

    fn try_from(reason: CrlReason) -> Result<Self, EncodingError> {
        Ok(match reason {
            CrlReason::Unspecified => Self::Unspecified,
            CrlReason::KeyCompromise => Self::KeyCompromise,
            CrlReason::CaCompromise => Self::CaCompromise,
            CrlReason::AffiliationChanged => Self::AffiliationChanged,
            CrlReason::Superseded => Self::Superseded,
            CrlReason::CessationOfOperation => Self::CessationOfOperation,
            CrlReason::CertificateHold => Self::CertificateHold,
            CrlReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            CrlReason::AaCompromise => Self::AaCompromise,
            CrlReason::RemoveFromCRL => {
                return Err(EncodingError::Profile { rule: "removeFromCRL is for delta revocation lists" });
            }
        })
    }
}

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Serial number, big-endian without leading zeros, as [`crate::X509Certificate::serial`] gives it.
    pub serial: Vec<u8>,
    /// When it was revoked; unix seconds.
    pub revoked_at: u64,
    /// Why.
    pub reason: RevocationReason,
    /// Since when the key is known or suspected not to be the subject's alone, if earlier than the revocation.
    pub invalid_since: Option<u64>,
}

impl RevokedCertificate {
    /// The moment from which signatures no longer count: the revocation, or the earlier invalidity date.
    #[must_use]
    pub fn effective_from(&self) -> u64 {
        self.invalid_since.map_or(self.revoked_at, |since| since.min(self.revoked_at))
    }
}

/// A well-formed revocation list. Being well formed says nothing about who issued it: see [`crate::validate`].
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    inner: CertificateList,
    next_update: u64,
    number: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// Sorted by serial number.
    revoked: Vec<RevokedCertificate>,
    /// Whether its first issuer's key verifies it: one list stands behind many seals.
    judged: OnceLock<(PublicKey, bool)>,
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Crl {}

impl Crl {
    /// Reads exactly one revocation list.
    ///
    /// # Errors
    /// [`EncodingError`]: not canonical DER, not version 2, without next update, delta or indirect or partial, one serial twice, a time
    /// through 2049 that is no UTCTime.
    pub fn from_der(der: &[u8]) -> Result<Self, EncodingError> {
        let inner: CertificateList = decode(der, CRL_BYTES_MAX)?;
        let tbs = &inner.tbs_cert_list;
        profile(tbs.version == Version::V2, "the revocation list is not version 2")?;
        profile(
            tbs.signature == inner.signature_algorithm,
            "the revocation list names two different signature algorithms",
        )?;
        profile(!inner.signature.has_unused_bits(), "the revocation list's signature is not whole bytes")?;
        names_of_text(&tbs.issuer)?;
        let next_update = tbs.next_update.map(rfc5280_time).transpose()?;
        let next_update =
            next_update.ok_or(EncodingError::Profile { rule: "the revocation list has no next update" })?;
        profile(next_update >= rfc5280_time(tbs.this_update)?, "the revocation list ends before it begins")?;
        let extensions = tbs.crl_extensions.as_deref().unwrap_or_default();
        understood(
            extensions,
            "the revocation list has a critical extension: it is partial, indirect or a delta",
        )?;
        let number: Option<CrlNumber> = find(extensions)?;
        let authority: Option<AuthorityKeyIdentifier> = find(extensions)?;
        let authority_key_id = authority.and_then(|id| Some(id.key_identifier?.as_bytes().to_vec()));
        let entries = tbs.revoked_certificates.as_deref().unwrap_or_default();
        let mut revoked = entries.iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
        revoked.sort_by(|a, b| a.serial.cmp(&b.serial));
        let twice = revoked.windows(2).any(|pair| pair[0].serial == pair[1].serial);
        profile(!twice, "the revocation list has a serial number twice")?;
        let number = number.map(|number| number.0.as_bytes().to_vec());
        Ok(Self {
            der: der.to_vec(),
            next_update,
            number,
            authority_key_id,
            revoked,
            inner,
            judged: OnceLock::new(),
        })
    }

    /// Reads one PEM block labelled `X509 CRL`.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn from_pem(text: &str) -> Result<Self, EncodingError> {
        Self::from_der(&from_pem(text, LABEL)?)
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

    /// The issuer's name as RFC 4514 prints it; for people, never for comparison.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer_name().to_string()
    }

    /// Its number, big-endian, if it has one.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// When it was made; unix seconds.
    #[must_use]
    pub fn this_update(&self) -> u64 {
        unix_seconds(self.inner.tbs_cert_list.this_update)
    }

    /// Until when it is fresh; unix seconds.
    #[must_use]
    pub fn next_update(&self) -> u64 {
        self.next_update
    }

    /// Its entries, by serial number.
    #[must_use]
    pub fn revoked(&self) -> &[RevokedCertificate] {
        &self.revoked
    }

    /// The entry of the certificate with `serial` (big-endian without leading zeros).
    #[must_use]
    pub fn find(&self, serial: &[u8]) -> Option<&RevokedCertificate> {
        let index = self.revoked.binary_search_by(|entry| entry.serial.as_slice().cmp(serial)).ok()?;
        Some(&self.revoked[index])
    }

    /// Whether it is a list of `authority` by its issuer's name as encoded and, where both have one, the key identifier. Proves nothing:
    /// the signature is not looked at.
    #[must_use]
    pub fn belongs_to(&self, authority: &X509Certificate) -> bool {
        let own = authority.extensions().key_id.as_deref();
        let other_key = self.authority_key_id().zip(own).is_some_and(|(named, own)| named != own);
        self.issuer_name() == authority.subject_name() && !other_key
    }

    pub(crate) fn issuer_name(&self) -> &Name {
        &self.inner.tbs_cert_list.issuer
    }

    pub(crate) fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// The suite it is signed with if that is one of `allowed`, otherwise the algorithm.
    pub(crate) fn signature_suite(&self, allowed: &[Suite]) -> Result<Suite, der::asn1::ObjectIdentifier> {
        Suite::of(&self.inner.signature_algorithm, allowed)
    }

    /// Whether the key `issuer` made its signature, in the suite that it names.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        let verify = || {
            self.signature_suite(Suite::ALL).ok().is_some_and(|suite| issuer.suite() == Some(suite))
                && issuer.verifies(&encoded(&self.inner.tbs_cert_list), self.inner.signature.raw_bytes())
        };
        match self.judged.get_or_init(|| (*issuer, verify())) {
            (key, holds) if key == issuer => *holds,
            _ => verify(),
        }
    }
}

fn read_entry(entry: &RevokedCert) -> Result<RevokedCertificate, EncodingError> {
    let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
    understood(extensions, "an entry of the revocation list has a critical extension")?;
    let reason: Option<CrlReason> = find(extensions)?;
    let invalidity = extensions.iter().find(|extension| extension.extn_id == oid::INVALIDITY_DATE);
    let invalid_since = match invalidity {
        Some(extension) => Some(der::asn1::GeneralizedTime::from_der(extension.extn_value.as_bytes())?),
        None => None,
    };
    let serial = unsigned(entry.serial_number.as_bytes());
    let serial =
        serial.ok_or(EncodingError::Profile { rule: "the revocation list has a negative serial number" })?;
    Ok(RevokedCertificate {
        serial: serial.to_vec(),
        revoked_at: rfc5280_time(entry.revocation_date)?,
        reason: reason.unwrap_or(CrlReason::Unspecified).try_into()?,
        invalid_since: invalid_since.map(|time| time.to_unix_duration().as_secs()),
    })
}

/// Seconds of a time as RFC 5280, section 5.1.2.4, has it written; certificates' times are checked where they are read.
fn rfc5280_time(time: Time) -> Result<u64, EncodingError> {
    let seconds = unix_seconds(time);
    profile(x509_time(seconds)? == time, "a time of the revocation list is not UTCTime through 2049")?;
    Ok(seconds)
}

/// Refuses what is critical, what says that the list is not the whole, and what is there twice.
fn understood(extensions: &[Extension], rule: &'static str) -> Result<(), EncodingError> {
    for (index, extension) in extensions.iter().enumerate() {
        profile(!extension.critical && !oid::PARTIAL.contains(&extension.extn_id), rule)?;
        let twice = extensions[..index].iter().any(|earlier| earlier.extn_id == extension.extn_id);
        profile(!twice, "the revocation list has an extension twice")?;
    }
    Ok(())
}

fn find<'a, T>(extensions: &'a [Extension]) -> Result<Option<T>, EncodingError>
where
    T: Decode<'a, Error = der::Error> + Encode + der::oid::AssociatedOid,
{
    let extension = extensions.iter().find(|extension| extension.extn_id == T::OID);
    extension.map(|extension| decode(extension.extn_value.as_bytes(), CRL_BYTES_MAX)).transpose()
}
