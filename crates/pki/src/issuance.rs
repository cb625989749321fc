//! A certificate authority: what it issues, in the profiles of [`Profile`], and its revocation lists.
//!
//! Same key, same template, same bytes. Serial numbers come from the caller, who draws them at random and keeps them.

use std::sync::Arc;

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString, PrintableString, Utf8StringRef},
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{
    attr::AttributeTypeAndValue,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{
            AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
            CrlDistributionPoints, CrlNumber, CrlReason, KeyUsage, KeyUsages, SubjectKeyIdentifier,
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
};

use xiezhi_crypto::{Signer, SigningError};

use crate::{
    X509Certificate,
    certificate::Validity,
    crl::{RevocationReason, RevokedCertificate},
    encoding::{EncodingError, oid, strip_zeros, x509_time},
    key::{PublicKey, encoded, key_identifier},
    profile::Profile,
    signer::signature,
    suite::Suite,
};

/// Longest name of an organisation and longest common name, in characters. RFC 5280, appendix A, upper bounds.
const NAME_CHARS_MAX: usize = 64;

/// Why nothing was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// Validity that ends before it begins.
    #[error("validity ends at {not_after}, before it begins at {not_before}")]
    EmptyValidity {
        /// First second.
        not_before: u64,
        /// Last second.
        not_after: u64,
    },
    /// A certificate would be valid when its issuer is not.
    #[error("validity until {not_after} is outside the issuer's, {issuer_not_before} to {issuer_not_after}")]
    OutsideIssuer {
        /// Last second asked for.
        not_after: u64,
        /// The issuer's first second.
        issuer_not_before: u64,
        /// The issuer's last second.
        issuer_not_after: u64,
    },
    /// A name that is empty or too long.
    #[error("{attribute} has {chars} characters, not 1 to {NAME_CHARS_MAX}")]
    Name {
        /// Which attribute.
        attribute: &'static str,
        /// Its length.
        chars: usize,
    },
    /// A host name or address that is none, or too many of them.
    #[error("{host:?} is no host name or address, or there are more than 16")]
    Host {
        /// What was given.
        host: String,
    },
    /// A number that is not 1 to 253 printable ASCII characters without spaces.
    #[error("what follows {prefix} is not 1 to 253 printable ASCII characters without spaces")]
    Number {
        /// What it would have followed.
        prefix: String,
    },
    /// The key did not sign.
    #[error("{source}")]
    Signer {
        /// Why.
        #[from]
        source: SigningError,
    },
    /// An authority whose certificate allows no further authority below.
    #[error("the issuer's path length constraint allows no authority below it")]
    PathLength,
    /// Key and certificate of an authority do not belong together, or the certificate is no authority's.
    #[error("{rule}")]
    Authority {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// A revocation list whose next update is not after this one.
    #[error("next update at {next_update} is not after this update at {this_update}")]
    EmptyUpdate {
        /// This update.
        this_update: u64,
        /// Next update.
        next_update: u64,
    },
    /// One serial number revoked twice.
    #[error("a serial number is revoked twice")]
    RevokedTwice,
    /// A value that X.509 cannot express, such as a time after 9999 or a serial number of zero.
    #[error("cannot be encoded: {source}")]
    Encoding {
        /// What the encoder said.
        #[from]
        source: der::Error,
    },
    /// The authority's own certificate is malformed.
    #[error("the authority's certificate: {source}")]
    Malformed {
        /// How.
        #[from]
        source: EncodingError,
    },
}

/// The subject's name: `C=CN, O=organisation, CN=common_name`; both UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Name of the institution, as `杭州互联网法院`.
    pub organisation: &'a str,
    /// What the certificate is for, in that institution's words.
    pub common_name: &'a str,
}

