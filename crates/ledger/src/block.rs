//! What a block carries, and its one encoding.
//!
//! `[version, time in ms, [[statement, [item, ...]], ...]]` in deterministic CBOR.

use minicbor::{Decoder, Encoder, decode};
use xiezhi_types::TimestampMs;

/// The format's version.
pub const BLOCK_VERSION: u32 = 1;

/// A statement on its way, with the items of a batch beside it; nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The statement's bytes.
    pub statement: Vec<u8>,
    /// The batch's items; empty for any other statement.
    pub items: Vec<Vec<u8>>,
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
    /// Bytes it takes in a block, a few more than exact.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        16 + self.statement.len() + self.items.iter().map(|item| item.len() + 3).sum::<usize>()
    }

    /// Writes it as it stands in blocks and in gossip.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let mut e = Encoder::new(out);
        let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
            e.array(2)?.bytes(&self.statement)?.array(self.items.len() as u64)?;
            for item in &self.items {
                e.bytes(item)?;
            }
            Ok(())
        };
        let done = write();
        debug_assert!(done.is_ok());
    }

    /// Reads one from `d`.
    ///
    /// # Errors
    /// The decoder's, or a list without stated length.
    pub fn decode_from(d: &mut Decoder<'_>) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a transaction is an array of two"));
        }
        let statement = d.bytes()?.to_vec();
        let count = d
            .array()?
            .ok_or_else(|| decode::Error::message("items: an array of definite length is needed"))?;
        // The count is not trusted for the allocation: each item costs at least a byte of input.
        let items = (0..count).map(|_| Ok(d.bytes()?.to_vec())).collect::<Result<_, decode::Error>>()?;
        Ok(Self { statement, items })
    }
}

impl BlockBody {
    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let size = 32 + self.transactions.iter().map(Transaction::encoded_bytes).sum::<usize>();
        let mut e = Encoder::new(Vec::with_capacity(size));
        let done = e
            .array(3)
            .and_then(|e| e.u32(BLOCK_VERSION))
            .and_then(|e| e.u64(self.time.0))
            .and_then(|e| e.array(self.transactions.len() as u64));
        debug_assert!(done.is_ok());
        let mut out = e.into_writer();
        for transaction in &self.transactions {
            transaction.encode_into(&mut out);
        }
        out
    }

    /// Reads a body's one encoding.
    ///
    /// # Errors
    /// [`BlockError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BlockError> {
        let body = Self::read(bytes).map_err(|e| BlockError { reason: e.to_string() })?;
        if body.encode() != bytes {
            return Err(BlockError { reason: "not in its canonical encoding".to_owned() });
        }
        Ok(body)
    }

    fn read(bytes: &[u8]) -> Result<Self, decode::Error> {
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(3) || d.u32()? != BLOCK_VERSION {
            return Err(decode::Error::message("unknown version"));
        }
        let time = TimestampMs(d.u64()?);
        let count =
            d.array()?.ok_or_else(|| decode::Error::message("an array of definite length is needed"))?;
        let transactions = (0..count)
            .map(|_| Transaction::decode_from(&mut d))
            .collect::<Result<Vec<_>, decode::Error>>()?;
        Ok(Self { time, transactions })
    }
}

#[cfg(test)]
mod tests;
