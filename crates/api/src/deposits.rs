//! Recording statements: single ones of every kind, and batches.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use xiezhi_client::{CBOR, CBOR_SEQUENCE, CERTIFICATE, COSE, wire};
use xiezhi_ledger::Transaction;
use xiezhi_node::{QueryError, RecordStatus, SubmitError};
use xiezhi_types::LogIndex;

use crate::{
    app::App,
    document::{Binary, Problems},
    idempotency::{KEY_BYTES_MAX, Known},
    problem::{Problem, kinds},
    request::{
        Params, Segment, asks_for, header_text, left, media_type, page_limit, read_body, read_json,
        require_accept, require_media_type, unsupported,
    },
    view,
};

/// Longest raw statement, in bytes; the ledger's own bound applies besides.
const STATEMENT_BODY_BYTES_MAX: usize = 64 << 10;
/// Longest statement in JSON, in bytes: a third more for base64, and room for the rest.
const STATEMENT_JSON_BYTES_MAX: usize = 96 << 10;
/// How long a deposit waits unless told, in milliseconds.
const TIMEOUT_MS_USUAL: u64 = 10_000;
/// How long a deposit can be told to wait, in milliseconds.
const TIMEOUT_MS_MAX: u64 = 60_000;
/// Certificates of a batch in one answer.
const CERTIFICATES_MAX: u32 = 1_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a deposit waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WaitFor {
    /// Until the statement is recorded.
    #[default]
    Recorded,
    /// Until its checkpoint is sealed to policy.
    Sealed,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DepositParams {
    /// What is waited for.
    #[serde(default)]
    wait: WaitFor,
    /// How long, in milliseconds; 10,000 unless given.
    #[param(maximum = 60_000)]
    timeout_ms: Option<u64>,
}

impl DepositParams {
    fn timeout(&self) -> Result<Duration, Problem> {
        let ms = self.timeout_ms.unwrap_or(TIMEOUT_MS_USUAL);
        if ms > TIMEOUT_MS_MAX {
            return Err(Problem::parameter(
                "timeout_ms",
                format!("{ms}, at most {TIMEOUT_MS_MAX} are allowed"),
            ));
        }
        Ok(Duration::from_millis(ms))
    }
}

/// Records a statement: a deposit, an account's creation, or a general SCITT statement.
///
/// The answer comes once the statement is recorded durably on this node (`wait=recorded`), or once its checkpoint is sealed to policy
/// (`wait=sealed`). A statement that is recorded already is answered with where it stands. Sending one again is always safe.
#[utoipa::path(
    post, path = "/v1/deposits", tag = "deposits",
    params(DepositParams, ("Idempotency-Key" = Option<String>, Header, description = "A random text of at most 128 characters. The same key with another body is refused; with the same body it is answered as the first time. Remembered by this node for a day.")),
    request_body(content((Binary = "application/cose"), (wire::DepositRequest = "application/json")), description = "One COSE_Sign1."),
    responses(
        (status = 200, description = "Recorded already", content((wire::Deposit = "application/json"), (Binary = "application/vnd.xiezhi.certificate+cbor"))),
        (status = 201, description = "Recorded and sealed", headers(("Location" = String, description = "The record")), content((wire::Deposit = "application/json"), (Binary = "application/vnd.xiezhi.certificate+cbor"))),
        (status = 202, description = "Recorded, not sealed yet or not waited for", body = wire::Deposit, headers(("Location" = String, description = "The record"))),
        Problems,
    )
)]
pub(crate) async fn create_deposit(
    State(app): State<Arc<App>>,
    Params(params): Params<DepositParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let timeout = app.config.body_timeout;
    let raw = header_text(&headers, header::CONTENT_TYPE) == Some(COSE);
    let kind = if raw { None } else { media_type(&headers) };
    let (bytes_max, json) = match kind.as_deref() {
        _ if raw => (STATEMENT_BODY_BYTES_MAX, false),
        Some(COSE) => (STATEMENT_BODY_BYTES_MAX, false),
        Some("application/json") => (STATEMENT_JSON_BYTES_MAX, true),
        _ => return Err(unsupported("application/cose or application/json")),
    };
    let body = read_body(&headers, body, bytes_max, timeout).await?;
    let transaction = if json {
        Transaction::single(&read_json::<wire::DepositRequest>(&body)?.statement.0)
    } else {
        Transaction::single(&body)
    };
    submit(&app, &params, &headers, &body, transaction).await
}

