//! Accounts.

use serde::{Deserialize, Serialize};

use super::{Base64, U64};

object! {
    /// One of an account's keys.
    AccountKey {
        /// Its short name within the account, 16 hexadecimal digits.
        id: String,
        /// Its suite: `ed25519`, `es256` or `sm2`.
        alg: String,
        /// The public key.
        key: Base64,
        /// What it counts.
        weight: u32,
    }
}

object! {
    /// An account as the ledger holds it.
    Account {
        /// Its id, 64 hexadecimal digits.
        id: String,
        /// `normal`, `frozen`, `recovering` or `transferred`.
        status: String,
        /// Authority keys.
        keys: Vec<AccountKey>,
        /// Sum of weights needed to deposit.
        deposit_threshold: u32,
        /// Sum of weights needed to change the account.
        manage_threshold: u32,
        /// Key that can replace the authority keys after a delay.
        recovery_key: Option<PublicKey>,
        /// That delay, in seconds.
        recovery_delay_s: u32,
        /// Key to which others encrypt for this account.
        encryption_key: Option<PublicKey>,
        /// A reset that waits for its delay.
        reset: Option<Reset>,
        /// Orders under which it is frozen.
        freezings: Vec<Freezing>,
        /// Who may deposit in its name.
        #[serde(default)]
        delegations: Vec<Delegation>,
        /// The account to which it is offered, or that has succeeded it.
        successor: Option<String>,
        /// When its authority keys were last replaced by the recovery key.
        recovered_at: Option<String>,
        /// Height of the block that created it.
        created: U64,
        /// The height at which it stands so.
        height: U64,
        /// The account as CBOR: the value in the ledger's state.
        value: Base64,
    }
}

object! {
    /// A key.
    PublicKey {
        /// Its id, 16 hexadecimal digits.
        id: String,
        /// Its suite.
        alg: String,
        /// The key.
        key: Base64,
    }
}

object! {
    /// A reset that waits for its delay.
    Reset {
        /// What the authority keys will be.
        keys: Vec<AccountKey>,
        /// Block time at which it was begun.
        begun: String,
        /// Until when the authority keys can cancel it, and from when on the recovery key can finish it; block time.
        until: String,
    }
}

object! {
    /// An order under which an account is frozen.
    Freezing {
        /// The court's institution.
        institution: String,
        /// How the court names the order.
        reference: String,
        /// SHA-256 of the order's document.
        document: String,
        /// Height of its block.
        height: U64,
    }
}

object! {
    /// What an account has granted to another: to deposit in its name. A batch counts as many deposits as it has items.
    Delegation {
        /// The account that may, 64 hexadecimal digits.
        delegate: String,
        /// What it may do: `deposit`.
        permissions: Vec<String>,
        /// How many deposits in all.
        quota: U64,
        /// How many a day (UTC); absent where only the quota limits them.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        daily: Option<U64>,
        /// Not in blocks before this time.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        not_before: Option<String>,
        /// Only in blocks before this time.
        until: String,
        /// Height of the block that granted it; it counts from the next one on.
        granted: U64,
        /// Deposits so far.
        used: U64,
        /// What is left at the newest block's time: of the quota, or of the day where that is less.
        left: U64,
    }
}
