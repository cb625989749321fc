//! Records, what they consist of, and the search for them.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use xiezhi_client::{CERTIFICATE, COSE, wire};
use xiezhi_crypto::Digest;
use xiezhi_node::{Hit, Query, QueryError};
use xiezhi_types::{AccountId, GroupId, LogIndex, RecordNumber, StatementId};

use crate::{
    app::App,
    deposits::not_sealed,
    document::{Binary, Problems},
    problem::{Problem, kinds},
    request::{Params, Segment, page_limit, require_accept},
    view,
};

/// Records in one page, unless told.
const PAGE_USUAL: u32 = 20;
/// Records in one page, at most.
const PAGE_MAX: u32 = 100;
/// What never changes may be kept for a year.
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindParams {
    /// Records and items with this searchable digest, `sha256:` or `sm3:` and 64 hexadecimal digits.
    digest: Option<String>,
    /// Records of this account, 64 hexadecimal digits.
    account: Option<String>,
    /// Records of this group, 32 hexadecimal digits.
    group: Option<String>,
    /// The record with this number, as `XZ-7f3a9c12-12345-67`.
    number: Option<String>,
    /// A page's `next`.
    cursor: Option<String>,
    /// At most so many records; 20 unless given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What is looked for.
enum Wanted {
    Query(Query),
    Number(RecordNumber),
}

impl FindParams {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let given = [&self.digest, &self.account, &self.group, &self.number].into_iter().flatten().count();
        if given > 1 {
            let detail = "at most one of digest, account, group and number can be searched for";
            return Err(Problem::new(&kinds::INVALID_PARAMETER, detail));
        }
        fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
            name: &'static str,
            text: &str,
        ) -> Result<T, Problem> {
            text.parse().map_err(|e| Problem::parameter(name, e))
        }
        Ok(if let Some(text) = &self.digest {
            Wanted::Query(Query::Digest(read::<Digest>("digest", text)?))
        } else if let Some(text) = &self.account {
            Wanted::Query(Query::Account(read::<AccountId>("account", text)?))
        } else if let Some(text) = &self.group {
            Wanted::Query(Query::Group(read::<GroupId>("group", text)?))
        } else if let Some(text) = &self.number {
            Wanted::Number(read("number", text)?)
        } else {
            Wanted::Query(Query::All)
        })
    }

    /// The address of the page that begins after `cursor`.
    fn target(&self, cursor: &str, limit: usize) -> String {
        let named = [("digest", &self.digest), ("account", &self.account), ("group", &self.group)];
        let what: String = named
            .iter()
            .filter_map(|(name, text)| Some(format!("{name}={}&", text.as_ref()?.trim())))
            .collect();
        format!("/v1/records?{what}cursor={cursor}&limit={limit}")
    }
}

/// A cursor names the last hit of the page before: `index`, or `index.item`.
pub(crate) fn write_cursor(hit: Hit) -> String {
    hit.item.map_or_else(|| hit.index.to_string(), |item| format!("{}.{item}", hit.index))
}

pub(crate) fn read_cursor(text: &str) -> Result<Hit, Problem> {
    let wrong = || Problem::parameter("cursor", "not one that a page gave");
    let (index, item) = match text.split_once('.') {
        Some((index, item)) => (index, Some(item.parse().map_err(|_| wrong())?)),
        None => (text, None),
    };
    Ok(Hit { index: LogIndex(index.parse().map_err(|_| wrong())?), item })
}

