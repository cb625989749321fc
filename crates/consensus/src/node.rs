//! Starts a node: its own thread, its own runtime, encrypted links to its peers.

use crate::{
    Application, Config, Exit, Handle,
    config::{Checked, Votes, engine_key},
    directory::Directory,
    engine::{self, Channel, End, Links},
    handle::{Control, OUTBOUND_MESSAGES_MAX},
};
use commonware_cryptography::{
    ChaCha20Poly1305,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{
    AddressableManager as _,
    authenticated::lookup::{self, Network},
    utils::mux::{self, Muxer},
};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use std::{
    any::Any,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
    thread,
    time::Duration,
};
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tracing::{info, warn};

/// How far two institutions' clocks may be apart for a link to come about.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
const HANDSHAKE: Duration = Duration::from_secs(5);
const PING: Duration = Duration::from_secs(5);
/// How long a peer that sent provably wrong data is refused.
const BLOCK: Duration = Duration::from_secs(600);
/// How long the engine's parts have to finish their last writes.
const SHUTDOWN: Duration = Duration::from_secs(5);
const NETWORK_MAILBOX: NonZeroUsize = NZUsize!(1024);
/// Nodes of eras with different numbers of validators take the same messages.
const VALIDATORS_MAX: u32 = 64;
/// Threads for file operations, created on demand.
const FILE_THREADS: usize = 16;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A value that cannot work.
    #[error("invalid configuration: {reason}")]
    InvalidConfig {
        /// Which one.
        reason: &'static str,
    },
    /// Bytes that are no Ed25519 public key.
    #[error("{public_key:02x?} is no ed25519 public key")]
    InvalidPublicKey {
        /// The bytes.
        public_key: [u8; 32],
    },
    /// One key twice among the validators.
    #[error("validator {public_key:02x?} is listed twice")]
    DuplicateValidator {
        /// The key.
        public_key: [u8; 32],
    },
    /// A validator is not among the peers.
    #[error("validator {public_key:02x?} has no address")]
    NoAddress {
        /// The key.
        public_key: [u8; 32],
    },
    /// Another process listens there; retrying helps once it has ended.
    #[error("address {address} is in use")]
    AddressInUse {
        /// [`Config::listen`].
        address: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// [`Config::listen`].
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another node runs from this directory; retrying helps once it has ended.
    #[error("directory {} is in use by another node", path.display())]
    StorageInUse {
        /// [`Config::storage_dir`].
        path: PathBuf,
    },
    /// The directory cannot be read or written.
    #[error("cannot use directory {}", path.display())]
    Storage {
        /// [`Config::storage_dir`].
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory belongs to another namespace, genesis block, validator set or key.
    #[error("directory {} belongs to another ledger or another key", path.display())]
    ForeignStorage {
        /// [`Config::storage_dir`].
        path: PathBuf,
    },
    /// The era was begun anew in another directory; its votes here must not be continued.
    #[error("the era was begun anew in {}: the run before it cannot be continued", path.display())]
    Restarted {
        /// The directory of the later run.
        path: PathBuf,
    },
    /// The engine found its files unreadable, or failed otherwise.
    #[error("the engine did not start: {reason}")]
    Engine {
        /// For the operator.
        reason: String,
    },
}

/// Starts a node and returns once its files are open and it listens.
///
/// Blocks while the directory is read. The node runs on threads of its own; it may be started from inside or
/// outside any runtime, and several may run in one process.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start(config: Config, application: Arc<dyn Application>) -> Result<Handle, StartError> {
    let checked = Checked::new(&config)?;
    probe(config.listen)?;
    let directory = Directory::open(&config.storage_dir, &checked, application.height())?;
    directory
        .discard_before(&config.era)
        .map_err(|source| StartError::Storage { path: config.storage_dir.clone(), source })?;

    let (outbound, outbound_receiver) = mpsc::channel(OUTBOUND_MESSAGES_MAX);
    let (exit_sender, exit) = watch::channel(None);
    let handle = Handle {
        outbound,
        message_bytes_max: config.message_bytes_max,
        stop: Arc::new(Notify::new()),
        tip: Arc::new(AtomicU64::new(0)),
        voting: Arc::new(AtomicBool::new(false)),
        exit,
    };
    let outbound = Arc::new(Mutex::new(outbound_receiver));
    let control = Control { outbound, stop: handle.stop.clone(), tip: handle.tip.clone() };
    let voting = handle.voting.clone();
    let (started_sender, started) = std_mpsc::channel();
    let node = move || {
        let exit = run(&config, checked, &directory, application, control, &voting, started_sender);
        drop(directory);
        exit_sender.send_replace(Some(exit));
    };
    thread::Builder::new()
        .name("consensus".into())
        .spawn(node)
        .map_err(|error| StartError::Engine { reason: format!("no thread: {error}") })?;
    match started.recv() {
        Ok(()) => Ok(handle),
        Err(_) => Err(StartError::Engine { reason: reason_of_failure(&handle) }),
    }
}

/// Tells an address that is taken from one that is wrong; the engine would only panic.
fn probe(address: SocketAddr) -> Result<(), StartError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(StartError::AddressInUse { address }),
        Err(source) => Err(StartError::Listen { address, source }),
    }
}

