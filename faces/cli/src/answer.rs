//! Answers to requests, as text and as JSON, in the forms that the commands of the same names print.

use crate::failure::Failure;
use crate::out::Out;
use crate::{doctor, key, log, model, plain, replay};
use mickai_proof::verify::{Reason, Verdict, Word};
use mickai_runtime::acts::{Act, fact, local_time};
use mickai_runtime::verbs::{Answer, Argument, Plan};
use mickai_runtime::{Exported, Missing, ModelChanged};
use serde_json::{Value, json};

const CANNOT: &str = "That is not something this system has a verb for, and the embedded model knows nothing else.
It can list, count, show, verify and export the record, show and replay generations, list, show, import and remove models, show the key and check this machine.
For anything else import a general model: `mickai model import PATH` (a .gguf file or a Hugging Face folder of a Llama 3.2 or Qwen 2.5), then `mickai ask -m NAME …`.";

/// Prints an answer for people.
pub fn print(answer: &Answer, plan: &Plan, out: Out) -> Result<(), Failure> {
    match answer {
        Answer::Acts(acts) => print_acts(acts, out),
        Answer::Count(count) => out.line(count_text(*count, plan)),
        Answer::Act(act, Some(value)) => {
            let field = plan.call.get(Argument::Field).unwrap_or_default();
            out.line(format!("{} of record {}: {}", plain::line(field), act.intent.index, plain::set_in(value)))
        }
        Answer::Act(act, None) => out.line(act_text(act)),
        Answer::Record(index) => out.line(format!("record {index} is no act; `mickai log show {index}` shows it")),
        Answer::Verdict(verdict) => {
            out.line(verdict_text(verdict))?;
            out.piece(&verdict.to_string())
        }
        Answer::Exported(exported) => out.line(exported_text(exported)),
        Answer::Checkpoint(path, _) => out.line(format!("wrote {}: keep it where this machine cannot reach it", path.display())),
        Answer::Models(models, pins) => model::print_list(models, pins, out),
        Answer::Model(loaded) => model::print_one(loaded, false, out),
        Answer::Imported(changed) => out.line(changed_text("imported", changed)),
        Answer::Removed(changed) => out.line(changed_text("removed", changed)),
        Answer::Key(public) => key::print(public, plan.call.get(Argument::Format), out),
        Answer::Replayed(replayed) => out.line(replay::text(replayed)),
        Answer::Doctor(checks) => doctor::print(checks, out),
        Answer::Nothing => out.line(CANNOT),
    }
}

/// The verdict in the words of the question.
fn verdict_text(verdict: &Verdict) -> &'static str {
    let is_one = verdict.scope.first == verdict.scope.last;
    match (verdict.word, verdict.reason) {
        (Word::Verified, _) if is_one => "This record is whole, signed, and in the log's tree.",
        (Word::Verified, _) => "Nothing was altered.",
        (Word::Stale, Some(Reason::CompletenessUnwitnessed)) => {
            "Nothing in these records was altered: chain, tree and signatures hold. Whether records are missing at the end, only a checkpoint kept elsewhere can show (`mickai log verify --checkpoint FILE`)."
        }
        (Word::Stale, _) => "Nothing in these records contradicts, but not everything could be established.",
        (Word::Invalid, _) => "Something was altered, or is not what it says.",
        (Word::Revoked, _) => "Some of these records are signed by a key that was revoked: what it signed then counts for nothing.",
        (Word::Unreadable, _) => "This version cannot judge these records.",
    }
}

/// An answer for programs.
pub fn to_json(answer: &Answer) -> Value {
    match answer {
        Answer::Acts(acts) => acts.iter().map(act_json).collect(),
        Answer::Count(count) => json!({ "count": count }),
        Answer::Act(act, value) => json!({ "act": act_json(act), "value": value }),
        Answer::Record(index) => json!({ "record": index }),
        Answer::Verdict(verdict) => serde_json::from_str(&verdict.to_json()).unwrap_or(Value::Null),
        Answer::Exported(exported) => exported_json(exported),
        Answer::Checkpoint(path, note) => json!({ "path": path, "note": note }),
        Answer::Models(models, pins) => models.iter().map(|listed| model::listed_json(listed, pins)).collect(),
        Answer::Model(loaded) => model::one_json(loaded),
        Answer::Imported(changed) | Answer::Removed(changed) => changed_json(changed),
        Answer::Key(public) => json!({ "key_id": public.id().to_string(), "pem": public.to_pem() }),
        Answer::Replayed(replayed) => replay::to_json(replayed),
        Answer::Doctor(checks) => checks.iter().map(doctor::to_json).collect(),
        Answer::Nothing => json!({ "cannot": true }),
    }
}

