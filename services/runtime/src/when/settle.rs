//! Makes one range out of the clauses of a phrase, or says why there is none.

use jiff::Zoned;
use jiff::civil::Date;

use super::clause::{Clause, Edge, clause};
use super::clock::Clock;
use super::ends::{lend, next_hour, two_ends};
use super::error::WhenError;
use super::extent::Extent;
use super::point::{Clash, Point};
use super::range::TimeRange;
use super::reader::{Reader, join};
use super::slips::nearest;
use super::vocabulary::{is_known, is_weighty};
use super::words::{Shape, Token, cut};

/// A copied time phrase has at most so many bytes (`spec/verbs.md`, Form).
pub const PHRASE_BYTES_MAX: usize = 120;

/// The range of past time that `phrase` names, seen from `now` and in its time zone.
///
/// The conventions are in the table of this module; whoever calls this shows the range, so that the operator sees which reading was used.
///
/// # Errors
///
/// Whatever cannot be read is said and never guessed: see [`WhenError`].
pub fn resolve(phrase: &str, now: &Zoned) -> Result<TimeRange, WhenError> {
    if phrase.len() > PHRASE_BYTES_MAX {
        return Err(WhenError::TooLong { bytes: phrase.len(), bytes_max: PHRASE_BYTES_MAX });
    }
    let tokens = cut(phrase);
    if tokens.iter().all(|token| token.shape == Shape::Pause) {
        return Err(WhenError::Empty);
    }
    let parts = Parts::read(&tokens, now)?;
    let range = parts.range(now).map_err(|clash| clash.about(join(&tokens)))?;
    match range {
        TimeRange { from: Some(from), to: Some(to) } if from >= to => Err(WhenError::Backwards { from, to }),
        TimeRange { from: Some(from), .. } if from >= *now => Err(WhenError::Ahead { from }),
        range => Ok(range),
    }
}

/// The clauses of a phrase, each in its place.
#[derive(Debug, Default)]
struct Parts {
    /// The day or longer stretch that the rest lies in: `tuesday` in `tuesday after 17:00`.
    context: Option<Point>,
    range: Option<(Point, Point)>,
    lower: Option<(Edge, Point)>,
    upper: Option<(Edge, Point)>,
}

impl Parts {
    fn read(tokens: &[Token], now: &Zoned) -> Result<Self, WhenError> {
        let mut parts = Self::default();
        let mut reader = Reader::new(tokens);
        let mut passed: Vec<&Token> = Vec::new();
        let mut is_first = true;
        loop {
            let before = reader;
            match clause(&mut reader, now)? {
                Some(Clause::Plain(point)) if !passed.is_empty() && is_number(&point) => {
                    // A number among words that are passed over counts something: `the 3 that failed`.
                    reader = before;
                    passed.extend(reader.next());
                }
                Some(found) => {
                    if is_first && !passed.is_empty() {
                        // A word further on may be why the first ones lead nowhere: `between 14:00 and dawn`.
                        let lost = if passed.iter().all(|token| is_known(&token.text)) { tokens.iter().collect() } else { passed };
                        return Err(not_understood(&lost));
                    }
                    passable(&passed, &found, &parts)?;
                    passed.clear();
                    is_first = false;
                    parts.add(found, now.date()).map_err(|clash| clash.about(reader.text_since(&before)))?;
                }
                None if reader.is_done() => break,
                None => {
                    let token = reader.next();
                    passed.extend(token.filter(|token| token.shape != Shape::Pause));
                }
            }
        }
        if passed.is_empty() { Ok(parts) } else { Err(not_understood(&passed)) }
    }

    fn add(&mut self, clause: Clause, today: Date) -> Result<(), Clash> {
        match clause {
            Clause::Plain(point) => {
                self.context = Some(match self.context.take() {
                    None => point,
                    Some(context) => context.joined(point, today)?,
                });
            }
            Clause::Range(..) if self.range.is_some() || self.lower.is_some() || self.upper.is_some() => return Err(Clash::Unrelated),
            Clause::Range(a, b) => self.range = Some((a, b)),
            Clause::Edge(edge, point) => {
                let place = if edge.is_lower() { &mut self.lower } else { &mut self.upper };
                if self.range.is_some() || place.is_some() {
                    return Err(Clash::Unrelated);
                }
                *place = Some((edge, point));
            }
        }
        Ok(())
    }

