//! Is it time to settle? What the log says of it is looked at without being read: numbers that whoever writes it knows anyway.

use super::config::{Cadence, OWN_RECORDS, Settling, settling_of};
use crate::acts::{action, now_ms};
use crate::error::Result;
use crate::in_force::{decoded, entry};
use crate::system::System;
use mickai_store::LogWriter;
use std::time::Duration;

/// Where the log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// The newest intent about when to settle.
    set: Option<u64>,
    /// The newest intent to settle.
    last: Option<u64>,
    /// Records.
    size: u64,
}

/// What was decided, and when it was settled last: the same for every look at the same two intents.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    of: (Option<u64>, Option<u64>),
    settling: Settling,
    /// The clock at the newest intent to settle, ms since 1970.
    last_ms: u64,
}

impl Look {
    /// The log in hand.
    pub(crate) fn at(log: &LogWriter) -> Self {
        Self { set: log.newest(action::SETTLE_SET), last: log.newest(action::SETTLE), size: log.size() }
    }
}

impl Terms {
    /// Reads the two intents, unless `known` is of them.
    ///
    /// # Errors
    /// A log that is damaged.
    pub(crate) fn of(system: &System, look: Look, known: Option<Self>) -> Result<Self> {
        let of = (look.set, look.last);
        if let Some(known) = known.filter(|known| known.of == of) {
            return Ok(known);
        }
        let mut terms = Self { of, settling: Settling::default(), last_ms: 0 };
        if look.set.is_some() {
            let reader = system.reader()?;
            terms.settling = settling_of(&reader, look.set)?;
            if let Some(last) = look.last {
                terms.last_ms = decoded(&entry(&reader, last)?)?.wall_ms;
            }
        }
        Ok(terms)
    }

    /// The settings in force.
    pub(crate) fn settling(&self) -> &Settling {
        &self.settling
    }

    /// How long until it is time, should nothing more be recorded; `None` where only another record makes it so. Whatever became of the last time: where the chain was away, it is asked again at the next.
    pub(crate) fn due_in(&self, look: Look) -> Option<Duration> {
        let Cadence { records, minutes } = self.settling.every;
        let Some(last) = look.last else { return (self.settling.every != Cadence::default()).then_some(Duration::ZERO) };
        let since = look.size.saturating_sub(last);
        if records.is_some_and(|records| since >= records.max(OWN_RECORDS + 1)) {
            return Some(Duration::ZERO);
        }
        let due_ms = self.last_ms.saturating_add(minutes.filter(|_| since > OWN_RECORDS)?.saturating_mul(60_000));
        Some(Duration::from_millis(due_ms.saturating_sub(now_ms())))
    }
}

impl System {
    /// Is it time to settle, as the log in hand says?
    pub(crate) fn settle_is_due(&self, log: &LogWriter) -> Result<bool> {
        let look = Look::at(log);
        Ok(Terms::of(self, look, None)?.due_in(look) == Some(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    /// How long after a settlement of so many milliseconds ago, with so many records since, its own two among them.
    fn due_in(every: (Option<u64>, Option<u64>), passed_ms: u64, since: u64) -> Option<Duration> {
        let look = Look { set: Some(1), last: Some(10), size: 10 + since };
        let every = Cadence { records: every.0, minutes: every.1 };
        Terms { of: (Some(1), Some(10)), settling: Settling { every, ..Settling::default() }, last_ms: now_ms() - passed_ms }.due_in(look)
    }

    #[test]
    fn it_is_due_by_records_or_by_minutes_and_not_for_its_own_records() {
        assert_eq!(due_in((None, None), 99 * MINUTE_MS, 99), None);
        for (since, due) in [(2, None), (7, None), (8, Some(Duration::ZERO)), (9, Some(Duration::ZERO))] {
            assert_eq!(due_in((Some(8), None), 99 * MINUTE_MS, since), due, "{since}");
        }
        assert_eq!(due_in((None, Some(5)), 99 * MINUTE_MS, 2), None, "nothing else was recorded");
        assert_eq!(due_in((None, Some(5)), 5 * MINUTE_MS, 3), Some(Duration::ZERO));
        // The test itself takes some of the minute that is left.
        let left = due_in((None, Some(5)), 4 * MINUTE_MS, 3).unwrap();
        assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(30), "{left:?}");
        assert_eq!(due_in((Some(3), Some(5)), 0, 3), Some(Duration::ZERO), "whichever comes first");
    }

    #[test]
    fn what_never_was_settled_is_due_as_soon_as_there_is_a_cadence() {
        let look = Look { set: Some(1), last: None, size: 3 };
        for (records, due) in [(None, None), (Some(100), Some(Duration::ZERO))] {
            let settling = Settling { every: Cadence { records, minutes: None }, ..Settling::default() };
            assert_eq!(Terms { of: (Some(1), None), settling, last_ms: 0 }.due_in(look), due);
        }
    }
}
