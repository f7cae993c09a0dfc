//! The log, shared by all workers: held while acts are open, and given back when nothing has happened for a while, so that other commands on this home can write too.

use crate::error::Result;
use crate::executor::Executor;
use crate::generation::{Openings, borrowed};
use crate::models::Loaded;
use crate::system::System;
use mickai_proof::record::{Fact, OutcomeCode};
use mickai_store::{Appended, Draft, Running};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes the records of acts that run beside each other.
pub(super) struct Recorder {
    system: Arc<System>,
    state: Mutex<State>,
}

struct State {
    executor: Option<Executor>,
    /// Acts that have begun and are not closed; while there are any, another writer would take them for those of a dead process.
    open_count: usize,
}

impl Recorder {
    pub fn new(system: Arc<System>) -> Self {
        Self { system, state: Mutex::new(State { executor: None, open_count: 0 }) }
    }

    /// Makes the intent to run a model durable and begins its act.
    ///
    /// # Errors
    /// What pins or policy refuse; a log that another process holds, or that cannot be written.
    pub fn begin(&self, model: &Loaded, draft: Draft, openings: &Openings) -> Result<Running> {
        let mut state = self.lock();
        let running = {
            let executor = self.executor(&mut state)?;
            self.system.refuse_unpinned(executor, &model.name, model.digest)?;
            self.system.record_panels(executor, model)?;
            let permit = executor.permit(draft, &borrowed(openings))?;
            executor.begin(permit)?
        };
        state.open_count += 1;
        Ok(running)
    }

    /// Closes an act.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn close(&self, act: Running, code: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: &Openings) -> Result<Appended> {
        let mut state = self.lock();
        state.open_count = state.open_count.saturating_sub(1);
        self.executor(&mut state)?.close(act, code, facts, openings)
    }

    /// Another act of the system's, on the same log.
    ///
    /// # Errors
    /// Those of the act; a log that another process holds.
    pub fn with<T>(&self, act: impl FnOnce(&mut Executor) -> Result<T>) -> Result<T> {
        act(self.executor(&mut self.lock())?)
    }

    /// Gives the log back, unless an act is open.
    pub fn rest(&self) {
        let mut state = self.lock();
        if state.open_count == 0 {
            state.executor = None;
        }
    }

    fn executor<'a>(&self, state: &'a mut State) -> Result<&'a mut Executor> {
        match &mut state.executor {
            Some(executor) => Ok(executor),
            none => Ok(none.insert(self.system.executor()?)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
