//! The three clocks of a record: the operator's wall clock, the boot, and the time since it.

use crate::error::Error;
use mickai_proof::digest::Id;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Where a writer reads the time; tests bring their own.
pub trait Clock: Send {
    /// Milliseconds since 1970-01-01T00:00:00Z: the operator's claim, it may jump.
    fn wall_ms(&self) -> u64;
    /// Which boot of the machine (spec/record.md "Digests": boot id).
    fn boot_id(&self) -> Id;
    /// Nanoseconds within that boot, never going back.
    fn monotonic_ns(&self) -> u64;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    boot_id: Id,
}

impl SystemClock {
    /// Reads the boot id once.
    ///
    /// # Errors
    /// [`Error::Io`] where the system has none.
    pub fn new() -> Result<Self, Error> {
        let text = std::fs::read_to_string(BOOT_ID).map_err(Error::io("read", Path::new(BOOT_ID)))?;
        Ok(Self { boot_id: Id::of_boot(text.trim_end()) })
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        wall_ms()
    }

    fn boot_id(&self) -> Id {
        self.boot_id
    }

    fn monotonic_ns(&self) -> u64 {
        let time = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// The wall clock; a time before 1970 counts as 1970.
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
