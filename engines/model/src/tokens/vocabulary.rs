//! A tokenizer in its canonical form: the same whether it came from a `tokenizer.json` or from a GGUF header.

use super::buckets::{Buckets, hash_of_bytes};
use crate::error::{Malformed, Part, Result};
use crate::limits::{self, limit};
use std::collections::BTreeSet;

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
    by_bytes: Buckets<Place>,
    /// What each merge makes.
    made: Vec<Token>,
}

/// Entries that were checked, normal ones found by their bytes.
pub(crate) struct Entries {
    entries: Vec<Entry>,
    by_bytes: Buckets<Place>,
}

/// A normal token in the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    hash: u64,
    token: Token,
}

impl Entries {
    /// Checks entries in id order and puts them in canonical form: unused ones hold no bytes, none are last.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self> {
        for entry in &mut entries {
            if entry.kind == TokenKind::Unused {
                entry.bytes = Box::default();
            }
        }
        while entries.last().is_some_and(|e| e.kind == TokenKind::Unused) {
            entries.pop();
        }
        limit(Part::Tokens, entries.len(), limits::TOKEN_COUNT_MAX)?;
        // The limit keeps the count far below u32.
        let normal = entries.iter().enumerate().filter(|(_, entry)| entry.kind == TokenKind::Normal);
        let places: Vec<Place> = normal.map(|(index, entry)| Place { hash: hash_of_bytes(&entry.bytes), token: Token(index as u32) }).collect();
        let by_bytes = Buckets::new(&places, |place| place.hash, |a, b| (a.hash, bytes_of(&entries, a.token), a.token).cmp(&(b.hash, bytes_of(&entries, b.token), b.token)));
        let checked = Self { entries, by_bytes };
        checked.check()?;
        Ok(checked)
    }

    /// The normal token of these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<Token> {
        find(&self.entries, &self.by_bytes, bytes)
    }

    /// Every entry has bytes of its own, and every single byte is a normal token: no text is beyond encoding.
    fn check(&self) -> Result<()> {
        let mut markup: BTreeSet<&[u8]> = BTreeSet::new();
        let wrong = self.entries.iter().position(|entry| match entry.kind {
            TokenKind::Unused => false,
            TokenKind::Normal => !is_sized(&entry.bytes),
            TokenKind::Control | TokenKind::Added => !is_sized(&entry.bytes) || std::str::from_utf8(&entry.bytes).is_err() || !markup.insert(&entry.bytes),
        });
        let wrong = wrong.map(|index| index as u32);
        let is_same = |a: &Place, b: &Place| a.hash == b.hash && bytes_of(&self.entries, a.token) == bytes_of(&self.entries, b.token);
        let twice = self.by_bytes.neighbours().filter(|(a, b)| is_same(a, b)).map(|(_, b)| b.token.0);
        if let Some(index) = wrong.into_iter().chain(twice).min() {
            return Err(Malformed::TokenText { index }.into());
        }
        match (0..=255u8).find(|&byte| self.find(&[byte]).is_none()) {
            Some(byte) => Err(Malformed::ByteMissing { byte }.into()),
            None => Ok(()),
        }
    }

    /// What a merge makes of these two, all three normal tokens. Vocabularies mostly have it behind what the merge before makes, so that is looked at first.
    fn made(&self, left: Token, right: Token, before: Option<Token>, joined: &mut Vec<u8>) -> Option<Token> {
        let normal = |token: Token| self.entries.get(token.index()).filter(|entry| entry.kind == TokenKind::Normal).map(|entry| &*entry.bytes);
        let (left, right) = (normal(left)?, normal(right)?);
        let next = before.map(|Token(before)| Token(before + 1));
        let is_joined = |bytes: &[u8]| bytes.strip_prefix(left) == Some(right);
        if let Some(next) = next.filter(|next| normal(*next).is_some_and(is_joined)) {
            return Some(next);
        }
        joined.clear();
        joined.extend_from_slice(left);
        joined.extend_from_slice(right);
        self.find(joined)
    }
}

impl Vocabulary {
    /// Entries that were not looked at yet, and merges of them.
    pub fn new(entries: Vec<Entry>, merges: Vec<(Token, Token)>, rules: Rules) -> Result<Self> {
        Self::with(Entries::new(entries)?, merges, rules)
    }

    /// Checks that both halves of every merge and what they make are normal tokens.
    pub(crate) fn with(entries: Entries, merges: Vec<(Token, Token)>, rules: Rules) -> Result<Self> {
        limit(Part::Merges, merges.len(), limits::MERGE_COUNT_MAX)?;
        let (mut made, mut joined) = (Vec::with_capacity(merges.len()), Vec::new());
        for (index, &(left, right)) in merges.iter().enumerate() {
            made.push(entries.made(left, right, made.last().copied(), &mut joined).ok_or(Malformed::Merge { index: index as u32 })?);
        }
        let Entries { entries, by_bytes } = entries;
        Ok(Self { entries, merges, rules, by_bytes, made })
    }

    /// The normal token of these bytes.
    pub fn token(&self, bytes: &[u8]) -> Option<Token> {
        find(&self.entries, &self.by_bytes, bytes)
    }

    /// What each merge makes, in the order of the merges.
    pub(super) fn made(&self) -> &[Token] {
        &self.made
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

fn is_sized(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len() as u64 <= limits::TOKEN_BYTES_MAX
}

fn bytes_of(entries: &[Entry], token: Token) -> &[u8] {
    entries.get(token.index()).map_or(&[], |entry| &entry.bytes)
}

fn find(entries: &[Entry], by_bytes: &Buckets<Place>, bytes: &[u8]) -> Option<Token> {
    let hash = hash_of_bytes(bytes);
    let found = by_bytes.last(hash, |place| (place.hash, bytes_of(entries, place.token)) > (hash, bytes))?;
    (found.hash == hash && bytes_of(entries, found.token) == bytes).then_some(found.token)
}
