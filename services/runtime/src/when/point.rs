//! One time as it was said: a day, a part of it, a clock time, or several of these that belong together.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, Zoned};

use super::clock::Clock;
use super::error::WhenError;
use super::vocabulary::{Part, Unit};

/// A time with what was said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) day: Option<Day>,
    pub(super) part: Option<Part>,
    pub(super) clock: Option<Clock>,
}

/// A day or a longer stretch of the calendar; what depends on another day (the end of a range, a week) is kept as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Day {
    On(Date),
    Weekday(Weekday, Which),
    /// `the 3rd`.
    Nth(i8),
    /// `3 nov`, without its year.
    Yearly {
        day: i8,
        month: i8,
    },
    /// `november`, without its year.
    Month(i8, Which),
    /// Whole days, the last one excluded.
    Block {
        from: Date,
        to: Date,
        unit: Unit,
    },
    /// `last 2 hours`: not bound to days.
    Window {
        from: Zoned,
        to: Zoned,
    },
    /// `now`, `2 hours ago`.
    Moment(Zoned),
}

/// Which of the days or months of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The most recent, the current one included.
    Recent,
    /// The most recent before the current one.
    Last,
    /// The one of this week or year.
    This,
}

/// Why two things that were said do not make one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clash {
    /// They have nothing to do with each other.
    Unrelated,
    /// They exclude each other.
    Disagree,
    /// The calendar ends.
    Calendar,
}

impl From<jiff::Error> for Clash {
    fn from(_: jiff::Error) -> Self {
        Self::Calendar
    }
}

impl Clash {
    /// The error about the words that clash.
    pub(super) fn about(self, words: String) -> WhenError {
        match self {
            Self::Unrelated => WhenError::NotUnderstood { words, meant: None },
            Self::Disagree => WhenError::Disagree { words },
            Self::Calendar => WhenError::OutsideCalendar,
        }
    }
}

impl Point {
    pub(super) fn of_day(day: Day) -> Self {
        Self { day: Some(day), ..Self::default() }
    }

    pub(super) fn of_clock(clock: Clock) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    /// One time out of two that were said apart: `yesterday` and `3pm`, `monday` and `last week`.
    pub(super) fn joined(self, other: Self, today: Date) -> Result<Self, Clash> {
        let day = match (self.day, other.day) {
            (Some(a), Some(b)) => Some(one_day(a, b, today)?),
            (a, b) => a.or(b),
        };
        if (self.part.is_some() && other.part.is_some()) || (self.clock.is_some() && other.clock.is_some()) {
            return Err(Clash::Unrelated);
        }
        let joined = Self { day, part: self.part.or(other.part), clock: self.clock.or(other.clock) };
        if (joined.part.is_some() || joined.clock.is_some()) && !joined.day.as_ref().is_none_or(Day::is_single) {
            return Err(Clash::Unrelated);
        }
        Ok(joined)
    }
}

impl Day {
    /// Whether it is one calendar day, which a part or a clock time can narrow.
    pub(super) fn is_single(&self) -> bool {
        matches!(self, Self::On(_) | Self::Weekday(..) | Self::Nth(_) | Self::Yearly { .. })
    }

    /// The first day and the day after the last, most recent on or before `anchor` where the words leave a choice.
    /// `None` for what is not bound to days.
    pub(super) fn dates(&self, anchor: Date, today: Date) -> Result<Option<(Date, Date)>, Clash> {
        let day = match *self {
            Self::Window { .. } | Self::Moment(_) => return Ok(None),
            Self::Block { from, to, .. } => return Ok(Some((from, to))),
            Self::Month(month, which) => return month_dates(month, which, anchor, today).map(Some),
            Self::On(day) => day,
            Self::Weekday(weekday, Which::Recent) => on_or_before(anchor, weekday)?,
            Self::Weekday(weekday, Which::Last) => on_or_before(today.yesterday()?, weekday)?,
            Self::Weekday(weekday, Which::This) => monday(today)?.checked_add(i64::from(weekday.to_monday_zero_offset()).days())?,
            Self::Nth(day) => latest(anchor, |back| anchor.first_of_month().checked_sub(back.months()).ok().map(|first| (first.year(), first.month(), day)))?,
            Self::Yearly { day, month } => latest(anchor, |back| i16::try_from(back).ok().map(|back| (anchor.year() - back, month, day)))?,
        };
        Ok(Some((day, day.tomorrow()?)))
    }
}

/// The Monday of the week of `day`: weeks begin there, as in ISO 8601.
pub(super) fn monday(day: Date) -> Result<Date, jiff::Error> {
    on_or_before(day, Weekday::Monday)
}

fn on_or_before(anchor: Date, weekday: Weekday) -> Result<Date, jiff::Error> {
    anchor.checked_sub(i64::from(anchor.weekday().since(weekday)).days())
}

/// The first of the candidates, which go back in time, that exists and is not after `anchor`. A 29th of February is at most eight years back.
fn latest(anchor: Date, candidate: impl Fn(i64) -> Option<(i16, i8, i8)>) -> Result<Date, Clash> {
    (0..=12).find_map(|back| candidate(back).and_then(|(year, month, day)| Date::new(year, month, day).ok()).filter(|day| *day <= anchor)).ok_or(Clash::Unrelated)
}

fn month_dates(month: i8, which: Which, anchor: Date, today: Date) -> Result<(Date, Date), Clash> {
    let of_year = |year| Date::new(year, month, 1);
    let first = match which {
        Which::This => of_year(today.year())?,
        Which::Recent if month <= anchor.month() => of_year(anchor.year())?,
        Which::Last if month < today.month() => of_year(today.year())?,
        Which::Recent => of_year(anchor.year() - 1)?,
        Which::Last => of_year(today.year() - 1)?,
    };
    Ok((first, first.checked_add(1.month())?))
}

/// The one day (or month) that two of them name together: `monday` of `last week`, `friday` `the 20th`.
fn one_day(a: Day, b: Day, today: Date) -> Result<Day, Clash> {
    match (a, b) {
        (inner, Day::Block { from, to, unit }) | (Day::Block { from, to, unit }, inner) => inside(&inner, from, to, unit, today),
        (Day::Weekday(weekday, Which::Recent), day) | (day, Day::Weekday(weekday, Which::Recent)) if day.is_single() && !matches!(day, Day::Weekday(..)) => {
            let (date, _) = day.dates(today, today)?.ok_or(Clash::Unrelated)?;
            if date.weekday() == weekday { Ok(Day::On(date)) } else { Err(Clash::Disagree) }
        }
        _ => Err(Clash::Unrelated),
    }
}

/// The day or month of a name inside a week, month or year.
fn inside(inner: &Day, from: Date, to: Date, unit: Unit, today: Date) -> Result<Day, Clash> {
    let last = to.yesterday()?;
    let fits = match inner {
        Day::Weekday(_, Which::Recent) => matches!(unit, Unit::Week | Unit::Weekend),
        Day::Nth(_) => unit == Unit::Month,
        Day::Yearly { .. } | Day::Month(_, Which::Recent) => unit == Unit::Year,
        _ => false,
    };
    if !fits {
        return Err(Clash::Unrelated);
    }
    let (first, after) = inner.dates(last, today)?.ok_or(Clash::Unrelated)?;
    match inner {
        _ if first < from || after > to => Err(Clash::Disagree),
        Day::Month(..) => Ok(Day::Block { from: first, to: after, unit: Unit::Month }),
        _ => Ok(Day::On(first)),
    }
}
