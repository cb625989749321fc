//! What owners and readers do with an original that is whole.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use xiezhi_problem::{
    Problem,
    openapi::{Binary, Problems},
    read_json,
};
use xiezhi_types::TimestampMs;
use xiezhi_vault_log::{AuditProof, CustodyLog, EntryProof};

use super::{Service, Shared};
use crate::{
    possession::Possession,
    vault::{Granted, Logged, Opened, Own, VaultError, disclosure::Of},
};

pub(super) fn described() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(sealed))
        .routes(routes!(entries))
        .routes(routes!(proof))
        .routes(routes!(custody))
        .routes(routes!(grant, grants))
        .routes(routes!(revoke))
        .routes(routes!(grant_scope, scope_grants))
        .routes(routes!(revoke_scope))
        .routes(routes!(scope_entries))
        .routes(routes!(own))
        .routes(routes!(certificate))
        .routes(routes!(challenge))
        .routes(routes!(audits))
        .routes(routes!(erase))
}

/// What a reader says.
#[derive(Deserialize, ToSchema)]
struct Read {
    /// Why; the owner sees it.
    purpose: String,
}

/// Hands an original's key over to the caller's encryption key, after an entry that says so.
#[utoipa::path(
    post, path = "/v1/exhibits/{id}/reads", tag = "exhibits", operation_id = "read_exhibit",
    params(("id" = String, Path, description = "The exhibit")), request_body = Read,
    responses((status = 201, description = "The key, for the caller alone", body = Opened), Problems)
)]
async fn read(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let wanted: Read = read_json(&body)?;
    let account = service.account(caller).await?;
    let key = account.encryption_key.ok_or_else(|| VaultError::EncryptionKey("there is none".to_owned()))?;
    let opened = service.vault.read(&caller, &id, &wanted.purpose, &key, service.now()).await?;
    Ok((StatusCode::CREATED, Json(opened)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Beginning {
    /// The first that is wanted, from 0.
    #[serde(default)]
    from: u64,
}

/// Sealed segments to the end of their part: at most 64.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/segments", tag = "exhibits", operation_id = "get_segments",
    params(("id" = String, Path, description = "The exhibit"), Beginning),
    responses((status = 200, description = "One after another", body = Binary, content_type = "application/octet-stream"), Problems)
)]
async fn sealed(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<Beginning>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let bytes = service.vault.sealed(&caller, &id, query.from, service.now()).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// Entries of an exhibit.
#[derive(Serialize, ToSchema)]
struct EntryList {
    /// At most 1000, by position.
    entries: Vec<Logged>,
}

/// What happened to an exhibit, for its owner.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/entries", tag = "exhibits", operation_id = "list_entries",
    params(("id" = String, Path, description = "The exhibit"), Beginning),
    responses((status = 200, description = "Who, when, why", body = EntryList), Problems)
)]
async fn entries(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<Beginning>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let entries = service.vault.entries(&caller, Of::Exhibit(&id), query.from).await?;
    Ok(Json(EntryList { entries }).into_response())
}

/// The proof that an entry is in a log whose head is on the ledger, for the exhibit's owner.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/entries/{position}/proof", tag = "exhibits", operation_id = "get_entry_proof",
    params(("id" = String, Path, description = "The exhibit"), ("position" = u64, Path, description = "The entry")),
    responses((status = 200, description = "The proof", body = EntryProof), Problems)
)]
async fn proof(
    State(service): Shared,
    headers: HeaderMap,
    Path((id, position)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(service.vault.proof(&caller, &id, position).await?).into_response())
}

/// What happened to an exhibit up to the last head on the ledger, with the proofs, for its owner: a file that is checked without the vault.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/custody", tag = "exhibits", operation_id = "get_custody_log",
    params(("id" = String, Path, description = "The exhibit")),
    responses((status = 200, description = "The file; docs/specs/vault.md says how it is checked", body = CustodyLog), Problems)
)]
async fn custody(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(service.vault.custody(&caller, &id).await?).into_response())
}

/// Who may read, why, and until when.
#[derive(Deserialize, ToSchema)]
struct GrantTo {
    /// The account that may read.
    grantee: String,
    /// Why.
    purpose: String,
    /// The number of the case, where there is one.
    case: Option<String>,
    /// Until when; RFC 3339.
    expires: String,
}

