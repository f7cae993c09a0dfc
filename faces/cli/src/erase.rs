//! `mickai erase`: values of one record, gone for good and on record.

use crate::args::Erase;
use crate::failure::Failure;
use crate::out::{Out, remark};
use mickai_runtime::{Fields, System, ValuesErased};
use serde_json::{Value, json};

pub fn erase(system: &System, args: &Erase, out: Out) -> Result<u8, Failure> {
    let fields = if args.which.all { Fields::All } else { Fields::Labels(args.which.field.clone()) };
    let erased = system.erase(system.resolve_record(&args.record, None)?, &fields, None)?;
    out.object(&to_json(&erased), || text(&erased))?;
    if !erased.remaining.is_empty() && !out.json {
        remark(format_args!("the same act still keeps {}", list(&erased.remaining)));
    }
    Ok(0)
}

fn text(erased: &ValuesErased) -> String {
    let answers: String = erased.answers.iter().map(|record| format!(", and the answer that record {record} kept")).collect();
    format!("erased {} of record {}{answers}; record {} says so", erased.labels.join(", "), erased.record, erased.by.index)
}

fn list(values: &[(u64, String)]) -> String {
    values.iter().map(|(record, label)| format!("{label} of record {record}")).collect::<Vec<_>>().join(", ")
}

fn to_json(erased: &ValuesErased) -> Value {
    let remaining = |(record, label): &(u64, String)| json!({ "record": record, "label": label });
    json!({
        "record": erased.record,
        "labels": erased.labels,
        "erased_by": erased.by.index,
        "answers": erased.answers,
        "intent": erased.records.0.index,
        "outcome": erased.records.1.index,
        "remaining": erased.remaining.iter().map(remaining).collect::<Value>(),
    })
}
