//! The parts of COSE (RFC 9052, RFC 9338) that statements and seals are made of.

use minicbor::{Decoder, Encoder, data::Type, decode};
use xiezhi_crypto::KeyId;

/// COSE_Sign1's tag.
pub const TAG_SIGN1: u64 = 18;
/// Header label of the algorithm.
pub const LABEL_ALG: i64 = 1;
/// Header label of the list of labels that must be understood.
pub const LABEL_CRIT: i64 = 2;
/// Header label of the payload's content type.
pub const LABEL_CONTENT_TYPE: i64 = 3;
/// Header label of the key identifier.
pub const LABEL_KID: i64 = 4;
/// Header label of countersignatures, version 2 (RFC 9338).
pub const LABEL_COUNTERSIGNATURES: i64 = 11;
/// Header label of CWT claims (RFC 9597).
pub const LABEL_CLAIMS: i64 = 15;
/// Header label of receipts (RFC 9942).
pub const LABEL_RECEIPTS: i64 = 394;
/// Header label of the verifiable data structure (RFC 9942).
pub const LABEL_VDS: i64 = 395;
/// Header label of the verifiable data structure's proofs (RFC 9942).
pub const LABEL_VDP: i64 = 396;
/// Private header label: SHA-256 of the checkpoint that a seal's receipt covers.
pub const LABEL_CHECKPOINT: i64 = -65_701;
/// Private claim: the account in whose name the issuer states.
pub const CLAIM_GRANTOR: i64 = -65_702;

/// `Sig_structure` of a COSE_Sign1 without external data: what the signature covers.
#[must_use]
pub fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(protected.len() + payload.len() + 32));
    let done = e
        .array(4)
        .and_then(|e| e.str("Signature1"))
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(&[]))
        .and_then(|e| e.bytes(payload));
    debug_assert!(done.is_ok());
    e.into_writer()
}

/// `Countersign_structure` over a whole COSE_Sign1 (RFC 9338, section 3.3): what a further signer of the same content signs.
#[must_use]
pub fn countersign_structure(protected: &[u8], signer: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(protected.len() + payload.len() + 160));
    let done = e
        .array(6)
        .and_then(|e| e.str("CounterSignatureV2"))
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(signer))
        .and_then(|e| e.bytes(&[]))
        .and_then(|e| e.bytes(payload))
        .and_then(|e| e.array(1))
        .and_then(|e| e.bytes(signature));
    debug_assert!(done.is_ok());
    e.into_writer()
}

/// Protected header that names an algorithm and a key and nothing else.
#[must_use]
pub fn signer_header(alg: i64, kid: KeyId) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(16));
    let done = e
        .map(2)
        .and_then(|e| e.i64(LABEL_ALG))
        .and_then(|e| e.i64(alg))
        .and_then(|e| e.i64(LABEL_KID))
        .and_then(|e| e.bytes(&kid.0));
    debug_assert!(done.is_ok());
    e.into_writer()
}

/// Reads a definite-length map header.
pub(crate) fn map_len(d: &mut Decoder<'_>, what: &str) -> Result<u64, decode::Error> {
    d.map()?.ok_or_else(|| decode::Error::message(format!("{what} must be a map of definite length")))
}

/// Reads a definite-length array header of exactly `len` elements.
pub(crate) fn array_of(d: &mut Decoder<'_>, len: u64, what: &str) -> Result<(), decode::Error> {
    match d.array()? {
        Some(found) if found == len => Ok(()),
        found => Err(decode::Error::message(format!("{what} must be an array of {len}, not {found:?}"))),
    }
}

/// Reads a header label when it is an integer; other labels are skipped by the caller as `None`.
pub(crate) fn label(d: &mut Decoder<'_>) -> Result<Option<i64>, decode::Error> {
    match d.datatype()? {
        Type::String => d.str().map(|_| None),
        _ => d.i64().map(Some),
    }
}

/// Reads a key identifier of ours: eight bytes.
pub(crate) fn kid(d: &mut Decoder<'_>) -> Result<KeyId, decode::Error> {
    let bytes = d.bytes()?;
    let fixed = bytes
        .try_into()
        .map_err(|_| decode::Error::message(format!("kid has 8 bytes, not {}", bytes.len())))?;
    Ok(KeyId(fixed))
}
