//! Admission: what can be checked of a statement before it is ordered.

use std::sync::{Arc, OnceLock};

use xiezhi_crypto::{BatchItem as SignatureItem, Digest, PublicKey, verify_all};
use xiezhi_evidence::{
    Account, Body, Genesis, Statement, StatementError,
    account::{AuthorityError, ChangeError, DelegationError},
    alliance::Suites,
};
use xiezhi_merkle::{Hash, Sha256, Sm3, TreeHash};
use xiezhi_types::{AccountId, Height, LedgerId, StatementId, TimestampMs};

use crate::{block::Transaction, govern::GovernanceError};

/// Why a statement is not recorded. The same bytes at the same height are rejected for the same reason on every node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Not a statement, or its items are not its items.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Longer than the ledger allows.
    #[error("statement: {bytes} bytes, this ledger allows {bytes_max}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The ledger's bound.
        bytes_max: u32,
    },
    /// More items than the ledger allows.
    #[error("items: {items}, this ledger allows {items_max}")]
    TooManyItems {
        /// How many.
        items: u32,
        /// The ledger's bound.
        items_max: u32,
    },
    /// It would not fit into any block.
    #[error("statement and items take {bytes} bytes, a block holds {bytes_max}")]
    TooLarge {
        /// What it takes in a block.
        bytes: usize,
        /// A block's bound.
        bytes_max: u32,
    },
    /// Meant for another ledger.
    #[error("aud: the statement is meant for ledger {found}, this is {ledger}")]
    OtherLedger {
        /// The ledger it names.
        found: LedgerId,
        /// This one.
        ledger: LedgerId,
    },
    /// Signed with a suite that the ledger does not allow in this term, or brings a key of one that is retired.
    #[error(
        "alg: {alg} is not allowed on this ledger, or no longer; a key of a retired suite can only be replaced"
    )]
    Suite {
        /// The suite.
        alg: &'static str,
    },
    /// `iat` is too far from the time it is judged at.
    #[error(
        "iat: {issued_at} is {off_s} s off the ledger's time {now}, at most {window_s} s are allowed; check the clock"
    )]
    Clock {
        /// When the statement says it was signed, RFC 3339.
        issued_at: String,
        /// The ledger's time, RFC 3339.
        now: String,
        /// The distance in seconds.
        off_s: u64,
        /// The allowed distance.
        window_s: u32,
    },
    /// The issuer has no account here.
    #[error("iss: account {account} does not exist on this ledger")]
    NoAccount {
        /// The account.
        account: AccountId,
    },
    /// The account exists already.
    #[error("iss: account {account} exists already")]
    AccountExists {
        /// The account.
        account: AccountId,
    },
    /// The account's keys, weights or status do not allow it.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The account does not change so.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It may not deposit in the other account's name.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// What it says about membership cannot take effect.
    #[error(transparent)]
    Governance(#[from] GovernanceError),
    /// The statement is recorded already: nothing is recorded twice.
    #[error("statement {id} is recorded already")]
    Duplicate {
        /// Its id.
        id: StatementId,
    },
}

impl Rejection {
    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Statement(_) => "statement-malformed",
            Self::TooLong { .. } | Self::TooManyItems { .. } | Self::TooLarge { .. } => "statement-too-large",
            Self::OtherLedger { .. } => "other-ledger",
            Self::Suite { .. } => "suite-not-allowed",
            Self::Clock { .. } => "clock-off",
            Self::NoAccount { .. } => "no-account",
            Self::AccountExists { .. } => "account-exists",
            Self::Authority(AuthorityError::Status { .. }) => "account-inactive",
            Self::Authority(AuthorityError::Signature { .. }) => "signature-invalid",
            Self::Authority(AuthorityError::Threshold { .. }) => "threshold-not-met",
            Self::Authority(AuthorityError::NoRecovery { .. }) => "recovery-key-needed",
            Self::Authority(_) => "key-not-authorized",
            Self::Change(error) => error.code(),
            Self::Delegation(error) => error.code(),
            Self::Governance(error) => error.code(),
            Self::Duplicate { .. } => "duplicate",
        }
    }
}

