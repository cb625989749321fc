//! What platforms' programs reach over HTTP. docs/evidence-service.md has the addresses.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    middleware,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use utoipa::{IntoParams, ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use xiezhi_crypto::PublicKey;
use xiezhi_problem::{
    Edge, Problem, edge,
    openapi::{self, Binary, Problems},
    read_json, unstored,
};
use xiezhi_session::{
    AssertionForm, Door, Grant, LogInError, assertion_in_form,
    token::{TokenError, unverified_issuer},
};
use xiezhi_types::TimestampMs;

use crate::{
    Added, Book, Entry, Filter, Happened, Opened, Opening, Overview, ServiceError, TransactionView,
    book::random, court,
};

/// Longest body: a file of 12 MB in Base64.
const BODY_BYTES_MAX: usize = 16 << 20;
/// What is said of requests that the framework refuses.
const EDGE: Edge = Edge { too_large: "at most 16 MiB are read", malformed: "not of the expected form" };
/// Most event streams at once.
const STREAMS_MAX: usize = 256;
/// How long a stream lasts at most; whoever wants more opens another.
const STREAM_MAX: Duration = Duration::from_secs(600);
/// How often a stream looks for what is new.
const LOOK: Duration = Duration::from_millis(500);

/// A service that is being served.
pub struct Service {
    pub(crate) book: Book,
    pub(crate) clients: HashMap<String, PublicKey>,
    /// The clients for which people act who log in elsewhere, by the names that they have there.
    people: HashMap<String, String>,
    /// Sessions hold the callers' names.
    door: Door<String>,
    webhook_key: Option<String>,
    pub(crate) clock: fn() -> TimestampMs,
    streams: Arc<Semaphore>,
}

impl Service {
    /// Serves `book` at `url` to the programs `clients`, each known by its key; `webhook_key` is the public key of webhooks.
    #[must_use]
    pub fn new(
        book: Book,
        url: &str,
        clients: HashMap<String, PublicKey>,
        webhook_key: Option<String>,
        clock: fn() -> TimestampMs,
    ) -> Self {
        let door = Door::new(url, "service");
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self { book, clients, people: HashMap::new(), door, webhook_key, clock, streams }
    }

    /// Lets people act for clients: the client by the person's name.
    #[must_use]
    pub fn with_people(mut self, people: HashMap<String, String>) -> Self {
        self.people = people;
        self
    }

    /// Whose transactions are a person's, who logged in elsewhere as `name`: those of the client for which he acts, or else his own. No client
    /// has a name with a colon in it.
    #[must_use]
    pub fn owner(&self, name: &str) -> String {
        self.people.get(name).cloned().unwrap_or_else(|| format!("person:{name}"))
    }

    /// The book.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The time by the service's clock.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        (self.clock)()
    }

    /// An idempotency key that nobody had before.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] without randomness.
    pub fn fresh_request(&self) -> Result<String, ServiceError> {
        Ok(hex::encode(random::<16>()?))
    }

    /// Whose token came with the request.
    fn caller(&self, headers: &HeaderMap) -> Result<String, Problem> {
        self.door.caller(headers, (self.clock)().seconds())
    }

    fn log_in(&self, assertion: &str) -> Result<Grant, Problem> {
        let issuer = unverified_issuer(assertion)?;
        let key = self.clients.get(&issuer).ok_or(TokenError::Issuer)?;
        let (keys, random, now_s) = (std::slice::from_ref(key), random()?, (self.clock)().seconds());
        let granted = self.door.log_in(assertion, &issuer, keys, issuer.clone(), now_s, random);
        granted.map_err(|error| match error {
            LogInError::Token(error) => error.into(),
            LogInError::Full(_) => Problem::new(&kinds::UNAVAILABLE, "too many sessions").retry_after(60),
        })
    }
}

pub(crate) type Shared = State<Arc<Service>>;

