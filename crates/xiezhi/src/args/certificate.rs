//! Arguments of `certificate` and `compare`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct CertificateOptions {
    #[command(subcommand)]
    pub(crate) action: CertificateAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateAction {
    /// Write a certificate as a document for people (PDF/A-3) with the certificate attached: exit code 0 valid, 1 invalid, 5 unknown
    #[cfg(feature = "pdf")]
    Pdf(PdfOptions),
    /// Put certificate, original, custody log, document and instructions into one archive; only what verifies is packed
    Pack(PackOptions),
    /// Check an evidence pack offline, every digest and the certificate: exit code 0 valid, 1 invalid or altered, 5 unknown
    Check(CheckOptions),
    /// Check an evidence pack and write its files into a new directory
    Unpack {
        #[command(flatten)]
        check: CheckOptions,
        /// The directory to make
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// By whom and for when it is judged.
#[derive(Debug, Args)]
pub(crate) struct Judging {
    /// The time for which the verdict is asked, as 2026-11-22T08:00:00Z [default: now]
    #[arg(id = "judged-at", long = "at", value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Trust this anchor or genesis file, and nothing else; may be repeated
    #[arg(id = "judged-trust", long = "trust", value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
}

/// What a document looks like, and who signs it.
#[cfg(feature = "pdf")]
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// Languages of the document, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_value = "zh,en", value_name = "LANG")]
    pub(crate) languages: Vec<Language>,
    /// Address of a page where readers can verify, for the QR code [default: the code holds number and digest]
    #[arg(long, value_name = "URL")]
    pub(crate) page: Option<String>,
    /// Pictures beside the institutions' names: a directory with files called INSTITUTION.png
    #[arg(long, value_name = "DIR")]
    pub(crate) logos: Option<PathBuf>,
    /// Sign the document (PAdES) with this P-256 key (PKCS#8, PEM)
    #[arg(long, value_name = "KEY.pem", requires = "sign_certificate")]
    pub(crate) sign_key: Option<PathBuf>,
    /// The key's X.509 certificate and the issuers' (PEM), its own first, the root left out
    #[arg(long, value_name = "CHAIN.pem", requires = "sign_key")]
    pub(crate) sign_certificate: Option<PathBuf>,
    /// Have the signature time-stamped by a node's authority: --url, or the alliance in --data-dir
    #[arg(long, requires = "sign_key")]
    pub(crate) sign_timestamp: bool,
}

/// Languages of documents.
#[cfg(feature = "pdf")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Chinese
    Zh,
    /// English
    En,
}

#[cfg(feature = "pdf")]
impl From<Language> for xiezhi_verify::Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Zh => Self::Zh,
            Language::En => Self::En,
        }
    }
}

#[cfg(feature = "pdf")]
#[derive(Debug, Args)]
pub(crate) struct PdfOptions {
    /// The certificate
    #[arg(value_name = "FILE.xzc")]
    pub(crate) certificate: PathBuf,
    /// The original, to be compared; without it the document is about the record alone
    #[arg(long, value_name = "FILE")]
    pub(crate) original: Option<PathBuf>,
    /// Where the document goes [default: beside the certificate]
    #[arg(long, short, value_name = "FILE.pdf")]
    pub(crate) out: Option<PathBuf>,
    /// Write no document unless the verdict is valid
    #[arg(long)]
    pub(crate) only_valid: bool,
    #[command(flatten)]
    pub(crate) look: Look,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Args)]
pub(crate) struct PackOptions {
    /// The certificate
    #[arg(value_name = "FILE.xzc")]
    pub(crate) certificate: PathBuf,
    /// The original
    #[arg(long, value_name = "FILE")]
    pub(crate) original: PathBuf,
    /// Where the pack goes
    #[arg(long, short, value_name = "FILE.zip")]
    pub(crate) out: PathBuf,
    /// The page that verifies offline, to be put in
    #[arg(long, value_name = "FILE.html")]
    pub(crate) verifier: Option<PathBuf>,
    /// What a vault says happened to the original, as `xiezhi vault custody` wrote it
    #[arg(long, value_name = "FILE.json")]
    pub(crate) vault_log: Option<PathBuf>,
    /// Who packs, for the custody log
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Why, for the custody log
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    #[cfg(feature = "pdf")]
    #[command(flatten)]
    pub(crate) look: Look,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// The pack
    #[arg(value_name = "FILE.zip")]
    pub(crate) pack: PathBuf,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The file that is presented
    pub(crate) presented: PathBuf,
    /// The original to compare with
    #[arg(required_unless_present = "certificate")]
    pub(crate) original: Option<PathBuf>,
    /// The original's certificate: alone it answers identical or not; with an original it says whether that is the one recorded
    #[arg(long, value_name = "FILE.xzc")]
    pub(crate) certificate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
