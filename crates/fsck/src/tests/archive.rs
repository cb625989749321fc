use std::{collections::BTreeSet, fs, path::Path};

use xiezhi_objects::{Access, Waiting};

use super::{
    fixture::{Closed, LEDGER, NOW, Sealed, genesis},
    *,
};

fn place(dir: &Path) -> Waiting {
    Waiting::open(&format!("file://{}", dir.display()), &Access::default()).unwrap()
}

fn check_with(closed: &Closed, dir: &Path) -> Result<Report, FsckError> {
    super::check(closed.path(), &genesis(), LEDGER, NOW, Some(place(dir)), &mut |_| {})
}

/// A filled store, 512 of its 621 records in `dir`, and what was found of it before they moved.
fn moved(dir: &Path) -> (Closed, Report) {
    let mut sealed = Sealed::new();
    sealed.fill();
    let closed = sealed.close();
    let before = fixture::check_clean(&closed);
    let sealed = Sealed::reopen(closed);
    sealed.store().attach_archive(place(dir)).unwrap();
    assert_eq!(sealed.store().archive(100).unwrap(), 512);
    (sealed.close(), before)
}

#[test]
fn a_store_is_clean_with_its_archive_and_not_checked_without() {
    let dir = tempfile::tempdir().unwrap();
    let (closed, before) = moved(dir.path());
    let report = check_with(&closed, dir.path()).unwrap();
    assert_eq!(report, Report { table_bytes: report.table_bytes, ..before.clone() });
    fixture::flush(&closed);
    let report = check_with(&closed, dir.path()).unwrap();
    assert_eq!(report, Report { table_bytes: report.table_bytes, ..before });

    let refused = fixture::check_at(closed.path(), LEDGER).unwrap_err();
    assert!(matches!(refused, FsckError::NoArchive { size: 512, .. }), "{refused}");
    let other = tempfile::tempdir().unwrap();
    let refused = check_with(&closed, other.path()).unwrap_err();
    assert!(matches!(refused, FsckError::Archive { size: 512, .. }), "{refused}");
}

#[test]
fn what_the_archive_does_not_give_is_found_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (closed, _) = moved(dir.path());
    let codes = || {
        let found = check_with(&closed, dir.path()).unwrap().findings;
        found.iter().map(|finding| finding.code).collect::<BTreeSet<_>>()
    };
    let rows = [
        ("tile/entries/001", code::RECORD_ALTERED, code::RECORD_MISSING),
        ("tile/0/001", code::TILE_DIFFERS, code::TILE_MISSING),
        ("sm3/tile/0/000", code::TILE_DIFFERS, code::TILE_MISSING),
        ("items/257", code::ITEMS_ALTERED, code::ITEMS_MISSING),
    ];
    for (name, altered, missing) in rows {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(codes(), BTreeSet::from([altered]), "{name}");
        fs::remove_file(&path).unwrap();
        assert!(codes().contains(missing), "{name}: {:?}", codes());
        fs::write(&path, whole).unwrap();
    }
    assert!(check_with(&closed, dir.path()).unwrap().is_clean());
}
