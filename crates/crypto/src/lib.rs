//! Signature suites and digests, each under its registered name.
//!
//! Every digest and every signature in Xiezhi names its algorithm with a COSE number (RFC 9053, RFC 9054; SM2 and SM3 have none and use
//! the private range, see [`DigestAlg::cose`] and [`SignatureAlg::cose`]). Each suite has one rule of validity, single and batched:
//! Ed25519 is ZIP-215, which batch checks agree with by construction.
//!
//! The crate reads no randomness: seeds and batch entropy are arguments, signatures are deterministic.

mod batch;
mod digest;
mod keys;
mod signer;

pub use batch::{BatchItem, verify_all};
pub use digest::{Digest, DigestAlg, DigestError, DigestHasher, sha256, sha256_parts, sm3};
pub use keys::{KeyError, KeyId, PublicKey, SIGNATURE_BYTES, SignatureAlg, SignatureError, SigningKey};
pub use signer::{Signer, SigningError};
