//! Embeddings about to be recorded and made: one act for as many inputs as a record's values hold.

use super::inputs::{Input, tokens_value};
use crate::acts::{action, fact, label};
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::generation::{Openings, Taken, failed, idempotency, with_adapter};
use crate::models::Loaded;
use crate::policy;
use crate::serve::limits::REQUEST_BYTES_MAX;
use crate::system::System;
use mickai_kernels::ARITHMETIC;
use mickai_model::digest::{EdgesOf, edges};
use mickai_model::embed::{EMBEDDING, Embedder};
use mickai_model::error::Misuse;
use mickai_model::generate::Flow;
use mickai_model::tokens::Token;
use mickai_proof::digest::Id;
use mickai_proof::limits::VALUE_BYTES_MAX;
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_store::{Appended, Draft, Running};

/// Bytes of a token in a value, at most.
const TOKEN_BYTES: usize = 5;
/// Bytes of the heads around inputs in a value, at most.
const HEAD_BYTES: usize = 9;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ToEmbed {
    /// Of what.
    pub inputs: Vec<Input>,
    /// Values of each vector; as many as the model's width where it is not said.
    pub dimension_count: Option<usize>,
    /// An input that is too long for the model loses its end instead of being refused.
    pub shortens: bool,
    /// The request as a face took it, kept with the inputs.
    pub request: Option<Taken>,
}

/// Vectors, and the records that tell of them.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// Of each act, the records before and after it.
    pub records: Vec<(Appended, Appended)>,
    /// One for each input, each of length one.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs.
    pub token_count: usize,
}

/// Some inputs, ready.
pub(crate) struct PreparedEmbedding {
    inputs: Vec<Input>,
    pub tokens: Vec<Vec<Token>>,
    pub dimension_count: usize,
    request: Option<Taken>,
}

/// Refuses whatever could not begin, before any record speaks of it. One entry for each act.
pub(crate) fn prepare(model: &Loaded, asked: &ToEmbed) -> Result<Vec<PreparedEmbedding>> {
    let config = &model.file.config;
    let dimension_count = asked.dimension_count.unwrap_or(config.width);
    if !(1..=config.width).contains(&dimension_count) {
        return Err(Error::Model(Misuse::Dimensions { asked: dimension_count, max: config.width }.into()));
    }
    let over = |what, asked: usize, max: usize| if asked > max { Err(Error::TooMuch { what, asked: asked as u64, max: max as u64 }) } else { Ok(()) };
    over("bytes of the request", asked.request.as_ref().map_or(0, |taken| taken.bytes.len()), REQUEST_BYTES_MAX)?;
    let mut prepared: Vec<PreparedEmbedding> = Vec::new();
    let (mut values, mut bytes) = (0, 0);
    for input in &asked.inputs {
        let mut tokens = input.tokens(model)?;
        if asked.shortens {
            tokens.truncate(config.context_tokens_max);
        }
        if tokens.len() > config.context_tokens_max {
            return Err(Error::Model(Misuse::ContextTooLong { asked_tokens: tokens.len(), context_tokens_max: config.context_tokens_max }.into()));
        }
        let own_bytes = HEAD_BYTES + TOKEN_BYTES * tokens.len();
        over("bytes of one input's tokens", own_bytes + HEAD_BYTES, VALUE_BYTES_MAX)?;
        (values, bytes) = (values + dimension_count * size_of::<f32>(), bytes + own_bytes);
        let has_room = values <= VALUE_BYTES_MAX && bytes + HEAD_BYTES <= VALUE_BYTES_MAX;
        match prepared.last_mut().filter(|_| has_room) {
            Some(last) => {
                last.inputs.push(input.clone());
                last.tokens.push(tokens);
            }
            None => {
                (values, bytes) = (dimension_count * size_of::<f32>(), own_bytes);
                prepared.push(PreparedEmbedding { inputs: vec![input.clone()], tokens: vec![tokens], dimension_count, request: asked.request.clone() });
            }
        }
    }
    Ok(prepared)
}

impl PreparedEmbedding {
    /// Tokens of all its inputs.
    pub fn token_count(&self) -> usize {
        self.tokens.iter().map(Vec::len).sum()
    }

