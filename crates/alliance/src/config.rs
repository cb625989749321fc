//! The configuration file of one node: TOML, with environment and flags over it.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use xiezhi_crypto::{SignatureAlg, Signer};
use xiezhi_custody::{Place, PlaceError};
use xiezhi_node::{AuthorityConfig, NodeConfig, NodeKeys, Renewal, Stamper, TimeStampConfig};
use xiezhi_objects::{Access, Waiting};
use xiezhi_pki::{
    CertificateAuthority, Crl, ObjectIdentifier, P256Key, X509Certificate, timestamp::TimeStampAuthority,
};
use zeroize::Zeroizing;

use crate::{AllianceError, found::seal_key};

/// Policy under which the alliance's own authority stamps: private arc of documentation examples (RFC 5612 has none for this; see docs/specs).
const TIMESTAMP_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
/// What the embedded authority claims of its clock, in milliseconds.
const TIMESTAMP_ACCURACY_MS: u32 = 1_000;

/// A node's configuration, as `node.toml` holds it. Relative paths are relative to the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFile {
    /// Short name of the institution.
    pub institution: String,
    /// The genesis file.
    pub genesis: PathBuf,
    /// Where the node keeps its data.
    pub data_dir: PathBuf,
    /// Address at which the other nodes reach it.
    pub listen: String,
    /// Address of its REST interface.
    pub http: String,
    /// File with the consensus key's seed, 64 hexadecimal digits.
    pub consensus_key: PathBuf,
    /// File with the seal key's seed, 64 hexadecimal digits.
    pub seal_key: PathBuf,
    /// Certificates of the seal key (PEM): the institution's, then intermediate ones.
    pub seal_chain: PathBuf,
    /// Revocation lists (PEM).
    #[serde(default)]
    pub revocations: Vec<PathBuf>,
    /// Bound of the database's cache, in MiB.
    #[serde(default = "default_cache_mib")]
    pub cache_mib: u64,
    /// Threads of the consensus runtime.
    #[serde(default = "default_worker_threads")]
    pub worker_threads: usize,
    /// Time-stamp authorities outside, by URL (http).
    #[serde(default)]
    pub timestamp_urls: Vec<String>,
    /// REST interfaces of other nodes: whence this one takes sealed blocks while it has no vote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow: Vec<String>,
    /// Where the institutions' nodes listen.
    pub peers: BTreeMap<String, String>,
    /// Where the older part of the log moves to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSection>,
    /// The time-stamp authority, when it is run here.
    pub timestamps: Option<TimestampSection>,
    /// The certificate authority, when it is run here.
    pub authority: Option<AuthoritySection>,
}

fn default_cache_mib() -> u64 {
    64
}

fn default_worker_threads() -> usize {
    2
}

/// The archive; how a bucket is reached stands in the environment, as [`Access::from_env`] says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveSection {
    /// `file:///directory` or `s3://bucket/prefix`.
    pub url: String,
    /// How many of the newest records stay in the node's own store.
    pub keep: u64,
}

impl ArchiveSection {
    /// Opens the place; it need not be in reach.
    ///
    /// # Errors
    /// [`AllianceError::Value`].
    pub fn open(&self) -> Result<Waiting, AllianceError> {
        let opened = Waiting::open(&self.url, &Access::from_env());
        opened.map_err(|e| AllianceError::Value { field: "archive.url", reason: e.to_string() })
    }
}

/// The embedded time-stamp authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampSection {
    /// Its P-256 key (PKCS#8 PEM).
    pub key: PathBuf,
    /// Its certificate (PEM).
    pub certificate: PathBuf,
    /// The institution whose authority comes first; this one stamps only when that one does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_in_for: Option<String>,
}

/// The embedded certificate authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoritySection {
    /// Its P-256 key (PKCS#8 PEM).
    pub key: PathBuf,
    /// Its certificate (PEM).
    pub certificate: PathBuf,
}

/// What environment and flags put over the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// [`NodeFile::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// [`NodeFile::listen`].
    pub listen: Option<String>,
    /// [`NodeFile::http`].
    pub http: Option<String>,
}

