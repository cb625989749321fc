//! The older part of the log, moved to an object store and read from there.
//!
//! What moves, in pieces of 256 records: statements, items of batches, and the tiles of level 0. Tiles above, index, state, checkpoints and seals stay, so
//! that whatever comes back is checked before it is used: a tile by the hash above it, a statement by the tile, items by the root in their statement. The
//! place may be anybody's. Height and time of a record are those of the first checkpoint behind it.
//!
//! A piece is uploaded and read back; then one durable batch forgets it here and moves the mark `archive`. A crash before leaves objects that the next
//! attempt writes again, the same bytes; a crash after leaves nothing to do. docs/specs/archive.md has the objects' names and contents.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::Ordering},
};

use fjall::{AbstractTree as _, PersistMode};
use xiezhi_evidence::{BatchItem, Body, Statement};
use xiezhi_merkle::{
    BundleId, Frontier, HashReader, Sha256, Sm3, TILE_HEIGHT, TILE_WIDTH, TileId, TileTree, TreeHash,
};
use xiezhi_objects::{ObjectsError, Waiting};
use xiezhi_types::{Height, LedgerId, LogIndex};

use crate::{
    Store, StoreError, StoredCheckpoint, StoredRecord, damaged, keys,
    trees::{Twin, tile_key},
};

/// Records of a piece: those under one tile.
const PIECE: u64 = TILE_WIDTH as u64;
/// Pieces that are forgotten in one batch.
const PIECES_MAX: u64 = 16;
/// Bytes on their way at once, beyond the objects of one record.
const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// Tables are looked through for such as hold nothing but what moved, every so many records.
const SWEPT_EVERY: u64 = 1 << 16;
/// Bytes of a tile.
const TILE_BYTES: u64 = 256 * 32;
/// Most bytes of an entry bundle: 256 statements, each after its length.
const BUNDLE_BYTES_MAX: u64 = 256 * (2 + 0xffff);
/// Most bytes of a batch's items: a block's, and a length for each.
const ITEMS_BYTES_MAX: u64 = (64 << 20) + 2 * 65_536;
/// Pieces whose statements are kept in memory. When there are so many, all are dropped.
const CACHED_PIECES_MAX: usize = 64;

/// Name of the object that says whose archive this is.
const MARK: &str = "xiezhi-archive";

/// Where the old part of the log is.
pub(crate) struct Archive {
    objects: Waiting,
    /// Statements by piece, checked.
    pieces: Mutex<HashMap<u64, Arc<Vec<Vec<u8>>>>>,
}

/// What of the log is where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// Records before this one are in the archive.
    pub size: u64,
    /// Whether this store was told where that is.
    pub is_known: bool,
}

/// The mark of the archive of `ledger`.
fn mark(ledger: &LedgerId) -> String {
    format!("xiezhi-archive 1\n{ledger}\n")
}

/// The name of a tile's object.
fn tile_name<H: Twin>(id: TileId) -> String {
    format!("{}{id}", H::FOLDER)
}

/// The name of the object that holds the items of the batch at `index`; numbers as in tiles' names.
fn items_name(index: u64) -> Option<String> {
    let id = TileId::new(0, index, TILE_WIDTH).ok()?.to_string();
    Some(format!("items/{}", id.strip_prefix("tile/0/")?))
}

fn cannot(what: impl Into<String>, reason: impl ToString) -> StoreError {
    StoreError::Archive { what: what.into(), reason: reason.to_string() }
}

impl Archive {
    /// The object `name`, which is `what`.
    fn get(&self, what: &str, name: &str, bytes_max: u64) -> Result<Vec<u8>, StoreError> {
        let found = self.objects.get(name, bytes_max).map_err(|e| cannot(what, e))?;
        let missing = || cannot(what, format!("{}/{name} is missing", self.objects.place()));
        Ok(found.ok_or_else(missing)?.into())
    }

    /// Sees to it that the place is this ledger's. Only a store that moved nothing yet begins one: a directory whose disk is not mounted is no archive.
    fn claim(&self, store: &Store) -> Result<(), StoreError> {
        let own = mark(&store.ledger);
        let failed = |e: ObjectsError| cannot("the log", e);
        if store.archived().size == 0 {
            self.objects.put_if_absent(MARK, own.clone().into()).map_err(failed)?;
        }
        let found = self.objects.get(MARK, 1024).map_err(failed)?;
        if found.as_deref() == Some(own.as_bytes()) {
            return Ok(());
        }
        let reason =
            if found.is_some() { "is the archive of another ledger or version" } else { "is no archive" };
        Err(cannot("the log", format!("{} {reason}", self.objects.place())))
    }
}

