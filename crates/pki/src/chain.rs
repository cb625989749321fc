//! Was this key certified for this purpose at that time?
//!
//! Validation of our own rather than a TLS library's, because the questions differ: a certificate that was revoked *after* a seal was
//! made leaves the seal standing, the answer must name the certificate and the times, key usage binds issuers too, and a court's
//! verdict must come out the same for ever from rules short enough to implement twice.
//!
//! # The rules
//! 1. Leaf, intermediates, revocation lists and root are read strictly; one malformed input refuses the whole.
//! 2. The path is built upwards: the issuer is the root if its subject is the issuer's name and its key verifies, otherwise the first
//!    such intermediate in the order given that is not yet on the path. Names are compared as encoded. No backtracking.
//! 3. Every signature on the path, and on the revocation lists used, is of a suite that the purpose allows: [`Purpose::suites`]. Behind
//!    seals and time stamps that is ECDSA P-256 with SHA-256 and nothing else. The root's own signature is not looked at: it is trusted as
//!    bytes.
//! 4. Every certificate on the path, the root too, is valid at `at` and has no extension that binds and is not understood.
//! 5. Issuers are authorities by basic constraints, may sign certificates by key usage, and keep their path length; every intermediate
//!    below counts, self-issued ones too. An issuer with extended key usages covers the purpose by naming it or any.
//! 6. The leaf fits its [`Purpose`].
//! 7. Revocation, for every certificate below the root: see [`RevocationPolicy`].

mod revocation;

use std::fmt;

use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use xiezhi_types::InstitutionId;

use crate::{
    ObjectIdentifier, PublicKey, RevocationReason, Suite, X509Certificate,
    certificate::Validity,
    crl::{Crl, RevokedCertificate},
    encoding::{EncodingError, oid, usages},
    profile::{ENTERPRISE_URI_PREFIX, NODE_URI_PREFIX, OFFICER_URI_PREFIX, PERSON_URI_PREFIX},
};

/// Most certificates on a path, leaf and root included.
pub const PATH_CERTIFICATES_MAX: usize = 6;
/// Most intermediates, and most revocation lists, that one validation accepts.
pub const INTERMEDIATES_MAX: usize = 32;

/// What the leaf's key was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Sealing checkpoints: Ed25519; key usage critical and exactly digital signature and non-repudiation; no extended key usage; one
    /// alternative name, `urn:xiezhi:institution:` and a short name.
    Seal,
    /// Time-stamping: P-256; extended key usage critical and exactly time-stamping (RFC 3161, section 2.3); key usage, if present, has
    /// digital signature or non-repudiation and nothing else.
    TimeStamping,
    /// A machine of an institution on the network, TLS on either side: one `urn:xiezhi:node:` name and the hosts' names; key usage
    /// critical and exactly digital signature; extended key usages exactly server and client authentication. Any suite.
    Node,
    /// Somebody who acts for an institution: one `urn:xiezhi:officer:` name; key usage critical and exactly digital signature; extended
    /// key usage exactly client authentication. Any suite.
    Officer,
    /// Signing for an enterprise: one `urn:xiezhi:enterprise:` name; key usage critical and exactly digital signature and
    /// non-repudiation; extended key usages exactly document signing (RFC 9336) and client authentication. Any suite.
    Enterprise,
    /// Signing for a person: one `urn:xiezhi:person:` name; otherwise as [`Purpose::Enterprise`].
    Person,
}

impl Purpose {
    /// The suites that certificates and revocation lists on its paths may be signed with. Seals and time stamps: P-256 alone, as the
    /// specification of the certificate says; the others: all.
    #[must_use]
    pub fn suites(self) -> &'static [Suite] {
        match self {
            Self::Seal | Self::TimeStamping => Suite::WITNESSES,
            Self::Node | Self::Officer | Self::Enterprise | Self::Person => Suite::ALL,
        }
    }

    /// The extended key usages of its leaves; none for seals.
    fn extended_key_usages(self) -> &'static [ObjectIdentifier] {
        match self {
            Self::Seal => &[],
            Self::TimeStamping => &[oid::KP_TIME_STAMPING],
            Self::Node => usages::NODE,
            Self::Officer => usages::OFFICER,
            Self::Enterprise | Self::Person => usages::SIGNER,
        }
    }
}

