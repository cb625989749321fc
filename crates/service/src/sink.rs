//! Where evidence goes: a ledger, or a time-stamp authority (RFC 3161).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::future::BoxFuture;
use xiezhi_bundle::{Kind, ledger_sink, stamp_sink};
use xiezhi_client::{Client, ClientError, DepositError, Wait};
use xiezhi_crypto::{Digest, SigningKey};
use xiezhi_depositor::NodeLedger;
use xiezhi_evidence::{Body, Certificate, DepositBody, Genesis, Statement, StatementDraft};
use xiezhi_pki::{
    Crl, RevocationPolicy, Trust,
    timestamp::{TimeStampRequest, verify_response},
};
use xiezhi_types::{AccountId, GroupId, LedgerId, TimestampMs};
use xiezhi_verify::{Anchor, Exhibit, Input, Status, code};

/// How long a deposit waits for its seals before it is left to the next round.
const WAIT: Duration = Duration::from_secs(10);
/// How far others' clocks may be ahead of this one's, in milliseconds.
const SKEW_MS: u64 = 60_000;

/// An entry on its way to a sink.
#[derive(Debug, Clone)]
pub struct Task {
    /// The transaction.
    pub group: GroupId,
    /// The phase.
    pub phase: u32,
    /// The manifest's root.
    pub root: [u8; 32],
    /// A digest to be searchable.
    pub searchable: Option<Digest>,
    /// In whose name, where that is not the service's own account.
    pub grantor: Option<AccountId>,
    /// What was prepared for this sink, if anything was.
    pub statement: Option<Vec<u8>>,
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This is to be kept before it is sent: keep it and come again.
    Prepared(Vec<u8>),
    /// The sink has it, under this number; there is no proof yet.
    Recorded(String),
    /// It is done.
    Sealed {
        /// The number of the record; nothing for a token.
        record: Option<String>,
        /// The certificate without a manifest, or the token.
        proof: Vec<u8>,
        /// Revocation lists (DER) for a token.
        revocations: Vec<Vec<u8>>,
    },
}

/// Why a sink did not take it. Says nothing of what was to be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SinkError {
    /// A stable code of the sink's, or what happened.
    pub reason: String,
}

fn failed(reason: impl ToString) -> SinkError {
    SinkError { reason: reason.to_string().chars().take(300).collect() }
}

/// A place that takes evidence. Doing the same twice leaves one record.
pub trait Sink: Send + Sync {
    /// What the service calls it.
    fn name(&self) -> &str;
    /// What its legs are.
    fn kind(&self) -> Kind;
    /// How a manifest lists it.
    fn listed(&self) -> String;
    /// Goes one step on with `task`, at `now`.
    fn advance<'a>(&'a self, task: &'a Task, now: TimestampMs) -> BoxFuture<'a, Result<Step, SinkError>>;
}

/// A ledger behind its nodes, and the account that deposits.
pub struct LedgerSink {
    name: String,
    client: Client,
    anchor: Anchor,
    window_ms: u64,
    account: AccountId,
    keys: Vec<SigningKey>,
    creation: Option<NodeLedger>,
    is_created: AtomicBool,
}

impl LedgerSink {
    /// The ledger of `genesis` behind `client`, on which `keys` sign for `account`.
    #[must_use]
    pub fn new(
        name: String,
        client: Client,
        genesis: (LedgerId, &Genesis),
        account: AccountId,
        keys: Vec<SigningKey>,
    ) -> Self {
        let (ledger, genesis) = genesis;
        let anchor = Anchor { ledger, name: genesis.name.clone() };
        let window_ms = u64::from(genesis.limits.statement_window_s) * 1000;
        let (creation, is_created) = (None, AtomicBool::new(false));
        Self { name, client, anchor, window_ms, account, keys, creation, is_created }
    }

    /// The account is created by `ledger` when it is first needed.
    #[must_use]
    pub fn creating(mut self, ledger: NodeLedger) -> Self {
        self.creation = Some(ledger);
        self
    }

