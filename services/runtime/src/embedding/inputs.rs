//! What vectors are made of: texts, or tokens as they are.

use crate::error::{Error, Result};
use crate::models::Loaded;
use mickai_model::error::Misuse;
use mickai_model::tokens::{Prompt, Token};
use mickai_proof::cbor::{Major, Reader, write_head, write_text};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A text, which goes through no template.
    Text(String),
    /// Tokens.
    Tokens(Vec<Token>),
}

impl Input {
    /// Its tokens: a text's are plain, behind the beginning-of-text token if the tokenizer asks for one (spec/tokens.md).
    ///
    /// # Errors
    /// No tokens; tokens that the model does not have; a text that is too long to look at.
    pub(crate) fn tokens(&self, model: &Loaded) -> Result<Vec<Token>> {
        let tokens = match self {
            Self::Text(text) => Prompt::plain(text, &model.file.tokenizer)?.tokens,
            Self::Tokens(tokens) => tokens.clone(),
        };
        let rows = model.file.config.vocab_count;
        match tokens.iter().find(|token| token.index() >= rows) {
            Some(token) => Err(Error::Model(Misuse::TokenUnknown(token.0).into())),
            None if tokens.is_empty() => Err(Error::Model(Misuse::PromptEmpty.into())),
            None => Ok(tokens),
        }
    }

    /// As deterministic CBOR: `[+ (tstr / [+ uint])]`.
    pub(crate) fn value(inputs: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        write_head(&mut out, Major::Array, inputs.len() as u64);
        for input in inputs {
            match input {
                Self::Text(text) => write_text(&mut out, text),
                Self::Tokens(tokens) => write_tokens(&mut out, tokens),
            }
        }
        out
    }

    /// What such a value says.
    pub(crate) fn of(value: &[u8]) -> Option<Vec<Self>> {
        let mut reader = Reader::new(value);
        let count = reader.array().ok()?;
        let input = |reader: &mut Reader<'_>| match reader.peek().ok()? {
            Major::Text => reader.text().ok().map(|text| Self::Text(text.to_owned())),
            _ => read_tokens(reader).map(Self::Tokens),
        };
        let inputs = (0..count).map(|_| input(&mut reader)).collect::<Option<_>>()?;
        reader.is_done().then_some(inputs)
    }
}

/// Tokens of several inputs as deterministic CBOR: `[+ [+ uint]]`.
pub(super) fn tokens_value(inputs: &[Vec<Token>]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Major::Array, inputs.len() as u64);
    inputs.iter().for_each(|tokens| write_tokens(&mut out, tokens));
    out
}

/// The tokens of such a value.
pub(super) fn tokens_of(value: &[u8]) -> Option<Vec<Vec<Token>>> {
    let mut reader = Reader::new(value);
    let count = reader.array().ok()?;
    let tokens = (0..count).map(|_| read_tokens(&mut reader)).collect::<Option<_>>()?;
    reader.is_done().then_some(tokens)
}

fn write_tokens(out: &mut Vec<u8>, tokens: &[Token]) {
    write_head(out, Major::Array, tokens.len() as u64);
    tokens.iter().for_each(|token| write_head(out, Major::Uint, u64::from(token.0)));
}

fn read_tokens(reader: &mut Reader<'_>) -> Option<Vec<Token>> {
    let count = reader.array().ok()?;
    (0..count).map(|_| u32::try_from(reader.uint().ok()?).ok().map(Token)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        let inputs = [Input::Text("a".to_owned()), Input::Tokens(vec![Token(0), Token(70_000)]), Input::Text("é".repeat(300))];
        let value = Input::value(&inputs);
        assert_eq!(Input::of(&value).unwrap(), inputs);
        let tokens = [vec![Token(3)], vec![Token(24); 30]];
        assert_eq!(tokens_of(&tokens_value(&tokens)).unwrap(), tokens);
        for end in 0..value.len() {
            assert_eq!(Input::of(&value[..end]), None, "{end}");
        }
        assert_eq!(Input::of(&[value.as_slice(), b"\0"].concat()), None);
        // A count that nothing stands behind costs nothing.
        assert_eq!(tokens_of(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
