//! Appending from many threads at once: a handle that can be cloned, and what a caller waits for.

use super::draft::Draft;
use super::line::{Line, Ticket, locked};
use super::sequencer::{Entered, Prepared};
use super::workers::{Shared, Workers};
use super::writer::{Appended, OpenIntent};
use crate::error::{Error, Misuse};
use crate::keys::OperatorKey;
use crate::vault::{Sealing, Vault};
use mickai_proof::digest::LogId;
use mickai_proof::record::Kind;
use std::sync::Arc;

/// The means to append, for any number of threads. While there is one, the lock is held; dropping the last seals what is unsealed, signs the head, and gives the lock back.
#[derive(Clone)]
pub struct Appender {
    workers: Arc<Workers>,
    /// There is no other caller to share an fsync with, so nothing is kept back for one.
    is_alone: bool,
}

/// Records that have their place and are not yet durable. Their places are told when they are.
#[must_use = "nothing is known of the records before they are waited for"]
pub struct Pending {
    appended: Vec<Appended>,
    ticket: Arc<Ticket>,
}

impl Pending {
    /// Waits until the records are durable and signed.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Crypto`]: nothing is known of the records, and this process writes no more.
    pub fn wait(self) -> Result<Vec<Appended>, Error> {
        self.ticket.wait()?;
        Ok(self.appended)
    }
}

impl Appender {
    pub(super) fn new(workers: Workers) -> Self {
        Self { workers: Arc::new(workers), is_alone: true }
    }

    /// For many callers: what is not an intent waits up to 2 ms for others to share its fsync.
    pub(super) fn shared(&self) -> Self {
        Self { workers: Arc::clone(&self.workers), is_alone: false }
    }

    pub(super) fn inner(&self) -> &Shared {
        &self.workers.shared
    }

    /// The log.
    pub fn log_id(&self) -> LogId {
        self.inner().log
    }

    /// The key that signs from here on.
    pub fn key(&self) -> Arc<OperatorKey> {
        Arc::clone(&locked(&self.inner().sequencer).key)
    }

    /// Records that are durable.
    pub fn size(&self) -> u64 {
        self.inner().line.durable()
    }

    /// The values behind commitments.
    pub fn vault(&self) -> &Vault {
        &self.inner().vault
    }

    /// Intents that are durable and have no outcome, by index.
    pub fn open_intents(&self) -> Vec<OpenIntent> {
        let durable = self.size();
        let mut open: Vec<_> = locked(&self.inner().sequencer).state.open.values().filter(|intent| intent.index < durable).cloned().collect();
        open.sort_by_key(|intent| intent.index);
        open
    }

    /// Appends one record; it is durable and signed when this returns.
    ///
    /// # Errors
    /// [`Error::Misuse`] and nothing was written; [`Error::Io`] and this process writes no more ([`Error::Poisoned`]).
    pub fn append(&self, draft: Draft) -> Result<Appended, Error> {
        self.append_with(draft, &[])
    }

    /// Appends one record and keeps the values behind commitments that are added to it: `(label, value)`.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_with(&self, mut draft: Draft, openings: &[(&str, &[u8])]) -> Result<Appended, Error> {
        let sealing = Sealing::new(openings)?;
        draft.commitments.extend(sealing.commitments());
        let entered = self.enter(vec![draft], !openings.is_empty())?;
        let [appended] = entered.appended[..] else { return Err(Misuse::BatchCount(entered.appended.len()).into()) };
        if !openings.is_empty() {
            // The values first: a commitment whose value was never durable could not be opened.
            let keeping = Keeping { line: &self.inner().line, number: entered.number, outcome: Some(Error::Poisoned) };
            keeping.end(self.inner().vault.put(appended.index, &sealing))?;
        }
        entered.ticket.wait()?;
        Ok(appended)
    }

    /// Appends several records, one after the other without a gap and with one fsync; after a crash all, the first few or none of them are there.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append_all(&self, drafts: Vec<Draft>) -> Result<Vec<Appended>, Error> {
        self.submit(drafts)?.wait()
    }

    /// As [`Appender::append_all`], without waiting: a caller may have several groups under way. Blocks while the line is full.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn submit(&self, drafts: Vec<Draft>) -> Result<Pending, Error> {
        let Entered { appended, ticket, .. } = self.enter(drafts, false)?;
        Ok(Pending { appended, ticket })
    }

    /// Seals what is unsealed, signs the head and keeps the note as the newest own checkpoint. Asked again at the same size it gives the same note.
    ///
    /// # Errors
    /// [`Error::Crypto`], [`Error::Io`], [`Error::Poisoned`].
    pub fn checkpoint(&self) -> Result<String, Error> {
        self.inner().checkpoint()
    }

    fn enter(&self, drafts: Vec<Draft>, has_values: bool) -> Result<Entered, Error> {
        let is_urgent = self.is_alone || drafts.iter().any(|draft| draft.kind == Kind::Intent);
        let prepared = drafts.into_iter().map(Prepared::new).collect();
        locked(&self.inner().sequencer).append(self.inner(), prepared, is_urgent, has_values)
    }
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Appender({}, {} records)", self.log_id().short(), self.size())
    }
}

/// While the values of a group that has its place are being kept: whatever ends it otherwise than well fails the line, because records after them are chained to it.
struct Keeping<'a> {
    line: &'a Line,
    number: u64,
    outcome: Option<Error>,
}

impl Keeping<'_> {
    fn end(mut self, kept: Result<(), Error>) -> Result<(), Error> {
        self.outcome = kept.as_ref().err().map(Error::again);
        kept
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        match self.outcome.take() {
            None => self.line.finish_values(self.number),
            Some(error) => self.line.fail(error),
        }
    }
}
