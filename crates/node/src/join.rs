//! Joining by a snapshot: a store that begins at a sealed checkpoint instead of the first record.
//!
//! Trusts the genesis and nothing else, as a follower does. The checkpoint must be sealed to the policy of its term, to which the links of the
//! history lead; the state and every tile must be those that it seals. What does not hold is refused and named, and another source is asked.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use xiezhi_evidence::{
    Checkpoint, Genesis, TermLink, TimeStamp, alliance, alliance::STATE_KEY, genesis::INSTITUTIONS_MAX,
};
use xiezhi_ledger::{
    SNAPSHOT_VERSION, SealedBlock, Snapshot, StateEntries, StateEntryPart, StateTree, after,
};
use xiezhi_merkle::TileId;
use xiezhi_store::{Sealed, SnapshotError, Store, TermChange, TileSource, TreeKind};
use xiezhi_types::Height;

use crate::{
    answer::unavailable,
    api::{QueryError, Tree},
    collection::Sealing,
    core::{Core, lock},
    follow::{FollowError, Follower, RestoreError, UpstreamError, consensus_dir},
    lists::Lists,
    machine::System,
};

/// Entries of the state in one answer, in bytes; one entry may be longer.
const STATE_ANSWER_BYTES: usize = 1 << 20;
/// Tiles are fetched by so many threads.
const FETCHING: usize = 8;
/// Longest value of the state: the alliance, with a full statement proposed by each of 64 members, and room.
const STATE_VALUE_BYTES_MAX: usize = 8 << 20;
/// Most terms in a history.
const TERMS_MAX: usize = 10_000;

/// A node from which the parts of a snapshot are had. Called from several threads; may block.
pub trait SnapshotSource: Send + Sync {
    /// How it is called in messages.
    fn name(&self) -> String;

    /// The newest snapshot: `xiezhi_ledger::Snapshot`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    fn snapshot(&self) -> Result<Vec<u8>, UpstreamError>;

    /// State entries after the block at `height`, from the key hash `from` on: `xiezhi_ledger::StateEntries`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    fn state_entries(&self, height: Height, from: [u8; 32]) -> Result<Vec<u8>, UpstreamError>;

    /// The tile `id`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    fn tile(&self, tree: Tree, id: TileId) -> Result<Vec<u8>, UpstreamError>;
}

/// Makes the store of an observer in `dir`, which must hold none, from a snapshot of `sources`: a checkpoint's state and tiles, each part checked. What was
/// fetched by an attempt that was cut off is checked anew and kept. Gives the checkpoint's height and records.
///
/// `told` hears of the tiles so far and of how many there are.
///
/// # Errors
/// [`RestoreError`], with what each source did wrong; then there is no store, and trying again goes on.
pub fn join(
    genesis: Vec<u8>,
    dir: &Path,
    cache_bytes: u64,
    sources: &[Arc<dyn SnapshotSource>],
    told: &(dyn Fn(u64, u64) + Sync),
) -> Result<(Height, u64), RestoreError> {
    let parsed = Genesis::parse(&genesis)?;
    let ledger = Genesis::ledger_id(&genesis);
    let building = dir.join("store.joining");
    let failed = |reason: String| RestoreError::Source { height: Height(0), size: 0, reason };
    fs::create_dir_all(&building).map_err(|error| failed(error.to_string()))?;
    let store = Store::open(&building, &parsed, ledger, cache_bytes).map_err(RestoreError::Store)?;
    // Nobody is asked and nobody answers under this name.
    let name = parsed.institutions[0].id.clone();
    let machine = Arc::new(System::new());
    let sealing = Sealing::new(Lists::open(dir, &[]));
    let core = Arc::new(Core::new(machine, parsed, genesis, ledger, name, store, sealing));
    let taken = Joining { core: &core, sources, told }.run();
    let checkpoint = taken.map_err(|error| match error {
        SnapshotError::Store(error) => RestoreError::Store(error),
        other => failed(other.to_string()),
    })?;
    drop(core);
    let moved = fs::rename(&building, dir.join("store"));
    let moved = moved.and_then(|()| fs::File::open(dir).and_then(|dir| dir.sync_all()));
    moved.map_err(|error| failed(error.to_string()))?;
    Ok((checkpoint.height, checkpoint.size.0))
}

