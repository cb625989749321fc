//! The ledger, its accounts, and this node.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use xiezhi_client::{
    ACCOUNT_PROOF, CBOR,
    wire::{self, Base64, U64},
};
use xiezhi_crypto::DigestAlg;
use xiezhi_types::{AccountId, Height};

use crate::{
    app::App,
    document::{Binary, Problems},
    problem::{Problem, kinds},
    records::IMMUTABLE,
    request::{Params, Segment, read_body, require_accept, require_media_type},
    terms, view,
};

/// Longest time-stamp request, in bytes.
const TIMESTAMP_QUERY_BYTES_MAX: usize = 16 << 10;

/// The ledger's genesis. Its SHA-256 is the ledger's id.
#[utoipa::path(
    get, path = "/v1/genesis", tag = "ledger",
    responses((status = 200, description = "The genesis", body = Binary, content_type = "application/cbor"), Problems)
)]
pub(crate) async fn get_genesis(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(CBOR)), (header::CACHE_CONTROL, IMMUTABLE)];
    Ok((headers, app.node.genesis_bytes().to_vec()).into_response())
}

/// What a verifier must trust, to be compared with a copy from elsewhere.
#[utoipa::path(
    get, path = "/v1/anchor", tag = "ledger",
    responses((status = 200, description = "The anchor", body = wire::Anchor), Problems)
)]
pub(crate) async fn get_anchor(State(app): State<Arc<App>>) -> Json<wire::Anchor> {
    let genesis = app.node.genesis();
    let institution = |i: &xiezhi_evidence::Institution| wire::Institution {
        id: i.id.to_string(),
        role: i.role.name().to_owned(),
        name: view::local_name(&i.name),
        seal_key: Base64(i.seal_key.to_vec()),
    };
    let suites = app.node.alliance().0.term.suites(genesis);
    let limits = &genesis.limits;
    Json(wire::Anchor {
        ledger: app.ledger.to_string(),
        fingerprint: fingerprint(&app.ledger.to_string()),
        genesis_sm3: DigestAlg::Sm3.digest(app.node.genesis_bytes()).to_string(),
        name: view::local_name(&genesis.name),
        origin: genesis.origin(&app.ledger),
        suites: terms::suite_names(&suites.allowed),
        limits: wire::Limits {
            block_bytes_max: limits.block_bytes_max,
            statement_bytes_max: limits.statement_bytes_max,
            batch_items_max: limits.batch_items_max,
            statement_window_s: limits.statement_window_s,
        },
        institutions: genesis.institutions.iter().map(institution).collect(),
    })
}

/// Groups of four, for people to read to each other.
fn fingerprint(id: &str) -> String {
    let groups: Vec<_> = id.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

/// An account as it stands now.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "ledger",
    params(("id" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, description = "The account", body = wire::Account), Problems)
)]
pub(crate) async fn get_account(
    State(app): State<Arc<App>>,
    id: Segment,
) -> Result<Json<wire::Account>, Problem> {
    let id: AccountId = id.read("id")?;
    Ok(Json(view::account(&app.node.account(&id)?)))
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountProofParams {
    /// The height asked for; the newest sealed one unless given.
    #[param(value_type = Option<U64>)]
    height: Option<u64>,
}

/// Proves how an account stood after the last sealed block at or below a height, or that there was none. Anyone who trusts the ledger's id can check it offline.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/proof", tag = "ledger",
    params(("id" = String, Path, description = "64 hexadecimal digits"), AccountProofParams),
    responses((status = 200, description = "The proof", body = Binary, content_type = "application/vnd.xiezhi.account-proof+cbor"), Problems)
)]
pub(crate) async fn get_account_proof(
    State(app): State<Arc<App>>,
    id: Segment,
    Params(params): Params<AccountProofParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, ACCOUNT_PROOF)?;
    let proof = app.node.account_proof(id.read("id")?, params.height.map(Height))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(ACCOUNT_PROOF))], proof).into_response())
}

/// The alliance as it stands: its members, the next term if one is decided, what is proposed, who is invited.
#[utoipa::path(
    get, path = "/v1/alliance", tag = "ledger",
    responses((status = 200, description = "The alliance", body = wire::Alliance), Problems)
)]
pub(crate) async fn get_alliance(State(app): State<Arc<App>>) -> Json<wire::Alliance> {
    let (alliance, height) = app.node.alliance();
    Json(terms::alliance(app.node.genesis(), &alliance, height))
}

/// Every term so far: who was in the alliance from which height on, and what made a certificate.
#[utoipa::path(
    get, path = "/v1/terms", tag = "ledger",
    responses((status = 200, description = "The terms", body = wire::Terms), Problems)
)]
pub(crate) async fn list_terms(State(app): State<Arc<App>>) -> Result<Json<wire::Terms>, Problem> {
    let found = app.node.terms()?;
    Ok(Json(wire::Terms { terms: found.iter().map(|term| terms::term(app.node.genesis(), term)).collect() }))
}

/// This node's state, and how it sees the others.
#[utoipa::path(
    get, path = "/v1/status", tag = "ledger",
    responses((status = 200, description = "The state", body = wire::Status), Problems)
)]
pub(crate) async fn get_status(State(app): State<Arc<App>>) -> Json<wire::Status> {
    Json(view::node_status(&app.node.status()))
}

/// Whether the process is up.
#[utoipa::path(
    get, path = "/healthz", tag = "ledger",
    responses((status = 200, description = "It is", body = wire::Health))
)]
pub(crate) async fn get_health() -> Json<wire::Health> {
    Json(wire::Health { status: "ok".to_owned() })
}

/// Whether the node can record: enough institutions are in reach.
#[utoipa::path(
    get, path = "/readyz", tag = "ledger",
    responses((status = 200, description = "It can", body = wire::Health), (status = 503, description = "It waits for others", body = wire::Health))
)]
pub(crate) async fn get_readiness(State(app): State<Arc<App>>) -> (StatusCode, Json<wire::Health>) {
    let (code, status) = if app.node.status().live {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting")
    };
    (code, Json(wire::Health { status: status.to_owned() }))
}

/// Counters in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "ledger",
    responses((status = 200, description = "The counters", body = String, content_type = "text/plain"))
)]
pub(crate) async fn get_metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = app.node.metrics();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&app.gate.0.metrics.text());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Time-stamps a digest (RFC 3161), where this institution runs an authority.
#[utoipa::path(
    post, path = "/tsa", tag = "ledger",
    request_body(content = Binary, content_type = "application/timestamp-query", description = "A TimeStampReq (DER)."),
    responses((status = 200, description = "A TimeStampResp (DER)", body = Binary, content_type = "application/timestamp-reply"), Problems)
)]
pub(crate) async fn create_timestamp(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_media_type(&headers, "application/timestamp-query")?;
    let request = read_body(&headers, body, TIMESTAMP_QUERY_BYTES_MAX, app.config.body_timeout).await?;
    let none = || Problem::new(&kinds::NO_TIMESTAMP_AUTHORITY, "ask another institution's node");
    let reply = app.node.timestamp(&request).ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, "application/timestamp-reply")], reply).into_response())
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "ledger",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(crate) async fn get_openapi() -> Response {
    static DOCUMENT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let text = DOCUMENT.get_or_init(|| crate::openapi().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}
