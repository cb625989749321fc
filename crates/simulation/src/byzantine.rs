//! An institution that lies: the ways it does, over the product's own node.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use xiezhi_consensus::{Application, Block, BoxFuture};
use xiezhi_evidence::{CertifiedSeal, Seal};
use xiezhi_ledger::{BlockBody, Transaction};
use xiezhi_node::simulation::SimulatedNode;
use xiezhi_types::{Height, TimestampMs};

use crate::alliance::Alliance;

/// How an institution lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Two nodes with one key: votes and proposes one thing to these and another to those.
    TwoFaces,
    /// Proposes blocks that may not be: broken encoding, a wrong signature, a time that is over or far away, statements twice and again. Votes
    /// for whatever is proposed.
    BadBlocks,
    /// Seals what is not in the log, and in others' names.
    FalseSeals,
    /// Executes other blocks than were agreed, and seals what comes of it.
    OtherExecution,
    /// Keeps its blocks from one institution.
    Withholding,
}

impl Lie {
    pub(crate) const ALL: [Self; 5] =
        [Self::TwoFaces, Self::BadBlocks, Self::FalseSeals, Self::OtherExecution, Self::Withholding];
}

/// A node's application, as a liar drives it.
pub(crate) struct Liar {
    pub(crate) inner: Arc<dyn Application>,
    pub(crate) lie: Lie,
    turn: AtomicU64,
    last: Mutex<Option<Arc<Block>>>,
    /// Payload of a block that was final long ago.
    old: Mutex<Option<Bytes>>,
}

impl Liar {
    pub(crate) fn new(inner: Arc<dyn Application>, lie: Lie) -> Self {
        Self { inner, lie, turn: AtomicU64::new(0), last: Mutex::default(), old: Mutex::default() }
    }

    fn spoil(&self, parent: &Block, payload: Bytes) -> Bytes {
        let mut body = BlockBody::parse(&payload).unwrap();
        let before = BlockBody::parse(parent.payload()).map_or(0, |parent| parent.time.0);
        match self.turn.fetch_add(1, Ordering::Relaxed) % 7 {
            0 => return payload.slice(..payload.len() - 1),
            1 => {
                if let Some(last) = body.transactions.last_mut() {
                    let mut statement = last.statement().to_vec();
                    if let Some(byte) = statement.last_mut() {
                        *byte ^= 1;
                    }
                    let items: Vec<_> = last.items().collect();
                    *last = Transaction::new(&statement, &items);
                }
            }
            2 => body.time = TimestampMs(before),
            3 => body.time = TimestampMs(body.time.0 + 3_600_000),
            4 => body.transactions.extend(body.transactions.clone()),
            5 => {
                let old = self.old.lock().unwrap().clone();
                let old = old.and_then(|payload| BlockBody::parse(&payload).ok());
                body.transactions.extend(old.map(|old| old.transactions).unwrap_or_default());
            }
            _ => {}
        }
        body.encode().into()
    }

    /// A block in the place of `block` that lacks the last statement.
    fn other(&self, block: &Arc<Block>) -> Arc<Block> {
        let last = self.last.lock().unwrap().replace(Arc::clone(block));
        let Some(last) = last else { return Arc::clone(block) };
        let mut body = BlockBody::parse(block.payload()).unwrap();
        body.transactions.pop();
        Arc::new(last.child(body.encode().into()))
    }
}

impl Application for Liar {
    fn height(&self) -> u64 {
        self.inner.height()
    }

    fn propose(&self, parent: Arc<Block>, views_passed: u64) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(async move {
            let payload = self.inner.propose(Arc::clone(&parent), views_passed).await?;
            Some(if self.lie == Lie::BadBlocks { self.spoil(&parent, payload) } else { payload })
        })
    }

    fn verify(&self, parent: Arc<Block>, block: Arc<Block>) -> BoxFuture<'_, bool> {
        if self.lie == Lie::BadBlocks {
            return Box::pin(async { true });
        }
        self.inner.verify(parent, block)
    }

    fn finalized(&self, block: Arc<Block>) -> BoxFuture<'_, Result<(), String>> {
        if block.payload().len() > 64 {
            self.old.lock().unwrap().get_or_insert(block.payload().clone());
        }
        let executed = if self.lie == Lie::OtherExecution { self.other(&block) } else { block };
        self.inner.finalized(executed)
    }

    fn message(&self, from: [u8; 32], bytes: Bytes) {
        self.inner.message(from, bytes);
    }
}

/// Sends false seals for the newest checkpoint: of another root, of one log under another size, in the court's name, for another height.
pub(crate) fn spread_false_seals(alliance: &Alliance, liar: usize, node: &SimulatedNode, now_ms: u64) {
    let (_, height) = node.tip();
    let near = Height(height.0.saturating_sub(8));
    let Some(true_one) = node.checkpoints(near, 8).pop() else { return };
    let true_one = true_one.checkpoint;
    let origin = alliance.fixture.genesis.origin(&alliance.ledger());
    let (own, court) = (&alliance.fixture.sealers[liar], &alliance.fixture.sealers[1]);
    let mut other_root = true_one.clone();
    other_root.root_sha256[7] ^= 1;
    let mut other_state = true_one.clone();
    other_state.state_root[0] ^= 1;
    let mut other_size = true_one.clone();
    other_size.size.0 += 1;
    let mut seals = Vec::new();
    for (checkpoint, institution) in
        [(&other_root, &own.id), (&other_state, &own.id), (&other_size, &own.id), (&true_one, &court.id)]
    {
        let key = alliance.seal_key(liar);
        let seal = Seal::sign(checkpoint, &origin, institution, now_ms / 1000, key).unwrap();
        seals.push(CertifiedSeal { seal: seal.clone(), chain: own.chain.clone() });
        seals.push(CertifiedSeal { seal, chain: court.chain.clone() });
    }
    node.spread_seals(true_one.height, seals.clone());
    node.spread_seals(true_one.height.next(), seals);
}
