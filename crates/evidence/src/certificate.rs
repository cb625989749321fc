//! The certificate: one self-contained file that proves a record to whoever trusts the ledger's id.

use minicbor::{Decode, Decoder, Encode};
use xiezhi_merkle::Hash;
use xiezhi_types::{CborError, LogIndex, canonical, from_canonical};

use crate::{
    account::{Account, KEYS_MAX},
    checkpoint::Checkpoint,
    encoding::Encoding,
    manifest::Manifest,
    seal::Seal,
    state_proof::StateProof,
};

/// The format's version.
pub const VERSION: u32 = 1;
/// First bytes of every certificate: CBOR tag 55799 (self-described CBOR, RFC 8949, section 3.4.6) and a map's version entry follow.
pub const MAGIC: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// Longest certificate that is read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 4 << 20;

/// Most certificates with a seal: with the root they make the longest path.
pub const CHAIN_CERTIFICATES_MAX: usize = 5;
/// Most time stamps in a certificate.
pub const TIMESTAMPS_MAX: usize = 16;
/// Most revocation lists in a certificate.
pub const REVOCATIONS_MAX: usize = 32;

/// Why bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not begin as one.
    #[error("not a Xiezhi certificate: it does not begin with d9d9f7")]
    Magic,
    /// Longer than [`CERTIFICATE_BYTES_MAX`].
    #[error("the file has {bytes} bytes, a certificate at most {CERTIFICATE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not the one encoding of a certificate.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Another version.
    #[error("certificate version {found} is unknown; this software reads version {VERSION}")]
    Version {
        /// The version found.
        found: u64,
    },
    /// A part that version 1 does not have.
    #[error("certificate: {field}: {reason}")]
    Field {
        /// The part.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where an item lies in its batch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BatchPlace {
    /// Its index in the batch, from 0.
    #[n(1)]
    pub index: u32,
    /// The item's encoding.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub item: Vec<u8>,
    /// Inclusion path in the batch's tree.
    #[cbor(n(3), with = "xiezhi_types::cbor::hashes")]
    pub path: Vec<Hash>,
}

/// The issuing account after the sealed block, and the proof of it under the checkpoint's state root.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountProof {
    /// The account.
    #[n(1)]
    pub account: Account,
    /// The proof.
    #[n(2)]
    pub proof: StateProof,
}

/// A seal with the X.509 chain of its key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CertifiedSeal {
    /// The seal.
    #[n(1)]
    pub seal: Seal,
    /// The institution's X.509 certificate (DER), then intermediate ones; the root is in the genesis.
    #[cbor(n(2), with = "xiezhi_types::cbor::blobs")]
    pub chain: Vec<Vec<u8>>,
}

/// A time-stamp token over the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TimeStamp {
    /// RFC 3161 TimeStampToken (DER), its signer's certificate inside.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub token: Vec<u8>,
}

/// The certificate. Everything a verifier needs but the trust in the ledger's id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// [`VERSION`].
    #[n(1)]
    pub version: u32,
    /// The ledger's genesis: its hash is the ledger's id.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub genesis: Vec<u8>,
    /// Changes of institutions and policy since genesis, oldest first. Version 1 knows none: empty.
    #[cbor(n(3), with = "xiezhi_types::cbor::blobs")]
    pub history: Vec<Vec<u8>>,
    /// The record's place in the log.
    #[n(4)]
    pub index: LogIndex,
    /// The statement: the leaf.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub statement: Vec<u8>,
    /// For an item of a batch: which.
    #[n(6)]
    pub batch: Option<BatchPlace>,
    /// The depositor's manifest, whole or with fields closed; added by the depositor, unknown to the ledger.
    #[n(7)]
    pub manifest: Option<Manifest>,
    /// The issuing account at that time.
    #[n(8)]
    pub account: AccountProof,
    /// The checkpoint.
    #[n(9)]
    pub checkpoint: Checkpoint,
    /// Inclusion path of the record under SHA-256.
    #[cbor(n(10), with = "xiezhi_types::cbor::hashes")]
    pub path_sha256: Vec<Hash>,
    /// Inclusion path of the record under SM3.
    #[cbor(n(11), with = "xiezhi_types::cbor::hashes")]
    pub path_sm3: Vec<Hash>,
    /// Institutions' seals, sorted by institution.
    #[n(12)]
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps over the checkpoint.
    #[n(13)]
    pub timestamps: Vec<TimeStamp>,
    /// Certificate revocation lists (DER) of the authorities in the chains.
    #[cbor(n(14), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
}

