//! `/api/chat`.

use super::lines::{Lines, Place};
use super::options::{self, FORMAT, OPTIONS};
use crate::call::{Call, RECORDS};
use crate::going::{Encoded, Going, Wanted};
use crate::refused::{Refused, Result};
use crate::reply::{LINES, Reply};
use crate::sampling;
use crate::shape::{NUMBER, OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{self, Of, Turn};
use crate::tools::{Form, NAME, TOOLS, Tool, ToolChoice};
use mickai_runtime::{Asked, Loaded, Said};
use serde_json::Value;
use std::sync::Arc;

const CALLS: Shape = Shape::List { of: &Shape::Fields(&[must("function", Shape::Fields(&[must("name", NAME, ""), must("arguments", OBJECT, "")]), "")]), min: 0, max: 128 };

const MESSAGE: Shape = Shape::Ref(
    "OllamaMessage",
    &Shape::Fields(&[
        must("role", Shape::Word(&["system", "user", "assistant", "tool"]), ""),
        may("content", TEXT, ""),
        may("tool_calls", CALLS, "of an assistant"),
        may("tool_name", TEXT, "of a tool: the result is of the first call of it that has none yet; absent, of the first call"),
    ]),
);

/// The request.
pub const REQUEST: Shape = Shape::Ref(
    "OllamaChatRequest",
    &Shape::Fields(&[
        must("model", SOME_TEXT, ""),
        may("messages", Shape::List { of: &MESSAGE, min: 0, max: usize::MAX }, "none: the model is opened and nothing is answered"),
        may("stream", Shape::Flag, "true unless it is said: one line for each piece"),
        may("truncate", Shape::Flag, "true: a conversation that is too long loses its oldest turns; otherwise it is refused, which is not Ollama's way"),
        may("format", FORMAT, "json, or a schema that the answer fits"),
        may("options", OPTIONS, ""),
        may("tools", TOOLS, "functions that the model may call; calls always fit their schemas"),
    ]),
);

/// The answer, when it comes whole.
pub const ANSWER: Shape = Shape::Ref(
    "OllamaChat",
    &Shape::Fields(&[
        must("model", TEXT, ""),
        must("created_at", TEXT, ""),
        must("message", OBJECT, ""),
        must("done", Shape::Flag, ""),
        may("done_reason", TEXT, ""),
        may("eval_count", NUMBER, ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// Answers a chat.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    let tools = body.value["tools"].as_array().into_iter().flatten().map(|tool| Tool::of(&tool["function"])).collect();
    let form = Form { tools, choice: ToolChoice::Auto, is_single: false, schema: options::schema_of(&body.value["format"]) }.checked(call).await?;
    let mut turns = Vec::new();
    body.value["messages"].as_array().into_iter().flatten().enumerate().for_each(|(at, message)| push_turns(message, at, &mut turns));
    let unmatched = |at| Refused::invalid(format!("messages[{at}].tool_name"), format!("messages[{at}] must be the result of a call before it that has none yet"));
    let turns = talk::in_order(turns).map_err(unmatched)?;
    let lines = Lines::new(Place::Message, model.name.clone(), form, body.warnings);
    if turns.is_empty() {
        return Ok(Reply::json(200, &lines.loaded()));
    }
    let bound = call.bound(&model, &turns, lines.form.bound())?;
    let said = Said::Conversation(talk::messages(turns, &lines.form));
    run(call, body.value, model, said, bound, lines).await
}

/// Runs one order of either shape.
///
/// # Errors
/// What stands against it.
pub(super) async fn run(call: &Call, body: Value, model: Arc<Loaded>, said: Said, bound: mickai_runtime::Bound, lines: Lines) -> Result<Reply> {
    let options = &body["options"];
    let asked = Asked {
        said,
        sampler: options::sampler(options),
        seed: options::seed(options),
        token_count_max: options::token_count(call, options),
        stop_texts: sampling::stop_texts(&options["stop"]),
        bound,
        request: Some(call.taken(false)),
    };
    // Nobody who asks for no truncation gets an answer to less than they said.
    let (shortens, is_stream) = (body["truncate"] == true, body["stream"] != false);
    // It has many times the bytes that came, and all that follows is a wait.
    drop(body);
    let mut going = Going::start(call, Wanted { model, asked: vec![asked], likely_count: None, shortens }).await?;
    let begun = going.begun().await?;
    if is_stream {
        return Ok(Reply::pieces(LINES, Box::new(Encoded::new(going, lines))).with_intent(begun.intent));
    }
    let choices = going.all().await?;
    let choice = choices.first().ok_or_else(Refused::internal)?;
    Ok(Reply::json(200, &lines.whole(choice)).with_intent(begun.intent))
}

fn push_turns(message: &Value, at: usize, turns: &mut Vec<Turn>) {
    let content = message["content"].as_str().unwrap_or_default().to_owned();
    match message["role"].as_str() {
        Some("system") => turns.push(Turn::System(content)),
        Some("tool") => {
            let of = message["tool_name"].as_str().filter(|name| !name.is_empty()).map_or(Of::Next, |name| Of::Name(name.to_owned()));
            turns.push(Turn::Given { of, content, at });
        }
        Some("assistant") => {
            turns.push(Turn::Assistant(content));
            let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]);
            let turn = |made: &Value| Turn::Call { id: String::new(), name: made["name"].as_str().unwrap_or_default().to_owned(), arguments: made["arguments"].to_string() };
            turns.extend(calls.map(turn));
        }
        _ => turns.push(Turn::User(content)),
    }
}
