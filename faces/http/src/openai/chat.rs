//! `/v1/chat/completions`.

use super::chat_stream::Stream;
use super::logprobs;
use crate::call::Call;
use crate::going::{Choice, Encoded, Going, Wanted, records, token_count};
use crate::refused::{Refused, Result};
use crate::reply::{EVENTS, Reply};
use crate::sampling::{self, MIN_P, N, REPETITION, SEED, STOP, TEMPERATURE, TOKENS, TOP_K, TOP_P, TRUNCATION};
use crate::shape::{Field, NUMBER, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{self, Of, Turn};
use crate::tools::{self, FORMAT, Form, TOOL_CHOICE, TOOLS, Tool, ToolChoice};
use mickai_model::generate::Generation;
use mickai_runtime::serve::limits::LIKELY_COUNT_MAX;
use mickai_runtime::{Asked, Bound, Loaded, Said};
use serde_json::{Value, json};
use std::sync::Arc;

const PARTS: Shape =
    Shape::List { of: &Shape::Tagged { tag: "type", cases: &[("text", &[must("text", TEXT, "")]), ("refusal", &[must("refusal", TEXT, "")])] }, min: 1, max: usize::MAX };
/// Text, or parts of text.
pub const CONTENT: Shape = Shape::Either(&[TEXT, PARTS]);

const CALLS: Shape = Shape::List {
    of: &Shape::Tagged {
        tag: "type",
        cases: &[("function", &[must("id", TEXT, ""), must("function", Shape::Fields(&[must("name", tools::NAME, ""), must("arguments", TEXT, "one JSON object, as text")]), "")])],
    },
    min: 0,
    max: 128,
};

/// One message.
pub const MESSAGE: Shape = Shape::Ref(
    "ChatMessage",
    &Shape::Tagged {
        tag: "role",
        cases: &[
            ("user", &[must("content", CONTENT, "")]),
            ("system", &[must("content", CONTENT, "")]),
            ("developer", &[must("content", CONTENT, "as system")]),
            ("assistant", &[may("content", CONTENT, ""), may("tool_calls", CALLS, ""), may("refusal", TEXT, "words of the assistant too")]),
            ("tool", &[must("content", CONTENT, ""), must("tool_call_id", TEXT, "which call before it gave this")]),
        ],
    },
);

/// `stream_options`.
pub const STREAM_OPTIONS: Shape = Shape::Fields(&[may("include_usage", Shape::Flag, "the last event counts tokens")]);

/// The request.
pub const REQUEST: Shape = Shape::Ref("ChatRequest", &Shape::Fields(FIELDS));

const FIELDS: &[Field] = &[
    must("model", SOME_TEXT, "a name or the beginning of a digest, as /v1/models lists them"),
    must("messages", Shape::List { of: &MESSAGE, min: 1, max: usize::MAX }, "the conversation"),
    may("max_completion_tokens", TOKENS, "most tokens of the answer"),
    may("max_tokens", TOKENS, "the same, by its older name"),
    TEMPERATURE,
    TOP_P,
    TOP_K,
    MIN_P,
    REPETITION,
    SEED,
    STOP,
    N,
    may("stream", Shape::Flag, "answer in server-sent events"),
    may("stream_options", STREAM_OPTIONS, ""),
    may("logprobs", Shape::Flag, "tell how likely each token was"),
    may("top_logprobs", Shape::Whole { min: 0, max: LIKELY_COUNT_MAX as i64 }, "and so many others; only where logprobs is true"),
    may("tools", TOOLS, "functions that the model may call; calls always fit their schemas"),
    may("tool_choice", TOOL_CHOICE, "auto unless it is said"),
    may("parallel_tool_calls", Shape::Flag, "false: one call at a time"),
    may("response_format", FORMAT, "the answer always fits the schema"),
    TRUNCATION,
];

/// What counts tokens.
pub const USAGE: Shape = Shape::Ref("Usage", &Shape::Fields(&[must("prompt_tokens", NUMBER, ""), must("completion_tokens", NUMBER, ""), must("total_tokens", NUMBER, "")]));

/// The answer.
pub const ANSWER: Shape = Shape::Ref(
    "ChatCompletion",
    &Shape::Fields(&[
        must("id", TEXT, ""),
        must("object", Shape::Word(&["chat.completion"]), ""),
        must("created", NUMBER, ""),
        must("model", TEXT, ""),
        must(
            "choices",
            Shape::List {
                of: &Shape::Fields(&[
                    must("index", NUMBER, ""),
                    must(
                        "message",
                        Shape::Fields(&[must("role", Shape::Word(&["assistant"]), ""), may("content", TEXT, ""), may("refusal", TEXT, ""), may("tool_calls", CALLS, "")]),
                        "",
                    ),
                    must("finish_reason", Shape::Word(&["stop", "length", "tool_calls"]), ""),
                    may("logprobs", crate::shape::OBJECT, ""),
                ]),
                min: 1,
                max: usize::MAX,
            },
            "",
        ),
        must("usage", USAGE, ""),
        must("mickai", crate::call::RECORDS, ""),
    ]),
);

/// Answers a chat.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    let likely_count = likely_count(&body.value)?;
    let form = form(&body.value).checked(call).await?;
    let base = asked(call, &body.value, &model, &form)?;
    let asked = (0..sampling::count(&body.value["n"]).unwrap_or(1)).map(|choice| Asked { seed: sampling::seed(&body.value, choice), ..base.clone() }).collect();
    let (shortens, streams, has_usage) = (body.value["truncation"] == "auto", body.value["stream"] == true, body.value["stream_options"]["include_usage"] == true);
    // It has many times the bytes that came, and all that follows is a wait.
    drop(body.value);
    let mut going = Going::start(call, Wanted { model: model.clone(), asked, likely_count, shortens }).await?;
    let begun = going.begun().await?;
    let told = Told { model, form, warnings: body.warnings, created: call.now_s(), intent: begun.intent, likely_count };
    if streams {
        let stream = Encoded::new(going, Stream::new(told, has_usage));
        return Ok(Reply::pieces(EVENTS, Box::new(stream)).with_intent(begun.intent));
    }
    let choices = going.all().await?;
    Ok(Reply::telling(token_count(&choices), move || told.whole(&choices)).await?.with_intent(begun.intent))
}

