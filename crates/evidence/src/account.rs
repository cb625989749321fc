//! The account: an identity on the ledger that stays while its keys change.

use minicbor::{Decode, Encode};
use xiezhi_crypto::{KeyId, PublicKey, sha256_parts};
use xiezhi_types::{AccountId, Height, TimestampMs, canonical};

use crate::statement::Signature;

mod change;
mod delegation;
mod proven;

pub use change::{
    AccountChange, Authority, Before, ChangeError, Encryption, Freezing, Lifting, ORDERS_MAX, Order,
    RECOVERY_DELAY_MAX_S, RECOVERY_DELAY_MIN_S, RECOVERY_DELAY_S, REFERENCE_BYTES_MAX, Recovery, Reset,
    Successor, TYPE_ACCOUNT_CHANGE,
};
pub use delegation::{DELEGATIONS_MAX, DayUse, Delegation, DelegationError, Grant, Permission};
pub use proven::{PROVEN_VERSION, ProvenAccount};

/// Most keys an account can have.
pub const KEYS_MAX: usize = 16;
/// Weights of an account's keys add up to at most this.
pub const WEIGHT_MAX: u32 = 1_000_000;

const ID_DOMAIN: &[u8] = b"xiezhi account v1\n";

/// A key and what it counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WeightedKey {
    /// The authority key.
    #[n(0)]
    pub key: PublicKey,
    /// Its weight, at least 1.
    #[n(1)]
    pub weight: u32,
}

/// Classes of action, each with its own threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Recording evidence.
    Deposit,
    /// Changing the account itself.
    Manage,
    /// Changing the recovery key: the manage threshold, and the present recovery key besides.
    ChangeRecovery,
    /// Replacing the authority keys: the recovery key alone.
    Recover,
    /// Objecting to that: the manage threshold.
    Cancel,
}

/// What an account is created from. Its id is the hash of this, so it names its first keys and never its present ones.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountSpec {
    /// 16 random bytes, so that one set of keys can have many accounts.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// Authority keys, 1 to [`KEYS_MAX`], sorted by their ids.
    #[n(2)]
    pub keys: Vec<WeightedKey>,
    /// Sum of weights needed to deposit.
    #[n(3)]
    pub deposit_threshold: u32,
    /// Sum of weights needed to change the account.
    #[n(4)]
    pub manage_threshold: u32,
    /// Key that can replace lost or stolen authority keys after a delay.
    #[n(5)]
    pub recovery_key: Option<PublicKey>,
    /// Key to which others encrypt for this account.
    #[n(6)]
    pub encryption_key: Option<PublicKey>,
    /// How long the authority keys have to object to their replacement, in seconds; [`RECOVERY_DELAY_S`] where there is none.
    #[n(7)]
    pub recovery_delay_s: Option<u32>,
}

impl AccountSpec {
    /// A spec with one key that may do everything.
    #[must_use]
    pub fn single(salt: [u8; 16], key: PublicKey) -> Self {
        Self {
            salt,
            keys: vec![WeightedKey { key, weight: 1 }],
            deposit_threshold: 1,
            manage_threshold: 1,
            recovery_key: None,
            encryption_key: None,
            recovery_delay_s: None,
        }
    }

    /// The id of the account that this creates.
    #[must_use]
    pub fn id(&self) -> AccountId {
        AccountId(sha256_parts(&[ID_DOMAIN, &canonical(self)]))
    }

    /// Checks counts, order, weights and thresholds.
    ///
    /// # Errors
    /// A sentence that names the rule and the numbers.
    pub fn check(&self) -> Result<(), String> {
        change::check_delay(self.recovery_delay_s)?;
        check_authority(&self.keys, self.deposit_threshold, self.manage_threshold)
    }
}

