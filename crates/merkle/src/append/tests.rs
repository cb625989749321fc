use super::*;
use crate::memory_store::MemoryStore;
use crate::oracle::{Oracle, leaves};
use crate::{Sha256, Sm3, root_of};

#[test]
fn every_root_is_that_of_the_definition() {
    let oracle = Oracle::<Sha256>::new(600);
    let mut appender = Appender::<Sha256>::new();
    for size in 0..600 {
        assert_eq!((appender.size(), appender.root()), (size as u64, oracle.root(size)));
        appender.append([*oracle.leaf(size)]);
    }
}

#[test]
fn the_tree_of_the_specification_has_its_tiles() {
    let leaves = leaves::<Sha256>(70_000);
    let (store, appender) = MemoryStore::of::<Sha256>(&leaves, 70_000);
    let full: Vec<TileId> = (0..273).map(|index| TileId::new(0, index, 256).expect("a tile")).collect();
    let above = [(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)];
    let above = above.map(|(level, index, width)| TileId::new(level, index, width).expect("a tile"));
    assert_eq!(store.ids(), [full.as_slice(), &above].concat());
    assert_eq!(store.bytes(0, 273), leaves[69_888..].as_flattened());
    assert_eq!(store.bytes(1, 1)[..32], root_of::<Sha256>(&leaves[65_536..65_792]));
    assert_eq!(store.bytes(2, 0), root_of::<Sha256>(&leaves[..65_536]));
    assert_eq!(appender.root(), root_of::<Sha256>(&leaves));
}

fn check_steps<H: TreeHash>(size: usize, step: usize) {
    let leaves = leaves::<H>(size);
    let (at_once, whole) = MemoryStore::of::<H>(&leaves, size);
    let (in_steps, stepped) = MemoryStore::of::<H>(&leaves, step);
    assert_eq!(whole.root(), stepped.root());
    assert_eq!(at_once.ids(), in_steps.ids());
    for id in at_once.ids() {
        assert_eq!(at_once.bytes(id.level(), id.index()), in_steps.bytes(id.level(), id.index()), "{id}");
    }
}

#[test]
fn the_tiles_do_not_depend_on_how_the_leaves_came() {
    for step in [1, 255, 256, 257, 1_000] {
        check_steps::<Sha256>(1_793, step);
    }
    check_steps::<Sm3>(66_000, 4_000);
}

#[test]
fn a_tile_that_did_not_change_is_not_written() {
    let mut appender = Appender::<Sha256>::new();
    let names = |writes: Vec<TileWrite<Sha256>>| -> Vec<String> {
        writes.iter().map(|write| write.id.to_string()).collect()
    };
    let leaves = leaves::<Sha256>(600);
    assert!(appender.append([]).is_empty());
    assert_eq!(names(appender.append(leaves[..256].iter().copied())), ["tile/0/000", "tile/1/000.p/1"]);
    assert!(appender.append([]).is_empty());
    assert_eq!(names(appender.append(leaves[256..300].iter().copied())), ["tile/0/001.p/44"]);
    let last = names(appender.append(leaves[300..].iter().copied()));
    assert_eq!(last, ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]);
    assert_eq!(appender.edge(0).map(|tile| tile.width()), Some(88));
    assert_eq!(appender.edge(1).map(|tile| tile.width()), Some(2));
    assert_eq!(appender.edge(2), None);
}

#[test]
fn an_appender_goes_on_where_another_stopped() {
    let leaves = leaves::<Sm3>(2_000);
    for size in [0, 1, 255, 256, 257, 511, 512, 1_300, 2_000] {
        // The store is ahead of the size restored: its tiles are wider, and cut back.
        let (mut store, ahead) = MemoryStore::of::<Sm3>(&leaves, 700);
        let mut appender = Appender::<Sm3>::restore(&store, size as u64).expect("stored");
        assert_eq!((appender.size(), appender.root()), (size as u64, root_of::<Sm3>(&leaves[..size])));
        assert_eq!(appender.frontier().size(), size as u64);
        store.put(&appender.append(leaves[size..].iter().copied()));
        assert_eq!(appender.root(), ahead.root(), "from {size}");
        assert_eq!(Appender::<Sm3>::restore(&store, 2_000).map(|again| again.root()), Ok(ahead.root()));
    }
}

#[test]
fn a_tree_larger_than_the_store_is_not_restored() {
    let (store, _) = MemoryStore::of::<Sha256>(&leaves::<Sha256>(10), 10);
    let narrow = PathError::TileTooNarrow { level: 0, index: 0, wanted: 11, found: 10 };
    assert_eq!(Appender::<Sha256>::restore(&store, 11).map(|appender| appender.size()), Err(narrow));
    assert!(Appender::<Sha256>::restore(&store, u64::MAX).is_err());
}

#[test]
fn a_clone_made_before_is_unmoved() {
    let leaves = leaves::<Sha256>(900);
    let mut appender = Appender::<Sha256>::new();
    appender.append(leaves[..300].iter().copied());
    let (before, root) = (appender.clone(), appender.root());
    let writes = appender.append(leaves[300..].iter().copied());
    assert_eq!((before.size(), before.root()), (300, root));
    assert_eq!(appender.root(), root_of::<Sha256>(&leaves));
    appender.append(leaves[..10].iter().copied());
    let kept = writes.iter().find(|write| write.id.to_string() == "tile/0/003.p/132").expect("written");
    assert_eq!(kept.tile.as_bytes(), leaves[768..].as_flattened());
}
