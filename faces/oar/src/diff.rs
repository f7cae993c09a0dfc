//! `oar diff`: walks two bundles side by side and says where they part, field by field, and whether their checkpoints contradict each other.

use crate::flags::Diff;
use crate::output::printed;
use crate::problem::Problem;
use crate::source::{End, Entry, Source};
use mickai_proof::bundle::EventProof;
use mickai_proof::checkpoint::Note;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::{KeyId, RecordDigest, TreeHash, hex};
use mickai_proof::json::{array, object, plain, text, uint};
use mickai_proof::merkle::{self, Frontier};
use mickai_proof::pantheon::LightProof;
use mickai_proof::record::{Record, decode};
use mickai_proof::view;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::iter;

/// The bundles differ.
const EXIT_DIFFER: u8 = 1;

pub fn run(flags: &Diff) -> Result<u8, Problem> {
    let (mut left, mut right) = (Side::open(&flags.left)?, Side::open(&flags.right)?);
    let mut walk = Walk::default();
    let (mut a, mut b) = (left.next(right.source.header.count)?, right.next(left.source.header.count)?);
    loop {
        (a, b) = match (a, b) {
            (Some(one), Some(other)) if one.index == other.index => {
                walk.pair(&one, &other);
                (left.next(right.source.header.count)?, right.next(left.source.header.count)?)
            }
            (Some(one), other) if other.as_ref().is_none_or(|other| one.index < other.index) => {
                extend(&mut walk.only_left, one.index);
                (left.next(right.source.header.count)?, other)
            }
            (one, Some(other)) => {
                extend(&mut walk.only_right, other.index);
                (one, right.next(left.source.header.count)?)
            }
            (None | Some(_), None) => break,
        };
    }
    let ends = (left.source.end()?, right.source.end()?);
    let mut lines = walk.lines();
    lines.extend(outside_records(&left, &right, &ends));
    lines.extend(contradiction(&left, &right, &ends));
    let is_same = lines.is_empty();
    if is_same {
        lines.push(Line::new("the bundles say the same".to_owned(), vec![("same", "true".to_owned())]));
    }
    printed(print(&lines, flags.json))?;
    Ok(if is_same { 0 } else { EXIT_DIFFER })
}

fn print(lines: &[Line], as_json: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    lines.iter().try_for_each(|line| if as_json { writeln!(out, "{}", line.for_programs) } else { writeln!(out, "{}", line.for_people) })?;
    out.flush()
}

/// One thing found.
struct Line {
    for_people: String,
    for_programs: String,
}

impl Line {
    fn new(for_people: String, members: Vec<(&str, String)>) -> Self {
        Self { for_people, for_programs: object(members) }
    }
}

/// One bundle, and the tree of its records where they begin at 0.
struct Side {
    source: Source,
    tree: Frontier,
    /// The root that this side's tree had when it was as large as the other side's bundle.
    root_there: Option<TreeHash>,
}

impl Side {
    fn open(path: &std::path::Path) -> Result<Self, Problem> {
        Ok(Self { source: Source::open(path)?, tree: Frontier::default(), root_there: None })
    }

    fn next(&mut self, other_count: u64) -> Result<Option<Entry>, Problem> {
        let entry = self.source.entry()?;
        if let Some(entry) = entry.as_ref().filter(|_| self.source.header.first == 0) {
            self.tree.push(merkle::leaf(&entry.record));
            if self.tree.size() == other_count {
                self.root_there = self.tree.root();
            }
        }
        Ok(entry)
    }

    /// The listed key under which a note verifies.
    fn signer(&self, note: &Note) -> Option<KeyId> {
        let signs = |key: &&mickai_proof::key::PublicKey| note.verify(key, self.source.header.log).is_ok();
        self.source.keys.iter().find(signs).map(|key| key.id())
    }
}

/// What the walk over the records found.
#[derive(Default)]
struct Walk {
    /// The records that are the same, before the first that differ.
    same: Option<(u64, u64)>,
    first: Option<Parting>,
    differing: u64,
    signatures: Vec<(u64, u64)>,
    openings: Vec<(u64, String)>,
    /// Were there more?
    openings_more: bool,
    only_left: Vec<(u64, u64)>,
    only_right: Vec<(u64, u64)>,
}

/// The first record that is not the same in both.
struct Parting {
    index: u64,
    digests: (RecordDigest, RecordDigest),
    fields: Vec<Difference>,
}

/// A field's name, and its two values as JSON.
type Difference = (String, String, String);

/// Openings that are listed one by one.
const OPENINGS_LISTED_MAX: usize = 64;

