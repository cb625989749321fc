//! One request to one of several nodes: kept connections, time limits, bounds, and the move to the next node.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{ClientError, NetworkError, PROBLEM, wire::Problem};

/// Longest answer that is read, in bytes: a thousand certificates of a batch fit.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long an unused connection is kept; below the minute or so after which middle boxes drop it.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;
#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

/// The nodes and the way to them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Transport {
    pool: Pool<Connector, Full<Bytes>>,
    nodes: Arc<[String]>,
    /// Which node answered last, and is asked first.
    preferred: Arc<AtomicUsize>,
    pub(crate) timeout: Duration,
    pub(crate) language: Option<HeaderValue>,
    /// Longest answer that is read, in bytes.
    pub(crate) answer_max: usize,
}

/// A request, before it is known which node gets it.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// What is waited for besides the client's own time limit: how long the node was told to wait.
    pub(crate) wait: Duration,
}

impl Ask {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            wait: Duration::ZERO,
        }
    }

    pub(crate) fn post(target: impl Into<String>, media_type: &'static str, body: Bytes) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Self { method: Method::POST, target: target.into(), headers, body, wait: Duration::ZERO }
    }

    pub(crate) fn accept(mut self, media_type: &'static str) -> Self {
        self.headers.push((header::ACCEPT, HeaderValue::from_static(media_type)));
        self
    }

    /// For a session; a token that cannot stand in a header is left out, and refused by who needs one.
    pub(crate) fn bearer(mut self, token: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) {
            self.headers.push((header::AUTHORIZATION, value));
        }
        self
    }
}

/// An answer that is no problem.
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn protocol(&self, reason: impl ToString) -> ClientError {
        ClientError::Protocol {
            url: self.url.clone(),
            status: self.status.as_u16(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|e| self.protocol(e))
    }

    pub(crate) fn is(&self, media_type: &str) -> bool {
        self.headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|found| found.as_bytes().starts_with(media_type.as_bytes()))
    }
}

fn connector() -> Connector {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT));
    #[cfg(not(feature = "tls"))]
    return http;
    #[cfg(feature = "tls")]
    {
        http.enforce_http(false);
        let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls());
        builder.https_or_http().enable_http1().wrap_connector(http)
    }
}

/// The system's roots are read once: they are some hundred certificates. Without a system store no https address can be trusted, and the
/// handshake says so; plain ones still work.
#[cfg(feature = "tls")]
fn tls() -> rustls::ClientConfig {
    use hyper_rustls::ConfigBuilderExt as _;
    static CONFIG: std::sync::OnceLock<rustls::ClientConfig> = std::sync::OnceLock::new();
    let read = || match rustls::ClientConfig::builder().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(_) => rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    };
    CONFIG.get_or_init(read).clone()
}

/// A node's address in its one form, `scheme://host:port`.
fn base(url: &str) -> Result<String, ClientError> {
    let wrong = |reason: &str| ClientError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let trimmed = url.trim_end_matches('/');
    let uri: Uri = trimmed.parse().map_err(|_| wrong("not a URL"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "tls") => {}
        Some("https") => return Err(wrong("this program is built without TLS")),
        _ => return Err(wrong("it begins with http:// or https://")),
    }
    if uri.authority().is_none() || uri.query().is_some() {
        return Err(wrong("it names a host and no query"));
    }
    Ok(trimmed.to_owned())
}

