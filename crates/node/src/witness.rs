//! Judges seals, time stamps and revocation lists that come from elsewhere.

use std::collections::{BTreeSet, HashMap};

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, Genesis, policy::Missing};
use xiezhi_pki::{
    ChainError, Crl, Purpose, RevocationPolicy, Trust,
    timestamp::{TokenInfo, verify_token},
    validate,
};
use xiezhi_types::InstitutionId;

use crate::core::Core;

/// How long a certificate that led to a root is not asked again, in seconds: so that a new revocation list takes effect.
const LEAF_GOOD_S: u64 = 3600;
/// Most revocation lists taken from one message.
const LISTS_MAX: usize = 16;

/// A judge of seals; remembers certificates that led to a root.
#[derive(Default)]
pub(crate) struct Judge {
    /// Leaves that led to a root, with the time until which that need not be asked again.
    valid_leaves: HashMap<Vec<u8>, u64>,
}

/// What `sealed` institutions and `stamps` authorities leave missing of the policy.
pub(crate) fn missing<'a>(
    genesis: &Genesis,
    sealed: impl Iterator<Item = &'a InstitutionId>,
    stamps: usize,
) -> Missing {
    let sealed: BTreeSet<_> = sealed.cloned().collect();
    genesis.policy.missing(&genesis.institutions, &sealed, u32::try_from(stamps).unwrap_or(u32::MAX))
}

/// The token over a checkpoint's `digest`, if an authority of the alliance made it.
pub(crate) fn judge_stamp(core: &Core, digest: &[u8; 32], token: &[u8]) -> Option<TokenInfo> {
    let lists = core.sealing.revocations();
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
        let institution =
            core.genesis.institution(&seal.institution).ok_or("no institution of the alliance")?;
        let key = PublicKey::new(SignatureAlg::Ed25519, &institution.seal_key).map_err(|e| e.to_string())?;
        seal.verify(checkpoint, &core.origin, &key).map_err(|e| e.to_string())?;
        self.chain(core, certified, &institution.seal_key)
    }

    /// Checks the chain of a seal at the time of sealing, for the key that genesis pins.
    ///
    /// # Errors
    /// The reason, in words for the log.
    pub(crate) fn chain(
        &mut self,
        core: &Core,
        certified: &CertifiedSeal,
        pinned: &[u8; 32],
    ) -> Result<(), String> {
        let (leaf, rest) = certified.chain.split_first().ok_or("no certificate beside the seal")?;
        let at = certified.seal.time;
        if self.valid_leaves.get(leaf).is_some_and(|until| at <= *until) {
            return Ok(());
        }
        let lists = core.sealing.revocations();
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
                    if valid.institution.as_ref() == Some(&certified.seal.institution)
                        && valid.public_key == xiezhi_pki::PublicKey::Ed25519(*pinned) =>
                {
                    let until = valid.validity.not_after.min(at + LEAF_GOOD_S);
                    self.valid_leaves.insert(leaf.clone(), until);
                    return Ok(());
                }
                Ok(_) => "the certificate is another institution's or for another key".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    /// Takes revocation lists that are newer than the ones known, if they are of an authority above `leaf`, an institution's certificate.
    pub(crate) fn take_revocations(&mut self, core: &Core, leaf: &[u8], offered: Vec<Vec<u8>>) {
        for der in offered.into_iter().take(LISTS_MAX) {
            let Ok(list) = Crl::from_der(&der) else { continue };
            let known = core.sealing.revocations();
            let same = known.iter().position(|known| known.issuer() == list.issuer());
            let newer = same.is_none_or(|at| known[at].this_update() < list.this_update());
            let genuine = || {
                core.genesis.roots.iter().any(|root| {
                    let revocation = RevocationPolicy::STRICT;
                    let crls = std::slice::from_ref(&list);
                    let trust = Trust { root_der: root, intermediates: &[], crls, revocation };
                    let judged = validate(leaf, &trust, core.machine.now().seconds(), Purpose::Seal);
                    matches!(judged, Ok(_) | Err(ChainError::Revoked { .. }))
                })
            };
            if newer && genuine() {
                let mut lists = known.to_vec();
                match same {
                    Some(at) => lists[at] = list,
                    None => lists.push(list),
                }
                core.sealing.replace_revocations(lists);
                self.valid_leaves.clear();
            }
        }
    }
}
