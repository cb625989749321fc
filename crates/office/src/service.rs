//! What the office answers over HTTP: sessions for programs whose keys are known (RFC 7523), applications, bindings. Whatever decides is an
//! officer's, who works at the desk.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xiezhi_crypto::PublicKey;
use xiezhi_problem::{Edge, Problem, edge, kinds};
use xiezhi_session::{
    Expiring, Full, Grant, LogInError, Sessions, assertion_in_form, bearer,
    token::{TokenError, unverified_issuer},
};
use xiezhi_types::{AccountId, TimestampMs};

use crate::{
    Applicant, Desk, DeskError, NodeLedger, Refusal,
    binding::Challenge,
    policy::{Role, Session},
};

/// Longest body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// What is said of requests that the framework refuses.
const EDGE: Edge = Edge { too_large: "at most 64 KiB are read", malformed: "not of the expected form" };
/// How long a session lasts, in seconds.
const SESSION_LIFE_S: u64 = 600;
/// Most sessions, challenges and used assertions that are remembered, of each.
const REMEMBERED_MAX: usize = 10_000;

/// An office that is being served.
pub struct Service {
    desk: Desk,
    ledger: NodeLedger,
    url: String,
    clients: HashMap<String, PublicKey>,
    clock: fn() -> TimestampMs,
    sessions: Sessions<Session>,
    challenges: Expiring<String, Challenge>,
}

impl Service {
    /// Serves `desk` at `url` to the programs `clients`, each known by its key.
    #[must_use]
    pub fn new(
        desk: Desk,
        ledger: NodeLedger,
        url: &str,
        clients: HashMap<String, PublicKey>,
        clock: fn() -> TimestampMs,
    ) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let sessions = Sessions::new(REMEMBERED_MAX, SESSION_LIFE_S);
        Self { desk, ledger, url, clients, clock, sessions, challenges: Expiring::new(REMEMBERED_MAX) }
    }

    fn now(&self) -> TimestampMs {
        (self.clock)()
    }

    fn session(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(bearer);
        let found = token.and_then(|token| self.sessions.find(token, self.now().seconds()));
        found.ok_or_else(|| Problem::new(&kinds::UNAUTHENTICATED, "a token of this office is needed"))
    }

    fn log_in(&self, assertion: &str) -> Result<Grant, Problem> {
        let refused = |error: TokenError| {
            tracing::info!(code = error.code(), "an assertion is refused");
            Problem::new(&kinds::ASSERTION_INVALID, format!("{}: {error}", error.code()))
        };
        let issuer = unverified_issuer(assertion).map_err(refused)?;
        let key = self.clients.get(&issuer).ok_or_else(|| refused(TokenError::Issuer))?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| Problem::new(&kinds::INTERNAL, "no randomness"))?;
        let session = Session {
            principal: issuer.clone(),
            role: Role::Client,
            institution: self.desk.institution().to_owned(),
        };
        let endpoint = format!("{}/v1/token", self.url);
        let audience = [endpoint.as_str(), self.url.as_str()];
        let keys = std::slice::from_ref(key);
        let now_s = self.now().seconds();
        self.sessions.log_in(assertion, &issuer, keys, &audience, session, now_s, random).map_err(|error| {
            match error {
                LogInError::Token(error) => refused(error),
                LogInError::Full(full) => too_many(full),
            }
        })
    }
}

