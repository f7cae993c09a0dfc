//! Stretches counted back from now (`last 2 hours`, `3 days ago`) and the units of the calendar (`this week`, `last month`).

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{SignedDuration, Span, ToSpan, Zoned};

use super::error::WhenError;
use super::point::{Day, Point, Which, monday};
use super::reader::Reader;
use super::vocabulary::{Part, Unit, part};
use super::words::{Shape, year};

/// An amount of time. Months and days follow the calendar, so that a day across a clock change is not 24 hours.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    months: i64,
    days: i64,
    seconds: i64,
}

impl Amount {
    fn of(count: u32, unit: Unit) -> Option<Self> {
        let count = i64::from(count);
        Some(match unit {
            Unit::Second => Self { seconds: count, ..Self::default() },
            Unit::Minute => Self { seconds: count * 60, ..Self::default() },
            Unit::Hour => Self { seconds: count * 3600, ..Self::default() },
            Unit::Day => Self { days: count, ..Self::default() },
            Unit::Week => Self { days: count * 7, ..Self::default() },
            Unit::Fortnight => Self { days: count * 14, ..Self::default() },
            Unit::Month => Self { months: count, ..Self::default() },
            Unit::Year => Self { months: count * 12, ..Self::default() },
            Unit::Weekend | Unit::Quarter => return None,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self { months: self.months + other.months, days: self.days + other.days, seconds: self.seconds + other.seconds }
    }

    fn before(self, now: &Zoned) -> Result<Zoned, WhenError> {
        let span = Span::new().try_months(self.months)?.try_days(self.days)?;
        Ok(now.checked_sub(span)?.checked_sub(SignedDuration::from_secs(self.seconds))?)
    }
}

/// `2 hours`, `90m`, `an hour and a half`, `half an hour`, `a couple of days`, `1h30`.
fn amount(reader: &mut Reader<'_>) -> Option<Amount> {
    let mut total = term(reader)?;
    loop {
        let before = *reader;
        reader.take(&["and"]);
        // `an hour and a half` is read by its first term; a second one is counted: `1h 30m`.
        match reader.number().zip(reader.unit()).and_then(|(count, unit)| Amount::of(count, unit)) {
            Some(more) => total = total.plus(more),
            None => {
                *reader = before;
                return Some(total);
            }
        }
    }
}

fn term(reader: &mut Reader<'_>) -> Option<Amount> {
    let before = *reader;
    if let Some(Shape::Time { time, .. }) = reader.peek().filter(|token| token.text.contains('h')).map(|token| &token.shape) {
        reader.next();
        return Some(Amount { seconds: (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60, ..Amount::default() });
    }
    reader.take(&["a", "an"]);
    if reader.take(&["half"]) {
        reader.take(&["a", "an"]);
        return match reader.unit() {
            Some(Unit::Hour) => Amount::of(30, Unit::Minute),
            Some(Unit::Day) => Amount::of(12, Unit::Hour),
            _ => None,
        };
    }
    if reader.take(&["couple"]) {
        reader.take(&["of"]);
        return Amount::of(2, reader.unit()?);
    }
    *reader = before;
    let count = reader.number().or_else(|| reader.take(&["a", "an"]).then_some(1)).or_else(|| (before.word() == Some("hour")).then_some(1))?;
    let half = reader.take_all("and a half");
    let unit = reader.unit()?;
    let whole = Amount::of(count, unit)?;
    if (half || reader.take_all("and a half")) && unit == Unit::Hour { Some(whole.plus(Amount::of(30, Unit::Minute)?)) } else { (!half).then_some(whole) }
}

/// `2 hours ago` is a moment, `2 days ago` a day.
pub(super) fn ago(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Day>, WhenError> {
    let before = *reader;
    match amount(reader).filter(|_| reader.take(&["ago"])) {
        Some(amount) if amount.seconds == 0 => Ok(Some(Day::On(amount.before(now)?.date()))),
        Some(amount) => Ok(Some(Day::Moment(amount.before(now)?))),
        None => {
            *reader = before;
            Ok(None)
        }
    }
}

/// What `last`, `past`, `previous` and `this` make of the words after them.
pub(super) fn relative(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Point>, WhenError> {
    let before = *reader;
    let found = if reader.take_all("this past") || reader.take(&["past"]) {
        last(reader, now, true)?
    } else if reader.take(&["last", "previous"]) {
        last(reader, now, false)?
    } else if reader.take(&["this"]) {
        this(reader, now)?
    } else if reader.take_all("all of") || reader.take(&["all", "whole", "entire"]) {
        // `all of last week` is last week, `all week` is this week.
        reader.take_all("of the");
        let ahead = *reader;
        let named = relative(reader, now)?;
        if named.is_none() {
            *reader = ahead;
        }
        match named {
            Some(point) => Some(point),
            None => reader.unit().map(|unit| current(unit, now.date())).transpose()?.flatten().map(Point::of_day),
        }
    } else {
        None
    };
    if found.is_none() {
        *reader = before;
    } else if !reader.take_all("so far") {
        reader.take_all("to date");
    }
    Ok(found)
}

fn last(reader: &mut Reader<'_>, now: &Zoned, rolling: bool) -> Result<Option<Point>, WhenError> {
    let today = now.date();
    if let Some(part) = reader.take_as(part) {
        return Ok(Some(Point { day: Some(Day::On(today.yesterday()?)), part: Some(part), clock: None }));
    }
    if let Some(weekday) = reader.weekday() {
        return Ok(Some(Point::of_day(Day::Weekday(weekday, Which::Last))));
    }
    if let Some(month) = reader.month() {
        return Ok(Some(Point::of_day(Day::Month(month, Which::Last))));
    }
    let before = *reader;
    if let Some(amount) = amount(reader).filter(|_| !matches!(reader.word(), Some("ago"))) {
        return Ok(Some(Point::of_day(Day::Window { from: amount.before(now)?, to: now.clone() })));
    }
    *reader = before;
    let Some(unit) = reader.unit() else { return Ok(None) };
    let window = |amount: Amount| -> Result<Day, WhenError> { Ok(Day::Window { from: amount.before(now)?, to: now.clone() }) };
    let day = match unit {
        Unit::Month if rolling => window(Amount { days: 30, ..Amount::default() })?,
        Unit::Year if rolling => window(Amount { days: 365, ..Amount::default() })?,
        Unit::Week if !rolling => week_of(today.checked_sub(7.days())?)?,
        Unit::Weekend => weekend_of(today.checked_sub(7.days())?)?,
        Unit::Month => block(today.first_of_month().checked_sub(1.month())?, Unit::Month)?,
        Unit::Year => block(today.first_of_year().checked_sub(1.year())?, Unit::Year)?,
        Unit::Quarter if !rolling => block(quarter_start(today)?.checked_sub(3.months())?, Unit::Quarter)?,
        Unit::Quarter => return Ok(None),
        _ => match Amount::of(1, unit) {
            Some(amount) => window(amount)?,
            None => return Ok(None),
        },
    };
    Ok(Some(Point::of_day(day)))
}

fn this(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Point>, WhenError> {
    let today = now.date();
    if let Some(part) = reader.take_as(part) {
        return Ok(Some(if part == Part::Night { tonight(now)? } else { Point { day: Some(Day::On(today)), part: Some(part), clock: None } }));
    }
    if let Some(weekday) = reader.weekday() {
        return Ok(Some(Point::of_day(Day::Weekday(weekday, Which::This))));
    }
    if let Some(month) = reader.month() {
        return Ok(Some(Point::of_day(Day::Month(month, Which::This))));
    }
    if matches!(reader.word(), Some("noon" | "midday")) {
        return Ok(Some(Point::of_day(Day::On(today))));
    }
    let Some(unit) = reader.unit() else { return Ok(None) };
    if unit == Unit::Hour {
        let from = now.with().minute(0).second(0).subsec_nanosecond(0).build()?;
        let to = from.checked_add(1.hour())?;
        return Ok(Some(Point::of_day(Day::Window { from, to })));
    }
    Ok(current(unit, today)?.map(Point::of_day))
}

/// The night that is on, else the coming one.
pub(super) fn tonight(now: &Zoned) -> Result<Point, WhenError> {
    let day = if now.hour() < 6 { now.date().yesterday()? } else { now.date() };
    Ok(Point { day: Some(Day::On(day)), part: Some(Part::Night), clock: None })
}

fn current(unit: Unit, today: Date) -> Result<Option<Day>, WhenError> {
    Ok(Some(match unit {
        Unit::Day => Day::On(today),
        Unit::Week => week_of(today)?,
        Unit::Weekend => weekend_of(today)?,
        Unit::Month => block(today.first_of_month(), Unit::Month)?,
        Unit::Quarter => block(quarter_start(today)?, Unit::Quarter)?,
        Unit::Year => block(today.first_of_year(), Unit::Year)?,
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Fortnight => return Ok(None),
    }))
}

/// `the weekend`, `week 43`, `the week of 2026-11-08`, `q3`, `q3 2025`, `2025`, `month to date`.
pub(super) fn unit_of_calendar(reader: &mut Reader<'_>, today: Date) -> Result<Option<Day>, WhenError> {
    if reader.take(&["weekend"]) {
        let from = monday(today)?.checked_sub(2.days())?;
        let this = weekend_of(today)?;
        // On a Saturday or Sunday the weekend is the one that is on.
        let begun = matches!(today.weekday(), Weekday::Saturday | Weekday::Sunday);
        return Ok(Some(if begun { this } else { Day::Block { from, to: monday(today)?, unit: Unit::Weekend } }));
    }
    if reader.take(&["q"]) {
        let Some(quarter) = reader.digits().and_then(|(number, _)| i8::try_from(number).ok()).filter(|number| (1..=4).contains(number)) else { return Ok(None) };
        let start = |year| Date::new(year, quarter * 3 - 2, 1);
        let recent = start(today.year())?;
        let from = match year_number(reader) {
            Some(year) => start(year)?,
            None if recent <= today => recent,
            None => start(today.year() - 1)?,
        };
        return Ok(Some(block(from, Unit::Quarter)?));
    }
    if let Some(year) = year_number(reader) {
        return Ok(Some(block(Date::new(year, 1, 1)?, Unit::Year)?));
    }
    let before = *reader;
    let Some(unit) = reader.unit() else { return Ok(None) };
    if reader.take_all("to date") || reader.take_all("so far") {
        return current(unit, today);
    }
    if unit != Unit::Week || before.word() != Some("week") {
        return Ok(None);
    }
    let Some(week) = reader.digits().and_then(|(number, _)| i8::try_from(number).ok()) else { return Ok(None) };
    let start = |year| ISOWeekDate::new(year, week, Weekday::Monday).map(ISOWeekDate::date);
    let iso_year = today.iso_week_date().year();
    Ok(match start(iso_year).ok().filter(|from| *from <= today).or_else(|| start(iso_year - 1).ok()) {
        Some(from) => Some(week_of(from)?),
        None => None,
    })
}

/// Four digits that are a year.
pub(super) fn year_number(reader: &mut Reader<'_>) -> Option<i16> {
    let before = *reader;
    let found = reader.digits().filter(|(_, digits)| *digits == 4).and_then(|(value, _)| year(i16::try_from(value).ok()));
    // `2030h` is a clock time.
    let found = found.filter(|_| !reader.peek().is_some_and(|next| next.glued && next.shape == Shape::Word));
    if found.is_none() {
        *reader = before;
    }
    found
}

pub(super) fn week_of(day: Date) -> Result<Day, WhenError> {
    block(monday(day)?, Unit::Week)
}

fn weekend_of(day: Date) -> Result<Day, WhenError> {
    block(monday(day)?.checked_add(5.days())?, Unit::Weekend)
}

fn quarter_start(day: Date) -> Result<Date, jiff::Error> {
    Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1)
}

/// The unit that starts on `from`.
pub(super) fn block(from: Date, unit: Unit) -> Result<Day, WhenError> {
    let length = match unit {
        Unit::Weekend => 2.days(),
        Unit::Week => 7.days(),
        Unit::Month => 1.month(),
        Unit::Quarter => 3.months(),
        Unit::Year => 1.year(),
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Day | Unit::Fortnight => 1.day(),
    };
    Ok(Day::Block { from, to: from.checked_add(length)?, unit })
}
