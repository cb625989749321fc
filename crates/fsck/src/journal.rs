//! The database's journals: what was written and is not in the tables yet.
//!
//! ```text
//! journal = batch* zero*
//! batch   = 1 count seqno item{count} 3 checksum "FJL" 3
//! item    = 2 type compression keyspace key-length value-length stored-length key value
//! ```
//!
//! Numbers are little-endian: count, value-length, stored-length 4 bytes, seqno, keyspace, checksum 8, key-length 2, the others 1. The
//! checksum is XXH3-64 of the items; count and seqno are not under it, but seqno rises from batch to batch.
//!
//! A power cut leaves the last batch unfinished, and the node drops it when it starts: that is no damage. A batch that is whole and does not
//! have its checksum, or one with whole batches behind it, was damaged later: the node would refuse to start, or drop what follows.

use std::{fs::File, io::Read, path::Path};

use xxhash_rust::xxh3::xxh3_64;

const TRAILER: &[u8] = b"FJL\x03";
/// Bytes of a batch before its first item.
const START_BYTES: usize = 13;

/// How much shorter LZ4 can make anything.
const COMPRESSION_MAX: usize = 255;

/// One write; no value means a deletion.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) keyspace: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

/// Writes that take effect together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) seqno: u64,
    pub(crate) writes: Vec<Write>,
}

/// How a journal ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// After a whole batch.
    Whole,
    /// With bytes of a batch that was never finished.
    Unfinished { at: u64, bytes: u64 },
    /// With a damaged batch; so many whole ones follow.
    Damaged { at: u64, reason: &'static str, lost: u64 },
}

/// Gives `each` the whole batches up to the first that is not. The journal is held in memory, without the zeros at its end.
pub(crate) fn replay(path: &Path, mut each: impl FnMut(Batch)) -> std::io::Result<Ending> {
    let bytes = read_trimmed(path)?;
    let (mut at, mut last, mut unordered) = (0, None, None);
    while at < bytes.len() {
        match parse(&bytes[at..]) {
            Parsed::Whole { batch, length } => {
                if last.is_some_and(|last| batch.seqno <= last) {
                    unordered.get_or_insert(at as u64);
                }
                last = Some(batch.seqno);
                each(batch);
                at += length;
            }
            bad => {
                let reason = match bad {
                    Parsed::Checksum => "a batch does not have its checksum",
                    _ => "a batch is cut or overwritten",
                };
                let lost = whole_batches(&bytes[at + 1..]);
                let place = at as u64;
                return Ok(if lost == 0 && !matches!(bad, Parsed::Checksum) {
                    Ending::Unfinished { at: place, bytes: (bytes.len() - at) as u64 }
                } else {
                    Ending::Damaged { at: place, reason, lost }
                });
            }
        }
    }
    // The node reads such a journal to its end; which of two writes counts may be another than it was.
    Ok(unordered.map_or(Ending::Whole, |at| {
        let reason = "the numbers of two batches do not rise";
        Ending::Damaged { at, reason, lost: 0 }
    }))
}

/// The file without the zeros at its end: journals are allocated in advance.
fn read_trimmed(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (mut bytes, mut zeros, mut buffer) = (Vec::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        match buffer[..read].iter().rposition(|byte| *byte != 0) {
            None => zeros += read,
            Some(last) => {
                bytes.resize(bytes.len() + zeros, 0);
                bytes.extend_from_slice(&buffer[..=last]);
                zeros = read - last - 1;
            }
        }
    }
}

fn whole_batches(bytes: &[u8]) -> u64 {
    let (mut at, mut found) = (0, 0);
    while at < bytes.len() {
        let likely = bytes[at] == 1 && bytes.get(at + START_BYTES) == Some(&2);
        match likely.then(|| parse(&bytes[at..])) {
            Some(Parsed::Whole { length, .. }) => {
                found += 1;
                at += length;
            }
            _ => at += 1,
        }
    }
    found
}

enum Parsed {
    Whole { batch: Batch, length: usize },
    Checksum,
    Broken,
}

/// Reads the batch that `bytes` begin with.
fn parse(bytes: &[u8]) -> Parsed {
    let mut input = Input { bytes, at: 0 };
    parse_batch(&mut input).unwrap_or(Parsed::Broken)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<u64> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(self.take(N)?);
        Some(u64::from_le_bytes(wide))
    }
}

/// An item as it is stored: decompressed only when the checksum holds.
struct Stored<'a> {
    kind: u64,
    is_compressed: bool,
    keyspace: u64,
    key: &'a [u8],
    value: &'a [u8],
    value_bytes: usize,
}

fn parse_batch(input: &mut Input<'_>) -> Option<Parsed> {
    if input.number::<1>()? != 1 {
        return None;
    }
    let (count, seqno) = (input.number::<4>()?, input.number::<8>()?);
    let begin = input.at;
    let mut stored = Vec::new();
    for _ in 0..count {
        if input.number::<1>()? != 2 {
            return None;
        }
        let (kind, compression) = (input.number::<1>()?, input.number::<1>()?);
        let keyspace = input.number::<8>()?;
        let key_bytes = usize::try_from(input.number::<2>()?).ok()?;
        let value_bytes = usize::try_from(input.number::<4>()?).ok()?;
        let stored_bytes = usize::try_from(input.number::<4>()?).ok()?;
        let (key, value) = (input.take(key_bytes)?, input.take(stored_bytes)?);
        let is_possible = match compression {
            0 => value_bytes == stored_bytes,
            1 => value_bytes / COMPRESSION_MAX <= stored_bytes,
            _ => false,
        };
        if kind > 2 || !is_possible {
            return None;
        }
        stored.push(Stored { kind, is_compressed: compression == 1, keyspace, key, value, value_bytes });
    }
    let end = input.at;
    if input.number::<1>()? != 3 {
        return None;
    }
    let checksum = input.number::<8>()?;
    if input.take(TRAILER.len())? != TRAILER {
        return None;
    }
    if xxh3_64(&input.bytes[begin..end]) != checksum {
        return Some(Parsed::Checksum);
    }
    let write = |one: &Stored<'_>| {
        let value = if one.is_compressed {
            lz4_flex::block::decompress(one.value, one.value_bytes).ok()?
        } else {
            one.value.to_vec()
        };
        let value = (one.kind == 0).then_some(value);
        Some(Write { keyspace: one.keyspace, key: one.key.to_vec(), value })
    };
    let writes = stored.iter().map(write).collect::<Option<_>>()?;
    Some(Parsed::Whole { batch: Batch { seqno, writes }, length: input.at })
}
