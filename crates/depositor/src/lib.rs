//! A ledger as a service with an account of its own sees it: accounts as the ledger proves them, and the records that it makes.

use std::time::Duration;

use xiezhi_client::{Client, ClientError, DepositError, Wait};
use xiezhi_crypto::SigningKey;
use xiezhi_evidence::{Account, AccountSpec, Body, Statement, StatementDraft, account::ProvenAccount};
use xiezhi_types::{AccountId, GroupId, LedgerId, TimestampMs};
use xiezhi_verify::{Anchor, Outcome, verify_account};

/// How long a deposit waits for its seals before it is left to the next round.
const WAIT: Duration = Duration::from_secs(15);
/// How far nodes' clocks may be ahead of this one's, in milliseconds.
const SKEW_MS: u64 = 60_000;

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It says no, and will say no again.
    #[error("the ledger refuses: {code}")]
    Refused {
        /// Its code.
        code: String,
    },
    /// The statement was signed too long ago.
    #[error("the statement is too old")]
    TooOld,
    /// No node answers, or one answers what cannot be believed. Retrying can help.
    #[error("the ledger does not answer: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}

/// The ledger behind nodes.
pub struct NodeLedger {
    client: Client,
    anchor: Anchor,
    account: AccountId,
    keys: Vec<SigningKey>,
    creation: Option<AccountSpec>,
}

fn unavailable(reason: impl ToString) -> LedgerError {
    LedgerError::Unavailable { reason: reason.to_string() }
}

fn failed(error: ClientError) -> LedgerError {
    match &error {
        ClientError::Problem(problem) if matches!(problem.status, 403 | 422) => {
            LedgerError::Refused { code: problem.code.clone() }
        }
        _ => unavailable(error),
    }
}

impl NodeLedger {
    /// The ledger `anchor` behind `client`, on which `keys` sign for `account`.
    #[must_use]
    pub fn new(client: Client, anchor: Anchor, account: AccountId, keys: Vec<SigningKey>) -> Self {
        Self { client, anchor, account, keys, creation: None }
    }

    /// The account is created by `spec` when it is first needed.
    #[must_use]
    pub fn creating(mut self, spec: Option<AccountSpec>) -> Self {
        self.creation = spec;
        self
    }

    /// Makes sure that the service's account is on the ledger, if it can be created here.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn register(&self, now: TimestampMs) -> Result<(), LedgerError> {
        let Some(spec) = &self.creation else { return Ok(()) };
        match self.client.account(&self.account).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("not-found") => {}
            Err(error) => return Err(failed(error)),
        }
        let statement = self.sign(Body::Account(spec.clone()), None, now)?;
        match self.client.deposit(statement, Wait::Recorded(WAIT)).await {
            Err(error) if error.code() != Some("account-exists") => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// The ledger.
    #[must_use]
    pub fn id(&self) -> LedgerId {
        self.anchor.ledger
    }

    /// The service's account.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.account
    }

    /// How an account stands, as proven by the ledger's institutions; `None` when it does not exist.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], also when the proof does not hold.
    pub async fn account(&self, id: AccountId, now: TimestampMs) -> Result<Option<Account>, LedgerError> {
        let bytes = self.client.account_proof(&id, None).await.map_err(failed)?;
        let time = TimestampMs(now.0 + SKEW_MS);
        let (verdict, proven) = verify_account(&bytes, std::slice::from_ref(&self.anchor), time);
        let proven = proven.filter(|proven| verdict.outcome == Outcome::Valid && proven.id == id);
        let proven: ProvenAccount =
            proven.ok_or_else(|| unavailable("a node's proof of an account does not verify"))?;
        Ok(proven.account)
    }

    /// Signs `body` for the service's account at `now`.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when it makes no statement.
    pub fn sign(&self, body: Body, group: Option<GroupId>, now: TimestampMs) -> Result<Vec<u8>, LedgerError> {
        let draft =
            StatementDraft { issuer: self.account, ledger: self.anchor.ledger, issued_at: now, group, body };
        let keys: Vec<_> = self.keys.iter().collect();
        let signed = draft.sign(&keys).map_err(|error| LedgerError::Refused { code: error.to_string() })?;
        Ok(signed.as_bytes().to_vec())
    }

    /// Puts a statement on the ledger and waits a while for its certificate, without a manifest; sending it again is safe.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn deposit(&self, statement: Vec<u8>) -> Result<Option<Vec<u8>>, LedgerError> {
        let id = Statement::parse(&statement).map_err(unavailable)?.id();
        match self.client.deposit_or_find(statement, &id, Wait::Sealed(WAIT)).await {
            Ok(done) => Ok(done.certificate),
            Err(DepositError::TooOld { .. }) => Err(LedgerError::TooOld),
            Err(DepositError::Client(error)) => Err(failed(error)),
            Err(other) => Err(unavailable(other)),
        }
    }
}
