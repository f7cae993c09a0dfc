//! Where orders are taken: models that are open, each with its queue and its worker, and the one recorder.

mod opening;

mod room;

pub(super) use room::Want;

use super::embed::Embedding;
use super::limits::{LIKELY_COUNT_MAX, REQUEST_BYTES_MAX, STOP_TEXTS_MAX};
use super::order::{Listener, Order};
use super::queue::{Full, Waiting};
use super::recorder::Recorder;
use super::settles::Settles;
use super::worker::{Job, Worker};
use crate::adapters::LoadedAdapter;
use crate::erase::{Fields, ValuesErased};
use crate::error::{Error, Result};
use crate::generation::{Prepared, today};
use crate::memory::{Allowance, Budget};
use crate::models::{Listed, Loaded};
use crate::said::{Room, Shortening};
use crate::settle::{Settlement, Settler, Settling};
use crate::system::System;
use mickai_model::digest::ModelDigest;
use mickai_model::forward::{PAGE_TOKENS, Pool, PoolUse};
use mickai_proof::limits::VALUE_BYTES_MAX;
use mickai_store::Appended;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Takes orders for one system, from any thread. Dropping it ends what runs and waits for it.
pub struct Desk {
    system: Arc<System>,
    recorder: Arc<Recorder>,
    embedded: Listed,
    /// Most recently used last.
    workers: Mutex<Vec<Worker>>,
    /// Most recently used last.
    adapters: Mutex<Vec<Arc<LoadedAdapter>>>,
    /// Set under the lock of the workers: from then on none is started.
    is_closed: AtomicBool,
    /// Held while something is opened, which may take long; what is open is served meanwhile.
    opening: Mutex<()>,
    pub(super) embedding: Arc<Embedding>,
    /// The thread that settles, once one does.
    settles: Mutex<Option<Settles>>,
    /// The memory of all of this.
    pub(super) budget: Arc<Budget>,
    /// Bytes of keys and values of each model, at most.
    cache_bytes_max: u64,
    pub(super) refused: AtomicU64,
}

/// What a desk did since it started, and what it is doing.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Of each open model.
    pub models: Vec<ModelCounts>,
    /// Orders that were refused because something was full.
    pub refused: u64,
    /// Bytes of memory that models, their keys and values, adapters and embeddings may take together.
    pub memory_bytes_max: u64,
    /// Of these, those that are taken.
    pub memory_bytes: u64,
    /// Requests for embeddings that wait or run.
    pub embedding_waiting: u64,
    /// Texts of which vectors were made.
    pub embedded_inputs: u64,
    /// Their tokens.
    pub embedded_tokens: u64,
}

/// The counts of one model since it was opened.
#[derive(Clone, Debug)]
pub struct ModelCounts {
    /// Its name.
    pub name: String,
    /// What it is.
    pub digest: ModelDigest,
    /// Bytes of its tensors.
    pub tensor_bytes: u64,
    /// Orders that wait.
    pub waiting: u64,
    /// Generations that run.
    pub running: u64,
    /// Generations whose outcome is `executed`.
    pub executed: u64,
    /// Of these, those that nobody waited for any more.
    pub interrupted: u64,
    /// Generations that failed.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Of these, those whose keys and values were at hand.
    pub reused_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
    /// Steps: each takes rows of all generations that run through the model together.
    pub steps: u64,
    /// Rows of all steps, one for each token that was fed.
    pub step_rows: u64,
    /// How long steps took.
    pub busy: Duration,
    /// The pages of keys and values.
    pub cache: PoolUse,
    /// Bytes of one page.
    pub page_bytes: u64,
}

impl Desk {
    /// Opens the log for writing once, so that acts of a process that died are closed before anything is promised.
    ///
    /// # Errors
    /// A log that cannot be written, or that another process holds.
    pub fn open(system: Arc<System>, allowance: Allowance) -> Result<Self> {
        let recorder = Arc::new(Recorder::new(system.clone())?);
        recorder.with(|_| Ok(()))?;
        recorder.rest();
        let embedded = system.embedded_listed()?;
        Ok(Self {
            system,
            recorder,
            embedded,
            workers: Mutex::default(),
            adapters: Mutex::default(),
            is_closed: AtomicBool::new(false),
            opening: Mutex::new(()),
            embedding: Arc::default(),
            settles: Mutex::default(),
            budget: Budget::new(allowance.memory_bytes),
            cache_bytes_max: allowance.cache_bytes,
            refused: AtomicU64::new(0),
        })
    }

    /// From now on settles when the operator said so, on a thread of its own and beside what runs: no answer waits for it, and there is one at a time. `reach` gives the chain that the settings in force say, `told` hears what came of it.
    ///
    /// # Errors
    /// When the operating system refuses the thread.
    pub fn settle_when_due(
        &self,
        reach: impl Fn(&System, &Settling) -> Result<Box<dyn Settler>> + Send + 'static,
        told: impl Fn(Result<Settlement>) + Send + 'static,
    ) -> Result<()> {
        let mut settles = self.settles.lock().unwrap_or_else(PoisonError::into_inner);
        // The one before ends first.
        *settles = None;
        *settles = Some(Settles::start(self.system.clone(), self.recorder.clone(), Box::new(reach), Box::new(told))?);
        Ok(())
    }