impl Certificate {
    /// Reads a certificate's one encoding. Proves nothing: that is `verify`'s.
    ///
    /// [`CborError::NotCanonical`] is for what is well formed but not deterministic; another shape is always the other errors.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let body = bytes.strip_prefix(&MAGIC).ok_or(CertificateError::Magic)?;
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLong { bytes: bytes.len() });
        }
        if let Some(found) = version(body).filter(|found| *found != u64::from(VERSION)) {
            return Err(CertificateError::Version { found });
        }
        let certificate: Self = deterministic(body)?;
        if !certificate.history.is_empty() {
            let reason = "version 1 knows no changes since genesis".to_owned();
            return Err(CertificateError::Field { field: "history", reason });
        }
        certificate.check_counts()?;
        if let Some(manifest) = &certificate.manifest {
            let wrong = |e: crate::ManifestError| CertificateError::Field {
                field: "manifest",
                reason: e.to_string(),
            };
            manifest.check().map_err(wrong)?;
        }
        let names: Vec<_> = certificate.seals.iter().map(|s| &s.seal.institution).collect();
        if names.windows(2).any(|pair| pair[0] >= pair[1]) {
            let reason = "must be sorted by institution, one of each".to_owned();
            return Err(CertificateError::Field { field: "seals", reason });
        }
        Ok(certificate)
    }

    /// Bounds what a verifier has to look at.
    fn check_counts(&self) -> Result<(), CertificateError> {
        let chain = self.seals.iter().map(|seal| seal.chain.len()).max().unwrap_or(0);
        let counts = [
            ("seals", self.seals.len(), crate::genesis::INSTITUTIONS_MAX),
            ("seals.chain", chain, CHAIN_CERTIFICATES_MAX),
            ("timestamps", self.timestamps.len(), TIMESTAMPS_MAX),
            ("revocations", self.revocations.len(), REVOCATIONS_MAX),
            ("account.keys", self.account.account.keys.len(), KEYS_MAX),
        ];
        if self.account.account.keys.is_empty() {
            return Err(CertificateError::Field { field: "account.keys", reason: "none".to_owned() });
        }
        match counts.into_iter().find(|(_, found, max)| found > max) {
            Some((field, found, max)) => {
                Err(CertificateError::Field { field, reason: format!("{found}, at most {max} are allowed") })
            }
            None => Ok(()),
        }
    }

    /// Its encoding: the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(canonical(self));
        bytes
    }
}

/// The number under key 1, if that is the first: another version may have another shape.
fn version(body: &[u8]) -> Option<u64> {
    let mut d = Decoder::new(body);
    let entries = d.map().ok()??;
    (entries > 0 && d.u64().ok()? == 1).then(|| d.u64().ok())?
}

/// Reads `body`: first whether it is well formed, then whether it is deterministic, then its shape.
fn deterministic(body: &[u8]) -> Result<Certificate, CborError> {
    let what = "the certificate";
    let malformed = |reason: &str| CborError::Malformed { what, reason: reason.to_owned() };
    let found = Encoding::of(body).ok_or_else(|| malformed("not CBOR of definite lengths"))?;
    if found.bytes != body.len() || !found.shortest || !found.sorted {
        return Err(CborError::NotCanonical { what, bytes: body.len() });
    }
    from_canonical(what, body).map_err(|error| match error {
        CborError::NotCanonical { .. } => malformed("it has a key that is not listed"),
        other => other,
    })
}

#[cfg(test)]
mod tests;