fn count_text(count: usize, plan: &Plan) -> String {
    let what = plan.call.get(Argument::Kind).unwrap_or("act");
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn print_acts(acts: &[Act], out: Out) -> Result<(), Failure> {
    if acts.is_empty() {
        return out.line("nothing: no act on record fits");
    }
    let row = |act: &Act| {
        let cells =
            vec![act.intent.index.to_string(), local_time(act.intent.wall_ms), act.kind().to_owned(), act.ending().to_owned(), plain::line(&act.model().unwrap_or_default())];
        (act_json(act), cells)
    };
    out.table(&["record", "time", "kind", "outcome", "model"], &acts.iter().map(row).collect::<Vec<_>>())
}

fn act_text(act: &Act) -> String {
    let mut lines = vec![
        format!("record {}  {}  {}", act.intent.index, local_time(act.intent.wall_ms), plain::line(&act.action)),
        format!("  digest   {}", act.intent.digest),
        format!("  actor    {}", act.actor.name()),
        format!("  outcome  {}", act.ending()),
    ];
    let sides = std::iter::once(&act.intent).chain(act.outcome.as_ref().map(|(_, side)| side));
    for side in sides {
        lines.extend(side.facts.iter().map(|(name, value)| format!("  {}  {}", plain::line(name), plain::line(&log::fact_text(name, value)))));
    }
    lines.join("\n")
}

fn act_json(act: &Act) -> Value {
    json!({
        "record": act.intent.index,
        "digest": act.intent.digest.to_string(),
        "time_ms": act.intent.wall_ms,
        "kind": act.kind(),
        "action": act.action,
        "outcome": act.ending(),
        "outcome_record": act.outcome.as_ref().map(|(_, side)| side.index),
        "model": act.model(),
        "output_tokens": act.outcome.as_ref().and_then(|(_, side)| side.uint(fact::OUTPUT_TOKEN_COUNT)),
    })
}

/// What an export wrote, and which values it could not show.
pub fn exported_text(exported: &Exported) -> String {
    let mut lines = vec![format!("wrote {}: {} records from {}, {}", exported.path.display(), exported.count, exported.first, crate::out::size(exported.byte_count))];
    lines.extend(exported.missing.iter().map(|missing| match missing.erased_by {
        Some(by) => format!("not shown: {} of record {}, erased by record {by}", plain::line(&missing.label), missing.record),
        None => format!("not shown: {} of record {}, which the vault does not have", plain::line(&missing.label), missing.record),
    }));
    lines.join("\n")
}

/// What an export wrote.
pub fn exported_json(exported: &Exported) -> Value {
    let (intent, outcome) = &exported.records;
    let missing = |missing: &Missing| json!({ "record": missing.record, "label": missing.label, "erased_by": missing.erased_by });
    json!({
        "path": exported.path,
        "form": exported.form.name(),
        "first": exported.first,
        "count": exported.count,
        "bytes": exported.byte_count,
        "missing": exported.missing.iter().map(missing).collect::<Value>(),
        "intent": intent.index,
        "outcome": outcome.index,
    })
}

/// A model that came or went.
pub fn changed_text(done: &str, changed: &ModelChanged) -> String {
    format!("{done} {} {}; record {}", changed.name, changed.digest, changed.records.1.index)
}

/// A model that came or went.
pub fn changed_json(changed: &ModelChanged) -> Value {
    json!({ "name": changed.name, "digest": changed.digest.to_string(), "intent": changed.records.0.index, "outcome": changed.records.1.index })
}
