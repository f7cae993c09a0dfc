//! What wakes the thread of a model: somebody orders, an intent is durable, the queue is closed.

use std::sync::{Condvar, Mutex, PoisonError};

/// Rung by any thread, waited for by one. Rung before it is waited for, it ends the wait at once.
#[derive(Default)]
pub(super) struct Bell {
    is_rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Wakes who waits, or who will.
    pub fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until it was rung since the last time.
    pub fn wait(&self) {
        let mut is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *is_rung) {
            is_rung = self.changed.wait(is_rung).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
