//! What the office answers over HTTP: sessions for programs whose keys are known (RFC 7523), applications, bindings; what officers decide is in
//! `decisions`.

mod decisions;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    middleware,
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use xiezhi_crypto::PublicKey;
use xiezhi_depositor::{LedgerError, NodeLedger};
use xiezhi_problem::{
    Edge, Problem, edge, kinds,
    openapi::{self, Binary, Problems},
    read_json, unstored,
};
use xiezhi_session::{
    AssertionForm, Door, Expiring, Full, Grant, LogInError, assertion_in_form,
    token::{TokenError, unverified_issuer},
};
use xiezhi_types::{AccountId, TimestampMs};

use crate::{
    Applicant, Application, Desk, DeskError, Dossier, IssuerConfig, People, Revocation, State as Standing,
    binding::Challenge,
    people::random,
    policy::{Role, Session},
    roster::Rosters,
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
/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 100;

/// Who has a token, and for officers the key by which it was asked for.
#[derive(Clone)]
struct Caller {
    session: Session,
    key: Option<PublicKey>,
}

/// An office that is being served.
pub struct Service {
    desk: Desk,
    ledger: NodeLedger,
    clients: HashMap<String, PublicKey>,
    clock: fn() -> TimestampMs,
    door: Door<Caller>,
    challenges: Expiring<String, Challenge>,
    people: People,
}

impl Service {
    /// Serves `desk` at `url` to the programs `clients`, each known by its key, and to people whom `issuers` know; `rosters` says
    /// which of them, and of people with passkeys, and of other programs, is an officer at that moment.
    #[must_use]
    pub fn new(
        desk: Desk,
        ledger: NodeLedger,
        url: &str,
        clients: HashMap<String, PublicKey>,
        issuers: HashMap<String, IssuerConfig>,
        rosters: Rosters,
        clock: fn() -> TimestampMs,
    ) -> Self {
        let door = Door::new(url, "office");
        let people = People::new(desk.clone(), clock, door.url(), issuers, rosters);
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

    /// Who sent a request; an officer's token ends with his role and with his key.
    fn session(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        let Caller { session, key } = self.door.caller(headers, self.now().seconds())?;
        if session.role == Role::Client {
            return Ok(session);
        }
        let officer = self.people.roster().officers.remove(&session.principal);
        if officer.is_some_and(|officer| officer.role == session.role && officer.key == key) {
            return Ok(session);
        }
        tracing::info!(principal = session.principal, "the token ends with the role or the key");
        Err(self.door.unknown())
    }

    fn log_in(&self, assertion: &str) -> Result<Grant, Problem> {
        let issuer = unverified_issuer(assertion)?;
        let (key, role) = match self.clients.get(&issuer) {
            Some(key) => (key.clone(), Role::Client),
            None => {
                let officer = self.people.roster().officers.remove(&issuer);
                let known = officer.and_then(|officer| Some((officer.key?, officer.role)));
                known.ok_or(TokenError::Issuer)?
            }
        };
        let random = random()?;
        let institution = self.desk.institution().to_owned();
        let session = Session { principal: issuer.clone(), role, institution };
        let (keys, now_s) = ([key.clone()], self.now().seconds());
        let caller = Caller { session, key: (role != Role::Client).then_some(key) };
        self.door.log_in(assertion, &issuer, &keys, caller, now_s, random).map_err(|error| match error {
            LogInError::Token(error) => error.into(),
            LogInError::Full(full) => too_many(full),
        })
    }
}

type Shared = State<Arc<Service>>;

async fn no_such_route() -> Problem {
    Problem::no_such_route("see docs/identity.md for the addresses")
}

fn described() -> OpenApiRouter<Arc<Service>> {
    let head = openapi::head(
        "Xiezhi registration office",
        "Takes real-name applications of persons and enterprises, and binds them to accounts of the ledger. Who decides, and what is kept and \
        erased: docs/identity.md. Times are RFC 3339 in UTC.",
        &[kinds::ALL, xiezhi_session::problem_kinds()],
    );
    OpenApiRouter::with_openapi(head)
        .routes(routes!(about))
        .routes(routes!(token))
        .routes(routes!(apply, list))
        .routes(routes!(show))
        .routes(routes!(withdraw))
        .routes(routes!(challenge))
        .routes(routes!(bind))
        .routes(routes!(revoke))
        .routes(routes!(decisions::decide))
        .routes(routes!(decisions::rescind))
        .routes(routes!(decisions::erase))
        .routes(routes!(decisions::list_erasures))
        .routes(routes!(document))
}

/// The description of what is served.
#[must_use]
pub fn openapi_document() -> OpenApi {
    described().into_openapi()
}

/// The routes for programs; pages can be its fallback.
pub fn router(service: Arc<Service>) -> Router {
    let (router, _) = described().split_for_parts();
    router
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
            DeskError::Ledger(_) | DeskError::Database(_) | DeskError::Keys(PersonKeyError::Busy) => {
                &kinds::UNAVAILABLE
            }
            DeskError::Keys(_) | DeskError::Internal(_) => &kinds::INTERNAL,
        };
        if kind.status.is_server_error() {
            return Self::noted(kind, "the office", &error);
        }
        match &error {
            DeskError::Refused(refusals) => Self::new(kind, &error).refusals(refusals),
            _ => Self::new(kind, &error),
        }
    }
}

