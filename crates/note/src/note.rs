//! Signed notes.
//!
//! ```text
//! <text, of one or more lines>
//!                                              an empty line; the last one of the note counts
//! — <key name> base64(<key id> || <signature>)  one line per signature
//! ```
//!
//! C2SP signed-note, "Format".

use std::fmt;

use crate::base64;
use crate::key::{KeyId, VerifierKey, is_key_name};

#[cfg(test)]
mod tests;

/// The signatures of a note that are read; the specification asks for 16 at least.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// The bytes of a note that are read: room for as many post-quantum signatures, and for the text.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The bytes of one signature, without the key id; those of ML-DSA-87 have 4,627.
pub const SIGNATURE_BYTES_MAX: usize = 8 << 10;

const SIGNATURE_PREFIX: &str = "\u{2014} ";
const KEY_ID_BYTES: usize = size_of::<KeyId>();

/// A text and the signatures under it, none of them checked.
///
/// The text means nothing until a signature by a trusted key has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: KeyId,
    signature: Vec<u8>,
}

/// Why bytes or parts do not make a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More than [`NOTE_BYTES_MAX`].
    #[error("the note has {bytes} bytes, more than are read")]
    TooLong {
        /// The bytes of the note.
        bytes: usize,
    },
    /// Notes are UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// The text does not end in a newline, or has a control character other than newline.
    #[error("the text of the note does not end in a newline or has a control character")]
    BadText,
    /// There is no empty line, no signature after it, or no newline at the end.
    #[error("the note has no signatures")]
    Unsigned,
    /// More than [`NOTE_SIGNATURES_MAX`].
    #[error("the note has {signatures} signatures, more than are read")]
    TooManySignatures {
        /// The signatures of the note.
        signatures: usize,
    },
    /// A line after the empty line is not a signature; signatures count from 0.
    #[error("signature {signature} of the note is malformed")]
    BadSignatureLine {
        /// The line after the empty line, from 0.
        signature: usize,
    },
    /// The name is not one a key can have, or the signature is empty or longer than [`SIGNATURE_BYTES_MAX`].
    #[error("the signature is empty or too long, or its key has no proper name")]
    BadSignature,
}

impl NoteSignature {
    /// Makes a signature line of what the key called `name`, with that id, has signed.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`].
    pub fn new(
        name: impl Into<String>,
        key_id: KeyId,
        signature: impl Into<Vec<u8>>,
    ) -> Result<Self, NoteError> {
        let (name, signature) = (name.into(), signature.into());
        if is_key_name(&name) && (1..=SIGNATURE_BYTES_MAX).contains(&signature.len()) {
            Ok(Self { name, key_id, signature })
        } else {
            Err(NoteError::BadSignature)
        }
    }

    /// Makes the signature line of `key`.
    ///
    /// # Errors
    /// As [`NoteSignature::new`].
    pub fn by(key: &VerifierKey, signature: impl Into<Vec<u8>>) -> Result<Self, NoteError> {
        Self::new(key.name(), key.key_id(), signature)
    }

    /// Reads one line without its newline, as a witness answers with.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`].
    pub fn from_line(line: &str) -> Result<Self, NoteError> {
        let parts = line.strip_prefix(SIGNATURE_PREFIX).and_then(|rest| rest.split_once(' '));
        let (name, blob) = parts.ok_or(NoteError::BadSignature)?;
        let blob = base64::decode(blob).ok_or(NoteError::BadSignature)?;
        let (key_id, signature) = blob.split_first_chunk::<KEY_ID_BYTES>().ok_or(NoteError::BadSignature)?;
        Self::new(name, *key_id, signature)
    }

    /// Returns the name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id of the key that is said to have signed.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Returns the signature without the key id, whatever its algorithm made.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Writes the line without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [&self.key_id, self.signature.as_slice()].concat();
        write!(f, "{SIGNATURE_PREFIX}{} {}", self.name, base64::encode(&blob))
    }
}

impl SignedNote {
    /// Puts signatures under a text.
    ///
    /// # Errors
    /// [`NoteError`]; what comes out can always be read back.
    pub fn new(text: impl Into<String>, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let note = Self { text: text.into(), signatures };
        note.check()?;
        Ok(note)
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`]; anything that would not be written the same way again is refused.
    pub fn from_bytes(note: &[u8]) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes: note.len() });
        }
        let note = str::from_utf8(note).map_err(|_| NoteError::NotUtf8)?;
        // The text may have empty lines itself: only the last one separates.
        let separator = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=separator], &note[separator + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let count = lines.split('\n').count();
        if count > NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures { signatures: count });
        }
        let signature = |(signature, line)| {
            NoteSignature::from_line(line).map_err(|_| NoteError::BadSignatureLine { signature })
        };
        let signatures = lines.split('\n').enumerate().map(signature).collect::<Result<_, _>>()?;
        Self::new(text, signatures)
    }

    /// Adds a signature below the others, unless the same line is there already.
    ///
    /// # Errors
    /// [`NoteError`]; the note is then unchanged.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        self.signatures.push(signature);
        self.check().inspect_err(|_| {
            self.signatures.pop();
        })
    }

    /// Returns the text, its last newline included: exactly what an [`Ed25519`](crate::Algorithm::Ed25519) key signs.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns all signatures in the order of their lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Returns the signatures said to be by `key`: those of its name and id.
    ///
    /// A note with one of these that does not verify is to be refused as a whole; all others are to be ignored.
    pub fn signatures_by(&self, key: &VerifierKey) -> impl Iterator<Item = &NoteSignature> {
        let (name, key_id) = (key.name().to_owned(), key.key_id());
        self.signatures.iter().filter(move |signature| signature.key_id == key_id && signature.name == name)
    }

    fn check(&self) -> Result<(), NoteError> {
        if !self.text.ends_with('\n') || self.text.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoteError::BadText);
        }
        match self.signatures.len() {
            0 => return Err(NoteError::Unsigned),
            signatures @ ..=NOTE_SIGNATURES_MAX => signatures,
            signatures => return Err(NoteError::TooManySignatures { signatures }),
        };
        match self.to_string().len() {
            ..=NOTE_BYTES_MAX => Ok(()),
            bytes => Err(NoteError::TooLong { bytes }),
        }
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
