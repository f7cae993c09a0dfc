//! How long: a number and a unit, or for ever.

use std::fmt;

/// Units as people write them, the longest first; seconds. Weeks and years are read and written as days.
const UNITS: [(char, u64); 6] = [('y', 365 * 86_400), ('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
const WRITTEN: &str = "dhms";
/// A thousand years.
const SECONDS_MAX: u64 = 365_000 * 86_400;

/// How long a value is kept after the time that its record claims; shorter is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// For so many seconds.
    Seconds(u64),
    /// Until somebody erases it.
    Forever,
}

impl Keep {
    /// Reads `forever`, `30d`, `12h`, `90m`, `45s`, `2w`, `1y`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "forever" {
            return Some(Self::Forever);
        }
        let unit = text.chars().last()?;
        let number = text.strip_suffix(unit)?;
        let (_, unit_seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(*unit_seconds)?;
        (seconds <= SECONDS_MAX).then_some(Self::Seconds(seconds))
    }

    /// Is a value of that time no longer to be kept at `now_ms`?
    pub fn is_over(self, wall_ms: u64, now_ms: u64) -> bool {
        match self {
            Self::Forever => false,
            Self::Seconds(seconds) => wall_ms.saturating_add(seconds * 1_000) <= now_ms,
        }
    }
}

impl fmt::Display for Keep {
    /// In the longest unit, up to days, that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Seconds(seconds) = *self else { return f.write_str("forever") };
        let whole = UNITS.iter().filter(|(name, _)| WRITTEN.contains(*name)).find(|(_, unit)| seconds % unit == 0 && seconds >= *unit);
        match whole {
            Some((name, unit)) => write!(f, "{}{name}", seconds / unit),
            None => write!(f, "{seconds}s"),
        }
    }
}
