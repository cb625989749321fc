//! The nodes in the world: their faults, their depositors, their files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use xiezhi_consensus::{
    Application, BoxFuture, Exit, Handle,
    simulation::{Life, Link, Stage, Time},
};
use xiezhi_ledger::Rejection;
use xiezhi_node::simulation::{Ending, Machine, Over, SimulatedNode};
use xiezhi_types::{Height, TimestampMs};

use crate::{
    alliance::{Alliance, NODES_MAX, START_MS},
    byzantine::{Liar, Lie, spread_false_seals},
    checks::Checks,
    schedule::{Chance, Event, Schedule, Want, Wish},
};

/// How often the nodes' threads get a turn.
pub(crate) const STEP: Duration = Duration::from_millis(10);
/// How often the checks look.
const LOOK_MS: u64 = 250;
/// How long after the last fault everything must be recorded and sealed everywhere.
const LIVE_WITHIN_MS: u64 = 60_000;
/// A depositor who is refused asks again after this time.
const ASK_AGAIN_MS: u64 = 2_000;
/// Of a hundred times that a node goes from era to era while things fail, it crashes so often on the way.
const CRASH_ON_THE_WAY_PERCENT: u64 = 10;
/// A depositor who hears nothing for so long asks again, if need be at another node.
const WAITS_MS: u64 = 10_000;
/// Links without faults.
const GOOD: (u64, u64, u8) = (10, 3, 0);

/// The world as a node's machine.
struct Simulated {
    time: Time,
    skew_ms: Arc<AtomicI64>,
}

impl Machine for Simulated {
    fn now(&self) -> TimestampMs {
        TimestampMs(self.time.now_ms().saturating_add_signed(self.skew_ms.load(Ordering::Relaxed)))
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.time.now_ms())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration)
    }

    fn fill(&self, bytes: &mut [u8]) -> bool {
        self.time.fill(bytes);
        true
    }
}

/// A running node; a liar with two faces has two with one key.
pub(crate) struct Face {
    name: String,
    pub(crate) node: SimulatedNode,
    handle: Handle,
    height: Height,
    full: bool,
}

/// How much of a store's journal is synced.
#[derive(Default, Clone)]
struct Synced {
    path: PathBuf,
    end: u64,
}

/// What a statement is handed in for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Deposit,
    /// A node's vote on a proposal.
    Vote(usize, u64),
    Wish(Wish),
}

/// A depositor or an institution's operator with one statement.
struct Client {
    purpose: Purpose,
    statement: Vec<u8>,
    node: usize,
    ending: Option<Ending>,
    ask_at_ms: u64,
}

/// How a part of the run ended.
pub(crate) enum Pause {
    PowerCut,
    Done,
}

pub(crate) struct Cluster {
    pub(crate) alliance: Alliance,
    pub(crate) schedule: Schedule,
    dir: PathBuf,
    pub(crate) checks: Checks,
    chance: Chance,
    next: usize,
    clients: Vec<Client>,
    deposits: u64,
    /// What institutions want, and when they try to have it.
    pub(crate) wishes: Vec<(u64, Wish)>,
    /// Which nodes have voted on which proposals.
    pub(crate) voted: BTreeSet<(usize, u64)>,
    /// Whether the invited institution has seen that it is.
    pub(crate) confirms: bool,
    skews: [Arc<AtomicI64>; NODES_MAX],
    partition: u8,
    deaf: Vec<(usize, usize)>,
    links: (u64, u64, u8),
    synced: BTreeMap<String, Synced>,
    looked_ms: u64,
    pub(crate) healed: bool,
    /// Why institutions' statements were refused for ever.
    pub(crate) refusals: BTreeSet<&'static str>,
    /// How often a node went over to another part.
    pub(crate) overs: u64,
    /// Lives ended by a crash, and nodes that stopped by themselves for want of room.
    pub(crate) crashes: u64,
    pub(crate) stopped: u64,
}

pub(crate) type Faces = BTreeMap<usize, Vec<Face>>;

impl Cluster {
    pub(crate) fn new(schedule: Schedule, dir: &Path) -> Self {
        let alliance = Alliance::new(schedule.registry, schedule.rotates);
        let checks = Checks::new(&alliance);
        let chance = Chance::new(!schedule.seed);
        let mut cluster = Self {
            alliance,
            schedule,
            dir: dir.to_owned(),
            checks,
            chance,
            next: 0,
            clients: Vec::new(),
            deposits: 0,
            wishes: Vec::new(),
            voted: BTreeSet::new(),
            confirms: false,
            skews: Default::default(),
            partition: 0,
            deaf: Vec::new(),
            links: GOOD,
            synced: BTreeMap::new(),
            looked_ms: 0,
            healed: false,
            refusals: BTreeSet::new(),
            overs: 0,
            crashes: 0,
            stopped: 0,
        };
        let creation = cluster.alliance.creation(START_MS);
        cluster.deposit(creation, 1, Purpose::Deposit);
        cluster
    }