impl Walk {
    fn pair(&mut self, one: &Entry, other: &Entry) {
        let index = one.index;
        if one.record != other.record {
            self.differing += 1;
            if self.first.is_none() {
                self.first = Some(Parting { index, digests: (RecordDigest::of(&one.record), RecordDigest::of(&other.record)), fields: fields(one, other) });
            }
        } else if self.first.is_none() {
            self.same = Some((self.same.map_or(index, |(first, _)| first), index));
        }
        if one.signature != other.signature {
            extend(&mut self.signatures, index);
        }
        let mut labels = opened_differently(&one.openings, &other.openings);
        let room = OPENINGS_LISTED_MAX - self.openings.len();
        self.openings.extend(labels.by_ref().take(room).map(|label| (index, label.to_owned())));
        self.openings_more |= labels.next().is_some();
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(Parting { index, digests: (one, other), fields }) = &self.first {
            lines.extend(self.same.map(|run| Line::new(format!("records {} are the same", shown(run)), vec![("same", range(run))])));
            let members = vec![("first_differing", uint(*index)), ("digests", array([plain(one), plain(other)])), ("records_differing", uint(self.differing))];
            let more = if self.differing > 1 { format!(" (the first of {})", self.differing) } else { String::new() };
            lines.push(Line::new(format!("record {index} differs{more}: {} | {}", one.short(), other.short()), members));
            lines.extend(fields.iter().map(|(name, one, other)| {
                let members = vec![("index", uint(*index)), ("field", text(name)), ("left", one.clone()), ("right", other.clone())];
                Line::new(format!("  {}: {one} | {other}", name.escape_debug()), members)
            }));
        }
        let runs = |runs: &[(u64, u64)], name: &'static str, said: &str| {
            let said = said.to_owned();
            runs.iter().map(|run| Line::new(format!("{said}: {}", shown(*run)), vec![(name, range(*run))])).collect::<Vec<_>>()
        };
        lines.extend(runs(&self.signatures, "signatures_differ", "other signatures beside records"));
        lines.extend(self.openings.iter().map(|(index, label)| {
            Line::new(format!("record {index}: {} is not opened alike", label.escape_debug()), vec![("index", uint(*index)), ("opened_differently", text(label))])
        }));
        lines.extend(self.openings_more.then(|| Line::new("and more that is not opened alike".to_owned(), vec![("more_opened_differently", "true".to_owned())])));
        lines.extend(runs(&self.only_left, "only_left", "only in the first"));
        lines.extend(runs(&self.only_right, "only_right", "only in the second"));
        lines
    }
}

/// The labels of one record that are not opened alike, in the order of both lists: each ascends, as a bundle's openings do.
fn opened_differently<'a>(one: &'a [Opening], other: &'a [Opening]) -> impl Iterator<Item = &'a str> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    iter::from_fn(move || {
        loop {
            let least = one.peek().into_iter().chain(other.peek()).copied().map(place).min()?;
            let (a, b) = (one.next_if(|opening| place(opening) == least), other.next_if(|opening| place(opening) == least));
            if a != b {
                return Some(least.1);
            }
        }
    })
}

/// Labels are ordered as map keys: shorter first, then bytewise.
fn place(opening: &Opening) -> (usize, &str) {
    (opening.label.len(), &opening.label)
}

fn shown((first, last): (u64, u64)) -> String {
    if first == last { first.to_string() } else { format!("{first}\u{2013}{last}") }
}

fn range((first, last): (u64, u64)) -> String {
    array([uint(first), uint(last)])
}

/// Adds an index to runs that ascend.
fn extend(runs: &mut Vec<(u64, u64)>, index: u64) {
    match runs.last_mut() {
        Some((_, last)) if last.checked_add(1) == Some(index) => *last = index,
        _ => runs.push((index, index)),
    }
}

/// The fields that are not the same, with both values as JSON; `null` where one has none.
fn fields(one: &Entry, other: &Entry) -> Vec<Difference> {
    let (one, other) = (flat(one), flat(other));
    let names: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let value = |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or_else(|| "null".to_owned());
    names.into_iter().map(|name| (name.clone(), value(&one, name), value(&other, name))).filter(|(_, one, other)| one != other).collect()
}

/// Every field by its name; of the maps every entry.
fn flat(entry: &Entry) -> BTreeMap<String, String> {
    let Ok(record) = decode(&entry.record) else { return BTreeMap::from([("bytes".to_owned(), plain(hex(&entry.record)))]) };
    let maps = ["facts", "commitments", "extensions"];
    let mut flat: BTreeMap<_, _> = view::fields(entry.index, &record).into_iter().filter(|(name, _)| !maps.contains(name)).map(|(name, value)| (name.to_owned(), value)).collect();
    flat.extend(entries_of(&record));
    flat
}

fn entries_of(record: &Record<'_>) -> Vec<(String, String)> {
    let facts = record.facts.iter().map(|(label, fact)| (format!("facts.{label}"), view::fact(fact)));
    let commitments = record.commitments.iter().map(|(label, commitment)| (format!("commitments.{label}"), plain(commitment)));
    let extensions = record.extensions.iter().map(|(label, value)| (format!("extensions.{label}"), plain(hex(value))));
    facts.chain(commitments).chain(extensions).collect()
}

