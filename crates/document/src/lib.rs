//! A certificate as a document for people: PDF/A-3, in Chinese, English or both, with the certificate attached.
//!
//! [`render`] judges the certificate itself, by the inputs of [`xiezhi_verify::verify`], and writes down the verdict: a document cannot say
//! more than the verdict on the very bytes that it carries. Unless that is valid, the document says so across every page, and names of
//! institutions, times and the depositor's description stand in the sentences of the checks only.
//!
//! No clock, file, network or randomness: equal inputs give equal bytes. The time inside the document is the declared time. What the one
//! embedded font cannot show is written as its code point.
//!
//! [`signature`] lets an institution sign the document. The document is a view. It can be altered like every paper; the attached file is what proves.
//!
//! The crate compiles a typesetter: nothing below or beside it depends on it.

mod content;
mod glyphs;
pub mod signature;
mod texts;
mod typesetting;

use xiezhi_types::TimestampMs;
use xiezhi_verify::{Input, Lang, Outcome, Verdict};

/// Name of the attached certificate.
pub const ATTACHMENT: &str = "certificate.xzc";

/// Longest address of a page for verification, in bytes.
pub const URL_BYTES_MAX: usize = 512;

/// Longest picture of an institution, in bytes.
pub const LOGO_BYTES_MAX: usize = 256 << 10;

/// A picture that stands beside an institution's name. It proves nothing, and the document says so.
#[derive(Debug, Clone, Copy)]
pub struct Logo<'a> {
    /// The institution's id.
    pub institution: &'a str,
    /// A PNG of at most [`LOGO_BYTES_MAX`] bytes.
    pub png: &'a [u8],
}

/// What a document is made from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The certificate, the trust anchors, what is known of the original, and the declared time.
    pub input: Input<'a>,
    /// The languages, in this order; at least one.
    pub languages: &'a [Lang],
    /// Address of a page where a reader can verify, for the QR code. The record's number is added to it behind `#`.
    ///
    /// Without it the QR code holds the record's number and the digest recorded.
    pub verification_page: Option<&'a str>,
    /// Pictures of institutions; shown beside their seals where the verdict is valid.
    pub logos: &'a [Logo<'a>],
    /// Whether there shall be no document unless the verdict is valid.
    pub only_valid: bool,
}

/// A document and the verdict that it shows.
#[derive(Debug, Clone)]
pub struct Document {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// What it says.
    pub verdict: Verdict,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The verdict is not valid, and only a valid one was to be shown.
    #[error("the verdict is {outcome}, not valid")]
    NotValid {
        /// What it is.
        outcome: &'static str,
    },
    /// No language was asked for.
    #[error("languages: at least one is needed")]
    NoLanguage,
    /// The page's address is no absolute http address, or too long.
    #[error(
        "verification page: an http or https address of at most {URL_BYTES_MAX} visible ASCII characters without # is needed"
    )]
    VerificationPage,
    /// A picture is no PNG, or too long.
    #[error("logo of {institution}: a PNG of at most {LOGO_BYTES_MAX} bytes is needed")]
    Logo {
        /// Whose.
        institution: String,
    },
    /// The declared time is after the year 9999.
    #[error("declared time: {0} cannot be written as a date")]
    DeclaredTime(TimestampMs),
    /// The typesetter gave up.
    #[error("typesetting failed: {reason}")]
    Typesetting {
        /// What it says.
        reason: String,
    },
}

/// Judges the certificate and writes the document.
///
/// The first call of a process also reads the font: about 0.1 s; later ones take a few milliseconds in a release build.
///
/// # Errors
/// [`DocumentError`].
pub fn render(request: &Request<'_>) -> Result<Document, DocumentError> {
    let verdict = xiezhi_verify::verify(&request.input);
    if request.only_valid && verdict.outcome != Outcome::Valid {
        let outcome = if verdict.outcome == Outcome::Invalid { "invalid" } else { "unknown" };
        return Err(DocumentError::NotValid { outcome });
    }
    if request.verification_page.is_some_and(|url| !is_address(url)) {
        return Err(DocumentError::VerificationPage);
    }
    let is_png =
        |logo: &&Logo<'_>| logo.png.starts_with(b"\x89PNG\r\n\x1a\n") && logo.png.len() <= LOGO_BYTES_MAX;
    if let Some(wrong) = request.logos.iter().find(|logo| !is_png(logo)) {
        return Err(DocumentError::Logo { institution: wrong.institution.to_owned() });
    }
    if request.languages.is_empty() {
        return Err(DocumentError::NoLanguage);
    }
    let inputs = content::inputs(request, &verdict);
    let pdf = typesetting::pdf(inputs, request.input.declared_time)?;
    Ok(Document { pdf, verdict })
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    rest.is_some_and(|rest| !rest.is_empty()) && visible && url.len() <= URL_BYTES_MAX
}
