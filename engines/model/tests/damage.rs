//! Bad model files: each is refused with its own error, in words that say what to do, and nothing panics or allocates without need.
#![allow(clippy::unwrap_used)]

mod common;

use common::{LLAMA_F32, OTHERS, QWEN2_F32, llama, qwen2_untied, source};
use mickai_model::error::{Error, Malformed, Unsupported};
use mickai_model::file::{open_folder, open_gguf};
use mickai_model::tensor::Source;
use std::collections::BTreeMap;

fn refused(bytes: Vec<u8>) -> Error {
    open_gguf(source(bytes)).err().unwrap()
}

/// Where `needle` begins; it must be there once.
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    let mut places = bytes.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle).map(|(at, _)| at);
    let first = places.next().unwrap();
    assert!(places.next().is_none(), "{needle:?}");
    first
}

/// A copy with `bytes` written at `offset` behind the end of `needle`.
fn patched(file: &[u8], needle: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = file.to_vec();
    let at = find(file, needle) + needle.len() + offset;
    out[at..at + bytes.len()].copy_from_slice(bytes);
    out
}

/// A text as it stands in a header: length and bytes.
fn text(content: &str) -> Vec<u8> {
    [&(content.len() as u64).to_le_bytes()[..], content.as_bytes()].concat()
}

/// A key or name replaced by another of equal length.
fn renamed(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = file.to_vec();
    let at = find(file, &text(from)) + 8;
    out[at..at + to.len()].copy_from_slice(to.as_bytes());
    out
}

/// Bytes up to the beginning of the tensor data, a little more than the header.
fn header_len(file: &[u8], tensor_bytes: usize) -> usize {
    file.len() - tensor_bytes
}

#[test]
fn a_file_cut_anywhere_in_its_header_is_refused() {
    let header = header_len(LLAMA_F32, 476_416);
    let shared: &'static [u8] = LLAMA_F32;
    for len in 0..header {
        let error = open_gguf(source(&shared[..len])).err().unwrap();
        let fits = matches!(error, Error::Malformed(Malformed::Magic | Malformed::Truncated { .. } | Malformed::TooMany { .. } | Malformed::TensorRange { .. }));
        assert!(fits, "{len}: {error}");
    }
    for len in (header..LLAMA_F32.len()).step_by(9_973) {
        assert!(matches!(open_gguf(source(&shared[..len])).err(), Some(Error::Malformed(Malformed::TensorRange { .. }))), "{len}");
    }
}

#[test]
fn wrong_magic_and_versions() {
    let mut bytes = LLAMA_F32.to_vec();
    bytes[0] = b'X';
    assert_eq!(refused(bytes).to_string(), "not a GGUF file: the first four bytes are not \"GGUF\"; give a .gguf file or a folder with config.json");
    assert_eq!(refused(Vec::new()), Malformed::Magic.into());
    for version in [0u32, 1, 4, 3 << 24] {
        assert_eq!(refused(patched(LLAMA_F32, b"GGUF", 0, &version.to_le_bytes())), Unsupported::GgufVersion(version).into());
    }
    assert!(open_gguf(source(patched(LLAMA_F32, b"GGUF", 0, &2u32.to_le_bytes()))).is_ok());
}

#[test]
fn absurd_counts_are_refused_before_anything_is_allocated() {
    for count in [u64::MAX, 1 << 40, 1 << 17] {
        for offset in [4, 12] {
            let error = refused(patched(LLAMA_F32, b"GGUF", offset, &count.to_le_bytes()));
            assert!(matches!(error, Error::Malformed(Malformed::TooMany { count: found, .. }) if found == count), "{error}");
        }
        // An array's element type, then its count.
        for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type"] {
            let error = refused(patched(LLAMA_F32, &text(key), 8, &count.to_le_bytes()));
            let cut = matches!(error, Error::Malformed(Malformed::TooMany { .. } | Malformed::Truncated { .. }));
            assert!(cut, "{key} {count}: {error}");
        }
    }
    let long_text = refused(patched(LLAMA_F32, &text("general.architecture"), 4, &(1u64 << 60).to_le_bytes()));
    assert!(long_text.to_string().starts_with("1152921504606846976 metadata string bytes where at most "), "{long_text}");
    let dimensions = patched(LLAMA_F32, &text("output_norm.weight"), 0, &9u32.to_le_bytes());
    assert!(matches!(refused(dimensions), Error::Malformed(Malformed::TooMany { count: 9, max: 4, .. })));
    let elements = patched(LLAMA_F32, &text("output_norm.weight"), 4, &u64::MAX.to_le_bytes());
    assert!(matches!(refused(elements), Error::Malformed(Malformed::TooMany { .. })));
    let layers = refused(patched(LLAMA_F32, &text("llama.block_count"), 4, &4_000u32.to_le_bytes()));
    assert_eq!(layers, Malformed::TensorMissing { name: "model.layers.2.input_layernorm.weight".into() }.into());
}

