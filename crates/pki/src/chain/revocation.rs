//! Rule 7: revocation lists against the certificates of a path.

use super::{ChainError, Link, Misuse, RevocationPolicy};
use crate::{
    Suite,
    crl::{Crl, RevokedCertificate},
};

/// What the lists say when they do not refuse.
pub(super) struct Revocation {
    pub(super) covered: bool,
    pub(super) leaf_revoked_later: Option<RevokedCertificate>,
}

/// Checks every certificate but the last, the root, against the lists of the next one up.
///
/// From the leaf upwards: the first that refuses, otherwise the first that is not known.
pub(super) fn check(
    path: &[Link<'_>],
    crls: &[Crl],
    at: u64,
    policy: RevocationPolicy,
    suites: &[Suite],
) -> Result<Revocation, ChainError> {
    let mut revocation = Revocation { covered: true, leaf_revoked_later: None };
    let mut open = None;
    for (index, pair) in path.windows(2).enumerate() {
        let certificate = pair[0].place;
        let lists = lists_of(&pair[1], crls, suites)?;
        for entry in lists.iter().filter_map(|list| list.find(pair[0].certificate.serial())) {
            let (effective_from, reason) = (entry.effective_from(), entry.reason);
            if at >= effective_from {
                return Err(ChainError::Revoked { certificate, at, effective_from, reason });
            }
            if index == 0 {
                revocation.leaf_revoked_later.get_or_insert_with(|| entry.clone());
            }
            if policy.self_dated && reason.is_compromise() {
                open.get_or_insert(ChainError::CompromisedLater { certificate, effective_from });
            }
        }
        if let Err(error) = coverage(&pair[0], &lists, at, policy) {
            revocation.covered = false;
            if policy.required {
                open.get_or_insert(error);
            }
        }
    }
    open.map_or(Ok(revocation), Err)
}

/// The lists that `issuer` signed.
///
/// A list in its name that names another key of that name is not its list; one that does not is, and must verify.
fn lists_of<'a>(issuer: &Link<'_>, crls: &'a [Crl], suites: &[Suite]) -> Result<Vec<&'a Crl>, ChainError> {
    let certificate = issuer.certificate;
    let mut lists = Vec::new();
    for (index, crl) in crls.iter().enumerate().filter(|(_, crl)| crl.belongs_to(certificate)) {
        // RFC 5280, section 6.3.3 (f).
        if certificate.extensions().key_usage.is_some_and(|(_, usage)| !usage.crl_sign()) {
            return Err(issuer.misused(Misuse::NoCrlSigning));
        }
        if let Err(algorithm) = crl.signature_suite(suites) {
            return Err(ChainError::CrlUnsupportedAlgorithm { index, algorithm });
        }
        if !crl.is_signed_by(&certificate.public_key()) {
            return Err(ChainError::CrlBadSignature { index });
        }
        lists.push(crl);
    }
    Ok(lists)
}

fn coverage(subject: &Link<'_>, lists: &[&Crl], at: u64, policy: RevocationPolicy) -> Result<(), ChainError> {
    let certificate = subject.place;
    let latest = if policy.later_accepted { subject.certificate.validity().not_after } else { at };
    let in_time = |list: &&&Crl| list.this_update() <= latest.max(at);
    let covers = |list: &Crl| list.next_update() >= at;
    if lists.iter().filter(in_time).any(|list| covers(list)) {
        return Ok(());
    }
    if let Some(next_update) = lists.iter().filter(in_time).map(|list| list.next_update()).max() {
        return Err(ChainError::CrlStale { certificate, at, next_update });
    }
    match lists.iter().map(|list| list.this_update()).min() {
        Some(this_update) => Err(ChainError::CrlTooLate { certificate, at, this_update }),
        None => Err(ChainError::CrlMissing { certificate, issuer: subject.certificate.issuer() }),
    }
}
