//! A rate limit that makes callers wait, so that a log under load slows down and does not fail.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many a second, with room for one second's worth at once.
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// How long a caller that comes at `now` has to wait for its turn.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let burst_begin = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let turn = (*next).max(burst_begin);
        *next = turn + self.interval;
        turn.saturating_duration_since(now)
    }
}
