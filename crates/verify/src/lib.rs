//! The offline verifier.
//!
//! A certificate, the ledgers one trusts, what is known of the original and a declared time go in; a [`Verdict`] comes out: a list of
//! separate checks, each with a stable code and a sentence, and two fixed paragraphs on what this proves and what it does not.
//!
//! The crate never reads a clock, a file, the network or randomness, and builds for `wasm32-unknown-unknown`. Equal inputs give equal
//! verdicts, byte for byte, for ever. It trusts nothing in the certificate but what follows from an anchor: the ledger's id is the hash of
//! the genesis, the genesis pins roots, seal keys and policy, and everything else is signed or hashed from there.
//!
//! Every byte of a certificate is covered by some check: what nobody needs (a stray X.509 certificate, a revocation list of a stranger)
//! fails rather than being skipped.

mod account;
mod checks;
pub mod equivocation;
mod examination;
mod finding;
#[cfg(feature = "fixtures")]
pub mod fixtures;
mod verdict;
mod view;

use xiezhi_crypto::Digest;
use xiezhi_evidence::{Certificate, CertificateError, Checkpoint, LocalName};
use xiezhi_merkle::Hash;
use xiezhi_types::{CborError, LedgerId, TimestampMs};

use examination::Record;

pub use account::verify_account;
pub use checks::original::{Recorded, recorded_original};
pub use finding::Status;
pub use verdict::{
    Check, DOES_NOT_PROVE, FORMAT, Facts, Lang, Name, Outcome, PROVES, PROVES_ACCOUNT, PROVES_NOTHING,
    PROVES_RECORD, Paragraph, SealFact, StampFact, Verdict,
};
pub use view::{certificate_json, receipts};

/// Codes of the checks, in the order in which a verdict lists them.
pub mod code {
    /// The certificate is well formed.
    pub const CERTIFICATE: &str = "certificate";
    /// The ledger is one of those trusted.
    pub const LEDGER: &str = "ledger";
    /// The statement is well formed.
    pub const STATEMENT: &str = "statement";
    /// The original against what was recorded.
    pub const ORIGINAL: &str = "original";
    /// The manifest against the statement, or the batch item.
    pub const MANIFEST: &str = "manifest";
    /// The item's place in its batch; only where there is a batch.
    pub const BATCH_PLACE: &str = "batch-place";
    /// The statement's signatures and the account's keys at that time.
    pub const STATEMENT_SIGNATURES: &str = "statement-signatures";
    /// The delegation under which the record was made; only where statement or certificate speak of one.
    pub const DELEGATION: &str = "delegation";
    /// How an account stood; only in verdicts on the proof of an account.
    pub const ACCOUNT_STATE: &str = "account-state";
    /// Inclusion in the tree under SHA-256.
    pub const INCLUSION_SHA256: &str = "inclusion-sha256";
    /// Inclusion in the tree under SM3.
    pub const INCLUSION_SM3: &str = "inclusion-sm3";
    /// The statement was made for this ledger.
    pub const STATEMENT_LEDGER: &str = "statement-ledger";
    /// The checkpoint is of this ledger.
    pub const CHECKPOINT_LEDGER: &str = "checkpoint-ledger";
    /// One change of the alliance; once per link of the history, and only where there is one.
    pub const HISTORY: &str = "history";
    /// One seal; once per seal.
    pub const SEAL: &str = "seal";
    /// The good seals against the policy.
    pub const SEAL_POLICY: &str = "seal-policy";
    /// One time stamp; once per token.
    pub const TIME_STAMP: &str = "time-stamp";
    /// The good time stamps against the policy.
    pub const TIME_STAMP_POLICY: &str = "time-stamp-policy";
    /// Status of one key when it was used; once per seal, then per token.
    pub const KEY_STATUS: &str = "key-status";
    /// The revocation lists belong to the chains.
    pub const REVOCATION_LISTS: &str = "revocation-lists";
    /// The times agree with each other and with the declared time.
    pub const TIMES: &str = "times";
    /// Consistency with a checkpoint already known; once per checkpoint given.
    pub const CONSISTENCY: &str = "consistency";

