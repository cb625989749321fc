//! A bounded memory of what is over at a certain time: sessions, challenges, names that are used once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The memory is full: nothing more is taken until something is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many at the same time: try again in some minutes")]
pub struct Full;

/// Values by key, each until a time, in seconds since 1970. What is over is never given out.
#[derive(Debug)]
pub struct Expiring<K, V> {
    capacity: usize,
    held: Mutex<HashMap<K, (V, u64)>>,
}

impl<K: Eq + Hash, V> Expiring<K, V> {
    /// An empty memory of at most `capacity` values.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::default() }
    }

    /// The memory, without what is over at `now_s`.
    fn present(&self, now_s: u64) -> MutexGuard<'_, HashMap<K, (V, u64)>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, (_, until)| *until > now_s);
        held
    }

    /// Remembers `value` until `until_s`; false if there is one under `key`, which stays.
    ///
    /// # Errors
    /// [`Full`].
    pub fn insert(&self, key: K, value: V, until_s: u64, now_s: u64) -> Result<bool, Full> {
        let mut held = self.present(now_s);
        if held.contains_key(&key) {
            return Ok(false);
        }
        if held.len() >= self.capacity {
            return Err(Full);
        }
        held.insert(key, (value, until_s));
        Ok(true)
    }

    /// The value under `key`.
    pub fn find(&self, key: &K, now_s: u64) -> Option<V>
    where
        V: Clone,
    {
        self.present(now_s).get(key).map(|(value, _)| value.clone())
    }

    /// Takes the value under `key` out: it is good for one use.
    pub fn take(&self, key: &K, now_s: u64) -> Option<V> {
        self.present(now_s).remove(key).map(|(value, _)| value)
    }

    /// Forgets every value for which `is_over`.
    pub fn forget(&self, is_over: impl Fn(&K, &V) -> bool, now_s: u64) {
        self.present(now_s).retain(|key, (value, _)| !is_over(key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_given_out_and_makes_place() {
        let memory = Expiring::new(2);
        assert_eq!(memory.insert("a", 1, 10, 0), Ok(true));
        assert_eq!(memory.insert("a", 2, 20, 0), Ok(false), "the first stays");
        assert_eq!(memory.insert("b", 3, 20, 0), Ok(true));
        assert_eq!(memory.insert("c", 4, 20, 9), Err(Full));
        assert_eq!((memory.find(&"a", 9), memory.find(&"a", 10)), (Some(1), None));
        assert_eq!(memory.insert("c", 4, 20, 10), Ok(true));
        assert_eq!((memory.take(&"c", 19), memory.take(&"c", 19)), (Some(4), None));
        assert_eq!(memory.take(&"b", 20), None);
        for (key, value) in [("d", 5), ("e", 6)] {
            assert_eq!(memory.insert(key, value, 40, 30), Ok(true));
        }
        memory.forget(|_, value| *value == 5, 30);
        assert_eq!((memory.find(&"d", 30), memory.find(&"e", 30)), (None, Some(6)));
    }
}
