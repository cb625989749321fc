//! What the vault answers over HTTP: sessions for accounts of the ledger (RFC 7523), uploads by tus 1.0 with termination, grants, reads, erasure.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, State},
    middleware,
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};
use xiezhi_crypto::PublicKey;
use xiezhi_database::PersonKeyError;
use xiezhi_depositor::{LedgerError, NodeLedger};
use xiezhi_evidence::{Account, AccountStatus, Body as Stated, DepositBody};
use xiezhi_problem::{
    Edge, Problem, edge, kinds,
    openapi::{self, Binary, Problems},
    unstored,
};
use xiezhi_session::{
    AssertionForm, Door, Grant, LogInError, assertion_in_form,
    token::{TokenError, unverified_issuer},
};
use xiezhi_types::{AccountId, TimestampMs};

use crate::vault::{
    Audited, Finding, Progress, Readable, Vault, VaultError, audits::AuditSummary, originals::Originals,
    random,
};

/// Longest body, uploads apart: a certificate.
const BODY_BYTES_MAX: usize = 4 << 20;
/// What is said of requests that the framework refuses.
const EDGE: Edge = Edge { too_large: "at most 4 MiB are read", malformed: "not of the expected form" };
/// Seconds after which one asks again whether the store of the originals is back.
const RETRY_S: u32 = 15;
/// The version of tus.
const TUS: HeaderValue = HeaderValue::from_static("1.0.0");

mod exhibits;

/// A vault that is being served.
pub struct Service {
    vault: Arc<Vault>,
    ledger: NodeLedger,
    clock: fn() -> TimestampMs,
    door: Door<AccountId>,
}

impl Service {
    /// Serves `vault` at `url` to accounts of `ledger`.
    #[must_use]
    pub fn new(vault: Vault, ledger: NodeLedger, url: &str, clock: fn() -> TimestampMs) -> Self {
        Self { vault: Arc::new(vault), ledger, clock, door: Door::new(url, "vault") }
    }

    fn now(&self) -> TimestampMs {
        (self.clock)()
    }

    fn caller(&self, headers: &HeaderMap) -> Result<AccountId, Problem> {
        self.door.caller(headers, self.now().seconds())
    }

    /// How an account that may act stands on the ledger.
    async fn account(&self, id: AccountId) -> Result<Account, Problem> {
        let found = self.ledger.account(id, self.now()).await.map_err(ledger_problem)?;
        let account = found.ok_or_else(|| Problem::new(&kinds::NO_ACCOUNT, "not on the vault's ledger"))?;
        if matches!(account.status, AccountStatus::Frozen | AccountStatus::Transferred) {
            return Err(Problem::new(&kinds::NO_ACCOUNT, account.status.word()));
        }
        Ok(account)
    }

    async fn log_in(&self, assertion: &str) -> Result<Grant, Problem> {
        let issuer = unverified_issuer(assertion)?;
        let id: AccountId = issuer.parse().map_err(|_| TokenError::Issuer)?;
        let account = self.account(id).await?;
        let keys: Vec<PublicKey> = account.keys.iter().map(|weighted| weighted.key.clone()).collect();
        let (random, now_s) = (random()?, self.now().seconds());
        self.door.log_in(assertion, &issuer, &keys, id, now_s, random).map_err(|error| match error {
            LogInError::Token(error) => error.into(),
            LogInError::Full(full) => Problem::new(&kinds::UNAVAILABLE, full),
        })
    }

