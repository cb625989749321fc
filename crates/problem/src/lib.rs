//! Errors over HTTP (RFC 9457): kinds with stable codes and titles in both languages, and the edge that writes them.
//!
//! A handler gives a [`Problem`]; it travels as an extension of an empty response, and [`edge`] writes it in the language of the request.

pub mod openapi;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use xiezhi_types::{Lang, Refusal};

/// Media type of a problem document.
pub const PROBLEM: &str = "application/problem+json";

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its stable code.
    pub code: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// Its title in English.
    pub en: &'static str,
    /// Its title in Chinese.
    pub zh: &'static str,
}

impl Kind {
    /// Its title in `lang`.
    #[must_use]
    pub fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }

    /// Its `type`.
    #[must_use]
    pub fn urn(&self) -> String {
        format!("urn:xiezhi:problem:{}", self.code)
    }
}

/// Makes a module `kinds` of statics, one for each row `NAME = "code", STATUS, "English title", "Chinese title";`, and `ALL` of them.
#[macro_export]
macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $en:literal, $zh:literal;)*) => {
        /// The kinds.
        pub(crate) mod kinds {
            use $crate::Kind;
            $(pub(crate) static $name: Kind =
                Kind { code: $code, status: http::StatusCode::$status, en: $en, zh: $zh };)*
            /// All of them.
            #[allow(dead_code, reason = "some crates look at all of them in tests only")]
            pub(crate) static ALL: &[&Kind] = &[$(&$name),*];
        }
    };
}

kinds! {
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large", "正文过大";
    INVALID_BODY = "invalid-body", BAD_REQUEST, "The body cannot be read", "无法读取正文";
    NOT_FOUND = "not-found", NOT_FOUND, "Not found", "未找到";
    NO_SUCH_ROUTE = "no-such-route", NOT_FOUND, "There is no such address", "地址不存在";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here", "此地址不支持该方法";
    INVALID_PARAMETER = "invalid-parameter", BAD_REQUEST, "A parameter cannot be used", "参数有误";
}

/// A problem on its way to the edge.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: &'static Kind,
    detail: String,
    /// Further members, in English and in Chinese.
    members: Vec<(&'static str, [Value; 2])>,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem; `detail` is technical, in English, and holds nothing of the request but what names the mistake.
    #[must_use]
    pub fn new(kind: &'static Kind, detail: impl ToString) -> Self {
        Self { kind, detail: detail.to_string(), members: Vec::new(), retry_after_s: None }
    }

    /// A body that cannot be read.
    #[must_use]
    pub fn invalid_body(detail: impl ToString) -> Self {
        Self::new(&kinds::INVALID_BODY, detail)
    }

    /// A fault of the service `what`, whose reason is for its operator: it is noted, and not told.
    #[must_use]
    pub fn noted(kind: &'static Kind, what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%error, "{what}");
        Self::new(kind, "its operator finds the reason in the log")
    }

    /// Nothing of that name.
    #[must_use]
    pub fn not_found(detail: impl ToString) -> Self {
        Self::new(&kinds::NOT_FOUND, detail)
    }

    /// No route has this address.
    #[must_use]
    pub fn no_such_route(detail: impl ToString) -> Self {
        Self::new(&kinds::NO_SUCH_ROUTE, detail)
    }

    /// The address is used by another method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(&kinds::METHOD_NOT_ALLOWED, "another method is needed")
    }

    /// A parameter of the path or the query that cannot be used.
    #[must_use]
    pub fn parameter(field: &'static str, reason: &str) -> Self {
        Self::new(&kinds::INVALID_PARAMETER, reason).field(field)
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn field(self, field: &'static str) -> Self {
        self.member("field", |_| field.into())
    }

    /// Adds a member to the document; `value` gives it in each language.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Fn(Lang) -> Value) -> Self {
        self.members.push((name, [value(Lang::En), value(Lang::Zh)]));
        self
    }

    /// Lists the rules that failed, each with a sentence in the language of the request.
    #[must_use]
    pub fn refusals(self, refusals: &[Refusal]) -> Self {
        self.member("refusals", |lang| {
            let said =
                |one: &Refusal| json!({ "field": one.field, "rule": one.rule, "reason": one.sentence(lang) });
            refusals.iter().map(said).collect()
        })
    }

    /// Asks the client to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    fn render(self, lang: Lang) -> Response {
        let in_lang = |(name, [en, zh]): (&str, [Value; 2])| match lang {
            Lang::En => (name.to_owned(), en),
            Lang::Zh => (name.to_owned(), zh),
        };
        let mut document: Map<_, _> = self.members.into_iter().map(in_lang).collect();
        document.insert("type".to_owned(), self.kind.urn().into());
        document.insert("title".to_owned(), self.kind.title(lang).into());
        document.insert("status".to_owned(), self.kind.status.as_u16().into());
        document.insert("detail".to_owned(), self.detail.into());
        document.insert("code".to_owned(), self.kind.code.into());
        let mut response = (self.kind.status, Body::from(Value::from(document).to_string())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The language of a request: the preferred of the two by `Accept-Language`.
#[must_use]
pub fn language(headers: &HeaderMap) -> Lang {
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    languages.map_or(Lang::En, Lang::accepted)
}

/// Reads a body. What is said of one that cannot be read holds nothing of it.
///
/// # Errors
/// A problem document.
pub fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::invalid_body(format!("not JSON of the expected form: see {place}"))
    })
}

