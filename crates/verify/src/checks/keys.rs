//! Certified keys: chains to the genesis's roots, and their status when they were used.

use std::collections::BTreeSet;

use xiezhi_pki::{
    ChainError, Crl, Misuse, RevocationPolicy, RevocationReason, Trust, Validated, X509Certificate,
    timestamp::TokenError,
};

use super::{seals::Sealed, stamps::Stamped};
use crate::{
    Check, code,
    examination::{Examination, seconds},
    finding as f,
    finding::Finding,
};

/// The revocation lists in a certificate, each read or not.
pub(crate) struct Lists<'a> {
    lists: Vec<Option<Crl>>,
    /// The readable ones' bytes: one unreadable list is reported by itself and does not spoil every chain.
    readable: Vec<&'a [u8]>,
}

impl<'a> Lists<'a> {
    pub(crate) fn read(revocations: &'a [Vec<u8>]) -> Self {
        let lists: Vec<_> = revocations.iter().map(|der| Crl::from_der(der).ok()).collect();
        let readable = revocations.iter().zip(&lists).filter(|(_, list)| list.is_some());
        Self { readable: readable.map(|(der, _)| der.as_slice()).collect(), lists }
    }

    /// Place and time of the lists made after `at` (unix seconds).
    pub(crate) fn made_after(&self, at: u64) -> Option<(usize, u64)> {
        let times = self.lists.iter().enumerate();
        let mut times = times.filter_map(|(place, list)| Some((place, list.as_ref()?.this_update())));
        times.find(|(_, made)| *made > at)
    }
}

/// What a key's chain and status came to.
pub(crate) struct Judged<T> {
    /// What the chain proves, or why it does not hold; revocation apart.
    pub(crate) chain: Result<T, TokenError>,
    /// Why the status is not good; of meaning only where the chain holds.
    pub(crate) fault: Option<ChainError>,
}

/// Asks `attempt` under each root in turn, first with revocation, then, where only that stands in the way, without it.
///
/// Of several failures the first is kept that says more than that the root is another's.
pub(crate) fn judge<T>(
    roots: &[Vec<u8>],
    intermediates: &[&[u8]],
    lists: &Lists<'_>,
    attempt: impl Fn(&Trust<'_>) -> Result<T, TokenError>,
) -> Option<Judged<T>> {
    let mut best: Option<TokenError> = None;
    for root_der in roots {
        let strict =
            Trust { root_der, intermediates, crls: &lists.readable, revocation: RevocationPolicy::STRICT };
        let error = match attempt(&strict) {
            Ok(proven) => return Some(Judged { chain: Ok(proven), fault: None }),
            Err(error) => error,
        };
        let error = match error {
            TokenError::Chain { source } if is_about_revocation(&source) => {
                let lenient = Trust { crls: &[], revocation: RevocationPolicy::IF_PRESENT, ..strict };
                match attempt(&lenient) {
                    Ok(proven) => return Some(Judged { chain: Ok(proven), fault: Some(source) }),
                    Err(error) => error,
                }
            }
            other => other,
        };
        let says_little = |error: &TokenError| {
            matches!(error, TokenError::Chain { source: ChainError::UnknownIssuer { .. } })
        };
        if best.as_ref().is_none_or(says_little) {
            best = Some(error);
        }
    }
    best.map(|error| Judged { chain: Err(error), fault: None })
}

fn is_about_revocation(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::Revoked { .. }
            | ChainError::CrlMissing { .. }
            | ChainError::CrlStale { .. }
            | ChainError::CrlTooLate { .. }
            | ChainError::CrlBadSignature { .. }
            | ChainError::CrlUnsupportedAlgorithm { .. }
            | ChainError::MalformedCrl { .. }
            | ChainError::WrongPurpose { misuse: Misuse::NoCrlSigning, .. }
    )
}

/// What to say of a chain that does not hold.
pub(crate) fn chain_finding(error: &ChainError) -> &'static Finding {
    match error {
        ChainError::UnknownIssuer { .. } => &f::CHAIN_ISSUER,
        ChainError::BadSignature { .. } => &f::CHAIN_SIGNATURE,
        ChainError::NotYetValid { .. } | ChainError::Expired { .. } => &f::CHAIN_VALIDITY,
        ChainError::WrongPurpose { .. } => &f::CHAIN_PURPOSE,
        ChainError::UnsupportedAlgorithm { .. } | ChainError::UnsupportedExtension { .. } => {
            &f::CHAIN_UNSUPPORTED
        }
        ChainError::PathTooLong { .. } | ChainError::TooMany { .. } => &f::CHAIN_TOO_LONG,
        _ => &f::CHAIN_MALFORMED,
    }
}

