//! `/api/generate`: one prompt, through the model's template or, where `raw` says so, as it is.

use super::chat::run;
use super::lines::{Lines, Place};
use super::options::{self, FORMAT, OPTIONS};
use crate::call::{Call, RECORDS};
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{NUMBER, SOME_TEXT, Shape, TEXT, may, must};
use crate::talk::{self, Turn};
use crate::tools::{Form, ToolChoice};
use mickai_runtime::{Bound, Said};

/// The request.
pub const REQUEST: Shape = Shape::Ref(
    "OllamaGenerateRequest",
    &Shape::Fields(&[
        must("model", SOME_TEXT, ""),
        may("prompt", TEXT, "none: the model is opened and nothing is answered"),
        may("system", TEXT, "words of the system before it; not with raw"),
        may("raw", Shape::Flag, "the prompt goes through no template"),
        may("stream", Shape::Flag, "true unless it is said: one line for each piece"),
        may("truncate", Shape::Flag, "true: with raw, a prompt that is too long loses its beginning; otherwise it is refused, which is not Ollama's way"),
        may("format", FORMAT, "json, or a schema that the answer fits"),
        may("options", OPTIONS, ""),
    ]),
);

/// The answer, when it comes whole.
pub const ANSWER: Shape = Shape::Ref(
    "OllamaGeneration",
    &Shape::Fields(&[
        must("model", TEXT, ""),
        must("created_at", TEXT, ""),
        must("response", TEXT, ""),
        must("done", Shape::Flag, ""),
        may("done_reason", TEXT, ""),
        may("eval_count", NUMBER, ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// Answers a prompt.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    let form = Form { choice: ToolChoice::None, schema: options::schema_of(&body.value["format"]), ..Form::default() }.checked(call).await?;
    let prompt = body.value["prompt"].as_str().unwrap_or_default().to_owned();
    let lines = Lines::new(Place::Response, model.name.clone(), form, body.warnings);
    if prompt.is_empty() {
        return Ok(Reply::json(200, &lines.loaded()));
    }
    let system = body.value["system"].as_str().filter(|words| !words.is_empty()).map(|words| Turn::System(words.to_owned()));
    if body.value["raw"] == true {
        if system.is_some() {
            return Err(Refused::invalid("system", "a raw prompt goes through no template that could hold words of the system: write them into the prompt, or leave out raw"));
        }
        let bound = lines.form.bound();
        if model.is_embedded && bound != Bound::Free {
            return Err(Refused::invalid("format", "the embedded model takes no format; use another model"));
        }
        return run(call, body.value, model, Said::Text(prompt), bound, lines).await;
    }
    let turns: Vec<Turn> = system.into_iter().chain([Turn::User(prompt)]).collect();
    let bound = call.bound(&model, &turns, lines.form.bound())?;
    let said = Said::Conversation(talk::messages(turns, &lines.form));
    run(call, body.value, model, said, bound, lines).await
}