/// Log, keys, key events outside the range, settlements, checkpoints.
fn outside_records(left: &Side, right: &Side, ends: &(End, End)) -> Vec<Line> {
    let mut lines = Vec::new();
    let (one, other) = (left.source.header.log, right.source.header.log);
    if one != other {
        lines.push(Line::new(format!("two logs: {} | {}", one.short(), other.short()), vec![("logs", array([plain(one), plain(other)]))]));
    }
    let ids = |side: &Side| array(side.source.keys.iter().map(|key| plain(key.id())));
    let (one, other) = (ids(left), ids(right));
    if one != other {
        lines.push(Line::new(format!("other keys: {one} | {other}"), vec![("keys", array([one.clone(), other.clone()]))]));
    }
    lines.extend(events_line(&left.source.events, &right.source.events));
    lines.extend(settlements_line(&left.source.settlements, &right.source.settlements));
    if ends.0.note != ends.1.note {
        let head = |end: &End| end.checkpoint().map(|note| note.checkpoint);
        let said = |end: &End| head(end).map_or_else(|| "none".to_owned(), |head| format!("{} records, root {}", head.size, head.root.short()));
        let object = |end: &End| head(end).map_or_else(|| "null".to_owned(), |head| object([("size", uint(head.size)), ("root", plain(head.root))]));
        lines.push(Line::new(format!("other checkpoints: {} | {}", said(&ends.0), said(&ends.1)), vec![("checkpoints", array([object(&ends.0), object(&ends.1)]))]));
    }
    lines
}

/// By index and digest; what lies beside an event, its signature and its path, may be all that differs.
fn events_line(one: &[EventProof], other: &[EventProof]) -> Option<Line> {
    let said = |events: &[EventProof]| listed(events.iter().map(|event| format!("{} ({})", event.index, RecordDigest::of(&event.record).short())));
    let object = |event: &EventProof| object([("index", uint(event.index)), ("digest", plain(RecordDigest::of(&event.record)))]);
    let objects = |events: &[EventProof]| array(events.iter().map(object));
    (one != other).then(|| {
        let members = vec![("key_events", array([objects(one), objects(other)]))];
        Line::new(format!("other key events outside the range: {} | {}", said(one), said(other)), members)
    })
}

/// By chain and height; one that is no light proof is `null`.
fn settlements_line(one: &[Vec<u8>], other: &[Vec<u8>]) -> Option<Line> {
    let place = |proof: &Vec<u8>| LightProof::parse(proof).ok().map(|proof| (proof.head.id(), proof.header.height.0));
    let word = |proof: &Vec<u8>| place(proof).map_or_else(|| "no light proof".to_owned(), |(chain, height)| format!("chain {chain} at height {height}"));
    let said = |proofs: &[Vec<u8>]| listed(proofs.iter().map(word));
    let object = |proof: &Vec<u8>| place(proof).map_or_else(|| "null".to_owned(), |(chain, height)| object([("chain", plain(chain)), ("height", uint(height))]));
    let objects = |proofs: &[Vec<u8>]| array(proofs.iter().map(object));
    (one != other).then(|| {
        let members = vec![("settlements", array([objects(one), objects(other)]))];
        Line::new(format!("other settlements: {} | {}", said(one), said(other)), members)
    })
}

/// All of them, or that there are none.
fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Two checkpoints of one log that cannot both be true, as far as the bundles show it.
fn contradiction(left: &Side, right: &Side, ends: &(End, End)) -> Option<Line> {
    let (one, other) = (ends.0.checkpoint()?, ends.1.checkpoint()?);
    let (a, b) = (one.checkpoint, other.checkpoint);
    let prefix_differs = |smaller: &mickai_proof::checkpoint::Checkpoint, small: &Side, large: &Side| {
        smaller.size == small.source.header.count && small.source.header.first == 0 && large.root_there.is_some_and(|root| root != smaller.root)
    };
    let contradict = match a.size.cmp(&b.size) {
        std::cmp::Ordering::Equal => a.root != b.root,
        std::cmp::Ordering::Less => prefix_differs(&a, left, right),
        std::cmp::Ordering::Greater => prefix_differs(&b, right, left),
    };
    if a.log != b.log || !contradict {
        return None;
    }
    Some(match (left.signer(&one), right.signer(&other)) {
        (Some(key), Some(second)) => {
            let members = vec![("fork", array([plain(key), plain(second)])), ("sizes", array([uint(a.size), uint(b.size)]))];
            Line::new(format!("FORK: the checkpoints of {} and {} records are both signed and cannot both be true; `oar fork-proof` makes the proof", a.size, b.size), members)
        }
        _ => {
            let members = vec![("contradiction_unsigned", array([uint(a.size), uint(b.size)]))];
            Line::new("the checkpoints contradict each other, but not both are signed by a key that their bundle lists: this proves nothing".to_owned(), members)
        }
    })
}