/// The id of what was made.
#[derive(Serialize, ToSchema)]
struct Made {
    /// Its id.
    id: String,
}

/// Grants an account to read.
#[utoipa::path(
    post, path = "/v1/exhibits/{id}/grants", tag = "grants", operation_id = "create_grant",
    params(("id" = String, Path, description = "The exhibit")), request_body = GrantTo,
    responses((status = 201, description = "The grant's id", body = Made), Problems)
)]
async fn grant(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    grant_of(&service, &headers, Of::Exhibit(&id), &body).await
}

async fn grant_of(
    service: &Service,
    headers: &HeaderMap,
    of: Of<'_>,
    body: &[u8],
) -> Result<Response, Problem> {
    let caller = service.caller(headers)?;
    let wanted: GrantTo = read_json(body)?;
    let field = |field, rule| VaultError::Field { field, rule };
    let grantee = wanted.grantee.parse().map_err(|_| field("grantee", "no id of an account"))?;
    let expires =
        TimestampMs::parse_rfc3339(&wanted.expires).ok_or_else(|| field("expires", "no RFC 3339 time"))?;
    let case = wanted.case.as_deref();
    let id =
        service.vault.grant(&caller, of, &grantee, &wanted.purpose, case, expires, service.now()).await?;
    Ok((StatusCode::CREATED, Json(Made { id })).into_response())
}

/// What a scope's name means.
fn scope(name: &str) -> Of<'_> {
    Of::All { group: (name != "account").then_some(name) }
}

/// Grants an account to read all of the caller's, or those of a group, also those that are still to come.
#[utoipa::path(
    post, path = "/v1/scopes/{scope}/grants", tag = "grants", operation_id = "create_wide_grant",
    params(("scope" = String, Path, description = "`account`, or a group of 32 hexadecimal digits")), request_body = GrantTo,
    responses((status = 201, description = "The grant's id", body = Made), Problems)
)]
async fn grant_scope(
    State(service): Shared,
    headers: HeaderMap,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    grant_of(&service, &headers, scope(&name), &body).await
}

/// The wide grants of the caller.
#[utoipa::path(
    get, path = "/v1/scopes/{scope}/grants", tag = "grants", operation_id = "list_wide_grants",
    params(("scope" = String, Path, description = "`account`, or a group")),
    responses((status = 200, description = "The grants", body = GrantList), Problems)
)]
async fn scope_grants(
    State(service): Shared,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(GrantList { grants: service.vault.grants(&caller, scope(&name)).await? }).into_response())
}

/// Ends a wide grant.
#[utoipa::path(
    delete, path = "/v1/scopes/{scope}/grants/{grant}", tag = "grants", operation_id = "revoke_wide_grant",
    params(("scope" = String, Path, description = "`account`, or a group"), ("grant" = String, Path, description = "The grant")),
    responses((status = 204, description = "Ended"), Problems)
)]
async fn revoke_scope(
    State(service): Shared,
    headers: HeaderMap,
    Path((name, grant)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    service.vault.revoke(&caller, scope(&name), &grant, service.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What happened to all of the caller's, or to those of a group: grants and their ends, and everything that happened to each exhibit.
#[utoipa::path(
    get, path = "/v1/scopes/{scope}/entries", tag = "grants", operation_id = "list_scope_entries",
    params(("scope" = String, Path, description = "`account`, or a group"), Beginning),
    responses((status = 200, description = "Who, when, why", body = EntryList), Problems)
)]
async fn scope_entries(
    State(service): Shared,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<Beginning>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let entries = service.vault.entries(&caller, scope(&name), query.from).await?;
    Ok(Json(EntryList { entries }).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Behind {
    /// The last exhibit of the answer before, if any.
    #[serde(default)]
    after: String,
}

/// The caller's originals.
#[derive(Serialize, ToSchema)]
struct OwnList {
    /// At most 1000, by exhibit.
    originals: Vec<Own>,
}

/// What the vault has, or had, of the caller's.
#[utoipa::path(
    get, path = "/v1/originals", tag = "exhibits", operation_id = "list_originals", params(Behind),
    responses((status = 200, description = "The originals", body = OwnList), Problems)
)]
async fn own(
    State(service): Shared,
    headers: HeaderMap,
    Query(query): Query<Behind>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(OwnList { originals: service.vault.own(&caller, &query.after).await? }).into_response())
}

