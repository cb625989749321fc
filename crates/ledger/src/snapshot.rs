//! Snapshots: the ledger at a sealed checkpoint, for whoever trusts the genesis and begins there instead of at the first record.
//!
//! A snapshot is given in parts: [`Snapshot`] says which checkpoint and why to believe it, [`StateEntries`] hold the state after it, and the log's
//! tiles are where those of every log are. Each part is a function of the ledger and the height: every node that has them gives the same.

use minicbor::{Decode, Encode};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, TimeStamp};
use xiezhi_types::{CborError, Height, canonical, from_canonical, known_version};

/// The format's version.
pub const SNAPSHOT_VERSION: u32 = 1;

/// The checkpoint of a snapshot, and what leads from the genesis to the members that sealed it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Snapshot {
    /// [`SNAPSHOT_VERSION`].
    #[n(1)]
    pub version: u32,
    /// The checkpoint.
    #[n(2)]
    pub checkpoint: Checkpoint,
    /// Seals, sorted by institution.
    #[n(3)]
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps.
    #[n(4)]
    pub timestamps: Vec<TimeStamp>,
    /// Revocation lists (DER) in force where this was made.
    #[cbor(n(5), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
    /// Encoded `TermLink`s: every term decided at or below the checkpoint's height, oldest first.
    #[cbor(n(6), with = "xiezhi_types::cbor::blobs")]
    pub history: Vec<Vec<u8>>,
}

impl Snapshot {
    /// Reads the one encoding. Proves nothing: seals and links are the reader's to check.
    ///
    /// # Errors
    /// [`CborError`]; another version is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let what = "a snapshot";
        let snapshot: Self = from_canonical(what, bytes)?;
        known_version(what, snapshot.version, SNAPSHOT_VERSION).map(|()| snapshot)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

/// Some entries of the state after the block at a height.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StateEntries {
    /// [`SNAPSHOT_VERSION`].
    #[n(1)]
    pub version: u32,
    /// The block's height.
    #[n(2)]
    pub height: Height,
    /// The entries, rising: the SHA-256 of the key, and the value.
    #[n(3)]
    pub entries: Vec<StateEntryPart>,
    /// Whether there are more.
    #[n(4)]
    pub more: bool,
}

/// An entry of the state as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StateEntryPart {
    /// SHA-256 of the key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key_hash: [u8; 32],
    /// The value.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Vec<u8>,
}

impl StateEntries {
    /// Reads the one encoding; the entries rise, and there is one if there are more.
    ///
    /// # Errors
    /// [`CborError`]; another version is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let what = "state entries";
        let part: Self = from_canonical(what, bytes)?;
        known_version(what, part.version, SNAPSHOT_VERSION)?;
        let rises = part.entries.windows(2).all(|two| two[0].key_hash < two[1].key_hash);
        if !rises || (part.more && part.entries.is_empty()) {
            return Err(CborError::Malformed { what, reason: "the entries do not rise".to_owned() });
        }
        Ok(part)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

/// The hash after `hash`, if there is one: where the next part of the state begins.
#[must_use]
pub fn after(mut hash: [u8; 32]) -> Option<[u8; 32]> {
    for byte in hash.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(hash);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use xiezhi_types::{LedgerId, TimestampMs, TreeSize};

    fn example() -> Snapshot {
        let checkpoint = Checkpoint {
            ledger: LedgerId([1; 32]),
            height: Height(7),
            time: TimestampMs(1_700_000_000_000),
            size: TreeSize(3),
            root_sha256: [2; 32],
            root_sm3: [3; 32],
            state_root: [4; 32],
        };
        Snapshot {
            version: SNAPSHOT_VERSION,
            checkpoint,
            seals: Vec::new(),
            timestamps: vec![TimeStamp { token: vec![0x30, 0] }],
            revocations: vec![vec![0x30, 0]],
            history: vec![vec![0xa0]],
        }
    }

    fn entries() -> StateEntries {
        let entry = |at: u8| StateEntryPart { key_hash: [at; 32], value: vec![at] };
        let entries = vec![entry(1), entry(2)];
        StateEntries { version: SNAPSHOT_VERSION, height: Height(7), entries, more: true }
    }

    fn pin(bytes: &[u8]) -> String {
        xiezhi_crypto::sha256(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_encodings_are_pinned() {
        assert_eq!(Snapshot::parse(&example().encode()), Ok(example()));
        assert_eq!(StateEntries::parse(&entries().encode()), Ok(entries()));
        assert_eq!(pin(&example().encode()), "81a1984c3feb66c0");
        assert_eq!(pin(&entries().encode()), "368f25080cf4a05b");
    }

    #[test]
    fn another_version_longer_bytes_and_another_order_are_refused() {
        assert!(Snapshot::parse(&Snapshot { version: 2, ..example() }.encode()).is_err());
        assert!(Snapshot::parse(&[example().encode(), vec![0]].concat()).is_err());
        assert!(StateEntries::parse(&StateEntries { version: 2, ..entries() }.encode()).is_err());
        let mut twisted = entries();
        twisted.entries.swap(0, 1);
        assert!(StateEntries::parse(&twisted.encode()).is_err());
        twisted.entries = vec![entries().entries[0].clone(); 2];
        assert!(StateEntries::parse(&twisted.encode()).is_err());
        assert!(StateEntries::parse(&StateEntries { entries: Vec::new(), ..entries() }.encode()).is_err());
    }

    #[test]
    fn the_hash_after_a_hash_carries_and_ends() {
        let mut one = [0; 32];
        one[31] = 0xff;
        let mut next = [0; 32];
        next[30] = 1;
        assert_eq!((after(one), after([0xff; 32])), (Some(next), None));
    }
}
