//! The log of the vault: one entry for everything that happens to an original, each a leaf of an RFC 9162 tree.
//!
//! An entry is canonical CBOR and names nothing that must ever be erased: what is said besides (a purpose, a case number) stands in it as the
//! SHA-256 of a random salt and the text, which lie sealed under the exhibit's key.

use minicbor::{Decode, Encode};
use xiezhi_crypto::sha256_parts;
use xiezhi_merkle::{Hash, Sha256, Tree, TreeHash as _};
use xiezhi_types::{AccountId, TimestampMs, canonical};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Happening {
    /// The original is whole, compared with its record, and kept.
    #[n(0)]
    Stored,
    /// A grant.
    #[n(1)]
    Granted,
    /// A grant's end.
    #[n(2)]
    Revoked,
    /// Its key was handed over to a reader.
    #[n(3)]
    Read,
    /// The original and its key are erased.
    #[n(4)]
    Erased,
}

impl Happening {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Read => "read",
            Self::Erased => "erased",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// Its place in the log, from 0.
    #[n(1)]
    pub position: u64,
    /// When, by the vault's clock.
    #[n(2)]
    pub time: TimestampMs,
    /// What.
    #[n(3)]
    pub what: Happening,
    /// To which exhibit.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub exhibit: [u8; 32],
    /// By which account.
    #[n(5)]
    pub by: AccountId,
    /// Commitment to what is said besides.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub detail: [u8; 32],
}

impl Entry {
    /// Commitment to `detail` under 32 random bytes.
    #[must_use]
    pub fn commit(salt: &[u8; 32], detail: &[u8]) -> [u8; 32] {
        sha256_parts(&[b"xiezhi vault detail v1", salt, detail])
    }

    /// Its bytes: the leaf.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

/// The log's tree over its entries' bytes.
#[must_use]
pub fn tree<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Tree<Sha256> {
    let leaves: Vec<Hash> = entries.into_iter().map(Sha256::leaf).collect();
    Tree::new(&leaves)
}

/// What stands on the ledger for a log of `size` entries with the root `root`: the SHA-256 of this is the digest of a deposit by the vault's account.
#[must_use]
pub fn head(vault: &AccountId, size: u64, root: &Hash) -> Vec<u8> {
    format!("xiezhi vault log v1\n{vault}\n{size}\n{}\n", hex::encode(root)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A changed digest is a changed format.
    #[test]
    fn an_entrys_encoding_is_pinned() {
        let entry = Entry {
            position: 7,
            time: TimestampMs(1_800_000_000_000),
            what: Happening::Read,
            exhibit: [1; 32],
            by: AccountId([2; 32]),
            detail: Entry::commit(&[3; 32], b"{}"),
        };
        assert_eq!(
            hex::encode(xiezhi_crypto::sha256(&entry.encode())),
            "9098643bfbfe3b70f2218920dc5ad744b048a7e2bc6d8cc5ee6a046d2ae8bb72"
        );
    }
}
