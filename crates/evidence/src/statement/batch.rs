//! A batch: what its statement says, and its items, which travel beside it.

use minicbor::{Decode, Encode};
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_merkle::{Sha256, TreeHash};
use xiezhi_types::from_canonical_with;

use super::{StatementError, digests_bounded, field};

/// What a batch commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BatchBody {
    /// RFC 9162 root (SHA-256) over the items' encodings.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub items_root: [u8; 32],
    /// How many items, 1 to [`super::BATCH_ITEMS_MAX`].
    #[n(2)]
    pub items: u32,
}

/// One item of a batch; travels beside the statement, not in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BatchItem {
    /// Root over the manifest's salted fields.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub manifest_root: [u8; 32],
    /// Digests that the depositor makes searchable; may be empty.
    #[n(2)]
    pub digests: Vec<Digest>,
}

impl BatchItem {
    /// Reads an item's one encoding.
    ///
    /// # Errors
    /// [`StatementError::Field`] naming the item.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::parse_with(bytes, &mut Vec::with_capacity(bytes.len()))
    }

    pub(super) fn parse_with(bytes: &[u8], scratch: &mut Vec<u8>) -> Result<Self, StatementError> {
        let item = match Self::read_usual(bytes) {
            Some(item) => item,
            None => from_canonical_with("a batch item", bytes, scratch).map_err(|e| field("item", e))?,
        };
        digests_bounded(&item.digests)?;
        Ok(item)
    }

    /// Reads the encoding of an item whose digests are all SHA-256, which most are, head by head: half the cost of reading and writing it again. `None`
    /// where it is anything else.
    fn read_usual(bytes: &[u8]) -> Option<Self> {
        let (manifest_root, rest) = bytes.strip_prefix(&[0xa2, 0x01, 0x58, 0x20])?.split_first_chunk()?;
        let (&[key, count], mut rest) = rest.split_first_chunk()?;
        let count = count.checked_sub(0x80).filter(|count| key == 0x02 && *count <= 23)?;
        let mut digests = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (value, after) = rest.strip_prefix(&[0x82, 0x2f, 0x58, 0x20])?.split_first_chunk()?;
            digests.push(Digest { alg: DigestAlg::Sha256, value: *value });
            rest = after;
        }
        rest.is_empty().then_some(Self { manifest_root: *manifest_root, digests })
    }

    /// The item's leaf hash in its batch's tree.
    #[must_use]
    pub fn leaf(bytes: &[u8]) -> [u8; 32] {
        Sha256::leaf(bytes)
    }
}
