//! RFC 9162 restated for the tests: the recursive definitions of section 2.1, word for word and in no hurry.
//!
//! Calls nothing of this crate but the hash of a leaf and of a node.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::{Hash, TreeHash};

/// D_n: leaf hashes, and the hashes of ranges of them, once known.
pub(crate) struct Oracle<H> {
    leaves: Vec<Hash>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
    hash: std::marker::PhantomData<H>,
}

impl<H: TreeHash> Oracle<H> {
    /// Makes `size` different leaves: the entries are their own indices.
    pub(crate) fn new(size: usize) -> Self {
        Self { leaves: leaves::<H>(size), known: RefCell::default(), hash: std::marker::PhantomData }
    }

    pub(crate) fn leaves(&self, size: usize) -> &[Hash] {
        &self.leaves[..size]
    }

    pub(crate) fn leaf(&self, index: usize) -> &Hash {
        &self.leaves[index]
    }

    pub(crate) fn root(&self, size: usize) -> Hash {
        self.mth(0, size)
    }

    /// MTH(D[from:to]), section 2.1.1.
    fn mth(&self, from: usize, to: usize) -> Hash {
        match to - from {
            0 => H::empty(),
            1 => self.leaves[from],
            n => {
                if let Some(known) = self.known.borrow().get(&(from, to)) {
                    return *known;
                }
                let k = split(n);
                let hash = H::node(&self.mth(from, from + k), &self.mth(from + k, to));
                self.known.borrow_mut().insert((from, to), hash);
                hash
            }
        }
    }

    /// PATH(m, D_n), section 2.1.3.1.
    pub(crate) fn path(&self, m: usize, n: usize) -> Vec<Hash> {
        self.path_in(m, 0, n)
    }

    fn path_in(&self, m: usize, from: usize, to: usize) -> Vec<Hash> {
        let n = to - from;
        if n == 1 {
            return Vec::new();
        }
        let k = split(n);
        let (mut path, neighbour) = if m < k {
            (self.path_in(m, from, from + k), self.mth(from + k, to))
        } else {
            (self.path_in(m - k, from + k, to), self.mth(from, from + k))
        };
        path.push(neighbour);
        path
    }

    /// PROOF(m, D_n), section 2.1.4.1; 0 < m <= n.
    pub(crate) fn proof(&self, m: usize, n: usize) -> Vec<Hash> {
        self.subproof(m, 0, n, true)
    }

    fn subproof(&self, m: usize, from: usize, to: usize, b: bool) -> Vec<Hash> {
        let n = to - from;
        if m == n {
            return if b { Vec::new() } else { vec![self.mth(from, to)] };
        }
        let k = split(n);
        let (mut path, neighbour) = if m <= k {
            (self.subproof(m, from, from + k, b), self.mth(from + k, to))
        } else {
            (self.subproof(m - k, from + k, to, false), self.mth(from, from + k))
        };
        path.push(neighbour);
        path
    }
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// The turns from the leaf `m` up to the root of a tree of `n` leaves: all that an inclusion path says of both.
pub(crate) fn route(m: u64, n: u64) -> Vec<char> {
    if n == 1 {
        return Vec::new();
    }
    let k = 1 << (63 - (n - 1).leading_zeros());
    let (mut turns, turn) = if m < k { (route(m, k), 'r') } else { (route(m - k, n - k), 'l') };
    turns.push(turn);
    turns
}

/// The same for a consistency path; 's' stands for the hash it starts from, where it has one.
pub(crate) fn consistency_route(m: u64, n: u64, b: bool) -> Vec<char> {
    if m == n {
        return if b { Vec::new() } else { vec!['s'] };
    }
    let k = 1 << (63 - (n - 1).leading_zeros());
    let (mut turns, turn) = if m <= k {
        (consistency_route(m, k, b), 'r')
    } else {
        (consistency_route(m - k, n - k, false), 'l')
    };
    turns.push(turn);
    turns
}

pub(crate) fn leaves<H: TreeHash>(size: usize) -> Vec<Hash> {
    (0..size as u64).map(|index| H::leaf(&index.to_be_bytes())).collect()
}
