//! What an authority answers over HTTP: its certificates, lists and OCSP (RFC 6960, appendix A), and applications. Whatever changes the book
//! beyond an application is an officer's, who works on the directory.

use std::sync::{Arc, Mutex, RwLock};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use xiezhi_pki::{
    CertificationRequest, SigningKey, X509Certificate,
    ocsp::{REQUEST_BYTES_MAX, REQUEST_TYPE, RESPONSE_TYPE, Refusal, Responder},
};
use xiezhi_problem::{Edge, Problem, edge, kinds};

use crate::{
    Application, Authority, AuthorityError, HeadStanding, Outcome, RecordedHead, Standing, Wish,
    journal::JournalError,
};

/// Longest body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// When to try again where too many applications wait, in seconds.
const FULL_RETRY_S: u32 = 600;
/// What is said of requests that the framework refuses.
const EDGE: Edge =
    Edge { too_large: "at most 64 KiB are read", malformed: "not a JSON document of the expected form" };

/// How the book's heads are put on the ledger.
#[derive(Debug, Clone)]
struct Heads {
    every_s: u64,
    recorded: Option<RecordedHead>,
}

/// A head of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// SHA-256 of the certificate of the authority whose book it is.
    pub authority: [u8; 32],
    /// How many entries there are.
    pub entries: u64,
    /// SHA-256 of the last line.
    pub digest: [u8; 32],
    /// How the book stands to the ledger.
    pub standing: HeadStanding,
}

/// An authority that is being served.
#[derive(Debug)]
pub struct Service {
    authority: Mutex<Authority>,
    responder: RwLock<Option<Responder<SigningKey>>>,
    heads: RwLock<Option<Heads>>,
    clock: fn() -> u64,
}

impl Service {
    /// Serves `authority`; `clock` gives unix seconds.
    #[must_use]
    pub fn new(authority: Authority, clock: fn() -> u64) -> Self {
        Self {
            authority: Mutex::new(authority),
            responder: RwLock::new(None),
            heads: RwLock::new(None),
            clock,
        }
    }

    /// Answers OCSP with `responder` from now on.
    pub fn set_responder(&self, responder: Responder<SigningKey>) {
        *self.responder.write().unwrap_or_else(|e| e.into_inner()) = Some(responder);
    }

    /// Says from now on how the book stands to the ledger: a head is to be there `every_s` seconds after the one before, if the book changed;
    /// `recorded` is the newest.
    pub fn set_heads(&self, every_s: u64, recorded: Option<RecordedHead>) {
        *self.heads.write().unwrap_or_else(|e| e.into_inner()) = Some(Heads { every_s, recorded });
    }

    fn heads(&self) -> Option<Heads> {
        self.heads.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// The head of the book; `None` where none is put on the ledger.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn head(&self) -> Result<Option<Head>, JournalError> {
        let Some(heads) = self.heads() else { return Ok(None) };
        self.with(|authority, now| {
            let book = authority.book()?;
            let standing = book.head_standing(heads.recorded.as_ref(), heads.every_s, now);
            let (entries, digest) = book.head();
            Ok(Some(Head { authority: book.authority(), entries, digest, standing }))
        })
    }

    /// What `act` does with the authority, while nobody else does anything with it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Authority, u64) -> T) -> T {
        let mut authority = self.authority.lock().unwrap_or_else(|e| e.into_inner());
        act(&mut authority, (self.clock)())
    }

    fn ocsp(&self, request: &[u8]) -> Vec<u8> {
        let responder = self.responder.read().unwrap_or_else(|e| e.into_inner());
        match responder.as_ref() {
            Some(responder) => self.with(|authority, now| authority.answer(responder, request, now)),
            None => Refusal::TryLater.to_der(),
        }
    }
}

