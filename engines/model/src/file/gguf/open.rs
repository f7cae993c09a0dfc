//! A GGUF file as a model: its metadata keys as hyperparameters, its tensor names as canonical ones.

use super::header::{Header, TensorInfo};
use crate::config::{Architecture, Config};
use crate::error::{Malformed, Part, Result, Unsupported};
use crate::file::model::{ModelFile, check_apart};
use crate::file::ranges;
use crate::limits;
use crate::tensor::{RowOrder, Source, Tensor};
use crate::tokens::{self, ChatTemplate};
use mickai_kernels::element::ElementType;
use std::collections::BTreeMap;

/// Divisors of the rotary frequencies, which `llama` files carry as a tensor.
const ROPE_FACTORS: &str = "rope_freqs.weight";

/// Opens a GGUF file held by the caller (mapped or in memory); tensors stay views on it.
///
/// Errors: [`Malformed`] for broken bytes, [`Unsupported`] for an architecture, type, tokenizer or setting not built here.
pub fn open_gguf(source: Source) -> Result<ModelFile> {
    let header = Header::read((*source).as_ref())?;
    let architecture = architecture(&header)?;
    let mut infos = BTreeMap::new();
    for info in &header.tensors {
        if infos.insert(info.name, info).is_some() {
            return Err(Malformed::Duplicate { what: Part::Tensors, name: info.name.into() }.into());
        }
    }
    let rope = if architecture == Architecture::Llama { infos.remove(ROPE_FACTORS) } else { None };
    let rope = rope.map(|info| tensor(&header, &source, info, ROPE_FACTORS.to_owned(), RowOrder::Canonical)).transpose()?;
    let rope_factors = rope.as_ref().map(rope_factors).transpose()?;
    let config = config(&header, architecture, rope_factors, &infos)?;
    let mut tensors = BTreeMap::new();
    for info in infos.values() {
        let name = canonical_name(info.name).ok_or_else(|| Unsupported::Tensor { name: info.name.into() })?;
        let tensor = tensor(&header, &source, info, name.clone(), row_order(&config, &name))?;
        tensors.insert(name, tensor);
    }
    // The rope factors are none of the model's tensors; their bytes are their own all the same.
    check_apart(tensors.values().chain(&rope))?;
    let tokenizer = tokens::from_gguf(&header)?;
    let template = header.text("tokenizer.chat_template")?.map(ChatTemplate::new);
    ModelFile::new(header.text("general.name")?, config, tensors, tokenizer, template)
}

fn architecture(header: &Header<'_>) -> Result<Architecture> {
    match header.text("general.architecture")? {
        Some("llama") => Ok(Architecture::Llama),
        Some("qwen2") => Ok(Architecture::Qwen2),
        Some(other) => Err(Unsupported::Architecture(other.into()).into()),
        None => Err(Malformed::KeyMissing { key: "general.architecture".into() }.into()),
    }
}

/// The hyperparameters under the architecture's prefix.
struct Settings<'h, 'a> {
    header: &'h Header<'a>,
    prefix: &'static str,
}

impl Settings<'_, '_> {
    fn key(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.prefix)
    }

    fn count_or(&self, suffix: &str, default: Option<u64>) -> Result<usize> {
        let key = self.key(suffix);
        let value = self.header.unsigned(&key)?.or(default).ok_or_else(|| Malformed::KeyMissing { key: key.as_str().into() })?;
        ranges::width(value).ok_or_else(|| Malformed::KeyInvalid { key: key.into() }.into())
    }

    fn count(&self, suffix: &str) -> Result<usize> {
        self.count_or(suffix, None)
    }

    fn float(&self, suffix: &str, default: Option<f64>) -> Result<f32> {
        let key = self.key(suffix);
        let value = self.header.float(&key)?.or(default).ok_or_else(|| Malformed::KeyMissing { key: key.as_str().into() })?;
        ranges::positive(value).ok_or_else(|| Malformed::KeyInvalid { key: key.into() }.into())
    }
}

