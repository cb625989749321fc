//! The node as the consensus engine sees it: proposes, judges and executes blocks.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::mpsc;
use xiezhi_consensus::{Application, Block, BoxFuture, Era};
use xiezhi_ledger::{Admitted, BlockBody, Rejection, Transaction, execute, verify_signatures};
use xiezhi_merkle::{Sha256, TreeHash};
use xiezhi_types::{Height, StatementId, TimestampMs};

use crate::{
    admission::Arrival,
    core::{Core, View, count, lock},
    message::Message,
    sealing::Task,
};

/// After this many views without a block an empty one is proposed, so that the engine can forget them.
const EMPTY_VIEWS_MAX: u64 = 60;
/// Under load, blocks follow each other at this distance: each costs every node votes, seals and a sync, whatever it carries.
const LOADED_PACE: Duration = Duration::from_millis(80);
/// A parent with this many statements says that there is load. Below it nothing waits.
const LOADED_STATEMENTS: usize = 16;
/// A node that may have forgotten votes waits for a block of a time this much after its start, and the ledger's allowed skew: institutions'
/// clocks may differ so much, or their nodes do not connect.
pub(crate) const CLOCKS_APART: Duration = Duration::from_secs(60);
/// Room for the block's own header, in bytes.
const HEADER_BYTES: usize = 64;

/// Blocks that are proposed or voted for and not executed yet.
#[derive(Default)]
pub(crate) struct Chain {
    blocks: HashMap<[u8; 32], Arc<Read>>,
}

/// A block that has been read.
pub(crate) struct Read {
    height: u64,
    parent: [u8; 32],
    time: TimestampMs,
    admitted: Vec<Result<Arc<Admitted>, Rejection>>,
}

/// The application that the engine drives.
pub(crate) struct Ledger {
    pub(crate) core: Arc<Core>,
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    pub(crate) sealing: std::sync::mpsc::SyncSender<Task>,
    /// Which blocks these are: the engine counts them from the era's start.
    pub(crate) era: Era,
    pub(crate) chain: Mutex<Chain>,
}

impl Ledger {
    fn height(&self, block: &Block) -> u64 {
        self.era.base.saturating_add(block.height())
    }

    /// The era's last height, once the term after it is decided. What becomes final above counts for nothing.
    fn last(&self) -> Option<u64> {
        let alliance = self.core.store.alliance();
        let later = [Some(&alliance.term), alliance.next.as_ref()].into_iter().flatten();
        later
            .filter(|term| term.number > u64::from(self.era.number))
            .map(|term| term.from.0.saturating_sub(1))
            .min()
    }

    /// Reads a block once; statements that this node has admitted are not read again.
    fn read(&self, block: &Block) -> Result<Arc<Read>, String> {
        if let Some(read) = lock(&self.chain).blocks.get(&block.digest()) {
            return Ok(Arc::clone(read));
        }
        let body = BlockBody::parse(block.payload()).map_err(|e| e.to_string())?;
        let admitted = body.transactions.into_iter().map(|transaction| self.recall(transaction)).collect();
        let read =
            Arc::new(Read { height: self.height(block), parent: block.parent(), time: body.time, admitted });
        lock(&self.chain).blocks.insert(block.digest(), Arc::clone(&read));
        Ok(read)
    }

    fn recall(&self, transaction: Transaction) -> Result<Arc<Admitted>, Rejection> {
        let known = lock(&self.core.mempool).by_leaf(&Sha256::leaf(transaction.statement()));
        match known.filter(|known| *known.transaction() == transaction) {
            Some(known) => Ok(known),
            None => Admitted::check(transaction, &self.core.genesis, &self.core.ledger).map(Arc::new),
        }
    }

    /// Statements in blocks between the last executed one and `parent`, that one included.
    fn in_flight(&self, parent: &Block) -> HashSet<StatementId> {
        let executed = self.core.store.tip().height.0;
        let chain = lock(&self.chain);
        let mut ids = HashSet::new();
        let mut at = parent.digest();
        while let Some(read) = chain.blocks.get(&at).filter(|read| read.height > executed) {
            ids.extend(read.admitted.iter().flatten().map(|admitted| admitted.id()));
            at = read.parent;
        }
        ids
    }