fn reason_of_failure(handle: &Handle) -> String {
    match futures::executor::block_on(handle.ended()) {
        Exit::Failed { reason } => reason,
        Exit::Stopped => "stopped while starting".into(),
    }
}

/// Runs the node on this thread until it ends: silently first, if it may have forgotten votes.
fn run(
    config: &Config,
    mut checked: Checked,
    directory: &Directory,
    application: Arc<dyn Application>,
    control: Control,
    voting: &AtomicBool,
    started: std_mpsc::Sender<()>,
) -> Exit {
    let unreadable = |error: io::Error| Exit::Failed { reason: format!("the votes' floor: {error}") };
    loop {
        checked.votes = match directory.votes() {
            Ok(votes) => votes,
            Err(error) => return unreadable(error),
        };
        let silent = checked.votes == Votes::Forgotten;
        voting.store(!silent && checked.is_validator(), Ordering::Relaxed);
        if silent && checked.is_validator() {
            warn!(
                "this node may have forgotten votes: it follows in silence until it cannot contradict them"
            );
        }
        let (checked, application) = (checked.clone(), application.clone());
        match run_once(config, checked, directory, application, control.clone(), started.clone()) {
            End::Exit(exit) => return exit,
            End::MayVote(floor) => match directory.vote_above(&floor) {
                Ok(()) => info!("this node votes again"),
                Err(error) => return unreadable(error),
            },
        }
    }
}

/// Runs the engine once; a panic anywhere in it is an end like any other.
fn run_once(
    config: &Config,
    checked: Checked,
    directory: &Directory,
    application: Arc<dyn Application>,
    control: Control,
    started: std_mpsc::Sender<()>,
) -> End {
    let runner = runtime::Runner::new(
        runtime::Config::new()
            .with_worker_threads(config.worker_threads)
            .with_max_blocking_threads(FILE_THREADS)
            .with_connect_timeout(HANDSHAKE)
            .with_storage_directory(directory.engine()),
    );
    let node = || {
        runner.start(|context| async move {
            let links = connect(&context, config, &checked).await;
            let (engine_started, engine_has_started) = oneshot::channel();
            let tell = async move {
                if engine_has_started.await.is_ok() {
                    let _ = started.send(());
                }
            };
            let shutdown = context.child("shutdown");
            let engine = async move {
                if checked.is_validator() {
                    engine::run(context, "", checked, links, application, control, engine_started).await
                } else {
                    engine::listen(context, links.messages, application, control, engine_started).await
                }
            };
            let (end, ()) = futures::join!(engine, tell);
            // Lets the parts finish their last writes; the runtime ends what is left.
            let _ = shutdown.stop(0, Some(SHUTDOWN)).await;
            end
        })
    };
    catch_unwind(AssertUnwindSafe(node))
        .unwrap_or_else(|panic| End::Exit(Exit::Failed { reason: message_of(&*panic) }))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a task panicked").to_owned()
}