    /// Audits every original and keeps the report, which [`Service::publish`] puts on the ledger; says in the log, by their ids, which are lost
    /// or damaged.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn audit(&self) -> Result<Vec<Audited>, VaultError> {
        self.vault.sweep(self.now()).await?;
        let now = self.now();
        let found = self.vault.audit(now).await?;
        self.vault.keep_audit(&self.ledger.account_id(), &found, now).await?;
        for one in found.iter().filter(|one| one.finding != Finding::Well) {
            tracing::error!(exhibit = %one.exhibit, finding = %one.finding, "an original is not as it was recorded");
        }
        tracing::info!(originals = found.len(), "audited");
        Ok(found)
    }

    /// As [`Vault::copy_to`].
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn copy_to(&self, other: &Originals) -> Result<Vec<Audited>, VaultError> {
        self.vault.copy_to(other).await
    }

    /// Puts what is not on the ledger yet there: the head of the log if it grew, and reports of audits.
    ///
    /// # Errors
    /// [`VaultError`]; what is left is for the next time.
    pub async fn publish(&self) -> Result<(), VaultError> {
        for (number, report) in self.vault.unsealed_audits().await? {
            let Some(certificate) = self.deposit(&report).await? else { return Ok(()) };
            self.vault.seal_audit(number, &certificate).await?;
        }
        let Some((size, head)) = self.vault.new_head(&self.ledger.account_id()).await? else { return Ok(()) };
        if let Some(certificate) = self.deposit(&head).await? {
            self.vault.keep_head(size, &head, &certificate).await?;
        }
        Ok(())
    }

    /// Records `text`, whose SHA-256 is manifest root and searchable digest; the certificate, `None` while it is not sealed.
    async fn deposit(&self, text: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        let digest = xiezhi_crypto::DigestAlg::Sha256.digest(text);
        let body =
            DepositBody { manifest_root: xiezhi_crypto::sha256(text), digests: vec![digest], phase: None };
        self.ledger.register(self.now()).await?;
        let statement = self.ledger.sign(Stated::Deposit(body), None, self.now())?;
        Ok(self.ledger.deposit(statement).await?)
    }

    /// As [`Service::deposit`], the certificate in hexadecimal, for who waits for it.
    async fn record(&self, text: &[u8]) -> Result<String, Problem> {
        let certificate = self.deposit(text).await?;
        let late =
            || Problem::new(&kinds::UNAVAILABLE, "the ledger has not sealed it in time").retry_after(5);
        certificate.map(hex::encode).ok_or_else(late)
    }
}

type Shared = State<Arc<Service>>;

fn described() -> OpenApiRouter<Arc<Service>> {
    let head = openapi::head(
        "Xiezhi vault",
        "Keeps originals encrypted, compares them with their records, and discloses them under grants; every read is an entry of a log whose \
        heads are on the ledger. Formats: docs/specs/vault.md. Times are RFC 3339 in UTC; bytes in JSON are hexadecimal.",
        &[kinds::ALL, xiezhi_session::problem_kinds()],
    );
    let uploads = routes!(upload_progress, upload, give_up, tus_options);
    OpenApiRouter::with_openapi(head)
        .routes(routes!(about))
        .routes(routes!(token))
        .routes(routes!(begin, granted))
        .routes(uploads.layer(DefaultBodyLimit::disable()))
        .merge(exhibits::described())
        .routes(routes!(document))
}