    fn verify_unknown_signatures(&self, read: &Read) {
        let mut entropy = [0; 32];
        if self.core.machine.fill(&mut entropy) {
            let admitted: Vec<_> = read.admitted.iter().flatten().map(Arc::clone).collect();
            verify_signatures(&admitted, |id| self.core.account(id).ok().flatten(), entropy);
        }
    }

    /// Whether the block may follow: every statement well formed, none signed wrongly as far as the issuer is known already.
    fn acceptable(&self, parent: &Block, block: &Block) -> Result<Arc<Read>, String> {
        let parent = self.read(parent)?;
        let read = self.read(block)?;
        if read.time <= parent.time {
            return Err(format!("time {} is not after its parent's {}", read.time, parent.time));
        }
        if block.payload().len() > self.core.genesis.limits.block_bytes_max as usize {
            return Err(format!("{} bytes", block.payload().len()));
        }
        self.verify_unknown_signatures(&read);
        for admitted in &read.admitted {
            let admitted = admitted.as_ref().map_err(ToString::to_string)?;
            let issuer = admitted.statement().claims().issuer;
            let account = self.core.account(&issuer).map_err(|e| e.to_string())?;
            // An account that an earlier block creates is unknown until that block is executed; execution decides then.
            match admitted.authorize(account.as_deref()) {
                Err(Rejection::Authority(reason)) => return Err(reason.to_string()),
                _ => continue,
            }
        }
        Ok(read)
    }

    async fn propose_child(&self, parent: Arc<Block>, views_passed: u64) -> Option<Bytes> {
        let read = self.read(&parent).ok()?;
        let time = read.time;
        let in_flight = self.in_flight(&parent);
        // A view has passed and the parent is still not final: another block makes it so, and nothing else will until somebody deposits.
        let executed = self.core.store.tip().height.0;
        let hangs =
            views_passed > 0 && (!in_flight.is_empty() || (self.last().is_some() && read.height > executed));
        loop {
            let arrived = self.core.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let waits = match self.last() {
                None => lock(&self.core.mempool).has_beyond(&in_flight),
                // The era is led to its end, whether or not there is something to record.
                Some(last) => read.height < last,
            };
            if waits || hangs || views_passed >= EMPTY_VIEWS_MAX {
                break;
            }
            arrived.await;
        }
        if read.admitted.len() >= LOADED_STATEMENTS {
            let passed = Duration::from_millis(self.core.machine.now().0.saturating_sub(time.0));
            self.core.machine.sleep(LOADED_PACE.saturating_sub(passed)).await;
        }
        let bytes_max = self.core.genesis.limits.block_bytes_max as usize - HEADER_BYTES;
        let is_over = self.last().is_some_and(|last| read.height >= last);
        let chosen =
            if is_over { Vec::new() } else { lock(&self.core.mempool).select(bytes_max, &in_flight) };
        let time = TimestampMs(self.core.machine.now().0.max(time.0 + 1));
        let transactions = chosen.iter().map(|admitted| admitted.transaction().clone()).collect();
        Some(BlockBody { time, transactions }.encode().into())
    }

    async fn judge(&self, parent: Arc<Block>, block: Arc<Block>) -> bool {
        let read = match self.acceptable(&parent, &block) {
            Ok(read) => read,
            Err(reason) => {
                tracing::warn!(height = self.height(&block), reason, "block refused");
                return false;
            }
        };
        let skew = u64::from(self.core.genesis.limits.block_skew_ms);
        loop {
            let clock = self.core.machine.now().0;
            if read.time.0 > clock + skew {
                // Its time will come, if this clock is right; the engine drops the question when the view ends.
                let wait = (read.time.0 - clock - skew).min(1_000);
                self.core.machine.sleep(Duration::from_millis(wait)).await;
            } else if read.time.0 + skew.max(10_000) < clock {
                // Too old to be what a leader made just now. Not refused for ever, only not voted for.
                std::future::pending::<()>().await;
            } else {
                return true;
            }
        }
    }

