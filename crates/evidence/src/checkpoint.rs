//! The checkpoint: the ledger after a block that added records, in 200 bytes.

use minicbor::{Decode, Encode};
use xiezhi_crypto::sha256;
use xiezhi_note::{CheckpointBody, CheckpointError};
use xiezhi_types::{CborError, Height, LedgerId, TimestampMs, TreeSize, canonical, from_canonical};

/// What institutions seal. Its encoding is what time stamps are over.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Checkpoint {
    /// The ledger.
    #[n(1)]
    pub ledger: LedgerId,
    /// Height of the block after which it holds.
    #[n(2)]
    pub height: Height,
    /// That block's time.
    #[n(3)]
    pub time: TimestampMs,
    /// Records in the log.
    #[n(4)]
    pub size: TreeSize,
    /// RFC 9162 root under SHA-256.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub root_sha256: [u8; 32],
    /// Root of the tree of the same shape under SM3.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub root_sm3: [u8; 32],
    /// Root of the state after the block.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub state_root: [u8; 32],
}

impl Checkpoint {
    /// Reads a checkpoint's one encoding.
    ///
    /// # Errors
    /// [`CborError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        from_canonical("the checkpoint", bytes)
    }

    /// Its encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }

    /// SHA-256 of its encoding: what receipts bind and time stamps are over.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.encode())
    }

    /// Size and SHA-256 root as a C2SP note body of three lines.
    ///
    /// Without extension lines, which C2SP advises against and some witnesses refuse: the rest of the checkpoint is bound by the receipts.
    ///
    /// # Errors
    /// [`CheckpointError`] when `origin` cannot be a line of a note.
    pub fn note_body(&self, origin: &str) -> Result<CheckpointBody, CheckpointError> {
        CheckpointBody::new(origin, self.size.0, self.root_sha256, Vec::new())
    }
}

#[cfg(test)]
pub(crate) mod tests;
