//! The index of searchable digests: sorted tables in the database, and in memory what is not in them yet.
//!
//! A batch brings thousands of digests in no order. As entries of their own in the database's journal and memory table they were the largest part of what
//! an item cost; here they wait in memory as sorted runs and are written as whole tables, beside the blocks. Nothing is lost with the memory: the mark
//! `digests` says up to which record the tables have them, and opening reads the records after it again.

use std::{
    cmp::Ordering,
    ops::{Bound, RangeBounds},
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread::JoinHandle,
};

use fjall::{Keyspace, OwnedWriteBatch, PersistMode};
use xiezhi_evidence::{BatchItem, Statement};
use xiezhi_types::LogIndex;

use crate::{Store, StoreError, damaged, keys};

/// An entry's key: `'d' alg digest index item`.
pub(crate) type Entry = [u8; 46];

/// So many entries are written to tables together: 23 MiB.
const WRITTEN_AT_ONCE: usize = 1 << 19;
/// Or those of so many records: opening reads them again, in about a second.
const RECORDS_AT_ONCE: u64 = 1 << 17;
/// Runs are merged up to this length: a search looks into each.
const RUN_MAX: usize = 1 << 13;
/// When so many wait while tables are being written, blocks wait too.
const WAITING_MAX: usize = 4 * WRITTEN_AT_ONCE;

/// Entries on their way to the tables.
struct Writing {
    runs: Arc<Vec<Vec<Entry>>>,
    /// Records whose digests the tables have when it is done.
    size: u64,
    thread: Option<JoinHandle<Result<(), fjall::Error>>>,
}

#[derive(Default)]
struct Recent {
    /// Each sorted; those that are short, more than twice as long as the next.
    runs: Vec<Vec<Entry>>,
    /// Records whose digests are in `runs`, on their way, or in the tables.
    size: u64,
    /// Records whose digests the tables have, as the database knows it.
    mark: u64,
    writing: Option<Writing>,
}