/// What an office says of itself.
#[derive(Serialize, ToSchema)]
struct About {
    /// Whose office it is.
    institution: String,
    /// The ledger of the accounts.
    ledger: String,
    /// The office's account.
    account: String,
    /// Where tokens are asked for.
    token_endpoint: String,
}

/// Institution, ledger and account of the office.
#[utoipa::path(
    get, path = "/v1/office", tag = "office", operation_id = "get_office", security(()),
    responses((status = 200, description = "The office", body = About), Problems)
)]
async fn about(State(service): Shared) -> Json<About> {
    Json(About {
        institution: service.desk.institution().to_owned(),
        ledger: service.ledger.id().to_string(),
        account: service.ledger.account_id().to_string(),
        token_endpoint: service.door.token_endpoint(),
    })
}

/// Gives a session's token for an assertion (RFC 7523).
#[utoipa::path(
    post, path = "/v1/token", tag = "office", operation_id = "create_token", security(()),
    request_body(content = AssertionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = Grant), Problems)
)]
async fn token(State(service): Shared, body: Bytes) -> Result<Json<Grant>, Problem> {
    let assertion = assertion_in_form(&body).map_err(Problem::invalid_body)?;
    service.log_in(&assertion).map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes a header that is read as text")]
struct IdempotencyKey {
    /// 1 to 100 visible ASCII characters. The same key with the same body is done once; with another body it is refused.
    #[serde(rename = "Idempotency-Key")]
    key: Option<String>,
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| key.bytes().all(|b| b.is_ascii_graphic()));
    let key = key.filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    let wrong = || Problem::parameter("Idempotency-Key", "1 to 100 visible ASCII characters are needed");
    key.map(Some).ok_or_else(wrong)
}

/// Applies for a person or an enterprise.
#[utoipa::path(
    post, path = "/v1/applications", tag = "applications", operation_id = "apply",
    params(IdempotencyKey),
    request_body = Applicant,
    responses((status = 201, description = "How it stands", body = Application), Problems)
)]
async fn apply(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let applicant: Applicant = read_json(&body)?;
    let key = idempotency_key(&headers)?;
    let one = service.desk.apply(&session, &applicant, key, service.now()).await?;
    Ok((StatusCode::CREATED, Json(one)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The last id of the answer before.
    after: Option<String>,
    /// Only those that stand so.
    #[param(value_type = Option<Standing>)]
    state: Option<String>,
}

/// Applications.
#[derive(Serialize, ToSchema)]
struct ApplicationList {
    /// At most 100, in the order in which they came.
    applications: Vec<Application>,
}

/// The caller's applications; for officers all of the office's.
#[utoipa::path(
    get, path = "/v1/applications", tag = "applications", operation_id = "list_applications", params(ListQuery),
    responses((status = 200, description = "The applications", body = ApplicationList), Problems)
)]
async fn list(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let state = query.state.as_deref();
    let state = state.map(|name| {
        let wrong = || Problem::parameter("state", "no state of an application");
        Standing::from_name(name).ok_or_else(wrong)
    });
    let applications = service.desk.list(&session, state.transpose()?, query.after.as_deref()).await?;
    Ok(Json(ApplicationList { applications }).into_response())
}