#[test]
fn tensor_offsets_outside_the_file() {
    let at = "output_norm.weight";
    // Behind the name: dimension count, one dimension, type, offset.
    for offset in [u64::MAX, u64::MAX - 31, 1 << 62, LLAMA_F32.len() as u64 / 32 * 32, 4] {
        let error = refused(patched(LLAMA_F32, &text(at), 4 + 8 + 4, &offset.to_le_bytes()));
        assert_eq!(error.to_string(), "tensor output_norm.weight does not lie where the file says; the file is cut off or damaged, fetch it again");
    }
}

/// A small file could otherwise ask for the memory of a large model before it is refused.
#[test]
fn shared_bytes_are_refused_before_anything_is_made_of_the_tensors() {
    // Behind the name of a matrix: dimension count, two dimensions, type, offset.
    let place = find(LLAMA_F32, &text("blk.0.attn_q.weight")) + text("blk.0.attn_q.weight").len() + 4 + 16 + 4;
    let shared = |file: &[u8]| refused(patched(file, &text("blk.1.attn_q.weight"), 4 + 16 + 4, &LLAMA_F32[place..place + 8]));
    let range: Error = Malformed::TensorRange { name: "model.layers.1.self_attn.q_proj.weight".into() }.into();
    assert_eq!(shared(LLAMA_F32), range);
    // The last tensor that is taken is not there.
    let lacking = renamed(LLAMA_F32, "output_norm.weight", "blk.10.attn_q.bias");
    assert_eq!(refused(lacking.clone()), Malformed::TensorMissing { name: "model.norm.weight".into() }.into());
    assert_eq!(shared(&lacking), range);
}

#[test]
fn rope_factors_are_a_tensor_like_any_other() {
    const NAME: &str = "rope_freqs.weight";
    let range = |name: &str| Error::from(Malformed::TensorRange { name: name.into() });
    // Behind the name: dimension count, one dimension, type, offset.
    assert_eq!(refused(patched(LLAMA_F32, &text(NAME), 4 + 8 + 4, &4u64.to_le_bytes())), range(NAME));
    assert_eq!(refused(patched(LLAMA_F32, &text(NAME), 4 + 8, &1u32.to_le_bytes())), range(NAME));
    let place = find(LLAMA_F32, &text("blk.0.attn_norm.weight")) + text("blk.0.attn_norm.weight").len() + 4 + 8 + 4;
    let shared = patched(LLAMA_F32, &text(NAME), 4 + 8 + 4, &LLAMA_F32[place..place + 8]);
    assert_eq!(refused(shared), range("model.layers.0.input_layernorm.weight"));
    assert_eq!(refused(renamed(QWEN2_F32, "blk.0.attn_q.bias", NAME)), Unsupported::Tensor { name: NAME.into() }.into());
}

