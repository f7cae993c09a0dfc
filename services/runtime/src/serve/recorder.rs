//! The log, shared by all workers: threads of its own make intents and outcomes durable, so that no model waits for a disk, and records of acts beside each other share their fsyncs.
//!
//! It is held while acts are open, because another writer would take them for those of a dead process, and given back when nothing has happened for a while, so that other commands on this home
//! can write too. Whoever settles is told where the log stands then.
//!
//! A writer that failed is never written with again. What acts are open hear so when they close, no other begins, and whoever comes after the last of them has the log opened anew: what the disk then
//! holds is what is on record.

use super::limits::{RECORDING_THREADS, REST_AFTER};
use crate::error::{Error, Result};
use crate::executor::{Executor, Pen};
use crate::generation::{Openings, borrowed};
use crate::models::Loaded;
use crate::settle::Look;
use crate::system::System;
use mickai_proof::record::{Fact, OutcomeCode};
use mickai_store::{Appended, Draft, KeyAccount, Running};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Makes the records of acts that run beside each other. Dropping it finishes what was begun and gives the log back.
pub(super) struct Recorder {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// An act whose intent is durable. Dropped without being closed it stays open on record, and is `outcome_unknown` after the next start.
pub(super) struct Act {
    running: Running,
    open: Open,
}

impl Act {
    /// The right to perform it.
    pub fn running(&self) -> &Running {
        &self.running
    }
}

struct Shared {
    system: Arc<System>,
    log: Mutex<Log>,
    tasks: Mutex<Tasks>,
    /// For the threads that record: there is a task, or none will come.
    added: Condvar,
    /// For the thread that gives the log back: it is held, or there is nothing left to give.
    held: Condvar,
    /// Where the log stood when it was last looked at, and who wants to hear of it.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    look: Option<Look>,
    hears: Option<Hears>,
}

pub(super) type Hears = Box<dyn Fn(Look) + Send>;

#[derive(Default)]
struct Log {
    executor: Option<Executor>,
    /// Acts whose intent was asked for and whose outcome is not durable.
    open_count: usize,
}

#[derive(Default)]
struct Tasks {
    waiting: VecDeque<Task>,
    is_closed: bool,
    is_held: bool,
    /// Tasks so far: where it stands still, nothing happens.
    done_count: u64,
}

type Task = Box<dyn FnOnce(&Arc<Shared>) + Send>;

/// One of the acts that the log is held for.
pub(super) struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        locked(&self.0.log).open_count -= 1;
    }
}

impl Recorder {
    /// Starts its threads; the log is not touched.
    ///
    /// # Errors
    /// When the operating system refuses them.
    pub fn new(system: Arc<System>) -> Result<Self> {
        let shared = Arc::new(Shared { system, log: Mutex::default(), tasks: Mutex::default(), added: Condvar::new(), held: Condvar::new(), seen: Mutex::default() });
        let mut recorder = Self { shared, threads: Vec::new() };
        for index in 0..RECORDING_THREADS {
            recorder.spawn(format!("records {index}"), record)?;
        }
        recorder.spawn("log rest".to_owned(), keep)?;
        Ok(recorder)
    }

    /// Makes the intent to run a model, with what is on it, durable and begins its act; `then` hears of it on another thread. What pins or policy refuse, and a log that another process holds or that cannot be written, is its error.
    pub fn begin(&self, model: Arc<Loaded>, draft: Draft, openings: Openings, then: impl FnOnce(Result<Act>) + Send + 'static) {
        self.shared.add(Box::new(move |shared| {
            let begun = contained(|| shared.begin(&model, draft, &openings));
            // Let go before anyone hears: who is the last to have it has its memory.
            drop(model);
            then(begun);
        }));
    }

    /// Closes an act; `then` hears of it on another thread.
    pub fn close(&self, act: Act, code: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: Openings, then: impl FnOnce(Result<Appended>) + Send + 'static) {
        self.shared.add(Box::new(move |shared| then(contained(|| shared.close(act, code, facts, &openings)))));
    }

    /// Another act of the system's, on the same log, on this thread.
    ///
    /// # Errors
    /// Those of the act; a log that another process holds.
    pub fn with<T>(&self, act: impl FnOnce(&mut Executor) -> Result<T>) -> Result<T> {
        let mut log = locked(&self.shared.log);
        act(self.shared.executor(&mut log)?)
    }

    /// For an act beside all others, with the keys of the log and where it stands: the log is taken in hand if it rests, and held as long as the last lives.
    ///
    /// # Errors
    /// A log that another process holds, or that cannot be written.
    pub fn beside(&self) -> Result<(Pen, KeyAccount, Look, Open)> {
        let mut found = None;
        let (pen, open) = self.shared.pen_after(|executor| {
            found = Some((executor.log().keys(), Look::at(executor.log())));
            Ok(())
        })?;
        let (keys, look) = found.ok_or(Error::Fault)?;
        Ok((pen, keys, look, open))
    }

    /// From now on `hears` is told where the log stands, twice a second while it is held and once more before it is given back; at once where it was held before.
    pub fn tell(&self, hears: Option<Hears>) {
        let mut seen = locked(&self.shared.seen);
        if let (Some(hears), Some(look)) = (&hears, seen.look) {
            hears(look);
        }
        seen.hears = hears;
    }

    /// Gives the log back, unless an act is open.
    pub fn rest(&self) {
        self.shared.rest();
    }

