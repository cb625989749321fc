//! Comparing two large sets of entries without holding either: counted sums of keyed hashes, in buckets.
//!
//! Every entry adds a hash under keys drawn at random for this run to the sum of its bucket. Equal sums mean equal sets, but for a chance of
//! about 2^-100 that nobody who wrote the store could raise, not knowing the keys. Unequal buckets are then compared entry by entry.

use std::hash::{BuildHasher as _, RandomState};

/// Buckets of each set.
const BUCKETS: usize = 4_096;

/// The keys of one run.
#[derive(Debug, Clone)]
pub(crate) struct Hasher([RandomState; 2]);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self([RandomState::new(), RandomState::new()])
    }

    fn sum(&self, key: &[u8], value: &[u8]) -> u128 {
        let [high, low] = [0, 1].map(|at| u128::from(self.0[at].hash_one((key, value))));
        high << 64 | low
    }

    /// The bucket of the entry with this key.
    pub(crate) fn bucket(&self, key: &[u8]) -> usize {
        let hash = self.0[0].hash_one(key);
        usize::try_from(hash % BUCKETS as u64).unwrap_or(0)
    }
}

/// One set.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    hasher: Hasher,
    buckets: Vec<(u64, u128)>,
}

impl Sums {
    pub(crate) fn new(hasher: &Hasher) -> Self {
        Self { hasher: hasher.clone(), buckets: vec![(0, 0); BUCKETS] }
    }

    /// An empty set to compare this one with.
    pub(crate) fn empty(&self) -> Self {
        Self::new(&self.hasher)
    }

    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        let (count, sum) = &mut self.buckets[self.hasher.bucket(key)];
        *count += 1;
        *sum = sum.wrapping_add(self.hasher.sum(key, value));
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|(count, _)| count).sum()
    }

    /// The buckets in which the sets differ, up to as many as together have about `entries_max` entries here and in `other`.
    pub(crate) fn unequal(&self, other: &Self, entries_max: u64) -> Unequal {
        let mut unequal = Unequal { hasher: self.hasher.clone(), buckets: vec![false; BUCKETS], left: 0 };
        let mut entries = 0;
        for (at, (one, two)) in self.buckets.iter().zip(&other.buckets).enumerate() {
            if one == two {
                continue;
            }
            if entries > entries_max {
                unequal.left += one.0.abs_diff(two.0).max(1);
            } else {
                unequal.buckets[at] = true;
                entries += one.0.max(two.0);
            }
        }
        unequal
    }
}

/// Where two sets differ.
#[derive(Debug)]
pub(crate) struct Unequal {
    hasher: Hasher,
    buckets: Vec<bool>,
    /// At least so many differences lie in buckets that are not looked into.
    pub(crate) left: u64,
}

impl Unequal {
    pub(crate) fn is_empty(&self) -> bool {
        !self.buckets.contains(&true)
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.buckets[self.hasher.bucket(key)]
    }
}
