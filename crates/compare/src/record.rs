//! A presented file against a record of which only digests are known.

use xiezhi_crypto::Digest;

use crate::{
    Comparison, Relation,
    finding::{RECORD_DIFFERS, RECORD_EQUAL, RECORD_NEEDS, RECORD_NOTHING, RECORD_SIZE, new},
};

/// Compares the digests and the length of a presented file with what a record says. The only answers are identical, not identical, and
/// unknown where no digest is under a common algorithm.
///
/// Says nothing about the record itself: whether it may be believed is its certificate's verdict.
#[must_use]
pub fn compare_record(
    presented: &[Digest],
    size: u64,
    recorded: &[Digest],
    recorded_size: Option<u64>,
) -> Comparison {
    let mut algorithms = Vec::new();
    let needs = || recorded.first().map(|digest| new(&RECORD_NEEDS).with("digest", digest));
    let not_identical =
        |finding| Comparison::new(Relation::NotIdentical, [finding].into_iter().chain(needs()).collect());
    for digest in recorded {
        match presented.iter().find(|own| own.alg == digest.alg) {
            Some(own) if own == digest => algorithms.push(digest.alg.name()),
            Some(_) => return not_identical(new(&RECORD_DIFFERS).with("algorithm", digest.alg)),
            None => {}
        }
    }
    if let Some(recorded) = recorded_size.filter(|recorded| *recorded != size) {
        return not_identical(new(&RECORD_SIZE).with("presented", size).with("recorded", recorded));
    }
    if algorithms.is_empty() {
        return Comparison::new(Relation::Unknown, vec![new(&RECORD_NOTHING)]);
    }
    Comparison::new(Relation::Identical, vec![new(&RECORD_EQUAL).with("algorithms", algorithms.join(", "))])
}
