use std::time::Duration;

use super::*;

const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

#[test]
fn a_burst_passes_then_only_the_rate_does() {
    let limiter = RateLimiter::new(RateLimit { per_second: 2, burst: 3 });
    let start = Instant::now();
    let left: Vec<_> = (0..3).map(|_| limiter.take(SOMEBODY, start).unwrap().unwrap().remaining).collect();
    assert_eq!(left, [2, 1, 0]);
    assert_eq!(limiter.take(SOMEBODY, start).unwrap().unwrap_err().retry_after_s, 1);
    let later = start + Duration::from_millis(500);
    assert!(limiter.take(SOMEBODY, later).unwrap().is_ok());
    assert!(limiter.take(SOMEBODY, later).unwrap().is_err());
}

#[test]
fn one_address_does_not_use_up_anothers_share() {
    let limiter = RateLimiter::new(RateLimit { per_second: 1, burst: 1 });
    let now = Instant::now();
    assert!(limiter.take(SOMEBODY, now).unwrap().is_ok());
    assert!(limiter.take(SOMEBODY, now).unwrap().is_err());
    assert!(limiter.take("192.0.2.8".parse().unwrap(), now).unwrap().is_ok());
    assert!(limiter.take("::ffff:192.0.2.7".parse().unwrap(), now).unwrap().is_err());
    assert!(limiter.take("2001:db8::1".parse().unwrap(), now).unwrap().is_ok());
    assert!(limiter.take("2001:db8::2".parse().unwrap(), now).unwrap().is_err(), "the same /64");
}

#[test]
fn this_machine_is_not_bounded() {
    let limiter = RateLimiter::new(RateLimit { per_second: 1, burst: 1 });
    for address in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
        assert!(limiter.take(address.parse().unwrap(), Instant::now()).is_none(), "{address}");
    }
}

#[test]
fn memory_is_bounded_and_idle_addresses_go_first() {
    let limiter = RateLimiter::new(RateLimit { per_second: 1, burst: 1 });
    let start = Instant::now();
    for n in 0..ADDRESSES_MAX as u32 {
        let _ = limiter.take(IpAddr::from(0x0a00_0000_u32.wrapping_add(n).to_be_bytes()), start);
    }
    assert!(limiter.take(SOMEBODY, start).is_none());
    assert!(limiter.take(SOMEBODY, start + Duration::from_secs(2)).unwrap().is_ok());
    assert_eq!(limiter.buckets.lock().unwrap().len(), 1);
}