impl Recent {
    fn waiting(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// Whether there is enough for tables.
    fn is_due(&self) -> bool {
        let begun = self.writing.as_ref().map_or(self.mark, |writing| writing.size);
        self.waiting() >= WRITTEN_AT_ONCE || self.size - begun >= RECORDS_AT_ONCE
    }

    fn add(&mut self, mut run: Vec<Entry>) {
        if run.is_empty() {
            return;
        }
        run.sort_unstable_by(order);
        let is_short = |last: &mut Vec<Entry>, run: &Vec<Entry>| {
            last.len() <= 2 * run.len() && last.len() + run.len() <= RUN_MAX
        };
        while let Some(mut longer) = self.runs.pop_if(|last| is_short(last, &run)) {
            longer.append(&mut run);
            run = merged(longer);
        }
        self.runs.push(run);
    }
}

/// See the head of this file. What changes it is called by one thread at a time, the store's writer.
pub(crate) struct Digests {
    keyspace: Keyspace,
    recent: RwLock<Recent>,
}

impl Drop for Digests {
    fn drop(&mut self) {
        // After this the files may be somebody else's.
        let thread = self.change().writing.as_mut().and_then(|writing| writing.thread.take());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Digests {
    pub(crate) fn new(keyspace: Keyspace) -> Self {
        Self { keyspace, recent: RwLock::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(|e| e.into_inner())
    }

    fn change(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(|e| e.into_inner())
    }

    /// The tables.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Entries in memory within `range`, at most `limit` of each run. To be asked before the tables: entries go from here to there.
    pub(crate) fn in_memory(&self, range: (Bound<&[u8]>, Bound<&[u8]>), limit: usize) -> Vec<Entry> {
        let recent = self.read();
        let written = recent.writing.iter().flat_map(|writing| writing.runs.iter());
        let mut found = Vec::new();
        for run in recent.runs.iter().chain(written) {
            let start = run.partition_point(|entry| match range.0 {
                Bound::Included(from) => entry.as_slice() < from,
                Bound::Excluded(from) => entry.as_slice() <= from,
                Bound::Unbounded => false,
            });
            let within = run[start..].iter().take(limit);
            found.extend(within.take_while(|entry| RangeBounds::<[u8]>::contains::<[u8]>(&range, *entry)));
        }
        found
    }

    /// Takes the entries of the records up to `size`, and begins to write tables when there are many.
    pub(crate) fn add(&self, entries: Vec<Entry>, size: u64) {
        let mut recent = self.change();
        recent.add(entries);
        recent.size = size;
        if recent.is_due() {
            self.write(&mut recent);
        }
    }

    /// Begins to write what is in memory, unless something is being written.
    fn write(&self, recent: &mut Recent) {
        if recent.writing.is_some() {
            return;
        }
        let runs = Arc::new(std::mem::take(&mut recent.runs));
        let thread = std::thread::spawn({
            let (keyspace, runs) = (self.keyspace.clone(), Arc::clone(&runs));
            move || write_tables(&keyspace, merged(runs.concat()))
        });
        recent.writing = Some(Writing { runs, size: recent.size, thread: Some(thread) });
    }

    /// Adds the new mark to `batch` if tables were written; [`Digests::marked`] follows once the batch is durable. Waits for tables when too much waits in
    /// memory, or `wait`.
    ///
    /// # Errors
    /// The database's: tables were not written. Their entries stay in memory and are tried again.
    pub(crate) fn mark_in(
        &self,
        batch: &mut OwnedWriteBatch,
        meta: &Keyspace,
        wait: bool,
    ) -> Result<Option<u64>, fjall::Error> {
        let mut recent = self.change();
        let wait = wait || recent.waiting() >= WAITING_MAX;
        let Some(writing) = &mut recent.writing else { return Ok(None) };
        if let Some(thread) = writing.thread.take_if(|thread| wait || thread.is_finished()) {
            drop(recent);
            // Readers go on meanwhile.
            let done = thread.join().unwrap_or(Err(fjall::Error::Poisoned));
            recent = self.change();
            if let Err(error) = done {
                if let Some(failed) = recent.writing.take() {
                    recent.runs.extend_from_slice(&failed.runs);
                }
                return Err(error);
            }
        }
        let written = recent.writing.as_ref().filter(|writing| writing.thread.is_none());
        let size = written.map(|writing| writing.size);
        if let Some(size) = size {
            batch.insert(meta, keys::DIGESTS, size.to_be_bytes());
        }
        Ok(size)
    }

    /// The batch with the mark `size` is durable.
    pub(crate) fn marked(&self, size: Option<u64>) {
        if let Some(size) = size {
            let mut recent = self.change();
            (recent.mark, recent.writing) = (size, None);
        }
    }
}

/// The order of the bytes, most of it by one comparison.
fn order(one: &Entry, two: &Entry) -> Ordering {
    let front = |entry: &Entry| entry.first_chunk().map(|front| u128::from_be_bytes(*front));
    front(one).cmp(&front(two)).then_with(|| one.cmp(two))
}

/// Sorted runs, one after the other, as one.
fn merged(mut runs: Vec<Entry>) -> Vec<Entry> {
    // The stable sort merges what is sorted.
    runs.sort_by(order);
    runs
}

fn write_tables(keyspace: &Keyspace, mut entries: Vec<Entry>) -> Result<(), fjall::Error> {
    entries.dedup();
    let mut tables = keyspace.start_ingestion()?;
    for entry in entries {
        tables.write(entry.as_slice(), [])?;
    }
    tables.finish()
}

impl Store {
    /// Reads again what the tables do not have; in tables already as much as memory is not to hold.
    pub(crate) fn restore_digests(&self, size: u64) -> Result<(), StoreError> {
        let wrong = || damaged("the mark of the digests", "wrong length, or beyond the log");
        let mark = match self.get(&self.meta, keys::DIGESTS)? {
            Some(bytes) if bytes.len() == 8 => keys::u64_at(&bytes, 0).ok_or_else(wrong)?,
            Some(_) => return Err(wrong()),
            None => 0,
        };
        let mark = mark.max(self.base().map_or(0, |base| base.size.0));
        if mark > size {
            return Err(wrong());
        }
        let mut recent = self.digests.change();
        (recent.mark, recent.size) = (mark, mark);
        drop(recent);
        let mut entries = Vec::new();
        for index in mark..size {
            self.read_digests(LogIndex(index), &mut entries)?;
            if entries.len() >= WRITTEN_AT_ONCE {
                self.digests.add(std::mem::take(&mut entries), index + 1);
                self.write_digests(index + 1)?;
            }
        }
        self.digests.add(entries, size);
        Ok(())
    }

    fn read_digests(&self, index: LogIndex, entries: &mut Vec<Entry>) -> Result<(), StoreError> {
        let record = self.record(index)?.ok_or_else(|| damaged("a record", "missing"))?;
        let statement = Statement::parse(&record.statement).map_err(|e| damaged("a record", e))?;
        entries.extend(statement.digests().iter().map(|digest| keys::digest_place(digest, index, None)));
        if record.items > 0 {
            for (at, item) in (0..).zip(self.items(index, record.items)?) {
                let item = BatchItem::parse(&item).map_err(|e| damaged("a batch", e))?;
                let places = item.digests.iter();
                entries.extend(places.map(|digest| keys::digest_place(digest, index, Some(at))));
            }
        }
        Ok(())
    }

    /// Sees to it that tables have the digests of the first `size` records, of those that are there, so that opening need not read these again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write_digests(&self, size: u64) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(|e| e.into_inner());
        loop {
            let mut recent = self.digests.change();
            if recent.mark >= size.min(recent.size) {
                return Ok(());
            }
            self.digests.write(&mut recent);
            drop(recent);
            let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
            let mark =
                self.digests.mark_in(&mut batch, &self.meta, true).map_err(|source| self.failed(source))?;
            batch.commit().map_err(|source| self.failed(source))?;
            self.digests.marked(mark);
        }
    }
}
