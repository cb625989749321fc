//! What a block carries, and its one encoding.
//!
//! `[version, time in ms, [[statement, [item, ...]], ...]]` in deterministic CBOR.

use std::{ops::Range, sync::Arc};

use minicbor::{Decoder, Encoder, decode};
use xiezhi_types::TimestampMs;

/// The format's version.
pub const BLOCK_VERSION: u32 = 1;

/// A statement on its way, with the items of a batch beside it, in one piece of memory that clones share; nothing but its encoding is checked
/// yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// `[statement, [item, ...]]`, in the one encoding.
    bytes: Arc<[u8]>,
    /// Where the statement lies in it.
    statement: Range<usize>,
    /// Where the batch's items lie; none for any other statement.
    items: Arc<[Range<usize>]>,
}

/// A block's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockBody {
    /// The block's time: the proposer's clock, accepted by a quorum within the allowed skew, later than the parent's.
    pub time: TimestampMs,
    /// What it orders.
    pub transactions: Vec<Transaction>,
}

/// Why bytes are no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a block of version {BLOCK_VERSION}: {reason}")]
pub struct BlockError {
    /// What was found.
    pub reason: String,
}

impl Transaction {
    /// A statement and the items of its batch; none for any other statement.
    pub fn new<I: AsRef<[u8]>>(statement: &[u8], items: &[I]) -> Self {
        let size = 16 + statement.len() + items.iter().map(|item| item.as_ref().len() + 5).sum::<usize>();
        let mut e = Encoder::new(Vec::with_capacity(size));
        let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
            e.array(2)?.bytes(statement)?.array(items.len() as u64)?;
            for item in items {
                e.bytes(item.as_ref())?;
            }
            Ok(())
        };
        let done = write();
        debug_assert!(done.is_ok());
        let bytes = e.into_writer();
        match Self::decode_from(&mut Decoder::new(&bytes)) {
            Ok(transaction) => transaction,
            Err(_) => unreachable!("what was just encoded"),
        }
    }

    /// A statement without items.
    #[must_use]
    pub fn single(statement: &[u8]) -> Self {
        Self::new::<&[u8]>(statement, &[])
    }

    /// The statement's bytes.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        &self.bytes[self.statement.clone()]
    }

    /// The batch's items; none for any other statement.
    #[must_use]
    pub fn items(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.items.iter().map(|item| &self.bytes[item.clone()])
    }

    /// The one encoding, as it stands in blocks and in gossip.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads one, in its one encoding, from `d`.
    ///
    /// # Errors
    /// The decoder's, or another encoding than the shortest with stated lengths.
    pub fn decode_from(d: &mut Decoder<'_>) -> Result<Self, decode::Error> {
        let start = d.position();
        if array(d)? != 2 {
            return Err(decode::Error::message("a transaction is an array of two"));
        }
        let statement = bytes(d, start)?;
        let count = array(d)?;
        // The count is not trusted for the allocation: each item costs at least a byte of input.
        let items = (0..count).map(|_| bytes(d, start)).collect::<Result<_, decode::Error>>()?;
        Ok(Self { bytes: d.input()[start..d.position()].into(), statement, items })
    }
}

fn check_head(found: usize, number: u64) -> Result<(), decode::Error> {
    let shortest = match number {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    };
    if found == shortest { Ok(()) } else { Err(decode::Error::message("not in its canonical encoding")) }
}

fn number(d: &mut Decoder<'_>) -> Result<u64, decode::Error> {
    let start = d.position();
    let number = d.u64()?;
    check_head(d.position() - start, number)?;
    Ok(number)
}

fn array(d: &mut Decoder<'_>) -> Result<u64, decode::Error> {
    let start = d.position();
    let count = d.array()?.ok_or_else(|| decode::Error::message("an array of definite length is needed"))?;
    check_head(d.position() - start, count)?;
    Ok(count)
}

/// Where the next byte string lies, counted from `origin`.
fn bytes(d: &mut Decoder<'_>, origin: usize) -> Result<Range<usize>, decode::Error> {
    let start = d.position();
    let length = d.bytes()?.len();
    let end = d.position();
    check_head(end - length - start, length as u64)?;
    Ok(end - length - origin..end - origin)
}

impl BlockBody {
    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let size = 32 + self.transactions.iter().map(|one| one.as_bytes().len()).sum::<usize>();
        let mut e = Encoder::new(Vec::with_capacity(size));
        let done = e
            .array(3)
            .and_then(|e| e.u32(BLOCK_VERSION))
            .and_then(|e| e.u64(self.time.0))
            .and_then(|e| e.array(self.transactions.len() as u64));
        debug_assert!(done.is_ok());
        let mut out = e.into_writer();
        for transaction in &self.transactions {
            out.extend_from_slice(transaction.as_bytes());
        }
        out
    }

    /// Reads a body's one encoding.
    ///
    /// # Errors
    /// [`BlockError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BlockError> {
        let mut d = Decoder::new(bytes);
        let body = Self::read(&mut d).map_err(|e| BlockError { reason: e.to_string() })?;
        if d.position() != bytes.len() {
            return Err(BlockError { reason: "bytes follow its end".to_owned() });
        }
        Ok(body)
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, decode::Error> {
        if array(d)? != 3 || number(d)? != u64::from(BLOCK_VERSION) {
            return Err(decode::Error::message("unknown version"));
        }
        let time = TimestampMs(number(d)?);
        let count = array(d)?;
        let transactions =
            (0..count).map(|_| Transaction::decode_from(d)).collect::<Result<Vec<_>, decode::Error>>()?;
        Ok(Self { time, transactions })
    }
}

#[cfg(test)]
mod tests;
