//! Rule 7: revocation lists against the certificates of a path.

use super::{ChainError, Link, Misuse, RevocationPolicy};
use crate::{
    PublicKey,
    crl::{Crl, RevokedCertificate},
};

/// What the lists say when they do not refuse.
pub(super) struct Revocation {
    pub(super) covered: bool,
    pub(super) leaf_revoked_later: Option<RevokedCertificate>,
}

/// Checks every certificate but the last, the root, against the lists of the next one up.
pub(super) fn check(
    path: &[Link<'_>],
    crls: &[Crl],
    at: u64,
    policy: RevocationPolicy,
) -> Result<Revocation, ChainError> {
    let mut covered = true;
    let mut leaf_revoked_later = None;
    for (index, pair) in path.windows(2).enumerate() {
        let lists = lists_of(&pair[1], crls)?;
        for list in &lists {
            let Some(entry) = list.find(pair[0].certificate.serial()) else { continue };
            let effective_from = entry.effective_from();
            if at >= effective_from {
                return Err(ChainError::Revoked {
                    certificate: pair[0].place,
                    at,
                    effective_from,
                    reason: entry.reason,
                });
            }
            if index == 0 {
                leaf_revoked_later.get_or_insert_with(|| entry.clone());
            }
        }
        match coverage(&pair[0], &lists, at, policy) {
            Err(error) if policy.required => return Err(error),
            answer => covered &= answer.is_ok(),
        }
    }
    Ok(Revocation { covered, leaf_revoked_later })
}

/// The lists that `issuer` signed.
///
/// A list in its name that names another key of that name is not its list; one that does not is, and must verify.
fn lists_of<'a>(issuer: &Link<'_>, crls: &'a [Crl]) -> Result<Vec<&'a Crl>, ChainError> {
    let certificate = issuer.certificate;
    let key_id = certificate.extensions().key_id.as_deref();
    let mut lists = Vec::new();
    for (index, crl) in crls.iter().enumerate() {
        let other_key = crl.authority_key_id().zip(key_id).is_some_and(|(named, own)| named != own);
        if crl.issuer_name() != certificate.subject_name() || other_key {
            continue;
        }
        if certificate.extensions().key_usage.is_some_and(|(_, usage)| !usage.crl_sign()) {
            return Err(issuer.misused(Misuse::NoCrlSigning));
        }
        if let Some(algorithm) = crl.unsupported_signature() {
            return Err(ChainError::CrlUnsupportedAlgorithm { index, algorithm });
        }
        match certificate.public_key() {
            PublicKey::P256(key) if crl.is_signed_by(&key) => lists.push(crl),
            _ => return Err(ChainError::CrlBadSignature { index }),
        }
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
