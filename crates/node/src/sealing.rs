//! The sealing thread: seals this node's checkpoints, checks and keeps what others seal and stamp, asks for what is missing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use tokio::sync::watch;
use xiezhi_crypto::SigningKey;
use xiezhi_evidence::{CertifiedSeal, Checkpoint, Seal, TimeStamp, policy::Missing};
use xiezhi_pki::{
    CertificateAuthority, Crl, CrlTemplate,
    timestamp::{GenTime, TimeStampAuthority},
};
use xiezhi_store::StoredCheckpoint;
use xiezhi_types::{Height, InstitutionId, TimestampMs};

use crate::{
    admission::spread,
    config::{Renewal, Stamper},
    core::{Core, lock},
    expiry::{ExpiryKind, Known, authority_name, first_expiry, own_authority},
    machine::Machine,
    message::{Collected, Hello, Message},
    witness::{Judge, judge_stamp, missing},
};

/// Most tasks that wait for the thread.
pub(crate) const TASKS_MAX: usize = 4_096;
/// Complete checkpoints kept in memory, for the certificates that are asked for right after sealing.
const COMPLETE_KEPT: usize = 64;
/// Seals that arrive before this node has executed their block: most checkpoints kept.
const EARLY_MAX: usize = 1_024;
/// Most checkpoints asked for, and answered, in one message.
const WANTED_MAX: usize = 128;
/// How often the thread looks around.
const TICK: Duration = Duration::from_millis(250);
/// Missing seals are asked for when a checkpoint is this old.
const ASK_AFTER: Duration = Duration::from_millis(500);
/// An authority that did not answer is asked again after this time.
const STAMP_AGAIN: Duration = Duration::from_secs(5);
/// A revocation list is renewed when it is this old, in seconds.
const CRL_RENEWED_AFTER_S: u64 = 12 * 3600;
/// How long a revocation list is good for, in seconds.
const CRL_VALID_S: u64 = 30 * 24 * 3600;
/// How often the authority looks at its revocation list and sends the lists in force.
const LISTS_SENT_EVERY: Duration = Duration::from_secs(10);
/// Messages of statements that were not ordered are sent again, at most this many bytes at a time.
const RESEND_BYTES: usize = 1 << 20;

/// What the thread is asked to do.
pub(crate) enum Task {
    /// Seal and stamp the checkpoint at this height.
    Seal(Height),
    /// Check and keep what a peer has collected.
    Collect(Vec<Collected>),
    /// Send a peer what it misses.
    Answer([u8; 32], Hello),
    /// A token of an outside authority.
    Stamped(Height, Vec<u8>),
    /// Revocation lists of a peer.
    Revocations(Vec<Vec<u8>>),
    /// Certificates and lists of this institution that were renewed.
    Renewed(Box<Renewal>),
}

/// A checkpoint whose seals are being collected, or have been a moment ago.
struct Open {
    stored: StoredCheckpoint,
    digest: [u8; 32],
    /// Uptime at which it was opened, and last asked for.
    since: Duration,
    asked: Option<Duration>,
    seals: BTreeMap<InstitutionId, CertifiedSeal>,
    stamps: BTreeMap<[u8; 32], TimeStamp>,
    met: watch::Sender<bool>,
}

/// What is collected; shared with those who ask.
#[derive(Default)]
pub(crate) struct Sealing {
    open: Mutex<BTreeMap<Height, Open>>,
    /// Lists in force; what was found of their signatures is kept with them.
    revocations: RwLock<Arc<Vec<Crl>>>,
    latest: Mutex<Option<Checkpoint>>,
    sealed_by: Mutex<HashMap<InstitutionId, Height>>,
    /// When the certificates expire that were seen at work.
    pub(crate) known: Mutex<Known>,
    /// Why this institution's seal would not count now, if so.
    problem: Mutex<Option<String>>,
    /// The time-stamp authority run here, if any.
    authority: RwLock<Option<Arc<TimeStampAuthority>>>,
    /// Every checkpoint up to this height is open, or was. What peers send for later ones waits: the store may know a checkpoint a moment
    /// before it is open, and a seal kept in that moment would be missing here.
    opened: AtomicU64,
}

