//! The admission thread: checks signatures in batches, fills the mempool, tells the other nodes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use xiezhi_evidence::alliance::Suites;
use xiezhi_ledger::{Admitted, Rejection, Transaction, verify_signatures};
use xiezhi_types::{AccountId, TimestampMs};

use crate::{
    core::{Core, count, lock},
    mempool::Ending,
    message::Message,
};

/// Most arrivals that wait for the thread.
pub(crate) const ARRIVALS_MAX: usize = 16_384;
/// Most statements whose signatures are checked in one go.
const BATCH_MAX: usize = 256;
/// Statements are sent on in messages of about this many bytes.
const MESSAGE_BYTES: usize = 256 << 10;

/// Something that may become a record.
pub(crate) enum Arrival {
    /// From a depositor of this node, who waits.
    Local(Box<Admitted>, oneshot::Sender<Ending>),
    /// From another node.
    Gossip(Vec<Transaction>),
}

/// Under load the thread gathers for this long: a signature in a batch of dozens costs half of one alone.
const GATHERING: Duration = Duration::from_millis(5);
/// A batch of this many says that there is load. Below it nothing waits.
const LOADED_STATEMENTS: usize = 8;

/// Runs until the senders are gone.
pub(crate) fn run(core: &Arc<Core>, mut arrivals: mpsc::Receiver<Arrival>) {
    let mut batch = Vec::new();
    let mut loaded = false;
    while let Some(first) = arrivals.blocking_recv() {
        if loaded {
            std::thread::sleep(GATHERING);
        }
        loaded = gather(core, first, &mut arrivals, &mut batch) >= LOADED_STATEMENTS;
        if core.stopping.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Admits `first` and what else has arrived, up to a batch; gives how many statements that were.
pub(crate) fn gather(
    core: &Core,
    first: Arrival,
    arrivals: &mut mpsc::Receiver<Arrival>,
    batch: &mut Vec<Candidate>,
) -> usize {
    take(core, first, batch);
    while batch.len() < BATCH_MAX {
        let Ok(next) = arrivals.try_recv() else { break };
        take(core, next, batch);
    }
    let statements = batch.len();
    admit(core, batch);
    statements
}

pub(crate) type Candidate = (Arc<Admitted>, Option<oneshot::Sender<Ending>>);

fn take(core: &Core, arrival: Arrival, batch: &mut Vec<Candidate>) {
    match arrival {
        Arrival::Local(admitted, waiter) => batch.push((Arc::from(admitted), Some(waiter))),
        Arrival::Gossip(transactions) => {
            for transaction in transactions {
                // What fails here was let through by a peer: it is dropped, and the peer's depositor hears of it from the peer.
                match Admitted::check(transaction, &core.genesis, &core.ledger) {
                    Ok(admitted) => batch.push((Arc::new(admitted), None)),
                    Err(_) => count(&core.counters.refused, 1),
                }
            }
        }
    }
}

fn admit(core: &Core, batch: &mut Vec<Candidate>) {
    let mut entropy = [0; 32];
    if !core.machine.fill(&mut entropy) {
        // Without entropy a joint check could be fooled; one by one it cannot.
        tracing::warn!("no entropy: signatures are checked one by one");
    } else {
        let all: Vec<_> = batch.iter().map(|(admitted, _)| Arc::clone(admitted)).collect();
        verify_signatures(&all, |id| core.account(id).ok().flatten(), entropy);
    }
    let time = core.machine.now();
    let suites = core.store.term_at(core.next_height()).suites(&core.genesis);
    let mut fresh = Vec::new();
    for (admitted, waiter) in batch.drain(..) {
        if let Err(rejection) = judge(core, &admitted, time, &suites) {
            count(&core.counters.refused, 1);
            if let Some(waiter) = waiter {
                let _ = waiter.send(Err(rejection));
            }
            continue;
        }
        let local = waiter.is_some();
        let is_new = {
            let mut mempool = lock(&core.mempool);
            if !local && mempool.is_full() {
                count(&core.counters.dropped, 1);
                continue;
            }
            mempool.insert(Arc::clone(&admitted), core.machine.uptime(), local, waiter)
        };
        count(&core.counters.admitted, u64::from(is_new));
        if local && is_new {
            fresh.push(admitted);
        }
    }
    core.arrived.notify_waiters();
    spread(core, &fresh);
}

fn judge(core: &Core, admitted: &Admitted, time: TimestampMs, suites: &Suites) -> Result<(), Rejection> {
    // First: whoever asks again hours later for a statement that was recorded must hear that it was.
    let id = admitted.id();
    if core.store.index_of(&id).is_ok_and(|index| index.is_some()) {
        return Err(Rejection::Duplicate { id });
    }
    admitted.check_clock(time, &core.genesis)?;
    admitted.check_suites(suites)?;
    // A store that cannot be read is treated as one without the account: the depositor hears no and tries again.
    let account = |id: &AccountId| core.account(id).ok().flatten();
    admitted.authorize(account(&admitted.statement().claims().issuer).as_deref())?;
    // As in the next block at this time; what other statements use until then is for execution to count.
    let grantor = admitted.grantor().and_then(|grantor| account(&grantor));
    admitted.use_delegation(grantor.as_deref(), core.next_height(), time)?;
    Ok(())
}

/// Tells the other nodes, so that whoever leads next can propose it.
pub(crate) fn spread(core: &Core, fresh: &[Arc<Admitted>]) {
    let mut message = Vec::new();
    let mut bytes = 0;
    for admitted in fresh {
        let transaction = admitted.transaction();
        bytes += transaction.as_bytes().len();
        message.push(transaction.clone());
        if bytes >= MESSAGE_BYTES {
            core.broadcast(&Message::Transactions(std::mem::take(&mut message)));
            bytes = 0;
        }
    }
    if !message.is_empty() {
        core.broadcast(&Message::Transactions(message));
    }
}
