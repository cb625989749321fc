//! The wiring of one node, the same for any runtime and network.
//!
//! ```text
//! votes, certificates, certificate requests <-> simplex --> marshal --> deliver --> Application
//! blocks                                    <-> buffer  <-> marshal
//! block requests                            <-> marshal
//! messages                                  <-> Application
//! ```
//!
//! simplex agrees on digests; marshal keeps the blocks, fetches missing ones and puts final ones in order.

use crate::{
    Application, Block, Exit,
    adapter::{Adapter, Outlet, Undelivered, deliver, digested},
    config::{Checked, Timings, Votes, bytes_of, engine_key},
    handle::{Control, Outbound},
};
use bytes::Bytes;
use commonware_broadcast::buffered;
use commonware_codec::Decode as _;
use commonware_consensus::{
    marshal::{
        self, Start,
        core::Actor,
        resolver::p2p as resolver,
        standard::{Inline, Standard},
    },
    simplex::{
        self,
        config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::Finalization,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digestible as _, Sha256,
    certificate::{ConstantProvider, Verifier as _},
    ed25519::PublicKey,
    sha256::Digest,
};
use commonware_p2p::{Blocker, CheckedSender as _, Provider, Receiver, Recipients, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Handle, Metrics, Quota, Spawner, Storage, buffer::paged::CacheRef};
use commonware_storage::archive::immutable;
use commonware_utils::{NZU16, NZU32, NZU64, NZUsize, NonZeroDuration};
use futures::future::{FutureExt as _, select_all};
use rand_core::CryptoRng;
use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, mpsc, oneshot};

/// The only epoch: an era's validators are fixed.
const EPOCH: Epoch = Epoch::zero();
const EPOCH_HEIGHTS: NonZeroU64 = NonZeroU64::MAX;

/// Where a voter notes its votes; see [`crate::journal`].
pub(crate) const VOTES_PARTITION: &str = "simplex-0";
/// What a silent node notes is none of a voter's.
const SILENT_PARTITION: &str = "silent-0";

/// Messages that wait between two parts of the engine.
const MAILBOX: NonZeroUsize = NZUsize!(1024);
/// Views below the final one whose votes are kept for peers that are a little behind.
const VOTE_VIEWS: ViewDelta = ViewDelta::new(64);
/// Views below the final one whose blocks are kept outside the archive.
const BLOCK_VIEWS: ViewDelta = ViewDelta::new(16);
/// Not yet final blocks kept in memory for each sender.
const BLOCKS_PER_SENDER: usize = 4;
/// Old blocks requested at the same time.
const REPAIRS: NonZeroUsize = NZUsize!(16);
/// Final blocks handed to the application before it has stored the first of them.
const DELIVERIES: NonZeroUsize = NZUsize!(8);
const FETCH_RETRY: Duration = Duration::from_millis(100);

const WRITE_BUFFER: NonZeroUsize = NZUsize!(256 * 1024);
const KEY_BUFFER: NonZeroUsize = NZUsize!(64 * 1024);
const REPLAY_BUFFER: NonZeroUsize = NZUsize!(1024 * 1024);
/// 4 MiB a node.
pub(crate) const CACHE_PAGE: NonZeroU16 = NZU16!(4096);
const CACHE_PAGES: NonZeroUsize = NZUsize!(1024);
const ARCHIVE_SECTION: NonZeroU64 = NZU64!(4096);
const CACHE_SECTION: NonZeroU64 = NZU64!(16);
const ARCHIVE_FILE_BYTES: u64 = 256 << 20;

/// A channel of the network, by its number and the messages a second a peer may send on it.
///
/// The quota also sizes the channel's queue (quota times peers), so it is kept close to what is needed.
pub(crate) struct Channel {
    pub(crate) number: u64,
    pub(crate) quota: Quota,
}

impl Channel {
    const fn new(number: u64, per_second: NonZeroU32) -> Self {
        Self { number, quota: Quota::per_second(per_second) }
    }
}