/// Everything the caller decides about a certificate.
#[derive(Debug, Clone, Copy)]
pub struct CertificateTemplate<'a> {
    /// Purpose and key.
    pub profile: Profile<'a>,
    /// Name.
    pub subject: Subject<'a>,
    /// 16 random bytes, never used before under this authority.
    pub serial: [u8; 16],
    /// When it is to be valid, within the issuer's own validity.
    pub validity: Validity,
    /// Where the issuer's revocation lists will be.
    pub crl_url: Option<&'a str>,
    /// Where the issuer's OCSP responder will be.
    pub ocsp_url: Option<&'a str>,
}

impl<'a> CertificateTemplate<'a> {
    /// One that says nothing of where lists and answers will be.
    #[must_use]
    pub fn new(profile: Profile<'a>, subject: Subject<'a>, serial: [u8; 16], validity: Validity) -> Self {
        Self { profile, subject, serial, validity, crl_url: None, ocsp_url: None }
    }
}

/// A serial number of 16 random bytes: positive, and never shorter than they are.
#[must_use]
pub fn serial_number(mut random: [u8; 16]) -> [u8; 16] {
    random[0] = random[0] & 0x7f | 0x40;
    random
}

/// Everything the caller decides about a revocation list.
#[derive(Debug, Clone, Copy)]
pub struct CrlTemplate<'a> {
    /// Larger than that of every list before.
    pub number: u64,
    /// When it is made.
    pub this_update: u64,
    /// When the next one is due at the latest; after that the list is stale.
    pub next_update: u64,
    /// All certificates ever revoked, in any order. Entries stay after expiry: old seals are judged by new lists.
    pub revoked: &'a [RevokedCertificate],
}

/// A key with the certificate that lets it issue.
#[derive(Debug, Clone)]
pub struct CertificateAuthority {
    key: Arc<dyn Signer>,
    certificate: X509Certificate,
}

