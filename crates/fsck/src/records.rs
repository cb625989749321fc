//! Reading records with their items, and what each implies for the index.

use lsm_tree::Slice;
use xiezhi_crypto::Digest;
use xiezhi_evidence::{BatchItem, Body, Statement};
use xiezhi_merkle::{Frontier, Sha256, decode_bundle};

use crate::{
    archive,
    database::{Database, Unreadable},
    finding::{Findings, Object, Source, code},
    layout::{self, BUNDLE_ITEMS, HEAD_BYTES, Head, NO_ITEM, Ranges, Space, bundle_key},
    ordered::Ordered,
};

/// Something wrong, not yet reported: the trees may say more of it.
pub(crate) type Problem = (Object, &'static str, String);

/// What could be read of a record.
#[derive(Default)]
pub(crate) struct Loaded {
    value: Option<Slice>,
    /// Nothing where the record is in the archive.
    pub(crate) head: Option<Head>,
    pub(crate) is_archived: bool,
    pub(crate) statement: Option<Statement>,
    /// Searchable digests of a batch's items; empty unless the items are the statement's.
    pub(crate) digests: Vec<(Digest, u32)>,
    /// Whether the items are those of the statement.
    pub(crate) items_whole: bool,
    pub(crate) problems: Vec<Problem>,
}

impl Loaded {
    /// The statement's bytes, whatever they are.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.value.as_ref()?.get(HEAD_BYTES..)
    }

    fn problem(&mut self, object: Object, code: &'static str, detail: impl ToString) {
        self.problems.push((object, code, detail.to_string()));
    }

    /// Gives `emit` every entry of the index that the record implies, key and value; those of digests if it is one of the first `indexed`.
    pub(crate) fn index_entries(&self, index: u64, indexed: u64, emit: &mut dyn FnMut(&[u8], &[u8])) {
        let Some(statement) = &self.statement else { return };
        emit(&layout::statement_entry(&statement.id().0), &index.to_be_bytes());
        for account in statement.accounts() {
            emit(&layout::account_entry(&account.0, index), &[]);
        }
        if let Some(group) = statement.group() {
            emit(&layout::group_entry(&group.0, index), &[]);
        }
        if index >= indexed {
            return;
        }
        for digest in statement.digests() {
            emit(&layout::digest_entry(&digest, index, NO_ITEM), &[]);
        }
        for (digest, item) in &self.digests {
            emit(&layout::digest_entry(digest, index, *item), &[]);
        }
    }
}

