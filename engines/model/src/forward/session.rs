//! One context: tokens go in, in pieces of any size; logits come out.

use super::cache::Cache;
use super::layer::{self, At, Means, Scratch};
use super::watch::{Cost, Operation, Watch};
use super::weights::Weights;
use crate::error::{Misbehaved, Misuse, Result};
use crate::tokens::Token;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use std::sync::Arc;

/// Tokens that go through the layers together; bounds the room for intermediate values and reaches no bit of a result.
const BATCH_TOKENS: usize = 256;

/// One context of one model. Equal tokens give equal logits, bit for bit, however they were cut, whoever computed them.
pub struct Session {
    weights: Arc<Weights>,
    crew: Arc<dyn Crew>,
    isa: Isa,
    context_tokens: usize,
    position: usize,
    cache: Cache,
    scratch: Scratch,
    /// Room for one row of the vocabulary; what it holds counts only while `logits_valid`.
    logits: Vec<f32>,
    logits_valid: bool,
    watch: Option<Arc<dyn Watch>>,
}

impl Session {
    /// An empty context of at most `context_tokens`. The cache grows with what is fed, by 256 positions at a time.
    ///
    /// # Errors
    /// [`Misuse::ContextTooLong`] if the model was not made for so many.
    pub fn new(weights: Arc<Weights>, context_tokens: usize, crew: Arc<dyn Crew>, isa: Isa) -> Result<Self> {
        let config = weights.config();
        if context_tokens > config.context_tokens_max {
            return Err(Misuse::ContextTooLong { asked_tokens: context_tokens, context_tokens_max: config.context_tokens_max }.into());
        }
        weights.prepare(&*crew);
        let cache = Cache::new(config);
        let scratch = Scratch::new(config, BATCH_TOKENS.min(context_tokens).max(1));
        let logits = vec![0.0; config.vocab_count];
        Ok(Self { weights, crew, isa, context_tokens, position: 0, cache, scratch, logits, logits_valid: false, watch: None })
    }

    /// From now on `watch` is told of every operation. It reaches no bit of a result.
    pub fn watch(&mut self, watch: Arc<dyn Watch>) {
        self.watch = Some(watch);
    }

    /// Appends tokens and computes the logits of the last one.
    ///
    /// # Errors
    /// No token, a token outside the vocabulary, or more than the context holds: nothing has changed then. A logit that is not finite:
    /// the context is as long as before.
    pub fn feed(&mut self, tokens: &[Token]) -> Result<()> {
        self.admit(tokens)?;
        let start = self.position;
        let mut last = 0;
        for batch in tokens.chunks(BATCH_TOKENS) {
            self.batch(batch);
            last = batch.len() - 1;
        }
        self.finish(last, start)
    }

    /// As [`Session::feed`], and calls `each(position, logits)` for every token.
    ///
    /// # Errors
    /// As [`Session::feed`].
    pub fn feed_each(&mut self, tokens: &[Token], each: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        self.admit(tokens)?;
        let start = self.position;
        for batch in tokens.chunks(BATCH_TOKENS) {
            let first = self.position;
            self.batch(batch);
            for token in 0..batch.len() {
                self.finish(token, start)?;
                each(first + token, &self.logits);
            }
        }
        Ok(())
    }

    /// The logits of the last token, one per row of the vocabulary, all finite; empty before the first token and after [`Session::truncate`].
    pub fn logits(&self) -> &[f32] {
        if self.logits_valid { &self.logits } else { &[] }
    }

    /// Tokens in the context.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Tokens that the context holds at most.
    pub fn context_tokens(&self) -> usize {
        self.context_tokens
    }

    /// Forgets all but the first `position` tokens; does nothing if there are no more.
    pub fn truncate(&mut self, position: usize) {
        if position < self.position {
            self.position = position;
            self.logits_valid = false;
        }
    }

    /// Bytes that this context holds beside the weights: cache, intermediate values, logits.
    pub fn byte_count(&self) -> usize {
        self.cache.byte_count() + self.scratch.byte_count() + size_of_val(self.logits.as_slice())
    }

    /// The model.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    fn admit(&self, tokens: &[Token]) -> Result<()> {
        if tokens.is_empty() {
            return Err(Misuse::PromptEmpty.into());
        }
        let prompt_tokens = self.position.saturating_add(tokens.len());
        if prompt_tokens > self.context_tokens {
            return Err(Misuse::PromptTooLong { prompt_tokens, context_tokens_max: self.context_tokens }.into());
        }
        let vocab_count = self.weights.config.vocab_count;
        match tokens.iter().find(|token| token.0 as usize >= vocab_count) {
            Some(token) => Err(Misuse::TokenUnknown(token.0).into()),
            None => Ok(()),
        }
    }

    /// Takes admitted tokens, at most [`BATCH_TOKENS`], through all layers.
    fn batch(&mut self, tokens: &[Token]) {
        let weights = &*self.weights;
        let (config, count) = (&weights.config, tokens.len());
        let means = Means { isa: self.isa, crew: &*self.crew, watch: self.watch.as_deref() };
        self.logits_valid = false;
        self.cache.reserve(self.position + count);
        let at = |operation| At { operation, layer: None, rows: count };
        let scratch = &mut self.scratch;
        means.step(at(Operation::Angles), Cost::values(count * config.head_width), || scratch.turn_to(self.position, count, &weights.frequencies));
        let rows = Cost { weight_bytes: (count * weights.embedding.row_bytes()) as u64, ..Cost::values(count * config.width) };
        means.step(at(Operation::Embed), rows, || {
            for (token, row) in tokens.iter().zip(scratch.stream.chunks_exact_mut(config.width)) {
                weights.embedding.read_row(token.0 as usize, row);
            }
        });
        for index in 0..weights.layers.len() {
            layer::forward(means, weights, index, &mut self.cache, &mut self.scratch, self.position, count);
        }
        self.position += count;
    }

    /// Computes the logits of token `token` of the last batch; if one is not finite, goes back to `start`.
    fn finish(&mut self, token: usize, start: usize) -> Result<()> {
        let weights = &*self.weights;
        let means = Means { isa: self.isa, crew: &*self.crew, watch: self.watch.as_deref() };
        layer::logits(means, weights, &mut self.scratch, token, &mut self.logits);
        if let Some(index) = self.logits.iter().position(|logit| !logit.is_finite()) {
            self.position = start;
            self.logits_valid = false;
            return Err(Misbehaved::LogitNotFinite { index }.into());
        }
        self.logits_valid = true;
        Ok(())
    }
}
