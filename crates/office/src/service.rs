//! What the office answers over HTTP: sessions for programs whose keys are known (RFC 7523), applications, bindings. Whatever decides is an
//! officer's, who works at the desk.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use xiezhi_crypto::PublicKey;
use xiezhi_depositor::{LedgerError, NodeLedger};
use xiezhi_problem::{Edge, Problem, edge, kinds, read_json, unstored};
use xiezhi_session::{
    Door, Expiring, Full, Grant, LogInError, assertion_in_form,
    token::{TokenError, unverified_issuer},
};
use xiezhi_types::{AccountId, TimestampMs};

use crate::{
    Applicant, Desk, DeskError, IssuerConfig, People, Revocation,
    binding::Challenge,
    people::{Roles, random},
    policy::{Role, Session},
};

/// Longest body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// What is said of requests that the framework refuses.
const EDGE: Edge = Edge { too_large: "at most 64 KiB are read", malformed: "not of the expected form" };
/// How often the office looks whether it owes the ledger a record; officers at the desk are other processes.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long it waits before it tries again what it could not do.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Most challenges that are remembered.
const CHALLENGES_MAX: usize = 10_000;

/// An office that is being served.
pub struct Service {
    desk: Desk,
    ledger: NodeLedger,
    clients: HashMap<String, PublicKey>,
    clock: fn() -> TimestampMs,
    door: Door<Session>,
    challenges: Expiring<String, Challenge>,
    people: People,
}

impl Service {
    /// Serves `desk` at `url` to the programs `clients`, each known by its key, and to people whom `issuers` know; `officers` says
    /// of each of them, and of people with passkeys, which other role he has at that moment.
    #[must_use]
    pub fn new(
        desk: Desk,
        ledger: NodeLedger,
        url: &str,
        clients: HashMap<String, PublicKey>,
        issuers: HashMap<String, IssuerConfig>,
        officers: Roles,
        clock: fn() -> TimestampMs,
    ) -> Self {
        let door = Door::new(url, "office");
        let people = People::new(desk.clone(), clock, door.url(), issuers, officers);
        let challenges = Expiring::new(CHALLENGES_MAX);
        Self { desk, ledger, clients, clock, door, challenges, people }
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        (self.clock)()
    }

    /// The desk.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The people at it.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Where it is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.door.url()
    }

    /// What the keys of `account` are to sign, for an application of the session's, as the API says it.
    ///
    /// # Errors
    /// A problem document.
    pub async fn challenge(&self, session: &Session, id: &str, account: &str) -> Result<Value, Problem> {
        let account: AccountId =
            account.parse().map_err(|_| Problem::invalid_body("account: no id of an account"))?;
        let made = self.desk.challenge(session, &self.ledger, id, account, self.now()).await?;
        let nonce = hex::encode(made.nonce);
        let answer = json!({ "nonce": nonce, "message": made.message(), "expires": made.expires.rfc3339() });
        let until_s = made.expires.seconds();
        self.challenges.insert(nonce, made, until_s, self.now().seconds()).map_err(too_many)?;
        Ok(answer)
    }

    /// Binds the account whose keys signed; the certificate with all fields.
    ///
    /// # Errors
    /// A problem document.
    pub async fn bind(&self, session: &Session, id: &str, wanted: &Bind) -> Result<Vec<u8>, Problem> {
        let signature = |one: &BindSignature| Some((one.key.clone(), hex::decode(&one.signature).ok()?));
        let signatures: Option<Vec<_>> = wanted.signatures.iter().map(signature).collect();
        let signatures = signatures.ok_or_else(|| Problem::invalid_body("a signature is not hexadecimal"))?;
        let now = self.now();
        // Good for one try.
        let challenge = self.challenges.take(&wanted.nonce, now.seconds());
        let challenge = challenge.filter(|one| one.application == id).ok_or(DeskError::Challenge)?;
        Ok(self.desk.bind(session, &self.ledger, &challenge, &signatures, now).await?)
    }

    /// Puts on the ledger what the office owes it, for ever: looks every second, and less often while it cannot.
    pub async fn keep_delivering(&self) {
        loop {
            let owed = self.desk.deliver(&self.ledger, self.now()).await;
            if let Err(error) = &owed {
                tracing::warn!(%error, "the office");
            }
            tokio::time::sleep(if matches!(owed, Ok(0)) { LOOK_AGAIN } else { TRY_AGAIN }).await;
        }
    }

    fn session(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        self.door.caller(headers, self.now().seconds())
    }

    fn log_in(&self, assertion: &str) -> Result<Grant, Problem> {
        let issuer = unverified_issuer(assertion)?;
        let key = self.clients.get(&issuer).ok_or(TokenError::Issuer)?;
        let random = random()?;
        let session = Session {
            principal: issuer.clone(),
            role: Role::Client,
            institution: self.desk.institution().to_owned(),
        };
        let (keys, now_s) = (std::slice::from_ref(key), self.now().seconds());
        self.door.log_in(assertion, &issuer, keys, session, now_s, random).map_err(|error| match error {
            LogInError::Token(error) => error.into(),
            LogInError::Full(full) => too_many(full),
        })
    }
}

type Shared = State<Arc<Service>>;

async fn no_such_route() -> Problem {
    Problem::no_such_route("see docs/identity.md for the addresses")
}

