//! Reading the keyspaces: tables through their links, and over them what the journals hold.
//!
//! Trees are opened one by one, so that damage to one does not hide the others. Nothing is flushed or compacted: there are no workers. An error
//! of the database ends a scan, because what comes after it may be incomplete; so does a failure of its code on damaged bytes.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, SeqNo, Slice};

use crate::{
    Note,
    archive::Archive,
    files::Files,
    finding::{Findings, Object, Source, code},
    journal,
    layout::{DIGESTS, FORMAT_BEFORE, Space, u64_at},
};

/// Bound of the block cache, in bytes.
const CACHE_BYTES: u64 = 16 << 20;

/// Why something cannot be read, in the database's words.
#[derive(Debug, Clone)]
pub(crate) struct Unreadable(pub(crate) String);

/// The store's keyspaces, as far as they can be opened.
pub(crate) struct Database {
    trees: [Option<AnyTree>; 8],
    /// Where the older part of the log is, if it moved.
    pub(crate) archive: Option<Archive>,
    _files: Files,
}

type Pair = (Slice, Slice);

impl Database {
    /// Opens what can be opened; findings say what cannot.
    pub(crate) fn open(files: Files, findings: &mut Findings, notes: &mut Vec<Note>) -> Self {
        let cache = Arc::new(Cache::with_capacity_bytes(CACHE_BYTES));
        let mut opened = BTreeMap::new();
        for (number, dir) in &files.keyspaces {
            match open_tree(dir, &cache) {
                Ok(tree) => drop(opened.insert(*number, tree)),
                Err(Unreadable(reason)) => {
                    let object = Object::File(format!("keyspaces/{number}"));
                    findings.add(object, code::FILE_DAMAGED, Source::Peers, reason);
                }
            }
        }
        let numbers = numbers(opened.get(&0), findings);
        replay(&files, &opened, findings, notes);
        let trees = Space::ALL.map(|space| numbers[space as usize].and_then(|number| opened.remove(&number)));
        let database = Self { trees, archive: None, _files: files };
        for space in Space::ALL.into_iter().filter(|space| !database.has(*space)) {
            let (code, reason) = match numbers[space as usize] {
                Some(number) => (code::KEYSPACE_UNREADABLE, format!("keyspaces/{number}")),
                None if space == Space::Digests && database.is_before_digests() => continue,
                None => (code::KEYSPACE_MISSING, String::new()),
            };
            findings.add(Object::Keyspace(space.name()), code, Source::Peers, reason);
        }
        database
    }

    /// Whether the store is of version 1.
    fn is_before_digests(&self) -> bool {
        let format = self.get(Space::Meta, b"format").ok().flatten();
        format.is_some_and(|format| *format == *FORMAT_BEFORE)
    }

    /// Of how many records the index has the digests.
    pub(crate) fn indexed(&self) -> u64 {
        if self.is_before_digests() {
            return u64::MAX;
        }
        let mark = self.get(Space::Meta, DIGESTS).ok().flatten();
        mark.and_then(|mark| u64_at(&mark, 0)).unwrap_or(0)
    }

    fn tree(&self, space: Space) -> Result<&AnyTree, Unreadable> {
        self.trees[space as usize].as_ref().ok_or_else(|| Unreadable("the keyspace is not open".to_owned()))
    }

    /// Whether the keyspace could be opened.
    pub(crate) fn has(&self, space: Space) -> bool {
        self.trees[space as usize].is_some()
    }

    /// The archive, if the record at `index` moved there.
    pub(crate) fn archive_of(&self, index: u64) -> Option<&Archive> {
        self.archive.as_ref().filter(|archive| index < archive.size)
    }

    /// At least as many as the keyspace has entries.
    pub(crate) fn entries(&self, space: Space) -> u64 {
        self.tree(space).map_or(0, |tree| tree.approximate_len() as u64)
    }

    /// The value of `key`.
    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, Unreadable> {
        let tree = self.tree(space)?;
        guarded(|| tree.get(key, SeqNo::MAX))
    }

    /// Entries whose keys begin with `prefix`, in order.
    pub(crate) fn scan(&self, space: Space, prefix: &[u8]) -> Scan {
        let tree = match self.tree(space) {
            Ok(tree) => tree,
            Err(error) => return Scan::Failed(error),
        };
        let begin = || match prefix {
            [] => Ok(tree.iter(SeqNo::MAX, None)),
            prefix => Ok(tree.prefix(prefix, SeqNo::MAX, None)),
        };
        guarded(begin).map_or_else(Scan::Failed, |inner| Scan::Open(Box::new(inner)))
    }

