//! Adapters: logits of PEFT's own run, one name in both formats, equal bits beside whomever, and clear refusals.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions, but not their helpers, as tests")]

mod common;

use common::{LLAMA_F32, OTHERS, QWEN2_F32, source};
use mickai_kernels::crew::Serial;
use mickai_kernels::isa::Isa;
use mickai_model::embed::Embedder;
use mickai_model::error::{Error, Malformed, Misuse, Unsupported};
use mickai_model::file::{ModelFile, open_adapter_folder, open_adapter_gguf, open_gguf};
use mickai_model::forward::{Adapter, Decoder, Piece, Pool, Wanted};
use mickai_model::generate::{Context, Flow, Request, generate};
use mickai_model::sample::{SamplerConfig, Seed};
use mickai_model::tensor::Source;
use mickai_model::tokens::Token;
use sha3::{Digest, Sha3_256};
use std::collections::BTreeMap;
use std::sync::Arc;

const LLAMA_GGUF: &[u8] = include_bytes!("../../../spec/vectors/model/llama-64-lora.gguf");

macro_rules! adapter {
    ($name:literal) => {
        [
            include_bytes!(concat!("../../../spec/vectors/model/", $name, "/adapter_config.json")).to_vec(),
            include_bytes!(concat!("../../../spec/vectors/model/", $name, "/adapter_model.safetensors")).to_vec(),
        ]
    };
}

macro_rules! reference {
    ($base:literal, $name:literal) => {
        (include_str!(concat!("../../../spec/vectors/model/", $base, ".json")), &include_bytes!(concat!("../../../spec/vectors/model/", $name, ".logits.f32"))[..])
    };
}

fn files([config, weights]: [Vec<u8>; 2]) -> BTreeMap<String, Source> {
    BTreeMap::from([("adapter_config.json".to_owned(), source(config)), ("adapter_model.safetensors".to_owned(), source(weights))])
}

fn open(model: &ModelFile, bytes: [Vec<u8>; 2]) -> Result<Adapter, Error> {
    open_adapter_folder(&files(bytes), &model.config)
}

fn quantised(name: &str) -> ModelFile {
    open_gguf(source(OTHERS.iter().find(|(other, _)| *other == name).unwrap().1)).unwrap()
}

/// All logits of these tokens, from an empty pool, in pieces of `chunk`.
fn logits(model: &ModelFile, adapter: Option<&Arc<Adapter>>, tokens: &[Token], chunk: usize, isa: Isa) -> Vec<f32> {
    let pool = Pool::new(&model.weights(), usize::MAX);
    let mut decoder = Decoder::new(model.weights(), Arc::new(Serial), isa);
    let mut sequence = pool.open_with(adapter.cloned(), &[], tokens.len()).unwrap();
    let mut out = Vec::new();
    for tokens in tokens.chunks(chunk) {
        let rows = decoder.step_one(Piece { sequence: &mut sequence, tokens, wanted: Wanted::Every }).unwrap();
        (0..rows.count()).for_each(|row| out.extend_from_slice(rows.logits(row).unwrap()));
    }
    out
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|x| x.to_bits()).collect()
}

fn check_reference(model: &ModelFile, adapter: Adapter, (facts, logits_f64): (&str, &[u8])) {
    let facts: serde_json::Value = serde_json::from_str(facts).unwrap();
    let ids = ["prompt", "greedy"].into_iter().flat_map(|key| facts[key].as_array().unwrap());
    let tokens: Vec<Token> = ids.take(40).map(|id| Token(id.as_u64().unwrap() as u32)).collect();
    let want: Vec<f32> = logits_f64.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect();
    let got = logits(model, Some(&Arc::new(adapter)), &tokens, 40, Isa::best());
    assert_eq!(got.len(), want.len());
    let largest = got.iter().zip(&want).fold(0.0, |largest, (a, b)| f32::max(largest, (a - b).abs()));
    assert!(largest <= 1e-4, "{largest:e}");
}

