//! Server-sent events of chats and completions: one chunk each, and how a stream ends.

use super::chat::counts;
use serde_json::Value;

/// One event.
pub fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The end of a stream: the chunk that was kept back, the one with the usage if it was asked for, and `[DONE]`. The last chunk before it has the member `mickai`: it leaves after every outcome is durable.
pub fn end(kept: Option<Value>, usage: Option<Value>, mickai: Value) -> String {
    let (before, last) = if usage.is_some() { (kept, usage) } else { (None, kept) };
    let mut out = before.as_ref().map(event).unwrap_or_default();
    if let Some(mut last) = last {
        last["mickai"] = mickai;
        out.push_str(&event(&last));
    }
    out.push_str("data: [DONE]\n\n");
    out
}

/// A chunk that tells how many tokens there were.
pub fn with_usage(mut chunk: Value, prompt: usize, output: usize) -> Value {
    chunk["usage"] = counts(prompt, output);
    chunk
}
