//! Embeddings for callers: one request at a time, beside the generations of every model.

use super::desk::{Desk, Want};
use super::limits::EMBEDDING_COUNT_MAX;
use super::order::Gone;
use super::queue::Full;
use super::recorder::contained;
use crate::embedding::{Embedded, PreparedEmbedding, ToEmbed, prepare};
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::generation::failed;
use crate::models::Loaded;
use mickai_model::embed::Embedder;
use mickai_model::generate::Flow;
use mickai_proof::record::OutcomeCode;
use mickai_store::Appended;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

/// Who makes vectors, who waits for that, and what was made.
#[derive(Default)]
pub(super) struct Embedding {
    /// Held by the one that runs: a second would share its processors and finish neither sooner.
    turn: Mutex<()>,
    waiting: AtomicU64,
    inputs: AtomicU64,
    tokens: AtomicU64,
}

impl Embedding {
    /// Requests that wait or run; inputs and tokens so far.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.waiting.load(Ordering::Relaxed), self.inputs.load(Ordering::Relaxed), self.tokens.load(Ordering::Relaxed))
    }
}

/// A place among those that wait; given back when it is dropped.
struct Place(Arc<Embedding>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request for vectors on its way, one part for each act. It counts among those that wait.
pub struct EmbeddingEntry {
    model: Arc<Loaded>,
    parts: Vec<PreparedEmbedding>,
    /// Bytes of memory that there are in all.
    memory_bytes_max: u64,
    _place: Place,
}

impl EmbeddingEntry {
    /// Makes a request ready: its texts become tokens, and they are held against the limits. This is work of the processor alone: it waits for no model, no log and no disk.
    ///
    /// # Errors
    /// Inputs or a limit that stands against it, with the numbers.
    pub fn prepared(self, asked: &ToEmbed) -> Result<Self> {
        let entry = Self { parts: prepare(&self.model, asked)?, ..self };
        entry.want().fits(entry.memory_bytes_max)?;
        Ok(entry)
    }

    /// The memory of its longest part.
    fn want(&self) -> Want {
        let weights = self.model.file.weights();
        let bytes = self.parts.iter().map(|prepared| Embedder::cache_bytes(&weights, &prepared.tokens) as u64).max().unwrap_or(0);
        Want { what: "the inputs and their model", bytes, beside: self.model.byte_count(), spared: None }
    }
}

impl Desk {
    /// Begins to have vectors made by a model; waits for nothing.
    ///
    /// # Errors
    /// [`Full::Count`] where as many wait as may.
    pub fn enter_embedding(&self, model: Arc<Loaded>) -> Result<EmbeddingEntry> {
        let waiting = self.embedding.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.embedding.clone());
        if waiting >= EMBEDDING_COUNT_MAX {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Full(Full::Count { waiting: waiting as usize, max: EMBEDDING_COUNT_MAX as usize }));
        }
        Ok(EmbeddingEntry { model, parts: Vec::new(), memory_bytes_max: self.budget.max(), _place: place })
    }

    /// Makes all vectors of a request, and waits for them. `begun` hears of each intent when it is durable.
    ///
    /// # Errors
    /// A limit that stands against it, with the numbers: nothing is on record then. [`Full::Closed`] where `gone` was set: what had begun is on record as interrupted. What a model
    /// or the log does.
    pub fn embed(&self, entry: EmbeddingEntry, gone: &Gone, begun: &mut dyn FnMut(Appended)) -> Result<Embedded> {
        let want = entry.want();
        let EmbeddingEntry { model, parts, _place, .. } = entry;
        let _turn = self.embedding.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if gone.is_set() {
            return Err(Error::Full(Full::Closed));
        }
        // What is free is taken at once: another model may take long to be opened, and the others wait for this turn.
        let _share = match self.budget.take(want.bytes) {
            Some(share) => share,
            None => self.share(&self.opening(), want)?,
        };
        let mut embedded = Embedded { records: Vec::new(), vectors: Vec::new(), token_count: 0 };
        for prepared in parts {
            // Whoever went away while it waited leaves no record.
            let (records, vectors) = if gone.is_set() { return Err(Error::Full(Full::Closed)) } else { self.embed_one(&model, &prepared, gone, begun)? };
            let vectors = vectors.ok_or(Error::Full(Full::Closed))?;
            embedded.records.push(records);
            embedded.vectors.extend(vectors.chunks(prepared.dimension_count).map(<[f32]>::to_vec));
            embedded.token_count += prepared.token_count();
            self.embedding.inputs.fetch_add(prepared.tokens.len() as u64, Ordering::Relaxed);
            self.embedding.tokens.fetch_add(prepared.token_count() as u64, Ordering::Relaxed);
        }
        Ok(embedded)
    }

    fn embed_one(&self, model: &Arc<Loaded>, prepared: &PreparedEmbedding, gone: &Gone, begun: &mut dyn FnMut(Appended)) -> Result<One> {
        let (draft, openings) = prepared.intent(model);
        let act = wait(|done| self.recorder().begin(model.clone(), draft, openings, done))?;
        let intent = act.running().intent();
        begun(intent);
        let mut each = || if gone.is_set() { Flow::Stop } else { Flow::Continue };
        // A fault is on record like every other end.
        let ran = contained(|| Ok(prepared.run(act.running(), self.system(), model, &mut each))).unwrap_or_else(|error| Err(failed(error)));
        match ran {
            Ok(Done { value, facts, openings }) => {
                let outcome = wait(|done| self.recorder().close(act, OutcomeCode::Executed, facts, openings, done))?;
                Ok(((intent, outcome), value))
            }
            Err(Failed { error, facts }) => {
                let outcome = wait(|done| self.recorder().close(act, OutcomeCode::Failed, facts, Vec::new(), done))?;
                Err(Error::Failed { because: error, records: Box::new((intent, outcome)) })
            }
        }
    }
}

/// The records of one act, and its vectors unless it was broken off.
type One = ((Appended, Appended), Option<Vec<f32>>);

/// Waits for what is recorded on another thread. One that died on the way records no more.
fn wait<T: Send + 'static>(record: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>)) -> Result<T> {
    let (sender, receiver) = channel();
    record(Box::new(move |done| _ = sender.send(done)));
    receiver.recv().map_err(|_| Error::Full(Full::Closed))?
}
