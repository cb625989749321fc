//! Depositors' signatures, checked in batches by threads of their own.

use std::{
    num::NonZero,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Scope, ScopedJoinHandle, available_parallelism},
};

use xiezhi_crypto::{BatchItem, PublicKey, sha256, verify_all};
use xiezhi_evidence::Statement;

/// Statements checked in one go.
const BATCH_STATEMENTS: usize = 256;
/// Batches that wait for a thread.
const WAITING_MAX: usize = 4;
/// Most threads.
const THREADS_MAX: usize = 8;

/// A statement with the keys of its signers, in their order.
struct Signed {
    index: u64,
    keys: Vec<PublicKey>,
    statement: Statement,
}

/// A queue of batches shared by the threads.
type Queue = Mutex<Receiver<Vec<Signed>>>;

/// Gathers signatures and hands them on.
pub(crate) struct Signatures<'scope> {
    batch: Vec<Signed>,
    sender: SyncSender<Vec<Signed>>,
    threads: Vec<ScopedJoinHandle<'scope, Vec<u64>>>,
}

impl<'scope> Signatures<'scope> {
    /// Starts the threads.
    pub(crate) fn start<'env>(scope: &'scope Scope<'scope, 'env>) -> Self {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let queue = Arc::new(Mutex::new(receiver));
        let cores = available_parallelism().map_or(1, NonZero::get);
        let threads = (0..cores.saturating_sub(1).clamp(1, THREADS_MAX)).map(|_| {
            let queue = Arc::clone(&queue);
            scope.spawn(move || work(&queue))
        });
        Self { batch: Vec::new(), sender, threads: threads.collect() }
    }

    /// Has the signatures of `statement` checked with `keys`.
    pub(crate) fn push(&mut self, index: u64, keys: Vec<PublicKey>, statement: Statement) {
        self.batch.push(Signed { index, keys, statement });
        if self.batch.len() >= BATCH_STATEMENTS {
            self.send();
        }
    }

    fn send(&mut self) {
        // It cannot fail: the threads end when this end is gone.
        let _ = self.sender.send(std::mem::take(&mut self.batch));
    }

    /// Waits for the threads; the records whose signatures do not hold, rising.
    pub(crate) fn finish(mut self) -> Vec<u64> {
        self.send();
        drop(self.sender);
        let mut bad = Vec::new();
        for thread in self.threads {
            bad.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        bad.sort_unstable();
        bad
    }
}

fn work(queue: &Queue) -> Vec<u64> {
    let mut bad = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(batch) = next else { return bad };
        check(&batch, &mut bad);
    }
}

fn check(batch: &[Signed], bad: &mut Vec<u64>) {
    let mut items = Vec::new();
    let mut fixed = Vec::new();
    for one in batch {
        for (key, signature) in one.keys.iter().zip(one.statement.signatures()) {
            fixed.extend_from_slice(key.as_bytes());
            items.push(BatchItem { key, message: &signature.message, signature: &signature.bytes });
        }
        fixed.extend_from_slice(&sha256(one.statement.as_bytes()));
    }
    // The weights of the joint equation follow from everything in it, so that nobody could know them before it was written.
    let mut answers = verify_all(&items, sha256(&fixed)).into_iter();
    for one in batch {
        let hold = answers.by_ref().take(one.keys.len()).fold(true, |all, one| all & one);
        if !hold {
            bad.push(one.index);
        }
    }
}
