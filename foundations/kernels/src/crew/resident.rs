//! A crew that stays: threads that the caller lends once, and that wait for the next operation without going to sleep between two that follow closely.
//!
//! An operation is *open* while it is being done. A hand enters an open operation that it has not been in, takes parts until there are none, and leaves. The
//! caller does the same, then closes the operation and waits for those that have entered: a hand that the system keeps from running is not waited for.
#![allow(unsafe_code)]

use super::Crew;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, TryLockError};

/// Looks at the state before a hand lets others run, and before it sleeps: some tens of microseconds and some milliseconds.
const SPINS: u32 = 2_000;
const YIELDS: u32 = 4_000;

/// The state: bit 0 says that an operation is open, bit 1 that the crew is dismissed, bits 2 … 31 how many hands are in the operation, the others its number.
const OPEN: u64 = 1;
const DISMISSED: u64 = 2;
const HAND: u64 = 4;
const HANDS: u64 = (1 << 32) - HAND;
const NUMBER: u64 = 1 << 32;

/// Ranges that the parts of an operation are cut into at most. There is one for each hand and one for the caller: whoever takes parts stays in its own as long as that
/// has some, because parts beside each other are memory that is read as one stream.
const RANGES_MAX: usize = 16;

/// The next part of a range, on a cache line of its own.
#[repr(align(64))]
struct Next(AtomicUsize);

/// One operation. Its function lives as long as the call of [`Crew::run`] that opened it.
#[derive(Clone, Copy)]
struct Operation {
    part: *const (dyn Fn(usize) + Sync),
    part_count: usize,
    range_count: usize,
}

