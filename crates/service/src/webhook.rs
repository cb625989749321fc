//! Webhooks: what happened, posted to the platform's address and signed as Standard Webhooks asks for asymmetric keys (`v1a`, Ed25519).
//!
//! Each event is posted until the address takes it, at least once and in no certain order; its id is always the same.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue};
use xiezhi_client::{Client, ClientError};
use xiezhi_crypto::{PublicKey, SigningKey};
use xiezhi_types::TimestampMs;

use crate::{
    Book, ServiceError,
    book::ms,
    leg::delay_ms,
    view::{Happened, happened},
};

/// After how many tries an event is given up: at five minutes each, about three and a half days.
const ATTEMPTS_MAX: i64 = 1_000;
/// Events of a round.
const ROUND_MAX: i64 = 64;
/// Posts under way at once.
const IN_FLIGHT_MAX: usize = 8;
/// How long an address may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

const WAITING: i64 = 0;
const DELIVERED: i64 = 1;
const NOBODY_LISTENS: i64 = 2;
const GIVEN_UP: i64 = 3;

/// What a webhook's signature is in its header: over `id.timestamp.body`, the timestamp in seconds.
#[must_use]
pub fn signature(key: &SigningKey, id: &str, timestamp_s: u64, body: &str) -> String {
    format!("v1a,{}", STANDARD.encode(key.sign(format!("{id}.{timestamp_s}.{body}").as_bytes())))
}

/// The public key, as libraries of Standard Webhooks read it.
#[must_use]
pub fn public_key(key: &PublicKey) -> String {
    format!("whpk_{}", STANDARD.encode(key.as_bytes()))
}

/// Posts a book's events.
pub struct Webhooks {
    book: Book,
    key: SigningKey,
    addresses: HashMap<String, Client>,
    clock: fn() -> TimestampMs,
}

impl Webhooks {
    /// Posts the events of `book`, signed with the Ed25519 key `key`, to each owner's address.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn new(
        book: Book,
        key: SigningKey,
        addresses: &HashMap<String, String>,
        clock: fn() -> TimestampMs,
    ) -> Result<Self, ClientError> {
        let client =
            |(owner, url): (&String, &String)| Ok((owner.clone(), Client::new(url)?.timeout(PATIENCE)));
        let addresses = addresses.iter().map(client).collect::<Result<_, ClientError>>()?;
        Ok(Self { book, key, addresses, clock })
    }

    /// Works until it is dropped.
    pub async fn run(&self) {
        loop {
            let wait_ms = match self.round().await {
                Ok(0) => 500,
                Ok(_) => 10,
                Err(error) => {
                    tracing::warn!(%error, "webhooks");
                    2_000
                }
            };
            tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        }
    }

    /// Posts every event that is due once; how many there were.
    ///
    /// # Errors
    /// The database's.
    pub async fn round(&self) -> Result<usize, ServiceError> {
        let sql = "SELECT seq, kind, at_ms, transaction_id, number, sink, owner, attempts FROM evidence_events \
            WHERE delivered = 0 AND next_ms <= $1 ORDER BY seq LIMIT $2";
        let rows = self.book.database.query(sql, vec![ms((self.clock)()), ROUND_MAX.into()]).await?;
        let mut due = Vec::new();
        for row in &rows {
            due.push((happened(row)?, row.text(6)?.to_owned(), row.int(7)?));
        }
        let count = due.len();
        let mut work =
            stream::iter(due.into_iter().map(|(event, owner, attempts)| self.post(event, owner, attempts)))
                .buffer_unordered(IN_FLIGHT_MAX);
        let mut failed = None;
        while let Some(done) = work.next().await {
            failed = failed.or(done.err());
        }
        failed.map_or(Ok(count), Err)
    }

    async fn post(&self, event: Happened, owner: String, attempts: i64) -> Result<(), ServiceError> {
        let now = (self.clock)();
        let (delivered, attempts) = match self.addresses.get(&owner) {
            None => (NOBODY_LISTENS, attempts),
            Some(client) => match self.send(client, &event, now).await {
                Ok(()) => (DELIVERED, attempts),
                Err(_) if attempts + 1 >= ATTEMPTS_MAX => (GIVEN_UP, attempts + 1),
                Err(_) => (WAITING, attempts + 1),
            },
        };
        let next = ms(TimestampMs(now.0 + delay_ms(u64::try_from(attempts).unwrap_or_default())));
        let sql = "UPDATE evidence_events SET delivered = $1, attempts = $2, next_ms = $3 WHERE seq = $4";
        self.book
            .database
            .execute(sql, vec![delivered.into(), attempts.into(), next, event.seq.into()])
            .await?;
        Ok(())
    }

    async fn send(&self, client: &Client, event: &Happened, now: TimestampMs) -> Result<(), ClientError> {
        let id = format!("msg_{:016}", event.seq);
        let body = serde_json::to_string(event).unwrap_or_default();
        let headers = [
            ("webhook-id", id.clone()),
            ("webhook-timestamp", now.seconds().to_string()),
            ("webhook-signature", signature(&self.key, &id, now.seconds(), &body)),
        ];
        let headers = headers.into_iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        });
        client.post_here(headers.collect(), body).await
    }
}

#[cfg(test)]
mod tests {
    use xiezhi_crypto::SignatureAlg;

    use super::*;

    #[test]
    fn a_signature_is_over_id_time_and_body_and_fits_the_public_key() {
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[9; 32]).unwrap();
        let said = signature(&key, "msg_1", 1_800_000_000, "{}");
        let bytes = STANDARD.decode(said.strip_prefix("v1a,").unwrap()).unwrap();
        let holds = |message: &str| key.public_key().verify(message.as_bytes(), &bytes).is_ok();
        assert!(holds("msg_1.1800000000.{}"));
        for other in ["msg_2.1800000000.{}", "msg_1.1800000001.{}", "msg_1.1800000000.{ }"] {
            assert!(!holds(other));
        }
        assert_eq!(public_key(&key.public_key()).len(), 5 + 44);
    }
}
