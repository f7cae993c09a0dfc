//! A log that is open for writing: what its threads share, and their beginning and end.
//!
//! Callers take turns at the sequencer, on their own threads. As many signers as there are cores sign what it puts into the line, one thread writes and fsyncs from the front of the line, and one
//! seals what would otherwise stay unsealed for too long. Dropping the last handle seals the rest, lets the line run empty, signs the head, ends the threads and gives the lock back.

use super::line::{Group, Line, Part, Plan, locked};
use super::replay::State;
use super::seal::Fold;
use super::sequencer::Sequencer;
use crate::clock::Clock;
use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::keys::OperatorKey;
use crate::lock::Lock;
use crate::segment::{Entry, SegmentWriter};
use crate::vault::Vault;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::LogId;
use mickai_proof::record::Mode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What callers and threads share.
pub(super) struct Shared {
    pub home: Home,
    pub log: LogId,
    pub vault: Vault,
    pub clock: Mutex<Box<dyn Clock>>,
    pub sequencer: Mutex<Sequencer>,
    pub line: Line,
    pub keeper: Keeper,
    /// How long a record may stay unsealed; `None`: until the next seal that has another reason.
    pub seal_after: Option<Duration>,
    /// The signatures since the last seal, from the first time that a seal needed them.
    pub fold: Mutex<Option<Fold>>,
    /// The newest own checkpoint, and its note.
    pub newest: Mutex<Option<(Checkpoint, String)>>,
}

/// The threads, and the right to write.
pub(super) struct Workers {
    pub shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    // Last, so that it is given back after the files are closed.
    _lock: Lock,
}

impl Workers {
    /// Starts the threads.
    pub fn start(shared: Shared, segments: SegmentWriter, signer_count: usize, lock: Lock) -> Result<Self, Error> {
        let mut workers = Self { shared: Arc::new(shared), threads: Vec::new(), _lock: lock };
        workers.spawn("syncing", move |shared| sync(shared, segments))?;
        for _ in 0..signer_count {
            workers.spawn("signer", sign)?;
        }
        if workers.shared.seal_after.is_some() {
            workers.spawn("keeper", keep)?;
        }
        Ok(workers)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let _watch = Watch(&shared.line);
            work(&shared);
        };
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = spawned.map_err(Error::io("start a thread for", &self.shared.home.log_path())).inspect_err(|error| {
            // The end of this log would seal and sign, and wait for this thread for ever.
            self.shared.line.fail(error.again());
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // If it fails, the log was lost to this process before, and the next start seals; or the head could not be signed or written, and the checkpoint before it stays.
        let _ = self.shared.line.check().and_then(|()| self.shared.checkpoint());
        self.shared.keeper.end();
        self.shared.line.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has failed the line, and whoever waited was told.
            let _ = thread.join();
        }
    }
}

/// A thread that dies takes the line with it, so that nobody waits for it for ever.
struct Watch<'a>(&'a Line);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Error::Poisoned);
        }
    }
}

/// A signer.
fn sign(shared: &Shared) {
    let mut done = None;
    while let Some(mut part) = shared.line.next_part(done) {
        match sign_part(&mut part, shared.log) {
            Ok(finished) => done = Some((part, finished)),
            Err(error) => return shared.line.fail(error),
        }
    }
}

fn sign_part(part: &mut Part, log: LogId) -> Result<Vec<super::line::Finished>, Error> {
    let key = Arc::clone(&part.key);
    let sign_one = |placed: super::line::Placed| {
        let signature = match placed.mode {
            Mode::Each => key.sign_record(log, placed.appended.index, placed.appended.digest)?,
            Mode::Sealed => Vec::new(),
        };
        Ok(placed.finished(signature))
    };
    std::mem::take(&mut part.records).into_iter().map(sign_one).collect()
}

/// The syncing thread: one write and one fsync for all that is ready, and only then an answer.
fn sync(shared: &Shared, mut segments: SegmentWriter) {
    while let Some(mut batch) = shared.line.next_batch() {
        let entries: Vec<_> = batch.iter().flat_map(Group::records).map(|record| Entry { record: &record.record, signature: &record.signature }).collect();
        if let Err(error) = segments.append(&entries) {
            // The line first: whoever hears of the failure and tries again is refused at once.
            shared.line.fail(error.again());
            return batch.iter_mut().for_each(|group| group.answer(Err(&error)));
        }
        if let Some(fold) = locked(&shared.fold).as_mut() {
            batch.iter().flat_map(Group::records).for_each(|record| fold.add(record.is_seal, &record.signature));
        }
        shared.line.done(&batch);
        batch.iter_mut().for_each(|group| group.answer(Ok(())));
        // The newest plan makes the others needless. The records are durable whether or not the checkpoint can be written; the next one is planned after as many more.
        if let Some(Plan { checkpoint, key }) = batch.iter_mut().rev().find_map(|group| group.plan.take()) {
            let _ = shared.keep_checkpoint(checkpoint, &key);
        }
    }
}

