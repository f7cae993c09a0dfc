//! Prompt to generation: feed, choose, show, until something ends it.

use crate::constrain::Constraint;
use crate::error::{Misuse, Result};
use crate::forward::Session;
use crate::sample::{Sampler, SamplerConfig, Seed, TokenSet};
use crate::tokens::{TextStream, Token, Tokenizer};

/// Prompt tokens between two looks at whether the caller wants to stop.
const PROMPT_PIECE: usize = 256;

/// A session that remembers its tokens, so that a prompt which begins as the last one did costs only what is new.
pub struct Context {
    session: Session,
    tokens: Vec<Token>,
}

/// What is asked of a generation, beside the prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub sampler: SamplerConfig,
    pub seed: Seed,
    /// At most this many tokens come out.
    pub output_tokens_max: usize,
    /// Any of these texts ends the generation and is not part of its text; empty ones are ignored.
    pub stop_texts: Vec<String>,
}

/// The output of one inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    pub prompt_tokens: Vec<Token>,
    /// Without the end token; with the tokens of a stop text.
    pub output_tokens: Vec<Token>,
    pub text: String,
    pub stop_reason: StopReason,
}

/// What ended a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model chose an end token.
    EndToken(Token),
    /// `output_tokens_max` came out.
    TokenLimit,
    /// The context holds no more.
    ContextFull,
    /// A stop text appeared: its index in the request.
    StopText(usize),
    /// The constraint was met and allows nothing more.
    Complete,
    /// The caller wanted no more.
    Interrupted,
}

/// What the caller hears while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// So many of the prompt's tokens are in the context.
    Prompt { done: usize, total: usize },
    /// A token came out; `text` is what can be shown now: often nothing, sometimes of several tokens. `logits` are those that it was chosen from.
    Token { token: Token, text: &'a str, logits: &'a [f32] },
    /// Text that was held back until it was clear that no stop text begins there.
    Rest { text: &'a str },
}

/// What the caller answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    Stop,
}