    async fn create(&self, now: TimestampMs) -> Result<(), SinkError> {
        if let Some(ledger) = self.creation.as_ref().filter(|_| !self.is_created.load(Ordering::Relaxed)) {
            ledger.register(now).await.map_err(failed)?;
            self.is_created.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn prepare(&self, task: &Task, now: TimestampMs) -> Result<Step, SinkError> {
        let body = DepositBody {
            manifest_root: task.root,
            digests: task.searchable.into_iter().collect(),
            phase: Some(task.phase),
        };
        let draft = StatementDraft {
            issuer: self.account,
            ledger: self.anchor.ledger,
            issued_at: now,
            group: Some(task.group),
            body: Body::Deposit(body),
        };
        let keys: Vec<_> = self.keys.iter().collect();
        Ok(Step::Prepared(draft.sign_for(task.grantor, &keys).map_err(failed)?.as_bytes().to_vec()))
    }

    /// Whether no block can hold the statement any more.
    fn is_over(&self, statement: &Statement, now: TimestampMs) -> bool {
        let issued_ms = statement.claims().issued_at.unwrap_or_default() * 1000;
        now.0 > issued_ms + self.window_ms + SKEW_MS
    }

    async fn send(&self, task: &Task, now: TimestampMs) -> Result<Step, SinkError> {
        let Some(bytes) = &task.statement else { return self.prepare(task, now) };
        self.create(now).await?;
        let statement = Statement::parse(bytes).map_err(failed)?;
        let sent = self.client.deposit_or_find(bytes.clone(), &statement.id(), Wait::Sealed(WAIT)).await;
        let done = match sent {
            Ok(done) => done,
            Err(DepositError::TooOld { is_unknown: true }) if self.is_over(&statement, now) => {
                return self.prepare(task, now);
            }
            Err(DepositError::Client(error)) => return Err(reason(&error)),
            Err(DepositError::TooOld { .. }) => return Err(failed("clock-off")),
            Err(other) => return Err(failed(other)),
        };
        let record = done.record;
        let Some(proof) = done.certificate else { return Ok(Step::Recorded(record.number)) };
        self.judge(&proof, bytes, now)?;
        Ok(Step::Sealed { record: Some(record.number), proof, revocations: Vec::new() })
    }

    /// A certificate is kept only if it is of this statement and the offline verifier accepts it.
    fn judge(&self, proof: &[u8], statement: &[u8], now: TimestampMs) -> Result<(), SinkError> {
        let certificate = Certificate::parse(proof).map_err(failed)?;
        if certificate.statement != statement || certificate.manifest.is_some() {
            return Err(failed("the node's certificate is another record's"));
        }
        let verdict = xiezhi_verify::verify(&Input {
            certificate: proof,
            anchors: std::slice::from_ref(&self.anchor),
            exhibit: &Exhibit::None,
            record_only: true,
            declared_time: TimestampMs(now.0 + SKEW_MS),
            known_checkpoints: &[],
        });
        // The manifest stays here.
        let apart = [code::MANIFEST, code::ORIGINAL];
        let open = verdict
            .checks
            .iter()
            .find(|one| one.counts && one.status != Status::Pass && !apart.contains(&one.code));
        match open {
            None => Ok(()),
            Some(check) => Err(failed(format!("the node's certificate does not verify: {}", check.code))),
        }
    }
}

fn reason(error: &ClientError) -> SinkError {
    match error {
        ClientError::Problem(problem) => failed(&problem.code),
        ClientError::Network { .. } => failed("unreachable"),
        other => failed(other),
    }
}

impl Sink for LedgerSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Ledger
    }

    fn listed(&self) -> String {
        ledger_sink(&self.anchor.ledger)
    }

    fn advance<'a>(&'a self, task: &'a Task, now: TimestampMs) -> BoxFuture<'a, Result<Step, SinkError>> {
        Box::pin(self.send(task, now))
    }
}

/// A time-stamp authority at its address, known by its root.
pub struct StampSink {
    name: String,
    client: Client,
    root_der: Vec<u8>,
    lists: Vec<Crl>,
}

impl StampSink {
    /// The authority at `client`'s address, under the root `root_der`; `lists` go with its tokens.
    #[must_use]
    pub fn new(name: String, client: Client, root_der: Vec<u8>, lists: Vec<Crl>) -> Self {
        Self { name, client, root_der, lists }
    }

    async fn stamp(&self, task: &Task, now: TimestampMs) -> Result<Step, SinkError> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|_| failed("no randomness from the system"))?;
        let request = TimeStampRequest::sha256(&task.root, Some(u64::from_be_bytes(nonce)));
        let response = self.client.timestamp_here(request.to_der()).await.map_err(|error| reason(&error))?;
        let revocation =
            if self.lists.is_empty() { RevocationPolicy::IF_PRESENT } else { RevocationPolicy::SELF_DATED };
        let declared = Some(TimestampMs(now.0 + SKEW_MS).seconds());
        let under = |crls: &[Crl]| {
            let trust = Trust { root_der: &self.root_der, intermediates: &[], crls, revocation };
            verify_response(&response, &request, &trust, declared)
        };
        let (proof, _) = under(&self.lists).map_err(failed)?;
        // A bundle holds no list that its token does not need.
        let mut lists = self.lists.clone();
        let mut at = 0;
        while at < lists.len() {
            let list = lists.remove(at);
            if under(&lists).is_err() {
                lists.insert(at, list);
                at += 1;
            }
        }
        let revocations = lists.iter().map(|list| list.der().to_vec()).collect();
        Ok(Step::Sealed { record: None, proof, revocations })
    }
}

impl Sink for StampSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Stamp
    }

    fn listed(&self) -> String {
        stamp_sink(&self.root_der)
    }

    fn advance<'a>(&'a self, task: &'a Task, now: TimestampMs) -> BoxFuture<'a, Result<Step, SinkError>> {
        Box::pin(self.stamp(task, now))
    }
}
