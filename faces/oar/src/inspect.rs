//! `oar inspect`: prints what a bundle says about itself, record by record, and verifies nothing.

use crate::flags::Inspect;
use crate::input;
use crate::output::printed;
use crate::problem::Problem;
use mickai_proof::bundle::{BundleError, Event, EventProof, Header, Parser};
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{RecordDigest, hex};
use mickai_proof::json::{array, object, plain, text, uint};
use mickai_proof::limits;
use mickai_proof::pantheon::LightProof;
use mickai_proof::record::{Fact, Kind, Record, decode};
use mickai_proof::view;
use std::collections::BTreeMap;
use std::io::{self, Write};

const EXIT_INVALID: u8 = 1;
const EXIT_UNREADABLE: u8 = 4;
const NOTHING_VERIFIED: &str = "nothing was verified: run `oar verify` with a key that you have from elsewhere";

/// Bytes of a fact that a line shows; longer ones are cut for people, never in JSON.
const SHOWN_BYTES_MAX: usize = 8;

/// Exit 0 when the file could be read to its end, which says nothing about its content.
pub fn run(flags: &Inspect) -> Result<u8, Problem> {
    let mut page = Page { out: io::BufWriter::new(io::stdout().lock()), as_json: flags.json, summary: Summary::default() };
    let mut parser = Parser::default();
    let mut broken = None;
    input::in_pieces(&flags.file, |piece| {
        parser.feed(piece);
        loop {
            match parser.next_event() {
                // Where nobody reads any more the file is still read to its end: the code is about all of it.
                Ok(Some(event)) => printed(page.show(&event))?,
                Ok(None) => return Ok(true),
                Err(error) => {
                    broken = Some(error);
                    return Ok(false);
                }
            }
        }
    })?;
    let broken = broken.or_else(|| parser.finish().err());
    printed(page.end(broken))?;
    Ok(match broken {
        None => 0,
        Some(BundleError::NotABundle | BundleError::UnsupportedVersion) => EXIT_UNREADABLE,
        Some(BundleError::Malformed(_) | BundleError::NoRecords) => EXIT_INVALID,
    })
}

fn describe(error: BundleError) -> String {
    match error {
        BundleError::NotABundle => "this is not a bundle".to_owned(),
        BundleError::UnsupportedVersion => "this bundle needs a newer reader".to_owned(),
        BundleError::Malformed(index) => format!("the file breaks off or goes wrong at index {index}"),
        BundleError::NoRecords => "the bundle holds no records".to_owned(),
    }
}

/// Where lines go, and what they add up to.
struct Page<W: Write> {
    out: W,
    as_json: bool,
    summary: Summary,
}

/// What only the whole file shows.
#[derive(Default)]
struct Summary {
    header: Option<Header>,
    records: u64,
    kinds: BTreeMap<&'static str, u64>,
    signed: u64,
    opened: u64,
    /// Intents that no outcome has closed, by digest: an outcome is shown with the index of its intent.
    open: BTreeMap<RecordDigest, u64>,
}

impl<W: Write> Page<W> {
    fn line(&mut self, for_people: &str, for_programs: &str) -> io::Result<()> {
        let line = if self.as_json { for_programs } else { for_people };
        writeln!(self.out, "{line}")
    }

