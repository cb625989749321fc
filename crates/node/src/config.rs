//! What a node is started with.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use xiezhi_crypto::Signer;
use xiezhi_pki::{CertificateAuthority, timestamp::TimeStampAuthority};
use xiezhi_types::InstitutionId;

use crate::follow::Upstream;

/// Why no time-stamp token was had; retrying helps, another time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("time-stamp authority: {reason}")]
pub struct StampError {
    /// What happened.
    pub reason: String,
}

/// A time-stamp authority outside the node, asked for a token over each checkpoint. Called from a thread of its own; may block.
pub trait Stamper: Send + Sync + 'static {
    /// A TimeStampToken (DER) over `imprint`, a SHA-256 digest.
    ///
    /// # Errors
    /// [`StampError`]; the checkpoint is asked for again later.
    fn stamp(&self, imprint: &[u8; 32]) -> Result<Vec<u8>, StampError>;
}

/// The alliance's own time-stamp authority, when this institution runs it.
pub struct TimeStampConfig {
    /// Key, certificate and policy.
    pub authority: TimeStampAuthority,
    /// It stamps only while this institution, whose authority comes first, is out of reach or leaves a checkpoint unstamped.
    pub stands_in_for: Option<InstitutionId>,
}

/// The keys of an institution in one term.
pub struct NodeKeys {
    /// Seed of the Ed25519 consensus key.
    pub consensus_seed: [u8; 32],
    /// The seal key.
    pub seal_key: Arc<dyn Signer>,
    /// Its X.509 certificate (DER), then intermediate ones; empty while it is not certified: then nothing is sealed with it.
    pub seal_chain: Vec<Vec<u8>>,
}

impl NodeKeys {
    pub(crate) fn consensus_key(&self) -> [u8; 32] {
        xiezhi_consensus::public_key(&self.consensus_seed)
    }

    /// Whether the seal key is the one with these bytes.
    pub(crate) fn seals_as(&self, key: &[u8; 32]) -> bool {
        self.seal_key.public_key().as_bytes() == key
    }
}

/// What an institution renews while its node runs.
pub struct Renewal {
    /// As [`NodeConfig::keys`].
    pub keys: Vec<NodeKeys>,
    /// Revocation lists (DER); those older than the ones in force are passed over.
    pub revocations: Vec<Vec<u8>>,
    /// The time-stamp authority run here, if any.
    pub timestamps: Option<TimeStampAuthority>,
}

/// The alliance's certificate authority, when this institution runs it: it renews the revocation list.
pub struct AuthorityConfig {
    /// Key and certificate.
    pub authority: CertificateAuthority,
}

/// Everything a node needs to start.
pub struct NodeConfig {
    /// Whose node this is.
    pub institution: InstitutionId,
    /// The ledger's genesis.
    pub genesis: Vec<u8>,
    /// Where the node keeps its store and the engine's journals.
    pub data_dir: PathBuf,
    /// The institution's keys, at least one set: those in use, then those that another term gives it. Each term uses the set that the ledger names.
    pub keys: Vec<NodeKeys>,
    /// Where to listen for the other nodes.
    pub listen: SocketAddr,
    /// Where the other institutions' nodes listen, those of the genesis at least; this one's own entry may be there too. What a member states
    /// on the ledger comes first.
    pub peers: Vec<(InstitutionId, SocketAddr)>,
    /// Whom else to follow when this node has no vote or was left behind.
    pub upstreams: Vec<Arc<dyn Upstream>>,
    /// Revocation lists (DER) to begin with.
    pub revocations: Vec<Vec<u8>>,
    /// The time-stamp authority run here, if any.
    pub timestamps: Option<TimeStampConfig>,
    /// The certificate authority run here, if any.
    pub authority: Option<AuthorityConfig>,
    /// Time-stamp authorities outside.
    pub stampers: Vec<Arc<dyn Stamper>>,
    /// Bound of the database's cache, in bytes.
    pub cache_bytes: u64,
    /// Threads of the consensus runtime.
    pub worker_threads: usize,
}

/// Everything an observer's node needs to start: no key, no vote.
pub struct ObserverConfig {
    /// What it calls itself; no institution's name.
    pub name: InstitutionId,
    /// The ledger's genesis.
    pub genesis: Vec<u8>,
    /// Where the node keeps its store.
    pub data_dir: PathBuf,
    /// Where it has its blocks from, at least one; the next is asked when one fails.
    pub upstreams: Vec<Arc<dyn Upstream>>,
    /// Bound of the database's cache, in bytes.
    pub cache_bytes: u64,
}
