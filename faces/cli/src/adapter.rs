//! `mickai adapter`: take in, list, show, pin, remove.

use crate::args::Adapter;
use crate::failure::Failure;
use crate::model_import::Shown;
use crate::out::{Out, remark, size};
use crate::turn::Interrupt;
use mickai_runtime::{AdapterChanged, ListedAdapter, LoadedAdapter, Pins, System};
use serde_json::{Map, Value, json};
use std::path::Path;

pub fn adapter(system: &System, args: &Adapter, out: Out) -> Result<u8, Failure> {
    let told = |done: &str, changed: &AdapterChanged| out.object(&changed_json(changed), || changed_text(done, changed));
    match args {
        Adapter::Import { path, name, model } => import(system, path, name.as_deref(), model, out)?,
        Adapter::List => print_list(&system.adapters()?, &system.pins()?, out)?,
        Adapter::Show { adapter } => {
            let (listed, loaded) = system.look_at_adapter(adapter)?;
            print_one(&listed, &loaded, &system.pins()?, out)?;
        }
        Adapter::Remove { adapter } => told("removed", &system.remove_adapter(adapter)?)?,
        Adapter::Pin { adapter } => told("pinned", &system.pin_adapter(adapter)?)?,
        Adapter::Unpin { adapter } => told("unpinned", &system.unpin_adapter(adapter)?)?,
    }
    Ok(0)
}

fn import(system: &System, path: &Path, name: Option<&str>, model: &str, out: Out) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let shown = Shown::new();
    let changed = interrupt.during(|flow| {
        system.import_adapter(path, name, model, &|step| {
            shown.see(step);
            flow()
        })
    });
    shown.end(changed.is_ok());
    let changed = changed?;
    out.object(&changed_json(&changed), || changed_text("imported", &changed))?;
    if !system.pins()?.allow_adapter(changed.digest) {
        remark(format_args!("it is not pinned, and only pinned models and adapters run here: `mickai adapter pin {}` lets it", changed.digest));
    }
    Ok(())
}

fn changed_text(done: &str, changed: &AdapterChanged) -> String {
    let (digest, name) = &changed.model;
    let of = name.clone().unwrap_or_else(|| digest.to_string());
    format!("{done} {} {} of model {of}; record {}", changed.name, changed.digest, changed.records.1.index)
}

fn changed_json(changed: &AdapterChanged) -> Value {
    let (digest, name) = &changed.model;
    json!({ "name": changed.name, "digest": changed.digest.to_string(), "model": digest.to_string(), "model_name": name, "intent": changed.records.0.index, "outcome": changed.records.1.index })
}

fn print_list(adapters: &[ListedAdapter], pins: &Pins, out: Out) -> Result<(), Failure> {
    let row = |one: &ListedAdapter| {
        let pin = if pins.hold_adapter(one.digest) { "pinned" } else { "" };
        let model = one.model_name.clone().unwrap_or_else(|| format!("{} (not here)", one.model));
        (Value::Object(listed_json(one, pins)), vec![one.name.clone(), one.digest.to_string(), model, size(one.byte_count), pin.to_owned()])
    };
    out.table(&["name", "digest", "model", "size", "pin"], &adapters.iter().map(row).collect::<Vec<_>>())
}

fn listed_json(one: &ListedAdapter, pins: &Pins) -> Map<String, Value> {
    let fields = [
        ("name", json!(one.name)),
        ("id", json!(one.id())),
        ("digest", json!(one.digest.to_string())),
        ("model", json!(one.model.to_string())),
        ("model_name", json!(one.model_name)),
        ("bytes", json!(one.byte_count)),
        ("pinned", json!(pins.hold_adapter(one.digest))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn print_one(listed: &ListedAdapter, loaded: &LoadedAdapter, pins: &Pins, out: Out) -> Result<(), Failure> {
    let adapter = &loaded.adapter;
    let mut fields = listed_json(listed, pins);
    fields.insert("rank".to_owned(), json!(adapter.rank()));
    fields.insert("scale".to_owned(), json!(adapter.scale()));
    fields.insert("parameters".to_owned(), json!(adapter.parameter_count()));
    fields.insert("projections".to_owned(), adapter.projections().map(|(name, layers)| json!({ "name": name, "layers": layers })).collect());
    let projections: Vec<String> = adapter.projections().map(|(name, layers)| format!("{name} ({layers} layers)")).collect();
    let text = || {
        let word = |name: &str, value: &Value| match value {
            Value::String(text) => text.clone(),
            _ if name == "projections" => projections.join(", "),
            other => other.to_string(),
        };
        fields.iter().map(|(name, value)| format!("{name:<15} {}", word(name, value))).collect::<Vec<_>>().join("\n")
    };
    out.object(&Value::Object(fields.clone()), text)
}
