//! Stores that are made from another one's snapshot.

use std::sync::atomic::{AtomicU64, Ordering};

use xiezhi_ledger::StateTree;
use xiezhi_merkle::TileId;

use super::*;

/// Tiles of a store; the one numbered `wrong` has a bit changed at every place in turn, and after `until` there are none.
struct Source<'a> {
    store: &'a Store,
    given: AtomicU64,
    wrong: Option<u64>,
    until: u64,
}

impl<'a> Source<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, given: AtomicU64::new(0), wrong: None, until: u64::MAX }
    }

    fn read(&self, tree: TreeKind, id: TileId) -> Result<Vec<u8>, String> {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        if given >= self.until {
            return Err("gone".to_owned());
        }
        let mut bytes = self.store.tile(tree, id.level(), id.index(), id.width()).unwrap();
        if self.wrong == Some(given) {
            let at = usize::try_from(given * 97).unwrap() % bytes.len();
            bytes[at] ^= 1;
        }
        Ok(bytes)
    }
}

impl TileSource for Source<'_> {
    fn tile(&self, tree: TreeKind, id: TileId, _holds: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, String> {
        self.read(tree, id)
    }
}

fn state(store: &Store) -> Vec<([u8; 32], Vec<u8>)> {
    StateTree::new(store).entries(store.tip().state, [0; 32], usize::MAX).unwrap()
}

/// Takes the whole snapshot of `source`'s tip into `store`.
fn take(store: &Store, source: &Source<'_>, state: Vec<([u8; 32], Vec<u8>)>) -> Result<(), SnapshotError> {
    let tip = source.store.tip();
    let checkpoint = source.store.checkpoint(tip.height).unwrap().unwrap().checkpoint;
    store.begin_snapshot(&genesis())?;
    for entry in state {
        // One by one, as small parts would come.
        store.adopt_state(vec![entry])?;
    }
    for tree in [TreeKind::Sha256, TreeKind::Sm3] {
        store.adopt_edge(tree, &checkpoint, |id| source.read(tree, id))?;
        for level in (1..8).rev() {
            let below = tip.size.0.checked_shr(8 * u32::from(level)).unwrap_or(0);
            for index in 0..below.div_ceil(256) {
                store.adopt_tiles(tree, level, index, source)?;
            }
        }
    }
    store.finish_snapshot(&Sealed { checkpoint: &checkpoint, seals: &[], stamps: &[] })
}

fn empty() -> Ledger {
    Ledger::new()
}

/// A ledger of `count` deposits and one account.
fn grown(count: u32) -> (Depositor, Ledger) {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[depositor.creation()]);
    ledger.run(&many(&depositor, 1, count));
    (depositor, ledger)
}

#[test]
fn a_store_from_a_snapshot_proves_every_record_and_goes_on_as_the_other() {
    for count in [1, 254, 255, 256, 700] {
        let (depositor, mut ledger) = grown(count);
        let mut copy = empty();
        take(&copy.store, &Source::new(&ledger.store), state(&ledger.store)).unwrap();
        copy.leaves = ledger.leaves.clone();
        let tip = ledger.store.tip();
        let base = Base { height: tip.height, size: tip.size };
        for round in 2..4 {
            copy = copy.reopen();
            copy.check_trees();
            assert_eq!(copy.store.base(), Some(base));
            assert_eq!(copy.store.alliance(), ledger.store.alliance());
            let block = many(&depositor, round, 300);
            ledger.run(&block);
            copy.run(&block);
            assert_eq!(copy.store.tip().state_root, ledger.store.tip().state_root);
            assert_eq!(
                copy.store.checkpoint_at_most(Height(u64::MAX)).unwrap().unwrap().checkpoint,
                ledger.store.checkpoint_at_most(Height(u64::MAX)).unwrap().unwrap().checkpoint
            );
        }
        assert_eq!(ledger.store.base(), None);
        assert_eq!(copy.store.record(LogIndex(0)).unwrap(), None);
        let first = LogIndex(base.size.0);
        assert_eq!(copy.store.record(first).unwrap(), ledger.store.record(first).unwrap());
    }
}

#[test]
fn a_changed_bit_in_any_tile_or_entry_is_refused_and_leaves_the_store_at_height_0() {
    let (_, ledger) = grown(700);
    let whole = Source::new(&ledger.store);
    take(&empty().store, &whole, state(&ledger.store)).unwrap();
    let tiles = whole.given.load(Ordering::Relaxed);
    assert_eq!(tiles, 2 * (2 + 2));
    for wrong in 0..tiles {
        let copy = empty();
        let source = Source { wrong: Some(wrong), ..Source::new(&ledger.store) };
        let refused = take(&copy.store, &source, state(&ledger.store));
        let Err(SnapshotError::Part { what, .. }) = refused else { panic!("{wrong}: {refused:?}") };
        assert!(what.contains("tile/") || what.contains("right edge"), "{what}");
        let copy = copy.reopen();
        assert_eq!((copy.store.tip().height, copy.store.base()), (Height(0), None));
    }
    for at in 0..state(&ledger.store).len() {
        for change in [
            |(hash, _): &mut ([u8; 32], Vec<u8>)| hash[31] ^= 1,
            |(_, value): &mut ([u8; 32], Vec<u8>)| {
                *value.last_mut().unwrap() ^= 1;
            },
        ] as [fn(&mut ([u8; 32], Vec<u8>)); 2]
        {
            let mut entries = state(&ledger.store);
            change(&mut entries[at]);
            let refused = take(&empty().store, &Source::new(&ledger.store), entries);
            assert!(matches!(refused, Err(SnapshotError::Part { .. })), "entry {at}: {refused:?}");
        }
    }
    let mut short = state(&ledger.store);
    short.pop();
    // Entries that every ledger begins with are there without being sent.
    let is_own = state(&empty().store).contains(&state(&ledger.store)[short.len()]);
    assert_eq!(take(&empty().store, &Source::new(&ledger.store), short).is_ok(), is_own);
}

#[test]
fn a_cut_download_goes_on_where_it_was_though_the_other_ledger_has_grown() {
    let (depositor, mut ledger) = grown(1000);
    let mut copy = empty();
    let cut = Source { until: 2 + 3 + 1, ..Source::new(&ledger.store) };
    assert!(take(&copy.store, &cut, state(&ledger.store)).is_err());
    ledger.run(&[Depositor::new(7).creation()]);
    ledger.run(&many(&depositor, 2, 300));
    copy = copy.reopen();
    let rest = Source::new(&ledger.store);
    take(&copy.store, &rest, state(&ledger.store)).unwrap();
    // Two at each right edge, and of the 2 * 5 full ones those that were not here.
    assert_eq!(rest.given.load(Ordering::Relaxed), 2 * 2 + 2 * 5 - 3);
    copy.leaves = ledger.leaves.clone();
    copy = copy.reopen();
    copy.check_trees();
    assert_eq!(state(&copy.store), state(&ledger.store));
}
