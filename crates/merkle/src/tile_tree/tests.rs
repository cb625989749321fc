use super::*;
use crate::oracle::{Oracle, leaves};
use crate::{Sha256, Sm3};

fn check_nodes<H: TreeHash>() {
    let oracle = Oracle::<H>::new(256);
    for width in 1..=256_usize {
        let tile = TileTree::<H>::from_hashes(oracle.leaves(width)).expect("a tile");
        assert_eq!((usize::from(tile.width()), tile.is_full()), (width, width == 256));
        assert_eq!(TileTree::from_bytes(tile.as_bytes()), Ok(tile.clone()));
        for height in 0..=8 {
            for index in 0..300_usize {
                let range = (index << height)..((index + 1) << height);
                let expected =
                    (range.end <= width).then(|| crate::root_of::<H>(&oracle.leaves(width)[range]));
                assert_eq!(tile.node(height, index as u16).copied(), expected);
            }
        }
        assert_eq!(tile.node(9, 0), None);
        assert_eq!(tile.node(255, 0), None);
    }
}

#[test]
fn a_tile_knows_its_complete_subtrees_and_no_others() {
    check_nodes::<Sha256>();
}

#[test]
fn a_tile_under_sm3_has_the_same_shape() {
    let leaves = leaves::<Sm3>(256);
    let tile = TileTree::<Sm3>::from_hashes(&leaves).expect("a tile");
    assert_eq!(tile.node(8, 0), Some(&crate::root_of::<Sm3>(&leaves)));
}

#[test]
fn a_tile_filled_in_steps_is_the_tile_filled_at_once() {
    let leaves = leaves::<Sha256>(300);
    for step in [1, 2, 3, 7, 64, 255, 256, 300] {
        let mut tile = TileTree::<Sha256>::empty();
        let mut rest = leaves.iter().copied();
        for _ in 0..256_usize.div_ceil(step) {
            let mut some = rest.by_ref().take(step);
            tile.fill(&mut some);
        }
        assert_eq!(Ok(tile), TileTree::from_hashes(&leaves[..256]), "{step} at a time");
    }
}

#[test]
fn a_full_tile_takes_no_hash() {
    let leaves = leaves::<Sha256>(257);
    let mut tile = TileTree::<Sha256>::from_hashes(&leaves[..256]).expect("a tile");
    let mut rest = leaves[256..].iter().copied();
    tile.fill(&mut rest);
    assert_eq!(rest.next(), Some(leaves[256]));
}

#[test]
fn bytes_that_are_no_tile_are_refused() {
    let check = |bytes: usize, expected| {
        assert_eq!(TileTree::<Sha256>::from_bytes(&vec![0; bytes]), Err(expected));
    };
    check(0, TileError::WidthOutside { width: 0 });
    check(31, TileError::RaggedBytes { bytes: 31 });
    check(8191, TileError::RaggedBytes { bytes: 8191 });
    check(8193, TileError::RaggedBytes { bytes: 8193 });
    check(8224, TileError::WidthOutside { width: 257 });
}
