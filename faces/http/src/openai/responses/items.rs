//! Items of a conversation: messages, calls of functions, and what these gave.

use crate::openai::chat::text_of;
use crate::refused::{Refused, Result};
use crate::shape::{ANY_LIST, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{Of, Turn};
use crate::tools::arguments_of;
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

/// What a call gave: text, or parts of text.
const OUTPUT: Shape = Shape::Either(&[TEXT, Shape::List { of: &Shape::Tagged { tag: "type", cases: &[("input_text", &[must("text", TEXT, "")])] }, min: 0, max: usize::MAX }]);

const STATUS: Shape = Shape::Word(&["in_progress", "completed", "incomplete"]);

/// The type of an item that stands for one of an earlier output.
const REFERENCE: &str = "item_reference";

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
            ("function_call_output", &[must("call_id", TEXT, "which call before it gave this"), must("output", OUTPUT, ""), may("id", TEXT, ""), may("status", STATUS, "")]),
            (REFERENCE, &[must("id", SOME_TEXT, "the id of a message or call that a stored response put out")]),
        ],
    },
);

/// The input of a request.
pub const INPUT: Shape = Shape::Either(&[TEXT, Shape::List { of: &ITEM, min: 1, max: usize::MAX }]);

/// The items of an input; of a text none.
pub fn of(input: &Value) -> &[Value] {
    input.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The id that an item refers to, if it is a reference.
pub fn referred(item: &Value) -> Option<&str> {
    item["id"].as_str().filter(|_| item["type"] == REFERENCE)
}

/// The turns of an input without references.
///
/// # Errors
/// Arguments that are no object.
pub fn turns(input: &Value) -> Result<Vec<Turn>> {
    if let Some(text) = input.as_str() {
        return Ok(vec![Turn::User(text.to_owned())]);
    }
    let items = of(input).iter().enumerate();
    items.map(|(at, item)| turn(item, at).ok_or_else(|| Refused::invalid(format!("input[{at}].arguments"), "must be one JSON object, as text"))).collect()
}

fn turn(item: &Value, at: usize) -> Option<Turn> {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    Some(match (item["type"].as_str(), item["role"].as_str()) {
        (Some("function_call"), _) => {
            let arguments = arguments_of(item["arguments"].as_str().unwrap_or_default())?.to_owned();
            Turn::Call { id: text("call_id"), name: text("name"), arguments }
        }
        (Some("function_call_output"), _) => Turn::Given { of: Of::Id(text("call_id")), content: text_of(&item["output"]), at },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(item: Value) -> Vec<Turn> {
        let input = json!([item]);
        INPUT.check(&input, "input", &mut Vec::new()).unwrap();
        turns(&input).unwrap()
    }

    #[test]
    fn what_a_call_gave_may_come_in_parts() {
        let given = |output: Value| told(json!({ "type": "function_call_output", "call_id": "1", "output": output }));
        let text = |content: &str| vec![Turn::Given { of: Of::Id("1".to_owned()), content: content.to_owned(), at: 0 }];
        assert_eq!(given(json!("ab")), text("ab"));
        assert_eq!(given(json!([{ "type": "input_text", "text": "a" }, { "type": "input_text", "text": "b" }])), text("ab"));
        assert_eq!(given(json!([])), text(""));
        let image = json!([{ "type": "function_call_output", "call_id": "1", "output": [{ "type": "input_image" }] }]);
        assert_eq!(INPUT.check(&image, "input", &mut Vec::new()).unwrap_err().path, "input[0].output[0].type");
    }

    #[test]
    fn a_call_without_arguments_was_made_with_none() {
        let call = |arguments: &str| json!({ "type": "function_call", "call_id": "1", "name": "f", "arguments": arguments });
        assert_eq!(told(call("")), told(call("{}")));
        assert_eq!(turns(&json!([call("[]")])).unwrap_err().param.as_deref(), Some("input[0].arguments"));
    }

    #[test]
    fn only_a_reference_refers() {
        for (item, id) in [
            (json!({ "type": "item_reference", "id": "msg_1" }), Some("msg_1")),
            (json!({ "type": "message", "id": "msg_1", "role": "user", "content": "x" }), None),
            (json!({ "id": "msg_1", "role": "user", "content": "x" }), None),
        ] {
            assert_eq!((INPUT.check(&json!([item]), "input", &mut Vec::new()), referred(&item)), (Ok(()), id));
        }
    }
}