fn config(header: &Header<'_>, architecture: Architecture, rope_factors: Option<Vec<f32>>, tensors: &BTreeMap<&str, &TensorInfo<'_>>) -> Result<Config> {
    let prefix = match architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    };
    let settings = Settings { header, prefix };
    check_settings(&settings)?;
    let width = settings.count("embedding_length")?;
    let head_count = settings.count("attention.head_count")?;
    let kv_head_count = settings.count_or("attention.head_count_kv", Some(head_count as u64))?;
    let head_width = settings.count_or("attention.key_length", Some((width / head_count) as u64))?;
    for suffix in ["rope.dimension_count", "attention.value_length"] {
        if settings.count_or(suffix, Some(head_width as u64))? != head_width {
            return Err(Unsupported::Setting { key: settings.key(suffix).into(), value: "a part of the head".into() }.into());
        }
    }
    let embedding = tensors.get("token_embd.weight").ok_or_else(|| Malformed::TensorMissing { name: "token_embd.weight".into() })?;
    let rows = embedding.shape.first().copied().and_then(ranges::width);
    let config = Config {
        architecture,
        vocab_count: rows.ok_or_else(|| Malformed::TensorRange { name: embedding.name.into() })?,
        width,
        layer_count: settings.count("block_count")?,
        head_count,
        kv_head_count,
        head_width,
        ffn_width: settings.count("feed_forward_length")?,
        context_tokens_max: settings.count("context_length")?,
        norm_eps: settings.float("attention.layer_norm_rms_epsilon", None)?,
        rope_base: settings.float("rope.freq_base", Some(10_000.0))?,
        rope_factors,
        tied: !tensors.contains_key("output.weight"),
    };
    ranges::check_config(&config)?;
    Ok(config)
}

/// Settings that would change the arithmetic in ways not built here.
fn check_settings(settings: &Settings<'_, '_>) -> Result<()> {
    let refuse = |key: String, value: &str| Err(Unsupported::Setting { key: key.into(), value: value.into() }.into());
    let scaling = settings.key("rope.scaling.type");
    match settings.header.text(&scaling)? {
        // llama.cpp takes a factor without a type as linear scaling, and 0 as no factor.
        None => {
            let factor = settings.key("rope.scaling.factor");
            if settings.header.float(&factor)?.is_some_and(|n| n != 0.0 && n != 1.0) {
                return refuse(factor, "neither 0 nor 1");
            }
        }
        Some("none") => {}
        Some(other) => return refuse(scaling, other),
    }
    let causal = settings.key("attention.causal");
    if settings.header.bool(&causal)? == Some(false) {
        return refuse(causal, "false");
    }
    for suffix in ["expert_count", "attention.sliding_window"] {
        if settings.header.unsigned(&settings.key(suffix))?.is_some_and(|n| n > 0) {
            return refuse(settings.key(suffix), "above 0");
        }
    }
    for suffix in ["rope.scale_linear", "rope.scaling.attn_factor"] {
        if settings.header.float(&settings.key(suffix))?.is_some_and(|scale| scale != 1.0) {
            return refuse(settings.key(suffix), "not 1");
        }
    }
    Ok(())
}

/// The bytes of a tensor as a range of the file.
pub(crate) fn tensor(header: &Header<'_>, source: &Source, info: &TensorInfo<'_>, name: String, order: RowOrder) -> Result<Tensor> {
    let out = || Malformed::TensorRange { name: info.name.into() };
    let element = element(info)?;
    let shape = info.shape.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>().ok_or_else(out)?;
    let start = header.data_start.checked_add(info.offset).ok_or_else(out)?;
    if !info.offset.is_multiple_of(header.alignment) {
        return Err(out().into());
    }
    let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(out)?;
    let size = (elements / element.block_elements()).checked_mul(element.block_bytes()).ok_or_else(out)?;
    let start = usize::try_from(start).map_err(|_| out())?;
    let end = start.checked_add(size).ok_or_else(out)?;
    Tensor::new(name, shape, element, order, source.clone(), start..end).ok_or_else(|| out().into())
}

/// ggml's numbers of the element types (`enum ggml_type` in `ggml.h`).
fn element(info: &TensorInfo<'_>) -> Result<ElementType> {
    Ok(match info.ggml_type {
        0 => ElementType::F32,
        1 => ElementType::F16,
        2 => ElementType::Q4_0,
        3 => ElementType::Q4_1,
        6 => ElementType::Q5_0,
        7 => ElementType::Q5_1,
        8 => ElementType::Q8_0,
        12 => ElementType::Q4K,
        13 => ElementType::Q5K,
        14 => ElementType::Q6K,
        15 => ElementType::Q8K,
        30 => ElementType::Bf16,
        number => return Err(Unsupported::GgmlType { name: info.name.into(), number }.into()),
    })
}