/// The routes whose problems are RFC 9457's.
fn described() -> OpenApiRouter<Arc<Service>> {
    let head = openapi::head(
        "Xiezhi evidence service",
        "Records transactions of platforms by templates, at every sink they name, and gives one bundle of all proofs. What it proves and what \
        not: docs/evidence-service.md. Times are RFC 3339 in UTC.",
        &[kinds::ALL, xiezhi_session::problem_kinds()],
    );
    OpenApiRouter::with_openapi(head)
        .routes(routes!(about))
        .routes(routes!(token))
        .routes(routes!(templates))
        .routes(routes!(template))
        .routes(routes!(open, list))
        .routes(routes!(overview))
        .routes(routes!(show))
        .routes(routes!(add))
        .routes(routes!(bundle))
        .routes(routes!(pack))
        .routes(routes!(events))
        .routes(routes!(document))
}

/// Two addresses with codes of their own, which the edge would replace.
fn described_court() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(court::open)).routes(routes!(court::add))
}

/// The description of what is served.
#[must_use]
pub fn openapi_document() -> OpenApi {
    described().merge(described_court()).into_openapi()
}

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    let (court, _) = described_court().split_for_parts();
    let (router, _) = described().split_for_parts();
    router
        .fallback(async || Problem::no_such_route("see docs/evidence-service.md for the addresses"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(EDGE, edge))
        .merge(court)
        .layer(middleware::map_response(unstored))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

xiezhi_problem::kinds! {
    REFUSED = "evidence-refused", UNPROCESSABLE_ENTITY, "What was given breaks a rule", "所填内容不合规则";
    CLOSED = "transaction-closed", CONFLICT, "The transaction is closed", "事务已关闭";
    REUSED = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another body", "该幂等键已用于另一正文";
    RACED = "raced", CONFLICT, "The same was asked at the same time: ask again", "同一请求正在处理,请重试";
    INCOMPLETE = "incomplete", CONFLICT, "Not every sink has given its proof yet", "尚有存证去向未给出证明";
    ERASED = "erased", GONE, "The customer's data was erased", "客户数据已删除";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The service cannot do this at present", "服务暂不可用";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "An error of the service's software", "服务内部错误";
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        use xiezhi_database::PersonKeyError;
        let kind = match &error {
            ServiceError::NotFound(_) => return Self::not_found(error),
            ServiceError::Refused(_) => &kinds::REFUSED,
            ServiceError::Closed => &kinds::CLOSED,
            ServiceError::Reused => &kinds::REUSED,
            ServiceError::Raced => &kinds::RACED,
            ServiceError::Incomplete { .. } => &kinds::INCOMPLETE,
            ServiceError::Keys(PersonKeyError::Erased) => &kinds::ERASED,
            ServiceError::Database(_) => &kinds::UNAVAILABLE,
            ServiceError::Keys(_) | ServiceError::Internal(_) => &kinds::INTERNAL,
        };
        if kind.status.is_server_error() {
            return Self::noted(kind, "the evidence service", &error);
        }
        match &error {
            ServiceError::Refused(refusals) => Self::new(kind, &error).refusals(refusals),
            _ => Self::new(kind, &error),
        }
    }
}

/// What a service says of itself.
#[derive(Serialize, ToSchema)]
struct About {
    /// `xiezhi-evidence`.
    service: &'static str,
    /// Where tokens are asked for.
    token_endpoint: String,
    /// Where evidence can be recorded.
    sinks: Vec<SinkView>,
    /// The public key of webhooks, `whpk_...`, where there are any.
    webhook_key: Option<String>,
    /// Whether this is a demonstration: whatever is recorded says so.
    demonstration: bool,
}

/// A sink.
#[derive(Serialize, ToSchema)]
struct SinkView {
    /// Its name.
    name: String,
    /// How bundles name it: ledger and account, or the authority's root.
    listed: String,
}

/// Sinks, and the key of webhooks.
#[utoipa::path(
    get, path = "/v1/service", tag = "service", operation_id = "get_service", security(()),
    responses((status = 200, description = "The service", body = About), Problems)
)]
async fn about(State(service): Shared) -> Json<About> {
    let sink = |(name, listed)| SinkView { name, listed };
    Json(About {
        service: "xiezhi-evidence",
        token_endpoint: service.door.token_endpoint(),
        sinks: service.book.sinks().map(sink).collect(),
        webhook_key: service.webhook_key.clone(),
        demonstration: service.book.is_demonstration(),
    })
}

