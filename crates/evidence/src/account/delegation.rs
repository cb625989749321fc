//! Delegation: an account lets another one deposit in its name, within limits.
//!
//! The grantor's account holds what it has granted and how much of it is used. What may be done in a block is what was granted at its beginning;
//! what is used counts at once ([`Account::with_deposits_by`]), so that the statements of one block cannot pass a limit together.

use minicbor::{Decode, Encode};
use xiezhi_types::{AccountId, Height, TimestampMs};

use super::{Account, AccountStatus, change::ChangeError};

/// Most delegations that an account can have granted at one time.
pub const DELEGATIONS_MAX: usize = 64;
/// A day of a daily quota, in milliseconds; days begin at midnight UTC.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// What a delegate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Permission {
    /// Deposit: single deposits, batches and general statements.
    #[n(0)]
    Deposit,
}

impl Permission {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
        }
    }
}

/// What an account grants to another. A deposit counts 1, a batch as many as it has items.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// The account that may act.
    #[n(1)]
    pub delegate: AccountId,
    /// What it may do, sorted, at least one.
    #[n(2)]
    pub permissions: Vec<Permission>,
    /// How many deposits in all, at least 1.
    #[n(3)]
    pub quota: u64,
    /// How many a day (UTC, by block time), at least 1; as many as the quota where there is none.
    #[n(4)]
    pub daily: Option<u64>,
    /// Not in blocks before this time.
    #[n(5)]
    pub not_before: Option<TimestampMs>,
    /// Only in blocks before this time.
    #[n(6)]
    pub until: TimestampMs,
}

/// What was used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DayUse {
    /// Days since 1970-01-01.
    #[n(1)]
    pub day: u64,
    /// Deposits of that day.
    #[n(2)]
    pub used: u64,
}

/// A grant in force, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Delegation {
    /// What was granted.
    #[n(1)]
    pub grant: Grant,
    /// Height of the block that granted it.
    #[n(2)]
    pub granted: Height,
    /// Deposits so far.
    #[n(3)]
    pub used: u64,
    /// Those of the last day on which there were any; only with a daily quota.
    #[n(4)]
    pub day: Option<DayUse>,
}

/// Why an account cannot have deposited in another's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The grantor is frozen, recovering or transferred.
    #[error("the grantor, account {grantor}, is {status}")]
    Status {
        /// The account in whose name.
        grantor: AccountId,
        /// Its status in words.
        status: &'static str,
    },
    /// Nothing, or not this, was granted.
    #[error(
        "account {grantor} has not let account {delegate} deposit in its name; a grant counts from the next block on"
    )]
    NotGranted {
        /// The account in whose name.
        grantor: AccountId,
        /// The account that acts.
        delegate: AccountId,
    },
    /// It does not hold yet.
    #[error("the delegation holds from {} on, not at {}", not_before.rfc3339(), now.rfc3339())]
    NotYet {
        /// From when on it holds.
        not_before: TimestampMs,
        /// The block's time.
        now: TimestampMs,
    },
    /// It has expired.
    #[error("the delegation held until {}, not at {}", until.rfc3339(), now.rfc3339())]
    Expired {
        /// Until when it held.
        until: TimestampMs,
        /// The block's time.
        now: TimestampMs,
    },
    /// There is not enough left.
    #[error("the delegation is for {quota} deposits, {used} are used: {need} more do not fit")]
    Quota {
        /// The limit.
        quota: u64,
        /// What is used.
        used: u64,
        /// What the statement takes.
        need: u64,
    },
    /// There is not enough left of the day.
    #[error(
        "the delegation is for {daily} deposits a day (UTC), {used} are used today: {need} more do not fit"
    )]
    Daily {
        /// The limit.
        daily: u64,
        /// What is used of the day.
        used: u64,
        /// What the statement takes.
        need: u64,
    },
}

impl DelegationError {
    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "grantor-inactive",
            Self::NotGranted { .. } => "not-delegated",
            Self::NotYet { .. } => "delegation-not-yet",
            Self::Expired { .. } => "delegation-expired",
            Self::Quota { .. } => "delegation-quota",
            Self::Daily { .. } => "delegation-daily-quota",
        }
    }
}

impl Grant {
    /// Checks order and bounds.
    ///
    /// # Errors
    /// A sentence that names the field and the rule.
    pub fn check(&self) -> Result<(), String> {
        if self.permissions.is_empty() || self.permissions.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("permissions: at least one, sorted, none twice".to_owned());
        }
        if self.quota == 0 || self.daily == Some(0) {
            return Err("quota: at least 1, and the daily one too".to_owned());
        }
        match self.not_before.filter(|from| *from >= self.until) {
            Some(from) => {
                Err(format!("until: {} is not after the beginning, {}", self.until.rfc3339(), from.rfc3339()))
            }
            None => Ok(()),
        }
    }

    fn check_time(&self, now: TimestampMs) -> Result<(), DelegationError> {
        if let Some(not_before) = self.not_before.filter(|from| now < *from) {
            return Err(DelegationError::NotYet { not_before, now });
        }
        if now >= self.until {
            return Err(DelegationError::Expired { until: self.until, now });
        }
        Ok(())
    }
}