pub(crate) const VOTES: Channel = Channel::new(0, NZU32!(2048));
pub(crate) const CERTIFICATES: Channel = Channel::new(1, NZU32!(2048));
pub(crate) const CERTIFICATE_REQUESTS: Channel = Channel::new(2, NZU32!(512));
pub(crate) const BLOCKS: Channel = Channel::new(3, NZU32!(128));
pub(crate) const BLOCK_REQUESTS: Channel = Channel::new(4, NZU32!(512));
pub(crate) const MESSAGES: Channel = Channel::new(5, NZU32!(1024));

/// The network as the engine sees it.
pub(crate) struct Links<P, B, S, R> {
    pub(crate) peers: P,
    pub(crate) blocker: B,
    pub(crate) votes: (S, R),
    pub(crate) certificates: (S, R),
    pub(crate) certificate_requests: (S, R),
    pub(crate) blocks: (S, R),
    pub(crate) block_requests: (S, R),
    pub(crate) messages: (S, R),
}

/// The most bytes the engine sends in one piece, for `validators` validators.
pub(crate) fn payload_bytes_max(validators: u32, block_bytes_max: usize) -> usize {
    marshal::max_payload_size::<Standard<Block>, Scheme>(validators, &block_bytes_max)
        .max(simplex::max_payload_size::<Scheme, Digest>(validators))
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The node has ended.
    Exit(Exit),
    /// The silent node may vote above this finalization (encoded), once it is run again with it.
    MayVote(Bytes),
}

