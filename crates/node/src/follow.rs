//! Following the ledger without a vote: sealed blocks in, the same log, state and indexes out.
//!
//! A follower trusts the genesis and nothing else. Of each block it checks the seals against the policy, the statements by executing them, and
//! that all this leads to exactly the checkpoint that is sealed; only then is the block stored. Whoever sends it blocks can therefore hold
//! some back, but not change any.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::Ordering,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use xiezhi_evidence::{Genesis, TimeStamp, genesis::GenesisError};
use xiezhi_ledger::{
    Admitted, BlockBody, SEALED_BLOCKS_VERSION, SealedBlock, SealedBlocks, Transaction, execute,
    verify_signatures,
};
use xiezhi_store::{Base, Sealed, Store, StoreError, Tip};
use xiezhi_types::{Height, LogIndex, TimestampMs};

use crate::{
    answer::{unavailable, unread},
    api::{Following, QueryError},
    collection::{Collection, Sealing},
    core::{Answered, Core, View, lock},
    eras::faults,
    lists::Lists,
    machine::System,
    message::Message,
    sealing::Task,
    witness::{Judge, LISTS_MAX, judge_stamp, missing},
};

/// Blocks are put into one answer until they take this many bytes.
const ANSWER_BYTES: usize = 4 << 20;
/// Most blocks in one answer.
const ANSWER_BLOCKS: usize = 512;
/// How often an upstream is asked for more when it had nothing more to give.
const POLL: Duration = Duration::from_millis(500);
/// How long to wait after an upstream failed before the next one is asked.
const RETRY: Duration = Duration::from_secs(1);
/// How long a member's node has to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often an observer looks whether something is due, or it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// Why an upstream gave nothing; asking again helps, or asking another.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct UpstreamError {
    /// What happened.
    pub reason: String,
}

/// A node from which an observer has its blocks. Called from a thread of its own; may block.
pub trait Upstream: Send + Sync + 'static {
    /// How it is called in the status and the log.
    fn name(&self) -> String;

    /// Sealed blocks above height `after`, in their encoding; perhaps none.
    ///
    /// # Errors
    /// [`UpstreamError`].
    fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, UpstreamError>;
}

/// Where sealed blocks come from.
pub(crate) enum Source {
    /// Answers when it is asked, however long that takes.
    Upstream(Arc<dyn Upstream>),
    /// A member's node, over the nodes' own links.
    Peer {
        /// Its consensus key.
        key: [u8; 32],
        /// How it is called in the status and the log.
        name: String,
    },
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Upstream(upstream) => upstream.name(),
            Self::Peer { name, .. } => name.clone(),
        }
    }
}

/// How following goes; shared with those who ask.
pub(crate) struct Progress {
    upstreams: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    upstream: usize,
    sealed_size: u64,
    answered: Option<TimestampMs>,
    problem: Option<String>,
}

impl Progress {
    pub(crate) fn view(&self, base: Option<Base>) -> Following {
        let state = lock(&self.state);
        Following {
            upstream: self.upstreams.get(state.upstream).cloned().unwrap_or_default(),
            sealed_size: state.sealed_size,
            kept_from: base.map_or(0, |base| base.size.0),
            answered: state.answered,
            problem: state.problem.clone(),
        }
    }
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The upstream is away, or what it sent does not hold: another one may do.
    #[error("{0}")]
    Upstream(String),
    /// This node's store failed: it must stop.
    #[error(transparent)]
    Store(StoreError),
}

impl From<UpstreamError> for FollowError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error.reason)
    }
}

impl From<StoreError> for FollowError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OtherCheckpoint { .. } | StoreError::OutOfOrder { .. } => {
                Self::Upstream(error.to_string())
            }
            other => Self::Store(other),
        }
    }
}

/// Who follows.
pub(crate) struct Follower {
    core: Arc<Core>,
    progress: Arc<Progress>,
    sources: Vec<Source>,
    at: usize,
    /// Answers of members' nodes, and the uptime at which the one whose turn it is was asked, if it was.
    answers: Receiver<Answered>,
    asked: Option<Duration>,
    /// Nobody is asked before this uptime.
    rests_until: Duration,
    /// For the sealing thread, at a member's node: it seals what it follows, and takes a block that more than a third of the members sealed.
    sealing: Option<SyncSender<Task>>,
    judge: Judge,
}

