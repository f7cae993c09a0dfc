//! Pieces of several sequences through the layers together; logits of the rows that are wanted.

use super::layer::{self, At, Means, Scratch};
use super::sequence::Sequence;
use super::watch::{Cost, Operation, Watch};
use super::weights::Weights;
use crate::config::Config;
use crate::error::{Misuse, Result};
use crate::sample::check_finite;
use crate::tokens::Token;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use std::ops::Range;
use std::sync::Arc;

/// Tokens that go through the layers together; bounds the room for intermediate values and reaches no bit of a result.
pub(super) const BATCH_TOKENS: usize = 256;

/// Bytes of the intermediate values that a decoder of such a model makes room for.
pub(crate) fn scratch_bytes(config: &Config) -> u64 {
    Scratch::byte_count_of(config, BATCH_TOKENS)
}

/// What a step gives for a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: more of a prompt follows.
    Nothing,
    /// The logits of the last token.
    Last,
    /// The logits of every token: a row of the vocabulary each, so few at a time.
    Every,
    /// The final hidden state of every token, and no logits.
    States,
}

/// Tokens that a sequence goes on with.
pub struct Piece<'a> {
    pub sequence: &'a mut Sequence,
    pub tokens: &'a [Token],
    pub wanted: Wanted,
}

/// One token of a step: whose it is, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Index of its piece.
    pub(super) piece: usize,
    pub(super) token: Token,
    pub(super) position: usize,
    /// Where its final state goes, if it is wanted.
    slot: Option<usize>,
}

/// What came out for one piece.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    width: usize,
    vocab_count: usize,
    states: &'a [f32],
    logits: &'a [f32],
}

impl<'a> Rows<'a> {
    /// Rows of logits.
    pub fn count(&self) -> usize {
        self.logits.len() / self.vocab_count
    }

    /// A row of logits, one a token of the vocabulary, all finite.
    ///
    /// # Errors
    /// [`Misbehaved::LogitNotFinite`](crate::error::Misbehaved::LogitNotFinite). The sequence holds the tokens all the same: truncate or drop it.
    pub fn logits(&self, row: usize) -> Result<&'a [f32]> {
        let logits = &self.logits[row * self.vocab_count..][..self.vocab_count];
        check_finite(logits)?;
        Ok(logits)
    }

    /// The final hidden states of the rows that were wanted, behind the final norm, in order of the tokens.
    pub fn states(&self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.states.chunks_exact(self.width)
    }
}

/// Takes sequences forward. It keeps nothing of them but room for intermediate values, so one serves all sequences of a model.
pub struct Decoder {
    weights: Arc<Weights>,
    crew: Arc<dyn Crew>,
    isa: Isa,
    scratch: Scratch,
    rows: Vec<Row>,
    /// The streams that come out of the last layer, where wanted, and behind them the same after the final norm. Those with logits come first.
    streams: Vec<f32>,
    states: Vec<f32>,
    logits: Vec<f32>,
    watch: Option<Arc<dyn Watch>>,
}

impl Decoder {
    /// For the sequences of one model; the weights are repacked unless that was done before.
    pub fn new(weights: Arc<Weights>, crew: Arc<dyn Crew>, isa: Isa) -> Self {
        weights.prepare(&*crew);
        // Also where no context is so long: rows of several sequences go together.
        let scratch = Scratch::new(weights.config(), BATCH_TOKENS);
        Self { weights, crew, isa, scratch, rows: Vec::new(), streams: Vec::new(), states: Vec::new(), logits: Vec::new(), watch: None }
    }

    /// From now on `watch` is told of every operation. It reaches no bit of a result.
    pub fn watch(&mut self, watch: Arc<dyn Watch>) {
        self.watch = Some(watch);
    }