/// Runs a node until it is stopped or fails, or, having been silent, may vote. `started` is told once everything is open and running.
///
/// The names of all files begin with `prefix`: nodes that share a storage (in a simulation) differ in it.
/// The parts are still running when this returns; they end with the task that ran it, or with the runtime.
///
/// # Panics
/// When the engine cannot read or write its files, and when it finds itself in an impossible state.
pub(crate) async fn run<E, P, B, S, R>(
    context: E,
    prefix: &str,
    config: Checked,
    links: Links<P, B, S, R>,
    application: Arc<dyn Application>,
    control: Control,
    started: oneshot::Sender<()>,
) -> End
where
    E: CryptoRng + Spawner + Clock + Metrics + Storage,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let Control { outbound, stop, tip } = control;
    let Timings { leader, certification, retry, absent_after, fetch, .. } = config.timings;
    let fetch = NonZeroDuration::new_panic(fetch);
    let me = engine_key(&config.public_key).expect("checked");
    let genesis = digested(config.genesis.clone());
    let (namespace, participants) = (&config.votes_namespace, config.participants.clone());
    let (scheme, vote_floor) = match &config.votes {
        Votes::Forgotten => (Scheme::member(namespace, participants, &me), Floor::Genesis(genesis.digest())),
        Votes::Remembered { floor } => (
            Scheme::signer(namespace, participants, config.private_key.clone()),
            floor
                .as_ref()
                .map_or(Floor::Genesis(genesis.digest()), |floor| Floor::Finalized(finalization(floor))),
        ),
    };
    let scheme = scheme.expect("checked: this node is a validator");
    let silent = config.votes == Votes::Forgotten;
    let page_cache = CacheRef::new(CACHE_PAGE, CACHE_PAGES);

    let (block_buffer, buffer) = buffered::Engine::new(
        context.child("buffer"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: MAILBOX,
            deque_size: BLOCKS_PER_SENDER,
            priority: false,
            codec_config: config.block_bytes_max,
            peer_provider: links.peers.clone(),
            strategy: Sequential,
        },
    );
    let resolver = resolver::init(
        context.child("blocks"),
        resolver::Config {
            public_key: me,
            peer_provider: links.peers,
            blocker: links.blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: fetch,
            fetch_retry_delay: FETCH_RETRY,
            priority_requests: true,
            priority_responses: false,
        },
        links.block_requests,
    );
    let unreadable = |what, error| End::Exit(Exit::Failed { reason: format!("archive of {what}: {error}") });
    let finalizations = immutable::Archive::init(
        context.child("finalizations"),
        archive(&format!("{prefix}finalizations"), &page_cache, Scheme::certificate_codec_config_unbounded()),
    )
    .await;
    let finalizations = match finalizations {
        Ok(archive) => archive,
        Err(error) => return unreadable("finalizations", error),
    };
    let blocks = immutable::Archive::init(
        context.child("blocks"),
        archive(&format!("{prefix}blocks"), &page_cache, config.block_bytes_max),
    )
    .await;
    let blocks = match blocks {
        Ok(archive) => archive,
        Err(error) => return unreadable("blocks", error),
    };

    let epochs = FixedEpocher::new(EPOCH_HEIGHTS);
    let (marshal, marshal_mailbox, floor) = Actor::init(
        context.child("marshal"),
        finalizations,
        blocks,
        marshal::Config {
            provider: ConstantProvider::new(scheme.clone()),
            epocher: epochs.clone(),
            start: Start::Genesis(genesis.clone()),
            partition_prefix: format!("{prefix}marshal"),
            mailbox_size: MAILBOX,
            view_retention: BLOCK_VIEWS,
            prunable_items_per_section: CACHE_SECTION,
            page_cache: page_cache.clone(),
            replay_buffer: REPLAY_BUFFER,
            key_write_buffer: KEY_BUFFER,
            value_write_buffer: WRITE_BUFFER,
            block_codec_config: config.block_bytes_max,
            max_repair: REPAIRS,
            max_pending_acks: DELIVERIES,
            strategy: Sequential,
        },
    )
    .await;
    let delivered = floor.processed().map_or(0, |processed| processed.height().get());

    let adapter = Adapter { application: application.clone(), block_bytes_max: config.block_bytes_max };
    let automaton = Inline::new(context.child("application"), adapter, marshal_mailbox.clone(), epochs);
    let consensus = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker: links.blocker,
            automaton: automaton.clone(),
            relay: automaton.clone(),
            reporter: automaton,
            track_historical_votes: false,
            strategy: Sequential,
            partition: format!("{prefix}{}", if silent { SILENT_PARTITION } else { VOTES_PARTITION }),
            mailbox_size: MAILBOX,
            epoch: EPOCH,
            floor: vote_floor,
            replay_buffer: REPLAY_BUFFER,
            write_buffer: WRITE_BUFFER,
            page_cache,
            leader_timeout: leader,
            certification_timeout: certification,
            timeout_retry: retry,
            view_retention: VOTE_VIEWS,
            // Without a budget as good as endless, an idle alliance would wait for an absent leader again
            // after as many views as there are validators: no block becomes final while there is nothing
            // to say.
            skip: SkipPolicy::Enabled { timeout: absent_after, budget: SkipBudget::Fixed(NonZeroU64::MAX) },
            fetch_timeout: fetch,
            fetch_retry_delay: FETCH_RETRY,
            // The leader sends to all; whoever misses a block fetches it when it is notarized.
            forward: ForwardPolicy::Disabled,
        },
    );

    let (deliveries_in, deliveries) = mpsc::unbounded_channel();
    let outlet = Outlet { deliveries: deliveries_in, tip };
    let (message_sender, message_receiver) = links.messages;
    let delivery = context.child("deliver").dedicated().spawn({
        let application = application.clone();
        move |_| deliver(application, marshal_mailbox, delivered, silent, deliveries)
    });
    let parts = [
        ("buffer", block_buffer.start(links.blocks)),
        ("marshal", marshal.start(outlet, buffer, resolver)),
        ("simplex", consensus.start(links.votes, links.certificates, links.certificate_requests)),
        ("receive", context.child("receive").spawn(|_| receive(application, message_receiver))),
    ];
    let last_handle = context.child("send").spawn(|context| send(context, outbound, message_sender));
    let _ = started.send(());

    futures::select_biased! {
        () = stop.notified().fuse() => End::Exit(Exit::Stopped),
        end = delivery.fuse() => match end {
            Ok(Undelivered::MayVote(floor)) => End::MayVote(floor),
            Ok(Undelivered::Failed(reason)) => End::Exit(Exit::Failed { reason }),
            Err(error) => End::Exit(Exit::Failed { reason: format!("delivery ended: {error}") }),
        },
        part = first_to_end(parts).fuse() => {
            End::Exit(Exit::Failed { reason: format!("{part} ended by itself") })
        }
        _ = last_handle.fuse() => End::Exit(Exit::Stopped),
    }
}