/// How many others are told of for each token.
fn likely_count(body: &Value) -> Result<Option<usize>> {
    match (body["logprobs"] == true, sampling::count(&body["top_logprobs"])) {
        (true, count) => Ok(Some(count.unwrap_or(0))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Refused::invalid("top_logprobs", "needs logprobs to be true: give both, or leave out top_logprobs")),
    }
}

/// What all choices share when they are told.
pub(super) struct Told {
    pub model: Arc<Loaded>,
    pub form: Form,
    pub warnings: Vec<String>,
    pub created: u64,
    pub intent: mickai_store::Appended,
    pub likely_count: Option<usize>,
}

impl Told {
    pub fn id(&self) -> String {
        // Whoever has the id can find the record.
        format!("chatcmpl-{}-{}", self.intent.index, self.intent.digest.short())
    }

    fn whole(&self, choices: &[Choice]) -> Value {
        let told: Vec<Value> = choices.iter().enumerate().map(|(index, choice)| self.choice(index, choice)).collect();
        let pairs: Vec<_> = choices.iter().map(|choice| (choice.answered.intent, choice.answered.outcome)).collect();
        json!({
            "id": self.id(),
            "object": "chat.completion",
            "created": self.created,
            "model": self.model.name,
            "choices": told,
            "usage": usage(choices.iter().map(|choice| &choice.answered.generation), choices.len()),
            "mickai": records(&pairs, &self.warnings),
        })
    }

    fn choice(&self, index: usize, choice: &Choice) -> Value {
        let generation = &choice.answered.generation;
        let (text, calls) = self.form.read(&generation.text);
        let finish_reason = self.finish_reason(generation, !calls.is_empty());
        let mut message = json!({ "role": "assistant", "content": text, "refusal": null });
        if !calls.is_empty() {
            message["content"] = Value::Null;
            message["tool_calls"] = calls.iter().enumerate().map(|(at, call)| self.call(index, at, call)).collect();
        }
        let logprobs = self.likely_count.map(|_| json!({ "content": logprobs::content(&self.model, &choice.spoken), "refusal": null }));
        json!({ "index": index, "message": message, "logprobs": logprobs, "finish_reason": finish_reason })
    }

    /// What ended well with calls ended for them; what was cut off did not.
    pub fn finish_reason(&self, generation: &Generation, has_calls: bool) -> &'static str {
        match self.form.finish_reason(generation) {
            "stop" if has_calls => "tool_calls",
            reason => reason,
        }
    }

    pub fn call(&self, choice: usize, at: usize, call: &tools::ToolCall) -> Value {
        json!({ "id": format!("call_{}_{choice}_{at}", self.intent.index), "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
    }
}

/// Tokens of answers, `n` to each prompt.
pub fn usage<'a>(generations: impl Iterator<Item = &'a Generation>, n: usize) -> Value {
    let (prompts, output) = generations.fold((0, 0), |(prompts, output), generation| (prompts + generation.prompt_tokens.len(), output + generation.output_tokens.len()));
    counts(prompts / n.max(1), output)
}

