//! A response in server-sent events, each with its number. The last one carries the whole response with its records, after the outcome is durable.

use super::object::{Object, part};
use crate::going::{Encoder, Event};
use crate::refused::Refused;
use crate::tools::{Filter, ToolCall};
use mickai_runtime::{Answered, Error};
use serde_json::{Value, json};

/// Encodes events.
pub(super) struct Stream {
    object: Object,
    filter: Filter,
    number: u64,
    has_begun: bool,
    /// The message item is open.
    has_message: bool,
    text: String,
}

impl Stream {
    pub fn new(object: Object) -> Self {
        let filter = Filter::new(object.form.may_call());
        Self { object, filter, number: 0, has_begun: false, has_message: false, text: String::new() }
    }

    fn event(&mut self, kind: &str, mut value: Value) -> String {
        value["type"] = kind.into();
        value["sequence_number"] = self.number.into();
        self.number += 1;
        format!("event: {kind}\ndata: {value}\n\n")
    }

    fn begin(&mut self) -> String {
        if std::mem::replace(&mut self.has_begun, true) {
            return String::new();
        }
        let response = self.object.in_progress();
        let created = self.event("response.created", json!({ "response": response }));
        created + &self.event("response.in_progress", json!({ "response": response }))
    }

    /// Text of the message, whose item is opened before the first of it.
    fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        if !std::mem::replace(&mut self.has_message, true) {
            let item = self.object.message(None, "in_progress");
            let id = item["id"].clone();
            out.push_str(&self.event("response.output_item.added", json!({ "output_index": 0, "item": item })));
            out.push_str(&self.event("response.content_part.added", json!({ "item_id": id, "output_index": 0, "content_index": 0, "part": part("") })));
        }
        if !text.is_empty() {
            self.text.push_str(text);
            let place = self.place();
            out.push_str(&self.event("response.output_text.delta", with(place, json!({ "delta": text, "logprobs": [] }))));
        }
        out
    }

    fn place(&self) -> Value {
        json!({ "item_id": self.object.message(None, "")["id"], "output_index": 0, "content_index": 0 })
    }

    fn ended(&mut self, answered: &Answered) -> String {
        let mut out = self.begin();
        let whole = self.object.answered(answered);
        let status = whole["status"].as_str().unwrap_or_default().to_owned();
        let (_, calls) = self.object.form.read(&answered.generation.text);
        let rest = self.filter.rest();
        if calls.is_empty() {
            // Also where nothing came out: a message without text is one.
            out.push_str(&self.push(&rest));
            out.push_str(&self.close(&status));
        }
        for (at, call) in calls.iter().enumerate() {
            out.push_str(&self.call(at, call, &status));
        }
        let kind = if status == "completed" { "response.completed" } else { "response.incomplete" };
        out + &self.event(kind, json!({ "response": whole }))
    }

    fn close(&mut self, status: &str) -> String {
        let (text, place) = (self.text.clone(), self.place());
        let item = self.object.message(Some(&text), status);
        let done = self.event("response.output_text.done", with(place.clone(), json!({ "text": text, "logprobs": [] })));
        let done = done + &self.event("response.content_part.done", with(place, json!({ "part": part(&text) })));
        done + &self.event("response.output_item.done", json!({ "output_index": 0, "item": item }))
    }

    fn call(&mut self, at: usize, call: &ToolCall, status: &str) -> String {
        let empty = ToolCall { arguments: String::new(), ..call.clone() };
        let (begun, done) = (self.object.call(at, &empty, "in_progress"), self.object.call(at, call, status));
        let place = json!({ "item_id": done["id"], "output_index": at });
        let added = self.event("response.output_item.added", json!({ "output_index": at, "item": begun }));
        let added = added + &self.event("response.function_call_arguments.delta", with(place.clone(), json!({ "delta": call.arguments })));
        let added = added + &self.event("response.function_call_arguments.done", with(place, json!({ "name": call.name, "arguments": call.arguments })));
        added + &self.event("response.output_item.done", json!({ "output_index": at, "item": done }))
    }

    fn failed(&mut self, error: Error) -> String {
        let response = self.object.failed(&Refused::from(error));
        self.begin() + &self.event("response.failed", json!({ "response": response }))
    }
}

impl Encoder for Stream {
    fn encode(&mut self, _: usize, happened: Event) -> String {
        match happened {
            Event::Begun(_) => self.begin(),
            Event::Heard(spoken) => {
                let begun = self.begin();
                let text = self.filter.push(&spoken.text);
                if text.is_empty() { begun } else { begun + &self.push(&text) }
            }
            Event::Ended(ended) => match *ended {
                Ok(answered) => self.ended(&answered),
                Err(error) => self.failed(error),
            },
        }
    }

    fn finish(&mut self) -> String {
        String::new()
    }
}

fn with(mut place: Value, more: Value) -> Value {
    if let (Value::Object(place), Value::Object(more)) = (&mut place, more) {
        place.extend(more);
    }
    place
}
