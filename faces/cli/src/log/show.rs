//! Records as people read them: lists, one record, the newest and those to come.

use crate::args::Filter;
use crate::failure::Failure;
use crate::out::{Out, remark};
use crate::plain;
use mickai_proof::record::Record;
use mickai_runtime::acts::local_time;
use mickai_runtime::{System, when};
use mickai_store::{Entry, Erased};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub use mickai_runtime::verbs::fact_text;

/// How often `tail -f` looks for new records.
const FOLLOW_EVERY: Duration = Duration::from_millis(300);

const HEADER: [&str; 6] = ["record", "time", "kind", "action", "outcome", "digest"];

type Row = (Value, Vec<String>);

pub fn list(system: &System, filter: &Filter, out: Out) -> Result<u8, Failure> {
    let range = filter.when.as_deref().map(|phrase| when::resolve(phrase, &jiff::Zoned::now())).transpose()?;
    if let Some(range) = &range {
        remark(range);
    }
    let reader = system.reader()?;
    let mut rows = Vec::new();
    for entry in reader.entries(0..reader.size()) {
        let entry = entry?;
        let record = decoded(&entry)?;
        let fits = range.as_ref().is_none_or(|range| range.contains_ms(record.wall_ms))
            && filter.kind.as_ref().is_none_or(|kind| record.kind.name() == kind)
            && filter.action.as_ref().is_none_or(|action| record.action == *action);
        if fits {
            rows.push(row(&entry, &record));
        }
    }
    out.table(&HEADER, &rows)?;
    Ok(0)
}

pub fn one(system: &System, wanted: &str, open: bool, out: Out) -> Result<u8, Failure> {
    let index = system.resolve_record(wanted, None)?;
    let entry = system.reader()?.entry(index)?;
    let Some(entry) = entry else { return Err(mickai_runtime::Error::NoRecord { wanted: wanted.to_owned(), record_count: index }.into()) };
    let record = decoded(&entry)?;
    let values = Values { opened: if open { system.opened(&record)? } else { Vec::new() }, erased: system.erased()? };
    let fields = full_json(&entry, &record, &values);
    out.object(&fields, || full_text(&entry, &record, &values))?;
    Ok(0)
}

/// What is known of the values behind commitments.
struct Values {
    /// Label and text of those that are shown.
    opened: Vec<(String, String)>,
    erased: Erased,
}

pub fn tail(system: &System, n: u64, follow: bool, out: Out) -> Result<u8, Failure> {
    let mut reader = system.reader()?;
    let mut next = reader.size().saturating_sub(n);
    let mut is_first = true;
    loop {
        let mut rows = Vec::new();
        for entry in reader.entries(next..reader.size()) {
            let entry = entry?;
            rows.push(row(&entry, &decoded(&entry)?));
        }
        // The header once; what comes later is printed below it.
        if is_first {
            out.table(&HEADER, &rows)?;
        } else {
            out.rows(&rows)?;
        }
        is_first = false;
        next = reader.size();
        if !follow {
            return Ok(0);
        }
        std::thread::sleep(FOLLOW_EVERY);
        reader.refresh()?;
    }
}

fn decoded(entry: &Entry) -> Result<Record<'_>, Failure> {
    entry.decode().map_err(|_| mickai_runtime::Error::BadRecord { index: entry.index, part: "form" }.into())
}

fn row(entry: &Entry, record: &Record<'_>) -> Row {
    let digest = entry.digest();
    let outcome = record.closes.map_or("", |(_, code)| code.name());
    let value = json!({
        "index": record.index,
        "time_ms": record.wall_ms,
        "kind": record.kind.name(),
        "action": record.action,
        "outcome": record.closes.map(|(_, code)| code.name()),
        "digest": digest.to_string(),
    });
    let cells = [record.index.to_string(), local_time(record.wall_ms), record.kind.name().to_owned(), plain::line(&record.action), outcome.to_owned(), digest.short()];
    (value, cells.to_vec())
}

fn full_json(entry: &Entry, record: &Record<'_>, values: &Values) -> Value {
    let (mut value, _) = row(entry, record);
    let facts: Map<String, Value> = record.facts.iter().map(|(name, fact)| (name.to_string(), Value::from(fact_text(name, fact)))).collect();
    let commitments: Map<String, Value> = record.commitments.iter().map(|(label, commitment)| (label.to_string(), Value::from(commitment.to_string()))).collect();
    let erased: Map<String, Value> = values.erased.of(record.index).map(|(label, by)| (label.to_owned(), Value::from(by))).collect();
    let opened: Map<String, Value> = values.opened.iter().map(|(label, text)| (label.clone(), Value::from(text.as_str()))).collect();
    let more = json!({
        "log": record.log_id.to_string(),
        "prev": record.prev.map(|prev| prev.to_string()),
        "boot": record.boot_id.to_string(),
        "monotonic_ns": record.monotonic_ns,
        "actor": [record.actor.0.name(), record.actor.1.to_string()],
        "authority": [record.authority.0.to_string(), record.authority.1],
        "causes": record.causes.iter().map(|(index, digest)| json!([index, digest.to_string()])).collect::<Vec<_>>(),
        "facts": facts,
        "commitments": commitments,
        "erased": erased,
        "opened": opened,
        "intent": record.closes.map(|(intent, _)| intent.to_string()),
        "mode": record.mode.name(),
        "key": record.key_id.to_string(),
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn full_text(entry: &Entry, record: &Record<'_>, values: &Values) -> String {
    let mut lines = vec![
        format!("record {}  {}  {}", record.index, record.kind.name(), plain::line(&record.action)),
        format!("digest     {}", entry.digest()),
        format!("time       {} (the operator's clock)", local_time(record.wall_ms)),
        format!("actor      {} {}", record.actor.0.name(), record.actor.1),
        format!("authority  {} version {}", record.authority.0, record.authority.1),
        format!("signed     {} by {}", record.mode.name(), record.key_id),
    ];
    lines.extend(record.prev.map(|prev| format!("prev       {prev}")));
    lines.extend(record.closes.map(|(intent, code)| format!("closes     {intent}: {}", code.name())));
    lines.extend(record.causes.iter().map(|(index, digest)| format!("cause      {index} {digest}")));
    lines.extend(record.facts.iter().map(|(name, fact)| format!("fact       {} = {}", plain::line(name), plain::line(&fact_text(name, fact)))));
    lines.extend(record.commitments.iter().map(|(label, commitment)| {
        let erased = values.erased.by(record.index, label).map(|by| format!("  ERASED by record {by}"));
        format!("committed  {} = {commitment}{}", plain::line(label), erased.unwrap_or_default())
    }));
    lines.extend(values.opened.iter().map(|(label, text)| format!("opened     {} = {}", plain::line(label), plain::set_in(text))));
    lines.join("\n")
}
