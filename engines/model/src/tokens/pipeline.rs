//! The tokenizer: text to tokens, built from the canonical vocabulary whatever file that came from. The `tokenizers` crate normalises and cuts; [`super::merges`] merges.

use super::merges::{Desk, Merges};
use super::stream::TextStream;
use super::vocabulary::{Token, TokenKind, Vocabulary};
use crate::digest::{self, TokenizerDigest};
use crate::error::{Error, Misbehaved, Misuse, Result, Unsupported};
use crate::limits;
use std::collections::{BTreeMap, BTreeSet};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizedString, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, SplitDelimiterBehavior};

/// A model's tokenizer. Text that people write goes through [`Tokenizer::encode_text`], which can make normal tokens only.
pub struct Tokenizer {
    vocabulary: Vocabulary,
    digest: TokenizerDigest,
    split: Split,
    /// Of normal tokens alone: what they make can never be a control token.
    merges: Merges,
    /// Control and added tokens by their first byte, longest first.
    markup: MarkupByFirstByte,
    roles: Roles,
}

type MarkupByFirstByte = BTreeMap<u8, Vec<(Box<str>, Token)>>;

/// Tokens that a model file names for a purpose. They decide when to stop and what a template may write, not the ids of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Begins every text.
    pub bos: Option<Token>,
    /// A prompt without a template starts with `bos`.
    pub adds_bos: bool,
    /// Any of these ends a generation.
    pub eos: BTreeSet<Token>,
    /// What a template sees as `eos_token`.
    pub eos_written: Option<Token>,
    /// What a template sees as `pad_token`.
    pub pad: Option<Token>,
}

/// Control tokens that end a turn or a text wherever they exist, as llama.cpp knows them.
const ENDS: [&str; 6] = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|eom_id|>", "<|end_of_text|>"];

impl Tokenizer {
    /// Builds the pipeline of a vocabulary.
    pub(crate) fn new(vocabulary: Vocabulary, mut roles: Roles) -> Result<Self> {
        let rules = vocabulary.rules;
        let failed = |_| Error::from(Misbehaved::Tokenizer);
        let pattern = SplitPattern::Regex(rules.pre_tokenizer.pattern().to_owned());
        roles.eos.extend(ENDS.iter().filter_map(|text| vocabulary.markup(text)));
        // A file may name tokens for a purpose that it does not have: nothing ever makes them.
        let is_there = |token: &Token| vocabulary.bytes(*token).is_some();
        roles.eos.retain(is_there);
        for role in [&mut roles.bos, &mut roles.eos_written, &mut roles.pad] {
            *role = role.filter(is_there);
        }
        Ok(Self {
            split: Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(failed)?,
            merges: Merges::new(&vocabulary),
            markup: markup_by_first_byte(&vocabulary)?,
            digest: digest::tokenizer(&vocabulary),
            vocabulary,
            roles,
        })
    }