/// A statement whose structure, limits and items are checked, with its leaf hashes; its signatures may or may not be verified yet.
#[derive(Debug)]
pub struct Admitted {
    transaction: Transaction,
    statement: Statement,
    leaf_sha256: Hash,
    leaf_sm3: Hash,
    digests: Vec<(Digest, Option<u32>)>,
    verified_with: OnceLock<Vec<PublicKey>>,
}

impl Admitted {
    /// Checks all that needs no state: form, bounds, ledger, items and their root.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn check(transaction: Transaction, genesis: &Genesis, ledger: &LedgerId) -> Result<Self, Rejection> {
        let limits = &genesis.limits;
        let bytes = transaction.statement().len();
        if bytes > limits.statement_bytes_max as usize {
            return Err(Rejection::TooLong { bytes, bytes_max: limits.statement_bytes_max });
        }
        let statement = Statement::parse(transaction.statement())?;
        if let Some(found) = statement.claims().audience.filter(|found| found != ledger) {
            return Err(Rejection::OtherLedger { found, ledger: *ledger });
        }
        if let Body::Batch(batch) = statement.body()
            && batch.items > limits.batch_items_max
        {
            return Err(Rejection::TooManyItems { items: batch.items, items_max: limits.batch_items_max });
        }
        // Room is left for the block's own header.
        let encoded = transaction.as_bytes().len() + 64;
        if encoded > limits.block_bytes_max as usize {
            return Err(Rejection::TooLarge { bytes: encoded, bytes_max: limits.block_bytes_max });
        }
        let mut digests: Vec<_> = statement.digests().into_iter().map(|digest| (digest, None)).collect();
        let items = transaction.items();
        digests.reserve(items.len());
        statement.check_items(items, |at, item| {
            digests.extend(item.digests.into_iter().map(|digest| (digest, Some(at))));
        })?;
        let leaf_sha256 = Sha256::leaf(statement.as_bytes());
        let leaf_sm3 = Sm3::leaf(statement.as_bytes());
        Ok(Self { transaction, statement, leaf_sha256, leaf_sm3, digests, verified_with: OnceLock::new() })
    }

    /// The bytes it came as.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The statement.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The statement's id.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.statement.id()
    }

    /// Leaf hash under SHA-256; also what a node knows these exact bytes by.
    #[must_use]
    pub fn leaf_sha256(&self) -> Hash {
        self.leaf_sha256
    }

    /// Leaf hash under SM3.
    #[must_use]
    pub fn leaf_sm3(&self) -> Hash {
        self.leaf_sm3
    }

    /// Whether it does not say when it was signed.
    #[must_use]
    pub fn is_undated(&self) -> bool {
        self.statement.claims().issued_at.is_none()
    }

    /// Searchable digests: the statement's own, and each item's with its place.
    #[must_use]
    pub fn digests(&self) -> &[(Digest, Option<u32>)] {
        &self.digests
    }

    /// Checks `iat` against `now`: the block's time in execution, a node's clock at its door.
    ///
    /// # Errors
    /// [`Rejection::Clock`]. A general statement without `iat` has nothing to check.
    pub fn check_clock(&self, now: TimestampMs, genesis: &Genesis) -> Result<(), Rejection> {
        let Some(issued_at) = self.statement.claims().issued_at else { return Ok(()) };
        let window_s = genesis.limits.statement_window_s;
        let off_s = issued_at.abs_diff(now.seconds());
        if off_s > u64::from(window_s) {
            let issued_at = TimestampMs(issued_at.saturating_mul(1000)).rfc3339();
            return Err(Rejection::Clock { issued_at, now: now.rfc3339(), off_s, window_s });
        }
        Ok(())
    }

    /// Checks the suites of its signers, and of keys that it brings, against those of the term.
    ///
    /// # Errors
    /// [`Rejection::Suite`].
    pub fn check_suites(&self, suites: &Suites) -> Result<(), Rejection> {
        match suites.refuses(&self.statement) {
            Some(alg) => Err(Rejection::Suite { alg: alg.name() }),
            None => Ok(()),
        }
    }

    /// The account that the statement creates, as it would stand; what its own signatures are judged by.
    fn created_account(&self) -> Option<Account> {
        match self.statement.body() {
            Body::Account(spec) => Some(Account::create(spec, Height(0))),
            _ => None,
        }
    }

    /// Checks that `account` (the issuer as its statements are judged by, `None` when there is none) may make the statement. Signatures that were
    /// verified before with the same keys are not verified again.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn authorize(&self, account: Option<&Account>) -> Result<(), Rejection> {
        let issuer = self.statement.claims().issuer;
        let created = self.created_account();
        if created.is_some() && account.is_some() {
            return Err(Rejection::AccountExists { account: issuer });
        }
        let account = created.as_ref().or(account).ok_or(Rejection::NoAccount { account: issuer })?;
        let signers = self.statement.signatures();
        let action = self.statement.action();
        account.authorizes(action, signers)?;
        let keys: Vec<PublicKey> = signers.iter().filter_map(|s| account.signer(s.key)).cloned().collect();
        if self.verified_with.get() != Some(&keys) {
            account.verify(action, signers)?;
            // A second set of keys for the same ids is legitimate only after a change of keys; the first answer stays remembered.
            let _ = self.verified_with.set(keys);
        }
        Ok(())
    }

    /// The account in whose name the statement is made, where that is not the issuer's.
    #[must_use]
    pub fn grantor(&self) -> Option<AccountId> {
        self.statement.claims().grantor
    }

    /// What `grantor` (as the state holds it; `None` when there is no such account) is after the statement has used its part of what was granted
    /// to the issuer, in the block at `height` with block time `time`.
    ///
    /// # Errors
    /// [`Rejection::Delegation`].
    pub fn use_delegation(
        &self,
        grantor: Option<&Account>,
        height: Height,
        time: TimestampMs,
    ) -> Result<Option<Account>, Rejection> {
        let Some(id) = self.grantor() else { return Ok(None) };
        let delegate = self.statement.claims().issuer;
        let grantor = grantor.ok_or(DelegationError::NotGranted { grantor: id, delegate })?;
        Ok(Some(grantor.with_deposits_by(&delegate, self.statement.deposits(), height, time)?))
    }
}

