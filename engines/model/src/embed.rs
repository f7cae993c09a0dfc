//! Tokens to vectors of length one: the final hidden state behind the last token (`spec/arithmetic.md`, "Embeddings").

use crate::error::{Misbehaved, Misuse, Result};
use crate::forward::{Adapter, Decoder, Piece, Pool, Sequence, Wanted, Weights};
use crate::generate::Flow;
use crate::tokens::Token;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use mickai_kernels::norm::to_length_one;
use std::sync::Arc;

/// The name of these rules in a record.
pub const EMBEDDING: &str = "mickai-embed-1";

/// Inputs that go through the layers together; reaches no bit of a result, as the next two do not.
const INPUTS_TOGETHER: usize = 8;
/// Tokens of all inputs together, unless one alone has more.
const TOKENS_OPEN: usize = 4_096;
/// Tokens of one input that go through the layers between two looks at whether the caller wants to stop.
const TOKENS_TOGETHER: usize = 256;

/// Makes vectors of tokens.
pub struct Embedder {
    decoder: Decoder,
    adapter: Option<Arc<Adapter>>,
    crew: Arc<dyn Crew>,
    isa: Isa,
}

impl Embedder {
    /// For one model.
    pub fn new(weights: Arc<Weights>, crew: Arc<dyn Crew>, isa: Isa) -> Self {
        Self { decoder: Decoder::new(weights, crew.clone(), isa), adapter: None, crew, isa }
    }

    /// Bytes of keys and values that these inputs take while vectors are made of them: those of as many as go through the layers together.
    pub fn cache_bytes(weights: &Weights, inputs: &[Vec<Token>]) -> usize {
        let of = |group: &[Vec<Token>]| group.iter().map(|tokens| Pool::bytes_of(weights, tokens.len())).fold(0, usize::saturating_add);
        groups(inputs).map(of).max().unwrap_or(0)
    }

    /// The same with an adapter on all inputs.
    #[must_use]
    pub fn with_adapter(self, adapter: Option<Arc<Adapter>>) -> Self {
        Self { adapter, ..self }
    }

    /// The vectors of all inputs, `dimension_count` values each, one behind the other; `None` if the caller stopped it.
    ///
    /// # Errors
    /// No tokens, tokens outside the vocabulary, more than the model holds; other dimensions than 1 to its width; a model whose state has no direction ([`Misbehaved::NoDirection`]); an adapter for models of another shape.
    pub fn embed(&mut self, inputs: &[Vec<Token>], dimension_count: usize, each: &mut dyn FnMut() -> Flow) -> Result<Option<Vec<f32>>> {
        let width = self.decoder.weights().config().width;
        if !(1..=width).contains(&dimension_count) {
            return Err(Misuse::Dimensions { asked: dimension_count, max: width }.into());
        }
        let pool = Pool::new(self.decoder.weights(), Self::cache_bytes(self.decoder.weights(), inputs));
        let mut states = Vec::with_capacity(inputs.len() * dimension_count);
        for group in groups(inputs) {
            let mut sequences = group.iter().map(|tokens| pool.open_with(self.adapter.clone(), &[], tokens.len())).collect::<Result<Vec<_>>>()?;
            if !self.feed(&mut sequences, group, each)? {
                return Ok(None);
            }
            let mut pieces = Vec::with_capacity(group.len());
            for (sequence, tokens) in sequences.iter_mut().zip(group) {
                pieces.push(Piece { sequence, tokens: tokens.last().map_or(&[], std::slice::from_ref), wanted: Wanted::States });
            }
            for rows in self.decoder.step(&mut pieces) {
                states.extend(rows?.states().flat_map(|state| state.get(..dimension_count).unwrap_or(state)));
            }
        }
        self.normed(&states, dimension_count).map(Some)
    }

    /// Takes everything but the last tokens through the layers; `false` if the caller stopped it.
    fn feed(&mut self, sequences: &mut [Sequence], group: &[Vec<Token>], each: &mut dyn FnMut() -> Flow) -> Result<bool> {
        loop {
            if each() == Flow::Stop {
                return Ok(false);
            }
            let mut pieces = Vec::new();
            for (sequence, tokens) in sequences.iter_mut().zip(group) {
                let fed = sequence.tokens().len();
                let end = (fed + TOKENS_TOGETHER).min(tokens.len().saturating_sub(1));
                if let Some(tokens) = tokens.get(fed..end).filter(|tokens| !tokens.is_empty()) {
                    pieces.push(Piece { sequence, tokens, wanted: Wanted::Nothing });
                }
            }
            if pieces.is_empty() {
                return Ok(true);
            }
            self.decoder.step(&mut pieces).into_iter().try_for_each(|rows| rows.map(drop))?;
        }
    }

    /// Brings vectors to length one.
    fn normed(&self, states: &[f32], dimension_count: usize) -> Result<Vec<f32>> {
        let mut vectors = vec![0.0; states.len()];
        if !states.is_empty() {
            to_length_one(self.isa, &*self.crew, states, dimension_count, &mut vectors);
        }
        match vectors.chunks_exact(dimension_count).position(|vector| !has_length_one(vector)) {
            Some(input) => Err(Misbehaved::NoDirection { input }.into()),
            None => Ok(vectors),
        }
    }
}

/// Whether the sum of the squares is 1, but for rounding: where f32 cannot hold that of the state, the vector is zero, too short, or not finite.
fn has_length_one(vector: &[f32]) -> bool {
    let squares: f64 = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    (squares - 1.0).abs() <= 1e-3
}

/// Inputs cut into groups that go through the layers together.
fn groups(mut inputs: &[Vec<Token>]) -> impl Iterator<Item = &[Vec<Token>]> {
    std::iter::from_fn(move || {
        let mut token_count = 0;
        let fits = |tokens: &&Vec<Token>| {
            token_count += tokens.len();
            token_count <= TOKENS_OPEN
        };
        let count = inputs.iter().take(INPUTS_TOGETHER).take_while(fits).count().max(1);
        let (group, rest) = inputs.split_at_checked(count)?;
        inputs = rest;
        Some(group)
    })
}