#[test]
fn logits_are_those_of_peft() {
    let (llama, qwen2) = (open_gguf(source(LLAMA_F32)).unwrap(), open_gguf(source(QWEN2_F32)).unwrap());
    check_reference(&llama, open(&llama, adapter!("llama-64-lora")).unwrap(), reference!("llama-64", "llama-64-lora"));
    check_reference(&llama, open_adapter_gguf(&source(LLAMA_GGUF), &llama.config).unwrap(), reference!("llama-64", "llama-64-lora"));
    check_reference(&qwen2, open(&qwen2, adapter!("qwen2-64-lora")).unwrap(), reference!("qwen2-64", "qwen2-64-lora"));
}

/// The names are those that another reading of `spec/model.md` gives.
#[test]
fn an_adapter_has_one_name_in_both_formats() {
    let (llama, qwen2) = (open_gguf(source(LLAMA_F32)).unwrap(), open_gguf(source(QWEN2_F32)).unwrap());
    let folder = open(&llama, adapter!("llama-64-lora")).unwrap().digest();
    assert_eq!(folder, open_adapter_gguf(&source(LLAMA_GGUF), &llama.config).unwrap().digest());
    let other = open(&qwen2, adapter!("qwen2-64-lora")).unwrap().digest();
    let names: BTreeMap<String, String> = serde_json::from_str(include_str!("../../../spec/vectors/model/adapters.json")).unwrap();
    assert_eq!(names, BTreeMap::from([("llama-64-lora".to_owned(), folder.to_string()), ("qwen2-64-lora".to_owned(), other.to_string())]));
    // Another scale is another adapter, and so is another bit of a weight.
    let [config, mut weights] = adapter!("llama-64-lora");
    let louder = String::from_utf8(config.clone()).unwrap().replace("\"lora_alpha\": 16", "\"lora_alpha\": 17");
    assert_ne!(open(&llama, [louder.into_bytes(), weights.clone()]).unwrap().digest(), folder);
    *weights.last_mut().unwrap() ^= 1;
    assert_ne!(open(&llama, [config, weights]).unwrap().digest(), folder);
}

/// SHA3-256 over all logits of 300 tokens with the adapter on quantised weights (`spec/arithmetic.md`, "The digests of whole runs").
#[test]
fn one_digest_on_every_path() {
    let model = quantised("llama-64.q4_0");
    let adapter = Arc::new(open(&model, adapter!("llama-64-lora")).unwrap());
    let tokens: Vec<Token> = (0..300).map(|i| Token(i * 41 % 500)).collect();
    for isa in Isa::available() {
        for chunk in [1, 7, 300] {
            let mut hash = Sha3_256::new();
            logits(&model, Some(&adapter), &tokens, chunk, isa).iter().for_each(|x| hash.update(x.to_le_bytes()));
            let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, "742d563e9e60db4ed8f748cdeac706b57440ae40de6c1496ca655e01e72ad3ca", "{}, pieces of {chunk}", isa.name());
        }
    }
}

