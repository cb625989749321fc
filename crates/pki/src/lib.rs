//! Certificates of the alliance, their revocation, and RFC 3161 time stamps.
//!
//! The crate issues (root, issuing authority, institution seal, time-stamping; revocation lists; time-stamp tokens) and judges what was
//! issued, by us or by others. It never reads a clock, a file, the network or randomness: times are unix seconds and serial numbers are
//! bytes that the caller passes, and ECDSA nonces are derived from key and message (RFC 6979). Equal inputs give equal bytes, and it
//! builds for `wasm32-unknown-unknown`, because the verifier in the browser uses it.
//!
//! # Invariants
//! - Everything is decoded strictly: what does not encode back to the very same bytes is refused, trailing bytes included.
//! - Path validation covers our profiles and authorities like them: ECDSA P-256 with SHA-256, no name constraints, no policy
//!   constraints, no partial or indirect revocation lists. What is not understood is refused, never skipped.
//! - RSA, P-384 and SM2 are not verified: the answer names the algorithm as unsupported.

mod certificate;
mod chain;
mod crl;
mod encoding;
mod issuance;
mod key;
mod signature;
pub mod timestamp;

#[cfg(test)]
mod openssl_tests;
#[cfg(test)]
mod testkit;

pub use certificate::{SEAL_URI_PREFIX, Validity, X509Certificate};
pub use chain::{
    CertificateRef, ChainError, INTERMEDIATES_MAX, Misuse, PATH_CERTIFICATES_MAX, Purpose, RevocationPolicy,
    Trust, Validated, validate,
};
pub use crl::{Crl, RevocationReason, RevokedCertificate};
pub use der::asn1::ObjectIdentifier;
pub use encoding::EncodingError;
pub use issuance::{CertificateAuthority, CertificateTemplate, CrlTemplate, IssueError, Profile, Subject};
pub use key::{KeyError, P256Key, P256PublicKey, PublicKey};
pub use signature::{DetachedSignature, DocumentSigner, SignerError};