/// What has been collected for a checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    pub(crate) stored: StoredCheckpoint,
    pub(crate) seals: Vec<CertifiedSeal>,
    pub(crate) stamps: Vec<TimeStamp>,
    pub(crate) missing: Missing,
}

impl Sealing {
    pub(crate) fn new(revocations: Vec<Vec<u8>>) -> Self {
        let lists = revocations.iter().filter_map(|der| Crl::from_der(der).ok()).collect();
        Self { revocations: RwLock::new(Arc::new(lists)), ..Self::default() }
    }

    pub(crate) fn revocations(&self) -> Arc<Vec<Crl>> {
        Arc::clone(&self.revocations.read().unwrap_or_else(|e| e.into_inner()))
    }

    pub(crate) fn replace_revocations(&self, lists: Vec<Crl>) {
        *self.revocations.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(lists);
    }

    /// Why this institution's seal would not count now, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// The time-stamp authority run here, if any.
    pub(crate) fn authority(&self) -> Option<Arc<TimeStampAuthority>> {
        self.authority.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Takes `authority` and the `chain` of the own seal certificate into use.
    pub(crate) fn use_own(
        &self,
        institution: &InstitutionId,
        chain: &[Vec<u8>],
        authority: Option<TimeStampAuthority>,
    ) {
        let mut known = lock(&self.known);
        if let Some(until) = first_expiry(chain) {
            known.own(ExpiryKind::SealCertificate, institution.as_str(), until);
        }
        if let Some((name, until)) = authority.as_ref().map(own_authority) {
            known.own(ExpiryKind::TimeStampAuthority, &name, until);
        }
        *self.authority.write().unwrap_or_else(|e| e.into_inner()) = authority.map(Arc::new);
    }

    /// The newest checkpoint that is sealed to policy.
    pub(crate) fn latest(&self) -> Option<Checkpoint> {
        lock(&self.latest).clone()
    }

    /// Height of the last checkpoint that `institution` is known to have sealed.
    pub(crate) fn sealed_height(&self, institution: &InstitutionId) -> Height {
        lock(&self.sealed_by).get(institution).copied().unwrap_or_default()
    }

    /// How many checkpoints wait for seals or stamps.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.open).values().filter(|open| !*open.met.borrow()).count()
    }

    /// Begins to collect for a checkpoint that this node has just made.
    pub(crate) fn open(&self, core: &Core, checkpoint: Checkpoint) {
        let state = core.store.tip().state;
        let height = checkpoint.height;
        let since = core.machine.uptime();
        self.insert(StoredCheckpoint { checkpoint, state }, since, BTreeMap::new(), BTreeMap::new());
        self.opened.fetch_max(height.0, Ordering::Release);
    }

    fn insert(
        &self,
        stored: StoredCheckpoint,
        since: Duration,
        seals: BTreeMap<InstitutionId, CertifiedSeal>,
        stamps: BTreeMap<[u8; 32], TimeStamp>,
    ) {
        let (digest, met) = (stored.checkpoint.digest(), watch::Sender::new(false));
        let height = stored.checkpoint.height;
        lock(&self.open).entry(height).or_insert(Open {
            stored,
            digest,
            since,
            asked: None,
            seals,
            stamps,
            met,
        });
    }

    /// What is collected for the checkpoint at `height`, from memory or from the store.
    pub(crate) fn collection(
        &self,
        core: &Core,
        height: Height,
    ) -> Result<Option<Collection>, xiezhi_store::StoreError> {
        if let Some(open) = lock(&self.open).get(&height) {
            return Ok(Some(Collection {
                stored: open.stored.clone(),
                seals: open.seals.values().cloned().collect(),
                stamps: open.stamps.values().cloned().collect(),
                missing: missing(&core.genesis, open.seals.keys(), open.stamps.len()),
            }));
        }
        let Some(stored) = core.store.checkpoint(height)? else { return Ok(None) };
        let seals = core.store.seals(height)?;
        let stamps: Vec<_> = core.store.stamps(height)?.into_iter().map(|(_, stamp)| stamp).collect();
        let missing = missing(&core.genesis, seals.iter().map(|s| &s.seal.institution), stamps.len());
        Ok(Some(Collection { stored, seals, stamps, missing }))
    }

