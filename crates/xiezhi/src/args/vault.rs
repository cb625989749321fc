//! Arguments of `vault`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use xiezhi_types::AccountId;

#[derive(Debug, Args)]
pub(crate) struct VaultOptions {
    #[command(subcommand)]
    pub(crate) action: VaultAction,
}

/// An account at a vault.
#[derive(Debug, Clone, Args)]
pub(crate) struct AtVault {
    /// Address of the vault
    #[arg(long = "to", env = "XIEZHI_VAULT_URL", value_name = "URL")]
    pub(crate) vault_url: String,
    /// Your account
    #[arg(long = "account", default_value = "default", value_name = "NAME")]
    pub(crate) vault_account: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultAction {
    /// Keep originals, over HTTP
    Serve {
        /// The vault's configuration (JSON, see docs/vault.md)
        #[arg(long = "config", env = "XIEZHI_VAULT", value_name = "FILE")]
        vault_config: PathBuf,
        /// Where
        #[arg(long, default_value = "127.0.0.1:7500", value_name = "ADDR")]
        listen: SocketAddr,
    },
    /// Read every original back and compare it with its record; exit code 1 when one is lost or damaged
    Audit {
        /// The vault's configuration
        #[arg(long = "config", env = "XIEZHI_VAULT", value_name = "FILE")]
        vault_config: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy all originals to another place, each part read back; goes on after a break. The vault must not be running
    Copy {
        /// The vault's configuration
        #[arg(long = "config", env = "XIEZHI_VAULT", value_name = "FILE")]
        vault_config: PathBuf,
        /// A directory, `s3://bucket/prefix` or `file:///directory`
        #[arg(long = "to", value_name = "PLACE")]
        to_place: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Upload the original of a record of yours; goes on where an upload was cut off
    Put {
        /// The original
        file: PathBuf,
        /// Its certificate; FILE.xzc where none is named
        #[arg(long, value_name = "FILE.xzc")]
        certificate: Option<PathBuf>,
        #[command(flatten)]
        at: AtVault,
    },
    /// Fetch an original that is yours or granted to you; the read is logged for its owner
    Get {
        /// The exhibit's id in the vault
        exhibit: String,
        /// Why you read it
        #[arg(long)]
        purpose: String,
        /// Secret of your account's encryption key
        #[arg(long = "key", value_name = "FILE")]
        vault_key: PathBuf,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        at: AtVault,
    },
    /// Grant an account to read an original of yours, those of a group, or all
    Grant {
        /// What: an exhibit's id; `group:ID` for all of a group; `account` for all of yours, also those still to come
        of: String,
        /// The account that may read
        #[arg(long, value_name = "ACCOUNT")]
        grantee: AccountId,
        /// Why it may
        #[arg(long)]
        purpose: String,
        /// Number of the case
        #[arg(long)]
        case: Option<String>,
        /// Until when (RFC 3339)
        #[arg(long, value_name = "TIME")]
        expires: String,
        #[command(flatten)]
        at: AtVault,
    },
    /// End a grant
    Revoke {
        /// What it is about, as it was granted
        of: String,
        /// The grant's id
        grant: String,
        #[command(flatten)]
        at: AtVault,
    },
    /// List the grants of an original of yours, of a group, or of all
    Grants {
        /// What they are about, as it was granted
        of: String,
        #[command(flatten)]
        at: AtVault,
    },
    /// List your originals in the vault
    List {
        #[command(flatten)]
        at: AtVault,
    },
    /// List the originals of others that your account may read
    Granted {
        #[command(flatten)]
        at: AtVault,
    },
    /// List who read an original of yours, those of a group, or any, and whatever else happened to them
    Reads {
        /// What: an exhibit's id, `group:ID`, or `account`
        exhibit: String,
        #[command(flatten)]
        at: AtVault,
    },
    /// Prove by the ledger that an entry stands in the vault's log, and verify it here
    Prove {
        /// The exhibit's id in the vault
        exhibit: String,
        /// The entry's position
        position: u64,
        /// Trust this ledger (a genesis or trust file), besides those of `xiezhi trust`
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        #[command(flatten)]
        at: AtVault,
    },
    /// Write what happened to an original of yours, with the proofs down to the ledger, into a file for `certificate pack --vault-log`
    Custody {
        /// The exhibit's id in the vault
        exhibit: String,
        /// The file to write
        #[arg(long, value_name = "FILE.json")]
        out: PathBuf,
        #[command(flatten)]
        at: AtVault,
    },
    /// Have the vault prove that it has an original at this moment, and verify it here
    Challenge {
        /// The exhibit's id in the vault
        exhibit: String,
        /// The file to write the answer to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Trust this ledger (a genesis or trust file), besides those of `xiezhi trust`
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        #[command(flatten)]
        at: AtVault,
    },
    /// Verify a vault's answer to a challenge again, without the vault
    Check {
        /// The answer
        answer: PathBuf,
        /// Trust this ledger (a genesis or trust file), besides those of `xiezhi trust`
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
    },
    /// List what the vault's audits found of an original of yours, and verify that their reports are on the ledger
    Audits {
        /// The exhibit's id in the vault
        exhibit: String,
        /// Trust this ledger (a genesis or trust file), besides those of `xiezhi trust`
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        #[command(flatten)]
        at: AtVault,
    },
    /// Erase an original of yours for good; its certificate keeps its force
    Erase {
        /// The exhibit's id in the vault
        exhibit: String,
        /// On which legal basis
        #[arg(long)]
        basis: String,
        /// Reference of the request or decision; names nobody
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        at: AtVault,
    },
}
