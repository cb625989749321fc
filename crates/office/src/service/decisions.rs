//! What officers do over HTTP: by the same rules, and of the same desk, as in pages and at the command line.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use xiezhi_problem::{Problem, openapi::Problems, read_json};

use super::{IdempotencyKey, Shared, idempotency_key};
use crate::{Dossier, Erasure, Evidence, OnRecord, Revocation};

/// An officer's decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    decision: Verdict,
    /// Why, in 1 to 1000 characters; sealed like the applicant's data.
    reason: String,
}

/// Yes or no.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Approve,
    Refuse,
}

/// Approves or refuses an application; for officers.
#[utoipa::path(
    post, path = "/v1/applications/{id}/decision", tag = "officers", operation_id = "decide_application",
    params(("id" = String, Path, description = "The application"), IdempotencyKey), request_body = Decision,
    responses((status = 200, description = "How it stands, without the applicant's data", body = Dossier), Problems)
)]
pub(super) async fn decide(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Dossier>, Problem> {
    let session = service.session(&headers)?;
    let wanted: Decision = read_json(&body)?;
    let evidence =
        Evidence::Officer { approve: wanted.decision == Verdict::Approve, reason: wanted.reason.trim() };
    service.desk.decide(&session, &id, &evidence, idempotency_key(&headers)?, service.now()).await?;
    Ok(Json(service.desk.standing(&session, &id).await?))
}

/// Takes an approval back, and with it every binding; for officers. The records of the revocations are on their way to the ledger.
#[utoipa::path(
    post, path = "/v1/applications/{id}/rescission", tag = "officers", operation_id = "rescind_application",
    params(("id" = String, Path, description = "The application"), IdempotencyKey), request_body = Revocation,
    responses((status = 202, description = "How it stands, without the applicant's data", body = Dossier), Problems)
)]
pub(super) async fn rescind(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let (wanted, key): (Revocation, _) = (read_json(&body)?, idempotency_key(&headers)?);
    service.desk.rescind(&session, &id, &wanted, key, service.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(service.desk.standing(&session, &id).await?)).into_response())
}

/// Erases the person of an application, in all of the person's applications; for data protection officers. The record of it is on its way to
/// the ledger. Asking again finishes what was interrupted, and changes nothing else.
#[utoipa::path(
    post, path = "/v1/applications/{id}/erasure", tag = "officers", operation_id = "erase_person",
    params(("id" = String, Path, description = "The application")), request_body = Erasure,
    responses((status = 202, description = "How it stands: without anybody's data", body = Dossier), Problems)
)]
pub(super) async fn erase(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = service.session(&headers)?;
    let wanted: Erasure = read_json(&body)?;
    service.desk.erase(&session, &id, &wanted, service.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(service.desk.standing(&session, &id).await?)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ErasuresQuery {
    /// How many of them, from the oldest on, are known already.
    #[serde(default)]
    after: u32,
}

/// Erasures.
#[derive(Serialize, ToSchema)]
pub(super) struct ErasureList {
    /// At most 100, oldest first.
    erasures: Vec<OnRecord>,
}

/// The erasures, which name nobody, each with its record on the ledger; for data protection officers and auditors.
#[utoipa::path(
    get, path = "/v1/erasures", tag = "officers", operation_id = "list_erasures", params(ErasuresQuery),
    responses((status = 200, description = "The erasures", body = ErasureList), Problems)
)]
pub(super) async fn list_erasures(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<ErasuresQuery>,
) -> Result<Json<ErasureList>, Problem> {
    let session = service.session(&headers)?;
    Ok(Json(ErasureList { erasures: service.desk.erasures(&session, query.after).await? }))
}
