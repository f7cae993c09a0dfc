//! A Hugging Face `tokenizer.json`, brought to the canonical form; what it asks for beyond that form is refused by name.

use super::alphabet::text_bytes;
use super::pipeline::{Roles, Tokenizer};
use super::vocabulary::{Entry, PreTokenizer, Rules, Token, TokenKind, Vocabulary};
use crate::error::{Malformed, Part, Result, Unsupported};
use crate::file::json::{Json, parse};
use crate::limits::{self, limit};
use std::collections::BTreeMap;

const FILE: &str = "tokenizer.json";

/// Tokens by their text, as the files beside `tokenizer.json` name them.
#[derive(Default)]
pub(crate) struct Named<'a> {
    pub bos: Option<&'a str>,
    pub eos: Option<&'a str>,
    pub pad: Option<&'a str>,
    /// Ids that end a generation, from `generation_config.json` and `config.json`.
    pub eos_ids: Vec<Token>,
}

/// Builds the tokenizer of a model folder.
pub(crate) fn from_json(bytes: &[u8], named: &Named<'_>) -> Result<Tokenizer> {
    let root = parse(FILE, bytes, limits::TOKENIZER_BYTES_MAX)?;
    let root = Json::new(FILE, &root);
    let model = root.field("model")?;
    let rules = Rules { pre_tokenizer: pre_tokenizer(&root)?, nfc: nfc(&root)?, ignore_merges: model.bool("ignore_merges")?.unwrap_or(false) };
    check_model(&model)?;
    let vocab = model.field("vocab")?.object()?;
    limit(Part::Tokens, vocab.len(), limits::TOKEN_COUNT_MAX)?;
    let mut by_text = BTreeMap::new();
    for (text, id) in vocab {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| invalid("model.vocab"))?;
        by_text.insert(text.as_str(), Token(id));
    }
    let added = added_tokens(&root)?;
    let entries = entries(&by_text, &added)?;
    let merges = merge_pairs(&model, &by_text)?;
    let vocabulary = Vocabulary::new(entries, merges, rules)?;
    let id = |text: Option<&str>| text.and_then(|text| vocabulary.markup(text));
    let eos_written = id(named.eos);
    let bos = id(named.bos).or_else(|| id(leading_token(&root)));
    let adds_bos = bos.is_some() && id(leading_token(&root)) == bos;
    let eos = named.eos_ids.iter().copied().chain(eos_written).collect();
    let roles = Roles { bos, adds_bos, eos, eos_written, pad: id(named.pad) };
    Tokenizer::new(vocabulary, roles)
}

struct Added<'a> {
    id: Token,
    content: &'a str,
    kind: TokenKind,
}

fn invalid(key: &str) -> Malformed {
    Malformed::KeyInvalid { key: format!("{FILE}: {key}").into() }
}

/// BPE without prefixes, suffixes, unknown tokens or chance.
fn check_model(model: &Json<'_>) -> Result<()> {
    match model.text("type")? {
        // Files before tokenizers 0.9 name no type; they are BPE if they have merges.
        Some("BPE") | None => {}
        Some(kind) => return Err(Unsupported::TokenizerKind(kind.into()).into()),
    }
    if model.bool("byte_fallback")?.unwrap_or(false) {
        return Err(Unsupported::TokenizerKind("BPE with byte fallback".into()).into());
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
        if model.text(key)?.is_some_and(|text| !text.is_empty()) {
            return Err(Unsupported::TokenizerKind(format!("BPE with {key}").into()).into());
        }
    }
    if model.optional("dropout").and_then(|d| d.value().as_f64()).is_some_and(|d| d != 0.0) {
        return Err(Unsupported::TokenizerKind("BPE with dropout".into()).into());
    }
    Ok(())
}

fn nfc(root: &Json<'_>) -> Result<bool> {
    match root.optional("normalizer") {
        None => Ok(false),
        Some(normaliser) => match normaliser.text("type")? {
            Some("NFC") => Ok(true),
            other => Err(Unsupported::Normaliser(other.unwrap_or("(none named)").into()).into()),
        },
    }
}

/// A split by one of the two known patterns, then the byte-level alphabet.
fn pre_tokenizer(root: &Json<'_>) -> Result<PreTokenizer> {
    let unknown = |name: &str| Unsupported::PreTokenizer(name.into());
    let pre = root.optional("pre_tokenizer").ok_or_else(|| unknown("(none)"))?;
    let kind = pre.text("type")?.unwrap_or("(none named)");
    if kind != "Sequence" {
        return Err(unknown(kind).into());
    }
    let mut steps = pre.field("pretokenizers")?.items()?;
    let (Some(split), Some(byte_level), None) = (steps.next(), steps.next(), steps.next()) else { return Err(unknown("a sequence of other steps").into()) };
    if split.text("type")? != Some("Split") || byte_level.text("type")? != Some("ByteLevel") {
        return Err(unknown("a sequence of other steps").into());
    }
    let plain_split = split.text("behavior")? == Some("Isolated") && split.bool("invert")? != Some(true);
    let plain_bytes = byte_level.bool("add_prefix_space")? == Some(false) && byte_level.bool("use_regex")? == Some(false);
    let pattern = split.field("pattern")?.text("Regex")?.unwrap_or("");
    let known = PreTokenizer::ALL.into_iter().find(|pre| pre.pattern() == pattern);
    known.filter(|_| plain_split && plain_bytes).ok_or_else(|| unknown(pattern).into())
}