/// Verifies the signatures of many statements at once and remembers what held, so that [`Admitted::authorize`] need not repeat it.
///
/// `account` gives the issuer as the state holds it. `entropy` must be unpredictable to the depositors. Statements whose signatures do not hold
/// are simply not remembered: `authorize` says why.
pub fn verify_signatures(
    admitted: &[Arc<Admitted>],
    account: impl Fn(&AccountId) -> Option<Arc<Account>>,
    entropy: [u8; 32],
) {
    let mut keys: Vec<(usize, Vec<PublicKey>)> = Vec::new();
    for (at, one) in admitted.iter().enumerate().filter(|(_, one)| one.verified_with.get().is_none()) {
        let created = one.created_account().map(Arc::new);
        let Some(account) = created.or_else(|| account(&one.statement.claims().issuer)) else { continue };
        let signers = one.statement.signatures();
        let known: Vec<_> = signers.iter().filter_map(|s| account.signer(s.key)).cloned().collect();
        if known.len() == signers.len() && known.iter().zip(signers).all(|(key, s)| key.alg() == s.alg) {
            keys.push((at, known));
        }
    }
    let items: Vec<_> = keys
        .iter()
        .flat_map(|(at, known)| {
            let signers = admitted[*at].statement.signatures();
            known.iter().zip(signers).map(|(key, s)| SignatureItem {
                key,
                message: &s.message,
                signature: &s.bytes,
            })
        })
        .collect();
    let mut answers = verify_all(&items, entropy).into_iter();
    for (at, known) in &keys {
        let held = answers.by_ref().take(known.len()).fold(true, |all, one| all & one);
        if held {
            let _ = admitted[*at].verified_with.set(known.clone());
        }
    }
}