    /// The record before it, and the values that it commits to.
    pub fn intent(&self, model: &Loaded) -> (Draft, Openings) {
        let mut draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id(model.digest.0)), policy::authority(), action::EMBED)
            .fact(fact::MODEL, Fact::Bytes(model.digest.0.to_vec().into()))
            .fact(fact::MODEL_NAME, Fact::Text(model.model_name.clone().into()))
            .fact(fact::TOKENIZER, Fact::Bytes(model.file.tokenizer.digest().0.to_vec().into()))
            .fact(fact::EDGES, Fact::Bytes(edges(&model.file, EdgesOf::Embeddings).0.to_vec().into()))
            .fact(fact::ARITHMETIC, Fact::Text(ARITHMETIC.into()))
            .fact(fact::EMBEDDING, Fact::Text(EMBEDDING.into()))
            .fact(fact::INPUT_COUNT, Fact::Uint(self.inputs.len() as u64))
            .fact(fact::DIMENSION_COUNT, Fact::Uint(self.dimension_count as u64))
            .fact(fact::PROMPT_TOKEN_COUNT, Fact::Uint(self.token_count() as u64));
        draft = with_adapter(draft, model.adapter.as_deref());
        let mut openings = vec![(label::INPUTS, Input::value(&self.inputs)), (label::INPUTS_TOKENS, tokens_value(&self.tokens))];
        if let Some(taken) = &self.request {
            draft = idempotency(draft, taken);
            openings.push((label::REQUEST, taken.bytes.to_vec()));
        }
        (draft, openings)
    }

    /// Makes the vectors while their act runs; `None` if `each` stopped it.
    pub fn run(&self, act: &Running, system: &System, model: &Loaded, each: &mut dyn FnMut() -> Flow) -> std::result::Result<Done<Option<Vec<f32>>>, Failed> {
        let vectors = run(act, system, model, (&self.tokens, self.dimension_count), each).map_err(failed)?;
        let Some(vectors) = vectors else {
            return Ok(Done::new(None, vec![(fact::STOP.to_owned(), Fact::Text(crate::acts::STOP_INTERRUPTED.into()))]));
        };
        let openings = vec![(label::EMBEDDINGS, vectors.iter().flat_map(|value| value.to_le_bytes()).collect())];
        Ok(Done { value: Some(vectors), facts: vec![(fact::STOP.to_owned(), Fact::Text("end".into()))], openings })
    }
}

/// Runs the model; the same for a first time and for a replay.
pub(crate) fn run(_act: &Running, system: &System, model: &Loaded, (tokens, dimension_count): (&[Vec<Token>], usize), each: &mut dyn FnMut() -> Flow) -> Result<Option<Vec<f32>>> {
    let mut embedder = Embedder::new(model.file.weights(), system.crew(), system.isa()).with_adapter(model.added());
    Ok(embedder.embed(tokens, dimension_count, each)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_store::Custody;

    #[test]
    fn what_one_record_cannot_hold_is_several_acts() {
        let folder = tempfile::tempdir().unwrap();
        let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
        let model = system.embedded().unwrap();
        let asked = |inputs: Vec<Input>| ToEmbed { inputs, dimension_count: None, shortens: false, request: None };
        // By their tokens, and by their values.
        let width = model.file.config.width;
        for (count, length) in [(530, 400), (VALUE_BYTES_MAX / (width * 4) + 1, 1)] {
            let inputs: Vec<Input> = (0..count).map(|at| Input::Tokens(vec![Token(at as u32 % 100); length])).collect();
            let prepared = prepare(&model, &asked(inputs.clone())).unwrap();
            assert_eq!(prepared.len(), 2, "{count} of {length}");
            let put_together: Vec<Input> = prepared.iter().flat_map(|prepared| prepared.inputs.clone()).collect();
            assert_eq!(put_together, inputs);
            for prepared in &prepared {
                assert!(prepared.inputs.len() * width * 4 <= VALUE_BYTES_MAX);
                assert!(prepared.intent(&model).1.iter().all(|(_, value)| value.len() <= VALUE_BYTES_MAX));
            }
        }
        let context = model.file.config.context_tokens_max;
        let long = Input::Tokens(vec![Token(1); context + 1]);
        assert!(matches!(prepare(&model, &asked(vec![long.clone()])), Err(Error::Model(_))));
        let cut = prepare(&model, &ToEmbed { shortens: true, ..asked(vec![long]) }).unwrap();
        assert_eq!(cut[0].token_count(), context);
    }
}
