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
use mickai_runtime::serve::{Told, Unanswered};
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
    // Its request may be as long as any, and is read as JSON.
    let reply = call.in_turn(&call.app.places.reading, move |_| Ok(again(&told, &query.warnings).map(|told| Reply::json(200, &told))));
    reply.await?
}

/// A response as its records tell it, with what else is to be told of what had no effect.
pub(super) fn again(told: &Told, warnings: &[String]) -> Result<Value> {
    let mut object = object(told)?;
    object.warnings.extend_from_slice(warnings);
    let outcome = Appended { index: told.outcome.index, digest: told.outcome.digest };
    let text = match &told.output {
        Ok(text) => text,
        Err(because) => return Ok(object.failed(&failure(*because, (object.intent, outcome)))),
    };
    let ended = Ended {
        text,
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

/// Why a response has no answer. What an act failed of may quote what the vault keeps, so it is in no record.
fn failure(because: Unanswered, records: (Appended, Appended)) -> Refused {
    let (code, message) = match because {
        Unanswered::Failed => (None, "the act failed, and its records do not say of what"),
        Unanswered::NotRun => (Some("not_attempted"), "nothing was run for this response"),
        Unanswered::Unknown => (Some("outcome_unknown"), "the server ended while it made this response, and nobody knows how far that went"),
    };
    Refused { records: vec![records], ..Refused::new(500, "server_error", code, message) }
}

/// Erases what both records of a response still keep, whatever came of it: also where one keeps nothing, so that a deletion that failed in between is brought to its end by another.
///
/// # Errors
/// None of that id that is over, or none that keeps anything; a log that cannot be written.
pub async fn delete(call: &Call) -> Result<Reply> {
    let query = Query::of(call, &[])?;
    let id = &call.parameter;
    let index = index_of(id).ok_or_else(|| missing(id))?;
    let (intent, outcome) = sides(call, id, index).await?;
    let outcome = outcome.ok_or_else(|| missing(id))?;
    let mut notes = call.notes();
    let erased = call.in_turn(&call.app.places.writing, move |desk| desk.forget(&[intent.index, outcome.index], &mut notes)).await?;
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
    let (told, id) = (find(call, &call.parameter).await?, call.parameter.clone());
    // The request may be as long as any, and is read as JSON.
    let reply = call.in_turn(&call.app.places.reading, move |_| Ok(page.told(&told, &id, &query.warnings)));
    reply.await?
}

/// The response that a caller names, by the id alone: nobody guesses the digest in it.
pub(super) async fn find(call: &Call, id: &str) -> Result<Told> {
    let index = index_of(id).ok_or_else(|| missing(id))?;
    let look = || call.in_turn(&call.app.places.looking, move |desk| desk.system().told(index));
    let mut told = look().await?;
    if told.is_none() {
        // It may have got its outcome only now.
        sides(call, id, index).await?;
        told = look().await?;
    }
    told.filter(|told| is_named(id, &told.intent)).ok_or_else(|| missing(id))
}

/// The record before the response of that id, and the one after it; `None` while it is being made.
async fn sides(call: &Call, id: &str, index: u64) -> Result<(Side, Option<Side>)> {
    let told = call.in_turn(&call.app.places.looking, move |desk| desk.system().told_by(index)).await?;
    let (intent, mut outcome) = told.filter(|(intent, _)| is_named(id, intent)).ok_or_else(|| missing(id))?;
    if outcome.is_none() {
        // It runs, or it was left without an outcome: then it gets one when the log is opened anew.
        let told = call.in_turn(&call.app.places.writing, move |desk| desk.check().and_then(|()| desk.system().told_by(index))).await?;
        outcome = told.and_then(|(_, outcome)| outcome);
    }
    Ok((intent, outcome))
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
    // It was taken under the rules of its time: where today's do not fit, nothing more is said of it.
    let _ = REQUEST.check(&request, "", &mut unknown);
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

    /// These items of the request that the response of that id answers.
    fn told(&self, told: &Told, id: &str, warnings: &[String]) -> Result<Reply> {
        let request = request_of(told)?;
        let mut items = items::given_back(&request["input"], id);
        if !self.is_ascending {
            items.reverse();
        }
        if let Some(after) = &self.after {
            let at = items.iter().position(|item| item["id"] == after.as_str());
            let at = at.ok_or_else(|| Refused::invalid("after", format!("must be the id of one of the items, and {after:?} is none")))?;
            items.drain(..=at);
        }
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
        let (first, last, mickai) = (id(items.first()), id(items.last()), records(&[], warnings));
        Ok(Reply::json(200, &json!({ "object": "list", "first_id": first, "last_id": last, "has_more": has_more, "data": items, "mickai": mickai })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::echoed;
    use super::super::past::Past;
    use super::super::request::answer;
    use super::*;
    use crate::app::App;
    use crate::limits::READING_MAX;
    use crate::reply::Body;
    use mickai_runtime::EMBEDDED_NAME;
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;

    fn value(reply: Reply) -> Value {
        let Body::Whole(bytes) = reply.body else { panic!("it comes in pieces") };
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The id of a response that is stored.
    async fn stored(app: &Arc<App>) -> String {
        let body = json!({ "model": EMBEDDED_NAME, "input": "what models do I have", "max_output_tokens": 32 });
        let made = value(answer(&Call::of_test(app, body.to_string().as_bytes())).await.unwrap());
        made["id"].as_str().unwrap().to_owned()
    }

    /// What is on record of it, and its id.
    fn found() -> (String, Told) {
        let folder = tempfile::tempdir().unwrap();
        let app = App::of_test(&folder.path().join("home"));
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let id = stored(&app).await;
            let told = find(&Call::of_test(&app, b""), &id).await.unwrap();
            (id, told)
        })
    }

    /// One thread serves all connections.
    #[test]
    fn a_stored_request_is_read_where_it_holds_up_no_connection() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::of_test(&folder.path().join("home"));
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let id = stored(&app).await;
            let call = Call { parameter: id.clone(), ..Call::of_test(&app, b"") };
            let mut past = Past::new(&call);
            let taken = app.places.reading.acquire_many(READING_MAX as u32).await.unwrap();
            let mut again = std::pin::pin!(get(&call));
            let mut items = std::pin::pin!(input_items(&call));
            let mut turns = std::pin::pin!(past.turns_until(&id));
            for _ in 0..3 {
                let are_waiting = poll_fn(|context| {
                    let are_waiting = again.as_mut().poll(context).is_pending() && items.as_mut().poll(context).is_pending() && turns.as_mut().poll(context).is_pending();
                    Poll::Ready(are_waiting)
                });
                assert!(are_waiting.await);
                // The one thread has done what there was to do.
                app.on_desk(|_| Ok(())).await.unwrap();
            }
            drop(taken);
            assert_eq!(value(again.await.unwrap())["id"], id.as_str());
            assert_eq!(value(items.await.unwrap())["data"].as_array().map(Vec::len), Some(1));
            assert_eq!(turns.await.unwrap().len(), 2);
        });
    }

    /// Nothing else of a request stays while its answer is made.
    #[test]
    fn what_a_response_tells_again_of_its_request_is_kept() {
        let (_, told) = found();
        let request = json!({
            "model": "m",
            "input": "i",
            "instructions": "i",
            "previous_response_id": "r",
            "store": false,
            "max_output_tokens": 1,
            "temperature": 0.5,
            "top_p": 0.5,
            "seed": 1,
            "stream": true,
            "tools": [{ "type": "function", "name": "f" }],
            "tool_choice": "none",
            "parallel_tool_calls": false,
            "text": { "format": { "type": "json_object" } },
            "metadata": { "a": "b" },
            "truncation": "auto",
        });
        let response = |request: Value| Object { request, ..object(&told).unwrap() }.in_progress();
        assert_eq!(response(echoed(request.clone())), response(request.clone()));
        assert_eq!(echoed(request).as_object().map(|members| members.len()), Some(12));
    }

    /// Another release may have taken what this one refuses, and whoever asks for the answer did nothing wrong.
    #[test]
    fn a_request_of_other_rules_is_told_of_as_it_is() {
        let (id, told) = found();
        let cases = [(json!({ "input": "i", "temperature": 9 }), 0), (json!({ "input": 7 }), 0), (json!({ "model": "m", "input": "i", "robot": 1 }), 1)];
        for (request, warnings) in cases {
            let told = Told { request: request.to_string().into_bytes(), ..told.clone() };
            let response = again(&told, &[]).unwrap();
            assert_eq!((&response["id"], response["mickai"]["warnings"].as_array().map(Vec::len)), (&json!(id), Some(warnings)), "{request}");
        }
    }

    /// Its prompt is kept as any other's, so whoever has its id can look at it.
    #[test]
    fn a_response_without_an_answer_is_told_of_as_failed() {
        let (id, told) = found();
        for (because, code) in [(Unanswered::Failed, "server_error"), (Unanswered::NotRun, "not_attempted"), (Unanswered::Unknown, "outcome_unknown")] {
            let response = again(&Told { output: Err(because), ..told.clone() }, &[]).unwrap();
            assert_eq!((&response["id"], &response["status"], &response["output"]), (&json!(id), &json!("failed"), &json!([])));
            assert_eq!((&response["error"]["code"], response["mickai"]["records"].as_array().map(Vec::len)), (&json!(code), Some(1)));
        }
    }
}
