//! Damage in the journal of one's own votes, looked for before the engine opens it.
//!
//! The engine takes what does not match its checksum at a journal's end for a write that a crash cut short, and drops it. A flipped bit would make
//! it forget votes without a word, and vote against them. Nobody can tell the two apart afterwards, so either counts as forgotten votes.
//!
//! The engine's format (`commonware_runtime`, `storage::header` and `buffer::paged`): a header of 4096 bytes, of which eight count, their CRC-32C
//! follows, and the rest is zero; then pages of [`CACHE_PAGE`] bytes, each followed by two slots of a length and the CRC-32C of that many
//! bytes of the page. A partly filled page is written again as it grows, its slots in turn.

use crate::engine::CACHE_PAGE;
use commonware_cryptography::Crc32;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const HEADER_BYTES: usize = 4096;
const HEADER_SUM: usize = 8;
const SLOT_BYTES: usize = 6;

/// The first file of the journal in the directory `journal` that is not as it was written, if there is one.
pub(crate) fn damaged(journal: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(journal) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    for file in files {
        let bytes = fs::read(&file)?;
        // A file that ends with its header holds no vote; one that a crash cut short while it was made, the engine makes again.
        if bytes.len() > HEADER_BYTES
            && !(is_header(&bytes[..HEADER_BYTES]) && is_intact(&bytes[HEADER_BYTES..]))
        {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn is_header(bytes: &[u8]) -> bool {
    let (covered, rest) = bytes.split_at(HEADER_SUM);
    rest.starts_with(&Crc32::checksum(covered).to_be_bytes()) && rest[4..].iter().all(|byte| *byte == 0)
}

fn is_intact(data: &[u8]) -> bool {
    let page_bytes = usize::from(CACHE_PAGE.get());
    let pages = data.chunks_exact(page_bytes + 2 * SLOT_BYTES);
    let (count, rest) = (pages.len(), pages.remainder());
    rest.is_empty()
        && pages.enumerate().all(|(at, page)| {
            let (page, slots) = page.split_at(page_bytes);
            filled(page, slots).is_some_and(|length| at + 1 == count || length == page_bytes)
        })
}

/// How many bytes of the page are filled, when all that its slots say is so.
fn filled(page: &[u8], slots: &[u8]) -> Option<usize> {
    let mut longest = None;
    for slot in slots.chunks_exact(SLOT_BYTES).filter(|slot| slot.iter().any(|byte| *byte != 0)) {
        let (length, sum) = slot.split_at(2);
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let covered = page.get(..length).filter(|covered| !covered.is_empty())?;
        if Crc32::checksum(covered).to_be_bytes() != *sum {
            return None;
        }
        longest = longest.max(Some(length));
    }
    longest
}
