//! Arguments of `id` and `office`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use xiezhi_identity::Kind;
use xiezhi_types::AccountId;

#[derive(Debug, Args)]
pub(crate) struct OfficeOptions {
    #[command(subcommand)]
    pub(crate) action: OfficeAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfficeAction {
    /// Take applications and bind accounts over HTTP
    Serve {
        /// The office's configuration (JSON, see docs/identity.md)
        #[arg(long, env = "XIEZHI_OFFICE", value_name = "FILE")]
        config: PathBuf,
        /// Where
        #[arg(long, default_value = "127.0.0.1:7490", value_name = "ADDR")]
        listen: SocketAddr,
        /// Run an evidence service beside it, at /evidence, with pages for who logs in here: its configuration (JSON, see docs/evidence-service.md)
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IdOptions {
    #[command(subcommand)]
    pub(crate) action: IdAction,
}

/// An applicant's program.
#[derive(Debug, Clone, Args)]
pub(crate) struct AtOffice {
    /// Address of the registration office
    #[arg(long = "to", value_name = "URL")]
    pub(crate) office_url: String,
    /// Your program's name in the office's configuration
    #[arg(long = "client", value_name = "NAME")]
    pub(crate) office_client: String,
    /// Your program's secret key
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) office_key: PathBuf,
}

/// An officer at the office's machine.
#[derive(Debug, Clone, Args)]
pub(crate) struct AtDesk {
    /// The office's configuration
    #[arg(long = "config", env = "XIEZHI_OFFICE", value_name = "FILE")]
    pub(crate) office_config: PathBuf,
    /// Your name in the office's configuration, which says what you may do
    #[arg(long = "officer", env = "XIEZHI_OFFICER", value_name = "NAME")]
    pub(crate) office_officer: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdAction {
    /// Check a number by the rules of its standard, offline: exit code 0 well formed, 1 not
    Check {
        /// What it is
        kind: IdKind,
        /// The number; - reads it from standard input, where no history of commands keeps it
        number: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Apply at a registration office for a real-name identity
    Apply {
        /// Who applies (JSON, see docs/identity.md); - reads standard input
        #[arg(value_name = "FILE.json")]
        applicant: PathBuf,
        #[command(flatten)]
        at: AtOffice,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bind your account to an approved application; writes the certificate with all fields, for your eyes
    Bind {
        /// The application
        application: String,
        /// The account, by its name here; its keys here sign
        #[arg(long)]
        account: String,
        /// Where the certificate goes
        #[arg(long, value_name = "FILE.xzc")]
        out: PathBuf,
        #[command(flatten)]
        at: AtOffice,
    },
    /// List the office's applications
    List {
        /// Only those that stand so: submitted, approved, refused, withdrawn, rescinded, erased
        #[arg(long, value_parser = state)]
        state: Option<xiezhi_office::State>,
        /// Only those after this application
        #[arg(long, value_name = "APPLICATION")]
        after: Option<String>,
        #[command(flatten)]
        at: AtDesk,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an application with what your role may see; whoever reads somebody's data is noted
    Show {
        /// The application
        application: String,
        #[command(flatten)]
        at: AtDesk,
    },
    /// Approve an application
    Approve {
        /// The application
        application: String,
        /// Why: what you looked at
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: AtDesk,
    },
    /// Refuse an application
    Refuse {
        /// The application
        application: String,
        /// Why: the applicant reads it
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: AtDesk,
    },
    /// Take back an application of yours that was not judged yet
    Withdraw {
        /// The application
        application: String,
        #[command(flatten)]
        at: AtOffice,
    },
    /// End the binding of an account of yours, for ever; the ledger says so, whoever asks
    Unbind {
        /// The application
        application: String,
        /// The account's id; its keys are not needed
        #[arg(long, value_name = "ID")]
        account: AccountId,
        #[command(flatten)]
        at: AtOffice,
    },
    /// Revoke the binding of an account, for ever; the office's server puts it on the ledger
    Revoke {
        /// The application
        application: String,
        /// The account's id
        #[arg(long, value_name = "ID")]
        account: AccountId,
        #[command(flatten)]
        why: RevocationArgs,
        #[command(flatten)]
        at: AtDesk,
    },
    /// Take an approval back, and with it every binding, for ever
    Rescind {
        /// The application
        application: String,
        #[command(flatten)]
        why: RevocationArgs,
        #[command(flatten)]
        at: AtDesk,
    },
    /// Make a copy of a binding's certificate that shows the named fields only
    Disclose {
        /// The certificate with all fields
        #[arg(value_name = "FILE.xzc")]
        certificate: PathBuf,
        /// A field to show, as subject.number; may be repeated
        #[arg(long = "field", required = true, value_name = "NAME")]
        fields: Vec<String>,
        /// Where the copy goes
        #[arg(long, value_name = "FILE.xzc")]
        out: PathBuf,
    },
    /// Check a binding's certificate offline, and show what it shows: exit code 0 valid, 1 invalid or revoked, 5 unknown
    Verify {
        /// The certificate
        #[arg(value_name = "FILE.xzc")]
        certificate: PathBuf,
        /// The office's account, from a source that you trust
        #[arg(long, value_name = "ACCOUNT")]
        office: AccountId,
        /// The certificate of the record that revokes it, if you were given one
        #[arg(long, value_name = "FILE.xzc")]
        revocation: Option<PathBuf>,
        /// Also ask every node for a revocation
        #[arg(long, conflicts_with = "revocation")]
        look_up: bool,
        /// Where the certificate of a revocation goes, if one is found
        #[arg(long, value_name = "FILE.xzc", requires = "look_up")]
        out: Option<PathBuf>,
        /// Trust these ledgers only: anchor or genesis files
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Erase a person's data for good, in every application; backups of the database hold noise then, backups of the persons' keys must not be kept
    Erase {
        /// One of the person's applications
        application: String,
        /// The lawful basis: request, purpose-ended, consent-withdrawn, unlawful, order
        #[arg(long)]
        basis: String,
        /// Reference of the request or decision in the office's files; names nobody
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        at: AtDesk,
    },
    /// List the erasures with their records on the ledger; nothing of any person
    Erasures {
        /// Write their certificates into this directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        at: AtDesk,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Why a binding is revoked.
#[derive(Debug, Clone, Args)]
pub(crate) struct RevocationArgs {
    /// holder (at the holder's wish), untrue, changed, account-lost or order
    #[arg(long = "reason", value_name = "REASON")]
    pub(crate) revocation_reason: String,
    /// Reference of the decision in the office's files; names nobody
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) reference: String,
}

impl RevocationArgs {
    pub(crate) fn revocation(&self) -> xiezhi_office::Revocation {
        xiezhi_office::Revocation {
            reason: self.revocation_reason.clone(),
            reference: self.reference.clone(),
        }
    }
}

fn state(text: &str) -> Result<xiezhi_office::State, String> {
    let all: Vec<_> = xiezhi_office::State::ALL.into_iter().map(xiezhi_office::State::name).collect();
    xiezhi_office::State::from_name(text).ok_or_else(|| all.join(", "))
}

/// Kinds of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdKind {
    /// Resident id of China (GB 11643)
    ResidentId,
    /// Unified social credit code (GB 32100)
    CreditCode,
    /// Legal entity identifier (ISO 17442)
    Lei,
}

impl From<IdKind> for Kind {
    fn from(kind: IdKind) -> Self {
        match kind {
            IdKind::ResidentId => Self::ResidentId,
            IdKind::CreditCode => Self::CreditCode,
            IdKind::Lei => Self::Lei,
        }
    }
}
