//! The tokenizer: text to tokens, built from the canonical vocabulary whatever file that came from. The crate that `tokenizers` normalises with composes characters, `tokenizers` finds where to cut, [`super::merges`] merges.

use super::merges::{Desk, Merges};
use super::stream::TextStream;
use super::vocabulary::{Token, TokenKind, Vocabulary};
use crate::digest::{self, TokenizerDigest};
use crate::error::{Error, Misbehaved, Misuse, Part, Result, Unsupported};
use crate::limits::{self, limit};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use tokenizers::utils::SysRegex;
use unicode_normalization_alignments::UnicodeNormalization;

/// A model's tokenizer. Text that people write goes through [`Tokenizer::encode_text`], which can make normal tokens only.
pub struct Tokenizer {
    vocabulary: Vocabulary,
    digest: TokenizerDigest,
    /// Its matches are the pieces that are merged.
    pattern: SysRegex,
    /// Of normal tokens alone: what they make can never be a control token.
    merges: Merges,
    /// Control and added tokens by the first character of their text, and then by their text.
    markup: MarkupByFirst,
    roles: Roles,
}

type MarkupByFirst = BTreeMap<char, BTreeMap<Box<str>, Token>>;

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
            markup: markup_by_first(&vocabulary)?,
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
        while let Some((rest, first)) = text.get(at..).and_then(|rest| Some((rest, rest.chars().next()?))) {
            match self.markup_at(rest, first) {
                Some((written, token)) => {
                    self.encode_unsealed(text.get(start..at).unwrap_or(""), seal, &mut tokens)?;
                    tokens.push(token);
                    at += written.len();
                    start = at;
                }
                None => at += first.len_utf8(),
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

    /// Whether the text of a control or added token begins with this character, or with what it becomes in lower or upper case.
    pub(crate) fn begins_markup(&self, character: char) -> bool {
        let cases = character.to_lowercase().chain(character.to_uppercase());
        std::iter::once(character).chain(cases).any(|character| self.markup.contains_key(&character))
    }

    /// The control or added token that stands at the beginning of `rest`, whose first character is `first`; of several the longest. A million of them may begin alike.
    fn markup_at(&self, rest: &str, first: char) -> Option<(&str, Token)> {
        let texts = self.markup.get(&first)?;
        let mut beginning = rest;
        loop {
            // What is looked for sorts no later than the last text before `beginning`, which therefore begins with it too: it lies within what the two have in common.
            let (written, token) = texts.range::<str, _>((Bound::Unbounded, Bound::Included(beginning))).next_back()?;
            if beginning.starts_with(&**written) {
                return Some((&**written, *token));
            }
            let common = beginning.chars().zip(written.chars()).take_while(|(a, b)| a == b);
            beginning = beginning.get(..common.map(|(character, _)| character.len_utf8()).sum::<usize>())?;
        }
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

/// Unicode normalisation form C. What waits in memory is one character and the combining marks behind it, which are put in order: a text of nothing but marks, in some thirty times its bytes.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    out.extend(text.nfc().map(|(character, _)| character));
    Cow::Owned(out)
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

fn markup_by_first(vocabulary: &Vocabulary) -> Result<MarkupByFirst> {
    let mut markup = MarkupByFirst::new();
    for (token, entry) in vocabulary.iter().filter(|(_, e)| matches!(e.kind, TokenKind::Control | TokenKind::Added)) {
        limit(Part::MarkupBytes, entry.bytes.len(), limits::MARKUP_BYTES_MAX)?;
        let text = String::from_utf8_lossy(&entry.bytes);
        let mut characters = text.chars();
        // A seal is set behind the first character of a token's text: it must have a second one.
        let (Some(first), Some(_)) = (characters.next(), characters.next()) else { return Err(Unsupported::AddedToken(text.into()).into()) };
        markup.entry(first).or_default().insert(text.into(), token);
    }
    Ok(markup)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::gguf::Header;
    use tokenizers::NormalizedString;

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

    /// Marks that compose, marks in an order that changes and more of them than anyone writes, syllables of Hangul in parts, kana with their signs.
    #[test]
    fn texts_are_composed_as_by_hugging_face() {
        let units =
            ["e\u{301}", "a\u{323}\u{307}\u{302}", "\u{1112}\u{1161}\u{11ab}", "\u{ac00}\u{11a8}", "か\u{3099}", "\u{915}\u{93c}", "日本", "é x", "\u{2126}", "\u{301}\u{323}"];
        for (index, unit) in units.into_iter().enumerate() {
            for shift in 0..4 {
                let text = ["~".repeat(shift), unit.repeat(1_000), units[(index + shift) % units.len()].repeat(1_000)].concat();
                let mut theirs = NormalizedString::from(text.as_str());
                theirs.nfc();
                assert!(composed(&text) == theirs.get(), "{unit:?} {shift}");
            }
        }
        assert_eq!(composed("plain"), "plain");
    }
}