    /// Who has sealed, how many have stamped, what is missing: without copying the seals.
    pub(crate) fn progress(
        &self,
        core: &Core,
        height: Height,
    ) -> Result<Option<(Vec<InstitutionId>, u32, Missing)>, xiezhi_store::StoreError> {
        if let Some(open) = lock(&self.open).get(&height) {
            let who: Vec<_> = open.seals.keys().cloned().collect();
            let missing = missing(&core.genesis, who.iter(), open.stamps.len());
            return Ok(Some((who, missing.timestamps.0, missing)));
        }
        let Some(collection) = self.collection(core, height)? else { return Ok(None) };
        let who = collection.seals.into_iter().map(|s| s.seal.institution).collect();
        Ok(Some((who, collection.missing.timestamps.0, collection.missing)))
    }

    /// What an observer's store holds is sealed: its last checkpoint is the latest.
    pub(crate) fn resume_followed(&self, core: &Core) -> Result<(), xiezhi_store::StoreError> {
        if let Some(stored) = core.store.checkpoint_at_most(core.store.tip().height)? {
            let seals = core.store.seals(stored.checkpoint.height)?;
            self.followed(stored.checkpoint, seals.into_iter().map(|certified| certified.seal.institution));
        }
        Ok(())
    }

    /// Notes a checkpoint that came with its seals, complete.
    pub(crate) fn followed(&self, checkpoint: Checkpoint, sealed: impl Iterator<Item = InstitutionId>) {
        let mut sealed_by = lock(&self.sealed_by);
        sealed_by.extend(sealed.map(|institution| (institution, checkpoint.height)));
        *lock(&self.latest) = Some(checkpoint);
    }

    /// A receiver that turns true when the checkpoint at `height` is sealed to policy; `None` when it is no longer collected for.
    pub(crate) fn watch(&self, height: Height) -> Option<watch::Receiver<bool>> {
        lock(&self.open).get(&height).map(|open| open.met.subscribe())
    }
}

/// The thread's own things.
pub(crate) struct Sealer {
    pub(crate) core: Arc<Core>,
    pub(crate) key: SigningKey,
    pub(crate) chain: Vec<Vec<u8>>,
    /// The institution that stamps instead while it is in reach.
    pub(crate) stands_in_for: Option<InstitutionId>,
    pub(crate) authority: Option<CertificateAuthority>,
    pub(crate) stampers: Vec<SyncSender<(Height, [u8; 32])>>,
    pub(crate) judge: Judge,
    /// Whether the own authority could not stamp the last time: that is said once.
    pub(crate) cannot_stamp: bool,
    pub(crate) early: BTreeMap<Height, Vec<Collected>>,
    /// Uptimes of what the thread did last.
    pub(crate) ticked: Duration,
    pub(crate) said_hello: Duration,
    pub(crate) sent_lists: Option<Duration>,
}

/// Starts a thread that asks `stamper`; the answer comes back as [`Task::Stamped`].
pub(crate) fn start_stamper(
    stamper: Arc<dyn Stamper>,
    tasks: SyncSender<Task>,
) -> SyncSender<(Height, [u8; 32])> {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(Height, [u8; 32])>(256);
    std::thread::spawn(move || {
        for (height, imprint) in receiver {
            match stamper.stamp(&imprint) {
                Ok(token) => drop(tasks.try_send(Task::Stamped(height, token))),
                Err(error) => tracing::warn!(%height, %error, "no time stamp"),
            }
        }
    });
    sender
}

