//! What the node's threads share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::SyncSender,
    },
};

use tokio::sync::{Notify, watch};
use xiezhi_consensus::{Era, Handle};
use xiezhi_evidence::{Account, Alliance, Genesis};
use xiezhi_ledger::{Admitted, Outcome, StateView};
use xiezhi_store::{Store, StoreError};
use xiezhi_types::{AccountId, Height, InstitutionId, LedgerId, StatementId, TimestampMs};

use crate::{
    api::Following,
    archive,
    collection::Sealing,
    config::NodeKeys,
    eras::active,
    follow::Progress,
    machine::Machine,
    mempool::Mempool,
    message::{Hello, Message},
};

/// Accounts kept decoded.
const CACHED_ACCOUNTS_MAX: usize = 100_000;

/// Sealed blocks, and the consensus key of whoever sent them.
pub(crate) type Answered = ([u8; 32], Vec<u8>);

pub(crate) struct Core {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) genesis_bytes: Vec<u8>,
    pub(crate) ledger: LedgerId,
    pub(crate) origin: String,
    pub(crate) institution: InstitutionId,
    pub(crate) store: Store,
    pub(crate) mempool: Mutex<Mempool>,
    /// Something new waits in the mempool.
    pub(crate) arrived: Notify,
    pub(crate) sealing: Sealing,
    accounts: RwLock<HashMap<AccountId, Arc<Account>>>,
    heard: Mutex<HashMap<InstitutionId, TimestampMs>>,
    told: Mutex<HashMap<InstitutionId, Told>>,
    keys: RwLock<Vec<Arc<NodeKeys>>>,
    handle: RwLock<Option<Handle>>,
    /// Where consensus was begun anew by agreement, if it was.
    pub(crate) restart: Option<Era>,
    /// The era in which this node has a vote to use.
    era: Mutex<Option<Era>>,
    /// For sealed blocks that a peer sends, while this node follows.
    pub(crate) answering: Mutex<Option<SyncSender<Answered>>>,
    /// How following goes, on a node that follows.
    following: RwLock<Option<Arc<Progress>>>,
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) archiving: archive::Slot,
    /// Whether a peer is being given blocks that may come from the archive.
    pub(crate) serving: AtomicBool,
    pub(crate) stopping: AtomicBool,
    pub(crate) started: TimestampMs,
    pub(crate) counters: Counters,
}

