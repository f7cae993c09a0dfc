//! Responses that are asked for again and deleted: all from the record.

use super::items;
use super::object::{Ended, INTERRUPTED, Object, id_of, index_of};
use super::query::Query;
use super::request::{REQUEST, form};
use crate::call::{self, Call, RECORDS};
use crate::going::records;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{ANY_LIST, Shape, TEXT, may, must};
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
    must("mickai", RECORDS, "no act, and so no record"),
]);

/// A response.
///
/// # Errors
/// None of that id, or one that was deleted; a query that asks for it in pieces.
pub async fn get(call: &Call) -> Result<Reply> {
    let query = Query::of(call, &["stream"])?;
    if query.get("stream").is_some_and(|stream| stream != "false") {
        return Err(Refused::invalid("stream", "a response that is told again comes whole: leave it out"));
    }
    let told = find(call, &call.parameter).await?;
    Ok(Reply::json(200, &again(&told, &query.warnings)?))
}

/// A response as its records tell it, with what else is to be told of what had no effect.
pub(super) fn again(told: &Told, warnings: &[String]) -> Result<Value> {
    let mut object = object(told)?;
    object.warnings.extend_from_slice(warnings);
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
    Ok(object.ended(&ended))
}

/// Erases what both records of a response still keep: also where one keeps nothing any more, so that a deletion that failed in between is brought to its end by another.
///
/// # Errors
/// None of that id, or none that keeps anything; a log that cannot be written.
pub async fn delete(call: &Call) -> Result<Reply> {
    let query = Query::of(call, &[])?;
    let id = &call.parameter;
    let index = index_of(id).ok_or_else(|| missing(id))?;
    let told = call.app.in_turn(&call.app.looking, move |desk| desk.system().told_by(index)).await?;
    let (intent, outcome) = told.filter(|(intent, _)| is_named(id, intent)).ok_or_else(|| missing(id))?;
    let mut notes = call.notes();
    let erased = call.app.on_desk(move |desk| desk.forget(&[intent.index, outcome.index], &mut notes)).await?;
    let pairs: Vec<_> = erased.iter().map(|erased| erased.records).collect();
    let (first, _) = pairs.first().ok_or_else(|| missing(id))?;
    let told = json!({ "id": id, "object": "response", "deleted": true, "mickai": records(&pairs, &query.warnings) });
    Ok(Reply::json(200, &told).with_intent(*first))
}

/// What a response was given, the newest first unless another order is asked for.
///
/// # Errors
/// None of that id; a query that is none.
pub async fn input_items(call: &Call) -> Result<Reply> {
    let query = Query::of(call, &["limit", "order", "after"])?;
    let page = Page::of(&query)?;
    let told = find(call, &call.parameter).await?;
    let request = request_of(&told)?;
    let mut items = items::given_back(&request["input"], &call.parameter);
    if !page.is_ascending {
        items.reverse();
    }
    if let Some(after) = &page.after {
        let at = items.iter().position(|item| item["id"] == after.as_str());
        let at = at.ok_or_else(|| Refused::invalid("after", format!("must be the id of one of the items, and {after:?} is none")))?;
        items.drain(..=at);
    }
    let has_more = items.len() > page.limit;
    items.truncate(page.limit);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let (first, last, mickai) = (id(items.first()), id(items.last()), records(&[], &query.warnings));
    Ok(Reply::json(200, &json!({ "object": "list", "first_id": first, "last_id": last, "has_more": has_more, "data": items, "mickai": mickai })))
}

/// The response that a caller names, by the id alone: nobody guesses the digest in it.
pub(super) async fn find(call: &Call, id: &str) -> Result<Told> {
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

/// The request that a response answers.
pub(super) fn request_of(told: &Told) -> Result<Value> {
    serde_json::from_slice(&told.request).map_err(|_| Refused::internal())
}

fn object(told: &Told) -> Result<Object> {
    let request = request_of(told)?;
    let form = form(&request);
    let mut unknown = Vec::new();
    REQUEST.check(&request, "", &mut unknown)?;
    let warnings = call::warnings(&unknown);
    let intent = Appended { index: told.intent.index, digest: told.intent.digest };
    Ok(Object { request, form, model: told.model(), intent, created: told.intent.wall_ms / 1000, warnings })
}

/// Which items are wanted.
struct Page {
    limit: usize,
    is_ascending: bool,
    after: Option<String>,
}

impl Page {
    fn of(query: &Query) -> Result<Self> {
        let limit = query.get("limit").map_or(Some(20), |limit| limit.parse::<usize>().ok().filter(|limit| (1..=100).contains(limit)));
        let limit = limit.ok_or_else(|| Refused::invalid("limit", "must be a whole number from 1 to 100"))?;
        let is_ascending = match query.get("order") {
            Some("asc") => true,
            Some("desc") | None => false,
            Some(_) => return Err(Refused::invalid("order", "must be asc or desc")),
        };
        Ok(Self { limit, is_ascending, after: query.get("after").map(str::to_owned) })
    }
}
