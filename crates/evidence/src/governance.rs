//! What institutions say about membership: the body of a statement of the content type [`TYPE_GOVERNANCE`].
//!
//! Its issuer is the institution's account ([`institution_account_id`](crate::alliance::institution_account_id)).

use minicbor::{Decode, Encode};
use xiezhi_crypto::{PublicKey, SIGNATURE_BYTES, SignatureAlg, SignatureError, Signer, SigningError};
use xiezhi_types::{InstitutionId, LedgerId, Role, canonical, from_canonical};

use crate::{alliance::check_address, genesis::LocalName, policy::Policy};

/// Content type of a governance statement.
pub const TYPE_GOVERNANCE: &str = "application/vnd.xiezhi.governance+cbor";
/// Longest encoding of a policy in a change, in bytes: enough to name each of 64 institutions and to group them.
pub const POLICY_BYTES_MAX: usize = 4096;
/// Longest name of an institution in either language, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

const POSSESSION_DOMAIN: &[u8] = b"xiezhi possession v1\n";

/// What an institution says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Governance {
    /// A member proposes a change, and is for it.
    #[n(0)]
    Propose(#[n(0)] Change),
    /// A member votes on an open proposal; its later vote replaces its earlier one.
    #[n(1)]
    Vote(#[n(0)] Vote),
    /// The proposer takes its proposal back.
    #[n(2)]
    Withdraw(#[n(0)] u64),
    /// The invited institution takes its seat.
    #[n(3)]
    Confirm(#[n(0)] Keys),
    /// A member leaves.
    #[n(4)]
    Leave,
    /// A member gets other keys, or another address.
    #[n(5)]
    Rotate(#[n(0)] Keys),
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Vote {
    /// The proposal's number.
    #[n(1)]
    pub proposal: u64,
    /// For it, or against it.
    #[n(2)]
    pub approve: bool,
}

/// What is to change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Change {
    /// Who.
    #[n(1)]
    pub step: Step,
    /// The next term's policy, if another: whoever names an institution that goes, or is to count one that comes, needs it.
    #[n(2)]
    pub policy: Option<Policy>,
}

/// Who is concerned by a change, and how.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Step {
    /// An institution is invited; its confirmation decides the next term. Replaces an open invitation of the same institution.
    #[n(0)]
    Invite(#[n(0)] Invite),
    /// An active member is suspended.
    #[n(1)]
    Suspend(#[n(0)] InstitutionId),
    /// A suspended member is active again.
    #[n(2)]
    Readmit(#[n(0)] InstitutionId),
    /// A member, active or suspended, is no member any more.
    #[n(3)]
    Remove(#[n(0)] InstitutionId),
    /// Nobody: only the policy changes.
    #[n(4)]
    Policy,
    /// Nobody: these suites are allowed from the next term on, by their COSE numbers, falling; others that were are retired.
    #[n(5)]
    Suites(#[n(0)] Vec<i64>),
}

/// Who is invited.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// Its short name; no member has it.
    #[n(1)]
    pub institution: InstitutionId,
    /// What it is.
    #[n(2)]
    pub role: Role,
    /// Its full name.
    #[n(3)]
    pub name: LocalName,
    /// Ed25519 key derived from the invitation's code, with which the confirmation is signed.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// An institution's keys and address, and the proof that it has the keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Keys {
    /// Ed25519 key with which its node takes part in consensus.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub consensus_key: [u8; 32],
    /// Ed25519 key with which it seals.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub seal_key: [u8; 32],
    /// Where its node listens, as `host:port`.
    #[n(3)]
    pub address: String,
    /// The consensus key's signature over [`Keys::possession`].
    #[cbor(n(4), with = "minicbor::bytes")]
    pub consensus_proof: [u8; SIGNATURE_BYTES],
    /// The seal key's signature over it.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub seal_proof: [u8; SIGNATURE_BYTES],
}

impl Governance {
    /// Reads the one encoding of a body and checks its bounds.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let said: Self = from_canonical("the governance statement", bytes).map_err(|e| e.to_string())?;
        match &said {
            Self::Propose(change) => change.check()?,
            Self::Confirm(keys) | Self::Rotate(keys) => {
                check_address(&keys.address).map_err(|reason| format!("address: {reason}"))?;
                for key in [&keys.consensus_key, &keys.seal_key] {
                    ed25519(key).map_err(|e| format!("keys: {e}"))?;
                }
            }
            Self::Vote(_) | Self::Withdraw(_) | Self::Leave => {}
        }
        Ok(said)
    }

    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

impl Change {
    fn check(&self) -> Result<(), String> {
        match &self.step {
            Step::Policy if self.policy.is_none() => return Err("policy: missing".to_owned()),
            Step::Suites(suites) => {
                let known = suites.iter().all(|number| SignatureAlg::from_cose(*number).is_ok());
                if !known || suites.is_empty() || suites.windows(2).any(|pair| pair[0] <= pair[1]) {
                    return Err("suites: known ones, falling, none twice".to_owned());
                }
            }
            Step::Invite(invite) => {
                for name in [&invite.name.zh, &invite.name.en] {
                    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
                        return Err(format!("name: 1 to {NAME_BYTES_MAX} bytes without control characters"));
                    }
                }
                ed25519(&invite.key).map_err(|e| format!("key: {e}"))?;
            }
            _ => {}
        }
        let bytes = self.policy.as_ref().map_or(0, |policy| canonical(policy).len());
        if bytes > POLICY_BYTES_MAX {
            return Err(format!("policy: {bytes} bytes, at most {POLICY_BYTES_MAX} are allowed"));
        }
        Ok(())
    }
}

fn ed25519(key: &[u8; 32]) -> Result<PublicKey, xiezhi_crypto::KeyError> {
    PublicKey::new(SignatureAlg::Ed25519, key)
}

impl Keys {
    /// Keys and address of `institution` on `ledger`, with the proofs.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn prove(
        ledger: &LedgerId,
        institution: &InstitutionId,
        consensus: &dyn Signer,
        seal: &dyn Signer,
        address: String,
    ) -> Result<Self, SigningError> {
        let bytes = |key: &dyn Signer| {
            let mut bytes = [0; 32];
            // A key of another suite is longer, and is refused where the statement is read.
            bytes.copy_from_slice(&key.public_key().as_bytes()[..32]);
            bytes
        };
        let mut keys = Self {
            consensus_key: bytes(consensus),
            seal_key: bytes(seal),
            address,
            consensus_proof: [0; SIGNATURE_BYTES],
            seal_proof: [0; SIGNATURE_BYTES],
        };
        let message = keys.possession(ledger, institution);
        keys.consensus_proof = consensus.sign_on_curve(&message)?;
        keys.seal_proof = seal.sign_on_curve(&message)?;
        Ok(keys)
    }

    /// What both keys sign: domain, ledger, both keys, then the institution's id.
    #[must_use]
    pub fn possession(&self, ledger: &LedgerId, institution: &InstitutionId) -> Vec<u8> {
        let parts: [&[u8]; 5] = [
            POSSESSION_DOMAIN,
            &ledger.0,
            &self.consensus_key,
            &self.seal_key,
            institution.as_str().as_bytes(),
        ];
        parts.concat()
    }

    /// Checks that `institution` has both keys.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, ledger: &LedgerId, institution: &InstitutionId) -> Result<(), SignatureError> {
        let message = self.possession(ledger, institution);
        for (key, proof) in [(&self.consensus_key, &self.consensus_proof), (&self.seal_key, &self.seal_proof)]
        {
            let wrong = |_| SignatureError::Mismatch { alg: SignatureAlg::Ed25519.name() };
            ed25519(key).map_err(wrong)?.verify(&message, proof)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
