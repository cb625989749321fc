use super::*;
use crate::oracle::{Oracle, leaves};
use crate::{Sha256, Sm3};

/// The entries of the test vectors of Certificate Transparency (RFC 6962).
const CT_ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Their roots at sizes 0 to 8, as Certificate Transparency publishes them.
const CT_ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// The roots of the same entries under SM3, computed with OpenSSL.
const SM3_ROOTS: [&str; 9] = [
    "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
    "2daef60e7a0b8f5e024c81cd2ab3109f2b4f155cf83adeb2ae5532f74a157fdf",
    "0b990fe0c7ad70f1bf1a1262f2c7908ea48146b14253a6db99f2917ab1f5cc4d",
    "209ec96a210d662a964772680e8544d18cab7b88ffec3e00962220349b56ea56",
    "28e4e307ef6d2d0c62d84b11ef96e835efe490f35b93c8f024ecfe38c8dd4377",
    "bb10c996aeebbcdc69be3715fc847344de77442d37a5ab8213da9f41785b103b",
    "8723c1ab1f82ddfba4a3733ac0c80d936d9f4c208c7dbc8cc81ca9fff8584f66",
    "bd36c22a1ac6ff4308e0c3cc1a85bf0ffa30538ec60a55c70413ab15d45db4d2",
    "bc48ba7a709184b5f2a631e1adeb8dc2a0d4c018c1d6cc89b5664fe154c93b38",
];

fn check_roots<H: TreeHash>(expected: &[&str]) {
    let leaves: Vec<Hash> =
        CT_ENTRIES.iter().map(|entry| H::leaf(&hex::decode(entry).expect("hex"))).collect();
    for (size, expected) in expected.iter().enumerate() {
        assert_eq!(hex::encode(root_of::<H>(&leaves[..size])), *expected, "{} of {size}", H::NAME);
    }
}

#[test]
fn the_published_roots_are_met() {
    check_roots::<Sha256>(&CT_ROOTS);
    check_roots::<Sm3>(&SM3_ROOTS);
}

fn check_growth<H: TreeHash>(size: usize) {
    let oracle = Oracle::<H>::new(size);
    let mut frontier = Frontier::<H>::new();
    for (index, leaf) in oracle.leaves(size).iter().enumerate() {
        assert_eq!(frontier.root(), oracle.root(index));
        assert_eq!(root_of::<H>(oracle.leaves(index)), oracle.root(index));
        frontier = Frontier::from_peaks(frontier.size(), frontier.peaks().to_vec()).expect("its own peaks");
        frontier.append(*leaf);
    }
    assert_eq!((frontier.size(), frontier.root()), (size as u64, oracle.root(size)));
}

#[test]
fn every_root_is_that_of_the_definition_even_when_restored_each_time() {
    check_growth::<Sha256>(512);
    check_growth::<Sm3>(130);
}

#[test]
fn a_wrong_number_of_peaks_is_refused() {
    let error = Frontier::<Sha256>::from_peaks(u64::MAX, vec![[0; 32]; 63]).unwrap_err();
    assert_eq!(error, FrontierError::WrongPeakCount { size: u64::MAX, expected: 64, found: 63 });
}

#[test]
fn the_largest_tree_has_a_root() {
    let size = u64::MAX - 1;
    let mut frontier = Frontier::<Sha256>::from_peaks(size, leaves::<Sha256>(63)).expect("63 peaks");
    frontier.append([7; 32]);
    assert_eq!((frontier.size(), frontier.peaks().len()), (u64::MAX, 64));
    frontier.root();
}
