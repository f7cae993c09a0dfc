//! Places of those that do something heavy: each is held as long as it is done, and who finds none waits without a thread.

use crate::limits::{KEEPING_MAX, LOOKING_MAX, READING_MAX, THREADS_WITHOUT_PLACE, TOKENIZING_MAX};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// What they are for.
pub struct Places {
    /// Looking into the log, or into the file of a model to say what it is.
    pub looking: Arc<Semaphore>,
    /// Making tokens of texts, or texts of tokens, and nothing else.
    pub tokenizing: Arc<Semaphore>,
    /// Reading a long body.
    pub reading: Arc<Semaphore>,
    /// Making prompts, or tokens of texts for vectors. More than there are cores would be none the faster, and each keeps memory of its own for the next.
    pub preparing: Arc<Semaphore>,
    /// Asking what there is and what is open, and lining up orders. They are apart because that takes milliseconds: nobody waits here for a prompt to be made, or for something to be opened.
    pub naming: Arc<Semaphore>,
    /// Having a model or an adapter opened. There is one, because one is opened at a time: the others wait without a thread, and only as long as their clients do.
    pub opening: Arc<Semaphore>,
    /// Writing to the log from here, or finding out whether it can be written. There is one, for the same reason: another process may hold the log for a while.
    pub writing: Arc<Semaphore>,
    /// Having vectors made. There is one, because one request at a time runs.
    pub embedding: Arc<Semaphore>,
    /// Keeping an answer for its key, in the log.
    pub keeping: Arc<Semaphore>,
    /// Threads that all of these take together, and those for what has none. A thread keeps memory of its own, so there are no more.
    pub thread_count: usize,
}

impl Default for Places {
    /// As many as the machine has use for.
    fn default() -> Self {
        // Where the system does not say, one is enough to go on.
        let core_count = available_parallelism().map_or(1, usize::from);
        let counts = [LOOKING_MAX, TOKENIZING_MAX, READING_MAX, core_count, core_count, 1, 1, 1, KEEPING_MAX];
        let [looking, tokenizing, reading, preparing, naming, opening, writing, embedding, keeping] = counts.map(|count| Arc::new(Semaphore::new(count)));
        let thread_count = counts.iter().sum::<usize>() + THREADS_WITHOUT_PLACE;
        Self { looking, tokenizing, reading, preparing, naming, opening, writing, embedding, keeping, thread_count }
    }
}
