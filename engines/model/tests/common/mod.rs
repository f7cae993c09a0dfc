//! The tiny models of `spec/vectors/model`, as the bytes a caller would hand in.
#![allow(dead_code)]

use mickai_model::tensor::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const LLAMA_F32: &[u8] = include_bytes!("../../../../spec/vectors/model/llama-64.f32.gguf");
pub const QWEN2_F32: &[u8] = include_bytes!("../../../../spec/vectors/model/qwen2-64.f32.gguf");
pub const QWEN2_UNTIED_F32: &[u8] = include_bytes!("../../../../spec/vectors/model/qwen2-64-untied.f32.gguf");
pub const OTHERS: [(&str, &[u8]); 9] = [
    ("llama-64.f16", include_bytes!("../../../../spec/vectors/model/llama-64.f16.gguf")),
    ("llama-64.bf16", include_bytes!("../../../../spec/vectors/model/llama-64.bf16.gguf")),
    ("llama-64.q8_0", include_bytes!("../../../../spec/vectors/model/llama-64.q8_0.gguf")),
    ("llama-64.q4_0", include_bytes!("../../../../spec/vectors/model/llama-64.q4_0.gguf")),
    ("llama-256.q4_k", include_bytes!("../../../../spec/vectors/model/llama-256.q4_k.gguf")),
    ("llama-256.q6_k", include_bytes!("../../../../spec/vectors/model/llama-256.q6_k.gguf")),
    ("qwen2-64.q8_0", include_bytes!("../../../../spec/vectors/model/qwen2-64.q8_0.gguf")),
    ("qwen2-64-untied.bf16", include_bytes!("../../../../spec/vectors/model/qwen2-64-untied.bf16.gguf")),
    ("qwen2-64-untied.q4_0", include_bytes!("../../../../spec/vectors/model/qwen2-64-untied.q4_0.gguf")),
];

pub fn source(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Source {
    Arc::new(bytes)
}

macro_rules! folder {
    ($name:literal, $($file:literal),*) => {
        BTreeMap::from([$(($file.to_owned(), source(&include_bytes!(concat!("../../../../spec/vectors/model/", $name, "/", $file))[..]))),*])
    };
}

pub fn llama() -> BTreeMap<String, Source> {
    folder!("llama-64", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
}

pub fn llama_wide() -> BTreeMap<String, Source> {
    folder!("llama-256", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
}

pub fn qwen2() -> BTreeMap<String, Source> {
    folder!("qwen2-64", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
}

/// In three shards with an index.
pub fn qwen2_untied() -> BTreeMap<String, Source> {
    folder!(
        "qwen2-64-untied",
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja"
    )
}