#[test]
fn a_step_may_mix_adapters() {
    let model = quantised("llama-64.q8_0");
    let [config, weights] = adapter!("llama-64-lora");
    let louder = String::from_utf8(config.clone()).unwrap().replace("\"lora_alpha\": 16", "\"lora_alpha\": 31");
    let one = Arc::new(open(&model, [config, weights.clone()]).unwrap());
    let two = Arc::new(open(&model, [louder.into_bytes(), weights]).unwrap());
    let tokens: Vec<Token> = (0..290).map(|i| Token(i * 7 % 500)).collect();
    let adapters = [Some(&one), None, Some(&one), Some(&two), Some(&two), None];
    let pool = Pool::new(&model.weights(), usize::MAX);
    let mut decoder = Decoder::new(model.weights(), Arc::new(Serial), Isa::best());
    let mut together = |count: usize, found: usize| {
        let mut sequences: Vec<_> = adapters.iter().map(|adapter| pool.open_with(adapter.cloned(), &tokens[..count], 300).unwrap()).collect();
        assert!(sequences.iter().all(|sequence| sequence.tokens().len() == found));
        let mut pieces: Vec<_> = sequences.iter_mut().map(|sequence| Piece { sequence, tokens: &tokens[found..count], wanted: Wanted::Last }).collect();
        decoder.step(&mut pieces).into_iter().map(|rows| bits(rows.unwrap().logits(0).unwrap())).collect::<Vec<_>>()
    };
    // What one adapter left in the pool is found by the same adapter alone, so all find as much as they computed.
    for (count, found) in [(280, 0), (290, 280)] {
        let got = together(count, found);
        for (adapter, got) in adapters.iter().zip(&got) {
            let alone = logits(&model, *adapter, &tokens[..count], count, Isa::best());
            assert_eq!(*got, bits(&alone[alone.len() - 512..]));
        }
        assert!(got[0] == got[2] && got[3] == got[4] && got[1] == got[5] && got[0] != got[1] && got[0] != got[3] && got[1] != got[3]);
    }
}

/// Embeddings with an adapter are others; one that adds nothing changes no bit, and neither do neighbours.
#[test]
fn embeddings_take_an_adapter() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let [config, weights] = adapter!("llama-64-lora");
    let adapter = Arc::new(open(&model, [config.clone(), weights.clone()]).unwrap());
    // Every number of both matrices is zero; the header is what it was.
    let header_end = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let silent = [&weights[..header_end], &vec![0; weights.len() - header_end]].concat();
    let silent = Arc::new(open(&model, [config, silent]).unwrap());
    let inputs: Vec<Vec<Token>> = [40, 1, 300].map(|count| (0..count).map(|i| Token(i * 11 % 500)).collect()).into();
    let embed = |adapter: Option<&Arc<Adapter>>, inputs: &[Vec<Token>]| {
        let mut embedder = Embedder::new(model.weights(), Arc::new(Serial), Isa::best()).with_adapter(adapter.cloned());
        bits(&embedder.embed(inputs, 64, &mut || Flow::Continue).unwrap().unwrap())
    };
    let (plain, adapted) = (embed(None, &inputs), embed(Some(&adapter), &inputs));
    assert!(plain.chunks(64).zip(adapted.chunks(64)).all(|(a, b)| a != b));
    assert_eq!(embed(Some(&silent), &inputs), plain);
    let alone: Vec<u32> = inputs.iter().flat_map(|input| embed(Some(&adapter), std::slice::from_ref(input))).collect();
    assert_eq!(alone, adapted);
}

/// What it says of itself.
#[test]
fn an_adapter_tells_what_it_changes() {
    let (llama, qwen2) = (open_gguf(source(LLAMA_F32)).unwrap(), open_gguf(source(QWEN2_F32)).unwrap());
    let (all, some) = (open(&llama, adapter!("llama-64-lora")).unwrap(), open(&qwen2, adapter!("qwen2-64-lora")).unwrap());
    assert_eq!((all.rank(), all.scale(), all.projections().count()), (8, 2.0, 7));
    assert_eq!((some.rank(), some.scale()), (5, (7.0 / 5f64.sqrt()) as f32));
    assert_eq!(some.projections().collect::<Vec<_>>(), [("self_attn.q_proj", 2), ("self_attn.v_proj", 2), ("mlp.down_proj", 2)]);
    assert_eq!(all.parameter_count() * 4, adapter!("llama-64-lora")[1].len() as u64 - 8 - u64::from_le_bytes(adapter!("llama-64-lora")[1][..8].try_into().unwrap()));
}