/// Records in the order of the log, each with its items.
pub(crate) struct Records<'a> {
    database: &'a Database,
    log: Ordered<'a>,
    items: Ordered<'a>,
    /// Keys of `items` that belong to no batch, so far as is known.
    strays: Vec<Vec<u8>>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(database: &'a Database) -> Self {
        Self {
            database,
            log: Ordered::new(database, Space::Log),
            items: Ordered::new(database, Space::Items),
            strays: Vec::new(),
        }
    }

    /// The record at `index`; asked for in rising order. `stray` gets keys of the log that are none.
    pub(crate) fn load(&mut self, index: u64, stray: impl FnMut(&[u8])) -> Loaded {
        let mut loaded = Loaded { items_whole: true, ..Loaded::default() };
        let object = Object::record(index);
        let mut found = self.log.take(&index.to_be_bytes(), stray);
        if let (Ok(None), Some(archive)) = (&found, self.database.archive_of(index)) {
            loaded.is_archived = true;
            // Where the others have their head.
            let value = |statement: Vec<u8>| [&[0; HEAD_BYTES], statement.as_slice()].concat();
            found = archive.statement(index).map(|found| found.map(|bytes| value(bytes).into()));
        }
        match found {
            Ok(Some(value)) => loaded.value = Some(value),
            Ok(None) => loaded.problem(object, code::RECORD_MISSING, ""),
            Err(Unreadable(reason)) => loaded.problem(object, code::RECORD_UNREADABLE, reason),
        }
        let Some(value) = loaded.value.clone() else { return loaded };
        loaded.head = Head::read(&value).filter(|_| !loaded.is_archived);
        let statement = value.get(HEAD_BYTES..).map(Statement::parse);
        match statement {
            None => loaded.problem(Object::record(index), code::RECORD_MALFORMED, "too short"),
            Some(Err(error)) => loaded.problem(Object::record(index), code::RECORD_MALFORMED, error),
            Some(Ok(statement)) => {
                if let Body::Batch(batch) = statement.body() {
                    self.load_items(index, batch.items, &batch.items_root, &mut loaded);
                }
                let count = if let Body::Batch(batch) = statement.body() { batch.items } else { 0 };
                if let Some(head) = loaded.head.filter(|head| head.items != count) {
                    let detail = format!("{} are noted, the statement has {count}", head.items);
                    loaded.problem(Object::record(index), code::RECORD_ITEMS, detail);
                }
                loaded.statement = Some(statement);
            }
        }
        loaded
    }

    fn load_items(&mut self, record: u64, count: u32, root: &[u8; 32], loaded: &mut Loaded) {
        let mut tree = Frontier::<Sha256>::new();
        let archived = self.database.archive_of(record).map(|archive| archive.items(record));
        let mut read = 0;
        for bundle in 0..count.div_ceil(BUNDLE_ITEMS) {
            let object = Object::Items { record, bundle: Some(bundle) };
            let first = bundle * BUNDLE_ITEMS;
            let width = (count - first).min(BUNDLE_ITEMS);
            let strays = &mut self.strays;
            let found = match &archived {
                None => self.items.take(&bundle_key(record, bundle), |key| strays.push(key.to_vec())),
                Some(Ok(Some(bytes))) => {
                    let last = first + width == count;
                    let bundle = archive::bundle(&bytes[read..], if last { u32::MAX } else { width });
                    read += bundle.len();
                    Ok(Some(Slice::from(bundle)))
                }
                Some(Ok(None)) => Ok(None),
                Some(Err(error)) => Err(error.clone()),
            };
            let result = match &found {
                Ok(Some(bytes)) => read_bundle(bytes, first, width, &mut tree, &mut loaded.digests)
                    .map_err(|reason| (code::ITEMS_MALFORMED, reason)),
                Ok(None) => Err((code::ITEMS_MISSING, String::new())),
                Err(Unreadable(reason)) => Err((code::ITEMS_UNREADABLE, reason.clone())),
            };
            if let Err((code, reason)) = result {
                loaded.items_whole = false;
                loaded.problem(object, code, reason);
            }
        }
        if loaded.items_whole && tree.root() != *root {
            loaded.items_whole = false;
            loaded.problem(Object::Items { record, bundle: None }, code::ITEMS_ALTERED, "");
        }
        if !loaded.items_whole {
            loaded.digests.clear();
        }
    }

    /// Reports what belongs to no record; `damaged` are the records of which not even that is known.
    pub(crate) fn finish(self, damaged: &Ranges, findings: &mut Findings, stray: impl FnMut(&[u8])) {
        self.log.finish(findings, stray);
        let mut strays = self.strays;
        self.items.finish(findings, |key| strays.push(key.to_vec()));
        for key in strays {
            let bundle = layout::u64_at(&key, 0).zip(layout::u32_at(&key, 8)).filter(|_| key.len() == 12);
            let object = match bundle {
                Some((record, _)) if damaged.contains(record) => continue,
                // Laid bare by the database; what counts is what the archive has.
                Some((record, _)) if self.database.archive_of(record).is_some() => continue,
                Some((record, bundle)) => Object::Items { record, bundle: Some(bundle) },
                None => Object::Entry { keyspace: "items", key: hex::encode(&key) },
            };
            findings.add(object, code::ITEMS_STRAY, Source::Log, "");
        }
    }
}

/// Reads a bundle of `width` items, the first of which is item `first`.
fn read_bundle(
    bytes: &[u8],
    first: u32,
    width: u32,
    tree: &mut Frontier<Sha256>,
    digests: &mut Vec<(Digest, u32)>,
) -> Result<(), String> {
    let width = u16::try_from(width).map_err(|e| e.to_string())?;
    let items = decode_bundle(bytes, width).map_err(|e| e.to_string())?;
    for (number, bytes) in (first..).zip(items) {
        let item = BatchItem::parse(bytes).map_err(|e| format!("item {number}: {e}"))?;
        tree.append(BatchItem::leaf(bytes));
        digests.extend(item.digests.into_iter().map(|digest| (digest, number)));
    }
    Ok(())
}
