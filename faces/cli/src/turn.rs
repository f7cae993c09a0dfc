//! One turn with a model: the flags as a request, text as it comes, Ctrl-C or a SIGTERM as the wish to stop.

use crate::args::Generation;
use crate::failure::Failure;
use crate::out::Out;
use mickai_model::generate::{Context, Flow, Progress};
use mickai_model::sample::SamplerConfig;
use mickai_model::tokens::{Message, Role};
use mickai_proof::record::Fact;
use mickai_runtime::acts::{STOP_INTERRUPTED, fact};
use mickai_runtime::{Answered, Asked, Bound, EMBEDDED_NAME, Loaded, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What Ctrl-C, a SIGTERM and a SIGHUP mean: while a model runs, the wish that it stop; at any other time, the end of this process.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Flags>);

#[derive(Default)]
struct Flags {
    is_running: AtomicBool,
    is_wanted: AtomicBool,
}

/// The exit code of a process that Ctrl-C ended, by the custom of shells.
pub const INTERRUPTED: u8 = 130;

impl Interrupt {
    /// Listens for Ctrl-C from now on.
    pub fn listen() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let flags = interrupt.0.clone();
        let on_interrupt = move || {
            if flags.is_running.load(Ordering::Relaxed) {
                flags.is_wanted.store(true, Ordering::Relaxed);
            } else {
                std::process::exit(INTERRUPTED.into());
            }
        };
        ctrlc::set_handler(on_interrupt).map_err(Failure::Interrupts)?;
        Ok(interrupt)
    }

    /// Lets `run` be stopped: what it asks, from any thread, says whether to.
    pub fn during<T>(&self, run: impl FnOnce(&(dyn Fn() -> Flow + Sync)) -> T) -> T {
        self.0.is_wanted.store(false, Ordering::Relaxed);
        self.0.is_running.store(true, Ordering::Relaxed);
        let done = run(&|| if self.0.is_wanted.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue });
        self.0.is_running.store(false, Ordering::Relaxed);
        done
    }
}

/// The model that the flags name, or the embedded one; with the adapter that they name.
pub fn model(system: &System, flags: &Generation) -> Result<Loaded, Failure> {
    let wanted = flags.model.as_deref().unwrap_or(EMBEDDED_NAME);
    Ok(match &flags.adapter {
        Some(adapter) => system.model_with(wanted, Some(adapter))?,
        None => system.model(wanted)?,
    })
}

/// The conversation and the flags as a request.
pub fn asked(flags: &Generation, messages: Vec<Message>, verbs: bool) -> Asked {
    let sampler = SamplerConfig { temperature: flags.temperature, top_k: flags.top_k, top_p: flags.top_p, min_p: flags.min_p, repetition_penalty: flags.repetition };
    let bound = if verbs { Bound::Verbs } else { Bound::Free };
    Asked { sampler, seed: flags.seed, bound, ..Asked::conversation(messages, flags.max_tokens) }
}

/// One question: the embedded model makes a verb of it, any other one answers in text.
pub fn question(model: &Loaded, flags: &Generation, words: String) -> Result<Asked, Failure> {
    if model.is_embedded {
        refuse_system(flags)?;
    }
    let mut messages = opening(flags);
    messages.push(Message { role: Role::User, content: words });
    Ok(asked(flags, messages, model.is_embedded))
}

/// The embedded model was made for requests alone, and would be led astray by other words.
pub fn refuse_system(flags: &Generation) -> Result<(), Failure> {
    match &flags.system {
        Some(value) => Err(Failure::Value { flag: "--system", value: value.clone(), wanted: "it with --model: the embedded model takes requests alone" }),
        None => Ok(()),
    }
}

/// The messages before the first question.
pub fn opening(flags: &Generation) -> Vec<Message> {
    flags.system.iter().map(|content| Message { role: Role::System, content: content.clone() }).collect()
}

/// Why an answer ended, in the word of its record.
pub fn stop(system: &System, answered: &Answered) -> Result<String, Failure> {
    let index = answered.outcome.index;
    let missing = || mickai_runtime::Error::BadRecord { index, part: fact::STOP };
    let entry = system.reader()?.entry(index)?.ok_or_else(missing)?;
    let record = entry.decode().map_err(|_| missing())?;
    Ok(record.fact(fact::STOP).and_then(Fact::as_text).ok_or_else(missing)?.to_owned())
}

/// The exit code of an answer that ended so. An answer that was cut off is one, but not what was asked for.
pub fn code(stop: &str) -> u8 {
    if stop == STOP_INTERRUPTED { INTERRUPTED } else { 0 }
}

/// Runs one turn; `show` prints the text as it comes.
pub fn run(system: &System, model: &Loaded, context: &mut Context, asked: &Asked, interrupt: &Interrupt, show: Option<Out>) -> Result<Answered, Failure> {
    let mut failed = None;
    let answered = interrupt.during(|flow| {
        system.generate(model, context, asked, &mut |progress| {
            let text = match progress {
                Progress::Token { text, .. } | Progress::Rest { text } => text,
                Progress::Prompt { .. } => "",
            };
            if let Some(out) = show.filter(|_| !text.is_empty() && failed.is_none()) {
                failed = out.said(text).err();
            }
            // A reader that is gone stops the model; what it said so far is on record all the same.
            if failed.is_some() { Flow::Stop } else { flow() }
        })
    })?;
    failed.map_or(Ok(answered), Err)
}
