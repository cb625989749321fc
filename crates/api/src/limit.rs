//! How much one address may ask: token buckets.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
    time::Instant,
};

use crate::config::RateLimit;

/// Most addresses that are remembered; full buckets are forgotten first.
const ADDRESSES_MAX: usize = 65_536;

/// What an address has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: RateLimit,
    /// Whole requests left.
    pub(crate) remaining: u32,
    /// Seconds until the bucket holds a request again; 0 when it does.
    pub(crate) retry_after_s: u32,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets of all addresses.
pub(crate) struct RateLimiter {
    limit: RateLimit,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

/// Whose bucket an address takes from: an IPv6 client owns a whole /64; addresses of this machine have none.
fn owner(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    match address {
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(v6) => Some(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64)).into()),
    }
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let limit = RateLimit { per_second: limit.per_second.max(1), burst: limit.burst.max(1) };
        Self { limit, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one request from the bucket of `address`; `None` when it has no bucket. `Ok` when there was one to take.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Option<Result<Quota, Quota>> {
        let owner = owner(address)?;
        let (rate, burst) = (f64::from(self.limit.per_second), f64::from(self.limit.burst));
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&owner) {
            let full =
                |bucket: &Bucket| bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * rate >= burst;
            buckets.retain(|_, bucket| !full(bucket));
            if buckets.len() >= ADDRESSES_MAX {
                // Every remembered address is busy: a flood from everywhere, which the bound on requests in work must stop.
                return None;
            }
        }
        let bucket = buckets.entry(owner).or_insert(Bucket { tokens: burst, at: now });
        let passed = now.duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(burst);
        bucket.at = now;
        let taken = bucket.tokens >= 1.0;
        if taken {
            bucket.tokens -= 1.0;
        }
        // Truncation is meant: whole requests, whole seconds.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let quota = Quota {
            limit: self.limit,
            remaining: bucket.tokens as u32,
            retry_after_s: if taken { 0 } else { ((1.0 - bucket.tokens) / rate).ceil() as u32 },
        };
        Some(if taken { Ok(quota) } else { Err(quota) })
    }
}

#[cfg(test)]
mod tests;
