//! Moving the older part of the log to an object store, in a thread of its own.

use std::{
    sync::{Arc, Mutex, OnceLock, atomic::Ordering},
    time::Duration,
};

use xiezhi_objects::Waiting;
use xiezhi_types::Height;

use crate::{
    StartError,
    api::ArchiveStatus,
    core::{Core, lock},
    message::Message,
};

/// How often the thread looks for records that are old enough, and whether the archive is there.
const EVERY: Duration = Duration::from_secs(3);
/// After a failure it looks again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// How moving goes.
pub(crate) struct Archiving {
    /// Newest records that stay.
    keep: u64,
    problem: Mutex<Option<String>>,
}

/// Tells the store of `core` where its archive is, and begins to move what is older than the newest `keep` records.
pub(crate) fn start(core: &Arc<Core>, objects: Waiting, keep: u64) -> Result<(), StartError> {
    core.store.attach_archive(objects)?;
    let archiving = core.archiving.get_or_init(|| Arc::new(Archiving { keep, problem: Mutex::default() }));
    let (core, archiving) = (Arc::clone(core), Arc::clone(archiving));
    std::thread::Builder::new().name("archive".to_owned()).spawn(move || archiving.run(&core))?;
    Ok(())
}

/// Gives a peer the sealed blocks above `after`: at once, or where they may have to come from the archive, for which no seal should wait, in a thread of their
/// own. Of those there is one; whoever was not answered asks again.
pub(crate) fn serve(core: &Arc<Core>, peer: [u8; 32], after: Height) {
    fn answer(core: &Core, peer: [u8; 32], after: Height) {
        match core.sealed_blocks(after, true) {
            Ok(blocks) => core.send(peer, &Message::Sealed(blocks)),
            Err(error) => tracing::warn!(%error, "no sealed blocks for a peer"),
        }
    }
    if core.store.archived().size == 0 {
        return answer(core, peer, after);
    }
    if core.serving.swap(true, Ordering::Relaxed) {
        return;
    }
    let own = Arc::clone(core);
    let served = std::thread::Builder::new().name("serving".to_owned()).spawn(move || {
        answer(&own, peer, after);
        own.serving.store(false, Ordering::Relaxed);
    });
    if let Err(error) = served {
        core.serving.store(false, Ordering::Relaxed);
        tracing::warn!(%error, "no sealed blocks for a peer");
    }
}

impl Archiving {
    fn run(&self, core: &Core) {
        while !core.stopping.load(Ordering::Relaxed) {
            let pause = match core.store.archive(self.keep) {
                Ok(0) => EVERY,
                Ok(records) => {
                    tracing::debug!(records, "moved to the archive");
                    Duration::ZERO
                }
                Err(error) => {
                    let reason = error.to_string();
                    if lock(&self.problem).replace(reason.clone()).is_none_or(|said| said != reason) {
                        tracing::error!(reason, "the archive fails");
                    }
                    wait(core, AFTER_FAILURE);
                    continue;
                }
            };
            *lock(&self.problem) = None;
            wait(core, pause);
        }
    }
}

fn wait(core: &Core, pause: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    let mut left = pause;
    while !left.is_zero() && !core.stopping.load(Ordering::Relaxed) {
        let step = left.min(STEP);
        std::thread::sleep(step);
        left -= step;
    }
}

impl Core {
    /// What of the log is in the archive, if anything is or could be.
    pub(crate) fn archive_status(&self) -> Option<ArchiveStatus> {
        let archived = self.store.archived();
        let archiving = self.archiving.get();
        if !archived.is_known && archived.size == 0 {
            return None;
        }
        Some(ArchiveStatus {
            records: archived.size,
            keep: archiving.map(|archiving| archiving.keep),
            is_failing: archiving.is_none_or(|archiving| lock(&archiving.problem).is_some()),
        })
    }
}

/// Where [`Core`] keeps this.
pub(crate) type Slot = OnceLock<Arc<Archiving>>;
