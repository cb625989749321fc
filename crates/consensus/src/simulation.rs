//! A world in which whole nodes run from a seed: one thread, its own time, links and disks that fail when told to.
//!
//! The nodes are [`crate::engine::run`] as it runs everywhere, on the engine's deterministic runtime instead of threads, sockets and files.
//! The same seed and the same scenario give the same run, event by event: [`World::fingerprint`] is a digest over all of them.
//!
//! # What fails, and how
//! - [`Stage::crash`] ends one node at once. What it wrote to its engine's files and did not sync is lost.
//! - The end of [`World::run`] ends all nodes at once. What was written and not synced is lost byte by byte: each is kept with a chance
//!   of one half, so that writes are torn in any place.
//! - [`Stage::link`] delays messages, lets them get lost, or cuts the link. One link keeps the order of what it delivers; the order among
//!   links follows from their jitter.
//! - A [`Life`] may hear and be heard by some validators only, and may keep its blocks from some; two lives with one key are a validator
//!   that says one thing to these and another to those.
//!
//! A node's directory ([`crate::directory`]) lies in a real one; its `engine/` holds nothing but the name of a simulated disk, so that it begins
//! anew when the directory's keeper has removed it. A silent life that may vote stops, and votes when it is started again.
//!
//! # Absent
//! The application's files are the application's, and what the directory holds survives everything: who simulates must see to their fate. Nothing
//! here reads the machine's clock.