    /// Tokens of a text that somebody wrote: normal tokens only, so `<|im_end|>` typed by a person is ten plain characters.
    pub fn encode_text(&self, text: &str) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        check_length(text)?;
        self.encode_piece(text, &mut tokens)?;
        Ok(tokens)
    }

    /// Tokens of a text that the template wrote: control and added tokens are recognised, the leftmost longest first.
    pub fn encode_markup(&self, text: &str) -> Result<Vec<Token>> {
        self.encode_sealed(text, None)
    }

    /// As [`Self::encode_markup`]; `seal` is a character that stops recognition across it and is dropped.
    pub(crate) fn encode_sealed(&self, text: &str, seal: Option<char>) -> Result<Vec<Token>> {
        check_length(text)?;
        let mut tokens = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = text.as_bytes().get(at) {
            // `at` may stand inside a character, where no token's text can begin.
            let rest = text.get(at..).unwrap_or("");
            let found = self.markup.get(&byte).and_then(|list| list.iter().find(|(written, _)| rest.starts_with(&**written)));
            match found {
                Some((written, token)) => {
                    self.encode_unsealed(text.get(start..at).unwrap_or(""), seal, &mut tokens)?;
                    tokens.push(*token);
                    at += written.len();
                    start = at;
                }
                None => at += 1,
            }
        }
        self.encode_unsealed(text.get(start..).unwrap_or(""), seal, &mut tokens)?;
        Ok(tokens)
    }

    /// The text of tokens for people: control tokens show nothing, bytes that are not UTF-8 show U+FFFD.
    pub fn decode(&self, tokens: &[Token]) -> Result<String> {
        let mut stream = TextStream::new();
        let mut text = String::new();
        for &token in tokens {
            text.push_str(&stream.push(self.shown_bytes(token)?));
        }
        text.push_str(&stream.finish());
        Ok(text)
    }

    /// The bytes that a token adds to a text for people: none for control and unused tokens.
    pub fn shown_bytes(&self, token: Token) -> Result<&[u8]> {
        match self.vocabulary.kind(token) {
            TokenKind::Normal | TokenKind::Added => self.vocabulary.bytes(token).ok_or(Misuse::TokenUnknown(token.0).into()),
            TokenKind::Control | TokenKind::Unused => Ok(&[]),
        }
    }

    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Names the vocabulary, merges and rules: two tokenizers of one digest give every text the same ids.
    pub fn digest(&self) -> TokenizerDigest {
        self.digest
    }

    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    fn encode_unsealed(&self, text: &str, seal: Option<char>, tokens: &mut Vec<Token>) -> Result<()> {
        match seal.filter(|&c| text.contains(c)) {
            Some(seal) => self.encode_piece(&text.replace(seal, ""), tokens),
            None => self.encode_piece(text, tokens),
        }
    }

    /// Normalise, cut, merge.
    fn encode_piece(&self, text: &str, tokens: &mut Vec<Token>) -> Result<()> {
        let failed = |_| Error::from(Misbehaved::Tokenizer);
        if text.is_empty() {
            return Ok(());
        }
        let mut normalised = NormalizedString::from(text);
        if self.vocabulary.rules.nfc {
            normalised.nfc();
        }
        let mut pieces = PreTokenizedString::from(normalised);
        self.split.pre_tokenize(&mut pieces).map_err(failed)?;
        let mut desk = Desk::default();
        for (piece, _, _) in pieces.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            let whole = if self.vocabulary.rules.ignore_merges { self.vocabulary.token(piece.as_bytes()) } else { None };
            match whole {
                Some(token) => tokens.push(token),
                None => self.merges.encode(piece.as_bytes(), &mut desk, tokens),
            }
        }
        Ok(())
    }
}

fn check_length(text: &str) -> Result<()> {
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(Misuse::TextTooLong { bytes: text.len(), max: limits::TEXT_BYTES_MAX }.into());
    }
    let mut count = 0;
    let is_over = |character: char| {
        count = if character.is_whitespace() { count + 1 } else { 0 };
        count > limits::SPACES_MAX
    };
    if text.len() > limits::SPACES_MAX && text.chars().any(is_over) {
        return Err(Misuse::TooMuchSpace { max: limits::SPACES_MAX }.into());
    }
    Ok(())
}

fn markup_by_first_byte(vocabulary: &Vocabulary) -> Result<MarkupByFirstByte> {
    let mut markup = MarkupByFirstByte::new();
    for (token, entry) in vocabulary.iter().filter(|(_, e)| matches!(e.kind, TokenKind::Control | TokenKind::Added)) {
        let text = String::from_utf8_lossy(&entry.bytes);
        // A seal is set behind the first character of a token's text: it must have a second one.
        if text.chars().nth(1).is_none() {
            return Err(Unsupported::AddedToken(text.into()).into());
        }
        if let Some(&first) = entry.bytes.first() {
            markup.entry(first).or_default().push((text.into(), token));
        }
    }
    for list in markup.values_mut() {
        list.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
    }
    Ok(markup)
}
