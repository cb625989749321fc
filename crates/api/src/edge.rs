//! The edge: what happens to every request before and after its handler.
//!
//! Bounds (rate, requests in work, time), problems written in the client's language, panics answered instead of dropped, counters. Of a
//! request only method, route template, status and duration are logged: no address, no parameter, no body.

use std::{net::SocketAddr, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::SemaphorePermit;

use crate::{
    app::{Gate, GateState},
    limit::Quota,
    metrics::method_name,
    problem::{Form, Problem, kinds},
};

/// What a monitor asks; always answered.
const OPERATIONAL: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Routes whose problems are in CBOR.
const CONCISE: [&str; 4] =
    ["/entries", "/entries/{id}", "/.well-known/scitt-keys", "/.well-known/scitt-keys/{kid}"];

/// Surrounds a handler.
pub(crate) async fn edge(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let gate = &*gate.0;
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let lang = xiezhi_problem::language(request.headers());
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let operational = OPERATIONAL.contains(&route);

    let quota = match (&gate.limiter, client) {
        (Some(limiter), Some(client)) if !operational => limiter.take(client, started),
        _ => None,
    };
    let mut response = match quota {
        Some(Err(quota)) => limited(&quota).into_response(),
        _ => match admit(gate, operational) {
            Ok(_permit) => handled(gate, next.run(request)).await,
            Err(problem) => problem.into_response(),
        },
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let form = if CONCISE.contains(&route) { Form::Concise } else { Form::Json };
        response = problem.render(response, lang, form);
    }
    if let Some(Ok(quota) | Err(quota)) = quota {
        quota_headers(response.headers_mut(), &quota);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    gate.metrics.observe(method, route, status, took);
    if status >= 500 {
        tracing::warn!(method, route, status, took_us = took.as_micros(), "answered");
    } else {
        tracing::debug!(method, route, status, took_us = took.as_micros(), "answered");
    }
    response
}

fn admit(gate: &GateState, operational: bool) -> Result<Option<SemaphorePermit<'_>>, Problem> {
    if operational {
        return Ok(None);
    }
    let permit = gate.permits.try_acquire();
    permit
        .map(Some)
        .map_err(|_| Problem::new(&kinds::OVERLOADED, "too many requests are in work").retry_after(1))
}

async fn handled(gate: &GateState, answer: impl Future<Output = Response>) -> Response {
    let guarded = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout(gate.request_timeout, guarded).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            // What it said is on standard error; it may hold anything, so it does not go to the client.
            gate.metrics.observe_panic();
            Problem::new(&kinds::INTERNAL, "a handler failed; nothing that was acknowledged is lost")
                .into_response()
        }
        Err(_) => {
            let detail = format!("no answer within {} s", gate.request_timeout.as_secs());
            Problem::new(&kinds::TIMEOUT, detail).retry_after(1).into_response()
        }
    }
}

fn limited(quota: &Quota) -> Problem {
    let detail = format!(
        "{} requests a second are allowed to one address, {} at once",
        quota.limit.per_second, quota.limit.burst
    );
    Problem::new(&kinds::RATE_LIMITED, detail).retry_after(quota.retry_after_s.max(1))
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
fn quota_headers(headers: &mut HeaderMap, quota: &Quota) {
    let window = quota.limit.burst.div_ceil(quota.limit.per_second);
    let policy = format!("\"address\";q={};w={window}", quota.limit.burst);
    let state = format!("\"address\";r={};t={}", quota.remaining, quota.retry_after_s);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Answers what no route matches.
pub(crate) async fn no_route() -> Problem {
    Problem::new(&kinds::NO_SUCH_ROUTE, "GET /v1/openapi.json lists the routes")
}

/// Answers a method that a route does not have; the `Allow` header names those it has.
pub(crate) async fn no_method() -> Problem {
    Problem::new(&kinds::METHOD_NOT_ALLOWED, "the Allow header names the methods")
}

#[cfg(test)]
mod tests;
