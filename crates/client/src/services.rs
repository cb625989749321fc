//! What a client asks of the services beside the ledger: certificate authority, registration office, evidence service, vault, webhooks.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::{
    BUNDLE, ClientError,
    client::{Client, JSON, escaped},
    transport::Ask,
};

/// How long a vault may read a large original back.
const VAULT_WAIT: Duration = Duration::from_secs(600);

impl Client {
    /// Applies for a certificate at the certificate authority at this address; `body` is what `docs/ca.md` says. Gives how the application stands.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn apply_for_certificate(
        &self,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, ClientError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.transport.send(&Ask::post("/v1/applications", JSON, body.into()).accept(JSON)).await?.json()
    }

    /// How an application at the certificate authority at this address stands.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn certificate_application(&self, id: &str) -> Result<serde_json::Value, ClientError> {
        self.get(format!("/v1/applications/{}", escaped(id))).await
    }

    /// The certificates of the certificate authority at this address, its own first, the root last; PEM.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn certificate_issuers(&self) -> Result<String, ClientError> {
        let bytes = self.get_bytes("/chain.pem".to_owned(), "application/x-pem-file").await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A session at the service (office, vault, evidence service) at this address: `form` is what `docs/identity.md` says. Gives the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn service_token(&self, form: String) -> Result<serde_json::Value, ClientError> {
        let ask = Ask::post("/v1/token", "application/x-www-form-urlencoded", form.into()).accept(JSON);
        self.transport.send(&ask).await?.json()
    }

    /// What the service at this address says of `target` to the session `token`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn service_get(&self, target: &str, token: &str) -> Result<serde_json::Value, ClientError> {
        self.transport.send(&Ask::get(target).accept(JSON).bearer(token)).await?.json()
    }

    /// What the registration office at this address answers to `body`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn office_post(
        &self,
        target: &str,
        token: &str,
        body: &serde_json::Value,
    ) -> Result<Vec<u8>, ClientError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        let ask = Ask::post(target, JSON, body.into()).bearer(token);
        Ok(self.transport.send(&ask).await?.body.into())
    }

    /// Asks the vault at this address; headers and body of its answer. What is asked of it may be sent twice.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn vault(
        &self,
        method: http::Method,
        target: &str,
        token: &str,
        headers: Vec<(http::HeaderName, http::HeaderValue)>,
        body: Bytes,
    ) -> Result<(http::HeaderMap, Bytes), ClientError> {
        let mut ask = Ask::get(target).bearer(token);
        ask.method = method;
        ask.headers.extend(headers);
        ask.body = body;
        // A large original is read back and compared before the last piece is answered.
        ask.wait = VAULT_WAIT;
        let answer = self.transport.send(&ask).await?;
        Ok((answer.headers, answer.body))
    }

    /// What the evidence service at this address answers to `body`; the same idempotency `key` with the same body does it once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn service_post(
        &self,
        target: &str,
        token: &str,
        body: &serde_json::Value,
        key: Option<&str>,
    ) -> Result<serde_json::Value, ClientError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut ask = Ask::post(target, JSON, body.into()).accept(JSON).bearer(token);
        if let Some(value) = key.and_then(|key| HeaderValue::from_str(key).ok()) {
            ask.headers.push((HeaderName::from_static("idempotency-key"), value));
        }
        self.transport.send(&ask).await?.json()
    }

    /// A bundle at the evidence service at this address.
    ///
    /// # Errors
    /// [`ClientError`]; the code `incomplete` says that a leg has no proof yet.
    pub async fn service_bundle(&self, target: &str, token: &str) -> Result<Vec<u8>, ClientError> {
        let answer = self.transport.send(&Ask::get(target).accept(BUNDLE).bearer(token)).await?;
        if answer.is(BUNDLE) { Ok(answer.body.into()) } else { Err(answer.protocol("no bundle")) }
    }

    /// Posts `body` to this very address, with `headers`: a webhook. Any answer of success will do.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post_here(
        &self,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: impl Into<Bytes>,
    ) -> Result<(), ClientError> {
        let mut ask = Ask::post("", JSON, body.into());
        ask.headers.extend(headers);
        self.transport.send(&ask).await.map(drop)
    }
}
