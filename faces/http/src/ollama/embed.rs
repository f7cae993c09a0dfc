//! `/api/embed`, and `/api/embeddings` as it was before.

use crate::call::{Call, RECORDS};
use crate::embed::{check_dimensions, inputs, values, vectors};
use crate::going::records;
use crate::limits::INPUTS_MAX;
use crate::refused::Result;
use crate::reply::Reply;
use crate::sampling::count;
use crate::shape::{ANY_LIST, NUMBER, SOME_TEXT, Shape, TEXT, may, must};
use mickai_model::limits::WIDTH_MAX;
use mickai_runtime::{Embedded, ToEmbed};
use serde_json::{Value, json};
use std::time::Instant;

/// The request of `/api/embed`.
pub const REQUEST: Shape = Shape::Ref(
    "OllamaEmbedRequest",
    &Shape::Fields(&[
        must("model", SOME_TEXT, ""),
        must("input", Shape::Either(&[SOME_TEXT, Shape::List { of: &SOME_TEXT, min: 1, max: INPUTS_MAX }]), "texts; they go through no template"),
        may("truncate", Shape::Flag, "false: a text that is too long for the model is refused; otherwise it loses its end"),
        may("dimensions", Shape::Whole { min: 1, max: WIDTH_MAX as i64 }, "keep so many of the first values, and bring what is left to length one"),
    ]),
);

/// Its answer.
pub const ANSWER: Shape = Shape::Ref(
    "OllamaEmbed",
    &Shape::Fields(&[
        must("model", TEXT, ""),
        must("embeddings", ANY_LIST, "of length one, in the order of the texts"),
        may("total_duration", NUMBER, ""),
        may("prompt_eval_count", NUMBER, ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// The request of `/api/embeddings`.
pub const OLD_REQUEST: Shape =
    Shape::Ref("OllamaEmbeddingRequest", &Shape::Fields(&[must("model", SOME_TEXT, ""), must("prompt", SOME_TEXT, "a text; it loses its end where it is too long")]));

/// Its answer.
pub const OLD_ANSWER: Shape = Shape::Ref("OllamaEmbedding", &Shape::Fields(&[must("embedding", ANY_LIST, "of length one"), must("mickai", RECORDS, "")]));

/// Makes vectors.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let since = Instant::now();
    let body = call.body(&REQUEST)?;
    let (name, warnings) = (body.value["model"].clone(), body.warnings);
    let told = move |made: &Embedded| {
        json!({
            "model": name,
            "embeddings": made.vectors.iter().map(|vector| values(vector)).collect::<Vec<_>>(),
            "total_duration": u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX),
            "load_duration": 0,
            "prompt_eval_count": made.token_count,
            "mickai": records(&made.records, &warnings),
        })
    };
    made(call, body.value, "input", told).await
}

/// Makes one.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer_old(call: &Call) -> Result<Reply> {
    let body = call.body(&OLD_REQUEST)?;
    let warnings = body.warnings;
    let told = move |made: &Embedded| json!({ "embedding": made.vectors.first().map(|vector| values(vector)), "mickai": records(&made.records, &warnings) });
    made(call, body.value, "prompt", told).await
}

async fn made(call: &Call, body: Value, name: &str, told: impl FnOnce(&Embedded) -> Value + Send + 'static) -> Result<Reply> {
    let model = call.model(&body).await?;
    let dimension_count = count(&body["dimensions"]);
    check_dimensions(&model, dimension_count)?;
    let asked = ToEmbed { inputs: inputs(&body[name]), dimension_count, shortens: body["truncate"] != false, request: Some(call.taken(false)) };
    // It has many times the bytes that came, and all that follows is a wait.
    drop(body);
    vectors(call, model, asked, told).await
}
