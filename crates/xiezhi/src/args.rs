//! The command line. Its English help is here; the Chinese help is in locales/zh-CN.ftl under `help-…`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use xiezhi_custody::Place;
use xiezhi_types::{InstitutionId, Role};

mod account;
mod ca;
mod certificate;
mod copies;
mod evidence;
mod id;
mod vault;

pub(crate) use account::{AccountAction, AccountOptions, AuthorityOptions, OrderOptions, Signing};
pub(crate) use ca::{CaAction, CaApply, CaInit, CaOptions, ProfileName, ReasonName, SuiteName};
pub(crate) use certificate::{
    CertificateAction, CertificateOptions, CheckOptions, CompareOptions, Judging, PackOptions,
};
#[cfg(feature = "pdf")]
pub(crate) use certificate::{Look, PdfOptions};
pub(crate) use copies::{Backup, Recover, Restore};
pub(crate) use evidence::{Add, AtService, EvidenceAction, EvidenceOptions, VerifyBundle};
pub(crate) use id::{AtDesk, AtOffice, IdAction, IdOptions, OfficeAction, OfficeOptions};
pub(crate) use vault::{AtVault, VaultAction, VaultOptions};

/// Judicial evidence chain: record electronic data when it comes into being, and prove it to anyone, offline.
#[derive(Debug, Parser)]
#[command(name = "xiezhi", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Directory of the alliance: `up` founds it there, other commands find its nodes by it [default: alliance in the tool's home]
    #[arg(long, global = true, env = "XIEZHI_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of a node to talk to, instead of the alliance in --data-dir; may be repeated
    #[arg(long, global = true, env = "XIEZHI_URL", value_name = "URL", value_delimiter = ',')]
    pub(crate) url: Vec<String>,
    /// Language of texts: en or zh [default: from the environment]
    #[arg(long, global = true, env = "XIEZHI_LANG", value_name = "LANG")]
    pub(crate) lang: Option<String>,
    /// What nodes log, as in RUST_LOG
    #[arg(long, global = true, env = "XIEZHI_LOG", value_name = "FILTER", default_value = "warn")]
    pub(crate) log: String,
    /// Log lines as JSON
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start an alliance on this machine, or take up the one that is there
    Up(UpOptions),
    /// Show everything in one go: deposit a file, watch the seals arrive, verify the certificate offline
    Demo(Demo),
    /// Record files: hash them here, sign, wait for the seals, write the certificate beside each file
    Deposit(Deposit),
    /// Finish deposits that were interrupted or not sealed in time
    Collect(Collect),
    /// Verify a certificate offline: no node, no network
    Verify(Verify),
    /// Serve the pages for browsers: look things up, deposit, verify; over the nodes of --url or --data-dir
    Portal(Portal),
    /// Write the page that verifies certificates offline in any browser: one HTML file, for whoever has no tool
    VerifierPage {
        /// The file to write
        #[arg(value_name = "FILE.html", default_value = "xiezhi-verifier.html")]
        file: PathBuf,
    },
    /// Compare a presented file with the original, or with its certificate: exit code 0 identical, 1 not, 5 unknown
    Compare(CompareOptions),
    /// Make a document for people of a certificate, or an evidence pack, or check one
    Certificate(CertificateOptions),
    /// Show a certificate file, or a record by its number or index
    Show(Show),
    /// Find records by digest, file, number, account or group
    Find(Find),
    /// Fetch a proof: that a record is in the log, or that the log only grew
    Proof(Proof),
    /// Create accounts; change their keys, recover, freeze and hand them over
    Account(AccountOptions),
    /// Real-name identities: check numbers, apply, decide, bind accounts, show single fields, erase
    Id(IdOptions),
    /// Run a registration office
    Office(OfficeOptions),
    /// Keep originals: encrypted, audited, disclosed under grants, every read logged
    Vault(VaultOptions),
    /// Record a platform's transactions phase by phase, at several ledgers and time-stamp authorities at once
    Evidence(EvidenceOptions),
    /// Run a certificate authority: apply, certify, suspend, revoke, answer
    Ca(CaOptions),
    /// Show the state of the alliance's nodes
    Status(Status),
    /// Manage the ledgers that you trust
    Trust(Trust),
    /// Prove that institutions sealed two contradicting views of one ledger, or check such a proof
    Equivocation(EquivocationOptions),
    /// Found an alliance for several machines: one folder per institution
    Init(Init),
    /// Run one institution's node from its configuration file
    Node(NodeOptions),
    /// Follow a ledger without a vote: take its sealed blocks from the nodes, check each, serve the same answers
    Observe(Observe),
    /// Save the ledger's sealed blocks to a file, or what is new to one that exists; the nodes go on meanwhile
    Backup(Backup),
    /// Make the data of a lost node anew, from a backup, from the other nodes, or from both; everything is checked on the way
    Restore(Restore),
    /// Begin consensus anew, by agreement of all, when so many institutions have lost their votes that nothing becomes final any more
    Recover(Recover),
    /// Change who is in the alliance and what makes a certificate: propose, vote, invite, join, leave, change keys
    Member(MemberOptions),
    /// Issue a new seal certificate for an institution, with the key of the alliance's certificate authority
    Renew(Renew),
    /// Check the store of a node that does not run: every file, and everything in it against the log
    Fsck(Fsck),
    /// Measure an alliance of four nodes on this machine
    Bench(Bench),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages
    Man {
        /// Directory to write them to
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// All ports derive from this: REST from here on, consensus from 100 above
    #[arg(long, default_value_t = 7420, value_name = "PORT")]
    pub(crate) base_port: u16,
    /// How many institutions a new alliance has, 4 to 10
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) institutions: usize,
}

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) up: Up,
    /// Address of the pages for browsers [default: 127.0.0.1, 10 below the base port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) pages: Option<SocketAddr>,
    /// Serve no pages
    #[arg(long, conflicts_with = "pages")]
    pub(crate) no_pages: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Portal {
    /// Address at which the pages are served
    #[arg(long, default_value = "127.0.0.1:7410", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// A proxy before these pages lets a vault answer below /vault of the same address: show it
    #[arg(long)]
    pub(crate) with_vault: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The file to record [default: README.md here, or the tool's own]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) up: Up,
}

#[derive(Debug, Args)]
pub(crate) struct Deposit {
    /// Files and directories; - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// One signature for all files, up to 65,536
    #[arg(long)]
    pub(crate) batch: bool,
    /// Originals stay on this machine and only digests are sent; this is the default and the only way so far
    #[arg(long)]
    pub(crate) digest_only: bool,
    /// Which digests make the record searchable
    #[arg(long, value_enum, value_delimiter = ',', default_value = "sha256", value_name = "ALG")]
    pub(crate) searchable: Vec<Searchable>,
    /// Group (business transaction) the records belong to: 32 hexadecimal digits, or "new"
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Number of the phase within the group
    #[arg(long, requires = "group")]
    pub(crate) phase: Option<u32>,
    /// Directory for the certificates [default: beside each file]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Name of the account to sign with; created on first use
    #[arg(long, default_value = "default")]
    pub(crate) account: String,
    /// Deposit in the name of another account, which has let this one: its id, or its name here
    #[arg(long = "for", value_name = "ACCOUNT")]
    pub(crate) grantor: Option<String>,
    /// How long to wait for the seals, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Digests that make a record searchable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Searchable {
    /// SHA-256
    Sha256,
    /// SM3
    Sm3,
    /// No digest: the record is found by its number only
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Pending files, as `deposit` leaves them beside the originals
    #[arg(required = true, value_name = "FILE.xzc.pending")]
    pub(crate) files: Vec<PathBuf>,
    /// How long to wait for the seals, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The original and its certificate, in this order; or the certificate alone with --record-only
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Verify the record without an original
    #[arg(long)]
    pub(crate) record_only: bool,
    /// The time for which the verdict is asked, as 2026-11-22T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Trust this anchor or genesis file, and nothing else; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A certificate file, a record's number, or its index in the log
    pub(crate) what: String,
    /// Write the institutions' COSE receipts (RFC 9942) of a certificate file to this directory, with their keys
    #[arg(long, value_name = "DIR")]
    pub(crate) receipts: Option<PathBuf>,
    /// Write a certificate's parts (statement, tokens, X.509 chains) to this directory, for other tools
    #[arg(long, value_name = "DIR")]
    pub(crate) parts: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("query").required(true).args(["digest", "file", "number", "account", "group", "all"])))]
