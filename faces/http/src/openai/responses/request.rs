//! What is asked for, and the order that is made of it.

use super::items::INPUT;
use super::object::{Object, echoed};
use super::past::Past;
use super::stream::Stream;
use crate::call::Call;
use crate::going::{Encoded, Going, Wanted};
use crate::limits::TOOLS_MAX;
use crate::refused::{Refused, Result};
use crate::reply::{EVENTS, Reply};
use crate::sampling::{self, MIN_P, REPETITION, SEED, TEMPERATURE, TOKENS, TOP_K, TOP_P, TRUNCATION};
use crate::shape::{Field, OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{self, Turn};
use crate::tools::{self, Form, NAME, Tool, ToolChoice};
use mickai_runtime::{Asked, Said};
use serde_json::Value;

const TOOLS: Shape = Shape::List {
    of: &Shape::Ref(
        "ResponseTool",
        &Shape::Tagged {
            tag: "type",
            cases: &[(
                "function",
                &[
                    must("name", NAME, ""),
                    may("description", TEXT, ""),
                    may("parameters", OBJECT, "the JSON schema of its arguments, which are an object"),
                    may("strict", Shape::Flag, "calls fit the schema either way"),
                ],
            )],
        },
    ),
    min: 0,
    max: TOOLS_MAX,
};

const TOOL_CHOICE: Shape = Shape::Either(&[Shape::Word(&["none", "auto", "required"]), Shape::Tagged { tag: "type", cases: &[("function", &[must("name", NAME, "")])] }]);

const FORMAT: Shape = Shape::Tagged {
    tag: "type",
    cases: &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[must("name", SOME_TEXT, ""), must("schema", OBJECT, "what the answer fits"), may("description", TEXT, ""), may("strict", Shape::Flag, "the answer fits either way")],
        ),
    ],
};

/// The request.
pub const REQUEST: Shape = Shape::Ref("ResponseRequest", &Shape::Fields(FIELDS));

const FIELDS: &[Field] = &[
    must("model", SOME_TEXT, "a name or the beginning of a digest, as /v1/models lists them"),
    must("input", INPUT, "text, or items of a conversation"),
    may("instructions", TEXT, "words of the system before it"),
    may("previous_response_id", SOME_TEXT, "go on from there"),
    may("store", Shape::Flag, "whether it can be asked for again; true unless it is said"),
    may("max_output_tokens", TOKENS, "most tokens of the answer"),
    TEMPERATURE,
    TOP_P,
    TOP_K,
    MIN_P,
    REPETITION,
    SEED,
    may("stream", Shape::Flag, "answer in server-sent events"),
    may("tools", TOOLS, "functions that the model may call; calls always fit their schemas"),
    may("tool_choice", TOOL_CHOICE, "auto unless it is said"),
    may("parallel_tool_calls", Shape::Flag, "false: one call at a time"),
    may("text", Shape::Fields(&[may("format", FORMAT, "the answer always fits the schema")]), ""),
    may("metadata", Shape::Named(&TEXT), "given back as it is"),
    TRUNCATION,
];

/// Answers.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    let form = form(&body.value).checked(call).await?;
    let mut turns: Vec<Turn> = body.value["instructions"].as_str().map(|words| Turn::System(words.to_owned())).into_iter().collect();
    let mut past = Past::new(call);
    if let Some(id) = body.value["previous_response_id"].as_str() {
        turns.extend(past.turns_until(id).await?);
    }
    turns.extend(past.turns(&body.value["input"]).await?);
    drop(past);
    let unmatched = |at| Refused::invalid(format!("input[{at}].call_id"), "must be the id of a call before it that no other output is of");
    let turns = talk::in_order(turns).map_err(unmatched)?;
    let bound = call.bound(&model, &turns, form.bound())?;
    let asked = Asked {
        said: Said::Conversation(talk::messages(turns, &form)),
        sampler: sampling::sampler(&body.value),
        seed: sampling::seed(&body.value, 0),
        token_count_max: call.token_count([&body.value["max_output_tokens"]]),
        stop_texts: Vec::new(),
        bound,
        request: Some(call.taken(body.value["store"] != false)),
    };
    let (shortens, streams) = (body.value["truncation"] == "auto", body.value["stream"] == true);
    // It has many times the bytes that came, and all that follows is a wait: what the answer does not tell again goes.
    let request = echoed(body.value);
    let mut going = Going::start(call, Wanted { model: model.clone(), asked: vec![asked], likely_count: None, shortens }).await?;
    let begun = going.begun().await?;
    let object = Object { request, form, model: model.name.clone(), intent: begun.intent, created: call.now_s(), warnings: body.warnings };
    if streams {
        return Ok(Reply::pieces(EVENTS, Box::new(Encoded::new(going, Stream::new(object)))).with_intent(begun.intent));
    }
    let choices = going.all().await?;
    let told = choices.first().map(|choice| object.answered(&choice.answered)).unwrap_or_default();
    Ok(Reply::json(200, &told).with_intent(begun.intent))
}

/// What the answer to a request is held to; of a stored request, what it was held to under the rules of its time.
pub fn form(body: &Value) -> Form {
    let tools = body["tools"].as_array().into_iter().flatten().map(Tool::of).collect();
    let choice = match &body["tool_choice"] {
        Value::Null => ToolChoice::default(),
        choice => ToolChoice::of(choice),
    };
    Form { tools, choice, is_single: body["parallel_tool_calls"] == false, schema: tools::schema_of(&body["text"]["format"]) }
}
