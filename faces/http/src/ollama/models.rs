//! `/api/tags`, `/api/show`, `/api/ps`, `/api/version`.

use crate::call::{Call, RECORDS};
use crate::going::records;
use crate::refused::Result;
use crate::reply::Reply;
use crate::shape::{ANY_LIST, OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use mickai_model::config::Architecture;
use mickai_runtime::{Listed, Loaded};
use serde_json::{Value, json};

/// A list of models.
pub const MODELS: Shape = Shape::Fields(&[must("models", ANY_LIST, "")]);
/// The request of `/api/show`.
pub const SHOW: Shape = Shape::Fields(&[must("model", SOME_TEXT, "")]);
/// Its answer.
pub const SHOWN: Shape =
    Shape::Fields(&[must("details", OBJECT, ""), must("model_info", OBJECT, ""), must("capabilities", ANY_LIST, ""), may("template", TEXT, ""), must("mickai", RECORDS, "")]);
/// The answer of `/api/version`.
pub const VERSION: Shape = Shape::Fields(&[must("version", TEXT, "Mickai's")]);

/// All models.
///
/// # Errors
/// A model folder that cannot be read.
pub async fn tags(call: &Call) -> Result<Reply> {
    let models = call.app.on_desk(|desk| desk.models()).await?;
    let told = |model: &Listed| {
        let mut told = json!({ "name": model.name, "model": model.name, "size": model.byte_count, "digest": model.digest.to_string() });
        if let Some(adapter) = model.adapter {
            told["adapter"] = adapter.to_string().into();
        }
        told
    };
    Ok(Reply::json(200, &json!({ "models": models.iter().map(told).collect::<Vec<_>>() })))
}

/// Models that are open.
///
/// # Errors
/// None of its own.
pub async fn ps(call: &Call) -> Result<Reply> {
    let counts = call.app.on_desk(|desk| Ok(desk.counts())).await?;
    let told = counts.models.iter().map(|model| json!({ "name": model.name, "model": model.name, "size": model.tensor_bytes, "size_vram": 0, "digest": model.digest.to_string() }));
    Ok(Reply::json(200, &json!({ "models": told.collect::<Vec<_>>() })))
}

/// What a model is.
///
/// # Errors
/// None of that name.
pub async fn show(call: &Call) -> Result<Reply> {
    let body = call.body(&SHOW)?;
    let model = call.model(&body.value).await?;
    let told = json!({
        "template": model.file.template().map(|template| template.source()),
        "details": { "format": "", "family": family(&model) },
        "model_info": info(&model),
        "capabilities": ["completion", "tools", "embedding"],
        "mickai": records(&[], &body.warnings),
    });
    Ok(Reply::json(200, &told))
}

/// This program's version.
pub fn version() -> Reply {
    Reply::json(200, &json!({ "version": env!("CARGO_PKG_VERSION") }))
}

fn family(model: &Loaded) -> &'static str {
    match model.file.config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    }
}

/// By the names of GGUF's keys.
fn info(model: &Loaded) -> Value {
    let (config, family) = (&model.file.config, family(model));
    let mut info = json!({
        "general.architecture": family,
        "general.parameter_count": model.file.parameter_count(),
        (format!("{family}.context_length")): config.context_tokens_max,
        (format!("{family}.embedding_length")): config.width,
        (format!("{family}.block_count")): config.layer_count,
        (format!("{family}.attention.head_count")): config.head_count,
        (format!("{family}.attention.head_count_kv")): config.kv_head_count,
        "mickai.digest": model.digest.to_string(),
    });
    if let Some(adapter) = &model.adapter {
        info["mickai.adapter"] = adapter.digest().to_string().into();
    }
    info
}
