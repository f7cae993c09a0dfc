//! What this machine can do at most with these threads and instructions: measured, never looked up.

use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use mickai_kernels::probe::{self, Done};
use mickai_model::forward::Cost;
use std::time::{Duration, Instant};

/// How long each rate is looked for; the fastest of all tries counts, because whatever disturbs makes slower.
const LOOK: Duration = Duration::from_millis(100);
const TRIES_MIN: usize = 3;
/// Rounds of one part of products, about a millisecond, and parts for each thread.
const ROUNDS: usize = 2_000;
const PARTS_PER_THREAD: usize = 4;

/// The rates that operations are held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roofs {
    /// Bytes a second, reading the model's repacked weights from one end to the other: from memory, or from a cache that they fit in.
    pub read_bytes_per_s: f64,
    /// How many bytes those are.
    pub read_bytes: u64,
    /// Multiply-adds of 8-bit integers a second.
    pub integer_products_per_s: f64,
    /// Multiply-adds of f32 a second.
    pub float_products_per_s: f64,
}

/// What holds an operation back at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Weights and cache have to be read.
    Memory,
    /// Products have to be made.
    Products,
}

impl Bound {
    /// The word on screen and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Products => "products",
        }
    }
}

impl Roofs {
    /// Measures with the threads and instructions of a generation, on its own weights.
    pub(super) fn measure(isa: Isa, crew: &dyn Crew, thread_count: usize, weights: &[u8]) -> Self {
        let part_count = thread_count * PARTS_PER_THREAD;
        Self {
            read_bytes_per_s: best(|| probe::read(isa, crew, weights)),
            read_bytes: weights.len() as u64,
            integer_products_per_s: best(|| probe::integer_products(isa, crew, part_count, ROUNDS)),
            float_products_per_s: best(|| probe::float_products(isa, crew, part_count, ROUNDS)),
        }
    }

    /// The shortest time in which this machine could do that, in nanoseconds, and what takes it; `None` where it neither reads weights or cache nor multiplies: values between operations are
    /// meant to stay in the nearest caches, whose rates are not measured.
    pub fn least(&self, cost: &Cost) -> Option<(f64, Bound)> {
        let memory = (cost.weight_bytes + cost.cache_bytes) as f64 / self.read_bytes_per_s * 1e9;
        let products = (cost.integer_products as f64 / self.integer_products_per_s + cost.float_products as f64 / self.float_products_per_s) * 1e9;
        let (least, bound) = if memory >= products { (memory, Bound::Memory) } else { (products, Bound::Products) };
        (least > 0.0).then_some((least, bound))
    }
}

fn best(work: impl Fn() -> Done) -> f64 {
    let started = Instant::now();
    let (mut best, mut tries) = (0.0, 0);
    while tries < TRIES_MIN || started.elapsed() < LOOK {
        let from = Instant::now();
        let done = std::hint::black_box(work());
        best = (done.amount as f64 / from.elapsed().as_secs_f64().max(1e-9)).max(best);
        tries += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_kernels::crew::Serial;

    #[test]
    fn the_longer_of_reading_and_multiplying_is_the_least() {
        let roofs = Roofs { read_bytes_per_s: 1e9, read_bytes: 1, integer_products_per_s: 4e9, float_products_per_s: 2e9 };
        let cost = |weight_bytes, cache_bytes, integer_products, float_products| Cost { weight_bytes, cache_bytes, activation_bytes: 1 << 40, integer_products, float_products };
        assert_eq!(roofs.least(&cost(60, 40, 100, 0)), Some((100.0, Bound::Memory)));
        assert_eq!(roofs.least(&cost(60, 40, 400, 100)), Some((150.0, Bound::Products)));
        assert_eq!(roofs.least(&cost(0, 0, 0, 0)), None);
    }

    #[test]
    fn every_path_has_rates() {
        for isa in Isa::available() {
            let roofs = Roofs::measure(isa, &Serial, 1, &vec![1; 1 << 20]);
            assert!([roofs.read_bytes_per_s, roofs.integer_products_per_s, roofs.float_products_per_s].into_iter().all(|rate| rate.is_finite() && rate > 0.0), "{roofs:?}");
        }
    }
}