/// The status of the key of `of` when it was used.
pub(crate) fn status(of: &str, validated: &Validated, fault: Option<&ChainError>) -> Check {
    let check = |finding| Check::new(code::KEY_STATUS, finding).with("of", of);
    let Some(fault) = fault else {
        return match &validated.revoked_later {
            Some(entry) if is_compromise(entry.reason) => {
                check(&f::KEY_REVOKED_LATER).with("since", seconds(entry.effective_from()))
            }
            _ => check(&f::KEY_GOOD),
        };
    };
    match fault {
        ChainError::Revoked { effective_from, reason, at, .. } => check(&f::KEY_REVOKED)
            .with("since", seconds(*effective_from))
            .with("why", reason.name())
            .with("used", seconds(*at)),
        ChainError::CrlMissing { .. } => check(&f::KEY_NO_LIST),
        ChainError::CrlStale { .. } => check(&f::KEY_STALE),
        ChainError::CrlTooLate { .. } => check(&f::KEY_LATE),
        _ => check(&f::KEY_LIST_BAD),
    }
}

/// Whoever holds a stolen key can sign any date, and nothing but the key itself says when a seal or a token was made.
fn is_compromise(reason: RevocationReason) -> bool {
    matches!(
        reason,
        RevocationReason::KeyCompromise | RevocationReason::CaCompromise | RevocationReason::AaCompromise
    )
}

/// Every list is readable and of an authority on a chain in use, and no issuer has two.
///
/// Issuers are compared as printed. That is safe: a list that prints alike but is another authority's covers nothing, and then the key
/// status is unknown.
pub(crate) fn revocation_lists(
    x: &Examination<'_>,
    lists: &Lists<'_>,
    seals: &[Sealed],
    stamps: &[Stamped],
) -> Check {
    let code = code::REVOCATION_LISTS;
    let authorities = authorities(x, seals, stamps);
    let mut seen = BTreeSet::new();
    for (place, list) in lists.lists.iter().enumerate() {
        let check = |finding| Check::new(code, finding).with("list", place);
        let Some(list) = list else { return check(&f::LIST_MALFORMED) };
        let issuer = list.issuer();
        if !authorities.contains(&issuer) && !is_needed_by_a_stamp(x, lists, place) {
            // A list may belong to a chain that was never reached because its seal or token failed earlier.
            let failed = seals.iter().map(|seal| &seal.check).chain(stamps.iter().map(|stamp| &stamp.check));
            let failed = failed.into_iter().find(|check| !check.passed());
            return failed
                .map_or_else(|| check(&f::LIST_STRAY), |failed| Check::not_evaluated(code, failed.code));
        }
        if !seen.insert(issuer) {
            return check(&f::LIST_TWICE);
        }
    }
    Check::new(code, &f::LISTS_USED).with("lists", lists.lists.len())
}

/// Printed names of the roots and of the seals' intermediates that are on a chain in use.
fn authorities(x: &Examination<'_>, seals: &[Sealed], stamps: &[Stamped]) -> BTreeSet<String> {
    let in_use: BTreeSet<[u8; 32]> = seals
        .iter()
        .flat_map(|seal| &seal.path)
        .chain(stamps.iter().flat_map(|stamp| &stamp.path))
        .copied()
        .collect();
    let roots = x.genesis.iter().flat_map(|genesis| genesis.roots.iter().chain(&genesis.timestamp_roots));
    let intermediates = x.certificate.seals.iter().flat_map(|seal| seal.chain.iter().skip(1));
    let mut read = BTreeSet::new();
    roots
        .chain(intermediates)
        .filter(|der| read.insert(*der))
        .filter_map(|der| X509Certificate::from_der(der).ok())
        .filter(|authority| in_use.contains(&authority.fingerprint()))
        .map(|authority| authority.subject())
        .collect()
}

/// The authorities between a time stamp and its root are inside the token; their list shows by being missed when it is left out.
fn is_needed_by_a_stamp(x: &Examination<'_>, lists: &Lists<'_>, place: usize) -> bool {
    let Some(genesis) = &x.genesis else { return false };
    let readable = lists.readable_without(place);
    let without = Lists { lists: Vec::new(), readable };
    let imprint = x.certificate.checkpoint.digest();
    x.certificate.timestamps.iter().any(|stamp| {
        let under = |lists: &Lists<'_>| {
            judge(&genesis.timestamp_roots, &[], lists, |trust| {
                xiezhi_pki::timestamp::verify_token(&stamp.token, &imprint, trust, None)
            })
        };
        let good = |judged: Option<Judged<_>>| {
            judged.is_some_and(|judged| judged.chain.is_ok() && judged.fault.is_none())
        };
        good(under(lists)) && !good(under(&without))
    })
}

impl<'a> Lists<'a> {
    fn readable_without(&self, place: usize) -> Vec<&'a [u8]> {
        let left_out = self.lists[..place].iter().filter(|list| list.is_some()).count();
        let kept = self.readable.iter().enumerate().filter(|(at, _)| *at != left_out);
        kept.map(|(_, der)| *der).collect()
    }
}
