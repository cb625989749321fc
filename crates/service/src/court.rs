//! Two addresses in the shape of the interface that platforms know from an internet court: a token for a transaction, then a certificate for each phase.
//!
//! ```text
//! notaryToken {accountId, bizId, subBizId?, customer, timestamp, properties?}                         -> {success, code, errMessage, responseData: token}
//! notaryCert  {meta: {accountId, token, phase, location?, properties?}, notaryContent, timestamp}     -> header Blockchainresponse, body: the bundle
//! ```
//!
//! What differs, on purpose: the signature is in the header `Signed-Data` and covers the whole body, where that interface's leaves the content
//! out; the certificate is the bundle; `location` needs a `consent`. The same body again is the same request.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use xiezhi_crypto::sha256;
use xiezhi_problem::{language, openapi::Binary};
use xiezhi_types::{Lang, TimestampMs};

use crate::{
    Consent, Content, Customer, Entry, Opening, ServiceError,
    entry::{Device, Location},
    http::{Service, Shared},
};

/// What a signature is over: this line, then the body. It keeps a signature from being one over anything else.
pub(crate) const SIGNED_HEAD: &[u8] = b"xiezhi court interface v1\n";
/// How far the caller's clock may be off, in milliseconds.
const SKEW_MS: u64 = 300_000;
/// How long a certificate is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const TEMPLATE: &str = "free-form";

/// A refusal in the interface's words.
struct Refused {
    code: &'static str,
    status: StatusCode,
    message: String,
}

fn refuse(code: &'static str, message: impl Into<String>) -> Refused {
    let status = match code {
        "BAD_REQUEST" => StatusCode::BAD_REQUEST,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "CONFLICT" => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refused { code, status, message: message.into() }
}

fn refused(error: &ServiceError, lang: Lang) -> Refused {
    match error {
        ServiceError::Refused(rules) => {
            let said: Vec<_> =
                rules.iter().map(|one| format!("{}: {}", one.field, one.sentence(lang))).collect();
            refuse("BAD_REQUEST", said.join("; "))
        }
        ServiceError::NotFound(_) => refuse("NOT_FOUND", error.to_string()),
        ServiceError::Closed | ServiceError::Reused | ServiceError::Raced => {
            refuse("CONFLICT", error.to_string())
        }
        other => {
            tracing::warn!(error = %other, "the court interface");
            refuse("INTERNAL_SERVER_ERROR", "the service's operator finds the reason in the log")
        }
    }
}

impl Refused {
    fn answer(&self) -> Value {
        json!({ "success": false, "code": self.code, "errMessage": self.message })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CourtTokenBody)]
pub(crate) struct TokenBody {
    account_id: String,
    /// The platform itself; who signs is known by its key.
    #[serde(rename = "entity")]
    #[schema(value_type = Option<Object>)]
    _entity: Option<Value>,
    biz_id: u32,
    sub_biz_id: Option<String>,
    customer: Identity,
    timestamp: Millis,
    properties: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CourtIdentity)]
pub(crate) struct Identity {
    user_type: String,
    cert_name: String,
    cert_type: String,
    cert_no: String,
}

/// Milliseconds, as a number or as text.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Millis {
    Number(u64),
    Text(String),
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CourtCertBody)]
pub(crate) struct CertBody {
    meta: Meta,
    notary_content: String,
    timestamp: Millis,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CourtMeta)]
pub(crate) struct Meta {
    account_id: String,
    token: String,
    phase: String,
    #[serde(rename = "entity")]
    #[schema(value_type = Option<Object>)]
    _entity: Option<Value>,
    location: Option<Place>,
    /// Ours: location and device are recorded only with it.
    consent: Option<Consent>,
    properties: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CourtPlace)]
pub(crate) struct Place {
    ip: Option<String>,
    wifi_mac: Option<String>,
    imei: Option<String>,
    imsi: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
}

