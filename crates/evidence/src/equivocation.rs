//! Two checkpoints of one ledger that cannot both be true: what a split view leaves behind, in one file.

use minicbor::{Decode, Encode};
use xiezhi_merkle::Hash;
use xiezhi_types::{CborError, LogIndex, canonical, from_canonical};

use crate::{CertifiedSeal, Checkpoint, certificate::HISTORY_MAX};

/// The version of a file about checkpoints of term 0: without history.
pub const VERSION: u32 = 1;
/// The version of a file in which a side has a history.
pub const VERSION_HISTORY: u32 = 2;
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
    /// Changes of institutions and policy since genesis that lead to the checkpoint's term, as in a certificate; none in term 0.
    #[n(3)]
    pub history: Option<History>,
}

impl Sealed {
    /// A checkpoint of the term to which `history` leads.
    #[must_use]
    pub fn new(checkpoint: Checkpoint, seals: Vec<CertifiedSeal>, history: Vec<Vec<u8>>) -> Self {
        Self { checkpoint, seals, history: (!history.is_empty()).then_some(History(history)) }
    }

    /// The links of its history.
    #[must_use]
    pub fn links(&self) -> &[Vec<u8>] {
        self.history.as_ref().map_or(&[], |history| &history.0)
    }
}

/// Encoded [`TermLink`](crate::TermLink)s, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct History(#[cbor(n(0), with = "xiezhi_types::cbor::blobs")] Vec<Vec<u8>>);

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
    /// [`VERSION`], or where a side has a history [`VERSION_HISTORY`].
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
    /// The file about two checkpoints; proves nothing by itself.
    #[must_use]
    pub fn new(genesis: Vec<u8>, first: Sealed, second: Sealed, divergence: Option<Divergence>) -> Self {
        let has_history = first.history.is_some() || second.history.is_some();
        let version = if has_history { VERSION_HISTORY } else { VERSION };
        Self { version, genesis, first, second, divergence }
    }

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
        if ![VERSION, VERSION_HISTORY].contains(&read.version) {
            let reason =
                format!("version {}, this software reads {VERSION} and {VERSION_HISTORY}", read.version);
            return Err(malformed(reason));
        }
        let histories =
            [&read.first, &read.second].map(|side| side.history.as_ref().map(|links| links.0.len()));
        if (histories == [None, None]) != (read.version == VERSION)
            || histories.into_iter().flatten().any(|links| links == 0 || links > HISTORY_MAX)
        {
            return Err(malformed(format!(
                "a history of 1 to {HISTORY_MAX} links belongs to version {VERSION_HISTORY}"
            )));
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
