//! What a phrase asks of its points: `since` one, `before` one, `from` one `to` another.

use jiff::Zoned;

use super::day::point;
use super::error::WhenError;
use super::point::Point;
use super::reader::Reader;
use super::words::Shape;

/// One part of a phrase that is understood.
#[derive(Debug, Clone)]
pub(super) enum Clause {
    /// The time itself.
    Plain(Point),
    /// Open on one side.
    Edge(Edge, Point),
    /// From one point to another.
    Range(Point, Point),
}

/// The side on which a clause is open, and whether a whole day there counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// From its start, without end.
    Since,
    /// From its end; from a clock time to the end of its day.
    After,
    /// To its start.
    Before,
    /// To its end.
    Until,
}

impl Edge {
    pub(super) fn is_lower(self) -> bool {
        matches!(self, Self::Since | Self::After)
    }
}

/// Words that stand in front of a time and change nothing.
const LEADS: &[&str] = &["on", "at", "in", "for", "during", "over", "within", "throughout", "the"];

/// The words for each edge, longer ones first.
const EDGES: &[(&str, Edge)] = &[
    ("ever since", Edge::Since),
    ("since", Edge::Since),
    ("starting from", Edge::Since),
    ("starting", Edge::Since),
    ("as of", Edge::Since),
    ("not before", Edge::Since),
    ("any time after", Edge::After),
    ("anytime after", Edge::After),
    ("later than", Edge::After),
    ("after", Edge::After),
    ("past", Edge::After),
    ("any time before", Edge::Before),
    ("anytime before", Edge::Before),
    ("earlier than", Edge::Before),
    ("prior to", Edge::Before),
    ("before", Edge::Before),
    ("no later than", Edge::Until),
    ("not later than", Edge::Until),
    ("not after", Edge::Until),
    ("up until", Edge::Until),
    ("up to", Edge::Until),
    ("until", Edge::Until),
    ("till", Edge::Until),
    ("til", Edge::Until),
    ("by", Edge::Until),
];

/// Reads one clause; leaves the reader where it was if there is none.
pub(super) fn clause(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Clause>, WhenError> {
    let start = *reader;
    while reader.take(LEADS) || reader.take_shape(&Shape::Pause) {}
    let led = *reader;
    if reader.take(&["between", "betw", "btw"]) {
        if let Some(first) = point(reader, now, true)?
            && (reader.take(&["and", "&", "to"]) || reader.take_shape(&Shape::Dash))
            && let Some(second) = point(reader, now, true)?
        {
            return Ok(Some(Clause::Range(first, second)));
        }
        *reader = start;
        return Ok(None);
    }
    if reader.take(&["from"])
        && let Some(first) = point(reader, now, true)?
    {
        return from(reader, first, now).map(Some);
    }
    *reader = led;
    // `past 2 hours` and `past monday` are times of their own, read before `past` counts as `after`.
    let plain = point(reader, now, false)?;
    if let Some(first) = plain {
        return from(reader, first, now).map(Some);
    }
    for (words, edge) in EDGES {
        *reader = led;
        if reader.take_all(words)
            && let Some(of) = point(reader, now, *edge == Edge::Since)?
        {
            return match second(reader, now)?.filter(|_| *edge == Edge::Since) {
                Some(second) => Ok(Some(Clause::Range(of, second))),
                None => Ok(Some(Clause::Edge(*edge, of))),
            };
        }
    }
    *reader = start;
    Ok(None)
}

/// What follows the first point: a second one, `onwards`, or nothing.
fn from(reader: &mut Reader<'_>, first: Point, now: &Zoned) -> Result<Clause, WhenError> {
    if let Some(second) = second(reader, now)? {
        return Ok(Clause::Range(first, second));
    }
    if reader.take(&["on", "onward", "onwards"]) || reader.take_all("or later") || reader.take_all("and later") {
        return Ok(Clause::Edge(Edge::Since, first));
    }
    Ok(Clause::Plain(first))
}

/// `to`, `until`, `-` and the like, with the point that ends the range.
fn second(reader: &mut Reader<'_>, now: &Zoned) -> Result<Option<Point>, WhenError> {
    let before = *reader;
    reader.skip_pauses();
    let joined = reader.take_all("up to") || reader.take_all("up until") || reader.take(&["to", "until", "till", "til", "through", "thru"]) || reader.take_shape(&Shape::Dash);
    if joined && let Some(second) = point(reader, now, true)? {
        return Ok(Some(second));
    }
    *reader = before;
    Ok(None)
}
