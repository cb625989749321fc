//! Arguments of `account`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use xiezhi_types::{AccountId, InstitutionId};

#[derive(Debug, Args)]
pub(crate) struct AccountOptions {
    #[command(subcommand)]
    pub(crate) action: AccountAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountAction {
    /// List the accounts that this machine can sign for
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Seal a secret file with a passphrase (argon2id, AES-256-GCM): an account's here, or --key; sealed already, it gets another passphrase
    Protect {
        /// Its name here
        #[arg(default_value = "default")]
        account: String,
        /// A key file, or one of a node's keys, instead
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Leave a secret file open again
    Unprotect {
        /// Its name here
        #[arg(default_value = "default")]
        account: String,
        /// A key file, or one of a node's keys, instead
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Show an account as the ledger holds it: keys, thresholds, what is pending
    Show {
        /// Its name here, or its id
        #[arg(default_value = "default")]
        account: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch the proof of how an account stands, or stood, or that there is none: a file that anyone can check offline
    Prove {
        /// Its name here, or its id
        account: String,
        /// The height asked for [default: the newest sealed one]
        #[arg(long)]
        height: Option<u64>,
        /// Where the proof goes
        #[arg(long, default_value = "account.xza", value_name = "FILE.xza")]
        out: PathBuf,
    },
    /// Check such a proof offline: exit code 0 valid, 1 invalid, 5 a ledger that you do not trust
    Check {
        /// The proof
        file: PathBuf,
        /// The time for which the verdict is asked, as 2026-11-22T08:00:00Z [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Trust only the ledger of this anchor file or genesis; may be repeated
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key: the secret in FILE, the public key in FILE.pub
    Key {
        /// Where the secret goes
        file: PathBuf,
        /// ed25519, es256, sm2 or ml-dsa-65
        #[arg(long, default_value = "ed25519")]
        alg: String,
    },
    /// Create an account on the ledger
    Create {
        /// What it is called on this machine
        name: String,
        #[command(flatten)]
        authority: AuthorityOptions,
        /// Public key that can replace lost or stolen keys after a delay; keep its secret elsewhere
        #[arg(long, value_name = "FILE.pub")]
        recovery: Option<PathBuf>,
        /// That delay, in hours, 1 to 2160 [default: 168]
        #[arg(long, requires = "recovery", value_name = "HOURS")]
        delay_hours: Option<u32>,
        #[command(flatten)]
        signing: Signing,
    },
    /// Let other keys sign for an account on this machine from now on
    Use {
        /// What it is called on this machine
        name: String,
        /// Files with the secret keys
        #[arg(required = true, value_name = "FILE")]
        keys: Vec<PathBuf>,
        /// Its id, if the name is new here
        #[arg(long)]
        id: Option<AccountId>,
    },
    /// Change keys, weights and thresholds
    ChangeKeys {
        /// The account's name here, or its id
        account: String,
        #[command(flatten)]
        authority: AuthorityOptions,
        #[command(flatten)]
        signing: Signing,
    },
    /// Change the recovery key; the present one must sign too
    SetRecovery {
        /// The account's name here, or its id
        account: String,
        /// The public key
        #[arg(long, value_name = "FILE.pub", required_unless_present = "none", conflicts_with = "none")]
        recovery: Option<PathBuf>,
        /// Have no recovery key
        #[arg(long)]
        none: bool,
        /// The delay of a reset, in hours, 1 to 2160 [default: 168]
        #[arg(long, value_name = "HOURS")]
        delay_hours: Option<u32>,
        #[command(flatten)]
        signing: Signing,
    },
    /// Change the key to which others encrypt for the account
    SetEncryption {
        /// The account's name here, or its id
        account: String,
        /// The public key
        #[arg(long, value_name = "FILE.pub", required_unless_present = "none", conflicts_with = "none")]
        key: Option<PathBuf>,
        /// Have no encryption key
        #[arg(long)]
        none: bool,
        #[command(flatten)]
        signing: Signing,
    },
    /// Begin to replace lost or stolen keys, signed with the recovery key; until the delay is over the present keys can cancel it
    BeginReset {
        /// The account's name here, or its id
        account: String,
        #[command(flatten)]
        authority: AuthorityOptions,
        #[command(flatten)]
        signing: Signing,
    },
    /// Cancel a reset that somebody else began with the recovery key
    CancelReset {
        /// The account's name here, or its id
        account: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// Finish a reset whose delay is over, signed with the recovery key
    FinishReset {
        /// The account's name here, or its id
        account: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// Offer an account to a successor, which must accept it
    Transfer {
        /// The account's name here, or its id
        account: String,
        /// The successor
        #[arg(long, required_unless_present = "withdraw", conflicts_with = "withdraw")]
        to: Option<AccountId>,
        /// Take the offer back
        #[arg(long)]
        withdraw: bool,
        #[command(flatten)]
        signing: Signing,
    },
    /// Succeed an account that was offered: it does nothing any more
    Accept {
        /// The successor's name here, or its id
        account: String,
        /// The account that was offered
        #[arg(long)]
        from: AccountId,
        #[command(flatten)]
        signing: Signing,
    },
    /// Let another account deposit in an account's name, within limits; what it was let before ends
    Delegate {
        /// The account's name here, or its id
        account: String,
        /// The account that may: its id, or its name here
        #[arg(long, value_name = "ACCOUNT")]
        to: String,
        /// How many deposits in all; a batch counts as many as it has items
        #[arg(long, value_name = "COUNT")]
        quota: u64,
        /// How many a day, by UTC [default: no limit but the quota]
        #[arg(long, value_name = "COUNT")]
        daily: Option<u64>,
        /// From when on, as 2026-12-01T09:00:00Z, or 2026-12-01 for the beginning of that day (UTC) [default: from the next block on]
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Until when, likewise; a date alone is for the end of that day (UTC)
        #[arg(long, value_name = "TIME")]
        until: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// End what was delegated to an account
    Revoke {
        /// The account's name here, or its id
        account: String,
        /// The account that may deposit no more: its id, or its name here
        #[arg(long, value_name = "ACCOUNT")]
        to: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// Freeze an account by a court's order
    Freeze {
        /// The account
        account: AccountId,
        #[command(flatten)]
        order: OrderOptions,
    },
    /// End a freezing by a court's order
    Unfreeze {
        /// The account
        account: AccountId,
        /// Reference of the order that ends
        #[arg(long, value_name = "REFERENCE")]
        freezing: String,
        /// The institution that made it [default: the one that speaks]
        #[arg(long)]
        institution: Option<InstitutionId>,
        #[command(flatten)]
        order: OrderOptions,
    },
    /// Add signatures to a statement that others have signed
    Sign {
        /// The statement's file
        file: PathBuf,
        /// Files with secret keys
        #[arg(long, required = true, value_name = "FILE")]
        sign: Vec<PathBuf>,
    },
    /// Send a statement that all have signed
    Send {
        /// The statement's file
        file: PathBuf,
        /// How long to wait until it is recorded, in seconds
        #[arg(long, default_value_t = 30, value_name = "SECONDS")]
        timeout: u64,
    },
}

/// Who can act for an account.
#[derive(Debug, Args)]
pub(crate) struct AuthorityOptions {
    /// A public key, and after a colon its weight if not 1; may be repeated [default: a new key]
    #[arg(long, value_name = "FILE.pub[:WEIGHT]")]
    pub(crate) key: Vec<String>,
    /// Sum of weights that is needed to deposit
    #[arg(long, default_value_t = 1, value_name = "SUM")]
    pub(crate) deposit_threshold: u32,
    /// Sum of weights that is needed to change the account
    #[arg(long, default_value_t = 1, value_name = "SUM")]
    pub(crate) manage_threshold: u32,
}

/// Which keys sign, and what becomes of the statement.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// Files with secret keys to sign with; may be repeated [default: the account's on this machine]
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Vec<PathBuf>,
    /// Write the statement to this file instead of sending it, so that others can sign it too
    #[arg(long, value_name = "FILE")]
    pub(crate) draft: Option<PathBuf>,
    /// Time for which the statement is signed, as 2026-12-01T09:00:00Z: it can be sent within five minutes of that [default: now]
    #[arg(long, requires = "draft", value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// How long to wait until it is recorded, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// A court's order.
#[derive(Debug, Args)]
pub(crate) struct OrderOptions {
    /// How the court names the order; it stands on the ledger, so no personal data
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) order: String,
    /// The order's document; only its SHA-256 goes to the ledger
    #[arg(long, value_name = "FILE")]
    pub(crate) document: PathBuf,
    #[command(flatten)]
    pub(crate) acting: super::Acting,
}
