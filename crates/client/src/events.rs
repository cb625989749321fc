//! What happens to a record until it is sealed, as server-sent events.

use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::{
    ClientError, NetworkError,
    wire::{Progressed, RecordStatus},
};

/// Longest event that is read, in bytes.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// A node sends a sign of life every 15 seconds; three of them missed and the stream is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Something that happened to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It is recorded: always the first.
    Recorded(Box<RecordStatus>),
    /// An institution sealed its checkpoint.
    Seal(Progressed),
    /// A time-stamp authority stamped its checkpoint.
    Timestamp(Progressed),
    /// The policy is met and the certificate exists: always the last.
    Sealed(Box<RecordStatus>),
    /// A kind this client does not know.
    Other {
        /// Its name.
        name: String,
        /// Its data.
        data: String,
    },
}

/// The stream of a record's events.
#[derive(Debug)]
pub struct Events {
    pub(crate) node: String,
    pub(crate) body: Incoming,
    pub(crate) buffer: BytesMut,
}

impl Events {
    /// The next event; `None` when the stream ended, which it does after [`Event::Sealed`], and after some minutes in any case.
    ///
    /// # Errors
    /// [`ClientError::Network`] when the connection broke, [`ClientError::Protocol`] when what came is no event.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block = self.buffer.split_to(end + 2);
                if let Some((name, data)) = read_block(&block) {
                    return self.event(name, data).map(Some);
                }
            }
            if self.buffer.len() > EVENT_BYTES_MAX {
                return Err(self.protocol(format!("an event longer than {EVENT_BYTES_MAX} bytes")));
            }
            let broken = |reason: String, timeout| ClientError::Network {
                tried: vec![NetworkError { node: self.node.clone(), reason, timeout }],
            };
            match tokio::time::timeout(SILENCE, self.body.frame()).await {
                Err(_) => return Err(broken("no sign of life".to_owned(), true)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(e))) => return Err(broken(e.to_string(), false)),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    fn protocol(&self, reason: String) -> ClientError {
        ClientError::Protocol { url: self.node.clone(), status: 200, reason }
    }

    fn event(&self, name: String, data: String) -> Result<Event, ClientError> {
        let wrong = |e: serde_json::Error| self.protocol(format!("event {name}: {e}"));
        Ok(match name.as_str() {
            "recorded" => Event::Recorded(serde_json::from_str(&data).map_err(wrong)?),
            "seal" => Event::Seal(serde_json::from_str(&data).map_err(wrong)?),
            "timestamp" => Event::Timestamp(serde_json::from_str(&data).map_err(wrong)?),
            "sealed" => Event::Sealed(serde_json::from_str(&data).map_err(wrong)?),
            _ => Event::Other { name, data },
        })
    }
}

/// Name and data of one block of lines; `None` for comments, which only show that the node lives.
fn read_block(block: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(block);
    let (mut name, mut data) = ("message".to_owned(), Vec::new());
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| (name, data.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_a_name_and_data_and_comments_have_neither() {
        let rows: [(&str, Option<(&str, &str)>); 4] = [
            ("event: seal\ndata: {}\n\n", Some(("seal", "{}"))),
            ("data:a\ndata: b\n\n", Some(("message", "a\nb"))),
            (":\n\n", None),
            ("event: seal\n\n", None),
        ];
        for (block, expected) in rows {
            let expected = expected.map(|(name, data)| (name.to_owned(), data.to_owned()));
            assert_eq!(read_block(block.as_bytes()), expected, "{block:?}");
        }
    }
}