fn added_tokens<'a>(root: &Json<'a>) -> Result<Vec<Added<'a>>> {
    let Some(list) = root.optional("added_tokens") else { return Ok(Vec::new()) };
    let items = list.items()?;
    limit(Part::Tokens, items.len(), limits::TOKEN_COUNT_MAX)?;
    let read = |item: Json<'a>| {
        let id = item.unsigned("id")?.and_then(|id| u32::try_from(id).ok()).ok_or_else(|| invalid("added_tokens.id"))?;
        let content = item.text("content")?.ok_or_else(|| invalid("added_tokens.content"))?;
        for key in ["lstrip", "rstrip", "single_word"] {
            if item.bool(key)?.unwrap_or(false) {
                return Err(Unsupported::AddedToken(content.into()).into());
            }
        }
        let control = item.bool("special")?.unwrap_or(false) || looks_special(content);
        Ok(Added { id: Token(id), content, kind: if control { TokenKind::Control } else { TokenKind::Added } })
    };
    items.map(read).collect()
}

/// llama.cpp's converter marks tokens of this look as control tokens even where `tokenizer.json` does not; so both sources agree.
fn looks_special(content: &str) -> bool {
    let bracketed = |open: &str, close: &str| content.starts_with(open) && content.ends_with(close);
    matches!(content, "<pad>" | "<mask>" | "<2mass>" | "[@BOS@]") || bracketed("<|", "|>") || bracketed("<｜", "｜>") || bracketed("<unused", ">")
}

/// Entries in id order; an id that nobody names is unused. An added token hides a vocabulary entry of its id.
fn entries(by_text: &BTreeMap<&str, Token>, added: &[Added<'_>]) -> Result<Vec<Entry>> {
    let ids = by_text.values().copied().chain(added.iter().map(|a| a.id));
    let count = ids.map(|id| id.index() + 1).max().unwrap_or(0);
    limit(Part::Tokens, count, limits::TOKEN_COUNT_MAX)?;
    let mut entries = vec![Entry { bytes: Box::default(), kind: TokenKind::Unused }; count];
    let mut taken = vec![false; count];
    for added in added {
        // `count` covers every id.
        taken[added.id.index()] = true;
        entries[added.id.index()] = Entry { bytes: added.content.as_bytes().into(), kind: added.kind };
    }
    let mut bytes = Vec::new();
    for (text, id) in by_text {
        let slot = &mut entries[id.index()];
        if taken[id.index()] {
            if matches!(slot.kind, TokenKind::Control | TokenKind::Added) && *slot.bytes == *text.as_bytes() {
                continue;
            }
            return Err(Malformed::TokenText { index: id.0 }.into());
        }
        taken[id.index()] = true;
        text_bytes(text, &mut bytes).ok_or(Malformed::TokenText { index: id.0 })?;
        *slot = Entry { bytes: bytes.as_slice().into(), kind: TokenKind::Normal };
    }
    Ok(entries)
}

/// Merges are pairs of texts, or in older files one text with a space between.
fn merge_pairs(model: &Json<'_>, by_text: &BTreeMap<&str, Token>) -> Result<Vec<(Token, Token)>> {
    let items = model.field("merges")?.items()?;
    limit(Part::Merges, items.len(), limits::MERGE_COUNT_MAX)?;
    let pair = |item: Json<'_>| -> Option<(Token, Token)> {
        let (left, right) = match item.value() {
            serde_json::Value::String(text) => text.split_once(' ')?,
            serde_json::Value::Array(pair) => match &**pair {
                [left, right] => (left.as_str()?, right.as_str()?),
                _ => return None,
            },
            _ => return None,
        };
        by_text.get(left).copied().zip(by_text.get(right).copied())
    };
    items.enumerate().map(|(index, item)| pair(item).ok_or(Malformed::Merge { index: index as u32 }.into())).collect()
}

/// The token that the post-processor sets before every text, if it sets one.
fn leading_token<'a>(root: &Json<'a>) -> Option<&'a str> {
    let post = root.optional("post_processor")?.value();
    let steps = match post.get("processors").and_then(|p| p.as_array()) {
        Some(steps) => steps.iter().collect(),
        None => vec![post],
    };
    let template = steps.into_iter().find(|step| step.get("type").and_then(|t| t.as_str()) == Some("TemplateProcessing"))?;
    template.get("single")?.get(0)?.get("SpecialToken")?.get("id")?.as_str()
}
