//! Every entry of every keyspace, changed, taken away, or made up.

use xiezhi_types::InstitutionId;

use super::fixture::{self, Closed, assert_names, check, found, put};
use crate::{
    Object, Report, code,
    layout::{IndexEntry, height_key, u32_at, u64_at},
    state,
};

/// What damage to the entry should be called, if it keeps its place.
fn object(space: &str, key: &[u8], value: &[u8]) -> Object {
    let height = || u64_at(key, 1).unwrap();
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match (space, key[0]) {
        ("meta", b't') => Object::Tip,
        ("meta", _) => Object::Entry { keyspace: "meta", key: name(key) },
        ("log", _) => Object::record(u64_at(key, 0).unwrap()),
        ("items", _) => Object::Items { record: u64_at(key, 0).unwrap(), bundle: u32_at(key, 8) },
        ("find" | "digests", _) => Object::Index(IndexEntry::read(key, value).unwrap().name),
        ("tiles", tag) => {
            let tree = if tag == b'2' { "sha256" } else { "sm3" };
            Object::Tile { tree, level: key[1], index: u64_at(key, 2).unwrap() }
        }
        ("state", _) => Object::State(state::describe(key)),
        ("seals", b'c') => Object::Checkpoint(height()),
        ("seals", b'k') => {
            let institution: InstitutionId = name(&key[9..]).parse().unwrap();
            Object::Seal { institution: institution.to_string(), height: height() }
        }
        ("seals", _) => Object::Stamp { authority: hex::encode(&key[9..]), height: height() },
        (other, _) => panic!("{other}"),
    }
}

/// Some of the entries: of each kind the first, the last and some between.
fn sample(store: &Closed, space: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = fixture::entries(store, space);
    let kind = |key: &[u8]| if ["log", "items"].contains(&space) { 0 } else { key[0] };
    let mut sample = Vec::new();
    for group in entries.chunk_by(|one, two| kind(&one.0) == kind(&two.0)) {
        let step = group.len().div_ceil(3).max(1);
        sample.extend(group.iter().step_by(step).chain(group.last()).cloned());
    }
    sample.dedup();
    sample
}

/// Changes one entry, checks, and puts it back.
fn with_entry(store: &Closed, space: &str, key: &[u8], value: Option<&[u8]>, back: Option<&[u8]>) -> Report {
    put(store, space, key, value);
    let report = check(store);
    put(store, space, key, back);
    report
}

#[test]
fn one_changed_byte_of_any_value_is_found_and_named() {
    let store = fixture::filled();
    for space in ["meta", "log", "items", "find", "tiles", "state", "seals", "digests"] {
        for (key, value) in sample(&store, space) {
            let places = [0, 9, value.len() / 2, value.len().saturating_sub(1)];
            for at in places.into_iter().filter(|at| *at < value.len()) {
                let mut changed = value.clone();
                changed[at] ^= 0x10;
                let report = with_entry(&store, space, &key, Some(&changed), Some(&value));
                let context = format!("{space} {}, byte {at} of {}", hex::encode(&key), value.len());
                let wanted = object(space, &key, if space == "find" { &changed } else { &value });
                // A leaf of a batch that is still an item is noticed by the root over all of them.
                let whole = Object::Items { record: u64_at(&key, 0).unwrap_or_default(), bundle: None };
                if space == "items" && report.findings.iter().any(|finding| finding.object == whole) {
                    continue;
                }
                assert_names(&report, &wanted, &context);
                assert!(report.findings.len() <= 2, "{context}: {:#?}", found(&report));
            }
        }
    }
    fixture::check_clean(&store);
}

#[test]
fn a_missing_entry_is_found_and_named() {
    let store = fixture::filled();
    for space in ["meta", "log", "items", "find", "tiles", "state", "seals", "digests"] {
        for (key, value) in sample(&store, space) {
            let report = with_entry(&store, space, &key, None, Some(&value));
            // Nobody can tell that a seal or a token was there; without the mark the node reads the digests again.
            if space == "seals" && key[0] != b'c' || key == b"digests" {
                assert!(report.is_clean(), "{:#?}", found(&report));
                continue;
            }
            let context = format!("{space} without {}", hex::encode(&key));
            assert_names(&report, &object(space, &key, &value), &context);
            assert_eq!(report.findings.len(), 1, "{context}: {:#?}", found(&report));
        }
    }
    fixture::check_clean(&store);
}

#[test]
fn a_stray_entry_is_found_and_named() {
    let store = fixture::filled();
    for space in ["meta", "log", "items", "find", "tiles", "state", "seals", "digests"] {
        for (key, value) in sample(&store, space) {
            let last = key.len() - 1;
            let longer = [key.as_slice(), &[0]].concat();
            let mut higher = key.clone();
            higher[if last > 9 && space != "items" { 9 } else { 0 }] ^= 0x40;
            let shorter = key[..last].to_vec();
            for stray in [longer, higher, shorter].into_iter().filter(|stray| !stray.is_empty()) {
                let report = with_entry(&store, space, &stray, Some(&value), None);
                let context = format!("{space} with {}", hex::encode(&stray));
                assert!(!report.is_clean(), "{context}");
                let codes = [
                    code::ENTRY_STRAY,
                    code::RECORD_STRAY,
                    code::ITEMS_STRAY,
                    code::INDEX_STRAY,
                    code::TILE_STRAY,
                    code::STATE_STRAY,
                    code::CHECKPOINT_STRAY,
                    code::SEAL_STRAY,
                    code::STAMP_STRAY,
                    code::SEAL_MALFORMED,
                    code::STAMP_INVALID,
                ];
                let is_stray = report.findings.iter().all(|finding| codes.contains(&finding.code));
                assert!(is_stray && report.findings.len() == 1, "{context}: {:#?}", found(&report));
                assert_eq!(report.records, 621, "{context}");
            }
        }
    }
    fixture::check_clean(&store);
}