impl CertificateAuthority {
    /// Makes a root: self-signed, path length 1, signs certificates and revocation lists.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn new_root(
        key: impl Signer + 'static,
        subject: Subject<'_>,
        serial: [u8; 16],
        validity: Validity,
    ) -> Result<Self, IssueError> {
        let name = name(subject)?;
        let key: Arc<dyn Signer> = Arc::new(key);
        let spki = PublicKey::of(&key).to_spki()?;
        let mut extensions = authority_extensions(1)?;
        extensions.extend(key_id_extensions(&spki, &key_identifier(&spki))?);
        let der = sign_certificate(&*key, &name, serial, validity, name.clone(), spki, extensions)?;
        let certificate = X509Certificate::from_der(&der)?;
        Ok(Self { key, certificate })
    }

    /// Puts an authority's key and certificate together.
    ///
    /// # Errors
    /// [`IssueError::Malformed`], [`IssueError::Authority`].
    pub fn from_parts(key: impl Signer + 'static, certificate_der: &[u8]) -> Result<Self, IssueError> {
        let certificate = X509Certificate::from_der(certificate_der)?;
        let refuse = |rule| Err(IssueError::Authority { rule });
        if certificate.public_key() != PublicKey::of(&key) {
            return refuse("the key is not the one that the authority's certificate names");
        }
        if !certificate.is_authority() {
            return refuse("the certificate is not an authority's");
        }
        Ok(Self { key: Arc::new(key), certificate })
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &X509Certificate {
        &self.certificate
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(&self, template: &CertificateTemplate<'_>) -> Result<X509Certificate, IssueError> {
        let issuer = self.certificate.validity();
        let asked = template.validity;
        if asked.not_before < issuer.not_before || asked.not_after > issuer.not_after {
            return Err(IssueError::OutsideIssuer {
                not_after: asked.not_after,
                issuer_not_before: issuer.not_before,
                issuer_not_after: issuer.not_after,
            });
        }
        if matches!(template.profile, Profile::IssuingAuthority { .. }) {
            let constraints = self.certificate.extensions().basic_constraints.as_ref();
            if constraints.and_then(|constraints| constraints.path_len_constraint) == Some(0) {
                return Err(IssueError::PathLength);
            }
        }
        let spki = template.profile.key().to_spki()?;
        let mut extensions = template.profile.extensions()?;
        extensions.extend(key_id_extensions(&spki, &self.key_id())?);
        if let Some(url) = template.crl_url {
            extensions.push(crl_extension(url)?);
        }
        if let Some(url) = template.ocsp_url {
            extensions.push(ocsp_extension(url)?);
        }
        let issuer = self.certificate.subject_name();
        let subject = match template.profile {
            profile if profile.is_person() && template.subject.organisation.is_empty() => {
                person_name(template.subject.common_name)?
            }
            _ => name(template.subject)?,
        };
        let der = sign_certificate(&*self.key, issuer, template.serial, asked, subject, spki, extensions)?;
        Ok(X509Certificate::from_der(&der)?)
    }

    /// Issues a revocation list, version 2, DER. Entries are sorted by serial number, whatever their order was.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue_crl(&self, template: &CrlTemplate<'_>) -> Result<Vec<u8>, IssueError> {
        let CrlTemplate { this_update, next_update, .. } = *template;
        if next_update <= this_update {
            return Err(IssueError::EmptyUpdate { this_update, next_update });
        }
        let mut revoked: Vec<_> = template.revoked.iter().collect();
        revoked.sort_by_key(|entry| strip_zeros(&entry.serial));
        if revoked.windows(2).any(|pair| strip_zeros(&pair[0].serial) == strip_zeros(&pair[1].serial)) {
            return Err(IssueError::RevokedTwice);
        }
        let entries = revoked.into_iter().map(revoked_entry).collect::<Result<Vec<_>, _>>()?;
        let algorithm = algorithm(&*self.key)?;
        let tbs = TbsCertList {
            version: x509_cert::Version::V2,
            signature: algorithm.clone(),
            issuer: self.certificate.subject_name().clone(),
            this_update: x509_time(this_update)?,
            next_update: Some(x509_time(next_update)?),
            // RFC 5280, section 5.1.2.6: absent, not empty.
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(vec![
                authority_key_id(&self.key_id())?,
                extension(false, &CrlNumber::try_from(template.number)?)?,
            ]),
        };
        let signature = BitString::from_bytes(&signature(&*self.key, &tbs.to_der()?)?)?;
        let list: CertificateList =
            CertificateList { tbs_cert_list: tbs, signature_algorithm: algorithm, signature };
        Ok(list.to_der()?)
    }

    fn key_id(&self) -> [u8; 20] {
        let own = self.certificate.extensions().key_id.as_deref();
        let spki = self.certificate.inner().tbs_certificate().subject_public_key_info();
        own.and_then(|id| id.try_into().ok()).unwrap_or_else(|| key_identifier(spki))
    }
}

/// `TBSCertificate` of RFC 5280, section 4.1: only what we write, always version 3.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: x509_cert::time::Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct SignedCertificate {
    tbs: TbsCertificate,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

pub(crate) fn sign_certificate(
    key: &dyn Signer,
    issuer: &Name,
    serial: [u8; 16],
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    extensions: Vec<Extension>,
) -> Result<Vec<u8>, IssueError> {
    let Validity { not_before, not_after } = validity;
    if not_after < not_before {
        return Err(IssueError::EmptyValidity { not_before, not_after });
    }
    if serial == [0; 16] {
        return Err(der::Tag::Integer.value_error().to_error().into());
    }
    let algorithm = algorithm(key)?;
    let tbs = TbsCertificate {
        version: 2,
        serial_number: SerialNumber::new(&serial)?,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity: x509_cert::time::Validity::new(x509_time(not_before)?, x509_time(not_after)?),
        subject,
        subject_public_key_info,
        extensions,
    };
    let signature = BitString::from_bytes(&signature(key, &tbs.to_der()?)?)?;
    Ok(SignedCertificate { tbs, algorithm, signature }.to_der()?)
}

/// The algorithm that `key` signs with.
pub(crate) fn algorithm(key: &dyn Signer) -> Result<AlgorithmIdentifierOwned, SigningError> {
    let suite = PublicKey::of(key).suite();
    let reason = "a signer's key is of no known suite";
    suite.map(Suite::algorithm).ok_or_else(|| SigningError { reason: reason.to_owned() })
}