/// What is asked of revocation lists.
///
/// A list of the certificate's issuer *covers* `at` when `this_update <= at <= next_update`; when `later_accepted`, also when it was made
/// after `at` but no later than the certificate's expiry (later lists may drop expired certificates): it still lists what was revoked.
///
/// Whatever the policy, an entry in any list whose signature holds, fresh or stale, revokes from its revocation date on, or from its
/// invalidity date if that is earlier. What was signed before that moment stands, for key compromise too: that is only sound when `at`
/// comes from a time-stamp by another key, because the holder of a stolen key can sign any date: see `self_dated`. A hold counts as a
/// revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// Refuse a certificate that no list covers.
    pub required: bool,
    /// Let lists made after `at` cover it.
    pub later_accepted: bool,
    /// `at` is the key's own word: refuse a certificate that was revoked after it for compromise, too.
    pub self_dated: bool,
}

impl RevocationPolicy {
    /// A covering list for every certificate below the root; later lists count. What a court should ask.
    pub const STRICT: Self = Self { required: true, later_accepted: true, self_dated: false };
    /// [`Self::STRICT`] where nothing but the key itself says when it was used.
    pub const SELF_DATED: Self = Self { self_dated: true, ..Self::STRICT };
    /// Lists are heeded when there are any.
    pub const IF_PRESENT: Self = Self { required: false, later_accepted: true, self_dated: false };
}

/// Everything but the leaf: whom the caller trusts and what else it has.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The trust anchor's certificate, DER.
    pub root_der: &'a [u8],
    /// Untrusted certificates that may lie between, DER.
    pub intermediates: &'a [&'a [u8]],
    /// Untrusted revocation lists.
    pub crls: &'a [Crl],
    /// What is asked of them.
    pub revocation: RevocationPolicy,
}

/// Which of the certificates given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateRef {
    /// The leaf.
    Leaf,
    /// The intermediate at this index, from 0, of those given.
    Intermediate {
        /// The index.
        index: usize,
    },
    /// The root.
    Root,
}

impl fmt::Display for CertificateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf => f.write_str("the leaf certificate"),
            Self::Intermediate { index } => write!(f, "intermediate certificate {index}"),
            Self::Root => f.write_str("the root certificate"),
        }
    }
}

/// How a certificate does not fit its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// An issuer that is no authority by its basic constraints.
    #[error("it is not an authority's")]
    NotAuthority,
    /// A leaf that is an authority.
    #[error("it is an authority's")]
    Authority,
    /// An issuer without the right to sign certificates.
    #[error("its key usage does not allow signing certificates")]
    NoCertificateSigning,
    /// An issuer without the right to sign revocation lists.
    #[error("its key usage does not allow signing revocation lists")]
    NoCrlSigning,
    /// More authorities below than it allows.
    #[error("its path length constraint is exceeded")]
    PathLength,
    /// No key usage, or one that is not critical.
    #[error("it has no critical key usage")]
    KeyUsageMissing,
    /// Key usages other than the purpose's.
    #[error("its key usages are not those of the purpose")]
    KeyUsage,
    /// No extended key usage.
    #[error("it has no extended key usage")]
    ExtendedKeyUsageMissing,
    /// An extended key usage that should be critical.
    #[error("its extended key usage is not critical")]
    ExtendedKeyUsageNotCritical,
    /// Extended key usages other than the purpose's.
    #[error("its extended key usages are not those of the purpose")]
    ExtendedKeyUsage,
    /// Alternative names that are not exactly one institution.
    #[error("its alternative names are not one institution")]
    Institution,
    /// Alternative names that are not one of the purpose's kind.
    #[error("its alternative names are not one of the purpose's kind")]
    Name,
    /// A key of the wrong kind.
    #[error("its key is not of the kind the purpose needs")]
    Key,
}

