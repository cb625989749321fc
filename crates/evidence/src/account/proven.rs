//! What the ledger held of an account at a height, as a file that proves it to whoever trusts the ledger's id.

use minicbor::{Decode, Encode};
use xiezhi_types::{AccountId, canonical, from_canonical};

use super::{Account, KEYS_MAX};
use crate::{
    certificate::{CertificateError, CertifiedSeal, HISTORY_MAX, MAGIC, TimeStamp, body, check_witnesses},
    checkpoint::Checkpoint,
    state_proof::StateProof,
};

/// The format's version.
pub const PROVEN_VERSION: u32 = 1;
const KIND: &str = "account";

/// An account as it stood after a sealed block, or the proof that there was none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProvenAccount {
    /// `account`: what the file is, since a certificate begins in the same way.
    #[n(0)]
    pub kind: String,
    /// [`PROVEN_VERSION`].
    #[n(1)]
    pub version: u32,
    /// The ledger's genesis.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub genesis: Vec<u8>,
    /// Changes of institutions and policy since genesis, as in a certificate.
    #[cbor(n(3), with = "xiezhi_types::cbor::blobs")]
    pub history: Vec<Vec<u8>>,
    /// Which account.
    #[n(4)]
    pub id: AccountId,
    /// The account; `None` when there was none.
    #[n(5)]
    pub account: Option<Account>,
    /// The proof of either under the checkpoint's state root.
    #[n(6)]
    pub proof: StateProof,
    /// The checkpoint.
    #[n(7)]
    pub checkpoint: Checkpoint,
    /// Institutions' seals, sorted by institution.
    #[n(8)]
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps over the checkpoint.
    #[n(9)]
    pub timestamps: Vec<TimeStamp>,
    /// Certificate revocation lists (DER) of the authorities in the chains.
    #[cbor(n(10), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
}

impl ProvenAccount {
    /// The [`ProvenAccount::kind`] of every such file.
    #[must_use]
    pub fn kind() -> String {
        KIND.to_owned()
    }

    /// Reads a file's one encoding. Proves nothing: that is `verify`'s.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let proven: Self = from_canonical("the proof of an account", body(bytes)?)?;
        let wrong = |field, reason: String| Err(CertificateError::Field { field, reason });
        if proven.kind != KIND {
            return wrong("kind", format!("must be \"{KIND}\""));
        }
        if proven.version != PROVEN_VERSION {
            return Err(CertificateError::Version { found: u64::from(proven.version) });
        }
        if proven.history.len() > HISTORY_MAX {
            return wrong("history", format!("{} links, at most {HISTORY_MAX}", proven.history.len()));
        }
        if let Some(keys) = proven.account.as_ref().map(|account| account.keys.len())
            && !(1..=KEYS_MAX).contains(&keys)
        {
            return wrong("account.keys", format!("{keys}, 1 to {KEYS_MAX} are allowed"));
        }
        check_witnesses(&proven.seals, &proven.timestamps, &proven.revocations)?;
        Ok(proven)
    }

    /// The file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(canonical(self));
        bytes
    }
}
