//! Requests to others than nodes: an address, bounds, and the bytes of the answer.

use std::time::Duration;

use http::{HeaderValue, Uri, header};

use crate::{
    ClientError,
    transport::{Ask, Transport},
};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of somebody who is no node.
#[derive(Debug, Clone, Copy)]
pub enum Foreign<'a> {
    /// GET.
    Get,
    /// POST of a form, with the value of the `Authorization` header.
    Form(&'a str, Option<&'a str>),
}

/// Asks `url`, and gives the answer's bytes: at most 256 KiB within 10 seconds, without following redirections.
///
/// # Errors
/// [`ClientError`], also when the status says that it failed.
pub async fn exchange(url: &str, asked: Foreign<'_>) -> Result<Vec<u8>, ClientError> {
    let wrong = || ClientError::Url { url: url.to_owned(), reason: "not a URL".to_owned() };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let (scheme, host) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
    let mut transport = Transport::new(&[&format!("{scheme}://{host}")])?;
    (transport.answer_max, transport.timeout) = (ANSWER_BYTES_MAX, PATIENCE);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let ask = match asked {
        Foreign::Get => Ask::get(target),
        Foreign::Form(form, authorization) => {
            let body = form.to_owned().into();
            let mut ask = Ask::post(target, "application/x-www-form-urlencoded", body);
            if let Some(value) = authorization.and_then(|value| HeaderValue::from_str(value).ok()) {
                ask.headers.push((header::AUTHORIZATION, value));
            }
            ask
        }
    };
    Ok(transport.send(&ask.accept("application/json")).await?.body.into())
}
