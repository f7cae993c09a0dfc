//! What was said before a request: the responses that it goes on from, and the items of earlier outputs that it refers to. Both are looked up as GET looks a response up, by the whole of its id, so whoever
//! could not ask for one learns nothing of it here.

use super::items::{self, referred};
use super::object::{call_id, response_of};
use super::request::form;
use super::stored::{again, find, request_of};
use crate::call::Call;
use crate::limits::BODY_BYTES_MAX;
use crate::refused::{Refused, Result};
use crate::talk::Turn;
use crate::tools::ToolCall;
use mickai_runtime::serve::Told;
use serde_json::Value;
use std::collections::BTreeMap;

/// Responses that one may go on from, back to the first.
const DEPTH_MAX: usize = 256;
/// Items that a request may refer to, those of the requests that it goes on from among them.
const REFERENCES_MAX: usize = 256;

/// The past of one request.
pub(super) struct Past<'a> {
    call: &'a Call,
    reference_count: usize,
    /// What responses that were referred to put out, by their ids: each is looked up once.
    outputs: BTreeMap<String, Vec<Value>>,
}

impl<'a> Past<'a> {
    pub fn new(call: &'a Call) -> Self {
        Self { call, reference_count: 0, outputs: BTreeMap::new() }
    }

    /// The turns of an input, with those that it refers to.
    ///
    /// # Errors
    /// A reference to nothing, or too many; arguments that are no object.
    pub async fn turns(&mut self, input: &Value) -> Result<Vec<Turn>> {
        if !items::of(input).iter().any(|item| referred(item).is_some()) {
            return items::turns(input);
        }
        items::turns(&self.resolved(input.clone()).await?)
    }

    /// Everything that was said up to a response, its answer included; instructions are each request's own.
    ///
    /// # Errors
    /// A response, or an item that was referred to, that is not there or not there any more; too many of either; more than a body may bring at once.
    pub async fn turns_until(&mut self, id: &str) -> Result<Vec<Turn>> {
        let named = |refused: Refused| Refused { param: Some("previous_response_id".to_owned()), ..refused };
        let (mut parts, mut byte_count) = (Vec::new(), 0);
        let mut next = Some(id.to_owned());
        while let Some(id) = next {
            if parts.len() >= DEPTH_MAX {
                return Err(Refused::invalid("previous_response_id", format!("the conversation goes back more than {DEPTH_MAX} responses")));
            }
            let told = find(self.call, &id).await.map_err(named)?;
            // Its request may be as long as any, and is read as JSON.
            let Exchange { input, answer, before } = self.call.in_turn(&self.call.app.places.reading, move |_| Ok(Exchange::of(&told))).await??;
            let mut turns = self.turns(&input).await.map_err(named)?;
            turns.extend(answer);
            byte_count += turns.iter().map(Turn::byte_count).sum::<usize>();
            if byte_count > BODY_BYTES_MAX {
                let message = format!("the conversation that it goes on from holds at least {byte_count} bytes, at most {BODY_BYTES_MAX} are taken");
                return Err(Refused::invalid("previous_response_id", message));
            }
            parts.push(turns);
            next = before;
        }
        Ok(parts.into_iter().rev().flatten().collect())
    }

    /// An input with the items in the places of the references to them.
    async fn resolved(&mut self, mut input: Value) -> Result<Value> {
        for (at, item) in input.as_array_mut().into_iter().flatten().enumerate() {
            if let Some(id) = referred(item) {
                let found = self.item(id, at).await?;
                *item = found;
            }
        }
        Ok(input)
    }

    /// The item that the one at `at` refers to, as its response is told again.
    async fn item(&mut self, id: &str, at: usize) -> Result<Value> {
        self.reference_count += 1;
        if self.reference_count > REFERENCES_MAX {
            return Err(Refused::invalid("input", format!("refers to more than {REFERENCES_MAX} items of earlier responses: give the items themselves")));
        }
        let missing = || Refused { param: Some(format!("input[{at}].id")), ..Refused::missing(&format!("item {id:?} of a stored response")) };
        let response = response_of(id).ok_or_else(missing)?;
        if !self.outputs.contains_key(response) {
            let told = find(self.call, response).await.map_err(|refused| if refused.status == 404 { missing() } else { refused })?;
            // Its request may be as long as any, and is read as JSON.
            let mut whole = self.call.in_turn(&self.call.app.places.reading, move |_| Ok(again(&told, &[]))).await??;
            self.outputs.insert(response.to_owned(), whole["output"].as_array_mut().map(std::mem::take).unwrap_or_default());
        }
        self.outputs.get(response).into_iter().flatten().find(|item| item["id"] == id).cloned().ok_or_else(missing)
    }
}

/// A stored response with what it answers.
struct Exchange {
    input: Value,
    /// The turns of the answer.
    answer: Vec<Turn>,
    /// The response that it went on from.
    before: Option<String>,
}

impl Exchange {
    fn of(told: &Told) -> Result<Self> {
        let mut request = request_of(told)?;
        let Ok(output) = &told.output else {
            return Err(Refused::invalid("previous_response_id", "the conversation goes on from a response that has no answer: go on from the one before it"));
        };
        let (text, calls) = form(&request).read(output);
        let made = |(at, call): (usize, ToolCall)| Turn::Call { id: call_id(told.intent.index, at), name: call.name, arguments: call.arguments };
        let answer = std::iter::once(Turn::Assistant(text)).chain(calls.into_iter().enumerate().map(made)).collect();
        let before = request["previous_response_id"].as_str().map(str::to_owned);
        Ok(Self { input: request.get_mut("input").map(Value::take).unwrap_or_default(), answer, before })
    }
}
