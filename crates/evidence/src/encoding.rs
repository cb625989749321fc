//! How bytes are CBOR (RFC 8949), whatever they mean: well formed, in shortest form, deterministic.
//!
//! Only definite lengths are read, and items nest at most [`DEPTH_MAX`] deep; anything else counts as not well formed.

/// An item may lie in this many others.
const DEPTH_MAX: usize = 64;

/// The encoding of one well-formed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Its length in bytes; others may follow.
    pub(crate) bytes: usize,
    /// Every number and every length is in its shortest form.
    pub(crate) shortest: bool,
    /// No map has two keys of the same bytes.
    pub(crate) distinct: bool,
    /// The keys of every map ascend bytewise.
    pub(crate) sorted: bool,
}

impl Encoding {
    /// Reads the item at the beginning of `bytes`; `None` where none is well formed. A pass over them for each level of nested keys.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0, shortest: true, distinct: true, sorted: true };
        reader.item(0)?;
        let Reader { at, shortest, distinct, sorted, .. } = reader;
        Some(Self { bytes: at, shortest, distinct, sorted })
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    shortest: bool,
    distinct: bool,
    sorted: bool,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: u64) -> Option<&'b [u8]> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// Major type and argument; of major type 7 the value, which has no shortest form.
    fn head(&mut self) -> Option<(u8, u64)> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        if info < 24 {
            return Some((major, u64::from(info)));
        }
        let width = 1u64 << info.checked_sub(24).filter(|power| *power < 4)?;
        let number = self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if major == 7 {
            // Simple values below 32 have one byte only.
            return (width > 1 || number >= 32).then_some((major, number));
        }
        self.shortest &= match width {
            1 => number >= 24,
            _ => number >> (width * 4) != 0,
        };
        Some((major, number))
    }

    fn item(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.head()? {
            (0 | 1 | 7, _) => {}
            (2, length) => {
                self.take(length)?;
            }
            (3, length) => {
                std::str::from_utf8(self.take(length)?).ok()?;
            }
            (4, count) => {
                for _ in 0..count {
                    self.item(depth + 1)?;
                }
            }
            (5, count) => self.map(count, depth + 1)?,
            _ => self.item(depth + 1)?,
        }
        Some(())
    }

    fn map(&mut self, count: u64, depth: usize) -> Option<()> {
        let mut keys = Vec::new();
        for _ in 0..count {
            let start = self.at;
            self.item(depth)?;
            keys.push(&self.bytes[start..self.at]);
            self.item(depth)?;
        }
        if !keys.is_sorted_by(|a, b| a < b) {
            self.sorted = false;
            keys.sort_unstable();
            self.distinct &= keys.windows(2).all(|pair| pair[0] != pair[1]);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