    fn show(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Header(header) => {
                self.summary.header = Some(*header);
                let (first, last) = (header.first, header.end() - 1);
                let for_programs = object([("log", plain(header.log)), ("first", uint(first)), ("count", uint(header.count))]);
                self.line(&format!("bundle of log {}, records {first}\u{2013}{last}", header.log), &for_programs)
            }
            Event::Key(key) => {
                let for_programs = object([("key_id", plain(key.id())), ("key_pem", text(&key.to_pem()))]);
                self.line(&format!("key {} (from the bundle itself)", key.id()), &for_programs)
            }
            Event::KeyEvent(event) => self.key_event(event),
            Event::Record(index, bytes) => self.record(*index, bytes),
            Event::Opening(opening) => {
                self.summary.opened += 1;
                let shown = String::from_utf8(opening.value.clone()).map_or_else(|_| format!("{} bytes", opening.value.len()), |text| format!("{text:?}"));
                let for_programs = object([("index", uint(opening.index)), ("opened", text(&opening.label)), ("as", view::opened(opening))]);
                self.line(&format!("{:>6}  opened {} = {shown}", opening.index, opening.label.escape_debug()), &for_programs)
            }
            Event::Settlement(proof) => {
                let (for_people, for_programs) = settlement(proof);
                self.line(&for_people, &for_programs)
            }
            Event::Checkpoint(note) => {
                let (for_people, for_programs) = checkpoint(note);
                self.line(&for_people, &for_programs)
            }
            Event::Signature(_, bytes) => {
                self.summary.signed += u64::from(!bytes.is_empty());
                Ok(())
            }
            Event::KeysEnd | Event::Left(_) | Event::Right(_) | Event::ChunkEnd => Ok(()),
        }
    }

    /// A record that lies outside the range, and is here because it says which keys signed.
    fn key_event(&mut self, event: &EventProof) -> io::Result<()> {
        let for_programs = object([("key_event", view::record(event.index, &event.record))]);
        let shown = match decode(&event.record) {
            Ok(record) => format!("{:>6}  outside the range: {} {}", event.index, record.kind.name(), details(&record).join("; ")),
            Err(error) => format!("{:>6}  outside the range: {error}", event.index),
        };
        self.line(&shown, &for_programs)
    }

    fn record(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        let digest = RecordDigest::of(bytes);
        self.summary.records += 1;
        let record = match decode(bytes) {
            Ok(record) => record,
            Err(error) => {
                *self.summary.kinds.entry(error.code()).or_default() += 1;
                return self.line(&format!("{index:>6}  {error} ({} bytes, digest {})", bytes.len(), digest.short()), &view::record(index, bytes));
            }
        };
        *self.summary.kinds.entry(record.kind.name()).or_default() += 1;
        let intent = record.closes.and_then(|(intent, _)| self.summary.open.remove(&intent));
        // As many as a verifier lets be open; a bundle that has more is not one that verifies.
        if record.kind == Kind::Intent && self.summary.open.len() < limits::OPEN_INTENTS_MAX {
            self.summary.open.insert(digest, index);
        }
        let mut shown = line(index, &record, digest, intent);
        for more in details(&record) {
            shown = format!("{shown}\n        {more}");
        }
        self.line(&shown, &view::record(index, bytes))
    }

    fn end(&mut self, broken: Option<BundleError>) -> io::Result<()> {
        let end = broken.map_or_else(|| "the file is complete".to_owned(), describe);
        let summary = std::mem::take(&mut self.summary);
        let mut for_people = Vec::new();
        if summary.header.is_some() {
            let kinds: Vec<_> = summary.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let signed = format!("{} signed each, {} sealed", summary.signed, summary.records.saturating_sub(summary.signed));
            for_people.push(format!("{} records: {}; {signed}; {} values opened", summary.records, kinds.join(", "), summary.opened));
            if !summary.open.is_empty() {
                for_people.push(format!("intents without outcome here: {}", listed(&summary.open)));
            }
        }
        for_people.extend([end.clone(), NOTHING_VERIFIED.to_owned()]);
        let mut indexes: Vec<u64> = summary.open.into_values().collect();
        indexes.sort_unstable();
        let kinds = object(summary.kinds.iter().map(|(kind, count)| (kind, uint(*count))));
        let for_programs = object([
            ("records", uint(summary.records)),
            ("kinds", kinds),
            ("signed", uint(summary.signed)),
            ("opened", uint(summary.opened)),
            ("open_intents", array(indexes.into_iter().map(uint))),
            ("end", text(&end)),
            ("note", text(NOTHING_VERIFIED)),
        ]);
        self.line(&for_people.join("\n"), &for_programs)?;
        self.out.flush()
    }
}

/// The first few, as a verdict lists them.
fn listed(open: &BTreeMap<RecordDigest, u64>) -> String {
    let mut indexes: Vec<u64> = open.values().copied().collect();
    indexes.sort_unstable();
    let shown: Vec<_> = indexes.iter().take(limits::OPEN_INTENTS_LISTED_MAX).map(ToString::to_string).collect();
    let more = if indexes.len() > limits::OPEN_INTENTS_LISTED_MAX { ", \u{2026}" } else { "" };
    shown.join(", ") + more
}

fn checkpoint(note: &[u8]) -> (String, String) {
    match Note::parse(note) {
        Ok(Note { checkpoint, .. }) => {
            let (size, root) = (checkpoint.size, checkpoint.root);
            let value = object([("log", plain(checkpoint.log)), ("size", uint(size)), ("root", plain(root))]);
            (format!("checkpoint of {size} records, root {root}"), object([("checkpoint", value)]))
        }
        Err(error) => (format!("checkpoint: {error}"), object([("checkpoint", "null".to_owned()), ("error", plain(error.code()))])),
    }
}

fn settlement(proof: &[u8]) -> (String, String) {
    match LightProof::parse(proof) {
        Ok(proof) => {
            let (chain, height, changes) = (proof.head.id(), proof.header.height.0, proof.changes.len());
            let value = object([("chain", plain(chain)), ("height", uint(height)), ("changes", uint(changes as u64))]);
            (format!("settlement on chain {chain}, as of block {height}, after {changes} changes of the validators"), object([("settlement", value)]))
        }
        Err(error) => (format!("settlement: {error}"), object([("settlement", "null".to_owned()), ("error", plain(error.code()))])),
    }
}

fn line(index: u64, record: &Record<'_>, digest: RecordDigest, intent: Option<u64>) -> String {
    let facts: Vec<_> = record.facts.iter().map(|(label, fact)| format!("{}={}", label.escape_debug(), short(fact))).collect();
    let outcome = record.closes.map(|(_, code)| format!(" {}", code.name())).unwrap_or_default();
    let of = intent.map(|index| format!(" of {index}")).unwrap_or_default();
    let hidden = if record.commitments.is_empty() { String::new() } else { format!("  ({} committed)", record.commitments.len()) };
    format!(
        "{index:>6}  {:<9} {}{outcome}{of}  {} ms  {}  {}  {}{hidden}",
        record.kind.name(),
        record.action.escape_debug(),
        record.wall_ms,
        record.mode.name(),
        digest.short(),
        facts.join(" ")
    )
}

