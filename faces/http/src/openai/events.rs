//! Server-sent events of chats and completions: one chunk each, and how a stream ends.

use super::chat::counts;
use crate::going::records;
use crate::refused::Refused;
use mickai_store::Appended;
use serde_json::Value;

/// The name of the event that tells of the records alone. Clients that go by names never see it; to those that take every event for a chunk it is one that says nothing.
const RECORDS_EVENT: &str = "mickai";

/// One event.
pub fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The end of a stream: one chunk with the records, and `[DONE]`. Where the usage was asked for, it is the chunk with the usage, which has no choice and no name: clients take the usage of the last chunk
/// there is, so none may follow. Otherwise it is `nothing`, a chunk whose one choice is empty, because many programs look at the first choice of every chunk.
pub fn end(usage: Option<Value>, nothing: Value, mickai: Value) -> String {
    let name = if usage.is_some() { String::new() } else { format!("event: {RECORDS_EVENT}\n") };
    let mut last = usage.unwrap_or(nothing);
    last["mickai"] = mickai;
    format!("{name}{}data: [DONE]\n\n", event(&last))
}

/// The end of a stream that failed: why, and in its `mickai` the records of what had ended and of what failed, in the order of the choices.
pub fn failed(refused: &Refused, ended: &[(Appended, Appended)], warnings: &[String]) -> String {
    let mut envelope = refused.envelope();
    envelope["error"]["mickai"] = records(ended, warnings);
    event(&envelope)
}

/// A chunk that tells how many tokens there were.
pub fn with_usage(mut chunk: Value, prompt: usize, output: usize) -> Value {
    chunk["usage"] = counts(prompt, output);
    chunk
}