/// Runs a node that has links and no engine until it is stopped: messages come and go. `started` is told once it runs.
pub(crate) async fn listen<E, S, R>(
    context: E,
    messages: (S, R),
    application: Arc<dyn Application>,
    control: Control,
    started: oneshot::Sender<()>,
) -> End
where
    E: Spawner + Clock + Metrics,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let (sender, receiver) = messages;
    let Control { outbound, stop, .. } = control;
    let received = context.child("receive").spawn(|_| receive(application, receiver));
    let last_handle = context.child("send").spawn(|context| send(context, outbound, sender));
    let _ = started.send(());
    futures::select_biased! {
        () = stop.notified().fuse() => End::Exit(Exit::Stopped),
        _ = received.fuse() => End::Exit(Exit::Failed { reason: "receive ended by itself".into() }),
        _ = last_handle.fuse() => End::Exit(Exit::Stopped),
    }
}

/// Reads a finalization that this node wrote down.
fn finalization(bytes: &Bytes) -> Finalization<Scheme, Digest> {
    Finalization::decode_cfg(bytes.clone(), &Scheme::certificate_codec_config_unbounded())
        .unwrap_or_else(|error| panic!("the floor of this node's votes is unreadable: {error}"))
}

async fn first_to_end<const N: usize>(parts: [(&'static str, Handle<()>); N]) -> &'static str {
    select_all(parts.map(|(name, handle)| handle.map(move |_| name).boxed())).await.0
}

fn archive<C>(name: &str, page_cache: &CacheRef, codec_config: C) -> immutable::Config<C> {
    immutable::Config {
        metadata_partition: format!("{name}-metadata"),
        freezer_table_partition: format!("{name}-table"),
        freezer_table_initial_size: 4096,
        freezer_table_resize_frequency: 4,
        freezer_table_resize_chunk_size: 1024,
        freezer_key_partition: format!("{name}-keys"),
        freezer_key_page_cache: page_cache.clone(),
        freezer_value_partition: format!("{name}-values"),
        freezer_value_target_size: ARCHIVE_FILE_BYTES,
        freezer_value_compression: None,
        ordinal_partition: format!("{name}-heights"),
        items_per_section: ARCHIVE_SECTION,
        freezer_key_write_buffer: KEY_BUFFER,
        freezer_value_write_buffer: WRITE_BUFFER,
        ordinal_write_buffer: KEY_BUFFER,
        replay_buffer: REPLAY_BUFFER,
        codec_config,
    }
}

/// Passes the peers' messages to the application until the network closes.
async fn receive<R: Receiver<PublicKey = PublicKey>>(application: Arc<dyn Application>, mut receiver: R) {
    while let Ok((from, message)) = receiver.recv().await {
        application.message(bytes_of(&from), Bytes::from(message));
    }
}

/// Passes the application's messages to the network until the last [`crate::Handle`] is gone.
///
/// A message that all its recipients would refuse for its haste waits, so that the queue fills and the caller
/// is told; one that only some would refuse is lost to those.
async fn send<E: Clock, S: Sender<PublicKey = PublicKey>>(
    context: E,
    outbound: Arc<Mutex<mpsc::Receiver<Outbound>>>,
    mut sender: S,
) {
    let mut outbound = outbound.lock().await;
    while let Some(Outbound { to, bytes }) = outbound.recv().await {
        let recipients = match to.as_ref().map(engine_key) {
            None => Recipients::All,
            Some(Some(key)) => Recipients::One(key),
            Some(None) => continue,
        };
        loop {
            match sender.check(recipients.clone()) {
                Ok(checked) => {
                    let _ = checked.send(bytes, false);
                    break;
                }
                Err(ready) => context.sleep_until(ready).await,
            }
        }
    }
}

#[cfg(test)]
mod tests;
