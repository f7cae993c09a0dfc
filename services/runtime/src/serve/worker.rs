//! The thread of one model: lets in what is next in turn once its intent is durable, steps everything that runs, and has the outcomes recorded. It waits for no disk and for no client.

use super::batch::{Batch, Ended, Entering, Stepped};
use super::bell::Bell;
use super::limits::{BATCH_COUNT_MAX, BATCH_PER_CALLER_MAX};
use super::order::{Caller, Gone, Listener};
use super::queue::{Queue, Turn};
use super::recorder::Recorder;
use super::voice::Voice;
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::generation::{Answered, Prepared};
use crate::memory::Share;
use crate::models::Loaded;
use crate::system::System;
use mickai_model::forward::Pool;
use mickai_proof::record::OutcomeCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// An order on its way.
pub(super) struct Job {
    pub prepared: Prepared,
    pub likely_count: Option<usize>,
    pub gone: Gone,
    pub caller: Caller,
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
    /// Of these, those whose keys and values were at hand.
    pub reused_tokens: AtomicU64,
    /// Tokens that came out.
    pub output_tokens: AtomicU64,
    /// Taken from the queue and not over.
    pub running: AtomicU64,
    /// Steps.
    pub steps: AtomicU64,
    /// Tokens that were fed.
    pub step_rows: AtomicU64,
    /// Microseconds that steps took.
    pub busy_us: AtomicU64,
}

/// A worker with what it needs.
pub(super) struct Worker {
    pub model: Arc<Loaded>,
    pub queue: Arc<Queue<Job>>,
    pub pool: Pool,
    /// The memory of all pages of the pool, given back with it.
    _cache: Share,
    pub tally: Arc<Tally>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread of a model, whose keys and values take no more than `cache`.
    ///
    /// # Errors
    /// When the operating system refuses one.
    pub fn start(system: &System, recorder: &Arc<Recorder>, model: Arc<Loaded>, cache: Share) -> Result<Self> {
        let (bell, tally) = (Arc::new(Bell::default()), Arc::new(Tally::default()));
        let queue = Arc::new(Queue::new(bell.clone()));
        let pool = Pool::new(&model.file.weights(), usize::try_from(cache.bytes()).unwrap_or(usize::MAX));
        let (sender, begun) = channel();
        let (crew, isa) = (system.crew(), system.isa());
        let work = Work {
            model: model.clone(),
            recorder: recorder.clone(),
            queue: queue.clone(),
            pool: pool.clone(),
            tally: tally.clone(),
            bell,
            sender,
            begun,
            places: Places::default(),
        };
        let run = move || {
            // Should it end before its time, whoever asks is told, in place of waiting for nobody.
            let _closed = ClosedAtEnd(work.queue.clone());
            let batch = Batch::new(work.model.clone(), work.pool.clone(), crew, isa);
            work.run(batch);
        };
        let thread = std::thread::Builder::new().name("mickai-model".to_owned()).spawn(run).map_err(Error::Threads)?;
        Ok(Self { model, queue, pool, _cache: cache, tally, thread: Some(thread) })
    }

    /// Nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// It takes orders for this model.
    pub fn serves(&self, model: &Loaded) -> bool {
        self.model.digest == model.digest && !self.is_closed()
    }

