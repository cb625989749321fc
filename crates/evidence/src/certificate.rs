//! The certificate: one self-contained file that proves a record to whoever trusts the ledger's id.

use minicbor::{Decode, Decoder, Encode};
use xiezhi_merkle::Hash;
use xiezhi_types::{CborError, LogIndex, canonical, from_canonical};

use crate::{
    account::{Account, KEYS_MAX},
    alliance::Alliance,
    checkpoint::Checkpoint,
    encoding::Encoding,
    manifest::Manifest,
    seal::Seal,
    state_proof::StateProof,
};

/// The version of a certificate of term 0: without history.
pub const VERSION: u32 = 1;
/// The version of a certificate of a later term: with the history that leads to it.
pub const VERSION_HISTORY: u32 = 2;
/// The version of a certificate of a record made in another account's name: with that account; in term 0 the history is empty.
pub const VERSION_GRANTOR: u32 = 3;
/// Most links in a history.
pub const HISTORY_MAX: usize = 256;
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
    #[error(
        "certificate version {found} is unknown; this software reads versions {VERSION} to {VERSION_GRANTOR}"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// A part that is out of its bounds.
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

/// An account after the sealed block, and the proof of it under the checkpoint's state root.
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

/// A change of the alliance, proven to whoever trusts the term before it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TermLink {
    /// A checkpoint of the term that ends, at which the next is decided.
    #[n(1)]
    pub checkpoint: Checkpoint,
    /// Seals by that term's members, sorted by institution.
    #[n(2)]
    pub seals: Vec<CertifiedSeal>,
    /// Time stamps over the checkpoint.
    #[n(3)]
    pub timestamps: Vec<TimeStamp>,
    /// Certificate revocation lists (DER) of the authorities in the link's chains.
    #[cbor(n(4), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
    /// The alliance then: its term is the one that ends, its next term the one that is trusted thereafter.
    #[n(5)]
    pub alliance: Alliance,
    /// The proof of it under the checkpoint's state root.
    #[n(6)]
    pub proof: StateProof,
}

impl TermLink {
    /// Reads a link's one encoding. Proves nothing.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let link: Self = from_canonical("a link of the history", bytes)?;
        check_witnesses(&link.seals, &link.timestamps, &link.revocations)?;
        Ok(link)
    }

    /// Its encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }
}

/// The certificate. Everything a verifier needs but the trust in the ledger's id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// [`VERSION`], or with a history [`VERSION_HISTORY`], or with a grantor [`VERSION_GRANTOR`].
    #[n(1)]
    pub version: u32,
    /// The ledger's genesis: its hash is the ledger's id.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub genesis: Vec<u8>,
    /// Changes of institutions and policy since genesis, oldest first: encoded [`TermLink`]s, none in version 1.
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
    /// The account in whose name the record was made, at that time; only in version 3.
    #[n(15)]
    pub grantor: Option<AccountProof>,
}

impl Certificate {
    /// The version that a certificate with these parts has.
    #[must_use]
    pub fn version_of(history: &[Vec<u8>], grantor: Option<&AccountProof>) -> u32 {
        match (history.is_empty(), grantor) {
            (_, Some(_)) => VERSION_GRANTOR,
            (true, None) => VERSION,
            (false, None) => VERSION_HISTORY,
        }
    }

    /// Reads a certificate's one encoding. Proves nothing: that is `verify`'s.
    ///
    /// [`CborError::NotCanonical`] is for what is well formed but not deterministic; another shape is always the other errors.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let body = body(bytes)?;
        let known = [VERSION, VERSION_HISTORY, VERSION_GRANTOR].map(u64::from);
        if let Some(found) = version(body).filter(|found| !known.contains(found)) {
            return Err(CertificateError::Version { found });
        }
        let certificate: Self = deterministic(body)?;
        let (links, grantor) = (certificate.history.len(), certificate.grantor.as_ref());
        if links > HISTORY_MAX || certificate.version != Self::version_of(&certificate.history, grantor) {
            let with = if grantor.is_some() { " and a grantor" } else { "" };
            let reason = format!("{links} links{with} in version {}", certificate.version);
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
        check_witnesses(&certificate.seals, &certificate.timestamps, &certificate.revocations)?;
        Ok(certificate)
    }

    fn check_counts(&self) -> Result<(), CertificateError> {
        for proven in std::iter::once(&self.account).chain(&self.grantor) {
            let keys = proven.account.keys.len();
            if !(1..=KEYS_MAX).contains(&keys) {
                let reason = format!("{keys}, 1 to {KEYS_MAX} are allowed");
                return Err(CertificateError::Field { field: "account.keys", reason });
            }
        }
        Ok(())
    }

    /// Its encoding: the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(canonical(self));
        bytes
    }
}

/// What follows the first bytes, if the file is not too long.
pub(crate) fn body(bytes: &[u8]) -> Result<&[u8], CertificateError> {
    let body = bytes.strip_prefix(&MAGIC).ok_or(CertificateError::Magic)?;
    if bytes.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateError::TooLong { bytes: bytes.len() });
    }
    Ok(body)
}

/// Bounds what a verifier has to look at beside a checkpoint, and the order of seals.
pub(crate) fn check_witnesses(
    seals: &[CertifiedSeal],
    timestamps: &[TimeStamp],
    revocations: &[Vec<u8>],
) -> Result<(), CertificateError> {
    let chain = seals.iter().map(|seal| seal.chain.len()).max().unwrap_or(0);
    let counts = [
        ("seals", seals.len(), crate::genesis::INSTITUTIONS_MAX),
        ("seals.chain", chain, CHAIN_CERTIFICATES_MAX),
        ("timestamps", timestamps.len(), TIMESTAMPS_MAX),
        ("revocations", revocations.len(), REVOCATIONS_MAX),
    ];
    if let Some((field, found, max)) = counts.into_iter().find(|(_, found, max)| found > max) {
        return Err(CertificateError::Field { field, reason: format!("{found}, at most {max} are allowed") });
    }
    if seals.windows(2).any(|pair| pair[0].seal.institution >= pair[1].seal.institution) {
        let reason = "must be sorted by institution, one of each".to_owned();
        return Err(CertificateError::Field { field: "seals", reason });
    }
    Ok(())
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
