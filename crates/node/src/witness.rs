//! Judges seals, time stamps and revocation lists that come from elsewhere.

use std::collections::{BTreeSet, HashMap};

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, policy::Missing};
use xiezhi_pki::{
    ChainError, Crl, Purpose, RevocationPolicy, Trust, X509Certificate,
    timestamp::{TokenInfo, verify_token},
    validate,
};
use xiezhi_types::{Height, InstitutionId};

use crate::{
    core::{Core, lock},
    eras::active,
    expiry::ExpiryKind,
    lists::Use,
};

/// How long a certificate that led to a root is not asked again, in seconds: so that a new revocation list takes effect.
const LEAF_GOOD_S: u64 = 3600;
/// Most revocation lists taken from one message.
pub(crate) const LISTS_MAX: usize = 16;

/// A judge of seals; remembers certificates that led to a root.
#[derive(Default)]
pub(crate) struct Judge {
    /// Leaves that led to a root, each with the key it was asked for, and the time until which that need not be asked again.
    valid_leaves: HashMap<Vec<u8>, u64>,
}

/// What `sealed` institutions and `stamps` authorities leave missing of the policy in force at `height`.
pub(crate) fn missing<'a>(
    core: &Core,
    height: Height,
    sealed: impl Iterator<Item = &'a InstitutionId>,
    stamps: usize,
) -> Missing {
    let sealed: BTreeSet<_> = sealed.cloned().collect();
    let term = core.store.term_at(height);
    term.policy.missing(&term.institutions(), &sealed, u32::try_from(stamps).unwrap_or(u32::MAX))
}

/// The token over a checkpoint's `digest`, if an authority of the alliance made it.
pub(crate) fn judge_stamp(core: &Core, digest: &[u8; 32], token: &[u8]) -> Option<TokenInfo> {
    let lists = core.sealing.lists.in_force();
    core.genesis.timestamp_roots.iter().find_map(|root| {
        let revocation = RevocationPolicy::IF_PRESENT;
        let trust = Trust { root_der: root, intermediates: &[], crls: &lists, revocation };
        verify_token(token, digest, &trust, None).ok()
    })
}

impl Judge {
    /// Checks a seal of `checkpoint`: its three signatures, and its chain at the time of sealing.
    ///
    /// # Errors
    /// The reason, in words for the log.
    pub(crate) fn seal(
        &mut self,
        core: &Core,
        checkpoint: &Checkpoint,
        certified: &CertifiedSeal,
    ) -> Result<(), String> {
        let seal = &certified.seal;
        let term = core.store.term_at(checkpoint.height);
        let member = active(&term, &seal.institution).ok_or("no active member then")?;
        let institution = &member.institution;
        let key = PublicKey::new(SignatureAlg::Ed25519, &institution.seal_key).map_err(|e| e.to_string())?;
        seal.verify(checkpoint, &core.origin, &key).map_err(|e| e.to_string())?;
        self.chain(core, &seal.institution, &certified.chain, seal.time, &institution.seal_key)
    }

    /// Checks the `chain` of a seal of `institution` made `at` this unix second, for the key that the term pins.
    ///
    /// # Errors
    /// The reason, in words for the log.
    pub(crate) fn chain(
        &mut self,
        core: &Core,
        institution: &InstitutionId,
        chain: &[Vec<u8>],
        at: u64,
        pinned: &[u8; 32],
    ) -> Result<(), String> {
        let (leaf, rest) = chain.split_first().ok_or("no certificate beside the seal")?;
        let known = [leaf.as_slice(), pinned].concat();
        if self.valid_leaves.get(&known).is_some_and(|until| at <= *until) {
            return Ok(());
        }
        // Those in force too: what they revoke counts, even of what they no longer cover.
        let mut lists = core.sealing.lists.covering(&Use::of_chain(chain, at), |_| false);
        lists.extend(core.sealing.lists.in_force().iter().cloned());
        let intermediates: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
        let mut last = "no root".to_owned();
        for root in &core.genesis.roots {
            let trust = Trust {
                root_der: root,
                intermediates: &intermediates,
                crls: &lists,
                revocation: RevocationPolicy::STRICT,
            };
            match validate(leaf, &trust, at, Purpose::Seal) {
                Ok(valid)
                    if valid.institution.as_ref() == Some(institution)
                        && valid.public_key == xiezhi_pki::PublicKey::Ed25519(*pinned) =>
                {
                    let ends = valid.certificates.iter().map(|one| one.validity().not_after);
                    // No verifier counts a seal that no list in force covers: that must be noticed when the list runs out.
                    let lists = lists.iter().map(Crl::next_update).filter(|next| *next >= at);
                    let until = ends.chain(lists).fold(at + LEAF_GOOD_S, u64::min);
                    self.valid_leaves.insert(known, until);
                    let below_root = &valid.certificates[..valid.certificates.len() - 1];
                    let expires = below_root.iter().map(|one| one.validity().not_after).min();
                    let name = institution.as_str();
                    lock(&core.sealing.known).seen(
                        ExpiryKind::SealCertificate,
                        name,
                        expires.unwrap_or(until),
                    );
                    return Ok(());
                }
                Ok(_) => "the certificate is another institution's or for another key".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    /// Takes revocation lists that are not known yet, if they are of an authority above this institution's certificate, the first of `chain`;
    /// whether that has expired does not matter.
    pub(crate) fn take_revocations(&mut self, core: &Core, chain: &[Vec<u8>], offered: Vec<Vec<u8>>) {
        for der in offered.into_iter().take(LISTS_MAX) {
            let Ok(list) = Crl::from_der(&der) else { continue };
            if !core.sealing.lists.knows(&list)
                && is_genuine(core, chain, &list)
                && core.sealing.lists.add(list)
            {
                self.valid_leaves.clear();
            }
        }
    }

    /// Forgets which certificates led to a root.
    pub(crate) fn forget(&mut self) {
        self.valid_leaves.clear();
    }
}

/// Whether `list` is signed by an authority above the institution's certificate, the first of `chain`.
fn is_genuine(core: &Core, chain: &[Vec<u8>], list: &Crl) -> bool {
    let Some((leaf, rest)) = chain.split_first() else { return false };
    let Ok(certificate) = X509Certificate::from_der(leaf) else { return false };
    let intermediates: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
    // A node whose own certificate has expired needs new lists as much as any other: to judge the others' seals.
    let at = core.machine.now().seconds().min(certificate.validity().not_after);
    core.genesis.roots.iter().any(|root| {
        // A list that belongs to an authority on the path and that this one did not sign makes the validation fail.
        let revocation = RevocationPolicy::IF_PRESENT;
        let trust = Trust {
            root_der: root,
            intermediates: &intermediates,
            crls: std::slice::from_ref(list),
            revocation,
        };
        let names_one_of = |path: &[X509Certificate]| path.iter().any(|one| list.belongs_to(one));
        match validate(leaf, &trust, at, Purpose::Seal) {
            Ok(valid) => names_one_of(&valid.certificates[1..]),
            // Found in a list whose signature holds; only this one was given.
            Err(ChainError::Revoked { .. }) => true,
            Err(_) => false,
        }
    })
}
