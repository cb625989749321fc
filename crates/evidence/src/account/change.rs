//! How an account changes: the body of a statement of the content type [`TYPE_ACCOUNT_CHANGE`], and what it does.
//!
//! A change takes effect with the next block: what an account may do in a block is what it might do at its beginning ([`Account::as_of`]). So the value
//! that the state holds after the block proves who could sign in it, whatever has changed in between.

use minicbor::{Decode, Encode};
use xiezhi_crypto::{KeyId, PublicKey};
use xiezhi_types::{AccountId, Height, InstitutionId, TimestampMs, canonical, from_canonical};

use super::{
    Account, AccountStatus, Action, Delegation, Grant, WeightedKey, check_authority,
    delegation::DELEGATIONS_MAX,
};

/// Content type of a statement that changes an account.
pub const TYPE_ACCOUNT_CHANGE: &str = "application/vnd.xiezhi.account-change+cbor";
/// The delay of a reset where the account names none, in seconds: 7 days.
pub const RECOVERY_DELAY_S: u32 = 7 * 24 * 3600;
/// Shortest delay of a reset, in seconds.
pub const RECOVERY_DELAY_MIN_S: u32 = 3600;
/// Longest delay of a reset, in seconds: 90 days.
pub const RECOVERY_DELAY_MAX_S: u32 = 90 * 24 * 3600;
/// Most orders under which an account can be frozen at one time.
pub const ORDERS_MAX: usize = 16;
/// Longest reference of an order, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 128;

/// Who can act for an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Authority {
    /// Authority keys, sorted by id.
    #[n(1)]
    pub keys: Vec<WeightedKey>,
    /// Sum of weights needed to deposit.
    #[n(2)]
    pub deposit_threshold: u32,
    /// Sum of weights needed to change the account.
    #[n(3)]
    pub manage_threshold: u32,
}

/// The key that can replace the authority keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recovery {
    /// The key; `None` to have none.
    #[n(1)]
    pub key: Option<PublicKey>,
    /// How long the authority keys have to object, in seconds; [`RECOVERY_DELAY_S`] where there is none.
    #[n(2)]
    pub delay_s: Option<u32>,
}

/// The key to which others encrypt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Encryption {
    /// The key; `None` to have none.
    #[n(1)]
    pub key: Option<PublicKey>,
}

/// The account that succeeds another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Successor {
    /// The successor; `None` to take the offer back.
    #[n(1)]
    pub account: Option<AccountId>,
}

/// An order of a court that concerns an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Order {
    /// Which account.
    #[n(1)]
    pub account: AccountId,
    /// How the court names the order, 1 to [`REFERENCE_BYTES_MAX`] bytes.
    #[n(2)]
    pub reference: String,
    /// SHA-256 of the order's document.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub document: [u8; 32],
}

/// An order that ends a freezing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lifting {
    /// The order.
    #[n(1)]
    pub order: Order,
    /// The institution whose freezing ends.
    #[n(2)]
    pub institution: InstitutionId,
    /// The reference of the order that ends.
    #[n(3)]
    pub freezing: String,
}

