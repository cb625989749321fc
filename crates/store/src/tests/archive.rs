use xiezhi_objects::{Access, Waiting};

use super::*;

/// Records of [`old`]; the last 300 stay.
const SIZE: u64 = 1400;
const KEEP: u64 = 300;
/// Whole pieces before the last 300.
const MOVED: u64 = 1024;

/// A ledger of 1,400 records in several blocks, a batch of 600 items among the old ones and one among the new.
fn old() -> Ledger {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    let originals =
        |tag: u32| -> Vec<_> { (0..600u32).map(|at| [tag, at].map(u32::to_be_bytes).concat()).collect() };
    ledger.run(&[depositor.creation(), depositor.batch(&originals(1))]);
    for (tag, count) in [(1, 254), (2, 1), (3, 700), (4, 0), (5, 43), (6, 300), (7, 99)] {
        ledger.run(&many(&depositor, tag, count));
    }
    ledger.run(&[depositor.batch(&originals(2))]);
    assert_eq!(ledger.store.tip().size.0, SIZE);
    ledger
}

fn place(dir: &tempfile::TempDir) -> Waiting {
    Waiting::open(&format!("file://{}", dir.path().display()), &Access::default()).unwrap()
}

fn move_all(store: &Store) {
    while store.archive(KEEP).unwrap() > 0 {}
}

/// Everything that is to be had from a log.
#[derive(Debug, PartialEq)]
struct Content {
    records: Vec<Option<StoredRecord>>,
    items: Vec<Vec<Vec<u8>>>,
    tiles: Vec<Vec<u8>>,
}

fn content(store: &Store) -> Content {
    let size = store.tip().size.0;
    let records: Vec<_> = (0..=size).map(|index| store.record(LogIndex(index)).unwrap()).collect();
    let batches = [1, SIZE - 1].map(LogIndex);
    let both = [TreeKind::Sha256, TreeKind::Sm3];
    Content {
        items: batches.map(|index| store.items(index, 600).unwrap()).to_vec(),
        tiles: (0..size / 256)
            .flat_map(|index| both.map(|tree| store.tile(tree, 0, index, 256).unwrap()))
            .collect(),
        records,
    }
}

/// Keys of what moves that are still in the database.
fn local(store: &Store) -> usize {
    let log = store.log.range(..MOVED.to_be_bytes()).count();
    let items = store.items.range(..MOVED.to_be_bytes()).count();
    let tiles = [b'2', b'3'].map(|tag| {
        let key = |index: u64| keys::concat(&[&[tag, 0], &index.to_be_bytes()]);
        store.tiles.range(key(0)..key(MOVED / 256)).count()
    });
    log + items + tiles[0] + tiles[1]
}

#[test]
fn what_moved_is_proven_searched_and_read_as_before() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    let before = content(&ledger.store);
    assert_eq!(ledger.store.archive(KEEP).unwrap(), 0, "nobody said where to");
    ledger.store.attach_archive(place(&dir)).unwrap();
    assert!(local(&ledger.store) > MOVED as usize);
    assert_eq!(ledger.store.archive(KEEP).unwrap(), MOVED);
    assert_eq!(ledger.store.archive(KEEP).unwrap(), 0);
    assert_eq!(local(&ledger.store), 0);
    assert_eq!(ledger.store.archived(), Archived { size: MOVED, is_known: true });
    assert_eq!(content(&ledger.store), before);

    let mut ledger = ledger.reopen();
    ledger.store.attach_archive(place(&dir)).unwrap();
    assert_eq!(ledger.store.archived().size, MOVED);
    ledger.check_trees();
    assert_eq!(content(&ledger.store), before);
    for at in [0, 255, 256, 599] {
        let item = ledger.store.item(LogIndex(1), at, 600).unwrap();
        assert_eq!(item.as_ref(), Some(&before.items[0][at as usize]));
    }
    assert_eq!(ledger.store.item(LogIndex(1), 600, 600).unwrap(), None);

    // Goes on: what was recorded is not recorded again, and the next pieces move when they are old.
    let depositor = Depositor::new(1);
    let again = ledger.outcome(&many(&depositor, 1, 1));
    assert_eq!(again.records.len(), 0);
    assert_eq!(ledger.store.search(&Search::Account(depositor.id()), None, 9999).unwrap().len() as u64, SIZE);
    ledger.run(&many(&depositor, 8, 200));
    move_all(&ledger.store);
    assert_eq!(ledger.store.archived().size, MOVED + 256);
    ledger.check_trees();
    assert_eq!(content(&ledger.store).records[..SIZE as usize], before.records[..SIZE as usize]);
}

#[test]
fn a_log_of_which_nothing_stayed_goes_on_without_its_archive() {
    let dir = tempfile::tempdir().unwrap();
    let (depositor, mut ledger) = (Depositor::new(1), Ledger::new());
    ledger.run(&[depositor.creation()]);
    ledger.run(&many(&depositor, 1, 511));
    ledger.store.attach_archive(place(&dir)).unwrap();
    assert_eq!(ledger.store.archive(0).unwrap(), 512);
    ledger = ledger.reopen();
    for (tag, count) in [(2, 1), (3, 300)] {
        ledger.run(&many(&depositor, tag, count));
        ledger = ledger.reopen();
    }
    ledger.store.attach_archive(place(&dir)).unwrap();
    ledger.check_trees();
}