/// Objects to be written, sent when there are many bytes of them.
struct Upload<'a> {
    objects: &'a Waiting,
    waiting: Vec<(String, bytes::Bytes)>,
    bytes: usize,
}

impl Upload<'_> {
    fn add(&mut self, name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += bytes.len();
        self.waiting.push((name, bytes.into()));
        if self.bytes >= UPLOAD_BYTES_MAX { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let all = std::mem::take(&mut self.waiting);
        self.objects.put_checked(all).map_err(|e| cannot("the log", e))
    }
}

impl Store {
    /// Says where the archive is, once, before anything is asked of it. The place is not looked at yet.
    ///
    /// # Errors
    /// [`StoreError::Archive`] for a store that begins with a snapshot: it does not have what would move.
    pub fn attach_archive(&self, objects: Waiting) -> Result<(), StoreError> {
        if self.base().is_some() {
            return Err(cannot("the log", "a store that begins with a snapshot has no records to move"));
        }
        let archive = Archive { objects, pieces: Mutex::default() };
        self.archive.set(archive).map_err(|_| cannot("the log", "the archive is known already"))
    }

    /// What of the log is in the archive.
    #[must_use]
    pub fn archived(&self) -> Archived {
        Archived { size: self.archived.load(Ordering::Relaxed), is_known: self.archive.get().is_some() }
    }

    /// Moves the oldest whole pieces beyond the newest `keep` records to the archive, at most 4,096 records; gives how many. Looks whether the archive is
    /// there even if none moves.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing has moved, and the next call begins anew.
    pub fn archive(&self, keep: u64) -> Result<u64, StoreError> {
        let Some(archive) = self.archive.get() else { return Ok(0) };
        let from = self.archived().size;
        let old = self.tip().size.0.saturating_sub(keep) / PIECE * PIECE;
        let until = old.min(from + PIECES_MAX * PIECE);
        if until == 0 {
            return Ok(0);
        }
        archive.claim(self)?;
        if until <= from {
            return Ok(0);
        }
        // What opening would read from the log again stays.
        self.write_digests(until)?;
        let mut upload = Upload { objects: &archive.objects, waiting: Vec::new(), bytes: 0 };
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for piece in from / PIECE..until / PIECE {
            self.upload_piece(piece, &mut upload, &mut batch)?;
        }
        upload.send()?;
        batch.insert(&self.meta, keys::ARCHIVE, until.to_be_bytes());
        #[cfg(feature = "simulation")]
        if self.full.load(Ordering::Relaxed) {
            return Err(self.failed(fjall::Error::Io(std::io::ErrorKind::StorageFull.into())));
        }
        batch.commit().and_then(|()| self.relieve()).map_err(|source| self.failed(source))?;
        self.archived.store(until, Ordering::Relaxed);
        if until / SWEPT_EVERY > from / SWEPT_EVERY {
            self.sweep(until)?;
        }
        Ok(until - from)
    }