    fn range(self, now: &Zoned) -> Result<TimeRange, Clash> {
        let today = now.date();
        let inside = |point: Point| match self.context.clone() {
            Some(context) => context.joined(point, today),
            None => Ok(point),
        };
        let bounds = self.context.as_ref().map(|context| context.extent(now, today, false)).transpose()?;
        if let Some((a, b)) = self.range {
            let (a, b) = lend(inside(a)?, inside(b)?);
            let (from, to) = two_ends(&a, &b, now)?;
            return Ok(TimeRange { from: Some(from), to: Some(to) });
        }
        let (lower, upper) = match (self.lower, self.upper) {
            (Some((below, a)), Some((above, b))) => {
                let (a, mut b) = lend(inside(a)?, inside(b)?);
                b.clock = next_hour(&a, &b, &a.extent(now, today, false)?.from, now)?.or(b.clock);
                (Some((below, a)), Some((above, b)))
            }
            (lower, upper) => {
                let within = |(edge, point)| inside(point).map(|point| (edge, point));
                (lower.map(within).transpose()?, upper.map(within).transpose()?)
            }
        };
        let upper = upper.map(|(edge, point)| point.extent(now, today, true).map(|extent| (edge, extent))).transpose()?;
        let lower = lower.map(|(edge, point)| point.extent(now, today, false).map(|extent| (edge, extent))).transpose()?;
        Ok(open_ends(lower, upper, bounds))
    }
}

/// The range between edges, inside the bounds of the context where there is one.
fn open_ends(lower: Option<(Edge, Extent)>, upper: Option<(Edge, Extent)>, bounds: Option<Extent>) -> TimeRange {
    let (first, last) = match bounds {
        // A context without length of its own is open: `2 hours ago`.
        Some(bounds) => (Some(bounds.from), (!bounds.is_moment).then_some(bounds.to)),
        None => (None, None),
    };
    let day_of = |edge: &Option<(Edge, Extent)>| edge.as_ref().filter(|(edge, _)| *edge != Edge::Since).and_then(|(_, extent)| extent.frame.clone());
    let from = match &lower {
        Some((Edge::After, extent)) if extent.frame.is_none() => Some(extent.to.clone()),
        Some((_, extent)) => Some(extent.from.clone()),
        None => first.or_else(|| day_of(&upper).map(|(start, _)| start)),
    };
    let to = match &upper {
        Some((Edge::Until, extent)) if extent.frame.is_none() => Some(extent.to.clone()),
        Some((_, extent)) => Some(extent.from.clone()),
        None => last.or_else(|| day_of(&lower).map(|(_, end)| end)),
    };
    TimeRange { from, to }
}

/// Whether the point is a number and nothing else.
fn is_number(point: &Point) -> bool {
    point.day.is_none() && point.part.is_none() && point.clock.is_some_and(Clock::is_bare_hour)
}

/// Words between two understood clauses are passed over where they say nothing of time.
fn passable(passed: &[&Token], next: &Clause, parts: &Parts) -> Result<(), WhenError> {
    // `and` narrows between two edges (`after 6pm and before midnight`); elsewhere it may add one time to another, which is no one range.
    let narrows = matches!(next, Clause::Edge(..));
    let has_edge = parts.lower.is_some() || parts.upper.is_some();
    let joins = |token: &Token| narrows && (token.text == "but" || (token.text == "and" && has_edge));
    let weighs =
        |token: &&&Token| token.glued || token.shape == Shape::Odd || token.shape == Shape::Dash || (is_weighty(&token.text) && !joins(token)) || nearest(&token.text).is_some();
    match passed.iter().find(weighs) {
        Some(token) => Err(not_understood(&[*token])),
        None => Ok(()),
    }
}

/// Names the words that are not known, or all of them where each is.
fn not_understood(passed: &[&Token]) -> WhenError {
    let unknown: Vec<&Token> = passed.iter().copied().filter(|token| token.shape == Shape::Odd || (token.shape == Shape::Word && !is_known(&token.text))).collect();
    let named = if unknown.is_empty() { passed } else { unknown.as_slice() };
    WhenError::NotUnderstood { words: join(named.iter().copied()), meant: named.iter().find_map(|token| nearest(&token.text)) }
}
