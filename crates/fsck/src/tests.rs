mod archive;
mod damage;
mod files;
mod fixture;
mod rules;

use std::collections::BTreeSet;

use xiezhi_types::GroupId;

use super::*;
use fixture::{Sealed, check_clean};

#[test]
fn a_new_store_is_clean() {
    let sealed = Sealed::new();
    let path = sealed.close();
    let report = check_clean(&path);
    assert_eq!((report.records, report.good, report.sealed), (0, None, None));
    // Leaf and value of each of six entries (ledger, alliance, four accounts), and two inner nodes.
    assert_eq!(report.state_entries, 14);
}

#[test]
fn a_store_is_clean_whether_its_entries_are_in_journals_or_tables_and_after_every_restart() {
    let mut sealed = Sealed::new();
    sealed.fill();
    let (height, size) = (sealed.tip().height, sealed.tip().size);
    let path = sealed.close();
    for round in 0..3 {
        let report = check_clean(&path);
        assert_eq!(report.good, Some(Good { height: Height(height.0 - 1), size }));
        assert_eq!(report.sealed, Some(Height(height.0 - 1)));
        assert_eq!((report.records, report.items, report.accounts), (size.0, 1_112, 43));
        assert_eq!((report.checkpoints, report.seals, report.stamps), (8, 32, 8));
        fixture::alter(&path, |database| {
            for name in Space::ALL.map(Space::name).into_iter().skip(round * 2) {
                fixture::keyspace(database, name).rotate_memtable_and_wait().unwrap();
            }
        });
    }
    let sealed = Sealed::reopen(path);
    let path = sealed.close();
    check_clean(&path);
}

#[test]
fn checking_changes_no_file() {
    let mut sealed = Sealed::new();
    sealed.fill();
    let path = sealed.close();
    fixture::flush(&path);
    let before = fixture::contents(path.path());
    check_clean(&path);
    assert_eq!(fixture::contents(path.path()), before);
}

#[test]
fn a_store_in_use_of_another_ledger_or_absent_is_not_checked() {
    let mut sealed = Sealed::new();
    sealed.fill();
    let refused = fixture::check_at(&sealed.path(), fixture::LEDGER).unwrap_err();
    assert!(matches!(refused, FsckError::InUse { .. }), "{refused}");
    let path = sealed.close();
    let refused = fixture::check_at(path.path(), LedgerId([8; 32])).unwrap_err();
    assert!(matches!(refused, FsckError::OtherLedger { .. }), "{refused}");
    let nothing = tempfile::tempdir().unwrap();
    let refused = fixture::check_at(nothing.path(), fixture::LEDGER).unwrap_err();
    assert!(matches!(refused, FsckError::NoStore { .. }), "{refused}");
    check_clean(&path);
}

#[test]
fn progress_rises_to_the_end_of_every_stage() {
    let mut sealed = Sealed::new();
    sealed.fill();
    let path = sealed.close();
    fixture::flush(&path);
    let mut told: Vec<Progress> = Vec::new();
    let now = fixture::NOW;
    super::check(path.path(), &fixture::genesis(), fixture::LEDGER, now, None, &mut |p| told.push(p))
        .unwrap();
    for pair in told.windows(2).filter(|pair| pair[0].stage == pair[1].stage) {
        assert!(pair[0].done <= pair[1].done && pair[1].done <= pair[1].total, "{pair:?}");
    }
    for stage in [Stage::Files, Stage::Log, Stage::Index] {
        let last = told.iter().rfind(|p| p.stage == stage).unwrap();
        assert_eq!(last.done, last.total, "{stage:?}");
    }
}

#[test]
fn codes_are_stable_and_different() {
    assert_eq!(code::ALL.iter().collect::<BTreeSet<_>>().len(), code::ALL.len());
    for code in code::ALL.iter().chain(&Note::ALL) {
        assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
    }
    let group = GroupId([9; 16]);
    let entry = layout::IndexEntry::read(&layout::group_entry(&group.0, 3), &[]).unwrap();
    assert_eq!(entry.name, format!("group {group}, record 3"));
}
