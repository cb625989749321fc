//! Eras of consensus: one run of the engine for each term of the alliance, and the way from one to the next.
//!
//! A decided term begins at a height that its members know long before; the era before ends at the height below, its *last*. What it makes
//! final above counts for nothing. A node goes over
//! - when it has executed the last height, and so has a quorum of the old term, itself included, by what each says of itself: then a third and
//!   one honest members have all blocks and have sealed them, and whoever is missing can follow;
//! - or, not having executed it, when more than a third of the old term's members are in the new era and name the start that this node would
//!   name too: one of them is honest, so there were no further records.
//!
//! A node that more than a third of the members have left behind, and one that has no vote, follows by sealed blocks of its peers. Between
//! members a block counts as final when more than a third of its term's members have sealed it: the policy may ask for this node's own seal.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc::SyncSender},
    time::Duration,
};

use tokio::sync::mpsc;
use xiezhi_consensus::{Config, Era, Exit, Handle, Peer, Timings};
use xiezhi_crypto::sha256_parts;
use xiezhi_evidence::{
    Term,
    alliance::{Member, MemberStatus},
};
use xiezhi_ledger::BlockBody;
use xiezhi_store::{Store, StoreError};
use xiezhi_types::{Height, InstitutionId, TimestampMs};

use crate::{
    StartError,
    admission::Arrival,
    chain::{CLOCKS_APART, Ledger},
    config::NodeKeys,
    core::{Core, Told},
    follow::{Follower, Source, Upstream, consensus_dir},
    sealing::Task,
};

/// Room in a message for a whole block and its envelope, in bytes.
const MESSAGE_SLACK: usize = 1 << 20;
/// How often is looked whether to go over.
const LOOK: Duration = Duration::from_millis(50);
/// A node that was left behind gets this long to catch up by itself.
const GRACE: Duration = Duration::from_secs(2);
const START_DOMAIN: &[u8] = b"xiezhi era v1\n";

/// Runs the node's part in consensus, era by era.
pub(crate) struct Eras {
    pub(crate) core: Arc<Core>,
    pub(crate) listen: SocketAddr,
    /// Where members' nodes listen, before what the ledger says.
    pub(crate) peers: Vec<(InstitutionId, SocketAddr)>,
    pub(crate) data_dir: PathBuf,
    pub(crate) worker_threads: usize,
    pub(crate) upstreams: Vec<Arc<dyn Upstream>>,
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    pub(crate) sealing: SyncSender<Task>,
}

/// This node's part in the era of a term.
pub(crate) struct Part {
    term: Arc<Term>,
    /// Without a vote to use it follows.
    follower: Option<Follower>,
    /// It would vote if its key were at hand.
    lacks_key: bool,
    /// The uptime since which more than a third of the members are in a later era.
    left_behind: Option<Duration>,
}

impl Part {
    /// Whether this node votes.
    pub(crate) fn votes(&self) -> bool {
        self.follower.is_none()
    }
}

/// A part, and what its engine is started with and drives.
pub(crate) struct Prepared {
    pub(crate) part: Part,
    pub(crate) application: Ledger,
    pub(crate) engine: Config,
}

/// Another part to take once the engine has stopped: in the era of this term.
pub(crate) struct Over {
    term: Arc<Term>,
    /// To vote, if the key is at hand, or to follow.
    votes: bool,
}

/// What comes next.
pub(crate) enum Turn {
    /// To look again, after a rest.
    Rest,
    /// To look again at once.
    Again,
    Over(Over),
}

/// What the engine of `term` starts from, and the time there.
pub(crate) fn era(core: &Core, term: &Term) -> Result<(Era, TimestampMs), StoreError> {
    let restart = core.restart.filter(|restart| u64::from(restart.number) == term.number);
    if term.number == 0 && restart.is_none() {
        return Ok((Era::default(), core.genesis.created));
    }
    let (count, base) =
        restart.map_or((0, term.from.0.saturating_sub(1)), |restart| (restart.restart, restart.base));
    start(&core.store, core.genesis.created, term.number, count, Height(base))
}