/// Records a batch: one statement over up to 65,536 items.
///
/// The body is the CBOR array `[statement bstr, [item bstr, ...]]`. Answers as for a deposit; the certificate is the batch statement's
/// own, those of the items are at `/v1/batches/{index}/certificates`.
#[utoipa::path(
    post, path = "/v1/batches", tag = "deposits",
    params(DepositParams, ("Idempotency-Key" = Option<String>, Header, description = "As for a deposit.")),
    request_body(content = Binary, content_type = "application/cbor", description = "`[statement bstr, [item bstr, ...]]`, at most 16 MiB."),
    responses(
        (status = 200, description = "Recorded already", body = wire::Deposit),
        (status = 201, description = "Recorded and sealed", body = wire::Deposit, headers(("Location" = String, description = "The record"))),
        (status = 202, description = "Recorded, not sealed yet or not waited for", body = wire::Deposit, headers(("Location" = String, description = "The record"))),
        Problems,
    )
)]
pub(crate) async fn create_batch(
    State(app): State<Arc<App>>,
    Params(params): Params<DepositParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_media_type(&headers, CBOR)?;
    let body = read_body(&headers, body, app.config.batch_bytes_max, app.config.body_timeout).await?;
    let transaction = read_batch(&body)?;
    submit(&app, &params, &headers, &body, transaction).await
}

/// Reads `[statement, [item, ...]]` and nothing after it.
pub(crate) fn read_batch(body: &[u8]) -> Result<Transaction, Problem> {
    let wrong = |reason: String| {
        Problem::new(&kinds::INVALID_BODY, format!("not [statement, [item, ...]]: {reason}"))
    };
    let mut decoder = minicbor::Decoder::new(body);
    let transaction = Transaction::decode_from(&mut decoder).map_err(|e| wrong(e.to_string()))?;
    match body.len() - decoder.position() {
        0 => Ok(transaction),
        rest => Err(wrong(format!("{rest} bytes follow"))),
    }
}

async fn submit(
    app: &App,
    params: &DepositParams,
    headers: &HeaderMap,
    body: &[u8],
    transaction: Transaction,
) -> Result<Response, Problem> {
    let timeout = params.timeout()?;
    let deadline = Instant::now() + timeout;
    let key = idempotency_key(headers)?;
    let repeated = match key.map(|key| app.idempotency.check(key, body, Instant::now())) {
        Some(Known::Other) => {
            let detail = "the key was used for another body within a day; use a new one for each statement";
            return Err(Problem::new(&kinds::IDEMPOTENCY_MISMATCH, detail).field("Idempotency-Key"));
        }
        Some(Known::Same) => true,
        Some(Known::First) | None => false,
    };
    let (status, known) = match app.node.submit(transaction, timeout).await {
        Ok(status) => (status, false),
        Err(SubmitError::AlreadyRecorded(status)) => (*status, !repeated),
        Err(error) => {
            if let Some(key) = key.filter(|_| !repeated) {
                app.idempotency.release(key);
            }
            return Err(error.into());
        }
    };
    let mut response = match params.wait {
        WaitFor::Recorded => recorded(app, &status, known),
        WaitFor::Sealed => sealed(app, headers, status, known, deadline).await?,
    };
    if repeated {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_BYTES_MAX => Ok(Some(key)),
        _ => Err(Problem::parameter("Idempotency-Key", format!("1 to {KEY_BYTES_MAX} visible characters"))),
    }
}

