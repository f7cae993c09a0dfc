//! A Hugging Face folder as a model.

use super::{safetensors, settings};
use crate::error::{Malformed, Part, Result};
use crate::file::json::{Json, parse};
use crate::file::model::ModelFile;
use crate::limits;
use crate::tensor::{Source, Tensor};
use crate::tokens::{self, ChatTemplate, Named, Token};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Opens a model folder, whose files the caller holds by their names in it; tensors stay views on them.
///
/// Needs `config.json`, `tokenizer.json` and `model.safetensors` or `model.safetensors.index.json` with its shards; reads
/// `tokenizer_config.json`, `chat_template.jinja` and `generation_config.json` where they are.
/// Errors: [`Malformed`] for broken or missing files, `Unsupported` for what is not built here.
pub fn open_folder(files: BTreeMap<String, Source>) -> Result<ModelFile> {
    let config_json = require(&files, "config.json")?;
    let config_root = Json::new("config.json", &config_json);
    let config = settings::config(&config_root)?;
    let mut tensors = tensors(&files)?;
    if config.tied {
        // Some exports store the tied matrix a second time; the reference never reads it.
        tensors.remove("lm_head.weight");
    }
    let tokenizer_json = files.get("tokenizer.json").ok_or(Malformed::TokenizerMissing)?;
    let tokenizer_config = optional(&files, "tokenizer_config.json")?;
    let generation_config = optional(&files, "generation_config.json")?;
    let written = |key: &str| tokenizer_config.get(key).and_then(|v| v.as_str().or_else(|| v.get("content")?.as_str()));
    let mut eos_ids = eos_ids(&config_json);
    eos_ids.extend(self::eos_ids(&generation_config));
    let named = Named { bos: written("bos_token"), eos: written("eos_token"), pad: written("pad_token"), eos_ids };
    let tokenizer = tokens::from_json((**tokenizer_json).as_ref(), &named)?;
    let template = template(&files, &tokenizer_config)?;
    let name = config_root.text("_name_or_path")?.filter(|name| !name.is_empty());
    ModelFile::new(name, config, tensors, tokenizer, template)
}

fn require(files: &BTreeMap<String, Source>, name: &str) -> Result<Value> {
    let source = files.get(name).ok_or_else(|| Malformed::FileMissing { name: name.into() })?;
    parse(name, (**source).as_ref(), limits::JSON_BYTES_MAX)
}

fn optional(files: &BTreeMap<String, Source>, name: &str) -> Result<Value> {
    if files.contains_key(name) { require(files, name) } else { Ok(Value::Null) }
}

/// All tensors: of the one file, or of the shards that the index names.
fn tensors(files: &BTreeMap<String, Source>) -> Result<BTreeMap<String, Tensor>> {
    const INDEX: &str = "model.safetensors.index.json";
    let mut tensors = BTreeMap::new();
    if let Some(source) = files.get("model.safetensors") {
        safetensors::read("model.safetensors", source, &mut tensors)?;
        return Ok(tensors);
    }
    if !files.contains_key(INDEX) {
        return Err(Malformed::FileMissing { name: "model.safetensors".into() }.into());
    }
    let index = require(files, INDEX)?;
    let map = Json::new(INDEX, &index).field("weight_map")?;
    let mut shards = BTreeSet::new();
    for shard in map.object()?.values() {
        shards.insert(shard.as_str().ok_or_else(|| Malformed::KeyInvalid { key: format!("{INDEX}: weight_map").into() })?);
    }
    if shards.len() as u64 > limits::SHARD_COUNT_MAX {
        return Err(Malformed::TooMany { what: Part::Shards, count: shards.len() as u64, max: limits::SHARD_COUNT_MAX }.into());
    }
    for shard in shards {
        let source = files.get(shard).ok_or_else(|| Malformed::FileMissing { name: shard.into() })?;
        safetensors::read(shard, source, &mut tensors)?;
    }
    Ok(tensors)
}

/// `eos_token_id`: one number or several.
fn eos_ids(root: &Value) -> Vec<Token> {
    let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok()).map(Token);
    match root.get("eos_token_id") {
        Some(Value::Array(ids)) => ids.iter().filter_map(one).collect(),
        Some(id) => one(id).into_iter().collect(),
        None => Vec::new(),
    }
}

/// `chat_template.jinja`, or the template in `tokenizer_config.json`: one text, or a list of which "default" is taken.
fn template(files: &BTreeMap<String, Source>, tokenizer_config: &Value) -> Result<Option<ChatTemplate>> {
    let what = Part::Template;
    let text = if let Some(source) = files.get("chat_template.jinja") {
        Some(std::str::from_utf8((**source).as_ref()).map_err(|_| Malformed::NotUtf8 { what })?)
    } else {
        match tokenizer_config.get("chat_template") {
            Some(Value::String(text)) => Some(text.as_str()),
            Some(Value::Array(list)) => {
                let default = list.iter().find(|item| item.get("name").and_then(Value::as_str) == Some("default"));
                default.and_then(|item| item.get("template")?.as_str())
            }
            _ => None,
        }
    };
    match text {
        Some(text) if text.len() as u64 > limits::TEMPLATE_BYTES_MAX => Err(Malformed::TooMany { what, count: text.len() as u64, max: limits::TEMPLATE_BYTES_MAX }.into()),
        text => Ok(text.map(ChatTemplate::new)),
    }
}