/// The usage of so many tokens.
pub fn counts(prompt: usize, output: usize) -> Value {
    json!({ "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output })
}

/// What an answer is held to.
fn form(body: &Value) -> Form {
    let tools: Vec<Tool> = body["tools"].as_array().into_iter().flatten().map(|tool| Tool::of(&tool["function"])).collect();
    let choice = match &body["tool_choice"] {
        Value::Null => ToolChoice::default(),
        choice => ToolChoice::of(choice),
    };
    Form { tools, choice, is_single: body["parallel_tool_calls"] == false, schema: tools::schema_of(&body["response_format"]) }
}

fn asked(call: &Call, body: &Value, model: &Loaded, form: &Form) -> Result<Asked> {
    let mut turns = Vec::new();
    for (at, message) in body["messages"].as_array().into_iter().flatten().enumerate() {
        push_turns(message, at, &mut turns)?;
    }
    let unmatched = |at| Refused::invalid(format!("messages[{at}].tool_call_id"), "must be the id of a call before it that no other message answers");
    let turns = talk::in_order(turns).map_err(unmatched)?;
    let bound = call.bound(model, &turns, form.bound())?;
    let token_count_max = call.token_count([&body["max_completion_tokens"], &body["max_tokens"]]);
    Ok(Asked {
        said: Said::Conversation(talk::messages(turns, form)),
        sampler: sampling::sampler(body),
        seed: None,
        token_count_max,
        stop_texts: form.stop_texts(sampling::stop_texts(&body["stop"])),
        bound,
        request: Some(call.taken(false)),
    })
}

fn push_turns(message: &Value, at: usize, turns: &mut Vec<Turn>) -> Result<()> {
    let content = text_of(&message["content"]);
    match message["role"].as_str() {
        Some("system" | "developer") => turns.push(Turn::System(content)),
        Some("assistant") => {
            let calls = message["tool_calls"].as_array().into_iter().flatten();
            let refusal = message["refusal"].as_str().unwrap_or_default();
            turns.push(Turn::Assistant([content.as_str(), refusal].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")));
            for (number, made) in calls.enumerate() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let wrong = || Refused::invalid(format!("messages[{at}].tool_calls[{number}].function.arguments"), "must be one JSON object, as text");
                let arguments = tools::arguments_of(made["function"]["arguments"].as_str().unwrap_or_default()).ok_or_else(wrong)?.to_owned();
                turns.push(Turn::Call { id: text(&made["id"]), name: text(&made["function"]["name"]), arguments });
            }
        }
        Some("tool") => turns.push(Turn::Given { of: Of::Id(message["tool_call_id"].as_str().unwrap_or_default().to_owned()), content, at }),
        _ => turns.push(Turn::User(content)),
    }
    Ok(())
}

/// The text of a content: itself, or its parts one after the other.
pub fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str().or_else(|| part["refusal"].as_str())).collect(),
        _ => String::new(),
    }
}

/// Nothing that a caller brings fits the embedded model but a request.
pub fn refuse_for_embedded(turns: &[Turn], bound: &Bound) -> Result<()> {
    match (turns, bound) {
        ([Turn::User(_)], Bound::Free) => Ok(()),
        _ => Err(Refused::invalid("messages", "the embedded model takes one message of the role user, and neither tools nor a response format; use another model")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would have no effect, and nobody would be told.
    #[test]
    fn others_are_told_of_only_beside_the_token() {
        let cases = [
            (json!({}), Ok(None)),
            (json!({ "logprobs": false, "top_logprobs": null }), Ok(None)),
            (json!({ "logprobs": true }), Ok(Some(0))),
            (json!({ "logprobs": true, "top_logprobs": 3 }), Ok(Some(3))),
            (json!({ "logprobs": false, "top_logprobs": 3 }), Err(Some("top_logprobs".to_owned()))),
            (json!({ "top_logprobs": 0 }), Err(Some("top_logprobs".to_owned()))),
        ];
        for (body, expected) in cases {
            assert_eq!(likely_count(&body).map_err(|refused| refused.param), expected, "{body}");
        }
    }

    /// As clients tell again of a call that was given none.
    #[test]
    fn a_call_without_arguments_was_made_with_none() {
        let message = |arguments: &str| json!({ "role": "assistant", "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "f", "arguments": arguments } }] });
        let told = |arguments: &str| {
            let mut turns = Vec::new();
            push_turns(&message(arguments), 3, &mut turns).map(|()| turns).map_err(|refused| refused.param)
        };
        assert_eq!(told("").unwrap(), told("{}").unwrap());
        assert_eq!(told("[]"), Err(Some("messages[3].tool_calls[0].function.arguments".to_owned())));
    }
}
