//! Which tensors an architecture has and of which shapes: every model is held against it when it is opened.

use crate::config::{Architecture, Config};
use crate::error::{Malformed, Result, Unsupported};
use crate::limits;
use crate::tensor::Tensor;
use std::collections::BTreeMap;

/// A width or count among the hyperparameters: at least 1, within the limit.
pub(crate) fn width(value: u64) -> Option<usize> {
    usize::try_from(value).ok().filter(|_| (1..=limits::WIDTH_MAX).contains(&value))
}

/// A positive finite number among the hyperparameters.
pub(crate) fn positive(value: f64) -> Option<f32> {
    let single = value as f32;
    (single.is_finite() && single > 0.0).then_some(single)
}

/// Checks the hyperparameters against each other.
pub(crate) fn check_config(config: &Config) -> Result<()> {
    let wrong = |key| Err(Malformed::Hyperparameters { key }.into());
    if config.layer_count as u64 > limits::LAYER_COUNT_MAX {
        return wrong("layer count");
    }
    if config.vocab_count as u64 > limits::TOKEN_COUNT_MAX {
        return wrong("vocabulary size");
    }
    if config.head_count % config.kv_head_count != 0 {
        return wrong("number of key and value heads");
    }
    if config.head_width % 2 != 0 || (config.head_count * config.head_width) as u64 > limits::WIDTH_MAX {
        return wrong("head width");
    }
    if let Some(factors) = &config.rope_factors
        && (factors.len() != config.head_width / 2 || factors.iter().any(|f| !f.is_finite() || *f <= 0.0))
    {
        return wrong("rope factors");
    }
    Ok(())
}

/// Checks that exactly the tensors of the architecture are there, each of its shape.
pub(crate) fn check(config: &Config, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let expected = expected(config, tensors.len())?;
    for (name, shape) in &expected {
        let Some(tensor) = tensors.get(name) else {
            return Err(Malformed::TensorMissing { name: name.as_str().into() }.into());
        };
        if tensor.shape != *shape {
            return Err(Malformed::TensorShape { name: name.as_str().into(), expected: shape.clone(), found: tensor.shape.clone() }.into());
        }
    }
    match tensors.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => Err(Unsupported::Tensor { name: name.as_str().into() }.into()),
        None => Ok(()),
    }
}

/// Canonical names and shapes. `present` bounds the work: a model that claims more layers than it has tensors is refused first.
fn expected(config: &Config, present: usize) -> Result<BTreeMap<String, Vec<usize>>> {
    let (queries, keys) = (config.head_count * config.head_width, config.kv_head_count * config.head_width);
    let mut all = BTreeMap::new();
    all.insert("model.embed_tokens.weight".to_owned(), vec![config.vocab_count, config.width]);
    all.insert("model.norm.weight".to_owned(), vec![config.width]);
    if !config.tied {
        all.insert("lm_head.weight".to_owned(), vec![config.vocab_count, config.width]);
    }
    for layer in 0..config.layer_count {
        if layer > present {
            return Err(Malformed::Hyperparameters { key: "layer count" }.into());
        }
        let mut add = |part: &str, shape: Vec<usize>| all.insert(format!("model.layers.{layer}.{part}"), shape);
        add("input_layernorm.weight", vec![config.width]);
        add("self_attn.q_proj.weight", vec![queries, config.width]);
        add("self_attn.k_proj.weight", vec![keys, config.width]);
        add("self_attn.v_proj.weight", vec![keys, config.width]);
        add("self_attn.o_proj.weight", vec![config.width, queries]);
        if config.architecture == Architecture::Qwen2 {
            add("self_attn.q_proj.bias", vec![queries]);
            add("self_attn.k_proj.bias", vec![keys]);
            add("self_attn.v_proj.bias", vec![keys]);
        }
        add("post_attention_layernorm.weight", vec![config.width]);
        add("mlp.gate_proj.weight", vec![config.ffn_width, config.width]);
        add("mlp.up_proj.weight", vec![config.ffn_width, config.width]);
        add("mlp.down_proj.weight", vec![config.width, config.ffn_width]);
    }
    Ok(all)
}
