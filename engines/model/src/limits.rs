//! Every limit of this crate, each refused at the door before anything is allocated for it.

use crate::error::{Malformed, Part, Result};

/// Key-value pairs in a GGUF header; published models have under 100.
pub const GGUF_METADATA_COUNT_MAX: u64 = 65_536;
/// Bytes of a GGUF metadata key, by the GGUF specification.
pub const GGUF_KEY_BYTES_MAX: u64 = 65_535;
/// Bytes of one metadata string (a chat template is the longest) and of `chat_template.jinja`.
pub const TEMPLATE_BYTES_MAX: u64 = 1 << 20;
/// Elements of one metadata array (merges are the longest).
pub const GGUF_ARRAY_COUNT_MAX: u64 = 1 << 22;
/// Bytes of a tensor name; ggml itself stops at 64.
pub const TENSOR_NAME_BYTES_MAX: u64 = 256;
/// Tensors of a model.
pub const TENSOR_COUNT_MAX: u64 = 65_536;
/// Dimensions of a tensor, by ggml.
pub const TENSOR_DIMENSIONS_MAX: u64 = 4;
/// Elements of one tensor.
pub const TENSOR_ELEMENTS_MAX: u64 = 1 << 40;
/// Bytes of a safetensors header, by its reference implementation.
pub const SAFETENSORS_HEADER_BYTES_MAX: u64 = 100_000_000;
/// Bytes of `tokenizer.json`; the largest published ones are near 30 MB.
pub const TOKENIZER_BYTES_MAX: u64 = 128 << 20;
/// Bytes of any other JSON file of a model folder.
pub const JSON_BYTES_MAX: u64 = 16 << 20;
/// Values in either: Llama 3's `tokenizer.json`, whose 280,000 merges are arrays of two, has a million. In a tree one takes some hundred bytes at most, beside its text.
/// A merge in that form is three values, so that a file holds fewer of those than `MERGE_COUNT_MAX`: 1.4 million at most.
pub const JSON_VALUES_MAX: u64 = 1 << 22;
/// Safetensors files of one model.
pub const SHARD_COUNT_MAX: u64 = 1_024;
/// Layers of a model; the deepest published ones have under 130.
pub const LAYER_COUNT_MAX: u64 = 4_096;
/// Any single width or count among the hyperparameters.
pub const WIDTH_MAX: u64 = 1 << 24;
/// Bytes of the intermediate values of a batch of tokens; Llama 3.1 405B needs 274 million.
pub const SCRATCH_BYTES_MAX: u64 = 1 << 30;
/// Bytes of one page of keys and values, 256 positions in all layers; Llama 3.1 405B needs 264 million, and Llama 65B, whose heads share none, 1.3 billion.
pub const PAGE_BYTES_MAX: u64 = 4 << 30;
/// Rank of an adapter; published ones have 4 to 256.
pub const ADAPTER_RANK_MAX: u64 = 4_096;
/// Entries of a vocabulary.
pub const TOKEN_COUNT_MAX: u64 = 1 << 20;
/// Bytes of one token.
pub const TOKEN_BYTES_MAX: u64 = 4_096;
/// Bytes of the text of a control or added token; published ones have under 64. A place of a text is compared with such tokens at most once for each of these bytes, however many there are:
/// models of speech have tens of thousands.
pub const MARKUP_BYTES_MAX: u64 = 128;
/// Merges of a tokenizer.
pub const MERGE_COUNT_MAX: u64 = 1 << 22;
/// Bytes of one text to encode, and of a rendered conversation.
pub const TEXT_BYTES_MAX: usize = 16 << 20;
/// White space in a row, characters. The expression that cuts text remembers a place for each, at most a million; beyond that it cuts no more.
pub const SPACES_MAX: usize = 500_000;
/// Steps of a chat template: an instruction is one, and so are 64 bytes that an instruction makes. A loop in a crafted template ends here.
///
/// Llama 3.2's template takes some 45 steps for a message and makes its text five times (trimmed, which is read and made, joined twice, written), Qwen 2.5's some 40 and four times.
/// So 2,000 messages of 300 bytes, which fill a context of 128 Ki tokens, take 2,000 · 45 + 5 · 600,000 / 64, below 140,000; of 2,500 bytes, a million tokens, 481,000.
pub const TEMPLATE_FUEL: u64 = 600_000;
/// Bytes of the stack that a chat template runs on; only those that are used become memory. A list in a list takes a step and a half at least, and the engine drops, writes and compares values
/// one call for each level: the steps buy 400,000 levels, which leaves 2,684 bytes to each.
pub const TEMPLATE_STACK_BYTES: usize = 1 << 30;

/// Refuses a count beyond its limit.
pub(crate) fn limit(what: Part, count: usize, max: u64) -> Result<()> {
    if count as u64 > max { Err(Malformed::TooMany { what, count: count as u64, max }.into()) } else { Ok(()) }
}