    /// The system.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Everything that can be asked for: all models, the embedded one first, then each with each of its adapters.
    ///
    /// # Errors
    /// When a folder of models or adapters cannot be read.
    pub fn models(&self) -> Result<Vec<Listed>> {
        Ok(std::iter::once(self.embedded.clone()).chain(self.system.stored()?).chain(self.system.stored_with_adapters()?).collect())
    }

    /// The model of that name or digest prefix, `MODEL+ADAPTER` with that adapter on it; `None` unless all of it is open. Waits for nobody who opens something.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`].
    pub fn open_model(&self, wanted: &str) -> Result<Option<Arc<Loaded>>> {
        let (model, adapter) = self.system.parted(wanted)?;
        let Some(model) = self.opened(self.digest_of(model)?) else { return Ok(None) };
        match adapter {
            Some(adapter) => Ok(self.opened_adapter(&model, &self.stored_adapter(&model, adapter)?).map(|adapter| Arc::new(model.with(adapter)))),
            None => Ok(Some(model)),
        }
    }

    /// The model of that name or digest prefix, opened unless it is; `MODEL+ADAPTER` with that adapter on it.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`]; what keeps it from being opened; [`Error::ModelsBusy`], [`Error::Short`].
    pub fn model(&self, wanted: &str) -> Result<Arc<Loaded>> {
        let (model, adapter) = self.system.parted(wanted)?;
        let model = self.model_alone(model)?;
        match adapter {
            Some(adapter) => Ok(Arc::new(model.with(self.adapter(&model, adapter)?))),
            None => Ok(model),
        }
    }

    /// Puts orders of one caller in line, all or none. The listeners hear of them from another thread.
    ///
    /// # Errors
    /// Those of [`Entry::prepared`] and [`Desk::line_up`], which are its steps.
    pub fn submit(&self, orders: Vec<(Order, Box<dyn Listener>)>) -> Result<()> {
        let Some(model) = orders.first().map(|(order, _)| order.model.clone()) else { return Ok(()) };
        self.line_up(self.enter(model).prepared(orders)?)
    }

    /// Begins to put orders for a model in line; waits for nothing.
    pub fn enter(&self, model: Arc<Loaded>) -> Entry {
        let (weights, bytes) = (model.file.weights(), usize::try_from(self.cache_bytes(&model)).unwrap_or(usize::MAX));
        let pages = Pages { count_max: Pool::pages_within(&weights, bytes), byte_count: Pool::bytes_of(&weights, PAGE_TOKENS) };
        Entry { model, pages, waiting: Vec::new() }
    }

    /// Puts orders that are ready in line, all or none, and opens their model again where that was closed for another in the meantime.
    ///
    /// # Errors
    /// Those of [`Desk::line_up_if_open`]; what keeps the model from being opened.
    pub fn line_up(&self, entry: Entry) -> Result<()> {
        let Some(entry) = self.line_up_if_open(entry)? else { return Ok(()) };
        let opening = self.opening();
        self.keep(&opening, &entry.model)?;
        match self.line_up_if_open(entry)? {
            None => Ok(()),
            // Nobody else can have closed it: it ended as soon as it was started.
            Some(_) => Err(Error::Fault),
        }
    }

