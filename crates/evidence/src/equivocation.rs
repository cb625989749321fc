//! Two checkpoints of one ledger that cannot both be true: what a split view leaves behind, in one file.

use minicbor::{Decode, Encode};
use xiezhi_merkle::Hash;
use xiezhi_types::{CborError, LogIndex, canonical, from_canonical};

use crate::{CertifiedSeal, Checkpoint};

/// The format's version.
pub const VERSION: u32 = 1;
/// Longest file that is read, in bytes.
pub const EQUIVOCATION_BYTES_MAX: usize = 4 << 20;

/// A checkpoint and who sealed it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sealed {
    /// The checkpoint.
    #[n(1)]
    pub checkpoint: Checkpoint,
    /// Seals of it, sorted by institution.
    #[n(2)]
    pub seals: Vec<CertifiedSeal>,
}

/// A leaf of one of the two trees under SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Leaf {
    /// The leaf's hash.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: Hash,
    /// Its inclusion path.
    #[cbor(n(2), with = "xiezhi_types::cbor::hashes")]
    pub path: Vec<Hash>,
}

/// One index, two leaves: why trees of different sizes contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Divergence {
    /// The index.
    #[n(1)]
    pub index: LogIndex,
    /// What stands there in the first tree.
    #[n(2)]
    pub first: Leaf,
    /// What stands there in the second.
    #[n(3)]
    pub second: Leaf,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Equivocation {
    /// [`VERSION`].
    #[n(1)]
    pub version: u32,
    /// The ledger's genesis.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub genesis: Vec<u8>,
    /// One side.
    #[n(3)]
    pub first: Sealed,
    /// The other.
    #[n(4)]
    pub second: Sealed,
    /// Needed where the checkpoints alone do not contradict each other.
    #[n(5)]
    pub divergence: Option<Divergence>,
}

impl Equivocation {
    /// Reads a file's one encoding. Proves nothing: that is `verify`'s.
    ///
    /// # Errors
    /// [`CborError`]; another version is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let what = "the equivocation";
        let malformed = |reason: String| CborError::Malformed { what, reason };
        if bytes.len() > EQUIVOCATION_BYTES_MAX {
            return Err(malformed(format!("{} bytes, at most {EQUIVOCATION_BYTES_MAX}", bytes.len())));
        }
        let read: Self = from_canonical(what, bytes)?;
        if read.version != VERSION {
            return Err(malformed(format!("version {}, this software reads {VERSION}", read.version)));
        }
        for side in [&read.first, &read.second] {
            if side.seals.windows(2).any(|pair| pair[0].seal.institution >= pair[1].seal.institution) {
                return Err(malformed("seals must be sorted by institution, each once".to_owned()));
            }
        }
        Ok(read)
    }

    /// Its encoding: the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}
