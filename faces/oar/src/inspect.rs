//! `oar inspect`: prints what a bundle says about itself, record by record, and verifies nothing.

use crate::flags::Inspect;
use crate::input;
use crate::problem::Problem;
use mickai_proof::bundle::{BundleError, Event, Parser};
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{RecordDigest, hex};
use mickai_proof::record::{Fact, Record, decode};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

const EXIT_INVALID: u8 = 1;
const EXIT_UNREADABLE: u8 = 4;
const NOTHING_VERIFIED: &str = "nothing was verified: run `oar verify` with a key that you have from elsewhere";

/// Bytes of a fact that a line shows; longer ones are cut for people, never in JSON.
const SHOWN_BYTES_MAX: usize = 8;

/// Exit 0 when the file could be read to its end, which says nothing about its content.
pub fn run(flags: &Inspect) -> Result<u8, Problem> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut parser = Parser::default();
    let mut broken = None;
    input::in_pieces(&flags.file, |piece| {
        parser.feed(piece);
        loop {
            match parser.next_event() {
                Ok(Some(event)) => show(&mut out, &event, flags.json).map_err(Problem::Output)?,
                Ok(None) => return Ok(true),
                Err(error) => {
                    broken = Some(error);
                    return Ok(false);
                }
            }
        }
    })?;
    let broken = broken.or_else(|| parser.finish().err());
    let end = broken.map_or_else(|| "the file is complete".to_owned(), describe);
    let line = if flags.json { json!({"end": end, "note": NOTHING_VERIFIED}).to_string() } else { format!("{end}\n{NOTHING_VERIFIED}") };
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Problem::Output)?;
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

fn show(out: &mut impl Write, event: &Event<'_>, as_json: bool) -> io::Result<()> {
    let (for_people, for_programs) = match event {
        Event::Header(header) => {
            let (first, last) = (header.first, header.end() - 1);
            (format!("bundle of log {}, records {first}\u{2013}{last}", header.log), json!({"log": header.log.to_string(), "first": first, "count": header.count}))
        }
        Event::Key(key) => (format!("key {} (from the bundle itself)", key.id()), json!({"key_id": key.id().to_string(), "key_pem": key.to_pem()})),
        Event::Record(index, bytes) => record(*index, bytes),
        Event::Opening(opening) => {
            let value = hex(&opening.value);
            let text = String::from_utf8(opening.value.clone()).map_or_else(|_| format!("{} bytes", opening.value.len()), |text| format!("{text:?}"));
            (format!("{:>6}  opened {} = {text}", opening.index, opening.label.escape_debug()), json!({"index": opening.index, "opened": opening.label, "value": value}))
        }
        Event::Checkpoint(note) => checkpoint(note),
        Event::Signature(..) | Event::KeyEvent(_) | Event::KeysEnd | Event::Left(_) | Event::Right(_) | Event::ChunkEnd => return Ok(()),
    };
    if as_json { writeln!(out, "{for_programs}") } else { writeln!(out, "{for_people}") }
}

fn checkpoint(note: &[u8]) -> (String, Value) {
    match Note::parse(note) {
        Ok(Note { checkpoint, .. }) => {
            let (size, root) = (checkpoint.size, checkpoint.root);
            (format!("checkpoint of {size} records, root {root}"), json!({"checkpoint": {"log": checkpoint.log.to_string(), "size": size, "root": root.to_string()}}))
        }
        Err(error) => (format!("checkpoint: {error}"), json!({"checkpoint": null, "error": error.code()})),
    }
}

fn record(index: u64, bytes: &[u8]) -> (String, Value) {
    let digest = RecordDigest::of(bytes);
    match decode(bytes) {
        Ok(record) => (line(index, &record, digest), object(index, &record, digest)),
        Err(error) => {
            let value = json!({"index": index, "digest": digest.to_string(), "error": error.code()});
            (format!("{index:>6}  {error} ({} bytes, digest {})", bytes.len(), digest.short()), value)
        }
    }
}

fn line(index: u64, record: &Record<'_>, digest: RecordDigest) -> String {
    let facts: Vec<_> = record.facts.iter().map(|(label, fact)| format!("{}={}", label.escape_debug(), short(fact))).collect();
    let outcome = record.closes.map(|(_, code)| format!(" {}", code.name())).unwrap_or_default();
    let hidden = if record.commitments.is_empty() { String::new() } else { format!("  ({} committed)", record.commitments.len()) };
    format!(
        "{index:>6}  {:<9} {}{outcome}  {} ms  {}  {}  {}{hidden}",
        record.kind.name(),
        record.action.escape_debug(),
        record.wall_ms,
        record.mode.name(),
        digest.short(),
        facts.join(" ")
    )
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

fn object(index: u64, record: &Record<'_>, digest: RecordDigest) -> Value {
    let facts: Map<String, Value> = record.facts.iter().map(|(label, fact)| (label.to_string(), whole(fact))).collect();
    let commitments: Map<String, Value> = record.commitments.iter().map(|(label, commitment)| (label.to_string(), commitment.to_string().into())).collect();
    json!({
        "index": index,
        "claimed_index": record.index,
        "kind": record.kind.name(),
        "action": record.action,
        "wall_ms": record.wall_ms,
        "mode": record.mode.name(),
        "digest": digest.to_string(),
        "key_id": record.key_id.to_string(),
        "intent": record.closes.map(|(intent, _)| intent.to_string()),
        "outcome": record.closes.map(|(_, code)| code.name()),
        "facts": facts,
        "commitments": commitments,
    })
}

fn whole(fact: &Fact<'_>) -> Value {
    match fact {
        Fact::Uint(value) => (*value).into(),
        Fact::Text(text) => text.as_ref().into(),
        Fact::Bytes(bytes) => json!({"hex": hex(bytes)}),
        Fact::List(items) => items.iter().map(whole).collect(),
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

    /// The line without its LF.
    fn shown(event: &Event<'_>) -> String {
        let mut out = Vec::new();
        show(&mut out, event, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn nothing_that_a_bundle_says_reaches_the_terminal_as_a_command() {
        let record = encode(&Record {
            log_id: LogId([1; 32]),
            index: 1,
            prev: Some(RecordDigest([2; 64])),
            wall_ms: 0,
            boot_id: Id::ZERO,
            monotonic_ns: 0,
            kind: Kind::Deny,
            actor: (ActorClass::System, Id::ZERO),
            authority: (Id::ZERO, 0),
            action: HOSTILE.into(),
            causes: Vec::new(),
            facts: vec![(HOSTILE.into(), Fact::List(vec![Fact::Text(HOSTILE.into())]))],
            commitments: Vec::new(),
            closes: None,
            mode: Mode::Each,
            key_id: KeyId([3; 32]),
            critical: Vec::new(),
            extensions: Vec::new(),
        });
        let opening = Opening { index: 1, label: HOSTILE.to_owned(), salt: Salt([4; 32]), value: HOSTILE.as_bytes().to_vec() };
        for (line, times) in [(shown(&Event::Record(1, &record)), 3), (shown(&Event::Opening(opening)), 2)] {
            assert!(line.chars().all(|letter| letter.is_ascii_graphic() || letter == ' '), "{line:?}");
            assert_eq!(line.matches("a\\u{1b}[2J\\u{7}\\u{9b}\\u{202e}\\nVERIFIED").count(), times, "{line}");
        }
    }
}
