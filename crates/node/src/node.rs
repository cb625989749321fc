//! The node's face: start, submit, ask, stop.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};
use xiezhi_consensus::Exit;
use xiezhi_evidence::{Alliance, Body, Genesis, Term, genesis::GenesisError};
use xiezhi_ledger::{Admitted, Rejection, Transaction};
use xiezhi_pki::timestamp::GenTime;
use xiezhi_store::{Store, StoreError};
use xiezhi_types::{AccountId, Height, InstitutionId, LedgerId, LogIndex, StatementId};

use crate::{
    admission::{self, Arrival},
    answer::unavailable,
    api::{
        AccountView, Hit, NodeStatus, Query, QueryError, Record, RecordStatus, SealedCheckpoint, SubmitError,
        Tree,
    },
    collection::Sealing,
    config::{NodeConfig, ObserverConfig, Renewal},
    core::{Core, lock},
    expiry::expiries,
    follow::{Follower, Progress},
    lists::Lists,
    machine::System,
    parts::{Parts, check_keys},
    sealing::{Task, random_serial},
};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The genesis cannot be used.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A configured value does not fit the genesis.
    #[error("{field}: {reason}")]
    Config {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Consensus does not start: port in use, journals of another ledger.
    #[error("consensus: {0}")]
    Consensus(#[from] xiezhi_consensus::StartError),
    /// A thread cannot be started.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// How long a statement waits for its issuer's account to arrive here.
const ACCOUNT_PATIENCE: Duration = Duration::from_secs(1);

struct Inner {
    core: Arc<Core>,
    arrivals: mpsc::Sender<Arrival>,
    /// For the sealing thread; an observer has none.
    sealing: Option<std::sync::mpsc::SyncSender<Task>>,
    /// How the node ended.
    ended: watch::Receiver<Option<Exit>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    data_dir: PathBuf,
}

/// A running node; cheap to clone.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

impl Node {
    /// Starts the node: opens its store, joins consensus, resumes sealing.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running then.
    pub fn start(config: NodeConfig) -> Result<Self, StartError> {
        let data_dir = config.data_dir.clone();
        let parts = Parts::open(config, Arc::new(System::new()))?;
        let Parts { core, arriving, sealer, tasks, eras } = parts;
        let (arrivals, sealing) = (eras.arrivals.clone(), Some(eras.sealing.clone()));
        let first = eras.first()?;
        let admitting = Arc::clone(&core);
        let (ending, ended) = watch::channel(None);
        let threads = vec![
            thread("admission", move || admission::run(&admitting, arriving))?,
            thread("sealing", move || sealer.run(&tasks))?,
            thread("eras", move || drop(ending.send_replace(Some(eras.run(first)))))?,
        ];
        let threads = Mutex::new(threads);
        Ok(Self { inner: Arc::new(Inner { core, arrivals, sealing, ended, threads, data_dir }) })
    }

    /// Starts a node that has no vote: it takes sealed blocks from the upstreams, checks each, and answers all that an institution's node answers
    /// about the ledger. It takes no deposits.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running then.
    pub fn observe(config: ObserverConfig) -> Result<Self, StartError> {
        let wrong = |field, reason: String| Err(StartError::Config { field, reason });
        let genesis = Genesis::parse(&config.genesis)?;
        if genesis.institution(&config.name).is_some() {
            return wrong("name", format!("{} is an institution of the alliance", config.name));
        }
        if config.upstreams.is_empty() {
            return wrong("upstreams", "at least one is needed".to_owned());
        }
        let ledger = Genesis::ledger_id(&config.genesis);
        let store = Store::open(&config.data_dir.join("store"), &genesis, ledger, config.cache_bytes)?;
        let sealing = Sealing::new(Lists::open(&config.data_dir, &[]));
        let machine = Arc::new(System::new());
        let core = Arc::new(Core::new(machine, genesis, config.genesis, ledger, config.name, store, sealing));
        core.sealing.resume_followed(&core)?;
        let progress = Arc::new(Progress::new(&config.upstreams));
        core.follow(Some(Arc::clone(&progress)));
        let follower = Follower::new(Arc::clone(&core), progress, config.upstreams, None);
        let (ending, ended) = watch::channel(None);
        let following = thread("following", move || {
            let exit = follower.run().map_or(Exit::Stopped, |reason| Exit::Failed { reason });
            ending.send_replace(Some(exit));
        })?;
        let (arrivals, _) = mpsc::channel(1);
        let (threads, data_dir) = (Mutex::new(vec![following]), config.data_dir);
        Ok(Self { inner: Arc::new(Inner { core, arrivals, sealing: None, ended, threads, data_dir }) })
    }

    /// Stops: consensus first, then the node's threads. What is recorded is durable already.
    pub async fn stop(&self) -> Exit {
        let core = &self.inner.core;
        core.stopping.store(true, Ordering::Relaxed);
        if let Some(handle) = core.handle() {
            handle.stop().await;
        }
        let exit = self.has_ended().await;
        let threads = std::mem::take(&mut *lock(&self.inner.threads));
        for thread in threads.into_iter().filter(|t| t.is_finished() || t.thread().name() == Some("sealing"))
        {
            let _ = thread.join();
        }
        exit
    }

    /// Takes renewed certificates and lists into use, without a stop.
    ///
    /// # Errors
    /// [`StartError::Config`] when the seal certificate is not for this institution's key; what was in use stays so then. An observer renews
    /// nothing.
    pub fn renew(&self, renewal: Renewal) -> Result<(), StartError> {
        let core = &self.inner.core;
        check_keys(&core.institution, &renewal.keys)?;
        let wrong = |reason: &str| StartError::Config { field: "renewal", reason: reason.to_owned() };
        let sealing = self.inner.sealing.as_ref().ok_or_else(|| wrong("an observer seals nothing"))?;
        sealing.try_send(Task::Renewed(Box::new(renewal))).map_err(|_| wrong("the node is too busy now"))
    }

    /// Waits until consensus has ended, by [`Node::stop`] or because the node cannot go on.
    pub async fn ended(&self) -> Exit {
        let exit = self.has_ended().await;
        match (exit, cannot_write(&self.inner.data_dir)) {
            (Exit::Failed { reason }, Some(why)) => Exit::Failed { reason: format!("{why} ({reason})") },
            (exit, _) => exit,
        }
    }

    async fn has_ended(&self) -> Exit {
        let mut ended = self.inner.ended.clone();
        let exit = ended.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        exit.unwrap_or(Exit::Stopped)
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> LedgerId {
        self.inner.core.ledger
    }

    /// Whose node this is.
    #[must_use]
    pub fn institution(&self) -> &InstitutionId {
        &self.inner.core.institution
    }

    /// Genesis, parsed.
    #[must_use]
    pub fn genesis(&self) -> &Arc<Genesis> {
        &self.inner.core.genesis
    }

    /// Genesis, its bytes.
    #[must_use]
    pub fn genesis_bytes(&self) -> &[u8] {
        &self.inner.core.genesis_bytes
    }

    /// Submits a statement; resolves once it is recorded durably on this node, at most after `wait`.
    ///
    /// # Errors
    /// [`SubmitError`]; after [`SubmitError::NotOrdered`] the statement may still be recorded, and sending it again is safe.
    pub async fn submit(
        &self,
        transaction: Transaction,
        wait: Duration,
    ) -> Result<RecordStatus, SubmitError> {
        let core = &self.inner.core;
        if core.stopping.load(Ordering::Relaxed) {
            return Err(SubmitError::Unavailable { reason: "the node is stopping".to_owned() });
        }
        if let Some(following) = core.following() {
            return Err(SubmitError::Observer { upstream: following.upstream });
        }
        if lock(&core.mempool).is_full() {
            return Err(self.busy());
        }
        let admitted = self.check(transaction).await?;
        let id = admitted.id();
        if let Some(index) = core.store.index_of(&id).map_err(not_available)? {
            return Err(self.already(index));
        }
        self.await_account(&admitted).await;
        let (sender, receiver) = oneshot::channel();
        if self.inner.arrivals.try_send(Arrival::Local(Box::new(admitted), sender)).is_err() {
            return Err(self.busy());
        }
        match tokio::time::timeout(wait, receiver).await {
            Ok(Ok(Ok(index))) => core.index_status(index).map_err(not_available),
            Ok(Ok(Err(Rejection::Duplicate { id }))) => match core.index_of(&id) {
                Ok(index) => Err(self.already(index)),
                Err(_) => Err(Rejection::Duplicate { id }.into()),
            },
            Ok(Ok(Err(rejection))) => Err(rejection.into()),
            Ok(Err(_)) => Err(SubmitError::Unavailable { reason: "the node is stopping".to_owned() }),
            Err(_) => Err(self.not_ordered(wait)),
        }
    }

    /// Another node may have acknowledged the issuer's account a block ago: waits a moment for it to come here.
    async fn await_account(&self, admitted: &Admitted) {
        if matches!(admitted.statement().body(), Body::Account(_)) {
            return;
        }
        let core = &self.inner.core;
        let issuer = admitted.statement().claims().issuer;
        let is_absent = || core.account(&issuer).is_ok_and(|account| account.is_none());
        if !is_absent() {
            return;
        }
        let mut changes = core.changes.subscribe();
        let appears = async { while is_absent() && changes.changed().await.is_ok() {} };
        // Whether it came is admission's to say.
        let _ = tokio::time::timeout(ACCOUNT_PATIENCE, appears).await;
    }

    /// Structure and bounds; a batch is checked off the caller's thread, a single statement takes microseconds.
    async fn check(&self, transaction: Transaction) -> Result<Admitted, SubmitError> {
        let core = Arc::clone(&self.inner.core);
        let is_batch = transaction.items().len() > 0;
        let check = move || Admitted::check(transaction, &core.genesis, &core.ledger);
        if !is_batch {
            return Ok(check()?);
        }
        let checked = tokio::task::spawn_blocking(check).await;
        Ok(checked.map_err(|e| SubmitError::Unavailable { reason: e.to_string() })??)
    }

    fn busy(&self) -> SubmitError {
        SubmitError::Busy { queued: lock(&self.inner.core.mempool).len() as u64, retry_after_s: 1 }
    }

    fn already(&self, index: LogIndex) -> SubmitError {
        match self.inner.core.index_status(index) {
            Ok(status) => SubmitError::AlreadyRecorded(Box::new(status)),
            Err(error) => not_available(error),
        }
    }

    fn not_ordered(&self, wait: Duration) -> SubmitError {
        let waited_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let reason = if self.inner.core.is_live() {
            "the alliance is slow".to_owned()
        } else {
            let away = self.inner.core.out_of_reach().join(", ");
            format!("too few institutions in reach to agree (out of reach: {away})")
        };
        SubmitError::NotOrdered { waited_ms, reason }
    }

    /// Where the statement `id` stands.
    ///
    /// # Errors
    /// [`QueryError`]; a statement that waits to be ordered is not found.
    pub fn record_status(&self, id: &StatementId) -> Result<RecordStatus, QueryError> {
        let index = self.inner.core.index_of(id)?;
        self.inner.core.index_status(index)
    }

    /// Where the record at `index` stands.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn index_status(&self, index: LogIndex) -> Result<RecordStatus, QueryError> {
        self.inner.core.index_status(index)
    }

    /// Changes whenever a block is executed or a seal or time stamp arrives; the value is a counter.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.core.changes.subscribe()
    }

    /// Waits until the record at `index` is sealed to policy, at most `wait`; gives the status then.
    ///
    /// # Errors
    /// [`QueryError`]; not being sealed in time is no error but a status.
    pub async fn wait_sealed(&self, index: LogIndex, wait: Duration) -> Result<RecordStatus, QueryError> {
        let status = self.inner.core.index_status(index)?;
        if status.is_sealed() {
            return Ok(status);
        }
        if let Some(mut met) = self.inner.core.sealing.watch(status.height) {
            let _ = tokio::time::timeout(wait, met.wait_for(|met| *met)).await;
        }
        self.inner.core.index_status(index)
    }

    /// The record at `index`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn record(&self, index: LogIndex) -> Result<Record, QueryError> {
        self.inner.core.record(index)
    }

    /// An item of a batch.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn item(&self, index: LogIndex, item: u32) -> Result<Vec<u8>, QueryError> {
        self.inner.core.item(index, item)
    }

    /// At most `limit` hits after `after`, in rising order.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn find(&self, query: &Query, after: Option<Hit>, limit: usize) -> Result<Vec<Hit>, QueryError> {
        self.inner.core.find(query, after, limit)
    }

    /// The certificate file, without manifest: that is the depositor's.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::NotSealed`] until the policy is met.
    pub fn certificate(&self, index: LogIndex, item: Option<u32>) -> Result<Vec<u8>, QueryError> {
        self.inner.core.certificate(index, item)
    }

    /// Certificates of at most `limit` items of a batch, beginning at item `from`.
    ///
    /// # Errors
    /// As [`Node::certificate`].
    pub fn item_certificates(
        &self,
        index: LogIndex,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, QueryError> {
        self.inner.core.item_certificates(index, from, limit)
    }

    /// COSE receipts (RFC 9942) of every seal over the record.
    ///
    /// # Errors
    /// As [`Node::certificate`].
    pub fn receipts(&self, index: LogIndex) -> Result<Vec<(InstitutionId, Vec<u8>)>, QueryError> {
        self.inner.core.receipts(index)
    }

    /// Inclusion path of `index` in the tree of `size` records, the current size where none is given; with that size.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn inclusion(
        &self,
        tree: Tree,
        index: LogIndex,
        size: Option<u64>,
    ) -> Result<(u64, Vec<[u8; 32]>), QueryError> {
        self.inner.core.inclusion(tree, index, size)
    }

    /// Consistency path between the trees of `old` and `new` records.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn consistency(&self, tree: Tree, old: u64, new: u64) -> Result<Vec<[u8; 32]>, QueryError> {
        self.inner.core.consistency(tree, old, new)
    }

    /// The newest checkpoint that is sealed to policy.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn latest_sealed(&self) -> Result<SealedCheckpoint, QueryError> {
        self.inner.core.latest_sealed()
    }

    /// The checkpoint of `height`, sealed or not; only blocks that added records have one.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn checkpoint(&self, height: Height) -> Result<SealedCheckpoint, QueryError> {
        self.inner.core.sealed_checkpoint(height)
    }

    /// At most `limit` checkpoints above height `after`, rising.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn checkpoints(
        &self,
        after: Option<Height>,
        limit: usize,
    ) -> Result<Vec<SealedCheckpoint>, QueryError> {
        self.inner.core.checkpoints(after.unwrap_or_default(), limit)
    }

    /// The newest sealed checkpoint as a C2SP signed note: this institution's log signature first, then cosignatures.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn checkpoint_note(&self) -> Result<String, QueryError> {
        self.inner.core.checkpoint_note()
    }

    /// Blocks above height `after` that added records and are sealed to policy, as many as fit into one answer: `xiezhi_ledger::SealedBlocks`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, QueryError> {
        self.inner.core.sealed_blocks(after, false)
    }

    /// The checkpoint at `height`, or the newest that is sealed to policy, with the history that leads to its term: `xiezhi_ledger::Snapshot`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn snapshot(&self, height: Option<Height>) -> Result<Vec<u8>, QueryError> {
        self.inner.core.snapshot(height)
    }

    /// Entries of the state after the block at `height`, from the key hash `from` on: `xiezhi_ledger::StateEntries`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn state_entries(&self, height: Height, from: [u8; 32]) -> Result<Vec<u8>, QueryError> {
        self.inner.core.state_entries(height, from)
    }

    /// A C2SP tile of exactly `width` hashes.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn tile(&self, tree: Tree, level: u8, index: u64, width: u16) -> Result<Vec<u8>, QueryError> {
        self.inner.core.tile(tree, level, index, width)
    }

    /// A C2SP entry bundle of exactly `width` entries.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn entries(&self, index: u64, width: u16) -> Result<Vec<u8>, QueryError> {
        self.inner.core.entries(index, width)
    }

    /// An account as it stands.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn account(&self, id: &AccountId) -> Result<AccountView, QueryError> {
        self.inner.core.account_view(id)
    }

    /// The proof of how an account stood after the last sealed block at or below `height`, or of its absence; the newest without one.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn account_proof(&self, id: AccountId, height: Option<Height>) -> Result<Vec<u8>, QueryError> {
        self.inner.core.account_proof(id, height)
    }

    /// The alliance as the next block finds it, and the height of the last one.
    #[must_use]
    pub fn alliance(&self) -> (Arc<Alliance>, Height) {
        let core = &self.inner.core;
        // With a block in between, what it changed shows one height early.
        let (height, alliance) = (core.store.tip().height, core.store.alliance());
        let begun = xiezhi_ledger::begin(&alliance, core.next_height());
        (begun.map_or(alliance, Arc::new), height)
    }

    /// Every term so far, from the genesis' to the current one.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn terms(&self) -> Result<Vec<Term>, QueryError> {
        let current = self.alliance().0.term.clone();
        let past = self.inner.core.store.term_changes(current.number).map_err(unavailable)?;
        Ok(past.into_iter().map(|change| change.alliance.term).chain([current]).collect())
    }

    /// The node's state.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        self.inner.core.status()
    }

    /// Answers an RFC 3161 request, when this institution runs the time-stamp authority.
    #[must_use]
    pub fn timestamp(&self, request: &[u8]) -> Option<Vec<u8>> {
        let authority = self.inner.core.sealing.authority()?;
        let machine = &*self.inner.core.machine;
        Some(authority.respond(request, random_serial(machine)?, GenTime::from_unix_ms(machine.now().0)?))
    }

    /// The node's counters in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let core = &self.inner.core;
        let (tip, counters) = (core.store.tip(), &core.counters);
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let rows: [(&str, &str, &str, u64); 15] = [
            ("height", "gauge", "Height of the last executed block.", tip.height.0),
            ("records", "gauge", "Records in the log.", tip.size.0),
            (
                "sealed_records",
                "gauge",
                "Records sealed to policy.",
                core.sealing.latest().map_or(0, |c| c.size.0),
            ),
            (
                "queued_statements",
                "gauge",
                "Statements that wait to be ordered.",
                lock(&core.mempool).len() as u64,
            ),
            (
                "unsealed_checkpoints",
                "gauge",
                "Checkpoints that wait for seals.",
                core.sealing.waiting() as u64,
            ),
            ("live", "gauge", "1 when enough institutions are in reach.", u64::from(core.is_live())),
            (
                "voting",
                "gauge",
                "1 when this node votes.",
                u64::from(core.handle().is_some_and(|handle| handle.is_voting())),
            ),
            (
                "seal_certificate_expires_seconds",
                "gauge",
                "Unix time at which the first certificate behind this node's seals expires; 0 for none.",
                core.seal_expires().map_or(0, |at| at.seconds()),
            ),
            ("store_bytes", "gauge", "Bytes of the store on disk.", core.store.disk_bytes()),
            ("blocks_total", "counter", "Blocks executed since start.", read(&counters.blocks)),
            ("recorded_total", "counter", "Statements recorded since start.", read(&counters.recorded)),
            ("recorded_items_total", "counter", "Batch items recorded since start.", read(&counters.items)),
            (
                "admitted_total",
                "counter",
                "Statements admitted to the queue since start.",
                read(&counters.admitted),
            ),
            (
                "refused_total",
                "counter",
                "Statements refused at the door since start.",
                read(&counters.refused),
            ),
            (
                "dropped_messages_total",
                "counter",
                "Messages between nodes dropped since start.",
                read(&counters.dropped),
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            text.push_str(&format!(
                "# HELP xiezhi_{name} {help}\n# TYPE xiezhi_{name} {kind}\nxiezhi_{name} {value}\n"
            ));
        }
        text.push_str(
            "# HELP xiezhi_expires_seconds Unix time of the last second of what this node knows to expire.\n",
        );
        text.push_str("# TYPE xiezhi_expires_seconds gauge\n");
        for expiry in expiries(core) {
            // Names of certificates are text of others.
            let name = expiry.name.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let (kind, at) = (expiry.kind.name(), expiry.at.seconds());
            text.push_str(&format!("xiezhi_expires_seconds{{what=\"{kind}\",name=\"{name}\"}} {at}\n"));
        }
        text
    }
}

fn not_available(error: impl ToString) -> SubmitError {
    SubmitError::Unavailable { reason: error.to_string() }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(run)?)
}

/// Why nothing can be written to `dir` at present, if so: the engine does not say what the system said.
fn cannot_write(dir: &Path) -> Option<String> {
    let probe = dir.join("probe");
    let written = std::fs::write(&probe, vec![0; 1 << 20]);
    let _ = std::fs::remove_file(&probe);
    written.err().map(|error| format!("cannot write to {}: {error}", dir.display()))
}
