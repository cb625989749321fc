//! The bundle: one manifest and the proofs of all who took it, in one file; and its verdict, leg by leg.
//!
//! ```text
//! manifest (salted fields) --root--> statement on ledger A --> certificate of A     leg 1
//!    | sink.01, sink.02, ...   \---> statement on ledger B --> certificate of B     leg 2
//!    |                          \--> RFC 3161 request      --> token of authority C leg 3
//!    +-- says which legs there must be: a bundle that lacks one is not whole
//! ```
//!
//! The file is `d9d9f7` and one canonical CBOR map, see docs/specs/bundle.md. A certificate in it has no manifest of its own: the bundle's is
//! put in before it is judged, so there is one manifest and every leg commits to it. The imprint of a token is the manifest's root.
//!
//! The crate reads no clock, file or network. Whom to trust is an argument for each kind of leg; a leg of somebody whom the reader does not
//! trust is unknown, and so is the whole.

mod verdict;

use minicbor::{Decode, Encode};
use xiezhi_crypto::sha256;
use xiezhi_evidence::{Manifest, Value};
use xiezhi_types::{CborError, LedgerId, canonical, from_canonical};

pub use verdict::{BundleVerdict, Finding, Input, Leg as LegVerdict, verify};

/// Name and version of the format: the first entry of the map.
pub const FORMAT: &str = "xiezhi-bundle/1";
/// First bytes, as of a certificate: self-described CBOR.
pub const MAGIC: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// Longest bundle that is read, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 32 << 20;
/// Most legs.
pub const LEGS_MAX: usize = 16;
/// Most revocation lists in a leg.
pub const LISTS_MAX: usize = 8;
/// What the names of the manifest's fields that list the legs begin with.
pub const SINK_PREFIX: &str = "sink.";
/// The field that says that the bundle is a demonstration's and nothing in it is meant in earnest.
pub const DEMONSTRATION: &str = "transaction.demonstration";

/// Why bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It does not begin as one.
    #[error("not a bundle: it does not begin with d9d9f7 and \"{FORMAT}\"")]
    Format,
    /// Longer than [`BUNDLE_BYTES_MAX`].
    #[error("the file has {bytes} bytes, a bundle at most {BUNDLE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not the one encoding of a bundle.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A part that is out of its bounds.
    #[error("bundle: {field}: {reason}")]
    Field {
        /// The part.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// A ledger's certificate.
    #[n(1)]
    Ledger,
    /// An RFC 3161 token.
    #[n(2)]
    Stamp,
}

/// One proof.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Leg {
    /// What it is.
    #[n(1)]
    pub kind: Kind,
    /// What the service calls it; proves nothing.
    #[n(2)]
    pub name: String,
    /// The certificate without a manifest, or the token (DER).
    #[cbor(n(3), with = "minicbor::bytes")]
    pub proof: Vec<u8>,
    /// Revocation lists (DER) for a token's chain; a certificate has its own.
    #[cbor(n(4), with = "xiezhi_types::cbor::blobs")]
    pub revocations: Vec<Vec<u8>>,
}

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bundle {
    #[n(1)]
    format: String,
    /// The manifest, whole or with fields closed.
    #[n(2)]
    pub manifest: Manifest,
    /// The legs, in the order of the manifest's `sink.` fields.
    #[n(3)]
    pub legs: Vec<Leg>,
}

impl Bundle {
    /// A bundle of `legs` over `manifest`.
    #[must_use]
    pub fn new(manifest: Manifest, legs: Vec<Leg>) -> Self {
        Self { format: FORMAT.to_owned(), manifest, legs }
    }

    /// Whether `bytes` mean to be a bundle, and not a certificate.
    #[must_use]
    pub fn is(bytes: &[u8]) -> bool {
        let mut head = MAGIC.to_vec();
        // A map of three, its first key, a text of 15 bytes.
        head.extend([0xa3, 0x01, 0x6f]);
        head.extend(FORMAT.as_bytes());
        bytes.starts_with(&head)
    }

    /// Reads a bundle's one encoding. Proves nothing: that is [`verify`]'s.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLong { bytes: bytes.len() });
        }
        if !Self::is(bytes) {
            return Err(BundleError::Format);
        }
        let bundle: Self = from_canonical("the bundle", &bytes[MAGIC.len()..])?;
        let wrong = |field, reason: String| Err(BundleError::Field { field, reason });
        if let Err(error) = bundle.manifest.check() {
            return wrong("manifest", error.to_string());
        }
        if !(1..=LEGS_MAX).contains(&bundle.legs.len()) {
            return wrong("legs", format!("{}, 1 to {LEGS_MAX} are allowed", bundle.legs.len()));
        }
        for leg in &bundle.legs {
            let most = if leg.kind == Kind::Stamp { LISTS_MAX } else { 0 };
            if leg.revocations.len() > most {
                return wrong(
                    "revocations",
                    format!("{}, at most {most} are allowed", leg.revocations.len()),
                );
            }
            if leg.name.is_empty() || leg.name.len() > 64 || leg.name.chars().any(char::is_control) {
                return wrong("name", "1 to 64 bytes, none of them control characters".to_owned());
            }
        }
        Ok(bundle)
    }

    /// Its encoding: the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(canonical(self));
        bytes
    }

    /// The same bundle that shows the fields `keep` only, those that list its legs, and that it is a demonstration's.
    #[must_use]
    pub fn disclose(&self, keep: &[&str]) -> Self {
        let is_kept = |name: &&str| name.starts_with(SINK_PREFIX) || *name == DEMONSTRATION;
        let always = self.manifest.fields().map(|field| field.name.as_str()).filter(is_kept);
        let keep: Vec<_> = keep.iter().copied().chain(always).collect();
        Self::new(self.manifest.disclose(&keep), self.legs.clone())
    }
}

/// How a manifest lists a ledger as a leg.
#[must_use]
pub fn ledger_sink(ledger: &LedgerId) -> String {
    format!("ledger:{ledger}")
}

/// How a manifest lists a time-stamp authority as a leg: by its root's certificate (DER).
#[must_use]
pub fn stamp_sink(root_der: &[u8]) -> String {
    format!("rfc3161:{}", hex::encode(sha256(root_der)))
}

/// The fields with which a manifest lists its legs, in their order; at most [`LEGS_MAX`].
pub fn sink_fields(sinks: &[String]) -> impl Iterator<Item = (String, Value)> {
    let field =
        |(at, sink): (usize, &String)| (format!("{SINK_PREFIX}{:02}", at + 1), Value::Text(sink.clone()));
    sinks.iter().take(LEGS_MAX).enumerate().map(field)
}

#[cfg(test)]
mod tests;
