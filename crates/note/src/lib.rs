//! The texts by which logs, witnesses and monitors of the C2SP family understand each other.
//!
//! - [`SignedNote`]: a text and the signatures under it (C2SP signed-note).
//! - [`VerifierKey`]: the name and the public key that tell whose signature a line claims to be.
//! - [`CheckpointBody`]: origin, size and root of a log, as the text of a note (C2SP tlog-checkpoint).
//! - [`Cosignature`]: a witness's timed signature over a checkpoint (C2SP tlog-cosignature, Ed25519 version 1).
//!
//! This crate formats and parses; it never signs or verifies. Whoever holds the keys signs [`SignedNote::text`] or
//! [`Cosignature::message`] and checks what [`SignedNote::signatures_by`] finds. Nor does it read a clock: the
//! time of a cosignature is an argument.
//!
//! Every text has one spelling: what parses is byte for byte what would be written again.

mod base64;
mod checkpoint;
mod cosignature;
mod key;
mod note;

pub use checkpoint::{CheckpointBody, CheckpointError, RootHash};
pub use cosignature::{Cosignature, CosignatureError};
pub use key::{Algorithm, KeyError, KeyId, VerifierKey, is_key_name};
pub use note::{
    NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, NoteSignature, SIGNATURE_BYTES_MAX, SignedNote,
};
