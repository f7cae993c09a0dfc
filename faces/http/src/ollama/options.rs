//! `options`: how tokens are chosen, with Ollama's defaults.

use crate::call::Call;
use crate::limits::STOP_TEXT_MAX;
use crate::sampling;
use crate::shape::{OBJECT, Shape, may, whole};
use crate::tools::with_null;
use mickai_model::sample::SamplerConfig;
use mickai_runtime::serve::limits::STOP_TEXTS_MAX;
use serde_json::{Value, json};

const STOP_TEXT: Shape = Shape::Text { min: 1, max: STOP_TEXT_MAX };

/// The options that have an effect here.
pub const OPTIONS: Shape = Shape::Ref(
    "OllamaOptions",
    &Shape::Fields(&[
        may("temperature", Shape::Number { min: 0.0, max: 100.0, is_open: false }, "0.8 unless it is said; 0 takes the likeliest token always"),
        may("top_k", Shape::Whole { min: 0, max: u32::MAX as i64 }, "40 unless it is said; 0 keeps all"),
        may("top_p", Shape::Number { min: 0.0, max: 1.0, is_open: false }, "0.9 unless it is said; 0 keeps the likeliest token alone"),
        may("min_p", Shape::Number { min: 0.0, max: 1.0, is_open: false }, "0 unless it is said"),
        may("repeat_penalty", Shape::Number { min: 0.0, max: 100.0, is_open: true }, "1 unless it is said; over all of the context"),
        may("seed", Shape::Whole { min: i64::MIN, max: i64::MAX }, "of every draw"),
        may("num_predict", Shape::Whole { min: -2, max: i64::MAX }, "most tokens of the answer; below 1 as many as the model holds"),
        may("stop", Shape::Either(&[STOP_TEXT, Shape::List { of: &STOP_TEXT, min: 0, max: STOP_TEXTS_MAX }]), "texts that end the answer"),
    ]),
);

/// `format`: a schema, any JSON, or nothing.
pub const FORMAT: Shape = Shape::Either(&[Shape::Word(&["json", ""]), OBJECT]);

/// The schema that `format` asks for.
pub fn schema_of(format: &Value) -> Option<Value> {
    match format {
        Value::String(word) if word == "json" => Some(json!({ "type": "object" })),
        Value::Object(_) => Some(with_null(format.clone())),
        _ => None,
    }
}

/// The sampler that options ask for.
pub fn sampler(options: &Value) -> SamplerConfig {
    let real = |name: &str, default: f32| options[name].as_f64().map_or(default, |value| value as f32);
    SamplerConfig {
        temperature: real("temperature", 0.8),
        top_k: whole(&options["top_k"]).and_then(|k| u32::try_from(k).ok()).unwrap_or(40),
        top_p: real("top_p", 0.9).max(f32::MIN_POSITIVE),
        min_p: real("min_p", 0.0),
        repetition_penalty: real("repeat_penalty", 1.0).max(f32::MIN_POSITIVE),
    }
}

/// Most tokens.
pub fn token_count(call: &Call, options: &Value) -> usize {
    match whole(&options["num_predict"]) {
        Some(..1) => usize::MAX,
        _ => call.token_count([&options["num_predict"]]),
    }
}

/// The seed.
pub fn seed(options: &Value) -> Option<u64> {
    sampling::seed(options, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nucleus_may_be_as_small_as_nothing() {
        let options = json!({ "top_p": 0 });
        assert!(OPTIONS.check(&options, "options", &mut Vec::new()).is_ok());
        assert_eq!(sampler(&options).top_p, f32::MIN_POSITIVE);
        assert!(OPTIONS.check(&json!({ "top_p": -0.1 }), "options", &mut Vec::new()).is_err());
    }
}
