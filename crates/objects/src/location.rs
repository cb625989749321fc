//! From a URL and credentials to a place.

use std::{fmt, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};

use crate::{ObjectsError, http::Connect};

/// Attempts after the first that failed for a reason that may pass.
const RETRIES: usize = 3;
/// No new attempt begins after this.
const RETRY: Duration = Duration::from_secs(15);

/// How to reach a bucket. Shown without the credentials.
#[derive(Clone, Default)]
pub struct Access {
    /// The service's address; Amazon's of the region without it.
    pub endpoint: Option<String>,
    /// The region; `us-east-1` without it, which other services take.
    pub region: Option<String>,
    /// Name of the key; requests are not signed without it.
    pub key_id: Option<String>,
    /// The key.
    pub secret: Option<String>,
    /// For keys that were lent.
    pub session_token: Option<String>,
    /// Whether the endpoint may be spoken to without encryption.
    pub plain_http: bool,
}

impl Access {
    /// What the usual variables say: `AWS_ENDPOINT_URL` (or `AWS_ENDPOINT`), `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, `AWS_ALLOW_HTTP=true`.
    #[must_use]
    pub fn from_env() -> Self {
        let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            endpoint: read("AWS_ENDPOINT_URL").or_else(|| read("AWS_ENDPOINT")),
            region: read("AWS_REGION"),
            key_id: read("AWS_ACCESS_KEY_ID"),
            secret: read("AWS_SECRET_ACCESS_KEY"),
            session_token: read("AWS_SESSION_TOKEN"),
            plain_http: read("AWS_ALLOW_HTTP").is_some_and(|value| value == "true"),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}

/// The store at `url` and the prefix of all names in it.
pub(crate) fn open(url: &str, access: &Access) -> Result<(Arc<dyn ObjectStore>, Path), ObjectsError> {
    let wrong = |reason: &str| ObjectsError::Url { url: url.to_owned(), reason: reason.to_owned() };
    if let Some(directory) = url.strip_prefix("file://") {
        if !directory.starts_with('/') {
            return Err(wrong("the directory's path is absolute"));
        }
        // Made by whoever runs this, not here: an unmounted disk must not look like an empty place.
        let local = LocalFileSystem::new_with_prefix(directory).map_err(|e| wrong(&crate::reason(&e)))?;
        return Ok((Arc::new(local.with_fsync(true)), Path::default()));
    }
    let Some(rest) = url.strip_prefix("s3://") else { return Err(wrong("no such kind of place")) };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong("the bucket is missing"));
    }
    let prefix = Path::parse(prefix).map_err(|_| wrong("the prefix is not one of names"))?;
    Ok((Arc::new(bucket_at(bucket, access, wrong)?), prefix))
}

fn bucket_at(
    bucket: &str,
    access: &Access,
    wrong: impl Fn(&str) -> ObjectsError,
) -> Result<object_store::aws::AmazonS3, ObjectsError> {
    let plain = access.endpoint.as_ref().filter(|endpoint| !endpoint.starts_with("https://"));
    if let Some(endpoint) = plain.filter(|_| !access.plain_http) {
        return Err(ObjectsError::PlainHttp { endpoint: endpoint.clone() });
    }
    let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(access.region.as_deref().unwrap_or("us-east-1"))
        .with_allow_http(access.plain_http)
        .with_retry(retry)
        .with_http_connector(Connect);
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder = match (&access.key_id, &access.secret) {
        (Some(id), Some(secret)) => builder.with_access_key_id(id).with_secret_access_key(secret),
        (None, None) => builder.with_skip_signature(true),
        _ => return Err(wrong("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together")),
    };
    if let Some(token) = &access.session_token {
        builder = builder.with_token(token);
    }
    builder.build().map_err(|e| wrong(&crate::reason(&e)))
}
