//! Signing a document: PAdES baseline B-B, with a time stamp B-T, as an incremental update.
//!
//! ```text
//! the document as it was
//! appended: signature dictionary, an invisible field on the first page, the page, the catalog with the form
//! ```
//!
//! The signature covers every byte but its own value (ETSI EN 319 142-1). It says that the signer had this document, no more: what the document
//! proves is in the certificate that it carries.

use lopdf::{
    Dictionary, Document, IncrementalDocument, LoadOptions, Object, ObjectId, StringFormat, dictionary,
};
use xiezhi_crypto::sha256_parts;
use xiezhi_pki::{DetachedSignature, DocumentSigner, EncodingError};
use xiezhi_types::TimestampMs;

/// Room for the signature, in bytes: certificates, and a token with its own.
const ROOM_BYTES: usize = 16 << 10;
/// Longest document that is signed.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// A number of the width that every place in a document has.
const WIDE: i64 = 9_999_999_999;

/// Why a document is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It cannot be read, or has no page.
    #[error("document: not a PDF that can be signed: {reason}")]
    Form {
        /// Why.
        reason: String,
    },
    /// It has a form, perhaps a signature, already.
    #[error("document: it has a form or a signature already")]
    HasForm,
    /// Too long.
    #[error("document: {bytes} bytes, at most {DOCUMENT_BYTES_MAX} are signed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Certificates and token do not fit the room.
    #[error("signature: {bytes} bytes, with certificates and time stamp there is room for {ROOM_BYTES}")]
    NoRoom {
        /// How long it is.
        bytes: usize,
    },
    /// The time is after the year 9999.
    #[error("signing time: {0} cannot be written as a date")]
    Time(TimestampMs),
    /// The token is no DER.
    #[error("time stamp: {0}")]
    Token(#[from] EncodingError),
}

impl From<lopdf::Error> for SignatureError {
    fn from(error: lopdf::Error) -> Self {
        Self::Form { reason: error.to_string() }
    }
}

/// A document with a signature that waits for its time stamp, or for none.
#[derive(Debug)]
pub struct Signing {
    pdf: Vec<u8>,
    /// Where the hexadecimal digits of the signature begin.
    at: usize,
    signature: DetachedSignature,
}

impl Signing {
    /// Signs `pdf`; `time` is what the signer says the time is. Equal inputs give equal bytes.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn new(pdf: &[u8], signer: &DocumentSigner, time: TimestampMs) -> Result<Self, SignatureError> {
        if pdf.len() > DOCUMENT_BYTES_MAX {
            return Err(SignatureError::TooLong { bytes: pdf.len() });
        }
        let mut out = with_field(pdf, time)?;
        let find = |what: &[u8]| {
            let place = out[pdf.len()..].windows(what.len()).position(|window| window == what);
            place
                .map(|at| pdf.len() + at)
                .ok_or_else(|| SignatureError::Form { reason: "the signature's place is lost".to_owned() })
        };
        let zeros = [b"<".as_slice(), &vec![b'0'; ROOM_BYTES * 2]].concat();
        let open = find(&zeros)?;
        let close = open + zeros.len() + 1;
        let wide = WIDE.to_string();
        let first = find(wide.as_bytes())?;
        let numbers = format!("{open} {close} {}", out.len() - close);
        let room = wide.len() * 3 + 2;
        out[first..first + room].copy_from_slice(format!("{numbers:room$}").as_bytes());
        let digest = sha256_parts(&[&out[..open], &out[close..]]);
        Ok(Self { pdf: out, at: open + 1, signature: signer.sign(digest) })
    }

    /// What a time-stamp authority is asked to stamp.
    #[must_use]
    pub fn imprint(&self) -> [u8; 32] {
        self.signature.imprint()
    }

    /// The signed document, with `token` as the signature's time stamp. The token is not checked here.
    ///
    /// # Errors
    /// [`SignatureError::NoRoom`], [`SignatureError::Token`].
    pub fn finish(mut self, token: Option<&[u8]>) -> Result<Vec<u8>, SignatureError> {
        let digits = hex::encode(self.signature.to_der(token)?);
        if digits.len() > ROOM_BYTES * 2 {
            return Err(SignatureError::NoRoom { bytes: digits.len() / 2 });
        }
        self.pdf[self.at..self.at + digits.len()].copy_from_slice(digits.as_bytes());
        Ok(self.pdf)
    }
}

/// The document with an empty signature, whose places are to be filled.
fn with_field(pdf: &[u8], time: TimestampMs) -> Result<Vec<u8>, SignatureError> {
    let options = LoadOptions::with_max_decompressed_size(DOCUMENT_BYTES_MAX);
    let before = Document::load_mem_with_options(pdf, options)?;
    let root = before.trailer.get(b"Root")?.as_reference()?;
    let mut catalog = before.catalog()?.clone();
    if catalog.has(b"AcroForm") {
        return Err(SignatureError::HasForm);
    }
    let none = || SignatureError::Form { reason: "it has no page".to_owned() };
    let page_id = before.page_iter().next().ok_or_else(none)?;
    let mut page = before.get_dictionary(page_id)?.clone();
    let mut annotations = match page.get(b"Annots") {
        Ok(annotations) => before.dereference(annotations)?.1.as_array()?.clone(),
        Err(_) => Vec::new(),
    };
    let mut update = IncrementalDocument::create_from(pdf.to_vec(), before);
    let new = &mut update.new_document;
    let signature = new.add_object(signature_dictionary(time)?);
    let field = new.add_object(field(signature, page_id));
    annotations.push(field.into());
    page.set("Annots", annotations);
    catalog.set("AcroForm", dictionary! { "Fields" => vec![Object::from(field)], "SigFlags" => 3 });
    new.objects.insert(page_id, page.into());
    new.objects.insert(root, catalog.into());
    let mut out = Vec::new();
    update.save_to(&mut out).map_err(|error| SignatureError::Form { reason: error.to_string() })?;
    Ok(out)
}

fn signature_dictionary(time: TimestampMs) -> Result<Dictionary, SignatureError> {
    let text = time.rfc3339();
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    if digits.len() != 14 || !text.ends_with('Z') {
        return Err(SignatureError::Time(time));
    }
    Ok(dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "ByteRange" => vec![Object::from(0), WIDE.into(), WIDE.into(), WIDE.into()],
        "Contents" => Object::String(vec![0; ROOM_BYTES], StringFormat::Hexadecimal),
        "M" => Object::string_literal(format!("D:{digits}Z")),
    })
}

/// An invisible field: PDF/A asks for a look of those only that take up room.
fn field(signature: ObjectId, page: ObjectId) -> Dictionary {
    const PRINT_AND_LOCKED: i64 = 4 | 128;
    dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Object::string_literal("Signature"),
        "V" => signature,
        "P" => page,
        "F" => PRINT_AND_LOCKED,
        "Rect" => vec![Object::from(0), 0.into(), 0.into(), 0.into()],
    }
}