    /// The last entry whose key begins with `prefix`.
    pub(crate) fn last(&self, space: Space, prefix: &[u8]) -> Result<Option<Pair>, Unreadable> {
        match self.scan(space, prefix) {
            Scan::Open(mut inner) => guarded(|| inner.next_back().map(Guard::into_inner).transpose()),
            Scan::Failed(error) => Err(error),
            Scan::Ended => Ok(None),
        }
    }
}

fn guarded<T>(read: impl FnOnce() -> lsm_tree::Result<T>) -> Result<T, Unreadable> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Unreadable(error.to_string())),
        Err(_) => Err(Unreadable("the database's code failed on it".to_owned())),
    }
}

type Entries = Box<dyn DoubleEndedIterator<Item = lsm_tree::IterGuardImpl> + Send>;

/// A scan; it ends after the first error.
pub(crate) enum Scan {
    Open(Box<Entries>),
    Failed(Unreadable),
    Ended,
}

impl Iterator for Scan {
    type Item = Result<Pair, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = match self {
            Self::Open(inner) => guarded(|| inner.next().map(Guard::into_inner).transpose()).transpose(),
            Self::Failed(error) => Some(Err(error.clone())),
            Self::Ended => None,
        };
        if !matches!(found, Some(Ok(_))) {
            *self = Self::Ended;
        }
        found
    }
}

fn open_tree(dir: &Path, cache: &Arc<Cache>) -> Result<AnyTree, Unreadable> {
    let config = Config::new(dir, Default::default(), Default::default()).use_cache(Arc::clone(cache));
    guarded(|| config.open())
}

/// Numbers of the keyspaces, from keyspace 0, which names them; in the order of their making where it cannot be read.
fn numbers(names: Option<&AnyTree>, findings: &mut Findings) -> [Option<u64>; 8] {
    let mut found = [None; 8];
    let Some(names) = names else {
        findings.add(Object::Keyspace("names"), code::KEYSPACE_UNREADABLE, Source::Peers, "keyspaces/0");
        return std::array::from_fn(|at| Some(at as u64 + 1));
    };
    let scan = guarded(|| Ok(names.prefix(b"n", SeqNo::MAX, None)));
    let mut scan = scan.map_or_else(Scan::Failed, |inner| Scan::Open(Box::new(inner)));
    for pair in &mut scan {
        match pair {
            Ok((key, value)) => {
                let number = u64_at(&key, 1);
                if let Some(space) = Space::ALL.into_iter().find(|s| s.name().as_bytes() == &*value) {
                    found[space as usize] = number;
                }
            }
            Err(Unreadable(reason)) => {
                findings.add(Object::Keyspace("names"), code::KEYSPACE_UNREADABLE, Source::Peers, reason);
                return std::array::from_fn(|at| Some(at as u64 + 1));
            }
        }
    }
    found
}

/// Puts over the tables what the journals hold and they do not.
fn replay(files: &Files, trees: &BTreeMap<u64, AnyTree>, findings: &mut Findings, notes: &mut Vec<Note>) {
    let persisted: BTreeMap<u64, Option<SeqNo>> =
        trees.iter().map(|(number, tree)| (*number, tree.get_highest_persisted_seqno())).collect();
    for path in &files.journals {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ending = journal::replay(path, |batch| {
            for write in batch.writes {
                let Some(tree) = trees.get(&write.keyspace).filter(|_| !write.key.is_empty()) else {
                    continue;
                };
                if persisted[&write.keyspace].is_some_and(|seqno| batch.seqno <= seqno) {
                    continue;
                }
                match write.value {
                    Some(value) => drop(tree.insert(write.key, value, batch.seqno)),
                    None => drop(tree.remove(write.key, batch.seqno)),
                }
            }
        });
        let damaged = |findings: &mut Findings, reason: String| {
            findings.add(Object::File(name.clone()), code::JOURNAL_DAMAGED, Source::Peers, reason);
        };
        match ending {
            Ok(journal::Ending::Whole) => {}
            Ok(journal::Ending::Unfinished { at, bytes }) => {
                let detail = format!("{name}: {bytes} bytes from byte {at} on");
                notes.push(Note { code: Note::JOURNAL_UNFINISHED, detail });
            }
            Ok(journal::Ending::Damaged { at, reason, lost }) => {
                damaged(findings, format!("{reason} at byte {at}; {lost} whole batches follow"));
            }
            Err(error) => damaged(findings, error.to_string()),
        }
    }
}