/// What is to change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AccountChange {
    /// Other keys, weights or thresholds. By the manage threshold.
    #[n(0)]
    Authority(#[n(0)] Authority),
    /// Another recovery key. By the manage threshold and the present recovery key, if there is one.
    #[n(1)]
    Recovery(#[n(0)] Recovery),
    /// Another encryption key. By the manage threshold.
    #[n(2)]
    Encryption(#[n(0)] Encryption),
    /// The authority is to be replaced by this one after the delay. By the recovery key alone.
    #[n(3)]
    BeginReset(#[n(0)] Authority),
    /// No, it is not. By the manage threshold, within the delay.
    #[n(4)]
    CancelReset,
    /// The delay is over: the authority is replaced. By the recovery key alone.
    #[n(5)]
    FinishReset,
    /// The account is offered to a successor. By the manage threshold.
    #[n(6)]
    Transfer(#[n(0)] Successor),
    /// The issuer succeeds the account that was offered to it. By the issuer's manage threshold.
    #[n(7)]
    Accept(#[n(0)] AccountId),
    /// An account is frozen. By a court's institution.
    #[n(8)]
    Freeze(#[n(0)] Order),
    /// A freezing ends. By a court's institution.
    #[n(9)]
    Unfreeze(#[n(0)] Lifting),
    /// Another account may deposit in this one's name; what it was granted before ends. By the manage threshold.
    #[n(10)]
    Delegate(#[n(0)] Grant),
    /// What was granted to this account ends. By the manage threshold.
    #[n(11)]
    Revoke(#[n(0)] AccountId),
}

/// A reset that waits for its delay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reset {
    /// What the authority will be.
    #[n(1)]
    pub authority: Authority,
    /// Block time at which it was begun.
    #[n(2)]
    pub begun: TimestampMs,
    /// Until when it can be cancelled, and from when on it can be finished; block time.
    #[n(3)]
    pub until: TimestampMs,
}

/// A freezing in force.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Freezing {
    /// The institution that ordered it.
    #[n(1)]
    pub institution: InstitutionId,
    /// The order's reference.
    #[n(2)]
    pub reference: String,
    /// SHA-256 of the order's document.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub document: [u8; 32],
    /// Height of its block.
    #[n(4)]
    pub height: Height,
}

/// An account as it stood at the beginning of the block that changed it last.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Before {
    /// That block's height.
    #[n(1)]
    pub height: Height,
    /// Who could act for it.
    #[n(2)]
    pub authority: Authority,
    /// Its recovery key.
    #[n(3)]
    pub recovery_key: Option<PublicKey>,
    /// Its status.
    #[n(4)]
    pub status: AccountStatus,
    /// Who could deposit in its name; what is used of it includes what the block itself used.
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub delegations: Vec<Delegation>,
}

/// Why an account does not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The account's status does not allow it.
    #[error("account {account} is {status}")]
    Status {
        /// The account.
        account: AccountId,
        /// Its status in words.
        status: &'static str,
    },
    /// There is no reset to cancel or to finish.
    #[error("no reset of account {account} has begun")]
    NoReset {
        /// The account.
        account: AccountId,
    },
    /// The delay is not over.
    #[error("the reset can be finished from {} on, not at {}", until.rfc3339(), now.rfc3339())]
    TooEarly {
        /// When it is over.
        until: TimestampMs,
        /// The block's time.
        now: TimestampMs,
    },
    /// The delay is over.
    #[error("the reset could be cancelled until {}, not at {}", until.rfc3339(), now.rfc3339())]
    TooLate {
        /// When it was over.
        until: TimestampMs,
        /// The block's time.
        now: TimestampMs,
    },
    /// The authority keys are younger than the delay: whoever takes an account over must not keep its owner out.
    #[error(
        "the authority keys were changed at {}, less than the delay before the reset began: they cannot cancel it",
        changed.rfc3339()
    )]
    YoungKeys {
        /// When they were changed; block time.
        changed: TimestampMs,
    },
    /// It stands so already.
    #[error("nothing would change")]
    NothingChanges,
    /// The account was not offered to the issuer.
    #[error("account {account} was not offered to the issuer")]
    NotOffered {
        /// The account.
        account: AccountId,
    },
    /// Only a court of the alliance can order this.
    #[error("account {issuer} is not that of a court of the alliance")]
    NotEntitled {
        /// The issuer.
        issuer: AccountId,
    },
    /// An institution's account follows its membership.
    #[error("account {account} is an institution's: its keys follow the membership")]
    Institution {
        /// The account.
        account: AccountId,
    },
    /// An order by this reference is in force, or as many as can be.
    #[error("the order {reference} is in force already, or {ORDERS_MAX} orders are")]
    Ordered {
        /// The reference.
        reference: String,
    },
    /// No such order is in force.
    #[error("no order {reference} of {institution} is in force")]
    NoOrder {
        /// The institution.
        institution: InstitutionId,
        /// The reference.
        reference: String,
    },
    /// A grant that would never hold.
    #[error("until: the delegation would have ended at {}, it is {}", until.rfc3339(), now.rfc3339())]
    GrantEnded {
        /// When it would have ended.
        until: TimestampMs,
        /// The block's time.
        now: TimestampMs,
    },
    /// As many delegations as can be are granted.
    #[error("{DELEGATIONS_MAX} delegations are granted already; revoke one first")]
    TooManyDelegations,
}

impl ChangeError {
    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "account-inactive",
            Self::NoReset { .. } => "account-no-reset",
            Self::TooEarly { .. } => "account-reset-too-early",
            Self::TooLate { .. } => "account-reset-too-late",
            Self::YoungKeys { .. } => "account-keys-too-young",
            Self::NothingChanges => "account-nothing-changes",
            Self::NotOffered { .. } => "account-not-offered",
            Self::NotEntitled { .. } => "account-not-entitled",
            Self::Institution { .. } => "account-of-institution",
            Self::Ordered { .. } => "account-order-in-force",
            Self::NoOrder { .. } => "account-no-order",
            Self::GrantEnded { .. } => "account-grant-ended",
            Self::TooManyDelegations => "account-delegations-full",
        }
    }
}

impl AccountChange {
    /// Reads the one encoding of a body and checks its bounds.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let said: Self = from_canonical("the change of an account", bytes).map_err(|e| e.to_string())?;
        match &said {
            Self::Authority(authority) | Self::BeginReset(authority) => authority.check()?,
            Self::Recovery(recovery) => recovery.check()?,
            Self::Freeze(order) => order.check()?,
            Self::Unfreeze(lifting) => lifting.order.check()?,
            Self::Delegate(grant) => grant.check()?,
            _ => {}
        }
        Ok(said)
    }

    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }

    /// Whether it replaces keys that can act for the account, or keeps them from being replaced: keys of a retired suite still sign this.
    #[must_use]
    pub fn replaces_keys(&self) -> bool {
        matches!(
            self,
            Self::Authority(_)
                | Self::Recovery(_)
                | Self::BeginReset(_)
                | Self::CancelReset
                | Self::FinishReset
        )
    }

    /// The keys that it brings and that can act for the account.
    #[must_use]
    pub fn new_keys(&self) -> Vec<&PublicKey> {
        match self {
            Self::Authority(authority) | Self::BeginReset(authority) => {
                authority.keys.iter().map(|one| &one.key).collect()
            }
            Self::Recovery(recovery) => recovery.key.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What the issuer must be allowed to do.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Recovery(_) => Action::ChangeRecovery,
            Self::BeginReset(_) | Self::FinishReset => Action::Recover,
            Self::CancelReset => Action::Cancel,
            _ => Action::Manage,
        }
    }

    /// The account besides the issuer's that is concerned: what was said is found under it too.
    #[must_use]
    pub fn concerned(&self) -> Option<AccountId> {
        match self {
            Self::Transfer(successor) => successor.account,
            Self::Delegate(grant) => Some(grant.delegate),
            Self::Revoke(delegate) => Some(*delegate),
            other => other.other_account(),
        }
    }

    /// The account that changes, where it is not the issuer's.
    #[must_use]
    pub fn other_account(&self) -> Option<AccountId> {
        match self {
            Self::Accept(account) => Some(*account),
            Self::Freeze(order) => Some(order.account),
            Self::Unfreeze(lifting) => Some(lifting.order.account),
            _ => None,
        }
    }
}

