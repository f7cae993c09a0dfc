//! `mickai model diff`: what differs between two models, as a table or as JSON.

use crate::args::Cli;
use crate::failure::Failure;
use crate::out::{Out, code_after};
use crate::{home, passphrase};
use mickai_model::diff::{Change, ModelDiff, TensorDiff};
use mickai_runtime::{System, Threads};
use serde_json::{Value, json};

/// Compares two models of the home, or files; files need no home. 1 if anything differs, 0 if nothing does.
pub fn diff(cli: &Cli, sides: [&str; 2], all: bool, out: Out) -> Result<u8, Failure> {
    let folder = home(cli)?;
    let system = folder.exists().then(|| System::open_existing(&folder, usize::from(cli.threads), passphrase::custody(cli))).transpose()?;
    let crew = Threads::new(usize::from(cli.threads))?;
    let diff = mickai_runtime::diff(system.as_ref(), sides, &crew)?;
    code_after(if out.json { out.line(to_json(&diff).to_string()) } else { print(&diff, all, out) }, u8::from(!diff.is_empty()))
}

fn print(diff: &ModelDiff, all: bool, out: Out) -> Result<(), Failure> {
    for (name, first, second) in &diff.settings {
        out.line(format!("{name}: {first} -> {second}"))?;
    }
    if let Some(tokenizer) = &diff.tokenizer {
        let [first, second] = tokenizer.token_counts;
        let rules = if tokenizer.are_rules_changed { ", other rules" } else { "" };
        out.line(format!("tokenizer: {first} -> {second} tokens, {} changed; {} merges changed{rules}", tokenizer.changed_token_count, tokenizer.changed_merge_count))?;
    }
    if diff.is_template_changed {
        out.line("template: changed")?;
    }
    let rows: Vec<_> = diff.tensors.iter().filter(|tensor| all || !tensor.is_same()).map(|tensor| (tensor_json(tensor), cells(tensor))).collect();
    if !rows.is_empty() {
        out.table(&["tensor", "shape", "type", "changed", "max abs", "mean abs", "relative L2", "cosine"], &rows)?;
    }
    let same = diff.tensors.iter().filter(|tensor| tensor.is_same()).count();
    out.line(format!("{same} of {} tensors are the same", diff.tensors.len()))
}

fn cells(tensor: &TensorDiff) -> Vec<String> {
    let shape = |side: usize| tensor.sides[side].as_ref().map(|(shape, _)| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"));
    let element = |side: usize| tensor.sides[side].as_ref().map(|(_, element)| element.name().to_owned());
    let both = |first: Option<String>, second: Option<String>| match (first, second) {
        (Some(first), Some(second)) if first == second => first,
        (first, second) => format!("{} -> {}", first.as_deref().unwrap_or("none"), second.as_deref().unwrap_or("none")),
    };
    let mut cells = vec![tensor.name.clone(), both(shape(0), shape(1)), both(element(0), element(1))];
    if let Some(change) = &tensor.change {
        cells.push(format!("{:.2} %", 100.0 * share(change)));
        cells.extend([change.abs_max, change.abs_mean, change.relative].map(|figure| format!("{figure:.3e}")));
        cells.push(format!("{:.6}", change.cosine));
    }
    cells
}

fn share(change: &Change) -> f64 {
    change.changed_count as f64 / change.value_count.max(1) as f64
}

fn to_json(diff: &ModelDiff) -> Value {
    let settings = diff.settings.iter().map(|(name, first, second)| json!({ "name": name, "first": first, "second": second }));
    let tokenizer = diff.tokenizer.as_ref().map(|tokenizer| {
        json!({
            "tokens": tokenizer.token_counts,
            "tokens_changed": tokenizer.changed_token_count,
            "merges": tokenizer.merge_counts,
            "merges_changed": tokenizer.changed_merge_count,
            "rules_changed": tokenizer.are_rules_changed,
        })
    });
    json!({
        "same": diff.is_empty(),
        "settings": settings.collect::<Vec<_>>(),
        "tokenizer": tokenizer,
        "template_changed": diff.is_template_changed,
        "tensors": diff.tensors.iter().map(tensor_json).collect::<Vec<_>>(),
    })
}

fn tensor_json(tensor: &TensorDiff) -> Value {
    let side = |side: usize| tensor.sides[side].as_ref().map(|(shape, element)| json!({ "shape": shape, "type": element.name() }));
    // What is not finite has no number in JSON, and becomes null.
    let change = tensor.change.map(|change| {
        json!({
            "values": change.value_count,
            "changed": change.changed_count,
            "changed_share": share(&change),
            "abs_max": change.abs_max,
            "abs_mean": change.abs_mean,
            "relative_l2": change.relative,
            "cosine": change.cosine,
            "not_finite": change.not_finite_count,
        })
    });
    json!({ "name": tensor.name, "same": tensor.is_same(), "first": side(0), "second": side(1), "change": change })
}
