//! ZIP, and what is built on it: which entries have the same name and content.
//!
//! Contents are unpacked into a digest, never into memory. Only what the central directory lists is compared. Archives that list a name twice are
//! not compared: readers disagree on which one counts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{Cursor, Read as _},
};

use xiezhi_crypto::{Digest, DigestAlg, DigestHasher};
use zip::ZipArchive;

use crate::{
    Comparison, Finding, Match, Relation, Unit, Unread,
    finding::{ENTRIES_EQUAL, ENTRIES_NONE, ENTRIES_PARTLY, new},
};

/// Most entries of an archive.
const ENTRIES_MAX: usize = 10_000;
/// Most bytes that an archive may unpack to.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

type Entries = BTreeMap<String, Digest>;

pub(crate) fn compare(presented: &[u8], original: &[u8]) -> Result<Comparison, Finding> {
    let a = entries(presented).map_err(|unread| unread.finding("presented"))?;
    let b = entries(original).map_err(|unread| unread.finding("original"))?;
    if a == b && !a.is_empty() {
        let finding = new(&ENTRIES_EQUAL).with("entries", a.len());
        return Ok(Comparison::new(Relation::ContentEqual, vec![finding]));
    }
    let matches = matches(&a, &b);
    if matches.is_empty() {
        return Ok(Comparison::new(Relation::Different, vec![new(&ENTRIES_NONE)]));
    }
    let changed =
        a.iter().filter(|(name, digest)| b.get(*name).is_some_and(|other| other != *digest)).count();
    let used: BTreeSet<_> = matches.iter().map(|one| one.original.as_str()).collect();
    let added = a
        .keys()
        .filter(|name| !b.contains_key(*name) && !matches.iter().any(|one| one.presented == **name))
        .count();
    let missing = b.keys().filter(|name| !a.contains_key(*name) && !used.contains(name.as_str())).count();
    let finding = new(&ENTRIES_PARTLY)
        .with("same", matches.len())
        .with("changed", changed)
        .with("added", added)
        .with("missing", missing);
    Ok(Comparison::new(Relation::PartlyMatching, vec![finding]).with(matches))
}

/// Entries with the same content: under the same name, or else under another one. Directories and empty entries match by name only.
fn matches(a: &Entries, b: &Entries) -> Vec<Match> {
    let by_content: HashMap<&Digest, &str> =
        b.iter().rev().map(|(name, digest)| (digest, name.as_str())).collect();
    let empty = DigestAlg::Sha256.digest(b"");
    let pair = |(name, digest): (&String, &Digest)| {
        let same = b.get(name).filter(|other| *other == digest).map(|_| name.as_str());
        let other =
            || (*digest != empty && !b.contains_key(name)).then(|| by_content.get(digest).copied()).flatten();
        let original = same.or_else(other)?;
        Some(Match { unit: Unit::Entry, presented: name.clone(), original: original.to_owned() })
    };
    let pairs: Vec<_> = a.iter().filter_map(pair).collect();
    let says_something = pairs.iter().any(|one| a.get(&one.presented).is_some_and(|digest| *digest != empty));
    if says_something { pairs } else { Vec::new() }
}

fn entries(bytes: &[u8]) -> Result<Entries, Unread> {
    let form = || Unread::Form("ZIP");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| form())?;
    if archive.len() > ENTRIES_MAX {
        return Err(Unread::Limit("entries"));
    }
    if listed(bytes) != Some(archive.len()) {
        return Err(form());
    }
    let mut entries = Entries::new();
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| form())?;
        let mut hasher = DigestHasher::new(&[DigestAlg::Sha256]);
        let mut buffer = [0; 1 << 14];
        loop {
            let n = entry.read(&mut buffer).map_err(|_| form())?;
            left = left.checked_sub(n as u64).ok_or(Unread::Limit("unpacked"))?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
        }
        let name = entry.name().map_err(|_| form())?.into_owned();
        let digest = hasher.finish().1.first().copied().ok_or_else(form)?;
        if entries.insert(name, digest).is_some() {
            return Err(form());
        }
    }
    Ok(entries)
}

/// How many entries the end record says there are; the library drops those whose name comes again. None in archives of 65,535 and more.
fn listed(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let count: [u8; 2] = bytes.get(at + 10..at + 12)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(count))).filter(|count| *count < 0xffff)
}