/// The meeting place of a caller and its hands. Threads are the caller's: each calls [`Resident::serve`].
pub struct Resident {
    state: AtomicU64,
    next_parts: [Next; RANGES_MAX],
    operation: UnsafeCell<Operation>,
    /// Held by the caller whose operation it is.
    calling: Mutex<()>,
    failed: AtomicBool,
    /// Hands that serve.
    serving: AtomicUsize,
    sleeping: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

// SAFETY: `operation` is written only while no operation is open and no hand is in one, by the holder of `calling`; it is read only by hands that entered an open one. The function
// that it points to is `Sync`.
unsafe impl Sync for Resident {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Resident {}

impl Default for Resident {
    fn default() -> Self {
        Self::new()
    }
}

impl Resident {
    /// A crew without hands: until threads serve, the caller does everything.
    pub fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            next_parts: [const { Next(AtomicUsize::new(0)) }; RANGES_MAX],
            operation: UnsafeCell::new(Operation { part: &|_| {}, part_count: 0, range_count: 1 }),
            calling: Mutex::new(()),
            failed: AtomicBool::new(false),
            serving: AtomicUsize::new(0),
            sleeping: AtomicUsize::new(0),
            bed: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// Does parts of operations on the calling thread until the crew is dismissed.
    pub fn serve(&self) {
        self.serving.fetch_add(1, Ordering::Relaxed);
        let (mut last, mut looks) = (None, 0);
        loop {
            let state = self.state.load(Ordering::SeqCst);
            if state & DISMISSED != 0 {
                self.serving.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            let number = state / NUMBER;
            if state & OPEN == 0 || last == Some(number) {
                self.wait(state, &mut looks);
            } else if self.state.compare_exchange_weak(state, state + HAND, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                // The caller has seat 0, and each hand the next.
                let seat = ((state & HANDS) / HAND) as usize + 1;
                // SAFETY: this hand is in an open operation, so its caller neither writes here nor returns before the hand has left.
                let operation = unsafe { *self.operation.get() };
                // SAFETY: as above, so the function is alive.
                let part = unsafe { &*operation.part };
                if catch_unwind(AssertUnwindSafe(|| self.take_parts(seat, &operation, part))).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
                self.state.fetch_sub(HAND, Ordering::SeqCst);
                (last, looks) = (Some(number), 0);
            }
        }
    }

    /// Sends all hands home: [`Resident::serve`] returns, now and later.
    pub fn dismiss(&self) {
        self.state.fetch_or(DISMISSED, Ordering::SeqCst);
        self.ring();
    }

    /// Takes parts from the range of this seat in order, then those that are left in the others.
    fn take_parts(&self, seat: usize, operation: &Operation, part: &(dyn Fn(usize) + Sync)) {
        let Operation { part_count, range_count, .. } = *operation;
        for range in (seat..seat + range_count).map(|range| range % range_count) {
            let border = |range: usize| part_count / range_count * range + (part_count % range_count).min(range);
            let (start, end) = (border(range), border(range + 1));
            loop {
                let index = start + self.next_parts[range].0.fetch_add(1, Ordering::Relaxed);
                if index >= end {
                    break;
                }
                part(index);
            }
        }
    }

    /// Waits a little, the longer the more often it was called; returns when it may be worth looking again.
    fn wait(&self, seen: u64, looks: &mut u32) {
        *looks += 1;
        if *looks < SPINS {
            return std::hint::spin_loop();
        }
        if *looks < SPINS + YIELDS {
            return std::thread::yield_now();
        }
        let guard = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        // Whoever changes the state looks for sleepers afterwards, so one of the two sees the other.
        if self.state.load(Ordering::SeqCst) == seen {
            drop(self.bell.wait(guard).unwrap_or_else(PoisonError::into_inner));
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
        *looks = 0;
    }

    fn ring(&self) {
        if self.sleeping.load(Ordering::SeqCst) > 0 {
            drop(self.bed.lock().unwrap_or_else(PoisonError::into_inner));
            self.bell.notify_all();
        }
    }
}

impl Crew for Resident {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        // Whoever comes while another operation runs, from another thread or from inside a part, does its own work alone: the results are the same.
        let _calling = match self.calling.try_lock() {
            Ok(calling) => calling,
            // An operation that failed was closed before its caller unwound.
            Err(TryLockError::Poisoned(calling)) => calling.into_inner(),
            Err(TryLockError::WouldBlock) => return (0..part_count).for_each(part),
        };
        // SAFETY: only the lifetime is forgotten. `Closing` ends the operation before this call returns or unwinds, and no hand keeps the function after it.
        let part: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(part) };
        let range_count = (self.serving.load(Ordering::Relaxed) + 1).min(RANGES_MAX);
        let operation = Operation { part, part_count, range_count };
        // SAFETY: the last operation is closed and all its hands have left, so nobody reads this; `calling` keeps other callers away.
        unsafe { *self.operation.get() = operation };
        self.next_parts.iter().for_each(|next| next.0.store(0, Ordering::Relaxed));
        self.failed.store(false, Ordering::Relaxed);
        self.state.fetch_add(NUMBER | OPEN, Ordering::SeqCst);
        let closing = Closing(self);
        self.ring();
        self.take_parts(0, &operation, part);
        drop(closing);
        assert!(!self.failed.load(Ordering::Relaxed), "a hand of the crew failed in its part");
    }
}

/// Closes the operation and waits for the hands in it, also when a part of the caller's own fails.
struct Closing<'a>(&'a Resident);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_and(!OPEN, Ordering::SeqCst);
        let mut looks = 0u32;
        while self.0.state.load(Ordering::SeqCst) & HANDS != 0 {
            looks = looks.saturating_add(1);
            if looks < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lend their own threads")]
    use super::*;
    use crate::crew::each_row;

    fn with_hands(count: usize, work: impl FnOnce(&Resident)) {
        let resident = Resident::new();
        std::thread::scope(|scope| {
            (0..count).for_each(|_| drop(scope.spawn(|| resident.serve())));
            // Also when the work fails, or the scope would wait for ever.
            struct Dismissing<'a>(&'a Resident);
            impl Drop for Dismissing<'_> {
                fn drop(&mut self) {
                    self.0.dismiss();
                }
            }
            let _dismissing = Dismissing(&resident);
            work(&resident);
        });
    }

    #[test]
    fn every_part_is_done_once_whoever_does_it() {
        for count in [0, 1, 2, 7] {
            with_hands(count, |crew| {
                for round in 0..2_000usize {
                    let mut out = vec![0; 1 + round % 40];
                    each_row(crew, &mut out, 1, |row, element| element[0] += row + 1);
                    assert!(out.iter().enumerate().all(|(row, &value)| value == row + 1), "{count} hands, round {round}");
                }
            });
        }
    }

    #[test]
    fn an_operation_inside_a_part_and_another_caller_are_served() {
        with_hands(2, |crew| {
            let sum = AtomicUsize::new(0);
            let add = |value: usize| {
                sum.fetch_add(value, Ordering::Relaxed);
            };
            let twice = || crew.run(10, &|i| crew.run(10, &|j| add(10 * i + j)));
            std::thread::scope(|scope| {
                scope.spawn(twice);
                scope.spawn(twice);
            });
            assert_eq!(sum.into_inner(), 2 * 4950);
        });
    }

    #[test]
    fn a_part_that_fails_is_told_to_the_caller_and_the_crew_goes_on() {
        with_hands(3, |crew| {
            // On whichever thread takes it.
            for failing in 0..8 {
                let failed = catch_unwind(AssertUnwindSafe(|| crew.run(8, &|i| assert_ne!(i, failing))));
                assert!(failed.is_err());
            }
            // On a hand: the caller stays in its part until one has come, and a hand fails in every part.
            let caller = std::thread::current().id();
            for _ in 0..8 {
                let is_there = AtomicBool::new(false);
                let part = |_: usize| {
                    if std::thread::current().id() != caller {
                        is_there.store(true, Ordering::SeqCst);
                        panic!("a part of a hand");
                    }
                    while !is_there.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                };
                let failed = catch_unwind(AssertUnwindSafe(|| crew.run(8, &part))).unwrap_err();
                assert_eq!(failed.downcast_ref::<&str>(), Some(&"a hand of the crew failed in its part"));
            }
            let sum = AtomicUsize::new(0);
            crew.run(5, &|i| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 10);
        });
    }
}