    fn upload_piece(
        &self,
        piece: u64,
        upload: &mut Upload<'_>,
        batch: &mut fjall::OwnedWriteBatch,
    ) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        for index in piece * PIECE..(piece + 1) * PIECE {
            let record = self.record(LogIndex(index))?.ok_or_else(|| damaged("a record", "missing"))?;
            xiezhi_merkle::push_entry(&mut entries, &record.statement).map_err(|e| damaged("a record", e))?;
            batch.remove(&self.log, index.to_be_bytes().as_slice());
            if record.items > 0 {
                let name = items_name(index).ok_or_else(|| damaged("a record", "beyond any log"))?;
                let (bundles, bytes) = self.item_bundles(index)?;
                upload.add(name, bytes)?;
                for key in bundles {
                    batch.remove(&self.items, key);
                }
            }
        }
        let id = BundleId::new(piece, TILE_WIDTH).map_err(|e| damaged("a record", e))?;
        upload.add(id.to_string(), entries)?;
        self.upload_tiles::<Sha256>(piece, upload, batch)?;
        self.upload_tiles::<Sm3>(piece, upload, batch)
    }

    /// Keys of the bundles of the batch at `index`, and their bytes one after another.
    fn item_bundles(&self, index: u64) -> Result<(Vec<fjall::UserKey>, Vec<u8>), StoreError> {
        let (mut bundles, mut bytes) = (Vec::new(), Vec::new());
        for guard in self.items.prefix(index.to_be_bytes()) {
            let (key, value) = guard.into_inner().map_err(|source| self.failed(source))?;
            bytes.extend_from_slice(&value);
            bundles.push(key);
        }
        Ok((bundles, bytes))
    }

    /// The tile over `piece`, and those above that it completes; these stay here too.
    fn upload_tiles<H: Twin>(
        &self,
        piece: u64,
        upload: &mut Upload<'_>,
        batch: &mut fjall::OwnedWriteBatch,
    ) -> Result<(), StoreError> {
        batch.remove(&self.tiles, tile_key::<H>(0, piece));
        let (mut level, mut index) = (0, piece);
        loop {
            let id = TileId::new(level, index, TILE_WIDTH).map_err(|e| damaged("a tile", e))?;
            upload.add(tile_name::<H>(id), self.tile(H::KIND, level, index, TILE_WIDTH)?)?;
            if (index + 1) % PIECE != 0 {
                return Ok(());
            }
            (level, index) = (level + 1, index / PIECE);
        }
    }

    /// Drops tables with nothing in them but what moved. Others lose it when the database next rewrites them; where such a table comes to lie bare, what
    /// it holds is what the archive holds.
    fn sweep(&self, until: u64) -> Result<(), StoreError> {
        let failed = |e: fjall::LsmError| self.failed(e.into());
        let end = until.to_be_bytes();
        self.log.tree.drop_range(..end).map_err(failed)?;
        self.items.tree.drop_range(..end).map_err(failed)?;
        let tiles = |key: fn(u8, u64) -> Vec<u8>| key(0, 0)..key(0, until / PIECE);
        for range in [tiles(tile_key::<Sha256>), tiles(tile_key::<Sm3>)] {
            self.tiles.tree.drop_range(range).map_err(failed)?;
        }
        Ok(())
    }

    /// The archive, which has `what`.
    fn known_archive(&self, what: &str) -> Result<&Archive, StoreError> {
        let missing = || cannot(what, "this node was not told where: [archive] in its configuration");
        self.archive.get().ok_or_else(missing)
    }

    /// The record at `index`, which is not here; `None` if it is not in the archive either.
    pub(crate) fn archived_record(&self, index: LogIndex) -> Result<Option<StoredRecord>, StoreError> {
        if index.0 >= self.archived().size && (self.archive.get().is_none() || index.0 >= self.tip().size.0) {
            return Ok(None);
        }
        let what = format!("record {index}");
        let archive = self.known_archive(&what)?;
        let piece = self.piece(archive, &what, index.0 / PIECE)?;
        let at = usize::try_from(index.0 % PIECE).unwrap_or(usize::MAX);
        let statement = piece.get(at).cloned().ok_or_else(|| damaged("a record", "missing"))?;
        let StoredCheckpoint { checkpoint, .. } = self.checkpoint_over(index)?;
        let items = batch_of(&statement)?.map_or(0, |(items, _)| items);
        Ok(Some(StoredRecord { height: checkpoint.height, time: checkpoint.time, items, statement }))
    }

    /// The statements of `piece`, each the one that the tree was made from.
    fn piece(&self, archive: &Archive, what: &str, piece: u64) -> Result<Arc<Vec<Vec<u8>>>, StoreError> {
        let cache = || archive.pieces.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(found) = cache().get(&piece) {
            return Ok(Arc::clone(found));
        }
        let name = BundleId::new(piece, TILE_WIDTH).map_err(|e| damaged("a record", e))?.to_string();
        let bytes = archive.get(what, &name, BUNDLE_BYTES_MAX)?;
        let entries = xiezhi_merkle::decode_bundle(&bytes, TILE_WIDTH).map_err(|e| cannot(what, e))?;
        let tile: Arc<TileTree<Sha256>> = self.cached().tile(0, piece, TILE_WIDTH)?;
        let altered =
            || cannot(what, format!("{}/{name} is not what was moved there", archive.objects.place()));
        if !entries.iter().map(|entry| Sha256::leaf(entry)).eq(tile.hashes().iter().copied()) {
            return Err(altered());
        }
        let entries = Arc::new(entries.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let mut cache = cache();
        if cache.len() >= CACHED_PIECES_MAX {
            cache.clear();
        }
        cache.insert(piece, Arc::clone(&entries));
        Ok(entries)
    }

    /// The first checkpoint of a size beyond `index`: one look at the index of checkpoints for each bit of the height.
    fn checkpoint_over(&self, index: LogIndex) -> Result<StoredCheckpoint, StoreError> {
        let over = |height| -> Result<_, StoreError> {
            let found = self.checkpoint_at_most(Height(height))?;
            Ok(found.filter(|found| found.checkpoint.size.0 > index.0))
        };
        let (mut low, mut high) = (0, self.tip().height.0);
        while low < high {
            let middle = low + (high - low) / 2;
            if over(middle)?.is_some() {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        over(low)?.ok_or_else(|| damaged("a checkpoint", format!("none over record {index}")))
    }

    /// Items of the batch at `index`, which are not here.
    pub(crate) fn archived_items(&self, index: LogIndex) -> Result<Vec<Vec<u8>>, StoreError> {
        if self.archive.get().is_none() && index.0 >= self.archived().size {
            return Err(damaged("a batch", "items are missing"));
        }
        let what = format!("record {index}");
        let archive = self.known_archive(&what)?;
        let record = self.record(index)?.ok_or_else(|| damaged("a record", "missing"))?;
        let (count, root) =
            batch_of(&record.statement)?.ok_or_else(|| damaged("a record", "it is no batch"))?;
        let name = items_name(index.0).ok_or_else(|| damaged("a record", "beyond any log"))?;
        let bytes = archive.get(&what, &name, ITEMS_BYTES_MAX)?;
        let (mut tree, mut items, mut rest) = (Frontier::<Sha256>::new(), Vec::new(), bytes.as_slice());
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
            let (item, after) = after.split_at(length);
            tree.append(BatchItem::leaf(item));
            items.push(item.to_vec());
            rest = after;
        }
        if items.len() != count as usize || tree.root() != root || !rest.is_empty() {
            let place = archive.objects.place();
            return Err(cannot(what, format!("{place}/{name} is not what was moved there")));
        }
        Ok(items)
    }

    /// The tile of level 0 at `index`, which is not here.
    pub(crate) fn archived_tile<H: Twin>(&self, index: u64) -> Result<TileTree<H>, StoreError> {
        if self.archive.get().is_none() && index >= self.archived().size / PIECE {
            return Err(damaged("a tile", "missing"));
        }
        let id = TileId::new(0, index, TILE_WIDTH).map_err(|e| damaged("a tile", e))?;
        let name = tile_name::<H>(id);
        let archive = self.known_archive(&name)?;
        let bytes = archive.get(&name, &name, TILE_BYTES)?;
        let (above, at) = (index / PIECE, index % PIECE);
        let width = u16::try_from(at + 1).unwrap_or(TILE_WIDTH);
        let above: Arc<TileTree<H>> = HashReader::<H>::tile(&self.cached(), 1, above, width)?;
        let hash = usize::try_from(at).ok().and_then(|at| above.hashes().get(at));
        let tile = TileTree::<H>::from_bytes(&bytes).map_err(|e| cannot(&name, e))?;
        if tile.node(TILE_HEIGHT, 0) != hash {
            let place = archive.objects.place();
            return Err(cannot(&name, format!("{place}/{name} is not what was moved there")));
        }
        Ok(tile)
    }

    /// Reads how far the log has moved.
    pub(crate) fn restore_archived(&self) -> Result<(), StoreError> {
        let Some(mark) = self.get(&self.meta, keys::ARCHIVE)? else { return Ok(()) };
        let size = keys::u64_at(&mark, 0).ok_or_else(|| damaged("the archive's mark", "too short"))?;
        self.archived.store(size, Ordering::Relaxed);
        Ok(())
    }
}

/// Number and root of the items of `statement`, if it is a batch.
fn batch_of(statement: &[u8]) -> Result<Option<(u32, [u8; 32])>, StoreError> {
    let statement = Statement::parse(statement).map_err(|e| damaged("a record", e))?;
    match statement.body() {
        Body::Batch(batch) => Ok(Some((batch.items, batch.items_root))),
        _ => Ok(None),
    }
}