    fn is_honest(&self, node: usize) -> bool {
        self.schedule.liar.is_none_or(|(liar, _)| liar != node)
    }

    fn lie(&self, node: usize) -> Option<Lie> {
        self.schedule.liar.filter(|(liar, _)| *liar == node).map(|(_, lie)| lie)
    }

    /// Lives until all is done or the power fails.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) async fn live(&mut self, stage: &mut Stage) -> Result<Pause, String> {
        let time = stage.time();
        let mut faces = Faces::new();
        self.set_links(stage).await;
        for node in 0..self.alliance.nodes() {
            self.start(stage, node, &mut faces).await?;
        }
        loop {
            time.sleep(STEP).await;
            let now_ms = time.now_ms() - START_MS;
            while let Some((_, event)) =
                self.schedule.events.get(self.next).filter(|(at, _)| *at <= now_ms).cloned()
            {
                self.next += 1;
                if event == Event::PowerCut {
                    return Ok(Pause::PowerCut);
                }
                self.happen(stage, &mut faces, event, now_ms).await?;
            }
            if now_ms >= self.schedule.heal_ms && !self.healed {
                self.heal(stage, &mut faces, now_ms).await?;
            }
            self.turn(stage, &mut faces, now_ms).await?;
            if now_ms >= self.looked_ms + LOOK_MS {
                self.looked_ms = now_ms;
                self.look(&faces)?;
                self.govern(&faces, now_ms);
                if self.healed && self.is_done(&faces) {
                    for (node, all) in faces.iter().filter(|(node, _)| self.schedule.honest().contains(node))
                    {
                        self.checks.conclude(*node, &all[0].node)?;
                    }
                    return Ok(Pause::Done);
                }
            }
            if now_ms > self.schedule.heal_ms + LIVE_WITHIN_MS {
                return Err(self.not_live(&faces));
            }
        }
    }

    async fn happen(
        &mut self,
        stage: &mut Stage,
        faces: &mut Faces,
        event: Event,
        now_ms: u64,
    ) -> Result<(), String> {
        match event {
            Event::Deposit(node, second) => {
                self.deposits += 1;
                let statement = self.alliance.deposit(START_MS + now_ms, self.deposits);
                for node in [Some(node), second].into_iter().flatten() {
                    self.deposit(statement.clone(), node, Purpose::Deposit);
                }
            }
            Event::Crash(node) => self.crash(stage, node, faces).await,
            Event::Restart(node) => {
                self.crash(stage, node, faces).await;
                self.start(stage, node, faces).await?;
            }
            Event::FillDisk(node) => {
                for face in faces.get_mut(&node).into_iter().flatten() {
                    face.node.fill_disk();
                    face.full = true;
                }
            }
            Event::Partition(groups) => self.partition = groups,
            Event::Deaf(from, to) => self.deaf.push((from, to)),
            Event::Links(delay, jitter, loss) => self.links = (delay, jitter, loss),
            Event::Skew(node, off) => self.skews[node].store(off, Ordering::Relaxed),
            Event::Want(wish) => self.wishes.push((now_ms, wish)),
            Event::PowerCut => unreachable!("handled by the caller"),
        }
        self.set_links(stage).await;
        Ok(())
    }

    async fn heal(&mut self, stage: &mut Stage, faces: &mut Faces, now_ms: u64) -> Result<(), String> {
        self.healed = true;
        self.wishes.retain(|(_, wish)| wish.want == Want::Confirm);
        self.partition = 0;
        self.deaf.clear();
        self.links = GOOD;
        self.set_links(stage).await;
        for node in 0..self.alliance.nodes() {
            self.skews[node].store(0, Ordering::Relaxed);
            let stands = faces.get(&node).is_some_and(|all| all.iter().all(|face| !face.full));
            if !stands {
                self.crash(stage, node, faces).await;
                self.start(stage, node, faces).await?;
            }
            self.deposits += 1;
            let statement = self.alliance.deposit(START_MS + now_ms, self.deposits);
            self.deposit(statement, node, Purpose::Deposit);
        }
        Ok(())
    }

    /// A depositor appears; nobody deposits with a liar.
    pub(crate) fn deposit(&mut self, statement: Vec<u8>, node: usize, purpose: Purpose) {
        let node = if self.is_honest(node) { node } else { self.next_honest(node) };
        self.checks.deposited.insert(statement.clone());
        self.clients.push(Client { purpose, statement, node, ending: None, ask_at_ms: 0 });
    }

    fn next_honest(&self, node: usize) -> usize {
        let next = (1..=self.alliance.nodes()).map(|by| (node + by) % self.alliance.nodes());
        next.into_iter().find(|next| self.is_honest(*next)).unwrap()
    }

    async fn set_links(&self, stage: &mut Stage) {
        let (delay, jitter, loss_percent) = self.links;
        let good =
            Link { delay: Duration::from_millis(delay), jitter: Duration::from_millis(jitter), loss_percent };
        let keys = self.alliance.consensus_keys();
        for (sender, (from, _)) in keys.iter().enumerate() {
            for (receiver, (to, _)) in keys.iter().enumerate().filter(|(_, (to, _))| to != from) {
                let apart = (self.partition >> from ^ self.partition >> to) & 1 == 1;
                let cut = apart || self.deaf.contains(&(*from, *to));
                stage.link(sender, receiver, (!cut).then_some(good)).await;
            }
        }
    }

    /// Opens the node's stores and starts what it runs; a liar's own lies may be in its way.
    async fn start(&mut self, stage: &mut Stage, node: usize, faces: &mut Faces) -> Result<(), String> {
        let names: &[&str] = if self.lie(node) == Some(Lie::TwoFaces) { &["", "b"] } else { &[""] };
        let mut nodes = Vec::new();
        for suffix in names {
            let name = format!("node{node}{suffix}");
            let config = self.alliance.config(node, &self.dir.join(&name));
            let machine = Simulated { time: stage.time(), skew_ms: Arc::clone(&self.skews[node]) };
            match SimulatedNode::open(config, Arc::new(machine)) {
                Ok(one) => nodes.push((name, one)),
                Err(_) if !self.is_honest(node) => return Ok(()),
                Err(error) => return Err(format!("node {node} does not start: {error}")),
            }
        }
        self.begin(stage, node, nodes, faces).await
    }

    /// Starts the engines of a node's faces.
    async fn begin(
        &mut self,
        stage: &mut Stage,
        node: usize,
        nodes: Vec<(String, SimulatedNode)>,
        faces: &mut Faces,
    ) -> Result<(), String> {
        let lie = self.lie(node);
        let lives = nodes.iter().enumerate().map(|(at, (name, one))| self.life(name, one, lie, at));
        let handles = match stage.start(lives.collect()).await {
            Ok(handles) => handles,
            Err(_) if lie.is_some() => return Ok(()),
            Err(error) => return Err(format!("node {node} does not start: {error}")),
        };
        let started = nodes.into_iter().zip(handles).map(|((name, node), handle)| {
            node.attach(handle.clone());
            let height = node.tip().1;
            Face { name, node, handle, height, full: false }
        });
        faces.insert(node, started.collect());
        Ok(())
    }

    /// Takes faces of a node to other parts; the engines of all of them begin anew, since they share the links.
    async fn go_over(
        &mut self,
        stage: &mut Stage,
        number: usize,
        mut overs: BTreeMap<String, Over>,
        faces: &mut Faces,
    ) -> Result<(), String> {
        self.overs += 1;
        let all = faces.get_mut(&number).unwrap();
        for face in all.iter_mut() {
            stage.crash(&face.name).await;
            let Some(over) = overs.remove(&face.name) else { continue };
            if let Err(error) = face.node.go_over(over) {
                let (full, exit) = (face.full, Exit::Failed { reason: error.to_string() });
                return self.ended(stage, number, full, exit, faces).await;
            }
        }
        if !self.healed && self.chance.percent(CRASH_ON_THE_WAY_PERCENT) {
            self.crash(stage, number, faces).await;
            return self.start(stage, number, faces).await;
        }
        let all = faces.remove(&number).unwrap_or_default();
        let was_full = all.iter().any(|face| face.full);
        let nodes = all.into_iter().map(|face| (face.name, face.node)).collect();
        self.begin(stage, number, nodes, faces).await?;
        faces.get_mut(&number).into_iter().flatten().for_each(|face| face.full = was_full);
        Ok(())
    }

    fn life(&self, name: &str, node: &SimulatedNode, lie: Option<Lie>, face: usize) -> Life {
        let keys = self.alliance.consensus_keys();
        let keys_of = |nodes: Vec<usize>| {
            keys.iter().filter(|(node, _)| nodes.contains(node)).map(|(_, key)| *key).collect::<Vec<_>>()
        };
        let honest = self.schedule.honest();
        let seed = self.schedule.seed as usize;
        let chosen = honest[seed % honest.len()];
        let among = (lie == Some(Lie::TwoFaces)).then(|| {
            let second = honest[(seed + 1) % honest.len()];
            let shared = seed.is_multiple_of(2).then_some(second);
            let first_face = |node: &usize| *node == chosen || Some(*node) == shared;
            let seen =
                honest.iter().filter(|node| if face == 0 { first_face(node) } else { **node != chosen });
            keys_of(seen.copied().collect())
        });
        let withheld_from = if lie == Some(Lie::Withholding) { keys_of(vec![chosen]) } else { Vec::new() };
        let application: Arc<dyn Application> = match lie {
            Some(lie) => Arc::new(Liar::new(node.application(), lie)),
            None => node.application(),
        };
        Life { name: name.to_owned(), config: node.engine().clone(), application, among, withheld_from }
    }

    async fn crash(&mut self, stage: &mut Stage, node: usize, faces: &mut Faces) {
        for face in faces.remove(&node).unwrap_or_default() {
            self.crashes += 1;
            stage.crash(&face.name).await;
            let name = face.name.clone();
            drop(face);
            self.lose_unsynced(&name);
        }
        for client in self.clients.iter_mut().filter(|client| client.node == node) {
            client.ending = None;
        }
    }

    /// The power failed: every store loses what it had not synced.
    pub(crate) fn power_failed(&mut self) {
        let names: Vec<_> = self.synced.keys().cloned().collect();
        for name in names {
            self.lose_unsynced(&name);
        }
        for client in &mut self.clients {
            client.ending = None;
        }
    }

    /// Cuts the journal of a closed store anywhere behind the last applied block.
    fn lose_unsynced(&mut self, name: &str) {
        let Some(synced) = self.synced.remove(name) else { return };
        let Some(now) = measure(&self.dir.join(name), &synced) else { return };
        if now.path == synced.path && now.end > synced.end {
            let cut = synced.end + self.chance.below(now.end - synced.end + 1);
            let cut = if self.chance.percent(30) { synced.end } else { cut };
            OpenOptions::new().write(true).open(&now.path).unwrap().set_len(cut).unwrap();
        }
    }

    /// The nodes' threads, the depositors, and what the engine says.
    async fn turn(&mut self, stage: &mut Stage, faces: &mut Faces, now_ms: u64) -> Result<(), String> {
        let mut ended = Vec::new();
        let mut overs: BTreeMap<usize, BTreeMap<String, Over>> = BTreeMap::new();
        for (number, all) in faces.iter_mut() {
            for face in all.iter_mut() {
                let (_, height) = face.node.tip();
                if height != face.height {
                    face.height = height;
                    let before = self.synced.entry(face.name.clone()).or_default();
                    if let Some(synced) = measure(&self.dir.join(&face.name), before) {
                        *before = synced;
                    }
                }
                match face.node.step() {
                    Ok(None) => {}
                    Ok(Some(over)) => {
                        overs.entry(*number).or_default().insert(face.name.clone(), over);
                    }
                    Err(error) => {
                        ended.push((*number, face.full, Exit::Failed { reason: error.to_string() }));
                    }
                }
                if let Some(exit) = face.handle.ended().now_or_never() {
                    ended.push((*number, face.full, exit));
                }
                if self.schedule.liar == Some((*number, Lie::FalseSeals)) && now_ms.is_multiple_of(5) {
                    spread_false_seals(&self.alliance, *number, &face.node, START_MS + now_ms);
                }
            }
        }
        for (node, full, exit) in ended {
            overs.remove(&node);
            self.ended(stage, node, full, exit, faces).await?;
        }
        for (node, overs) in overs {
            self.go_over(stage, node, overs, faces).await?;
        }
        self.ask(faces, now_ms)
    }

    /// A node stopped by itself: an honest one does so for want of room, and says it.
    async fn ended(
        &mut self,
        stage: &mut Stage,
        node: usize,
        full: bool,
        exit: Exit,
        faces: &mut Faces,
    ) -> Result<(), String> {
        let said = matches!(&exit, Exit::Failed { reason } if reason.contains("StorageFull"));
        if self.is_honest(node) && !(full && said) {
            return Err(format!("node {node} ended: {exit:?}"));
        }
        self.stopped += u64::from(full);
        self.crash(stage, node, faces).await;
        Ok(())
    }

    fn ask(&mut self, faces: &Faces, now_ms: u64) -> Result<(), String> {
        let (mut told, mut refused) = (Vec::new(), Vec::new());
        let mut clients = std::mem::take(&mut self.clients);
        clients.retain_mut(|client| {
            if let Some(ending) = &mut client.ending {
                match ending.now_or_never() {
                    Some(Ok(Ok(index))) => {
                        told.push((index.0, client.statement.clone()));
                        return false;
                    }
                    Some(Ok(Err(Rejection::Duplicate { .. }))) => return false,
                    Some(Ok(Err(rejection))) if client.purpose != Purpose::Deposit => {
                        refused.push((client.purpose, rejection));
                        return false;
                    }
                    Some(_) => client.ending = None,
                    // A node that follows by now never hears that a statement was refused.
                    None if now_ms >= client.ask_at_ms + WAITS_MS => client.ending = None,
                    None => {}
                }
            }
            if client.ending.is_none() && now_ms >= client.ask_at_ms {
                client.ask_at_ms = now_ms + ASK_AGAIN_MS;
                let asked = faces.get(&client.node).map(|all| all[0].node.submit(client.statement.clone()));
                match asked {
                    Some(Ok(Some(ending))) => client.ending = Some(ending),
                    // A node that follows takes nothing.
                    Some(Ok(None)) => client.node = self.next_honest(client.node),
                    Some(Err(_)) | None => {}
                }
            }
            true
        });
        clients.append(&mut self.clients);
        self.clients = clients;
        for (purpose, rejection) in refused {
            self.refused(purpose, &rejection, now_ms);
        }
        told.into_iter().try_for_each(|(index, statement)| self.checks.acknowledge(index, &statement))
    }

    fn look(&mut self, faces: &Faces) -> Result<(), String> {
        for (number, all) in faces {
            if self.is_honest(*number) {
                self.checks.observe(*number, &all[0].node)?;
            }
        }
        Ok(())
    }

    /// Everything deposited is recorded, and sealed on every honest node; who has a seat in the last term decided votes in it.
    fn is_done(&self, faces: &Faces) -> bool {
        let size = self.checks.log.len() as u64;
        let all_sealed = |node: &SimulatedNode| {
            let last = node.checkpoints(Height(node.tip().1.0.saturating_sub(200)), usize::MAX);
            node.tip().0 == size && last.iter().all(|one| one.missing.is_met())
        };
        let (last, active) = (self.checks.terms.decided.len() - 1, self.checks.terms.last().active());
        let in_last = |number: &usize, node: &SimulatedNode| {
            node.votes() == active.contains(number)
                && (!node.votes() || node.engine().era.number as usize == last)
        };
        let honest = self.schedule.honest();
        self.clients.is_empty()
            && honest.iter().all(|node| {
                faces.get(node).is_some_and(|all| all_sealed(&all[0].node) && in_last(node, &all[0].node))
            })
    }

    fn not_live(&self, faces: &Faces) -> String {
        let tips = faces.iter().map(|(node, all)| {
            let one = &all[0].node;
            let open: Vec<_> = one.checkpoints(Height(0), usize::MAX).into_iter().collect();
            let open = open.iter().filter(|one| !one.missing.is_met()).count();
            let (era, does) = (one.engine().era.number, if one.votes() { "votes" } else { "follows" });
            format!("node {node}: {:?}, {does} in {era}, {open} unsealed, {} queued", one.tip(), one.queued())
        });
        let tips = tips.collect::<Vec<_>>().join("; ");
        let terms = self.checks.terms.decided.iter().map(|term| (term.from, term.active()));
        format!("{} depositors wait; {tips}; terms {:?}", self.clients.len(), terms.collect::<Vec<_>>())
    }
}

/// Where the newest journal of the store under `dir` ends: its last byte that is not zero. `from` is what was known before.
fn measure(dir: &Path, from: &Synced) -> Option<Synced> {
    let files = fs::read_dir(SimulatedNode::store_dir(dir)).ok()?.map(|entry| entry.unwrap().path());
    let path = files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).max()?;
    let mut end = if path == from.path { from.end } else { 0 };
    let mut file = File::open(&path).ok()?;
    let mut chunk = vec![0; 1 << 20];
    file.seek(SeekFrom::Start(end)).unwrap();
    loop {
        let mut read = 0;
        while read < chunk.len() {
            match file.read(&mut chunk[read..]).unwrap() {
                0 => break,
                more => read += more,
            }
        }
        match chunk[..read].iter().rposition(|byte| *byte != 0) {
            Some(last) => end = file.stream_position().unwrap() - (read - last - 1) as u64,
            None => return Some(Synced { path, end }),
        }
    }
}