/// Why the key does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Bytes that are no certificate.
    #[error("{certificate} is malformed: {source}")]
    Malformed {
        /// Which.
        certificate: CertificateRef,
        /// How.
        source: EncodingError,
    },
    /// More input than is looked at.
    #[error("{found} certificates or revocation lists, at most {max} are accepted")]
    TooMany {
        /// How many were given.
        found: usize,
        /// How many are accepted.
        max: usize,
    },
    /// No certificate with the issuer's name.
    #[error("the issuer of {certificate} is unknown: {issuer}")]
    UnknownIssuer {
        /// Whose issuer.
        certificate: CertificateRef,
        /// Its name.
        issuer: String,
    },
    /// Certificates with the issuer's name, none of which signed it.
    #[error("the signature of {certificate} does not verify")]
    BadSignature {
        /// Which.
        certificate: CertificateRef,
    },
    /// The path does not end.
    #[error("the path has more than {max} certificates")]
    PathTooLong {
        /// How many are followed.
        max: usize,
    },
    /// A signature or key that we do not verify.
    #[error("{certificate} uses the unsupported algorithm {algorithm}")]
    UnsupportedAlgorithm {
        /// Which.
        certificate: CertificateRef,
        /// Signature algorithm, key algorithm or curve.
        algorithm: ObjectIdentifier,
    },
    /// An extension that binds and is not understood.
    #[error("{certificate} has the unsupported critical extension {extension}")]
    UnsupportedExtension {
        /// Which.
        certificate: CertificateRef,
        /// The extension.
        extension: ObjectIdentifier,
    },
    /// Used before it was valid.
    #[error("{certificate} was not valid yet at {at}, only from {not_before}")]
    NotYetValid {
        /// Which.
        certificate: CertificateRef,
        /// When it was used.
        at: u64,
        /// Its first second.
        not_before: u64,
    },
    /// Used after it had expired.
    #[error("{certificate} was no longer valid at {at}, only until {not_after}")]
    Expired {
        /// Which.
        certificate: CertificateRef,
        /// When it was used.
        at: u64,
        /// Its last second.
        not_after: u64,
    },
    /// Not made for this.
    #[error("{certificate} does not serve: {misuse}")]
    WrongPurpose {
        /// Which.
        certificate: CertificateRef,
        /// How.
        misuse: Misuse,
    },
    /// Used after it was revoked.
    #[error("{certificate} was revoked from {effective_from} on ({}), and used at {at}", reason.name())]
    Revoked {
        /// Which.
        certificate: CertificateRef,
        /// When it was used.
        at: u64,
        /// The revocation date, or the invalidity date if earlier.
        effective_from: u64,
        /// The issuer's reason.
        reason: RevocationReason,
    },
    /// Revoked for compromise after `at`, which is the key's own word.
    #[error(
        "{certificate} was revoked as compromised from {effective_from} on; only its key says that it was used before"
    )]
    CompromisedLater {
        /// Which.
        certificate: CertificateRef,
        /// The revocation date, or the invalidity date if earlier.
        effective_from: u64,
    },
    /// No revocation list of the issuer.
    #[error("there is no revocation list for {certificate} from its issuer {issuer}")]
    CrlMissing {
        /// Which.
        certificate: CertificateRef,
        /// Its issuer's name.
        issuer: String,
    },
    /// Only lists that had run out.
    #[error("the newest revocation list for {certificate} was stale at {at}, since {next_update}")]
    CrlStale {
        /// Which.
        certificate: CertificateRef,
        /// When it was used.
        at: u64,
        /// The latest next update among the lists.
        next_update: u64,
    },
    /// Only lists made later than the policy accepts.
    #[error(
        "the revocation lists for {certificate} were made too long after {at}, the first at {this_update}"
    )]
    CrlTooLate {
        /// Which.
        certificate: CertificateRef,
        /// When it was used.
        at: u64,
        /// The earliest this update among the lists.
        this_update: u64,
    },
    /// A list in the issuer's name that the issuer did not sign.
    #[error("the signature of revocation list {index} does not verify")]
    CrlBadSignature {
        /// Its index among those given.
        index: usize,
    },
    /// A list signed in a way that we do not verify.
    #[error("revocation list {index} uses the unsupported algorithm {algorithm}")]
    CrlUnsupportedAlgorithm {
        /// Its index among those given.
        index: usize,
        /// Signature algorithm.
        algorithm: ObjectIdentifier,
    },
}

