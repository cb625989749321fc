use super::*;
use crate::oracle::{Oracle, consistency_route, leaves, route};
use crate::{Sha256, Sm3};

const SIZE_MAX: usize = 512;
const SIZES_HOSTILE: [u64; 9] = [0, 1, 2, 3, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];

#[test]
fn every_inclusion_proof_of_the_definition_verifies() {
    let oracle = Oracle::<Sha256>::new(SIZE_MAX);
    for size in 1..=SIZE_MAX {
        let root = oracle.root(size);
        for index in 0..size {
            let path = oracle.path(index, size);
            verify_inclusion::<Sha256>(oracle.leaf(index), index as u64, size as u64, &path, &root)
                .unwrap_or_else(|error| panic!("{index} of {size}: {error}"));
        }
    }
}

#[test]
fn every_consistency_proof_of_the_definition_verifies() {
    let oracle = Oracle::<Sha256>::new(SIZE_MAX);
    let roots: Vec<Hash> = (0..=SIZE_MAX).map(|size| oracle.root(size)).collect();
    for new in 1..=SIZE_MAX {
        for old in 1..=new {
            let path = oracle.proof(old, new);
            verify_consistency::<Sha256>(old as u64, new as u64, &path, &roots[old], &roots[new])
                .unwrap_or_else(|error| panic!("{old} to {new}: {error}"));
        }
    }
}

#[test]
fn the_same_proofs_verify_under_sm3_and_not_across() {
    let oracle = Oracle::<Sm3>::new(70);
    for size in 1..=70 {
        let (old, root) = (size / 2 + 1, oracle.root(size));
        for index in 0..size {
            let (path, leaf) = (oracle.path(index, size), oracle.leaf(index));
            verify_inclusion::<Sm3>(leaf, index as u64, size as u64, &path, &root).expect("verifies");
            if size > 1 {
                verify_inclusion::<Sha256>(leaf, index as u64, size as u64, &path, &root).unwrap_err();
            }
        }
        let path = oracle.proof(old, size);
        verify_consistency::<Sm3>(old as u64, size as u64, &path, &oracle.root(old), &root)
            .expect("verifies");
    }
}

#[test]
fn a_path_of_another_length_is_refused() {
    let oracle = Oracle::<Sha256>::new(100);
    for (index, size) in [(0, 1), (0, 2), (5, 8), (99, 100), (63, 100), (64, 65)] {
        let (leaf, root, path) = (oracle.leaf(index), oracle.root(size), oracle.path(index, size));
        let expected = path.len();
        assert_eq!(inclusion_path_len(index as u64, size as u64), Some(expected));
        for found in (0..expected + 3).filter(|found| *found != expected) {
            let path: Vec<Hash> = path.iter().copied().chain([root; 3]).take(found).collect();
            let error =
                verify_inclusion::<Sha256>(leaf, index as u64, size as u64, &path, &root).unwrap_err();
            assert_eq!(error, ProofError::WrongPathLength { expected, found }, "{index} of {size}");
        }
    }
    for (old, new) in [(1, 2), (3, 7), (4, 7), (6, 8), (64, 65), (99, 100), (7, 7), (0, 7)] {
        let path = if old == 0 { Vec::new() } else { oracle.proof(old, new) };
        let (old_root, new_root, expected) = (oracle.root(old), oracle.root(new), path.len());
        for found in (0..expected + 3).filter(|found| *found != expected) {
            let path: Vec<Hash> = path.iter().copied().chain([new_root; 3]).take(found).collect();
            let error = verify_consistency::<Sha256>(old as u64, new as u64, &path, &old_root, &new_root);
            assert_eq!(error, Err(ProofError::WrongPathLength { expected, found }), "{old} to {new}");
        }
    }
}

/// Every bit for small trees, a sample of bits for the others.
fn flips(bytes: usize, every: usize) -> impl Iterator<Item = (usize, u8)> {
    (0..8 * bytes).step_by(every).map(|bit| (bit / 8, 1 << (bit % 8)))
}

