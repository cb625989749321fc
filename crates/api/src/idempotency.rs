//! Idempotency keys: the same key with another body is a mistake of the client's, and is told so.
//!
//! Kept in memory by each node for itself, for a day. Nothing depends on them: a statement is recorded once however often and wherever it
//! is sent, because it is known by its id.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::{Duration, Instant},
};

use xiezhi_crypto::sha256;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// Most keys that are remembered; the oldest go first.
const KEYS_MAX: usize = 100_000;
/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 128;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was not used before; now it is.
    First,
    /// It was used with this very body.
    Same,
    /// It was used with another body.
    Other,
}

#[derive(Default)]
struct Keys {
    bodies: HashMap<String, ([u8; 32], Instant)>,
    order: VecDeque<(Instant, String)>,
}

/// The keys in use.
#[derive(Default)]
pub(crate) struct Idempotency(Mutex<Keys>);

impl Idempotency {
    /// Looks `key` up, and remembers it with `body` when it is new.
    pub(crate) fn check(&self, key: &str, body: &[u8], now: Instant) -> Known {
        let digest = sha256(body);
        let mut keys = self.lock();
        keys.forget(now);
        if let Some((known, _)) = keys.bodies.get(key) {
            return if *known == digest { Known::Same } else { Known::Other };
        }
        keys.bodies.insert(key.to_owned(), (digest, now));
        keys.order.push_back((now, key.to_owned()));
        Known::First
    }

    /// Forgets `key`: what it was used for came to nothing, and may be corrected under the same key.
    pub(crate) fn release(&self, key: &str) {
        self.lock().bodies.remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Keys {
    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.order.front() {
            if self.order.len() < KEYS_MAX && now.duration_since(*at) < REMEMBERED {
                break;
            }
            let Some((at, key)) = self.order.pop_front() else { break };
            // A key that was released and used again has a younger entry, which stays.
            if self.bodies.get(&key).is_some_and(|(_, used)| *used == at) {
                self.bodies.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bound_to_the_first_body_for_a_day() {
        let (keys, start) = (Idempotency::default(), Instant::now());
        assert_eq!(keys.check("k", b"a", start), Known::First);
        assert_eq!(keys.check("k", b"a", start), Known::Same);
        assert_eq!(keys.check("k", b"b", start), Known::Other);
        assert_eq!(keys.check("other", b"b", start), Known::First);
        assert_eq!(keys.check("k", b"b", start + REMEMBERED), Known::First);
    }

    #[test]
    fn a_released_key_can_be_used_for_another_body() {
        let (keys, start) = (Idempotency::default(), Instant::now());
        keys.check("k", b"a", start);
        keys.release("k");
        let later = start + Duration::from_secs(1);
        assert_eq!(keys.check("k", b"b", later), Known::First);
        assert_eq!(
            keys.check("k", b"b", start + REMEMBERED),
            Known::Same,
            "the first use's end is not the second's"
        );
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_key_goes_first() {
        let (keys, now) = (Idempotency::default(), Instant::now());
        for n in 0..=KEYS_MAX {
            keys.check(&n.to_string(), b"", now);
        }
        assert!(keys.lock().bodies.len() <= KEYS_MAX);
        assert_eq!(keys.check(&KEYS_MAX.to_string(), b"", now), Known::Same);
        assert_eq!(keys.check("0", b"", now), Known::First);
    }
}
