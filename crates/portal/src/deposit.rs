//! Depositing from the browser: the page, and the way of a signed statement to a node. No file and no secret come here.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use xiezhi_client::{ClientError, Deposited, Wait};

use crate::{
    app::App,
    page::{Page, Trouble, rendered},
};

/// How long a statement may take until it is recorded.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes of a statement; no ledger allows more.
pub(crate) const STATEMENT_BYTES_MAX: usize = 64 << 10;
/// Most bytes of a batch: a thousand items of about 80 bytes, in hexadecimal digits, and room.
pub(crate) const BATCH_BYTES_MAX: usize = 512 << 10;

#[derive(Template)]
#[template(path = "deposit.html")]
struct DepositPage {
    page: Page,
    ledger: String,
}

pub(crate) async fn show_deposit(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    let ledger = app.anchor().await?.ledger.clone();
    rendered(&DepositPage { page, ledger })
}

/// Hands a statement to a node and says where it is recorded; answers and refusals are for the page's script.
pub(crate) async fn submit_deposit(page: Page, State(app): State<Arc<App>>, statement: Bytes) -> Response {
    let client = app.client.clone().language(page.t.lang.tag());
    submitted(&page, client.deposit(statement, Wait::Recorded(PATIENCE)).await)
}

/// A batch, in hexadecimal digits.
#[derive(Deserialize)]
pub(crate) struct Batch {
    statement: String,
    items: Vec<String>,
}

/// As [`submit_deposit`], for a batch's statement and the items beside it.
pub(crate) async fn submit_batch(
    page: Page,
    State(app): State<Arc<App>>,
    Json(batch): Json<Batch>,
) -> Response {
    let items: Result<Vec<_>, _> = batch.items.iter().map(hex::decode).collect();
    let (Ok(statement), Ok(items)) = (hex::decode(&batch.statement), items) else {
        let error = "statement, items: hexadecimal digits are needed";
        return (StatusCode::BAD_REQUEST, Json(json!({"code": "malformed", "error": error}))).into_response();
    };
    let client = app.client.clone().language(page.t.lang.tag());
    submitted(&page, client.deposit_batch(&statement, &items, Wait::Recorded(PATIENCE)).await)
}

fn submitted(page: &Page, done: Result<Deposited, ClientError>) -> Response {
    match done {
        Ok(deposited) => Json(json!({"index": deposited.record.index.to_string()})).into_response(),
        Err(ClientError::Problem(problem)) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let error = format!("{}: {}", problem.title, problem.detail);
            (status, Json(json!({"code": problem.code, "error": error}))).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "a statement reaches no node");
            let error = page.t.get("trouble-unreachable");
            (StatusCode::BAD_GATEWAY, Json(json!({"error": error}))).into_response()
        }
    }
}
