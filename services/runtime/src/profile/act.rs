//! One generation under observation: recorded as any other.

use super::hands::Hands;
use super::recorder::Recorder;
use super::report::{Phase, Profile};
use super::roofs::Roofs;
use crate::error::Result;
use crate::generation::{Answered, Asked};
use crate::models::Loaded;
use crate::system::System;
use mickai_model::generate::{Context, Flow, Progress};
use std::sync::Arc;

/// What is wanted of a profile beside its figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Alternatives told of for each token.
    pub alternatives: usize,
    /// Whether every single operation is kept.
    pub trace: bool,
}

/// A generation, its two records, and where its time went.
#[derive(Debug)]
pub struct Profiled {
    /// As of any generation.
    pub answered: Answered,
    /// Where its time went.
    pub profile: Profile,
}

impl System {
    /// Generates as [`System::generate`] does, on an empty context of its own, and measures it. What the machine can do at most is measured afterwards.
    ///
    /// # Errors
    /// Those of [`System::generate`].
    pub fn profile(&self, model: &Loaded, asked: &Asked, wanted: Wanted, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Profiled> {
        let (weights, config) = (model.file.weights(), &model.file.config);
        let hands = Arc::new(Hands::new(self.crew(), self.thread_count()));
        let recorder = Arc::new(Recorder::new(hands.clone(), config.layer_count, wanted.alternatives, wanted.trace));
        let mut context = Context::new(weights.clone(), config.context_tokens_max, hands.clone(), self.isa())?;
        context.watch(recorder.clone());
        let begun_ns = hands.now_ns();
        let answered = self.generate(model, &mut context, asked, &mut |progress| {
            recorder.hear(&progress, &model.file.tokenizer);
            let flow = each(progress);
            recorder.heard();
            flow
        })?;
        let whole_ns = hands.now_ns() - begun_ns;
        let (phases, tokens, trace) = recorder.finish();
        let recording_ns = whole_ns - phases.iter().map(Phase::wall_ns).sum::<u64>();
        let roofs = Roofs::measure(self.isa(), &*self.crew(), self.thread_count(), weights.packed());
        let (isa, thread_count, layer_count) = (self.isa().name(), self.thread_count(), config.layer_count);
        Ok(Profiled { answered, profile: Profile { isa, thread_count, layer_count, roofs, recording_ns, phases, tokens, trace } })
    }
}