impl Context {
    /// Around an empty session.
    pub fn new(mut session: Session) -> Self {
        session.truncate(0);
        Self { session, tokens: Vec::new() }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Brings the context to exactly `prompt`. `false` if the caller stopped it.
    fn load(&mut self, prompt: &[Token], each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<bool> {
        let common = self.tokens.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        // The last token is fed always: its logits are needed.
        let kept = common.min(prompt.len().saturating_sub(1));
        self.session.truncate(kept);
        self.tokens.truncate(kept);
        let total = prompt.len();
        for piece in prompt.get(kept..).unwrap_or(&[]).chunks(PROMPT_PIECE) {
            self.feed(piece)?;
            if each(Progress::Prompt { done: self.tokens.len(), total }) == Flow::Stop {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn feed(&mut self, tokens: &[Token]) -> Result<()> {
        self.session.feed(tokens)?;
        self.tokens.extend_from_slice(tokens);
        Ok(())
    }
}

/// Runs one generation.
///
/// Errors: an empty prompt, a prompt that leaves no room for one token (both numbers inside), a sampler parameter out of range, a model that
/// misbehaves. What the context holds stays usable after any of them.
pub fn generate(
    context: &mut Context,
    tokenizer: &Tokenizer,
    prompt: &[Token],
    request: &Request,
    constraint: Option<&mut dyn Constraint>,
    each: &mut dyn FnMut(Progress<'_>) -> Flow,
) -> Result<Generation> {
    if prompt.is_empty() {
        return Err(Misuse::PromptEmpty.into());
    }
    let context_tokens_max = context.session.context_tokens();
    if prompt.len() >= context_tokens_max {
        return Err(Misuse::PromptTooLong { prompt_tokens: prompt.len(), context_tokens_max }.into());
    }
    let sampler = Sampler::new(request.sampler, request.seed)?;
    let mut seen = TokenSet::new();
    prompt.iter().for_each(|&token| seen.insert(token));
    let mut run = Run { context, tokenizer, request, constraint, sampler, seen, allowed: TokenSet::new(), output: Vec::new(), writer: Writer::default() };
    let stop_reason = run.run(prompt, each)?;
    let rest = run.writer.finish();
    if !rest.is_empty() {
        // The generation is over: the answer changes nothing.
        let _ = each(Progress::Rest { text: &rest });
    }
    Ok(Generation { prompt_tokens: prompt.to_vec(), output_tokens: run.output, text: run.writer.text, stop_reason })
}

struct Run<'a, 'c> {
    context: &'a mut Context,
    tokenizer: &'a Tokenizer,
    request: &'a Request,
    constraint: Option<&'c mut dyn Constraint>,
    sampler: Sampler,
    seen: TokenSet,
    allowed: TokenSet,
    output: Vec<Token>,
    writer: Writer,
}

impl Run<'_, '_> {
    fn run(&mut self, prompt: &[Token], each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<StopReason> {
        if !self.context.load(prompt, each)? {
            return Ok(StopReason::Interrupted);
        }
        let room = self.context.session.context_tokens() - prompt.len();
        loop {
            if self.output.len() >= self.request.output_tokens_max {
                return Ok(StopReason::TokenLimit);
            }
            if self.output.len() >= room {
                return Ok(StopReason::ContextFull);
            }
            if let Some(&last) = self.output.last() {
                self.context.feed(&[last])?;
            }
            let Some(token) = self.choose()? else { return Ok(StopReason::Complete) };
            if self.tokenizer.roles().eos.contains(&token) {
                return Ok(StopReason::EndToken(token));
            }
            self.output.push(token);
            self.seen.insert(token);
            let text = self.writer.push(self.tokenizer.shown_bytes(token)?, &self.request.stop_texts);
            let flow = each(Progress::Token { token, text: &text, logits: self.context.session.logits() });
            if let Some(index) = self.writer.stopped {
                return Ok(StopReason::StopText(index));
            }
            if flow == Flow::Stop {
                return Ok(StopReason::Interrupted);
            }
        }
    }

    /// The next token; `None` if the constraint is met and allows no more.
    fn choose(&mut self) -> Result<Option<Token>> {
        let logits = self.context.session.logits();
        let step = self.output.len() as u64;
        let Some(constraint) = &mut self.constraint else {
            return Ok(Some(self.sampler.sample(logits, step, &self.seen, None)?));
        };
        constraint.allow(&mut self.allowed);
        if self.allowed.is_empty() && constraint.may_end() {
            return Ok(None);
        }
        let token = self.sampler.sample(logits, step, &self.seen, Some(&self.allowed))?;
        if !self.tokenizer.roles().eos.contains(&token) {
            constraint.advance(token)?;
        }
        Ok(Some(token))
    }
}

/// Text in the making: whole characters only, and nothing that may turn out to be a stop text.
#[derive(Default)]
struct Writer {
    stream: TextStream,
    text: String,
    /// Bytes of `text` that the caller has.
    shown: usize,
    stopped: Option<usize>,
}

impl Writer {
    /// Adds a token's bytes; what can be shown now. Sets `stopped`, and cuts the text there, when a stop text is complete.
    fn push(&mut self, bytes: &[u8], stop_texts: &[String]) -> String {
        let longest = stop_texts.iter().map(String::len).max().unwrap_or(0);
        // A stop text that ends in what is new begins at most its own length before it.
        let mut from = self.text.len().saturating_sub(longest);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        self.text.push_str(&self.stream.push(bytes));
        let tail = self.text.get(from..).unwrap_or("");
        let found = stop_texts.iter().enumerate().filter(|(_, stop)| !stop.is_empty());
        let first = found.filter_map(|(index, stop)| tail.find(&**stop).map(|at| (from + at, index))).min();
        if let Some((at, index)) = first {
            self.text.truncate(at);
            self.stopped = Some(index);
            return self.show(at);
        }
        self.show(self.text.len() - self.held(stop_texts))
    }

    /// Bytes at the end of the text that a stop text may begin with.
    fn held(&self, stop_texts: &[String]) -> usize {
        let begins = |stop: &str| (1..stop.len()).rev().find(|&n| stop.is_char_boundary(n) && stop.get(..n).is_some_and(|s| self.text.ends_with(s)));
        stop_texts.iter().filter_map(|stop| begins(stop)).max().unwrap_or(0)
    }

    fn show(&mut self, end: usize) -> String {
        let text = self.text.get(self.shown..end).unwrap_or("").to_owned();
        self.shown = self.shown.max(end);
        text
    }

    /// The text that was held back; an unfinished character shows as U+FFFD.
    fn finish(&mut self) -> String {
        if self.stopped.is_none() {
            let rest = self.stream.finish();
            self.text.push_str(&rest);
        }
        self.show(self.text.len())
    }
}

#[cfg(test)]
mod tests;