impl Follower {
    pub(crate) fn new(core: Arc<Core>, sources: Vec<Source>, sealing: Option<SyncSender<Task>>) -> Self {
        let (answering, answers) = sync_channel(1);
        *lock(&core.answering) = Some(answering);
        let upstreams = sources.iter().map(Source::name).collect();
        Self {
            core,
            progress: Arc::new(Progress { upstreams, state: Mutex::default() }),
            sources,
            at: 0,
            answers,
            asked: None,
            rests_until: Duration::ZERO,
            sealing,
            judge: Judge::default(),
        }
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Runs until the node stops; gives the reason if it cannot go on.
    pub(crate) fn run(mut self) -> Option<String> {
        while !self.core.stopping.load(Ordering::Relaxed) {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(LOOK),
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }

    /// Does what is due by now: asks the source whose turn it is, or takes its answer. Gives whether anything was.
    ///
    /// # Errors
    /// The store's: the node must stop.
    pub(crate) fn turn(&mut self) -> Result<bool, StoreError> {
        let now = self.core.machine.uptime();
        if now < self.rests_until || self.sources.is_empty() {
            return Ok(false);
        }
        let taken = match self.ask(now) {
            Ok(None) => return Ok(false),
            Ok(Some(bytes)) => self.take_answer(&bytes),
            Err(error) => Err(error),
        };
        match taken {
            Ok((added, sealed_size)) => {
                let mut state = lock(&self.progress.state);
                state.sealed_size = state.sealed_size.max(sealed_size).max(self.core.store.tip().size.0);
                state.answered = Some(self.core.machine.now());
                state.problem = None;
                if added == 0 {
                    self.rests_until = now + POLL;
                    // Whoever has nothing may be behind as well, or hold it back; a member must catch up.
                    if self.sealing.is_some() {
                        self.at = (self.at + 1) % self.sources.len();
                        state.upstream = self.at;
                    }
                }
            }
            Err(FollowError::Upstream(problem)) => {
                let name = self.sources[self.at].name();
                tracing::warn!(upstream = name, problem, "nothing to follow here");
                self.at = (self.at + 1) % self.sources.len();
                let mut state = lock(&self.progress.state);
                state.problem = Some(format!("{name}: {problem}"));
                state.upstream = self.at;
                self.rests_until = now + RETRY;
            }
            Err(FollowError::Store(error)) => return Err(error),
        }
        Ok(true)
    }

    /// What the source whose turn it is has answered, if it has by `now`.
    fn ask(&mut self, now: Duration) -> Result<Option<Vec<u8>>, FollowError> {
        let after = self.core.store.tip().height;
        let peer = match &self.sources[self.at] {
            Source::Upstream(upstream) => return Ok(Some(upstream.sealed_blocks(after)?)),
            Source::Peer { key, .. } => *key,
        };
        let Some(asked) = self.asked else {
            while self.answers.try_recv().is_ok() {}
            self.core.send(peer, &Message::Follow(after));
            self.asked = Some(now);
            return Ok(None);
        };
        let answer = self.answers.try_iter().find(|(from, _)| *from == peer);
        if answer.is_none() && now.saturating_sub(asked) < ANSWER {
            return Ok(None);
        }
        self.asked = None;
        let (_, bytes) = answer.ok_or_else(|| FollowError::Upstream("no answer".to_owned()))?;
        Ok(Some(bytes))
    }

    /// Takes what holds of an answer; gives how many blocks that were, and how many records are sealed where it was made.
    fn take_answer(&mut self, bytes: &[u8]) -> Result<(usize, u64), FollowError> {
        let answer = SealedBlocks::parse(bytes).map_err(|e| FollowError::Upstream(e.to_string()))?;
        let SealedBlocks { revocations, sealed_size, blocks, .. } = answer;
        self.take_revocations(&blocks, revocations)?;
        let added = blocks.len();
        for block in blocks {
            if self.core.stopping.load(Ordering::Relaxed) {
                break;
            }
            self.take(&block)?;
        }
        Ok((added, sealed_size))
    }

    /// A list is genuine when an institution's certificate stands below its issuer: one of the blocks', or of the last one stored.
    fn take_revocations(&mut self, blocks: &[SealedBlock], lists: Vec<Vec<u8>>) -> Result<(), FollowError> {
        let stored = self.core.store.seals(self.core.store.tip().height)?;
        let sealed = blocks.iter().flat_map(|block| &block.seals).chain(&stored);
        let chain = sealed.map(|certified| &certified.chain).find(|chain| !chain.is_empty()).cloned();
        if let Some(chain) = chain {
            self.judge.take_revocations(&self.core, &chain, lists);
        }
        Ok(())
    }

    /// Checks that the block's checkpoint is sealed to policy, with the revocation `lists` that come with it; gives the time stamps that count. What
    /// the block holds is not looked at.
    pub(crate) fn check_witnesses(
        &mut self,
        block: &SealedBlock,
        lists: Vec<Vec<u8>>,
    ) -> Result<Vec<([u8; 32], TimeStamp)>, FollowError> {
        self.take_revocations(std::slice::from_ref(block), lists)?;
        self.check_seals(block).map_err(FollowError::Upstream)
    }

    fn take(&mut self, block: &SealedBlock) -> Result<(), FollowError> {
        let core = Arc::clone(&self.core);
        let wrong = |reason: String| {
            FollowError::Upstream(format!("the block of height {}: {reason}", block.checkpoint.height))
        };
        let stamps = self.check_seals(block).map_err(wrong)?;
        let checkpoint = &block.checkpoint;
        let body = BlockBody::parse(&block.body).map_err(|e| wrong(e.to_string()))?;
        let check = |transaction| Admitted::check(transaction, &core.genesis, &core.ledger).map(Arc::new);
        let admitted = body.transactions.into_iter().map(check).collect::<Result<Vec<_>, _>>();
        let admitted = admitted.map_err(|e| wrong(e.to_string()))?;
        let mut entropy = [0; 32];
        // Without entropy a joint check could be fooled; execution checks one by one then.
        if getrandom::fill(&mut entropy).is_ok() {
            verify_signatures(&admitted, |id| core.account(id).ok().flatten(), entropy);
        }
        let (height, size) = (checkpoint.height, core.store.tip().size);
        let outcome = execute(&core.genesis, height, body.time, size, &admitted, &View(&core))?;
        if let Some((id, rejection)) = outcome.rejected.first() {
            return Err(wrong(format!("statement {id} cannot have been recorded: {rejection}")));
        }
        let sealed = Sealed { checkpoint, seals: &block.seals, stamps: &stamps };
        core.store.apply_sealed(&outcome, &sealed)?;
        core.forget_accounts(outcome.accounts.keys());
        core.settle(&outcome);
        match &self.sealing {
            Some(sealing) => {
                core.sealing.open(&core, checkpoint.clone(), &block.seals, stamps);
                let _ = sealing.try_send(Task::Seal(height));
            }
            None => {
                let sealed = block.seals.iter().map(|s| s.seal.institution.clone());
                core.sealing.followed(checkpoint.clone(), sealed);
            }
        }
        core.changed();
        Ok(())
    }

    /// Checks that the block's checkpoint is sealed to policy, by seals of which every one holds; gives the time stamps that count.
    fn check_seals(&mut self, block: &SealedBlock) -> Result<Vec<([u8; 32], TimeStamp)>, String> {
        let core = Arc::clone(&self.core);
        let checkpoint = &block.checkpoint;
        if checkpoint.ledger != core.ledger {
            return Err(format!("of ledger {}, this is {}", checkpoint.ledger, core.ledger));
        }
        let mut sealed = BTreeSet::new();
        for certified in &block.seals {
            let institution = &certified.seal.institution;
            self.judge
                .seal(&core, checkpoint, certified)
                .map_err(|reason| format!("the seal of {institution}: {reason}"))?;
            if !sealed.insert(institution.clone()) {
                return Err(format!("two seals of {institution}"));
            }
        }
        let digest = checkpoint.digest();
        let mut stamps = BTreeMap::new();
        for stamp in &block.timestamps {
            if let Some(info) = judge_stamp(&core, &digest, &stamp.token) {
                stamps.insert(info.authority.fingerprint(), stamp.clone());
            }
        }
        let missing = missing(&core, checkpoint.height, sealed.iter(), stamps.len());
        let faults = faults(&core.store.term_at(checkpoint.height));
        if missing.is_met() || (self.sealing.is_some() && sealed.len() > faults) {
            return Ok(stamps.into_iter().collect());
        }
        let (seals, stamps) = (missing.seals, missing.timestamps);
        Err(format!(
            "not sealed to policy: {} of {} members met, {} of {} time stamps",
            seals.0, seals.1, stamps.0, stamps.1
        ))
    }
}

/// Why a copy of the ledger cannot be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The genesis cannot be used.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The store cannot be made.
    #[error(transparent)]
    Store(StoreError),
    /// The source failed, or what it gave does not hold.
    #[error("after block {height}, {size} records: {reason}")]
    Source {
        /// The last block that held.
        height: Height,
        /// Records up to it.
        size: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Makes a node's data directory `dir`, which must not exist, from sealed blocks: the store, every block checked as an observer checks it, and
/// a consensus directory that knows that it has forgotten votes.
///
/// `more` gives sealed blocks above a height, in their encoding; nothing, or no blocks, is the end. `told` hears of the records so far, and of how many there are
/// where the blocks come from. Gives the last block's height and the records. After an error the directory is not to be used.
///
/// # Errors
/// [`RestoreError`].
pub fn restore(
    genesis: Vec<u8>,
    dir: &Path,
    cache_bytes: u64,
    mut more: impl FnMut(Height) -> Result<Option<Vec<u8>>, UpstreamError>,
    mut told: impl FnMut(u64, u64),
) -> Result<(Height, u64), RestoreError> {
    let parsed = Genesis::parse(&genesis)?;
    let ledger = Genesis::ledger_id(&genesis);
    let store = Store::open(&dir.join("store"), &parsed, ledger, cache_bytes).map_err(RestoreError::Store)?;
    // Nobody is asked and nobody answers under this name.
    let name = parsed.institutions[0].id.clone();
    let machine = Arc::new(System::new());
    let sealing = Sealing::new(Lists::open(dir, &[]));
    let core = Arc::new(Core::new(machine, parsed, genesis, ledger, name, store, sealing));
    let mut follower = Follower::new(Arc::clone(&core), Vec::new(), None);
    loop {
        let taken = match more(core.store.tip().height) {
            Ok(Some(bytes)) => follower.take_answer(&bytes),
            Ok(None) => break,
            Err(error) => Err(error.into()),
        };
        match taken {
            Ok((0, _)) => break,
            Ok((_, sealed_size)) => told(core.store.tip().size.0, sealed_size),
            Err(FollowError::Store(error)) => return Err(RestoreError::Store(error)),
            Err(FollowError::Upstream(reason)) => {
                let Tip { height, size, .. } = core.store.tip();
                return Err(RestoreError::Source { height, size: size.0, reason });
            }
        }
    }
    let Tip { height, size, .. } = core.store.tip();
    let marked = xiezhi_consensus::forget_votes(&consensus_dir(dir));
    marked.map_err(|error| RestoreError::Source { height, size: size.0, reason: error.to_string() })?;
    Ok((height, size.0))
}

/// Where the engine keeps its files below a node's data directory.
pub(crate) fn consensus_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("consensus")
}

impl Core {
    /// Blocks above height `after` that added records, as long as they are sealed to policy, or for a `member` by more than a third of the
    /// members: what [`Follower`] takes.
    pub(crate) fn sealed_blocks(&self, after: Height, member: bool) -> Result<Vec<u8>, QueryError> {
        self.kept_from(after)?;
        let (mut blocks, mut bytes, mut lists) = (Vec::new(), 0, BTreeSet::new());
        let mut from = match self.store.checkpoint_at_most(after).map_err(unavailable)? {
            Some(before) => before.checkpoint.size.0,
            None => 0,
        };
        for stored in self.store.checkpoints_after(after, ANSWER_BLOCKS).map_err(unavailable)? {
            let (height, end) = (stored.checkpoint.height, stored.checkpoint.size.0);
            let collection = self.sealing.collection(self, height).map_err(unavailable)?;
            let enough = |collection: &Collection| {
                collection.missing.is_met()
                    || (member && collection.seals.len() > faults(&self.store.term_at(height)))
            };
            let Some(collection) = collection.filter(enough) else { break };
            // The blocks that more lists would be needed for come with the next answer.
            let choice = self.choose(&collection);
            let more = choice.lists.iter().filter(|list| !lists.contains(*list)).count();
            if lists.len() + more > LISTS_MAX && !blocks.is_empty() {
                break;
            }
            lists.extend(choice.lists.iter().cloned());
            let transactions =
                (from..end).map(|at| self.transaction(LogIndex(at))).collect::<Result<_, _>>()?;
            let body = BlockBody { time: stored.checkpoint.time, transactions }.encode();
            bytes += body.len();
            blocks.push(SealedBlock {
                checkpoint: stored.checkpoint,
                body,
                seals: collection.seals,
                timestamps: collection.stamps,
            });
            from = end;
            if bytes >= ANSWER_BYTES {
                break;
            }
        }
        let answer = SealedBlocks {
            version: SEALED_BLOCKS_VERSION,
            revocations: lists.into_iter().collect(),
            sealed_size: self.sealing.latest().map_or(0, |checkpoint| checkpoint.size.0),
            blocks,
        };
        Ok(answer.encode())
    }

    fn transaction(&self, index: LogIndex) -> Result<Transaction, QueryError> {
        let record = self.stored_record(index)?;
        let items = match record.items {
            0 => Vec::new(),
            count => self.store.items(index, count).map_err(unread)?,
        };
        Ok(Transaction::new(&record.statement, &items))
    }
}
