//! The tool. Each command is a module; this one reads the command line and turns outcomes into exit codes.
//!
//! Exit codes: 0 done or valid, 1 invalid or failed, 2 wrong usage, 3 not yet sealed, 4 no node reached, 5 unknown.

mod account;
mod accounts;
mod args;
mod backup;
mod bench;
mod bindings;
mod ca;
mod certificate;
mod compare;
mod demo;
mod deposit;
mod equivocation;
mod evidence;
mod files;
mod fsck;
mod help;
mod home;
mod id;
mod lookup;
mod member;
mod office;
mod pages;
mod pending;
mod recover;
mod secret;
mod serve;
mod services;
mod texts;
mod trust;
mod vault;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use xiezhi_client::ClientError;
use xiezhi_vault::VaultError;

use crate::{
    args::{Cli, Command},
    texts::Texts,
};

/// The nodes' threads free what other threads allocated, at every message: the system's allocator takes twice the time for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done, or valid.
    Done,
    /// Invalid.
    Invalid,
    /// Recorded, but not sealed to policy yet.
    NotSealed,
    /// Neither valid nor invalid.
    Unknown,
}

impl Ending {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Invalid => 1,
            Self::NotSealed => 3,
            Self::Unknown => 5,
        }
    }
}

/// A mistake in what the user gave; exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Whoever reads standard output may stop reading: that is no failure worth a stack trace. Nor is a disk on which the engine cannot write:
/// the node that ends over it says why.
fn name_failures_without_a_stack_trace() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") {
            std::process::exit(141);
        }
        if !info.location().is_some_and(|place| place.file().contains("commonware-")) {
            usual(info);
        }
    }));
}

fn main() -> ExitCode {
    name_failures_without_a_stack_trace();
    let texts = Texts::new(texts::language_from(std::env::args()));
    let command = help::localized(Cli::command(), &texts);
    let cli = match Cli::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli, &texts) {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            eprintln!("{}: {error:#}", texts.get("error", &[]));
            if let Some(hint) = hint(&error, &texts) {
                eprintln!("{hint}");
            }
            ExitCode::from(code_of(&error))
        }
    }
}

fn run(cli: Cli, texts: &Texts) -> anyhow::Result<Ending> {
    if let Command::Completions { shell } = cli.command {
        let mut command = help::localized(Cli::command(), texts);
        clap_complete::generate(shell, &mut command, "xiezhi", &mut std::io::stdout());
        return Ok(Ending::Done);
    }
    if let Command::Man { dir } = &cli.command {
        std::fs::create_dir_all(dir)?;
        clap_mangen::generate_to(help::localized(Cli::command(), texts), dir)?;
        return Ok(Ending::Done);
    }
    serve::start_logging(&cli.common);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let common = cli.common;
    runtime.block_on(async {
        match cli.command {
            Command::Up(options) => serve::up(&common, &options, texts).await,
            Command::Fsck(options) => fsck::run(&options, texts),
            Command::Init(options) => serve::init(&options, texts),
            Command::Node(options) => serve::node(&options, texts).await,
            Command::Observe(options) => serve::observe(&common, &options, texts).await,
            Command::Backup(options) => backup::save(&common, &options, texts).await,
            Command::Restore(options) => backup::restore(&common, &options, texts).await,
            Command::Recover(options) => recover::recover(&options, texts),
            Command::Member(options) => member::run(&common, &options, texts).await,
            Command::Renew(options) => serve::renew(&options, texts),
            Command::Demo(options) => demo::run(&common, &options, texts).await,
            Command::Deposit(options) => deposit::run(&common, &options, texts).await,
            Command::Collect(options) => deposit::collect(&common, &options, texts).await,
            Command::Verify(options) => verify::run(&options, texts),
            Command::Portal(options) => pages::run(&common, &options, texts).await,
            Command::VerifierPage { file } => pages::write_offline(&file, texts),
            Command::Compare(options) => compare::run(&options, texts),
            Command::Certificate(options) => certificate::run(&common, &options, texts).await,
            Command::Show(options) => lookup::show(&common, &options, texts).await,
            Command::Find(options) => lookup::find(&common, &options, texts).await,
            Command::Proof(options) => lookup::proof(&common, &options, texts).await,
            Command::Account(options) => accounts::run(&common, &options, texts).await,
            Command::Id(options) => office::about_ids(&common, &options.action, texts).await,
            Command::Vault(options) => vault::run(&common, &options, texts).await,
            Command::Evidence(options) => evidence::run(&options, texts).await,
            Command::Office(options) => office::run(&common, &options, texts).await,
            Command::Ca(options) => ca::run(&common, &options, texts).await,
            Command::Status(options) => lookup::status(&common, &options, texts).await,
            Command::Trust(options) => trust::run(&options, texts).await,
            Command::Equivocation(options) => equivocation::run(&common, &options, texts).await,
            Command::Bench(options) => bench::run(&options, texts).await,
            Command::Completions { .. } | Command::Man { .. } => Ok(Ending::Done),
        }
    })
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Usage>().is_some() {
        return 2;
    }
    match error.downcast_ref::<VaultError>() {
        Some(VaultError::Store(_)) => return 4,
        Some(VaultError::Place { .. }) => return 2,
        _ => {}
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Network { .. } | ClientError::Protocol { .. }) => 4,
        Some(ClientError::Url { .. }) => 2,
        Some(ClientError::Problem(problem)) if problem.code == "not-sealed" => 3,
        Some(ClientError::Problem(problem)) if problem.status >= 500 => 4,
        _ => 1,
    }
}

/// What to do next about an error, where that is known.
fn hint(error: &anyhow::Error, texts: &Texts) -> Option<String> {
    match error.downcast_ref::<ClientError>()? {
        ClientError::Network { .. } => Some(texts.get("hint-network", &[])),
        ClientError::Problem(problem) if problem.code == "not-sealed" => {
            Some(texts.get("hint-not-sealed", &[]))
        }
        _ => None,
    }
}