impl NodeFile {
    /// The configuration of `institution` as its folder is made: `keys/`, `pki/` and `data/` in it, no authorities, nobody else known.
    pub(crate) fn usual(institution: String, genesis: &str, listen: String, http: String) -> Self {
        Self {
            institution,
            genesis: genesis.into(),
            data_dir: "data".into(),
            listen,
            http,
            consensus_key: "keys/consensus.key".into(),
            seal_key: "keys/seal.key".into(),
            seal_chain: "pki/seal.pem".into(),
            revocations: vec!["pki/crl.pem".into()],
            cache_mib: default_cache_mib(),
            worker_threads: 1,
            timestamp_urls: Vec::new(),
            follow: Vec::new(),
            peers: BTreeMap::new(),
            archive: None,
            timestamps: None,
            authority: None,
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`AllianceError::Value`].
    pub fn to_toml(&self) -> Result<String, AllianceError> {
        toml::to_string(self).map_err(|e| AllianceError::Value { field: "node.toml", reason: e.to_string() })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`AllianceError`] with the line at fault.
    pub fn read(path: &Path) -> Result<Self, AllianceError> {
        let text = read_text(path)?;
        toml::from_str(&text)
            .map_err(|e| AllianceError::Content { path: path.to_owned(), reason: e.to_string() })
    }
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, AllianceError> {
    fs::read(path).map_err(|source| AllianceError::File { path: path.to_owned(), source })
}

pub(crate) fn read_text(path: &Path) -> Result<String, AllianceError> {
    fs::read_to_string(path).map_err(|source| AllianceError::File { path: path.to_owned(), source })
}

pub(crate) fn seed(path: &Path) -> Result<[u8; 32], AllianceError> {
    let mut seed = [0; 32];
    let secret = read_secret(path)?;
    hex::decode_to_slice(secret.trim_ascii(), &mut seed).map_err(|_| AllianceError::Content {
        path: path.to_owned(),
        reason: "a key's seed is 64 hexadecimal digits".to_owned(),
    })?;
    Ok(seed)
}

/// The seal key whose secret the file at `path` holds, or whose place it names.
pub(crate) fn read_seal_key(path: &Path) -> Result<Arc<dyn Signer>, AllianceError> {
    let Some(key) = kept_elsewhere(path)? else { return Ok(Arc::new(seal_key(&seed(path)?)?)) };
    match key.public_key().alg() {
        SignatureAlg::Ed25519 => Ok(key),
        alg => Err(AllianceError::Content {
            path: path.to_owned(),
            reason: format!("a seal key is ed25519, and this one is {alg}"),
        }),
    }
}

/// The key whose place, a token or a server that signs, the file at `path` names; `None` when the file holds a secret.
fn kept_elsewhere(path: &Path) -> Result<Option<Arc<dyn Signer>>, AllianceError> {
    let wrong = |reason: String| AllianceError::Content { path: path.to_owned(), reason };
    let bytes = Zeroizing::new(read_bytes(path)?);
    let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| Place::is_one(text)) else {
        return Ok(None);
    };
    let place: Place = text.parse().map_err(|error: PlaceError| wrong(error.to_string()))?;
    place.open(&place_secret(&place)?).map(Some).map_err(|error| wrong(error.to_string()))
}

/// The environment's variable that names the file with what opens `place`: a token's PIN, or a server's token.
#[must_use]
pub fn place_variable(place: &Place) -> &'static str {
    match place {
        Place::Server(_) => "XIEZHI_SIGNER_TOKEN_FILE",
        _ => "XIEZHI_PIN_FILE",
    }
}

/// What opens the place of a key: the first line of the file that [`place_variable`] names.
///
/// # Errors
/// [`AllianceError`] when the variable is not set, or its file cannot be read.
pub fn place_secret(place: &Place) -> Result<Zeroizing<String>, AllianceError> {
    let field = place_variable(place);
    let missing = || AllianceError::Value {
        field,
        reason: format!("this variable must name the file with what opens {place}"),
    };
    let path = std::env::var_os(field).filter(|value| !value.is_empty()).ok_or_else(missing)?;
    let text = Zeroizing::new(read_text(Path::new(&path))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// The passphrase that the environment names: the first line of the file `XIEZHI_PASSPHRASE_FILE`, or `XIEZHI_PASSPHRASE` itself.
///
/// # Errors
/// [`AllianceError::File`].
pub fn passphrase() -> Result<Option<Zeroizing<String>>, AllianceError> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = given("XIEZHI_PASSPHRASE_FILE") {
        let text = Zeroizing::new(read_text(Path::new(&path))?);
        return Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())));
    }
    Ok(given("XIEZHI_PASSPHRASE").and_then(|value| value.into_string().ok()).map(Zeroizing::new))
}

