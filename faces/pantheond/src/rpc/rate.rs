//! How often one address may ask: a bucket of requests each, filled steadily.

use super::limits::{BURST, CALLERS_MAX, REQUESTS_PER_S};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Thousandths of a request, in which buckets are counted.
const PARTS: u64 = 1_000;

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second.
    pub per_s: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_s: REQUESTS_PER_S, burst: BURST }
    }
}

/// What each address has left.
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    callers: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    parts: u64,
    at: Instant,
}

impl Buckets {
    /// Full buckets for everybody.
    pub fn new(rate: Rate) -> Self {
        Self { rate, callers: Mutex::default() }
    }

    /// Takes one request out of a caller's bucket; false where it is empty.
    pub fn take(&self, caller: IpAddr, now: Instant) -> bool {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_MAX && !callers.contains_key(&caller) {
            // A full bucket says nothing that a new one would not.
            callers.retain(|_, bucket| self.filled(*bucket, now).parts < self.full());
            if callers.len() >= CALLERS_MAX {
                return false;
            }
        }
        let before = callers.get(&caller).copied().unwrap_or(Bucket { parts: self.full(), at: now });
        let mut bucket = self.filled(before, now);
        let has = bucket.parts >= PARTS;
        bucket.parts -= if has { PARTS } else { 0 };
        callers.insert(caller, bucket);
        has
    }

    fn full(&self) -> u64 {
        u64::from(self.rate.burst) * PARTS
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let passed_ms = u64::try_from(now.saturating_duration_since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        // Parts are thousandths, so a millisecond brings as many as a second brings requests.
        let parts = bucket.parts.saturating_add(passed_ms.saturating_mul(u64::from(self.rate.per_s))).min(self.full());
        // What is less than a millisecond is kept for the next time.
        if passed_ms == 0 { bucket } else { Bucket { parts, at: now } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn a_burst_is_answered_and_then_as_much_as_flows_in() {
        let buckets = Buckets::new(Rate { per_s: 2, burst: 3 });
        let (one, other) = (IpAddr::from(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::from(Ipv4Addr::new(10, 0, 0, 2)));
        let start = Instant::now();
        let taken = |caller, ms: u64| buckets.take(caller, start + Duration::from_millis(ms));
        assert_eq!([0, 0, 0, 0].map(|ms| taken(one, ms)), [true, true, true, false]);
        assert!(taken(other, 0), "another address has a bucket of its own");
        assert_eq!([499, 500, 501, 1_000].map(|ms| taken(one, ms)), [false, true, false, true]);
        assert_eq!([60_000; 4].map(|ms| taken(one, ms)), [true, true, true, false], "no more than a burst is saved");
    }

    #[test]
    fn many_addresses_do_not_fill_the_memory() {
        let buckets = Buckets::new(Rate { per_s: 1, burst: 1 });
        let start = Instant::now();
        let caller = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        let most = u32::try_from(CALLERS_MAX).unwrap();
        assert!((0..most).all(|number| buckets.take(caller(number), start)));
        assert!(!buckets.take(caller(most), start), "all have used theirs up");
        assert!(buckets.take(caller(most), start + Duration::from_secs(1)), "those who have a burst again are forgotten");
    }
}
