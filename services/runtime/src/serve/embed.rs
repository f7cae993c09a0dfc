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
struct Place<'a>(&'a AtomicU64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    /// Makes vectors of everything that is asked for, and waits for them. `begun` hears of each intent when it is durable.
    ///
    /// # Errors
    /// Inputs or a limit that stands against it, with the numbers: nothing is on record then. [`Full::Closed`] where `gone` was set: what had begun is on record as interrupted. What a model or the log does.
    pub fn embed(&self, model: &Arc<Loaded>, asked: &ToEmbed, gone: &Gone, begun: &mut dyn FnMut(Appended)) -> Result<Embedded> {
        let prepared = prepare(model, asked)?;
        let weights = model.file.weights();
        let bytes = prepared.iter().map(|prepared| Embedder::cache_bytes(&weights, &prepared.tokens) as u64).max().unwrap_or(0);
        let want = Want { what: "the inputs and their model", bytes, beside: model.byte_count(), spared: None };
        self.could_share(want)?;
        let waiting = self.embedding.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.embedding.waiting);
        if waiting >= EMBEDDING_COUNT_MAX {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Full(Full::Count { waiting: waiting as usize, max: EMBEDDING_COUNT_MAX as usize }));
        }
        let _turn = self.embedding.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if gone.is_set() {
            return Err(Error::Full(Full::Closed));
        }
        let _share = self.share(&self.opening(), want)?;
        let mut embedded = Embedded { records: Vec::new(), vectors: Vec::new(), token_count: 0 };
        for prepared in prepared {
            // Whoever went away while it waited leaves no record.
            let (records, vectors) = if gone.is_set() { return Err(Error::Full(Full::Closed)) } else { self.embed_one(model, &prepared, gone, begun)? };
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
