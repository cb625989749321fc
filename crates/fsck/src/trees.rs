//! The twin trees, made again from the log's leaves and compared with the stored tiles.

use xiezhi_merkle::{Frontier, Hash, Sha256, Sm3, Tree, TreeHash};

use crate::{
    database::{Database, Unreadable},
    finding::{Findings, Object, Source, code},
    layout::{Space, TILE_HASHES, tile_key},
};

/// What the leaves at an index say about the record there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The record is what at least one tree was made from.
    Sound,
    /// Both trees were made from another one.
    Altered,
    /// There is no record.
    Absent,
}

/// Both trees.
pub(crate) struct Twins<'a> {
    pub(crate) sha256: Tiles<'a, Sha256>,
    pub(crate) sm3: Tiles<'a, Sm3>,
}

impl<'a> Twins<'a> {
    /// Trees of `size` leaves.
    pub(crate) fn new(database: &'a Database, size: u64) -> Self {
        Self {
            sha256: Tiles::new(database, size, b'2', "sha256"),
            sm3: Tiles::new(database, size, b'3', "sm3"),
        }
    }

    /// Takes the next leaf. Where the record is missing or is not what both trees were made from, the trees go on with their own leaves, so that
    /// one lost record does not make every later checkpoint look wrong.
    pub(crate) fn push(&mut self, statement: Option<&[u8]>, findings: &mut Findings) -> Leaf {
        let stored = (self.sha256.stored(findings), self.sm3.stored(findings));
        let Some(statement) = statement else {
            self.sha256.push(stored.0, findings);
            self.sm3.push(stored.1, findings);
            return Leaf::Absent;
        };
        let own = (Sha256::leaf(statement), Sm3::leaf(statement));
        let differs =
            (stored.0.is_some_and(|hash| hash != own.0), stored.1.is_some_and(|hash| hash != own.1));
        let is_altered =
            (differs.0 && (differs.1 || stored.1.is_none())) || (differs.1 && stored.0.is_none());
        if is_altered {
            self.sha256.push(stored.0, findings);
            self.sm3.push(stored.1, findings);
            return Leaf::Altered;
        }
        if differs.0 {
            self.sha256.blame();
        }
        if differs.1 {
            self.sm3.blame();
        }
        self.sha256.push(Some(own.0), findings);
        self.sm3.push(Some(own.1), findings);
        Leaf::Sound
    }

    /// Both roots; `None` where leaves are lost.
    pub(crate) fn roots(&self) -> Option<(Hash, Hash)> {
        (!self.is_lost()).then(|| (self.sha256.frontier.root(), self.sm3.frontier.root()))
    }

    /// Whether a leaf could be had from neither the log nor a tile.
    pub(crate) fn is_lost(&self) -> bool {
        self.sha256.lost || self.sm3.lost
    }
}

/// One tree.
pub(crate) struct Tiles<'a, H> {
    database: &'a Database,
    tag: u8,
    name: &'static str,
    /// Leaves it will have.
    size: u64,
    frontier: Frontier<H>,
    /// The hashes of the unfinished tile of each level.
    levels: Vec<Vec<Hash>>,
    /// The stored tile that the next leaf lies in.
    stored: Option<Vec<Hash>>,
    /// Leaves of that tile that are not the log's: the first, and how many.
    blamed: Option<(u64, u64)>,
    lost: bool,
    /// Tiles compared.
    pub(crate) tiles: u64,
}

impl<'a, H: TreeHash> Tiles<'a, H> {
    fn new(database: &'a Database, size: u64, tag: u8, name: &'static str) -> Self {
        Self {
            database,
            tag,
            name,
            size,
            frontier: Frontier::new(),
            levels: vec![Vec::new()],
            stored: None,
            blamed: None,
            lost: false,
            tiles: 0,
        }
    }

    fn object(&self, level: u8, index: u64) -> Object {
        Object::Tile { tree: self.name, level, index }
    }

    /// How many hashes tile `index` of `level` has in the whole tree; 0 when it lies outside.
    fn width(&self, level: u8, index: u64) -> u64 {
        let hashes = self.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        hashes.saturating_sub(index.saturating_mul(TILE_HASHES)).min(TILE_HASHES)
    }

