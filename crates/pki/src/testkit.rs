//! A small alliance with fixed keys, and certificates that break the profiles.

use x509_cert::ext::{
    Extension,
    pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages},
};
use xiezhi_types::InstitutionId;

use crate::{
    CertificateAuthority, CertificateTemplate, Crl, CrlTemplate, ObjectIdentifier, P256Key, Profile,
    PublicKey, RevocationPolicy, RevokedCertificate, Subject, Trust, Validity, X509Certificate,
    encoding::oid,
    issuance::{extension, name, sign_certificate},
    timestamp::TimeStampAuthority,
};

/// When everything in the tests happens; all certificates are valid then.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const LEAF_VALIDITY: Validity =
    Validity { not_before: NOW - 10 * DAY, not_after: NOW + 400 * DAY };
pub(crate) const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
pub(crate) const SEAL_KEY: [u8; 32] = [0xed; 32];
pub(crate) const IMPRINT: [u8; 32] = [0xab; 32];

pub(crate) fn key(seed: u8) -> P256Key {
    P256Key::from_bytes(&[seed; 32]).expect("a small scalar")
}

pub(crate) fn institution() -> InstitutionId {
    "court".parse().expect("a short name")
}

pub(crate) struct Alliance {
    pub(crate) root: CertificateAuthority,
    pub(crate) issuing: CertificateAuthority,
    pub(crate) seal: X509Certificate,
    pub(crate) tsa: X509Certificate,
    /// Under the issuing authority.
    pub(crate) deep_tsa: X509Certificate,
}

pub(crate) fn alliance() -> Alliance {
    let subject = Subject { organisation: "獬豸联盟", common_name: "Xiezhi Alliance Root" };
    let validity = Validity { not_before: NOW - 100 * DAY, not_after: NOW + 9000 * DAY };
    let root = CertificateAuthority::new_root(key(1), subject, [1; 16], validity).expect("a root");
    let issue = |authority: &CertificateAuthority, profile, serial, common_name| {
        let subject = Subject { organisation: "杭州互联网法院", common_name };
        let crl_url = Some("http://crl.example/root.crl");
        let template = CertificateTemplate {
            profile,
            subject,
            serial: [serial; 16],
            validity: LEAF_VALIDITY,
            crl_url,
            ocsp_url: None,
        };
        authority.issue(&template).expect("a certificate")
    };
    let institution = institution();
    let seal = Profile::InstitutionSeal { institution: &institution, key: SEAL_KEY };
    let seal = issue(&root, seal, 0xf2, "司法链节点印章");
    let tsa = issue(&root, Profile::TimeStamping { key: key(3).public_key() }, 3, "TSA");
    let issuing =
        issue(&root, Profile::IssuingAuthority { key: key(4).public_key().into() }, 4, "Issuing CA");
    let issuing = CertificateAuthority::from_parts(key(4), issuing.der()).expect("an authority");
    let deep_tsa = issue(&issuing, Profile::TimeStamping { key: key(5).public_key() }, 5, "Deep TSA");
    Alliance { root, issuing, seal, tsa, deep_tsa }
}

impl Alliance {
    pub(crate) fn authority(&self) -> TimeStampAuthority {
        TimeStampAuthority::new(key(3), self.tsa.der(), &[], POLICY, 250).expect("an authority")
    }

    pub(crate) fn deep_authority(&self) -> TimeStampAuthority {
        let chain = [self.issuing.certificate().der()];
        TimeStampAuthority::new(key(5), self.deep_tsa.der(), &chain, POLICY, 0).expect("an authority")
    }

    /// A list of the root, fresh for ten days from `this_update`.
    pub(crate) fn crl(&self, this_update: u64, revoked: &[RevokedCertificate]) -> Vec<u8> {
        crl(&self.root, this_update, revoked)
    }

    pub(crate) fn trust<'a>(
        &'a self,
        intermediates: &'a [&'a [u8]],
        crls: &'a [Crl],
        revocation: RevocationPolicy,
    ) -> Trust<'a> {
        Trust { root_der: self.root.certificate().der(), intermediates, crls, revocation }
    }
}

pub(crate) fn crl(
    authority: &CertificateAuthority,
    this_update: u64,
    revoked: &[RevokedCertificate],
) -> Vec<u8> {
    let template = CrlTemplate { number: 7, this_update, next_update: this_update + 10 * DAY, revoked };
    authority.issue_crl(&template).expect("a revocation list")
}

/// A leaf of the root with these extensions instead of a profile's.
pub(crate) fn misfit(alliance: &Alliance, leaf_key: PublicKey, extensions: Vec<Extension>) -> Vec<u8> {
    let issuer = alliance.root.certificate().subject_name();
    let subject = name(Subject { organisation: "x", common_name: "misfit" }).expect("a name");
    let spki = leaf_key.to_spki().expect("a key");
    sign_certificate(&key(1), issuer, [0x66; 16], LEAF_VALIDITY, subject, spki, extensions)
        .expect("a certificate")
}

pub(crate) fn key_usage(critical: bool, usages: &[KeyUsages]) -> Extension {
    let usages = usages.iter().fold(KeyUsage(Default::default()), |sum, usage| KeyUsage(sum.0 | *usage));
    extension(critical, &usages).expect("an extension")
}

pub(crate) fn extended_key_usage(critical: bool, usages: &[ObjectIdentifier]) -> Extension {
    extension(critical, &ExtendedKeyUsage(usages.to_vec())).expect("an extension")
}

pub(crate) fn basic_constraints(ca: bool) -> Extension {
    extension(true, &BasicConstraints { ca, path_len_constraint: None }).expect("an extension")
}

pub(crate) const TIME_STAMPING: ObjectIdentifier = oid::KP_TIME_STAMPING;
pub(crate) const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// Every change of one byte by one of these masks, at every place.
pub(crate) fn one_byte_changes(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len()).flat_map(move |at| {
        [0x01, 0x04, 0x20, 0x80, 0xff].into_iter().map(move |mask| {
            let mut changed = bytes.to_vec();
            changed[at] ^= mask;
            (at, changed)
        })
    })
}