/// The era of the term `number`, restarted `restart` times, which grows from height `base`.
pub(crate) fn start(
    store: &Store,
    created: TimestampMs,
    number: u64,
    restart: u32,
    base: Height,
) -> Result<(Era, TimestampMs), StoreError> {
    let last = store.checkpoint_at_most(base)?;
    let (digest, time) =
        last.map_or(([0; 32], created), |last| (last.checkpoint.digest(), last.checkpoint.time));
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let mut era = Era { number, restart, parent: [0; 32], base: base.0 };
    let (id, height) = (era.id().to_be_bytes(), base.0.to_be_bytes());
    era.parent = sha256_parts(&[START_DOMAIN, &store.ledger().0, &id, &height, &digest]);
    Ok((era, time))
}

/// The term in which a node begins: that of its tip, or the one that was restarted right above.
pub(crate) fn first_term(core: &Core) -> Arc<Term> {
    let tip = core.store.tip().height;
    let restarted = core.restart.is_some_and(|restart| restart.base == tip.0);
    core.store.term_at(if restarted { tip.next() } else { tip })
}

/// How many members of `term` may be faulty.
pub(crate) fn faults(term: &Term) -> usize {
    term.institutions().len().saturating_sub(1) / 3
}

/// The active member of `term` called `id`.
pub(crate) fn active<'a>(term: &'a Term, id: &InstitutionId) -> Option<&'a Member> {
    term.member(id).filter(|member| member.status == MemberStatus::Active)
}

impl Eras {
    fn keys(&self, term: &Term) -> Option<Arc<NodeKeys>> {
        let member = active(term, &self.core.institution)?;
        self.core.keys().into_iter().find(|keys| keys.consensus_key() == member.institution.consensus_key)
    }

    /// Whether this node may vote in `term`. One that begins with a snapshot does not know the statements before it, and could record one again: it may
    /// vote once the ledger refuses every one of them for its time (the state knows those that name none), in an era whose start it has.
    fn may_vote(&self, term: &Term) -> Result<bool, StoreError> {
        let core = &self.core;
        let Some(base) = core.store.base() else { return Ok(true) };
        let Some(first) = core.store.checkpoint(base.height)? else { return Ok(false) };
        let limits = &core.genesis.limits;
        // Signed as late as the snapshot's time allows, recorded as late as its own does; rounding to seconds on either side.
        let until = first.checkpoint.time.0 + 2000 * (u64::from(limits.statement_window_s) + 1);
        let tip = core.store.tip();
        let is_past = tip.time.0 > until || {
            // Where nothing is recorded for long, the clock says so, if nobody has blocks that this node lacks.
            let clock = until + CLOCKS_APART.as_secs() * 1000 + u64::from(limits.block_skew_ms);
            let ahead = self.count(term, |told| told.height > tip.height);
            core.machine.now().0 > clock && ahead <= faults(term)
        };
        Ok(is_past && era(core, term)?.0.base >= base.height.0)
    }

    /// What the engine drives in `term`.
    pub(crate) fn ledger(&self, term: &Term) -> Result<Ledger, StoreError> {
        let (core, arrivals) = (Arc::clone(&self.core), self.arrivals.clone());
        let era = era(&core, term)?.0;
        Ok(Ledger { core, arrivals, sealing: self.sealing.clone(), era, chain: Default::default() })
    }

