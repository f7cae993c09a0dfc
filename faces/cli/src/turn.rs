//! One turn with a model: the flags as a request, text as it comes, Ctrl-C as the wish to stop.

use crate::args::Generation;
use crate::failure::Failure;
use crate::out::Out;
use mickai_model::generate::{Context, Flow, Progress};
use mickai_model::sample::SamplerConfig;
use mickai_model::tokens::{Message, Role};
use mickai_runtime::{Answered, Asked, EMBEDDED_NAME, Loaded, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by Ctrl-C while a model runs.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C from now on.
    pub fn listen() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let flag = interrupt.0.clone();
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(Failure::Interrupts)?;
        Ok(interrupt)
    }

    /// Forgets a Ctrl-C that came before.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn flow(&self) -> Flow {
        if self.0.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    }
}

/// The model that the flags name, or the embedded one.
pub fn model(system: &System, flags: &Generation) -> Result<Loaded, Failure> {
    Ok(system.model(flags.model.as_deref().unwrap_or(EMBEDDED_NAME))?)
}

/// The conversation and the flags as a request.
pub fn asked(flags: &Generation, messages: Vec<Message>, verbs: bool) -> Asked {
    let sampler = SamplerConfig { temperature: flags.temperature, top_k: flags.top_k, top_p: flags.top_p, min_p: flags.min_p, repetition_penalty: flags.repetition };
    Asked { messages, sampler, seed: flags.seed, token_count_max: flags.max_tokens, verbs, causes: Vec::new() }
}

/// The messages before the first question.
pub fn opening(flags: &Generation) -> Vec<Message> {
    flags.system.iter().map(|content| Message { role: Role::System, content: content.clone() }).collect()
}

/// Runs one turn; `show` prints the text as it comes.
pub fn run(system: &System, model: &Loaded, context: &mut Context, asked: &Asked, interrupt: &Interrupt, show: Option<Out>) -> Result<Answered, Failure> {
    let mut failed = None;
    let answered = system.generate(model, context, asked, &mut |progress| {
        let text = match progress {
            Progress::Token { text, .. } | Progress::Rest { text } => text,
            Progress::Prompt { .. } => "",
        };
        if let Some(out) = show.filter(|_| !text.is_empty() && failed.is_none()) {
            failed = out.piece(text).err();
        }
        // A terminal that is gone stops the model; what it said so far is on record all the same.
        if failed.is_some() { Flow::Stop } else { interrupt.flow() }
    })?;
    failed.map_or(Ok(answered), Err)
}
