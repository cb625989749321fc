//! Snapshots: what an observer begins with, instead of the first record.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use xiezhi_client::{CBOR, wire::U64};
use xiezhi_types::Height;

use crate::{
    app::App,
    document::{Binary, Problems},
    problem::Problem,
    records::IMMUTABLE,
    request::{Params, require_accept},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SnapshotParams {
    /// Height of a sealed checkpoint; the newest unless given.
    #[param(value_type = Option<U64>)]
    height: Option<u64>,
}

/// The checkpoint at which a copy of the ledger can begin, with its seals and the history that leads to its members.
///
/// `snapshot` of docs/specs/snapshot.md.
#[utoipa::path(
    get, path = "/v1/snapshot", tag = "log", params(SnapshotParams),
    responses((status = 200, description = "The snapshot", body = Binary, content_type = "application/cbor"), Problems)
)]
pub(crate) async fn get_snapshot(
    State(app): State<Arc<App>>,
    Params(params): Params<SnapshotParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let bytes = app.read(move |node| node.snapshot(params.height.map(Height))).await?;
    Ok(answer(bytes, HeaderValue::from_static("no-cache")))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StateParams {
    /// Height of a checkpoint.
    #[param(value_type = U64)]
    height: u64,
    /// The SHA-256 of a key, 64 hexadecimal digits: entries from there on; from the first unless given.
    from: Option<String>,
}

/// Entries of the state after a block, in the order of their keys' SHA-256: as many as fit into one answer.
///
/// `state-entries` of docs/specs/snapshot.md.
#[utoipa::path(
    get, path = "/v1/snapshot/state", tag = "log", params(StateParams),
    responses((status = 200, description = "The entries", body = Binary, content_type = "application/cbor"), Problems)
)]
pub(crate) async fn list_state_entries(
    State(app): State<Arc<App>>,
    Params(params): Params<StateParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let mut from = [0; 32];
    if let Some(text) = &params.from {
        let wrong = |_| Problem::parameter("from", "64 hexadecimal digits are needed");
        hex::decode_to_slice(text, &mut from).map_err(wrong)?;
    }
    let bytes = app.read(move |node| node.state_entries(Height(params.height), from)).await?;
    Ok(answer(bytes, IMMUTABLE))
}

fn answer(bytes: Vec<u8>, caching: HeaderValue) -> Response {
    let kind = HeaderValue::from_static(CBOR);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], bytes).into_response()
}