impl Authority {
    /// Checks counts, order, weights and thresholds.
    ///
    /// # Errors
    /// A sentence that names the rule and the numbers.
    pub fn check(&self) -> Result<(), String> {
        check_authority(&self.keys, self.deposit_threshold, self.manage_threshold)
    }
}

impl Recovery {
    fn check(&self) -> Result<(), String> {
        check_delay(self.delay_s)
    }
}

/// Checks the delay of a reset.
pub(super) fn check_delay(delay_s: Option<u32>) -> Result<(), String> {
    match delay_s.filter(|delay| !(RECOVERY_DELAY_MIN_S..=RECOVERY_DELAY_MAX_S).contains(delay)) {
        Some(delay) => Err(format!(
            "the delay of a reset is {delay} s, {RECOVERY_DELAY_MIN_S} to {RECOVERY_DELAY_MAX_S} are allowed"
        )),
        None => Ok(()),
    }
}

impl Order {
    fn check(&self) -> Result<(), String> {
        let (bytes, control) = (self.reference.len(), self.reference.chars().any(char::is_control));
        if bytes == 0 || bytes > REFERENCE_BYTES_MAX || control {
            return Err(format!("reference: 1 to {REFERENCE_BYTES_MAX} bytes without control characters"));
        }
        Ok(())
    }
}

