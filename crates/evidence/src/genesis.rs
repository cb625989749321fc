//! Genesis: the alliance as it begins. The ledger's id is the hash of these bytes, so whoever trusts an id trusts all that is here.

use minicbor::{Decode, Encode};
use xiezhi_crypto::{SignatureAlg, sha256};
use xiezhi_types::{CborError, InstitutionId, LedgerId, Role, TimestampMs, canonical, from_canonical};

use crate::policy::{Policy, PolicyError};

/// The format's version.
pub const VERSION: u32 = 1;
/// Fewest institutions: one may fail and three still agree.
pub const INSTITUTIONS_MIN: usize = 4;
/// Most institutions of one alliance.
pub const INSTITUTIONS_MAX: usize = 64;
/// Most root certificates of either kind.
pub const ROOTS_MAX: usize = 16;

/// Why bytes are no genesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Not the one encoding of a genesis.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is out of its bounds.
    #[error("genesis: {field}: {reason}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy cannot be used.
    #[error("genesis: policy: {0}")]
    Policy(#[from] PolicyError),
}

/// A name in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LocalName {
    /// Chinese.
    #[n(1)]
    pub zh: String,
    /// English.
    #[n(2)]
    pub en: String,
}

/// A member of the alliance whose node votes and seals.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Institution {
    /// Short name.
    #[n(1)]
    pub id: InstitutionId,
    /// What it is.
    #[n(2)]
    pub role: Role,
    /// Full name.
    #[n(3)]
    pub name: LocalName,
    /// Ed25519 key with which its node takes part in consensus.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub consensus_key: [u8; 32],
    /// Ed25519 key with which it seals; certified by an X.509 certificate besides.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub seal_key: [u8; 32],
}

/// Bounds that execution and admission keep to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Most bytes in a block's payload.
    #[n(1)]
    pub block_bytes_max: u32,
    /// Most bytes in a statement.
    #[n(2)]
    pub statement_bytes_max: u32,
    /// Most items in a batch.
    #[n(3)]
    pub batch_items_max: u32,
    /// How far a block's time may be ahead of or behind a voter's clock, in milliseconds.
    #[n(4)]
    pub block_skew_ms: u32,
    /// How far a statement's `iat` may be from its block's time, in seconds.
    #[n(5)]
    pub statement_window_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_bytes_max: 8 << 20,
            statement_bytes_max: 32 << 10,
            batch_items_max: 65_536,
            block_skew_ms: 2_000,
            statement_window_s: 300,
        }
    }
}

/// The alliance as it begins.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Genesis {
    /// [`VERSION`].
    #[n(1)]
    pub version: u32,
    /// 32 random bytes, so that no two ledgers are the same.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// When it was made.
    #[n(3)]
    pub created: TimestampMs,
    /// The alliance's name.
    #[n(4)]
    pub name: LocalName,
    /// First part of the log's origin line: a host name without scheme.
    #[n(5)]
    pub domain: String,
    /// Its members, sorted by id.
    #[n(6)]
    pub institutions: Vec<Institution>,
    /// Root certificates (DER) to which institutions' certificates must lead.
    #[cbor(n(7), with = "xiezhi_types::cbor::blobs")]
    pub roots: Vec<Vec<u8>>,
    /// Root certificates (DER) to which time-stamp authorities' certificates must lead.
    #[cbor(n(8), with = "xiezhi_types::cbor::blobs")]
    pub timestamp_roots: Vec<Vec<u8>>,
    /// What makes a certificate.
    #[n(9)]
    pub policy: Policy,
    /// Bounds.
    #[n(10)]
    pub limits: Limits,
    /// COSE numbers of the signature suites that accounts may use.
    #[n(11)]
    pub suites: Vec<i64>,
}

impl Genesis {
    /// Reads and checks a genesis.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, GenesisError> {
        let genesis: Self = from_canonical("the genesis", bytes)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// The bytes whose hash is the ledger's id.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }

    /// The ledger that begins with `bytes`.
    #[must_use]
    pub fn ledger_id(bytes: &[u8]) -> LedgerId {
        LedgerId(sha256(bytes))
    }

    /// Checks versions, counts, order, bounds and the policy.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn check(&self) -> Result<(), GenesisError> {
        let wrong = |field, reason: String| Err(GenesisError::Field { field, reason });
        if self.version != VERSION {
            return wrong("version", format!("{} is not {VERSION}, the one known here", self.version));
        }
        let count = self.institutions.len();
        if !(INSTITUTIONS_MIN..=INSTITUTIONS_MAX).contains(&count) {
            return wrong(
                "institutions",
                format!("{count}, {INSTITUTIONS_MIN} to {INSTITUTIONS_MAX} are allowed"),
            );
        }
        if self.institutions.windows(2).any(|pair| pair[0].id >= pair[1].id) {
            return wrong("institutions", "must be sorted by id, without repetition".to_owned());
        }
        for (at, one) in self.institutions.iter().enumerate() {
            let rest = &self.institutions[at + 1..];
            if rest
                .iter()
                .any(|other| other.consensus_key == one.consensus_key || other.seal_key == one.seal_key)
            {
                return wrong("institutions", format!("{} shares a key with another", one.id));
            }
        }
        if self.roots.is_empty() || (self.policy.timestamps > 0 && self.timestamp_roots.is_empty()) {
            return wrong("roots", "a root certificate is missing".to_owned());
        }
        if self.roots.len() > ROOTS_MAX || self.timestamp_roots.len() > ROOTS_MAX {
            return wrong("roots", format!("more than {ROOTS_MAX} root certificates"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if self.domain.is_empty() || self.domain.len() > 100 || !self.domain.chars().all(plain) {
            return wrong("domain", "must be a host name of at most 100 bytes".to_owned());
        }
        let known = |number: &i64| SignatureAlg::from_cose(*number).is_ok();
        if self.suites.is_empty() || !self.suites.iter().all(known) {
            return wrong("suites", format!("{:?} holds an unknown suite, or none", self.suites));
        }
        let limits = &self.limits;
        let statement = limits.statement_bytes_max as usize;
        if !(512..=crate::statement::STATEMENT_BYTES_MAX).contains(&statement) {
            return wrong("limits.statement_bytes_max", format!("{statement}, 512 to 65535 are allowed"));
        }
        if limits.batch_items_max == 0 || limits.batch_items_max > crate::statement::BATCH_ITEMS_MAX {
            return wrong("limits.batch_items_max", format!("{}", limits.batch_items_max));
        }
        if limits.block_bytes_max < 1 << 20 || limits.block_bytes_max > 64 << 20 {
            return wrong("limits.block_bytes_max", format!("{}, 1 MiB to 64 MiB", limits.block_bytes_max));
        }
        Ok(self.policy.check(&self.institutions)?)
    }

    /// The institution called `id`.
    #[must_use]
    pub fn institution(&self, id: &InstitutionId) -> Option<&Institution> {
        self.institutions.iter().find(|i| i.id == *id)
    }

    /// Whether accounts of this ledger may use `alg`.
    #[must_use]
    pub fn allows(&self, alg: SignatureAlg) -> bool {
        self.suites.contains(&alg.cose())
    }

    /// The origin line of the log's checkpoints: domain, then the ledger's id.
    #[must_use]
    pub fn origin(&self, ledger: &LedgerId) -> String {
        format!("{}/{ledger}", self.domain)
    }
}

/// URI by which an institution's X.509 certificate and its receipts name it.
#[must_use]
pub fn institution_uri(id: &InstitutionId) -> String {
    format!("urn:xiezhi:institution:{id}")
}

#[cfg(test)]
pub(crate) mod tests;