/// A secret file: as it lies there, or opened with the [`passphrase`] if it is sealed.
fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, AllianceError> {
    let bytes = Zeroizing::new(read_bytes(path)?);
    if !xiezhi_keystore::is_sealed(&bytes) {
        return Ok(bytes);
    }
    let wrong = |reason: String| AllianceError::Content { path: path.to_owned(), reason };
    let passphrase = passphrase()?.ok_or_else(|| {
        wrong("is sealed: name the file of its passphrase in XIEZHI_PASSPHRASE_FILE".to_owned())
    })?;
    xiezhi_keystore::open(&bytes, passphrase.as_bytes()).map_err(|error| wrong(error.to_string()))
}

/// Every PEM block of the file, each read by `read`; at least one.
///
/// # Errors
/// [`AllianceError::File`], [`AllianceError::Content`].
pub fn pems<T, E: ToString>(
    path: &Path,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, AllianceError> {
    let wrong = |reason: String| AllianceError::Content { path: path.to_owned(), reason };
    let text = read_text(path)?;
    let blocks = xiezhi_pki::pem_blocks(&text).map_err(|e| wrong(e.to_string()))?;
    let read = |block| read(block).map_err(|e| wrong(e.to_string()));
    let found = blocks.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(wrong("holds no PEM block".to_owned())) } else { Ok(found) }
}

fn address(field: &'static str, text: &str) -> Result<SocketAddr, AllianceError> {
    let wrong = |reason: String| AllianceError::Value { field, reason };
    let mut found = text.to_socket_addrs().map_err(|e| wrong(format!("{text}: {e}")))?;
    found.next().ok_or_else(|| wrong(format!("{text} has no address")))
}

fn certificate(path: &Path) -> Result<X509Certificate, AllianceError> {
    Ok(pems(path, X509Certificate::from_pem)?.swap_remove(0))
}

fn p256(path: &Path) -> Result<P256Key, AllianceError> {
    let wrong = |reason| AllianceError::Content { path: path.to_owned(), reason };
    let secret = read_secret(path)?;
    let text = std::str::from_utf8(&secret).map_err(|e| wrong(e.to_string()))?;
    P256Key::from_pkcs8_pem(text).map_err(|e| wrong(e.to_string()))
}

/// The certificate authority of the node that the file `node` configures.
///
/// # Errors
/// [`AllianceError`]: it runs none, or its files cannot be read.
pub fn authority_of(node: &Path) -> Result<CertificateAuthority, AllianceError> {
    own_authority(&NodeFile::read(node)?, node.parent().unwrap_or(Path::new(".")))
}

/// The certificate authority that `file`, a node's configuration in the folder `base`, must run.
pub(crate) fn own_authority(file: &NodeFile, base: &Path) -> Result<CertificateAuthority, AllianceError> {
    let section = file.authority.as_ref().ok_or_else(|| AllianceError::Value {
        field: "authority",
        reason: format!("{} runs no certificate authority", file.institution),
    })?;
    authority(&base.join(&section.key), &base.join(&section.certificate))
}

/// The certificate authority of a key file and a certificate file.
fn authority(key: &Path, cert: &Path) -> Result<CertificateAuthority, AllianceError> {
    let wrong = |reason| AllianceError::Content { path: cert.to_owned(), reason };
    let key = match kept_elsewhere(key)? {
        Some(key) => key,
        None => Arc::new(p256(key)?),
    };
    CertificateAuthority::from_parts(key, certificate(cert)?.der()).map_err(|e| wrong(e.to_string()))
}

/// Puts `bytes` in the place of the file at `path`, which stays beside as `.old`; at no moment is a file of that name half written.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), AllianceError> {
    let failed = |source| AllianceError::File { path: path.to_owned(), source };
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    fs::write(beside(".new"), bytes).map_err(failed)?;
    fs::copy(path, beside(".old")).map_err(failed)?;
    fs::rename(beside(".new"), path).map_err(failed)
}

