//! Statements that wait to be ordered, oldest first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;
use xiezhi_ledger::{Admitted, Rejection};
use xiezhi_merkle::Hash;
use xiezhi_types::{LogIndex, StatementId};

/// Most statements that wait.
pub(crate) const STATEMENTS_MAX: usize = 50_000;
/// Most bytes that wait.
pub(crate) const BYTES_MAX: usize = 128 << 20;
/// Statements of this node that are not ordered within this time are sent to the others again.
const RESEND_AFTER: Duration = Duration::from_secs(2);

/// How a statement ended: recorded at an index, or rejected.
pub(crate) type Ending = Result<LogIndex, Rejection>;

struct Waiting {
    admitted: Arc<Admitted>,
    local: bool,
    /// When the others were told, as the machine's uptime.
    sent: Duration,
    waiters: Vec<oneshot::Sender<Ending>>,
}

#[derive(Default)]
pub(crate) struct Mempool {
    by_order: BTreeMap<u64, Waiting>,
    by_id: HashMap<StatementId, u64>,
    by_leaf: HashMap<Hash, u64>,
    next: u64,
    bytes: usize,
}

impl Mempool {
    pub(crate) fn len(&self) -> usize {
        self.by_order.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= STATEMENTS_MAX || self.bytes >= BYTES_MAX
    }

    /// Adds a statement at `uptime`, or another waiter to one that waits already; false when it waits already.
    pub(crate) fn insert(
        &mut self,
        admitted: Arc<Admitted>,
        uptime: Duration,
        local: bool,
        waiter: Option<oneshot::Sender<Ending>>,
    ) -> bool {
        if let Some(waiting) = self.by_id.get(&admitted.id()).and_then(|order| self.by_order.get_mut(order)) {
            waiting.local |= local;
            waiting.waiters.extend(waiter);
            return false;
        }
        let order = self.next;
        self.next += 1;
        self.bytes += admitted.transaction().as_bytes().len();
        self.by_id.insert(admitted.id(), order);
        self.by_leaf.insert(admitted.leaf_sha256(), order);
        let waiters = waiter.into_iter().collect();
        self.by_order.insert(order, Waiting { admitted, local, sent: uptime, waiters });
        true
    }

    /// The admitted form of a statement with these exact bytes.
    pub(crate) fn by_leaf(&self, leaf: &Hash) -> Option<Arc<Admitted>> {
        let order = self.by_leaf.get(leaf)?;
        self.by_order.get(order).map(|waiting| Arc::clone(&waiting.admitted))
    }

    /// The oldest statements that fit into `bytes_max` and are not in `except`.
    pub(crate) fn select(&self, bytes_max: usize, except: &HashSet<StatementId>) -> Vec<Arc<Admitted>> {
        let mut chosen = Vec::new();
        let mut bytes = 0;
        for waiting in self.by_order.values().filter(|waiting| !except.contains(&waiting.admitted.id())) {
            bytes += waiting.admitted.transaction().as_bytes().len();
            if bytes > bytes_max {
                break;
            }
            chosen.push(Arc::clone(&waiting.admitted));
        }
        chosen
    }

    /// Whether anything waits that is not in `except`.
    pub(crate) fn has_beyond(&self, except: &HashSet<StatementId>) -> bool {
        self.by_order.values().any(|waiting| !except.contains(&waiting.admitted.id()))
    }

    /// Takes out a statement that has ended; gives who waits for it.
    pub(crate) fn remove(&mut self, id: &StatementId) -> Vec<oneshot::Sender<Ending>> {
        let Some(order) = self.by_id.remove(id) else { return Vec::new() };
        let Some(waiting) = self.by_order.remove(&order) else { return Vec::new() };
        self.by_leaf.remove(&waiting.admitted.leaf_sha256());
        self.bytes -= waiting.admitted.transaction().as_bytes().len();
        waiting.waiters
    }

    /// Takes out every statement for which `ended` gives a rejection, with who waits for it.
    pub(crate) fn remove_ended(
        &mut self,
        ended: impl Fn(&Admitted) -> Option<Rejection>,
    ) -> Vec<(Vec<oneshot::Sender<Ending>>, Rejection)> {
        let over = self.by_order.values().filter_map(|w| ended(&w.admitted).map(|r| (w.admitted.id(), r)));
        let over: Vec<_> = over.collect();
        over.into_iter().map(|(id, rejection)| (self.remove(&id), rejection)).collect()
    }

    /// This node's own statements that were sent long ago and are not ordered: to be sent again, at most `bytes_max` of them.
    pub(crate) fn stale(&mut self, uptime: Duration, bytes_max: usize) -> Vec<Arc<Admitted>> {
        let mut stale = Vec::new();
        let mut bytes = 0;
        for waiting in
            self.by_order.values_mut().filter(|w| w.local && uptime.saturating_sub(w.sent) > RESEND_AFTER)
        {
            bytes += waiting.admitted.transaction().as_bytes().len();
            if bytes > bytes_max {
                break;
            }
            waiting.sent = uptime;
            stale.push(Arc::clone(&waiting.admitted));
        }
        stale
    }
}
