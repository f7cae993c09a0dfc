//! Good model files: a folder and a GGUF file of the same weights are one model, to the digest.
#![allow(clippy::unwrap_used)]

mod common;

use common::{LLAMA_F32, OTHERS, QWEN2_F32, QWEN2_UNTIED_F32, llama, llama_wide, qwen2, qwen2_untied, source};
use mickai_model::digest::ModelDigest;
use mickai_model::file::{ModelFile, open_folder, open_gguf};
use mickai_model::stats::tensor_stats;
use mickai_model::tensor::Source;
use mickai_model::tokens::Token;
use std::collections::{BTreeMap, BTreeSet};

fn pairs() -> [(&'static [u8], BTreeMap<String, Source>); 3] {
    [(LLAMA_F32, llama()), (QWEN2_F32, qwen2()), (QWEN2_UNTIED_F32, qwen2_untied())]
}

fn gguf(bytes: &'static [u8]) -> ModelFile {
    open_gguf(source(bytes)).unwrap()
}

#[test]
fn folder_and_gguf_are_one_model() {
    for (bytes, folder) in pairs() {
        let (file, folder) = (gguf(bytes), open_folder(folder).unwrap());
        assert_eq!(file.config, folder.config);
        assert_eq!(file.tokenizer.vocabulary(), folder.tokenizer.vocabulary());
        assert_eq!(file.tokenizer.roles(), folder.tokenizer.roles());
        assert_eq!(file.template().map(|t| t.digest()), folder.template().map(|t| t.digest()));
        let stats = |model: &ModelFile| model.tensors.values().map(tensor_stats).collect::<Vec<_>>();
        for (a, b) in stats(&file).into_iter().zip(stats(&folder)) {
            assert_eq!((&a.name, &a.shape, a.element, a.digest), (&b.name, &b.shape, b.element, b.digest));
            // The order of rows in the file differs, so the sums may round differently.
            assert!((a.mean - b.mean).abs() < 1e-12 && (a.deviation - b.deviation).abs() < 1e-12, "{}", a.name);
            assert_eq!((a.min, a.max, a.not_finite_count), (b.min, b.max, 0));
        }
        assert_eq!(file.digest(), folder.digest());
    }
}

/// The digests themselves: other values are another version of `spec/model.md`.
#[test]
fn digests_are_those_of_the_spec() {
    let names: BTreeMap<String, String> = serde_json::from_str(include_str!("../../../spec/vectors/model/digests.json")).unwrap();
    let mut models = vec![("llama-64.f32", gguf(LLAMA_F32)), ("qwen2-64.f32", gguf(QWEN2_F32)), ("qwen2-64-untied.f32", gguf(QWEN2_UNTIED_F32))];
    models.extend(OTHERS.map(|(name, bytes)| (name, gguf(bytes))));
    models.push(("llama-256.f32", open_folder(llama_wide()).unwrap()));
    let found: BTreeMap<String, String> = models.iter().map(|(name, model)| ((*name).to_owned(), model.digest().to_string())).collect();
    assert_eq!(found, names);
    assert_eq!(found.values().collect::<BTreeSet<_>>().len(), found.len());
}

#[test]
fn one_changed_bit_of_a_weight_is_another_model() {
    let good = gguf(LLAMA_F32).digest();
    let changed = |at: usize| -> ModelDigest {
        let mut bytes = LLAMA_F32.to_vec();
        bytes[at] ^= 1;
        open_gguf(source(bytes)).unwrap().digest()
    };
    let end = LLAMA_F32.len();
    assert!([end - 32, end - 40_000, end - 200_000].into_iter().all(|at| changed(at) != good));
}

#[test]
fn rope_factors_are_those_of_the_converter() {
    for (name, bytes) in OTHERS.iter().filter(|(name, _)| name.starts_with("llama-256")) {
        assert_eq!(gguf(bytes).config.rope_factors, open_folder(llama_wide()).unwrap().config.rope_factors, "{name}");
    }
    let factors = gguf(LLAMA_F32).config.rope_factors.unwrap();
    assert_eq!((factors.len(), factors[0], factors[7]), (8, 1.0, 8.0));
    assert_eq!(gguf(QWEN2_F32).config.rope_factors, None);
}

#[test]
fn end_tokens_come_from_all_files() {
    let ends = |model: &ModelFile| model.tokenizer.roles().eos.iter().copied().collect::<Vec<_>>();
    assert_eq!(ends(&open_folder(llama()).unwrap()), [Token(508), Token(511)]);
    assert_eq!(ends(&gguf(LLAMA_F32)), [Token(508), Token(511)]);
    assert_eq!(ends(&gguf(QWEN2_F32)), [Token(507), Token(509)]);
}

#[test]
fn figures_of_a_tensor() {
    let model = gguf(LLAMA_F32);
    assert_eq!(model.name.as_deref(), Some("llama-64"));
    assert_eq!((model.parameter_count(), model.tensor_bytes()), (119_104, 476_416));
    let embedding = tensor_stats(&model.tensors["model.embed_tokens.weight"]);
    assert_eq!(embedding.shape, [512, 64]);
    assert!(embedding.mean.abs() < 0.01 && (embedding.deviation - 0.2).abs() < 0.01, "{embedding:?}");
    assert!(embedding.min < -0.5 && embedding.max > 0.5 && embedding.not_finite_count == 0);
}