type Upgrader = Cups<Sake<PrivateKey>, ChaCha20Poly1305>;
type NetworkSender = lookup::Sender<PublicKey, runtime::Context>;
type Lookup = Links<
    lookup::Oracle<PublicKey>,
    lookup::Oracle<PublicKey>,
    mux::SubSender<NetworkSender>,
    mux::SubReceiver<PublicKey>,
>;

/// Opens the network: peers are known by key and address, everybody else is refused.
async fn connect(context: &runtime::Context, config: &Config, checked: &Checked) -> Lookup {
    let (mut network, mut oracle) = Network::new(context.child("network"), network_config(config, checked));
    let peers = config.peers.iter().map(|peer| {
        (engine_key(&peer.public_key).expect("checked"), commonware_p2p::Address::Symmetric(peer.address))
    });
    oracle.track(0, Map::from_iter_dedup(peers));
    let mut register = |channel: Channel| network.register(channel.number, channel.quota);
    let channels = [
        (engine::VOTES.number, register(engine::VOTES)),
        (engine::CERTIFICATES.number, register(engine::CERTIFICATES)),
        (engine::CERTIFICATE_REQUESTS.number, register(engine::CERTIFICATE_REQUESTS)),
        (engine::BLOCKS.number, register(engine::BLOCKS)),
        (engine::BLOCK_REQUESTS.number, register(engine::BLOCK_REQUESTS)),
        (engine::MESSAGES.number, register(engine::MESSAGES)),
    ];
    network.start();
    let mut opened = Vec::new();
    for (number, (sender, receiver)) in channels {
        // What nodes in another era say in consensus is not for this one; messages are for all.
        let era = if number == engine::MESSAGES.number { 0 } else { checked.era.id() };
        let part = context.child("channel").with_attribute("number", number);
        let (muxer, mut handle) = Muxer::new(part, sender, receiver);
        muxer.start();
        opened.push(handle.register(era).await.expect("registered once"));
    }
    let mut opened = opened.into_iter();
    let mut next = || opened.next().expect("one for each channel");
    Links {
        peers: oracle.clone(),
        blocker: oracle,
        votes: next(),
        certificates: next(),
        certificate_requests: next(),
        blocks: next(),
        block_requests: next(),
        messages: next(),
    }
}

fn network_config(config: &Config, checked: &Checked) -> lookup::Config<Upgrader> {
    // The node itself counts, and need not be among them.
    let peers = NonZeroUsize::MIN.saturating_add(config.peers.len());
    let engine_bytes = engine::payload_bytes_max(VALIDATORS_MAX, config.block_bytes_max);
    let handshake = Sake {
        signer: checked.private_key.clone(),
        synchrony_bound: CLOCK_SKEW,
        max_handshake_age: CLOCK_SKEW,
        version: sake::Version::V1,
    };
    lookup::Config {
        handshake: Cups::new(handshake, cups::Version::V1),
        namespace: checked.namespace.clone(),
        listen: config.listen,
        allow_private_ips: true,
        allow_dns: false,
        // Institutions sit behind address translation; the key decides who is let in, not the address.
        bypass_ip_check: true,
        max_message_size: commonware_p2p::max_message_size(&[
            mux::prefixed(engine_bytes),
            mux::prefixed(config.message_bytes_max),
        ]),
        max_peers_per_set: peers,
        mailbox_size: NETWORK_MAILBOX,
        send_batch_size: NZUsize!(8),
        handshake_timeout: HANDSHAKE,
        dial_timeout: HANDSHAKE,
        peer_connection_cooldown: config.timings.redial,
        max_concurrent_handshakes: NZU32!(64),
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(64)),
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(256)),
        ping_frequency: PING,
        dial_frequency: config.timings.redial,
        tracked_peer_sets: NZUsize!(1),
        block_duration: BLOCK,
    }
}