/// What a successful validation says about the leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// The leaf's subject as RFC 4514 prints it; for people.
    pub subject: String,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Its common name.
    pub common_name: Option<String>,
    /// The institution; always there for [`Purpose::Seal`].
    pub institution: Option<InstitutionId>,
    /// Its key.
    pub public_key: PublicKey,
    /// Its serial number, big-endian without leading zeros.
    pub serial: Vec<u8>,
    /// Its validity.
    pub validity: Validity,
    /// SHA-256 of each certificate on the path, leaf first, root last.
    pub path: Vec<[u8; 32]>,
    /// The certificates on the path, in the same order.
    pub certificates: Vec<X509Certificate>,
    /// Whether a revocation list covers every certificate below the root; always true when the policy requires it.
    pub revocation_covered: bool,
    /// The leaf was revoked later than it was used: for the record, it does not undo what was signed.
    pub revoked_later: Option<RevokedCertificate>,
}

impl Validated {
    /// SHA-256 of the leaf.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.path[0]
    }
}

/// Checks that the key in `leaf_der` was certified under `trust` for `purpose` at the unix second `at`.
///
/// `at` is the time the signature was made, which the caller must know from somewhere better than the signer: see [`RevocationPolicy`].
/// About 0.2 ms for each certificate below the root and for each revocation list used. Pure: same inputs, same answer, for ever.
///
/// # Errors
/// [`ChainError`]; the first rule of the module's list that fails, from the leaf upwards. Of revocation what refuses goes before what is
/// not known: [`ChainError::CompromisedLater`] and lists that are missing, stale or too late.
pub fn validate(
    leaf_der: &[u8],
    trust: &Trust<'_>,
    at: u64,
    purpose: Purpose,
) -> Result<Validated, ChainError> {
    let inputs = Inputs::read(leaf_der, trust)?;
    let path = inputs.path(purpose.suites())?;
    for link in &path {
        link.check_alone(at)?;
    }
    for (below, link) in path.iter().enumerate().skip(1) {
        link.check_issuer(below - 1, purpose)?;
    }
    path[0].check_purpose(purpose)?;
    let revocation = revocation::check(&path, trust.crls, at, trust.revocation, purpose.suites())?;
    let leaf = path[0].certificate;
    Ok(Validated {
        subject: leaf.subject(),
        organisation: leaf.organisation(),
        common_name: leaf.common_name(),
        institution: leaf.institution(),
        public_key: leaf.public_key(),
        serial: leaf.serial().to_vec(),
        validity: leaf.validity(),
        path: path.iter().map(|link| link.certificate.fingerprint()).collect(),
        certificates: path.iter().map(|link| link.certificate.clone()).collect(),
        revocation_covered: revocation.covered,
        revoked_later: revocation.leaf_revoked_later,
    })
}

struct Inputs {
    leaf: X509Certificate,
    intermediates: Vec<X509Certificate>,
    root: X509Certificate,
}

/// A certificate in its place on the path.
#[derive(Clone, Copy)]
struct Link<'a> {
    place: CertificateRef,
    certificate: &'a X509Certificate,
}

impl Inputs {
    fn read(leaf_der: &[u8], trust: &Trust<'_>) -> Result<Self, ChainError> {
        let found = trust.intermediates.len().max(trust.crls.len());
        if found > INTERMEDIATES_MAX {
            return Err(ChainError::TooMany { found, max: INTERMEDIATES_MAX });
        }
        let read = |der: &[u8], certificate| {
            X509Certificate::from_der(der).map_err(|source| ChainError::Malformed { certificate, source })
        };
        let intermediates = trust.intermediates.iter().enumerate();
        Ok(Self {
            leaf: read(leaf_der, CertificateRef::Leaf)?,
            intermediates: intermediates
                .map(|(index, der)| read(der, CertificateRef::Intermediate { index }))
                .collect::<Result<_, _>>()?,
            root: read(trust.root_der, CertificateRef::Root)?,
        })
    }

