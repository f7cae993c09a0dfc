//! A profile as one JSON object; docs/profile.md says what its members mean.

use mickai_runtime::Loaded;
use mickai_runtime::profile::{Line, Phase, Profile, Profiled, Roofs, TokenSeen};
use serde_json::{Value, json};

/// The name of this form; another one would have another.
pub const SCHEMA: &str = "mickai.profile/1";

/// `stop` is the record's word for why it ended.
pub fn to_json(model: &Loaded, profiled: &Profiled, stop: &str) -> Value {
    let Profile { isa, thread_count, layer_count, roofs, recording_ns, phases, tokens, .. } = &profiled.profile;
    json!({
        "schema": SCHEMA,
        "model": { "name": model.name, "digest": model.digest.to_string(), "layers": layer_count },
        "machine": {
            "instructions": isa,
            "threads": thread_count,
            "read_bytes_per_s": roofs.read_bytes_per_s,
            "read_bytes": roofs.read_bytes,
            "integer_products_per_s": roofs.integer_products_per_s,
            "float_products_per_s": roofs.float_products_per_s,
        },
        "text": profiled.answered.generation.text,
        "stop": stop,
        "recording_ns": recording_ns,
        "phases": phases.iter().map(|phase| phase_json(phase, roofs)).collect::<Value>(),
        "tokens": tokens.iter().map(token_json).collect::<Value>(),
    })
}

fn phase_json(phase: &Phase, roofs: &Roofs) -> Value {
    json!({
        "name": phase.name,
        "tokens": phase.token_count,
        "begin_ns": phase.begin_ns,
        "wall_ns": phase.wall_ns(),
        "operations_ns": phase.total().time_ns,
        "between_ns": phase.between_ns,
        "choosing_ns": phase.choosing_ns,
        "watching_ns": phase.watching_ns,
        "operations": phase.lines.iter().map(|line| line_json(line, roofs)).collect::<Value>(),
    })
}

fn line_json(line: &Line, roofs: &Roofs) -> Value {
    let (figures, cost) = (&line.figures, &line.figures.cost);
    let least = roofs.least(cost);
    json!({
        "operation": line.operation.map(|operation| operation.name()),
        "layer": line.layer,
        "count": figures.count,
        "time_ns": figures.time_ns,
        "busy_ns": figures.busy_ns,
        "weight_bytes": cost.weight_bytes,
        "cache_bytes": cost.cache_bytes,
        "activation_bytes": cost.activation_bytes,
        "integer_products": cost.integer_products,
        "float_products": cost.float_products,
        "least_ns": least.map(|(ns, _)| ns),
        "bound": least.map(|(_, bound)| bound.name()),
    })
}

fn token_json(seen: &TokenSeen) -> Value {
    let alternative = |((token, logprob), text): (&(_, f64), &String)| alternative_json(*token, text, *logprob);
    json!({
        "token": seen.token.0,
        "text": seen.text,
        "begin_ns": seen.begin_ns,
        "end_ns": seen.end_ns,
        "logprob": seen.likely.logprob,
        "entropy": seen.likely.entropy,
        "alternatives": seen.likely.best.iter().zip(&seen.best_texts).map(alternative).collect::<Value>(),
    })
}

fn alternative_json(token: mickai_model::tokens::Token, text: &str, logprob: f64) -> Value {
    json!({ "token": token.0, "text": text, "logprob": logprob })
}