    /// Every code that each verdict has, in order: all but [`HISTORY`] and [`DELEGATION`].
    pub const ALL: [&str; 19] = [
        CERTIFICATE,
        LEDGER,
        STATEMENT,
        ORIGINAL,
        MANIFEST,
        BATCH_PLACE,
        STATEMENT_SIGNATURES,
        INCLUSION_SHA256,
        INCLUSION_SM3,
        STATEMENT_LEDGER,
        CHECKPOINT_LEDGER,
        SEAL,
        SEAL_POLICY,
        TIME_STAMP,
        TIME_STAMP_POLICY,
        KEY_STATUS,
        REVOCATION_LISTS,
        TIMES,
        CONSISTENCY,
    ];
}

/// A ledger that the verifying person trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Its id: the hash of its genesis.
    pub ledger: LedgerId,
    /// What it is called.
    pub name: LocalName,
}

/// What is known of the original.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Exhibit {
    /// It was not presented.
    #[default]
    None,
    /// Its digests, computed by the caller over the whole of it.
    Digests {
        /// Its length in bytes, if known.
        size: Option<u64>,
        /// Its digests; under every algorithm known, since the caller cannot tell which the record uses.
        digests: Vec<Digest>,
    },
}

/// A checkpoint of the same ledger that the verifying person already has, and the proof that connects it with the certificate's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Consistency path under SHA-256 from the smaller size to the larger; empty where sizes are equal or no proof is at hand.
    pub sha256: Vec<Hash>,
    /// Consistency path under SM3, likewise.
    pub sm3: Vec<Hash>,
}

/// Everything a verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The certificate's bytes.
    pub certificate: &'a [u8],
    /// The ledgers trusted.
    pub anchors: &'a [Anchor],
    /// What is known of the original.
    pub exhibit: &'a Exhibit,
    /// Whether a missing original is meant so: the verdict can then be valid, for the record alone.
    pub record_only: bool,
    /// The time for which the verdict is asked: usually now. Whatever claims to be from later is refused.
    pub declared_time: TimestampMs,
    /// Checkpoints already known; may be empty.
    pub known_checkpoints: &'a [KnownCheckpoint],
}

/// Judges a certificate. Hostile bytes cost time in proportion to their length, and never a panic.
///
/// The outcome is valid when every check passes, those apart that say they do not count; invalid when one fails; otherwise unknown.
/// About a dozen P-256 and a dozen Ed25519 checks for four seals and one time stamp.
#[must_use]
pub fn verify(input: &Input<'_>) -> Verdict {
    match Certificate::parse(input.certificate) {
        Ok(certificate) => {
            let (checks, facts) = Record::new(input, &certificate).run();
            Verdict::new(input, checks, facts)
        }
        Err(error) => {
            let rest = code::ALL.iter().skip(1).map(|code| Check::not_evaluated(code, code::CERTIFICATE));
            let checks = std::iter::once(unreadable(&error)).chain(rest).collect();
            Verdict::new(input, checks, Facts::default())
        }
    }
}

/// The check of a file that cannot be read.
pub(crate) fn unreadable(error: &CertificateError) -> Check {
    let finding = match error {
        CertificateError::Magic => &finding::CERTIFICATE_NONE,
        CertificateError::TooLong { .. } => &finding::CERTIFICATE_TOO_LONG,
        CertificateError::Version { .. } => &finding::CERTIFICATE_VERSION,
        CertificateError::Cbor(CborError::NotCanonical { .. }) => &finding::CERTIFICATE_NOT_CANONICAL,
        _ => &finding::CERTIFICATE_MALFORMED,
    };
    Check::new(code::CERTIFICATE, finding)
}

#[cfg(test)]
mod tests;