    /// Rules 2 and 3. At least leaf and root.
    fn path(&self, suites: &[Suite]) -> Result<Vec<Link<'_>>, ChainError> {
        let mut path = vec![Link { place: CertificateRef::Leaf, certificate: &self.leaf }];
        loop {
            let issuer = self.issuer_of(&path, suites)?;
            path.push(issuer);
            if issuer.place == CertificateRef::Root {
                return Ok(path);
            }
            if path.len() == PATH_CERTIFICATES_MAX {
                return Err(ChainError::PathTooLong { max: PATH_CERTIFICATES_MAX });
            }
        }
    }

    fn issuer_of<'a>(&'a self, path: &[Link<'a>], suites: &[Suite]) -> Result<Link<'a>, ChainError> {
        let subject = path[path.len() - 1];
        let certificate = subject.place;
        if let Err(algorithm) = subject.certificate.signature_suite(suites) {
            return Err(ChainError::UnsupportedAlgorithm { certificate, algorithm });
        }
        let root = Link { place: CertificateRef::Root, certificate: &self.root };
        let others = self.intermediates.iter().enumerate();
        let others = others
            .map(|(index, certificate)| Link { place: CertificateRef::Intermediate { index }, certificate });
        let mut named = std::iter::once(root)
            .chain(others)
            .filter(|link| link.certificate.subject_name() == subject.certificate.issuer_name())
            .filter(|link| path.iter().all(|earlier| earlier.place != link.place))
            .peekable();
        if named.peek().is_none() {
            return Err(ChainError::UnknownIssuer { certificate, issuer: subject.certificate.issuer() });
        }
        let mut unsupported = None;
        for link in named {
            let key = link.certificate.public_key();
            if subject.certificate.is_signed_by(&key) {
                return Ok(link);
            }
            if !key.suite().is_some_and(|suite| suites.contains(&suite)) {
                unsupported.get_or_insert(ChainError::UnsupportedAlgorithm {
                    certificate: link.place,
                    algorithm: key.algorithm(),
                });
            }
        }
        Err(unsupported.unwrap_or(ChainError::BadSignature { certificate }))
    }
}

