//! A presented file against the original, explained: identical, the same content in another container, partly matching, different.
//!
//! [`compare`] takes both files; it says which parts are the same and by what it knows. [`compare_record`] has only the digests of a record:
//! its answers are identical and not identical, and what would be needed for more.
//!
//! Nothing more is claimed than found. "Content equal" is never "identical": it names what was decoded and compared, and what was not.
//! Likeness is not measured: a picture encoded anew with loss has other pixels, and is different.
//!
//! Files may be hostile: time and memory are bounded by the limits here, and what exceeds them is compared by its bytes only, which is said.
//! No clock, file, network or randomness; equal inputs give equal answers.

mod archive;
mod bytes;
mod finding;
mod pdf;
mod picture;
mod record;
mod text;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

pub use finding::Finding;
pub use record::compare_record;
pub use xiezhi_types::Lang;

/// Name and version of the JSON form.
pub const FORMAT: &str = "xiezhi-comparison/1";
/// Longest file that is compared by its content; of a longer one only the bytes are.
pub const CONTENT_BYTES_MAX: usize = 64 << 20;
/// Most pairs of matching parts that are listed.
pub const MATCHES_MAX: usize = 200;

/// How a presented file relates to the original, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Byte for byte the same.
    Identical,
    /// Other bytes, but what the findings name is the same after decoding.
    ContentEqual,
    /// Parts are the same: the matches say which.
    PartlyMatching,
    /// Nothing that was looked for is the same.
    Different,
    /// Not the same bytes; no more can be said without the original.
    NotIdentical,
    /// The record gives nothing to compare with.
    Unknown,
}

/// What a match counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Entries of an archive, by name.
    Entry,
    /// Pages from 1.
    Page,
    /// Lines from 1.
    Line,
    /// Bytes from 0, the last one included.
    Byte,
}

/// A part of the presented file that is the same as a part of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// What is counted.
    pub unit: Unit,
    /// Where in the presented file: a name, or `first-last`.
    pub presented: String,
    /// Where in the original.
    pub original: String,
}

impl Match {
    /// A range of pages, lines or bytes; both sides have `length` of them.
    fn range(unit: Unit, presented: u64, original: u64, length: u64) -> Self {
        let range = |first: u64| format!("{first}-{}", first + length.max(1) - 1);
        Self { unit, presented: range(presented), original: range(original) }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// In one word.
    pub relation: Relation,
    /// Why, in order.
    pub findings: Vec<Finding>,
    /// The parts that are the same, in the order of the presented file; at most [`MATCHES_MAX`].
    pub matches: Vec<Match>,
    /// How many more there are.
    pub matches_left_out: u64,
}

impl Comparison {
    fn new(relation: Relation, findings: Vec<Finding>) -> Self {
        Self { relation, findings, matches: Vec::new(), matches_left_out: 0 }
    }

    fn with(mut self, mut matches: Vec<Match>) -> Self {
        self.matches_left_out = matches.len().saturating_sub(MATCHES_MAX) as u64;
        matches.truncate(MATCHES_MAX);
        self.matches = matches;
        self
    }

    /// The JSON form, one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("texts and numbers in memory"))
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", FORMAT)?;
        map.serialize_entry("relation", &self.relation)?;
        map.serialize_entry("findings", &self.findings)?;
        map.serialize_entry("matches", &self.matches)?;
        map.serialize_entry("matches_left_out", &self.matches_left_out.to_string())?;
        map.end()
    }
}

/// Why a file was not compared by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is not well formed, or uses what is not supported.
    Form(&'static str),
    /// It exceeds a limit.
    Limit(&'static str),
}

impl Unread {
    fn finding(self, which: &'static str) -> Finding {
        match self {
            Self::Form(kind) => finding::new(&finding::NOT_READ).with("which", which).with("kind", kind),
            Self::Limit(what) => finding::new(&finding::LIMIT).with("which", which).with("what", what),
        }
    }
}

/// Compares `presented` with `original`, both whole.
///
/// Bytes first; then by content where both are of one kind: ZIP and what is built on it (DOCX, XLSX, JAR), PDF, PNG, JPEG, BMP, text. Cost grows
/// with the files and what they unpack to, within the limits of the modules; about 0.5 GB of memory at the most.
#[must_use]
pub fn compare(presented: &[u8], original: &[u8]) -> Comparison {
    if presented == original {
        return Comparison::new(Relation::Identical, vec![finding::new(&finding::BYTES_EQUAL)]);
    }
    let differ = bytes::first_difference(presented, original);
    let (kind, other) = (Kind::of(presented), Kind::of(original));
    if kind != other {
        let kinds = finding::new(&finding::KINDS_DIFFER)
            .with("presented", kind.name())
            .with("original", other.name());
        return bytes::compare(presented, original, vec![differ, kinds]);
    }
    if presented.len().max(original.len()) > CONTENT_BYTES_MAX {
        let limit = Unread::Limit("file").finding("files");
        return bytes::compare(presented, original, vec![differ, limit]);
    }
    let content = match kind {
        Kind::Zip => archive::compare(presented, original),
        Kind::Pdf => pdf::compare(presented, original),
        Kind::Picture => picture::compare(presented, original),
        Kind::Text => text::compare(presented, original),
        Kind::Other => return bytes::compare(presented, original, vec![differ]),
    };
    match content {
        Ok(mut comparison) => {
            comparison.findings.insert(0, differ);
            comparison
        }
        Err(unread) => bytes::compare(presented, original, vec![differ, unread]),
    }
}

/// The answer for files that are too long to be held: `first_difference` is the offset from which on they differ, if they do; lengths in bytes.
#[must_use]
pub fn compare_long(first_difference: Option<u64>, presented: u64, original: u64) -> Comparison {
    let Some(at) = first_difference else {
        return Comparison::new(Relation::Identical, vec![finding::new(&finding::BYTES_EQUAL)]);
    };
    let differ = finding::new(&finding::BYTES_DIFFER)
        .with("at", at)
        .with("presented", presented)
        .with("original", original);
    Comparison::new(Relation::NotIdentical, vec![differ, finding::new(&finding::TOO_LONG)])
}

/// What a file's first bytes say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zip,
    Pdf,
    Picture,
    Text,
    Other,
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            Self::Zip
        } else if bytes.starts_with(b"%PDF-") {
            Self::Pdf
        } else if picture::format(bytes).is_some() {
            Self::Picture
        } else if text::is_text(bytes) {
            Self::Text
        } else {
            Self::Other
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zip => "ZIP",
            Self::Pdf => "PDF",
            Self::Picture => "picture",
            Self::Text => "text",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests;