pub(crate) fn name(subject: Subject<'_>) -> Result<Name, IssueError> {
    bounded("organisation", subject.organisation)?;
    bounded("common name", subject.common_name)?;
    let parts = [
        rdn(oid::COUNTRY, Any::encode_from(&PrintableString::new("CN")?)?)?,
        rdn(oid::ORGANISATION, Any::encode_from(&Utf8StringRef::new(subject.organisation)?)?)?,
        rdn(oid::COMMON_NAME, Any::encode_from(&Utf8StringRef::new(subject.common_name)?)?)?,
    ];
    Ok(Name::from_der(&RdnSequence::from(parts.to_vec()).to_der()?)?)
}

/// The name of a person who belongs to no organisation.
pub(crate) fn person_name(common_name: &str) -> Result<Name, IssueError> {
    bounded("common name", common_name)?;
    let parts = [
        rdn(oid::COUNTRY, Any::encode_from(&PrintableString::new("CN")?)?)?,
        rdn(oid::COMMON_NAME, Any::encode_from(&Utf8StringRef::new(common_name)?)?)?,
    ];
    Ok(Name::from_der(&RdnSequence::from(parts.to_vec()).to_der()?)?)
}

fn bounded(attribute: &'static str, text: &str) -> Result<(), IssueError> {
    let chars = text.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&chars) { Ok(()) } else { Err(IssueError::Name { attribute, chars }) }
}

fn rdn(oid: ObjectIdentifier, value: Any) -> Result<RelativeDistinguishedName, der::Error> {
    RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])
}

pub(crate) fn extension<T: Encode + der::oid::AssociatedOid>(
    critical: bool,
    value: &T,
) -> Result<Extension, der::Error> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

pub(crate) fn authority_extensions(path_len: u8) -> Result<Vec<Extension>, der::Error> {
    Ok(vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(path_len) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
    ])
}

fn key_id_extensions(
    subject: &SubjectPublicKeyInfoOwned,
    issuer_key_id: &[u8; 20],
) -> Result<[Extension; 2], der::Error> {
    let own = SubjectKeyIdentifier(OctetString::new(key_identifier(subject))?);
    Ok([extension(false, &own)?, authority_key_id(issuer_key_id)?])
}

fn authority_key_id(id: &[u8; 20]) -> Result<Extension, der::Error> {
    let key_identifier = Some(OctetString::new(*id)?);
    extension(
        false,
        &AuthorityKeyIdentifier {
            key_identifier,
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        },
    )
}

fn crl_extension(url: &str) -> Result<Extension, der::Error> {
    let names = vec![GeneralName::UniformResourceIdentifier(Ia5String::new(url)?)];
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(names)),
        reasons: None,
        crl_issuer: None,
    };
    extension(false, &CrlDistributionPoints(vec![point]))
}

fn ocsp_extension(url: &str) -> Result<Extension, der::Error> {
    let access_location = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    let access = AccessDescription { access_method: oid::ACCESS_OCSP, access_location };
    extension(false, &AuthorityInfoAccessSyntax(vec![access]))
}

fn revoked_entry(revoked: &RevokedCertificate) -> Result<RevokedCert, der::Error> {
    let mut extensions = Vec::new();
    // RFC 5280, section 5.3.1: the reason is left out rather than unspecified.
    if revoked.reason != RevocationReason::Unspecified {
        extensions.push(extension(false, &CrlReason::from(revoked.reason))?);
    }
    if let Some(since) = revoked.invalid_since {
        let date = der::asn1::GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(since))?;
        let extn_value = OctetString::new(encoded(&date))?;
        extensions.push(Extension { extn_id: oid::INVALIDITY_DATE, critical: false, extn_value });
    }
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&revoked.serial)?,
        revocation_date: x509_time(revoked.revoked_at)?,
        crl_entry_extensions: (!extensions.is_empty()).then_some(extensions),
    })
}

#[cfg(test)]
mod tests;