#[test]
fn types_architectures_and_settings_that_are_not_built() {
    let kind = |number: u32| refused(patched(LLAMA_F32, &text("output_norm.weight"), 4 + 8, &number.to_le_bytes()));
    assert_eq!(
        kind(10).to_string(),
        "tensor output_norm.weight has ggml type 10, which is not supported; use a file in one of F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K, Q8_K"
    );
    assert_eq!(kind(999), Unsupported::GgmlType { name: "output_norm.weight".into(), number: 999 }.into());
    let architecture = refused(patched(LLAMA_F32, &text("general.architecture"), 4 + 8, b"mamba"));
    assert_eq!(architecture.to_string(), "architecture \"mamba\" is not supported; llama and qwen2 are");
    let value = refused(patched(LLAMA_F32, &text("general.architecture"), 0, &77u32.to_le_bytes()));
    assert_eq!(value, Unsupported::GgufValueType(77).into());
    let tensor = refused(renamed(LLAMA_F32, "blk.0.attn_q.weight", "blk.0.attn_z.weight"));
    assert_eq!(tensor, Unsupported::Tensor { name: "blk.0.attn_z.weight".into() }.into());
    let layer = refused(renamed(LLAMA_F32, "blk.1.attn_q.weight", "blk.7.attn_q.weight"));
    assert_eq!(layer, Malformed::TensorMissing { name: "model.layers.1.self_attn.q_proj.weight".into() }.into());
    let twice = refused(renamed(LLAMA_F32, "blk.1.attn_q.weight", "blk.0.attn_q.weight"));
    assert!(matches!(twice, Error::Malformed(Malformed::Duplicate { .. })), "{twice}");
}

#[test]
fn shapes_that_contradict_the_settings() {
    let width = refused(patched(LLAMA_F32, &text("llama.feed_forward_length"), 4, &96u32.to_le_bytes()));
    let expected = Malformed::TensorShape { name: "model.layers.0.mlp.gate_proj.weight".into(), expected: vec![96, 64], found: vec![160, 64] };
    assert_eq!(width, expected.into());
    assert_eq!(width.to_string(), "tensor model.layers.0.mlp.gate_proj.weight has shape [160, 64] where the settings say [96, 64]; settings and weights are of different models");
    let heads = refused(patched(LLAMA_F32, &text("llama.attention.head_count_kv"), 4, &3u32.to_le_bytes()));
    assert_eq!(heads, Malformed::Hyperparameters { key: "number of key and value heads" }.into());
    let zero = refused(patched(LLAMA_F32, &text("llama.attention.head_count"), 4, &0u32.to_le_bytes()));
    assert_eq!(zero, Malformed::KeyInvalid { key: "llama.attention.head_count".into() }.into());
    let eps = refused(patched(LLAMA_F32, &text("llama.attention.layer_norm_rms_epsilon"), 4, &f32::NAN.to_le_bytes()));
    assert_eq!(eps, Malformed::KeyInvalid { key: "llama.attention.layer_norm_rms_epsilon".into() }.into());
}

#[test]
fn tokenizers_and_templates_that_are_missing() {
    let none = refused(renamed(LLAMA_F32, "tokenizer.ggml.model", "tokenizer.ggml.xodel"));
    assert_eq!(none.to_string(), "the model carries no tokenizer; add its tokenizer.json to the folder, or convert the GGUF file again with its vocabulary");
    assert_eq!(refused(renamed(LLAMA_F32, "tokenizer.ggml.tokens", "tokenizer.ggml.xokens")), Malformed::TokenizerMissing.into());
    assert_eq!(refused(patched(LLAMA_F32, &text("tokenizer.ggml.model"), 4 + 8, b"bert")), Unsupported::TokenizerKind("bert".into()).into());
    assert_eq!(refused(patched(LLAMA_F32, &text("tokenizer.ggml.pre"), 4 + 8, b"gpt-4-abc")), Unsupported::PreTokenizer("gpt-4-abc".into()).into());
    let silent = open_gguf(source(renamed(LLAMA_F32, "tokenizer.chat_template", "tokenizer.xhat_template"))).unwrap();
    assert!(silent.template().is_none());
    assert_eq!(silent.require_template().err().unwrap().to_string(), "the model's file carries no chat template; use an instruction-tuned model, or ask without a template");
}

fn folder_error(mut files: BTreeMap<String, Source>, edit: impl FnOnce(&mut BTreeMap<String, Source>)) -> Error {
    edit(&mut files);
    open_folder(files).err().unwrap()
}

/// `config.json` with one value replaced.
fn with_setting(files: &mut BTreeMap<String, Source>, key: &str, value: serde_json::Value) {
    let mut config: serde_json::Value = serde_json::from_slice((*files["config.json"]).as_ref()).unwrap();
    config[key] = value;
    files.insert("config.json".to_owned(), source(config.to_string().into_bytes()));
}