type Shared = State<Arc<Service>>;

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/authority.cer", get(certificate))
        .route("/chain.pem", get(chain))
        .route("/authority.crl", get(newest_list))
        .route("/lists/{number}", get(numbered_list))
        .route("/ocsp", post(ocsp))
        .route("/ocsp/{*request}", get(ocsp_by_get))
        .route("/v1/applications", post(apply))
        .route("/v1/applications/{id}", get(application))
        .route("/v1/certificates/{serial}", get(standing))
        .route("/v1/status", get(status))
        .route("/metrics", get(metrics))
        .fallback(async || Problem::no_such_route("see docs/ca.md for the addresses"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(EDGE, edge))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

kinds! {
    REQUEST_MALFORMED = "request-malformed", UNPROCESSABLE_ENTITY, "The certification request does not hold", "证书请求无效";
    WISH_BREAKS_A_RULE = "application-refused", UNPROCESSABLE_ENTITY, "What was asked for breaks a rule", "所填内容不合规则";
    NOT_POSSIBLE = "not-possible", CONFLICT, "This cannot be taken", "无法受理";
    FULL = "too-many-applications", SERVICE_UNAVAILABLE, "Too many applications wait", "待审申请过多";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "The authority cannot answer", "证书机构暂时无法处理";
}

impl From<AuthorityError> for Problem {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Request(error) => Self::new(&kinds::REQUEST_MALFORMED, error).field("request"),
            AuthorityError::Wish(error) => {
                Self::new(&kinds::WISH_BREAKS_A_RULE, error.reason).field(error.field)
            }
            error @ AuthorityError::Full => Self::new(&kinds::FULL, error).retry_after(FULL_RETRY_S),
            AuthorityError::Journal(JournalError::Refused(error)) => Self::new(&kinds::NOT_POSSIBLE, error),
            error => {
                tracing::error!(%error, "the authority's directory");
                internal()
            }
        }
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        AuthorityError::from(error).into()
    }
}

fn internal() -> Problem {
    Problem::new(&kinds::INTERNAL, "its operator finds the reason in the log")
}

/// Runs `act` where the disk may be waited for.
async fn blocking<T: Send + 'static>(
    service: Arc<Service>,
    act: impl FnOnce(&Service) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(move || act(&service)).await;
    done.unwrap_or_else(|_| Err(internal()))
}

fn typed(media_type: &'static str, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, media_type)], body).into_response()
}

async fn certificate(State(service): Shared) -> Response {
    typed("application/pkix-cert", service.with(|authority, _| authority.certificate().der().to_vec()))
}

async fn chain(State(service): Shared) -> Response {
    let pem =
        service.with(|authority, _| authority.path().iter().map(X509Certificate::to_pem).collect::<String>());
    typed("application/x-pem-file", pem.into_bytes())
}

async fn newest_list(State(service): Shared) -> Result<Response, Problem> {
    list(service, None).await
}

async fn numbered_list(
    State(service): Shared,
    number: Result<Path<u64>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Problem> {
    let Path(number) =
        number.map_err(|_| Problem::parameter("number", "a revocation list's number is needed"))?;
    list(service, Some(number)).await
}

async fn list(service: Arc<Service>, number: Option<u64>) -> Result<Response, Problem> {
    let der = blocking(service, move |service| Ok(service.with(|authority, _| authority.list_der(number))?));
    let der = der.await?.ok_or_else(|| Problem::not_found("there is no such revocation list"))?;
    Ok(typed("application/pkix-crl", der))
}

async fn ocsp(State(service): Shared, headers: http::HeaderMap, body: Bytes) -> Result<Response, Problem> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != REQUEST_TYPE) {
        return Err(Problem::invalid_body(format!("Content-Type: {REQUEST_TYPE} is needed")));
    }
    answered(service, body.to_vec()).await
}

async fn ocsp_by_get(State(service): Shared, Path(request): Path<String>) -> Result<Response, Problem> {
    // RFC 6960, appendix A.1: base64, percent-encoded; the path extractor has decoded the latter.
    let der =
        BASE64.decode(request.trim_start_matches('/')).ok().filter(|der| der.len() <= REQUEST_BYTES_MAX);
    answered(service, der.unwrap_or_default()).await
}

