//! What is wrong, as a document: RFC 9457 in JSON, RFC 9290 in CBOR where SCITT asks for it.
//!
//! A handler gives a [`Problem`]; it travels as an extension of an empty response, and the edge writes it in the language and the form of
//! the request.

mod kind;

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use minicbor::Encoder;
use xiezhi_client::{PROBLEM, wire};
use xiezhi_evidence::StatementError;
use xiezhi_ledger::Rejection;
use xiezhi_node::{QueryError, SubmitError};
use xiezhi_problem::Kind;
use xiezhi_types::Lang;

pub(crate) use kind::{kinds, of_rejection};

/// Media type of a concise problem (RFC 9290).
const CONCISE_PROBLEM: &str = "application/concise-problem-details+cbor";
/// Key of our own entry in a concise problem.
const CONCISE_ENTRY: &str = "urn:xiezhi:problem";

/// A problem on its way to the edge.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: &'static Kind,
    /// Technical, in English. Never holds anything of the request but what names the mistake.
    pub(crate) detail: String,
    pub(crate) field: Option<Cow<'static, str>>,
    pub(crate) retry_after_s: Option<u32>,
    pub(crate) record: Option<Box<wire::RecordStatus>>,
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl ToString) -> Self {
        Self { kind, detail: detail.to_string(), field: None, retry_after_s: None, record: None }
    }

    pub(crate) fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn record(mut self, record: wire::RecordStatus) -> Self {
        self.record = Some(Box::new(record));
        self
    }

    /// A parameter of the path or the query that cannot be used.
    pub(crate) fn parameter(field: impl Into<Cow<'static, str>>, reason: impl std::fmt::Display) -> Self {
        let field = field.into();
        Self::new(&kinds::INVALID_PARAMETER, format!("{field}: {reason}")).field(field)
    }

    /// Nothing of that name.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(&kinds::NOT_FOUND, format!("{what} does not exist here"))
    }

    fn wire(&self, lang: Lang) -> wire::Problem {
        wire::Problem {
            kind: self.kind.urn(),
            title: self.kind.title(lang).to_owned(),
            status: self.kind.status.as_u16(),
            detail: self.detail.clone(),
            code: self.kind.code.to_owned(),
            field: self.field.as_deref().map(str::to_owned),
            retry_after_s: self.retry_after_s,
            record: self.record.clone(),
        }
    }

    /// Writes the problem over `response`, whose headers stay.
    pub(crate) fn render(&self, mut response: Response, lang: Lang, form: Form) -> Response {
        let (body, media_type, status) = match form {
            Form::Json => {
                (serde_json::to_vec(&self.wire(lang)).unwrap_or_default(), PROBLEM, self.kind.status)
            }
            Form::Concise => (self.concise(lang), CONCISE_PROBLEM, self.concise_status()),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(header::CONTENT_LENGTH);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        *response.status_mut() = status;
        *response.body_mut() = Body::from(body);
        response
    }

    /// Title (-1), detail (-2), language (-6), and our code and field under our own key (RFC 9290, section 2).
    fn concise(&self, lang: Lang) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(256));
        let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
            e.map(4)?.i8(-1)?.str(self.kind.title(lang))?.i8(-2)?.str(&self.detail)?;
            e.i8(-6)?.str(lang.tag())?;
            e.str(CONCISE_ENTRY)?.map(1 + u64::from(self.field.is_some()))?.u8(0)?.str(self.kind.code)?;
            if let Some(field) = &self.field {
                e.u8(1)?.str(field)?;
            }
            Ok(())
        };
        let done = write();
        debug_assert!(done.is_ok());
        e.into_writer()
    }

    /// SCRAPI answers 400 to whatever is wrong with a statement.
    fn concise_status(&self) -> StatusCode {
        match self.kind.status {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::FORBIDDEN => StatusCode::BAD_REQUEST,
            status => status,
        }
    }
}

/// The form of problem documents that a route's clients read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Concise,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.status;
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let kind = of_rejection(rejection.code());
        let field: Option<&'static str> = match &rejection {
            Rejection::Statement(StatementError::Field { field, .. }) => Some(field),
            Rejection::Statement(_) | Rejection::TooLong { .. } | Rejection::TooLarge { .. } => {
                Some("statement")
            }
            Rejection::TooManyItems { .. } => Some("items"),
            Rejection::OtherLedger { .. } => Some("aud"),
            Rejection::Suite { .. } => Some("alg"),
            Rejection::Clock { .. } => Some("iat"),
            Rejection::NoAccount { .. } | Rejection::AccountExists { .. } => Some("iss"),
            Rejection::Authority(_) => Some("signature"),
            Rejection::Delegation(_) => Some("grantor"),
            _ => None,
        };
        let problem = Self::new(kind, &rejection);
        match field {
            Some(field) => problem.field(field),
            None => problem,
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        match error {
            SubmitError::Rejected(rejection) => rejection.into(),
            SubmitError::Busy { retry_after_s, .. } => {
                Self::new(&kinds::BUSY, detail).retry_after(retry_after_s.max(1))
            }
            SubmitError::Observer { .. } => Self::new(&kinds::OBSERVER, detail),
            SubmitError::NotOrdered { .. } => Self::new(&kinds::NOT_ORDERED, detail).retry_after(1),
            // Handlers answer it as a success; here only for completeness.
            SubmitError::AlreadyRecorded(_) => Self::new(&kinds::DUPLICATE, detail),
            _ => Self::new(&kinds::UNAVAILABLE, detail).retry_after(5),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let detail = error.to_string();
        match error {
            QueryError::NotFound { .. } => Self::new(&kinds::NOT_FOUND, detail),
            QueryError::NotKept { .. } => Self::new(&kinds::NOT_KEPT, detail),
            QueryError::Archive { .. } => Self::new(&kinds::ARCHIVE, detail).retry_after(15),
            QueryError::NotSealed(_) => Self::new(&kinds::NOT_SEALED, detail).retry_after(1),
            QueryError::Range { field, .. } => Self::new(&kinds::OUT_OF_RANGE, detail).field(field),
            _ => Self::new(&kinds::UNAVAILABLE, detail).retry_after(5),
        }
    }
}

#[cfg(test)]
mod tests;
