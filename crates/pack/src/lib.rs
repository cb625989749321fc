//! The evidence pack: one ZIP with everything that a court needs of one exhibit, and its check.
//!
//! ```text
//! certificate.xzc          the certificate
//! original/NAME            the original, under its own name
//! manifest.cbor            the manifest out of the certificate, if it has one
//! custody.json             what is known to have happened to the exhibit, see `custody`
//! vault.json               what a vault says happened to the original, with its proofs, if given
//! certificate.pdf          the certificate for people, if given
//! verifier.html            the offline verifier, if given
//! instructions.zh.txt      what this is, and how to verify it
//! instructions.en.txt
//! index.json               name, length and SHA-256 of every other file
//! ```
//!
//! In this order, stored without compression, dated 1980: equal contents give equal bytes. docs/documents.md has the format.
//!
//! The index shows that a pack arrived whole; anybody can make another. What proves is the certificate with the original, which [`Opened::check`]
//! verifies again. The crate opens no file and reads no clock.

pub mod custody;
mod reading;
mod writing;

use xiezhi_verify::Outcome;

pub use reading::{Checked, Opened};
pub use writing::{Pack, write};

/// Name and version of the index.
pub const FORMAT: &str = "xiezhi-pack/1";

/// Names in a pack.
pub mod names {
    /// The certificate.
    pub const CERTIFICATE: &str = "certificate.xzc";
    /// Directory of the original.
    pub const ORIGINAL: &str = "original/";
    /// The manifest.
    pub const MANIFEST: &str = "manifest.cbor";
    /// The custody log.
    pub const CUSTODY: &str = "custody.json";
    /// The vault's custody log.
    pub const VAULT: &str = "vault.json";
    /// The certificate for people.
    pub const DOCUMENT: &str = "certificate.pdf";
    /// The offline verifier.
    pub const VERIFIER: &str = "verifier.html";
    /// Instructions in Chinese.
    pub const INSTRUCTIONS_ZH: &str = "instructions.zh.txt";
    /// Instructions in English.
    pub const INSTRUCTIONS_EN: &str = "instructions.en.txt";
    /// The index.
    pub const INDEX: &str = "index.json";
}

/// Why there is no pack, or a pack is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Certificate and original do not verify together; a pack of them would mislead.
    #[error("certificate and original: the verdict is {}, not valid", word(*.outcome))]
    NotValid {
        /// What it is.
        outcome: Outcome,
    },
    /// What a vault says does not prove what it must.
    #[error("{file}: the vault's log: {error}", file = names::VAULT)]
    Vault {
        /// Why not.
        error: xiezhi_vault_log::LogError,
    },
    /// The vault's log leads to a ledger that is not trusted; it is not packed.
    #[error("{file}: the vault's log is not proven on a trusted ledger", file = names::VAULT)]
    VaultUnknown,
    /// The original changed between two readings.
    #[error("the original changed while it was read: try again")]
    Changed,
    /// Not a ZIP as packs are, or an index that cannot be read.
    #[error("not an evidence pack: {reason}")]
    Form {
        /// What is wrong.
        reason: String,
    },
    /// A file that a pack must have, or the index lists, is not there.
    #[error("{file}: missing from the pack")]
    Missing {
        /// Which.
        file: String,
    },
    /// A file is there that the index does not list, or that no pack has.
    #[error("{file}: does not belong in the pack")]
    Stray {
        /// Which.
        file: String,
    },
    /// A file is not the one that the index lists, or that follows from the certificate.
    #[error("{file}: altered, its content is not what {by} says")]
    Altered {
        /// Which.
        file: String,
        /// Which file says otherwise.
        by: &'static str,
    },
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] std::io::Error),
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Valid => "valid",
        Outcome::Invalid => "invalid",
        Outcome::Unknown => "unknown",
    }
}

impl From<zip::result::ZipError> for PackError {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => Self::Io(error),
            other => Self::Form { reason: other.to_string() },
        }
    }
}

/// One file of the index. Members stand in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in the pack.
    pub name: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Its length in bytes, as text.
    pub size: String,
}

#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    files: Vec<File>,
    format: String,
}

/// Whether every system can have a file of this name, and none mistakes it for a path or for another name.
fn is_safe_name(name: &str) -> bool {
    let hides = |c: char| {
        c.is_control()
            || matches!(u32::from(c), 0x00ad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
    };
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || ((stem.starts_with("COM") || stem.starts_with("LPT")) && stem.len() == 4);
    (1..=200).contains(&name.len())
        && !name.contains(|c| "/\\:*?\"<>|".contains(c) || hides(c))
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
        && !is_device
}

#[cfg(test)]
mod tests;