impl Account {
    /// Who can act for it.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority {
            keys: self.keys.clone(),
            deposit_threshold: self.deposit_threshold,
            manage_threshold: self.manage_threshold,
        }
    }

    fn set_authority(&mut self, authority: &Authority) {
        self.keys.clone_from(&authority.keys);
        self.deposit_threshold = authority.deposit_threshold;
        self.manage_threshold = authority.manage_threshold;
    }

    /// The account by which its statements in the block at `height` are judged: as it stood at the block's beginning, or as it was created in it.
    #[must_use]
    pub fn as_of(&self, height: Height) -> std::borrow::Cow<'_, Self> {
        let Some(before) = self.before.as_ref().filter(|before| before.height == height) else {
            return std::borrow::Cow::Borrowed(self);
        };
        let mut account = self.clone();
        account.set_authority(&before.authority);
        account.recovery_key.clone_from(&before.recovery_key);
        account.status = before.status;
        account.delegations.clone_from(&before.delegations);
        std::borrow::Cow::Owned(account)
    }

    /// The key `id`, authority or recovery.
    #[must_use]
    pub fn signer(&self, id: KeyId) -> Option<&PublicKey> {
        let recovery = || self.recovery_key.as_ref().filter(|key| key.id() == id);
        self.key(id).map(|known| &known.key).or_else(recovery)
    }

    /// Whether it is an institution's: only those cannot reach their threshold for deposits.
    #[must_use]
    pub fn is_institution(&self) -> bool {
        let sum: u64 = self.keys.iter().map(|key| u64::from(key.weight)).sum();
        u64::from(self.deposit_threshold) > sum
    }

    fn delay_ms(&self) -> u64 {
        u64::from(self.recovery_delay_s.unwrap_or(RECOVERY_DELAY_S)) * 1000
    }

    /// A copy to change in the block at `height`.
    fn touched(&self, height: Height) -> Result<Self, ChangeError> {
        if self.is_institution() {
            return Err(ChangeError::Institution { account: self.id });
        }
        if self.status == AccountStatus::Transferred {
            return Err(self.inactive());
        }
        let mut account = self.clone();
        if self.before.as_ref().is_none_or(|before| before.height != height) {
            let (authority, recovery_key) = (self.authority(), self.recovery_key.clone());
            let (status, delegations) = (self.status, self.delegations.clone());
            account.before = Some(Before { height, authority, recovery_key, status, delegations });
        }
        Ok(account)
    }

    fn inactive(&self) -> ChangeError {
        ChangeError::Status { account: self.id, status: self.status.word() }
    }

    fn settle(&mut self) {
        self.status = match () {
            () if !self.freezings.is_empty() => AccountStatus::Frozen,
            () if self.reset.is_some() => AccountStatus::Recovering,
            () => AccountStatus::Normal,
        };
    }

    /// The account after its own statement `said` in the block at `height` with block time `time`. Whether the signers may say it is
    /// [`Account::authorizes`]' to judge.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn change(
        &self,
        said: &AccountChange,
        height: Height,
        time: TimestampMs,
    ) -> Result<Self, ChangeError> {
        let mut account = self.touched(height)?;
        if self.status == AccountStatus::Frozen {
            return Err(self.inactive());
        }
        let no_reset = || ChangeError::NoReset { account: self.id };
        let needs_normal = !matches!(said, AccountChange::CancelReset | AccountChange::FinishReset);
        if needs_normal && self.status != AccountStatus::Normal {
            return Err(self.inactive());
        }
        match said {
            AccountChange::Authority(authority) => {
                account.set_authority(authority);
                account.keys_changed = Some(time);
            }
            AccountChange::Recovery(recovery) => {
                account.recovery_key.clone_from(&recovery.key);
                account.recovery_delay_s = recovery.delay_s;
            }
            AccountChange::Encryption(encryption) => account.encryption_key.clone_from(&encryption.key),
            AccountChange::BeginReset(authority) => {
                let until = TimestampMs(time.0.saturating_add(self.delay_ms()));
                account.reset = Some(Reset { authority: authority.clone(), begun: time, until });
            }
            AccountChange::CancelReset => {
                let reset = account.reset.take().ok_or_else(no_reset)?;
                if time >= reset.until {
                    return Err(ChangeError::TooLate { until: reset.until, now: time });
                }
                let settled = reset.begun.0.saturating_sub(self.delay_ms());
                if let Some(changed) = self.keys_changed.filter(|changed| changed.0 > settled) {
                    return Err(ChangeError::YoungKeys { changed });
                }
            }
            AccountChange::FinishReset => {
                let reset = account.reset.take().ok_or_else(no_reset)?;
                if time < reset.until {
                    return Err(ChangeError::TooEarly { until: reset.until, now: time });
                }
                account.set_authority(&reset.authority);
                account.keys_changed = None;
                account.recovered_at = Some(time);
                // Whoever had the keys may have granted something to themselves.
                account.delegations.clear();
            }
            AccountChange::Transfer(successor) => account.successor = successor.account,
            AccountChange::Delegate(grant) => account.grant(grant, height, time)?,
            AccountChange::Revoke(delegate) => {
                account.delegations.retain(|one| one.grant.delegate != *delegate);
            }
            AccountChange::Accept(_) | AccountChange::Freeze(_) | AccountChange::Unfreeze(_) => {}
        }
        account.settle();
        let same = Self { before: self.before.clone(), keys_changed: self.keys_changed, ..account.clone() };
        if same == *self { Err(ChangeError::NothingChanges) } else { Ok(account) }
    }

    /// The account after `successor` has accepted it.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn succeed(&self, successor: &AccountId, height: Height) -> Result<Self, ChangeError> {
        let mut account = self.touched(height)?;
        if self.status != AccountStatus::Normal {
            return Err(self.inactive());
        }
        if self.successor.as_ref() != Some(successor) || self.id == *successor {
            return Err(ChangeError::NotOffered { account: self.id });
        }
        account.status = AccountStatus::Transferred;
        Ok(account)
    }

    /// The account after `institution` has frozen it by `order`.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn freeze(
        &self,
        institution: &InstitutionId,
        order: &Order,
        height: Height,
    ) -> Result<Self, ChangeError> {
        let mut account = self.touched(height)?;
        let known = |one: &Freezing| one.institution == *institution && one.reference == order.reference;
        if account.freezings.iter().any(known) || account.freezings.len() >= ORDERS_MAX {
            return Err(ChangeError::Ordered { reference: order.reference.clone() });
        }
        account.freezings.push(Freezing {
            institution: institution.clone(),
            reference: order.reference.clone(),
            document: order.document,
            height,
        });
        account.settle();
        Ok(account)
    }

    /// The account after the freezing that `lifting` names has ended. A reset that was frozen with it has its whole delay again: who could have cancelled it could not.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn unfreeze(
        &self,
        lifting: &Lifting,
        height: Height,
        time: TimestampMs,
    ) -> Result<Self, ChangeError> {
        let mut account = self.touched(height)?;
        let named =
            |one: &Freezing| one.institution == lifting.institution && one.reference == lifting.freezing;
        let Some(at) = account.freezings.iter().position(named) else {
            let (institution, reference) = (lifting.institution.clone(), lifting.freezing.clone());
            return Err(ChangeError::NoOrder { institution, reference });
        };
        account.freezings.remove(at);
        account.settle();
        let until = TimestampMs(time.0.saturating_add(self.delay_ms()));
        if account.status == AccountStatus::Recovering
            && let Some(reset) = &mut account.reset
        {
            reset.until = reset.until.max(until);
        }
        Ok(account)
    }
}

#[cfg(test)]
mod tests;