impl Link<'_> {
    /// Rule 4.
    fn check_alone(&self, at: u64) -> Result<(), ChainError> {
        let certificate = self.place;
        let Validity { not_before, not_after } = self.certificate.validity();
        if at < not_before {
            return Err(ChainError::NotYetValid { certificate, at, not_before });
        }
        if at > not_after {
            return Err(ChainError::Expired { certificate, at, not_after });
        }
        match self.certificate.extensions().not_understood {
            Some(extension) => Err(ChainError::UnsupportedExtension { certificate, extension }),
            None => Ok(()),
        }
    }

    /// Rule 5; `below` is the number of authorities between this one and the leaf.
    fn check_issuer(&self, below: usize, purpose: Purpose) -> Result<(), ChainError> {
        let extensions = self.certificate.extensions();
        let constraints = extensions.basic_constraints.as_ref().filter(|constraints| constraints.ca);
        let constraints = constraints.ok_or_else(|| self.misused(Misuse::NotAuthority))?;
        if constraints.path_len_constraint.is_some_and(|max| below > usize::from(max)) {
            return Err(self.misused(Misuse::PathLength));
        }
        // RFC 5280, section 6.1.4 (n): binds when present; the root may do without.
        if extensions.key_usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
            return Err(self.misused(Misuse::NoCertificateSigning));
        }
        let Some((_, usages)) = &extensions.extended_key_usage else { return Ok(()) };
        let needed = purpose.extended_key_usages();
        let all = !needed.is_empty() && needed.iter().all(|usage| usages.0.contains(usage));
        let covers = all || usages.0.contains(&oid::ANY_EXTENDED_KEY_USAGE);
        if covers { Ok(()) } else { Err(self.misused(Misuse::ExtendedKeyUsage)) }
    }

    /// Rule 6.
    fn check_purpose(&self, purpose: Purpose) -> Result<(), ChainError> {
        if self.certificate.is_authority() {
            return Err(self.misused(Misuse::Authority));
        }
        match purpose {
            Purpose::Seal => self.check_seal(),
            Purpose::TimeStamping => self.check_time_stamping(),
            Purpose::Node => self.check_subscriber(purpose, NODE_URI_PREFIX, signature()),
            Purpose::Officer => self.check_subscriber(purpose, OFFICER_URI_PREFIX, signature()),
            Purpose::Enterprise => self.check_subscriber(purpose, ENTERPRISE_URI_PREFIX, signing()),
            Purpose::Person => self.check_subscriber(purpose, PERSON_URI_PREFIX, signing()),
        }
    }

    fn check_subscriber(&self, purpose: Purpose, prefix: &str, usage: KeyUsage) -> Result<(), ChainError> {
        let extensions = self.certificate.extensions();
        self.check_key_usage(usage)?;
        match &extensions.extended_key_usage {
            None => return Err(self.misused(Misuse::ExtendedKeyUsageMissing)),
            Some((_, usages)) if usages.0 != purpose.extended_key_usages() => {
                return Err(self.misused(Misuse::ExtendedKeyUsage));
            }
            Some(_) => {}
        }
        let named = self.certificate.alternative_uris().filter(|uri| uri.starts_with(prefix)).count();
        let others = self.certificate.alternative_names().len() - named;
        // A node has its hosts' names besides.
        if named != 1 || (others > 0 && purpose != Purpose::Node) {
            return Err(self.misused(Misuse::Name));
        }
        match self.certificate.public_key() {
            PublicKey::Other(_) => Err(self.misused(Misuse::Key)),
            _ => Ok(()),
        }
    }

    fn check_key_usage(&self, wanted: KeyUsage) -> Result<(), ChainError> {
        match self.certificate.extensions().key_usage {
            Some((true, usage)) if usage == wanted => Ok(()),
            Some((true, _)) => Err(self.misused(Misuse::KeyUsage)),
            Some((false, _)) | None => Err(self.misused(Misuse::KeyUsageMissing)),
        }
    }

    fn check_seal(&self) -> Result<(), ChainError> {
        let extensions = self.certificate.extensions();
        self.check_key_usage(signing())?;
        if extensions.extended_key_usage.is_some() {
            return Err(self.misused(Misuse::ExtendedKeyUsage));
        }
        if self.certificate.alternative_names().len() != 1 || self.certificate.institution().is_none() {
            return Err(self.misused(Misuse::Institution));
        }
        match self.certificate.public_key() {
            PublicKey::Ed25519(_) => Ok(()),
            _ => Err(self.misused(Misuse::Key)),
        }
    }

    fn check_time_stamping(&self) -> Result<(), ChainError> {
        let extensions = self.certificate.extensions();
        match &extensions.extended_key_usage {
            None => return Err(self.misused(Misuse::ExtendedKeyUsageMissing)),
            Some((_, usages)) if usages.0 != [oid::KP_TIME_STAMPING] => {
                return Err(self.misused(Misuse::ExtendedKeyUsage));
            }
            Some((false, _)) => return Err(self.misused(Misuse::ExtendedKeyUsageNotCritical)),
            Some((true, _)) => {}
        }
        let signing = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
        if extensions.key_usage.is_some_and(|(_, usage)| usage.0.is_empty() || !signing.contains(usage.0)) {
            return Err(self.misused(Misuse::KeyUsage));
        }
        match self.certificate.public_key() {
            PublicKey::P256(_) => Ok(()),
            PublicKey::Ed25519(_) => Err(self.misused(Misuse::Key)),
            key => {
                let algorithm = key.algorithm();
                Err(ChainError::UnsupportedAlgorithm { certificate: self.place, algorithm })
            }
        }
    }

    fn misused(&self, misuse: Misuse) -> ChainError {
        ChainError::WrongPurpose { certificate: self.place, misuse }
    }
}

fn signature() -> KeyUsage {
    KeyUsage(KeyUsages::DigitalSignature.into())
}

fn signing() -> KeyUsage {
    KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation)
}

#[cfg(test)]
mod tests;