#[test]
fn without_its_archive_a_store_says_so_and_gives_what_it_has() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    let before = content(&ledger.store);
    ledger.store.attach_archive(place(&dir)).unwrap();
    move_all(&ledger.store);
    let mut ledger = ledger.reopen();
    let check = |store: &Store| {
        let away = |error: StoreError| assert!(matches!(error, StoreError::Archive { .. }), "{error}");
        away(store.record(LogIndex(MOVED - 1)).unwrap_err());
        away(store.items(LogIndex(1), 600).unwrap_err());
        away(store.tile(TreeKind::Sm3, 0, 3, 256).unwrap_err());
        away(store.inclusion_path(TreeKind::Sha256, 7, SIZE).unwrap_err());
        let index = LogIndex(MOVED);
        assert_eq!(store.record(index).unwrap(), before.records[index.0 as usize]);
        assert_eq!(store.record(LogIndex(SIZE)).unwrap(), None);
        store.inclusion_path(TreeKind::Sha256, MOVED, SIZE).unwrap();
        store.consistency_path(TreeKind::Sm3, MOVED, SIZE).unwrap();
    };
    check(&ledger.store);
    assert_eq!(ledger.store.archived(), Archived { size: MOVED, is_known: false });
    // A wrong place that is empty, and one that went away.
    let gone = tempfile::tempdir().unwrap();
    ledger.store.attach_archive(place(&gone)).unwrap();
    check(&ledger.store);
    drop(gone);
    ledger.run(&many(&Depositor::new(1), 8, 300));
    let refused = ledger.store.archive(KEEP).unwrap_err();
    assert!(matches!(refused, StoreError::Archive { .. }), "{refused}");
    assert_eq!(ledger.store.archived().size, MOVED);
}

#[test]
fn what_comes_back_altered_is_refused() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    ledger.store.attach_archive(place(&dir)).unwrap();
    move_all(&ledger.store);
    type Read = fn(&Store) -> Result<(), StoreError>;
    let reads: [(&str, Read); 4] = [
        ("tile/entries/000", |store| store.record(LogIndex(5)).map(drop)),
        ("tile/0/002", |store| store.inclusion_path(TreeKind::Sha256, 600, SIZE).map(drop)),
        ("sm3/tile/0/002", |store| store.tile(TreeKind::Sm3, 0, 2, 256).map(drop)),
        ("items/001", |store| store.item(LogIndex(1), 3, 600).map(drop)),
    ];
    let mut ledger = ledger;
    for (name, read) in reads {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        for alter in
            [|bytes: &mut Vec<u8>| bytes[100] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1)]
        {
            ledger = ledger.reopen();
            ledger.store.attach_archive(place(&dir)).unwrap();
            let mut altered = whole.clone();
            alter(&mut altered);
            fs::write(&path, altered).unwrap();
            let refused = read(&ledger.store).unwrap_err();
            assert!(matches!(refused, StoreError::Archive { .. }), "{name}: {refused}");
            fs::write(&path, &whole).unwrap();
            read(&ledger.store).unwrap();
        }
    }
}

#[test]
fn an_archive_of_another_ledger_takes_nothing() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    fs::write(dir.path().join("xiezhi-archive"), "xiezhi-archive 1\nanother\n").unwrap();
    ledger.store.attach_archive(place(&dir)).unwrap();
    let refused = ledger.store.archive(KEEP).unwrap_err();
    assert!(refused.to_string().contains("another ledger"), "{refused}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(ledger.store.archived().size, 0);
    ledger.check_trees();
}

#[test]
fn a_move_that_is_cut_off_leaves_all_here_or_all_there() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    let path = ledger.path();
    let before = content(&ledger.store);
    ledger.store.attach_archive(place(&dir)).unwrap();
    let end = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let first = end(&fs::read(journal(&path)).unwrap());
    move_all(&ledger.store);
    let last = end(&fs::read(journal(&path)).unwrap());
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..12).map(|step| first + (last - first) * step / 11) {
        let copied = tempfile::tempdir().unwrap();
        copy(&path, copied.path());
        fs::OpenOptions::new().write(true).open(journal(copied.path())).unwrap().set_len(cut as u64).unwrap();
        let store = Store::open(copied.path(), &genesis(), LEDGER, 1 << 20).unwrap();
        let moved = store.archived().size;
        assert_eq!(local(&store) == 0, moved == MOVED, "half a move at {cut} of {first} to {last}");
        assert!(moved == 0 || moved == MOVED);
        seen.insert(moved);
        store.attach_archive(place(&dir)).unwrap();
        move_all(&store);
        assert_eq!(store.archived().size, MOVED);
        assert_eq!(content(&store), before);
    }
    assert_eq!(seen.len(), 2);
}

/// Names and contents are docs/specs/archive.md: whoever reads an archive relies on them.
#[test]
fn objects_are_pinned() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), old());
    ledger.store.attach_archive(place(&dir)).unwrap();
    move_all(&ledger.store);
    let mut found = Vec::new();
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                found.push(entry.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    let mut expected = vec!["items/001".to_owned(), "xiezhi-archive".to_owned()];
    for tile in 0..4 {
        expected.extend(["tile/0", "tile/entries", "sm3/tile/0"].map(|folder| format!("{folder}/00{tile}")));
    }
    expected.sort();
    assert_eq!(found, expected);
    let contents: Vec<_> = found.iter().map(|name| fs::read(dir.path().join(name)).unwrap()).collect();
    let pinned = xiezhi_crypto::sha256(&contents.concat());
    let pinned = pinned.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(pinned, "3c9e8591eaec9b53");
}