pub(crate) struct Find {
    /// A digest, as sha256:<hex> or sm3:<hex>
    #[arg(long)]
    pub(crate) digest: Option<String>,
    /// A file, by its SHA-256
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A record's number
    #[arg(long)]
    pub(crate) number: Option<String>,
    /// An account's id
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// A group's id
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// All records
    #[arg(long)]
    pub(crate) all: bool,
    /// Most records to list
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Proof {
    #[command(subcommand)]
    pub(crate) kind: ProofKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProofKind {
    /// That a record is in the tree of a size
    Inclusion {
        /// The record's index
        index: u64,
        /// The tree's size [default: the current one]
        #[arg(long)]
        size: Option<u64>,
        /// Which of the twin trees
        #[arg(long, value_enum, default_value = "sha256")]
        tree: TreeName,
    },
    /// That the tree of the new size begins with the tree of the old one
    Consistency {
        /// The old size
        old: u64,
        /// The new size
        new: u64,
        /// Which of the twin trees
        #[arg(long, value_enum, default_value = "sha256")]
        tree: TreeName,
    },
}

/// Names of the twin trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeName {
    /// RFC 9162 as it stands
    Sha256,
    /// The twin under SM3
    Sm3,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(subcommand)]
    pub(crate) action: TrustAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrustAction {
    /// Trust the ledger of an anchor file, a genesis file, or a node's address
    Add {
        /// The file or address
        source: String,
        /// Do not ask: the fingerprint was compared already
        #[arg(long)]
        yes: bool,
    },
    /// List the ledgers trusted
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust a ledger no longer
    Remove {
        /// Its id, or the beginning of it
        ledger: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EquivocationOptions {
    #[command(subcommand)]
    pub(crate) action: EquivocationAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EquivocationAction {
    /// Compare a certificate's view of the ledger with another certificate's, or with what the nodes say now
    Prove {
        /// A certificate
        certificate: PathBuf,
        /// Another certificate of the same ledger [default: the nodes are asked]
        other: Option<PathBuf>,
        /// Where the proof goes, if the views contradict each other
        #[arg(long, default_value = "equivocation.cbor", value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a proof offline: exit code 0 proven, 1 not proven, 5 a ledger that you do not trust
    Check {
        /// The proof
        file: PathBuf,
        /// Trust only the ledger of this anchor file or genesis; may be repeated
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Directory to found the alliance in
    pub(crate) dir: PathBuf,
    /// How many institutions, 4 to 10
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) institutions: usize,
    /// All ports derive from this: REST from here on, consensus from 100 above
    #[arg(long, default_value_t = 7420, value_name = "PORT")]
    pub(crate) base_port: u16,
    /// Host name or address at which the nodes listen; edit node.toml afterwards for one machine each
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// How far a statement's time may be from its block's
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(5..=86_400))]
    pub(crate) statement_window: u32,
}

#[derive(Debug, Args)]
pub(crate) struct NodeOptions {
    /// The node's configuration file
    #[arg(long, value_name = "node.toml")]
    pub(crate) config: PathBuf,
    /// Where the node keeps its data, over the file's data_dir
    #[arg(long, env = "XIEZHI_NODE_DATA", value_name = "DIR")]
    pub(crate) node_data: Option<PathBuf>,
    /// Address for the other nodes, over the file's listen
    #[arg(long, env = "XIEZHI_NODE_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address of the REST interface, over the file's http
    #[arg(long, env = "XIEZHI_NODE_HTTP", value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Observe {
    /// Where the observer keeps its copy of the ledger
    pub(crate) dir: PathBuf,
    /// What it calls itself: lower-case letters, digits and hyphens; no institution's name
    #[arg(long, default_value = "observer")]
    pub(crate) name: InstitutionId,
    /// Begin with the newest snapshot instead of the first record: every proof, but no older statements
    #[arg(long)]
    pub(crate) snapshot: bool,
    /// Address of its REST interface
    #[arg(long, default_value = "127.0.0.1:7440", value_name = "ADDRESS")]
    pub(crate) http: SocketAddr,
    /// Move the older part of the log there: file:///directory or s3://bucket/prefix
    #[arg(long, value_name = "URL", conflicts_with = "snapshot")]
    pub(crate) archive: Option<String>,
    /// How many of the newest records stay out of the archive
    #[arg(long, default_value_t = 1_000_000, value_name = "RECORDS")]
    pub(crate) keep: u64,
    /// Bound of the database's cache, in MiB
    #[arg(long, default_value_t = 64, value_name = "MIB")]
    pub(crate) cache_mib: u64,
    /// Follow only the ledger of this anchor file or genesis [default: the ledgers that you trust]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MemberOptions {
    #[command(subcommand)]
    pub(crate) action: MemberAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberAction {
    /// List the members, the next term if one is decided, open proposals and invitations
    List {
        /// List every term since the genesis instead
        #[arg(long)]
        terms: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Propose to invite an institution: writes the invitation's file and prints its code, which goes to the institution on another way
    Invite(InviteOptions),
    /// Vote on an open proposal; a later vote replaces an earlier one
    Vote {
        /// The proposal's number
        number: u64,
        /// For it
        #[arg(long, required_unless_present = "refuse", conflicts_with = "refuse")]
        approve: bool,
        /// Against it
        #[arg(long)]
        refuse: bool,
        #[command(flatten)]
        acting: Acting,
    },
    /// Take back one's own open proposal
    Withdraw {
        /// The proposal's number
        number: u64,
        #[command(flatten)]
        acting: Acting,
    },
    /// Propose to suspend a member: its node neither votes nor seals until it is readmitted
    Suspend(Propose),
    /// Propose to readmit a suspended member
    Readmit(Propose),
    /// Propose to remove a member
    Remove(Propose),
    /// Propose another sealing policy
    Policy {
        /// The policy, as JSON: the shape that `member list --json` shows
        file: PathBuf,
        #[command(flatten)]
        acting: Acting,
    },
    /// Propose which signature suites accounts may use; what is retired still signs the change that replaces its keys
    Suites {
        /// A suite to allow: ed25519, es256, sm2 or ml-dsa-65; may be repeated
        #[arg(long, value_name = "SUITE", required_unless_present = "retire")]
        allow: Vec<String>,
        /// A suite to retire; may be repeated
        #[arg(long, value_name = "SUITE")]
        retire: Vec<String>,
        #[command(flatten)]
        acting: Acting,
    },
    /// Leave the alliance; where the sealing policy names the institution, its removal is proposed instead
    Leave {
        #[command(flatten)]
        acting: Acting,
    },
    /// Make the folder of an invited institution: keys, configuration, and the request for a certificate
    Prepare {
        /// The invitation's file
        invitation: PathBuf,
        /// Folder to make
        dir: PathBuf,
        /// Address at which the other nodes reach this one
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
        /// Address of its REST interface
        #[arg(long, value_name = "ADDRESS")]
        http: SocketAddr,
        /// Keep the seal key elsewhere: pkcs11:... (a token, which makes it if it has none of that name), transit:... (a signing server)
        #[arg(long, value_name = "PLACE")]
        seal_kept_at: Option<Place>,
        /// Do not ask: the ledger's id was compared already
        #[arg(long)]
        yes: bool,
    },
    /// Certify the seal key of a request, with the key of the alliance's certificate authority
    Certify {
        /// The configuration file of the certificate authority's node
        #[arg(value_name = "ca/node.toml")]
        ca: PathBuf,
        /// The request; the certificate is written beside it, without the ending .request
        #[arg(value_name = "FILE.request")]
        request: PathBuf,
    },
    /// Take the seat to which one is invited
    Join {
        /// The configuration file that `member prepare` made
        #[arg(value_name = "node.toml")]
        config: PathBuf,
        /// The invitation's code
        #[arg(long, env = "XIEZHI_INVITATION_CODE", hide_env_values = true)]
        code: String,
        /// host:port at which the other nodes reach this one [default: the file's listen]
        #[arg(long, value_name = "HOST:PORT")]
        address: Option<String>,
    },
    /// Change one's own keys, in three runs of this command: make them; once certified, announce them; once in use, put them in place
    Rotate {
        /// host:port at which the other nodes reach this one from then on [default: the file's listen]
        #[arg(long, value_name = "HOST:PORT")]
        address: Option<String>,
        /// Change the address only
        #[arg(long, requires = "address")]
        keep_keys: bool,
        /// Keep the new seal key elsewhere: pkcs11:... (a token, which makes it if it has none of that name), transit:... (a signing server)
        #[arg(long, value_name = "PLACE", conflicts_with = "keep_keys")]
        seal_kept_at: Option<Place>,
        #[command(flatten)]
        acting: Acting,
    },
}

/// Who speaks.
#[derive(Debug, Args)]
pub(crate) struct Acting {
    /// The institution that speaks: its configuration file, or its name in --data-dir
    #[arg(long = "as", value_name = "INSTITUTION|node.toml")]
    pub(crate) who: String,
    /// How long to wait until it is recorded, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// The member
    pub(crate) institution: InstitutionId,
    /// The sealing policy from then on, as JSON [default: the present one, made to fit]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acting: Acting,
}

#[derive(Debug, Args)]
pub(crate) struct InviteOptions {
    /// Its short name: lower-case letters, digits and hyphens
    pub(crate) institution: InstitutionId,
    /// court, notary, forensic, ca or technology
    #[arg(long)]
    pub(crate) role: Role,
    /// Its full name in Chinese
    #[arg(long, value_name = "NAME")]
    pub(crate) name_zh: String,
    /// Its full name in English
    #[arg(long, value_name = "NAME")]
    pub(crate) name_en: String,
    /// Where the invitation's file goes [default: INSTITUTION.invitation here]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The sealing policy from then on, as JSON [default: the present one, made to fit]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acting: Acting,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The configuration file of the certificate authority's node
    #[arg(value_name = "ca/node.toml")]
    pub(crate) ca: PathBuf,
    /// An institution's seal certificate or a time-stamp authority's (PEM), which is replaced; the old file is kept
    #[arg(value_name = "seal.pem|tsa.pem")]
    pub(crate) certificate: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// The node's configuration file, or the directory in which it keeps its data
    #[arg(value_name = "node.toml|DIR")]
    pub(crate) node: PathBuf,
    /// The ledger's genesis file; needed with a directory
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,
    /// Where the node keeps its data, over the file's data_dir
    #[arg(long, env = "XIEZHI_NODE_DATA", value_name = "DIR")]
    pub(crate) node_data: Option<PathBuf>,
    /// Where the older part of the log is, over the file's archive: file:///directory or s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    pub(crate) archive: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Numbers of clients to try, one after another
    #[arg(long, value_delimiter = ',', default_value = "1,16,128,512")]
    pub(crate) clients: Vec<usize>,
    /// Seconds of load for each
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) seconds: u64,
    /// Items in a batch; batches are measured with 4 clients
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) batch_items: u32,
    /// Institutions of the alliance that is measured
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) institutions: usize,
    /// First port of the alliance that is measured
    #[arg(long, default_value_t = 17_420, value_name = "PORT")]
    pub(crate) base_port: u16,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
