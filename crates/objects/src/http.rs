//! The library's requests over the HTTP client that the rest of the software has: its own would bring a second one, HTTP/2 and another way to trust.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as TcpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take to begin; it begins after the request was sent whole.
const ANSWER: Duration = Duration::from_secs(30);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Makes clients that trust the system's roots. Of the library's options it takes none: none is set.
#[derive(Debug)]
pub(crate) struct Connect;

#[derive(Debug)]
struct Service(Client<HttpsConnector<TcpConnector>, HttpRequestBody>);

impl HttpConnector for Connect {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = TcpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls()).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(https.wrap_connector(tcp));
        Ok(HttpClient::new(Service(client)))
    }
}

/// Without a store of roots no https address can be trusted, and the handshake says so.
fn tls() -> ClientConfig {
    match ClientConfig::builder().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(_) => {
            ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
}

impl HttpService for Service {
    fn call<'a, 'async_trait>(
        &'a self,
        request: HttpRequest,
    ) -> futures::future::BoxFuture<'async_trait, Result<HttpResponse, HttpError>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async {
            let answer = match tokio::time::timeout(ANSWER, self.0.request(request)).await {
                Err(late) => return Err(HttpError::new(HttpErrorKind::Timeout, late)),
                Ok(Err(e)) if e.is_connect() => return Err(HttpError::new(HttpErrorKind::Connect, e)),
                Ok(answer) => answer.map_err(|e| HttpError::new(HttpErrorKind::Request, e))?,
            };
            let (head, body) = answer.into_parts();
            let body = body.map_err(|e| HttpError::new(HttpErrorKind::Interrupted, e));
            Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
        })
    }
}
