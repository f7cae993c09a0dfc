//! Work of the processor alone, as many at a time as it has cores: more would be none the faster, and each takes memory of its own that stays for the next.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

/// Lets as many in at a time as the machine has cores; the others wait.
pub(super) struct Gate {
    places: Mutex<usize>,
    freed: Condvar,
}

impl Default for Gate {
    fn default() -> Self {
        // Where the system does not say, one is enough to go on.
        Self { places: Mutex::new(available_parallelism().map_or(1, usize::from)), freed: Condvar::new() }
    }
}

impl Gate {
    /// Waits for a place, which is given back with what this returns.
    pub fn enter(&self) -> Inside<'_> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places = self.freed.wait_while(places, |places| *places == 0).unwrap_or_else(PoisonError::into_inner);
        *places -= 1;
        Inside(self)
    }
}

/// A place that is taken.
pub(super) struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.places.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_are_inside_than_there_are_places_and_all_get_in() {
        let gate = Gate { places: Mutex::new(2), freed: Condvar::new() };
        let (inside, most, all) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _inside = gate.enter();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        all.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 2);
        assert_eq!(all.into_inner(), 1600);
    }
}
