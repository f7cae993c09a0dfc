//! A trained model on a text that it was not trained on: the tokens of another tokenizer, the probabilities of a float64 run (`spec/vectors/perplexity/make.py`).

use crate::vectors::{session, weights};
use mickai_model::file::open_gguf;
use mickai_model::tokens::Token;
use sha3::{Digest, Sha3_256};
use std::path::PathBuf;
use std::sync::Arc;

/// Of the sum over one window, relative: the arithmetic of `spec/arithmetic.md` in F32 against none but float64's.
const BOUND: f64 = 1e-5;
/// A model counts as trained when its perplexity is below this share of its vocabulary.
const SHARE_MAX: f64 = 0.2;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/perplexity").join(name)).unwrap()
}

/// −ln of the probability of `token`.
fn nats_of(logits: &[f32], token: Token) -> f64 {
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    sum.ln() - f64::from(logits[token.0 as usize])
}

#[test]
fn a_trained_model_predicts_heldout_text_as_float64_does() {
    let model = open_gguf(Arc::new(read("prose.f16.gguf"))).unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&read("exact.json")).unwrap();
    let tokens = model.tokenizer.encode_text(&String::from_utf8(read("heldout.txt")).unwrap()).unwrap();
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect();
    let digest: String = Sha3_256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(facts["tokens_sha3"], digest);

    let window_tokens = facts["window_tokens"].as_u64().unwrap() as usize;
    let want: Vec<f64> = facts["first_windows_nats"].as_array().unwrap().iter().map(|nats| nats.as_f64().unwrap()).collect();
    let mut session = session(&weights(&model));
    let (mut total, mut predictions) = (0.0, 0);
    for (window, want) in tokens.chunks(window_tokens).zip(&want) {
        let mut got = 0.0;
        session.truncate(0);
        session.feed_each(window, &mut |at, logits| got += window.get(at + 1).map_or(0.0, |&next| nats_of(logits, next))).unwrap();
        assert!((got / want - 1.0).abs() <= BOUND, "{got} instead of {want}");
        total += got;
        predictions += window.len() - 1;
    }
    assert!(!want.is_empty());
    let perplexity = (total / predictions as f64).exp();
    assert!(perplexity < SHARE_MAX * model.config.vocab_count as f64, "{perplexity}");
}
