//! The client: one method for each thing a node answers.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use minicbor::Encoder;
use xiezhi_types::{AccountId, GroupId, Height, LogIndex, StatementId};

use crate::{
    ACCOUNT_PROOF, CBOR, CBOR_SEQUENCE, CERTIFICATE, COSE, ClientError, DepositError, Events,
    transport::{Answer, Ask, Transport, refused},
    wire::{
        Account, Alliance, Anchor, Checkpoint, CheckpointPage, ConsistencyProof, Deposit, InclusionProof,
        Receipts, Record, RecordPage, RecordStatus, Status, Term, Terms, VerifyAnswer, VerifyRequest,
    },
};

pub(crate) const JSON: &str = "application/json";
/// Longest problem document that is read, in bytes.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// What a deposit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until the statement is recorded: it will not be lost, a certificate follows.
    Recorded(Duration),
    /// Until its checkpoint is sealed to policy, and the certificate is there.
    Sealed(Duration),
}

impl Wait {
    fn query(self) -> String {
        let (what, limit) = match self {
            Self::Recorded(limit) => ("recorded", limit),
            Self::Sealed(limit) => ("sealed", limit),
        };
        format!("wait={what}&timeout_ms={}", limit.as_millis())
    }

    fn limit(self) -> Duration {
        match self {
            Self::Recorded(limit) | Self::Sealed(limit) => limit,
        }
    }
}

/// A deposit's outcome. The statement is recorded, whatever else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposited {
    /// Where it stands.
    pub record: RecordStatus,
    /// The certificate, when it was waited for and came in time.
    pub certificate: Option<Vec<u8>>,
    /// Whether it had been recorded before.
    pub known: bool,
}

/// Which of the log's twin trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// RFC 9162 as it stands.
    Sha256,
    /// The twin under SM3.
    Sm3,
}

impl Tree {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sm3 => "sm3",
        }
    }
}

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordQuery {
    /// Records and items with this digest, `sha256:` or `sm3:` and hexadecimal digits.
    Digest(String),
    /// Records of this account.
    Account(AccountId),
    /// Records of this group.
    Group(GroupId),
    /// The record with this number.
    Number(String),
    /// All records.
    All,
}

impl RecordQuery {
    fn target(&self, cursor: Option<&str>, limit: u32) -> String {
        let what = match self {
            Self::Digest(digest) => format!("&digest={}", escaped(digest)),
            Self::Account(account) => format!("&account={account}"),
            Self::Group(group) => format!("&group={group}"),
            Self::Number(number) => format!("&number={}", escaped(number)),
            Self::All => String::new(),
        };
        let cursor = cursor.map(|cursor| format!("&cursor={}", escaped(cursor))).unwrap_or_default();
        format!("/v1/records?limit={limit}{what}{cursor}")
    }
}

/// Escapes what may not stand in a query.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A client of one alliance's nodes; cheap to clone, and clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Transport,
}

