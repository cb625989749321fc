use super::*;
use crate::oracle::{Oracle, leaves};
use crate::{Sha256, Sm3, root_of, verify_inclusion};

#[test]
fn every_path_is_that_of_the_definition() {
    let oracle = Oracle::<Sha256>::new(300);
    for size in 1..=300 {
        let tree = Tree::<Sha256>::new(oracle.leaves(size));
        assert_eq!((tree.size(), tree.root()), (size as u64, oracle.root(size)));
        for index in 0..size {
            assert_eq!(tree.inclusion(index as u64), Some(oracle.path(index, size)), "{index} of {size}");
        }
        assert_eq!(tree.inclusion(size as u64), None);
    }
}

#[test]
fn a_full_batch_proves_each_of_its_items() {
    let leaves = leaves::<Sm3>(65_536);
    let tree = Tree::<Sm3>::new(&leaves);
    assert_eq!(tree.root(), root_of::<Sm3>(&leaves));
    for index in (0..65_536).step_by(257).chain([65_535]) {
        let path = tree.inclusion(index).expect("in the batch");
        assert_eq!(path.len(), 16);
        verify_inclusion::<Sm3>(&leaves[index as usize], index, 65_536, &path, &tree.root())
            .expect("verifies");
    }
}

#[test]
fn an_empty_batch_has_the_empty_root_and_no_path() {
    let tree = Tree::<Sha256>::new(&[]);
    assert_eq!((tree.size(), tree.root()), (0, Sha256::empty()));
    assert_eq!((tree.inclusion(0), tree.leaf(0)), (None, None));
    assert_eq!(tree.inclusion(u64::MAX), None);
}
