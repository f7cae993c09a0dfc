//! What a signer remembers of each log: the largest checkpoint that it signed, on disk, and the records after it, in memory.
//!
//! The file is one line for each log: log id, size, root, in hex, a blank between them. It is replaced and synced before the checkpoint's signature leaves the signer. Whoever removes it, and has the signer
//! started again, can have what lies before its checkpoints signed a second time; a checkpoint that somebody else kept shows that.
//!
//! What a start may find: the file as it was before a checkpoint, whose signature then never left; or as it was after.

use super::message::{Refusal, Request};
use crate::disk::{self, Existing};
use crate::error::Error;
use crate::keys::fault::{KeyFault, SignerFault};
use crate::limits;
use crate::lock::Lock;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{LogId, RecordDigest, TreeHash};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest checkpoint that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Records that it covers.
    pub size: u64,
    /// Their root.
    pub root: TreeHash,
}

/// The signer's memory.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    promises: BTreeMap<LogId, Promise>,
    tails: BTreeMap<LogId, BTreeMap<u64, RecordDigest>>,
    // Two signers that each remember half would sign what neither may.
    _lock: Lock,
}

/// What is to be said of a request that may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Nothing.
    Nothing,
    /// Another record was signed at this index before; the application says that it was lost before it was durable.
    Again,
}

impl Memory {
    /// Reads the file; a new one is empty.
    ///
    /// # Errors
    /// [`Error::NotAKey`] if it is another sort of file, [`KeyFault::Signer`] if another signer has it, [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = Lock::acquire(&path.with_extension("lock"), Duration::ZERO).map_err(|error| match error {
            Error::Locked { .. } => KeyFault::Signer { socket: path.to_owned(), fault: SignerFault::Taken }.into(),
            error => error,
        })?;
        let bytes = disk::read_file(path, limits::SIGNER_MEMORY_BYTES_MAX)?.unwrap_or_default();
        let promises = Self::parse(&bytes).ok_or_else(|| Error::NotAKey(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), promises, tails: BTreeMap::new(), _lock: lock })
    }

    /// The promises in a memory file's bytes; `None` if it is not one.
    pub fn parse(bytes: &[u8]) -> Option<BTreeMap<LogId, Promise>> {
        let mut promises = BTreeMap::new();
        for line in std::str::from_utf8(bytes).ok()?.split_terminator('\n') {
            let mut words = line.split(' ');
            let (log, size, root) = (words.next()?, words.next()?, words.next()?);
            let promise = Promise { size: size.parse().ok()?, root: TreeHash::from_hex(root)? };
            let is_new = promises.insert(LogId::from_hex(log)?, promise).is_none();
            if words.next().is_some() || !is_new || promises.len() > limits::SIGNER_LOGS_MAX {
                return None;
            }
        }
        Some(promises)
    }

    /// May this be signed? What must be remembered of it is on disk when this returns.
    pub(crate) fn admit(&mut self, request: &Request) -> Result<Noticed, Refusal> {
        match request {
            Request::Key | Request::Rotation { .. } | Request::Statement { .. } => Ok(Noticed::Nothing),
            Request::Record { log, index, record } => self.admit_record(*log, *index, *record),
            // A receipt binds its signer to a tree as a checkpoint does.
            Request::Checkpoint(checkpoint) | Request::Receipt(checkpoint) => self.admit_checkpoint(checkpoint),
        }
    }

    fn admit_record(&mut self, log: LogId, index: u64, record: RecordDigest) -> Result<Noticed, Refusal> {
        if let Some(promise) = self.promises.get(&log).filter(|promise| index < promise.size) {
            return Err(Refusal::Settled { size: promise.size });
        }
        if !self.tails.contains_key(&log) && self.tails.len() >= limits::SIGNER_LOGS_MAX {
            self.tails.pop_first();
        }
        let tail = self.tails.entry(log).or_default();
        let before = tail.insert(index, record);
        if tail.len() > limits::SIGNER_TAIL_MAX {
            tail.pop_first();
        }
        Ok(if before.is_some_and(|before| before != record) { Noticed::Again } else { Noticed::Nothing })
    }

    fn admit_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<Noticed, Refusal> {
        let promise = Promise { size: checkpoint.size, root: checkpoint.root };
        match self.promises.get(&checkpoint.log) {
            Some(known) if *known == promise => return Ok(Noticed::Nothing),
            Some(known) if known.size >= promise.size => return Err(Refusal::Fork { size: known.size }),
            None if self.promises.len() >= limits::SIGNER_LOGS_MAX => return Err(Refusal::Memory("it remembers too many logs".to_owned())),
            _ => {}
        }
        let mut promises = self.promises.clone();
        promises.insert(checkpoint.log, promise);
        let text: String = promises.iter().map(|(log, promise)| format!("{log} {} {}\n", promise.size, promise.root)).collect();
        disk::write_file(&self.path, text.as_bytes(), Existing::Replace).map_err(|error| Refusal::Memory(error.to_string()))?;
        self.promises = promises;
        if let Some(tail) = self.tails.get_mut(&checkpoint.log) {
            *tail = tail.split_off(&checkpoint.size);
        }
        Ok(Noticed::Nothing)
    }
}
