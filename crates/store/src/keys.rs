//! Keys and small values as bytes.

use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_ledger::StateVersion;
use xiezhi_types::{AccountId, GroupId, Height, InstitutionId, LogIndex, StatementId, TimestampMs, TreeSize};

use crate::Tip;

/// Stands for "the record itself" where an item's number could be.
pub(crate) const NO_ITEM: u32 = u32::MAX;

/// Items that are stored together: one write and one read for many.
pub(crate) const BUNDLE_ITEMS: usize = 256;

/// Of `meta`: how many records moved to the archive.
pub(crate) const ARCHIVE: &[u8] = b"archive";

/// Of `meta`: how many records' digests are in the tables.
pub(crate) const DIGESTS: &[u8] = b"digests";

pub(crate) fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(crate) fn item_number(item: Option<u32>) -> u32 {
    item.unwrap_or(NO_ITEM)
}

pub(crate) fn by_statement(id: &StatementId) -> Vec<u8> {
    concat(&[b"s", &id.0])
}

pub(crate) fn digest_prefix(digest: &Digest) -> [u8; 34] {
    let alg = match digest.alg {
        DigestAlg::Sha256 => 0,
        DigestAlg::Sm3 => 1,
    };
    let mut prefix = [0; 34];
    prefix[..2].copy_from_slice(&[b'd', alg]);
    prefix[2..].copy_from_slice(&digest.value);
    prefix
}

pub(crate) fn digest_place(digest: &Digest, index: LogIndex, item: Option<u32>) -> [u8; 46] {
    let mut key = [0; 46];
    key[..34].copy_from_slice(&digest_prefix(digest));
    key[34..].copy_from_slice(&place(index, item));
    key
}

pub(crate) fn account_prefix(account: &AccountId) -> Vec<u8> {
    concat(&[b"a", &account.0])
}

pub(crate) fn group_prefix(group: &GroupId) -> Vec<u8> {
    concat(&[b"g", &group.0])
}

pub(crate) fn place(index: LogIndex, item: Option<u32>) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&index.0.to_be_bytes());
    bytes[8..].copy_from_slice(&item_number(item).to_be_bytes());
    bytes
}

pub(crate) fn term(number: u64) -> Vec<u8> {
    concat(&[b"term/", &number.to_be_bytes()])
}

pub(crate) fn checkpoint(height: Height) -> Vec<u8> {
    concat(&[b"c", &height.0.to_be_bytes()])
}

pub(crate) fn seal_prefix(height: Height) -> Vec<u8> {
    concat(&[b"k", &height.0.to_be_bytes()])
}

pub(crate) fn seal(height: Height, institution: &InstitutionId) -> Vec<u8> {
    concat(&[&seal_prefix(height), institution.as_str().as_bytes()])
}

pub(crate) fn stamp_prefix(height: Height) -> Vec<u8> {
    concat(&[b"t", &height.0.to_be_bytes()])
}

pub(crate) fn stamp(height: Height, fingerprint: &[u8; 32]) -> Vec<u8> {
    concat(&[&stamp_prefix(height), fingerprint])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn encode_tip(tip: &Tip) -> Vec<u8> {
    concat(&[
        &tip.height.0.to_be_bytes(),
        &tip.time.0.to_be_bytes(),
        &tip.size.0.to_be_bytes(),
        &tip.state.0.to_be_bytes(),
        &tip.state_root,
    ])
}

pub(crate) fn decode_tip(bytes: &[u8]) -> Option<Tip> {
    Some(Tip {
        height: Height(u64_at(bytes, 0)?),
        time: TimestampMs(u64_at(bytes, 8)?),
        size: TreeSize(u64_at(bytes, 16)?),
        state: StateVersion(u64_at(bytes, 24)?),
        state_root: bytes.get(32..)?.try_into().ok()?,
    })
}
