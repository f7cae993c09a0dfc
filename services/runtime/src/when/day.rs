//! Days as people name them: `yesterday`, `monday`, `the 3rd of november`, `20.11.2026`; and whole points made of them.

use jiff::civil::Date;
use jiff::{ToSpan, Zoned};

use super::clock::{Clock, Style, clock};
use super::error::{Reading, WhenError};
use super::point::{Clash, Day, Point, Which};
use super::reader::Reader;
use super::span::{ago, block, relative, tonight, unit_of_calendar, week_of, year_number};
use super::vocabulary::{Part, Unit, part, unit};
use super::words::Shape;

/// Reads one point: a day, a part of a day and a clock time in any order, with the words that join them.
pub(super) fn point(reader: &mut Reader<'_>, now: &Zoned, in_range: bool) -> Result<Option<Point>, WhenError> {
    let start = *reader;
    let mut found: Option<Point> = None;
    loop {
        let before = *reader;
        reader.skip_joints();
        let piece_start = *reader;
        let Some(piece) = piece(reader, now, in_range)? else {
            *reader = before;
            break;
        };
        found = Some(match found {
            None => piece,
            Some(so_far) => match so_far.clone().joined(piece, now.date()) {
                Ok(joined) => joined,
                Err(clash) => return Err(clash.about(reader.text_since(if clash == Clash::Disagree { &start } else { &piece_start }))),
            },
        });
    }
    if found.is_none() {
        *reader = start;
    }
    Ok(found)
}

fn piece(reader: &mut Reader<'_>, now: &Zoned, in_range: bool) -> Result<Option<Point>, WhenError> {
    let before = *reader;
    if let Some(point) = stamped(reader, now) {
        return Ok(Some(point));
    }
    if let Some(day) = ago(reader, now)? {
        return Ok(Some(Point::of_day(day)));
    }
    for read in [relative, named] {
        if let Some(point) = read(reader, now)? {
            return Ok(Some(point));
        }
        *reader = before;
    }
    if let Some(day) = dated(reader, now)? {
        return Ok(Some(Point::of_day(day)));
    }
    *reader = before;
    if let Some(day) = unit_of_calendar(reader, now.date())? {
        return Ok(Some(Point::of_day(day)));
    }
    *reader = before;
    if let Some(part) = reader.take_as(part) {
        return Ok(Some(Point { part: Some(part), ..Point::default() }));
    }
    Ok(clock(reader, in_range)?.map(Point::of_clock))
}

/// `2026-11-20T14:05`, with or without an offset.
fn stamped(reader: &mut Reader<'_>, now: &Zoned) -> Option<Point> {
    let (at, precision) = match reader.peek()?.shape {
        Shape::Stamp(at, precision) => (at, precision),
        Shape::Absolute(at, precision) => (at.to_zoned(now.time_zone().clone()).datetime(), precision),
        _ => return None,
    };
    reader.next();
    let clock = Clock { second: at.second(), ..Clock::new(at.hour(), at.minute(), Style::Full, precision) };
    Some(Point { day: Some(Day::On(at.date())), part: None, clock: Some(clock) })
}

