//! Arguments of `id`.

use clap::{Args, Subcommand, ValueEnum};
use xiezhi_identity::Kind;

#[derive(Debug, Args)]
pub(crate) struct IdOptions {
    #[command(subcommand)]
    pub(crate) action: IdAction,
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