impl Sealer {
    /// Runs until the senders are gone or the node stops.
    pub(crate) fn run(mut self, tasks: &Receiver<Task>) {
        self.resume();
        while !self.core.stopping.load(Ordering::Relaxed) {
            match tasks.recv_timeout(TICK) {
                Ok(task) => self.handle(task),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tick_when_due();
        }
    }

    /// Takes up the checkpoints that were not sealed to policy when the node stopped.
    pub(crate) fn resume(&mut self) {
        let mut below = self.core.store.tip().height;
        self.core.sealing.opened.fetch_max(below.0, Ordering::Release);
        let mut complete = 0;
        while let Ok(Some(stored)) = self.core.store.checkpoint_at_most(below) {
            let height = stored.checkpoint.height;
            let seals = self.core.store.seals(height).unwrap_or_default();
            let stamps = self.core.store.stamps(height).unwrap_or_default();
            let met =
                missing(&self.core.genesis, seals.iter().map(|s| &s.seal.institution), stamps.len()).is_met();
            for seal in &seals {
                self.note_sealed(&seal.seal.institution, height);
                self.note_expiry(seal);
            }
            if met {
                complete += 1;
                lock(&self.core.sealing.latest).get_or_insert(stored.checkpoint);
            } else {
                let seals = seals.into_iter().map(|s| (s.seal.institution.clone(), s)).collect();
                self.core.sealing.insert(
                    stored,
                    self.core.machine.uptime(),
                    seals,
                    stamps.into_iter().collect(),
                );
            }
            // Unsealed checkpoints lie close together: the last ones before a stop.
            if complete >= 1_000 || height.0 <= 1 {
                break;
            }
            below = Height(height.0 - 1);
        }
    }

    pub(crate) fn handle(&mut self, task: Task) {
        match task {
            Task::Seal(height) => {
                self.seal(height);
                for collected in self.early.remove(&height).unwrap_or_default() {
                    self.collect(collected);
                }
                self.early = self.early.split_off(&height);
            }
            Task::Collect(all) => all.into_iter().for_each(|collected| self.collect(collected)),
            Task::Answer(from, hello) => self.answer(from, &hello),
            Task::Stamped(height, token) => self.stamped(height, token, true),
            Task::Revocations(lists) => {
                self.judge.take_revocations(&self.core, &self.chain, lists);
            }
            Task::Renewed(renewal) => self.renew(*renewal),
        }
    }

    fn renew(&mut self, renewal: Renewal) {
        let Renewal { seal_chain, revocations, timestamps } = renewal;
        self.core.sealing.use_own(&self.core.institution, &seal_chain, timestamps);
        self.chain = seal_chain;
        self.judge.forget();
        self.judge.take_revocations(&self.core, &self.chain, revocations);
        self.own_counts();
    }

    /// Whether this institution's seal would count now, here and elsewhere. A change is said once, and kept for the status.
    fn own_counts(&mut self) -> bool {
        let core = &self.core;
        let pinned = core.genesis.institution(&core.institution).map(|i| i.seal_key).unwrap_or_default();
        let now = core.machine.now().seconds();
        let judged = self.judge.chain(core, &core.institution, &self.chain, now, &pinned);
        let mut problem = lock(&core.sealing.problem);
        match &judged {
            Err(reason) if problem.is_none() => {
                tracing::error!(
                    reason,
                    "this institution's seals do not count from now on: nothing is sealed here"
                );
            }
            Ok(()) if problem.is_some() => tracing::info!("this institution's seals count again"),
            _ => {}
        }
        *problem = judged.err();
        problem.is_none()
    }

    /// Notes until when the certificates behind a seal in the store are valid, if none of its institution is known.
    fn note_expiry(&self, seal: &CertifiedSeal) {
        let (kind, name) = (ExpiryKind::SealCertificate, seal.seal.institution.as_str());
        let mut known = lock(&self.core.sealing.known);
        if known.get(kind, name).is_none()
            && let Some(until) = first_expiry(&seal.chain)
        {
            known.seen(kind, name, until);
        }
    }

    fn seal(&mut self, height: Height) {
        let Some((checkpoint, digest)) = self.opened(height) else { return };
        let mut share = Collected { height, seals: Vec::new(), stamps: Vec::new() };
        // One that no other institution and no verifier would count is not made.
        if self.own_counts() {
            let (institution, now) = (self.core.institution.clone(), self.core.machine.now().seconds());
            match Seal::sign(&checkpoint, &self.core.origin, &institution, now, &self.key) {
                Ok(seal) => {
                    let certified = CertifiedSeal { seal, chain: self.chain.clone() };
                    share.seals.push(certified.clone());
                    self.keep_seal(height, certified);
                }
                Err(error) => tracing::error!(%height, %error, "the checkpoint cannot be sealed"),
            }
        }
        let comes_first = self.stands_in_for.as_ref().is_none_or(|first| !self.core.in_reach(first));
        if comes_first && let Some(token) = self.own_token(&digest) {
            share.stamps.push(token.clone());
            self.stamped(height, token, false);
        }
        if !(share.seals.is_empty() && share.stamps.is_empty()) {
            self.core.broadcast(&Message::Collected(vec![share]));
        }
        for stamper in &self.stampers {
            let _ = stamper.try_send((height, digest));
        }
    }

    fn opened(&self, height: Height) -> Option<(Checkpoint, [u8; 32])> {
        lock(&self.core.sealing.open).get(&height).map(|open| (open.stored.checkpoint.clone(), open.digest))
    }

    fn own_token(&mut self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        let authority = self.core.sealing.authority()?;
        let serial = random_serial(&*self.core.machine)?;
        match authority.issue_token(digest, serial, GenTime::from_unix_ms(self.core.machine.now().0)?, None) {
            Ok(token) => {
                self.cannot_stamp = false;
                Some(token)
            }
            Err(error) => {
                if !self.cannot_stamp {
                    tracing::error!(%error, "no time stamp can be issued from now on");
                }
                self.cannot_stamp = true;
                None
            }
        }
    }

    /// Checks and keeps what a peer sent; what comes before its block is executed here waits.
    fn collect(&mut self, collected: Collected) {
        let height = collected.height;
        if height.0 > self.core.sealing.opened.load(Ordering::Acquire) {
            let waiting = self.early.entry(height).or_default();
            if waiting.len() < self.core.genesis.institutions.len() {
                waiting.push(collected);
            }
            if self.early.len() > EARLY_MAX {
                self.early.pop_last();
            }
            return;
        }
        for certified in collected.seals {
            self.check_seal(height, certified);
        }
        for token in collected.stamps {
            self.stamped(height, token, false);
        }
    }

    fn check_seal(&mut self, height: Height, certified: CertifiedSeal) {
        let seal = &certified.seal;
        let known = self.core.sealing.collection(&self.core, height).ok().flatten();
        let Some(known) = known.filter(|k| k.seals.iter().all(|s| s.seal.institution != seal.institution))
        else {
            return;
        };
        match self.judge.seal(&self.core, &known.stored.checkpoint, &certified) {
            Ok(()) => self.keep_seal(height, certified),
            Err(reason) => {
                tracing::warn!(%height, institution = %certified.seal.institution, reason, "a seal was refused");
            }
        }
    }

    fn keep_seal(&mut self, height: Height, certified: CertifiedSeal) {
        if let Err(error) = self.core.store.put_seal(height, &certified) {
            tracing::error!(%height, %error, "a seal could not be stored");
            return;
        }
        self.note_sealed(&certified.seal.institution, height);
        if let Some(open) = lock(&self.core.sealing.open).get_mut(&height) {
            open.seals.insert(certified.seal.institution.clone(), certified);
        }
        self.settle(height);
    }

    fn note_sealed(&self, institution: &InstitutionId, height: Height) {
        let mut sealed_by = lock(&self.core.sealing.sealed_by);
        let known = sealed_by.entry(institution.clone()).or_default();
        *known = height.max(*known);
    }

    /// Checks and keeps a time-stamp token; one that came from outside the alliance is passed on.
    fn stamped(&mut self, height: Height, token: Vec<u8>, pass_on: bool) {
        let Some((_, digest)) = self.opened(height) else { return };
        let known = |open: &Open| open.stamps.values().any(|stamp| stamp.token == token);
        if lock(&self.core.sealing.open).get(&height).is_some_and(known) {
            return;
        }
        let accepted = judge_stamp(&self.core, &digest, &token);
        let Some(info) = accepted else {
            tracing::warn!(%height, "a time stamp was refused");
            return;
        };
        let fingerprint = info.authority.fingerprint();
        let name = authority_name(info.authority.organisation.as_deref(), &info.authority.subject);
        let until = info.authority.validity.not_after;
        lock(&self.core.sealing.known).seen(ExpiryKind::TimeStampAuthority, &name, until);
        let fresh = {
            let mut open = lock(&self.core.sealing.open);
            let Some(open) = open.get_mut(&height) else { return };
            let fresh = !open.stamps.contains_key(&fingerprint);
            open.stamps.entry(fingerprint).or_insert(TimeStamp { token: token.clone() });
            fresh
        };
        if !fresh {
            return;
        }
        if let Err(error) = self.core.store.put_stamp(height, &fingerprint, &token) {
            tracing::error!(%height, %error, "a time stamp could not be stored");
        }
        if pass_on {
            let share = Collected { height, seals: Vec::new(), stamps: vec![token] };
            self.core.broadcast(&Message::Collected(vec![share]));
        }
        self.settle(height);
    }

    /// Notices that a checkpoint is sealed to policy.
    fn settle(&self, height: Height) {
        {
            let open = lock(&self.core.sealing.open);
            if let Some(one) = open.get(&height)
                && missing(&self.core.genesis, one.seals.keys(), one.stamps.len()).is_met()
                && !one.met.send_replace(true)
            {
                let mut latest = lock(&self.core.sealing.latest);
                if latest.as_ref().is_none_or(|latest| latest.height < height) {
                    *latest = Some(one.stored.checkpoint.clone());
                }
            }
        }
        self.core.changed();
    }

    /// Sends what a peer says it misses.
    fn answer(&self, from: [u8; 32], hello: &Hello) {
        let mut found = Vec::new();
        for height in hello.wanted.iter().take(WANTED_MAX) {
            let Ok(Some(collection)) = self.core.sealing.collection(&self.core, *height) else { continue };
            let stamps = collection.stamps.into_iter().map(|stamp| stamp.token).collect();
            found.push(Collected { height: *height, seals: collection.seals, stamps });
        }
        if !found.is_empty() {
            self.core.send(from, &Message::Collected(found));
        }
    }

    pub(crate) fn tick_when_due(&mut self) {
        let uptime = self.core.machine.uptime();
        if uptime.saturating_sub(self.ticked) >= TICK {
            self.ticked = uptime;
            self.tick(uptime);
        }
    }

    fn tick(&mut self, uptime: Duration) {
        self.drop_old_complete();
        self.renew_revocations();
        let unsealed = self.unsealed(uptime);
        if self.own_counts() {
            for height in &unsealed.own {
                self.seal(*height);
            }
        }
        self.stamp_late(&unsealed.unstamped);
        let behind = unsealed.wanted.len() >= WANTED_MAX;
        if behind || uptime.saturating_sub(self.said_hello) >= Duration::from_secs(1) {
            self.said_hello = uptime;
            let hello = Hello { height: self.core.store.tip().height, wanted: unsealed.wanted };
            self.core.broadcast(&Message::Hello(hello));
            let stale = lock(&self.core.mempool).stale(uptime, RESEND_BYTES);
            spread(&self.core, &stale);
        }
    }

    fn unsealed(&self, uptime: Duration) -> Unsealed {
        let mut found = Unsealed::default();
        for (height, open) in lock(&self.core.sealing.open).iter() {
            let old = uptime.saturating_sub(open.since) > ASK_AFTER;
            if old && !open.seals.contains_key(&self.core.institution) && found.own.len() < WANTED_MAX {
                found.own.push(*height);
            }
            if *open.met.borrow() || !old || found.wanted.len() >= WANTED_MAX {
                continue;
            }
            found.wanted.push(*height);
            let waited = open.asked.is_none_or(|asked| uptime.saturating_sub(asked) > STAMP_AGAIN);
            if waited && open.stamps.len() < self.core.genesis.policy.timestamps as usize {
                found.unstamped.push((*height, open.digest));
            }
        }
        found
    }

    /// The first time this node's own authority is asked, even if it stands in for another; later those outside too.
    fn stamp_late(&mut self, unstamped: &[(Height, [u8; 32])]) {
        for (height, digest) in unstamped {
            let asked = lock(&self.core.sealing.open)
                .get_mut(height)
                .and_then(|open| open.asked.replace(self.core.machine.uptime()));
            if let Some(token) = self.own_token(digest) {
                self.stamped(*height, token, true);
            }
            for stamper in self.stampers.iter().filter(|_| asked.is_some()) {
                let _ = stamper.try_send((*height, *digest));
            }
        }
    }

    /// A checkpoint that is sealed to policy is not kept in memory for ever because one institution is away.
    fn drop_old_complete(&self) {
        let mut open = lock(&self.core.sealing.open);
        let met: Vec<_> =
            open.iter().filter(|(_, one)| *one.met.borrow()).map(|(height, _)| *height).collect();
        for height in met.iter().take(met.len().saturating_sub(COMPLETE_KEPT)) {
            open.remove(height);
        }
    }

    /// Renews the authority's list when it is due, and sends the lists in force to the others from time to time.
    fn renew_revocations(&mut self) {
        let Some(authority) = &self.authority else { return };
        let uptime = self.core.machine.uptime();
        if self.sent_lists.is_some_and(|sent| uptime.saturating_sub(sent) < LISTS_SENT_EVERY) {
            return;
        }
        self.sent_lists = Some(uptime);
        let clock = self.core.machine.now();
        let mut lists = self.core.sealing.revocations().to_vec();
        let issuer = authority.certificate().subject();
        let own = lists.iter().position(|list| list.issuer() == issuer);
        let old = own.map(|at| &lists[at]);
        if old.is_none_or(|list| list.this_update() + CRL_RENEWED_AFTER_S < clock.seconds()) {
            match renewed(authority, old, clock) {
                Ok(list) => {
                    match own {
                        Some(at) => lists[at] = list,
                        None => lists.push(list),
                    }
                    self.core.sealing.replace_revocations(lists.clone());
                }
                Err(reason) => tracing::error!(reason, "the revocation list could not be renewed"),
            }
        }
        let lists = lists.iter().map(|list| list.der().to_vec());
        self.core.broadcast(&Message::Revocations(lists.collect()));
    }
}

#[derive(Default)]
struct Unsealed {
    /// Checkpoints that lack this node's own seal.
    own: Vec<Height>,
    /// Checkpoints that are not sealed to policy.
    wanted: Vec<Height>,
    /// Checkpoints that lack a time stamp and were not asked for lately.
    unstamped: Vec<(Height, [u8; 32])>,
}

fn renewed(authority: &CertificateAuthority, old: Option<&Crl>, at: TimestampMs) -> Result<Crl, String> {
    let template = CrlTemplate {
        number: at.seconds(),
        this_update: at.seconds(),
        next_update: at.seconds() + CRL_VALID_S,
        revoked: old.map(Crl::revoked).unwrap_or_default(),
    };
    let der = authority.issue_crl(&template).map_err(|e| e.to_string())?;
    Crl::from_der(&der).map_err(|e| e.to_string())
}

/// A positive serial number of 120 random bits.
pub(crate) fn random_serial(machine: &dyn Machine) -> Option<u128> {
    let mut bytes = [0; 16];
    machine.fill(&mut bytes[1..]).then_some(())?;
    Some(u128::from_be_bytes(bytes) | 1)
}
