//! A node without threads, for simulations: whoever holds it does, step by step, what the threads do.
//!
//! The code is the running node's. What differs: admission and sealing happen one after the other, whenever [`SimulatedNode::step`] is
//! called; time and chance come from the given [`Machine`]; the links are those of `xiezhi_consensus::simulation`.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
};

use tokio::sync::{mpsc, oneshot};
use xiezhi_consensus::{Application, Config, Handle};
use xiezhi_evidence::{Alliance, CertifiedSeal, Term};
use xiezhi_ledger::{Admitted, Rejection, Transaction};
use xiezhi_store::StoreError;
use xiezhi_types::{Height, LogIndex};

use crate::{
    NodeConfig, SealedCheckpoint, StartError,
    admission::{self, Arrival},
    chain::Ledger,
    core::{Core, lock},
    eras::{self, Eras, Part, Prepared, Turn},
    message::{Collected, Message},
    parts::Parts,
    sealing::{Sealer, Task},
};

pub use crate::machine::Machine;

/// How a submitted statement ends: acknowledged at an index, or refused.
pub type Ending = oneshot::Receiver<Result<LogIndex, Rejection>>;

/// Another part that a node has to take, in another era or the same.
pub struct Over(eras::Over);

/// A node that does something only when told to.
pub struct SimulatedNode {
    core: Arc<Core>,
    application: Arc<Ledger>,
    arriving: mpsc::Receiver<Arrival>,
    sealer: Sealer,
    tasks: Receiver<Task>,
    eras: Eras,
    part: Part,
    engine: Config,
}

impl SimulatedNode {
    /// Opens the node's store and takes up what was not sealed when it ended.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(config: NodeConfig, machine: Arc<dyn Machine>) -> Result<Self, StartError> {
        let Parts { core, arriving, mut sealer, tasks, eras } = Parts::open(config, machine)?;
        sealer.resume();
        let Prepared { part, application, engine } = eras.first()?;
        let application = Arc::new(application);
        Ok(Self { core, application, arriving, sealer, tasks, eras, part, engine })
    }

    /// What the engine is started with.
    #[must_use]
    pub fn engine(&self) -> &Config {
        &self.engine
    }

    /// What the engine drives.
    #[must_use]
    pub fn application(&self) -> Arc<dyn Application> {
        Arc::clone(&self.application) as Arc<dyn Application>
    }

    /// Joins the node to its engine; done once for each engine.
    pub fn attach(&self, handle: Handle) {
        self.core.attach(handle);
    }

    /// Does all that waits for admission and sealing, and what is due by the clock. Another part is to be taken with [`Self::go_over`], once the
    /// engine has stopped.
    ///
    /// # Errors
    /// The store's: the node must stop.
    pub fn step(&mut self) -> Result<Option<Over>, StoreError> {
        if self.core.stopping.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut batch = Vec::new();
        while let Ok(first) = self.arriving.try_recv() {
            admission::gather(&self.core, first, &mut self.arriving, &mut batch);
        }
        while let Ok(task) = self.tasks.try_recv() {
            self.sealer.handle(task);
        }
        self.sealer.tick_when_due();
        Ok(match self.eras.turn(&mut self.part)? {
            Turn::Over(over) => Some(Over(over)),
            Turn::Rest | Turn::Again => None,
        })
    }

    /// Takes another part: [`Self::engine`] and [`Self::application`] are to be started then.
    ///
    /// # Errors
    /// [`StartError`]: the node must stop.
    pub fn go_over(&mut self, over: Over) -> Result<(), StartError> {
        let Prepared { part, application, engine } = self.eras.go_over(over.0)?;
        (self.part, self.application, self.engine) = (part, Arc::new(application), engine);
        Ok(())
    }

    /// Hands in a statement as a depositor does; a node that follows takes none.
    ///
    /// # Errors
    /// [`Rejection`] of what needs no state to be seen.
    pub fn submit(&self, statement: Vec<u8>) -> Result<Option<Ending>, Rejection> {
        if self.core.following().is_some() {
            return Ok(None);
        }
        let transaction = Transaction::single(&statement);
        let admitted = Admitted::check(transaction, &self.core.genesis, &self.core.ledger)?;
        let (sender, ending) = oneshot::channel();
        // A full queue drops the sender: the ending never comes, as after a crash.
        let _ = self.application.arrivals.try_send(Arrival::Local(Box::new(admitted), sender));
        Ok(Some(ending))
    }

    /// The alliance as it stands at the tip.
    #[must_use]
    pub fn alliance(&self) -> Arc<Alliance> {
        self.core.store.alliance()
    }

    /// The term to which `height` belongs, as far as this node knows.
    #[must_use]
    pub fn term_at(&self, height: Height) -> Arc<Term> {
        self.core.store.term_at(height)
    }

    /// Whether this node has a vote to use, in the era of its [`Self::engine`].
    #[must_use]
    pub fn votes(&self) -> bool {
        self.part.votes()
    }

    /// Records and height.
    #[must_use]
    pub fn tip(&self) -> (u64, Height) {
        let tip = self.core.store.tip();
        (tip.size.0, tip.height)
    }

    /// The statement recorded at `index`, and the height of its block.
    #[must_use]
    pub fn record(&self, index: u64) -> Option<(Height, Vec<u8>)> {
        let record = self.core.store.record(LogIndex(index)).ok().flatten()?;
        Some((record.height, record.statement))
    }

    /// At most `limit` checkpoints above `after`, rising, with what is collected for them.
    #[must_use]
    pub fn checkpoints(&self, after: Height, limit: usize) -> Vec<SealedCheckpoint> {
        self.core.checkpoints(after, limit).unwrap_or_default()
    }

    /// Statements that wait to be ordered.
    #[must_use]
    pub fn queued(&self) -> usize {
        lock(&self.core.mempool).len()
    }

    /// From now on the store has no room: no block can be applied.
    pub fn fill_disk(&self) {
        self.core.store.fill_disk();
    }

    /// Sends seals to the other nodes without having looked at them.
    pub fn spread_seals(&self, height: Height, seals: Vec<CertifiedSeal>) {
        self.core.broadcast(&Message::Collected(vec![Collected { height, seals, stamps: Vec::new() }]));
    }

    /// Where the store is, under the configured directory.
    #[must_use]
    pub fn store_dir(data_dir: &std::path::Path) -> PathBuf {
        data_dir.join("store")
    }
}
