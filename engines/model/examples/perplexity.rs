//! Perplexity of a model file on a text: `cargo run --release -p mickai-model --example perplexity -- FILE.gguf TEXT WINDOW [ISA]`.
//!
//! The text's tokens are cut into windows of WINDOW tokens, the last of which may be shorter; each goes through an empty context, and every token of it but the first is predicted from
//! those before. Logits are the engine's, everything after them is f64: log-softmax, the sum over all predictions, and the perplexity, which is the exponential of the mean.
//! The digest of the tokens (SHA3-256 of their ids as little-endian u32) lets a figure be compared with another program's on the same tokens.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads files")]

use mickai_kernels::crew::Serial;
use mickai_kernels::isa::Isa;
use mickai_model::file::open_gguf;
use mickai_model::forward::Session;
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, text, window, isa @ ..] = &args[..] else {
        println!("usage: perplexity FILE.gguf TEXT WINDOW [scalar|avx2+fma|avx512+vnni|neon+dotprod]");
        return;
    };
    let window: usize = window.parse().unwrap();
    let isa = isa.first().map_or(Isa::best(), |name| Isa::named(name).unwrap());
    let model = open_gguf(Arc::new(std::fs::read(file).unwrap())).unwrap();
    let tokens = model.tokenizer.encode_text(&std::fs::read_to_string(text).unwrap()).unwrap();
    let digest = Sha3_256::digest(tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect::<Vec<_>>());

    let mut session = Session::new(model.weights(), window, Arc::new(Serial), isa).unwrap();
    let (mut nats, mut predictions) = (0.0, 0);
    for window in tokens.chunks(window) {
        session.truncate(0);
        let each = &mut |at: usize, logits: &[f32]| {
            if let Some(next) = window.get(at + 1) {
                nats += nats_of(logits, next.0 as usize);
                predictions += 1;
            }
        };
        session.feed_each(window, each).unwrap();
    }
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "perplexity/ours isa={} tokens={} tokens_sha3={digest} predictions={predictions} nats={nats:.6} perplexity={:.6}",
        isa.name(),
        tokens.len(),
        (nats / f64::from(predictions)).exp()
    );
}

/// −ln of the probability that the softmax of `logits` gives to `token`.
fn nats_of(logits: &[f32], token: usize) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - max).exp()).sum();
    sum.ln() + f64::from(max) - f64::from(logits[token])
}