/// The routes for programs; pages can be its fallback.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/office", get(about))
        .route("/v1/token", post(token))
        .route("/v1/applications", post(apply).get(list))
        .route("/v1/applications/{id}", get(show))
        .route("/v1/applications/{id}/withdrawal", post(withdraw))
        .route("/v1/applications/{id}/challenges", post(challenge))
        .route("/v1/applications/{id}/bindings", post(bind))
        .route("/v1/applications/{id}/revocations", post(revoke))
        .route("/v1/{*rest}", any(no_such_route))
        .fallback(no_such_route)
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(EDGE, edge))
        .layer(middleware::map_response(unstored))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

kinds! {
    DENIED = "denied", FORBIDDEN, "Your role does not allow this", "您的角色无权执行此操作";
    APPLICATION_REFUSED = "application-refused", UNPROCESSABLE_ENTITY, "What was given breaks a rule", "所填内容不合规则";
    WRONG_STATE = "wrong-state", CONFLICT, "This cannot happen in the present state", "当前状态下不能执行此操作";
    RACED = "raced", CONFLICT, "Somebody else changed it at the same time: look again", "他人刚刚作了变更,请重新查看";
    REUSED = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another body", "该幂等键已用于另一正文";
    CHALLENGE = "challenge-expired", CONFLICT, "The challenge is unknown or has expired: ask for another", "质询不存在或已过期,请重新获取";
    NO_ACCOUNT = "no-account", UNPROCESSABLE_ENTITY, "The account does not exist on the ledger", "链上没有该账户";
    POSSESSION = "possession-not-proven", UNPROCESSABLE_ENTITY, "The signatures do not prove that the account is yours", "签名不足以证明该账户归您所有";
    NO_BINDING = "no-binding", NOT_FOUND, "This account is not bound to this application", "该账户未绑定于此申请";
    REVOKED = "binding-revoked", CONFLICT, "This account's binding was revoked, for ever: apply anew", "该账户的绑定已撤销且不可恢复,请重新申请";
    LAST_PASSKEY = "last-passkey", CONFLICT, "This is the last passkey: say that you mean it", "这是最后一个通行密钥,须明确确认";
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
            DeskError::NoBinding => &kinds::NO_BINDING,
            DeskError::Revoked => &kinds::REVOKED,
            DeskError::LastPasskey => &kinds::LAST_PASSKEY,
            DeskError::NotSealed => &kinds::NOT_SEALED,
            DeskError::Ledger(LedgerError::Refused { .. }) => &kinds::LEDGER_REFUSED,
            DeskError::Keys(PersonKeyError::Erased) => &kinds::ERASED,
            DeskError::Ledger(_) | DeskError::Database(_) => &kinds::UNAVAILABLE,
            DeskError::Keys(_) | DeskError::Internal(_) => &kinds::INTERNAL,
        };
        if kind.status.is_server_error() {
            tracing::warn!(%error, "the office");
            return Self::new(kind, "its operator finds the reason in the log");
        }
        match &error {
            DeskError::Refused(refusals) => Self::new(kind, &error).refusals(refusals),
            _ => Self::new(kind, &error),
        }
    }
}

async fn about(State(service): Shared) -> Json<Value> {
    Json(json!({
        "institution": service.desk.institution(),
        "ledger": service.ledger.id().to_string(),
        "account": service.ledger.account_id().to_string(),
        "token_endpoint": service.door.token_endpoint(),
    }))
}

async fn token(State(service): Shared, body: Bytes) -> Result<Json<Grant>, Problem> {
    let assertion = assertion_in_form(&body).map_err(Problem::invalid_body)?;
    service.log_in(&assertion).map(Json)
}

async fn apply(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let applicant: Applicant = read_json(&body)?;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let one = service.desk.apply(&session, &applicant, key, service.now()).await?;
    Ok((StatusCode::CREATED, Json(one)).into_response())
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

async fn withdraw(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    service.desk.withdraw(&session, &id, service.now()).await?;
    Ok(Json(service.desk.show(&session, &id, service.now()).await?).into_response())
}

/// What is on its way to the ledger is accepted; the application says when it is there.
async fn revoke(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let wanted: ForAccount = read_json(&body)?;
    let (reason, now) = (Revocation::by_holder(), service.now());
    service.desk.revoke(&session, &id, &wanted.account, &reason, now).await?;
    Ok((StatusCode::ACCEPTED, Json(service.desk.show(&session, &id, now).await?)).into_response())
}

#[derive(Deserialize)]
struct ForAccount {
    account: String,
}

async fn challenge(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let wanted: ForAccount = read_json(&body)?;
    let answer = service.challenge(&session, &id, &wanted.account).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// A challenge, signed.
#[derive(Debug, Clone, Deserialize)]
pub struct Bind {
    /// Its nonce, in hexadecimal.
    pub nonce: String,
    /// By each of the account's keys that is needed.
    pub signatures: Vec<BindSignature>,
}

/// One key's signature.
#[derive(Debug, Clone, Deserialize)]
pub struct BindSignature {
    /// The key's id.
    pub key: String,
    /// Hexadecimal.
    pub signature: String,
}

async fn bind(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let bytes = service.bind(&session, &id, &read_json(&body)?).await?;
    Ok(([(header::CONTENT_TYPE, xiezhi_client::CERTIFICATE)], bytes).into_response())
}

#[cfg(test)]
mod tests;
