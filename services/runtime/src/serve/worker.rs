//! The thread of one model: takes what is next in turn, records it, runs it, records how it ended.
//!
//! This is the one place where what runs at a time is decided, and it is one generation. Whatever runs several together takes the place of [`work`] and nothing else: it draws from the same queue,
//! begins and closes acts with the same recorder, and tells the same listeners.

use super::likely::likelihood;
use super::limits::REST_AFTER;
use super::order::{Begun, Gone, Heard, Listener};
use super::queue::{Next, Queue};
use super::recorder::Recorder;
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::generation::{Answered, Prepared};
use crate::models::Loaded;
use crate::system::System;
use mickai_model::generate::{Context, Flow, Progress};
use mickai_proof::record::OutcomeCode;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An order on its way.
pub(super) struct Job {
    pub prepared: Prepared,
    pub likely_count: Option<usize>,
    pub gone: Gone,
    pub listener: Box<dyn Listener>,
}

/// What a worker did since it started.
#[derive(Default)]
pub(super) struct Tally {
    /// Generations whose outcome is `executed`.
    pub executed: AtomicU64,
    /// Of these, those that nobody waited for any more.
    pub interrupted: AtomicU64,
    /// Generations that failed, or that could not be recorded.
    pub failed: AtomicU64,
    /// Tokens of prompts.
    pub prompt_tokens: AtomicU64,
    /// Tokens that came out.
    pub output_tokens: AtomicU64,
    /// Running now: 0 or 1.
    pub running: AtomicU64,
}

/// Works until the queue is closed.
pub(super) fn work(system: &System, recorder: &Recorder, model: &Loaded, queue: &Queue<Job>, tally: &Tally) {
    let mut context = None;
    loop {
        match queue.next(REST_AFTER) {
            Next::Closed => break,
            Next::Quiet => recorder.rest(),
            Next::Work(job) => {
                tally.running.store(1, Ordering::Relaxed);
                // A fault in a model must not end the service of it: the act stays open, and is `outcome_unknown` after the next start.
                let done = catch_unwind(AssertUnwindSafe(|| perform(system, recorder, model, &mut context, job, tally)));
                if done.is_err() {
                    context = None;
                    tally.failed.fetch_add(1, Ordering::Relaxed);
                }
                tally.running.store(0, Ordering::Relaxed);
            }
        }
    }
}

fn perform(system: &System, recorder: &Recorder, model: &Loaded, context: &mut Option<Context>, job: Job, tally: &Tally) {
    let Job { mut prepared, likely_count, gone, mut listener } = job;
    let ended = run(system, recorder, model, context, &mut prepared, &gone, likely_count, &mut *listener);
    match &ended {
        Ok(answered) => {
            tally.executed.fetch_add(1, Ordering::Relaxed);
            tally.interrupted.fetch_add(u64::from(gone.is_set()), Ordering::Relaxed);
            tally.prompt_tokens.fetch_add(answered.generation.prompt_tokens.len() as u64, Ordering::Relaxed);
            tally.output_tokens.fetch_add(answered.generation.output_tokens.len() as u64, Ordering::Relaxed);
        }
        Err(_) => _ = tally.failed.fetch_add(1, Ordering::Relaxed),
    }
    listener.ended(ended);
}

#[allow(clippy::too_many_arguments, reason = "everything that one generation needs, once")]
fn run(
    system: &System,
    recorder: &Recorder,
    model: &Loaded,
    context: &mut Option<Context>,
    prepared: &mut Prepared,
    gone: &Gone,
    likely_count: Option<usize>,
    listener: &mut dyn Listener,
) -> Result<Answered> {
    let context = match context {
        Some(context) => context,
        none => none.insert(system.context(model)?),
    };
    let (draft, openings) = prepared.intent(model);
    let act = recorder.begin(model, draft, &openings)?;
    let intent = act.intent();
    listener.begun(Begun { intent, prompt_token_count: prepared.prompt.tokens.len() });
    let ran = prepared.run(&act, model, context, &mut |progress| hear(progress, gone, likely_count, listener));
    match ran {
        Ok(Done { value, facts, openings }) => {
            let outcome = recorder.close(act, OutcomeCode::Executed, facts, &openings)?;
            Ok(Answered { intent, outcome, generation: value })
        }
        Err(Failed { error, facts }) => {
            recorder.close(act, OutcomeCode::Failed, facts, &Vec::new())?;
            Err(*error)
        }
    }
}

fn hear(progress: Progress<'_>, gone: &Gone, likely_count: Option<usize>, listener: &mut dyn Listener) -> Flow {
    let flow = match progress {
        Progress::Prompt { .. } => Flow::Continue,
        Progress::Token { token, text, logits } => {
            let likely = likely_count.map(|count| likelihood(logits, token, count));
            listener.heard(Heard { token: Some(token), text, likely: likely.as_ref() })
        }
        Progress::Rest { text } => listener.heard(Heard { token: None, text, likely: None }),
    };
    if gone.is_set() { Flow::Stop } else { flow }
}

/// A worker with what it needs.
pub(super) struct Worker {
    pub model: Arc<Loaded>,
    pub queue: Arc<Queue<Job>>,
    pub tally: Arc<Tally>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread of a model.
    ///
    /// # Errors
    /// When the operating system refuses one.
    pub fn start(system: &Arc<System>, recorder: &Arc<Recorder>, model: Arc<Loaded>) -> Result<Self> {
        let (queue, tally) = (Arc::new(Queue::new()), Arc::new(Tally::default()));
        let (system, recorder, its) = (system.clone(), recorder.clone(), (model.clone(), queue.clone(), tally.clone()));
        let thread = std::thread::Builder::new().name("mickai-model".to_owned()).spawn(move || work(&system, &recorder, &its.0, &its.1, &its.2)).map_err(Error::Threads)?;
        Ok(Self { model, queue, tally, thread: Some(thread) })
    }

    /// Nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.queue.count() == 0 && self.tally.running.load(Ordering::Relaxed) == 0
    }

    /// Lets nothing more in; what runs goes on to its end.
    pub fn close(&self) {
        self.queue.close();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A worker does not panic: what might, is caught inside.
            let _ = thread.join();
        }
    }
}
