//! Certificates of the alliance, their revocation, and RFC 3161 time stamps.
//!
//! The crate asks (PKCS#10), issues (certificates in the profiles of [`Profile`]; revocation lists; OCSP answers; time-stamp tokens) and
//! judges what was issued, by us or by others. It never reads a clock, a file, the network or randomness: times are unix seconds and serial numbers are
//! bytes that the caller passes, and ECDSA nonces are derived from key and message (RFC 6979). Equal inputs give equal bytes, and it
//! builds for `wasm32-unknown-unknown`, because the verifier in the browser uses it.
//!
//! # Invariants
//! - Everything is decoded strictly: what does not encode back to the very same bytes is refused, trailing bytes included.
//! - Path validation covers our profiles and authorities like them: no name constraints, no policy constraints, no partial or indirect
//!   revocation lists. What is not understood is refused, never skipped.
//! - The purpose of a validation says which suites it allows ([`Purpose::suites`]): ECDSA P-256 with SHA-256 alone behind seals and time
//!   stamps, which the specifications fix; P-256, Ed25519 and SM2 for everything else. RSA, P-384 and whatever a purpose does not allow are
//!   not verified: the answer names the algorithm as unsupported.

mod certificate;
mod chain;
mod crl;
mod encoding;
mod issuance;
mod key;
pub mod ocsp;
mod profile;
mod request;
mod signature;
mod signer;
mod suite;
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
pub use encoding::{EncodingError, pem_blocks};
pub use issuance::{
    CertificateAuthority, CertificateTemplate, CrlTemplate, IssueError, Subject, serial_number,
};
pub use key::{KeyError, P256Key, P256PublicKey, PublicKey, Sm2PublicKey, ecdsa_der};
pub use profile::{ENTERPRISE_URI_PREFIX, NODE_URI_PREFIX, OFFICER_URI_PREFIX, PERSON_URI_PREFIX, Profile};
pub use request::{CertificationRequest, RequestError};
pub use signature::{DetachedSignature, DocumentSigner, SignerError};
pub use signer::{SigningKey, signature};
pub use suite::Suite;