    /// What the engine is started with for `term`; without `votes` only its links.
    pub(crate) fn engine(&self, term: &Term, votes: bool) -> Result<Config, StartError> {
        let own = &self.core.institution;
        let keys = match self.keys(term) {
            Some(keys) => keys,
            None if votes => {
                let reason = format!("no key at hand is the one of {own} in term {}", term.number);
                return Err(StartError::Config { field: "consensus key", reason });
            }
            None => self.core.keys()[0].clone(),
        };
        let mut peers = Vec::new();
        for member in &term.members {
            let id = &member.institution.id;
            let listed = self.peers.iter().find(|(listed, _)| listed == id).map(|(_, address)| *address);
            let stated = || member.address.as_ref()?.to_socket_addrs().ok()?.next();
            let address = if id == own { Some(self.listen) } else { stated().or(listed) };
            let missing = || StartError::Config { field: "peers", reason: format!("no address for {id}") };
            // Nobody can be called at port 0 of no host; that one can still call here.
            let unknown = || member.address.is_some().then_some(SocketAddr::from(([0, 0, 0, 0], 0)));
            let address = address.or_else(unknown).ok_or_else(missing)?;
            peers.push(Peer { public_key: member.institution.consensus_key, address });
        }
        let (era, time) = era(&self.core, term)?;
        let genesis_block = BlockBody { time, transactions: Vec::new() };
        let block_bytes_max = self.core.genesis.limits.block_bytes_max as usize;
        let voters = term.institutions();
        Ok(Config {
            namespace: self.core.ledger.0.to_vec(),
            signing_seed: keys.consensus_seed,
            listen: self.listen,
            validators: if votes { voters.iter().map(|one| one.consensus_key).collect() } else { Vec::new() },
            peers,
            storage_dir: consensus_dir(&self.data_dir),
            era,
            genesis_payload: genesis_block.encode().into(),
            block_bytes_max,
            message_bytes_max: block_bytes_max + MESSAGE_SLACK,
            timings: Timings::default(),
            worker_threads: self.worker_threads,
        })
    }

    /// What the node begins with: the era of its tip's term.
    pub(crate) fn first(&self) -> Result<Prepared, StartError> {
        self.prepare(first_term(&self.core), true)
    }

    /// The part in the era of `term`: its engine where this node has a vote and is to use it, otherwise its links only.
    fn prepare(&self, term: Arc<Term>, votes: bool) -> Result<Prepared, StartError> {
        let core = &self.core;
        let has_key = self.keys(&term).is_some();
        let lacks_key = votes && !has_key && active(&term, &core.institution).is_some();
        let votes = votes && has_key && self.may_vote(&term)?;
        if lacks_key {
            tracing::error!(term = term.number, "no key at hand is this institution's in this term");
        }
        let application = self.ledger(&term)?;
        let engine = self.engine(&term, votes)?;
        core.set_era(if votes { Some(application.era) } else { None });
        let follower = (!votes).then(|| self.follower(&term));
        core.follow(follower.as_ref().map(Follower::progress));
        tracing::info!(term = term.number, votes, "an era begins");
        Ok(Prepared { part: Part { term, follower, lacks_key, left_behind: None }, application, engine })
    }

    /// The part to take now that the engine of the last one has stopped.
    pub(crate) fn go_over(&self, over: Over) -> Result<Prepared, StartError> {
        if over.votes {
            // The heights up to the era's start held no further records.
            self.core.store.pass_to(Height(over.term.from.0.saturating_sub(1)))?;
        }
        self.prepare(over.term, over.votes)
    }

    /// Starts the engine.
    pub(crate) fn start(&self, prepared: Prepared) -> Result<(Part, Handle), StartError> {
        let Prepared { part, application, engine } = prepared;
        let handle = xiezhi_consensus::start(engine, Arc::new(application))?;
        self.core.attach(handle.clone());
        Ok((part, handle))
    }

    /// Runs until the node stops or cannot go on.
    pub(crate) fn run(self, (mut part, mut handle): (Part, Handle)) -> Exit {
        loop {
            if self.core.stopping.load(Ordering::Relaxed) {
                return handle.stop_and_wait();
            }
            if let Some(exit) = handle.has_ended() {
                return exit;
            }
            let failed = |error: StartError| Exit::Failed { reason: error.to_string() };
            match self.turn(&mut part) {
                Ok(Turn::Again) => {}
                Ok(Turn::Rest) => std::thread::sleep(LOOK),
                Ok(Turn::Over(over)) => {
                    handle.stop_and_wait();
                    match self.go_over(over).and_then(|prepared| self.start(prepared)) {
                        Ok(begun) => (part, handle) = begun,
                        Err(error) => return failed(error),
                    }
                }
                Err(error) => return failed(error.into()),
            }
        }
    }

    /// Does what this part has to do beside its engine, without waiting but for an upstream outside, and says what comes next.
    ///
    /// # Errors
    /// The store's: the node must stop.
    pub(crate) fn turn(&self, part: &mut Part) -> Result<Turn, StoreError> {
        let over = if part.votes() { self.leaves(part) } else { self.returns(part)? };
        if let Some(over) = over {
            return Ok(Turn::Over(over));
        }
        let follower = part.follower.as_mut();
        let was_due = follower.map_or(Ok(false), Follower::turn)?;
        Ok(if was_due { Turn::Again } else { Turn::Rest })
    }

