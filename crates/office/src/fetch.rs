//! One HTTP request with bounds: for an identity provider's keys, and for the tool that talks to an office.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 5 << 20;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Why there is no answer. Retrying can help.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {reason}")]
pub struct FetchError {
    /// What was asked.
    pub url: String,
    /// What happened.
    pub reason: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A client for single requests; cheap to clone.
#[derive(Clone)]
pub struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Fetcher {
    /// One that trusts the system's roots for https.
    #[must_use]
    pub fn new() -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let tls = match HttpsConnectorBuilder::new().with_native_roots() {
            Ok(builder) => builder,
            // Without a system store no https address can be trusted, and the handshake says so; plain ones still work.
            Err(_) => HttpsConnectorBuilder::new().with_tls_config(
                rustls::ClientConfig::builder()
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth(),
            ),
        };
        let connector = tls.https_or_http().enable_http1().wrap_connector(http);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends one request; follows no redirection.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, String)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError { url: url.to_owned(), reason };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|e| failed(format!("{name}: {e}")))?;
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).map_err(|e| failed(e.to_string()))?;
        let work = async {
            let response = self.0.request(request).await.map_err(|e| failed(chain(&e)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|e| failed(format!("while reading its answer: {e}")))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, work).await.map_err(|_| failed("the time ran out".to_owned()))?
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// [`FetchError`], also for a status that is no success.
    pub async fn json<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, FetchError> {
        let failed = |reason: String| FetchError { url: url.to_owned(), reason };
        let answer = self.send(Method::GET, url, &[], Bytes::new()).await?;
        if !answer.status.is_success() {
            return Err(failed(format!("it answered {}", answer.status)));
        }
        serde_json::from_slice(&answer.body).map_err(|e| failed(e.to_string()))
    }
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new()
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