/// The business that numbers and names of that interface mean.
fn business(biz: u32, sub: Option<&str>) -> Option<(&'static str, Option<&'static str>)> {
    let (name, subs): (_, &[&'static str]) = match biz {
        1 => ("COPYRIGHT", &["VIDEO", "AUDIO", "IMAGE", "TEXT"]),
        2 => {
            let subs = &["HR", "HOUSERENTING", "LEASING", "SUPPLY_CHAIN", "TRAVEL", "EDUCATION", "INSURANCE"];
            ("CONTRACT", subs)
        }
        _ => return None,
    };
    match sub {
        None => Some((name, None)),
        Some(sub) => subs.iter().find(|known| **known == sub).map(|known| (name, Some(*known))),
    }
}

impl Identity {
    fn customer(self) -> Result<Customer, Refused> {
        let kinds = match (self.user_type.as_str(), self.cert_type.as_str()) {
            ("PERSON", "IDENTITY_CARD") => ("person", "resident-id"),
            ("ENTERPRISE", "UNIFIED_SOCIAL_CREDIT_CODE") => ("enterprise", "credit-code"),
            _ => {
                let message =
                    "customer: PERSON with IDENTITY_CARD, or ENTERPRISE with UNIFIED_SOCIAL_CREDIT_CODE";
                return Err(refuse("BAD_REQUEST", message));
            }
        };
        let (kind, number_kind) = (kinds.0.to_owned(), kinds.1.to_owned());
        Ok(Customer { kind, name: self.cert_name, number_kind, number: self.cert_no })
    }
}

impl Service {
    /// Checks that `account` signed `body` just now.
    fn check(&self, headers: &HeaderMap, body: &[u8], account: &str, at: &Millis) -> Result<(), Refused> {
        let at = match at {
            Millis::Number(ms) => Some(*ms),
            Millis::Text(text) => text.parse().ok(),
        };
        let now = (self.clock)().0;
        if at.is_none_or(|at| at.abs_diff(now) > SKEW_MS) {
            return Err(refuse("BAD_REQUEST", "timestamp: now in milliseconds, five minutes off at most"));
        }
        let said = headers.get("signed-data").and_then(|value| hex::decode(value.as_bytes()).ok());
        let message = [SIGNED_HEAD, body].concat();
        let key = self.clients.get(account);
        let holds = key.zip(said).is_some_and(|(key, signature)| key.verify(&message, &signature).is_ok());
        if holds {
            return Ok(());
        }
        Err(refuse("FORBIDDEN", "Signed-Data: no signature of this accountId's key over the whole body"))
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        refuse("BAD_REQUEST", format!("not JSON of the expected form: see {place}"))
    })
}

/// The same body again is the same request.
fn request(body: &[u8]) -> String {
    format!("court-{}", hex::encode(sha256(body)))
}

/// What the interface answers.
#[derive(ToSchema)]
pub(crate) struct CourtAnswer {
    /// Whether it was done.
    #[serde(rename = "success")]
    _success: bool,
    /// `OK`, `ACCEPTED`, `BAD_REQUEST`, `FORBIDDEN`, `NOT_FOUND`, `CONFLICT` or `INTERNAL_SERVER_ERROR`.
    #[serde(rename = "code")]
    _code: String,
    /// Why it was not done.
    #[serde(rename = "errMessage")]
    _message: Option<String>,
    /// The token, or the root of the entry's manifest.
    #[serde(rename = "responseData")]
    _data: Option<String>,
}

/// Opens a transaction, in the shape of a court's interface.
#[utoipa::path(
    post, path = "/api/blockChain/notaryToken", tag = "court", operation_id = "court_token", security(()),
    params(("Signed-Data" = String, Header, description = "Hexadecimal: the client's signature over `xiezhi court interface v1`, a line feed, and the body.")),
    request_body = TokenBody,
    responses((status = 200, description = "Opened", body = CourtAnswer), (status = "default", description = "Refused", body = CourtAnswer))
)]
pub(crate) async fn open(State(service): Shared, headers: HeaderMap, body: Bytes) -> Response {
    match opened(&service, &headers, &body).await {
        Ok(token) => Json(json!({ "success": true, "code": "OK", "errMessage": "", "responseData": token }))
            .into_response(),
        Err(refused) => (refused.status, Json(refused.answer())).into_response(),
    }
}

async fn opened(service: &Service, headers: &HeaderMap, body: &[u8]) -> Result<String, Refused> {
    let asked: TokenBody = read(body)?;
    let account = asked.account_id.clone();
    service.check(headers, body, &account, &asked.timestamp)?;
    let unknown = || refuse("BAD_REQUEST", "bizId, subBizId: no such business");
    let (name, sub) = business(asked.biz_id, asked.sub_biz_id.as_deref()).ok_or_else(unknown)?;
    let (lang, now, key) = (language(headers), (service.clock)(), request(body));
    let said = |error: ServiceError| refused(&error, lang);
    let opening = Opening {
        template: TEMPLATE.to_owned(),
        version: Some(1),
        customer: Some(asked.customer.customer()?),
        sinks: Vec::new(),
    };
    let opened = service.book.begin(&account, &opening, Some(&key), now).await.map_err(said)?;
    let mut fields = Map::from_iter([("business".to_owned(), json!(name))]);
    fields.extend(sub.map(|sub| ("sub-business".to_owned(), json!(sub))));
    fields.extend(asked.properties.map(|text| ("properties".to_owned(), json!(text))));
    let entry = Entry { phase: 1, fields, ..Entry::default() };
    service.book.add(&account, &opened.id, &entry, Some(&key), now).await.map_err(said)?;
    Ok(opened.id)
}

