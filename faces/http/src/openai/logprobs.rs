//! Probabilities of tokens as the two older shapes tell them.

use crate::going::Spoken;
use mickai_model::tokens::{Token, Tokenizer};
use mickai_runtime::Loaded;
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
            let top: Map<String, Value> = likely.best.iter().map(|(token, logprob)| (shown(tokenizer, *token), (*logprob).into())).collect();
            tokens.push(shown(tokenizer, token));
            logprobs.push(likely.logprob);
            tops.push(top);
            offsets.push(offset);
        }
        offset += spoken.text.chars().count();
    }
    json!({ "tokens": tokens, "token_logprobs": logprobs, "top_logprobs": tops, "text_offset": offsets })
}

fn one(tokenizer: &Tokenizer, token: Token, logprob: f64) -> Value {
    json!({ "token": shown(tokenizer, token), "logprob": logprob, "bytes": bytes(tokenizer, token) })
}

fn bytes(tokenizer: &Tokenizer, token: Token) -> &[u8] {
    tokenizer.vocabulary().bytes(token).unwrap_or(&[])
}

fn shown(tokenizer: &Tokenizer, token: Token) -> String {
    String::from_utf8_lossy(bytes(tokenizer, token)).into_owned()
}
