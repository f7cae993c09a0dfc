//! Probabilities of tokens as the two older shapes tell them.

use crate::going::Spoken;
use mickai_model::tokens::{Token, Tokenizer};
use mickai_runtime::Loaded;
use mickai_runtime::serve::Likely;
use serde_json::{Map, Value, json};

/// `logprobs.content` of a chat: one entry for each token.
pub fn content(model: &Loaded, spoken: &[Spoken]) -> Vec<Value> {
    let tokenizer = &model.file.tokenizer;
    let entry = |spoken: &Spoken| {
        let (token, likely) = (spoken.token?, spoken.likely.as_ref()?);
        let best: Vec<Value> = likely.best.iter().map(|(token, logprob)| one(tokenizer, *token, *logprob)).collect();
        let mut entry = one(tokenizer, token, likely.logprob);
        entry["top_logprobs"] = best.into();
        Some(entry)
    };
    spoken.iter().filter_map(entry).collect()
}

/// `logprobs` of a completion: lists beside each other. `offset` is where in the text the first token begins, in characters.
pub fn lists(model: &Loaded, spoken: &[Spoken], mut offset: usize) -> Value {
    let tokenizer = &model.file.tokenizer;
    let (mut tokens, mut logprobs, mut tops, mut offsets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for spoken in spoken {
        if let (Some(token), Some(likely)) = (spoken.token, &spoken.likely) {
            tokens.push(named(tokenizer, token));
            logprobs.push(likely.logprob);
            tops.push(top(tokenizer, token, likely));
            offsets.push(offset);
        }
        offset += spoken.text.chars().count();
    }
    json!({ "tokens": tokens, "token_logprobs": logprobs, "top_logprobs": tops, "text_offset": offsets })
}

/// The token that came out and the likeliest, by their names; of several of one name the first, which is the one that came out or the likelier one.
fn top(tokenizer: &Tokenizer, token: Token, likely: &Likely) -> Map<String, Value> {
    let mut top = Map::new();
    for (token, logprob) in std::iter::once((token, likely.logprob)).chain(likely.best.iter().copied()) {
        top.entry(named(tokenizer, token)).or_insert(logprob.into());
    }
    top
}

fn one(tokenizer: &Tokenizer, token: Token, logprob: f64) -> Value {
    json!({ "token": shown(tokenizer, token), "logprob": logprob, "bytes": bytes(tokenizer, token) })
}

fn bytes(tokenizer: &Tokenizer, token: Token) -> &[u8] {
    tokenizer.vocabulary().bytes(token).unwrap_or(&[])
}

/// A token as the lists of a completion name it: its text, or as OpenAI does, its bytes where they are no text by themselves.
fn named(tokenizer: &Tokenizer, token: Token) -> String {
    let bytes = bytes(tokenizer, token);
    let escaped = || bytes.iter().fold("bytes:".to_owned(), |name, byte| format!("{name}\\x{byte:02x}"));
    std::str::from_utf8(bytes).map_or_else(|_| escaped(), str::to_owned)
}

fn shown(tokenizer: &Tokenizer, token: Token) -> String {
    String::from_utf8_lossy(bytes(tokenizer, token)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_model::file::open_gguf;
    use mickai_runtime::EMBEDDED;
    use std::sync::Arc;

    #[test]
    fn the_token_that_came_out_is_told_and_no_name_hides_another() {
        let tokenizer = open_gguf(Arc::new(EMBEDDED)).unwrap().tokenizer;
        let token = |bytes: &[u8]| tokenizer.vocabulary().token(bytes).unwrap();
        let (a, b, first, second) = (token(b"a"), token(b"b"), token(&[0xe2]), token(&[0xff]));
        let likely = |logprob: f64, best: &[(Token, f64)]| Likely { logprob, entropy: 0.0, best: best.to_vec() };
        let cases = [
            // Not among the likeliest.
            (b, likely(-3.0, &[(a, -0.5), (first, -1.0)]), json!({ "b": -3.0, "a": -0.5, "bytes:\\xe2": -1.0 })),
            // Among them, and told once.
            (a, likely(-0.5, &[(a, -0.5), (b, -1.0)]), json!({ "a": -0.5, "b": -1.0 })),
            // No text by themselves, and two all the same.
            (first, likely(-1.0, &[(first, -1.0), (second, -2.0)]), json!({ "bytes:\\xe2": -1.0, "bytes:\\xff": -2.0 })),
            (second, likely(-2.0, &[]), json!({ "bytes:\\xff": -2.0 })),
        ];
        for (token, likely, expected) in cases {
            assert_eq!(Value::from(top(&tokenizer, token, &likely)), expected);
        }
    }
}
