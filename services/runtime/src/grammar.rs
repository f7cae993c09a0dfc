//! Grammars that a caller brings, JSON schemas among them: which tokens may come next is computed by `llguidance`, under the limits of one exact version.
//!
//! A grammar is Lark text in llguidance's dialect (`%json {…}` is a JSON schema). It decides which tokens a generation may choose, so it is a value of the record, beside a fact that names the
//! version: another version may allow other tokens, and does not replay it (spec/record.md "Genesis, intent, outcome, seal").

use crate::error::{Error, Result};
use crate::room::with_room;
use crate::schema::SchemaError;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use mickai_model::constrain::Constraint;
use mickai_model::sample::TokenSet;
use mickai_model::tokens::vocabulary::TokenKind;
use mickai_model::tokens::{Token, Tokenizer};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The name in records of what decides: the library and its version, as pinned in the workspace's manifest.
pub(crate) const CONSTRAINT_GRAMMAR: &str = "llguidance-1.9.1";

/// What the library writes behind a failure of its own.
const TRACE: &str = "<backtrace>";

/// A grammar that a generation is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grammar(String);

/// A grammar that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrammarError {
    /// In the library's words.
    Library(Box<str>),
    /// A schema in it.
    Schema(SchemaError),
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(words) => write!(f, "the answer cannot be held to this: {words}"),
            Self::Schema(error) => write!(f, "{error}"),
        }
    }
}

impl Grammar {
    /// By its Lark text; whether it is one shows when it is compiled for a model.
    pub fn new(lark: String) -> Self {
        Self(lark)
    }

    /// Its text, as it stands in the vault.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// What compiles grammars for one vocabulary.
pub(crate) struct Grammars {
    factory: ParserFactory,
    tokens_end: u32,
    compiling: Mutex<()>,
}

impl Grammars {
    /// Puts the vocabulary in the library's form: normal tokens by their bytes, and one more token behind them all that stands for the end, whichever tokens the model ends with.
    pub fn new(tokenizer: &Tokenizer) -> Result<Self> {
        let vocabulary = tokenizer.vocabulary();
        let mut words: Vec<Vec<u8>> = vocabulary.iter().map(|(_, entry)| if entry.kind == TokenKind::Normal { entry.bytes.to_vec() } else { Vec::new() }).collect();
        // A vocabulary has fewer than 2²⁰ entries.
        let tokens_end = words.len() as u32;
        words.push(b"\xff<end>".to_vec());
        let info = TokRxInfo::new(tokens_end + 1, tokens_end);
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        let mut factory = ParserFactory::new_simple(&environment).map_err(|error| refused(&error))?;
        factory.quiet().limits_mut().verbose_errors = false;
        Ok(Self { factory, tokens_end, compiling: Mutex::new(()) })
    }

    /// Compiles a grammar for one generation.
    ///
    /// # Errors
    /// [`Error::Grammar`] with what is wrong with it, or what the library does not do.
    pub fn hold(&self, grammar: &Grammar, tokenizer: &Tokenizer) -> Result<Held> {
        let compile = || self.factory.create_parser(TopLevelGrammar::from_lark(grammar.0.clone())).map(|parser| Matcher::new(Ok(parser)));
        let matcher = {
            // One at a time, so that many who ask at once need the memory of one.
            let _alone = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
            with_room(compile)?.map_err(|error| refused(&error))?
        };
        let ends = tokenizer.roles().eos.iter().copied().collect();
        Ok(Held { matcher, ends, tokens_end: self.tokens_end })
    }
}

/// A text in the making under a grammar.
pub(crate) struct Held {
    matcher: Matcher,
    ends: Vec<Token>,
    tokens_end: u32,
}

impl Held {
    /// Another text under the same grammar, as far as this one is; nothing that becomes of one reaches the other.
    pub fn copy(&self) -> Self {
        Self { matcher: self.matcher.deep_clone(), ends: self.ends.clone(), tokens_end: self.tokens_end }
    }
}

impl Constraint for Held {
    fn allow(&mut self, allowed: &mut TokenSet) {
        allowed.clear();
        // A grammar that fails on the way allows nothing, and the generation fails with it.
        let mask = self.matcher.compute_mask_or_eos().unwrap_or_else(|_| SimpleVob::new());
        mask.iter_set_entries(|index| {
            // Indexes are those of the vocabulary, below 2²⁰.
            let token = Token(index as u32);
            if token.0 < self.tokens_end {
                allowed.insert(token);
            } else if token.0 == self.tokens_end {
                self.ends.iter().for_each(|&end| allowed.insert(end));
            }
        });
    }

    fn may_end(&self) -> bool {
        // Asked of a copy, because the library's question changes its caches.
        self.matcher.clone().is_accepting().unwrap_or(false)
    }

    fn advance(&mut self, token: Token) -> mickai_model::error::Result<()> {
        // What was allowed is accepted; a library that thinks otherwise allows nothing from here on.
        let _ = self.matcher.consume_token(token.0);
        Ok(())
    }
}

fn refused(error: &impl fmt::Display) -> Error {
    let words = error.to_string();
    // What the library did not foresee it tells with a trace of its own code, which is nothing to a caller.
    let words = if words.contains(TRACE) { "the library fails on it" } else { words.as_str() };
    Error::Grammar(GrammarError::Library(words.into()))
}

#[cfg(test)]
mod tests;