use crate::{
    Application, BoxFuture, Config, Exit, Handle, StartError,
    config::{Checked, bytes_of, engine_key},
    directory::Directory,
    engine::{self, Channel, End, Links},
    handle::{Control, OUTBOUND_MESSAGES_MAX},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    Message, Recipients, Sender,
    simulated::{self, Network, Oracle, Receiver, SplitOrigin, SplitTarget},
};
use commonware_runtime::{
    Clock as _, Handle as Task, Spawner as _, Supervisor as _,
    deterministic::{self, Context, FaultConfig, PartialWriteMode, Runner, WriteConfig},
};
use commonware_utils::{NZUsize, Probability, probability};
use rand_core::Rng as _;
use std::{
    collections::BTreeMap,
    fs, io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
    time::{Duration, UNIX_EPOCH},
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Room for the engine's own messages beside the application's, in bytes.
const ENGINE_BYTES: usize = 1 << 20;
/// A world that is not done by then never will be.
const WORLD_ENDS_AFTER: Duration = Duration::from_secs(24 * 3600);
/// In an engine's directory: the name of its disk in this world.
const DISK: &str = "disk";
/// Channels of one era.
const CHANNELS: u64 = 8;
/// Time for the tasks of a crashed node to be gone.
const GONE_AFTER: Duration = Duration::from_millis(5);

/// A world at rest: the time, the disks, and what chance has in store.
pub struct World {
    runner: Runner,
    validators: Vec<PublicKey>,
    message_bytes_max: usize,
    fingerprint: String,
}

impl World {
    /// The world of `seed`, in which it is `start_ms` (unix time).
    ///
    /// # Panics
    /// When a validator's key is none.
    pub fn new(seed: u64, start_ms: u64, validators: &[[u8; 32]], message_bytes_max: usize) -> Self {
        let torn = WriteConfig {
            failure_rate: probability!(0.0),
            retention_rate: probability!(0.5),
            mode: PartialWriteMode::Subset,
        };
        let config = deterministic::Config::default()
            .with_seed(seed)
            .with_start_time(UNIX_EPOCH + Duration::from_millis(start_ms))
            .with_timeout(Some(WORLD_ENDS_AFTER))
            .with_catch_panics(true)
            .with_storage_fault_config(FaultConfig::default().write(torn));
        let validators = validators.iter().map(|key| engine_key(key).expect("a validator's key")).collect();
        Self { runner: Runner::new(config), validators, message_bytes_max, fingerprint: String::new() }
    }

    /// Plays `scenario`; when it returns, the power fails everywhere. Gives the scenario's answer, and the world as it is then.
    pub fn run<T>(self, scenario: impl AsyncFnOnce(&mut Stage) -> T) -> (T, Self) {
        let Self { runner, validators, message_bytes_max, .. } = self;
        let keys = validators.clone();
        let (answer, checkpoint) = runner.start_and_recover(async move |context| {
            let mut stage = Stage::new(context, keys, message_bytes_max).await;
            scenario(&mut stage).await
        });
        let fingerprint = checkpoint.auditor().state();
        (answer, Self { runner: checkpoint.into(), validators, message_bytes_max, fingerprint })
    }

    /// A digest over every event so far.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The world's time and chance; cheap to clone. Must be gone when the scenario ends.
#[derive(Clone)]
pub struct Time {
    context: Arc<Mutex<Context>>,
}

impl Time {
    /// Milliseconds of unix time.
    pub fn now_ms(&self) -> u64 {
        let now = self.context.lock().unwrap_or_else(PoisonError::into_inner).current();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Resolves after `duration` of the world's time.
    pub fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.context.lock().unwrap_or_else(PoisonError::into_inner).sleep(duration))
    }

    /// Bytes that follow from the seed and from what happened.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.context.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// What a link does to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Mean delay.
    pub delay: Duration,
    /// Standard deviation of the delay.
    pub jitter: Duration,
    /// Messages lost in a hundred.
    pub loss_percent: u8,
}

/// One life of a node's key, in one era.
pub struct Life {
    /// Names it while it lasts.
    pub name: String,
    /// What it is started with. A later life with the same directory finds there what this one synced.
    pub config: Config,
    /// What is driven.
    pub application: Arc<dyn Application>,
    /// Whom it hears and is heard by; everybody where none is given.
    pub among: Option<Vec<[u8; 32]>>,
    /// Who is not sent its blocks.
    pub withheld_from: Vec<[u8; 32]>,
}

impl Life {
    fn speaks_to(&self, key: &[u8; 32]) -> bool {
        self.among.as_ref().is_none_or(|among| among.contains(key))
    }
}

/// Whom the lives of one key may reach on one channel.
#[derive(Clone)]
struct Routes {
    /// For the first life and for the second.
    reached: [Vec<PublicKey>; 2],
}

impl Routes {
    fn forward(&self, from: SplitOrigin, to: &Recipients<PublicKey>) -> Option<Recipients<PublicKey>> {
        let reached = match from {
            SplitOrigin::Primary => &self.reached[0],
            SplitOrigin::Secondary => &self.reached[1],
        };
        let left: Vec<_> = match to {
            Recipients::All => reached.clone(),
            Recipients::Some(keys) => keys.iter().filter(|key| reached.contains(key)).cloned().collect(),
            Recipients::One(key) => reached.iter().filter(|one| *one == key).cloned().collect(),
        };
        (!left.is_empty()).then_some(Recipients::Some(left))
    }

    fn route(&self, (from, _): &Message<PublicKey>) -> SplitTarget {
        match (self.reached[0].contains(from), self.reached[1].contains(from)) {
            (true, true) => SplitTarget::Both,
            (true, false) => SplitTarget::Primary,
            (false, true) => SplitTarget::Secondary,
            (false, false) => SplitTarget::None,
        }
    }
}

/// The world while a scenario plays.
pub struct Stage {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    validators: Vec<PublicKey>,
    links: BTreeMap<(usize, usize), Link>,
    running: BTreeMap<String, Task<()>>,
}

impl Stage {
    async fn new(context: Context, validators: Vec<PublicKey>, message_bytes_max: usize) -> Self {
        let bytes_max = u32::try_from(message_bytes_max + ENGINE_BYTES).expect("a message is small");
        let config = simulated::Config {
            max_size: bytes_max,
            max_peers_per_set: NonZeroUsize::new(validators.len()).expect("there are validators"),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let network = context.child("network");
        let (network, oracle) = Network::new_with_peers(network, config, validators.clone()).await;
        network.start();
        Self { context, oracle, validators, links: BTreeMap::new(), running: BTreeMap::new() }
    }

    /// The world's time and chance.
    pub fn time(&self) -> Time {
        Time { context: Arc::new(Mutex::new(self.context.child("time"))) }
    }

    /// Makes the link from one validator to another (numbers as given to [`World::new`]) what `link` says, or cuts it.
    pub async fn link(&mut self, from: usize, to: usize, link: Option<Link>) {
        let (sender, receiver) = (self.validators[from].clone(), self.validators[to].clone());
        if self.links.get(&(from, to)) == link.as_ref() {
            return;
        }
        if self.links.remove(&(from, to)).is_some() {
            self.oracle.remove_link(sender.clone(), receiver.clone()).await.expect("the link is there");
        }
        let Some(link) = link else { return };
        let kept = u64::from(100 - link.loss_percent.min(100));
        let made = simulated::Link {
            latency: link.delay,
            jitter: link.jitter,
            success_rate: Probability::new(kept, 100).expect("at most one"),
        };
        self.oracle.add_link(sender, receiver, made).await.expect("there was no link");
        self.links.insert((from, to), link);
    }

    /// Starts a node: one life, or two that share its key.
    ///
    /// # Errors
    /// [`StartError`] for a configuration that cannot work, and for a directory that does not fit it.
    ///
    /// # Panics
    /// When a life of that name is running.
    pub async fn start(&mut self, lives: Vec<Life>) -> Result<Vec<Handle>, StartError> {
        let now = self.context.current().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let seats = lives.iter().map(|life| Seat::take(life, now)).collect::<Result<Vec<_>, _>>()?;
        let Some(key) = seats.first().and_then(|seat| engine_key(&seat.checked.public_key)) else {
            return Ok(Vec::new());
        };
        let reached = |life: usize, blocks: bool| -> Vec<PublicKey> {
            let others = self.validators.iter().filter(|other| **other != key);
            let allowed = |other: &&PublicKey| {
                let other = bytes_of(other);
                lives.get(life).is_some_and(|life| {
                    life.speaks_to(&other) && !(blocks && life.withheld_from.contains(&other))
                })
            };
            others.filter(allowed).cloned().collect()
        };
        let all = Routes { reached: [reached(0, false), reached(1, false)] };
        let of_blocks = Routes { reached: [reached(0, true), reached(1, true)] };
        // A node that starts connects anew, and has nobody blocked.
        for (from, to) in self.oracle.blocked().await.unwrap_or_default() {
            if from == key {
                self.oracle.unblock(from, to).await.expect("the network runs");
            }
        }
        let eras: Vec<_> = seats.iter().map(|seat| seat.checked.era.id()).collect();
        let of_any = vec![0; eras.len()];
        let mut votes = self.channels(&key, engine::VOTES, &eras, &all).await.into_iter();
        let mut certificates = self.channels(&key, engine::CERTIFICATES, &eras, &all).await.into_iter();
        let mut asked = self.channels(&key, engine::CERTIFICATE_REQUESTS, &eras, &all).await.into_iter();
        let mut blocks = self.channels(&key, engine::BLOCKS, &eras, &of_blocks).await.into_iter();
        let mut fetched = self.channels(&key, engine::BLOCK_REQUESTS, &eras, &of_blocks).await.into_iter();
        let mut messages = self.channels(&key, engine::MESSAGES, &of_any, &all).await.into_iter();
        let mut handles = Vec::new();
        for (life, seat) in lives.into_iter().zip(seats) {
            let both = "a key has one life or two";
            let links = Links {
                peers: self.oracle.manager(),
                blocker: self.oracle.control(key.clone()),
                votes: votes.next().expect(both),
                certificates: certificates.next().expect(both),
                certificate_requests: asked.next().expect(both),
                blocks: blocks.next().expect(both),
                block_requests: fetched.next().expect(both),
                messages: messages.next().expect(both),
            };
            let (handle, control, exit) = ends(life.config.message_bytes_max);
            let node = self.context.child("node").with_attribute("life", &life.name);
            let task = node.spawn(move |context| async move {
                exit.send_replace(Some(seat.live(context, links, life.application, control).await));
            });
            assert!(self.running.insert(life.name, task).is_none(), "a life is lived once at a time");
            handles.push(handle);
        }
        Ok(handles)
    }

    /// Ends the life `name` at once, if it has not ended by itself: what it did not sync is gone.
    pub async fn crash(&mut self, name: &str) {
        let Some(task) = self.running.remove(name) else { return };
        task.abort();
        let _ = task.await;
        self.context.sleep(GONE_AFTER).await;
    }

    /// Opens `channel` for the lives of a key in their `eras`: as on the running node's links, nodes of other eras do not hear it.
    async fn channels(
        &self,
        key: &PublicKey,
        channel: Channel,
        eras: &[u64],
        routes: &Routes,
    ) -> [(impl Sender<PublicKey = PublicKey> + use<>, Receiver<PublicKey>); 2] {
        let number = |era: u64| Channel { number: channel.number + CHANNELS * era, quota: channel.quota };
        let mut both = self.channel(key, number(eras[0]), routes).await;
        if let Some(era) = eras.get(1).filter(|era| **era != eras[0]) {
            let [_, second] = self.channel(key, number(*era), routes).await;
            both[1] = second;
        }
        both
    }

    async fn channel(
        &self,
        key: &PublicKey,
        channel: Channel,
        routes: &Routes,
    ) -> [(impl Sender<PublicKey = PublicKey> + use<>, Receiver<PublicKey>); 2] {
        let control = self.oracle.control(key.clone());
        let registered = control.register(channel.number, channel.quota).await;
        let (sender, receiver) = registered.expect("the network runs");
        let (sending, receiving) = (routes.clone(), routes.clone());
        let (one, other) =
            sender.split_with(move |from, to: &Recipients<PublicKey>, _: &_| sending.forward(from, to));
        let context = self.context.child("route");
        let (first, second) = receiver.split_with(context, move |message: &_| receiving.route(message));
        [(one, first), (other, second)]
    }
}

/// A life's place: its directory, and what it takes from there.
struct Seat {
    checked: Checked,
    directory: Directory,
    /// Where its disk begins; none for a node that has links only.
    prefix: Option<String>,
}

impl Seat {
    fn take(life: &Life, now_ms: u128) -> Result<Self, StartError> {
        let Life { config, application, name, .. } = life;
        let storage = |source| StartError::Storage { path: config.storage_dir.clone(), source };
        let mut checked = Checked::new(config)?;
        let directory = Directory::open(&config.storage_dir, &checked, application.height())?;
        directory.discard_before(&config.era).map_err(storage)?;
        checked.votes = directory.votes().map_err(storage)?;
        let new = format!("{name}-{}-{now_ms}-", config.era.id());
        let disk = || disk(&directory, &new).map_err(storage);
        let prefix = if checked.is_validator() { Some(disk()?) } else { None };
        Ok(Self { checked, directory, prefix })
    }

    async fn live<S, R>(
        self,
        context: Context,
        links: Links<simulated::Manager<PublicKey, Context>, simulated::Control<PublicKey, Context>, S, R>,
        application: Arc<dyn Application>,
        control: Control,
    ) -> Exit
    where
        S: Sender<PublicKey = PublicKey>,
        R: commonware_p2p::Receiver<PublicKey = PublicKey>,
    {
        let Self { checked, directory, prefix } = self;
        let started = oneshot::channel().0;
        let end = match prefix {
            Some(prefix) => {
                engine::run(context, &prefix, checked, links, application, control, started).await
            }
            None => engine::listen(context, links.messages, application, control, started).await,
        };
        match end {
            End::Exit(exit) => exit,
            End::MayVote(floor) => match directory.vote_above(&floor) {
                Ok(()) => Exit::Stopped,
                Err(error) => Exit::Failed { reason: format!("the votes' floor: {error}") },
            },
        }
    }
}

/// The name of the disk that belongs to the engine's directory, which gets `new` if it is empty.
fn disk(directory: &Directory, new: &str) -> io::Result<String> {
    let engine = directory.engine();
    match fs::read_to_string(engine.join(DISK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(&engine)?;
            fs::write(engine.join(DISK), new)?;
            Ok(new.to_owned())
        }
        found => found,
    }
}

fn ends(message_bytes_max: usize) -> (Handle, Control, watch::Sender<Option<Exit>>) {
    let (outbound, outbound_receiver) = mpsc::channel(OUTBOUND_MESSAGES_MAX);
    let (exit_sender, exit) = watch::channel(None);
    let (stop, tip) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let receiver = Arc::new(tokio::sync::Mutex::new(outbound_receiver));
    let control = Control { outbound: receiver, stop: Arc::clone(&stop), tip: Arc::clone(&tip) };
    let voting = Arc::new(AtomicBool::new(true));
    (Handle { outbound, message_bytes_max, stop, tip, voting, exit }, control, exit_sender)
}
