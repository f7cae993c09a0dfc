//! A chat in server-sent events. The last one before `[DONE]` tells of the records, and of the usage where that was asked for; it is sent after every outcome is durable.

use super::chat::Told;
use super::events::{end, event, failed, with_usage};
use super::logprobs;
use crate::going::{Encoder, Event, Spoken, records};
use crate::refused::Refused;
use crate::tools::Filter;
use mickai_model::generate::Generation;
use mickai_store::Appended;
use serde_json::{Value, json};

/// Encodes chunks.
pub(super) struct Stream {
    told: Told,
    has_usage: bool,
    choices: Vec<Choice>,
}

#[derive(Default)]
struct Choice {
    has_role: bool,
    filter: Filter,
    pair: Option<(Appended, Appended)>,
    prompt_token_count: usize,
    output_token_count: usize,
}

impl Stream {
    pub fn new(told: Told, has_usage: bool) -> Self {
        Self { told, has_usage, choices: Vec::new() }
    }

    fn choice(&mut self, index: usize) -> &mut Choice {
        let may_call = self.told.form.may_call();
        while self.choices.len() <= index {
            self.choices.push(Choice { filter: Filter::new(may_call), ..Choice::default() });
        }
        &mut self.choices[index]
    }

    /// The records of those that have ended or failed, in the order of the choices.
    fn pairs(&self) -> Vec<(Appended, Appended)> {
        self.choices.iter().filter_map(|choice| choice.pair).collect()
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({ "id": self.told.id(), "object": "chat.completion.chunk", "created": self.told.created, "model": self.told.model.name, "choices": choices })
    }

    /// The first chunk of this choice, and of each before it that has shown none. Answers begin in any order, and clients that put chunks together give the next place to whichever choice they meet.
    fn roles(&mut self, index: usize) -> String {
        let mut out = String::new();
        for each in 0..=index {
            if !std::mem::replace(&mut self.choice(each).has_role, true) {
                out.push_str(&event(&self.delta(each, json!({ "role": "assistant", "content": "" }), &[], None)));
            }
        }
        out
    }

    fn delta(&self, index: usize, delta: Value, spoken: &[Spoken], finish_reason: Option<&str>) -> Value {
        let logprobs = self.told.likely_count.filter(|_| !spoken.is_empty()).map(|_| json!({ "content": logprobs::content(&self.told.model, spoken) }));
        self.chunk(json!([{ "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason }]))
    }

    fn heard(&mut self, index: usize, spoken: &Spoken) -> String {
        let text = self.choice(index).filter.push(&spoken.text);
        let has_likely = spoken.likely.is_some();
        if text.is_empty() && !has_likely {
            return String::new();
        }
        let delta = if text.is_empty() { json!({}) } else { json!({ "content": text }) };
        event(&self.delta(index, delta, std::slice::from_ref(spoken), None))
    }

    fn ended(&mut self, index: usize, pair: (Appended, Appended), generation: &Generation) -> String {
        let mut out = String::new();
        let rest = self.choice(index).filter.rest();
        if !rest.is_empty() {
            out.push_str(&event(&self.delta(index, json!({ "content": rest }), &[], None)));
        }
        let (_, calls) = self.told.form.read(&generation.text);
        let finish = self.told.finish_reason(generation, !calls.is_empty());
        if !calls.is_empty() {
            let calls: Vec<Value> = calls.iter().enumerate().map(|(at, call)| with_index(at, self.told.call(index, at, call))).collect();
            out.push_str(&event(&self.delta(index, json!({ "tool_calls": calls }), &[], None)));
        }
        let choice = self.choice(index);
        choice.pair = Some(pair);
        (choice.prompt_token_count, choice.output_token_count) = (generation.prompt_tokens.len(), generation.output_tokens.len());
        out.push_str(&event(&self.delta(index, json!({}), &[], Some(finish))));
        out
    }
}

impl Encoder for Stream {
    fn encode(&mut self, choice: usize, happened: Event) -> String {
        match happened {
            Event::Begun(_) => self.roles(choice),
            Event::Heard(spoken) => self.heard(choice, &spoken),
            Event::Ended(ended) => match *ended {
                Ok(answered) => self.ended(choice, (answered.intent, answered.outcome), &answered.generation),
                Err(error) => {
                    let refused = Refused::from(error);
                    refused.records.iter().for_each(|pair| self.choice(choice).pair = Some(*pair));
                    failed(&refused, &self.pairs(), &self.told.warnings)
                }
            },
        }
    }

    fn finish(&mut self) -> String {
        let (prompt, output) = (self.choices.first().map_or(0, |choice| choice.prompt_token_count), self.choices.iter().map(|choice| choice.output_token_count).sum());
        let usage = self.has_usage.then(|| with_usage(self.chunk(json!([])), prompt, output));
        let nothing = self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": null }]));
        end(usage, nothing, records(&self.pairs(), &self.told.warnings))
    }
}

fn with_index(at: usize, mut call: Value) -> Value {
    call["index"] = at.into();
    call
}

#[cfg(test)]
mod tests;