/// What a peer says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) height: Height,
    pub(crate) era: Option<u64>,
    pub(crate) start: [u8; 32],
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) admitted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) recorded: AtomicU64,
    pub(crate) items: AtomicU64,
    pub(crate) blocks: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Locks without caring whether another thread panicked while it held the lock: what is behind these locks is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Core {
    pub(crate) fn new(
        machine: Arc<dyn Machine>,
        genesis: Genesis,
        genesis_bytes: Vec<u8>,
        ledger: LedgerId,
        institution: InstitutionId,
        store: Store,
        sealing: Sealing,
    ) -> Self {
        let origin = genesis.origin(&ledger);
        let started = machine.now();
        Self {
            machine,
            genesis: Arc::new(genesis),
            genesis_bytes,
            ledger,
            origin,
            institution,
            store,
            mempool: Mutex::default(),
            arrived: Notify::new(),
            sealing,
            accounts: RwLock::default(),
            heard: Mutex::default(),
            told: Mutex::default(),
            keys: RwLock::default(),
            handle: RwLock::default(),
            restart: None,
            era: Mutex::default(),
            answering: Mutex::default(),
            following: RwLock::default(),
            changes: watch::Sender::new(0),
            archiving: archive::Slot::new(),
            serving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            started,
            counters: Counters::default(),
        }
    }

    pub(crate) fn attach(&self, handle: Handle) {
        *self.handle.write().unwrap_or_else(|e| e.into_inner()) = Some(handle);
    }

    pub(crate) fn handle(&self) -> Option<Handle> {
        self.handle.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    pub(crate) fn set_era(&self, era: Option<Era>) {
        *lock(&self.era) = era;
    }

    pub(crate) fn era(&self) -> Option<Era> {
        *lock(&self.era)
    }

    /// The institution's keys that are at hand; none at an observer.
    pub(crate) fn keys(&self) -> Vec<Arc<NodeKeys>> {
        self.keys.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    pub(crate) fn use_keys(&self, keys: Vec<NodeKeys>) {
        *self.keys.write().unwrap_or_else(|e| e.into_inner()) = keys.into_iter().map(Arc::new).collect();
    }

    /// The height of the next block: its term is the one that counts now.
    pub(crate) fn next_height(&self) -> Height {
        Height(self.store.tip().height.0 + 1)
    }

    /// The keys with which this institution seals at `height`, if it has a seat then and the keys are at hand.
    pub(crate) fn sealing_keys(&self, height: Height) -> Option<Arc<NodeKeys>> {
        let term = self.store.term_at(height);
        let member = active(&term, &self.institution)?;
        self.keys().into_iter().find(|keys| keys.seals_as(&member.institution.seal_key))
    }

    /// From now on this node follows as `progress` says, or no longer.
    pub(crate) fn follow(&self, progress: Option<Arc<Progress>>) {
        *self.following.write().unwrap_or_else(|e| e.into_inner()) = progress;
    }

    pub(crate) fn following(&self) -> Option<Following> {
        let following = self.following.read().unwrap_or_else(|e| e.into_inner());
        following.as_ref().map(|progress| progress.view(self.store.base()))
    }

    /// Sends to every other institution; what cannot be queued is dropped, for everything is asked for or sent again.
    pub(crate) fn broadcast(&self, message: &Message) {
        let bytes = message.encode();
        if let Some(handle) = self.handle()
            && handle.broadcast(bytes.into()).is_err()
        {
            count(&self.counters.dropped, 1);
        }
    }

    pub(crate) fn send(&self, to: [u8; 32], message: &Message) {
        if let Some(handle) = self.handle()
            && handle.send(to, message.encode().into()).is_err()
        {
            count(&self.counters.dropped, 1);
        }
    }

    /// Tells whoever watches that something is new.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|counter| *counter += 1);
    }

    pub(crate) fn hear(&self, from: &[u8; 32], hello: Option<&Hello>) {
        let alliance = self.store.alliance();
        let members = alliance.term.members.iter().chain(alliance.next.iter().flat_map(|next| &next.members));
        let mut members = members.map(|member| &member.institution);
        let Some(one) = members.find(|one| one.consensus_key == *from) else { return };
        lock(&self.heard).insert(one.id.clone(), self.machine.now());
        if let Some(Hello { height, era, start, .. }) = hello {
            lock(&self.told).insert(one.id.clone(), Told { height: *height, era: *era, start: *start });
        }
    }

    /// What `institution` last said of itself.
    pub(crate) fn told(&self, institution: &InstitutionId) -> Option<Told> {
        lock(&self.told).get(institution).copied()
    }

    pub(crate) fn heard(&self, institution: &InstitutionId) -> Option<TimestampMs> {
        lock(&self.heard).get(institution).copied()
    }

    /// The account at the tip, from memory if it was read before.
    pub(crate) fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.accounts.read().unwrap_or_else(|e| e.into_inner()).get(id) {
            return Ok(Some(Arc::clone(account)));
        }
        let height = self.store.tip().height;
        let account = self.store.account(id)?.map(Arc::new);
        if let Some(account) = &account {
            let mut accounts = self.accounts.write().unwrap_or_else(|e| e.into_inner());
            if accounts.len() >= CACHED_ACCOUNTS_MAX {
                accounts.clear();
            }
            // A block that came meanwhile may have changed it, and what that block changed is forgotten already.
            if self.store.tip().height == height {
                accounts.insert(*id, Arc::clone(account));
            }
        }
        Ok(account)
    }

    /// After a block: counts, empties the queue of what is decided, and tells waiting depositors how their statements ended.
    pub(crate) fn settle(&self, outcome: &Outcome) {
        let counters = &self.counters;
        count(&counters.blocks, 1);
        count(&counters.recorded, outcome.records.len() as u64);
        let mut endings = Vec::new();
        {
            let mut mempool = lock(&self.mempool);
            for record in &outcome.records {
                count(&counters.items, record.admitted.transaction().items().len() as u64);
                let waiters = mempool.remove(&record.admitted.id());
                endings.extend(waiters.into_iter().map(|waiter| (waiter, Ok(record.index))));
            }
            for (id, rejection) in &outcome.rejected {
                let waiters = mempool.remove(id);
                endings.extend(waiters.into_iter().map(|waiter| (waiter, Err(rejection.clone()))));
            }
            let expired = |admitted: &Admitted| admitted.check_clock(outcome.time, &self.genesis).err();
            if outcome.height.0.is_multiple_of(64) {
                for (waiters, rejection) in mempool.remove_ended(expired) {
                    endings.extend(waiters.into_iter().map(|waiter| (waiter, Err(rejection.clone()))));
                }
            }
        }
        for (waiter, ending) in endings {
            let _ = waiter.send(ending);
        }
    }

    /// Forgets accounts that a block changed.
    pub(crate) fn forget_accounts<'a>(&self, changed: impl Iterator<Item = &'a AccountId>) {
        let mut accounts = self.accounts.write().unwrap_or_else(|e| e.into_inner());
        for id in changed {
            accounts.remove(id);
        }
    }
}

/// Execution's view: the store, accounts from memory.
pub(crate) struct View<'a>(pub(crate) &'a Core);

impl StateView for View<'_> {
    type Error = StoreError;

    fn ledger(&self) -> LedgerId {
        self.0.ledger
    }

    fn alliance(&self) -> Result<Arc<Alliance>, StoreError> {
        Ok(self.0.store.alliance())
    }

    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        self.0.account(id)
    }

    fn is_recorded(&self, id: &StatementId) -> Result<bool, StoreError> {
        self.0.store.is_recorded(id)
    }

    fn is_undated_recorded(&self, id: &StatementId) -> Result<bool, StoreError> {
        self.0.store.is_undated_recorded(id)
    }
}