/// An application with as much of it as the caller may see.
#[utoipa::path(
    get, path = "/v1/applications/{id}", tag = "applications", operation_id = "get_application",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "The application", body = Dossier), Problems)
)]
async fn show(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    Ok(Json(service.desk.show(&session, &id, service.now()).await?).into_response())
}

/// Withdraws an application that nobody has decided yet.
#[utoipa::path(
    post, path = "/v1/applications/{id}/withdrawal", tag = "applications", operation_id = "withdraw_application",
    params(("id" = String, Path, description = "The application")),
    responses((status = 200, description = "How it stands", body = Dossier), Problems)
)]
async fn withdraw(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    service.desk.withdraw(&session, &id, service.now()).await?;
    Ok(Json(service.desk.show(&session, &id, service.now()).await?).into_response())
}

/// What is revoked, and why.
#[derive(Deserialize, ToSchema)]
struct BindingRevocation {
    /// The account's id.
    account: String,
    /// An officer's: `holder`, `untrue`, `changed`, `account-lost` or `order`. The holder's own is always `holder`.
    #[serde(default)]
    reason: String,
    /// Reference of the decision in the office's own files, 1 to 100 printable ASCII characters; the holder's own has none.
    #[serde(default)]
    reference: String,
}

/// Revokes the binding of an account, at its holder's wish or for an officer's reason; what is on its way to the ledger is accepted, and the
/// application says when it is there. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/applications/{id}/revocations", tag = "applications", operation_id = "revoke_binding",
    params(("id" = String, Path, description = "The application")), request_body = BindingRevocation,
    responses((status = 202, description = "How it stands, without the applicant's data", body = Dossier), Problems)
)]
async fn revoke(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let BindingRevocation { account, reason, reference } = read_json(&body)?;
    let revocation = Revocation { reason, reference };
    service.desk.revoke(&session, &id, &account, &revocation, service.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(service.desk.standing(&session, &id).await?)).into_response())
}

/// For which account.
#[derive(Deserialize, ToSchema)]
struct ForAccount {
    /// The account's id.
    account: String,
}

/// What the account's keys are to sign.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "describes what is made as JSON for pages too")]
struct ChallengeMade {
    /// Its nonce, hexadecimal.
    nonce: String,
    /// The text to sign.
    message: String,
    /// Until when it is good; RFC 3339.
    expires: String,
}

/// Gives a challenge for the keys of an account.
#[utoipa::path(
    post, path = "/v1/applications/{id}/challenges", tag = "applications", operation_id = "create_challenge",
    params(("id" = String, Path, description = "The application")), request_body = ForAccount,
    responses((status = 201, description = "What is to be signed", body = ChallengeMade), Problems)
)]
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
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Bind {
    /// Its nonce, in hexadecimal.
    pub nonce: String,
    /// By each of the account's keys that is needed.
    pub signatures: Vec<BindSignature>,
}

/// One key's signature.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct BindSignature {
    /// The key's id.
    pub key: String,
    /// Hexadecimal.
    pub signature: String,
}

/// Binds an account whose keys signed the challenge.
#[utoipa::path(
    post, path = "/v1/applications/{id}/bindings", tag = "applications", operation_id = "bind_account",
    params(("id" = String, Path, description = "The application")), request_body = Bind,
    responses((status = 200, description = "The certificate with all fields", body = Binary, content_type = "application/vnd.xiezhi.certificate+cbor"), Problems)
)]
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

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "office", operation_id = "get_openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn document() -> Response {
    openapi::serve(&openapi_document())
}

#[cfg(test)]
mod tests;
