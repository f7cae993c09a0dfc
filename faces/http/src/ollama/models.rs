//! `/api/tags`, `/api/show`, `/api/ps`, `/api/version`.

use crate::call::{Call, RECORDS, taken_text};
use crate::going::records;
use crate::refused::Result;
use crate::reply::Reply;
use crate::shape::{ANY_LIST, OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use mickai_model::config::Architecture;
use mickai_model::file::ModelFile;
use mickai_runtime::Listed;
use serde_json::{Value, json};

/// A list of models.
pub const MODELS: Shape = Shape::Fields(&[must("models", ANY_LIST, "")]);
/// The request of `/api/show`.
pub const SHOW: Shape = Shape::Either(&[
    Shape::Fields(&[must("model", SOME_TEXT, "goes before name"), may("name", TEXT, "")]),
    Shape::Fields(&[must("name", SOME_TEXT, "the model, as older clients say it"), may("model", TEXT, "")]),
]);
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
    let models = call.in_turn(&call.app.places.naming, |desk| desk.models()).await?;
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
    let counts = call.in_turn(&call.app.places.naming, |desk| Ok(desk.counts())).await?;
    let told = counts.models.iter().map(|model| json!({ "name": model.name, "model": model.name, "size": model.tensor_bytes, "size_vram": 0, "digest": model.digest.to_string() }));
    Ok(Reply::json(200, &json!({ "models": told.collect::<Vec<_>>() })))
}

/// What a model is, read from its file where it is not open: clients ask it of every model that they list, and none is closed for that. A model that is not pinned is told of as lists tell of it; it
/// is not run.
///
/// # Errors
/// None of that name; a file that is no model any more.
pub async fn show(call: &Call) -> Result<Reply> {
    let wanted = |body: &mut Value| ["model", "name"].map(|name| taken_text(body, name)).into_iter().find(|name| !name.is_empty());
    let (wanted, warnings) = call.taken_apart(&SHOW, wanted).await?;
    let wanted = wanted.unwrap_or_default();
    let (listed, file) = call.in_turn(&call.app.places.looking, move |desk| desk.look_at(&wanted)).await?;
    let told = json!({
        "template": file.template().map(|template| template.source()),
        "details": { "format": "", "family": family(&file) },
        "model_info": info(&listed, &file),
        "capabilities": ["completion", "tools", "embedding"],
        "mickai": records(&[], &warnings),
    });
    Ok(Reply::json(200, &told))
}

/// This program's version.
pub fn version() -> Reply {
    Reply::json(200, &json!({ "version": env!("CARGO_PKG_VERSION") }))
}

fn family(file: &ModelFile) -> &'static str {
    match file.config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    }
}

/// By the names of GGUF's keys.
fn info(listed: &Listed, file: &ModelFile) -> Value {
    let (config, family) = (&file.config, family(file));
    let mut info = json!({
        "general.architecture": family,
        "general.parameter_count": file.parameter_count(),
        (format!("{family}.context_length")): config.context_tokens_max,
        (format!("{family}.embedding_length")): config.width,
        (format!("{family}.block_count")): config.layer_count,
        (format!("{family}.attention.head_count")): config.head_count,
        (format!("{family}.attention.head_count_kv")): config.kv_head_count,
        "mickai.digest": listed.digest.to_string(),
    });
    if let Some(adapter) = listed.adapter {
        info["mickai.adapter"] = adapter.to_string().into();
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::reply::Body;
    use mickai_runtime::EMBEDDED_NAME;

    #[test]
    fn a_model_is_shown_by_either_name_and_stays_closed() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::of_test(&folder.path().join("home"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shown = |body: Value| runtime.block_on(show(&Call::of_test(&app, body.to_string().as_bytes())));
        let digest = app.desk().models().unwrap()[0].digest.to_string();
        for body in [
            json!({ "model": EMBEDDED_NAME }),
            json!({ "name": EMBEDDED_NAME }),
            json!({ "model": EMBEDDED_NAME, "name": "" }),
            json!({ "model": "", "name": EMBEDDED_NAME }),
            json!({ "model": EMBEDDED_NAME, "name": "nobody" }),
        ] {
            let Body::Whole(bytes) = shown(body.clone()).unwrap().body else { panic!("{body} in pieces") };
            let told: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!((&told["model_info"]["mickai.digest"], &told["mickai"]["warnings"]), (&json!(digest), &json!([])), "{body}");
        }
        for body in [json!({}), json!({ "model": "" }), json!({ "model": null, "name": null })] {
            let refused = shown(body.clone()).err().unwrap();
            assert_eq!((refused.status, refused.param.as_deref()), (400, Some("model")), "{body}");
        }
        assert_eq!(shown(json!({ "name": "nobody" })).err().map(|refused| refused.status), Some(404));
        let counts = app.desk().counts();
        assert_eq!((counts.models.len(), counts.memory_bytes), (0, 0));
    }
}