impl Delegation {
    /// What is used of the day of `time`.
    #[must_use]
    pub fn used_on(&self, time: TimestampMs) -> u64 {
        self.day.filter(|one| one.day == time.0 / DAY_MS).map_or(0, |one| one.used)
    }

    /// What is left at `time`: of the whole, or of the day where that is less.
    #[must_use]
    pub fn left(&self, time: TimestampMs) -> u64 {
        let whole = self.grant.quota.saturating_sub(self.used);
        self.grant.daily.map_or(whole, |daily| whole.min(daily.saturating_sub(self.used_on(time))))
    }

    fn check_quota(&self, need: u64, now: TimestampMs) -> Result<(), DelegationError> {
        let (quota, used) = (self.grant.quota, self.used);
        if quota.saturating_sub(used) < need {
            return Err(DelegationError::Quota { quota, used, need });
        }
        let used = self.used_on(now);
        match self.grant.daily.filter(|daily| daily.saturating_sub(used) < need) {
            Some(daily) => Err(DelegationError::Daily { daily, used, need }),
            None => Ok(()),
        }
    }

    fn count(&mut self, deposits: u64, time: TimestampMs) {
        self.used = self.used.saturating_add(deposits);
        if self.grant.daily.is_some() {
            let used = self.used_on(time).saturating_add(deposits);
            self.day = Some(DayUse { day: time.0 / DAY_MS, used });
        }
    }
}

impl Account {
    /// What is granted to `delegate`.
    #[must_use]
    pub fn delegation(&self, delegate: &AccountId) -> Option<&Delegation> {
        self.delegations.iter().find(|one| one.grant.delegate == *delegate)
    }

    fn granted(&self, delegate: &AccountId, time: TimestampMs) -> Result<&Delegation, DelegationError> {
        if self.status != AccountStatus::Normal {
            return Err(DelegationError::Status { grantor: self.id, status: self.status.word() });
        }
        let found = self.delegation(delegate);
        let found = found.filter(|one| one.grant.permissions.contains(&Permission::Deposit));
        let not_granted = DelegationError::NotGranted { grantor: self.id, delegate: *delegate };
        let found = found.ok_or(not_granted)?;
        found.grant.check_time(time)?;
        Ok(found)
    }

    /// Checks that `delegate` may make `deposits` more in this account's name at the time of the block; the account as it is judged by
    /// ([`Account::as_of`]).
    ///
    /// # Errors
    /// [`DelegationError`].
    pub fn check_deposits_by(
        &self,
        delegate: &AccountId,
        deposits: u64,
        time: TimestampMs,
    ) -> Result<(), DelegationError> {
        self.granted(delegate, time)?.check_quota(deposits, time)
    }

    /// Checks that `delegate` may have made `deposits` in this account's name in a block of this time, after which the account, as it is judged by,
    /// stands so: what is used includes them and keeps the limits. Which other deposits are counted it cannot know.
    ///
    /// # Errors
    /// [`DelegationError`].
    pub fn check_deposited_by(
        &self,
        delegate: &AccountId,
        deposits: u64,
        time: TimestampMs,
    ) -> Result<&Delegation, DelegationError> {
        let found = self.granted(delegate, time)?;
        let (quota, used) = (found.grant.quota, found.used);
        if used < deposits || used > quota {
            return Err(DelegationError::Quota { quota, used, need: deposits });
        }
        let used = found.used_on(time);
        match found.grant.daily.filter(|daily| used < deposits || used > *daily) {
            Some(daily) => Err(DelegationError::Daily { daily, used, need: deposits }),
            None => Ok(found),
        }
    }

    /// The account after `deposits` more by `delegate` in its name, in the block at `height` with block time `time`.
    ///
    /// # Errors
    /// [`DelegationError`].
    pub fn with_deposits_by(
        &self,
        delegate: &AccountId,
        deposits: u64,
        height: Height,
        time: TimestampMs,
    ) -> Result<Self, DelegationError> {
        let judged = self.as_of(height);
        judged.check_deposits_by(delegate, deposits, time)?;
        let granted = judged.delegation(delegate).map(|one| one.granted);
        let mut account = self.clone();
        // What was revoked or granted anew in this block is still counted by the grant that held at its beginning.
        let before = account.before.as_mut().filter(|before| before.height == height);
        let lists =
            before.map(|before| &mut before.delegations).into_iter().chain([&mut account.delegations]);
        for one in lists.flatten() {
            if one.grant.delegate == *delegate && Some(one.granted) == granted {
                one.count(deposits, time);
            }
        }
        Ok(account)
    }

    pub(super) fn grant(
        &mut self,
        grant: &Grant,
        height: Height,
        time: TimestampMs,
    ) -> Result<(), ChangeError> {
        if grant.until <= time {
            return Err(ChangeError::GrantEnded { until: grant.until, now: time });
        }
        let new = Delegation { grant: grant.clone(), granted: height, used: 0, day: None };
        match self.delegations.binary_search_by_key(&grant.delegate, |one| one.grant.delegate) {
            Ok(at) => self.delegations[at] = new,
            Err(_) if self.delegations.len() >= DELEGATIONS_MAX => {
                return Err(ChangeError::TooManyDelegations);
            }
            Err(at) => self.delegations.insert(at, new),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
