//! What a store has moved to its archive, read from there; docs/specs/archive.md, restated.
//!
//! ```text
//! xiezhi-archive                       whose it is
//! tile/entries/<piece>                 256 statements, each after its 16-bit length
//! tile/0/<piece>, sm3/tile/0/<piece>   256 hashes
//! items/<record>                       items of a batch, each after its 16-bit length
//! ```
//!
//! Nothing that comes from there is believed: it goes the way of what the store holds. What does not come is unreadable, in the archive's words.

use std::cell::RefCell;

use xiezhi_merkle::{BundleId, TILE_WIDTH, TileId, decode_bundle};
use xiezhi_objects::{ObjectsError, Waiting};
use xiezhi_types::LedgerId;

use crate::database::Unreadable;

/// Longest object: the items of the largest block, each after its length.
const OBJECT_BYTES_MAX: u64 = (64 << 20) + (256 << 10);
/// Records under one tile.
const PIECE: u64 = TILE_WIDTH as u64;

/// What a piece holds, or why it cannot be read.
type Piece = Result<Vec<Vec<u8>>, Unreadable>;

/// The archive of a store.
pub(crate) struct Archive {
    objects: Waiting,
    /// Records before this one are there.
    pub(crate) size: u64,
    /// The statements last read, and their piece; or why they cannot be.
    held: RefCell<Option<(u64, Piece)>>,
}

impl Archive {
    /// The archive at `objects`, which must be that of `ledger`.
    pub(crate) fn open(objects: Waiting, size: u64, ledger: LedgerId) -> Result<Self, String> {
        let found = objects.get("xiezhi-archive", 1024).map_err(|e| e.to_string())?;
        let own = format!("xiezhi-archive 1\n{ledger}\n");
        if found.as_deref() != Some(own.as_bytes()) {
            return Err(format!("{} is not the archive of ledger {ledger}", objects.place()));
        }
        Ok(Self { objects, size, held: RefCell::default() })
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let found = self.objects.get(name, OBJECT_BYTES_MAX);
        found.map(|found| found.map(Vec::from)).map_err(|e: ObjectsError| Unreadable(e.to_string()))
    }

    /// The statement of record `index`; `None` when its object is missing.
    pub(crate) fn statement(&self, index: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let piece = index / PIECE;
        let mut held = self.held.borrow_mut();
        if held.as_ref().is_none_or(|(held, _)| *held != piece) {
            *held = Some((piece, self.statements(piece)));
        }
        let Some((_, statements)) = held.as_ref() else { return Ok(None) };
        let statements = statements.as_ref().map_err(Clone::clone)?;
        Ok(usize::try_from(index % PIECE).ok().and_then(|at| statements.get(at)).cloned())
    }

    /// Empty when the object is missing.
    fn statements(&self, piece: u64) -> Result<Vec<Vec<u8>>, Unreadable> {
        let unreadable = |e: &dyn std::fmt::Display| Unreadable(e.to_string());
        let name = BundleId::new(piece, TILE_WIDTH).map_err(|e| unreadable(&e))?.to_string();
        let Some(bytes) = self.get(&name)? else { return Ok(Vec::new()) };
        let entries = decode_bundle(&bytes, TILE_WIDTH).map_err(|e| unreadable(&format!("{name}: {e}")))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The tile over piece `index` of the tree under `folder`.
    pub(crate) fn tile(&self, folder: &str, index: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let id = TileId::new(0, index, TILE_WIDTH).map_err(|e| Unreadable(e.to_string()))?;
        self.get(&format!("{folder}{id}"))
    }

    /// The items of the batch at `index`, one after another as they are stored.
    pub(crate) fn items(&self, index: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let id = TileId::new(0, index, TILE_WIDTH).map_err(|e| Unreadable(e.to_string()))?.to_string();
        self.get(&id.replacen("tile/0/", "items/", 1))
    }
}

/// The first `width` items of `bytes`.
pub(crate) fn bundle(bytes: &[u8], width: u32) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..width {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { break };
        rest = after.get(usize::from(u16::from_be_bytes(*length))..).unwrap_or_default();
    }
    &bytes[..bytes.len() - rest.len()]
}
