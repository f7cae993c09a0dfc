//! The machine's threads, lent to the kernels and to the verifier.

use crate::error::{Error, Result};
use mickai_kernels::crew::{Crew, Resident};
use mickai_proof::crew::Crew as VerifierCrew;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, available_parallelism};

/// Threads that stay. How many there are reaches no bit of any result.
pub struct Threads {
    resident: Arc<Resident>,
    /// Beside the thread that calls.
    hands: Vec<JoinHandle<()>>,
}

impl Threads {
    /// A crew of `count` threads, the caller's among them; 0 takes one for each core that the system gives us.
    ///
    /// # Errors
    /// When the system refuses the threads.
    pub fn new(count: usize) -> Result<Self> {
        let count = if count == 0 { available_parallelism().map_or(1, NonZero::get) } else { count };
        let mut threads = Self { resident: Arc::new(Resident::new()), hands: Vec::new() };
        for index in 1..count {
            let resident = threads.resident.clone();
            threads.hands.push(Builder::new().name(format!("kernels {index}")).spawn(move || resident.serve()).map_err(Error::Threads)?);
        }
        Ok(threads)
    }

    /// Threads in the crew.
    pub fn count(&self) -> usize {
        self.hands.len() + 1
    }
}

impl Crew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.resident.run(part_count, part);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.resident.dismiss();
        for hand in self.hands.drain(..) {
            // A hand catches what its parts throw, so it ends by being dismissed.
            let _ = hand.join();
        }
    }
}

impl VerifierCrew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        Crew::run(self, part_count, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_asked_for() {
        for count in [1, 2, 5] {
            assert_eq!(Threads::new(count).unwrap().count(), count);
        }
        assert!(Threads::new(0).unwrap().count() >= 1);
    }
}
