//! Where a point lies in time: the instants between which its words hold.

use jiff::civil::Date;
use jiff::{SignedDuration, Zoned};

use super::point::{Clash, Day, Point};
use super::vocabulary::Part;
use super::words::Precision;

/// Where a point lies in time.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) from: Zoned,
    pub(super) to: Zoned,
    /// For a clock time, the day (or night) that it belongs to.
    pub(super) frame: Option<(Zoned, Zoned)>,
    /// Whether it has no length of its own: `2 hours ago`.
    pub(super) is_moment: bool,
}

impl Point {
    /// Where the point lies; the most recent on or before `anchor` where the words leave a choice. `ends` says that it ends a range.
    pub(super) fn extent(&self, now: &Zoned, anchor: Date, ends: bool) -> Result<Extent, Clash> {
        let today = now.date();
        let plain = |from: Zoned, to: Zoned| Extent { from, to, frame: None, is_moment: false };
        match &self.day {
            Some(Day::Moment(at)) => return Ok(Extent { is_moment: true, ..plain(at.clone(), at.clone()) }),
            Some(Day::Window { from, to }) => return Ok(plain(from.clone(), to.clone())),
            _ => {}
        }
        let at = |date: Date, seconds: i64| date.at(0, 0, 0, 0).checked_add(SignedDuration::from_secs(seconds)).and_then(|at| at.to_zoned(now.time_zone().clone()));
        let (first, after) = match &self.day {
            Some(day) => day.dates(anchor, today)?.ok_or(Clash::Unrelated)?,
            None if self.part == Some(Part::Night) && now.hour() < 6 => (today.yesterday()?, today),
            None => (today, today.tomorrow()?),
        };
        let Some(clock) = self.clock else {
            let (from, to) = match self.part {
                None => return Ok(plain(at(first, 0)?, at(after, 0)?)),
                Some(Part::Morning) => (0, 12),
                Some(Part::Afternoon) => (12, 18),
                Some(Part::Evening) => (18, 24),
                Some(Part::Night) => (18, 30),
            };
            return Ok(plain(at(first, from * 3600)?, at(first, to * 3600)?));
        };
        let seconds = clock.seconds(self.part, ends).ok_or(Clash::Disagree)?;
        let from = at(first, seconds)?;
        let length = match clock.precision {
            Precision::Hour => 3600,
            Precision::Minute => 60,
            Precision::Second => 1,
        };
        // A night is a frame of its own; any other part only says which half of the day is meant.
        let frame = if self.part == Some(Part::Night) { (at(first, 18 * 3600)?, at(first, 30 * 3600)?) } else { (at(first, 0)?, at(after, 0)?) };
        Ok(Extent { to: at(first, seconds + length)?, from, frame: Some(frame), is_moment: false })
    }
}
