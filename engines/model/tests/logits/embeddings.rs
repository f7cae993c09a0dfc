//! Embeddings: against transformers in float64, and equal bits however the inputs were put together.

use crate::refusals::plain;
use crate::vectors::{folder, gguf, threads, weights};
use mickai_kernels::crew::Serial;
use mickai_kernels::isa::Isa;
use mickai_model::embed::Embedder;
use mickai_model::error::{Error, Misbehaved, Misuse};
use mickai_model::generate::Flow;
use mickai_model::tokens::Token;
use std::sync::Arc;

/// Of values whose squares sum to one.
const BOUND: f32 = 2e-5;

struct Case {
    model: String,
    tokens: Vec<Token>,
    dimensions: usize,
    embedding: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/model/embeddings.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    let case = |case: &serde_json::Value| {
        let hex = case["embedding"].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        Case {
            model: case["model"].as_str().unwrap().to_owned(),
            tokens: case["tokens"].as_array().unwrap().iter().map(|token| Token(token.as_u64().unwrap() as u32)).collect(),
            dimensions: case["dimensions"].as_u64().unwrap() as usize,
            embedding: bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        }
    };
    cases.iter().map(case).collect()
}

fn embedder(weights: &Arc<mickai_model::forward::Weights>) -> Embedder {
    Embedder::new(weights.clone(), Arc::new(Serial), Isa::best())
}

#[test]
fn they_agree_with_the_reference() {
    for case in cases() {
        let weights = weights(&folder(&case.model));
        let vector = embedder(&weights).embed(&[case.tokens], case.dimensions, &mut || Flow::Continue).unwrap().unwrap();
        assert_eq!(vector.len(), case.embedding.len());
        let difference = vector.iter().zip(&case.embedding).fold(0.0, |most, (a, b)| f32::max(most, (a - b).abs()));
        assert!(difference <= BOUND, "{}: {difference:e}", case.model);
    }
}

#[test]
fn neighbours_threads_and_instructions_change_no_bit() {
    let weights = weights(&gguf("llama-64.q8_0"));
    let inputs: Vec<Vec<Token>> = [1_usize, 300, 24, 2, 700, 257, 24, 9, 1, 40, 512].iter().map(|&count| (0..count).map(|at| Token((at * 7 % 500) as u32)).collect()).collect();
    let alone: Vec<f32> = inputs.iter().flat_map(|input| embedder(&weights).embed(std::slice::from_ref(input), 64, &mut || Flow::Continue).unwrap().unwrap()).collect();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for isa in Isa::available() {
        for crew in [threads(1), threads(3)] {
            let mut embedder = Embedder::new(weights.clone(), crew, isa);
            let together = embedder.embed(&inputs, 64, &mut || Flow::Continue).unwrap().unwrap();
            assert_eq!(bits(&together), bits(&alone));
        }
    }
    let length: f32 = alone[..64].iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-6, "{length}");
}

#[test]
fn what_cannot_be_embedded_is_refused() {
    let weights = weights(&gguf("llama-64.f32"));
    let mut embedder = embedder(&weights);
    let mut refused = |tokens: &[u32], dimensions| embedder.embed(&[tokens.iter().copied().map(Token).collect()], dimensions, &mut || Flow::Continue).unwrap_err();
    assert_eq!(refused(&[1], 0), Misuse::Dimensions { asked: 0, max: 64 }.into());
    assert_eq!(refused(&[1], 65), Misuse::Dimensions { asked: 65, max: 64 }.into());
    assert_eq!(refused(&[], 64), Misuse::PromptEmpty.into());
    assert_eq!(refused(&[1, 512], 64), Misuse::TokenUnknown(512).into());
    assert!(matches!(refused(&[1; 2_049], 64), Error::Misuse(Misuse::ContextTooLong { .. })));
    assert_eq!(embedder.embed(&[vec![Token(1)]], 64, &mut || Flow::Stop).unwrap(), None);
}

/// A state that is zero, one that is not finite, and two whose squares f32 does not hold: all would be vectors of another length.
#[test]
fn a_state_without_a_direction_gives_no_vector() {
    for value in [0.0, f32::NAN, 1e30, 1e-30] {
        let mut model = gguf("llama-64.f32");
        model.tensors.insert("model.norm.weight".into(), plain("model.norm.weight", &[64], value));
        let said = embedder(&weights(&model)).embed(&[vec![Token(1)], vec![Token(2)]], 64, &mut || Flow::Continue).unwrap_err();
        assert_eq!(said, Misbehaved::NoDirection { input: 0 }.into(), "{value}");
    }
}
