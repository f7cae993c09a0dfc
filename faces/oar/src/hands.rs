//! All processors of this machine as a crew: the verdict is the same with one.

use mickai_proof::crew::Crew;
use mickai_proof::mldsa::{Isa, RecheckSeed};
use mickai_proof::verify::Engine;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The fastest way to verify signatures that this machine has. If the system gives no randomness, the library verifies every signature.
pub fn engine() -> Engine {
    let mut seed = [0; 32];
    if getrandom::fill(&mut seed).is_err() {
        return Engine::library();
    }
    Engine::lanes(Isa::best(), Arc::new(Hands), RecheckSeed(seed))
}

/// A thread for each processor, for the time of one chunk: that is some milliseconds of work.
struct Hands;

impl Crew for Hands {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= part_count {
                    return;
                }
                part(index);
            }
        };
        let others = thread::available_parallelism().map_or(0, |count| NonZero::get(count) - 1).min(part_count.saturating_sub(1));
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(work);
            }
            work();
        });
    }
}