    /// What follows the part of a node that votes, if it is over or was left behind.
    fn leaves(&self, part: &mut Part) -> Option<Over> {
        if let Some(term) = self.over(&part.term) {
            return Some(Over { term, votes: true });
        }
        let (own, now) = (self.core.era().map(|era| Era::order(era.id())), self.core.machine.uptime());
        let ahead = self.count(&part.term, |told| told.era.map(Era::order) > own);
        part.left_behind = (ahead > faults(&part.term)).then(|| part.left_behind.unwrap_or(now));
        let waited = now.saturating_sub(part.left_behind?);
        (waited > GRACE).then(|| Over { term: Arc::clone(&part.term), votes: false })
    }

    /// The era after that of `term`, if this node may go over.
    fn over(&self, term: &Term) -> Option<Arc<Term>> {
        let next = self.successor(term)?;
        let base = next.from.0 - 1;
        let may = if self.core.store.tip().height.0 >= base {
            let own = usize::from(active(term, &self.core.institution).is_some());
            own + self.count(term, |told| told.height.0 >= base) >= term.quorum()
        } else {
            self.names_start(term, &next)
        };
        may.then_some(next)
    }

    /// Whether more than a third of the members of `term` are in the era of `next` and name the start that this node would name.
    fn names_start(&self, term: &Term, next: &Term) -> bool {
        let Ok((era, _)) = era(&self.core, next) else { return false };
        self.count(term, |told| told.era == Some(era.id()) && told.start == era.parent) > faults(term)
    }

    fn successor(&self, term: &Term) -> Option<Arc<Term>> {
        let alliance = self.core.store.alliance();
        let known = alliance.next.iter().chain([&alliance.term]).find(|next| next.number == term.number + 1);
        known.map(|next| Arc::new(next.clone()))
    }

    /// How many other active members of `term` have said something of which `holds`.
    fn count(&self, term: &Term, holds: impl Fn(&Told) -> bool) -> usize {
        let others = term.institutions().into_iter().filter(|one| one.id != self.core.institution);
        others.filter(|one| self.core.told(&one.id).is_some_and(|told| holds(&told))).count()
    }

    fn follower(&self, term: &Term) -> Follower {
        let others = term.members.iter().filter(|member| member.institution.id != self.core.institution);
        let peers = others.map(|member| Source::Peer {
            key: member.institution.consensus_key,
            name: member.institution.id.to_string(),
        });
        let upstreams = self.upstreams.iter().cloned().map(Source::Upstream);
        let sources = upstreams.chain(peers).collect();
        Follower::new(Arc::clone(&self.core), sources, Some(self.sealing.clone()))
    }

    /// What follows the part of a node that follows: a vote to use, or other peers to ask.
    fn returns(&self, part: &Part) -> Result<Option<Over>, StoreError> {
        let term = &part.term;
        let begin = |term| Ok(Some(Over { term, votes: true }));
        // Without its key of the next term a node has gone over, and its tip is in the term before.
        let at_tip = self.core.store.term_at(self.core.store.tip().height);
        let now = if at_tip.number < term.number { Arc::clone(term) } else { at_tip };
        let votes_in = |term: &Term| Ok::<_, StoreError>(self.keys(term).is_some() && self.may_vote(term)?);
        // Under its old key nobody speaks to it: what it lacks is all it waits for.
        if part.lacks_key && self.keys(term).is_some() {
            return begin(Arc::clone(term));
        }
        if votes_in(&now)?
            && let Ok((era, _)) = era(&self.core, &now)
            && self.count(&now, |told| told.era == Some(era.id())) > faults(&now)
        {
            return begin(now);
        }
        if let Some(next) = self.successor(&now)
            && self.names_start(&now, &next)
            && votes_in(&next)?
        {
            return begin(next);
        }
        Ok((now.number != term.number).then_some(Over { term: now, votes: false }))
    }
}
