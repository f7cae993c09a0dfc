//! Logits against the float64 run of the reference library.

use crate::vectors::{Reference, folder, gguf, reference, session, weights};
use mickai_kernels::dequantise::dequantise;
use mickai_kernels::element::ElementType;
use mickai_model::file::ModelFile;
use mickai_model::forward::Weights;
use mickai_model::tensor::Tensor;
use mickai_model::tokens::Token;
use std::sync::Arc;

/// The bound that the project promises for F32 weights, relative to the largest logit; here it holds even as an absolute one.
const BOUND: f32 = 1e-4;

fn all_logits(weights: &Arc<Weights>, tokens: &[Token]) -> Vec<f32> {
    let mut logits = Vec::new();
    session(weights).feed_each(tokens, &mut |_, row| logits.extend_from_slice(row)).unwrap();
    logits
}

fn best(logits: &[f32]) -> Token {
    let (index, _) = logits.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &x)| if x > best.1 { (i, x) } else { best });
    Token(index as u32)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |largest, (a, b)| f32::max(largest, (a - b).abs()))
}

/// The greedy continuation of the prompt, one token fed at a time.
fn greedy(model: &ModelFile, reference: &Reference) -> Vec<Token> {
    let mut session = session(&weights(model));
    session.feed(&reference.prompt).unwrap();
    let mut out = vec![best(session.logits())];
    while out.len() < reference.greedy.len() {
        session.feed(&out[out.len() - 1..]).unwrap();
        out.push(best(session.logits()));
    }
    out
}

fn check(name: &str, model: &ModelFile) {
    let reference = reference(name);
    let tokens = reference.tokens(reference.prompt.len() + reference.greedy.len() - 1);
    let difference = largest_difference(&all_logits(&weights(model), &tokens), &reference.logits);
    assert!(difference <= BOUND, "{name}: {difference:e}");
    assert_eq!(greedy(model, &reference), reference.greedy, "{name}");
}

#[test]
fn f32_folders_agree_with_the_reference() {
    for name in ["llama-64", "llama-256", "qwen2-64", "qwen2-64-untied"] {
        check(name, &folder(name));
    }
}

#[test]
fn f32_gguf_files_agree_with_the_reference() {
    for name in ["llama-64", "qwen2-64", "qwen2-64-untied"] {
        check(name, &gguf(&format!("{name}.f32")));
    }
}

#[test]
fn folder_and_gguf_give_the_same_bits() {
    for name in ["llama-64", "qwen2-64", "qwen2-64-untied"] {
        let tokens = reference(name).tokens(40);
        let bits = |model: &ModelFile| all_logits(&weights(model), &tokens).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&folder(name)), bits(&gguf(&format!("{name}.f32"))), "{name}");
    }
}

/// The same weights widened to F32, whose path is held to the reference above.
fn widened(model: &ModelFile) -> Arc<Weights> {
    let widen = |(name, tensor): (&String, &Tensor)| {
        let mut values = vec![0.0; tensor.shape.iter().product()];
        dequantise(tensor.element, tensor.bytes(), &mut values);
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let range = 0..bytes.len();
        let wide = Tensor::new(name.clone(), tensor.shape.clone(), ElementType::F32, tensor.row_order, Arc::new(bytes), range).unwrap();
        (name.clone(), wide)
    };
    Arc::new(Weights::bind(&model.config, &model.tensors.iter().map(widen).collect()).unwrap())
}

/// 16-bit weights are the same numbers in less room, so their logits are those of the widened weights to the bit. With weight blocks the
/// activations are quantised too, to 8 bits: by how much that moves logits is bounded, so that a wrong scale or order cannot hide behind it.
#[test]
fn smaller_types_compute_with_the_values_they_store() {
    let cases = [
        ("llama-64", "f16", 0.0),
        ("llama-64", "bf16", 0.0),
        ("qwen2-64-untied", "bf16", 0.0),
        ("llama-64", "q8_0", 0.5),
        ("qwen2-64", "q8_0", 0.5),
        ("llama-64", "q4_0", 0.5),
        ("qwen2-64-untied", "q4_0", 0.5),
        ("llama-256", "q4_k", 0.3),
        ("llama-256", "q6_k", 0.3),
    ];
    for (name, element, bound) in cases {
        let model = gguf(&format!("{name}.{element}"));
        let tokens = reference(name).tokens(64);
        let wide = all_logits(&widened(&model), &tokens);
        let difference = largest_difference(&all_logits(&weights(&model), &tokens), &wide);
        assert!(difference <= bound, "{name} {element}: {difference}");
    }
}
