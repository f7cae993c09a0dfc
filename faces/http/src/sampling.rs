//! The fields that choose tokens, as OpenAI names them and with three more: `top_k`, `min_p`, `repetition_penalty`.

use crate::limits::{CHOICES_MAX, STOP_TEXT_MAX};
use crate::shape::{Field, Shape, may, whole};
use mickai_model::sample::SamplerConfig;
use mickai_runtime::serve::limits::STOP_TEXTS_MAX;
use serde_json::Value;

const STOP_TEXT: Shape = Shape::Text { min: 1, max: STOP_TEXT_MAX };

/// The stop texts of OpenAI's shapes.
pub const STOP: Field = may("stop", Shape::Either(&[STOP_TEXT, Shape::List { of: &STOP_TEXT, min: 0, max: STOP_TEXTS_MAX }]), "texts that end the answer; they are not part of it");
/// The temperature.
pub const TEMPERATURE: Field = may("temperature", Shape::Number { min: 0.0, max: 2.0, is_open: false }, "0 takes the likeliest token always; 1 unless it is said");
/// Nucleus sampling.
pub const TOP_P: Field = may("top_p", Shape::Number { min: 0.0, max: 1.0, is_open: false }, "keep the likeliest tokens up to this probability; 0 keeps one");
/// The seed.
pub const SEED: Field =
    may("seed", Shape::Whole { min: i64::MIN, max: i64::MAX }, "the seed of every draw; the same model, prompt, sampling and seed give the same tokens on every machine");
/// How many answers.
pub const N: Field = may("n", Shape::Whole { min: 1, max: CHOICES_MAX }, "how many answers; each is an act of its own, the seed counts up from one to the next");
/// Not OpenAI's.
pub const TOP_K: Field = may("top_k", Shape::Whole { min: 0, max: u32::MAX as i64 }, "keep this many likeliest tokens; 0 keeps all");
/// Not OpenAI's.
pub const MIN_P: Field = may("min_p", Shape::Number { min: 0.0, max: 1.0, is_open: false }, "keep tokens at least this likely, as a part of the likeliest");
/// Not OpenAI's.
pub const REPETITION: Field = may("repetition_penalty", Shape::Number { min: 0.0, max: 100.0, is_open: true }, "make tokens that were there already less likely; 1 does nothing");
/// Not OpenAI's for every shape.
pub const TRUNCATION: Field = may("truncation", Shape::Word(&["auto", "disabled"]), "auto: a prompt that is too long loses its oldest parts; otherwise it is refused");
/// Most tokens.
pub const TOKENS: Shape = Shape::Whole { min: 1, max: i64::MAX };

/// The sampler that a body asks for.
pub fn sampler(body: &Value) -> SamplerConfig {
    let real = |name: &str, default: f32| body[name].as_f64().map_or(default, |value| value as f32);
    SamplerConfig {
        temperature: real("temperature", 1.0),
        top_k: whole(&body["top_k"]).and_then(|k| u32::try_from(k).ok()).unwrap_or(0),
        // The sampler takes no 0: the least there is keeps the likeliest token alone, as 0 does.
        top_p: real("top_p", 1.0).max(f32::MIN_POSITIVE),
        min_p: real("min_p", 0.0),
        repetition_penalty: real("repetition_penalty", 1.0).max(f32::MIN_POSITIVE),
    }
}

/// The seed of the answer `choice`; a negative one is the same 64 bits.
pub fn seed(body: &Value, choice: usize) -> Option<u64> {
    let seed = body["seed"].as_i64().or_else(|| whole(&body["seed"]))?;
    Some((seed as u64).wrapping_add(choice as u64))
}

/// The stop texts: one, or a list.
pub fn stop_texts(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A count, where it is said.
pub fn count(value: &Value) -> Option<usize> {
    usize::try_from(whole(value)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_nucleus_may_be_as_small_as_nothing() {
        for (top_p, fits) in [(json!(0), true), (json!(0.0), true), (json!(0.5), true), (json!(1), true), (json!(-0.1), false), (json!(1.1), false)] {
            assert_eq!(TOP_P.shape.check(&top_p, "top_p", &mut Vec::new()).is_ok(), fits, "{top_p}");
        }
        // The least that the sampler takes.
        assert_eq!(sampler(&json!({ "top_p": 0 })).top_p, f32::MIN_POSITIVE);
        assert_eq!(sampler(&json!({})).top_p, 1.0);
    }
}
