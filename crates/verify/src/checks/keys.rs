//! Certified keys: chains to the genesis's roots, and their status when they were used.

use xiezhi_pki::{ChainError, Crl, Misuse, RevocationPolicy, Trust, X509Certificate, timestamp::TokenError};

use super::{seals::Sealed, stamps::Stamped};
use crate::{
    Check, code,
    examination::{Examination, seconds},
    finding as f,
    finding::Finding,
};

/// The revocation lists in a certificate, each read or not.
pub(crate) struct Lists {
    lists: Vec<Option<Crl>>,
    /// The readable ones: one unreadable list is reported by itself and does not spoil every chain.
    readable: Vec<Crl>,
}

impl Lists {
    pub(crate) fn read(revocations: &[Vec<u8>]) -> Self {
        let lists: Vec<_> = revocations.iter().map(|der| Crl::from_der(der).ok()).collect();
        Self { readable: lists.iter().flatten().cloned().collect(), lists }
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
/// Whoever holds a stolen key can sign any date, and nothing but the key itself says when a seal or a token was made.
///
/// Of several failures the first is kept that says more than that the root is another's.
pub(crate) fn judge<T>(
    roots: &[Vec<u8>],
    intermediates: &[&[u8]],
    lists: &Lists,
    attempt: impl Fn(&Trust<'_>) -> Result<T, TokenError>,
) -> Option<Judged<T>> {
    let mut best: Option<TokenError> = None;
    for root_der in roots {
        let strict = Trust {
            root_der,
            intermediates,
            crls: &lists.readable,
            revocation: RevocationPolicy::SELF_DATED,
        };
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
            | ChainError::CompromisedLater { .. }
            | ChainError::CrlMissing { .. }
            | ChainError::CrlStale { .. }
            | ChainError::CrlTooLate { .. }
            | ChainError::CrlBadSignature { .. }
            | ChainError::CrlUnsupportedAlgorithm { .. }
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
pub(crate) fn status(of: &str, fault: Option<&ChainError>) -> Check {
    let check = |finding| Check::new(code::KEY_STATUS, finding).with("of", of);
    let Some(fault) = fault else { return check(&f::KEY_GOOD) };
    match fault {
        ChainError::Revoked { effective_from, reason, at, .. } => check(&f::KEY_REVOKED)
            .with("since", seconds(*effective_from))
            .with("why", reason.name())
            .with("used", seconds(*at)),
        ChainError::CompromisedLater { effective_from, .. } => {
            check(&f::KEY_REVOKED_LATER).with("since", seconds(*effective_from))
        }
        ChainError::CrlMissing { .. } => check(&f::KEY_NO_LIST),
        ChainError::CrlStale { .. } => check(&f::KEY_STALE),
        ChainError::CrlTooLate { .. } => check(&f::KEY_LATE),
        _ => check(&f::KEY_LIST_BAD),
    }
}

/// Every list is readable and of an authority on a chain that holds, and no authority has two.
pub(crate) fn revocation_lists(
    x: &Examination<'_>,
    lists: &Lists,
    seals: &[Sealed],
    stamps: &[Stamped],
) -> Check {
    let code = code::REVOCATION_LISTS;
    if x.genesis.is_none() {
        return Check::not_evaluated(code, code::LEDGER);
    }
    let paths = seals.iter().map(|seal| &seal.path).chain(stamps.iter().map(|stamp| &stamp.path));
    let authorities: Vec<_> = paths.flat_map(|path| path.iter().skip(1)).collect();
    let mut owners: Vec<&X509Certificate> = Vec::new();
    for (place, list) in lists.lists.iter().enumerate() {
        let check = |finding| Check::new(code, finding).with("list", place);
        let Some(list) = list else { return check(&f::LIST_MALFORMED) };
        let Some(owner) = authorities.iter().copied().find(|authority| list.belongs_to(authority)) else {
            // A list may belong to a chain that was never reached because its seal or token failed earlier.
            let failed = seals.iter().map(|seal| &seal.check).chain(stamps.iter().map(|stamp| &stamp.check));
            let failed = failed.into_iter().find(|check| !check.passed());
            return failed
                .map_or_else(|| check(&f::LIST_STRAY), |failed| Check::not_evaluated(code, failed.code));
        };
        if owners.iter().any(|other| is_one_authority(other, owner)) {
            return check(&f::LIST_TWICE);
        }
        owners.push(owner);
    }
    Check::new(code, &f::LISTS_USED).with("lists", lists.lists.len())
}

/// One authority can have several certificates.
fn is_one_authority(one: &X509Certificate, other: &X509Certificate) -> bool {
    one.public_key() == other.public_key() && one.subject_der() == other.subject_der()
}