    /// The same where their model takes orders; where it was closed in the meantime they are given back. Waits for nobody who opens something.
    ///
    /// # Errors
    /// [`Error::Full`]: nothing is in line then, and no listener hears anything.
    pub fn line_up_if_open(&self, entry: Entry) -> Result<Option<Entry>> {
        // Under the lock, so that its worker is not retired meanwhile.
        let workers = self.lock();
        self.refuse_if_closed()?;
        let Some(worker) = workers.iter().find(|worker| worker.serves(&entry.model)) else { return Ok(Some(entry)) };
        worker.queue.push(entry.waiting).map(|()| None).map_err(|full| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Error::Full(full)
        })
    }

    /// Erases everything that both records of a generation still keep, each by an act of its own, of whose intent `begun` hears when it is durable. A record that keeps nothing needs none.
    ///
    /// # Errors
    /// As [`System::erase`].
    pub fn forget(&self, records: &[u64], begun: &mut dyn FnMut(Appended)) -> Result<Vec<ValuesErased>> {
        let mut all = Vec::new();
        for index in records {
            match self.recorder.with(|executor| self.system.erase_by(executor, *index, &Fields::All, None, begun)) {
                Ok(erased) => all.push(erased),
                // The last is said of a record that commits to nothing, as the outcome of an act that failed.
                Err(Error::AlreadyErased { .. } | Error::NotKept { .. } | Error::NoField { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The one that records.
    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Can the log be written? Opens it, if nothing has for a while.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<()> {
        self.recorder.with(|_| Ok(()))
    }

    /// What it did and does.
    pub fn counts(&self) -> Counts {
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let of = |worker: &Worker| ModelCounts {
            name: worker.model.name.clone(),
            digest: worker.model.digest,
            tensor_bytes: worker.model.file.tensor_bytes(),
            waiting: worker.queue.count() as u64,
            running: count(&worker.tally.running),
            executed: count(&worker.tally.executed),
            interrupted: count(&worker.tally.interrupted),
            failed: count(&worker.tally.failed),
            prompt_tokens: count(&worker.tally.prompt_tokens),
            reused_tokens: count(&worker.tally.reused_tokens),
            output_tokens: count(&worker.tally.output_tokens),
            steps: count(&worker.tally.steps),
            step_rows: count(&worker.tally.step_rows),
            busy: Duration::from_micros(count(&worker.tally.busy_us)),
            cache: worker.pool.usage(),
            page_bytes: worker.pool.page_byte_count() as u64,
        };
        let (embedding_waiting, embedded_inputs, embedded_tokens) = self.embedding.counts();
        let (memory_bytes_max, memory_bytes) = (self.budget.max(), self.budget.taken());
        let models = self.lock().iter().map(of).collect();
        Counts { models, refused: count(&self.refused), memory_bytes_max, memory_bytes, embedding_waiting, embedded_inputs, embedded_tokens }
    }

    /// Lets no more orders in and forgets those that wait; what runs goes on.
    pub fn close(&self) {
        let workers = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        workers.iter().for_each(Worker::close);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        *self.settles.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Each waits for what runs; acts are closed before the log is given back.
        self.lock().clear();
        self.recorder.rest();
    }
}

/// Orders of one caller for one model on their way into its line. It holds nothing of the model's pages, whose memory another model may get meanwhile.
pub struct Entry {
    model: Arc<Loaded>,
    pages: Pages,
    waiting: Vec<Waiting<Job>>,
}

/// The pages of a model's pool.
#[derive(Clone, Copy)]
struct Pages {
    count_max: usize,
    byte_count: usize,
}

impl Entry {
    /// Makes orders ready: their prompts are rendered and become tokens, and they are held against the limits. This is work of the processor alone: it waits for no model, no log and no disk.
    ///
    /// # Errors
    /// A prompt, a grammar or a limit that stands against one of them, with the numbers. [`Full::Closed`] where nobody waits for one any more.
    pub fn prepared(mut self, orders: Vec<(Order, Box<dyn Listener>)>) -> Result<Self> {
        let mut shortening = Shortening::default();
        for (order, listener) in orders {
            let before = self.waiting.last().map(|before| &before.item.prepared);
            let next = prepared(order, self.pages, &mut shortening, before, listener)?;
            self.waiting.push(next);
        }
        Ok(self)
    }
}

/// Renders an order, after one of the same caller for the same model, and holds it against the limits.
fn prepared(order: Order, pages: Pages, shortening: &mut Shortening, before: Option<&Prepared>, listener: Box<dyn Listener>) -> Result<Waiting<Job>> {
    let Order { model, mut asked, likely_count, shortens, caller, gone } = order;
    let look = || if gone.is_set() { Err(Error::Full(Full::Closed)) } else { Ok(()) };
    look()?;
    let over = |what, asked, max| if asked > max { Err(Error::TooMuch { what, asked: asked as u64, max: max as u64 }) } else { Ok(()) };
    over("stop texts", asked.stop_texts.len(), STOP_TEXTS_MAX)?;
    over("alternatives for each token", likely_count.unwrap_or(0), LIKELY_COUNT_MAX)?;
    // Before anything is made of it.
    over("bytes of the request", asked.request.as_ref().map_or(0, |taken| taken.bytes.len()), REQUEST_BYTES_MAX)?;
    let context_tokens_max = model.file.config.context_tokens_max;
    let is_said = asked.token_count_max < usize::MAX;
    let token_count_max = asked.token_count_max.min(context_tokens_max);
    asked.token_count_max = token_count_max;
    if shortens {
        let room = Room { token_count_max: pages.count_max.saturating_mul(PAGE_TOKENS), answer_token_count: token_count_max };
        asked.said = shortening.of(asked.said, &model, today()?, room, &look)?;
    }
    let mut prepared = Prepared::beside(&model, asked, before)?;
    let longest = prepared.intent(&model).1.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
    over("bytes of the prompt on record", longest, VALUE_BYTES_MAX)?;
    let (prompt_tokens, page_count_max) = (prepared.prompt.tokens.len(), pages.count_max);
    let bytes = |page_count| page_count * pages.byte_count;
    // What was not said may be as long as there is room; what was said is promised whole, or refused.
    let output_tokens = if is_said { token_count_max } else { 1 };
    let tokens_max = (prompt_tokens + output_tokens).min(context_tokens_max);
    over("bytes of keys and values", bytes(Pool::pages_of(tokens_max)), bytes(page_count_max))?;
    prepared.request.output_tokens_max = token_count_max.min((page_count_max * PAGE_TOKENS).saturating_sub(prompt_tokens));
    let byte_count = prepared.byte_count();
    Ok(Waiting { item: Job { prepared, likely_count, gone: gone.clone(), caller, listener }, caller, byte_count, gone })
}

#[cfg(test)]
mod tests;