    /// Reads a tile and says what is wrong with it; gives the hashes that it has.
    fn read(&mut self, level: u8, index: u64, findings: &mut Findings) -> Option<Vec<Hash>> {
        self.tiles += 1;
        let object = self.object(level, index);
        let mut found = self.database.get(Space::Tiles, &tile_key(self.tag, level, index));
        if let (0, Ok(None), Some(archive)) = (level, &found, self.database.archive_of(index * TILE_HASHES)) {
            let folder = if self.tag == b'3' { "sm3/" } else { "" };
            found = archive.tile(folder, index).map(|tile| tile.map(Into::into));
        }
        match found {
            Ok(Some(bytes)) => {
                let width = self.width(level, index);
                if bytes.len() as u64 != width * 32 {
                    let detail = format!("{} bytes, {} hashes make {}", bytes.len(), width, width * 32);
                    findings.add(object, code::TILE_DIFFERS, Source::Log, detail);
                }
                Some(bytes.as_chunks::<32>().0.to_vec())
            }
            Ok(None) => {
                findings.add(object, code::TILE_MISSING, Source::Log, "");
                None
            }
            Err(Unreadable(reason)) => {
                if self.database.has(Space::Tiles) {
                    findings.add(object, code::TILE_UNREADABLE, Source::Log, reason);
                }
                None
            }
        }
    }

    /// The stored hash of the next leaf.
    fn stored(&mut self, findings: &mut Findings) -> Option<Hash> {
        let next = self.frontier.size();
        let (tile, at) = (next / TILE_HASHES, next % TILE_HASHES);
        if at == 0 {
            self.stored = self.read(0, tile, findings);
        }
        self.stored.as_ref()?.get(usize::try_from(at).ok()?).copied()
    }

    /// Notes that the stored hash of the next leaf is wrong.
    fn blame(&mut self) {
        let next = self.frontier.size();
        self.blamed = Some(self.blamed.map_or((next, 1), |(first, count)| (first, count + 1)));
    }

    fn push(&mut self, leaf: Option<Hash>, findings: &mut Findings) {
        self.lost |= leaf.is_none();
        let leaf = leaf.unwrap_or_default();
        self.frontier.append(leaf);
        self.levels[0].push(leaf);
        let mut level = 0;
        while self.levels[level].len() as u64 == TILE_HASHES {
            let above = self.finish(level, findings);
            if self.levels.len() == level + 1 {
                self.levels.push(Vec::new());
            }
            self.levels[level + 1].push(above);
            level += 1;
        }
    }

    /// Compares the tile of `level` that is being made, and begins the next; gives its root.
    fn finish(&mut self, level: usize, findings: &mut Findings) -> Hash {
        let hashes = std::mem::take(&mut self.levels[level]);
        let number = u8::try_from(level).unwrap_or(u8::MAX);
        let index = (self.frontier.size() - 1).checked_shr(8 * (u32::from(number) + 1)).unwrap_or(0);
        if level == 0 {
            if let Some((first, count)) = self.blamed.take() {
                let detail = format!("{count} hashes are not the log's, the first is that of record {first}");
                findings.add(self.object(0, index), code::TILE_DIFFERS, Source::Log, detail);
            }
        } else if !self.lost
            && let Some(stored) = self.read(number, index, findings)
        {
            let wrong = hashes.iter().zip(&stored).position(|(one, two)| one != two);
            if let Some(at) = wrong {
                let detail = format!("hash {at} is not the one that the level below gives");
                findings.add(self.object(number, index), code::TILE_DIFFERS, Source::Log, detail);
            }
        }
        Tree::<H>::new(&hashes).root()
    }

    /// Compares the unfinished tiles at the right edge.
    pub(crate) fn finish_all(&mut self, findings: &mut Findings) {
        for level in 0..self.levels.len() {
            if !self.levels[level].is_empty() {
                self.finish(level, findings);
            }
        }
    }

    /// Whether a key of the keyspace names a tile of this tree.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let Some(([tag, level], index)) = key.split_first_chunk::<2>() else { return false };
        let Ok(index) = index.try_into().map(u64::from_be_bytes) else { return false };
        *tag == self.tag && self.width(*level, index) > 0
    }
}
