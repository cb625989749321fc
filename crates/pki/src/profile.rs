//! What certificates are issued for, and the extensions each purpose has.

use std::net::IpAddr;

use der::asn1::{Ia5String, Null, OctetString};
use x509_cert::ext::{
    Extension,
    pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, name::GeneralName},
};
use xiezhi_types::InstitutionId;

use crate::{
    ObjectIdentifier, Purpose,
    certificate::SEAL_URI_PREFIX,
    encoding::{oid, usages},
    issuance::{IssueError, authority_extensions, extension},
    key::{P256PublicKey, PublicKey, encoded},
};

/// What precedes an institution's short name in the certificate of one of its machines.
pub const NODE_URI_PREFIX: &str = "urn:xiezhi:node:";
/// What precedes an institution's short name in the certificate of somebody who acts for it.
pub const OFFICER_URI_PREFIX: &str = "urn:xiezhi:officer:";
/// What precedes an enterprise's number in its certificate.
pub const ENTERPRISE_URI_PREFIX: &str = "urn:xiezhi:enterprise:";
/// What precedes the authority's own number of a person.
pub const PERSON_URI_PREFIX: &str = "urn:xiezhi:person:";

/// Most host names of a node.
const HOSTS_MAX: usize = 16;
/// Longest host name, and longest number of an enterprise or a person, in characters.
const TEXT_CHARS_MAX: usize = 253;

/// What a certificate is for, and the key it certifies. The caller has seen proof of possession: [`crate::CertificationRequest`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Profile<'a> {
    /// An authority below the root that issues leaves only.
    IssuingAuthority {
        /// Its key.
        key: PublicKey,
    },
    /// The key an institution seals checkpoints with.
    InstitutionSeal {
        /// The institution's short name.
        institution: &'a InstitutionId,
        /// Its Ed25519 public key.
        key: [u8; 32],
    },
    /// The key of a time-stamping authority.
    TimeStamping {
        /// Its key.
        key: P256PublicKey,
    },
    /// A responder that answers in the issuer's name whether certificates are revoked (RFC 6960, section 4.2.2.2). Nobody asks whether it is
    /// revoked itself, so it is issued for a short time.
    OcspResponder {
        /// Its key.
        key: PublicKey,
    },
    /// A machine of an institution.
    Node {
        /// The institution's short name.
        institution: &'a InstitutionId,
        /// Its host names and addresses, at most 16.
        hosts: &'a [String],
        /// Its key.
        key: PublicKey,
    },
    /// Somebody who acts for an institution.
    Officer {
        /// The institution's short name.
        institution: &'a InstitutionId,
        /// The officer's key.
        key: PublicKey,
    },
    /// An enterprise that signs.
    Enterprise {
        /// Its number in the register, as the unified social credit code: printable ASCII without spaces.
        number: &'a str,
        /// Its key.
        key: PublicKey,
    },
    /// A person who signs.
    Person {
        /// The authority's own number of the person, which says nothing to anybody else: printable ASCII without spaces.
        number: &'a str,
        /// The person's key.
        key: PublicKey,
    },
}

impl Profile<'_> {
    /// The key it certifies.
    pub(crate) fn key(&self) -> PublicKey {
        match *self {
            Self::InstitutionSeal { key, .. } => PublicKey::Ed25519(key),
            Self::TimeStamping { key } => PublicKey::P256(key),
            Self::IssuingAuthority { key }
            | Self::OcspResponder { key }
            | Self::Node { key, .. }
            | Self::Officer { key, .. }
            | Self::Enterprise { key, .. }
            | Self::Person { key, .. } => key,
        }
    }

    /// What a leaf of this profile is validated for; none for what is no subscriber's.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::IssuingAuthority { .. } | Self::OcspResponder { .. } => None,
            Self::InstitutionSeal { .. } => Some(Purpose::Seal),
            Self::TimeStamping { .. } => Some(Purpose::TimeStamping),
            Self::Node { .. } => Some(Purpose::Node),
            Self::Officer { .. } => Some(Purpose::Officer),
            Self::Enterprise { .. } => Some(Purpose::Enterprise),
            Self::Person { .. } => Some(Purpose::Person),
        }
    }

    /// Whether the subject may do without an organisation.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }

    /// The extensions that make it what it is.
    pub(crate) fn extensions(&self) -> Result<Vec<Extension>, IssueError> {
        let signature = KeyUsage(KeyUsages::DigitalSignature.into());
        let signing = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
        Ok(match self {
            Self::IssuingAuthority { .. } => authority_extensions(0)?,
            Self::InstitutionSeal { institution, .. } => {
                leaf(signing, None, vec![uri(SEAL_URI_PREFIX, institution.as_str())?])?
            }
            Self::TimeStamping { .. } => leaf(signature, Some((true, &[oid::KP_TIME_STAMPING])), vec![])?,
            Self::OcspResponder { .. } => {
                let mut list = leaf(signature, Some((false, &[oid::KP_OCSP_SIGNING])), vec![])?;
                let extn_value = OctetString::new(encoded(&Null))?;
                list.push(Extension { extn_id: oid::OCSP_NO_CHECK, critical: false, extn_value });
                list
            }
            Self::Node { institution, hosts, .. } => {
                let mut names = vec![uri(NODE_URI_PREFIX, institution.as_str())?];
                if hosts.len() > HOSTS_MAX {
                    return Err(IssueError::Host { host: format!("{} names", hosts.len()) });
                }
                names.extend(hosts.iter().map(|host| host_name(host)).collect::<Result<Vec<_>, _>>()?);
                leaf(signature, Some((false, usages::NODE)), names)?
            }
            Self::Officer { institution, .. } => {
                let name = uri(OFFICER_URI_PREFIX, institution.as_str())?;
                leaf(signature, Some((false, usages::OFFICER)), vec![name])?
            }
            Self::Enterprise { number, .. } => {
                leaf(signing, Some((false, usages::SIGNER)), vec![uri(ENTERPRISE_URI_PREFIX, number)?])?
            }
            Self::Person { number, .. } => {
                leaf(signing, Some((false, usages::SIGNER)), vec![uri(PERSON_URI_PREFIX, number)?])?
            }
        })
    }
}

fn leaf(
    key_usage: KeyUsage,
    extended: Option<(bool, &[ObjectIdentifier])>,
    names: Vec<GeneralName>,
) -> Result<Vec<Extension>, IssueError> {
    let mut list = vec![
        extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
        extension(true, &key_usage)?,
    ];
    if let Some((critical, usages)) = extended {
        list.push(extension(critical, &ExtendedKeyUsage(usages.to_vec()))?);
    }
    if !names.is_empty() {
        list.push(extension(false, &SubjectAltName(names))?);
    }
    Ok(list)
}

fn uri(prefix: &str, rest: &str) -> Result<GeneralName, IssueError> {
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=TEXT_CHARS_MAX).contains(&rest.len()) {
        return Err(IssueError::Number { prefix: prefix.to_owned() });
    }
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(&format!("{prefix}{rest}"))?))
}

fn host_name(host: &str) -> Result<GeneralName, IssueError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        return Ok(GeneralName::IpAddress(OctetString::new(octets)?));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > TEXT_CHARS_MAX || !host.split('.').all(label) {
        return Err(IssueError::Host { host: host.chars().take(80).collect() });
    }
    Ok(GeneralName::DnsName(Ia5String::new(host)?))
}