/// The keeper: seals what has been unsealed for too long.
fn keep(shared: &Shared) {
    let Some(seal_after) = shared.seal_after else { return };
    while shared.keeper.wait() {
        seal_overdue(shared, seal_after);
    }
}

/// Seals what has been unsealed for so long, or says when to look again.
pub(super) fn seal_overdue(shared: &Shared, seal_after: Duration) {
    let mut sequencer = locked(&shared.sequencer);
    match sequencer.unsealed_since {
        Some(since) if since.elapsed() < seal_after => shared.keeper.wake_at(Some(since + seal_after)),
        Some(_) if !sequencer.state.closed => {
            let sealed = sequencer.seal(shared, false);
            // If the line has failed, every caller is told. Otherwise nothing was placed, and nobody else would ask for a seal: it is tried again.
            if sealed.is_err() && shared.line.check().is_ok() {
                shared.keeper.wake_at(Some(Instant::now() + seal_after));
            }
        }
        _ => {}
    }
}

/// When the keeper has to look.
#[derive(Default)]
pub(super) struct Keeper {
    state: Mutex<(Option<Instant>, bool)>,
    changed: Condvar,
}

impl Keeper {
    /// To be woken then; `None` changes nothing.
    pub fn wake_at(&self, at: Option<Instant>) {
        if at.is_some() {
            locked(&self.state).0 = at;
            self.changed.notify_all();
        }
    }

    fn end(&self) {
        locked(&self.state).1 = true;
        self.changed.notify_all();
    }

    /// Waits for the time; false when the log is being closed.
    pub fn wait(&self) -> bool {
        let mut state = locked(&self.state);
        loop {
            let (wake, has_ended) = *state;
            if has_ended {
                return false;
            }
            match wake.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => {
                    state.0 = None;
                    return true;
                }
                Some(left) => state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Shared {
    /// SHA3-512 over the signatures since the last seal, that one included. The sequencer, which calls this, places nothing meanwhile: when the last signed record is durable, all of them are.
    pub fn signatures(&self, state: &State) -> Result<[u8; 64], Error> {
        let end = state.last_signed.map_or(0, |index| index + 1);
        self.line.wait_durable(end)?;
        let mut fold = locked(&self.fold);
        match fold.as_ref() {
            Some(fold) => Ok(fold.digest()),
            None => Ok(fold.insert(Fold::read(&self.home, state.seal_from..end)?).digest()),
        }
    }

    /// Seals what is unsealed, waits until all of it is durable, and keeps a checkpoint of it by the key that was in force then.
    pub fn checkpoint(&self) -> Result<String, Error> {
        let (checkpoint, key) = {
            let mut sequencer = locked(&self.sequencer);
            sequencer.seal_rest(self)?;
            let checkpoint = sequencer.checkpoint()?;
            sequencer.planned = checkpoint.size;
            (checkpoint, Arc::clone(&sequencer.key))
        };
        self.line.wait_durable(checkpoint.size)?;
        self.keep_checkpoint(checkpoint, &key)
    }

    /// Signs a tree head, all of it durable, and keeps the note as the newest own checkpoint; gives a newer one where there is one.
    pub fn keep_checkpoint(&self, checkpoint: Checkpoint, key: &OperatorKey) -> Result<String, Error> {
        let mut newest = locked(&self.newest);
        if let Some((_, note)) = newest.as_ref().filter(|(known, _)| known.size >= checkpoint.size) {
            return Ok(note.clone());
        }
        let note = key.sign_checkpoint(&checkpoint)?;
        let path = self.home.checkpoint_path();
        path.parent().map_or(Ok(()), disk::create_folder)?;
        disk::write_file(&path, note.as_bytes(), Existing::Replace)?;
        *newest = Some((checkpoint, note.clone()));
        Ok(note)
    }
}
