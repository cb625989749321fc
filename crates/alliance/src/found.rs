//! Founding: every key, certificate and file of a new alliance.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xiezhi_consensus::public_key;
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    Genesis, Group, Institution, Limits, LocalName, Member as PolicyMember, Policy, genesis::VERSION,
};
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, Crl, CrlTemplate, P256Key, Profile, Subject, Validity,
    X509Certificate, serial_number,
};
use xiezhi_types::{InstitutionId, LedgerId, Role, TimestampMs};

use crate::{
    AllianceError,
    config::{AuthoritySection, NodeFile, TimestampSection},
};

pub(crate) const DAY_S: u64 = 24 * 3600;
/// Roots and time-stamp authorities are certified for this long.
pub(crate) const ROOT_DAYS: u64 = 20 * 365;
/// Institutions' seal keys are certified for this long.
pub(crate) const SEAL_DAYS: u64 = 5 * 365;
/// The first revocation list is good for this long; the authority's node renews it.
const CRL_DAYS: u64 = 30;
/// Certificates are valid from a little before they are made, so that a clock that is behind accepts them.
pub(crate) const BACKDATED_S: u64 = 3600;

/// What to found.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Where; must not hold an alliance yet.
    pub dir: PathBuf,
    /// How many institutions, 4 to 10.
    pub institutions: usize,
    /// Ports derive from this: REST from `base_port` on, consensus from `base_port + 100` on.
    pub base_port: u16,
    /// Host name or address under which the nodes reach each other; all the same for an alliance on one machine.
    pub host: String,
    /// The time of founding.
    pub now: TimestampMs,
    /// What the ledger takes.
    pub limits: Limits,
}

/// Where things are in an alliance's directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The directory.
    pub dir: PathBuf,
}

impl Layout {
    /// The genesis file.
    #[must_use]
    pub fn genesis(&self) -> PathBuf {
        self.dir.join("genesis.cbor")
    }

    /// The configuration file of `institution`.
    #[must_use]
    pub fn node_file(&self, institution: &str) -> PathBuf {
        self.dir.join(institution).join("node.toml")
    }

