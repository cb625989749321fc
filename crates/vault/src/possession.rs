//! The proof that the vault has an original at a moment: sealed segments that a challenger's nonce chose, under the root that was fixed when
//! the original was compared with its record (docs/specs/vault.md).
//!
//! ```text
//! answer      "xiezhi vault possession v1\n" vault "\n" exhibit "\n" nonce "\n" size "\n" root "\n"
//! chosen      all segments of an original of 16 or fewer; of others 16 draws: the first 8 bytes of
//!             SHA-256("xiezhi vault challenge v1" | nonce | exhibit | draw (1)), big-endian, modulo the number of segments
//! leaves      the sealed segments as they lie
//! root        stands in the detail of the entry "stored", which is in the log whose heads are on the ledger
//! ```
//!
//! The answer's SHA-256 is the digest of a deposit by the vault's account: the ledger says when it was given. Pure: certificates are checked by
//! who has the trusted anchors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xiezhi_crypto::sha256_parts;
use xiezhi_merkle::{Hash, Sha256, TreeHash as _, verify_inclusion};
use xiezhi_types::AccountId;
use xiezhi_vault_log::{EntryProof, LogError};

use crate::{
    entry::{Entry, Happening},
    envelope::segments,
};

/// How many segments are drawn.
const DRAWS: u8 = 16;

/// Why an answer proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PossessionError {
    /// A part is not of the form it must have.
    #[error("{0} is not of the form it must have")]
    Form(&'static str),
    /// The answer is to another challenge, or of another exhibit or vault than its entry.
    #[error("the answer is not to this challenge")]
    Challenge,
    /// Other segments than the nonce chose.
    #[error("other segments than the challenge chose")]
    Chosen,
    /// A segment is not under the root.
    #[error("segment {0} is not what was stored")]
    Segment(u64),
    /// The root is not that of the entry "stored".
    #[error("the root is not the one that was fixed when the original was stored")]
    Root,
    /// The entry is not in the log.
    #[error(transparent)]
    Entry(#[from] LogError),
}

/// A segment that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChosenSegment {
    /// Its number, from 0.
    pub number: u64,
    /// As it lies in the vault, hexadecimal: the leaf.
    pub sealed: String,
    /// The leaf's path to the root, hexadecimal.
    pub path: Vec<String>,
}

/// An answer to a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Possession {
    /// What the vault says.
    pub answer: String,
    /// The certificate of the answer's record by the vault's account, hexadecimal.
    pub certificate: String,
    /// The segments that the nonce chose.
    pub segments: Vec<ChosenSegment>,
    /// Salt and detail of the entry "stored", hexadecimal: they open its commitment to the root.
    pub stored: String,
    /// That entry in the log.
    pub entry: EntryProof,
}

/// What a checked answer says, if its two certificates hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The vault's account: the issuer of both certificates.
    pub vault: AccountId,
    /// The exhibit, hexadecimal.
    pub exhibit: String,
    /// The challenge, hexadecimal.
    pub nonce: String,
    /// Bytes of the original.
    pub size: u64,
    /// How many segments were shown.
    pub shown: usize,
    /// How many there are.
    pub segments: u64,
}

/// What the vault says to a challenge.
#[must_use]
pub fn answer(vault: &AccountId, exhibit: &str, nonce: &[u8; 32], size: u64, root: &Hash) -> String {
    let (nonce, root) = (hex::encode(nonce), hex::encode(root));
    format!("xiezhi vault possession v1\n{vault}\n{exhibit}\n{nonce}\n{size}\n{root}\n")
}

