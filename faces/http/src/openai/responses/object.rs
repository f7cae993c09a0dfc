//! The object `response`, the same when it is made and when it is asked for again.

use crate::call::RECORDS;
use crate::going::{finish_reason, records};
use crate::refused::Refused;
use crate::shape::{ANY_LIST, NUMBER, OBJECT, Shape, TEXT, may, must};
use crate::tools::{Form, ToolCall};
use mickai_runtime::Answered;
use mickai_store::Appended;
use serde_json::{Value, json};

/// The answer.
pub const ANSWER: Shape = Shape::Ref(
    "Response",
    &Shape::Fields(&[
        must("id", TEXT, ""),
        must("object", Shape::Word(&["response"]), ""),
        must("created_at", NUMBER, ""),
        must("status", Shape::Word(&["completed", "incomplete", "in_progress", "failed"]), ""),
        must("model", TEXT, ""),
        must("output", ANY_LIST, "messages and calls"),
        may("usage", OBJECT, ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// Members of a request that its response tells again.
const ECHOED: [&str; 12] =
    ["instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "previous_response_id", "store", "temperature", "text", "tool_choice", "tools", "top_p", "truncation"];

/// A response in the making, or one that is told again.
pub(super) struct Object {
    /// The request, or what [`echoed`] leaves of it.
    pub request: Value,
    pub form: Form,
    /// The model's name.
    pub model: String,
    pub intent: Appended,
    /// Seconds since 1970.
    pub created: u64,
    pub warnings: Vec<String>,
}

/// Its client went away, or the server was ended.
pub(super) const INTERRUPTED: &str = "interrupted";

/// How it ended, and with what.
pub(super) struct Ended<'a> {
    pub text: &'a str,
    /// `stop`, `length` or [`INTERRUPTED`].
    pub finish_reason: &'a str,
    pub prompt_token_count: u64,
    pub output_token_count: u64,
    pub outcome: Appended,
}

impl Object {
    /// Its id: whoever has it can find the record.
    pub fn id(&self) -> String {
        id_of(self.intent)
    }

    /// With nothing yet.
    pub fn in_progress(&self) -> Value {
        self.object("in_progress", &[], Value::Null, Value::Null, &[])
    }

    /// As it failed.
    pub fn failed(&self, refused: &Refused) -> Value {
        let mut failed = self.object("failed", &[], Value::Null, Value::Null, &refused.records);
        failed["error"] = json!({ "code": refused.code.unwrap_or("server_error"), "message": refused.message });
        failed
    }

    /// As it was answered.
    pub fn answered(&self, answered: &Answered) -> Value {
        let generation = &answered.generation;
        self.ended(&Ended {
            text: &generation.text,
            finish_reason: finish_reason(generation.stop_reason),
            prompt_token_count: generation.prompt_tokens.len() as u64,
            output_token_count: generation.output_tokens.len() as u64,
            outcome: answered.outcome,
        })
    }

    /// As it ended.
    pub fn ended(&self, ended: &Ended<'_>) -> Value {
        let is_whole = ended.finish_reason == "stop";
        let status = if is_whole { "completed" } else { "incomplete" };
        let details = match ended.finish_reason {
            "stop" => Value::Null,
            INTERRUPTED => json!({ "reason": INTERRUPTED }),
            _ => json!({ "reason": "max_output_tokens" }),
        };
        let usage = json!({
            "input_tokens": ended.prompt_token_count,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": ended.output_token_count,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": ended.prompt_token_count + ended.output_token_count,
        });
        self.object(status, &self.output(ended.text, status), details, usage, &[(self.intent, ended.outcome)])
    }

    /// The items of an output.
    pub fn output(&self, text: &str, status: &str) -> Vec<Value> {
        let (text, calls) = self.form.read(text);
        if calls.is_empty() {
            return vec![self.message(Some(&text), status)];
        }
        calls.iter().enumerate().map(|(at, call)| self.call(at, call, status)).collect()
    }

    /// The message item, with its text once there is one.
    pub fn message(&self, text: Option<&str>, status: &str) -> Value {
        let content: Vec<Value> = text.map(part).into_iter().collect();
        json!({ "id": format!("msg_{}", self.id()), "type": "message", "status": status, "role": "assistant", "content": content })
    }

    /// A call's item.
    pub fn call(&self, at: usize, call: &ToolCall, status: &str) -> Value {
        json!({ "id": format!("fc_{}_{at}", self.id()), "type": "function_call", "status": status, "call_id": call_id(self.intent.index, at), "name": call.name, "arguments": call.arguments })
    }

    fn object(&self, status: &str, output: &[Value], incomplete: Value, usage: Value, pairs: &[(Appended, Appended)]) -> Value {
        let request = &self.request;
        let or = |name: &str, default: Value| if request[name].is_null() { default } else { request[name].clone() };
        json!({
            "id": self.id(),
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": null,
            "incomplete_details": incomplete,
            "instructions": request["instructions"],
            "max_output_tokens": request["max_output_tokens"],
            "metadata": or("metadata", json!({})),
            "model": self.model,
            "output": output,
            "parallel_tool_calls": or("parallel_tool_calls", true.into()),
            "previous_response_id": request["previous_response_id"],
            "store": or("store", true.into()),
            "temperature": or("temperature", 1.0.into()),
            "text": if request["text"]["format"].is_null() { json!({ "format": { "type": "text" } }) } else { request["text"].clone() },
            "tool_choice": or("tool_choice", "auto".into()),
            "tools": or("tools", json!([])),
            "top_p": or("top_p", 1.0.into()),
            "truncation": or("truncation", "disabled".into()),
            "usage": usage,
            "mickai": records(pairs, &self.warnings),
        })
    }
}

/// A request without what its response does not tell again, above all without its input.
pub(super) fn echoed(mut request: Value) -> Value {
    if let Value::Object(members) = &mut request {
        members.retain(|name, _| ECHOED.contains(&name.as_str()));
    }
    request
}

/// The id of a call, by the record before the answer that made it and its place in that.
pub(super) fn call_id(intent: u64, at: usize) -> String {
    format!("call_{intent}_{at}")
}

/// A part of text.
pub(super) fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// Digits of the intent's D in an id: 128 bits.
const DIGITS: usize = 32;

/// The id of the response whose intent this is.
pub(super) fn id_of(intent: Appended) -> String {
    let digest = intent.digest.to_string();
    format!("resp_{}_{}", intent.index, digest.get(..DIGITS).unwrap_or(&digest))
}

/// The index in an id, if it is one; what has not the form of one costs no look into the log.
pub(super) fn index_of(id: &str) -> Option<u64> {
    let (digits, digest) = id.strip_prefix("resp_")?.split_once('_')?;
    let is_digest = digest.len() == DIGITS && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let index: u64 = digits.parse().ok().filter(|_| is_digest)?;
    // An index is written in one way.
    (index.to_string() == digits).then_some(index)
}

/// The id of the response that put out an item. The item's id holds all of it, so that nobody can refer to what they could not ask for.
pub(super) fn response_of(item: &str) -> Option<&str> {
    item.strip_prefix("msg_").or_else(|| Some(item.strip_prefix("fc_")?.rsplit_once('_')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_names_its_response() {
        let cases = [("msg_resp_1_ab", Some("resp_1_ab")), ("fc_resp_1_ab_0", Some("resp_1_ab")), ("fc_1_0", Some("1")), ("fc_", None), ("resp_1_ab", None), ("", None)];
        for (item, response) in cases {
            assert_eq!(response_of(item), response, "{item}");
        }
    }

    #[test]
    fn only_an_id_has_an_index() {
        let digest = "0123456789abcdef".repeat(2);
        let cases = [
            (format!("resp_12_{digest}"), Some(12)),
            (format!("resp_0_{digest}"), Some(0)),
            (format!("resp_12_{}", digest.to_uppercase()), None),
            (format!("resp_12_{digest}0"), None),
            (format!("resp_12_{}g", &digest[1..]), None),
            (format!("resp_012_{digest}"), None),
            (format!("resp_+12_{digest}"), None),
            (format!("resp__{digest}"), None),
            (format!("resp_18446744073709551616_{digest}"), None),
            (format!("12_{digest}"), None),
            ("resp_12_".to_owned(), None),
            ("resp_12".to_owned(), None),
            (String::new(), None),
        ];
        for (id, index) in cases {
            assert_eq!(index_of(&id), index, "{id}");
        }
    }
}
