//! Where orders are taken: models that are open, each with its queue and its worker, and the one recorder.

use super::embed::Embedding;
use super::limits::{ADAPTERS_OPEN_MAX, LIKELY_COUNT_MAX, MODELS_OPEN_MAX, REQUEST_BYTES_MAX, STOP_TEXTS_MAX};
use super::order::{Listener, Order};
use super::queue::{Full, Waiting};
use super::recorder::Recorder;
use super::settles::Settles;
use super::worker::{Job, Worker};
use crate::adapters::LoadedAdapter;
use crate::erase::{Fields, ValuesErased};
use crate::error::{Error, Result};
use crate::generation::{Prepared, today};
use crate::models::{EMBEDDED_NAME, Listed, Loaded, is_prefix};
use crate::said::Shortening;
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
    /// Held while a model is opened, which may take long; what is open is served meanwhile.
    opening: Mutex<()>,
    pub(super) embedding: Embedding,
    /// The thread that settles, once one does.
    settles: Mutex<Option<Settles>>,
    /// Bytes of keys and values of each model.
    pub(super) cache_bytes: usize,
    pub(super) refused: AtomicU64,
}

/// What a desk did since it started, and what it is doing.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Of each open model.
    pub models: Vec<ModelCounts>,
    /// Orders that were refused because something was full.
    pub refused: u64,
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
    /// Opens the log for writing once, so that acts of a process that died are closed before anything is promised. Each model that is used may keep `cache_bytes` of keys and values.
    ///
    /// # Errors
    /// A log that cannot be written, or that another process holds.
    pub fn open(system: Arc<System>, cache_bytes: usize) -> Result<Self> {
        let recorder = Arc::new(Recorder::new(system.clone())?);
        recorder.with(|_| Ok(()))?;
        recorder.rest();
        let embedded = system.models()?.into_iter().find(|model| model.is_embedded).ok_or(Error::EmbeddedModel)?;
        Ok(Self {
            system,
            recorder,
            embedded,
            workers: Mutex::default(),
            adapters: Mutex::default(),
            is_closed: AtomicBool::new(false),
            opening: Mutex::new(()),
            embedding: Embedding::default(),
            settles: Mutex::default(),
            cache_bytes,
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

    /// The model of that name or digest prefix, opened unless it is; `MODEL+ADAPTER` with that adapter on it.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`]; what keeps it from being opened; [`Error::ModelsBusy`].
    pub fn model(&self, wanted: &str) -> Result<Arc<Loaded>> {
        let (model, adapter) = self.system.parted(wanted)?;
        let model = self.model_alone(model)?;
        match adapter {
            Some(adapter) => Ok(Arc::new(model.with(self.adapter(&model, adapter)?))),
            None => Ok(model),
        }
    }

    fn model_alone(&self, wanted: &str) -> Result<Arc<Loaded>> {
        let digest = self.digest_of(wanted)?;
        if let Some(model) = self.opened(digest) {
            return Ok(model);
        }
        let _one_at_a_time = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = self.opened(digest) {
            return Ok(model);
        }
        let model = Arc::new(self.system.model(&digest.to_string())?);
        self.keep(model.clone())?;
        Ok(model)
    }

    /// An adapter of a model, opened unless it is. Whether it may run is looked at when it is about to.
    fn adapter(&self, model: &Loaded, wanted: &str) -> Result<Arc<LoadedAdapter>> {
        if model.is_embedded {
            return Err(Error::EmbeddedAdapter);
        }
        let stored = self.system.adapter_of(&model.model_name, model.digest, wanted)?;
        let is_it = |open: &Arc<LoadedAdapter>| (open.digest().0, open.model, open.name.as_str()) == (stored.digest.0, model.digest, stored.manifest.name.as_str());
        let adapters = || self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = adapters().iter().find(|open| is_it(open)).cloned();
        let adapter = match known {
            Some(known) => known,
            None => Arc::new(self.system.opened_adapter(&stored, &model.file.config, &model.model_name)?),
        };
        let mut adapters = adapters();
        adapters.retain(|open| !is_it(open));
        if adapters.len() >= ADAPTERS_OPEN_MAX {
            adapters.remove(0);
        }
        adapters.push(adapter.clone());
        Ok(adapter)
    }

    /// Puts orders of one caller in line, all or none. The listeners hear of them from another thread.
    ///
    /// # Errors
    /// A prompt, a grammar or a limit that stands against one of them, with the numbers: nothing is in line then, and no listener hears anything. [`Full::Closed`] where nobody waits for one any more.
    pub fn submit(&self, orders: Vec<(Order, Box<dyn Listener>)>) -> Result<()> {
        let Some(model) = orders.first().map(|(order, _)| order.model.clone()) else { return Ok(()) };
        // A model that was closed for another in the meantime is opened again.
        let pool = self.with_worker(&model, |worker| worker.pool.clone())?;
        let mut shortening = Shortening::default();
        let waiting = orders.into_iter().map(|(order, listener)| prepared(order, &pool, &mut shortening, listener)).collect::<Result<Vec<_>>>()?;
        // And again, where that was while these were made ready.
        self.with_worker(&model, |worker| worker.queue.push(waiting))?.map_err(|full| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Error::Full(full)
        })
    }

    /// Does something with the worker of a model, which is not retired meanwhile, and is started where none takes orders.
    fn with_worker<T>(&self, model: &Arc<Loaded>, act: impl FnOnce(&Worker) -> T) -> Result<T> {
        for _ in 0..=MODELS_OPEN_MAX {
            let workers = self.lock();
            if let Some(worker) = workers.iter().find(|worker| worker.model.digest == model.digest && !worker.is_closed()) {
                return Ok(act(worker));
            }
            drop(workers);
            self.keep(model.clone())?;
        }
        // It ends as soon as it is started.
        Err(Error::Fault)
    }

    /// Erases everything that both records of a generation still keep, each by an act of its own, of whose intent `begun` hears when it is durable. A record that keeps nothing any more needs none.
    ///
    /// # Errors
    /// As [`System::erase`].
    pub fn forget(&self, records: &[u64], begun: &mut dyn FnMut(Appended)) -> Result<Vec<ValuesErased>> {
        let mut all = Vec::new();
        for index in records {
            match self.recorder.with(|executor| self.system.erase_by(executor, *index, &Fields::All, None, begun)) {
                Ok(erased) => all.push(erased),
                Err(Error::AlreadyErased { .. } | Error::NotKept { .. }) => {}
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
        Counts { models: self.lock().iter().map(of).collect(), refused: count(&self.refused), embedding_waiting, embedded_inputs, embedded_tokens }
    }

    /// Lets no more orders in and forgets those that wait; what runs goes on.
    pub fn close(&self) {
        let workers = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        workers.iter().for_each(Worker::close);
    }

    fn digest_of(&self, wanted: &str) -> Result<ModelDigest> {
        if wanted == EMBEDDED_NAME || is_prefix(wanted, &self.embedded.digest) {
            return Ok(self.embedded.digest);
        }
        Ok(ModelDigest(self.system.stored_model(wanted)?.digest.0))
    }

    /// The open model of that digest, which thereby is the most recently used.
    fn opened(&self, digest: ModelDigest) -> Option<Arc<Loaded>> {
        let mut workers = self.lock();
        let at = workers.iter().position(|worker| worker.model.digest == digest && !worker.is_closed())?;
        let worker = workers.remove(at);
        let model = worker.model.clone();
        workers.push(worker);
        Some(model)
    }

    /// Starts a worker for a model; the one that was not used for longest makes room. One whose thread ended before its time is in nobody's way.
    fn keep(&self, model: Arc<Loaded>) -> Result<()> {
        let retired = {
            let mut workers = self.lock();
            if self.is_closed.load(Ordering::Relaxed) {
                return Err(Error::Full(Full::Closed));
            }
            if workers.iter().any(|worker| worker.model.digest == model.digest && !worker.is_closed()) {
                return Ok(());
            }
            let mut retired: Vec<Worker> = workers.extract_if(.., |worker| worker.is_closed()).collect();
            if workers.len() >= MODELS_OPEN_MAX {
                let idle = workers.iter().position(Worker::is_idle).ok_or(Error::ModelsBusy { open: workers.len(), max: MODELS_OPEN_MAX })?;
                retired.push(workers.remove(idle));
            }
            // Of whatever was asked for, the worker has the model: adapters come with each order.
            workers.push(Worker::start(&self.system, &self.recorder, Arc::new(model.alone()), self.cache_bytes)?);
            retired
        };
        drop(retired);
        Ok(())
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

/// Renders an order and holds it against the limits.
fn prepared(order: Order, pool: &Pool, shortening: &mut Shortening, listener: Box<dyn Listener>) -> Result<Waiting<Job>> {
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
        asked.said = shortening.of(asked.said, &model, today()?, token_count_max, &look)?;
    }
    let mut prepared = Prepared::new(&model, asked)?;
    let longest = prepared.intent(&model).1.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
    over("bytes of the prompt on record", longest, VALUE_BYTES_MAX)?;
    let (prompt_tokens, page_count_max) = (prepared.prompt.tokens.len(), pool.page_count_max());
    let bytes = |page_count| page_count * pool.page_byte_count();
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