/// The segments of `exhibit`, of `total`, that `nonce` chooses; rising.
#[must_use]
pub fn chosen(nonce: &[u8; 32], exhibit: &[u8; 32], total: u64) -> Vec<u64> {
    if total <= u64::from(DRAWS) {
        return (0..total).collect();
    }
    let draw = |at: u8| {
        let digest = sha256_parts(&[b"xiezhi vault challenge v1", nonce, exhibit, &[at]]);
        let (first, _) = digest.split_first_chunk::<8>().unwrap_or_else(|| unreachable!("32 bytes"));
        u64::from_be_bytes(*first) % total
    };
    let mut numbers: Vec<_> = (0..DRAWS).map(draw).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn bytes<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], PossessionError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(PossessionError::Form(what))
}

fn path(text: &[String]) -> Result<Vec<Hash>, PossessionError> {
    text.iter().map(|hash| bytes("a path", hash)).collect()
}

/// Checks everything but the two certificates: that of the answer and that of the head, whose records must be by [`Claimed::vault`] and of these texts.
///
/// # Errors
/// [`PossessionError`].
pub fn check(proof: &Possession) -> Result<Claimed, PossessionError> {
    let lines: Vec<_> = proof.answer.split('\n').collect();
    let ["xiezhi vault possession v1", vault, exhibit, nonce, size, root, ""] = lines[..] else {
        return Err(PossessionError::Form("the answer"));
    };
    let account: AccountId = vault.parse().map_err(|_| PossessionError::Form("the vault's account"))?;
    let id: [u8; 32] = bytes("the exhibit", exhibit)?;
    let nonce_bytes: [u8; 32] = bytes("the nonce", nonce)?;
    let root: Hash = bytes("the root", root)?;
    let size: u64 = size.parse().map_err(|_| PossessionError::Form("the size"))?;
    if size == 0 || answer(&account, exhibit, &nonce_bytes, size, &root) != proof.answer {
        return Err(PossessionError::Form("the answer"));
    }

    let total = segments(size);
    let numbers: Vec<_> = proof.segments.iter().map(|one| one.number).collect();
    if numbers != chosen(&nonce_bytes, &id, total) {
        return Err(PossessionError::Chosen);
    }
    for one in &proof.segments {
        let sealed = hex::decode(&one.sealed).map_err(|_| PossessionError::Form("a segment"))?;
        verify_inclusion::<Sha256>(&Sha256::leaf(&sealed), one.number, total, &path(&one.path)?, &root)
            .map_err(|_| PossessionError::Segment(one.number))?;
    }

    let entry = proof.entry.check(&account)?;
    let opened = hex::decode(&proof.stored).map_err(|_| PossessionError::Form("the detail"))?;
    let (salt, detail) = opened.split_first_chunk::<32>().ok_or(PossessionError::Form("the detail"))?;
    let said: serde_json::Value =
        serde_json::from_slice(detail).map_err(|_| PossessionError::Form("the detail"))?;
    let is_the_entry = entry.what == Happening::Stored && entry.exhibit == id;
    if !is_the_entry || Entry::commit(salt, detail) != entry.detail {
        return Err(PossessionError::Challenge);
    }
    if said["root"] != hex::encode(root).as_str() || said["size"].as_u64() != Some(size) {
        return Err(PossessionError::Root);
    }
    Ok(Claimed {
        vault: account,
        exhibit: exhibit.to_owned(),
        nonce: nonce.to_owned(),
        size,
        shown: numbers.len(),
        segments: total,
    })
}

#[cfg(test)]
mod tests {
    use xiezhi_merkle::Tree;
    use xiezhi_types::TimestampMs;

    use super::*;
    use crate::{
        entry::{head, tree},
        envelope::{Envelope, SEGMENT_BYTES},
    };

    const EXHIBIT: [u8; 32] = [7; 32];
    const NONCE: [u8; 32] = [9; 32];

