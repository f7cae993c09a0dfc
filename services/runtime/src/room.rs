//! A stack with room for work that goes as deep as what it is given: threads of a pool have 2 MiB, and a stack that overflows ends the process.

use crate::error::{Error, Result};
use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// Bytes of the stack; only those that are used become memory.
const STACK_BYTES: usize = 64 << 20;

/// Does the work on a thread of its own and waits for it.
///
/// # Errors
/// When the operating system refuses the thread.
pub(crate) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    scope(|scope| {
        let thread = Builder::new().name("mickai-room".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work).map_err(Error::Threads)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
