//! What an operator can set.

use std::time::Duration;

/// How much one address may ask: a bucket of `burst` requests that fills by `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests that come back to the bucket each second, at least 1.
    pub per_second: u32,
    /// Requests that can be made at once, at least 1.
    pub burst: u32,
}

/// Limits of the API. The bodies' bounds are upper ones: the ledger's own, stricter, apply besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// Most requests in work at once; more are told to come back.
    pub requests_max: usize,
    /// Most event streams open at once.
    pub streams_max: usize,
    /// How much one address may ask; `None` for no bound. Addresses of this machine are never bounded. It takes effect where the server is
    /// started with connection information (`into_make_service_with_connect_info::<SocketAddr>()`).
    pub rate_limit: Option<RateLimit>,
    /// Longest body of `POST /v1/batches`, in bytes.
    pub batch_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long an answer may take, above the longest time that a deposit can be told to wait.
    pub request_timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            requests_max: 8_192,
            streams_max: 1_024,
            rate_limit: Some(RateLimit { per_second: 2_000, burst: 4_000 }),
            batch_bytes_max: 16 << 20,
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(90),
        }
    }
}
