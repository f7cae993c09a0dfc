//! The machine's threads, lent to the kernels and to the verifier.

use crate::error::Result;
use mickai_kernels::crew::Crew;
use mickai_proof::crew::Crew as VerifierCrew;
use rayon::prelude::*;

/// A pool of threads. How many there are reaches no bit of any result.
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// A pool of `count` threads; 0 takes one for each core that the system gives us.
    ///
    /// # Errors
    /// When the system refuses the threads.
    pub fn new(count: usize) -> Result<Self> {
        Ok(Self(rayon::ThreadPoolBuilder::new().num_threads(count).build()?))
    }

    /// Threads in the pool.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }
}

impl Crew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.0.install(|| (0..part_count).into_par_iter().for_each(part));
    }
}

impl VerifierCrew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        Crew::run(self, part_count, part);
    }
}