    /// An honest answer for an original of `size` bytes.
    fn honest(size: u64) -> Possession {
        let envelope = Envelope::new(&[1; 32], EXHIBIT, size);
        let sealed: Vec<_> = (0..segments(size))
            .map(|number| envelope.seal(number, &vec![number as u8; envelope.plain_bytes(number)], [3; 12]))
            .collect();
        let leaves: Vec<_> = sealed.iter().map(|one| Sha256::leaf(one)).collect();
        let whole = Tree::<Sha256>::new(&leaves);
        let vault = AccountId([5; 32]);
        let detail = serde_json::json!({ "size": size, "root": hex::encode(whole.root()) }).to_string();
        let entry = Entry {
            position: 1,
            time: TimestampMs(1_800_000_000_000),
            what: Happening::Stored,
            exhibit: EXHIBIT,
            by: AccountId([6; 32]),
            detail: Entry::commit(&[8; 32], detail.as_bytes()),
        };
        let entries = [b"another".to_vec(), entry.encode()];
        let log = tree(entries.iter().map(Vec::as_slice));
        let hexed = |path: Option<Vec<Hash>>| path.unwrap().iter().map(hex::encode).collect();
        let segments = chosen(&NONCE, &EXHIBIT, segments(size)).into_iter();
        Possession {
            answer: answer(&vault, &hex::encode(EXHIBIT), &NONCE, size, &whole.root()),
            certificate: String::new(),
            segments: segments
                .map(|number| ChosenSegment {
                    number,
                    sealed: hex::encode(&sealed[number as usize]),
                    path: hexed(whole.inclusion(number)),
                })
                .collect(),
            stored: hex::encode([&[8; 32], detail.as_bytes()].concat()),
            entry: EntryProof {
                entry: hex::encode(entry.encode()),
                size: 2,
                path: hexed(log.inclusion(1)),
                head: String::from_utf8(head(&vault, 2, &log.root())).unwrap(),
                certificate: String::new(),
            },
        }
    }

    #[test]
    fn an_honest_answer_holds_for_small_and_for_large_originals() {
        for (size, shown) in [(1, 1), (SEGMENT_BYTES as u64 + 1, 2), (40 * SEGMENT_BYTES as u64, 16)] {
            let claimed = check(&honest(size)).unwrap();
            assert_eq!((claimed.size, claimed.segments), (size, segments(size)));
            assert!(claimed.shown <= shown && claimed.shown >= shown.min(10), "{claimed:?}");
        }
    }

    #[test]
    fn whatever_is_changed_in_an_answer_is_seen() {
        let flip = |text: &mut String, at: usize| {
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            text.replace_range(at..=at, other);
        };
        type Change<'a> = Box<dyn Fn(&mut Possession) + 'a>;
        let changes: [(&str, Change<'_>); 10] = [
            ("a segment", Box::new(|one| flip(&mut one.segments[3].sealed, 100))),
            ("a path", Box::new(|one| flip(&mut one.segments[3].path[0], 5))),
            ("a segment is left out", Box::new(|one| drop(one.segments.pop()))),
            ("another number", Box::new(|one| one.segments[0].number += 1)),
            ("the nonce", Box::new(|one| one.answer = one.answer.replace("0909", "0908"))),
            ("the exhibit", Box::new(|one| one.answer = one.answer.replace("0707", "0706"))),
            ("the vault", Box::new(|one| one.answer = one.answer.replace("0505", "0506"))),
            ("the root in the entry", Box::new(|one| flip(&mut one.stored, 120))),
            ("the entry", Box::new(|one| flip(&mut one.entry.entry, 40))),
            ("the head", Box::new(|one| one.entry.head = one.entry.head.replace("0505", "0506"))),
        ];
        for (what, change) in changes {
            let mut one = honest(40 * SEGMENT_BYTES as u64);
            change(&mut one);
            assert!(check(&one).is_err(), "{what}");
        }
    }

    /// Another choice is another protocol.
    #[test]
    fn the_choice_of_segments_is_pinned() {
        let numbers = chosen(&NONCE, &EXHIBIT, 1_000_000);
        let pinned = sha256_parts(&[format!("{numbers:?}").as_bytes()]);
        assert_eq!(hex::encode(pinned), "88b89efcf33f61613feefac5ed65e198230ab1d927c6e31330a191cf6fef1ecb");
    }
}