    /// It takes nothing more: it was closed, or its thread ended before its time.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
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

/// Closes a queue that nobody takes from any more.
struct ClosedAtEnd(Arc<Queue<Job>>);

impl Drop for ClosedAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What the thread has.
struct Work {
    model: Arc<Loaded>,
    recorder: Arc<Recorder>,
    queue: Arc<Queue<Job>>,
    pool: Pool,
    tally: Arc<Tally>,
    bell: Arc<Bell>,
    sender: Sender<Asked>,
    /// What became of intents.
    begun: Receiver<Asked>,
    places: Places,
}

/// What became of an intent that was asked for.
struct Asked {
    caller: Caller,
    page_count: usize,
    /// `None` if there is none.
    entering: Option<Entering>,
}

/// Places that are taken, and pages that will be promised to those whose intents are being made durable.
#[derive(Default)]
struct Places {
    by_caller: BTreeMap<Caller, usize>,
    asked_count: usize,
    asked_pages: usize,
}

impl Work {
    /// Works until the queue is closed and nothing runs any more.
    fn run(mut self, mut batch: Batch) {
        loop {
            while let Ok(asked) = self.begun.try_recv() {
                self.let_in(&mut batch, asked);
            }
            self.ask(batch.waiting_pages());
            if batch.is_empty() {
                if self.queue.is_over() && self.places.asked_count == 0 {
                    break;
                }
                self.bell.wait();
                continue;
            }
            let since = Instant::now();
            let Stepped { rows, reused, ended } = batch.step();
            add(&self.tally.busy_us, u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            add(&self.tally.steps, 1);
            add(&self.tally.step_rows, rows as u64);
            add(&self.tally.reused_tokens, reused as u64);
            ended.into_iter().for_each(|ended| self.record(ended));
        }
    }

    /// Takes from the queue as many as there are places and pages for, and has their intents made durable. `waiting_pages` will be promised to those who are in the batch already.
    fn ask(&mut self, waiting_pages: usize) {
        loop {
            let (places, model) = (&self.places, &self.model);
            let free_pages = self.pool.free_count().saturating_sub(waiting_pages + places.asked_pages);
            let turn = |caller: Caller, job: &Job| {
                if places.count() >= BATCH_COUNT_MAX {
                    Turn::Wait
                } else if places.of(caller) >= BATCH_PER_CALLER_MAX {
                    Turn::Pass
                } else if page_count(model, &job.prepared) > free_pages {
                    Turn::Wait
                } else {
                    Turn::Take
                }
            };
            let Some(job) = self.queue.next(turn) else { return };
            self.begin(job);
        }
    }

    fn begin(&mut self, job: Job) {
        let Job { prepared, likely_count, gone, caller, listener } = job;
        let page_count = page_count(&self.model, &prepared);
        self.places.take(caller, page_count);
        self.tally.running.store(self.places.count() as u64, Ordering::Relaxed);
        let (draft, openings) = prepared.intent(&self.model);
        let (sender, bell, tally) = (self.sender.clone(), self.bell.clone(), self.tally.clone());
        let model = prepared.adapter.as_ref().map_or_else(|| self.model.clone(), |adapter| Arc::new(self.model.with(adapter.clone())));
        self.recorder.begin(model, draft, openings, move |begun| {
            let voice = Voice::new(listener, gone, likely_count);
            let (entering, refused) = match begun {
                Ok(act) => (Some(Entering { prepared, act, caller, voice }), None),
                Err(error) => (None, Some((voice, error))),
            };
            // The worker outlives what it asked for.
            let _ = sender.send(Asked { caller, page_count, entering });
            bell.ring();
            if let Some((voice, error)) = refused {
                add(&tally.failed, 1);
                voice.ended(Err(error));
            }
        });
    }

    fn let_in(&mut self, batch: &mut Batch, asked: Asked) {
        let Asked { caller, page_count, entering } = asked;
        self.places.answer(page_count);
        match entering {
            None => self.leave(caller),
            Some(entering) => {
                if let Some(ended) = batch.enter(entering) {
                    self.record(ended);
                }
            }
        }
    }

    /// Has an outcome recorded; whoever waits hears of it when it is durable.
    fn record(&mut self, ended: Ended) {
        let Ended { act, caller, voice, prompt_tokens, ran } = ended;
        self.leave(caller);
        let (intent, tally) = (act.running().intent(), self.tally.clone());
        add(&tally.prompt_tokens, prompt_tokens as u64);
        match ran {
            Ok(Done { value, facts, openings }) => {
                self.recorder.close(act, OutcomeCode::Executed, facts, openings, move |closed| {
                    add(&tally.executed, u64::from(closed.is_ok()));
                    add(&tally.failed, u64::from(closed.is_err()));
                    add(&tally.interrupted, u64::from(closed.is_ok() && voice.is_gone()));
                    add(&tally.output_tokens, value.output_tokens.len() as u64);
                    voice.ended(closed.map(|outcome| Answered { intent, outcome, generation: value }));
                });
            }
            Err(Failed { error, facts }) => {
                self.recorder.close(act, OutcomeCode::Failed, facts, Vec::new(), move |closed| {
                    add(&tally.failed, 1);
                    voice.ended(Err(match closed {
                        Ok(outcome) => Error::Failed { because: error, records: Box::new((intent, outcome)) },
                        Err(unclosed) => unclosed,
                    }));
                });
            }
        }
    }

    fn leave(&mut self, caller: Caller) {
        self.places.leave(caller);
        self.queue.over();
        self.tally.running.store(self.places.count() as u64, Ordering::Relaxed);
    }
}

impl Places {
    fn count(&self) -> usize {
        self.by_caller.values().sum()
    }

    fn of(&self, caller: Caller) -> usize {
        self.by_caller.get(&caller).copied().unwrap_or(0)
    }

    fn take(&mut self, caller: Caller, page_count: usize) {
        *self.by_caller.entry(caller).or_default() += 1;
        self.asked_count += 1;
        self.asked_pages += page_count;
    }

    fn answer(&mut self, page_count: usize) {
        self.asked_count -= 1;
        self.asked_pages -= page_count;
    }

    fn leave(&mut self, caller: Caller) {
        if let Some(count) = self.by_caller.get_mut(&caller) {
            *count -= 1;
        }
        self.by_caller.retain(|_, count| *count > 0);
    }
}

/// Pages that a generation is promised.
fn page_count(model: &Loaded, prepared: &Prepared) -> usize {
    Pool::pages_of(prepared.tokens_max(model))
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