/// Records a phase, and gives its bundle; the answer is in the header `Blockchainresponse`.
#[utoipa::path(
    post, path = "/api/blockChain/notaryCert", tag = "court", operation_id = "court_certificate", security(()),
    params(("Signed-Data" = String, Header, description = "As for a token.")),
    request_body = CertBody,
    responses(
        (status = 200, description = "The bundle", body = Binary, content_type = "application/vnd.xiezhi.bundle+cbor", headers(("Blockchainresponse" = String, description = "The answer, JSON in ASCII"))),
        (status = 202, description = "Taken; not every sink has given its proof yet", body = Binary, content_type = "application/vnd.xiezhi.bundle+cbor", headers(("Blockchainresponse" = String, description = "The answer"))),
        (status = "default", description = "Refused", body = Binary, content_type = "application/vnd.xiezhi.bundle+cbor", headers(("Blockchainresponse" = String, description = "The answer"))),
    )
)]
pub(crate) async fn add(State(service): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let (status, answer, bundle) = match added(&service, &headers, &body).await {
        Ok((root, Some(bundle))) => {
            (StatusCode::OK, json!({ "success": true, "code": "OK", "responseData": root }), bundle)
        }
        // Taken, and carried on: the same request asks again.
        Ok((root, None)) => (
            StatusCode::ACCEPTED,
            json!({ "success": true, "code": "ACCEPTED", "responseData": root }),
            Vec::new(),
        ),
        Err(refused) => (refused.status, refused.answer(), Vec::new()),
    };
    let mut response = (status, bundle).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(xiezhi_client::BUNDLE));
    // A header holds visible ASCII: what a reader of JSON escapes is read back as it was.
    if let Ok(value) = HeaderValue::from_str(&ascii(&answer)) {
        response.headers_mut().insert(HeaderName::from_static("blockchainresponse"), value);
    }
    response
}

/// JSON in ASCII.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

async fn added(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, Option<Vec<u8>>), Refused> {
    let asked: CertBody = read(body)?;
    let (account, token) = (asked.meta.account_id.clone(), asked.meta.token.clone());
    service.check(headers, body, &account, &asked.timestamp)?;
    let (lang, key) = (language(headers), request(body));
    let said = |error: ServiceError| refused(&error, lang);
    let entry = entry(asked);
    let now: TimestampMs = (service.clock)();
    let added = service.book.add(&account, &token, &entry, Some(&key), now).await.map_err(said)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match service.book.bundle(&account, &token, added.entry).await {
            Ok(bundle) => return Ok((added.root, Some(bundle))),
            Err(ServiceError::Incomplete { .. }) if Instant::now() < until => {
                sleep(Duration::from_millis(100)).await
            }
            Err(ServiceError::Incomplete { .. }) => return Ok((added.root, None)),
            Err(error) => return Err(said(error)),
        }
    }
}

/// A digest is taken as one, anything else as a text.
fn entry(asked: CertBody) -> Entry {
    let mut fields = Map::from_iter([("phase".to_owned(), json!(asked.meta.phase))]);
    fields.extend(asked.meta.properties.map(|text| ("properties".to_owned(), json!(text))));
    let text = asked.notary_content;
    let is_digest = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let content = if is_digest {
        let sha256 = text.to_ascii_lowercase();
        Content::Digest { sha256, sm3: None, size: None, name: None, media_type: None }
    } else {
        Content::Text { text }
    };
    let place = asked.meta.location;
    let device = place.as_ref().map(|place| Device {
        ip: place.ip.clone(),
        wifi_mac: place.wifi_mac.clone(),
        imei: place.imei.clone(),
        imsi: place.imsi.clone(),
        model: None,
    });
    let location = place.filter(|place| place.latitude.is_some() || place.longitude.is_some());
    let location = location.map(|place| Location {
        latitude: place.latitude,
        longitude: place.longitude,
        description: None,
    });
    let consent = asked.meta.consent;
    Entry { phase: 2, fields, content: Some(content), device, location, consent, ..Entry::default() }
}