async fn answered(service: Arc<Service>, request: Vec<u8>) -> Result<Response, Problem> {
    let der = blocking(service, move |service| Ok(service.ocsp(&request))).await?;
    Ok(typed(RESPONSE_TYPE, der))
}

/// What an applicant sends.
#[derive(Debug, Deserialize)]
struct Apply {
    /// PKCS#10, PEM.
    request: String,
    #[serde(flatten)]
    wish: Wish,
}

#[derive(Debug, Serialize)]
struct Applied {
    application: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of all that were issued upon it, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Issued>,
}

#[derive(Debug, Serialize)]
struct Issued {
    serial: String,
    pem: String,
}

impl Applied {
    fn new(authority: &mut Authority, id: &str) -> Result<Option<Self>, Problem> {
        let book = authority.book()?;
        let Some(Application { outcome, .. }) = book.application(id) else { return Ok(None) };
        let issued = |serial: &Vec<u8>| {
            let pem = book.certificate(serial)?.certificate.to_pem();
            Some(Issued { serial: hex::encode(serial), pem })
        };
        let (state, reason, certificates) = match outcome {
            Outcome::Pending => ("pending", None, Vec::new()),
            Outcome::Refused { reason, .. } => ("refused", Some(reason.clone()), Vec::new()),
            Outcome::Issued(serials) => ("issued", None, serials.iter().rev().filter_map(issued).collect()),
        };
        Ok(Some(Self { application: id.to_owned(), state, reason, certificates }))
    }
}

async fn apply(State(service): Shared, Json(body): Json<Apply>) -> Result<Response, Problem> {
    let applied = blocking(service, move |service| {
        let request = CertificationRequest::from_pem(&body.request).map_err(AuthorityError::from)?;
        service.with(|authority, now| {
            let id = authority.apply(&request, &body.wish, now, "applicant")?;
            Applied::new(authority, &id)
        })
    });
    let applied = applied.await?.ok_or_else(|| Problem::new(&kinds::INTERNAL, "the application is gone"))?;
    Ok((StatusCode::ACCEPTED, Json(applied)).into_response())
}

async fn application(State(service): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = blocking(service, move |service| service.with(|authority, _| Applied::new(authority, &id)));
    match found.await? {
        Some(applied) => Ok(Json(applied).into_response()),
        None => Err(Problem::not_found("there is no such application")),
    }
}

#[derive(Debug, Serialize)]
struct Stands {
    serial: String,
    issued_at: u64,
    not_after: u64,
    standing: &'static str,
    history: Vec<Stood>,
}

#[derive(Debug, Serialize)]
struct Stood {
    at: u64,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid_since: Option<u64>,
}

impl Standing {
    /// `good`, `suspended` or `revoked`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Withdrawn(withdrawal) if withdrawal.is_suspension() => "suspended",
            Self::Withdrawn(_) => "revoked",
        }
    }
}

async fn standing(State(service): Shared, Path(serial): Path<String>) -> Result<Response, Problem> {
    let Ok(bytes) = hex::decode(&serial) else {
        return Err(Problem::parameter("serial", "a serial number in hex is needed"));
    };
    let found = blocking(service, move |service| {
        service.with(|authority, _| {
            let book = authority.book()?;
            Ok(book.certificate(&bytes).map(|certificate| Stands {
                serial: hex::encode(&bytes),
                issued_at: certificate.at,
                not_after: certificate.certificate.validity().not_after,
                standing: certificate.standing().name(),
                history: certificate.changes.iter().map(stood).collect(),
            }))
        })
    });
    match found.await? {
        Some(stands) => Ok(Json(stands).into_response()),
        None => Err(Problem::not_found("this authority has issued no certificate of this serial number")),
    }
}

fn stood(change: &crate::Change) -> Stood {
    let withdrawal = match &change.standing {
        Standing::Good => None,
        Standing::Withdrawn(withdrawal) => Some(withdrawal),
    };
    Stood {
        at: change.at,
        standing: change.standing.name(),
        reason: withdrawal.map(|withdrawal| withdrawal.reason.name()),
        invalid_since: withdrawal.and_then(|withdrawal| withdrawal.invalid_since),
    }
}