/// Checks keys, weights and thresholds.
fn check_authority(
    keys: &[WeightedKey],
    deposit_threshold: u32,
    manage_threshold: u32,
) -> Result<(), String> {
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(format!("{} keys, 1 to {KEYS_MAX} are allowed", keys.len()));
    }
    if keys.windows(2).any(|pair| pair[0].key.id() >= pair[1].key.id()) {
        return Err("keys must be sorted by id, without repetition".to_owned());
    }
    if keys.iter().any(|k| k.weight == 0) {
        return Err("a weight of 0 is not allowed".to_owned());
    }
    let sum: u64 = keys.iter().map(|k| u64::from(k.weight)).sum();
    if sum > u64::from(WEIGHT_MAX) {
        return Err(format!("weights add up to {sum}, at most {WEIGHT_MAX}"));
    }
    for (name, need) in [("deposit", deposit_threshold), ("manage", manage_threshold)] {
        if need == 0 || u64::from(need) > sum {
            return Err(format!("the {name} threshold is {need}, weights add up to {sum}"));
        }
    }
    Ok(())
}

/// Whether an account may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AccountStatus {
    /// It may.
    #[n(0)]
    Normal,
    /// It may not, by order of an institution entitled to.
    #[n(1)]
    Frozen,
    /// Its authority keys are about to be replaced by the recovery key.
    #[n(2)]
    Recovering,
    /// Another account has succeeded it: it does nothing any more.
    #[n(3)]
    Transferred,
}

impl AccountStatus {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Frozen => "frozen",
            Self::Recovering => "recovering",
            Self::Transferred => "transferred",
        }
    }
}

/// An account as the ledger's state holds it; its encoding is the value that state proofs prove.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// Its id.
    #[n(1)]
    pub id: AccountId,
    /// Authority keys, sorted by id.
    #[n(2)]
    pub keys: Vec<WeightedKey>,
    /// Sum of weights needed to deposit.
    #[n(3)]
    pub deposit_threshold: u32,
    /// Sum of weights needed to change the account.
    #[n(4)]
    pub manage_threshold: u32,
    /// Key that can replace the authority keys after a delay.
    #[n(5)]
    pub recovery_key: Option<PublicKey>,
    /// When the authority keys were last replaced by the recovery key.
    #[n(6)]
    pub recovered_at: Option<TimestampMs>,
    /// Key to which others encrypt.
    #[n(7)]
    pub encryption_key: Option<PublicKey>,
    /// Whether it may act.
    #[n(8)]
    pub status: AccountStatus,
    /// Height of the block that created it.
    #[n(9)]
    pub created: Height,
    /// The delay of a reset, in seconds; [`RECOVERY_DELAY_S`] where there is none.
    #[n(10)]
    pub recovery_delay_s: Option<u32>,
    /// A reset that waits for its delay.
    #[n(11)]
    pub reset: Option<Reset>,
    /// Freezings in force, oldest first.
    #[cbor(n(12), skip_if = "Vec::is_empty")]
    pub freezings: Vec<Freezing>,
    /// The account to which it is offered, or that has succeeded it.
    #[n(13)]
    pub successor: Option<AccountId>,
    /// When its authority keys last changed other than by a reset; block time.
    #[n(14)]
    pub keys_changed: Option<TimestampMs>,
    /// How it stood at the beginning of the block that changed it last.
    #[n(15)]
    pub before: Option<Before>,
    /// Who may deposit in its name, sorted by delegate.
    #[cbor(n(16), skip_if = "Vec::is_empty")]
    pub delegations: Vec<Delegation>,
}

/// Why an account cannot have made a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A signer is not one of the account's keys.
    #[error("key {key} is not a key of account {account}")]
    UnknownKey {
        /// The signer.
        key: KeyId,
        /// The account.
        account: AccountId,
    },
    /// One key signed twice.
    #[error("key {key} signed more than once")]
    RepeatedKey {
        /// The signer.
        key: KeyId,
    },
    /// A signature does not hold.
    #[error("signature of key {key}: {source}")]
    Signature {
        /// The signer.
        key: KeyId,
        /// What is wrong.
        source: xiezhi_crypto::SignatureError,
    },
    /// The signers' weights do not reach the threshold.
    #[error("signing weights add up to {sum}, {need} is needed")]
    Threshold {
        /// Sum of the signers' weights.
        sum: u32,
        /// The threshold.
        need: u32,
    },
    /// The recovery key has not signed, or there is none.
    #[error("the recovery key of account {account} must sign this")]
    NoRecovery {
        /// The account.
        account: AccountId,
    },
    /// The account is frozen, recovering or transferred.
    #[error("account {account} is {status}")]
    Status {
        /// The account.
        account: AccountId,
        /// Its status in words.
        status: &'static str,
    },
}