fn recorded(app: &App, status: &RecordStatus, known: bool) -> Response {
    let code = if known { StatusCode::OK } else { StatusCode::ACCEPTED };
    let deposit = wire::Deposit { record: view::status(&app.ledger, status, None), certificate: None };
    (code, [(header::LOCATION, format!("/v1/records/{}", status.index))], Json(deposit)).into_response()
}

/// Waits for the seals and answers with the certificate: raw when it is asked for, and the shortest way then.
async fn sealed(
    app: &App,
    headers: &HeaderMap,
    status: RecordStatus,
    known: bool,
    deadline: Instant,
) -> Result<Response, Problem> {
    let status = if status.is_sealed() { status } else { wait_sealed(app, status, deadline).await? };
    if !status.is_sealed() {
        let mut response = recorded(app, &status, known);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(response);
    }
    let code = if known { StatusCode::OK } else { StatusCode::CREATED };
    let certificate = app.node.certificate(status.index, None)?;
    let location = (header::LOCATION, format!("/v1/records/{}", status.index));
    if asks_for(headers, CERTIFICATE) {
        let kind = (header::CONTENT_TYPE, CERTIFICATE.to_owned());
        return Ok((code, [location, kind], certificate).into_response());
    }
    let record = view::status(&app.ledger, &status, None);
    let deposit = wire::Deposit { record, certificate: Some(wire::Base64(certificate)) };
    Ok((code, [location], Json(deposit)).into_response())
}

pub(crate) async fn wait_sealed(
    app: &App,
    status: RecordStatus,
    deadline: Instant,
) -> Result<RecordStatus, Problem> {
    match app.node.wait_sealed(status.index, left(deadline)).await {
        Ok(status) => Ok(status),
        Err(QueryError::NotSealed(status)) => Ok(*status),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchCertificatesParams {
    /// The first item.
    #[serde(default)]
    from: u32,
    /// At most so many certificates; 100 unless given.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
}

/// Certificates of a batch's items: a CBOR sequence, in the items' order.
#[utoipa::path(
    get, path = "/v1/batches/{index}/certificates", tag = "deposits",
    params(("index" = wire::U64, Path, description = "The batch's place in the log"), BatchCertificatesParams),
    responses(
        (status = 200, description = "The certificates", body = Binary, content_type = "application/cbor-seq", headers(("Link" = String, description = "`rel=\"next\"`: those that follow"))),
        Problems,
    )
)]
pub(crate) async fn list_batch_certificates(
    State(app): State<Arc<App>>,
    index: Segment,
    Params(params): Params<BatchCertificatesParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR_SEQUENCE)?;
    let index = LogIndex(index.read("index")?);
    let limit = page_limit(params.limit, 100, CERTIFICATES_MAX)?;
    let status = app.node.index_status(index)?;
    if status.items == 0 {
        return Err(Problem::not_found(format!("a batch at index {index}")));
    }
    if params.from >= status.items {
        return Err(Problem::parameter(
            "from",
            format!("{}, the batch has {} items", params.from, status.items),
        ));
    }
    let end = status.items.min(params.from.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)));
    let (node, ledger, from) = (app.node.clone(), app.ledger, params.from);
    // Each certificate is some reads and a copy: a thousand of them would hold up other requests.
    let certificates = tokio::task::spawn_blocking(move || node.item_certificates(index, from, limit));
    let read =
        certificates.await.map_err(|_| Problem::new(&kinds::INTERNAL, "the certificates were not read"))?;
    let sequence = read.map_err(|e| not_sealed(&ledger, e, None))?.concat();
    let mut response = ([(header::CONTENT_TYPE, CBOR_SEQUENCE)], sequence).into_response();
    if end < status.items {
        let link = format!("</v1/batches/{index}/certificates?from={end}&limit={limit}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// A query's error; when the record is not sealed, with where it stands.
pub(crate) fn not_sealed(ledger: &xiezhi_types::LedgerId, error: QueryError, item: Option<u32>) -> Problem {
    let standing = match &error {
        QueryError::NotSealed(status) => Some(view::status(ledger, status, item)),
        _ => None,
    };
    match standing {
        Some(standing) => Problem::from(error).record(standing),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests;