fn rope_factors(tensor: &Tensor) -> Result<Vec<f32>> {
    if tensor.shape.len() != 1 || tensor.element != ElementType::F32 {
        return Err(Malformed::TensorRange { name: tensor.name.as_str().into() }.into());
    }
    Ok(tensor.bytes().as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
}

/// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`; `None` for a name that these architectures do not have.
pub(crate) fn canonical_name(name: &str) -> Option<String> {
    let (base, suffix) = name.rsplit_once('.')?;
    if !matches!(suffix, "weight" | "bias") {
        return None;
    }
    let whole = match base {
        "token_embd" => Some("model.embed_tokens"),
        "output_norm" => Some("model.norm"),
        "output" => Some("lm_head"),
        _ => None,
    };
    if let Some(whole) = whole {
        return Some(format!("{whole}.{suffix}"));
    }
    let (layer, part) = base.strip_prefix("blk.")?.split_once('.')?;
    let number: u64 = layer.parse().ok().filter(|n| *n < limits::LAYER_COUNT_MAX)?;
    let part = match part {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    };
    // A layer written as `03` would name the same tensor twice.
    (number.to_string() == layer).then(|| format!("model.layers.{number}.{part}.{suffix}"))
}

/// llama.cpp's converter interleaves the halves of every query and key head of `llama` models, and only of those.
pub(crate) fn row_order(config: &Config, name: &str) -> RowOrder {
    match config.architecture {
        Architecture::Llama if name.contains(".q_proj.") => RowOrder::RotaryPairs { head_count: config.head_count },
        Architecture::Llama if name.contains(".k_proj.") => RowOrder::RotaryPairs { head_count: config.kv_head_count },
        _ => RowOrder::Canonical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// What is said about a header without tensors whose settings are these: key, type and value.
    fn checked(pairs: &[(&str, u32, &[u8])]) -> Result<()> {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let mut bytes = [&b"GGUF"[..], &3u32.to_le_bytes(), &0u64.to_le_bytes(), &(pairs.len() as u64).to_le_bytes()].concat();
        for &(key, kind, value) in pairs {
            bytes.extend([text(key), kind.to_le_bytes().to_vec(), value.to_vec()].concat());
        }
        check_settings(&Settings { header: &Header::read(&bytes).unwrap(), prefix: "llama" })
    }

    fn refusal(key: &str, value: &str) -> Error {
        Unsupported::Setting { key: key.into(), value: value.into() }.into()
    }

    #[test]
    fn settings_that_change_the_arithmetic_are_refused() {
        const FACTOR: &str = "llama.rope.scaling.factor";
        const CAUSAL: &str = "llama.attention.causal";
        let none = [&4u64.to_le_bytes()[..], b"none"].concat();
        for factor in [0.0f32, 1.0] {
            assert_eq!(checked(&[(FACTOR, 6, &factor.to_le_bytes())]), Ok(()));
        }
        assert_eq!(checked(&[(FACTOR, 6, &4.0f32.to_le_bytes())]), Err(refusal(FACTOR, "neither 0 nor 1")));
        assert_eq!(checked(&[(FACTOR, 6, &f32::NAN.to_le_bytes())]), Err(refusal(FACTOR, "neither 0 nor 1")));
        assert_eq!(checked(&[(FACTOR, 6, &4.0f32.to_le_bytes()), ("llama.rope.scaling.type", 8, &none)]), Ok(()));
        for scale in ["llama.rope.scale_linear", "llama.rope.scaling.attn_factor"] {
            assert_eq!(checked(&[(scale, 6, &1.0f32.to_le_bytes())]), Ok(()));
            assert_eq!(checked(&[(scale, 6, &0.5f32.to_le_bytes())]), Err(refusal(scale, "not 1")));
            assert_eq!(checked(&[(scale, 6, &f32::NAN.to_le_bytes()), ("llama.rope.scaling.type", 8, &none)]), Err(refusal(scale, "not 1")));
        }
        assert_eq!(checked(&[(CAUSAL, 7, &[1])]), Ok(()));
        assert_eq!(checked(&[(CAUSAL, 7, &[0])]), Err(refusal(CAUSAL, "false")));
    }
}
