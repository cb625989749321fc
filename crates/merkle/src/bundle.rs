//! Entry bundles: the entries under one level-0 tile.
//!
//! ```text
//! bundle = entry*        entry = length (2 bytes, big-endian) || that many bytes
//! ```
//!
//! A partial bundle is a prefix of the full one, so appending an entry is appending bytes. C2SP tlog-tiles.

use crate::TILE_WIDTH;

#[cfg(test)]
mod tests;

/// Why entries do not make a bundle, or bytes are not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// An entry has at most 65,535 bytes.
    #[error("an entry of {bytes} bytes does not fit a bundle")]
    EntryTooLong {
        /// The bytes of the entry.
        bytes: usize,
    },
    /// A bundle has 1 to 256 entries.
    #[error("a bundle has 1 to 256 entries, not {entries}")]
    CountOutside {
        /// The entries given or asked for.
        entries: usize,
    },
    /// The bytes end before the last entry does.
    #[error("the bundle ends within entry {entry}")]
    Truncated {
        /// The entry that is cut short, from 0.
        entry: usize,
    },
    /// The bytes go on after the last entry.
    #[error("{bytes} bytes follow the last entry of the bundle")]
    TrailingBytes {
        /// The bytes left over.
        bytes: usize,
    },
}

/// Appends one entry to the bytes of a bundle.
///
/// # Errors
/// [`BundleError::EntryTooLong`]; `bundle` is then unchanged. The number of entries is the caller's to watch.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { bytes: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Encodes 1 to 256 entries as one bundle.
///
/// # Errors
/// [`BundleError`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    checked_count(entries.len())?;
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for entry in entries {
        push_entry(&mut bundle, entry.as_ref())?;
    }
    Ok(bundle)
}

/// Decodes a bundle of exactly `width` entries. Nothing is copied.
///
/// # Errors
/// [`BundleError`]; bytes after the last entry are refused, so a bundle wider than asked for has to be cut by its
/// own width first.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    checked_count(width.into())?;
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(width.into());
    for entry in 0..usize::from(width) {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(BundleError::Truncated { entry })?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (bytes, after) = after.split_at_checked(length).ok_or(BundleError::Truncated { entry })?;
        entries.push(bytes);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::TrailingBytes { bytes: rest.len() }) }
}

fn checked_count(entries: usize) -> Result<(), BundleError> {
    if (1..=usize::from(TILE_WIDTH)).contains(&entries) {
        Ok(())
    } else {
        Err(BundleError::CountOutside { entries })
    }
}