#[test]
fn a_context_takes_an_adapter_and_lets_it_go() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let adapter = Arc::new(open(&model, adapter!("llama-64-lora")).unwrap());
    let request = Request { sampler: SamplerConfig::GREEDY, seed: Seed(0), output_tokens_max: 12, stop_texts: Vec::new() };
    let prompt: Vec<Token> = (0..30).map(|i| Token(i * 11 % 500)).collect();
    let run = |context: &mut Context| generate(context, &model.tokenizer, &prompt, &request, None, &mut |_| Flow::Continue).unwrap();
    let new = || Context::new(model.weights(), 100, Arc::new(Serial), Isa::best()).unwrap();
    let plain = run(&mut new());
    let mut context = new();
    context.use_adapter(Some(adapter));
    let adapted = run(&mut context);
    assert_ne!(plain.output_tokens, adapted.output_tokens);
    assert_eq!(run(&mut context), adapted);
    context.use_adapter(None);
    assert_eq!(run(&mut context), plain);
}

#[test]
fn what_an_adapter_may_not_ask_for_is_named() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let [config, weights] = adapter!("llama-64-lora");
    let config = String::from_utf8(config).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(config.contains(from), "{from}");
        open(&model, [config.replace(from, to).into_bytes(), weights.clone()]).err().unwrap()
    };
    for (from, to, key, value) in [
        ("\"use_dora\": false", "\"use_dora\": true", "use_dora", "true"),
        ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias", "\"all\""),
        ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save", "[\"lm_head\"]"),
        ("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"q_proj\": 4}", "alpha_pattern", "{\"q_proj\":4}"),
        ("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "init_lora_weights", "\"pissa\""),
        ("\"peft_type\": \"LORA\"", "\"peft_type\": \"LOHA\"", "peft_type", "\"LOHA\""),
        ("\"revision\": null", "\"of_tomorrow\": 1, \"revision\": null", "of_tomorrow", "1"),
    ] {
        let want = Unsupported::Setting { key: format!("adapter_config.json: {key}").into(), value: value.into() };
        assert_eq!(refused(from, to), want.into());
    }
    let name = "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight";
    assert_eq!(refused("\"r\": 8", "\"r\": 9"), Malformed::TensorShape { name: name.into(), expected: vec![9, 160], found: vec![8, 160] }.into());
    assert_eq!(refused("\"r\": 8", "\"r\": 0"), Malformed::Hyperparameters { key: "adapter scale" }.into());
    assert_eq!(refused("\"r\": 8", "\"r\": 4097"), Malformed::Hyperparameters { key: "adapter rank" }.into());
    assert_eq!(refused("\"lora_alpha\": 16", "\"lora_alpha\": null"), Malformed::KeyMissing { key: "adapter_config.json: lora_alpha".into() }.into());
    let empty = open_adapter_folder(&BTreeMap::new(), &model.config).err().unwrap();
    assert_eq!(empty, Malformed::FileMissing { name: "adapter_config.json".into() }.into());
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let [config, weights] = adapter!("llama-64-lora");
    let renamed = |from: &str, to: &str| {
        let at = weights.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = weights.clone();
        bytes[at..][..to.len()].copy_from_slice(to.as_bytes());
        open(&model, [config.clone(), bytes]).err().unwrap()
    };
    assert_eq!(renamed("0.mlp.down_proj.lora_A", "0.mlp.town_proj.lora_A"), Malformed::TensorMissing { name: "model.layers.0.mlp.down_proj, lora A".into() }.into());
    let magnitude = "base_model.model.model.layers.0.mlp.down_proj.lora_m.weight";
    assert_eq!(renamed("0.mlp.down_proj.lora_A", "0.mlp.down_proj.lora_m"), Unsupported::Tensor { name: magnitude.into() }.into());
    // Models of the same widths that differ in depth.
    let from = "model.layers.1.mlp.down_proj.lora_A";
    assert!(weights.windows(from.len()).any(|window| window == from.as_bytes()));
    let beyond = Misuse::AdapterLayer { name: "base_model.model.model.layers.7.mlp.down_proj.lora_A.weight".into(), layer_count: 2 };
    let deep: Vec<u8> = {
        let mut bytes = weights.clone();
        for half in ["A", "B"] {
            let from = format!("model.layers.1.mlp.down_proj.lora_{half}");
            let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            bytes[at + "model.layers.".len()] = b'7';
        }
        bytes
    };
    assert_eq!(open(&model, [config.clone(), deep]).err().unwrap(), beyond.into());
    for len in [0, 7, 100, weights.len() - 1] {
        assert!(matches!(open(&model, [config.clone(), weights[..len].to_vec()]), Err(Error::Malformed(_))), "{len}");
    }
    assert_eq!(open_adapter_gguf(&source(LLAMA_F32), &model.config).err().unwrap(), Malformed::KeyMissing { key: "general.type".into() }.into());
    // The shapes of one model are not those of the other.
    let adapter = Arc::new(open(&model, [config.clone(), weights.clone()]).unwrap());
    let wide = quantised("llama-256.q6_k");
    assert!(matches!(
        open(&wide, [config.clone(), weights.clone()]),
        Err(Error::Malformed(Malformed::TensorShape { .. } | Malformed::TensorMissing { .. }) | Error::Unsupported(_))
    ));
    let foreign = Pool::new(&wide.weights(), usize::MAX).open_with(Some(adapter), &[], 4).err().unwrap();
    assert_eq!(foreign, Misuse::AdapterForeign.into());
}