/// `model.safetensors` with its header rewritten; the data stays.
fn with_header(files: &mut BTreeMap<String, Source>, edit: impl FnOnce(&mut serde_json::Value)) {
    let bytes = (*files["model.safetensors"]).as_ref().to_vec();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    edit(&mut header);
    let header = header.to_string().into_bytes();
    let file = [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + length..]].concat();
    files.insert("model.safetensors".to_owned(), source(file));
}

#[test]
fn folders_that_lack_a_file() {
    for name in ["config.json", "model.safetensors"] {
        assert_eq!(folder_error(llama(), |f| drop(f.remove(name))), Malformed::FileMissing { name: name.into() }.into());
    }
    assert_eq!(folder_error(llama(), |f| drop(f.remove("tokenizer.json"))), Malformed::TokenizerMissing.into());
    let shard = "model-00002-of-00003.safetensors";
    assert_eq!(folder_error(qwen2_untied(), |f| drop(f.remove(shard))).to_string(), format!("the folder lacks {shard}; fetch it from where the model came from"));
    let mut bare = llama();
    for name in ["chat_template.jinja", "tokenizer_config.json", "generation_config.json"] {
        bare.remove(name);
    }
    assert!(open_folder(bare).unwrap().template().is_none());
}

#[test]
fn folders_with_bad_settings() {
    let setting = |key: &'static str, value: serde_json::Value| folder_error(llama(), |f| with_setting(f, key, value));
    assert_eq!(setting("model_type", "gemma".into()), Unsupported::Architecture("gemma".into()).into());
    assert_eq!(setting("hidden_act", "gelu".into()), Unsupported::Setting { key: "hidden_act".into(), value: "gelu".into() }.into());
    assert_eq!(setting("attention_bias", true.into()), Unsupported::Setting { key: "attention_bias".into(), value: "true".into() }.into());
    let yarn = serde_json::json!({"rope_type": "yarn", "factor": 4.0});
    assert_eq!(setting("rope_parameters", yarn).to_string(), "rope_type = yarn is not supported; use a plain llama or qwen2 model");
    let beside = serde_json::json!({"rope_type": "linear", "factor": 2.0});
    assert_eq!(setting("rope_scaling", beside).to_string(), "rope_scaling = (beside rope_parameters) is not supported; use a plain llama or qwen2 model");
    assert_eq!(setting("hidden_size", "wide".into()), Malformed::KeyInvalid { key: "config.json: hidden_size".into() }.into());
    assert_eq!(setting("hidden_size", u64::MAX.into()), Malformed::KeyInvalid { key: "config.json: hidden_size".into() }.into());
    assert!(matches!(setting("vocab_size", 600.into()), Error::Malformed(Malformed::TensorShape { .. })));
    assert_eq!(setting("vocab_size", 500.into()), Malformed::VocabularyTooLarge { token_count: 512, embedding_rows: 500 }.into());
    let crowded = folder_error(llama(), |f| drop(f.insert("config.json".to_owned(), source(format!("[{}0]", "0,".repeat(1 << 22))))));
    assert_eq!(crowded.to_string(), "4194306 JSON values where at most 4194304 can be; the file is damaged or crafted, fetch it again");
    let broken = folder_error(llama(), |f| drop(f.insert("config.json".to_owned(), source(&b"{\"model_type\": }"[..]))));
    assert_eq!(broken.to_string(), "config.json is not the JSON it should be, at line 1 column 16; fetch it again");
}

#[test]
fn settings_that_are_read_in_spite_of_their_place() {
    let mut files = llama();
    with_setting(&mut files, "rope_parameters", serde_json::json!({ "rope_type": "default" }));
    with_setting(&mut files, "rope_scaling", serde_json::json!({}));
    with_setting(&mut files, "rope_theta", 500_000.0.into());
    with_setting(&mut files, "eos_token_id", u32::MAX.into());
    files.remove("generation_config.json");
    let model = open_folder(files).unwrap();
    assert_eq!(model.config.rope_base, 500_000.0);
    // A token that is not there ends nothing.
    assert!(model.tokenizer.roles().eos.iter().all(|token| token.0 < 512));
}

