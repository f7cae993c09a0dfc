//! An answer as lines of JSON, or as the one that sums them up.

use crate::going::{Choice, Encoder, Event, records};
use crate::refused::Refused;
use crate::tools::{Filter, Form};
use mickai_runtime::{Answered, Error};
use serde_json::{Value, json};
use std::time::Instant;

/// Where an answer's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `message`, of a chat.
    Message,
    /// `response`, of a generation.
    Response,
}

/// Writes lines.
pub(super) struct Lines {
    pub place: Place,
    pub model: String,
    pub form: Form,
    pub warnings: Vec<String>,
    pub since: Instant,
    filter: Filter,
    first: Option<Instant>,
}

impl Lines {
    pub fn new(place: Place, model: String, form: Form, warnings: Vec<String>) -> Self {
        let filter = Filter::new(form.may_call());
        Self { place, model, form, warnings, since: Instant::now(), filter, first: None }
    }

    /// All of it in one value.
    pub fn whole(&self, choice: &Choice) -> Value {
        let (text, calls) = self.form.read(&choice.answered.generation.text);
        let mut whole = self.ended(&choice.answered, choice.first);
        whole["mickai"] = self.records(&choice.answered);
        self.put(&mut whole, &text, &calls_value(&calls));
        whole
    }

    /// That a model is open, which is all that an empty prompt asks for.
    pub fn loaded(&self) -> Value {
        let mut line = self.line("", &Value::Null);
        line["done"] = true.into();
        line["done_reason"] = "load".into();
        line["mickai"] = records(&[], &self.warnings);
        line
    }

    fn line(&self, text: &str, calls: &Value) -> Value {
        let mut line = json!({ "model": self.model, "created_at": jiff::Timestamp::now().to_string(), "done": false });
        self.put(&mut line, text, calls);
        line
    }

    fn put(&self, line: &mut Value, text: &str, calls: &Value) {
        match self.place {
            Place::Response => line["response"] = text.into(),
            Place::Message => {
                line["message"] = json!({ "role": "assistant", "content": text });
                if !calls.is_null() {
                    line["message"]["tool_calls"] = calls.clone();
                }
            }
        }
    }

    /// `first`: when the first token came. Where none did, reading the prompt was all there was to do.
    fn ended(&self, answered: &Answered, first: Option<Instant>) -> Value {
        let (generation, now) = (&answered.generation, Instant::now());
        let first = first.unwrap_or(now);
        let mut line = self.line("", &Value::Null);
        line["done"] = true.into();
        line["done_reason"] = self.form.finish_reason(generation).into();
        line["total_duration"] = nanoseconds(self.since, now).into();
        line["load_duration"] = 0.into();
        line["prompt_eval_count"] = generation.prompt_tokens.len().into();
        line["prompt_eval_duration"] = nanoseconds(self.since, first).into();
        line["eval_count"] = generation.output_tokens.len().into();
        line["eval_duration"] = nanoseconds(first, now).into();
        line
    }

    fn records(&self, answered: &Answered) -> Value {
        records(&[(answered.intent, answered.outcome)], &self.warnings)
    }

    fn failed(&self, error: Error) -> Value {
        let refused = Refused::from(error);
        let mut line = refused.ollama();
        line["mickai"] = records(&refused.records, &self.warnings);
        line
    }

    /// The records in a line of their own, before the one that says `done`; to whoever does not look for them it is a piece without text.
    fn told(&self, answered: &Answered) -> Value {
        let mut line = self.line("", &Value::Null);
        line["mickai"] = self.records(answered);
        line
    }
}

impl Encoder for Lines {
    fn encode(&mut self, _: usize, happened: Event) -> String {
        match happened {
            Event::Begun(_) => String::new(),
            Event::Heard(spoken) => {
                self.first.get_or_insert_with(Instant::now);
                let text = self.filter.push(&spoken.text);
                if text.is_empty() { String::new() } else { format!("{}\n", self.line(&text, &Value::Null)) }
            }
            Event::Ended(ended) => match *ended {
                Ok(answered) => {
                    let (rest, (_, calls)) = (self.filter.rest(), self.form.read(&answered.generation.text));
                    let more = if rest.is_empty() && calls.is_empty() { String::new() } else { format!("{}\n", self.line(&rest, &calls_value(&calls))) };
                    format!("{more}{}\n{}\n", self.told(&answered), self.ended(&answered, self.first))
                }
                Err(error) => format!("{}\n", self.failed(error)),
            },
        }
    }

    fn finish(&mut self) -> String {
        String::new()
    }
}

/// Ollama gives arguments as an object, not as text; what no value holds stays text.
fn calls_value(calls: &[crate::tools::ToolCall]) -> Value {
    if calls.is_empty() {
        return Value::Null;
    }
    let arguments = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
    calls.iter().map(|call| json!({ "function": { "name": call.name, "arguments": arguments(&call.arguments) } })).collect()
}

fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
