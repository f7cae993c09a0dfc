//! Times of day: `3pm`, `15h30`, `half past three`, `noon`, and the hour that a bare `three` means.

use jiff::civil::Time;

use super::error::{Reading, WhenError};
use super::reader::Reader;
use super::vocabulary::{Part, small, tens, unit};
use super::words::{Precision, Shape, year};

/// A time of day as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// 0 to 31; an hour above 24 is none, but may turn out to be a day: `25-28 nov`.
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    pub(super) style: Style,
    /// What a point names: its hour, its minute or its second.
    pub(super) precision: Precision,
}

/// How much of the hour is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `three`, `3 o'clock`, `half past three`: the half of the day is not said.
    Bare,
    /// `3:30`: as written, unless a part of the day says otherwise.
    Colon,
    /// `15h`, `03:00`, `noon`.
    Full,
    /// `3pm`, `3:30 am`.
    Halved,
    /// The start of a day, or its end where it ends a range.
    Midnight,
}

impl Clock {
    pub(super) fn new(hour: i8, minute: i8, style: Style, precision: Precision) -> Self {
        Self { hour, minute, second: 0, style, precision }
    }

    /// The hours, minutes and seconds since the start of the day that `part` belongs to; above 24 hours in the small hours of a night.
    /// `None` where the clock and the part exclude each other, or there is no such hour.
    pub(super) fn seconds(self, part: Option<Part>, ends: bool) -> Option<i64> {
        let said = matches!(self.style, Style::Full | Style::Halved);
        let hour = match (self.style, part) {
            (Style::Midnight, Some(Part::Night)) => 24,
            (Style::Midnight, Some(Part::Evening)) if ends => 24,
            (Style::Midnight, Some(Part::Afternoon | Part::Evening)) => return None,
            (Style::Midnight, _) => i8::from(ends) * 24,
            (Style::Bare, None) if (1..=6).contains(&self.hour) => self.hour + 12,
            (_, None) => self.hour,
            (_, Some(Part::Morning)) if !said && self.hour == 12 => 0,
            (_, Some(Part::Morning)) => self.hour,
            (_, Some(Part::Afternoon | Part::Evening)) if !said && self.hour < 12 => self.hour + 12,
            (_, Some(Part::Afternoon)) => self.hour,
            (_, Some(Part::Evening)) if !said && self.hour == 12 => 24,
            (_, Some(Part::Evening)) => self.hour,
            (_, Some(Part::Night)) if !said && (6..12).contains(&self.hour) => self.hour + 12,
            (_, Some(Part::Night)) if !said && self.hour == 12 => 24,
            (_, Some(Part::Night)) if self.hour <= 6 => self.hour + 24,
            (_, Some(Part::Night)) => self.hour,
        };
        let seconds = (i64::from(hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        let allowed = match part {
            None => 0..=24 * 3600,
            Some(Part::Morning) => 0..=12 * 3600,
            Some(Part::Afternoon | Part::Evening) => 12 * 3600..=24 * 3600,
            Some(Part::Night) => 18 * 3600..=30 * 3600,
        };
        allowed.contains(&seconds).then_some(seconds)
    }

    /// Whether nothing but an hour was written, as in `between 3 and 5 november`.
    pub(super) fn is_bare_hour(self) -> bool {
        self.style == Style::Bare && self.precision == Precision::Hour
    }
}

/// Reads a time of day. `in_range` says that a `from` or `between` stands before it, so that `five to nine` is a range.
pub(super) fn clock(reader: &mut Reader<'_>, in_range: bool) -> Result<Option<Clock>, WhenError> {
    let before = *reader;
    if let Some(clock) = named(reader).or_else(|| written(reader)) {
        reader.take(&["sharp", "exactly"]);
        return Ok(Some(clock));
    }
    *reader = before;
    if let Some(clock) = spoken(reader) {
        return Ok(Some(clock));
    }
    *reader = before;
    let found = hour(reader);
    match found {
        None => *reader = before,
        Some(clock) if !in_range && matches!(before.word(), Some("five" | "ten")) => {
            let mut ahead = *reader;
            if ahead.take(&["to"])
                && let Some(next) = ahead.number().and_then(|next| i8::try_from(next).ok()).filter(|next| (1..=12).contains(next))
            {
                let earlier = Time::new(next - 1, 60 - clock.hour, 0, 0)?;
                return Err(WhenError::Ambiguous { words: ahead.text_since(&before), readings: [Reading::Clock(earlier), Reading::Hours(clock.hour, next)] });
            }
        }
        Some(_) => {}
    }
    Ok(found)
}

/// `noon`, `midnight`, with or without a twelve before it.
fn named(reader: &mut Reader<'_>) -> Option<Clock> {
    let before = *reader;
    if reader.number().is_some_and(|number| number != 12) {
        *reader = before;
    }
    if reader.take(&["noon", "midday"]) {
        return Some(Clock::new(12, 0, Style::Full, Precision::Hour));
    }
    if reader.take(&["midnight"]) {
        return Some(Clock::new(0, 0, Style::Midnight, Precision::Hour));
    }
    *reader = before;
    None
}

/// `15:00`, `15:00:30`, `3:30pm`, `15h30`, `1530h`, `0900`.
fn written(reader: &mut Reader<'_>) -> Option<Clock> {
    let token = reader.next()?;
    if let Shape::Time { time, precision, padded } = token.shape {
        let style = if padded || time.hour() == 0 { Style::Full } else { Style::Colon };
        let clock = Clock { hour: time.hour(), minute: time.minute(), second: time.second(), style, precision };
        return match meridiem(reader) {
            Some(pm) => halved(clock, pm),
            None => {
                if reader.peek().is_some_and(|next| next.glued && next.text == "h") {
                    reader.next();
                }
                Some(clock)
            }
        };
    }
    let Shape::Number { value, digits: 4 } = token.shape else { return None };
    let (hour, minute) = (i8::try_from(value / 100).ok()?, i8::try_from(value % 100).ok()?);
    let marked = reader.take(&["h", "hrs", "hours"]);
    let plain = marked || year(i16::try_from(value).ok()).is_none();
    (plain && hour < 24 && minute < 60).then(|| Clock::new(hour, minute, Style::Full, Precision::Minute))
}

/// `half past three`, `quarter to nine`, `twenty past eight`, `three thirty`.
fn spoken(reader: &mut Reader<'_>) -> Option<Clock> {
    let before = *reader;
    reader.take(&["a"]);
    let (minutes, exact) = if reader.take(&["half"]) {
        (30, true)
    } else if reader.take(&["quarter"]) {
        (15, true)
    } else {
        *reader = before;
        let minutes = reader.number()?;
        (minutes, reader.take(&["minutes", "minute", "mins", "min"]))
    };
    let minutes = i8::try_from(minutes).ok().filter(|minutes| (1..60).contains(minutes))?;
    let past = reader.take(&["past"]);
    // Without the word `minutes`, only what cannot be an hour counts back from one: `twenty to nine`, but not `ten to nine`.
    if past || ((exact || minutes >= 20) && minutes != 30 && reader.word() == Some("to") && before.word().is_some()) {
        reader.take(&["to"]);
        let full = hour(reader).filter(|clock| (1..=12).contains(&clock.hour) && clock.style == Style::Bare)?;
        return Some(if past {
            Clock::new(full.hour, minutes, Style::Bare, Precision::Minute)
        } else {
            let hour = if full.hour == 1 { 12 } else { full.hour - 1 };
            Clock::new(hour, 60 - minutes, Style::Bare, Precision::Minute)
        });
    }
    *reader = before;
    let hour = i8::try_from(reader.take_as(small)?).ok().filter(|hour| *hour <= 12)?;
    let minutes = match reader.word() {
        Some(word) if word == "fifteen" || tens(word).is_some_and(|minutes| minutes < 60) => reader.number()?,
        _ => return None,
    };
    // `three thirty minutes` is no time of day.
    if reader.word().is_some_and(|word| unit(word).is_some()) {
        return None;
    }
    let clock = Clock::new(hour, i8::try_from(minutes).ok()?, Style::Bare, Precision::Minute);
    meridiem(reader).map_or(Some(clock), |pm| halved(clock, pm))
}

/// `3`, `three`, `3 o'clock`, `3pm`, `15h`.
fn hour(reader: &mut Reader<'_>) -> Option<Clock> {
    let hour = reader.number().and_then(|hour| i8::try_from(hour).ok()).filter(|hour| *hour <= 31)?;
    if reader.peek().is_some_and(|next| next.glued && next.text == "h") {
        reader.next();
        return (hour <= 24).then(|| Clock::new(hour, 0, Style::Full, Precision::Hour));
    }
    let clock = Clock::new(hour, 0, if hour > 12 || hour == 0 { Style::Full } else { Style::Bare }, Precision::Hour);
    let clock = if hour > 24 { Clock { style: Style::Bare, ..clock } } else { clock };
    if reader.take(&["oclock"]) {
        reader.take(&["sharp"]);
    }
    if let Some(pm) = meridiem(reader) {
        reader.take(&["sharp"]);
        return halved(clock, pm);
    }
    // `3 days`, `3rd` and `3ish` are no hours.
    let other = reader.peek().is_some_and(|next| (next.shape == Shape::Word && next.glued) || unit(&next.text).is_some());
    reader.take(&["sharp"]);
    (!other).then_some(clock)
}

/// Whether `pm` stands here; `None` where neither it nor `am` does.
fn meridiem(reader: &mut Reader<'_>) -> Option<bool> {
    if reader.take(&["pm"]) { Some(true) } else { reader.take(&["am"]).then_some(false) }
}

/// The clock of 24 hours; `None` where the hour is not one of twelve.
fn halved(clock: Clock, pm: bool) -> Option<Clock> {
    (1..=12).contains(&clock.hour).then(|| Clock { hour: clock.hour % 12 + i8::from(pm) * 12, style: Style::Halved, ..clock })
}