impl Transport {
    pub(crate) fn new(urls: &[&str]) -> Result<Self, ClientError> {
        let nodes = urls.iter().map(|url| base(url)).collect::<Result<Arc<[_]>, _>>()?;
        if nodes.is_empty() {
            return Err(ClientError::Url { url: String::new(), reason: "at least one is needed".to_owned() });
        }
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector());
        Ok(Self {
            pool,
            nodes,
            preferred: Arc::new(AtomicUsize::new(0)),
            timeout: Duration::from_secs(30),
            language: None,
            answer_max: ANSWER_BYTES_MAX,
        })
    }

    pub(crate) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Sends `ask` to the node that answered last, and while nodes do not answer or say 503, to the next. Every request of the API may be
    /// repeated safely: a statement is recorded once however often it is sent.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answer, ClientError> {
        let (node, response) = self.open(ask).await?;
        let url = format!("{node}{}", ask.target);
        let (parts, body) = response.into_parts();
        let failed = |e: &dyn std::fmt::Display, timeout| {
            let error = NetworkError {
                node: node.clone(),
                reason: format!("while reading its answer: {e}"),
                timeout,
            };
            ClientError::Network { tried: vec![error] }
        };
        let read = Limited::new(body, self.answer_max).collect();
        let body = match tokio::time::timeout(self.timeout, read).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(e)) => return Err(failed(&e, false)),
            Err(_) => return Err(failed(&"the time ran out", true)),
        };
        let answer = Answer { url, status: parts.status, headers: parts.headers, body };
        if answer.status.is_success() { Ok(answer) } else { Err(refused(&answer)) }
    }

    /// As [`Transport::send`], but only up to the answer's head; its body is the caller's to read.
    pub(crate) async fn open(&self, ask: &Ask) -> Result<(String, Response<Incoming>), ClientError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut tried = Vec::new();
        // A lone node gets a second chance: a kept connection may have been closed just when it was used.
        let rounds = self.nodes.len().max(2);
        for round in 0..rounds {
            let at = (first + round) % self.nodes.len();
            let last = round + 1 == rounds;
            match self.one(&self.nodes[at], ask).await {
                Ok(response)
                    if response.status() == StatusCode::SERVICE_UNAVAILABLE
                        && !last
                        && self.nodes.len() > 1 =>
                {
                    let reason = "it answered 503".to_owned();
                    tried.push(NetworkError { node: self.nodes[at].clone(), reason, timeout: false });
                }
                Ok(response) => {
                    if at != first {
                        self.preferred.store(at, Ordering::Relaxed);
                    }
                    return Ok((self.nodes[at].clone(), response));
                }
                Err(error) => {
                    let give_up = self.nodes.len() == 1 && error.timeout;
                    tried.push(error);
                    if give_up {
                        break;
                    }
                }
            }
        }
        Err(ClientError::Network { tried })
    }

    async fn one(&self, node: &str, ask: &Ask) -> Result<Response<Incoming>, NetworkError> {
        let failed = |reason: String, timeout| NetworkError { node: node.to_owned(), reason, timeout };
        let mut request = Request::builder().method(ask.method.clone()).uri(format!("{node}{}", ask.target));
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(language) = &self.language {
            request = request.header(header::ACCEPT_LANGUAGE, language);
        }
        let request = request.body(Full::new(ask.body.clone())).map_err(|e| failed(e.to_string(), false))?;
        match tokio::time::timeout(self.timeout + ask.wait, self.pool.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(e)) => Err(failed(chain(&e), false)),
            Err(_) => Err(failed("the time ran out".to_owned(), true)),
        }
    }
}

/// An error with everything that caused it, since hyper's own text says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

pub(crate) fn refused(answer: &Answer) -> ClientError {
    if !answer.is(PROBLEM) {
        let start: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        return answer.protocol(format!("no problem document but \"{start}\""));
    }
    match answer.json::<Problem>() {
        Ok(mut problem) => {
            let header = answer.headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
            problem.retry_after_s = problem.retry_after_s.or(header);
            // The detail is for programs, in English; the rules that failed are said in the language asked for.
            if let Some(said) = answer.json().ok().and_then(|document: serde_json::Value| refusals(&document))
            {
                problem.detail = said;
            }
            ClientError::Problem(Box::new(problem))
        }
        Err(error) => error,
    }
}

/// The fields and sentences of the rules that failed, where the problem lists them.
fn refusals(document: &serde_json::Value) -> Option<String> {
    let said =
        |one: &serde_json::Value| Some(format!("{}: {}", one["field"].as_str()?, one["reason"].as_str()?));
    let said: Option<Vec<_>> = document.get("refusals")?.as_array()?.iter().map(said).collect();
    said.filter(|said| !said.is_empty()).map(|said| said.join("; "))
}

#[cfg(test)]
mod tests;
