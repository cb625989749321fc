//! What handlers read of a request: bodies within their bounds, parameters by name, media types.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Query},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, kinds};

/// Reads a body of at most `bytes_max` bytes that arrives within `timeout`.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(&kinds::BODY_TOO_LARGE, format!("a body here has at most {bytes_max} bytes"));
    let stated: Option<u64> = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if stated.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(timeout, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            Err(Problem::new(&kinds::INVALID_BODY, "the connection broke before the body was complete"))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", timeout.as_secs());
            Err(Problem::new(&kinds::BODY_TIMEOUT, detail))
        }
    }
}

/// Reads a JSON body.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|e| {
        let text = e.to_string();
        // serde names a missing or unknown field between backquotes.
        let field = text.split('`').nth(1).filter(|_| text.contains("field `")).map(str::to_owned);
        let problem = Problem::new(&kinds::INVALID_BODY, format!("JSON: {text}"));
        match field {
            Some(field) => problem.field(field),
            None => problem,
        }
    })
}

/// The body's media type in lower case, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next()?.trim().to_ascii_lowercase())
}

/// Refuses a body whose media type is not `expected`.
pub(crate) fn require_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    match media_type(headers) {
        Some(found) if found == expected => Ok(()),
        _ => Err(unsupported(expected)),
    }
}

/// The problem of a body that is not of `expected`.
pub(crate) fn unsupported(expected: &str) -> Problem {
    let problem = Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, format!("the body must be {expected}"));
    problem.field("Content-Type")
}

/// Whether the client takes `media_type` (RFC 9110, section 12.5.1): it is named, or covered by a range, and not with `q=0`.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    if !headers.contains_key(header::ACCEPT) {
        return true;
    }
    let family = media_type.split('/').next().unwrap_or_default();
    accept_ranges(headers).any(|range| {
        range == "*/*" || range == media_type || range.strip_suffix("/*").is_some_and(|found| found == family)
    })
}

/// Whether the client names `media_type` itself.
pub(crate) fn asks_for(headers: &HeaderMap, media_type: &str) -> bool {
    accept_ranges(headers).any(|range| range == media_type)
}

fn accept_ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let range = pieces.next().filter(|range| !range.is_empty())?;
        let refused = pieces.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        (!refused).then_some(range)
    })
}

/// Refuses a client that does not take `media_type`.
pub(crate) fn require_accept(headers: &HeaderMap, media_type: &str) -> Result<(), Problem> {
    if accepts(headers, media_type) {
        return Ok(());
    }
    Err(Problem::new(&kinds::NOT_ACCEPTABLE, format!("this is answered as {media_type}")).field("Accept"))
}

/// The value of the header `name`, when it is there and readable.
pub(crate) fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Parameters of the query.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let rejected = match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => return Ok(Self(params)),
            Err(rejected) => rejected.body_text(),
        };
        let text =
            rejected.rsplit_once("query string: ").map_or(rejected.as_str(), |(_, text)| text).to_owned();
        // Either "name: reason", or a missing or unknown field between backquotes.
        let named = text.split_once(": ").map(|(name, _)| name).or_else(|| text.split('`').nth(1));
        let problem = Problem::new(&kinds::INVALID_PARAMETER, &text);
        Err(match named {
            Some(name) if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                problem.field(name.to_owned())
            }
            _ => problem,
        })
    }
}

/// The one parameter of the path, as text.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |_| Problem::new(&kinds::INVALID_PARAMETER, "the path is not UTF-8");
        Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| Self(text)).map_err(wrong)
    }
}

impl Segment {
    /// Reads the parameter, called `name`.
    pub(crate) fn read<T: FromStr>(&self, name: &'static str) -> Result<T, Problem>
    where
        T::Err: std::fmt::Display,
    {
        self.0.parse().map_err(|e| Problem::parameter(name, e))
    }
}

/// A limit for a page: `asked`, or `usual` when not asked for, from 1 to `max`.
pub(crate) fn page_limit(asked: Option<u32>, usual: u32, max: u32) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(usual);
    if limit == 0 || limit > max {
        return Err(Problem::parameter("limit", format!("{limit}, 1 to {max} are allowed")));
    }
    Ok(limit as usize)
}

/// What is left until `deadline`.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests;
