//! The names of tiles and entry bundles, and their public paths.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]          256 (or, partial, W) hashes at height 8*L of the tree
//! tile/entries/<N>[.p/<W>]      the 256 (or W) entries under the level-0 tile N
//! ```
//!
//! `<N>` is written in groups of three digits, all but the last with an `x` before: 1234067 is `x001/x234/067`.
//! A path has one spelling; every other is refused. C2SP tlog-tiles.

use std::fmt;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// The levels of the tree that one tile spans.
pub const TILE_HEIGHT: u8 = 8;

/// The hashes in a full tile, and the entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

const LEVEL_MAX: u8 = 63;
/// `tile/63/` and seven groups of a 64-bit index and `.p/255`, rounded up.
const PATH_BYTES_MAX: usize = 64;

/// Names one version of a tile: a partial tile keeps its level and index while it grows, not its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// Names one version of an entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    width: u16,
}

/// Why numbers, a path or bytes do not make a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Tiles have levels 0 to 63.
    #[error("a tile has a level of at most 63, not {level}")]
    LevelOutside {
        /// The level given.
        level: u8,
    },
    /// Tiles and bundles are 1 to 256 wide.
    #[error("a tile is 1 to 256 wide, not {width}")]
    WidthOutside {
        /// The width given.
        width: usize,
    },
    /// The path is not the one spelling of a tile's or bundle's path.
    #[error("this is not the path of a tile or an entry bundle")]
    MalformedPath,
    /// A tile is a whole number of 32-byte hashes.
    #[error("{bytes} bytes are not a whole number of hashes")]
    RaggedBytes {
        /// The bytes given.
        bytes: usize,
    },
}

impl TileId {
    /// Names a tile.
    ///
    /// # Errors
    /// [`TileError`] unless `level` is at most 63 and `width` is 1 to 256.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > LEVEL_MAX {
            return Err(TileError::LevelOutside { level });
        }
        Ok(Self { level, index, width: checked_width(width)? })
    }

    /// Names the tile as it is in a tree of `size` leaves, or returns `None` when it is empty there.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))?;
        Some(Self { level, index, width: width_of(index, hashes)? })
    }

    /// Returns the level: this tile's hashes are at height 8 × level of the tree.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Returns the position among the tiles of the level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Returns the number of hashes, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Tells whether the tile has all its 256 hashes and therefore never changes again.
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }
}

impl BundleId {
    /// Names a bundle.
    ///
    /// # Errors
    /// [`TileError`] unless `width` is 1 to 256.
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        Ok(Self { index, width: checked_width(width)? })
    }

    /// Names the bundle as it is in a log of `size` entries, or returns `None` when it is empty there.
    pub fn in_tree(index: u64, size: u64) -> Option<Self> {
        Some(Self { index, width: width_of(index, size)? })
    }

    /// Returns the position among the bundles.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Returns the number of entries, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Tells whether the bundle has all its 256 entries and therefore never changes again.
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }
}

fn checked_width(width: u16) -> Result<u16, TileError> {
    if (1..=TILE_WIDTH).contains(&width) {
        Ok(width)
    } else {
        Err(TileError::WidthOutside { width: width.into() })
    }
}

/// Returns how many of `count` things on a level are in the tile at `index`, if any.
fn width_of(index: u64, count: u64) -> Option<u16> {
    let before = index.checked_mul(TILE_WIDTH.into())?;
    let width = count.checked_sub(before)?.min(TILE_WIDTH.into());
    u16::try_from(width).ok().filter(|width| *width > 0)
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_position(f, self.index, self.width)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_position(f, self.index, self.width)
    }
}

fn write_position(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut divisor = 1;
    while index / divisor >= 1000 {
        divisor *= 1000;
    }
    while divisor > 1 {
        write!(f, "x{:03}/", index / divisor % 1000)?;
        divisor /= 1000;
    }
    write!(f, "{:03}", index % 1000)?;
    if width == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{width}") }
}

impl FromStr for TileId {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let (level, position) = path
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(TileError::MalformedPath)?;
        let (index, width) = parse_position(position)?;
        let id = Self::new(parse_number(level)?, index, width)?;
        one_spelling(id, path)
    }
}

impl FromStr for BundleId {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let position = path.strip_prefix("tile/entries/").ok_or(TileError::MalformedPath)?;
        let (index, width) = parse_position(position)?;
        one_spelling(Self::new(index, width)?, path)
    }
}

/// Reads leniently; [`one_spelling`] makes it strict.
fn parse_position(position: &str) -> Result<(u64, u16), TileError> {
    if position.len() > PATH_BYTES_MAX {
        return Err(TileError::MalformedPath);
    }
    let (groups, width) = match position.split_once(".p/") {
        Some((groups, width)) => (groups, parse_number(width)?),
        None => (position, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in groups.split('/') {
        let digits: u64 = parse_number(group.strip_prefix('x').unwrap_or(group))?;
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(digits))
            .ok_or(TileError::MalformedPath)?;
    }
    Ok((index, width))
}

fn parse_number<N: FromStr>(digits: &str) -> Result<N, TileError> {
    digits.parse().map_err(|_| TileError::MalformedPath)
}

fn one_spelling<I: fmt::Display>(id: I, path: &str) -> Result<I, TileError> {
    if id.to_string() == path { Ok(id) } else { Err(TileError::MalformedPath) }
}