#[derive(Debug, Serialize)]
struct Status {
    entries: u64,
    head: String,
    pending: usize,
    certificates: usize,
    list: Option<u64>,
    list_next_update: Option<u64>,
    not_after: u64,
    expiring_within_30_days: usize,
    answers_ocsp: bool,
    /// How the book stands to the ledger, where its heads are put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_ledger: Option<OnLedger>,
}

#[derive(Debug, Serialize)]
struct OnLedger {
    standing: HeadStanding,
    /// The newest head that was recorded.
    #[serde(flatten)]
    recorded: Option<RecordedHead>,
}

async fn status(State(service): Shared) -> Result<Json<Status>, Problem> {
    status_of(service).await.map(Json)
}

/// The numbers of the status in Prometheus' text format.
async fn metrics(State(service): Shared) -> Result<Response, Problem> {
    let status = status_of(service).await?;
    let on_ledger = status.on_ledger.as_ref();
    let recorded = on_ledger.and_then(|on_ledger| on_ledger.recorded.as_ref());
    let is_overdue =
        |standing: HeadStanding| matches!(standing, HeadStanding::Overdue | HeadStanding::Rewritten);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let gauges = [
        (
            "xiezhi_ca_applications_pending",
            "Applications that wait for an officer.",
            Some(count(status.pending)),
        ),
        ("xiezhi_ca_certificates", "Certificates issued.", Some(count(status.certificates))),
        (
            "xiezhi_ca_certificates_expiring",
            "Certificates, the authority's among them, that expire within 30 days.",
            Some(count(status.expiring_within_30_days)),
        ),
        (
            "xiezhi_ca_expires_seconds",
            "When the authority's certificate expires, unix time.",
            Some(status.not_after),
        ),
        (
            "xiezhi_ca_list_next_update_seconds",
            "When the newest revocation list is overdue, unix time.",
            status.list_next_update,
        ),
        (
            "xiezhi_ca_head_recorded_seconds",
            "When the newest head of the book was put on the ledger, unix time.",
            recorded.map(|recorded| recorded.at),
        ),
        (
            "xiezhi_ca_head_recorded_entries",
            "Entries of the book that the newest head on the ledger covers.",
            recorded.map(|recorded| recorded.entries),
        ),
        (
            "xiezhi_ca_head_overdue",
            "Whether a head of the book should be on the ledger and is not, or the one that is there is not in the book.",
            on_ledger.map(|on_ledger| is_overdue(on_ledger.standing).into()),
        ),
        ("xiezhi_ca_ocsp", "Whether questions by OCSP are answered.", Some(status.answers_ocsp.into())),
    ];
    let written = gauges.into_iter().filter_map(|(name, help, value)| {
        value.map(|value| format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n"))
    });
    let text: String = written.collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn status_of(service: Arc<Service>) -> Result<Status, Problem> {
    let status = blocking(service, |service| {
        let answers_ocsp = service.responder.read().unwrap_or_else(|e| e.into_inner()).is_some();
        let heads = service.heads();
        service.with(|authority, now| {
            let expiring_within_30_days = authority.expiring(now, 30)?.len();
            let not_after = authority.certificate().validity().not_after;
            let book = authority.book()?;
            let on_ledger = heads.map(|heads| OnLedger {
                standing: book.head_standing(heads.recorded.as_ref(), heads.every_s, now),
                recorded: heads.recorded,
            });
            let (entries, head) = book.head();
            Ok(Status {
                entries,
                head: hex::encode(head),
                pending: book.pending(),
                certificates: book.certificates().count(),
                list: book.lists().last().map(|list| list.number),
                list_next_update: book.lists().last().map(|list| list.next_update),
                not_after,
                expiring_within_30_days,
                answers_ocsp,
                on_ledger,
            })
        })
    });
    status.await
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_problem_has_its_own_code_and_both_languages() {
        xiezhi_problem::check_kinds(super::kinds::ALL);
    }
}