    /// Appends the tokens of every piece to its sequence, all pieces together. A piece that cannot go on fails alone, as it was; no piece changes a bit of another.
    ///
    /// # Errors
    /// For a piece: no token, a token outside the vocabulary, more than the sequence holds ([`Misuse::PromptTooLong`]), and [`Misuse::CacheFull`]. Panics if a sequence is of
    /// another model's pool.
    pub fn step(&mut self, pieces: &mut [Piece<'_>]) -> Vec<Result<Rows<'_>>> {
        let admitted: Vec<Result<()>> = pieces.iter_mut().map(|piece| self.admit(piece)).collect();
        let places = self.lay_out(pieces, &admitted);
        self.run(pieces);
        for (piece, _) in pieces.iter_mut().zip(&admitted).filter(|(_, admitted)| admitted.is_ok()) {
            piece.sequence.extend(piece.tokens);
        }
        self.norm();
        self.project(0..places.logit_rows);
        let (width, vocab_count) = (self.weights.config.width, self.weights.config.vocab_count);
        let this = &*self;
        let rows = |(admitted, Place { first, count, wanted }): (Result<()>, Place)| {
            admitted.map(|()| {
                let logits = if wanted == Wanted::States { &[] } else { &this.logits[first * vocab_count..][..count * vocab_count] };
                Rows { width, vocab_count, states: &this.states[first * width..][..count * width], logits }
            })
        };
        admitted.into_iter().zip(places.of_pieces).map(rows).collect()
    }

    /// As [`Decoder::step`], for one piece.
    ///
    /// # Errors
    /// As there.
    pub fn step_one(&mut self, piece: Piece<'_>) -> Result<Rows<'_>> {
        let Some(rows) = self.step(&mut [piece]).pop() else { unreachable!("a step answers every piece") };
        rows
    }

    /// The model.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// Bytes of all intermediate values.
    pub fn byte_count(&self) -> usize {
        let floats = [&self.streams, &self.states, &self.logits];
        self.scratch.byte_count() + floats.iter().map(|buffer| size_of_val(buffer.as_slice())).sum::<usize>()
    }

    /// Checks a piece and reserves the places of its tokens; nothing has changed if it is refused.
    pub(super) fn admit(&self, piece: &mut Piece<'_>) -> Result<()> {
        assert!(piece.sequence.is_of(&self.weights), "a sequence of another model's pool");
        if piece.tokens.is_empty() {
            return Err(Misuse::PromptEmpty.into());
        }
        if let Some(token) = piece.tokens.iter().find(|token| token.index() >= self.weights.config.vocab_count) {
            return Err(Misuse::TokenUnknown(token.0).into());
        }
        piece.sequence.reserve(piece.tokens.len())
    }

    /// The rows of all admitted pieces, and where each piece's wanted rows come to lie.
    fn lay_out(&mut self, pieces: &[Piece<'_>], admitted: &[Result<()>]) -> Places {
        let place = |(piece, admitted): (&Piece<'_>, &Result<()>)| {
            let count = match piece.wanted {
                Wanted::Nothing => 0,
                Wanted::Last => 1,
                Wanted::Every | Wanted::States => piece.tokens.len(),
            };
            Place { first: 0, count: if admitted.is_ok() { count } else { 0 }, wanted: piece.wanted }
        };
        let mut of_pieces: Vec<Place> = pieces.iter().zip(admitted).map(place).collect();
        let logit_rows: usize = of_pieces.iter().filter(|place| place.wanted != Wanted::States).map(|place| place.count).sum();
        let (mut logits_end, mut states_end) = (0, logit_rows);
        for place in &mut of_pieces {
            let end = if place.wanted == Wanted::States { &mut states_end } else { &mut logits_end };
            place.first = *end;
            *end += place.count;
        }
        self.rows.clear();
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| admitted[*index].is_ok()) {
            let Place { first, count, .. } = of_pieces[index];
            let (start, unwanted) = (piece.sequence.tokens().len(), piece.tokens.len() - count);
            let row = |(offset, &token): (usize, &Token)| Row { piece: index, token, position: start + offset, slot: offset.checked_sub(unwanted).map(|offset| first + offset) };
            self.rows.extend(piece.tokens.iter().enumerate().map(row));
        }
        self.streams.resize(states_end * self.weights.config.width, 0.0);
        Places { of_pieces, logit_rows }
    }

    /// Takes all rows through all layers, as many at a time as there is room for.
    fn run(&mut self, pieces: &mut [Piece<'_>]) {
        let Self { weights, crew, isa, scratch, rows, streams, watch, .. } = self;
        let (means, width) = (Means { isa: *isa, crew: &**crew, watch: watch.as_deref() }, weights.config.width);
        for batch in rows.chunks(BATCH_TOKENS) {
            let at = |operation| At { operation, layer: None, rows: batch.len() };
            let rows = Cost { weight_bytes: (batch.len() * weights.embedding.row_bytes()) as u64, ..Cost::values(batch.len() * width) };
            means.step(at(Operation::Embed), rows, || {
                for (row, stream) in batch.iter().zip(scratch.stream.chunks_exact_mut(width)) {
                    weights.read_embedding(row.token, stream);
                }
            });
            means.step(at(Operation::Angles), Cost::values(batch.len() * weights.config.head_width), || scratch.turn_to(batch, &weights.frequencies));
            for index in 0..weights.layers.len() {
                layer::forward(means, weights, index, pieces, scratch, batch);
            }
            for (row, stream) in batch.iter().zip(scratch.stream.chunks_exact(width)) {
                if let Some(slot) = row.slot {
                    streams[slot * width..][..width].copy_from_slice(stream);
                }
            }
        }
    }

    /// The final norm of all wanted rows.
    fn norm(&mut self) {
        let Self { weights, crew, isa, streams, states, watch, .. } = self;
        states.resize(streams.len(), 0.0);
        if !streams.is_empty() {
            let means = Means { isa: *isa, crew: &**crew, watch: watch.as_deref() };
            let at = At { operation: Operation::FinalNorm, layer: None, rows: streams.len() / weights.config.width };
            layer::norm(means, at, &weights.config, &weights.norm, streams, states);
        }
    }

    /// The logits of some states, in products of as many rows as there is room for.
    fn project(&mut self, rows: Range<usize>) {
        let Self { weights, crew, isa, scratch, states, logits, watch, .. } = self;
        let (means, width, vocab_count) = (Means { isa: *isa, crew: &**crew, watch: watch.as_deref() }, weights.config.width, weights.config.vocab_count);
        logits.resize(rows.len() * vocab_count, 0.0);
        let states = &states[rows.start * width..rows.end * width];
        for (states, logits) in states.chunks(BATCH_TOKENS * width).zip(logits.chunks_mut(BATCH_TOKENS * vocab_count)) {
            layer::logits(means, weights, scratch, states, logits);
        }
    }

    /// Calls `each(row, logits)` for the states of the last step, a few rows of logits at a time.
    pub(super) fn each_row(&mut self, each: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        const ROWS: usize = 24;
        let (width, vocab_count) = (self.weights.config.width, self.weights.config.vocab_count);
        let count = self.states.len() / width;
        for first in (0..count).step_by(ROWS) {
            self.project(first..count.min(first + ROWS));
            let rows = Rows { width, vocab_count, states: &[], logits: &self.logits };
            for row in 0..rows.count() {
                each(first + row, rows.logits(row)?);
            }
        }
        Ok(())
    }
}

/// Where the wanted rows of a piece lie: none, if it was refused.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    count: usize,
    wanted: Wanted,
}

/// Where all wanted rows lie.
struct Places {
    of_pieces: Vec<Place>,
    /// Rows whose logits are wanted; they come first.
    logit_rows: usize,
}
