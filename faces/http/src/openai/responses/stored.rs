//! Responses that are asked for again, gone on from, and deleted: all from the record.

use super::items;
use super::object::{Ended, INTERRUPTED, Object, call_id, id_of, index_of};
use super::request::{REQUEST, form};
use crate::call::{self, Call, RECORDS};
use crate::going::records;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{ANY_LIST, Shape, TEXT, may, must};
use crate::talk::Turn;
use crate::tools::ToolCall;
use mickai_runtime::acts::Side;
use mickai_runtime::serve::Told;
use mickai_store::Appended;
use serde_json::{Value, json};

/// What is told of a deletion.
pub const DELETED: Shape = Shape::Fields(&[
    must("id", TEXT, ""),
    must("object", Shape::Word(&["response"]), ""),
    must("deleted", Shape::Flag, "its values are erased; its records stay"),
    must("mickai", RECORDS, ""),
]);
/// The items of an input.
pub const ITEMS: Shape = Shape::Fields(&[
    must("object", Shape::Word(&["list"]), ""),
    must("data", ANY_LIST, ""),
    may("first_id", TEXT, ""),
    may("last_id", TEXT, ""),
    must("has_more", Shape::Flag, ""),
]);

/// Responses that one may go on from, back to the first.
const DEPTH_MAX: usize = 256;

/// A response.
///
/// # Errors
/// None of that id, or one that was deleted.
pub async fn get(call: &Call) -> Result<Reply> {
    let told = find(call, &call.parameter).await?;
    let object = object(&told)?;
    let outcome = Appended { index: told.outcome.index, digest: told.outcome.digest };
    let ended = Ended {
        text: &told.output,
        finish_reason: match told.stop() {
            "end" | "stop" => "stop",
            "interrupted" => INTERRUPTED,
            _ => "length",
        },
        prompt_token_count: told.prompt_token_count(),
        output_token_count: told.output_token_count(),
        outcome,
    };
    Ok(Reply::json(200, &object.ended(&ended)))
}

/// Erases what both records of a response still keep: also where one keeps nothing any more, so that a deletion that failed in between is brought to its end by another.
///
/// # Errors
/// None of that id, or none that keeps anything; a log that cannot be written.
pub async fn delete(call: &Call) -> Result<Reply> {
    let id = &call.parameter;
    let index = index_of(id).ok_or_else(|| missing(id))?;
    let told = call.app.in_turn(&call.app.looking, move |desk| desk.system().told_by(index)).await?;
    let (intent, outcome) = told.filter(|(intent, _)| is_named(id, intent)).ok_or_else(|| missing(id))?;
    let mut notes = call.notes();
    let erased = call.app.on_desk(move |desk| desk.forget(&[intent.index, outcome.index], &mut notes)).await?;
    let pairs: Vec<_> = erased.iter().map(|erased| erased.records).collect();
    let (first, _) = pairs.first().ok_or_else(|| missing(id))?;
    let told = json!({ "id": id, "object": "response", "deleted": true, "mickai": records(&pairs, &[]) });
    Ok(Reply::json(200, &told).with_intent(*first))
}

/// What a response was given, the newest first unless another order is asked for.
///
/// # Errors
/// None of that id; a query that is none.
pub async fn input_items(call: &Call) -> Result<Reply> {
    let told = find(call, &call.parameter).await?;
    let request = request_of(&told)?;
    let mut items = items::given_back(&request["input"], &call.parameter);
    let query = Query::of(&call.query)?;
    if !query.is_ascending {
        items.reverse();
    }
    if let Some(after) = &query.after {
        let at = items.iter().position(|item| item["id"] == after.as_str());
        items.drain(..at.map_or(items.len(), |at| at + 1));
    }
    let has_more = items.len() > query.limit;
    items.truncate(query.limit);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    Ok(Reply::json(200, &json!({ "object": "list", "first_id": id(items.first()), "last_id": id(items.last()), "has_more": has_more, "data": items })))
}

/// Everything that was said up to a response, its answer included; instructions are each request's own.
pub(super) async fn turns_until(call: &Call, id: &str) -> Result<Vec<Turn>> {
    let mut parts = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next {
        if parts.len() >= DEPTH_MAX {
            return Err(Refused::invalid("previous_response_id", format!("the conversation goes back more than {DEPTH_MAX} responses")));
        }
        let told = find(call, &id).await.map_err(|refused| Refused { param: Some("previous_response_id".to_owned()), ..refused })?;
        let request = request_of(&told)?;
        let mut turns = items::turns(&request["input"])?;
        let (text, calls) = form(&request).read(&told.output);
        turns.push(Turn::Assistant(text));
        let made = |(at, call): (usize, ToolCall)| Turn::Call { id: call_id(told.intent.index, at), name: call.name, arguments: call.arguments };
        turns.extend(calls.into_iter().enumerate().map(made));
        parts.push(turns);
        next = request["previous_response_id"].as_str().map(str::to_owned);
    }
    Ok(parts.into_iter().rev().flatten().collect())
}

async fn find(call: &Call, id: &str) -> Result<Told> {
    let index = index_of(id).ok_or_else(|| missing(id))?;
    let told = call.app.in_turn(&call.app.looking, move |desk| desk.system().told(index)).await?;
    told.filter(|told| is_named(id, &told.intent)).ok_or_else(|| missing(id))
}

/// Is it the id of the response with this intent? The digest counts too: a number alone is guessed easily.
fn is_named(id: &str, intent: &Side) -> bool {
    id_of(Appended { index: intent.index, digest: intent.digest }) == id
}

fn missing(id: &str) -> Refused {
    Refused::missing(&format!("response {id:?}"))
}

fn request_of(told: &Told) -> Result<Value> {
    serde_json::from_slice(&told.request).map_err(|_| Refused::internal())
}

fn object(told: &Told) -> Result<Object> {
    let request = request_of(told)?;
    let form = form(&request);
    let mut unknown = Vec::new();
    REQUEST.check(&request, "", &mut unknown)?;
    let warnings = call::warnings(unknown);
    let intent = Appended { index: told.intent.index, digest: told.intent.digest };
    Ok(Object { request, form, model: told.model(), intent, created: told.intent.wall_ms / 1000, warnings })
}

/// Which items are wanted.
struct Query {
    limit: usize,
    is_ascending: bool,
    after: Option<String>,
}

impl Query {
    fn of(query: &str) -> Result<Self> {
        let mut wanted = Self { limit: 20, is_ascending: false, after: None };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match (name, value) {
                ("limit", limit) => {
                    let limit = limit.parse().ok().filter(|limit| (1..=100).contains(limit));
                    wanted.limit = limit.ok_or_else(|| Refused::invalid("limit", "must be a whole number from 1 to 100"))?;
                }
                ("order", "asc") => wanted.is_ascending = true,
                ("order", "desc") => wanted.is_ascending = false,
                ("order", _) => return Err(Refused::invalid("order", "must be asc or desc")),
                ("after", after) => wanted.after = Some(after.to_owned()),
                _ => {}
            }
        }
        Ok(wanted)
    }
}
