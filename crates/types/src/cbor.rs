//! Deterministic CBOR (RFC 8949, section 4.2.1): one value has one encoding, and only that one is read.
//!
//! The decoder underneath accepts long-form integers and trailing bytes; reading here re-encodes and compares, so both are refused.

use minicbor::{Decode, Encode};

/// Why bytes are not the one encoding of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// Not CBOR, or not of the expected shape.
    #[error("{what} is not well-formed: {reason}")]
    Malformed {
        /// Which object was read.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Well-formed, but not the deterministic encoding of its value, or followed by other bytes.
    #[error("{what} is not in its canonical encoding ({bytes} bytes read)")]
    NotCanonical {
        /// Which object was read.
        what: &'static str,
        /// Length of the input in bytes.
        bytes: usize,
    },
}

/// Whether `version`, which the object `what` says it is of, is `known`.
///
/// # Errors
/// [`CborError::Malformed`].
pub fn known_version(what: &'static str, version: u32, known: u32) -> Result<(), CborError> {
    if version == known {
        return Ok(());
    }
    let reason = format!("version {version}, this software reads {known}");
    Err(CborError::Malformed { what, reason })
}

/// Encodes `value`; with the derived encoders of this workspace the result is the deterministic encoding.
pub fn canonical<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Reads `bytes` as `T`, refusing every encoding but the deterministic one.
///
/// # Errors
/// [`CborError`]; `what` names the object in the message.
pub fn from_canonical<T>(what: &'static str, bytes: &[u8]) -> Result<T, CborError>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    from_canonical_with(what, bytes, &mut Vec::with_capacity(bytes.len()))
}

/// [`from_canonical`] with `scratch` for the comparison, whose content is lost: for who reads many.
///
/// # Errors
/// As there.
pub fn from_canonical_with<T>(what: &'static str, bytes: &[u8], scratch: &mut Vec<u8>) -> Result<T, CborError>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let value: T =
        minicbor::decode(bytes).map_err(|e| CborError::Malformed { what, reason: e.to_string() })?;
    scratch.clear();
    write(&value, scratch);
    if scratch != bytes {
        return Err(CborError::NotCanonical { what, bytes: bytes.len() });
    }
    Ok(value)
}

fn write<T: Encode<()>>(value: &T, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail, and no encoder here has an error of its own.
    if minicbor::encode(value, out).is_err() {
        unreachable!("encoding into memory");
    }
}

/// Lists of 32-byte strings: proof paths.
pub mod hashes {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    /// Longest proof path in any object: RFC 9162 paths have at most 64 steps, consistency proofs one more.
    pub const LEN_MAX: u64 = 65;

    /// Encodes a definite-length array of 32-byte strings.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode<C, W: Write>(
        value: &[[u8; 32]],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(value.len() as u64)?;
        for hash in value {
            e.bytes(hash)?;
        }
        Ok(())
    }

    /// Decodes an array of at most [`LEN_MAX`] strings of 32 bytes.
    ///
    /// # Errors
    /// When an element is of another type or length, or the array is too long.
    pub fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Vec<[u8; 32]>, DecodeError> {
        decode_up_to(LEN_MAX, d, ctx)
    }

    /// [`decode`] with another bound.
    ///
    /// # Errors
    /// As there.
    pub fn decode_up_to<C>(
        len_max: u64,
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Vec<[u8; 32]>, DecodeError> {
        let len = d.array()?.ok_or_else(|| DecodeError::message("an array of definite length is needed"))?;
        if len > len_max {
            return Err(DecodeError::message(format!("{len} hashes in a path, at most {len_max}")));
        }
        let hash = |bytes: &[u8]| {
            bytes
                .try_into()
                .map_err(|_| DecodeError::message(format!("a hash has 32 bytes, not {}", bytes.len())))
        };
        (0..len).map(|_| hash(d.bytes()?)).collect()
    }
}

/// Lists of byte strings.
pub mod blobs {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    /// Encodes a definite-length array of byte strings.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode<C, W: Write>(
        value: &[Vec<u8>],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(value.len() as u64)?;
        for blob in value {
            e.bytes(blob)?;
        }
        Ok(())
    }

    /// Decodes an array of byte strings.
    ///
    /// # Errors
    /// When an element is of another type or the array has no stated length.
    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<Vec<u8>>, DecodeError> {
        let len = d.array()?.ok_or_else(|| DecodeError::message("an array of definite length is needed"))?;
        (0..len).map(|_| Ok(d.bytes()?.to_vec())).collect()
    }
}