impl Account {
    /// The account that `spec` creates at `height`.
    #[must_use]
    pub fn create(spec: &AccountSpec, height: Height) -> Self {
        Self {
            id: spec.id(),
            keys: spec.keys.clone(),
            deposit_threshold: spec.deposit_threshold,
            manage_threshold: spec.manage_threshold,
            recovery_key: spec.recovery_key.clone(),
            recovered_at: None,
            encryption_key: spec.encryption_key.clone(),
            status: AccountStatus::Normal,
            created: height,
            recovery_delay_s: spec.recovery_delay_s,
            reset: None,
            freezings: Vec::new(),
            successor: None,
            keys_changed: None,
            before: None,
            delegations: Vec::new(),
        }
    }

    /// The key under which the ledger's state holds the account `id`.
    #[must_use]
    pub fn state_key(id: &AccountId) -> Vec<u8> {
        [b"account/".as_slice(), &id.0].concat()
    }

    /// The account's key `id`.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&WeightedKey> {
        self.keys.iter().find(|k| k.key.id() == id)
    }

    /// Checks that `signers` may do `action` for this account, signatures excepted: status, known keys, suites, weights.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn authorizes(&self, action: Action, signers: &[Signature]) -> Result<(), AuthorityError> {
        let may = match action {
            Action::Deposit | Action::Manage | Action::ChangeRecovery => self.status == AccountStatus::Normal,
            Action::Recover | Action::Cancel => {
                matches!(self.status, AccountStatus::Normal | AccountStatus::Recovering)
            }
        };
        if !may {
            return Err(AuthorityError::Status { account: self.id, status: self.status.word() });
        }
        // Looked at only where it may sign: for every other statement its id need not be made.
        let asks_recovery = matches!(action, Action::Recover | Action::ChangeRecovery);
        let recovery = self.recovery_key.as_ref().filter(|_| asks_recovery).map(|key| (key.id(), key.alg()));
        let (mut sum, mut by_recovery) = (0u32, false);
        for (at, signer) in signers.iter().enumerate() {
            if signers[..at].iter().any(|other| other.key == signer.key) {
                return Err(AuthorityError::RepeatedKey { key: signer.key });
            }
            if recovery == Some((signer.key, signer.alg)) {
                by_recovery = true;
                continue;
            }
            let known = self.key(signer.key).filter(|known| known.key.alg() == signer.alg);
            let known = known.filter(|_| action != Action::Recover);
            let unknown = || AuthorityError::UnknownKey { key: signer.key, account: self.id };
            sum = sum.saturating_add(known.ok_or_else(unknown)?.weight);
        }
        let need = match action {
            Action::Deposit => self.deposit_threshold,
            Action::Manage | Action::ChangeRecovery | Action::Cancel => self.manage_threshold,
            Action::Recover => 0,
        };
        if sum < need {
            return Err(AuthorityError::Threshold { sum, need });
        }
        if !by_recovery && (action == Action::Recover || recovery.is_some()) {
            return Err(AuthorityError::NoRecovery { account: self.id });
        }
        Ok(())
    }

    /// [`Account::authorizes`], and every signature holds.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn verify(&self, action: Action, signers: &[Signature]) -> Result<(), AuthorityError> {
        self.authorizes(action, signers)?;
        for signer in signers {
            let unknown = || AuthorityError::UnknownKey { key: signer.key, account: self.id };
            let known = self.signer(signer.key).ok_or_else(unknown)?;
            signer.verify(known).map_err(|source| AuthorityError::Signature { key: signer.key, source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
