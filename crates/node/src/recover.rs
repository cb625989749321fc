//! Consensus begun anew by agreement, when so many institutions have forgotten their votes that the others are no quorum.
//!
//! All copies of the ledger are brought to the same records; then every institution restarts the latest term's era from the same height. The new
//! run is bound to ledger, term, height and the last checkpoint, so nodes that disagree on any of them never vote together, and it has its
//! number from how often this was done. The ledger keeps its identity: records, checkpoints and heights go on.
//!
//! Once a quorum has restarted, the run before can make nothing final any more: no node votes in it after it has restarted. What the run before made
//! final above the chosen height, and no copy holds, is lost; whoever has a certificate for it can show the contradiction.

use std::{
    io,
    path::{Path, PathBuf},
};

use xiezhi_consensus::{Era, begin_restart, rejoin_restart, restart_has_begun};
use xiezhi_evidence::{Checkpoint, Genesis, genesis::GenesisError};
use xiezhi_store::{Store, StoreError};
use xiezhi_types::{Height, TimestampMs};

use crate::{StartError, eras, follow::consensus_dir};

/// The restart that a node takes part in, checked against what its store gives.
pub(crate) fn last_restart(
    data_dir: &Path,
    store: &Store,
    created: TimestampMs,
) -> Result<Option<Era>, StartError> {
    let wrong = |reason: String| StartError::Config { field: "consensus/restart", reason };
    let noted = xiezhi_consensus::last_restart(&consensus_dir(data_dir)).map_err(|e| wrong(e.to_string()))?;
    let Some(noted) = noted else { return Ok(None) };
    let (era, _) = eras::start(store, created, noted.number.into(), noted.restart, Height(noted.base))?;
    if era != noted {
        return Err(wrong("the store's last checkpoint is not the one it was begun with".to_owned()));
    }
    Ok(Some(noted))
}

/// What a restart grows from: to be the same at every institution before one of them starts its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The last height of this copy.
    pub tip: Height,
    /// Its records.
    pub size: u64,
    /// Its last checkpoint, if it has records.
    pub checkpoint: Option<Checkpoint>,
    /// The term that is restarted: the latest that this copy knows to be decided.
    pub term: u64,
    /// Which restart of it this is, from 1.
    pub count: u32,
    /// The height it grows from.
    pub base: Height,
    /// Binds all of this, and the ledger.
    pub start: [u8; 32],
}

/// Why consensus cannot be begun anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The genesis cannot be used.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The store cannot be opened, as when the node runs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no copy of the ledger.
    #[error("{} holds no copy of the ledger: restore one first", path.display())]
    NoCopy {
        /// The data directory.
        path: PathBuf,
    },
    /// The file of the last restart cannot be used.
    #[error(transparent)]
    Last(#[from] StartError),
    /// The height is below this copy's.
    #[error(
        "height {at} is below this copy's last height {tip}: all must begin at the highest of all copies' heights, or above"
    )]
    Below {
        /// The height asked for.
        at: Height,
        /// The copy's.
        tip: Height,
    },
    /// It would grow from elsewhere than was agreed.
    #[error("the start here is not the one expected: another copy has other records or another height")]
    Other {
        /// The start here.
        start: [u8; 32],
    },
    /// This node has begun that restart already.
    #[error("restart {count} of term {term} has begun here already: the next one has a higher number")]
    Begun {
        /// The term.
        term: u64,
        /// The restart.
        count: u32,
    },
    /// A file cannot be written.
    #[error("cannot write to {}", path.display())]
    Write {
        /// The data directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How a restart is to be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Not at all: only what it would grow from is said.
    Not,
    /// When the node is started next.
    New,
    /// Others have begun it; this node may have voted in it, and has forgotten its votes.
    Again,
}

/// Says what a restart from height `at` (by default this copy's last) would grow from, and has the node in `data_dir`, which must not run, begin
/// it when it is started next.
///
/// `count` says which restart of the term this is; by default one more than this node knows of. Done twice before the node is started, it is the
/// same restart. `expected` is the start that all have agreed on. Nothing of the ledger changes but its height.
///
/// # Errors
/// [`RecoverError`]; the node then begins nothing new.
pub fn recover(
    genesis: &[u8],
    data_dir: &Path,
    cache_bytes: u64,
    at: Option<Height>,
    count: Option<u32>,
    expected: Option<[u8; 32]>,
    begin: Begin,
) -> Result<Recovery, RecoverError> {
    let parsed = Genesis::parse(genesis)?;
    let stored = data_dir.join("store");
    if !stored.exists() {
        return Err(RecoverError::NoCopy { path: data_dir.to_owned() });
    }
    let store = Store::open(&stored, &parsed, Genesis::ledger_id(genesis), cache_bytes)?;
    let (tip, alliance) = (store.tip(), store.alliance());
    let term = alliance.next.as_ref().unwrap_or(&alliance.term);
    let at = at.unwrap_or(tip.height);
    if at < tip.height && begin != Begin::Again {
        return Err(RecoverError::Below { at, tip: tip.height });
    }
    let base = Height(at.0.max(term.from.0.saturating_sub(1)));
    let root = consensus_dir(data_dir);
    let start = |count| eras::start(&store, parsed.created, term.number, count, base).map(|(era, _)| era);
    let has_begun = |count| start(count).map(|era| restart_has_begun(&root, &era));
    let known = last_restart(data_dir, &store, parsed.created)?;
    let known = known.filter(|known| u64::from(known.number) == term.number).map_or(0, |known| known.restart);
    let next = if known > 0 && !has_begun(known)? { known } else { known + 1 };
    let count = count.unwrap_or(next).max(1);
    if begin != Begin::Again && (count < known || has_begun(count)?) {
        return Err(RecoverError::Begun { term: term.number, count });
    }
    let era = start(count)?;
    if expected.is_some_and(|expected| expected != era.parent) {
        return Err(RecoverError::Other { start: era.parent });
    }
    let write = |source| RecoverError::Write { path: root.clone(), source };
    match begin {
        Begin::Not => {}
        Begin::New => {
            store.pass_to(base)?;
            begin_restart(&root, &era).map_err(write)?;
        }
        Begin::Again => rejoin_restart(&root, &era).map_err(write)?,
    }
    Ok(Recovery {
        tip: tip.height,
        size: tip.size.0,
        checkpoint: store.checkpoint_at_most(base)?.map(|stored| stored.checkpoint),
        term: term.number,
        count,
        base,
        start: era.parent,
    })
}
