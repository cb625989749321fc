//! The typesetter's world: one template, one font, the inputs; and PDF/A-3 out of it.

use std::sync::LazyLock;

use typst::{
    Library, LibraryExt as _, World, comemo,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Dict, Duration, Smart},
    syntax::{FileId, Source},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};
use xiezhi_types::TimestampMs;

use crate::DocumentError;

const TEMPLATE: &str = include_str!("certificate.typ");

/// Generations of the typesetter's cache that are kept; it holds a document's parts otherwise for ever.
const CACHE_AGE_MAX: usize = 8;

static FONT: LazyLock<Font> = LazyLock::new(|| {
    let bytes = Bytes::new(include_bytes!("../fonts/NotoSansSC-Regular.subset.ttf").as_slice());
    Font::new(bytes, 0).expect("the font is part of the program")
});
static BOOK: LazyLock<LazyHash<FontBook>> = LazyLock::new(|| LazyHash::new(FontBook::from_fonts([font()])));
static SOURCE: LazyLock<Source> = LazyLock::new(|| Source::detached(TEMPLATE));

/// The one font.
pub(crate) fn font() -> &'static Font {
    &FONT
}

struct Desk {
    library: LazyHash<Library>,
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &BOOK
    }

    fn main(&self) -> FileId {
        SOURCE.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == SOURCE.id() { Ok(SOURCE.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        (index == 0).then(|| font().clone())
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// The template with `inputs`, as PDF/A-3a.
///
/// # Errors
/// [`DocumentError::DeclaredTime`], [`DocumentError::Typesetting`]; the typesetter's warnings are errors.
pub(crate) fn pdf(inputs: Dict, time: TimestampMs) -> Result<Vec<u8>, DocumentError> {
    let library = Library::builder().with_inputs(inputs).build();
    let desk = Desk { library: LazyHash::new(library) };
    let compiled = typst::compile::<PagedDocument>(&desk);
    let document = compiled.output.map_err(|errors| failed(&errors))?;
    if !compiled.warnings.is_empty() {
        return Err(failed(&compiled.warnings));
    }
    let standards = PdfStandards::new(&[PdfStandard::A_3a]);
    let options = PdfOptions {
        creator: Smart::Custom(Some(concat!("xiezhi ", env!("CARGO_PKG_VERSION")).to_owned())),
        timestamp: Some(timestamp(time)?),
        standards: standards
            .map_err(|error| DocumentError::Typesetting { reason: error.message().to_string() })?,
        ..PdfOptions::default()
    };
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| failed(&errors))?;
    comemo::evict(CACHE_AGE_MAX);
    Ok(pdf)
}

fn failed(diagnostics: &[SourceDiagnostic]) -> DocumentError {
    let messages: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    DocumentError::Typesetting { reason: messages.join("; ") }
}

fn timestamp(time: TimestampMs) -> Result<Timestamp, DocumentError> {
    let text = time.rfc3339();
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    let small = |range| u8::try_from(number(range)?).ok();
    let moment = (|| {
        let year = i32::from(number(0..4)?);
        Datetime::from_ymd_hms(
            year,
            small(5..7)?,
            small(8..10)?,
            small(11..13)?,
            small(14..16)?,
            small(17..19)?,
        )
    })();
    moment.map(Timestamp::new_utc).ok_or(DocumentError::DeclaredTime(time))
}
