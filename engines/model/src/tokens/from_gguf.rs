//! The vocabulary that a GGUF header carries under `tokenizer.ggml.*`, brought to the canonical form.

use super::alphabet::text_bytes;
use super::pipeline::{Roles, Tokenizer};
use super::vocabulary::{Entries, Entry, PreTokenizer, Token, TokenKind, Vocabulary};
use crate::error::{Malformed, Part, Result, Unsupported};
use crate::file::gguf::Header;
use crate::limits::{self, limit};

const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";

/// Builds the tokenizer of a GGUF file.
pub(crate) fn from_gguf(header: &Header<'_>) -> Result<Tokenizer> {
    let rules = match header.text("tokenizer.ggml.model")? {
        Some("gpt2") => pre_tokenizer(header)?.defaults(),
        Some(kind) => return Err(Unsupported::TokenizerKind(kind.into()).into()),
        None => return Err(Malformed::TokenizerMissing.into()),
    };
    let Some(tokens) = header.array(TOKENS)? else { return Err(Malformed::TokenizerMissing.into()) };
    let types = header.array(TYPES)?.ok_or_else(|| Malformed::KeyMissing { key: TYPES.into() })?;
    let merges = header.array(MERGES)?.ok_or_else(|| Malformed::KeyMissing { key: MERGES.into() })?;
    limit(Part::Tokens, tokens.count() as usize, limits::TOKEN_COUNT_MAX)?;
    limit(Part::Merges, merges.count() as usize, limits::MERGE_COUNT_MAX)?;
    let texts = tokens.texts(TOKENS)?;
    let types = types.u32s(TYPES)?;
    if types.len() != texts.len() {
        return Err(Malformed::KeyInvalid { key: TYPES.into() }.into());
    }
    let pairs = texts.iter().zip(&types).enumerate();
    let mut bytes = Vec::new();
    let entries = pairs.map(|(index, (text, kind))| entry(index as u32, text, *kind, &mut bytes)).collect::<Result<Vec<_>>>()?;
    let entries = Entries::new(entries)?;
    let merges = merge_pairs(&entries, &merges.texts(MERGES)?)?;
    let roles = roles(header, rules.pre_tokenizer)?;
    Tokenizer::new(Vocabulary::with(entries, merges, rules)?, roles)
}

fn pre_tokenizer(header: &Header<'_>) -> Result<PreTokenizer> {
    match header.text("tokenizer.ggml.pre")? {
        // llama.cpp knows Llama 3's pattern by these three names.
        Some("llama-bpe" | "llama3" | "llama-v3") => Ok(PreTokenizer::LlamaBpe),
        Some("qwen2") => Ok(PreTokenizer::Qwen2),
        Some(other) => Err(Unsupported::PreTokenizer(other.into()).into()),
        None => Err(Unsupported::PreTokenizer("(none named)".into()).into()),
    }
}

/// Token types as ggml numbers them (`enum llama_token_type`). `bytes` is room that all entries use.
fn entry(index: u32, text: &str, kind: u32, bytes: &mut Vec<u8>) -> Result<Entry> {
    let plain = |kind| Entry { bytes: text.as_bytes().into(), kind };
    Ok(match kind {
        1 => {
            text_bytes(text, bytes).ok_or(Malformed::TokenText { index })?;
            Entry { bytes: bytes.as_slice().into(), kind: TokenKind::Normal }
        }
        3 => plain(TokenKind::Control),
        4 => plain(TokenKind::Added),
        5 => plain(TokenKind::Unused),
        _ => return Err(Malformed::KeyInvalid { key: TYPES.into() }.into()),
    })
}

/// Merges are written as two token texts with a space between; no text of the byte-level alphabet holds a space.
fn merge_pairs(entries: &Entries, merges: &[&str]) -> Result<Vec<(Token, Token)>> {
    let mut bytes = Vec::new();
    let mut half = |text: &str| text_bytes(text, &mut bytes).and_then(|()| entries.find(&bytes));
    let pairs = merges.iter().enumerate().map(|(index, merge)| {
        let pair = merge.split_once(' ').and_then(|(left, right)| half(left).zip(half(right)));
        pair.ok_or(Malformed::Merge { index: index as u32 }.into())
    });
    pairs.collect()
}

fn roles(header: &Header<'_>, pre: PreTokenizer) -> Result<Roles> {
    let id = |name: &str| -> Result<Option<Token>> {
        let id = header.unsigned(&format!("tokenizer.ggml.{name}_token_id"))?;
        Ok(id.and_then(|id| u32::try_from(id).ok()).map(Token))
    };
    let eos_written = id("eos")?;
    let eos = [eos_written, id("eot")?, id("eom")?].into_iter().flatten().collect();
    let bos = id("bos")?;
    // As llama.cpp: Llama 3 vocabularies begin texts with the bos token unless the file says otherwise.
    let adds_bos = header.bool("tokenizer.ggml.add_bos_token")?.unwrap_or(pre == PreTokenizer::LlamaBpe) && bos.is_some();
    Ok(Roles { bos, adds_bos, eos, eos_written, pad: id("padding")? })
}
