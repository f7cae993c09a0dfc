//! Resolves a time phrase that was copied out of the operator's sentence against the local clock.
//!
//! `yesterday after three`, said on Monday 2026-11-23 in Rome, is `2026-11-22 15:00 to 2026-11-23 00:00 +01:00`. A phrase goes through `words` (pieces), `day`,
//! `span` and `clock` (points), `clause` (what is asked of them), `ends` and `extent` (instants), and `settle` (one range), which is where to start reading.
//! What does not parse is said and never guessed. What the words leave open is settled by the conventions below, and the range is always shown, so that the operator
//! sees which was used. Nothing here reads a clock: `now` is handed in, and all days are those of its time zone.
//!
//! | written | means |
//! |---|---|
//! | any range | half-open: its end is not in it; weeks begin on Monday; a day across a clock change is as long as it is |
//! | `monday`, `the 3rd`, `3 nov`, `november`, `week 43`, `q3` | the most recent one, the current one included |
//! | `last monday`, `last november` | the most recent one before today, before this month |
//! | `this monday`, `this november` | the one of this week, of this year |
//! | `this`, `last`, `previous` `week`, `month`, `quarter`, `year`, `weekend` | whole units of the calendar |
//! | `past week`, `past month`, `past year` | the last 7, 30, 365 days, to the minute |
//! | `last 2 days`, `past hour`, `last fortnight`, `a couple of hours` | up to now; a couple is two; days and months follow the calendar |
//! | `2 hours ago`, `an hour ago` | since then; with `before` or in a range, that moment |
//! | `2 days ago`, `a month ago` | that whole day |
//! | `the weekend` | the last Saturday and Sunday that have begun |
//! | `morning`, `afternoon`, `evening`, `night` | 00:00–12:00, 12:00–18:00, 18:00–24:00, 18:00–06:00 of the next day; today's without a day |
//! | `last night`, `overnight` | yesterday 18:00 to today 06:00; `tonight` is the night that is on, else the coming one |
//! | `three`, `3 o'clock`, `half past three` | 1 to 6 is the afternoon, 7 to 12 as written; a part of the day decides where there is one |
//! | `15h`, `03:00`, `3:30`, `3pm` | as written; `3:30` follows a part of the day beside it |
//! | a bare hour that ends a range | the first such hour after the start: `9 to 5`, `3 to 7`, `midnight to 3` |
//! | `1 to 2 pm`, `9 to 11 yesterday`, `3 to 5 nov` | what stands at one end holds for both |
//! | a clock time without a day | today's |
//! | `3pm`, `noon`, `midnight`; `14:05`; `14:05:30` alone | that hour; that minute; that second |
//! | `midnight` | 00:00 of its day, and 24:00 where it ends a range |
//! | `since X`, `from X on` | from the start of X, without end |
//! | `after X` | a clock time: from it to the end of its day; else from the end of X, without end |
//! | `before X` | a clock time: from the start of its day to it; else all before X |
//! | `until`, `till`, `up to`, `by X` | as `before` for a clock time; else X is in it |
//! | `X to Y`, `between X and Y`, `X - Y` | a day or longer unit that ends the range is in it whole; X is the most recent one on or before Y |
//! | `tuesday … after 17:00` | a clock time inside that day; other words between the two are passed over unless they weigh on time |
//! | `20.11.2026` | day first; `11/20` is read where one order is possible, and `03/04` is refused |
//! | `five to nine` | refused: 08:55 or from 5 to 9 |

mod clause;
mod clock;
mod day;
mod ends;
mod error;
mod extent;
mod point;
mod range;
mod reader;
mod settle;
mod slips;
mod span;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;

pub use error::{Reading, WhenError};
pub use range::TimeRange;
pub use settle::{PHRASE_BYTES_MAX, resolve};