/// Finds records by digest, account, group or number; all records, oldest first, without any of these.
///
/// A digest that is found says that a statement committed to it was recorded at that time, by that account. It does not say whose the
/// original is, nor that it is true.
#[utoipa::path(
    get, path = "/v1/records", tag = "records", params(FindParams),
    responses(
        (status = 200, description = "A page, perhaps empty", body = wire::RecordPage, headers(("Link" = String, description = "`rel=\"next\"` (RFC 8288), when there are more"))),
        Problems,
    )
)]
pub(crate) async fn list_records(
    State(app): State<Arc<App>>,
    Params(params): Params<FindParams>,
) -> Result<Response, Problem> {
    let limit = page_limit(params.limit, PAGE_USUAL, PAGE_MAX)?;
    let after = params.cursor.as_deref().map(read_cursor).transpose()?;
    let (hits, more) = match params.wanted()? {
        Wanted::Number(number) => (numbered(&app, &number)?, false),
        Wanted::Query(query) => {
            let mut hits = app.node.find(&query, after, limit + 1)?;
            let more = hits.len() > limit;
            hits.truncate(limit);
            (hits, more)
        }
    };
    let next = hits.last().filter(|_| more).map(|last| write_cursor(*last));
    let records =
        hits.into_iter().map(|hit| view::record(&app.node, &app.ledger, hit)).collect::<Result<_, _>>()?;
    let link = next.as_deref().map(|next| format!("<{}>; rel=\"next\"", params.target(next, limit)));
    let mut response = Json(wire::RecordPage { records, next }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The hit that a number names, if this ledger has it.
fn numbered(app: &App, number: &RecordNumber) -> Result<Vec<Hit>, Problem> {
    if app.ledger.0[..4] != number.ledger {
        let other = hex::encode(number.ledger);
        return Err(Problem::parameter(
            "number",
            format!("of ledger {other}, this is {}", app.ledger.short()),
        ));
    }
    match app.node.record(number.index) {
        Ok(record) if number.item.is_some_and(|item| item >= record.items) => Ok(Vec::new()),
        Ok(_) => Ok(vec![Hit { index: number.index, item: number.item }]),
        Err(QueryError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The record at a place in the log.
#[utoipa::path(
    get, path = "/v1/records/{index}", tag = "records",
    params(("index" = wire::U64, Path, description = "Its place in the log")),
    responses((status = 200, description = "The record", body = wire::Record), Problems)
)]
pub(crate) async fn get_record(
    State(app): State<Arc<App>>,
    index: Segment,
) -> Result<Json<wire::Record>, Problem> {
    let index = LogIndex(index.read("index")?);
    Ok(Json(view::record(&app.node, &app.ledger, Hit { index, item: None })?))
}

/// A record's statement: the log's leaf, byte for byte.
#[utoipa::path(
    get, path = "/v1/records/{index}/statement", tag = "records",
    params(("index" = wire::U64, Path, description = "Its place in the log")),
    responses((status = 200, description = "The COSE_Sign1", body = Binary, content_type = "application/cose"), Problems)
)]
pub(crate) async fn get_statement(
    State(app): State<Arc<App>>,
    index: Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, COSE)?;
    let record = app.node.record(LogIndex(index.read("index")?))?;
    let kind = HeaderValue::from_static(COSE);
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, IMMUTABLE)], record.statement).into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CertificateParams {
    /// Place of the item in its batch.
    item: Option<u32>,
}

/// A record's certificate, or that of an item of a batch.
///
/// Without the manifest, which the ledger never sees: the depositor adds it. Exists once the checkpoint is sealed to policy; until then
/// the answer is the problem `not-sealed`, whose `record.missing` says what is waited for.
#[utoipa::path(
    get, path = "/v1/records/{index}/certificate", tag = "records",
    params(("index" = wire::U64, Path, description = "Its place in the log"), CertificateParams),
    responses(
        (status = 200, description = "The certificate file", body = Binary, content_type = "application/vnd.xiezhi.certificate+cbor"),
        (status = 409, description = "Not sealed yet", body = wire::Problem, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds"))),
        Problems,
    )
)]
pub(crate) async fn get_certificate(
    State(app): State<Arc<App>>,
    index: Segment,
    Params(params): Params<CertificateParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CERTIFICATE)?;
    let index = LogIndex(index.read("index")?);
    let found = app.node.certificate(index, params.item);
    let certificate = found.map_err(|e| not_sealed(&app.ledger, e, params.item))?;
    let number = xiezhi_types::RecordNumber::new(&app.ledger, index, params.item);
    let kind = HeaderValue::from_static(CERTIFICATE);
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{number}.xzc\""));
    let mut response = ([(header::CONTENT_TYPE, kind)], certificate).into_response();
    if let Ok(name) = name {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The COSE receipts (RFC 9942) of every institution that has sealed a record's checkpoint. Exist once the sealing policy is met.
#[utoipa::path(
    get, path = "/v1/records/{index}/receipts", tag = "records",
    params(("index" = wire::U64, Path, description = "Its place in the log")),
    responses((status = 200, description = "The receipts", body = wire::Receipts), Problems)
)]
pub(crate) async fn list_receipts(
    State(app): State<Arc<App>>,
    index: Segment,
) -> Result<Json<wire::Receipts>, Problem> {
    let index = LogIndex(index.read("index")?);
    let found = app.node.receipts(index).map_err(|e| not_sealed(&app.ledger, e, None))?;
    let receipt = |(institution, receipt): (xiezhi_types::InstitutionId, Vec<u8>)| wire::Receipt {
        institution: institution.to_string(),
        receipt: wire::Base64(receipt),
    };
    Ok(Json(wire::Receipts { index: wire::U64(index.0), receipts: found.into_iter().map(receipt).collect() }))
}

/// Where a statement stands, by its id.
#[utoipa::path(
    get, path = "/v1/statements/{id}", tag = "records",
    params(("id" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, description = "Where it stands", body = wire::RecordStatus), Problems)
)]
pub(crate) async fn get_statement_status(
    State(app): State<Arc<App>>,
    id: Segment,
) -> Result<Json<wire::RecordStatus>, Problem> {
    let id: StatementId = id.read("id")?;
    Ok(Json(view::status(&app.ledger, &app.node.record_status(&id)?, None)))
}

#[cfg(test)]
mod tests;
