//! Cosignatures: a witness saw this checkpoint, at this time, and it continued all it had seen before.
//!
//! ```text
//! message   = "cosignature/v1\n" "time <seconds>\n" <checkpoint body>
//! signature = seconds (8 bytes, big-endian) || Ed25519 signature of the message (64 bytes)
//! ```
//!
//! The message does not name the witness, so no two witnesses may share a key. C2SP tlog-cosignature.

#[cfg(test)]
mod tests;

const TIME_BYTES: usize = 8;
const ED25519_BYTES: usize = 64;
/// The specification keeps the time a positive signed number.
const TIME_S_MAX: u64 = i64::MAX as u64;

/// The signature of an [`Algorithm::CosignatureV1`](crate::Algorithm::CosignatureV1) key, not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    time_s: u64,
    signature: [u8; ED25519_BYTES],
}

/// Why a time or bytes do not make a cosignature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignatureError {
    /// A time is at most 2^63 - 1.
    #[error("a cosignature cannot have the time {time_s}")]
    TimeOutside {
        /// Seconds since 1970.
        time_s: u64,
    },
    /// A time and a signature are 72 bytes.
    #[error("a cosignature has 72 bytes, not {bytes}")]
    WrongLength {
        /// The bytes given.
        bytes: usize,
    },
}

impl Cosignature {
    /// Bytes of [`Cosignature::to_bytes`].
    pub const BYTES: usize = TIME_BYTES + ED25519_BYTES;

    /// Returns what a witness signs at `time_s`, in seconds since 1970, for the whole text of a checkpoint,
    /// extension lines and last newline included.
    ///
    /// # Errors
    /// [`CosignatureError::TimeOutside`].
    pub fn message(time_s: u64, checkpoint: &str) -> Result<Vec<u8>, CosignatureError> {
        checked_time(time_s)?;
        Ok(format!("cosignature/v1\ntime {time_s}\n{checkpoint}").into_bytes())
    }

    /// Joins the time and the signature of the message of that time.
    ///
    /// # Errors
    /// [`CosignatureError::TimeOutside`].
    pub fn new(time_s: u64, signature: [u8; ED25519_BYTES]) -> Result<Self, CosignatureError> {
        checked_time(time_s)?;
        Ok(Self { time_s, signature })
    }

    /// Splits the signature of a note line, without the key id.
    ///
    /// # Errors
    /// [`CosignatureError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CosignatureError> {
        let wrong_length = CosignatureError::WrongLength { bytes: bytes.len() };
        let Some((time, signature)) = bytes.split_first_chunk::<TIME_BYTES>() else {
            return Err(wrong_length);
        };
        Self::new(u64::from_be_bytes(*time), signature.try_into().map_err(|_| wrong_length)?)
    }

    /// Returns the signature for a note line, without the key id.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..TIME_BYTES].copy_from_slice(&self.time_s.to_be_bytes());
        bytes[TIME_BYTES..].copy_from_slice(&self.signature);
        bytes
    }

    /// Returns the time the witness claims, in seconds since 1970.
    pub fn time_s(&self) -> u64 {
        self.time_s
    }

    /// Returns the Ed25519 signature of [`Cosignature::message`].
    pub fn signature(&self) -> &[u8; ED25519_BYTES] {
        &self.signature
    }
}

fn checked_time(time_s: u64) -> Result<(), CosignatureError> {
    if time_s <= TIME_S_MAX { Ok(()) } else { Err(CosignatureError::TimeOutside { time_s }) }
}
