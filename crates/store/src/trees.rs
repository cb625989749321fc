//! The log's twin trees over stored tiles.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use xiezhi_merkle::{Appender, Hash, HashReader, PathError, Sha256, Sm3, TileTree, TreeHash};

use crate::{Store, StoreError, damaged, keys};

/// Which of the twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeKind {
    /// RFC 9162 as it stands.
    Sha256,
    /// The twin under SM3.
    Sm3,
}

/// The right edge of both trees, in memory.
#[derive(Clone, Default)]
pub(crate) struct Trees {
    pub(crate) sha256: Appender<Sha256>,
    pub(crate) sm3: Appender<Sm3>,
}

impl Trees {
    pub(crate) fn restore(store: &Store, size: u64) -> Result<Self, StoreError> {
        let sha256 =
            Appender::<Sha256>::restore(&Stored(store), size).map_err(|e| damaged("sha256 tiles", e))?;
        let sm3 = Appender::<Sm3>::restore(&Stored(store), size).map_err(|e| damaged("sm3 tiles", e))?;
        Ok(Self { sha256, sm3 })
    }
}

/// Decoded tiles by level and index.
type Tiles<H> = Mutex<HashMap<(u8, u64), Arc<TileTree<H>>>>;

/// Full tiles kept decoded. When it is full, it is emptied: the next proofs fill it again.
#[derive(Default)]
pub(crate) struct TileCache {
    sha256: Tiles<Sha256>,
    sm3: Tiles<Sm3>,
}

/// Most tiles of one tree kept decoded; each takes about 16 KiB.
const CACHED_TILES_MAX: usize = 2048;

/// What the twins differ in, seen from the store.
pub(crate) trait Twin: TreeHash {
    const TAG: u8;
    const KIND: TreeKind;
    /// What stands before the names of its tiles where both trees' are in one place.
    const FOLDER: &str;
    fn cache(cache: &TileCache) -> &Tiles<Self>;
    fn edge(trees: &Trees, level: u8) -> Option<&Arc<TileTree<Self>>>;
}

impl Twin for Sha256 {
    const TAG: u8 = b'2';
    const KIND: TreeKind = TreeKind::Sha256;
    const FOLDER: &str = "";

    fn cache(cache: &TileCache) -> &Tiles<Self> {
        &cache.sha256
    }

    fn edge(trees: &Trees, level: u8) -> Option<&Arc<TileTree<Self>>> {
        trees.sha256.edge(level)
    }
}

impl Twin for Sm3 {
    const TAG: u8 = b'3';
    const KIND: TreeKind = TreeKind::Sm3;
    const FOLDER: &str = "sm3/";

    fn cache(cache: &TileCache) -> &Tiles<Self> {
        &cache.sm3
    }

    fn edge(trees: &Trees, level: u8) -> Option<&Arc<TileTree<Self>>> {
        trees.sm3.edge(level)
    }
}

pub(crate) fn tile_key<H: Twin>(level: u8, index: u64) -> Vec<u8> {
    keys::concat(&[&[H::TAG, level], &index.to_be_bytes()])
}

/// Reads tiles from the database only.
pub(crate) struct Stored<'a>(pub(crate) &'a Store);

impl Stored<'_> {
    fn find<H: Twin>(&self, level: u8, index: u64) -> Result<Option<Arc<TileTree<H>>>, StoreError> {
        let Some(bytes) = self.0.get(&self.0.tiles, &tile_key::<H>(level, index))? else { return Ok(None) };
        Ok(Some(Arc::new(TileTree::from_bytes(&bytes).map_err(|e| damaged("a tile", e))?)))
    }
}

impl<H: Twin> HashReader<H> for Stored<'_> {
    type Error = StoreError;

    fn tile(&self, level: u8, index: u64, _width: u16) -> Result<Arc<TileTree<H>>, StoreError> {
        self.find(level, index)?.ok_or_else(|| damaged("a tile", "missing"))
    }
}

