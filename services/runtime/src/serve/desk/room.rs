//! Room for what is opened: its share of the memory, and who makes room for it.

use super::Desk;
use crate::error::{Error, Result};
use crate::memory::{Share, Short};
use crate::models::Loaded;
use crate::serve::limits::BATCH_COUNT_MAX;
use mickai_model::digest::ModelDigest;
use mickai_model::forward::Pool;
use std::sync::{Arc, MutexGuard, PoisonError};

/// The right to change what is open; one thread has it at a time, so that nobody opens something else in the room that it makes. Embeddings, which are over soon, take what is free
/// without it.
pub(in crate::serve) type Opening<'a> = MutexGuard<'a, ()>;

/// What memory is wanted for.
#[derive(Clone, Copy)]
pub(in crate::serve) struct Want {
    pub what: &'static str,
    pub bytes: u64,
    /// Bytes without which these are of no use.
    pub beside: u64,
    /// The model that makes no room for it.
    pub spared: Option<ModelDigest>,
}

impl Want {
    /// Whether it could be had, of so many bytes in all, if nothing else were open.
    ///
    /// # Errors
    /// [`Error::Short`] if not.
    pub fn fits(self, max: u64) -> Result<()> {
        let short = Short { what: self.what, asked: self.bytes.saturating_add(self.beside), free: max, max };
        if short.is_final() { Err(Error::Short(short)) } else { Ok(()) }
    }
}

impl Desk {
    pub(in crate::serve) fn opening(&self) -> Opening<'_> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A share of the memory. What nobody uses makes room: adapters, then models, each time the one that was not used for longest.
    ///
    /// # Errors
    /// [`Error::Short`].
    pub(in crate::serve) fn share(&self, _: &Opening<'_>, want: Want) -> Result<Share> {
        want.fits(self.budget.max())?;
        loop {
            if let Some(share) = self.budget.take(want.bytes) {
                return Ok(share);
            }
            if !self.close_adapter() && !self.close_model(want.spared) {
                let (max, taken) = (self.budget.max(), self.budget.taken());
                return Err(Error::Short(Short { what: want.what, asked: want.bytes, free: max.saturating_sub(taken), max }));
            }
        }
    }

    /// Bytes of keys and values that a model may keep: as much as is allowed and there is beside its weights, but no more than as many generations at a time as there are can fill.
    pub(super) fn cache_bytes(&self, model: &Loaded) -> u64 {
        let context_bytes = Pool::bytes_of(&model.file.weights(), model.file.config.context_tokens_max) as u64;
        let beside_weights = self.budget.max().saturating_sub(model.weight_bytes());
        self.cache_bytes_max.min(beside_weights).min(context_bytes.saturating_mul(BATCH_COUNT_MAX as u64))
    }

    /// Closes an adapter that no order has; `false` if there is none.
    fn close_adapter(&self) -> bool {
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = adapters.iter().position(|adapter| Arc::strong_count(adapter) == 1);
        idle.map(|idle| adapters.remove(idle)).is_some()
    }

    /// Closes a model that nothing waits for or runs on; `false` if there is none.
    fn close_model(&self, spared: Option<ModelDigest>) -> bool {
        let idle = {
            let mut workers = self.lock();
            let idle = workers.iter().position(|worker| worker.is_closed() || worker.is_idle() && Some(worker.model.digest) != spared);
            idle.map(|idle| workers.remove(idle))
        };
        // Its thread ends here, with nobody held up.
        idle.is_some()
    }
}
