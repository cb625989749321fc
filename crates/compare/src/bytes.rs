//! Runs of equal bytes, whatever they mean.
//!
//! The original is indexed by blocks of [`RUN`] bytes; a rolling sum over the presented file finds candidates, which are compared and extended both
//! ways (the idea is rsync's: Tridgell, Mackerras, 1996). Any run of twice [`RUN`] bytes is found, unless its blocks occur earlier in the original
//! too. Linear in the files' lengths, but for candidates that lie, which cost at most [`RUN`] bytes each.

use std::collections::HashMap;

use crate::{
    Comparison, Finding, Match, Relation, Unit,
    finding::{BYTE_RANGES, BYTE_RANGES_NONE, BYTES_DIFFER, new},
};

/// Shortest run that counts, in bytes.
pub(crate) const RUN: usize = 1024;

/// Where the bytes begin to differ; of files that do.
pub(crate) fn first_difference(presented: &[u8], original: &[u8]) -> Finding {
    let at = presented.iter().zip(original).take_while(|(a, b)| a == b).count();
    new(&BYTES_DIFFER).with("at", at).with("presented", presented.len()).with("original", original.len())
}

/// The answer by bytes alone, after what `findings` say already.
pub(crate) fn compare(presented: &[u8], original: &[u8], mut findings: Vec<Finding>) -> Comparison {
    let runs = runs(presented, original);
    if runs.is_empty() {
        findings.push(new(&BYTE_RANGES_NONE).with("run", RUN));
        return Comparison::new(Relation::Different, findings);
    }
    let same: usize = runs.iter().map(|run| run.length).sum();
    findings.push(new(&BYTE_RANGES).with("bytes", same).with("of", presented.len()));
    let matches = runs
        .iter()
        .map(|run| Match::range(Unit::Byte, run.presented as u64, run.original as u64, run.length as u64));
    Comparison::new(Relation::PartlyMatching, findings).with(matches.collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    presented: usize,
    original: usize,
    length: usize,
}

/// Equal runs in the order of `presented`, which do not overlap there.
fn runs(presented: &[u8], original: &[u8]) -> Vec<Run> {
    let mut runs = Vec::new();
    let (mut at, mut free) = (0, 0);
    let head = presented.iter().zip(original).take_while(|(a, b)| a == b).count();
    if head >= RUN {
        runs.push(Run { presented: 0, original: 0, length: head });
        (at, free) = (head, head);
    }
    let mut blocks: HashMap<u32, usize> = HashMap::with_capacity(original.len() / RUN);
    for (index, block) in original.chunks_exact(RUN).enumerate() {
        blocks.entry(Sum::of(block).value()).or_insert(index * RUN);
    }
    let mut sum = presented.get(at..at + RUN).map(Sum::of);
    while let Some(current) = sum {
        let candidate = blocks.get(&current.value()).copied();
        let equal = candidate.filter(|start| presented[at..at + RUN] == original[*start..*start + RUN]);
        if let Some(start) = equal {
            let before = presented[free..at]
                .iter()
                .rev()
                .zip(original[..start].iter().rev())
                .take_while(|(a, b)| a == b)
                .count();
            let after = presented[at..].iter().zip(&original[start..]).take_while(|(a, b)| a == b).count();
            runs.push(Run { presented: at - before, original: start - before, length: before + after });
            at += after;
            free = at;
            sum = presented.get(at..at + RUN).map(Sum::of);
        } else {
            let next = presented.get(at + RUN);
            sum = next.map(|next| current.rolled(presented[at], *next));
            at += 1;
        }
    }
    runs
}

/// The rolling sum of [`RUN`] bytes: their sum, and the sum of its prefixes, each modulo 2^16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sum(u16, u16);

impl Sum {
    fn of(block: &[u8]) -> Self {
        block.iter().fold(Self(0, 0), |Self(a, b), byte| {
            let a = a.wrapping_add(u16::from(*byte));
            Self(a, b.wrapping_add(a))
        })
    }

    /// Without the first byte, with one more at the end.
    fn rolled(self, first: u8, next: u8) -> Self {
        let a = self.0.wrapping_sub(u16::from(first)).wrapping_add(u16::from(next));
        let weight = RUN as u16;
        Self(a, self.1.wrapping_sub(weight.wrapping_mul(u16::from(first))).wrapping_add(a))
    }

    fn value(self) -> u32 {
        u32::from(self.0) << 16 | u32::from(self.1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(seed: u32, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn a_middle_cut_out_is_found_where_it_was() {
        let original = noise(1, 20_000);
        let presented = [noise(2, 500), original[5_000..12_345].to_vec(), noise(3, 700)].concat();
        assert_eq!(runs(&presented, &original), [Run { presented: 500, original: 5_000, length: 7_345 }]);
    }

    #[test]
    fn a_truncated_file_matches_as_far_as_it_goes() {
        let original = noise(4, 9_000);
        assert_eq!(runs(&original[..4_000], &original), [Run { presented: 0, original: 0, length: 4_000 }]);
    }

    #[test]
    fn unrelated_bytes_have_no_run() {
        assert_eq!(runs(&noise(5, 50_000), &noise(6, 50_000)), []);
        assert_eq!(runs(&[], &noise(6, 5_000)), []);
        assert_eq!(runs(&noise(6, 5_000), &[]), []);
    }

    proptest! {
        #[test]
        fn every_run_holds_and_none_overlap(seed in 0u32..50, cut in 0usize..4_000, length in 0usize..6_000, zeros in 0usize..5_000) {
            let original = [noise(seed, 6_000), vec![0; zeros]].concat();
            let end = (cut + length).min(original.len());
            let presented = [vec![0; zeros / 2], original[cut.min(end)..end].to_vec(), noise(seed + 100, 900)].concat();
            let mut last = 0;
            for run in runs(&presented, &original) {
                prop_assert!(run.presented >= last && run.length >= RUN);
                prop_assert_eq!(&presented[run.presented..run.presented + run.length], &original[run.original..run.original + run.length]);
                last = run.presented + run.length;
            }
        }

        #[test]
        fn the_sum_rolls(bytes in proptest::collection::vec(any::<u8>(), RUN + 1..RUN + 50)) {
            let mut sum = Sum::of(&bytes[..RUN]);
            for at in 0..bytes.len() - RUN {
                sum = sum.rolled(bytes[at], bytes[at + RUN]);
                prop_assert_eq!(sum, Sum::of(&bytes[at + 1..at + 1 + RUN]));
            }
        }
    }
}