    /// The configuration files that are here, sorted by institution.
    ///
    /// # Errors
    /// [`AllianceError::File`].
    pub fn node_files(&self) -> Result<Vec<PathBuf>, AllianceError> {
        let failed = |source| AllianceError::File { path: self.dir.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let file = entry.map_err(failed)?.path().join("node.toml");
            if file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// The institutions of a demonstration alliance: short name, role, Chinese and English name.
const PATTERN: [(&str, Role, &str, &str); 10] = [
    ("court", Role::Court, "示范互联网法院", "Demonstration Internet Court"),
    ("notary", Role::Notary, "示范公证处", "Demonstration Notary Office"),
    ("forensic", Role::Forensic, "示范司法鉴定中心", "Demonstration Forensic Centre"),
    ("ca", Role::CertificateAuthority, "示范电子认证机构", "Demonstration Certificate Authority"),
    ("technology", Role::Technology, "示范技术服务商", "Demonstration Technology Provider"),
    ("court-2", Role::Court, "示范第二法院", "Second Demonstration Court"),
    ("notary-2", Role::Notary, "示范第二公证处", "Second Demonstration Notary Office"),
    ("forensic-2", Role::Forensic, "示范第二司法鉴定中心", "Second Demonstration Forensic Centre"),
    ("technology-2", Role::Technology, "示范第二技术服务商", "Second Demonstration Technology Provider"),
    ("court-3", Role::Court, "示范第三法院", "Third Demonstration Court"),
];

/// Short names and roles of the first `count` institutions.
///
/// # Errors
/// [`AllianceError::Value`] for fewer than 4 or more than 10.
pub fn institutions(count: usize) -> Result<Vec<(InstitutionId, Role, LocalName)>, AllianceError> {
    if !(4..=PATTERN.len()).contains(&count) {
        return Err(AllianceError::Value {
            field: "institutions",
            reason: format!("{count}, 4 to 10 are possible"),
        });
    }
    let chosen = PATTERN.iter().take(count).map(|(id, role, zh, en)| {
        let name = LocalName { zh: (*zh).to_owned(), en: (*en).to_owned() };
        let id = id.parse().map_err(|e: xiezhi_types::IdError| AllianceError::Value {
            field: "institution",
            reason: e.to_string(),
        })?;
        Ok((id, *role, name))
    });
    chosen.collect()
}

/// 32 random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], AllianceError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AllianceError::Entropy)?;
    Ok(bytes)
}

fn p256_key() -> Result<P256Key, AllianceError> {
    // All but a vanishing share of random scalars are valid.
    loop {
        if let Ok(key) = P256Key::from_bytes(&random()?) {
            return Ok(key);
        }
    }
}

pub(crate) fn seal_key(seed: &[u8; 32]) -> Result<SigningKey, AllianceError> {
    SigningKey::from_seed(SignatureAlg::Ed25519, seed)
        .map_err(|e| AllianceError::Value { field: "seal key", reason: e.to_string() })
}

/// Certifies `key` as the seal key of `institution`, called `name`.
pub(crate) fn seal_certificate(
    authority: &CertificateAuthority,
    institution: &InstitutionId,
    name: &LocalName,
    key: [u8; 32],
    validity: Validity,
) -> Result<X509Certificate, AllianceError> {
    Ok(authority.issue(&CertificateTemplate::new(
        Profile::InstitutionSeal { institution, key },
        Subject { organisation: &name.zh, common_name: &name.en },
        serial()?,
        validity,
    ))?)
}

/// A new serial number.
pub(crate) fn serial() -> Result<[u8; 16], AllianceError> {
    Ok(serial_number(random()?))
}

pub(crate) fn write(path: &Path, bytes: &[u8], secret: bool) -> Result<(), AllianceError> {
    let failed = |source| AllianceError::File { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(path, bytes).map_err(failed)?;
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    #[cfg(not(unix))]
    let _ = secret;
    Ok(())
}

struct Member {
    id: InstitutionId,
    role: Role,
    name: LocalName,
    consensus_seed: [u8; 32],
    seal_seed: [u8; 32],
}

/// Founds an alliance in `founding.dir`: everything is written to a sibling directory first and renamed at the end, so that a founding that
/// fails leaves nothing that looks like an alliance.
///
/// # Errors
/// [`AllianceError`].
pub fn found(founding: &Founding) -> Result<(Layout, LedgerId), AllianceError> {
    let target = Layout { dir: founding.dir.clone() };
    if target.genesis().exists() {
        let reason = "holds an alliance already".to_owned();
        return Err(AllianceError::Content { path: founding.dir.clone(), reason });
    }
    if founding.base_port < 1024 || founding.base_port > 65_000 {
        let reason = format!("{}, 1024 to 65000 are possible", founding.base_port);
        return Err(AllianceError::Value { field: "base port", reason });
    }
    let mut members = Vec::new();
    for (id, role, name) in institutions(founding.institutions)? {
        members.push(Member { id, role, name, consensus_seed: random()?, seal_seed: random()? });
    }
    let mut building = founding.dir.clone().into_os_string();
    building.push(".founding");
    let layout = Layout { dir: PathBuf::from(building) };
    let failed = |source| AllianceError::File { path: layout.dir.clone(), source };
    if layout.dir.exists() {
        fs::remove_dir_all(&layout.dir).map_err(failed)?;
    }
    let ledger = build(founding, &layout, &members)?;
    if founding.dir.exists() {
        // An empty directory that the caller made; anything else in it makes this fail.
        fs::remove_dir(&founding.dir)
            .map_err(|source| AllianceError::File { path: founding.dir.clone(), source })?;
    }
    fs::rename(&layout.dir, &founding.dir).map_err(failed)?;
    Ok((target, ledger))
}

fn build(founding: &Founding, layout: &Layout, members: &[Member]) -> Result<LedgerId, AllianceError> {
    let at = founding.now.seconds();
    let validity = |days: u64| Validity { not_before: at - BACKDATED_S, not_after: at + days * DAY_S };
    let root_key = p256_key()?;
    let root_subject =
        Subject { organisation: "Xiezhi Demonstration Alliance", common_name: "Alliance Root CA" };
    let authority =
        CertificateAuthority::new_root(root_key.clone(), root_subject, serial()?, validity(ROOT_DAYS))?;
    let crl = authority.issue_crl(&CrlTemplate {
        number: at,
        this_update: at - BACKDATED_S,
        next_update: at + CRL_DAYS * DAY_S,
        revoked: &[],
    })?;
    let crl =
        Crl::from_der(&crl).map_err(|e| AllianceError::Value { field: "crl", reason: e.to_string() })?;
    let genesis = genesis(founding, members, authority.certificate())?;
    let bytes = genesis.encode();
    Genesis::parse(&bytes).map_err(|e| AllianceError::Value { field: "genesis", reason: e.to_string() })?;
    write(&layout.genesis(), &bytes, false)?;
    for (at, member) in members.iter().enumerate() {
        let folder = layout.dir.join(member.id.as_str());
        let key = public_seal_key(member)?;
        let seal = seal_certificate(&authority, &member.id, &member.name, key, validity(SEAL_DAYS))?;
        write(&folder.join("keys/consensus.key"), hex::encode(member.consensus_seed).as_bytes(), true)?;
        write(&folder.join("keys/seal.key"), hex::encode(member.seal_seed).as_bytes(), true)?;
        write(&folder.join("pki/root.pem"), authority.certificate().to_pem().as_bytes(), false)?;
        write(&folder.join("pki/seal.pem"), seal.to_pem().as_bytes(), false)?;
        write(&folder.join("pki/crl.pem"), crl.to_pem().as_bytes(), false)?;
        if member.role == Role::CertificateAuthority {
            write(&folder.join("keys/ca.key"), root_key.to_pkcs8_pem().as_bytes(), true)?;
        }
        if time_stamps(member).is_some() {
            let key = p256_key()?;
            let tsa = authority.issue(&CertificateTemplate::new(
                Profile::TimeStamping { key: key.public_key() },
                Subject { organisation: &member.name.zh, common_name: "Time-Stamp Authority" },
                serial()?,
                validity(ROOT_DAYS),
            ))?;
            write(&folder.join("keys/tsa.key"), key.to_pkcs8_pem().as_bytes(), true)?;
            write(&folder.join("pki/tsa.pem"), tsa.to_pem().as_bytes(), false)?;
        }
        let file = node_file(founding, members, at);
        write(&folder.join("node.toml"), file.to_toml()?.as_bytes(), false)?;
    }
    Ok(Genesis::ledger_id(&bytes))
}

/// Who runs a time-stamp authority, and for whom it stands in: the certificate authority's comes first, the forensic centre's stands in.
fn time_stamps(member: &Member) -> Option<Option<&'static str>> {
    match member.id.as_str() {
        "ca" => Some(None),
        "forensic" => Some(Some("ca")),
        _ => None,
    }
}

/// A Byzantine quorum of all, the court or the notary office among them, and one time stamp: no institution alone can stop it.
fn policy(institutions: &[Institution]) -> Policy {
    let mut policy = Policy::quorum(institutions, &[], 1);
    let judicial = [Role::Court, Role::Notary].map(PolicyMember::Role).to_vec();
    policy.seals.members.push(PolicyMember::Group(Group { threshold: 1, members: judicial }));
    policy.seals.threshold = 2;
    policy
}

fn public_seal_key(member: &Member) -> Result<[u8; 32], AllianceError> {
    let wrong = |_| AllianceError::Value { field: "seal key", reason: "not 32 bytes".to_owned() };
    seal_key(&member.seal_seed)?.public_key().as_bytes().try_into().map_err(wrong)
}

fn genesis(
    founding: &Founding,
    members: &[Member],
    root: &X509Certificate,
) -> Result<Genesis, AllianceError> {
    let mut institutions = Vec::new();
    for member in members {
        institutions.push(Institution {
            id: member.id.clone(),
            role: member.role,
            name: member.name.clone(),
            consensus_key: public_key(&member.consensus_seed),
            seal_key: public_seal_key(member)?,
        });
    }
    institutions.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Genesis {
        version: VERSION,
        salt: random()?,
        created: founding.now,
        name: LocalName {
            zh: "獬豸示范联盟".to_owned(), en: "Xiezhi Demonstration Alliance".to_owned()
        },
        domain: "demonstration.xiezhi.invalid".to_owned(),
        policy: policy(&institutions),
        institutions,
        roots: vec![root.der().to_vec()],
        timestamp_roots: vec![root.der().to_vec()],
        limits: founding.limits.clone(),
        suites: SignatureAlg::FOUNDING.iter().map(|alg| alg.cose()).collect(),
    })
}

fn node_file(founding: &Founding, members: &[Member], at: usize) -> NodeFile {
    let port = |offset: usize| founding.base_port + u16::try_from(offset).unwrap_or(0);
    let host = &founding.host;
    let address = |offset| format!("{host}:{}", port(offset));
    let own = members[at].id.to_string();
    NodeFile {
        peers: members
            .iter()
            .enumerate()
            .map(|(i, member)| (member.id.to_string(), address(100 + i)))
            .collect(),
        timestamps: time_stamps(&members[at]).map(|stands_in_for| TimestampSection {
            key: "keys/tsa.key".into(),
            certificate: "pki/tsa.pem".into(),
            stands_in_for: stands_in_for.map(str::to_owned),
        }),
        authority: (members[at].role == Role::CertificateAuthority)
            .then(|| AuthoritySection { key: "keys/ca.key".into(), certificate: "pki/root.pem".into() }),
        ..NodeFile::usual(own, "../genesis.cbor", address(100 + at), address(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Overrides, load};

    #[test]
    fn a_founded_alliance_gives_every_institution_a_node_that_can_be_configured() {
        let temp = tempfile::tempdir().unwrap();
        let founding = Founding {
            dir: temp.path().join("alliance"),
            institutions: 5,
            base_port: 17_000,
            host: "127.0.0.1".to_owned(),
            now: TimestampMs(1_795_334_950_000),
            limits: Limits::default(),
        };
        let (layout, ledger) = found(&founding).unwrap();
        let files = layout.node_files().unwrap();
        assert_eq!(files.len(), 5);
        for file in files {
            let (node, http) = load(&file, &Overrides::default(), Vec::new()).unwrap();
            assert_eq!(Genesis::ledger_id(&node.genesis), ledger);
            let stands_in_for = node.timestamps.map(|t| t.stands_in_for.map(|id| id.to_string()));
            let expected = match node.institution.as_str() {
                "ca" => Some(None),
                "forensic" => Some(Some("ca".to_owned())),
                _ => None,
            };
            assert_eq!(stands_in_for, expected);
            let genesis = Genesis::parse(&node.genesis).unwrap();
            for absent in &genesis.institutions {
                let present = genesis.institutions.iter().map(|i| i.id.clone()).filter(|id| *id != absent.id);
                let missing = genesis.policy.missing(&genesis.institutions, &present.collect(), 1);
                assert!(missing.is_met(), "{} alone must not stop sealing", absent.id);
            }
            assert!((17_000..17_005).contains(&http.port()));
        }
        assert!(matches!(found(&founding), Err(AllianceError::Content { .. })));
        assert!(institutions(3).is_err() && institutions(11).is_err());
    }
}