/// Days with a name of their own.
fn named(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Point>, WhenError> {
    let today = now.date();
    let day = if reader.take_all("day before yesterday") {
        today.checked_sub(2.days())?
    } else if reader.take(&["yesterday", "yday"]) {
        today.yesterday()?
    } else if reader.take(&["today"]) {
        today
    } else if reader.take(&["tomorrow"]) {
        today.tomorrow()?
    } else if reader.take(&["tonight"]) {
        return Ok(Some(tonight(now)?));
    } else if reader.take(&["overnight"]) {
        return Ok(Some(Point { day: Some(Day::On(today.yesterday()?)), part: Some(Part::Night), clock: None }));
    } else if reader.take(&["now"]) {
        return Ok(Some(Point::of_day(Day::Moment(now.clone()))));
    } else if let Some(weekday) = reader.weekday() {
        return Ok(Some(Point::of_day(Day::Weekday(weekday, Which::Recent))));
    } else {
        return Ok(None);
    };
    Ok(Some(Point::of_day(Day::On(day))))
}

/// Days and months by number or by name of the month.
fn dated(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Day>, WhenError> {
    let before = *reader;
    if let Some(token) = reader.next() {
        match token.shape {
            Shape::Date(date) => return Ok(Some(Day::On(date))),
            Shape::Month { year, month } => return Ok(Some(block(Date::new(year, month, 1)?, Unit::Month)?)),
            Shape::DayMonth { day, month } => return Ok(Some(Day::Yearly { day, month })),
            Shape::Slashed { first, second, year } => return slashed(first, second, year, &token.text, now),
            _ => *reader = before,
        }
    }
    if reader.take_all("week of") {
        reader.take(&["the"]);
        let today = now.date();
        return match dated(reader, now)?.and_then(|day| day.dates(today, today).ok().flatten()) {
            Some((day, _)) => Ok(Some(week_of(day)?)),
            None => Ok(None),
        };
    }
    if let Some(month) = reader.month() {
        return Ok(Some(after_month(reader, month)?));
    }
    let Some(first) = day_number(reader) else { return Ok(None) };
    let ordinal = first.1;
    let mut ahead = *reader;
    // `3-5 nov`, `3 to 5 nov`
    if !ordinal && (ahead.take_shape(&Shape::Dash) || ahead.take(&["to", "until", "till", "through", "thru"])) {
        let last = day_number(&mut ahead).filter(|_| {
            ahead.take(&["of"]);
            true
        });
        if let Some(((last, _), month)) = last.zip(ahead.month()) {
            *reader = ahead;
            return days_of(first.0, last, month, reader, now);
        }
    }
    ahead = *reader;
    ahead.take(&["of"]);
    ahead.skip_pauses();
    match ahead.month() {
        Some(month) => {
            *reader = ahead;
            Ok(with_year(reader, first.0, month))
        }
        None => Ok(ordinal.then_some(Day::Nth(first.0))),
    }
}

/// A day of the month, and whether it was written as an ordinal.
fn day_number(reader: &mut Reader<'_>) -> Option<(i8, bool)> {
    let day = reader.digits().and_then(|(value, _)| i8::try_from(value).ok()).filter(|day| (1..=31).contains(day))?;
    let ordinal = reader.peek().is_some_and(|next| next.glued && matches!(next.text.as_str(), "st" | "nd" | "rd" | "th"));
    if ordinal {
        reader.next();
    }
    Some((day, ordinal))
}

/// What follows the name of a month: a day, a year, both or nothing.
fn after_month(reader: &mut Reader<'_>, month: i8) -> Result<Day, WhenError> {
    let before = *reader;
    reader.skip_pauses();
    if let Some(year) = year_number(reader) {
        return block(Date::new(year, month, 1)?, Unit::Month);
    }
    reader.take(&["the"]);
    if let Some((day, ordinal)) = day_number(reader) {
        // `nov 3pm` and `nov 3 hours` name no day.
        let other = !ordinal
            && reader.peek().is_some_and(|next| matches!(next.text.as_str(), "am" | "pm" | "oclock") || unit(&next.text).is_some() || (next.glued && next.shape == Shape::Word));
        if let Some(day) = with_year(reader, day, month).filter(|_| !other) {
            return Ok(day);
        }
    }
    *reader = before;
    Ok(Day::Month(month, Which::Recent))
}

/// The day, of a year where one follows. `None` for a day that no year has.
fn with_year(reader: &mut Reader<'_>, day: i8, month: i8) -> Option<Day> {
    let before = *reader;
    reader.skip_pauses();
    if let Some(year) = year_number(reader) {
        return Date::new(year, month, day).ok().map(Day::On);
    }
    *reader = before;
    Date::new(2024, month, day).ok().map(|_| Day::Yearly { day, month })
}

/// `3-5 nov`: the last day decides the year.
fn days_of(first: i8, last: i8, month: i8, reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Day>, WhenError> {
    let Some(Ok(Some((_, to)))) = with_year(reader, last, month).map(|day| day.dates(now.date(), now.date())) else { return Ok(None) };
    let Ok(from) = Date::new(to.yesterday()?.year(), month, first) else { return Ok(None) };
    if from >= to {
        let zoned = |day: Date| day.to_zoned(now.time_zone().clone());
        return Err(WhenError::Backwards { from: zoned(from)?, to: zoned(to)? });
    }
    Ok(Some(Day::Block { from, to, unit: Unit::Day }))
}

/// Two numbers with a slash: a date only where no more than one order of day and month is possible.
fn slashed(first: i8, second: i8, year: Option<i16>, words: &str, now: &Zoned) -> Result<Option<Day>, WhenError> {
    let read = |day: i8, month: i8| match year {
        Some(year) => Date::new(year, month, day).ok().map(Day::On),
        None => Date::new(2024, month, day).ok().map(|_| Day::Yearly { day, month }),
    };
    match (read(first, second), read(second, first)) {
        (Some(a), Some(b)) if a != b => {
            let today = now.date();
            let date = |day: Day| day.dates(today, today).map_err(|clash| clash.about(words.to_owned()));
            match (date(a)?, date(b)?) {
                (Some((a, _)), Some((b, _))) => Err(WhenError::Ambiguous { words: words.to_owned(), readings: [Reading::Day(a), Reading::Day(b)] }),
                _ => Ok(None),
            }
        }
        (a, b) => Ok(a.or(b)),
    }
}