/// The description of what is served.
#[must_use]
pub fn openapi_document() -> OpenApi {
    described().into_openapi()
}

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    let (router, _) = described().split_for_parts();
    router
        .fallback(async || Problem::no_such_route("see docs/vault.md for the addresses"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(EDGE, edge))
        .layer(middleware::map_response(unstored))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

kinds! {
    NO_ACCOUNT = "no-account", FORBIDDEN, "The account is not on the ledger, or may not act", "链上没有该账户,或该账户不得操作";
    CERTIFICATE = "certificate-invalid", UNPROCESSABLE_ENTITY, "The certificate does not prove a record on this ledger", "该凭证不能证明本链上的记录";
    NOT_OWNER = "not-owner", FORBIDDEN, "The record is another account's", "该记录属于其他账户";
    MISMATCH = "original-differs", UNPROCESSABLE_ENTITY, "What was uploaded is not what was recorded; nothing was kept", "上传内容与记录不一致,未予保存";
    FIELD = "field-refused", UNPROCESSABLE_ENTITY, "A value breaks a rule", "某项取值不合规则";
    OFFSET = "upload-offset", CONFLICT, "The upload stands elsewhere", "上传位置不符";
    BUSY = "exhibit-busy", CONFLICT, "Another request works on it at this moment", "另一请求正在处理该原件,请稍后重试";
    NOT_ON_LEDGER = "not-on-ledger", CONFLICT, "What would prove it is not on the ledger yet", "相关证明尚未上链,请稍后重试";
    EXISTS = "exists", CONFLICT, "The original is in the vault already", "原件已在库中";
    NOT_WHOLE = "not-whole", CONFLICT, "The original is not whole yet", "原件尚未上传完整";
    ERASED = "erased", GONE, "The original was erased", "原件已删除";
    UNWELL = "original-lost-or-damaged", INTERNAL_SERVER_ERROR, "The original is lost or damaged", "原件丢失或损坏";
    ENCRYPTION_KEY = "encryption-key", UNPROCESSABLE_ENTITY, "The account has no encryption key that can be used", "该账户没有可用的加密密钥";
    TUS_VERSION = "tus-version", PRECONDITION_FAILED, "Tus-Resumable: 1.0.0 is needed", "需要 Tus-Resumable: 1.0.0";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The vault or the ledger does not answer at present", "保管库或账本暂不可用";
    ORIGINALS = "originals-unavailable", SERVICE_UNAVAILABLE, "The store of the originals does not answer at present", "原件存储暂不可用,请稍后重试";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "An error of the vault's software", "保管库内部错误";
}

fn ledger_problem(error: LedgerError) -> Problem {
    tracing::warn!(%error, "the ledger");
    Problem::new(&kinds::UNAVAILABLE, "the ledger does not answer")
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::Store(_) => {
                let problem = Self::noted(&kinds::ORIGINALS, "the vault", &error);
                return problem.retry_after(RETRY_S);
            }
            VaultError::NotFound => return Self::not_found(error),
            VaultError::Certificate { .. } => &kinds::CERTIFICATE,
            VaultError::NotOwner => &kinds::NOT_OWNER,
            VaultError::Mismatch { .. } => &kinds::MISMATCH,
            VaultError::Field { field, .. } => return Self::new(&kinds::FIELD, &error).field(field),
            VaultError::Offset { .. } => &kinds::OFFSET,
            VaultError::Busy => &kinds::BUSY,
            VaultError::NotOnLedger => &kinds::NOT_ON_LEDGER,
            VaultError::Exists => &kinds::EXISTS,
            VaultError::NotWhole => &kinds::NOT_WHOLE,
            VaultError::Erased | VaultError::Keys(PersonKeyError::Erased) => &kinds::ERASED,
            VaultError::Unwell(_) => &kinds::UNWELL,
            VaultError::EncryptionKey(_) => &kinds::ENCRYPTION_KEY,
            VaultError::Database(_) | VaultError::Disk(_) | VaultError::Ledger(_) => &kinds::UNAVAILABLE,
            VaultError::Keys(_) | VaultError::Place { .. } | VaultError::Internal(_) => &kinds::INTERNAL,
        };
        if matches!(kind.status, StatusCode::SERVICE_UNAVAILABLE) || kind == &kinds::INTERNAL {
            return Self::noted(kind, "the vault", &error);
        }
        Self::new(kind, error)
    }
}

/// What a vault says of itself.
#[derive(Serialize, ToSchema)]
struct About {
    /// The ledger whose records' originals it keeps.
    ledger: String,
    /// The vault's account.
    account: String,
    /// Where tokens are asked for.
    token_endpoint: String,
    /// What the last audit found; none before the first.
    audited: Option<AuditSummary>,
}

/// Ledger and account of the vault, and what its last audit found.
#[utoipa::path(
    get, path = "/v1/vault", tag = "vault", operation_id = "get_vault", security(()),
    responses((status = 200, description = "The vault", body = About), Problems)
)]
async fn about(State(service): Shared) -> Result<Json<About>, Problem> {
    Ok(Json(About {
        ledger: service.ledger.id().to_string(),
        account: service.ledger.account_id().to_string(),
        token_endpoint: service.door.token_endpoint(),
        audited: service.vault.last_audit().await?,
    }))
}

/// Gives a session's token for an assertion (RFC 7523) by one of the account's keys.
#[utoipa::path(
    post, path = "/v1/token", tag = "vault", operation_id = "create_token", security(()),
    request_body(content = AssertionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = Grant), Problems)
)]
async fn token(State(service): Shared, body: Bytes) -> Result<Json<Grant>, Problem> {
    let assertion = assertion_in_form(&body).map_err(Problem::invalid_body)?;
    service.log_in(&assertion).await.map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Begin {
    /// Bytes of the original.
    size: u64,
}

/// Begins the upload of an original, or goes on with it; the body is the record's certificate.
#[utoipa::path(
    post, path = "/v1/exhibits", tag = "uploads", operation_id = "begin_upload", params(Begin),
    request_body(content = Binary, content_type = "application/vnd.xiezhi.certificate+cbor"),
    responses((status = 201, description = "How far it is", body = Progress, headers(("Location" = String, description = "Where to upload, by tus 1.0"))), Problems)
)]
async fn begin(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<Begin>,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let progress = service.vault.begin(&caller, &body, query.size, service.now()).await?;
    let location = format!("{}/v1/uploads/{}", service.door.url(), progress.exhibit);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(progress)).into_response())
}

/// What others grant the caller.
#[derive(Serialize, ToSchema)]
struct GrantedList {
    /// At most 1000.
    granted: Vec<Readable>,
}

