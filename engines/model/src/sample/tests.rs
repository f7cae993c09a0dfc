//! The sampler against the vectors of `spec/vectors/sample`, made by a plain reading of the spec in another language.

use super::*;
use crate::power::exponential;
use serde_json::Value;

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn numbers<const N: usize>(value: &Value) -> [u64; N] {
    std::array::from_fn(|i| number(&value[i]))
}

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn philox_is_numpys() {
    let blocks = vectors(include_str!("../../../../spec/vectors/sample/philox.json"));
    assert!(blocks.len() >= 64);
    for block in blocks {
        assert_eq!(philox4x64(numbers(&block["counter"]), numbers(&block["key"])), numbers(&block["words"]));
    }
}

#[test]
fn exponential_is_the_specs() {
    for pair in vectors(include_str!("../../../../spec/vectors/sample/exponential.json")) {
        let x = f64::from_bits(number(&pair[0]));
        assert_eq!(exponential(x).to_bits(), number(&pair[1]), "{x}");
    }
}

#[test]
fn tokens_are_the_specs() {
    let cases = vectors(include_str!("../../../../spec/vectors/sample/sample.json"));
    assert!(cases.len() >= 100);
    for (index, case) in cases.iter().enumerate() {
        let list = |key: &str| case[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect::<Vec<_>>();
        let parameter = |key: &str| case[key].as_f64().unwrap() as f32;
        let logits: Vec<f32> = list("logits").into_iter().map(f32::from_bits).collect();
        let config = SamplerConfig {
            temperature: parameter("temperature"),
            top_k: case["top_k"].as_u64().unwrap() as u32,
            top_p: parameter("top_p"),
            min_p: parameter("min_p"),
            repetition_penalty: parameter("repetition_penalty"),
        };
        let mut sampler = Sampler::new(config, Seed(number(&case["seed"]))).unwrap();
        let mut seen = TokenSet::new();
        list("seen").into_iter().for_each(|id| seen.insert(Token(id)));
        for (step, want) in list("tokens").into_iter().enumerate() {
            let token = sampler.sample(&logits, step as u64, &seen, None).unwrap();
            assert_eq!(token, Token(want), "case {index}, step {step}");
            seen.insert(token);
        }
    }
}

#[test]
fn keys_order_logits_then_ids() {
    let values = [f32::MAX, 3.5, 1e-40, 0.0, -0.0, -1e-40, -2.0, f32::MIN];
    for (i, &a) in values.iter().enumerate() {
        assert_eq!(logit_of(key(a, Token(9))), a);
        for &b in &values[i..] {
            assert_eq!(key(a, Token(0)) < key(b, Token(0)), a > b, "{a} {b}");
        }
    }
    assert!(key(-0.0, Token(1)) < key(0.0, Token(2)) && key(0.0, Token(1)) < key(-0.0, Token(2)));
}

#[test]
fn keys_are_sorted_as_comparisons_sort_them() {
    let mut word = 1u64;
    for count in [0, 1, 2, 300, 20_000] {
        let mut keys: Vec<u64> = (0..count)
            .map(|index| {
                word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Few mantissa bits, so that many are equal.
                key(f32::from_bits((word >> 32) as u32 & 0xbf8e_0000), Token(index))
            })
            .collect();
        let mut want = keys.clone();
        want.sort_unstable();
        sort_by_logit(&mut keys, &mut Vec::new());
        assert!(keys == want, "{count}");
    }
}

#[test]
fn draws_follow_the_probabilities() {
    let config = SamplerConfig { temperature: 1.0, ..SamplerConfig::GREEDY };
    let mut sampler = Sampler::new(config, Seed(5)).unwrap();
    let logits = [0.0, 2f32.ln(), 0.0, -1e30];
    let mut counts = [0; 4];
    for step in 0..40_000 {
        counts[sampler.sample(&logits, step, &TokenSet::new(), None).unwrap().index()] += 1;
    }
    // Of four parts: 1, 2, 1, 0; the deviation of the first is 87.
    assert!((counts[0] - 10_000i32).abs() < 400 && (counts[1] - 20_000i32).abs() < 450 && counts[3] == 0, "{counts:?}");
}

#[test]
fn only_allowed_tokens_and_finite_logits() {
    let mut sampler = Sampler::new(SamplerConfig::GREEDY, Seed(0)).unwrap();
    let mut allowed = TokenSet::new();
    allowed.insert(Token(2));
    assert_eq!(sampler.sample(&[5.0, 4.0, 1.0], 0, &TokenSet::new(), Some(&allowed)), Ok(Token(2)));
    assert_eq!(sampler.sample(&[1.0, 1.0], 0, &TokenSet::new(), None), Ok(Token(0)));
    assert_eq!(sampler.sample(&[5.0], 0, &TokenSet::new(), Some(&TokenSet::new())), Err(Misuse::ConstraintDeadEnd.into()));
    assert_eq!(sampler.sample(&[1.0, f32::NAN], 0, &TokenSet::new(), None), Err(Misbehaved::LogitNotFinite { index: 1 }.into()));
}

#[test]
fn parameters_out_of_range_are_refused() {
    let good = SamplerConfig { temperature: 0.7, top_k: 40, top_p: 0.95, min_p: 0.05, repetition_penalty: 1.1 };
    assert_eq!(good.check(), Ok(()));
    let bad = [
        SamplerConfig { temperature: -0.1, ..good },
        SamplerConfig { temperature: f32::NAN, ..good },
        SamplerConfig { top_p: 0.0, ..good },
        SamplerConfig { top_p: 1.1, ..good },
        SamplerConfig { min_p: -1.0, ..good },
        SamplerConfig { repetition_penalty: 0.0, ..good },
    ];
    assert!(bad.iter().all(|config| matches!(Sampler::new(*config, Seed(0)).err(), Some(crate::error::Error::Misuse(Misuse::Sampler { .. })))));
}
