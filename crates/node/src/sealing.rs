//! The sealing thread: seals this node's checkpoints, checks and keeps what others seal and stamp, asks for what is missing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use xiezhi_evidence::{CertifiedSeal, Checkpoint, Seal, TimeStamp, genesis::INSTITUTIONS_MAX};
use xiezhi_pki::{CertificateAuthority, Crl, CrlTemplate, timestamp::GenTime};
use xiezhi_types::{Height, InstitutionId, TimestampMs};

use crate::{
    admission::spread,
    collection::Open,
    config::{NodeKeys, Renewal, Stamper},
    core::{Core, lock},
    eras::active,
    expiry::{ExpiryKind, authority_name, first_expiry},
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
    /// Send a peer that follows sealed blocks above this height.
    Follow([u8; 32], Height),
    /// Tell the others at once where this node stands.
    SayHello,
    /// Certificates and lists of this institution that were renewed.
    Renewed(Box<Renewal>),
}

/// The thread's own things.
pub(crate) struct Sealer {
    pub(crate) core: Arc<Core>,
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
                missing(&self.core, height, seals.iter().map(|s| &s.seal.institution), stamps.len()).is_met();
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
                self.settle(height);
                for collected in self.early.remove(&height).unwrap_or_default() {
                    self.collect(collected);
                }
                self.early = self.early.split_off(&height);
            }
            Task::Collect(all) => all.into_iter().for_each(|collected| self.collect(collected)),
            Task::Answer(from, hello) => self.answer(from, &hello),
            Task::Stamped(height, token) => self.stamped(height, token, true),
            Task::Revocations(lists) => {
                let chain = self.chain();
                self.judge.take_revocations(&self.core, &chain, lists);
            }
            Task::Follow(from, after) => match self.core.sealed_blocks(after, true) {
                Ok(blocks) => self.core.send(from, &Message::Sealed(blocks)),
                Err(error) => tracing::warn!(%error, "no sealed blocks for a peer"),
            },
            Task::SayHello => self.say_hello(Vec::new()),
            Task::Renewed(renewal) => self.renew(*renewal),
        }
    }

    fn renew(&mut self, renewal: Renewal) {
        let Renewal { keys, revocations, timestamps } = renewal;
        self.core.use_keys(keys);
        let chain = self.chain();
        self.core.sealing.use_own(&self.core.institution, &chain, timestamps);
        self.judge.forget();
        self.judge.take_revocations(&self.core, &chain, revocations);
        self.own_counts();
    }

    /// The chain of the seal key in use now; of a key that waits for its term where there is none.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        let keys = self.core.sealing_keys(self.core.next_height());
        keys.or_else(|| self.core.keys().first().cloned())
            .map(|keys| keys.seal_chain.clone())
            .unwrap_or_default()
    }

    /// Whether this institution's seal would count now, here and elsewhere. A change is said once, and kept for the status.
    fn own_counts(&mut self) -> bool {
        let core = &self.core;
        let term = core.store.term_at(core.next_height());
        let now = core.machine.now().seconds();
        let judged = match active(&term, &core.institution) {
            None => Err("this institution has no seat in this term".to_owned()),
            Some(member) => {
                let pinned = &member.institution.seal_key;
                self.judge.chain(core, &core.institution, &self.chain(), now, pinned)
            }
        };
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

    /// Whether a seal of the checkpoint at `height` by `keys` would count now; of the term that is current that is said and kept.
    fn counts(&mut self, height: Height, keys: &NodeKeys) -> bool {
        let term = self.core.store.term_at(height);
        if term.number == self.core.store.term_at(self.core.next_height()).number {
            return self.own_counts();
        }
        let Some(member) = active(&term, &self.core.institution) else { return false };
        let (now, pinned) = (self.core.machine.now().seconds(), &member.institution.seal_key);
        self.judge.chain(&self.core, &self.core.institution, &keys.seal_chain, now, pinned).is_ok()
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
        let keys = self.core.sealing_keys(height).filter(|keys| !keys.seal_chain.is_empty());
        if let Some(keys) = keys
            && self.counts(height, &keys)
        {
            let (institution, now) = (self.core.institution.clone(), self.core.machine.now().seconds());
            match Seal::sign(&checkpoint, &self.core.origin, &institution, now, &*keys.seal_key) {
                Ok(seal) => {
                    let certified = CertifiedSeal { seal, chain: keys.seal_chain.clone() };
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
            if waiting.len() < INSTITUTIONS_MAX {
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
                && missing(&self.core, height, one.seals.keys(), one.stamps.len()).is_met()
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
        self.own_counts();
        for height in &unsealed.own {
            self.seal(*height);
        }
        self.stamp_late(&unsealed.unstamped);
        let behind = unsealed.wanted.len() >= WANTED_MAX;
        if behind || uptime.saturating_sub(self.said_hello) >= Duration::from_secs(1) {
            self.said_hello = uptime;
            self.say_hello(unsealed.wanted);
            let stale = lock(&self.core.mempool).stale(uptime, RESEND_BYTES);
            spread(&self.core, &stale);
        }
    }

    fn say_hello(&self, wanted: Vec<Height>) {
        let era = self.core.era();
        let (era, start) = (era.map(|era| era.id()), era.map_or([0; 32], |era| era.parent));
        self.core.broadcast(&Message::Hello(Hello {
            height: self.core.store.tip().height,
            wanted,
            era,
            start,
        }));
    }

    fn unsealed(&self, uptime: Duration) -> Unsealed {
        let mut found = Unsealed::default();
        for (height, open) in lock(&self.core.sealing.open).iter() {
            let old = uptime.saturating_sub(open.since) > ASK_AFTER;
            let term = self.core.store.term_at(*height);
            let has_seat = active(&term, &self.core.institution).is_some();
            if old
                && has_seat
                && !open.seals.contains_key(&self.core.institution)
                && found.own.len() < WANTED_MAX
            {
                found.own.push(*height);
            }
            if *open.met.borrow() || !old || found.wanted.len() >= WANTED_MAX {
                continue;
            }
            found.wanted.push(*height);
            let waited = open.asked.is_none_or(|asked| uptime.saturating_sub(asked) > STAMP_AGAIN);
            if waited && open.stamps.len() < term.policy.timestamps as usize {
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
        let lists = &self.core.sealing.lists;
        let issuer = authority.certificate().subject();
        let in_force = lists.in_force();
        let old = in_force.iter().find(|list| list.issuer() == issuer);
        if old.is_none_or(|list| list.this_update() + CRL_RENEWED_AFTER_S < clock.seconds()) {
            match renewed(authority, old, clock) {
                Ok(list) => {
                    lists.add(list);
                }
                Err(reason) => tracing::error!(reason, "the revocation list could not be renewed"),
            }
        }
        let lists = lists.in_force().iter().map(|list| list.der().to_vec()).collect();
        self.core.broadcast(&Message::Revocations(lists));
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
