//! Requests to others than nodes: an address, bounds, and the bytes of the answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};

use crate::{
    ClientError,
    transport::{Ask, Transport},
};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of somebody who is no node.
#[derive(Debug, Clone)]
pub enum Foreign {
    /// GET.
    Get,
    /// POST of a body of a media type.
    Post(&'static str, Bytes),
}

/// Somebody who is no node, at one address; connections are kept. Cheap to clone.
#[derive(Clone)]
pub struct Host(Transport);

impl Host {
    /// Whoever is at the address of `url`; with the path and query of it.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn of(url: &str) -> Result<(Self, String), ClientError> {
        let wrong = || ClientError::Url { url: url.to_owned(), reason: "not a URL".to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (scheme, host) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
        let mut transport = Transport::new(&[&format!("{scheme}://{host}")])?;
        (transport.answer_max, transport.timeout) = (ANSWER_BYTES_MAX, PATIENCE);
        Ok((Self(transport), uri.path_and_query().map_or("/", |target| target.as_str()).to_owned()))
    }

    /// Asks for JSON at `target` and gives the answer's bytes: at most 256 KiB within 10 seconds, without following redirections. A question
    /// whose connection breaks may be asked twice.
    ///
    /// # Errors
    /// [`ClientError`], also when the status says that it failed.
    pub async fn ask(
        &self,
        target: &str,
        asked: Foreign,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Vec<u8>, ClientError> {
        let mut ask = match asked {
            Foreign::Get => Ask::get(target),
            Foreign::Post(media_type, body) => Ask::post(target, media_type, body),
        };
        ask.headers.extend(headers);
        Ok(self.0.send(&ask.accept("application/json")).await?.body.into())
    }
}
