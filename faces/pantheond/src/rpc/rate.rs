//! How often one address may ask: a bucket of requests each, filled steadily. Of IPv6 a whole /64 is one address.

use super::limits::{BURST, CALLERS_MAX, REQUESTS_PER_S};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// Under which address a caller is counted: of IPv6 the first of its /64, because whoever has one address there has all of them.
pub fn counted_as(caller: IpAddr) -> IpAddr {
    match caller.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        IpAddr::V4(address) => address.into(),
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
        // What is less than a millisecond is kept for the next time, but where there is no room for it.
        let at = if parts == self.full() { now.max(bucket.at) } else { bucket.at + Duration::from_millis(passed_ms) };
        Bucket { parts, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

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

    /// Every 1.9 ms: of each of these a whole millisecond flows in, and the rest must not be lost.
    #[test]
    fn who_asks_between_two_milliseconds_gets_the_whole_rate() {
        let buckets = Buckets::new(Rate { per_s: 200, burst: 10 });
        let (caller, start) = (IpAddr::from(Ipv4Addr::LOCALHOST), Instant::now());
        let at = |number: u64| start + Duration::from_micros(1_900 * number);
        let taken = (0..1_000).filter(|number| buckets.take(caller, at(*number))).count();
        // The burst, and 200 a second for 1,898 ms.
        assert_eq!(taken, 389);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let of = |text: &str| counted_as(text.parse().unwrap()).to_string();
        assert_eq!([of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1")], ["2001:db8:1:2::", "2001:db8:1:2::"]);
        assert_eq!([of("2001:db8:1:3::1"), of("::1"), of("::ffff:10.0.0.1"), of("10.0.0.1")], ["2001:db8:1:3::", "::", "10.0.0.1", "10.0.0.1"]);
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