/// Where the record comes from, and what a record of its kind does to the log or to other records.
fn details(record: &Record<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if !record.causes.is_empty() {
        let causes: Vec<_> = record.causes.iter().map(|(index, digest)| format!("{index} ({})", digest.short())).collect();
        lines.push(format!("because of {}", causes.join(", ")));
    }
    let bytes = |name: &str| record.fact(name).and_then(Fact::as_bytes).map_or_else(|| "?".to_owned(), hex);
    let number = |name: &str| record.fact(name).and_then(Fact::as_uint).map_or_else(|| "?".to_owned(), |value| value.to_string());
    match record.kind {
        Kind::Genesis => lines.push(format!("begins the log with key {}, next {}, recovery {}", record.key_id, bytes("next"), bytes("recovery"))),
        Kind::Rotate => lines.push(format!("ends key {}; the key after the one that it names: {}", record.key_id, bytes("next"))),
        Kind::Revoke => lines.push(format!("revokes key {} from index {} on", bytes("revoked"), number("effective"))),
        Kind::Erase => {
            let labels = record.fact("labels").map(short).unwrap_or_default();
            lines.push(format!("erased from record {}: {labels}", number("record")));
        }
        _ => {}
    }
    lines
}

/// A fact for one line of a terminal; what a terminal would obey is escaped.
fn short(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Uint(value) => value.to_string(),
        Fact::Text(text) => text.escape_debug().to_string(),
        Fact::Bytes(bytes) if bytes.len() <= SHOWN_BYTES_MAX => hex(bytes),
        Fact::Bytes(bytes) => format!("{}\u{2026}", hex(bytes.get(..SHOWN_BYTES_MAX).unwrap_or_default())),
        Fact::List(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_proof::commitment::Opening;
    use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest, Salt};
    use mickai_proof::record::{ActorClass, Kind, Mode, encode};

    /// Clears the screen, rings, turns the text around, begins a line.
    const HOSTILE: &str = "a\u{1b}[2J\u{7}\u{9b}\u{202e}\nVERIFIED";

    fn shown(event: &Event<'_>, as_json: bool) -> String {
        let mut page = Page { out: Vec::new(), as_json, summary: Summary::default() };
        page.show(event).unwrap();
        let text = String::from_utf8(page.out).unwrap();
        text.strip_suffix('\n').unwrap().to_owned()
    }

    fn record(kind: Kind, facts: Vec<(&'static str, Fact<'static>)>) -> Vec<u8> {
        encode(&Record {
            log_id: LogId([1; 32]),
            index: 1,
            prev: Some(RecordDigest([2; 64])),
            wall_ms: 0,
            boot_id: Id::ZERO,
            monotonic_ns: 0,
            kind,
            actor: (ActorClass::System, Id::ZERO),
            authority: (Id::ZERO, 0),
            action: HOSTILE.into(),
            causes: vec![(0, RecordDigest([5; 64]))],
            facts: facts.into_iter().map(|(label, fact)| (label.into(), fact)).collect(),
            commitments: Vec::new(),
            closes: None,
            mode: Mode::Each,
            key_id: KeyId([3; 32]),
            critical: Vec::new(),
            extensions: Vec::new(),
        })
    }

    #[test]
    fn nothing_that_a_bundle_says_reaches_the_terminal_as_a_command() {
        let hostile = record(Kind::Deny, vec![(HOSTILE, Fact::List(vec![Fact::Text(HOSTILE.into())]))]);
        let opening = || Opening { index: 1, label: HOSTILE.to_owned(), salt: Salt([4; 32]), value: HOSTILE.as_bytes().to_vec() };
        for (event, times) in [(Event::Record(1, &hostile), 3), (Event::Opening(opening()), 2)] {
            let line = shown(&event, false);
            assert!(line.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ' || letter == '\n'), "{line:?}");
            // A line of a record is followed by lines that are set in; nothing else begins a line.
            assert!(line.lines().skip(1).all(|line| line.starts_with("        because of 0 (050505050505)")), "{line:?}");
            assert_eq!(line.matches("a\\u{1b}[2J\\u{7}\\u{9b}\\u{202e}\\nVERIFIED").count(), times, "{line}");
            let json = shown(&event, true);
            assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{json:?}");
            assert_eq!(json.matches("a\\u001b[2J\\u0007\\u009b\\u202e\\u000aVERIFIED").count(), times, "{json}");
            assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().is_object());
        }
    }

    #[test]
    fn a_record_shows_where_it_comes_from_and_what_it_does() {
        let genesis = record(Kind::Genesis, vec![("next", Fact::Bytes(vec![7; 32].into()))]);
        let line = shown(&Event::Record(1, &genesis), false);
        for said in ["because of 0 (050505050505)", "next 07070707", "recovery ?", "with key 03030303"] {
            assert!(line.contains(said), "{said}: {line}");
        }
    }
}
