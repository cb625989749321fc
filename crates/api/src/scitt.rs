//! The SCITT reference API (draft-ietf-scitt-scrapi): statements in, receipts out, keys to check them with.
//!
//! A receipt is handed out only when the checkpoint is sealed to policy. It is this institution's own, or, until it has sealed, the first
//! other's; all of them are at `/v1/records/{index}/receipts`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minicbor::Encoder;
use xiezhi_client::{CBOR, COSE};
use xiezhi_crypto::{KeyId, PublicKey, SignatureAlg};
use xiezhi_ledger::Transaction;
use xiezhi_node::{RecordStatus, SubmitError};
use xiezhi_types::StatementId;

use crate::{
    app::App,
    deposits::wait_sealed,
    document::{Binary, ConciseProblems},
    problem::Problem,
    request::{Segment, read_body, require_accept, require_media_type},
};

/// How long a registration may take before the client is told to come back.
const WAIT: Duration = Duration::from_secs(10);
/// Longest statement, in bytes.
const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// Registers a signed statement.
#[utoipa::path(
    post, path = "/entries", tag = "scitt",
    request_body(content = Binary, content_type = "application/cose", description = "One COSE_Sign1."),
    responses(
        (status = 201, description = "Registered: the receipt", body = Binary, content_type = "application/cose", headers(("Location" = String, description = "Where fresh receipts are had"))),
        (status = 303, description = "Recorded, not sealed to policy yet", headers(("Location" = String, description = "Where the receipt will be"), ("Retry-After" = u32, description = "Seconds"))),
        ConciseProblems,
    )
)]
pub(crate) async fn register_statement(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_media_type(&headers, COSE)?;
    let body = read_body(&headers, body, STATEMENT_BYTES_MAX, app.config.body_timeout).await?;
    let deadline = Instant::now() + WAIT;
    let status = match app.node.submit(Transaction::single(&body), WAIT).await {
        Ok(status) => status,
        Err(SubmitError::AlreadyRecorded(status)) => *status,
        Err(error) => return Err(error.into()),
    };
    let status = if status.is_sealed() { status } else { wait_sealed(&app, status, deadline).await? };
    answer(&app, &status, StatusCode::CREATED, StatusCode::SEE_OTHER)
}

/// A statement's receipt, by the statement's id.
#[utoipa::path(
    get, path = "/entries/{id}", tag = "scitt",
    params(("id" = String, Path, description = "64 hexadecimal digits, as in the Location of the registration")),
    responses(
        (status = 200, description = "The receipt", body = Binary, content_type = "application/cose", headers(("Location" = String, description = "Where fresh receipts are had"))),
        (status = 302, description = "Recorded, not sealed to policy yet", headers(("Location" = String, description = "The same"), ("Retry-After" = u32, description = "Seconds"))),
        ConciseProblems,
    )
)]
pub(crate) async fn resolve_receipt(
    State(app): State<Arc<App>>,
    id: Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, COSE)?;
    let id: StatementId = id.read("id")?;
    let status = app.node.record_status(&id)?;
    answer(&app, &status, StatusCode::OK, StatusCode::FOUND)
}

fn answer(
    app: &App,
    status: &RecordStatus,
    done: StatusCode,
    running: StatusCode,
) -> Result<Response, Problem> {
    let location = format!("/entries/{}", status.id);
    if !status.is_sealed() {
        let headers = [(header::LOCATION, location), (header::RETRY_AFTER, "1".to_owned())];
        return Ok((running, headers).into_response());
    }
    let mut receipts = app.node.receipts(status.index)?;
    let own = receipts.iter().position(|(institution, _)| institution == app.node.institution()).unwrap_or(0);
    if own >= receipts.len() {
        return Err(Problem::not_found(format!("a receipt of statement {}", status.id)));
    }
    let (_, receipt) = receipts.swap_remove(own);
    let headers = [(header::LOCATION, location), (header::CONTENT_TYPE, COSE.to_owned())];
    Ok((done, headers, receipt).into_response())
}