#[test]
fn a_lost_record_hides_nothing_else() {
    let store = fixture::filled();
    let log = fixture::entries(&store, "log");
    let (key, value) = &log[100];
    put(&store, "log", key, None);
    assert_eq!(found(&check(&store)), ["record 100: record-missing"]);
    // A tile, a checkpoint and a seal beside it, before and after.
    let tiles = fixture::entries(&store, "tiles");
    let (tile, mut bytes) = tiles.iter().find(|(key, _)| key[..2] == [b'3', 0]).cloned().unwrap();
    bytes[32 * 7] ^= 1;
    put(&store, "tiles", &tile, Some(&bytes));
    let checkpoints = fixture::entries(&store, "seals");
    let (checkpoint, mut bytes) = checkpoints.iter().rfind(|(key, _)| key[0] == b'c').cloned().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    put(&store, "seals", &checkpoint, Some(&bytes));
    let report = check(&store);
    let all =
        ["record 100: record-missing", "sm3 tile 0/0: tile-differs", "checkpoint 9: checkpoint-differs"];
    assert_eq!(found(&report), all);
    assert_eq!(report.good.map(|good| (good.height.0, good.size.0)), Some((1, 3)));
    put(&store, "log", key, Some(value));
    let report = check(&store);
    assert_eq!(found(&report), all[1..]);
    assert_eq!(report.good.map(|good| (good.height.0, good.size.0)), Some((9, 621)));
}

#[test]
fn a_lost_account_makes_the_state_unknown_and_nothing_else_wrong() {
    let store = fixture::filled();
    let log = fixture::entries(&store, "log");
    put(&store, "log", &log[1].0, None);
    let report = check(&store);
    assert_eq!(found(&report), ["record 1: record-missing"]);
    let notes: Vec<_> = report.notes.iter().map(|note| note.code).collect();
    assert_eq!(notes, [crate::Note::STATE_UNKNOWN, crate::Note::NOT_COMPARED]);
    assert_eq!(report.good, None);
}

#[test]
fn a_whole_keyspace_emptied_is_told_in_bounded_length() {
    for (space, code) in [
        ("log", code::RECORD_MISSING),
        ("find", code::INDEX_MISSING),
        ("digests", code::INDEX_MISSING),
        ("tiles", code::TILE_MISSING),
        ("state", code::STATE_MISSING),
        ("items", code::ITEMS_MISSING),
    ] {
        let store = fixture::filled();
        let entries = fixture::entries(&store, space);
        fixture::alter(&store, |database| {
            let keyspace = fixture::keyspace(database, space);
            entries.iter().for_each(|(key, _)| keyspace.remove(key.as_slice()).unwrap());
        });
        let report = check(&store);
        assert!(report.findings.len() <= crate::FINDINGS_MAX);
        let is_told = report.findings.iter().all(|finding| finding.code == code);
        assert!(is_told && !report.is_clean(), "{space}: {:#?}", found(&report));
        if code == code::INDEX_MISSING {
            assert_eq!(report.findings.len() as u64 + report.more, entries.len() as u64);
        }
        if space == "log" {
            assert_eq!(found(&report), ["records 0 to 620: record-missing"]);
        }
    }
}

#[test]
fn a_size_that_nobody_wrote_does_not_keep_the_check_for_ever() {
    let store = fixture::filled();
    let (_, mut tip) = fixture::entries(&store, "meta").into_iter().find(|(key, _)| key == b"tip").unwrap();
    tip[16] = 0x10;
    put(&store, "meta", b"tip", Some(&tip));
    let size = u64_at(&tip, 16).unwrap();
    let (key, value) =
        fixture::entries(&store, "seals").into_iter().rfind(|(key, _)| key[0] == b'c').unwrap();
    let mut checkpoint = xiezhi_evidence::Checkpoint::parse(&value[8..]).unwrap();
    checkpoint.size.0 = size;
    put(&store, "seals", &key, Some(&[&value[..8], &checkpoint.encode()].concat()));
    let report = check(&store);
    assert!(!report.is_clean() && report.more > 0, "{:#?}", found(&report));
    assert_eq!(report.good.map(|good| good.size.0), Some(620));
}

#[test]
fn a_checkpoint_without_its_seals_stays_unsealed() {
    let store = fixture::filled();
    for name in ["court", "ca"] {
        let key = [height_key(b'k', 9).as_slice(), name.as_bytes()].concat();
        put(&store, "seals", &key, None);
    }
    let report = fixture::check_clean(&store);
    assert_eq!(report.good.map(|good| good.height.0), Some(9));
    assert_eq!(report.sealed.map(|height| height.0), Some(8));
}
