//! One context: tokens go in, in pieces of any size; logits come out.

use super::decoder::{BATCH_TOKENS, Decoder, Piece, Wanted};
use super::pool::Pool;
use super::sequence::Sequence;
use super::weights::Weights;
use crate::error::Result;
use crate::tokens::Token;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use std::sync::Arc;

/// One context of one model: a sequence with a pool and a decoder of its own. Equal tokens give equal logits, bit for bit, however they were cut, whoever computed them.
pub struct Session {
    decoder: Decoder,
    pool: Pool,
    sequence: Sequence,
    /// The logits of the last token, or nothing.
    logits: Vec<f32>,
}

impl Session {
    /// An empty context of at most `context_tokens`. The cache grows with what is fed, by 256 positions at a time.
    ///
    /// # Errors
    /// [`Misuse::ContextTooLong`](crate::error::Misuse::ContextTooLong) if the model was not made for so many.
    pub fn new(weights: Arc<Weights>, context_tokens: usize, crew: Arc<dyn Crew>, isa: Isa) -> Result<Self> {
        let pool = Pool::of_pages(&weights, Pool::pages_of(context_tokens));
        let sequence = pool.open(&[], context_tokens)?;
        Ok(Self { decoder: Decoder::new(weights, crew, isa), pool, sequence, logits: Vec::new() })
    }

    /// Appends tokens and computes the logits of the last one.
    ///
    /// # Errors
    /// No token, a token outside the vocabulary, or more than the context holds: nothing has changed then. A logit that is not finite:
    /// the context is as long as before.
    pub fn feed(&mut self, tokens: &[Token]) -> Result<()> {
        let start = self.sequence.tokens().len();
        let rows = self.decoder.step_one(Piece { sequence: &mut self.sequence, tokens, wanted: Wanted::Last })?;
        let logits = rows.logits(0);
        self.logits.clear();
        match logits {
            Ok(logits) => self.logits.extend_from_slice(logits),
            Err(error) => {
                self.sequence.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// As [`Session::feed`], and calls `each(position, logits)` for every token.
    ///
    /// # Errors
    /// As [`Session::feed`].
    pub fn feed_each(&mut self, tokens: &[Token], each: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        let start = self.sequence.tokens().len();
        self.decoder.admit(&mut Piece { sequence: &mut self.sequence, tokens, wanted: Wanted::States })?;
        for tokens in tokens.chunks(BATCH_TOKENS) {
            let first = self.sequence.tokens().len();
            self.decoder.step_one(Piece { sequence: &mut self.sequence, tokens, wanted: Wanted::States })?;
            let logits = &mut self.logits;
            let each_row = self.decoder.each_row(&mut |row, values| {
                logits.clear();
                logits.extend_from_slice(values);
                each(first + row, values);
            });
            if let Err(error) = each_row {
                self.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The logits of the last token, one per row of the vocabulary, all finite; empty before the first token and after [`Session::truncate`].
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Tokens in the context.
    pub fn position(&self) -> usize {
        self.sequence.tokens().len()
    }

    /// Tokens that the context holds at most.
    pub fn context_tokens(&self) -> usize {
        self.sequence.tokens_max()
    }

    /// Forgets all but the first `position` tokens; does nothing if there are no more.
    pub fn truncate(&mut self, position: usize) {
        if position < self.position() {
            self.sequence.truncate(position);
            self.logits.clear();
        }
    }

    /// Bytes that this context holds beside the weights: cache, intermediate values, logits.
    pub fn byte_count(&self) -> usize {
        self.pool.byte_count() + self.decoder.byte_count() + size_of_val(self.logits.as_slice())
    }

    /// The model.
    pub fn weights(&self) -> &Arc<Weights> {
        self.decoder.weights()
    }
}
