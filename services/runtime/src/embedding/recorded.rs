//! Recorded embeddings with their values, held against everything that their record says of them.

use super::inputs::{Input, tokens_of};
use crate::acts::{Act, fact, label};
use crate::error::{Error, Result};
use crate::models::Loaded;
use crate::recorded::{Values, has_edges};
use crate::system::System;
use mickai_kernels::ARITHMETIC;
use mickai_model::digest::{EdgesOf, edges};
use mickai_model::embed::EMBEDDING;
use mickai_model::tokens::Token;
use mickai_proof::digest::LogId;
use mickai_proof::record::OutcomeCode;

/// All that a record of embeddings says.
pub(crate) struct RecordedEmbedding {
    pub act: Act,
    pub log: LogId,
    pub tokens: Vec<Vec<Token>>,
    pub dimension_count: usize,
    /// Their bits, little-endian.
    pub bytes: Vec<u8>,
    inputs: Vec<Input>,
}

impl RecordedEmbedding {
    /// Its values.
    ///
    /// # Errors
    /// No outcome to compare with; values that are not here, or do not fit.
    pub fn read(act: Act, log: LogId, values: Values<'_>) -> Result<Self> {
        let before = act.intent.index;
        let after = match &act.outcome {
            Some((OutcomeCode::Executed, side)) if side.text(fact::STOP) == Some("end") => side.index,
            _ => return Err(Error::NoOutcome { index: before }),
        };
        let bad = |part| Error::BadRecord { index: before, part };
        let count = |name| act.intent.uint(name).and_then(|count| usize::try_from(count).ok()).ok_or_else(|| bad(name));
        let inputs = Input::of(&values(before, label::INPUTS)?).ok_or_else(|| bad(label::INPUTS))?;
        let tokens = tokens_of(&values(before, label::INPUTS_TOKENS)?).ok_or_else(|| bad(label::INPUTS_TOKENS))?;
        let dimension_count = count(fact::DIMENSION_COUNT)?;
        if count(fact::INPUT_COUNT)? != inputs.len() || inputs.len() != tokens.len() {
            return Err(bad(fact::INPUT_COUNT));
        }
        let bytes = values(after, label::EMBEDDINGS)?;
        Ok(Self { act, log, tokens, dimension_count, bytes, inputs })
    }

    /// The model that the record names, with its adapter; what the record says of it, of the rules that it ran by and of its inputs is true of what is returned.
    ///
    /// # Errors
    /// A model that is not here; another version; tokens that are not those of the inputs.
    pub fn model(&self, system: &System) -> Result<Loaded> {
        let intent = &self.act.intent;
        let bad = |part| Error::BadRecord { index: intent.index, part };
        let model = system.recorded_model(intent)?;
        let same = [
            (fact::ARITHMETIC, intent.text(fact::ARITHMETIC) == Some(ARITHMETIC)),
            (fact::EMBEDDING, intent.text(fact::EMBEDDING) == Some(EMBEDDING)),
            (fact::TOKENIZER, intent.bytes(fact::TOKENIZER) == Some(&model.file.tokenizer.digest().0)),
            (fact::EDGES, has_edges(intent, edges(&model.file, EdgesOf::Embeddings))),
        ];
        if let Some((part, _)) = same.into_iter().find(|(_, is_same)| !is_same) {
            return Err(Error::OtherVersion { index: intent.index, part });
        }
        for (input, tokens) in self.inputs.iter().zip(&self.tokens) {
            // One that was too long lost its end.
            let whole = input.tokens(&model)?;
            let is_cut = tokens.len() == model.file.config.context_tokens_max && whole.starts_with(tokens);
            if whole != *tokens && !is_cut {
                return Err(bad(label::INPUTS_TOKENS));
            }
        }
        system.as_recorded(model, intent)
    }
}
