//! `mickai retention`: what is held about what, how long, and what is erased when that is over.

use crate::args::{Retention, SetRetention, YesNo};
use crate::failure::Failure;
use crate::out::{Out, code_after, size};
use mickai_runtime::System;
use mickai_runtime::acts::{local_time, now_ms};
use mickai_runtime::retention::{Change, Held, InForce, Keep, RetentionRun, Rule, Scope, Survey};
use serde_json::{Value, json};

/// The word for the rule about everything else.
const DEFAULT: &str = "default";
const HEADER: [&str; 9] = ["action", "label", "kept", "bytes", "oldest", "due", "erased", "keep", "train"];

pub fn retention(system: &System, args: &Retention, out: Out) -> Result<u8, Failure> {
    match args {
        Retention::Show => show(system, out)?,
        Retention::Set(args) => set(system, args, out)?,
        Retention::Run { dry_run } => {
            let run = system.run_retention(now_ms(), *dry_run)?;
            let printed = out.object(&run_json(&run, *dry_run), || run_text(&run, *dry_run));
            return code_after(printed, u8::from(!run.unreadable.is_empty()));
        }
    }
    Ok(0)
}

fn show(system: &System, out: Out) -> Result<(), Failure> {
    let in_force = system.retention()?;
    let survey = system.held(&in_force.policy, now_ms())?;
    if out.json {
        let mut fields = in_force_json(&in_force);
        if let Value::Object(fields) = &mut fields {
            fields.insert("held".to_owned(), survey.held.iter().map(|((action, label), held)| held_json(action, label, held)).collect());
            fields.insert("unreadable".to_owned(), json!(survey.unreadable));
        }
        return out.line(fields.to_string());
    }
    out.line(in_force_text(&in_force))?;
    let rows: Vec<_> = survey.held.iter().map(|((action, label), held)| (held_json(action, label, held), cells(action, label, held))).collect();
    out.line("")?;
    out.table(&HEADER, &rows)?;
    notes(&in_force, &survey).iter().try_for_each(|note| out.line(note))
}

fn set(system: &System, args: &SetRetention, out: Out) -> Result<(), Failure> {
    let wrong = |value: &str| Failure::Value { flag: "--keep", value: value.to_owned(), wanted: "a span as 30d, 12h, 2w, 1y, or forever" };
    let keep = args.keep.as_deref().map(|text| Keep::parse(text).ok_or_else(|| wrong(text))).transpose()?;
    let change = Change {
        scope: Scope { label: args.label.clone().filter(|label| label != DEFAULT), action: args.action.clone() },
        keep,
        may_train: args.train.map(YesNo::is_yes),
        is_removal: args.remove,
        is_automatic: args.automatic.map(YesNo::is_yes),
    };
    let (in_force, (intent, outcome)) = system.set_retention(change)?;
    let mut fields = in_force_json(&in_force);
    if let Value::Object(fields) = &mut fields {
        fields.extend([("intent".to_owned(), json!(intent.index)), ("outcome".to_owned(), json!(outcome.index))]);
    }
    out.object(&fields, || in_force_text(&in_force))
}

fn in_force_text(in_force: &InForce) -> String {
    let policy = &in_force.policy;
    let origin = in_force.set_by.map_or_else(|| "nobody has set one".to_owned(), |set_by| format!("record {}, {}", set_by.index, policy.digest()));
    let enforced = if policy.is_automatic { "at the start of every process that acts" } else { "by `mickai retention run`" };
    let mut lines = vec![format!("policy version {}: {origin}", policy.version), format!("enforced {enforced}")];
    lines.extend(policy.rules().map(|(scope, rule)| {
        let Rule { keep, may_train } = rule;
        let about = if *scope == Scope::default() { format!(" {DEFAULT}") } else { scope.to_string() };
        format!("keep {keep}, {} train on it:{about}", if *may_train { "may" } else { "do not" })
    }));
    lines.join("\n")
}

fn in_force_json(in_force: &InForce) -> Value {
    let policy = &in_force.policy;
    let rule = |(scope, rule): (&Scope, &Rule)| json!({ "label": scope.label, "action": scope.action, "keep": rule.keep.to_string(), "train": rule.may_train });
    json!({
        "version": policy.version,
        "digest": policy.digest().to_string(),
        "record": in_force.set_by.map(|set_by| set_by.index),
        "automatic": policy.is_automatic,
        "copy_is_same": in_force.is_copy_same,
        "rules": policy.rules().map(rule).collect::<Value>(),
    })
}

fn cells(action: &str, label: &str, held: &Held) -> Vec<String> {
    let oldest = held.oldest_ms.map_or_else(String::new, local_time);
    let train = if held.rule.may_train { "yes" } else { "no" };
    let numbers = [held.count.to_string(), size(held.byte_count), oldest, held.due_count.to_string(), held.erased_count.to_string()];
    [action.to_owned(), label.to_owned()].into_iter().chain(numbers).chain([held.rule.keep.to_string(), train.to_owned()]).collect()
}

fn held_json(action: &str, label: &str, held: &Held) -> Value {
    json!({
        "action": action,
        "label": label,
        "kept": held.count,
        "bytes": held.byte_count,
        "oldest_ms": held.oldest_ms,
        "due": held.due_count,
        "erased": held.erased_count,
        "lost": held.lost_count,
        "keep": held.rule.keep.to_string(),
        "train": held.rule.may_train,
    })
}

/// What is not as it should be, and what can be done.
fn notes(in_force: &InForce, survey: &Survey) -> Vec<String> {
    let mut notes = Vec::new();
    let due: u64 = survey.held.values().map(|held| held.due_count).sum();
    let lost: u64 = survey.held.values().map(|held| held.lost_count).sum();
    if due > 0 {
        notes.push(format!("{due} values, {}, are due: `mickai retention run` erases them", size(survey.due_byte_count)));
    }
    if lost > 0 {
        notes.push(format!("{lost} values are neither kept nor erased: the vault has lost them, or their records came without them"));
    }
    if !survey.unreadable.is_empty() {
        notes.push(format!("the vault files of records {:?} cannot be read: run `mickai log fsck`", survey.unreadable));
    }
    if !in_force.is_copy_same {
        notes.push("the file `retention` in the home is not the policy on record; that on record is in force, and the next `mickai retention set` writes the file anew".to_owned());
    }
    notes
}

/// What a run did, in words.
pub fn run_text(run: &RetentionRun, is_rehearsal: bool) -> String {
    let counts = format!("{} values of {} records, {}", run.field_count, run.record_count, size(run.byte_count));
    let mut text = match (&run.records, is_rehearsal) {
        (Some((intent, outcome)), _) => format!("erased {counts}; records {} to {} say so", intent.index, outcome.index),
        (None, true) if run.field_count > 0 => format!("would erase {counts}"),
        (None, _) => "nothing is due".to_owned(),
    };
    if !run.unreadable.is_empty() {
        text += &format!("\nthe vault files of records {:?} cannot be read, and nothing of them was erased: run `mickai log fsck`", run.unreadable);
    }
    text
}

fn run_json(run: &RetentionRun, is_rehearsal: bool) -> Value {
    json!({
        "dry_run": is_rehearsal,
        "records": run.record_count,
        "values": run.field_count,
        "bytes": run.byte_count,
        "unreadable": run.unreadable,
        "intent": run.records.map(|(intent, _)| intent.index),
        "outcome": run.records.map(|(_, outcome)| outcome.index),
    })
}
