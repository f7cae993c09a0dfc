//! The tokenizer: text to tokens, built from the canonical vocabulary whatever file that came from. The `tokenizers` crate normalises and finds where to cut; [`super::merges`] merges.

use super::merges::{Desk, Merges};
use super::stream::TextStream;
use super::vocabulary::{Token, TokenKind, Vocabulary};
use crate::digest::{self, TokenizerDigest};
use crate::error::{Error, Misbehaved, Misuse, Result, Unsupported};
use crate::limits;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use tokenizers::NormalizedString;
use tokenizers::utils::SysRegex;

/// A model's tokenizer. Text that people write goes through [`Tokenizer::encode_text`], which can make normal tokens only.
pub struct Tokenizer {
    vocabulary: Vocabulary,
    digest: TokenizerDigest,
    /// Its matches are the pieces that are merged.
    pattern: SysRegex,
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

/// Control and added tokens that end a turn or a text wherever they exist, as llama.cpp knows them.
const ENDS: [&str; 6] = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|eom_id|>", "<|end_of_text|>"];

impl Tokenizer {
    /// Builds the pipeline of a vocabulary.
    pub(crate) fn new(vocabulary: Vocabulary, mut roles: Roles) -> Result<Self> {
        let rules = vocabulary.rules;
        let failed = |_| Error::from(Misbehaved::Tokenizer);
        roles.eos.extend(ENDS.iter().filter_map(|text| vocabulary.markup(text)));
        // A file may name tokens for a purpose that it does not have: nothing ever makes them.
        let is_there = |token: &Token| vocabulary.bytes(*token).is_some();
        roles.eos.retain(is_there);
        for role in [&mut roles.bos, &mut roles.eos_written, &mut roles.pad] {
            *role = role.filter(is_there);
        }
        Ok(Self {
            pattern: SysRegex::new(rules.pre_tokenizer.pattern()).map_err(failed)?,
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
        // No text has more bytes than that.
        Ok(self.decode_within(tokens, usize::MAX)?.unwrap_or_default())
    }

    /// As [`Self::decode`]; `None` if the text has more than `bytes_max` bytes: one token may show thousands, and what would be too long is not made to its end.
    pub fn decode_within(&self, tokens: &[Token], bytes_max: usize) -> Result<Option<String>> {
        let mut stream = TextStream::new();
        let mut text = String::new();
        for &token in tokens {
            text.push_str(&stream.push(self.shown_bytes(token)?));
            if text.len() > bytes_max {
                return Ok(None);
            }
        }
        text.push_str(&stream.finish());
        Ok(Some(text).filter(|text| text.len() <= bytes_max))
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

    /// Normalise, cut, merge: one piece after the other, so that only the text itself is in memory.
    fn encode_piece(&self, text: &str, tokens: &mut Vec<Token>) -> Result<()> {
        check_spaces(text)?;
        let text = if self.vocabulary.rules.nfc { composed(text) } else { Cow::Borrowed(text) };
        let mut desk = Desk::default();
        let mut done = 0;
        for (start, end) in self.pattern.find_iter(&text) {
            // Every character is of a class of the pattern, so a match begins where the last one ended.
            let piece = text.get(start..end).filter(|_| start == done).ok_or(Misbehaved::Tokenizer)?;
            let whole = if self.vocabulary.rules.ignore_merges { self.vocabulary.token(piece.as_bytes()) } else { None };
            match whole {
                Some(token) => tokens.push(token),
                None => self.merges.encode(piece.as_bytes(), &mut desk, tokens),
            }
            done = end;
        }
        // An expression that gives up says nothing and finds no more.
        if done == text.len() { Ok(()) } else { Err(Misbehaved::Tokenizer.into()) }
    }
}

/// Bytes that are normalised at a time, and then on to the next place where a text can be cut.
const COMPOSED_BYTES: usize = 1 << 16;

/// Unicode normalisation form C, a stretch at a time: the crate keeps for every byte where it came from, which takes many times the text.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let place = rest.char_indices().find(|&(at, character)| at >= COMPOSED_BYTES && begins_anew(character));
        let (stretch, behind) = rest.split_at(place.map_or(rest.len(), |(at, _)| at));
        let mut normalised = NormalizedString::from(stretch);
        normalised.nfc();
        out.push_str(normalised.get());
        rest = behind;
    }
    Cow::Owned(out)
}

/// Whether a character surely composes with none before it, so that a text can be cut in front of it: what lies below the first combining mark, kana, ideographs, and whole syllables of Hangul.
/// Most texts of any script have one of these soon.
fn begins_anew(character: char) -> bool {
    matches!(character, '\0'..='\u{2ff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn check_length(text: &str) -> Result<()> {
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(Misuse::TextTooLong { bytes: text.len(), max: limits::TEXT_BYTES_MAX }.into());
    }
    Ok(())
}

/// For a text as it is cut: a seal would stand between white space that is a row without it.
fn check_spaces(text: &str) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::gguf::Header;

    const LLAMA: &[u8] = include_bytes!("../../../../spec/vectors/tokens/llama.gguf");

    /// Also where only what is left at the end is too much: half a character shows as three bytes.
    #[test]
    fn a_text_that_is_too_long_is_not_made_to_its_end() {
        let tokenizer = crate::tokens::from_gguf(&Header::read(LLAMA).unwrap()).unwrap();
        let within = |tokens: &[Token], bytes_max| tokenizer.decode_within(tokens, bytes_max).unwrap();
        let tokens = tokenizer.encode_text("é x 日本").unwrap();
        assert_eq!(within(&tokens, 11).as_deref(), Some("é x 日本"));
        assert_eq!(within(&tokens, usize::MAX), Some(tokenizer.decode(&tokens).unwrap()));
        for bytes_max in [0, 1, 5, 10] {
            assert_eq!(within(&tokens, bytes_max), None, "{bytes_max}");
        }
        assert_eq!(within(&[], 0).as_deref(), Some(""));
        let half = &tokenizer.encode_text("\u{10ffff}").unwrap()[..1];
        assert_eq!((within(half, 2), within(half, 3).as_deref()), (None, Some("\u{fffd}")));
        assert!(tokenizer.decode_within(&[Token(u32::MAX)], 0).is_ok());
    }

    /// In stretches as at once: marks that compose, marks in an order that changes, syllables of Hangul in parts, kana with their signs, around every place where a text may be cut.
    #[test]
    fn stretches_compose_to_the_same_text() {
        let units = ["e\u{301}", "a\u{323}\u{307}\u{302}", "\u{1112}\u{1161}\u{11ab}", "\u{ac00}\u{11a8}", "か\u{3099}", "\u{915}\u{93c}", "日本", "é x", "\u{2126}"];
        for (index, unit) in units.into_iter().enumerate() {
            for shift in 0..4 {
                let text = ["~".repeat(shift), unit.repeat(COMPOSED_BYTES / unit.len() + 7), units[(index + shift) % units.len()].repeat(20_000)].concat();
                let mut whole = NormalizedString::from(text.as_str());
                whole.nfc();
                assert!(composed(&text) == whole.get(), "{unit:?} {shift}");
            }
        }
        assert_eq!(composed("plain"), "plain");
    }
}
