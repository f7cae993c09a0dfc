//! Who does the parts of a long check: threads that the caller hands in, or nobody but the caller itself.

/// Runs the parts of one piece of work. Work is cut by shape, never by the number of hands, so that results are equal with every crew.
pub trait Crew: Send + Sync {
    /// Calls `part(0)`, …, `part(part_count - 1)`, each once, in any order, from any threads, and returns when all have returned.
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync));
}

/// The caller's thread alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Crew for Serial {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..part_count).for_each(part);
    }
}
