//! `mickai model`: list, show, remove, pin, verify.

use crate::answer::{changed_json, changed_text};
use crate::args::Model;
use crate::failure::Failure;
use crate::model_import;
use crate::out::{Out, code_after, size};
use indicatif::ProgressStyle;
use mickai_model::file::open_gguf;
use mickai_model::stats::tensor_stats;
use mickai_runtime::{EMBEDDED, EMBEDDED_NAME, Error, Found, Listed, Loaded, Pins, System, Verified};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub fn model(system: &System, args: &Model, out: Out) -> Result<u8, Failure> {
    match args {
        Model::Import { path, name } => model_import::import(system, path, name.as_deref(), out)?,
        Model::List => print_list(&system.models()?, &system.pins_of_models()?, out)?,
        Model::Show { model, tensors } => print_one(&system.look_at(model)?, *tensors, out)?,
        Model::Rm { model } => {
            let changed = system.remove_model(model, None)?;
            out.object(&changed_json(&changed), || changed_text("removed", &changed))?;
        }
        Model::Pin { model } => {
            let changed = system.pin(model)?;
            out.object(&changed_json(&changed), || changed_text("pinned", &changed))?;
        }
        Model::Unpin { model } => {
            let changed = system.unpin(model)?;
            let are_set = system.pins()?.are_set();
            let note = if are_set { "" } else { "\nno pin is left: every model runs" };
            out.object(&changed_json(&changed), || changed_text("unpinned", &changed) + note)?;
        }
        Model::Verify { model } => {
            let verified = system.verify_model(model)?;
            return code_after(out.object(&verified_json(&verified), || verified_text(&verified)), u8::from(verified.found == Some(Found::Disputed)));
        }
        // Handled before a home is opened: files can be compared without one.
        Model::Diff { .. } => {}
    }
    Ok(0)
}

/// Where there is no home: the model that every machine has. None is made, and that is said, for the folder may be mistyped.
pub fn list_without_home(home: &Path, out: Out) -> Result<u8, Failure> {
    let digest = open_gguf(Arc::new(EMBEDDED))?.digest();
    let embedded = Listed { name: EMBEDDED_NAME.to_owned(), digest, byte_count: EMBEDDED.len() as u64, is_embedded: true, adapter: None };
    print_list(&[embedded], &Pins::default(), out)?;
    Failure::from(Error::NoHome(home.to_owned())).print();
    Ok(0)
}

fn found_text(found: Option<Found>) -> &'static str {
    match found {
        None => "repacked in memory",
        Some(Found::Kept) => "kept, and on record",
        Some(Found::MadeAgain) => "were gone or damaged, and are made again",
        Some(Found::Unrecorded) => "not on record yet for this program; the next act that runs the model sees to it",
        Some(Found::Disputed) => "on record as something else than repacking gives, and never taken from the disk",
    }
}

fn verified_text(verified: &Verified) -> String {
    let Verified { name, digest, byte_count, layout, found } = verified;
    format!("{name} is {digest}: {} hashed\nrepacked weights (layout {layout}): {}", size(*byte_count), found_text(*found))
}

fn verified_json(verified: &Verified) -> Value {
    let found = verified.found.map(|found| match found {
        Found::Kept => "kept",
        Found::MadeAgain => "made_again",
        Found::Unrecorded => "unrecorded",
        Found::Disputed => "disputed",
    });
    json!({ "name": verified.name, "digest": verified.digest.to_string(), "bytes": verified.byte_count, "layout": verified.layout, "repacked": found })
}

/// A style for progress bars; the template is part of the program, so a default takes its place only if it were wrong.
pub fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The models, and behind them pins of models that are not here.
pub fn print_list(models: &[Listed], pins: &Pins, out: Out) -> Result<(), Failure> {
    let pin = |digest| if pins.hold(digest) { "pinned" } else { "" };
    let row = |model: &Listed| {
        let from = if model.is_embedded { "embedded" } else { "imported" };
        (listed_json(model, pins), vec![model.name.clone(), model.digest.to_string(), size(model.byte_count), from.to_owned(), pin(model.digest).to_owned()])
    };
    let absent = pins.digests().filter(|digest| models.iter().all(|model| model.digest != *digest)).map(|digest| {
        let value = json!({ "name": null, "digest": digest.to_string(), "bytes": null, "embedded": false, "pinned": true });
        (value, vec!["-".to_owned(), digest.to_string(), "-".to_owned(), "not here".to_owned(), pin(digest).to_owned()])
    });
    out.table(&["name", "digest", "size", "from", "pin"], &models.iter().map(row).chain(absent).collect::<Vec<_>>())
}

pub fn listed_json(model: &Listed, pins: &Pins) -> Value {
    json!({ "name": model.name, "digest": model.digest.to_string(), "bytes": model.byte_count, "embedded": model.is_embedded, "pinned": pins.hold(model.digest) })
}

pub fn one_json(model: &Loaded) -> Value {
    let config = &model.file.config;
    json!({
        "name": model.name,
        "digest": model.digest.to_string(),
        "embedded": model.is_embedded,
        "architecture": format!("{:?}", config.architecture).to_lowercase(),
        "parameters": model.file.parameter_count(),
        "tensor_bytes": model.file.tensor_bytes(),
        "layers": config.layer_count,
        "width": config.width,
        "heads": config.head_count,
        "kv_heads": config.kv_head_count,
        "vocabulary": config.vocab_count,
        "context_tokens": config.context_tokens_max,
        "tokenizer": model.file.tokenizer.digest().to_string(),
        "template": model.file.template().map(|template| template.digest().to_string()),
    })
}

pub fn print_one(model: &Loaded, tensors: bool, out: Out) -> Result<(), Failure> {
    let fields = one_json(model);
    if !tensors {
        let text = || {
            let lines = fields.as_object().into_iter().flatten().map(|(name, value)| format!("{name:<15} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            lines.collect::<Vec<_>>().join("\n")
        };
        return out.object(&fields, text);
    }
    let rows: Vec<(Value, Vec<String>)> = model
        .file
        .tensors
        .values()
        .map(|tensor| {
            let stats = tensor_stats(tensor);
            let shape = stats.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
            let digest = stats.digest.to_string();
            let value = json!({ "name": stats.name, "shape": stats.shape, "type": stats.element.name(), "digest": digest,
                "mean": stats.mean, "deviation": stats.deviation, "min": stats.min, "max": stats.max });
            let numbers = [f64::from(stats.min), f64::from(stats.max), stats.mean, stats.deviation].map(|number| format!("{number:.5}"));
            let [min, max, mean, deviation] = numbers;
            (value, vec![stats.name.to_string(), shape, stats.element.name().to_owned(), digest, mean, deviation, min, max])
        })
        .collect();
    out.table(&["name", "shape", "type", "digest", "mean", "deviation", "min", "max"], &rows)
}
