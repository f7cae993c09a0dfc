//! Why a time phrase was not resolved, and what to write instead.

use std::fmt;

use jiff::Zoned;
use jiff::civil::{Date, Time};

use super::range::Instant;

/// A phrase that names no one stretch of past time. Nothing was guessed in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhenError {
    /// The phrase has no words.
    Empty,
    /// The phrase is longer than a time phrase can be; both figures in bytes.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Some words name no time.
    NotUnderstood {
        /// The words, in lower case and in their order.
        words: String,
        /// A word that one of them is one slip away from.
        meant: Option<&'static str>,
    },
    /// The words have two readings.
    Ambiguous {
        /// The words.
        words: String,
        /// Both readings.
        readings: [Reading; 2],
    },
    /// Two parts of the phrase exclude each other, such as `7am` and `afternoon`.
    Disagree {
        /// The words that hold both.
        words: String,
    },
    /// The range ends before it starts, or where it starts.
    Backwards {
        /// The start that was asked for.
        from: Zoned,
        /// The end that was asked for.
        to: Zoned,
    },
    /// The range starts now or later, and nothing can have happened in it.
    Ahead {
        /// Its start.
        from: Zoned,
    },
    /// The time lies beyond the calendar (the years −9999 to 9999).
    OutsideCalendar,
}

/// One of the readings of an ambiguous phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A calendar day.
    Day(Date),
    /// A time of day.
    Clock(Time),
    /// From one hour to another, as numbers on the clock face.
    Hours(i8, i8),
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Clock(time) => write!(f, "{}", time.strftime("%H:%M")),
            Self::Hours(from, to) => write!(f, "from {from} to {to}"),
        }
    }
}

impl fmt::Display for WhenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no time was given; write for instance 'yesterday', 'since monday' or '2026-11-20'"),
            Self::TooLong { bytes, bytes_max } => write!(f, "a time phrase of {bytes} bytes is too long; write at most {bytes_max}, for instance 'yesterday after 15:00'"),
            Self::NotUnderstood { words, meant: Some(meant) } => write!(f, "'{words}' is not understood as a time; did you mean '{meant}'?"),
            Self::NotUnderstood { words, meant: None } => {
                write!(f, "'{words}' is not understood as a time; write for instance 'yesterday after 15:00', 'last 2 hours', 'since monday' or 'from 2026-11-20 to 2026-11-22'")
            }
            Self::Ambiguous { words, readings: [first, second] } => write!(f, "'{words}' can be read as '{first}' or as '{second}'; write the one you mean"),
            Self::Disagree { words } => write!(f, "the parts of '{words}' exclude each other; write a time of the 24-hour clock and one day, for instance '2026-11-20 19:00'"),
            Self::Backwards { from, to } if from == to => write!(f, "the range starts and ends at {}, so nothing is in it; write a later end", Instant(from)),
            Self::Backwards { from, to } => write!(f, "the range starts at {} and ends before that, at {}; write the earlier end first, with its day", Instant(from), Instant(to)),
            Self::Ahead { from } => write!(f, "the range starts at {}, which is not past yet; write the day too, for instance 'yesterday 15:00' or 'last friday'", Instant(from)),
            Self::OutsideCalendar => f.write_str("the time lies outside the calendar; write a date such as 2026-11-20"),
        }
    }
}

impl std::error::Error for WhenError {}

impl From<jiff::Error> for WhenError {
    /// Every value handed to the calendar is in its own range, so what fails is the arithmetic at the calendar's ends.
    fn from(_: jiff::Error) -> Self {
        Self::OutsideCalendar
    }
}
