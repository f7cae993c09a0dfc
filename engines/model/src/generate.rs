//! Prompt to generation: feed, choose, show, until something ends it.
//!
//! An [`Inference`] is one generation in the making. It runs nothing: it says which tokens it goes on with, and takes what the decoder made of them. Whoever drives many steps a
//! [`Decoder`] over all their pieces; [`generate`] drives one.

mod inference;
mod lookup;
mod writer;

pub use inference::{Inference, Proposals};

use crate::constrain::Constraint;
use crate::error::Result;
use crate::forward::{Adapter, Decoder, Pool, Weights};
use crate::sample::{SamplerConfig, Seed};
use crate::tokens::{Token, Tokenizer};
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use std::sync::Arc;

/// Prompt tokens between two looks at whether the caller wants to stop.
const PROMPT_PIECE: usize = 256;

/// What runs one generation after another: a prompt that begins as one before it costs only what is new.
pub struct Context {
    decoder: Decoder,
    pool: Pool,
    adapter: Option<Arc<Adapter>>,
    context_tokens: usize,
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
    /// For generations of at most `context_tokens`, prompt included.
    ///
    /// # Errors
    /// [`Misuse::ContextTooLong`](crate::error::Misuse::ContextTooLong) if the model was not made for so many.
    pub fn new(weights: Arc<Weights>, context_tokens: usize, crew: Arc<dyn Crew>, isa: Isa) -> Result<Self> {
        // One page more, for the copy of a page that is kept.
        let pool = Pool::of_pages(&weights, Pool::pages_of(context_tokens) + 1);
        pool.open(&[], context_tokens)?;
        Ok(Self { decoder: Decoder::new(weights, crew, isa), pool, adapter: None, context_tokens })
    }

    /// Generations from here on are with this adapter, or with none.
    pub fn use_adapter(&mut self, adapter: Option<Arc<Adapter>>) {
        self.adapter = adapter;
    }
}

/// Runs one generation.
///
/// # Errors
/// An empty prompt, a prompt that leaves no room for one token (both numbers inside), a sampler parameter out of range, a model that
/// misbehaves. The context stays usable after any of them.
pub fn generate(
    context: &mut Context,
    tokenizer: &Tokenizer,
    prompt: &[Token],
    request: &Request,
    mut constraint: Option<&mut dyn Constraint>,
    each: &mut dyn FnMut(Progress<'_>) -> Flow,
) -> Result<Generation> {
    let mut inference = Inference::new(prompt, request.clone(), context.context_tokens)?.with_adapter(context.adapter.clone());
    inference.admit(&context.pool)?;
    while let Some(piece) = inference.piece(PROMPT_PIECE) {
        let rows = context.decoder.step_one(piece)?;
        let constraint = constraint.as_mut().map(|constraint| &mut **constraint as &mut dyn Constraint);
        inference.take(&rows, tokenizer, constraint, each)?;
    }
    Ok(inference.finish())
}

#[cfg(test)]
mod tests;
