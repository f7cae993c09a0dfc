//! The two ends of a range, and what each says for the other.

use jiff::Zoned;

use super::clock::{Clock, Style};
use super::point::{Clash, Day, Point};
use super::vocabulary::Part;

/// Both ends of a range; the start is the most recent one on or before the end.
pub(super) fn two_ends(a: &Point, b: &Point, now: &Zoned) -> Result<(Zoned, Zoned), Clash> {
    let end = b.extent(now, now.date(), true)?;
    let anchor = match &end.frame {
        // The 24:00 that ends a day is not on the next one.
        Some((start, _)) => start.date(),
        None if b.day.is_none() => now.date(),
        None => end.from.date(),
    };
    let from = a.extent(now, anchor, false)?.from;
    let end = match next_hour(a, b, &from, now)? {
        Some(clock) => Point { clock: Some(clock), ..b.clone() }.extent(now, now.date(), true)?,
        None => end,
    };
    Ok((from, if end.frame.is_some() { end.from } else { end.to }))
}

/// A bare hour that ends a range is the first such hour after the start of the range, on the same day: nine to five, three to seven, midnight to three.
pub(super) fn next_hour(a: &Point, b: &Point, from: &Zoned, now: &Zoned) -> Result<Option<Clock>, Clash> {
    let Some(clock) = b.clock.filter(|clock| clock.style == Style::Bare && b.part.is_none() && a.clock.is_some() && a.day == b.day && clock.hour <= 12) else { return Ok(None) };
    for hour in [clock.hour, clock.hour + 12] {
        let clock = Clock { hour, style: Style::Full, ..clock };
        match (Point { clock: Some(clock), ..b.clone() }).extent(now, now.date(), true) {
            Ok(extent) if extent.from > *from => return Ok(Some(clock)),
            // An hour past 24:00 is on no clock.
            Ok(_) | Err(Clash::Disagree) => {}
            Err(clash) => return Err(clash),
        }
    }
    Ok(None)
}

/// What one end of a range says for both: `9 to 11 yesterday`, `monday 9 to 11`, `between 1 and 2 pm`, `3 to 5 november`.
pub(super) fn lend(mut a: Point, mut b: Point) -> (Point, Point) {
    if let (Some(hour), None, Some(Day::Yearly { month, .. }), None) = (a.clock.filter(|clock| clock.is_bare_hour()), &a.day, &b.day, b.clock) {
        return (Point::of_day(Day::Yearly { day: hour.hour, month: *month }), b);
    }
    if let (Some(hour), None, Some(Day::Yearly { month, .. }), None) = (b.clock.filter(|clock| clock.is_bare_hour()), &b.day, &a.day, a.clock) {
        b = Point::of_day(Day::Yearly { day: hour.hour, month: *month });
        return (a, b);
    }
    let loose = a.clock.is_some_and(|clock| matches!(clock.style, Style::Bare | Style::Colon));
    if a.day.is_none() && b.day.as_ref().is_some_and(Day::is_single) {
        a.day.clone_from(&b.day);
        if a.part.is_none() && loose && b.clock.is_some() {
            a.part = b.part;
        }
    } else if a.day.is_none() && b.day.is_none() && a.part.is_none() && loose && b.clock.is_some() {
        a.part = b.part;
    } else if b.day.is_none() && a.day.as_ref().is_some_and(Day::is_single) {
        b.day.clone_from(&a.day);
        if b.part.is_none() && a.part == Some(Part::Night) {
            b.part = a.part;
        }
    }
    // `1 to 2 pm`, but `11 to 1 pm`: the first hour takes the half of the second where it then comes before it.
    if let (Some(first), Some(second)) = (a.clock.filter(|first| first.style == Style::Bare && a.part.is_none()), b.clock.filter(|second| second.style == Style::Halved)) {
        let hour = first.hour % 12 + second.hour / 12 * 12;
        if first.hour <= 12 && (hour, first.minute) < (second.hour, second.minute) {
            a.clock = Some(Clock { hour, style: Style::Halved, ..first });
        }
    }
    (a, b)
}
