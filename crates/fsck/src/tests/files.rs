//! The database's files: bits flipped, files taken away, journals cut.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::fixture::{self, Closed, check, found};
use crate::{Note, Object, code};

/// Every file that is in use, but the lock, by its path in the store: not the manifests that were in force before.
fn files(store: &Closed) -> Vec<(String, Vec<u8>)> {
    let name = |path: &Path| path.strip_prefix(store.path()).unwrap().to_string_lossy().into_owned();
    let all = fixture::contents(store.path()).into_iter().map(|(path, bytes)| (name(&path), bytes));
    let is_used = |name: &str| {
        let path = store.path().join(name);
        let number = path.file_name().unwrap().to_string_lossy().strip_prefix('v')?.parse::<u64>().ok()?;
        let current = fs::read(path.with_file_name("current")).unwrap();
        Some(current[..8] == number.to_le_bytes())
    };
    all.filter(|(name, _)| name != "lock" && is_used(name).unwrap_or(true)).collect()
}

fn flip(path: &Path, at: usize, byte: u8) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[byte], at as u64).unwrap();
}

/// Places to flip: both ends, and some between.
fn places(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / 3).max(1);
    (0..length).step_by(step).chain(length.checked_sub(1)).chain(length.checked_sub(20))
}

#[test]
fn a_flipped_bit_in_any_file_of_tables_is_found_and_named() {
    let store = fixture::filled();
    fixture::flush(&store);
    let mut kinds = std::collections::BTreeSet::new();
    for (name, bytes) in files(&store) {
        let is_journal = name.ends_with(".jnl");
        let last = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if is_journal {
            continue;
        }
        kinds.insert(name.trim_matches(|c: char| c.is_ascii_digit() || c == '/').to_owned());
        for at in places(last) {
            let path = store.path().join(&name);
            flip(&path, at, bytes[at] ^ 0x20);
            let report = check(&store);
            flip(&path, at, bytes[at]);
            // A number in `current` leads to another manifest; all is said of the same keyspace.
            let dir = Path::new(&name).parent().unwrap().to_string_lossy().into_owned();
            let is_named = report.findings.iter().any(|finding| match &finding.object {
                Object::File(found) => {
                    *found == name || (name.ends_with("current") && found.starts_with(&dir))
                }
                _ => false,
            });
            assert!(is_named, "{name}, byte {at} of {last}: {:#?}", found(&report));
        }
    }
    assert!(kinds.len() >= 4, "{kinds:?}");
    fixture::check_clean(&store);
}

#[test]
fn a_damaged_table_costs_only_what_is_in_its_blocks() {
    let store = fixture::filled();
    fixture::flush(&store);
    let log = fixture::entries(&store, "log");
    let marker = log[500].1.last_chunk::<40>().unwrap();
    for (name, bytes) in files(&store).into_iter().filter(|(name, _)| name.contains("tables")) {
        let Some(at) = bytes.windows(marker.len()).position(|window| window == marker) else { continue };
        flip(&store.path().join(&name), at, bytes[at] ^ 1);
        let report = check(&store);
        let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&code::FILE_DAMAGED) && codes.contains(&code::RECORD_UNREADABLE), "{codes:?}");
        let lost = report.findings.iter().find_map(|finding| match finding.object {
            Object::Records { first, last } => Some(first..=last),
            _ => None,
        });
        let lost = lost.unwrap();
        assert!(lost.contains(&500) && lost.end() - lost.start() < 40, "{lost:?}");
        assert!(report.good.is_some_and(|good| good.size.0 <= *lost.start()), "{:?}", report.good);
        return;
    }
    panic!("no table holds the record in the clear");
}