    fn execute(&self, block: &Block) -> Result<(), String> {
        let read = self.read(block)?;
        self.verify_unknown_signatures(&read);
        let admitted: Vec<_> = read.admitted.iter().flatten().map(Arc::clone).collect();
        let size = self.core.store.tip().size;
        let height = Height(self.height(block));
        if self.last().is_some_and(|last| height.0 > last) {
            return Ok(());
        }
        let view = View(&self.core);
        let outcome = execute(&self.core.genesis, height, read.time, size, &admitted, &view);
        let outcome = outcome.map_err(|e| e.to_string())?;
        let checkpoint = self.core.store.apply(&outcome).map_err(|e| e.to_string())?;
        self.core.forget_accounts(outcome.accounts.keys());
        lock(&self.chain).blocks.retain(|_, read| read.height >= height.0);
        if let Some(checkpoint) = checkpoint {
            self.core.sealing.open(&self.core, checkpoint, &[], Vec::new());
            let _ = self.sealing.try_send(Task::Seal(height));
        }
        self.core.settle(&outcome);
        self.core.changed();
        let last = self.last();
        if last.is_some() {
            // Whoever leads must go on though nothing waits.
            self.core.arrived.notify_waiters();
        }
        if last == Some(height.0) {
            let _ = self.sealing.try_send(Task::SayHello);
        }
        Ok(())
    }
}

impl Application for Ledger {
    fn height(&self) -> u64 {
        self.core.store.tip().height.0.saturating_sub(self.era.base)
    }

    fn propose(&self, parent: Arc<Block>, views_passed: u64) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(self.propose_child(parent, views_passed))
    }

    fn verify(&self, parent: Arc<Block>, block: Arc<Block>) -> BoxFuture<'_, bool> {
        Box::pin(self.judge(parent, block))
    }

    fn finalized(&self, block: Arc<Block>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let done = self.execute(&block);
            if let Err(reason) = &done {
                tracing::error!(height = self.height(&block), reason, "the node stops");
                self.core.stopping.store(true, Ordering::Relaxed);
            }
            done
        })
    }

    fn is_after_start(&self, block: &Block) -> bool {
        let doubt = CLOCKS_APART + Duration::from_millis(u64::from(self.core.genesis.limits.block_skew_ms));
        let doubt_ms = u64::try_from(doubt.as_millis()).unwrap_or(u64::MAX);
        // A block above the last height may be of any time: nobody else need know it.
        self.last().is_none_or(|last| self.height(block) <= last)
            && BlockBody::parse(block.payload())
                .is_ok_and(|body| body.time.0 > self.core.started.0 + doubt_ms)
    }

    fn message(&self, from: [u8; 32], bytes: Bytes) {
        let message = Message::parse(&bytes);
        let hello = match &message {
            Some(Message::Hello(hello)) => Some(hello),
            _ => None,
        };
        self.core.hear(&from, hello);
        let delivered = match message {
            Some(Message::Transactions(transactions)) => {
                self.arrivals.try_send(Arrival::Gossip(transactions)).is_ok()
            }
            Some(Message::Collected(collected)) => self.sealing.try_send(Task::Collect(collected)).is_ok(),
            Some(Message::Hello(hello)) => self.sealing.try_send(Task::Answer(from, hello)).is_ok(),
            Some(Message::Revocations(lists)) => self.sealing.try_send(Task::Revocations(lists)).is_ok(),
            Some(Message::Follow(after)) => self.sealing.try_send(Task::Follow(from, after)).is_ok(),
            Some(Message::Sealed(blocks)) => {
                lock(&self.core.answering).as_ref().is_some_and(|to| to.try_send((from, blocks)).is_ok())
            }
            None => false,
        };
        count(&self.core.counters.dropped, u64::from(!delivered));
    }
}
