//! `/v1/models`.

use crate::call::Call;
use crate::refused::Result;
use crate::reply::Reply;
use crate::shape::{NUMBER, Shape, TEXT, may, must};
use mickai_runtime::Listed;
use serde_json::{Value, json};

/// One model, alone or with an adapter on it.
pub const MODEL: Shape = Shape::Ref(
    "Model",
    &Shape::Fields(&[
        must("id", TEXT, ""),
        must("object", Shape::Word(&["model"]), ""),
        must("created", NUMBER, ""),
        must("owned_by", TEXT, ""),
        must("digest", TEXT, "the model's content digest, by which records name it"),
        may("adapter", TEXT, "the content digest of the adapter on it"),
    ]),
);

/// All models.
pub const MODELS: Shape = Shape::Fields(&[must("object", Shape::Word(&["list"]), ""), must("data", Shape::List { of: &MODEL, min: 0, max: usize::MAX }, "")]);

fn told(model: &Listed) -> Value {
    let owner = if model.is_embedded { "mickai" } else { "operator" };
    let mut told = json!({ "id": model.name, "object": "model", "created": 0, "owned_by": owner, "digest": model.digest.to_string(), "byte_count": model.byte_count });
    if let Some(adapter) = model.adapter {
        told["adapter"] = adapter.to_string().into();
    }
    told
}

/// The list.
///
/// # Errors
/// A model folder that cannot be read.
pub async fn list(call: &Call) -> Result<Reply> {
    let models = call.in_turn(&call.app.places.naming, |desk| desk.models()).await?;
    Ok(Reply::json(200, &json!({ "object": "list", "data": models.iter().map(told).collect::<Vec<_>>() })))
}

/// One of them, by its name or the beginning of its digest, as requests name it.
///
/// # Errors
/// None of that name, or several.
pub async fn one(call: &Call) -> Result<Reply> {
    let wanted = call.parameter.clone();
    let model = call.in_turn(&call.app.places.naming, move |desk| desk.listed(&wanted)).await?;
    Ok(Reply::json(200, &told(&model)))
}