type Shared = State<Arc<Service>>;

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/office", get(about))
        .route("/v1/token", post(token))
        .route("/v1/applications", post(apply).get(list))
        .route("/v1/applications/{id}", get(show))
        .route("/v1/applications/{id}/challenges", post(challenge))
        .route("/v1/applications/{id}/bindings", post(bind))
        .fallback(async || Problem::no_such_route("see docs/identity.md for the addresses"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(EDGE, edge))
        .layer(middleware::map_response(unstored))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

kinds! {
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, "Log in first: no good token came with the request", "请先登录:请求未携带有效令牌";
    ASSERTION_INVALID = "assertion-invalid", UNAUTHORIZED, "The client's assertion does not hold", "客户端断言无效";
    DENIED = "denied", FORBIDDEN, "Your role does not allow this", "您的角色无权执行此操作";
    APPLICATION_REFUSED = "application-refused", UNPROCESSABLE_ENTITY, "What was given breaks a rule", "所填内容不合规则";
    WRONG_STATE = "wrong-state", CONFLICT, "This cannot happen in the present state", "当前状态下不能执行此操作";
    RACED = "raced", CONFLICT, "Somebody else changed it at the same time: look again", "他人刚刚作了变更,请重新查看";
    REUSED = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another body", "该幂等键已用于另一正文";
    CHALLENGE = "challenge-expired", CONFLICT, "The challenge is unknown or has expired: ask for another", "质询不存在或已过期,请重新获取";
    NO_ACCOUNT = "no-account", UNPROCESSABLE_ENTITY, "The account does not exist on the ledger", "链上没有该账户";
    POSSESSION = "possession-not-proven", UNPROCESSABLE_ENTITY, "The signatures do not prove that the account is yours", "签名不足以证明该账户归您所有";
    NOT_SEALED = "binding-not-sealed", SERVICE_UNAVAILABLE, "Recorded, but not sealed yet: ask again", "已记录,尚未封存,请稍后重试";
    LEDGER_REFUSED = "ledger-refused", CONFLICT, "The ledger refused the record", "账本拒绝了该记录";
    ERASED = "erased", GONE, "The data was erased", "数据已删除";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The office or the ledger does not answer at present", "登记服务或账本暂不可用";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "An error of the office's software", "登记服务内部错误";
}

fn too_many(full: Full) -> Problem {
    Problem::new(&kinds::UNAVAILABLE, full)
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        use xiezhi_database::PersonKeyError;
        let kind = match &error {
            DeskError::NotFound => return Self::not_found(error),
            DeskError::Refused(_) => &kinds::APPLICATION_REFUSED,
            DeskError::Denied => &kinds::DENIED,
            DeskError::WrongState(_) => &kinds::WRONG_STATE,
            DeskError::Raced => &kinds::RACED,
            DeskError::Reused => &kinds::REUSED,
            DeskError::Challenge => &kinds::CHALLENGE,
            DeskError::NoAccount => &kinds::NO_ACCOUNT,
            DeskError::Possession(_) => &kinds::POSSESSION,
            DeskError::NotSealed => &kinds::NOT_SEALED,
            DeskError::Ledger(crate::LedgerError::Refused { .. }) => &kinds::LEDGER_REFUSED,
            DeskError::Keys(PersonKeyError::Erased) => &kinds::ERASED,
            DeskError::Ledger(_) | DeskError::Database(_) => &kinds::UNAVAILABLE,
            DeskError::Keys(_) | DeskError::Internal(_) => &kinds::INTERNAL,
        };
        if kind.status.is_server_error() {
            tracing::warn!(%error, "the office");
            return Self::new(kind, "its operator finds the reason in the log");
        }
        let problem = Self::new(kind, &error);
        let DeskError::Refused(refusals) = error else { return problem };
        problem.member("refusals", |lang| {
            let said =
                |one: &Refusal| json!({ "field": one.field, "rule": one.rule, "reason": one.sentence(lang) });
            refusals.iter().map(said).collect()
        })
    }
}

/// Nothing of what the office says is kept on the way.
async fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn about(State(service): Shared) -> Json<Value> {
    Json(json!({
        "institution": service.desk.institution(),
        "ledger": service.ledger.id().to_string(),
        "account": service.ledger.office().to_string(),
        "token_endpoint": format!("{}/v1/token", service.url),
    }))
}

async fn token(State(service): Shared, body: Bytes) -> Result<Json<Grant>, Problem> {
    let assertion = assertion_in_form(&body).map_err(Problem::invalid_body)?;
    service.log_in(&assertion).map(Json)
}

async fn apply(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let applicant: Applicant = read(&body)?;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let one = service.desk.apply(&session, &applicant, key, service.now()).await?;
    Ok((StatusCode::CREATED, Json(one)).into_response())
}

/// Says nothing of what stands in the body.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::invalid_body("not JSON of the expected form"))
}

#[derive(Deserialize)]
struct ListQuery {
    after: Option<String>,
}

async fn list(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let found = service.desk.list(&session, None, query.after.as_deref()).await?;
    Ok(Json(json!({ "applications": found })).into_response())
}

async fn show(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    Ok(Json(service.desk.show(&session, &id, service.now()).await?).into_response())
}

#[derive(Deserialize)]
struct ChallengeFor {
    account: String,
}

#[derive(Serialize)]
struct Challenged {
    nonce: String,
    message: String,
    expires: String,
}

async fn challenge(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let wanted: ChallengeFor = read(&body)?;
    let account: AccountId =
        wanted.account.parse().map_err(|_| Problem::invalid_body("account: no id of an account"))?;
    let made = service.desk.challenge(&session, &service.ledger, &id, account, service.now()).await?;
    let nonce = hex::encode(made.nonce);
    let answer =
        Challenged { nonce: nonce.clone(), message: made.message(), expires: made.expires.rfc3339() };
    let until_s = made.expires.seconds();
    service.challenges.insert(nonce, made, until_s, service.now().seconds()).map_err(too_many)?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

#[derive(Deserialize)]
struct Bind {
    nonce: String,
    signatures: Vec<BindSignature>,
}

#[derive(Deserialize)]
struct BindSignature {
    key: String,
    /// Hexadecimal.
    signature: String,
}

async fn bind(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let wanted: Bind = read(&body)?;
    let signature = |one: &BindSignature| Some((one.key.clone(), hex::decode(&one.signature).ok()?));
    let signatures: Option<Vec<_>> = wanted.signatures.iter().map(signature).collect();
    let signatures = signatures.ok_or_else(|| Problem::invalid_body("a signature is not hexadecimal"))?;
    // Good for one try.
    let now = service.now();
    let challenge = service.challenges.take(&wanted.nonce, now.seconds());
    let challenge = challenge.filter(|one| one.application == id).ok_or(DeskError::Challenge)?;
    let bytes = service.desk.bind(&session, &service.ledger, &challenge, &signatures, now).await?;
    Ok(([(header::CONTENT_TYPE, xiezhi_client::CERTIFICATE)], bytes).into_response())
}

#[cfg(test)]
mod tests;
