//! A conversation as its parts, before a template makes one text of it.

use super::vocabulary::Token;
use crate::error::{Misuse, Result};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    /// The word that templates know.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// Tokens ready for the model, and the text they were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    pub tokens: Vec<Token>,
}

/// The day a template may mention, handed in by the caller: this crate reads no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day of the Gregorian calendar, years 1 to 9999, month and day from 1.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self> {
        if !(1..=9999).contains(&year) || day == 0 || day > month_days(year, month) {
            return Err(Misuse::Date { year, month, day }.into());
        }
        Ok(Self { year, month, day })
    }

    /// The day in the words of C's `strftime`, for the directives that speak of days alone; `None` for any other.
    pub(crate) fn format(&self, pattern: &str) -> Option<String> {
        const MONTHS: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
        const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        let month = MONTHS.get(usize::from(self.month).checked_sub(1)?)?;
        let weekday = DAYS.get(self.weekday())?;
        let mut out = String::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            match characters.next()? {
                'd' => out.push_str(&format!("{:02}", self.day)),
                'e' => out.push_str(&format!("{:2}", self.day)),
                'm' => out.push_str(&format!("{:02}", self.month)),
                'y' => out.push_str(&format!("{:02}", self.year % 100)),
                'Y' => out.push_str(&format!("{:04}", self.year)),
                'B' => out.push_str(month),
                'b' | 'h' => out.push_str(month.get(..3)?),
                'A' => out.push_str(weekday),
                'a' => out.push_str(weekday.get(..3)?),
                'j' => out.push_str(&format!("{:03}", self.day_of_year())),
                'F' => out.push_str(&format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)),
                '%' => out.push('%'),
                _ => return None,
            }
        }
        Some(out)
    }

    fn day_of_year(&self) -> u32 {
        (1..self.month).map(|month| u32::from(month_days(self.year, month))).sum::<u32>() + u32::from(self.day)
    }

    /// Days since Sunday.
    fn weekday(&self) -> usize {
        let years = u32::from(self.year) - 1;
        // The first of January of the year 1 was a Monday.
        ((years + years / 4 - years / 100 + years / 400 + self.day_of_year()) % 7) as usize
    }
}

fn month_days(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_strftime_writes_them() {
        let day = |y, m, d| Date::new(y, m, d).unwrap();
        assert_eq!(day(2024, 7, 26).format("%d %b %Y").unwrap(), "26 Jul 2024");
        assert_eq!(day(2026, 11, 23).format("%A, %-").as_deref(), None);
        assert_eq!(day(2026, 11, 23).format("%a %A %B %e %y %j %F %%").unwrap(), "Mon Monday November 23 26 327 2026-11-23 %");
        assert_eq!(day(2000, 2, 29).format("%A %j").unwrap(), "Tuesday 060");
        assert_eq!(day(2026, 11, 23).format("%H:%M"), None);
        assert!(Date::new(2026, 2, 29).is_err() && Date::new(2026, 13, 1).is_err() && Date::new(0, 1, 1).is_err());
    }
}
