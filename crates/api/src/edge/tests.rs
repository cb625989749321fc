use std::time::Duration;

use axum::{Router, body::Body, middleware, routing::get};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::config::{ApiConfig, RateLimit};

fn router(config: &ApiConfig) -> (Router, Gate) {
    let gate = Gate::new(config);
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/healthz", get(async || "up"))
        .route("/panic", get(async || -> String { panic!("secret") }))
        .route("/slow", get(async || std::future::pending::<String>().await))
        .route("/entries", get(async || Problem::not_found("it")))
        .route("/items/{id}", get(async || Problem::not_found("it")))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(gate.clone(), edge));
    (router, gate)
}

async fn ask(router: &Router, method: &str, path: &str, from: [u8; 4]) -> (http::response::Parts, String) {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((from, 1))));
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts, String::from_utf8_lossy(&body).into_owned())
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const THERE: [u8; 4] = [192, 0, 2, 1];

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem() {
    let config = ApiConfig { request_timeout: Duration::from_millis(50), ..ApiConfig::default() };
    let (router, gate) = router(&config);
    let rows = [
        ("GET", "/nowhere", 404, "no-such-route"),
        ("DELETE", "/", 405, "method-not-allowed"),
        ("GET", "/panic", 500, "internal"),
        ("GET", "/slow", 503, "timeout"),
        ("GET", "/items/7", 404, "not-found"),
    ];
    for (method, path, status, code) in rows {
        let (parts, body) = ask(&router, method, path, HERE).await;
        assert_eq!(parts.status.as_u16(), status, "{path}");
        assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json", "{path}");
        assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
        assert!(!body.contains("secret"), "{body}");
        if status == 405 {
            assert_eq!(parts.headers[header::ALLOW], "GET,HEAD");
        }
    }
    let (parts, _) = ask(&router, "GET", "/entries", HERE).await;
    assert_eq!(parts.headers[header::CONTENT_TYPE], "application/concise-problem-details+cbor");
    let text = gate.0.metrics.text();
    assert!(text.contains("xiezhi_http_panics_total 1"), "{text}");
    assert!(text.contains("route=\"/items/{id}\",status=\"404\""), "templates, never paths: {text}");
    assert!(!text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn an_address_over_its_rate_waits_while_others_and_monitors_do_not() {
    let config =
        ApiConfig { rate_limit: Some(RateLimit { per_second: 1, burst: 2 }), ..ApiConfig::default() };
    let (router, _) = router(&config);
    let (first, _) = ask(&router, "GET", "/", THERE).await;
    assert_eq!(first.headers["ratelimit-policy"], "\"address\";q=2;w=2");
    assert_eq!(first.headers["ratelimit"], "\"address\";r=1;t=0");
    ask(&router, "GET", "/", THERE).await;
    let (refused, body) = ask(&router, "GET", "/", THERE).await;
    assert_eq!(
        (refused.status, &refused.headers[header::RETRY_AFTER]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    assert!(body.contains("rate-limited"), "{body}");
    assert_eq!(ask(&router, "GET", "/healthz", THERE).await.0.status, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/", [192, 0, 2, 2]).await.0.status, StatusCode::OK);
    for _ in 0..10 {
        assert_eq!(ask(&router, "GET", "/", HERE).await.0.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_over_the_bound_in_work_are_told_to_come_back() {
    let config =
        ApiConfig { requests_max: 1, request_timeout: Duration::from_secs(5), ..ApiConfig::default() };
    let (router, gate) = router(&config);
    let slow = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "GET", "/slow", HERE).await }
    });
    while gate.0.permits.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let (parts, body) = ask(&router, "GET", "/", HERE).await;
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("overloaded") && parts.headers.contains_key(header::RETRY_AFTER), "{body}");
    assert_eq!(ask(&router, "GET", "/healthz", HERE).await.0.status, StatusCode::OK);
    slow.abort();
    let _ = slow.await;
    assert_eq!(
        ask(&router, "GET", "/", HERE).await.0.status,
        StatusCode::OK,
        "a client that left frees its place"
    );
}
