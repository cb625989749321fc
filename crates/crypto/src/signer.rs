//! Whatever holds a signing key: this process's memory, a token, a server elsewhere.

use std::{fmt, sync::Arc};

use crate::keys::{PublicKey, SIGNATURE_BYTES, SigningKey};

/// Why a key did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign: {reason}")]
pub struct SigningError {
    /// What the keeper of the key says.
    pub reason: String,
}

/// Something that holds a key and signs with it: memory, or a device that never gives it away.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs `message`; as many bytes as [`crate::SignatureAlg::signature_bytes`] says.
    ///
    /// # Errors
    /// [`SigningError`]; keys in memory have none.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;

    /// Signs `message` with a key on a curve.
    ///
    /// # Errors
    /// [`SigningError`], also for a key of another kind.
    fn sign_on_curve(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SigningError> {
        self.sign(message)?.try_into().map_err(|signature: Vec<u8>| SigningError {
            reason: format!("a signature of {} bytes, not {SIGNATURE_BYTES}", signature.len()),
        })
    }
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn public_key(&self) -> PublicKey {
        (**self).public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        (**self).sign(message)
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> PublicKey {
        SigningKey::public_key(self)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(SigningKey::sign(self, message))
    }
}
