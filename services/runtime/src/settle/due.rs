//! Is it time to settle? What the log says of it is looked at without being read: numbers that whoever writes it knows anyway.

use super::config::{Cadence, OWN_RECORDS, Settling, settling_of};
use crate::acts::{action, fact, now_ms};
use crate::error::Result;
use crate::in_force::{decoded, entry};
use crate::system::System;
use mickai_proof::record::{OutcomeCode, Record};
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
    /// Whether its outcome is `executed`, or says why the chain never settles this history: asking again by itself would only add records, until there are as many as the chain knows of another. What it
    /// was to settle waits otherwise.
    is_over: bool,
}

impl Look {
    /// The log in hand.
    pub(crate) fn at(log: &LogWriter) -> Self {
        Self { set: log.newest(action::SETTLE_SET), last: log.newest(action::SETTLE), size: log.size() }
    }
}

impl Terms {
    /// Reads the two intents, and what became of the second, unless `known` is of them.
    ///
    /// # Errors
    /// A log that is damaged.
    pub(crate) fn of(system: &System, look: Look, known: Option<Self>) -> Result<Self> {
        let of = (look.set, look.last);
        if let Some(known) = known.filter(|known| known.of == of) {
            return Ok(known);
        }
        let mut terms = Self { of, settling: Settling::default(), last_ms: 0, is_over: false };
        if look.set.is_some() {
            let reader = system.reader()?;
            terms.settling = settling_of(&reader, look.set)?;
            if let Some(last) = look.last {
                let intent = entry(&reader, last)?;
                terms.last_ms = decoded(&intent)?.wall_ms;
                let outcome = system.outcome_behind(&reader, &intent)?;
                let outcome = outcome.as_ref().map(decoded).transpose()?;
                let is_executed = |outcome: &Record<'_>| matches!(outcome.closes, Some((_, OutcomeCode::Executed)));
                terms.is_over = outcome.is_some_and(|outcome| is_executed(&outcome) || outcome.fact(fact::REASON).is_some());
            }
        }
        Ok(terms)
    }

    /// The settings in force.
    pub(crate) fn settling(&self) -> &Settling {
        &self.settling
    }

    /// How long until it is time, should nothing more be recorded; `None` where only another record makes it so. Where the last time settled nothing, it is asked again at the next.
    pub(crate) fn due_in(&self, look: Look) -> Option<Duration> {
        let Cadence { records, minutes } = self.settling.every;
        let Some(last) = look.last else { return (self.settling.every != Cadence::default()).then_some(Duration::ZERO) };
        let since = look.size.saturating_sub(last);
        if records.is_some_and(|records| since >= records.max(OWN_RECORDS + 1)) {
            return Some(Duration::ZERO);
        }
        let due_ms = self.last_ms.saturating_add(minutes.filter(|_| !self.is_over || since > OWN_RECORDS)?.saturating_mul(60_000));
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
    use crate::policy::authority;
    use crate::settle::SettleChange;
    use mickai_proof::digest::Id;
    use mickai_proof::record::{ActorClass, Fact, Kind};
    use mickai_store::{Custody, Draft};

    const MINUTE_MS: u64 = 60_000;

    /// How long after a settlement of so many milliseconds ago, with so many records since, its own two among them.
    fn due_in(every: (Option<u64>, Option<u64>), passed_ms: u64, since: u64) -> Option<Duration> {
        let look = Look { set: Some(1), last: Some(10), size: 10 + since };
        let every = Cadence { records: every.0, minutes: every.1 };
        terms(every, passed_ms, true).due_in(look)
    }

    fn terms(every: Cadence, passed_ms: u64, is_over: bool) -> Terms {
        Terms { of: (Some(1), Some(10)), settling: Settling { every, ..Settling::default() }, last_ms: now_ms() - passed_ms, is_over }
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
            assert_eq!(Terms { of: (Some(1), None), settling, last_ms: 0, is_over: false }.due_in(look), due);
        }
    }

    #[test]
    fn what_was_not_settled_is_due_at_the_next_minute_without_another_record() {
        let (look, every) = (Look { set: Some(1), last: Some(10), size: 12 }, Cadence { records: Some(8), minutes: Some(5) });
        assert_eq!(terms(every, 5 * MINUTE_MS, true).due_in(look), None);
        assert_eq!(terms(every, 5 * MINUTE_MS, false).due_in(look), Some(Duration::ZERO));
        assert!(terms(every, 0, false).due_in(look).is_some_and(|left| left > Duration::from_secs(240)), "not before");
        assert_eq!(terms(Cadence { minutes: None, ..every }, 5 * MINUTE_MS, false).due_in(look), None, "by records alone it takes as many again");
    }

    #[test]
    fn nothing_but_executed_or_never_says_that_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
        let every = Some(Cadence { records: None, minutes: Some(5) });
        system.set_settling(SettleChange { place: None, every }).unwrap();
        let never = vec![(fact::REASON.to_owned(), Fact::Text("ahead".into()))];
        for (code, facts, is_over) in [
            (None, Vec::new(), false),
            (Some(OutcomeCode::Unknown), Vec::new(), false),
            (Some(OutcomeCode::Failed), Vec::new(), false),
            (Some(OutcomeCode::Failed), never, true),
            (Some(OutcomeCode::Executed), Vec::new(), true),
        ] {
            let mut log = system.writer().unwrap();
            let permit = log.append_intent(Draft::new(Kind::Intent, (ActorClass::System, Id::ZERO), authority(), action::SETTLE), &[]).unwrap();
            let act = log.begin(permit).unwrap();
            match code {
                None => drop(act),
                Some(code) => drop(log.close(act, code, facts, &[]).unwrap()),
            }
            let terms = Terms::of(&system, Look::at(&log), None).unwrap();
            assert_eq!(terms.is_over, is_over, "{code:?}");
        }
    }
}