#[test]
fn a_missing_file_is_found_and_named() {
    let store = fixture::filled();
    fixture::flush(&store);
    for (name, _) in files(&store).into_iter().filter(|(name, _)| !name.ends_with(".jnl")) {
        let path = store.path().join(&name);
        let kept = store.path().parent().unwrap().join("kept");
        fs::rename(&path, &kept).unwrap();
        let report = check(&store);
        fs::rename(&kept, &path).unwrap();
        let wanted = Object::File(name.clone());
        fixture::assert_names(&report, &wanted, &name);
    }
    let lock = store.path().join("lock");
    fs::remove_file(&lock).unwrap();
    assert_eq!(found(&check(&store)), ["file lock: file-missing"]);
    fs::write(lock, b"").unwrap();
    fixture::check_clean(&store);
}

/// The journal, and where each of its batches ends.
fn journal(store: &Closed) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let journals: Vec<_> = files(store).into_iter().filter(|(name, _)| name.ends_with(".jnl")).collect();
    let [(name, bytes)] = &journals[..] else { panic!("{} journals", journals.len()) };
    let ends = bytes.windows(4).enumerate().filter(|(_, window)| window == b"FJL\x03").map(|(at, _)| at + 4);
    (store.path().join(name), bytes.clone(), ends.collect())
}

#[test]
fn a_flipped_bit_in_a_journal_is_found_unless_it_looks_like_a_cut() {
    let store = fixture::filled();
    let (path, bytes, ends) = journal(&store);
    let (last, before) = (ends[ends.len() - 1], ends[ends.len() - 2]);
    let whole = (before..last).take(50).chain((before..last).skip(50).step_by(41)).chain(last - 13..last);
    for at in places(last).chain(whole).filter(|at| *at >= ends[0]) {
        flip(&path, at, bytes[at] ^ 0x04);
        let report = check(&store);
        flip(&path, at, bytes[at]);
        let is_named = report.findings.iter().any(|finding| finding.code == code::JOURNAL_DAMAGED);
        let is_noted = report.notes.iter().any(|note| note.code == Note::JOURNAL_UNFINISHED);
        // A greater number of the last batch changes nothing and looks like any other.
        let is_number = (before + 5..before + 13).contains(&at) && bytes[at] & 0x04 == 0;
        assert!(is_named || is_number || (at >= before && is_noted), "byte {at} of {last}: {report:#?}");
        assert!(report.findings.len() <= 1, "byte {at} of {last}: {:#?}", found(&report));
    }
    fixture::check_clean(&store);
}

#[test]
fn a_cut_journal_is_no_damage() {
    let store = fixture::filled();
    let (path, bytes, ends) = journal(&store);
    let last = *ends.last().unwrap();
    let zeros = vec![0; 1 << 16];
    // From the end of the first write of the last block on: what is before that is synced.
    for cut in (0..40).map(|step| ends[0] + (last - ends[0]) * step / 39) {
        // Cut off, or never written.
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(cut as u64).unwrap();
        let report = check(&store);
        assert!(report.is_clean(), "cut at {cut} of {last}: {:#?}", found(&report));
        assert_eq!(report.notes.is_empty(), ends.contains(&cut), "cut at {cut}: {:?}", report.notes);
        file.write_all_at(&zeros, cut as u64).unwrap();
        let padded = check(&store);
        assert!(padded.is_clean() && padded.records == report.records, "{:#?}", found(&padded));
        file.write_all_at(&bytes[..last], 0).unwrap();
    }
    fixture::check_clean(&store);
}

#[test]
fn random_damage_never_panics() {
    let store = fixture::filled();
    fixture::flush(&store);
    let more = fixture::copy(&store);
    let mut seed = 1u64;
    let mut random = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    let files = files(&more);
    for _ in 0..60 {
        let (name, bytes) = &files[random(files.len())];
        let path = more.path().join(name);
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        let at = random(written);
        let length = 1 + random(64.min(written - at));
        let noise: Vec<u8> = (0..length).map(|_| random(256) as u8).collect();
        OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&noise, at as u64).unwrap();
        let report = check(&more);
        assert!(!report.is_clean() || noise == bytes[at..at + length] || !report.notes.is_empty());
        OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&bytes[..written], 0).unwrap();
    }
    fixture::check_clean(&more);
}
