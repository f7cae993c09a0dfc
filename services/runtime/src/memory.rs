//! The memory that a desk may take: one budget in bytes for the weights of models, their keys and values, adapters and embeddings.
//!
//! *Counted* is what only this process can give back, from before it is taken until whoever holds it last lets it go: weights and adapters as they are repacked, all pages of keys and values that an
//! open model may come to have, and those of inputs while vectors are made of them. *Not counted* are the files that models and adapters are mapped from, because the system takes their pages back when it
//! wants them, and what goes with a request: its bytes, tokens and intermediate values. A part of the machine is left for these.

use crate::error::{Error, Result};
use crate::machine;
use crate::serve::limits::{CACHE_BYTES_MAX, MACHINE_BYTES};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much memory a desk may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes in all.
    pub memory_bytes: u64,
    /// Of these, bytes of keys and values of each model, at most.
    pub cache_bytes: u64,
}

impl Allowance {
    /// As the operator says; where they do not, three quarters of the machine, and of that a quarter for the keys and values of each model, or [`CACHE_BYTES_MAX`] if that is less.
    ///
    /// # Errors
    /// [`Error::TooMuch`] if one model's keys and values were to have more than there is in all.
    pub fn new(memory_bytes: Option<u64>, cache_bytes: Option<u64>) -> Result<Self> {
        let memory_bytes = memory_bytes.unwrap_or_else(|| machine::memory_bytes().unwrap_or(MACHINE_BYTES) / 4 * 3);
        let cache_bytes = cache_bytes.unwrap_or((memory_bytes / 4).min(CACHE_BYTES_MAX));
        if cache_bytes > memory_bytes {
            return Err(Error::TooMuch { what: "bytes of keys and values for each model", asked: cache_bytes, max: memory_bytes });
        }
        Ok(Self { memory_bytes, cache_bytes })
    }
}

/// Memory that is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// For what.
    pub what: &'static str,
    /// Bytes that it takes; where it never can be had, with what it is of no use without.
    pub asked: u64,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that may be taken in all.
    pub max: u64,
}

impl Short {
    /// It could not be had if nothing else were there.
    pub fn is_final(&self) -> bool {
        self.asked > self.max
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, asked, free, max } = self;
        match self.is_final() {
            true => write!(
                f,
                "{asked} bytes of memory are needed for {what}, and there are {max} in all: give the server more with --memory-bytes, or each model less with --cache-bytes"
            ),
            false => write!(f, "{asked} more bytes of memory are needed for {what}, and {free} of {max} are free: ask again when others are done"),
        }
    }
}

/// All memory that may be taken, and how much of it is.
pub(crate) struct Budget {
    max: u64,
    taken: AtomicU64,
}

/// Bytes that were taken; given back when it is dropped, after what they stand for.
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

/// Gives a share for bytes that are about to be taken; `None` where nobody counts.
pub(crate) type Claim<'a> = &'a dyn Fn(u64) -> Result<Option<Share>>;

/// What a share was given for, with it.
pub(crate) type Counted<T> = (T, Option<Share>);

/// Nobody counts: a process that does one thing.
pub(crate) const UNCOUNTED: Claim<'static> = &|_| Ok(None);

impl Budget {
    /// Nothing is taken.
    pub fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { max, taken: AtomicU64::new(0) })
    }

    /// So many bytes, or `None` if not as many are free.
    pub fn take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.max);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Share { budget: self.clone(), bytes })
    }

    /// Bytes in all.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Share {
    /// How many they are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_while_there_are_any_and_come_back() {
        let budget = Budget::new(10);
        let first = budget.take(6).unwrap();
        assert!(budget.take(5).is_none() && budget.take(u64::MAX).is_none());
        let second = budget.take(4).unwrap();
        assert_eq!((budget.taken(), second.bytes()), (10, 4));
        assert!(budget.take(0).is_some() && budget.take(1).is_none());
        drop(first);
        assert_eq!(budget.taken(), 4);
        assert_eq!(budget.take(6).unwrap().bytes(), 6);
    }

    #[test]
    fn an_allowance_follows_what_is_said_and_the_machine() {
        let said = |memory, cache| Allowance::new(memory, cache).map(|Allowance { memory_bytes, cache_bytes }| (memory_bytes, cache_bytes));
        assert_eq!(said(Some(8 << 30), None).unwrap(), (8 << 30, 2 << 30));
        assert_eq!(said(Some(256 << 30), None).unwrap(), (256 << 30, CACHE_BYTES_MAX));
        assert_eq!(said(Some(1_000), Some(1_000)).unwrap(), (1_000, 1_000));
        assert!(matches!(said(Some(1_000), Some(1_001)), Err(Error::TooMuch { asked: 1_001, max: 1_000, .. })));
        let machine = machine::memory_bytes().unwrap_or(MACHINE_BYTES);
        let (memory, cache) = said(None, None).unwrap();
        assert!(memory <= machine - machine / 4 && memory + 4 > machine / 4 * 3 && cache == (memory / 4).min(CACHE_BYTES_MAX));
    }
}