/// What an institution renews while its node runs, as the files under `base` that `file` names hold it.
pub(crate) fn renewal(file: &NodeFile, base: &Path) -> Result<Renewal, AllianceError> {
    let at = |relative: &Path| base.join(relative);
    let timestamps = file.timestamps.as_ref().map(|section| {
        let (key, cert) = (p256(&at(&section.key))?, certificate(&at(&section.certificate))?);
        TimeStampAuthority::new(key, cert.der(), &[], TIMESTAMP_POLICY, TIMESTAMP_ACCURACY_MS)
            .map_err(|e| AllianceError::Content { path: at(&section.certificate), reason: e.to_string() })
    });
    let mut revocations = Vec::new();
    for list in &file.revocations {
        revocations.extend(pems(&at(list), Crl::from_pem)?.into_iter().map(|crl| crl.der().to_vec()));
    }
    Ok(Renewal { keys: keys(file, base)?, revocations, timestamps: timestamps.transpose()? })
}

/// The file of what a later term gives the institution, beside that of what it has now.
pub(crate) fn next(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// The keys of now, and those of a later term where their files are there. A chain may be missing: the key is not certified yet.
fn keys(file: &NodeFile, base: &Path) -> Result<Vec<NodeKeys>, AllianceError> {
    let paths = [&file.consensus_key, &file.seal_key, &file.seal_chain].map(|path| base.join(path));
    let read = |[consensus, seal, chain]: [PathBuf; 3]| {
        let seal_key = read_seal_key(&seal)?;
        let seal_chain = match chain.exists() {
            true => pems(&chain, X509Certificate::from_pem)?.iter().map(|c| c.der().to_vec()).collect(),
            false => Vec::new(),
        };
        Ok::<_, AllianceError>(NodeKeys { consensus_seed: seed(&consensus)?, seal_key, seal_chain })
    };
    let later = paths.each_ref().map(|path| next(path));
    let mut found = vec![read(paths)?];
    if later[0].exists() && later[1].exists() {
        found.push(read(later)?);
    }
    Ok(found)
}

/// Reads a node's configuration and everything it names; gives what the node starts with and the address of its REST interface.
///
/// # Errors
/// [`AllianceError`] naming the file or value at fault.
pub fn load(
    path: &Path,
    overrides: &Overrides,
    stampers: Vec<Arc<dyn Stamper>>,
) -> Result<(NodeConfig, SocketAddr), AllianceError> {
    let file = NodeFile::read(path)?;
    let base = path.parent().unwrap_or(Path::new(".")).to_owned();
    let at = |relative: &Path| base.join(relative);
    let id = |name: &str| {
        name.parse().map_err(|e: xiezhi_types::IdError| AllianceError::Value {
            field: "institution",
            reason: e.to_string(),
        })
    };
    let Renewal { keys, revocations, timestamps } = renewal(&file, &base)?;
    let stands_in_for = file.timestamps.as_ref().and_then(|section| section.stands_in_for.as_deref());
    let stands_in_for = stands_in_for.map(id).transpose()?;
    let authority = file.authority.as_ref().map(|section| {
        authority(&at(&section.key), &at(&section.certificate)).map(|authority| AuthorityConfig { authority })
    });
    let peers = file.peers.iter().map(|(name, listen)| Ok((id(name)?, address("peers", listen)?)));
    let config = NodeConfig {
        institution: id(&file.institution)?,
        genesis: read_bytes(&at(&file.genesis))?,
        data_dir: overrides.data_dir.clone().unwrap_or_else(|| at(&file.data_dir)),
        keys,
        upstreams: Vec::new(),
        listen: address("listen", overrides.listen.as_deref().unwrap_or(&file.listen))?,
        peers: peers.collect::<Result<_, AllianceError>>()?,
        revocations,
        timestamps: timestamps.map(|authority| TimeStampConfig { authority, stands_in_for }),
        authority: authority.transpose()?,
        stampers,
        cache_bytes: file.cache_mib << 20,
        worker_threads: file.worker_threads,
    };
    let http = address("http", overrides.http.as_deref().unwrap_or(&file.http))?;
    Ok((config, http))
}
