//! The block: height, parent and an opaque payload.
//!
//! # Format
//! The digest is SHA-256 over
//!
//! ```text
//! +-----------------------+------------------+-------------+---------+
//! | "xiezhi/block/v1" 00  | height, 8 B (BE) | parent 32 B | payload |
//! +-----------------------+------------------+-------------+---------+
//! ```
//!
//! On the wire and on disk: height (8 bytes, big endian), parent (32 bytes), payload length (varint), payload.

use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, BufsMut, EncodeSize, Error as CodecError, FixedSize, MaxEncodeSize, RangeCfg, Read, ReadExt, Write,
};
use commonware_consensus::{BoundedBlock, Heightable, types::Height};
use commonware_cryptography::{Digestible, sha256};
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::OnceLock};

/// Separates block digests from every other digest of the system.
const DIGEST_TAG: &[u8; 16] = b"xiezhi/block/v1\0";
/// Height and parent.
const HEADER_BYTES: usize = u64::SIZE + sha256::Digest::SIZE;

/// What the engine puts in order.
#[derive(Clone)]
pub struct Block {
    height: u64,
    parent: [u8; 32],
    payload: Bytes,
    digest: OnceLock<[u8; 32]>,
}

impl Block {
    /// The block from which an era grows: height 0, parent [`Era::parent`](crate::Era::parent).
    pub fn genesis(parent: [u8; 32], payload: Bytes) -> Self {
        Self { height: 0, parent, payload, digest: OnceLock::new() }
    }

    /// The block that follows `self` with `payload`.
    ///
    /// # Panics
    /// After 2^64 - 1 blocks.
    pub fn child(&self, payload: Bytes) -> Self {
        let height = self.height.checked_add(1).expect("height fits 64 bits");
        Self { height, parent: self.digest(), payload, digest: OnceLock::new() }
    }

    /// The number of blocks of its era before this one.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The digest of the block before this one; of a genesis block, what its era is bound to.
    pub fn parent(&self) -> [u8; 32] {
        self.parent
    }

    /// The content, opaque to consensus.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The digest over the whole block, see the head of this file; computed once.
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            hasher.update(DIGEST_TAG);
            hasher.update(self.height.to_be_bytes());
            hasher.update(self.parent);
            hasher.update(&self.payload);
            hasher.finalize().into()
        })
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("height", &self.height)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Block {}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.height.write(buf);
        self.parent.write(buf);
        self.payload.write(buf);
    }

    fn write_bufs(&self, buf: &mut impl BufsMut) {
        self.height.write(buf);
        self.parent.write(buf);
        self.payload.write_bufs(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        HEADER_BYTES + self.payload.encode_size()
    }

    fn encode_inline_size(&self) -> usize {
        HEADER_BYTES + self.payload.encode_inline_size()
    }
}

/// Decoding takes the most bytes a payload may have.
impl Read for Block {
    type Cfg = usize;

    fn read_cfg(buf: &mut impl Buf, payload_bytes_max: &usize) -> Result<Self, CodecError> {
        let height = u64::read(buf)?;
        let parent = <[u8; 32]>::read(buf)?;
        let payload = Bytes::read_cfg(buf, &RangeCfg::from(..=*payload_bytes_max))?;
        Ok(Self { height, parent, payload, digest: OnceLock::new() })
    }
}

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> sha256::Digest {
        sha256::Digest(Block::digest(self))
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.height)
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> sha256::Digest {
        sha256::Digest(self.parent)
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(payload_bytes_max: &usize) -> usize {
        HEADER_BYTES + u32::MAX_ENCODE_SIZE + 1 + *payload_bytes_max
    }
}

#[cfg(test)]
mod tests;
