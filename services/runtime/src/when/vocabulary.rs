//! The words that time phrases are made of, and those that may not be passed over.

use jiff::civil::Weekday;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Weekend,
    Week,
    Fortnight,
    Month,
    Quarter,
    Year,
}

/// A part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// 00:00 to 12:00.
    Morning,
    /// 12:00 to 18:00.
    Afternoon,
    /// 18:00 to 24:00.
    Evening,
    /// 18:00 to 06:00 of the next day.
    Night,
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "weekend" | "weekends" => Unit::Weekend,
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Week,
        "fortnight" | "fortnights" => Unit::Fortnight,
        "mo" | "month" | "months" => Unit::Month,
        "quarter" | "quarters" => Unit::Quarter,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}

pub(super) fn part(word: &str) -> Option<Part> {
    Some(match word {
        "morning" => Part::Morning,
        "afternoon" => Part::Afternoon,
        "evening" => Part::Evening,
        "night" | "nite" => Part::Night,
        _ => return None,
    })
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tues" | "tue" => Weekday::Tuesday,
        "wednesday" | "weds" | "wed" => Weekday::Wednesday,
        "thursday" | "thurs" | "thur" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

pub(super) fn month(word: &str) -> Option<i8> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sept" | "sep" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

/// The number words from one to nineteen, in order.
const SMALL: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

/// A number word below twenty.
pub(super) fn small(word: &str) -> Option<u32> {
    SMALL.iter().zip(1..).find(|(name, _)| **name == word).map(|(_, value)| value)
}

/// A multiple of ten from twenty to ninety.
pub(super) fn tens(word: &str) -> Option<u32> {
    const NAMES: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    NAMES.iter().zip(2..).find(|(name, _)| **name == word).map(|(_, ten)| ten * 10)
}

/// Words that change a time in a way that is not understood: never passed over between two that are.
const WEIGHTY: &[&str] = &[
    "and",
    "or",
    "but",
    "not",
    "except",
    "excluding",
    "without",
    "unless",
    "every",
    "each",
    "few",
    "several",
    "early",
    "earlier",
    "late",
    "later",
    "mid",
    "middle",
    "around",
    "about",
    "roughly",
    "approximately",
    "circa",
    "ca",
    "shortly",
    "just",
    "ago",
    "next",
    "start",
    "beginning",
    "end",
    "half",
    "first",
    "second",
    "third",
    "ish",
    "lunch",
    "lunchtime",
    "breakfast",
    "dinner",
    "supper",
    "dawn",
    "dusk",
    "working",
    "before",
    "after",
    "since",
    "until",
    "till",
    "between",
    "from",
    "tomorrow",
    "yesterday",
    "today",
];

/// Whether `word` may not be passed over between two understood phrases.
pub(super) fn is_weighty(word: &str) -> bool {
    WEIGHTY.contains(&word) || weekday(word).is_some() || month(word).is_some_and(|_| word != "may" && word != "march") || part(word).is_some()
}

/// Words that the grammar gives a place, beside units, parts, weekdays, months and numbers.
const KNOWN: &[&str] = &[
    "a",
    "after",
    "ago",
    "all",
    "am",
    "an",
    "and",
    "any",
    "anytime",
    "as",
    "at",
    "before",
    "between",
    "but",
    "by",
    "couple",
    "during",
    "earlier",
    "entire",
    "ever",
    "far",
    "for",
    "from",
    "half",
    "hundred",
    "in",
    "last",
    "later",
    "midday",
    "midnight",
    "no",
    "noon",
    "not",
    "now",
    "o'clock",
    "oclock",
    "of",
    "on",
    "onward",
    "onwards",
    "or",
    "over",
    "overnight",
    "past",
    "pm",
    "previous",
    "prior",
    "quarter",
    "since",
    "so",
    "starting",
    "than",
    "the",
    "this",
    "through",
    "throughout",
    "till",
    "to",
    "today",
    "tonight",
    "until",
    "up",
    "weekend",
    "whole",
    "within",
    "yesterday",
];

/// Whether the grammar knows `word` at all.
pub(super) fn is_known(word: &str) -> bool {
    KNOWN.contains(&word) || unit(word).is_some() || part(word).is_some() || weekday(word).is_some() || month(word).is_some() || small(word).is_some() || tens(word).is_some()
}
