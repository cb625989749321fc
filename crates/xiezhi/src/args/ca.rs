//! Arguments of `ca`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use xiezhi_custody::Place;
use xiezhi_types::{AccountId, InstitutionId};

#[derive(Debug, Args)]
pub(crate) struct CaOptions {
    /// The authority's directory [default: ca in the tool's home]
    #[arg(long, global = true, env = "XIEZHI_CA_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Who decides, as the book names you
    #[arg(long, global = true, env = "XIEZHI_OFFICER", value_name = "NAME", default_value = "officer")]
    pub(crate) officer: String,
    /// Your secret key, where two officers are needed (xiezhi account key makes one)
    #[arg(long, global = true, env = "XIEZHI_OFFICER_KEY", value_name = "FILE")]
    pub(crate) officer_key: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: CaAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaAction {
    /// Make an issuing authority: its key, its certificate, its book
    Init(CaInit),
    /// Make a key, if there is none yet, and the request to have it certified (PKCS#10), which proves that you hold it
    Request {
        /// The key's file; made if it does not exist
        #[arg(value_name = "FILE.key")]
        key: PathBuf,
        /// Where the request goes [default: beside the key, .csr]
        #[arg(long, value_name = "FILE.csr")]
        out: Option<PathBuf>,
        /// Kind of a key that is made
        #[arg(long, default_value = "es256")]
        suite: SuiteName,
        /// Keep the key elsewhere, and only its place in the file: pkcs11:... (a token, which makes it if it has none of that name), transit:... (a server)
        #[arg(long, value_name = "PLACE")]
        kept_at: Option<Place>,
    },
    /// Apply for a certificate: to the authority in --dir, or to a running one with --to
    Apply(CaApply),
    /// Ask a running authority what became of an application: exit code 0 issued, 1 refused, 5 not decided
    Fetch {
        /// The application
        application: String,
        /// The authority's address
        #[arg(long, value_name = "URL")]
        to: String,
        /// Where the certificate goes, its issuers after it
        #[arg(long, value_name = "FILE.pem")]
        out: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List applications, or certificates
    List {
        /// Applications that nobody has decided
        #[arg(long, conflicts_with = "certificates")]
        pending: bool,
        /// Certificates instead of applications
        #[arg(long)]
        certificates: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an application or a certificate, and how it stood at a time
    Show {
        /// An application, or a serial number
        which: String,
        /// How the certificate stood then, as RFC 3339
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Certify an application, after having looked at what it claims
    Issue {
        /// The application
        application: String,
        /// For how many days [default: as its profile has it]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7300))]
        days: Option<u64>,
        /// Where the certificate goes, its issuers after it
        #[arg(long, value_name = "FILE.pem")]
        out: Option<PathBuf>,
    },
    /// Refuse an application
    Refuse {
        /// The application
        application: String,
        /// Why: the applicant reads it
        #[arg(long)]
        reason: String,
    },
    /// Certify the same subject and key anew, before a certificate expires
    Renew {
        /// Serial number
        serial: String,
        /// For how many days [default: as its profile has it]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7300))]
        days: Option<u64>,
        /// Where the certificate goes, its issuers after it
        #[arg(long, value_name = "FILE.pem")]
        out: Option<PathBuf>,
    },
    /// Suspend a certificate: it does not count until it is released
    Suspend {
        /// Serial number
        serial: String,
    },
    /// Lift a suspension
    Release {
        /// Serial number
        serial: String,
    },
    /// Revoke a certificate, for good
    Revoke {
        /// Serial number
        serial: String,
        /// Why
        #[arg(long)]
        reason: ReasonName,
        /// Since when its key cannot be relied on, if that is earlier, as RFC 3339
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Lay down what one officer proposes and another must confirm; to change it later takes two as well
    FourEyes {
        /// What: issued, released, revoked or suspended; may be repeated
        #[arg(long = "deed", value_name = "DEED")]
        deeds: Vec<String>,
        /// An officer and the file of his public key, as wang=wang.key.pub; at least two
        #[arg(long = "with", required = true, value_name = "NAME=FILE")]
        officers: Vec<String>,
    },
    /// List what was proposed and is not done yet
    Proposals,
    /// Confirm what another officer proposed, and do it
    Confirm {
        /// The proposal's number
        proposal: u64,
        /// Where a certificate goes, its issuers after it
        #[arg(long, value_name = "FILE.pem")]
        out: Option<PathBuf>,
    },
    /// Put the head of the book on the ledger, so that a book that was rewritten is noticed; run it daily
    DepositHead {
        /// The account that deposits, by its name here; made if there is none
        #[arg(long, value_name = "NAME")]
        account: String,
    },
    /// Compare the book with every head of it on the ledger: exit code 1 if it was rewritten
    CheckHeads {
        /// The id of the account that deposits them, from a source that you trust
        #[arg(long, value_name = "ID")]
        account: AccountId,
        /// Trust these ledgers only: anchor or genesis files
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
    },
    /// Sign a new revocation list, or give an old one
    Crl {
        /// An old one, by its number: nothing is signed
        #[arg(long)]
        number: Option<u64>,
        /// Where it goes
        #[arg(long, value_name = "FILE.pem")]
        out: Option<PathBuf>,
    },
    /// List what expires soon: exit code 1 if anything does
    Expiring {
        /// Within how many days
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Certify the key that answers OCSP, or renew its certificate
    Responder,
    /// Answer over HTTP: certificates, revocation lists, OCSP, applications
    Serve {
        /// Where
        #[arg(long, default_value = "127.0.0.1:7480", value_name = "ADDR")]
        listen: SocketAddr,
        /// Renew revocation lists and the responder's certificate in time: the authority's key is in memory then
        #[arg(long)]
        renew: bool,
        /// Put the head of the book on the ledger by itself, with this account, by its name here; made if there is none
        #[arg(long, value_name = "NAME")]
        deposit_heads: Option<String>,
        /// From one head to the next at least so many minutes, and only after the book changed; 0: after every change
        #[arg(long, value_name = "MINUTES", default_value_t = 1440, requires = "deposit_heads")]
        heads_every: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CaInit {
    /// Certified by the alliance's root, whose key this node's configuration names
    #[arg(long, value_name = "node.toml", conflicts_with = "own_root")]
    pub(crate) under: Option<PathBuf>,
    /// Certified by a root of its own, made for it: take its key off the machine afterwards
    #[arg(long, required_unless_present = "under")]
    pub(crate) own_root: bool,
    /// The organisation that runs it
    #[arg(long)]
    pub(crate) organisation: String,
    /// Its name
    #[arg(long, default_value = "Issuing CA")]
    pub(crate) name: String,
    /// Kind of its key: seals and time stamps need es256
    #[arg(long, default_value = "es256")]
    pub(crate) suite: SuiteName,
    /// Keep its key elsewhere: pkcs11:... (a token, which makes it if it has none of that name), transit:... (a signing server)
    #[arg(long, value_name = "PLACE")]
    pub(crate) kept_at: Option<Place>,
    /// Where it will answer; its certificates say so
    #[arg(long, value_name = "URL")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CaApply {
    /// The request
    #[arg(value_name = "FILE.csr")]
    pub(crate) request: PathBuf,
    /// What the certificate is for
    #[arg(long)]
    pub(crate) profile: ProfileName,
    /// Organisation, as the certificate is to name it; only a person may do without
    #[arg(long, default_value = "")]
    pub(crate) organisation: String,
    /// Name, as the certificate is to have it
    #[arg(long)]
    pub(crate) name: String,
    /// Short name of the institution: for seal, node and officer
    #[arg(long, value_name = "ID")]
    pub(crate) institution: Option<InstitutionId>,
    /// Host name or address of a node; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// Unified social credit code or LEI of an enterprise
    #[arg(long)]
    pub(crate) number: Option<String>,
    /// Address of a running authority
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteName {
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// Ed25519
    Ed25519,
    /// SM2 with SM3
    Sm2,
}

/// What certificates are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// An institution's seals (Ed25519 key)
    Seal,
    /// A time-stamp authority (P-256 key)
    TimeStamping,
    /// A machine of an institution
    Node,
    /// Somebody who acts for an institution
    Officer,
    /// An enterprise that signs
    Enterprise,
    /// A person who signs
    Person,
}

/// Why certificates are revoked (RFC 5280, section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReasonName {
    /// Not said
    Unspecified,
    /// Somebody else may hold the key
    KeyCompromise,
    /// Name or other data changed
    AffiliationChanged,
    /// Replaced by another certificate
    Superseded,
    /// No longer needed
    CessationOfOperation,
    /// What it states was withdrawn
    PrivilegeWithdrawn,
}
