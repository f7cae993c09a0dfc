//! Ranges of hyperparameters, refused before anything is computed from them.

use crate::config::Config;
use crate::error::{Malformed, Part, Result};
use crate::forward;
use crate::limits;

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
    if !config.head_count.is_multiple_of(config.kv_head_count) {
        return wrong("number of key and value heads");
    }
    if !config.head_width.is_multiple_of(2) || (config.head_count * config.head_width) as u64 > limits::WIDTH_MAX {
        return wrong("head width");
    }
    if let Some(factors) = &config.rope_factors
        && (factors.len() != config.head_width / 2 || factors.iter().any(|f| !f.is_finite() || *f <= 0.0))
    {
        return wrong("rope factors");
    }
    // A wide layer of a narrow model is few bytes of a file, and so are many layers of many heads.
    let sizes = [(Part::ScratchBytes, forward::scratch_bytes(config), limits::SCRATCH_BYTES_MAX), (Part::PageBytes, forward::page_bytes(config), limits::PAGE_BYTES_MAX)];
    match sizes.into_iter().find(|(_, count, max)| count > max) {
        Some((what, count, max)) => Err(Malformed::TooMany { what, count, max }.into()),
        None => Ok(()),
    }
}
