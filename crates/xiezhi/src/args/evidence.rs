//! Arguments of `evidence`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct EvidenceOptions {
    #[command(subcommand)]
    pub(crate) action: EvidenceAction,
}

/// A platform's program.
#[derive(Debug, Clone, Args)]
pub(crate) struct AtService {
    /// Address of the evidence service
    #[arg(long = "to", value_name = "URL")]
    pub(crate) service_url: String,
    /// Your program's name in the service's configuration
    #[arg(long = "client", value_name = "NAME")]
    pub(crate) service_client: String,
    /// Your program's secret key
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) service_key: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceAction {
    /// Run the evidence service
    Serve {
        /// The service's configuration (JSON, see docs/evidence-service.md)
        #[arg(long, env = "XIEZHI_EVIDENCE", value_name = "FILE")]
        config: PathBuf,
        /// Where
        #[arg(long, default_value = "127.0.0.1:7495", value_name = "ADDR")]
        listen: SocketAddr,
    },
    /// List the templates, or show one with its phases and elements
    Templates {
        /// One template
        template: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Open a transaction; prints its id
    Open {
        /// The template
        template: String,
        /// Its version [default: the newest]
        #[arg(long)]
        template_version: Option<u32>,
        /// Whose evidence it is (JSON, see docs/evidence-service.md)
        #[arg(long, value_name = "FILE.json")]
        customer: Option<PathBuf>,
        /// Record at this sink only; may be repeated [default: at every sink of the service]
        #[arg(long = "sink", value_name = "NAME")]
        sinks: Vec<String>,
        /// Idempotency key: the same again gives the same transaction
        #[arg(long, value_name = "KEY")]
        request: Option<String>,
        #[command(flatten)]
        at: AtService,
    },
    /// Add an entry to a transaction
    Add(Add),
    /// List transactions, newest first, at most 50
    List {
        /// Those in this state only
        #[arg(long, value_enum)]
        state: Option<TransactionState>,
        /// Those of this template only
        #[arg(long, value_name = "ID")]
        template: Option<String>,
        /// Those found by the beginning of their id, a record's number, or an entry's commitment
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        /// Those opened before this transaction
        #[arg(long, value_name = "TRANSACTION")]
        before: Option<String>,
        #[command(flatten)]
        at: AtService,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a transaction: its entries, and how each stands at each sink
    Show {
        /// The transaction
        transaction: String,
        #[command(flatten)]
        at: AtService,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Close a transaction with a pack: one commitment over every entry
    Pack {
        /// The transaction
        transaction: String,
        #[command(flatten)]
        at: AtService,
    },
    /// Fetch the bundles of every entry into a directory: exit code 3 when some are not complete yet
    Fetch {
        /// The transaction
        transaction: String,
        /// The directory
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Wait so many seconds for what is not complete
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        timeout: u64,
        #[command(flatten)]
        at: AtService,
    },
    /// Verify a bundle offline, leg by leg: exit code 0 valid, 1 invalid, 5 unknown
    Verify(VerifyBundle),
    /// Make a copy of a bundle that shows the named fields only
    Disclose {
        /// The bundle with all fields
        #[arg(value_name = "FILE.xze")]
        bundle: PathBuf,
        /// A field to show, as element.amount; may be repeated
        #[arg(long = "field", required = true, value_name = "NAME")]
        fields: Vec<String>,
        /// Where the copy goes
        #[arg(long, value_name = "FILE.xze")]
        out: PathBuf,
    },
}

/// Whether a transaction takes more entries.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TransactionState {
    /// It does
    Open,
    /// Its pack closed it
    Closed,
}

impl TransactionState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The transaction
    pub(crate) transaction: String,
    /// The phase, by its number
    pub(crate) phase: u32,
    /// An element, as amount=128.00; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<String>,
    /// A file, of which only the digests leave this machine
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// A text, which the bundle holds
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// Let the file's SHA-256 be searched for on the ledger
    #[arg(long)]
    pub(crate) searchable: bool,
    /// Generation, device, location and consent (JSON, see docs/evidence-service.md)
    #[arg(long, value_name = "FILE.json")]
    pub(crate) circumstances: Option<PathBuf>,
    /// Idempotency key: the same again gives the same entry
    #[arg(long, value_name = "KEY")]
    pub(crate) request: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtService,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyBundle {
    /// The bundle
    #[arg(value_name = "FILE.xze")]
    pub(crate) bundle: PathBuf,
    /// The original, to be compared
    #[arg(long, value_name = "FILE")]
    pub(crate) original: Option<PathBuf>,
    /// The pack that should name this entry
    #[arg(long, value_name = "PACK.xze")]
    pub(crate) pack: Option<PathBuf>,
    /// Trust these ledgers only: anchor or genesis files
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    /// Trust the time-stamp authority under this root certificate (PEM); may be repeated
    #[arg(long = "stamp-root", value_name = "FILE.pem")]
    pub(crate) stamp_roots: Vec<PathBuf>,
    /// The time for which the verdict is asked, as 2026-11-22T08:00:00Z [default: now]
    #[arg(long = "time", value_name = "TIME")]
    pub(crate) declared: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
