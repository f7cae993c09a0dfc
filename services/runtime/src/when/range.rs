//! The stretch of time that a phrase stands for, and how it is shown to the operator.

use std::fmt;

use jiff::{Timestamp, Zoned};

/// A half-open stretch of time: from `from` (included) to `to` (excluded); an absent end is open.
///
/// What [`resolve`](super::resolve) returns always has at least one end, and `from < to` where it has both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant inside; none means since ever.
    pub from: Option<Zoned>,
    /// The first instant after; none means without end.
    pub to: Option<Zoned>,
}

impl TimeRange {
    /// Where it begins, in milliseconds since 1970-01-01 UTC; `None` if it has no beginning, or one before that.
    #[must_use]
    pub fn start_ms(&self) -> Option<u64> {
        self.from.as_ref().and_then(|from| u64::try_from(from.timestamp().as_millisecond()).ok())
    }

    /// Whether the instant `ms`, in milliseconds since 1970-01-01 UTC, lies in the range.
    #[must_use]
    pub fn contains_ms(&self, ms: u64) -> bool {
        // A number of milliseconds beyond the calendar (year 9999) is after every end that a phrase can name.
        let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX);
        self.from.as_ref().is_none_or(|from| from.timestamp() <= at) && self.to.as_ref().is_none_or(|to| at < to.timestamp())
    }
}

impl fmt::Display for TimeRange {
    /// Local time with its offset: `2026-11-22 15:00 to 2026-11-23 00:00 +01:00`, `since …`, `before …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from.offset() == to.offset() => write!(f, "{} to {} {}", Clockface(from), Clockface(to), from.strftime("%:z")),
            (Some(from), Some(to)) => write!(f, "{} to {}", Instant(from), Instant(to)),
            (Some(from), None) => write!(f, "since {}", Instant(from)),
            (None, Some(to)) => write!(f, "before {}", Instant(to)),
            (None, None) => f.write_str("all time"),
        }
    }
}

/// Shows a moment as `2026-11-22 15:00 +01:00`.
pub(super) struct Instant<'a>(pub(super) &'a Zoned);

impl fmt::Display for Instant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Clockface(self.0), self.0.strftime("%:z"))
    }
}

/// Shows a moment without its offset, and its seconds only where there are some.
struct Clockface<'a>(&'a Zoned);

impl fmt::Display for Clockface<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
        write!(f, "{}", self.0.strftime(format))
    }
}
