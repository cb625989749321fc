//! Verification of inclusion and consistency proofs, step by step as RFC 9162 writes it.
//!
//! A proof binds hashes to a root along a *route* (left, right, right...), not to the size of the tree: trees of
//! different sizes share routes, so a path may verify under a wrong size with the same root. Size and root must
//! therefore come together, from one sealed checkpoint.

use crate::{Hash, TreeHash};

#[cfg(test)]
mod tests;

/// The hashes of the longest path there can be: 64 in an inclusion path, and one more in a consistency path for the
/// node it starts from.
pub const PATH_HASHES_MAX: usize = 65;

/// Why a proof does not hold. Trying again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("there is no leaf {index} in a tree of {size} leaves")]
    IndexOutside {
        /// The leaf asked about.
        index: u64,
        /// The number of leaves in the tree.
        size: u64,
    },
    /// The newer tree is the smaller one.
    #[error("a tree of {new_size} leaves cannot continue one of {old_size}")]
    SizesOutOfOrder {
        /// The number of leaves in the older tree.
        old_size: u64,
        /// The number of leaves in the newer tree.
        new_size: u64,
    },
    /// A path for these numbers has another length.
    #[error("the path has {found} hashes, not the {expected} it must have")]
    WrongPathLength {
        /// The hashes such a path has.
        expected: usize,
        /// The hashes given.
        found: usize,
    },
    /// The path leads to another root.
    #[error("the path does not lead to the root of the tree")]
    WrongRoot,
    /// The path starts from another root than that of the older tree.
    #[error("the path does not lead to the root of the older tree")]
    WrongOldRoot,
}

/// Returns the number of hashes in the inclusion path of leaf `index` in a tree of `size` leaves.
///
/// `None` when there is no such leaf.
pub fn inclusion_path_len(index: u64, size: u64) -> Option<usize> {
    let last = size.checked_sub(1).filter(|last| index <= *last)?;
    Some(climb_len(index, last))
}

/// Counts the neighbours met while climbing from node `at`, when `last` is the last node on its level.
fn climb_len(at: u64, last: u64) -> usize {
    // Below the point where both ways meet every node has a neighbour; above it only right-hand nodes do.
    let apart = u64::BITS - (at ^ last).leading_zeros();
    let above = at.checked_shr(apart).unwrap_or(0).count_ones();
    (apart + above) as usize
}

/// Returns the root that `path` leads to from `leaf` at `index` in a tree of `size` leaves.
///
/// `leaf` is the leaf hash. Says nothing by itself: the root has to be compared with one that is trusted.
/// `O(log size)` hashes, no allocation; all arguments may be hostile.
///
/// # Errors
/// [`ProofError`]; a path of the wrong length is refused, so exactly one length is ever accepted.
///
/// RFC 9162, section 2.1.3.2, all but the comparison of roots.
pub fn root_from_inclusion<H: TreeHash>(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
) -> Result<Hash, ProofError> {
    // 1. The leaf has to be in the tree.
    let expected = inclusion_path_len(index, size).ok_or(ProofError::IndexOutside { index, size })?;
    let wrong_length = ProofError::WrongPathLength { expected, found: path.len() };
    // 2. fn and sn: this node and the last node on its level.
    let (mut f, mut s) = (index, size - 1);
    // 3.
    let mut r = *leaf;
    // 4.
    for p in path {
        // 4.a.
        if s == 0 {
            return Err(wrong_length);
        }
        // 4.b.
        if f & 1 == 1 || f == s {
            // 4.b.i.
            r = H::node(p, &r);
            // 4.b.ii.
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            // 4.b, otherwise, i.
            r = H::node(&r, p);
        }
        // 4.c.
        f >>= 1;
        s >>= 1;
    }
    // 5. The comparison of sn; that of r is the caller's.
    if s == 0 { Ok(r) } else { Err(wrong_length) }
}

/// Checks that `leaf` is at `index` in the tree of `size` leaves whose root is `root`.
///
/// `leaf` is the leaf hash. `O(log size)` hashes, no allocation; all arguments may be hostile. Proves membership
/// only: `size` and `root` must come from one checkpoint sealed to policy.
///
/// # Errors
/// [`ProofError`].
///
/// RFC 9162, section 2.1.3.2.
pub fn verify_inclusion<H: TreeHash>(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    // 1. to 4., and sn in 5.
    let r = root_from_inclusion::<H>(leaf, index, size, path)?;
    // 5.
    if r == *root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Checks that the tree of `new_size` leaves with root `new_root` begins with the tree of `old_size` leaves with
/// root `old_root`.
///
/// Two cases the RFC leaves open: equal sizes need equal roots, and every tree continues the empty one, whose root
/// is then checked; both take an empty path. `O(log new_size)` hashes, no allocation; all arguments may be hostile.
///
/// # Errors
/// [`ProofError`].
///
/// RFC 9162, section 2.1.4.2.
pub fn verify_consistency<H: TreeHash>(
    old_size: u64,
    new_size: u64,
    path: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesOutOfOrder { old_size, new_size });
    }
    let expected = consistency_path_len(old_size, new_size);
    let wrong_length = ProofError::WrongPathLength { expected, found: path.len() };
    if old_size == 0 || old_size == new_size {
        return match () {
            () if !path.is_empty() => Err(wrong_length),
            () if old_size == 0 && *old_root != H::empty() => Err(ProofError::WrongOldRoot),
            () if new_size == old_size && old_root != new_root => Err(ProofError::WrongRoot),
            () => Ok(()),
        };
    }
    // 1. and 2. The path starts at the old root itself when that is the root of a complete subtree.
    let (first, rest) = match path.split_first() {
        None => return Err(wrong_length),
        Some(_) if old_size.is_power_of_two() => (old_root, path),
        Some(split) => split,
    };
    // 3. fn and sn: this node and the last node on its level.
    let (mut f, mut s) = (old_size - 1, new_size - 1);
    // 4.
    while f & 1 == 1 {
        f >>= 1;
        s >>= 1;
    }
    // 5. fr and sr: the old and the new root as far as they are known.
    let (mut fr, mut sr) = (*first, *first);
    // 6.
    for c in rest {
        // 6.a.
        if s == 0 {
            return Err(wrong_length);
        }
        // 6.b.
        if f & 1 == 1 || f == s {
            // 6.b.i.
            fr = H::node(c, &fr);
            // 6.b.ii.
            sr = H::node(c, &sr);
            // 6.b.iii.
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            // 6.b, otherwise, i.
            sr = H::node(&sr, c);
        }
        // 6.c.
        f >>= 1;
        s >>= 1;
    }
    // 7.
    match () {
        () if s != 0 => Err(wrong_length),
        () if fr != *old_root => Err(ProofError::WrongOldRoot),
        () if sr != *new_root => Err(ProofError::WrongRoot),
        () => Ok(()),
    }
}

fn consistency_path_len(old_size: u64, new_size: u64) -> usize {
    if old_size == 0 || old_size == new_size {
        return 0;
    }
    let height = old_size.trailing_zeros();
    let start = usize::from(!old_size.is_power_of_two());
    start + climb_len((old_size - 1) >> height, (new_size - 1) >> height)
}