#[test]
fn folders_with_bad_tensors() {
    let header = |edit: fn(&mut serde_json::Value)| folder_error(llama(), |f| with_header(f, edit));
    let norm = || Box::<str>::from("model.norm.weight");
    let out: Error = Malformed::TensorRange { name: norm() }.into();
    assert_eq!(header(|h| h["model.norm.weight"]["data_offsets"] = serde_json::json!([0, u64::MAX])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["data_offsets"] = serde_json::json!([300_000_000, 300_000_256])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["data_offsets"] = serde_json::json!([256, 0])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["data_offsets"] = h["model.layers.0.input_layernorm.weight"]["data_offsets"].clone()), out);
    assert_eq!(header(|h| h["model.norm.weight"]["shape"] = serde_json::json!([u64::MAX, 4])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["shape"] = serde_json::json!([-1])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["shape"] = serde_json::json!([1u64 << 61, 2])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["shape"] = serde_json::json!([])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["shape"] = serde_json::json!([1, 1, 1, 1, 64])), out);
    assert_eq!(header(|h| h["model.norm.weight"]["data_offsets"] = serde_json::json!([0, 256, 256])), out);
    assert!(matches!(header(|h| h["model.norm.weight"]["shape"] = "64".into()), Error::Malformed(Malformed::Json { .. })));
    let shapeless = header(|h| drop(h["model.norm.weight"].as_object_mut().unwrap().remove("shape")));
    assert_eq!(shapeless, Malformed::KeyMissing { key: "model.safetensors: model.norm.weight shape".into() }.into());
    assert_eq!(header(|h| h["model.norm.weight"]["dtype"] = "I8".into()), Unsupported::ElementType { name: norm(), element: "I8".into() }.into());
    assert_eq!(header(|h| drop(h.as_object_mut().unwrap().remove("model.norm.weight"))), Malformed::TensorMissing { name: norm() }.into());
    let extra = |h: &mut serde_json::Value| h["extra.weight"] = serde_json::json!({ "dtype": "F32", "shape": [0], "data_offsets": [0, 0] });
    assert_eq!(header(extra), Unsupported::Tensor { name: "extra.weight".into() }.into());
    let same = |h: &mut serde_json::Value| h["model.layers.00.input_layernorm.weight"] = serde_json::json!({ "dtype": "F32", "shape": [0], "data_offsets": [0, 0] });
    assert_eq!(header(same), Unsupported::Tensor { name: "model.layers.00.input_layernorm.weight".into() }.into());
    let both = header(|h| {
        h["model.layers.1.input_layernorm.weight"]["data_offsets"] = h["model.layers.0.input_layernorm.weight"]["data_offsets"].clone();
        drop(h.as_object_mut().unwrap().remove("model.norm.weight"));
    });
    assert_eq!(both, Malformed::TensorRange { name: "model.layers.1.input_layernorm.weight".into() }.into());
    let lie = folder_error(llama(), |f| {
        let mut bytes = (*f["model.safetensors"]).as_ref().to_vec();
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        f.insert("model.safetensors".to_owned(), source(bytes));
    });
    assert!(matches!(lie, Error::Malformed(Malformed::TooMany { count: u64::MAX, .. })), "{lie}");
}

/// Numbers from a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn flipped_header_bytes_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let small = OTHERS.iter().find(|(name, _)| *name == "llama-64.q4_0").unwrap().1;
    let mut refusals = 0;
    for file in [small, QWEN2_F32] {
        let header = header_len(file, if file.len() == small.len() { 68_000 } else { 476_000 });
        for _ in 0..1_500 {
            let mut bytes = file.to_vec();
            for _ in 0..=random.below(4) {
                bytes[random.below(header)] = random.below(256) as u8;
            }
            refusals += usize::from(open_gguf(source(bytes)).is_err());
        }
    }
    assert!(refusals > 500, "{refusals}");
}

#[test]
fn flipped_json_bytes_never_panic() {
    let mut random = Random(77);
    for name in ["config.json", "tokenizer.json", "model.safetensors", "tokenizer_config.json", "generation_config.json"] {
        for _ in 0..100 {
            let mut files = llama();
            let mut bytes = (*files[name]).as_ref().to_vec();
            let end = bytes.len().min(3_000);
            for _ in 0..=random.below(3) {
                bytes[random.below(end)] = random.below(256) as u8;
            }
            files.insert(name.to_owned(), source(bytes));
            if let Err(error) = open_folder(files) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
