//! A tokenizer in its canonical form: the same whether it came from a `tokenizer.json` or from a GGUF header.

use crate::error::{Malformed, Part, Result};
use crate::limits;
use std::collections::BTreeMap;

/// One index of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u32);

impl Token {
    /// The index as a position in tables of one row per token.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a vocabulary entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Made by BPE from text.
    Normal,
    /// Made by the template only; says something to the model and shows nothing to people (`<|im_end|>`).
    Control,
    /// Made by the template only, and shown (`<tool_call>`).
    Added,
    /// A row of the embedding table without a meaning.
    Unused,
}

/// Where text is cut before BPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreTokenizer {
    /// Llama 3: figures in runs of up to three; whole words found in the vocabulary are taken without merging.
    LlamaBpe,
    /// Qwen 2: figures one by one.
    Qwen2,
}

impl PreTokenizer {
    pub const ALL: [Self; 2] = [Self::LlamaBpe, Self::Qwen2];

    /// The name in `tokenizer.ggml.pre`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlamaBpe => "llama-bpe",
            Self::Qwen2 => "qwen2",
        }
    }

    /// The pattern whose matches are the pieces that BPE works on.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::LlamaBpe => r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            Self::Qwen2 => r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        }
    }

    /// What llama.cpp does for a GGUF vocabulary of this name when nothing else is said.
    pub(crate) const fn defaults(self) -> Rules {
        match self {
            Self::LlamaBpe => Rules { pre_tokenizer: Self::LlamaBpe, nfc: false, ignore_merges: true },
            Self::Qwen2 => Rules { pre_tokenizer: Self::Qwen2, nfc: true, ignore_merges: false },
        }
    }
}

/// How text becomes pieces and pieces become tokens, apart from the vocabulary itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub pre_tokenizer: PreTokenizer,
    /// Text is brought to Unicode normalisation form C first.
    pub nfc: bool,
    /// A piece that is itself a token is taken whole, without merging.
    pub ignore_merges: bool,
}

/// One vocabulary entry: its bytes (of its text, for control and added tokens) and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub bytes: Box<[u8]>,
    pub kind: TokenKind,
}

/// Tokens in id order, merges in rank order, rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    pub entries: Vec<Entry>,
    /// Pairs of tokens that BPE joins, most urgent first.
    pub merges: Vec<(Token, Token)>,
    pub rules: Rules,
}

impl Vocabulary {
    /// Checks that the parts fit together and puts them in canonical form: unused entries hold no bytes, none are last.
    pub fn new(mut entries: Vec<Entry>, merges: Vec<(Token, Token)>, rules: Rules) -> Result<Self> {
        for entry in &mut entries {
            if entry.kind == TokenKind::Unused {
                entry.bytes = Box::default();
            }
        }
        while entries.last().is_some_and(|e| e.kind == TokenKind::Unused) {
            entries.pop();
        }
        limit(Part::Tokens, entries.len(), limits::TOKEN_COUNT_MAX)?;
        limit(Part::Merges, merges.len(), limits::MERGE_COUNT_MAX)?;
        check_entries(&entries)?;
        check_merges(&entries, &merges)?;
        Ok(Self { entries, merges, rules })
    }

    /// The bytes of a token; `None` for a token that the vocabulary lacks.
    pub fn bytes(&self, token: Token) -> Option<&[u8]> {
        self.entries.get(token.index()).map(|e| &*e.bytes)
    }

    /// What a token is for; entries past the end are unused.
    pub fn kind(&self, token: Token) -> TokenKind {
        self.entries.get(token.index()).map_or(TokenKind::Unused, |e| e.kind)
    }

    /// Tokens with their entries, in id order.
    pub fn iter(&self) -> impl Iterator<Item = (Token, &Entry)> {
        // The constructor bounds the count far below u32.
        self.entries.iter().enumerate().map(|(index, entry)| (Token(index as u32), entry))
    }

    /// The control or added token written as `text`.
    pub fn markup(&self, text: &str) -> Option<Token> {
        self.iter().find(|(_, e)| matches!(e.kind, TokenKind::Control | TokenKind::Added) && *e.bytes == *text.as_bytes()).map(|(token, _)| token)
    }
}

/// Refuses a count beyond its limit.
pub(crate) fn limit(what: Part, count: usize, max: u64) -> Result<()> {
    if count as u64 > max { Err(Malformed::TooMany { what, count: count as u64, max }.into()) } else { Ok(()) }
}

/// Every entry has bytes of its own, and every single byte is a normal token: no text is beyond encoding.
fn check_entries(entries: &[Entry]) -> Result<()> {
    let mut seen: BTreeMap<(bool, &[u8]), usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.kind == TokenKind::Unused {
            continue;
        }
        let normal = entry.kind == TokenKind::Normal;
        let sized = !entry.bytes.is_empty() && entry.bytes.len() as u64 <= limits::TOKEN_BYTES_MAX;
        if !sized || seen.insert((normal, &entry.bytes), index).is_some() {
            return Err(Malformed::TokenText { index: index as u32 }.into());
        }
        if !normal && std::str::from_utf8(&entry.bytes).is_err() {
            return Err(Malformed::TokenText { index: index as u32 }.into());
        }
    }
    match (0..=255u8).find(|&byte| !seen.contains_key(&(true, &[byte][..]))) {
        Some(byte) => Err(Malformed::ByteMissing { byte }.into()),
        None => Ok(()),
    }
}

/// Both halves of every merge and what they make are normal tokens.
fn check_merges(entries: &[Entry], merges: &[(Token, Token)]) -> Result<()> {
    let normal: BTreeMap<&[u8], ()> = entries.iter().filter(|e| e.kind == TokenKind::Normal).map(|e| (&*e.bytes, ())).collect();
    let bytes = |token: Token| entries.get(token.index()).filter(|e| e.kind == TokenKind::Normal).map(|e| &*e.bytes);
    let mut joined = Vec::new();
    for (index, &(left, right)) in merges.iter().enumerate() {
        let fault = Malformed::Merge { index: index as u32 };
        let (Some(left), Some(right)) = (bytes(left), bytes(right)) else {
            return Err(fault.into());
        };
        joined.clear();
        joined.extend_from_slice(left);
        joined.extend_from_slice(right);
        if !normal.contains_key(&*joined) {
            return Err(fault.into());
        }
    }
    Ok(())
}