    fn spawn(&mut self, name: String, work: fn(&Arc<Shared>)) -> Result<()> {
        let shared = self.shared.clone();
        self.threads.push(Builder::new().name(name).spawn(move || work(&shared)).map_err(Error::Threads)?);
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        locked(&self.shared.tasks).is_closed = true;
        self.shared.added.notify_all();
        self.shared.held.notify_all();
        for thread in self.threads.drain(..) {
            // What might panic on it is caught there.
            let _ = thread.join();
        }
        self.shared.rest();
    }
}

impl Shared {
    fn add(&self, task: Task) {
        locked(&self.tasks).waiting.push_back(task);
        self.added.notify_one();
    }

    fn begin(self: &Arc<Self>, model: &Loaded, draft: Draft, openings: &Openings) -> Result<Act> {
        let (pen, open) = self.pen_after(|executor| {
            self.system.refuse_unpinned(executor, model)?;
            self.system.record_panels(executor, model)
        })?;
        let permit = pen.permit(draft, &borrowed(openings))?;
        Ok(Act { running: pen.begin(permit)?, open })
    }

    fn close(self: &Arc<Self>, act: Act, code: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: &Openings) -> Result<Appended> {
        let Act { running, open } = act;
        let closed = self.pen().and_then(|(pen, _)| pen.close(running, code, facts, openings));
        drop(open);
        closed
    }

    /// To write with; the log is held as long as the second lives.
    fn pen(self: &Arc<Self>) -> Result<(Pen, Open)> {
        self.pen_after(|_| Ok(()))
    }

    /// The same, if nothing in the log speaks against it: from that look on no other process writes to it.
    fn pen_after(self: &Arc<Self>, look: impl FnOnce(&mut Executor) -> Result<()>) -> Result<(Pen, Open)> {
        let mut log = locked(&self.log);
        let executor = self.executor(&mut log)?;
        look(executor)?;
        let pen = executor.pen();
        log.open_count += 1;
        Ok((pen, Open(self.clone())))
    }

    fn executor<'a>(&self, log: &'a mut Log) -> Result<&'a mut Executor> {
        if log.executor.as_ref().is_some_and(|executor| executor.log().has_failed()) {
            if log.open_count > 0 {
                return Err(mickai_store::Error::Poisoned.into());
            }
            log.executor = None;
        }
        match &mut log.executor {
            Some(executor) => Ok(executor),
            none => {
                let executor = none.insert(self.system.executor()?);
                locked(&self.tasks).is_held = true;
                self.held.notify_one();
                Ok(executor)
            }
        }
    }

    fn rest(&self) {
        let mut log = locked(&self.log);
        if log.open_count == 0 {
            self.look(&log);
            log.executor = None;
            locked(&self.tasks).is_held = false;
        }
    }

    /// Looks where the log stands, if it is held.
    fn look(&self, log: &Log) {
        let Some(executor) = &log.executor else { return };
        let look = Look::at(executor.log());
        let mut seen = locked(&self.seen);
        seen.look = Some(look);
        seen.hears.iter().for_each(|hears| hears(look));
    }
}

/// One of the threads that record.
fn record(shared: &Arc<Shared>) {
    let mut tasks = locked(&shared.tasks);
    loop {
        if let Some(task) = tasks.waiting.pop_front() {
            drop(tasks);
            // A fault in one who hears of a record keeps nobody else from being recorded.
            let _ = catch_unwind(AssertUnwindSafe(|| task(shared)));
            tasks = locked(&shared.tasks);
            tasks.done_count += 1;
        } else if tasks.is_closed {
            return;
        } else {
            tasks = shared.added.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The thread that gives the log back when nothing was recorded for as long as it waits.
fn keep(shared: &Arc<Shared>) {
    let mut tasks = locked(&shared.tasks);
    while !tasks.is_closed {
        if !tasks.is_held {
            tasks = shared.held.wait(tasks).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let before = tasks.done_count;
        let waited;
        (tasks, waited) = shared.held.wait_timeout(tasks, REST_AFTER).unwrap_or_else(PoisonError::into_inner);
        let is_quiet = tasks.done_count == before && tasks.waiting.is_empty();
        if waited.timed_out() {
            drop(tasks);
            if is_quiet {
                shared.rest();
            } else {
                shared.look(&locked(&shared.log));
            }
            tasks = locked(&shared.tasks);
        }
    }
}

/// Whoever waits for it hears of it, whatever happens.
pub(super) fn contained<T>(write: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(write)).unwrap_or(Err(Error::Fault))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_proof::digest::Id;
    use mickai_proof::record::{ActorClass, Kind};
    use mickai_store::Custody;

    /// The vault cannot be written for a while; requests come all the time, so the log never rests.
    #[test]
    fn a_writer_that_failed_is_replaced_when_its_last_act_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let system = Arc::new(System::open(&folder.path().join("home"), 1, Custody::default()).unwrap());
        let recorder = Recorder::new(system.clone()).unwrap();
        let append = || {
            let draft = Draft::new(Kind::Heartbeat, (ActorClass::System, Id::ZERO), crate::policy::authority(), "heartbeat");
            recorder.with(|executor| Ok(executor.log_mut().append_with(draft, &[("note", b"kept")])?))
        };
        let (pen, _, _, open) = recorder.beside().unwrap();
        // Where the vault has its first folder.
        let in_the_way = system.home().vault_path().join("00000000");
        std::fs::write(&in_the_way, b"").unwrap();
        assert!(matches!(append(), Err(Error::Store(mickai_store::Error::Io { .. }))));
        std::fs::remove_file(&in_the_way).unwrap();
        assert!(matches!(append(), Err(Error::Store(mickai_store::Error::Poisoned))), "an act is open");
        assert!(recorder.beside().is_err(), "and no other begins");
        drop((pen, open));
        let first = append().unwrap();
        assert_eq!(append().unwrap().index, first.index + 1);
    }
}