/// Gives a session's token for an assertion (RFC 7523).
#[utoipa::path(
    post, path = "/v1/token", tag = "service", operation_id = "create_token", security(()),
    request_body(content = AssertionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = Grant), Problems)
)]
async fn token(State(service): Shared, body: Bytes) -> Result<Json<Grant>, Problem> {
    let assertion = assertion_in_form(&body).map_err(Problem::invalid_body)?;
    service.log_in(&assertion).map(Json)
}

/// The templates' names and labels.
#[utoipa::path(
    get, path = "/v1/templates", tag = "templates", operation_id = "list_templates", security(()),
    responses((status = 200, description = "`{templates: [{id, version, label: {en, zh}}]}`", body = Object), Problems)
)]
async fn templates() -> Json<Value> {
    let short =
        |one: &xiezhi_template::Template| json!({ "id": one.id, "version": one.version, "label": one.label });
    Json(json!({ "templates": xiezhi_template::all().iter().map(short).collect::<Vec<_>>() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// The version; the newest by default.
    version: Option<u32>,
}

/// A template: its phases, and the JSON Schema of each phase's elements.
#[utoipa::path(
    get, path = "/v1/templates/{id}", tag = "templates", operation_id = "get_template", security(()),
    params(("id" = String, Path, description = "The template's id"), VersionQuery),
    responses((status = 200, description = "The template", body = Object), Problems)
)]
async fn template(Path(id): Path<String>, Query(query): Query<VersionQuery>) -> Result<Response, Problem> {
    let found = xiezhi_template::find(&id, query.version);
    Ok(Json(found.ok_or_else(|| Problem::not_found("there is no such template in that version"))?)
        .into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes a header that is read as text")]
struct IdempotencyKey {
    /// The same key with the same body is done once; with another body it is refused.
    #[serde(rename = "Idempotency-Key")]
    key: Option<String>,
}

fn request(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let key = headers.get("idempotency-key").map(HeaderValue::to_str).transpose();
    key.map_err(|_| Problem::parameter("idempotency-key", "visible ASCII is needed"))
}

fn status(known: bool, new: StatusCode) -> StatusCode {
    if known { StatusCode::OK } else { new }
}

/// Opens a transaction.
#[utoipa::path(
    post, path = "/v1/transactions", tag = "transactions", operation_id = "open_transaction",
    params(IdempotencyKey), request_body = Opening,
    responses(
        (status = 201, description = "Opened", body = Opened),
        (status = 200, description = "The same request had opened it", body = Opened),
        Problems,
    )
)]
async fn open(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let opened =
        service.book.begin(&caller, &read_json(&body)?, request(&headers)?, (service.clock)()).await?;
    Ok((status(opened.known, StatusCode::CREATED), Json(opened)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AfterQuery {
    /// The last id of the answer before.
    after: Option<String>,
}

/// Ids of transactions.
#[derive(Serialize, ToSchema)]
struct TransactionList {
    /// The caller's, at most 100, in the order in which they were opened.
    transactions: Vec<String>,
}

/// The caller's transactions.
#[utoipa::path(
    get, path = "/v1/transactions", tag = "transactions", operation_id = "list_transactions",
    params(AfterQuery),
    responses((status = 200, description = "Their ids", body = TransactionList), Problems)
)]
async fn list(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<AfterQuery>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let transactions = service.book.list(&caller, query.after.as_deref()).await?;
    Ok(Json(TransactionList { transactions }).into_response())
}

/// A list.
#[derive(Serialize, ToSchema)]
struct OverviewList {
    /// The caller's that were asked for, at most 50, newest first.
    transactions: Vec<Overview>,
}

/// The caller's transactions in short, narrowed and searched.
#[utoipa::path(
    get, path = "/v1/overview", tag = "transactions", operation_id = "overview_transactions",
    params(Filter),
    responses((status = 200, description = "How each stands, in short", body = OverviewList), Problems)
)]
async fn overview(
    State(service): Shared,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(OverviewList { transactions: service.book.overview(&caller, &filter).await? }).into_response())
}

