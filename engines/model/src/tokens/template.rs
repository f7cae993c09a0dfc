//! A chat template: the model file's own Jinja program that writes a conversation as one text, and the seal that keeps messages text.
//!
//! Trust: a template is part of the model. One that was changed can put words in the operator's mouth, which is why its digest
//! stands in every record; it cannot read anything but the conversation and the date, nor run for ever.
//!
//! A person may type `<|im_end|>`. Before rendering, every message is *sealed*: a character that occurs in no message
//! (the first free one of U+FDD0 to U+FDEF, which Unicode sets aside) goes behind every character that the text of a control or added
//! token begins with, in either case, and around the message's first and last printed characters. The template copies the seals
//! along, also where it leaves out what stands between two of them or writes another case; recognition of control tokens stops at a seal, and the seals are dropped before BPE. So the tokens are
//! those of the same text with exactly the template's own control tokens in it, and no message, alone or together with the template's words around it,
//! can make another, unless the template makes such a character of another, as `<` of `&lt;`, or turns a message around. A template that looks in a message for what begins like such a token, as some do for `</think>`, would not find it: so the conversation is written without seals too, and
//! refused where that is another text.

use super::chat::{Date, Message, Prompt};
use super::jinja;
use super::pipeline::Tokenizer;
use super::vocabulary::Token;
use crate::digest::{self, TemplateDigest};
use crate::error::{Misbehaved, Misuse, Result};
use crate::limits;

/// A chat template as the model file carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTemplate {
    source: Box<str>,
}

impl ChatTemplate {
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.into() }
    }

    /// The Jinja program.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// SHA3-256 of the program's UTF-8 bytes.
    pub fn digest(&self) -> TemplateDigest {
        digest::template(&self.source)
    }

    /// Writes the conversation, with the beginning of an assistant's turn behind it, and encodes it.
    ///
    /// No beginning-of-text token is added beside the one that the template writes. Errors: [`Misbehaved`] when the template fails,
    /// refuses, writes too much, or writes another text because of the seals; [`Misuse`] when a message is too long.
    pub fn render(&self, messages: &[Message], date: Date, tokenizer: &Tokenizer) -> Result<Prompt> {
        let bytes = messages.iter().map(|m| m.content.len()).sum::<usize>();
        if bytes > limits::TEXT_BYTES_MAX {
            return Err(Misuse::TextTooLong { bytes, max: limits::TEXT_BYTES_MAX }.into());
        }
        let seal = free_character(messages, &self.source).ok_or(Misuse::TextUnsealable)?;
        let sealed = messages.iter().map(|m| Message { role: m.role, content: sealed(&m.content, tokenizer, seal) });
        let written = |token: Option<Token>| token.and_then(|t| tokenizer.vocabulary().bytes(t)).map(|b| String::from_utf8_lossy(b).into_owned());
        let roles = tokenizer.roles();
        let globals = jinja::Globals { date, bos: written(roles.bos), eos: written(roles.eos_written), pad: written(roles.pad) };
        let [text, unsealed] = jinja::render(&self.source, globals, [sealed.collect(), messages.to_vec()])?;
        if text.len() > limits::TEXT_BYTES_MAX {
            return Err(Misbehaved::TemplateTooLong { bytes: text.len(), max: limits::TEXT_BYTES_MAX }.into());
        }
        let shown = text.replace(seal, "");
        if unsealed != shown {
            return Err(Misbehaved::TemplateLooks.into());
        }
        Ok(Prompt { tokens: tokenizer.encode_sealed(&text, Some(seal))?, text: shown })
    }
}

impl Prompt {
    /// A prompt without a template: the text as it is, behind the beginning-of-text token where the tokenizer asks for one.
    pub fn plain(text: &str, tokenizer: &Tokenizer) -> Result<Self> {
        let roles = tokenizer.roles();
        let mut tokens: Vec<Token> = roles.bos.filter(|_| roles.adds_bos).into_iter().collect();
        tokens.extend(tokenizer.encode_text(text)?);
        Ok(Self { text: text.to_owned(), tokens })
    }
}

/// The first noncharacter that neither a message nor the template holds.
fn free_character(messages: &[Message], template: &str) -> Option<char> {
    ('\u{fdd0}'..='\u{fdef}').find(|&c| !template.contains(c) && messages.iter().all(|m| !m.content.contains(c)))
}

/// The message with seals in it; white space at its ends stays outside, so that a template's `trim` works as ever.
fn sealed(content: &str, tokenizer: &Tokenizer, seal: char) -> String {
    let start = content.len() - content.trim_start().len();
    let end = content.trim_end().len().max(start);
    let mut out = String::with_capacity(content.len() + 8);
    let mut inside = false;
    for (at, character) in content.char_indices() {
        if at == start && start < end {
            out.push(seal);
            inside = true;
        }
        if at == end && inside {
            out.push(seal);
            inside = false;
        }
        out.push(character);
        if tokenizer.begins_markup(character) {
            out.push(seal);
        }
    }
    if inside {
        out.push(seal);
    }
    out
}