/// The originals that the caller may read under others' grants.
#[utoipa::path(
    get, path = "/v1/exhibits", tag = "exhibits", operation_id = "list_granted",
    responses((status = 200, description = "What is granted", body = GrantedList), Problems)
)]
async fn granted(State(service): Shared, headers: HeaderMap) -> Result<Json<GrantedList>, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(GrantedList { granted: service.vault.granted(&caller, service.now()).await? }))
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| Problem::parameter(name, "a number is needed"))
}

fn check_tus(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("tus-resumable") {
        Some(version) if version == TUS => Ok(()),
        _ => Err(Problem::new(&kinds::TUS_VERSION, "tus 1.0.0 is spoken here")),
    }
}

fn tus(status: StatusCode, progress: Option<&Progress>) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert("tus-resumable", TUS);
    if let Some(progress) = progress {
        headers.insert("upload-offset", progress.offset.into());
        headers.insert("upload-length", progress.size.into());
    }
    response
}

/// What of tus is spoken.
#[utoipa::path(
    options, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "get_upload_options", security(()),
    params(("id" = String, Path, description = "The exhibit")),
    responses((status = 204, description = "Versions and extensions, in headers"), Problems)
)]
async fn tus_options() -> Response {
    let mut response = tus(StatusCode::NO_CONTENT, None);
    let headers = response.headers_mut();
    headers.insert("tus-version", TUS);
    headers.insert("tus-extension", HeaderValue::from_static("termination"));
    headers.insert("tus-max-size", crate::vault::SIZE_MAX.into());
    response
}

/// How far an upload is.
#[utoipa::path(
    head, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "get_upload_progress",
    params(("id" = String, Path, description = "The exhibit"), ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 200, description = "Where it stands", headers(("Upload-Offset" = u64, description = "Bytes that are kept"), ("Upload-Length" = u64, description = "Bytes of the original"))), Problems)
)]
async fn upload_progress(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    check_tus(&headers)?;
    let caller = service.caller(&headers)?;
    let progress = service.vault.progress(&id, &caller, service.now()).await?;
    Ok(tus(StatusCode::OK, Some(&progress)))
}

/// Uploads what follows. With the last byte the whole is read back and compared with its record.
#[utoipa::path(
    patch, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "upload",
    params(
        ("id" = String, Path, description = "The exhibit"), ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where the upload stands"),
    ),
    request_body(content = Binary, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "Kept", headers(("Upload-Offset" = u64, description = "Bytes that are kept"))), Problems)
)]
async fn upload(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    check_tus(&headers)?;
    let caller = service.caller(&headers)?;
    let offset = number(&headers, "upload-offset")?;
    let form = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if form != Some(b"application/offset+octet-stream") {
        return Err(Problem::parameter("Content-Type", "application/offset+octet-stream is needed"));
    }
    // On its own, so that what arrived before a connection broke is kept.
    let task = tokio::spawn(async move {
        let mut upload = service.vault.resume(&id, &caller, offset).await?;
        let mut stream = body.into_data_stream();
        let mut failed = None;
        while let Some(chunk) = stream.next().await {
            // A broken connection: nobody hears the answer.
            let Ok(chunk) = chunk else { break };
            if let Err(error) = upload.write(&chunk).await {
                failed = Some(error);
                break;
            }
        }
        let offset = upload.keep().await?;
        if let Some(error) = failed {
            return Err(Problem::from(error));
        }
        if upload.is_complete() {
            upload.finish(service.now()).await?;
        }
        let mut response = tus(StatusCode::NO_CONTENT, None);
        response.headers_mut().insert("upload-offset", offset.into());
        Ok(response)
    });
    task.await.map_err(|_| Problem::new(&kinds::INTERNAL, "the upload was cut off"))?
}

/// Gives an upload up: nothing of it is kept.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "give_up_upload",
    params(("id" = String, Path, description = "The exhibit"), ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 204, description = "Given up"), Problems)
)]
async fn give_up(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    check_tus(&headers)?;
    let caller = service.caller(&headers)?;
    service.vault.give_up(&id, &caller, service.now()).await?;
    Ok(tus(StatusCode::NO_CONTENT, None))
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "vault", operation_id = "get_openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn document() -> Response {
    openapi::serve(&openapi_document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_both_languages() {
        xiezhi_problem::check_kinds(kinds::ALL);
    }

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-vault.json");
        openapi::check_document(&openapi_document(), &path, &["/v1/openapi.json"]);
    }
}