/// A transaction with its entries and legs.
#[utoipa::path(
    get, path = "/v1/transactions/{id}", tag = "transactions", operation_id = "get_transaction",
    params(("id" = String, Path, description = "The transaction")),
    responses((status = 200, description = "How it stands", body = TransactionView), Problems)
)]
async fn show(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(service.book.show(&caller, &id).await?).into_response())
}

/// Adds an entry.
#[utoipa::path(
    post, path = "/v1/transactions/{id}/entries", tag = "transactions", operation_id = "add_entry",
    params(("id" = String, Path, description = "The transaction"), IdempotencyKey), request_body = Entry,
    responses(
        (status = 202, description = "Taken: it is carried to every sink", body = Added),
        (status = 200, description = "The same request had added it", body = Added),
        Problems,
    )
)]
async fn add(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let added =
        service.book.add(&caller, &id, &read_json(&body)?, request(&headers)?, (service.clock)()).await?;
    Ok((status(added.known, StatusCode::ACCEPTED), Json(added)).into_response())
}

/// Closes a transaction with one commitment to all its entries.
#[utoipa::path(
    post, path = "/v1/transactions/{id}/pack", tag = "transactions", operation_id = "pack_transaction",
    params(("id" = String, Path, description = "The transaction")),
    responses(
        (status = 202, description = "Closed: the pack is carried to every sink", body = Added),
        (status = 200, description = "It had been closed", body = Added),
        Problems,
    )
)]
async fn pack(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let added = service.book.pack(&caller, &id, (service.clock)()).await?;
    Ok((status(added.known, StatusCode::ACCEPTED), Json(added)).into_response())
}

/// An entry's bundle, once every leg is sealed.
#[utoipa::path(
    get, path = "/v1/transactions/{id}/entries/{entry}/bundle", tag = "transactions", operation_id = "get_bundle",
    params(("id" = String, Path, description = "The transaction"), ("entry" = u32, Path, description = "The entry's number")),
    responses(
        (status = 200, description = "The bundle (docs/specs/bundle.md)", body = Binary, content_type = "application/vnd.xiezhi.bundle+cbor"),
        Problems,
    )
)]
async fn bundle(
    State(service): Shared,
    headers: HeaderMap,
    Path((id, entry)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let bytes = service.book.bundle(&caller, &id, entry).await?;
    Ok(([(header::CONTENT_TYPE, xiezhi_client::BUNDLE)], bytes).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The number of the last event that was seen.
    after: Option<i64>,
}

/// One program that listens.
struct Listener {
    service: Arc<Service>,
    caller: String,
    after: i64,
    ready: std::collections::VecDeque<Event>,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if Instant::now() >= self.until {
                return None;
            }
            match self.service.book.events(&self.caller, self.after).await {
                Ok(found) if found.is_empty() => tokio::time::sleep(LOOK).await,
                Ok(found) => {
                    for one in found {
                        self.after = one.seq;
                        let data = serde_json::to_string(&one).unwrap_or_default();
                        self.ready
                            .push_back(Event::default().id(one.seq.to_string()).event(one.kind).data(data));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends");
                    return None;
                }
            }
        }
    }
}

/// Server-sent events, from the one after `after` or after the header `Last-Event-ID`; from the first otherwise.
#[utoipa::path(
    get, path = "/v1/events", tag = "transactions", operation_id = "follow_events",
    params(EventsQuery, ("Last-Event-ID" = Option<i64>, Header, description = "Before `after`")),
    responses((status = 200, description = "The data of each is a `Happened`; the stream ends after ten minutes", body = Happened, content_type = "text/event-stream"), Problems)
)]
async fn events(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let caller = service.caller(&headers)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let permit = Arc::clone(&service.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::new(&kinds::UNAVAILABLE, "too many streams").retry_after(5))?;
    let listener = Listener {
        service,
        caller,
        after: last.or(query.after).unwrap_or_default(),
        ready: std::collections::VecDeque::new(),
        until: Instant::now() + STREAM_MAX,
        _permit: permit,
    };
    let stream = stream::unfold(listener, Listener::next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service", operation_id = "get_openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn document() -> Response {
    openapi::serve(&openapi_document())
}

#[cfg(test)]
mod tests;
