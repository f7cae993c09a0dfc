//! What phrases stand for, what is refused, and what holds of every string.

mod phrases;

use jiff::Zoned;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{PHRASE_BYTES_MAX, Reading, TimeRange, WhenError, resolve};
use phrases::PHRASES;

/// Rome's rules, written out so that no zone database is needed.
fn rome(at: DateTime) -> Zoned {
    at.to_zoned(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("valid rules")).expect("a valid moment")
}

fn monday() -> Zoned {
    rome(date(2026, 11, 23).at(10, 30, 0, 0))
}

fn shown(phrase: &str, now: &Zoned) -> String {
    match resolve(phrase, now) {
        Ok(range) => range.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn phrases_stand_for_their_ranges() {
    assert!(PHRASES.len() >= 140, "{} phrases", PHRASES.len());
    let wrong: Vec<String> = PHRASES
        .iter()
        .map(|(phrase, range)| (phrase, range.replace('*', "2026-11-23").replace('<', "2026-11-22").replace('>', "2026-11-24")))
        .filter_map(|(phrase, expected)| Some(shown(phrase, &monday())).filter(|got| *got != expected).map(|got| format!("{phrase}\n  is       {got}\n  expected {expected}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ranges_hold_across_clock_changes() {
    // On 2026-10-25 the hour from 02:00 is lived twice, on 2026-03-29 it is skipped.
    let autumn = rome(date(2026, 10, 26).at(9, 0, 0, 0));
    let spring = rome(date(2026, 3, 29).at(12, 0, 0, 0));
    let table = [
        (&autumn, "yesterday", "2026-10-25 00:00 +02:00 to 2026-10-26 00:00 +01:00", 25),
        (&autumn, "yesterday after 01:00", "2026-10-25 01:00 +02:00 to 2026-10-26 00:00 +01:00", 24),
        (&autumn, "yesterday at 02h", "2026-10-25 02:00 +02:00 to 2026-10-25 03:00 +01:00", 2),
        (&autumn, "last 48 hours", "2026-10-24 10:00 +02:00 to 2026-10-26 09:00 +01:00", 48),
        (&autumn, "last 2 days", "2026-10-24 09:00 +02:00 to 2026-10-26 09:00 +01:00", 49),
        (&autumn, "last week", "2026-10-19 00:00 +02:00 to 2026-10-26 00:00 +01:00", 169),
        (&spring, "today", "2026-03-29 00:00 +01:00 to 2026-03-30 00:00 +02:00", 23),
        (&spring, "last 12 hours", "2026-03-28 23:00 +01:00 to 2026-03-29 12:00 +02:00", 12),
        (&spring, "last night", "2026-03-28 18:00 +01:00 to 2026-03-29 06:00 +02:00", 11),
    ];
    for (now, phrase, expected, hours) in table {
        assert_eq!(shown(phrase, now), expected, "{phrase}");
        let range = resolve(phrase, now).expect("shown above");
        let length = range.to.expect("closed").timestamp().as_second() - range.from.expect("closed").timestamp().as_second();
        assert_eq!(length, hours * 3600, "{phrase}");
    }
    // An hour that was skipped holds nothing.
    assert!(matches!(resolve("today at 02h", &spring), Err(WhenError::Backwards { from, to }) if from == to));
}

#[test]
fn nights_and_weekends_depend_on_the_hour_and_the_day() {
    let late = rome(date(2026, 11, 23).at(22, 15, 30, 0));
    let small_hours = rome(date(2026, 11, 24).at(2, 0, 0, 0));
    let saturday = rome(date(2026, 11, 21).at(12, 0, 0, 0));
    assert_eq!(shown("tonight", &late), "2026-11-23 18:00 to 2026-11-24 06:00 +01:00");
    assert_eq!(shown("at 3pm", &late), "2026-11-23 15:00 to 2026-11-23 16:00 +01:00");
    assert_eq!(shown("this afternoon", &late), "2026-11-23 12:00 to 2026-11-23 18:00 +01:00");
    assert_eq!(shown("last minute", &late), "2026-11-23 22:14:30 to 2026-11-23 22:15:30 +01:00");
    assert_eq!(shown("tonight", &small_hours), "2026-11-23 18:00 to 2026-11-24 06:00 +01:00");
    assert_eq!(shown("last night", &small_hours), "2026-11-23 18:00 to 2026-11-24 06:00 +01:00");
    assert_eq!(shown("the weekend", &saturday), "2026-11-21 00:00 to 2026-11-23 00:00 +01:00");
    assert_eq!(shown("last weekend", &saturday), "2026-11-14 00:00 to 2026-11-16 00:00 +01:00");
}

#[test]
fn what_is_not_understood_is_said_with_its_words() {
    let table = [
        ("yesterdy", "yesterdy", Some("yesterday")),
        ("yesterday betwen 3 and 4", "betwen", Some("between")),
        ("monday aftr 17:00", "aftr", Some("after")),
        ("wendesday", "wendesday", Some("wednesday")),
        ("past few days", "few", None),
        ("lately", "lately", None),
        ("blah yesterday", "blah", None),
        ("yesterday blah", "blah", None),
        ("every friday", "every", None),
        ("monday and friday", "and", None),
        ("last weekend or before this morning", "or", None),
        ("around 3", "around", None),
        ("monday 3ish", "ish", None),
        ("half nine", "half nine", None),
        ("between 14:00 and dawn", "dawn", None),
        ("2026-13-40", "2026-13-40", None),
        ("25:99", "25:99", None),
        ("2 hours", "2 hours", None),
        ("last week after 3pm", "last week after 3pm", None),
        ("since the reboot", "reboot", None),
        ("since lunch", "lunch", None),
    ];
    for (phrase, words, meant) in table {
        assert_eq!(resolve(phrase, &monday()), Err(WhenError::NotUnderstood { words: words.to_owned(), meant }), "{phrase}");
    }
}

#[test]
fn two_readings_are_both_named() {
    let days = |a, b| [Reading::Day(a), Reading::Day(b)];
    let expected = WhenError::Ambiguous { words: "03/04".to_owned(), readings: days(date(2026, 4, 3), date(2026, 3, 4)) };
    assert_eq!(resolve("03/04", &monday()), Err(expected));
    let expected = WhenError::Ambiguous { words: "3/4/2025".to_owned(), readings: days(date(2025, 4, 3), date(2025, 3, 4)) };
    assert_eq!(resolve("since 3/4/2025", &monday()), Err(expected));
    assert!(matches!(resolve("five to nine", &monday()), Err(WhenError::Ambiguous { readings: [Reading::Clock(_), Reading::Hours(5, 9)], .. })));
    assert!(resolve("from five to nine yesterday", &monday()).is_ok());
}

#[test]
fn ranges_ahead_backwards_or_at_odds_are_refused() {
    for phrase in ["tomorrow", "tonight", "at 3pm", "this friday", "after today", "this afternoon", "since now", "2027", "from 3pm to 5pm"] {
        assert!(matches!(resolve(phrase, &monday()), Err(WhenError::Ahead { .. })), "{phrase}");
    }
    for phrase in ["from 10pm to 2am", "2026-11-20 to 2026-11-10", "yesterday from 15:00 to 14:00", "5-3 nov", "between 9 and 9am"] {
        assert!(matches!(resolve(phrase, &monday()), Err(WhenError::Backwards { .. })), "{phrase}");
    }
    for phrase in ["7am in the afternoon", "thu the 18th", "yesterday morning at 15:00"] {
        assert!(matches!(resolve(phrase, &monday()), Err(WhenError::Disagree { .. })), "{phrase}");
    }
    for phrase in ["", "  ", "?!"] {
        assert_eq!(resolve(phrase, &monday()), Err(WhenError::Empty), "{phrase}");
    }
    assert_eq!(resolve("20000 years ago", &monday()), Err(WhenError::OutsideCalendar));
    let long = "yesterday ".repeat(13);
    assert_eq!(resolve(&long, &monday()), Err(WhenError::TooLong { bytes: 130, bytes_max: PHRASE_BYTES_MAX }));
    assert_eq!(resolve("yesterdy", &monday()).expect_err("a slip").to_string(), "'yesterdy' is not understood as a time; did you mean 'yesterday'?");
}

#[test]
fn a_range_holds_its_start_and_not_its_end() {
    let ms = |at: &Zoned| u64::try_from(at.timestamp().as_millisecond()).expect("after 1970");
    let range = resolve("yesterday", &monday()).expect("a day");
    let (from, to) = (range.from.clone().expect("closed"), range.to.clone().expect("closed"));
    assert!(range.contains_ms(ms(&from)) && range.contains_ms(ms(&to) - 1));
    assert!(!range.contains_ms(ms(&from) - 1) && !range.contains_ms(ms(&to)));
    let since = TimeRange { from: Some(from.clone()), to: None };
    assert!(since.contains_ms(u64::MAX) && !since.contains_ms(0));
    let before = TimeRange { from: None, to: Some(from) };
    assert!(before.contains_ms(0) && !before.contains_ms(u64::MAX));
}

/// Checks what holds of every answer.
fn check(phrase: &str, now: &Zoned) -> Result<(), TestCaseError> {
    match resolve(phrase, now) {
        Ok(range) => {
            prop_assert!(range.from.is_some() || range.to.is_some(), "{phrase}");
            prop_assert!(range.from.as_ref().is_none_or(|from| from < now), "{phrase}: {range}");
            if let (Some(from), Some(to)) = (&range.from, &range.to) {
                prop_assert!(from < to, "{phrase}: {range}");
            }
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

/// Words of the grammar, so that generated phrases get past its first steps.
const PIECES: &[&str] = &[
    "yesterday",
    "today",
    "monday",
    "last",
    "past",
    "this",
    "week",
    "month",
    "weekend",
    "night",
    "morning",
    "evening",
    "noon",
    "midnight",
    "3",
    "15",
    "3pm",
    "15:00",
    "11/20",
    "2026-11-20",
    "the",
    "3rd",
    "31st",
    "of",
    "nov",
    "feb",
    "29",
    "2025",
    "since",
    "after",
    "before",
    "until",
    "by",
    "from",
    "to",
    "-",
    "between",
    "and",
    "on",
    "onwards",
    "hours",
    "ago",
    "half",
    "quarter",
    "five",
    "twenty",
    "an",
    "a",
    "q4",
    "53",
    "day",
    "before yesterday",
    "now",
    "tonight",
    "all",
    "so far",
    "what",
    "ran",
    ",",
    "24h",
    "9999999",
    "2026-11-20t14:05z",
    "99",
    "1h30",
    "year",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_string_breaks_it(phrase in ".{0,60}") {
        check(&phrase, &monday())?;
    }

    #[test]
    fn digits_and_marks_do_not_break_it(phrase in "[0-9apmhtz:./ +-]{0,40}") {
        check(&phrase, &monday())?;
    }

    #[test]
    fn no_order_of_its_own_words_breaks_it(words in prop::collection::vec(prop::sample::select(PIECES), 0..9), day in 0_i64..800, minute in 0_i64..1440) {
        use jiff::ToSpan;
        let now = rome(date(2025, 1, 1).at(0, 0, 0, 0)).checked_add(day.days().minutes(minute)).expect("inside the calendar");
        check(&words.join(" "), &now)?;
    }
}
