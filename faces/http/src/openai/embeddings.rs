//! `/v1/embeddings`.

use crate::call::{Call, RECORDS};
use crate::embed::{INPUT, check_dimensions, inputs, values, vectors};
use crate::going::records;
use crate::refused::Result;
use crate::reply::Reply;
use crate::sampling::count;
use crate::shape::{NUMBER, SOME_TEXT, Shape, TEXT, may, must};
use base64ct::{Base64, Encoding};
use mickai_model::limits::WIDTH_MAX;
use mickai_runtime::{Embedded, ToEmbed};
use serde_json::{Value, json};

/// The request.
pub const REQUEST: Shape = Shape::Ref(
    "EmbeddingRequest",
    &Shape::Fields(&[
        must("model", SOME_TEXT, "a name or the beginning of a digest, as /v1/models lists them"),
        must("input", INPUT, "a text, a list of token ids, or a list of either; texts go through no template"),
        may("dimensions", Shape::Whole { min: 1, max: WIDTH_MAX as i64 }, "keep so many of the first values, and bring what is left to length one; all unless it is said"),
        may("encoding_format", Shape::Word(&["float", "base64"]), "base64: the values as little-endian f32; float unless it is said"),
    ]),
);

const VECTOR: Shape = Shape::Fields(&[
    must("object", Shape::Word(&["embedding"]), ""),
    must("index", NUMBER, ""),
    must("embedding", Shape::Either(&[TEXT, Shape::List { of: &NUMBER, min: 1, max: usize::MAX }]), "of length one"),
]);

/// The answer.
pub const ANSWER: Shape = Shape::Ref(
    "Embeddings",
    &Shape::Fields(&[
        must("object", Shape::Word(&["list"]), ""),
        must("data", Shape::List { of: &VECTOR, min: 1, max: usize::MAX }, "in the order of the inputs"),
        must("model", TEXT, ""),
        must("usage", Shape::Fields(&[must("prompt_tokens", NUMBER, ""), must("total_tokens", NUMBER, "")]), ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// Makes vectors.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    let dimension_count = count(&body.value["dimensions"]);
    check_dimensions(&model, dimension_count)?;
    let asked = ToEmbed { inputs: inputs(&body.value["input"]), dimension_count, shortens: false, request: Some(call.taken(false)) };
    let (name, is_base64, warnings) = (model.name.clone(), body.value["encoding_format"] == "base64", body.warnings);
    // It has many times the bytes that came, and all that follows is a wait.
    drop(body.value);
    vectors(call, model, asked, move |made| told(made, &name, is_base64, &warnings)).await
}

fn told(made: &Embedded, name: &str, is_base64: bool, warnings: &[String]) -> Value {
    let one = |(index, vector): (usize, &Vec<f32>)| {
        let values: Value = if is_base64 { encoded(vector).into() } else { values(vector) };
        json!({ "object": "embedding", "index": index, "embedding": values })
    };
    json!({
        "object": "list",
        "data": made.vectors.iter().enumerate().map(one).collect::<Vec<_>>(),
        "model": name,
        "usage": { "prompt_tokens": made.token_count, "total_tokens": made.token_count },
        "mickai": records(&made.records, warnings),
    })
}

fn encoded(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    Base64::encode_string(&bytes)
}