/// Nothing of an answer is kept on the way: for [`axum::middleware::map_response`].
pub async fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the edge says of requests that the framework refuses.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Of a body that is too large.
    pub too_large: &'static str,
    /// Of everything else.
    pub malformed: &'static str,
}

/// Writes problems in the language of the request, those of the framework too: for [`axum::middleware::from_fn_with_state`].
pub async fn edge(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let lang = language(request.headers());
    let mut response = next.run(request).await;
    let problem = match (response.extensions_mut().remove::<Problem>(), response.status()) {
        (Some(problem), _) => Some(problem),
        (None, StatusCode::PAYLOAD_TOO_LARGE) => Some(Problem::new(&kinds::BODY_TOO_LARGE, edge.too_large)),
        (None, status) if status.is_client_error() => Some(Problem::invalid_body(edge.malformed)),
        _ => None,
    };
    if let Some(problem) = problem {
        response = problem.render(lang);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Checks that every kind has a code of its own and a title in each language: for tests of tables that [`kinds!`] makes.
///
/// # Panics
/// When one has not.
pub fn check_kinds(kinds: &[&Kind]) {
    for (at, kind) in kinds.iter().enumerate() {
        assert!(kinds[..at].iter().all(|other| other.code != kind.code), "{} is there twice", kind.code);
        assert!(kind.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.code);
        assert!(kind.status.is_client_error() || kind.status.is_server_error(), "{}", kind.code);
        assert!(!kind.en.is_empty() && kind.en.is_ascii() && !kind.zh.is_ascii(), "{}", kind.code);
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, extract::DefaultBodyLimit, middleware, routing::post};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_both_languages() {
        check_kinds(kinds::ALL);
    }

    #[tokio::test]
    async fn problems_are_written_in_the_language_of_the_request_those_of_the_framework_too() {
        let said = Edge { too_large: "too long", malformed: "not so" };
        let refuse = async |Json(_): Json<Value>| Problem::not_found("nothing").field("id").retry_after(5);
        let router = Router::new()
            .route("/", post(refuse))
            .fallback(async || Problem::no_such_route("elsewhere"))
            .layer(middleware::from_fn_with_state(said, edge))
            .layer(DefaultBodyLimit::max(20));
        let rows = [
            ("/", "{}", 404, "not-found", "nothing"),
            ("/", "{", 400, "invalid-body", "not so"),
            ("/", "\"more than twenty bytes\"", 413, "body-too-large", "too long"),
            ("/other", "", 404, "no-such-route", "elsewhere"),
        ];
        for (path, body, status, code, detail) in rows {
            for (languages, tag) in [("zh", "zh-CN"), ("en", "en")] {
                let request = Request::post(path)
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::ACCEPT_LANGUAGE, languages)
                    .body(Body::from(body));
                let response = router.clone().oneshot(request.unwrap()).await.unwrap();
                let (parts, body) = response.into_parts();
                assert_eq!(parts.status, status);
                assert_eq!(parts.headers[header::CONTENT_TYPE], PROBLEM);
                assert_eq!(parts.headers[header::CONTENT_LANGUAGE], tag);
                assert_eq!(parts.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
                assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
                assert_eq!(parts.headers.contains_key(header::RETRY_AFTER), code == "not-found");
                let document: Value =
                    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
                assert_eq!((&document["code"], &document["detail"]), (&code.into(), &detail.into()));
                assert_eq!(document["title"].as_str().unwrap().is_ascii(), tag == "en");
            }
        }
    }
}
