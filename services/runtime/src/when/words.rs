//! Cuts a phrase into words, numbers, dates and clock times, without deciding yet what they mean together.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

/// One piece of the phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) shape: Shape,
    /// As written, in lower case.
    pub(super) text: String,
    /// Whether it follows the piece before it without white space: `3pm` is two pieces, the second glued.
    pub(super) glued: bool,
}

/// What a piece looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Word,
    /// Up to nine digits.
    Number {
        value: u32,
        digits: usize,
    },
    /// `2026-11-20`, `20261120`, `20.11.2026`.
    Date(Date),
    /// `2026-11-20T14:05`, `2026-11-20T14:05:30`.
    Stamp(DateTime, Precision),
    /// A stamp with `Z` or an offset.
    Absolute(Timestamp, Precision),
    /// `2026-11`.
    Month {
        year: i16,
        month: i8,
    },
    /// `20.11.`
    DayMonth {
        day: i8,
        month: i8,
    },
    /// `11/20`, `20/11/2026`, `20-11-2026`: which is the day is not said.
    Slashed {
        first: i8,
        second: i8,
        year: Option<i16>,
    },
    /// `15:00`, `3:30`, `15h30`; `padded` when the hour has two digits.
    Time {
        time: Time,
        precision: Precision,
        padded: bool,
    },
    /// `-`, `–`, `..`
    Dash,
    /// A comma or the like.
    Pause,
    /// Looks like a date or a time and is none, such as `2026-13-40`.
    Odd,
}

/// The smallest unit that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Hour,
    Minute,
    Second,
}

/// Cuts `phrase` into its pieces.
pub(super) fn cut(phrase: &str) -> Vec<Token> {
    let text = phrase.to_lowercase().replace(['’', '‘'], "'").replace(['–', '—', '−'], "-").replace("a.m.", "am").replace("p.m.", "pm").replace("a.m", "am").replace("p.m", "pm");
    let mut tokens = Vec::new();
    let mut rest = text.as_str();
    let mut glued = false;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
            glued = false;
            continue;
        }
        let (shape, len) = piece(rest, first);
        let (text, after) = rest.split_at(len);
        // The possessive is no part of a word: yesterday's, the hours'.
        let text = text.strip_suffix("'s").unwrap_or(text).trim_end_matches('\'').replace('\'', "");
        tokens.push(Token { shape, text, glued });
        rest = after;
        glued = true;
    }
    tokens
}

/// The shape at the front of `rest`, which starts with `first`, and its length in bytes.
fn piece(rest: &str, first: char) -> (Shape, usize) {
    if first.is_ascii_digit() {
        return number(rest);
    }
    if first.is_alphabetic() {
        return (Shape::Word, rest.find(|c: char| !c.is_alphabetic() && c != '\'').unwrap_or(rest.len()));
    }
    if rest.starts_with("..") {
        return (Shape::Dash, rest.find(|c| c != '.').unwrap_or(rest.len()));
    }
    match first {
        '-' => (Shape::Dash, 1),
        ',' | ';' | ':' | '.' | '?' | '!' | '(' | ')' | '"' | '\'' => (Shape::Pause, 1),
        _ => (Shape::Word, first.len_utf8()),
    }
}

/// Up to three runs of digits with the character after each.
struct Groups<'a> {
    runs: [&'a str; 3],
    marks: [char; 3],
    /// The length in bytes up to the end of each run.
    ends: [usize; 3],
}

fn groups(rest: &str) -> Groups<'_> {
    let mut found = Groups { runs: [""; 3], marks: ['\0'; 3], ends: [0; 3] };
    let mut at = 0;
    for (run, (mark, end)) in found.runs.iter_mut().zip(found.marks.iter_mut().zip(found.ends.iter_mut())) {
        let tail = rest.get(at..).unwrap_or("");
        let len = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, after) = tail.split_at(len);
        *run = digits;
        *end = at + len;
        *mark = after.chars().next().unwrap_or('\0');
        if len == 0 || !matches!(*mark, '-' | '/' | '.' | ':' | 'h') {
            break;
        }
        at = *end + 1;
    }
    found
}

