//! `config.json` as hyperparameters, in the older and the newer spelling of its rope parameters.

use crate::config::{Architecture, Config};
use crate::error::{Malformed, Result, Unsupported};
use crate::file::json::Json;
use crate::file::{ranges, rope};

/// Reads the hyperparameters.
pub(crate) fn config(root: &Json<'_>) -> Result<Config> {
    let architecture = match root.field("model_type")?.value().as_str() {
        Some("llama") => Architecture::Llama,
        Some("qwen2") => Architecture::Qwen2,
        other => return Err(Unsupported::Architecture(other.unwrap_or("(none named)").into()).into()),
    };
    check_settings(root, architecture)?;
    let width = count(root, "hidden_size", None)?;
    let head_count = count(root, "num_attention_heads", None)?;
    let head_width = count(root, "head_dim", Some(width / head_count))?;
    // Newer files keep the base and the scaling in one object, older ones beside each other.
    let parameters = root.optional("rope_parameters");
    let beside = root.float("rope_theta")?.unwrap_or(10_000.0);
    let rope_base = float(parameters.as_ref().unwrap_or(root), "rope_theta", Some(beside))?;
    let scaling = parameters.or_else(|| root.optional("rope_scaling"));
    let config = Config {
        architecture,
        vocab_count: count(root, "vocab_size", None)?,
        width,
        layer_count: count(root, "num_hidden_layers", None)?,
        head_count,
        kv_head_count: count(root, "num_key_value_heads", Some(head_count))?,
        head_width,
        ffn_width: count(root, "intermediate_size", None)?,
        context_tokens_max: count(root, "max_position_embeddings", None)?,
        norm_eps: float(root, "rms_norm_eps", Some(1e-6))?,
        rope_base,
        rope_factors: scaling.map(|scaling| rope_factors(&scaling, rope_base, head_width)).transpose()?.flatten(),
        tied: root.bool("tie_word_embeddings")?.unwrap_or(false),
    };
    ranges::check_config(&config)?;
    Ok(config)
}

fn count(root: &Json<'_>, key: &str, default: Option<usize>) -> Result<usize> {
    let value = match (root.unsigned(key)?, default) {
        (Some(value), _) => value,
        (None, Some(default)) => default as u64,
        (None, None) => return Err(Malformed::KeyMissing { key: format!("config.json: {key}").into() }.into()),
    };
    ranges::width(value).ok_or_else(|| Malformed::KeyInvalid { key: format!("config.json: {key}").into() }.into())
}

fn float(root: &Json<'_>, key: &str, default: Option<f64>) -> Result<f32> {
    let value = root.float(key)?.or(default).ok_or_else(|| Malformed::KeyMissing { key: format!("config.json: {key}").into() })?;
    ranges::positive(value).ok_or_else(|| Malformed::KeyInvalid { key: format!("config.json: {key}").into() }.into())
}

/// Settings that would change the arithmetic in ways not built here.
fn check_settings(root: &Json<'_>, architecture: Architecture) -> Result<()> {
    let refuse = |key: &str, value: &str| Err(Unsupported::Setting { key: key.into(), value: value.into() }.into());
    match root.text("hidden_act")? {
        None | Some("silu") => {}
        Some(other) => return refuse("hidden_act", other),
    }
    // Releases of the reference differ in which of the two they take; an empty `rope_scaling` is none to all of them.
    let is_scaled = root.optional("rope_scaling").is_some_and(|scaling| scaling.value().as_object().is_none_or(|scaling| !scaling.is_empty()));
    if is_scaled && root.optional("rope_parameters").is_some() {
        return refuse("rope_scaling", "(beside rope_parameters)");
    }
    let mut off = vec!["use_sliding_window", "mlp_bias"];
    if architecture == Architecture::Llama {
        off.push("attention_bias");
    }
    match off.into_iter().find(|key| root.optional(key).is_some_and(|v| v.value().as_bool() != Some(false))) {
        Some(key) => refuse(key, "true"),
        None => Ok(()),
    }
}

/// The factors that a rope scaling of type "llama3" makes; `None` for no scaling.
fn rope_factors(scaling: &Json<'_>, base: f32, head_width: usize) -> Result<Option<Vec<f32>>> {
    let kind = match scaling.text("rope_type")? {
        Some(kind) => Some(kind),
        None => scaling.text("type")?,
    };
    match kind {
        None | Some("default") => Ok(None),
        Some("llama3") => {
            let parameters = rope::Llama3 {
                factor: float(scaling, "factor", None)?,
                low_freq_factor: float(scaling, "low_freq_factor", None)?,
                high_freq_factor: float(scaling, "high_freq_factor", None)?,
                original_context_tokens: float(scaling, "original_max_position_embeddings", None)?,
            };
            Ok(Some(rope::llama3_factors(&parameters, base, head_width)))
        }
        Some(other) => Err(Unsupported::Setting { key: "rope_type".into(), value: other.into() }.into()),
    }
}