impl Client {
    /// A client of the node at `url`, as `http://127.0.0.1:8080`. Opens nothing yet.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Self::with_nodes(&[url])
    }

    /// A client of several institutions' nodes of one ledger: the first is asked, and when it does not answer or says 503, the next.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn with_nodes(urls: &[&str]) -> Result<Self, ClientError> {
        Ok(Self { transport: Transport::new(urls)? })
    }

    /// How long a node may take to answer, beside what it is told to wait; 30 s otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transport.timeout = timeout;
        self
    }

    /// The language of problems' titles, as an `Accept-Language` header has it; ignored when it cannot stand there.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        self.transport.language = HeaderValue::from_str(language).ok();
        self
    }

    /// The nodes' addresses.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        self.transport.nodes()
    }

    pub(crate) async fn get<T: serde::de::DeserializeOwned>(&self, target: String) -> Result<T, ClientError> {
        self.transport.send(&Ask::get(target).accept(JSON)).await?.json()
    }

    pub(crate) async fn get_bytes(
        &self,
        target: String,
        media_type: &'static str,
    ) -> Result<Vec<u8>, ClientError> {
        let answer = self.transport.send(&Ask::get(target).accept(media_type)).await?;
        if !answer.is(media_type) {
            return Err(answer.protocol(format!("not {media_type}")));
        }
        Ok(answer.body.into())
    }

    /// Deposits a statement of any kind.
    ///
    /// # Errors
    /// [`ClientError`]. After [`ClientError::Network`] it is not known whether it was recorded; sending it again is safe.
    pub async fn deposit(&self, statement: impl Into<Bytes>, wait: Wait) -> Result<Deposited, ClientError> {
        self.submit(format!("/v1/deposits?{}", wait.query()), COSE, statement.into(), wait, None).await
    }

    /// [`Client::deposit`] of a statement that may have been sent before without its answer being heard: one that is too old to be taken is
    /// looked for among the records. A certificate is there whenever the record is sealed.
    ///
    /// # Errors
    /// [`DepositError`].
    pub async fn deposit_or_find(
        &self,
        statement: impl Into<Bytes>,
        id: &StatementId,
        wait: Wait,
    ) -> Result<Deposited, DepositError> {
        let mut done = match self.deposit(statement, wait).await {
            Err(error) if error.code() == Some("clock-off") => match self.statement_status(id).await {
                Ok(record) => Deposited { record, certificate: None, known: true },
                Err(missing) => {
                    return Err(DepositError::TooOld { is_unknown: missing.code() == Some("not-found") });
                }
            },
            answer => answer?,
        };
        if done.certificate.is_none() && done.record.sealed {
            done.certificate = Some(self.certificate(LogIndex(done.record.index.0), None).await?);
        }
        Ok(done)
    }

    /// [`Client::deposit`] under an idempotency key: the same key with another statement is refused.
    ///
    /// # Errors
    /// As there.
    pub async fn deposit_with_key(
        &self,
        statement: impl Into<Bytes>,
        wait: Wait,
        key: &str,
    ) -> Result<Deposited, ClientError> {
        self.submit(format!("/v1/deposits?{}", wait.query()), COSE, statement.into(), wait, Some(key)).await
    }

    /// Deposits a batch: its statement and its items, in order.
    ///
    /// # Errors
    /// As [`Client::deposit`].
    pub async fn deposit_batch(
        &self,
        statement: &[u8],
        items: &[Vec<u8>],
        wait: Wait,
    ) -> Result<Deposited, ClientError> {
        let body = batch(statement, items);
        self.submit(format!("/v1/batches?{}", wait.query()), CBOR, body, wait, None).await
    }

    async fn submit(
        &self,
        target: String,
        media_type: &'static str,
        body: Bytes,
        wait: Wait,
        key: Option<&str>,
    ) -> Result<Deposited, ClientError> {
        let mut ask = Ask::post(target, media_type, body).accept(JSON);
        ask.wait = wait.limit();
        if let Some(key) = key {
            let value = HeaderValue::from_str(key).map_err(|_| ClientError::Url {
                url: key.to_owned(),
                reason: "an idempotency key is visible ASCII".to_owned(),
            })?;
            ask.headers.push((HeaderName::from_static("idempotency-key"), value));
        }
        let answer = self.transport.send(&ask).await?;
        let deposit: Deposit = answer.json()?;
        let known = answer.status == StatusCode::OK;
        Ok(Deposited { record: deposit.record, certificate: deposit.certificate.map(|c| c.0), known })
    }

    /// Deposits a statement and takes nothing but the certificate: the shortest way, for load.
    ///
    /// # Errors
    /// As [`Client::deposit`]; [`ClientError::Protocol`] with status 202 when it is recorded but was not sealed in time.
    pub async fn deposit_sealed(
        &self,
        statement: impl Into<Bytes>,
        limit: Duration,
    ) -> Result<Bytes, ClientError> {
        let target = format!("/v1/deposits?{}", Wait::Sealed(limit).query());
        let mut ask = Ask::post(target, COSE, statement.into()).accept(CERTIFICATE);
        ask.wait = limit;
        self.certificate_of(self.transport.send(&ask).await?)
    }

    fn certificate_of(&self, answer: Answer) -> Result<Bytes, ClientError> {
        if answer.is(CERTIFICATE) {
            return Ok(answer.body);
        }
        Err(answer.protocol("recorded, but not sealed in time"))
    }

    /// Certificates of a batch's items `from` and following, at most `limit` (1,000 at most): a CBOR sequence.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn batch_certificates(
        &self,
        index: LogIndex,
        from: u32,
        limit: u32,
    ) -> Result<Vec<u8>, ClientError> {
        self.get_bytes(format!("/v1/batches/{index}/certificates?from={from}&limit={limit}"), CBOR_SEQUENCE)
            .await
    }

    /// The record at `index`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn record(&self, index: LogIndex) -> Result<Record, ClientError> {
        self.get(format!("/v1/records/{index}")).await
    }

    /// Where the statement `id` stands.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn statement_status(&self, id: &StatementId) -> Result<RecordStatus, ClientError> {
        self.get(format!("/v1/statements/{id}")).await
    }

    /// The statement at `index`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn statement(&self, index: LogIndex) -> Result<Vec<u8>, ClientError> {
        self.get_bytes(format!("/v1/records/{index}/statement"), COSE).await
    }

    /// Records that match, at most `limit` (100 at most); give a page's `next` as `cursor` for those that follow.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn find(
        &self,
        query: &RecordQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RecordPage, ClientError> {
        self.get(query.target(cursor, limit)).await
    }

    /// The certificate of the record at `index`, or of an item of it.
    ///
    /// # Errors
    /// [`ClientError`]; the code `not-sealed` says that it does not exist yet.
    pub async fn certificate(&self, index: LogIndex, item: Option<u32>) -> Result<Vec<u8>, ClientError> {
        let item = item.map(|item| format!("?item={item}")).unwrap_or_default();
        self.get_bytes(format!("/v1/records/{index}/certificate{item}"), CERTIFICATE).await
    }

    /// Every institution's receipt for the record at `index`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipts(&self, index: LogIndex) -> Result<Receipts, ClientError> {
        self.get(format!("/v1/records/{index}/receipts")).await
    }

    /// What happens to the record at `index` until it is sealed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(&self, index: LogIndex) -> Result<Events, ClientError> {
        let ask = Ask::get(format!("/v1/records/{index}/events")).accept("text/event-stream");
        let (node, response) = self.transport.open(&ask).await?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok(Events { node, body, buffer: BytesMut::new() });
        }
        let body =
            Limited::new(body, PROBLEM_BYTES_MAX).collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        let url = format!("{node}{}", ask.target);
        Err(refused(&Answer { url, status: parts.status, headers: parts.headers, body }))
    }

    /// Inclusion of the record at `index` in the tree of `size` records (the present one, when `None`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn inclusion_proof(
        &self,
        tree: Tree,
        index: LogIndex,
        size: Option<u64>,
    ) -> Result<InclusionProof, ClientError> {
        let size = size.map(|size| format!("&size={size}")).unwrap_or_default();
        self.get(format!("/v1/proofs/inclusion?tree={}&index={index}{size}", tree.name())).await
    }

    /// Consistency of the tree of `old` records with that of `new`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn consistency_proof(
        &self,
        tree: Tree,
        old: u64,
        new: u64,
    ) -> Result<ConsistencyProof, ClientError> {
        self.get(format!("/v1/proofs/consistency?tree={}&old={old}&new={new}", tree.name())).await
    }

    /// Checkpoints above height `after`, at most `limit` (100 at most).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn checkpoints(
        &self,
        after: Option<Height>,
        limit: u32,
    ) -> Result<CheckpointPage, ClientError> {
        let after = after.map(|height| format!("&after={height}")).unwrap_or_default();
        self.get(format!("/v1/checkpoints?limit={limit}{after}")).await
    }

    /// The newest checkpoint that is sealed to policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn latest_checkpoint(&self) -> Result<Checkpoint, ClientError> {
        self.get("/v1/checkpoints/latest".to_owned()).await
    }

    /// The checkpoint at `height`, sealed or not.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn checkpoint(&self, height: Height) -> Result<Checkpoint, ClientError> {
        self.get(format!("/v1/checkpoints/{height}")).await
    }

    /// The newest sealed checkpoint as a C2SP signed note.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn checkpoint_note(&self) -> Result<String, ClientError> {
        let bytes = self.get_bytes("/checkpoint".to_owned(), "text/plain").await?;
        String::from_utf8(bytes).map_err(|_| ClientError::Protocol {
            url: "/checkpoint".to_owned(),
            status: 200,
            reason: "not UTF-8".to_owned(),
        })
    }

    /// Sealed blocks above height `after`, as many as fit into one answer: `xiezhi_ledger::SealedBlocks`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, ClientError> {
        self.get_bytes(format!("/v1/blocks?after={after}"), CBOR).await
    }

    /// The newest snapshot that the node has: `xiezhi_ledger::Snapshot`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn snapshot(&self) -> Result<Vec<u8>, ClientError> {
        self.get_bytes("/v1/snapshot".to_owned(), CBOR).await
    }

    /// State entries after the block at `height`, from the key hash `from` (64 hexadecimal digits) on: `xiezhi_ledger::StateEntries`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn state_entries(&self, height: Height, from: &str) -> Result<Vec<u8>, ClientError> {
        self.get_bytes(format!("/v1/snapshot/state?height={height}&from={from}"), CBOR).await
    }

    /// A tile or entry bundle by its C2SP path, as `tile/0/x001/234.p/5`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tile(&self, tree: Tree, path: &str) -> Result<Vec<u8>, ClientError> {
        let twin = if tree == Tree::Sm3 { "/sm3" } else { "" };
        self.get_bytes(format!("{twin}/{path}"), "application/octet-stream").await
    }

    /// An account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account(&self, id: &AccountId) -> Result<Account, ClientError> {
        self.get(format!("/v1/accounts/{id}")).await
    }

    /// The proof of how an account stood after the last sealed block at or below `height`, or of its absence; the newest without one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_proof(
        &self,
        id: &AccountId,
        height: Option<Height>,
    ) -> Result<Vec<u8>, ClientError> {
        let height = height.map(|height| format!("?height={height}")).unwrap_or_default();
        self.get_bytes(format!("/v1/accounts/{id}/proof{height}"), ACCOUNT_PROOF).await
    }

    /// The alliance: its members, the next term, what is proposed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn alliance(&self) -> Result<Alliance, ClientError> {
        self.get("/v1/alliance".to_owned()).await
    }

    /// Every term so far, from the genesis' to the current one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn terms(&self) -> Result<Vec<Term>, ClientError> {
        Ok(self.get::<Terms>("/v1/terms".to_owned()).await?.terms)
    }

    /// The ledger's genesis. Its SHA-256 must be the ledger id that you trust.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn genesis(&self) -> Result<Vec<u8>, ClientError> {
        self.get_bytes("/v1/genesis".to_owned(), CBOR).await
    }

    /// What the node says its ledger is; compare it with a copy from elsewhere.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn anchor(&self) -> Result<Anchor, ClientError> {
        self.get("/v1/anchor".to_owned()).await
    }

    /// The node's state.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status".to_owned()).await
    }

    /// A verdict on the node's word; the offline verifier needs nobody's.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify(&self, request: &VerifyRequest) -> Result<VerifyAnswer, ClientError> {
        let body = serde_json::to_vec(request).unwrap_or_default();
        self.transport.send(&Ask::post("/v1/verify", JSON, body.into()).accept(JSON)).await?.json()
    }

    /// Asks the institution's time-stamp authority (RFC 3161).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn timestamp(&self, request: impl Into<Bytes>) -> Result<Vec<u8>, ClientError> {
        self.stamp("/tsa", request.into()).await
    }

    /// Asks the time-stamp authority whose address is this client's.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn timestamp_here(&self, request: impl Into<Bytes>) -> Result<Vec<u8>, ClientError> {
        self.stamp("", request.into()).await
    }

    async fn stamp(&self, target: &str, request: Bytes) -> Result<Vec<u8>, ClientError> {
        let answer = self.transport.send(&Ask::post(target, "application/timestamp-query", request)).await?;
        match answer.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes) {
            Some(b"application/timestamp-reply") => Ok(answer.body.into()),
            _ => Err(answer.protocol("no time-stamp reply")),
        }
    }

    /// The API's own description.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/v1/openapi.json".to_owned()).await
    }
}

/// `[statement, [item, ...]]` in deterministic CBOR.
fn batch(statement: &[u8], items: &[Vec<u8>]) -> Bytes {
    let size = 24 + statement.len() + items.iter().map(|item| item.len() + 9).sum::<usize>();
    let mut e = Encoder::new(Vec::with_capacity(size));
    let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(2)?.bytes(statement)?.array(items.len() as u64)?;
        for item in items {
            e.bytes(item)?;
        }
        Ok(())
    };
    let done = write();
    debug_assert!(done.is_ok());
    e.into_writer().into()
}

#[cfg(test)]
mod tests;
