//! Sealed blocks: the records of a block with the checkpoint after it and what was collected for that, so that whoever trusts the genesis can
//! follow the ledger without taking part in consensus.
//!
//! Statements that the block ordered and execution rejected are left out: they changed nothing.

use minicbor::{Decode, Encode};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, TimeStamp};
use xiezhi_types::{CborError, canonical, from_canonical, known_version};

/// The format's version.
pub const SEALED_BLOCKS_VERSION: u32 = 1;

/// One block that added records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedBlock {
    /// The checkpoint after the block: its height, its time, the log and the state.
    #[n(1)]
    pub checkpoint: Checkpoint,
    /// A [`crate::BlockBody`] of the recorded statements in the order of their indices, with the block's time.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// Seals, sorted by institution.
    #[n(3)]
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps.
    #[n(4)]
    pub timestamps: Vec<TimeStamp>,
}

/// Blocks that follow each other: between two of them no block added records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedBlocks {
    /// [`SEALED_BLOCKS_VERSION`].
    #[n(1)]
    pub version: u32,
    /// Revocation lists (DER) in force where this was made.
    #[cbor(n(2), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
    /// Records sealed to policy where this was made: how far there is to go.
    #[n(3)]
    pub sealed_size: u64,
    /// The blocks, rising.
    #[n(4)]
    pub blocks: Vec<SealedBlock>,
}

impl SealedBlocks {
    /// Reads the one encoding of sealed blocks. Proves nothing: seals are the follower's to check.
    ///
    /// # Errors
    /// [`CborError`]; another version is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let what = "sealed blocks";
        let blocks: Self = from_canonical(what, bytes)?;
        known_version(what, blocks.version, SEALED_BLOCKS_VERSION).map(|()| blocks)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xiezhi_types::{Height, LedgerId, TimestampMs, TreeSize};

    fn example() -> SealedBlocks {
        let checkpoint = Checkpoint {
            ledger: LedgerId([1; 32]),
            height: Height(7),
            time: TimestampMs(1_700_000_000_000),
            size: TreeSize(3),
            root_sha256: [2; 32],
            root_sm3: [3; 32],
            state_root: [4; 32],
        };
        let block = SealedBlock {
            checkpoint,
            body: vec![0x83, 1, 0, 0x80],
            seals: Vec::new(),
            timestamps: vec![TimeStamp { token: vec![0x30, 0] }],
        };
        SealedBlocks {
            version: SEALED_BLOCKS_VERSION,
            revocations: vec![vec![0x30, 0]],
            sealed_size: 3,
            blocks: vec![block],
        }
    }

    #[test]
    fn the_encoding_is_pinned() {
        let bytes = example().encode();
        let pinned =
            xiezhi_crypto::sha256(&bytes).iter().take(8).map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(pinned, "c21d69345f02ca64");
        assert_eq!(SealedBlocks::parse(&bytes), Ok(example()));
    }

    #[test]
    fn another_version_and_longer_bytes_are_refused() {
        let other = SealedBlocks { version: 2, ..example() };
        assert!(matches!(SealedBlocks::parse(&other.encode()), Err(CborError::Malformed { .. })));
        let mut bytes = example().encode();
        bytes.push(0);
        assert!(SealedBlocks::parse(&bytes).is_err());
    }
}
