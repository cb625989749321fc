//! RFC 3161 time stamps: requests, responses, an authority, and the judge of anybody's tokens.
//!
//! ```text
//! TimeStampResp          status, and when granted:
//!   ContentInfo          id-signedData (RFC 5652)
//!     SignedData v3      digest SHA-256, certificates: the path, nothing else; no revocation lists
//!       eContent         TSTInfo: imprint, time, serial number, policy, nonce
//!       SignerInfo v1    issuer and serial number; ECDSA P-256 with SHA-256; no unsigned attributes
//!         signedAttrs    content type, message digest, signing certificate v2 (RFC 5035, RFC 5816)
//! ```
//!
//! # What is not malleable
//! No single byte of a token that verifies can change: unsigned parts are required to be absent or to equal what is signed, and every
//! encoding is canonical. Four freedoms of more than a byte remain, because honest signers use all sides of them:
//! - certificates of the path may be left out when the verifier has them from elsewhere, and the root may be carried along;
//! - certificates stand in DER order or in path order;
//! - the parameters of SHA-256 outside the signature are absent or NULL, in both places alike;
//! - ECDSA lets `s` become `n - s`.
//!
//! None of them changes what is proved. Do not identify a token by its hash.

mod authority;
pub(crate) mod cms;
mod gen_time;
mod message;
mod verification;

pub use authority::{AuthorityError, TimeStampAuthority};
pub use gen_time::GenTime;
pub use message::{FailInfo, REQUEST_BYTES_MAX, TimeStampRequest, TimeStampResponse};
pub use verification::{RESPONSE_BYTES_MAX, TokenError, TokenInfo, verify_response, verify_token};