/// Reads tiles from the right edge in memory, the cache, the database, or the archive.
pub(crate) struct Cached<'a> {
    pub(crate) store: &'a Store,
    pub(crate) trees: Arc<Trees>,
}

impl<H: Twin> HashReader<H> for Cached<'_> {
    type Error = StoreError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Arc<TileTree<H>>, StoreError> {
        if width < 256
            && let Some(edge) = H::edge(&self.trees, level).filter(|edge| edge.width() >= width)
        {
            let size = self.trees.sha256.size();
            // The edge is the tile that the tree's last hash of this level is in.
            if (size >> (8 * u32::from(level))) / 256 == index {
                return Ok(Arc::clone(edge));
            }
        }
        let cache = H::cache(&self.store.cache);
        if let Some(tile) = cache.lock().unwrap_or_else(|e| e.into_inner()).get(&(level, index)) {
            return Ok(Arc::clone(tile));
        }
        let tile = match Stored(self.store).find(level, index)? {
            Some(tile) => tile,
            None if level == 0 => Arc::new(self.store.archived_tile::<H>(index)?),
            None => return Err(damaged("a tile", "missing")),
        };
        if tile.is_full() {
            let mut cache = cache.lock().unwrap_or_else(|e| e.into_inner());
            if cache.len() >= CACHED_TILES_MAX {
                cache.clear();
            }
            cache.insert((level, index), Arc::clone(&tile));
        }
        Ok(tile)
    }
}

fn no_path(error: PathError<StoreError>) -> StoreError {
    match error {
        PathError::Read { source, .. } => source,
        error => damaged("a tree", error),
    }
}

impl Store {
    pub(crate) fn cached(&self) -> Cached<'_> {
        Cached { store: self, trees: Arc::clone(&self.trees.read().unwrap_or_else(|e| e.into_inner())) }
    }

    /// Inclusion path of the record at `index` in the tree of `size` records.
    ///
    /// # Errors
    /// [`StoreError`]; the caller has checked `index < size <= tip`.
    pub fn inclusion_path(&self, tree: TreeKind, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        let reader = self.cached();
        match tree {
            TreeKind::Sha256 => xiezhi_merkle::inclusion_path::<Sha256, _>(&reader, index, size),
            TreeKind::Sm3 => xiezhi_merkle::inclusion_path::<Sm3, _>(&reader, index, size),
        }
        .map_err(no_path)
    }

    /// Consistency path from the tree of `old` records to the tree of `new`.
    ///
    /// # Errors
    /// [`StoreError`]; the caller has checked `old <= new <= tip`.
    pub fn consistency_path(&self, tree: TreeKind, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        let reader = self.cached();
        match tree {
            TreeKind::Sha256 => xiezhi_merkle::consistency_path::<Sha256, _>(&reader, old, new),
            TreeKind::Sm3 => xiezhi_merkle::consistency_path::<Sm3, _>(&reader, old, new),
        }
        .map_err(no_path)
    }

    /// The first `width` hashes of a tile; the caller has checked that they are within the tree.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tile(&self, tree: TreeKind, level: u8, index: u64, width: u16) -> Result<Vec<u8>, StoreError> {
        fn bytes<H: Twin>(
            reader: &Cached<'_>,
            level: u8,
            index: u64,
            width: u16,
        ) -> Result<Vec<u8>, StoreError> {
            let tile: Arc<TileTree<H>> = reader.tile(level, index, width)?;
            let wanted = tile.as_bytes().get(..usize::from(width) * 32);
            wanted.map(<[u8]>::to_vec).ok_or_else(|| damaged("a tile", "narrower than the tree"))
        }
        let reader = self.cached();
        match tree {
            TreeKind::Sha256 => bytes::<Sha256>(&reader, level, index, width),
            TreeKind::Sm3 => bytes::<Sm3>(&reader, level, index, width),
        }
    }
}
