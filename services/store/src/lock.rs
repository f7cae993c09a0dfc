//! One writer at a time: an advisory lock on the home's `lock` file, whose content says who holds it.
//!
//! Whoever changes the content gains nothing but a wrong name in an error message; the lock itself is the kernel's.

use crate::clock::wall_ms;
use crate::error::Error;
use crate::limits;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The right to write, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    // Closing the file gives the lock back.
    _file: File,
}

/// Who holds the lock, as the lock file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Name of its program.
    pub program: String,
    /// Since when, ms since 1970.
    pub since_ms: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = wall_ms().saturating_sub(self.since_ms) / 1_000;
        write!(f, "{} (process {}) for {seconds} s", self.program, self.pid)
    }
}

impl Lock {
    /// Takes the lock, waiting at most `wait` for whoever has it.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is still held then; [`Error::Io`].
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(Error::io("open", path))?;
        let begun = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < wait => {
                    std::thread::sleep(limits::LOCK_POLL.min(wait.saturating_sub(begun.elapsed())));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(Error::Locked { holder: holder(path), waited: begun.elapsed() }),
                Err(errno) => return Err(Error::io("lock", path)(errno.into())),
            }
        }
        sign_in(&file).map_err(Error::io("write", path))?;
        Ok(Self { _file: file })
    }
}

fn sign_in(mut file: &File) -> std::io::Result<()> {
    let program = std::env::current_exe().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let holder = Holder { pid: std::process::id(), program: program.unwrap_or_default(), since_ms: wall_ms() };
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

/// What the lock file says; it may be half written.
fn holder(path: &Path) -> Option<Holder> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(limits::LOCK_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;