#[test]
fn every_flipped_bit_of_an_inclusion_proof_fails() {
    let oracle = Oracle::<Sha256>::new(200);
    for (size, every) in [(1, 1), (2, 1), (3, 1), (7, 1), (8, 5), (33, 37), (200, 113)] {
        let root = oracle.root(size);
        for index in 0..size {
            let (leaf, path) = (*oracle.leaf(index), oracle.path(index, size));
            let fails = |leaf: &Hash, path: &[Hash], root: &Hash| {
                let result = verify_inclusion::<Sha256>(leaf, index as u64, size as u64, path, root);
                assert_eq!(result, Err(ProofError::WrongRoot), "{index} of {size}");
            };
            for (byte, bit) in flips(32 * path.len(), every) {
                let mut path = path.clone();
                path[byte / 32][byte % 32] ^= bit;
                fails(&leaf, &path, &root);
            }
            for (byte, bit) in flips(32, every) {
                let (mut bad_leaf, mut bad_root) = (leaf, root);
                bad_leaf[byte] ^= bit;
                bad_root[byte] ^= bit;
                fails(&bad_leaf, &path, &root);
                fails(&leaf, &path, &bad_root);
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_consistency_proof_fails() {
    let oracle = Oracle::<Sha256>::new(70);
    for new in (1..=17).chain([70]) {
        let new_root = oracle.root(new);
        for old in 1..=new {
            let (old_root, path) = (oracle.root(old), oracle.proof(old, new));
            let fails = |path: &[Hash], old_root: &Hash, new_root: &Hash| {
                let result = verify_consistency::<Sha256>(old as u64, new as u64, path, old_root, new_root);
                let error = result.expect_err("a flipped bit");
                assert!(matches!(error, ProofError::WrongRoot | ProofError::WrongOldRoot), "{old} to {new}");
            };
            for (byte, bit) in flips(32 * path.len(), 19) {
                let mut path = path.clone();
                path[byte / 32][byte % 32] ^= bit;
                fails(&path, &old_root, &new_root);
            }
            for (byte, bit) in flips(32, 7) {
                let (mut bad_old, mut bad_new) = (old_root, new_root);
                bad_old[byte] ^= bit;
                bad_new[byte] ^= bit;
                fails(&path, &bad_old, &new_root);
                fails(&path, &old_root, &bad_new);
            }
        }
    }
}

#[test]
fn another_index_never_verifies() {
    let oracle = Oracle::<Sha256>::new(70);
    for size in 1..=70 {
        for index in 0..size {
            let (leaf, path, root) = (oracle.leaf(index), oracle.path(index, size), oracle.root(size));
            let bits = (0..64).map(|bit| index as u64 ^ 1 << bit);
            for other in bits.chain(0..80).filter(|other| *other != index as u64) {
                verify_inclusion::<Sha256>(leaf, other, size as u64, &path, &root).unwrap_err();
            }
        }
    }
}

#[test]
fn another_size_verifies_only_where_the_route_is_the_same() {
    let oracle = Oracle::<Sha256>::new(40);
    for size in 1..=40_u64 {
        for index in 0..size {
            let (leaf, root) = (oracle.leaf(index as usize), oracle.root(size as usize));
            let path = oracle.path(index as usize, size as usize);
            let bits = (0..64).map(|bit| size ^ 1 << bit);
            for other in bits.chain(0..70) {
                let same = index < other && route(index, other) == route(index, size);
                let verified = verify_inclusion::<Sha256>(leaf, index, other, &path, &root).is_ok();
                assert_eq!(verified, same, "{index} of {size}, said to be of {other}");
            }
        }
    }
}

#[test]
fn other_sizes_are_consistent_only_where_the_route_is_the_same() {
    let oracle = Oracle::<Sha256>::new(24);
    for new in 2..=24_u64 {
        for old in 1..new {
            let path = oracle.proof(old as usize, new as usize);
            let (old_root, new_root) = (oracle.root(old as usize), oracle.root(new as usize));
            let honest = consistency_route(old, new, true);
            for other_new in (0..40).chain([1 << 40, u64::MAX]) {
                for other_old in (0..40).chain([1 << 40, u64::MAX]) {
                    let ordered = 0 < other_old && other_old < other_new;
                    let same = ordered && consistency_route(other_old, other_new, true) == honest;
                    let result =
                        verify_consistency::<Sha256>(other_old, other_new, &path, &old_root, &new_root);
                    assert_eq!(result.is_ok(), same, "{old} to {new}, said {other_old} to {other_new}");
                }
            }
        }
    }
}

#[test]
fn equal_sizes_need_equal_roots_and_the_empty_tree_its_own_root() {
    let (a, b, empty) = ([1; 32], [2; 32], Sha256::empty());
    let check = |old, new, old_root: &Hash, new_root: &Hash, expected| {
        assert_eq!(verify_consistency::<Sha256>(old, new, &[], old_root, new_root), expected);
    };
    check(7, 7, &a, &a, Ok(()));
    check(7, 7, &a, &b, Err(ProofError::WrongRoot));
    check(0, 7, &empty, &b, Ok(()));
    check(0, 7, &a, &b, Err(ProofError::WrongOldRoot));
    check(0, 0, &empty, &empty, Ok(()));
    check(0, 0, &empty, &a, Err(ProofError::WrongRoot));
    check(8, 7, &a, &b, Err(ProofError::SizesOutOfOrder { old_size: 8, new_size: 7 }));
}

#[test]
fn hostile_sizes_neither_overflow_nor_hang() {
    let path = leaves::<Sha256>(PATH_HASHES_MAX + 5);
    let root = [3; 32];
    for a in SIZES_HOSTILE {
        for b in SIZES_HOSTILE {
            if let Some(len) = inclusion_path_len(a, b) {
                assert_eq!(len, route(a, b).len());
                assert!(len < PATH_HASHES_MAX);
            }
            for len in 0..path.len() {
                verify_inclusion::<Sha256>(&root, a, b, &path[..len], &root).ok();
                verify_consistency::<Sha256>(a, b, &path[..len], &root, &root).ok();
            }
        }
    }
    assert_eq!(inclusion_path_len(0, u64::MAX), Some(64));
}

/// From the reference tests of Certificate Transparency.
#[test]
fn the_published_proofs_verify() {
    let hash = |digits: &str| -> Hash { hex::decode(digits).expect("hex").try_into().expect("32 bytes") };
    let root_8 = hash("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    let path = [
        hash("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
        hash("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
    ];
    verify_inclusion::<Sha256>(&Sha256::leaf(&[]), 0, 8, &path, &root_8).expect("verifies");

    let root_6 = hash("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef");
    let path = [
        hash("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
        hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ];
    verify_consistency::<Sha256>(6, 8, &path, &root_6, &root_8).expect("verifies");
}
