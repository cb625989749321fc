use super::*;
use crate::memory_store::{MemoryStore, NotStored};
use crate::oracle::{Oracle, leaves};
use crate::{Sha256, Sm3, Tree, root_of, verify_consistency, verify_inclusion};

#[test]
fn every_path_from_tiles_is_that_of_the_definition() {
    let oracle = Oracle::<Sha256>::new(600);
    // One store of 600 leaves answers for all smaller sizes: its tiles are wider than asked for.
    let (store, _) = MemoryStore::of::<Sha256>(oracle.leaves(600), 600);
    for size in (1..=32).chain((33..600).step_by(31)).chain([255, 256, 257, 511, 512, 513, 600]) {
        assert_eq!(tree_root::<Sha256, _>(&store, size as u64), Ok(oracle.root(size)));
        for index in (0..size).step_by(1 + size / 40).chain([size - 1]) {
            let path = inclusion_path::<Sha256, _>(&store, index as u64, size as u64);
            assert_eq!(path, Ok(oracle.path(index, size)), "{index} of {size}");
        }
        for old in (1..=size).step_by(1 + size / 40).chain([size]) {
            let path = consistency_path::<Sha256, _>(&store, old as u64, size as u64);
            assert_eq!(path, Ok(oracle.proof(old, size)), "{old} to {size}");
        }
    }
}

fn check_large<H: TreeHash>(size: usize, step: usize) {
    let leaves = leaves::<H>(size);
    let (store, appender) = MemoryStore::of::<H>(&leaves, step);
    let tree = Tree::<H>::new(&leaves);
    assert_eq!(appender.root(), tree.root());
    assert_eq!(tree_root::<H, _>(&store, size as u64), Ok(tree.root()));
    for index in (0..size as u64).step_by(size / 30).chain([255, 256, 65_535, size as u64 - 1]) {
        let path = inclusion_path::<H, _>(&store, index, size as u64).expect("stored");
        assert_eq!(Some(&path), tree.inclusion(index).as_ref(), "{index} of {size}");
        let leaf = &leaves[index as usize];
        verify_inclusion::<H>(leaf, index, size as u64, &path, &tree.root()).expect("verifies");
    }
    for old in [1, 255, 256, 257, 65_280, 65_535, 65_536, size - 1] {
        let path = consistency_path::<H, _>(&store, old as u64, size as u64).expect("stored");
        let old_root = root_of::<H>(&leaves[..old]);
        verify_consistency::<H>(old as u64, size as u64, &path, &old_root, &tree.root()).expect("verifies");
    }
}

#[test]
fn paths_across_three_levels_of_tiles_equal_those_in_memory() {
    check_large::<Sha256>(65_537, 4_000);
    check_large::<Sha256>(70_000, 70_000);
    check_large::<Sm3>(65_793, 9_999);
}

#[test]
fn a_path_reads_a_tile_for_every_eight_levels() {
    let leaves = leaves::<Sha256>(70_000);
    let (store, _) = MemoryStore::of::<Sha256>(&leaves, 70_000);
    let check = |index, expected| {
        store.reads.set(0);
        inclusion_path::<Sha256, _>(&store, index, 70_000).expect("stored");
        assert_eq!(store.reads.get(), expected, "leaf {index}");
    };
    // Three tiles up to the root, two of them again and the third for the edge that is the last neighbour.
    check(0, 4);
    check(69_999, 3);
}

#[test]
fn what_is_not_in_the_tree_has_no_path() {
    let (store, _) = MemoryStore::of::<Sha256>(&leaves::<Sha256>(10), 10);
    let inclusion = |index, size| inclusion_path::<Sha256, _>(&store, index, size);
    assert_eq!(inclusion(10, 10), Err(PathError::IndexOutside { index: 10, size: 10 }));
    assert_eq!(inclusion(0, 0), Err(PathError::IndexOutside { index: 0, size: 0 }));
    let narrow = PathError::TileTooNarrow { level: 0, index: 0, wanted: 12, found: 10 };
    assert_eq!(inclusion(3, 12), Err(narrow));
    let missing = || PathError::Read { level: 0, index: 1, source: NotStored };
    assert_eq!(inclusion(300, 301), Err(missing()));
    assert_eq!(tree_root::<Sha256, _>(&store, 257), Err(missing()));
    let consistency = |old, new| consistency_path::<Sha256, _>(&store, old, new);
    assert_eq!(consistency(10, 9), Err(PathError::SizesOutOfOrder { old_size: 10, new_size: 9 }));
    assert_eq!((consistency(0, 10), consistency(7, 7)), (Ok(vec![]), Ok(vec![])));
}

/// Any tile of any tree, its hashes all alike.
struct Endless;

impl HashReader<Sha256> for Endless {
    type Error = NotStored;

    fn tile(&self, _: u8, _: u64, width: u16) -> Result<Arc<TileTree<Sha256>>, NotStored> {
        Ok(Arc::new(TileTree::from_hashes(&vec![[9; 32]; width.into()]).expect("the width of a tile")))
    }
}

#[test]
fn the_largest_trees_are_walked_without_overflow() {
    for size in [1 << 56, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX] {
        tree_root(&Endless, size).expect("endless");
        for index in [0, 1, 1 << 40, size / 2, size - 2, size - 1] {
            let path = inclusion_path(&Endless, index, size).expect("endless");
            assert_eq!(Some(path.len()), crate::inclusion_path_len(index, size));
            consistency_path(&Endless, index + 1, size).expect("endless");
        }
    }
}
