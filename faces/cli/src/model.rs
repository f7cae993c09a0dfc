//! `mickai model`: import, list, show, remove.

use crate::answer::{changed_json, changed_text};
use crate::args::Model;
use crate::failure::Failure;
use crate::out::{Out, size};
use indicatif::{ProgressBar, ProgressStyle};
use mickai_model::stats::tensor_stats;
use mickai_runtime::{Listed, Loaded, System};
use serde_json::{Value, json};

pub fn model(system: &System, args: &Model, out: Out) -> Result<u8, Failure> {
    match args {
        Model::Import { path, name } => {
            let bar = ProgressBar::no_length().with_style(bar_style("{bytes}/{total_bytes} {wide_bar} {eta}"));
            let changed = system.import(path, name.as_deref(), None, &mut |progress| {
                bar.set_length(progress.bytes_total);
                bar.set_position(progress.bytes_done);
            })?;
            bar.finish_and_clear();
            out.object(&changed_json(&changed), || changed_text("imported", &changed))?;
        }
        Model::List => print_list(&system.models()?, out)?,
        Model::Show { model, tensors } => print_one(&system.model(model)?, *tensors, out)?,
        Model::Rm { model } => {
            let changed = system.remove_model(model, None)?;
            out.object(&changed_json(&changed), || changed_text("removed", &changed))?;
        }
    }
    Ok(0)
}

/// A style for progress bars; the template is part of the program, so a default takes its place only if it were wrong.
pub fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

pub fn print_list(models: &[Listed], out: Out) -> Result<(), Failure> {
    let row = |model: &Listed| {
        let from = if model.is_embedded { "embedded" } else { "imported" };
        (listed_json(model), vec![model.name.clone(), model.digest.to_string(), size(model.byte_count), from.to_owned()])
    };
    out.table(&["name", "digest", "size", "from"], &models.iter().map(row).collect::<Vec<_>>())
}

pub fn listed_json(model: &Listed) -> Value {
    json!({ "name": model.name, "digest": model.digest.to_string(), "bytes": model.byte_count, "embedded": model.is_embedded })
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