/// The certificate of an exhibit's record, for its owner.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/certificate", tag = "exhibits", operation_id = "get_exhibit_certificate",
    params(("id" = String, Path, description = "The exhibit")),
    responses((status = 200, description = "The certificate", body = Binary, content_type = "application/vnd.xiezhi.certificate+cbor"), Problems)
)]
async fn certificate(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let certificate = service.vault.certificate_of(&caller, &id).await?.to_vec();
    let form = [(header::CONTENT_TYPE, "application/vnd.xiezhi.certificate+cbor")];
    Ok((form, certificate).into_response())
}

/// A challenge.
#[derive(Deserialize, ToSchema)]
struct Challenge {
    /// 32 random bytes that the vault cannot have foreseen; 64 hexadecimal digits.
    nonce: String,
}

/// Has the vault prove that it has the original at this moment; for who may read it.
#[utoipa::path(
    post, path = "/v1/exhibits/{id}/challenges", tag = "exhibits", operation_id = "challenge_possession",
    params(("id" = String, Path, description = "The exhibit")), request_body = Challenge,
    responses((status = 201, description = "The answer, recorded on the ledger; docs/specs/vault.md says how it is checked", body = Possession), Problems)
)]
async fn challenge(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let wanted: Challenge = read_json(&body)?;
    let nonce = hex::decode(&wanted.nonce).ok().and_then(|nonce| nonce.try_into().ok());
    let nonce = nonce.ok_or(VaultError::Field { field: "nonce", rule: "64 hexadecimal digits" })?;
    let own = service.ledger.account_id();
    let mut answer = service.vault.possess(&own, &caller, &id, &nonce, service.now()).await?;
    answer.certificate = service.record(answer.answer.as_bytes()).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Audits of an exhibit.
#[derive(Serialize, ToSchema)]
struct AuditList {
    /// The last ten, the newest first.
    audits: Vec<AuditProof>,
}

/// What the last audits found of an exhibit, for its owner.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/audits", tag = "exhibits", operation_id = "list_audits",
    params(("id" = String, Path, description = "The exhibit")),
    responses((status = 200, description = "Each with the proof that its report says so", body = AuditList), Problems)
)]
async fn audits(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(AuditList { audits: service.vault.audits(&caller, &id).await? }).into_response())
}

/// Grants of an exhibit.
#[derive(Serialize, ToSchema)]
struct GrantList {
    /// At most 1000.
    grants: Vec<Granted>,
}

/// The grants of an exhibit, for its owner.
#[utoipa::path(
    get, path = "/v1/exhibits/{id}/grants", tag = "grants", operation_id = "list_grants",
    params(("id" = String, Path, description = "The exhibit")),
    responses((status = 200, description = "The grants", body = GrantList), Problems)
)]
async fn grants(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    Ok(Json(GrantList { grants: service.vault.grants(&caller, Of::Exhibit(&id)).await? }).into_response())
}

/// Ends a grant.
#[utoipa::path(
    delete, path = "/v1/exhibits/{id}/grants/{grant}", tag = "grants", operation_id = "revoke_grant",
    params(("id" = String, Path, description = "The exhibit"), ("grant" = String, Path, description = "The grant")),
    responses((status = 204, description = "Ended"), Problems)
)]
async fn revoke(
    State(service): Shared,
    headers: HeaderMap,
    Path((id, grant)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    service.vault.revoke(&caller, Of::Exhibit(&id), &grant, service.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Why an original is erased.
#[derive(Deserialize, ToSchema)]
struct Erase {
    /// On which ground, as `request`.
    basis: String,
    /// The number of the request or the order.
    reference: String,
}

/// Erases an original, its key and what was said of it. The entry that says so stays, and every certificate keeps its force.
#[utoipa::path(
    post, path = "/v1/exhibits/{id}/erasures", tag = "exhibits", operation_id = "erase_exhibit",
    params(("id" = String, Path, description = "The exhibit")), request_body = Erase,
    responses((status = 204, description = "Erased"), Problems)
)]
async fn erase(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = service.caller(&headers)?;
    let wanted: Erase = read_json(&body)?;
    service.vault.erase(&caller, &id, &wanted.basis, &wanted.reference, service.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