fn number(rest: &str) -> (Shape, usize) {
    let Groups { runs: [a, b, c], marks: [p, q, r], ends: [one, two, three] } = groups(rest);
    let short = |run: &str| run.len() == 1 || run.len() == 2;
    let dated = matches!(p, '-' | '/' | '.') && p == q;
    let found = if dated && a.len() == 4 && short(b) && short(c) {
        return stamp(rest, calendar(a, b, c), three);
    } else if dated && short(a) && short(b) && c.len() == 4 {
        let shape = if p == '.' { calendar(c, b, a).map(Shape::Date) } else { slashed(a, b, int(c)) };
        (shape, three)
    } else if dated && short(a) && short(b) && c.len() == 2 {
        (None, three)
    } else if p == '.' && q == '.' && short(a) && short(b) && c.is_empty() && !rest.get(two..).is_some_and(|tail| tail.starts_with("..")) {
        (day_month(a, b), two + 1)
    } else if p == '/' && short(a) && short(b) {
        (slashed(a, b, None), two)
    } else if p == ':' && short(a) && b.len() == 2 && q == ':' && c.len() == 2 && r != ':' {
        (clock(a, b, c), three)
    } else if (p == ':' || p == 'h') && short(a) && b.len() == 2 {
        (clock(a, b, ""), two)
    } else if p == '.' && short(a) && b.len() == 2 {
        let tail = rest.get(two..).unwrap_or("").trim_start();
        let shape = if tail.starts_with("am") || tail.starts_with("pm") { clock(a, b, "") } else { None };
        (shape, two)
    } else if p == '-' && q != '-' && a.len() == 4 && b.len() == 2 && year(int(a)).is_some() {
        let month = int(b).and_then(|month| i8::try_from(month).ok()).filter(|month| (1..=12).contains(month));
        (year(int(a)).zip(month).map(|(year, month)| Shape::Month { year, month }), two)
    } else if let (8, Some(y), Some(m), Some(d)) = (a.len(), a.get(..4), a.get(4..6), a.get(6..)) {
        (calendar(y, m, d).map(Shape::Date), one)
    } else {
        (a.parse().ok().filter(|_| a.len() <= 9).map(|value| Shape::Number { value, digits: a.len() }), one)
    };
    (found.0.unwrap_or(Shape::Odd), found.1)
}

/// A date of ISO 8601, perhaps with a time and an offset behind it.
fn stamp(rest: &str, date: Option<Date>, end: usize) -> (Shape, usize) {
    let Some(date) = date else { return (Shape::Odd, end) };
    let Some(tail) = rest.get(end..).and_then(|tail| tail.strip_prefix('t')).filter(|tail| tail.starts_with(|c: char| c.is_ascii_digit())) else {
        return (Shape::Date(date), end);
    };
    let (Shape::Time { time, precision, .. }, len) = number(tail) else { return (Shape::Odd, end + 1) };
    let at = date.to_datetime(time);
    let end = end + 1 + len;
    let tail = rest.get(end..).unwrap_or("");
    let zone_len = if tail.starts_with('z') { 1 } else { offset_len(tail) };
    if zone_len == 0 {
        return (Shape::Stamp(at, precision), end);
    }
    let written = format!("{at}{}", tail.get(..zone_len).unwrap_or(""));
    (written.to_uppercase().parse().map_or(Shape::Odd, |at| Shape::Absolute(at, precision)), end + zone_len)
}

/// The length of `+01:00` at the front of `tail`, else nothing.
fn offset_len(tail: &str) -> usize {
    let signed = tail.starts_with(['+', '-']);
    let shaped = tail.bytes().skip(1).take(5).enumerate().filter(|&(i, byte)| if i == 2 { byte == b':' } else { byte.is_ascii_digit() }).count() == 5;
    if signed && shaped { 6 } else { 0 }
}

fn int(run: &str) -> Option<i16> {
    run.parse().ok()
}

/// The years that a bare number can mean.
pub(super) fn year(value: Option<i16>) -> Option<i16> {
    value.filter(|year| (1970..=2099).contains(year))
}

fn calendar(year: &str, month: &str, day: &str) -> Option<Date> {
    Date::new(self::year(int(year))?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn day_month(day: &str, month: &str) -> Option<Shape> {
    let (day, month) = (day.parse().ok()?, month.parse().ok()?);
    // A leap year: the 29th of February is a day of some year.
    Date::new(2024, month, day).ok().map(|_| Shape::DayMonth { day, month })
}

fn slashed(first: &str, second: &str, year: Option<i16>) -> Option<Shape> {
    let (first, second) = (first.parse().ok()?, second.parse().ok()?);
    let fits = |month, day| Date::new(year.unwrap_or(2024), month, day).is_ok();
    (fits(first, second) || fits(second, first)).then_some(Shape::Slashed { first, second, year })
}

fn clock(hour: &str, minute: &str, second: &str) -> Option<Shape> {
    let precision = if second.is_empty() { Precision::Minute } else { Precision::Second };
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().unwrap_or(0), 0).ok()?;
    Some(Shape::Time { time, precision, padded: hour.len() == 2 })
}
