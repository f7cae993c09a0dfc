//! Files of low-rank adapters: PEFT's folders (`adapter_config.json`, `adapter_model.safetensors`) and llama.cpp's GGUF form, both read into one [`Adapter`].

use super::folder::safetensors;
use super::gguf::{self, Header};
use super::json::{Json, parse};
use super::model::check_apart;
use crate::config::{Architecture, Config};
use crate::error::{Malformed, Part, Result, Unsupported};
use crate::forward::{Adapter, Factors};
use crate::limits;
use crate::tensor::{RowOrder, Source, Tensor};
use serde_json::Value;
use std::collections::BTreeMap;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Settings of PEFT that do not reach what an adapter computes, or that are read below.
const KNOWN: [&str; 19] = [
    "auto_mapping",
    "base_model_name_or_path",
    "bias",
    "exclude_modules",
    "inference_mode",
    "init_lora_weights",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "lora_dropout",
    "megatron_core",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "revision",
    "target_modules",
    "task_type",
    "use_rslora",
];

/// Opens an adapter folder, whose files the caller holds by their names in it, for models of this shape.
///
/// Errors: [`Malformed`] for broken or missing files and tensors of another shape, [`Unsupported`] for every setting that would compute something else, and for tensors beside the layers' seven projections.
pub fn open_adapter_folder(files: &BTreeMap<String, Source>, config: &Config) -> Result<Adapter> {
    let file = |name: &str| files.get(name).ok_or_else(|| Malformed::FileMissing { name: name.into() });
    let value = parse(CONFIG, (**file(CONFIG)?).as_ref(), limits::JSON_BYTES_MAX)?;
    let root = Json::new(CONFIG, &value);
    check_settings(&root)?;
    let rank = root.unsigned("r")?.ok_or_else(|| missing("r"))?;
    let alpha = root.float("lora_alpha")?.ok_or_else(|| missing("lora_alpha"))?;
    let divisor = if root.bool("use_rslora")?.unwrap_or(false) { (rank as f64).sqrt() } else { rank as f64 };
    let mut tensors = BTreeMap::new();
    safetensors::read(WEIGHTS, file(WEIGHTS)?, &mut tensors)?;
    let halves = tensors.into_iter().map(|(name, tensor)| {
        // base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
        let inside = name.strip_prefix("base_model.model.").and_then(|rest| rest.strip_suffix(".weight"));
        let half = inside.and_then(|rest| rest.rsplit_once('.')).and_then(|(base, half)| Some((base.to_owned(), half_of(half, ["lora_A", "lora_B"])?)));
        half.map(|(base, half)| (base, half, tensor)).ok_or_else(|| Unsupported::Tensor { name: name.into() }.into())
    });
    Adapter::bind(config, (alpha / divisor) as f32, rank_of(rank), &factors(halves)?)
}

/// Opens an adapter in llama.cpp's GGUF form, for models of this shape.
///
/// Errors: as [`open_adapter_folder`].
pub fn open_adapter_gguf(source: &Source, config: &Config) -> Result<Adapter> {
    let header = Header::read((**source).as_ref())?;
    let architecture = match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    };
    for (key, want) in [("general.type", "adapter"), ("adapter.type", "lora"), ("general.architecture", architecture)] {
        let found = header.text(key)?.ok_or_else(|| Malformed::KeyMissing { key: key.into() })?;
        if found != want {
            return Err(Unsupported::Setting { key: key.into(), value: found.into() }.into());
        }
    }
    let alpha = header.float("adapter.lora.alpha")?.ok_or_else(|| Malformed::KeyMissing { key: "adapter.lora.alpha".into() })?;
    let (mut halves, mut rank) = (Vec::new(), None);
    for info in &header.tensors {
        // blk.0.attn_q.weight.lora_a
        let parts = info.name.rsplit_once('.').and_then(|(base, half)| Some((gguf::canonical_name(base)?, half_of(half, ["lora_a", "lora_b"])?)));
        let (name, half) = parts.ok_or_else(|| Unsupported::Tensor { name: info.name.into() })?;
        let order = if half == 1 { gguf::row_order(config, &name) } else { RowOrder::Canonical };
        let tensor = gguf::tensor(&header, source, info, info.name.to_owned(), order)?;
        if half == 0 {
            rank = rank.or(tensor.shape.first().copied());
        }
        halves.push(Ok((name.strip_suffix(".weight").unwrap_or(&name).to_owned(), half, tensor)));
    }
    let factors = factors(halves.into_iter())?;
    // No tensors: no rank, which is refused with the rank.
    let rank = rank.unwrap_or(0);
    Adapter::bind(config, (alpha / rank as f64) as f32, rank, &factors)
}

fn missing(key: &str) -> Malformed {
    Malformed::KeyMissing { key: format!("{CONFIG}: {key}").into() }
}

/// A rank of 2⁶⁴ is beyond its limit as well.
fn rank_of(rank: u64) -> usize {
    usize::try_from(rank).unwrap_or(usize::MAX)
}

/// 0 for A, 1 for B.
fn half_of(name: &str, names: [&str; 2]) -> Option<usize> {
    names.iter().position(|one| *one == name)
}

/// Refuses what would make the adapter compute something else than `scale · B(A x)` on the layers' projections.
fn check_settings(root: &Json<'_>) -> Result<()> {
    let refuse = |key: &str, value: &Value| Err(Unsupported::Setting { key: format!("{CONFIG}: {key}").into(), value: value.to_string().into() }.into());
    for (key, value) in root.object()? {
        let is_off = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        let fits = match key.as_str() {
            "peft_type" => value == "LORA",
            "bias" => value == "none",
            // Other ways to begin change the base model's weights too, and the adapter is of no use without that.
            "init_lora_weights" => value.is_boolean() || value == "gaussian" || value == "eva" || value == "orthogonal",
            key => KNOWN.contains(&key),
        };
        if !fits && !is_off {
            return refuse(key, value);
        }
    }
    match root.text("peft_type")? {
        Some(_) => Ok(()),
        None => Err(missing("peft_type").into()),
    }
}

/// Both halves of every projection, each with bytes of its own.
fn factors(halves: impl Iterator<Item = Result<(String, usize, Tensor)>>) -> Result<Factors> {
    let mut found: BTreeMap<String, [Option<Tensor>; 2]> = BTreeMap::new();
    for half in halves {
        let (base, half, tensor) = half?;
        if let Some(twice) = found.entry(base).or_default()[half].replace(tensor) {
            return Err(Malformed::Duplicate { what: Part::Tensors, name: twice.name.into() }.into());
        }
    }
    let pair = |(base, halves): (String, [Option<Tensor>; 2])| match halves {
        [Some(down), Some(up)] => Ok((base, (down, up))),
        [down, _] => Err(Malformed::TensorMissing { name: format!("{base}, lora {}", if down.is_some() { "B" } else { "A" }).into() }.into()),
    };
    let factors: Factors = found.into_iter().map(pair).collect::<Result<_>>()?;
    check_apart(factors.values().flat_map(|(down, up)| [down, up]))?;
    Ok(factors)
}