/// [`join`] for an institution's node: whether this institution voted before, nobody knows, so it is silent at first as after [`crate::restore`]. It votes
/// in a term that began after the snapshot, once no statement from before the snapshot can be recorded again.
///
/// # Errors
/// As there.
pub fn join_as_member(
    genesis: Vec<u8>,
    dir: &Path,
    cache_bytes: u64,
    sources: &[Arc<dyn SnapshotSource>],
    told: &(dyn Fn(u64, u64) + Sync),
) -> Result<(Height, u64), RestoreError> {
    let (height, size) = join(genesis, dir, cache_bytes, sources, told)?;
    let marked = xiezhi_consensus::forget_votes(&consensus_dir(dir));
    marked.map_err(|error| RestoreError::Source { height, size, reason: error.to_string() })?;
    Ok((height, size))
}

struct Joining<'a> {
    core: &'a Arc<Core>,
    sources: &'a [Arc<dyn SnapshotSource>],
    told: &'a (dyn Fn(u64, u64) + Sync),
}

/// Time stamps by the fingerprint of their authority.
type Stamps = Vec<([u8; 32], TimeStamp)>;

impl Joining<'_> {
    fn run(&self) -> Result<Checkpoint, SnapshotError> {
        let block = self.first_of(|source| self.begin(source))?;
        let checkpoint = &block.0.checkpoint;
        for tree in [TreeKind::Sha256, TreeKind::Sm3] {
            self.first_of(|source| {
                let get = |id| source.tile(asked(tree), id).map_err(|error| error.reason);
                self.core.store.adopt_edge(tree, checkpoint, get)
            })?;
        }
        self.tiles(checkpoint.size.0)?;
        let sealed = Sealed { checkpoint, seals: &block.0.seals, stamps: &block.1 };
        self.core.store.finish_snapshot(&sealed)?;
        Ok(block.0.checkpoint)
    }

    /// What the first source gives for which `take` does not fail; what all did wrong if it does for each. A failing store ends it.
    fn first_of<T>(
        &self,
        take: impl Fn(&dyn SnapshotSource) -> Result<T, SnapshotError>,
    ) -> Result<T, SnapshotError> {
        let mut wrong = Vec::new();
        for source in self.sources {
            match take(source.as_ref()) {
                Ok(taken) => return Ok(taken),
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(source = source.name(), %error, "a part of a snapshot is not taken");
                    wrong.push(format!("{}: {error}", source.name()));
                }
            }
        }
        Err(part("no source has a snapshot that holds", wrong.join("; ")))
    }

    /// Checkpoint, terms and state, all from one source; gives the checkpoint with its seals, and the stamps that count.
    fn begin(&self, source: &dyn SnapshotSource) -> Result<(SealedBlock, Stamps), SnapshotError> {
        let store = &self.core.store;
        let had = |what: &str, answer: Result<Vec<u8>, UpstreamError>| answer.map_err(|e| part(what, e));
        let bytes = had("the snapshot", source.snapshot())?;
        let snapshot = Snapshot::parse(&bytes).map_err(|e| part("the snapshot", e))?;
        if snapshot.history.len() > TERMS_MAX {
            return Err(part("the history", format!("more than {TERMS_MAX} terms")));
        }
        store.begin_snapshot(&self.core.genesis)?;
        let mut follower = Follower::new(Arc::clone(self.core), Vec::new(), None);
        let mut witnessed = |what: String, block: &SealedBlock, lists| {
            follower.check_witnesses(block, lists).map_err(|error| blame(what, error))
        };
        for (at, bytes) in snapshot.history.iter().enumerate() {
            let what = format!("link {} of the history", at + 1);
            let link = TermLink::parse(bytes).map_err(|e| part(what.as_str(), e))?;
            let lists = link.revocations.clone();
            let (block, change) = self.read_link(link).map_err(|reason| part(what.as_str(), reason))?;
            let stamps = witnessed(what, &block, lists)?;
            let sealed = Sealed { checkpoint: &block.checkpoint, seals: &block.seals, stamps: &stamps };
            store.adopt_term(&change, &sealed)?;
        }
        let Snapshot { checkpoint, seals, timestamps, revocations, .. } = snapshot;
        let block = SealedBlock { checkpoint, body: Vec::new(), seals, timestamps };
        let stamps = witnessed("the checkpoint".to_owned(), &block, revocations)?;
        self.state(source, &block.checkpoint)?;
        Ok((block, stamps))
    }

    /// What a link says, if it follows from the term in force; its seals are not looked at.
    fn read_link(&self, link: TermLink) -> Result<(SealedBlock, TermChange), String> {
        let TermLink { checkpoint, seals, timestamps, alliance, proof, .. } = link;
        let term = self.core.store.term_at(Height(u64::MAX));
        proof
            .verify_present(&checkpoint.state_root, STATE_KEY, &alliance.encode())
            .map_err(|e| e.to_string())?;
        if alliance.version != alliance::VERSION || alliance.term != *term || checkpoint.height < term.from {
            return Err("is of another term".to_owned());
        }
        let next = alliance.next.as_ref().ok_or("decides no term")?;
        if next.number != term.number + 1 || next.from <= checkpoint.height || next.check().is_err() {
            return Err("decides a term that may not follow".to_owned());
        }
        let height = checkpoint.height;
        let block = SealedBlock { checkpoint, body: Vec::new(), seals, timestamps };
        Ok((block, TermChange { height, alliance, proof }))
    }

    fn state(&self, source: &dyn SnapshotSource, checkpoint: &Checkpoint) -> Result<(), SnapshotError> {
        // Every account but those of the genesis' institutions came by a record of its own: a lie ends before it fills the disk.
        let most = checkpoint.size.0.saturating_add(2 + INSTITUTIONS_MAX as u64);
        let mut taken = 0;
        let mut from = Some([0; 32]);
        let mut root = [0; 32];
        while let Some(hash) = from {
            let bytes = source.state_entries(checkpoint.height, hash).map_err(|e| part("the state", e))?;
            let entries = StateEntries::parse(&bytes).map_err(|e| part("the state", e))?;
            if entries.height != checkpoint.height
                || entries.entries.first().is_some_and(|first| first.key_hash < hash)
            {
                return Err(part("the state", "the answer is to another question"));
            }
            taken += entries.entries.len() as u64;
            if taken > most {
                return Err(part(
                    "the state",
                    format!("more than the {most} entries that the sealed size allows"),
                ));
            }
            if entries.entries.iter().any(|entry| entry.value.len() > STATE_VALUE_BYTES_MAX) {
                return Err(part("the state", format!("a value of more than {STATE_VALUE_BYTES_MAX} bytes")));
            }
            from = entries.entries.last().filter(|_| entries.more).and_then(|last| after(last.key_hash));
            let entries = entries.entries.into_iter().map(|entry| (entry.key_hash, entry.value));
            root = self.core.store.adopt_state(entries.collect())?;
        }
        if root == checkpoint.state_root {
            return Ok(());
        }
        Err(part("the state", "leads to another root than the sealed one"))
    }

    /// All full tiles, from the top down, those of one level side by side.
    fn tiles(&self, size: u64) -> Result<(), SnapshotError> {
        let full = |level: u8| size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        let total = 2 * (0..8).map(full).sum::<u64>();
        let done = AtomicU64::new(0);
        for level in (1..8u8).rev() {
            let above = full(level - 1).div_ceil(256);
            let work: Vec<_> =
                (0..above).flat_map(|at| [(TreeKind::Sha256, at), (TreeKind::Sm3, at)]).collect();
            let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
            std::thread::scope(|scope| {
                for worker in 0..FETCHING.min(work.len()) {
                    let (work, next, failed, done) = (&work, &next, &failed, &done);
                    scope.spawn(move || {
                        let fetch = Fetch { sources: self.sources, first: worker };
                        while let Some((tree, at)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                            if let Err(error) = self.core.store.adopt_tiles(*tree, level, *at, &fetch) {
                                lock(failed).get_or_insert(error);
                                next.store(work.len(), Ordering::Relaxed);
                            }
                            let below = (full(level - 1) - at * 256).min(256);
                            let so_far = done.fetch_add(below, Ordering::Relaxed) + below;
                            (self.told)(so_far.min(total), total);
                        }
                    });
                }
            });
            if let Some(error) = lock(&failed).take() {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Tiles from any of the sources, the first of them another one for each thread.
struct Fetch<'a> {
    sources: &'a [Arc<dyn SnapshotSource>],
    first: usize,
}

impl TileSource for Fetch<'_> {
    fn tile(&self, tree: TreeKind, id: TileId, holds: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, String> {
        let mut wrong = Vec::new();
        for at in 0..self.sources.len() {
            let source = &self.sources[(self.first + at) % self.sources.len()];
            match source.tile(asked(tree), id) {
                Ok(bytes) if holds(&bytes) => return Ok(bytes),
                Ok(_) => wrong.push(format!("{}: not the tile that is sealed", source.name())),
                Err(error) => wrong.push(format!("{}: {error}", source.name())),
            }
        }
        Err(wrong.join("; "))
    }
}

fn asked(tree: TreeKind) -> Tree {
    match tree {
        TreeKind::Sha256 => Tree::Sha256,
        TreeKind::Sm3 => Tree::Sm3,
    }
}

fn part(what: impl Into<String>, reason: impl ToString) -> SnapshotError {
    SnapshotError::Part { what: what.into(), reason: reason.to_string() }
}

impl Core {
    /// The checkpoint at `height`, sealed to policy, or the newest, and the history that leads to its term: what [`join`] begins with.
    pub(crate) fn snapshot(&self, height: Option<Height>) -> Result<Vec<u8>, QueryError> {
        let height = height.map_or_else(|| self.latest_sealed().map(|one| one.checkpoint.height), Ok)?;
        self.kept_from(height)?;
        let collection = self.sealing.collection(self, height).map_err(unavailable)?;
        let none = || QueryError::NotFound { what: format!("checkpoint {height}") };
        let collection = collection.ok_or_else(none)?;
        if !collection.missing.is_met() {
            return Err(unavailable(format!("checkpoint {height} is not sealed yet")));
        }
        let choice = self.choose(&collection);
        let changes = self.store.term_changes_until(height).map_err(unavailable)?;
        let snapshot = Snapshot {
            version: SNAPSHOT_VERSION,
            history: self.links(changes)?,
            checkpoint: collection.stored.checkpoint,
            seals: choice.seals.clone(),
            timestamps: collection.stamps,
            revocations: choice.lists.clone(),
        };
        Ok(snapshot.encode())
    }

    /// Entries of the state after the block at `height`, which must have a checkpoint, from the key hash `from` on.
    pub(crate) fn state_entries(&self, height: Height, from: [u8; 32]) -> Result<Vec<u8>, QueryError> {
        self.kept_from(height)?;
        let stored = self.store.checkpoint(height).map_err(unavailable)?;
        let stored = stored.ok_or_else(|| QueryError::NotFound { what: format!("checkpoint {height}") })?;
        let entries = StateTree::new(&self.store).entries(stored.state, from, STATE_ANSWER_BYTES);
        let entries = entries.map_err(unavailable)?;
        let next = entries.last().and_then(|(last, _)| after(*last));
        let more = match next {
            Some(next) => {
                let more = StateTree::new(&self.store).entries(stored.state, next, 1);
                !more.map_err(unavailable)?.is_empty()
            }
            None => false,
        };
        let entry = |(key_hash, value)| StateEntryPart { key_hash, value };
        let entries = entries.into_iter().map(entry).collect();
        Ok(StateEntries { version: SNAPSHOT_VERSION, height, entries, more }.encode())
    }

    /// Whether blocks from `height` on are here: all are, unless the store was made from a snapshot.
    pub(crate) fn kept_from(&self, height: Height) -> Result<(), QueryError> {
        match self.store.base() {
            Some(base) if height < base.height => Err(not_kept(base)),
            _ => Ok(()),
        }
    }
}

/// What is before the snapshot from which this node's store was made.
pub(crate) fn not_kept(base: xiezhi_store::Base) -> QueryError {
    QueryError::NotKept { height: base.height, size: base.size.0 }
}

/// A store that fails is no fault of a source.
fn blame(what: String, error: FollowError) -> SnapshotError {
    match error {
        FollowError::Upstream(reason) => part(what, reason),
        FollowError::Store(error) => error.into(),
    }
}