/// An institution's seal key as a COSE_Key (RFC 9052, section 7): OKP, Ed25519.
fn write_key(e: &mut Encoder<Vec<u8>>, id: KeyId, key: &[u8; 32]) {
    let done = e
        .map(5)
        .and_then(|e| e.u8(1)?.u8(1))
        .and_then(|e| e.u8(2)?.bytes(&id.0))
        .and_then(|e| e.u8(3)?.i64(SignatureAlg::Ed25519.cose()))
        .and_then(|e| e.i8(-1)?.u8(6))
        .and_then(|e| e.i8(-2)?.bytes(key));
    debug_assert!(done.is_ok());
}

/// Every institution's seal key with its key identifier, in the order of genesis.
fn seal_keys(app: &App) -> Vec<(KeyId, [u8; 32])> {
    let keys = app.node.genesis().institutions.iter().map(|institution| institution.seal_key);
    keys.filter_map(|key| Some((PublicKey::new(SignatureAlg::Ed25519, &key).ok()?.id(), key))).collect()
}

fn cbor(bytes: Vec<u8>) -> Response {
    let cache = HeaderValue::from_static("public, max-age=3600");
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CBOR)), (header::CACHE_CONTROL, cache)], bytes)
        .into_response()
}

/// The institutions' seal keys: a COSE Key Set. They are in the ledger's genesis too, which is what a verifier trusts.
#[utoipa::path(
    get, path = "/.well-known/scitt-keys", tag = "scitt",
    responses((status = 200, description = "The keys", body = Binary, content_type = "application/cbor"), ConciseProblems)
)]
pub(crate) async fn list_scitt_keys(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let keys = seal_keys(&app);
    let mut e = Encoder::new(Vec::with_capacity(64 * keys.len()));
    let done = e.array(keys.len() as u64);
    debug_assert!(done.is_ok());
    for (id, key) in &keys {
        write_key(&mut e, *id, key);
    }
    Ok(cbor(e.into_writer()))
}

/// One of the seal keys, by its identifier in unpadded base64url.
#[utoipa::path(
    get, path = "/.well-known/scitt-keys/{kid}", tag = "scitt",
    params(("kid" = String, Path, description = "11 characters of base64url")),
    responses((status = 200, description = "The key", body = Binary, content_type = "application/cbor"), ConciseProblems)
)]
pub(crate) async fn get_scitt_key(
    State(app): State<Arc<App>>,
    kid: Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let found = URL_SAFE_NO_PAD.decode(&kid.0).ok();
    let key = found.and_then(|kid| seal_keys(&app).into_iter().find(|(id, _)| id.0[..] == kid[..]));
    let (id, key) = key.ok_or_else(|| Problem::not_found("a key of this identifier"))?;
    let mut e = Encoder::new(Vec::with_capacity(64));
    write_key(&mut e, id, &key);
    Ok(cbor(e.into_writer()))
}

/// What this transparency service is, for clients of the draft's older versions.
#[utoipa::path(
    get, path = "/.well-known/transparency-configuration", tag = "scitt",
    responses((status = 200, description = "A CBOR map", body = Binary, content_type = "application/cbor"), ConciseProblems)
)]
pub(crate) async fn get_transparency_configuration(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let issuer = xiezhi_evidence::genesis::institution_uri(app.node.institution());
    let suites = app.node.alliance().0.term.suites(app.node.genesis()).allowed;
    let mut e = Encoder::new(Vec::with_capacity(256));
    let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.map(4)?.str("issuer")?.str(&issuer)?.str("ledger")?.str(&app.ledger.to_string())?;
        e.str("keys")?.str("/.well-known/scitt-keys")?;
        e.str("supported_signature_algorithms")?.array(suites.len() as u64)?;
        for suite in &suites {
            e.i64(*suite)?;
        }
        Ok(())
    };
    let done = write();
    debug_assert!(done.is_ok());
    Ok(cbor(e.into_writer()))
}
