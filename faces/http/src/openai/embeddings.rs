//! `/v1/embeddings`: no model here gives them yet, and the answer says so.

use crate::call::Call;
use crate::limits::PROMPTS_MAX;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{SOME_TEXT, Shape, may, must};

/// The request.
pub const REQUEST: Shape = Shape::Ref(
    "EmbeddingRequest",
    &Shape::Fields(&[
        must("model", SOME_TEXT, ""),
        must("input", Shape::Either(&[SOME_TEXT, Shape::List { of: &SOME_TEXT, min: 1, max: PROMPTS_MAX }]), ""),
        may("encoding_format", Shape::Word(&["float", "base64"]), ""),
    ]),
);

/// Says that there are none.
///
/// # Errors
/// Always.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let model = call.model(&body.value).await?;
    Err(no_embeddings(&model.name))
}

/// The refusal.
pub fn no_embeddings(model: &str) -> Refused {
    Refused {
        param: Some("model".to_owned()),
        ..Refused::new(404, "invalid_request_error", Some("model_has_no_embeddings"), format!("{model} gives no embeddings: this program does not compute them yet"))
    }
}