/// A small file could otherwise be hashed, and repacked, as a large one.
#[test]
fn matrices_that_share_bytes_are_refused() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let [config, weights] = adapter!("llama-64-lora");
    let name = |layer: usize| format!("base_model.model.model.layers.{layer}.mlp.down_proj.lora_A.weight");
    let header_end = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&weights[8..header_end]).unwrap();
    header[name(1)]["data_offsets"] = header[name(0)]["data_offsets"].clone();
    let header = header.to_string().into_bytes();
    let shared = [&(header.len() as u64).to_le_bytes()[..], &header, &weights[header_end..]].concat();
    assert_eq!(open(&model, [config, shared]).err().unwrap(), Malformed::TensorRange { name: name(1).into() }.into());
    // Behind the name of a matrix: dimension count, two dimensions, type, offset.
    let place = |name: &str| {
        let at = LLAMA_GGUF.windows(name.len()).position(|window| window == name.as_bytes()).unwrap() + name.len() + 4 + 16 + 4;
        at..at + 8
    };
    let mut shared = LLAMA_GGUF.to_vec();
    shared[place("blk.1.ffn_down.weight.lora_a")].copy_from_slice(&LLAMA_GGUF[place("blk.0.ffn_down.weight.lora_a")]);
    let name = "blk.1.ffn_down.weight.lora_a".into();
    assert_eq!(open_adapter_gguf(&source(shared), &model.config).err().unwrap(), Malformed::TensorRange { name }.into());
}

/// Whatever one byte of a header becomes, the file is opened or refused.
#[test]
fn a_damaged_header_is_no_panic() {
    let model = open_gguf(source(LLAMA_F32)).unwrap();
    let [config, weights] = adapter!("llama-64-lora");
    let damaged = |bytes: &[u8], at: usize, flip: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= flip;
        bytes
    };
    let mut refused_count = 0;
    for (at, flip) in (0..3_000).flat_map(|at| [(at, 0x01), (at, 0x80)]) {
        refused_count += usize::from(open_adapter_gguf(&source(damaged(LLAMA_GGUF, at, flip)), &model.config).is_err());
        if at < 1_200 {
            refused_count += usize::from(open(&model, [config.clone(), damaged(&weights, at, flip)]).is_err());
            refused_count += usize::from(config.get(at).is_some() && open(&model, [damaged(&config, at, flip), weights.clone()]).is_err());
        }
    }
    assert!(refused_count > 5_000, "{refused_count}");
}
