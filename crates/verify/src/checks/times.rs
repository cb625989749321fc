//! Do the times agree: statement, checkpoint, seals, revocation lists, declared time. Time stamps have their own check.

use xiezhi_evidence::Genesis;
use xiezhi_types::TimestampMs;

use super::keys::Lists;
use crate::{
    Check, code,
    examination::{Examination, seconds},
    finding as f,
};

/// Seals and tokens may state whole seconds, rounded down.
const ROUNDING_MS: u64 = 1_000;

/// How far the clocks of members may be apart, rounding included.
pub(crate) fn skew_ms(genesis: &Genesis) -> u64 {
    u64::from(genesis.limits.block_skew_ms) + ROUNDING_MS
}

/// The first disagreement in the order below.
pub(crate) fn times(x: &Examination<'_>, lists: &Lists) -> Check {
    let code = code::TIMES;
    let Some(genesis) = &x.genesis else { return Check::not_evaluated(code, code::LEDGER) };
    let (declared, checkpoint) = (x.declared_time, x.witnessed.checkpoint);
    let check = |finding, time: String| Check::new(code, finding).with("time", time);
    if checkpoint.time > declared {
        return check(&f::TIMES_CHECKPOINT, checkpoint.time.rfc3339());
    }
    if checkpoint.time < genesis.created {
        return check(&f::TIMES_GENESIS, checkpoint.time.rfc3339());
    }
    let earliest = checkpoint.time.0.saturating_sub(skew_ms(genesis));
    for seal in x.witnessed.seals.iter().map(|certified| &certified.seal) {
        let at = TimestampMs(seal.time.saturating_mul(1000));
        let finding = match () {
            () if at > declared => &f::TIMES_SEAL_LATE,
            () if at.0 < earliest => &f::TIMES_SEAL_EARLY,
            () => continue,
        };
        return check(finding, seconds(seal.time)).with("institution", &seal.institution);
    }
    let latest = checkpoint.time.seconds().saturating_add(u64::from(genesis.limits.statement_window_s));
    if let Some(at) = x.issued_at.filter(|at| *at > latest) {
        return check(&f::TIMES_STATEMENT, seconds(at));
    }
    if let Some((list, made)) = lists.made_after(declared.seconds()) {
        return check(&f::TIMES_LIST, seconds(made)).with("list", list);
    }
    Check::new(code, &f::TIMES_AGREE)
}
