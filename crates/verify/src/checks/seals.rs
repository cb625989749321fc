//! Seals: signatures, chains, policy.

use std::collections::BTreeSet;

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{CertifiedSeal, Genesis, Institution, seal::SealError};
use xiezhi_pki::{
    PublicKey as CertifiedKey, Purpose, Validated, X509Certificate, timestamp::TokenError, validate,
};
use xiezhi_types::InstitutionId;

use super::keys::{self, Lists};
use crate::{
    Check, Status, code,
    examination::{Examination, seconds},
    finding as f,
    finding::Finding,
};

/// One seal, judged.
pub(crate) struct Sealed {
    pub(crate) institution: InstitutionId,
    pub(crate) check: Check,
    pub(crate) status: Check,
    /// Its chain, leaf first and root last; empty where it does not hold.
    pub(crate) path: Vec<X509Certificate>,
}

impl Sealed {
    pub(crate) fn is_good(&self) -> bool {
        self.check.passed() && self.status.passed()
    }

    fn is_undecided(&self) -> bool {
        self.check.passed() && self.status.status == Status::Unknown
    }
}

pub(crate) fn examine(x: &Examination<'_>, lists: &Lists) -> Vec<Sealed> {
    x.witnessed.seals.iter().map(|certified| examine_one(x, lists, certified)).collect()
}

fn examine_one(x: &Examination<'_>, lists: &Lists, certified: &CertifiedSeal) -> Sealed {
    let seal = &certified.seal;
    let institution = seal.institution.clone();
    let unjudged = |check: Check| {
        let status = Check::not_evaluated(code::KEY_STATUS, check.code).with("of", &institution);
        Sealed { institution: institution.clone(), check, status, path: Vec::new() }
    };
    let Some(genesis) = &x.genesis else {
        return unjudged(Check::not_evaluated(code::SEAL, code::LEDGER).with("institution", &institution));
    };
    let failed =
        |finding: &'static Finding| Check::new(code::SEAL, finding).with("institution", &institution);
    let Some(member) = genesis.institution(&institution) else { return unjudged(failed(&f::SEAL_STRANGER)) };
    if let Err(check) = check_signatures(x, genesis, member, certified) {
        return unjudged(check);
    }
    let Some((leaf, intermediates)) = certified.chain.split_first() else {
        return unjudged(failed(&f::SEAL_NO_CHAIN));
    };
    let intermediates: Vec<&[u8]> = intermediates.iter().map(Vec::as_slice).collect();
    let judged = keys::judge(&genesis.roots, &intermediates, lists, |trust| {
        Ok(validate(leaf, trust, seal.time, Purpose::Seal)?)
    });
    let Some(judged) = judged else { return unjudged(failed(&f::CHAIN_ISSUER).with("of", &institution)) };
    let validated = match judged.chain {
        Ok(validated) => validated,
        Err(TokenError::Chain { source }) => {
            return unjudged(failed(keys::chain_finding(&source)).with("of", &institution));
        }
        Err(_) => return unjudged(failed(&f::CHAIN_MALFORMED).with("of", &institution)),
    };
    if let Some(finding) = mismatch(&validated, member, &certified.chain) {
        return unjudged(failed(finding));
    }
    let name = x.institution_name(&institution);
    let check =
        failed(&f::SEAL_HOLDS).with("zh", name.zh).with("en", name.en).with("time", seconds(seal.time));
    let status = keys::status(institution.as_str(), judged.fault.as_ref());
    Sealed { institution, check, status, path: validated.certificates }
}

fn check_signatures(
    x: &Examination<'_>,
    genesis: &Genesis,
    member: &Institution,
    certified: &CertifiedSeal,
) -> Result<(), Check> {
    let failed = |finding| Check::new(code::SEAL, finding).with("institution", &member.id);
    let key = PublicKey::new(SignatureAlg::Ed25519, &member.seal_key);
    let key = key.map_err(|_| failed(&f::SEAL_SIGNATURE).with("form", "key"))?;
    let origin = genesis.origin(&x.ledger);
    certified.seal.verify(x.witnessed.checkpoint, &origin, &key).map_err(|error| match error {
        SealError::Signature { form, .. } => failed(&f::SEAL_SIGNATURE).with("form", form),
        _ => failed(&f::SEAL_TIME),
    })
}

/// The chain is the pinned key's, the institution's, and nothing but the path.
fn mismatch(validated: &Validated, member: &Institution, chain: &[Vec<u8>]) -> Option<&'static Finding> {
    if validated.institution.as_ref() != Some(&member.id) {
        return Some(&f::SEAL_OTHER_NAME);
    }
    if validated.public_key != CertifiedKey::Ed25519(member.seal_key) {
        return Some(&f::SEAL_OTHER_KEY);
    }
    let below_root = &validated.certificates[..validated.certificates.len() - 1];
    let is_path = chain.iter().map(Vec::as_slice).eq(below_root.iter().map(X509Certificate::der));
    (!is_path).then_some(&f::SEAL_STRAY)
}

pub(crate) fn policy(x: &Examination<'_>, seals: &[Sealed]) -> Check {
    let code = code::SEAL_POLICY;
    let Some(genesis) = &x.genesis else { return Check::not_evaluated(code, code::LEDGER) };
    let good: BTreeSet<_> = seals.iter().filter(|s| s.is_good()).map(|s| s.institution.clone()).collect();
    let undecided: BTreeSet<_> =
        seals.iter().filter(|s| s.is_undecided()).map(|s| s.institution.clone()).collect();
    let enough = genesis.policy.timestamps;
    let is_met =
        |sealed: &BTreeSet<InstitutionId>| genesis.policy.is_met(&genesis.institutions, sealed, enough);
    if is_met(&good) {
        return Check::new(code, &f::POLICY_MET).with("sealed", join(&good));
    }
    let either: BTreeSet<_> = good.union(&undecided).cloned().collect();
    if is_met(&either) {
        return Check::new(code, &f::POLICY_UNKNOWN)
            .with("sealed", join(&good))
            .with("undecided", join(&undecided));
    }
    let missing = genesis.policy.missing(&genesis.institutions, &good, enough);
    let missing: Vec<_> = missing.members.into_iter().collect();
    Check::new(code, &f::POLICY_UNMET).with("sealed", join(&good)).with("missing", missing.join(", "))
}

fn join(institutions: &BTreeSet<InstitutionId>) -> String {
    institutions.iter().map(InstitutionId::as_str).collect::<Vec<_>>().join(", ")
}
