//! Items of a conversation: messages, calls of functions, and what these gave.

use crate::openai::chat::text_of;
use crate::refused::{Refused, Result};
use crate::shape::{ANY_LIST, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{Of, Turn};
use serde_json::{Value, json};

const CONTENT: Shape = Shape::Either(&[
    TEXT,
    Shape::List {
        of: &Shape::Tagged {
            tag: "type",
            cases: &[
                ("input_text", &[must("text", TEXT, "")]),
                ("output_text", &[must("text", TEXT, ""), may("annotations", ANY_LIST, "as they were given"), may("logprobs", ANY_LIST, "as they were given")]),
            ],
        },
        min: 1,
        max: usize::MAX,
    },
]);

const STATUS: Shape = Shape::Word(&["in_progress", "completed", "incomplete"]);

const ITEM: Shape = Shape::Ref(
    "InputItem",
    &Shape::Tagged {
        tag: "type",
        cases: &[
            (
                "message",
                &[must("role", Shape::Word(&["user", "assistant", "system", "developer"]), ""), must("content", CONTENT, ""), may("id", TEXT, ""), may("status", STATUS, "")],
            ),
            (
                "function_call",
                &[must("call_id", TEXT, ""), must("name", SOME_TEXT, ""), must("arguments", TEXT, "one JSON object, as text"), may("id", TEXT, ""), may("status", STATUS, "")],
            ),
            ("function_call_output", &[must("call_id", TEXT, "which call before it gave this"), must("output", TEXT, ""), may("id", TEXT, ""), may("status", STATUS, "")]),
        ],
    },
);

/// The input of a request.
pub const INPUT: Shape = Shape::Either(&[TEXT, Shape::List { of: &ITEM, min: 1, max: usize::MAX }]);

/// The turns of an input.
///
/// # Errors
/// Arguments that are no object.
pub fn turns(input: &Value) -> Result<Vec<Turn>> {
    if let Some(text) = input.as_str() {
        return Ok(vec![Turn::User(text.to_owned())]);
    }
    let items = input.as_array().into_iter().flatten().enumerate();
    items.map(|(at, item)| turn(item, at).ok_or_else(|| Refused::invalid(format!("input[{at}].arguments"), "must be one JSON object, as text"))).collect()
}

fn turn(item: &Value, at: usize) -> Option<Turn> {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    Some(match (item["type"].as_str(), item["role"].as_str()) {
        (Some("function_call"), _) => {
            serde_json::from_str::<Value>(&text("arguments")).ok().filter(Value::is_object)?;
            Turn::Call { id: text("call_id"), name: text("name"), arguments: text("arguments") }
        }
        (Some("function_call_output"), _) => Turn::Given { of: Of::Id(text("call_id")), content: text("output"), at },
        (_, Some("system" | "developer")) => Turn::System(text_of(&item["content"])),
        (_, Some("assistant")) => Turn::Assistant(text_of(&item["content"])),
        _ => Turn::User(text_of(&item["content"])),
    })
}

/// The items of an input as they are given back: each with an id, a message with its parts.
pub fn given_back(input: &Value, response: &str) -> Vec<Value> {
    let whole = json!([{ "type": "message", "role": "user", "content": input }]);
    let items = if input.is_string() { &whole } else { input };
    items.as_array().into_iter().flatten().enumerate().map(|(at, item)| one(item, &format!("item_{at}_{response}"))).collect()
}

fn one(item: &Value, id: &str) -> Value {
    let mut item = item.clone();
    if item["type"].is_null() {
        item["type"] = "message".into();
    }
    if item["id"].is_null() {
        item["id"] = id.into();
    }
    if item["status"].is_null() {
        item["status"] = "completed".into();
    }
    if let Some(text) = item["content"].as_str().map(str::to_owned) {
        let is_output = item["role"] == "assistant";
        item["content"] = if is_output { json!([{ "type": "output_text", "text": text, "annotations": [] }]) } else { json!([{ "type": "input_text", "text": text }]) };
    }
    item
}
