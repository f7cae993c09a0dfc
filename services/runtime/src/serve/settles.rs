//! Settling while others are served: when the operator said so, on a thread of its own, beside what runs. No answer waits for it.

use super::limits::{SETTLE_FAREWELL, SETTLE_PAUSE};
use super::recorder::{Recorder, contained};
use crate::error::{Error, Result};
use crate::settle::{Look, Settlement, Settler, Settling, Terms};
use crate::system::System;
use mickai_proof::digest::Id;
use mickai_proof::record::ActorClass;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Gives the chain that settings say, reached by whoever can.
pub(super) type Reach = Box<dyn Fn(&System, &Settling) -> Result<Box<dyn Settler>> + Send>;
/// Hears what came of it.
pub(super) type Told = Box<dyn Fn(Result<Settlement>) + Send>;

/// The thread that settles. Dropped, it begins nothing more, and what it is at may end if it ends soon; what does not has no outcome, which the next start puts on record.
pub(super) struct Settles {
    recorder: Arc<Recorder>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Where the log stood when it was last told.
    look: Option<Look>,
    is_new: bool,
    is_closed: bool,
    is_over: bool,
}

impl Settles {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system refuses one.
    pub fn start(system: Arc<System>, recorder: Arc<Recorder>, reach: Reach, told: Told) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let hearing = shared.clone();
        let work = Work { system, recorder: recorder.clone(), shared: shared.clone(), reach, told, terms: None };
        Builder::new().name("settles".to_owned()).spawn(move || work.run()).map_err(Error::Threads)?;
        recorder.tell(Some(Box::new(move |look| hearing.hear(look))));
        Ok(Self { recorder, shared })
    }
}

impl Drop for Settles {
    fn drop(&mut self) {
        self.recorder.tell(None);
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.changed.notify_all();
        // Whether a chain that is away was reached or not is no reason to keep anybody waiting.
        drop(self.shared.changed.wait_timeout_while(state, SETTLE_FAREWELL, |state| !state.is_over));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, look: Look) {
        let mut state = self.lock();
        (state.look, state.is_new) = (Some(look), true);
        self.changed.notify_all();
    }

    /// Where the log stands: when that is told anew, unless this is a pause, or when the time has come; `None` when it is over.
    fn next(&self, wait: Wait) -> Option<Look> {
        let until = wait.time.map(|time| Instant::now() + time);
        let mut state = self.lock();
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if state.is_closed {
                return None;
            }
            if (state.is_new && !wait.is_pause) || left == Some(Duration::ZERO) {
                state.is_new = false;
                if state.look.is_some() {
                    return state.look;
                }
            }
            state = match left.filter(|left| !left.is_zero()) {
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// What the thread waits for next.
#[derive(Clone, Copy, Default)]
struct Wait {
    /// At most so long; without end where it is none.
    time: Option<Duration>,
    /// Nothing that is told ends it.
    is_pause: bool,
}

/// What the thread has.
struct Work {
    system: Arc<System>,
    recorder: Arc<Recorder>,
    shared: Arc<Shared>,
    reach: Reach,
    told: Told,
    terms: Option<Terms>,
}

impl Work {
    fn run(mut self) {
        let _over = Over(self.shared.clone());
        let mut wait = Wait::default();
        while let Some(look) = self.shared.next(wait) {
            wait = match contained(|| self.turn(look)) {
                Ok(time) => Wait { time, is_pause: false },
                Err(error) => {
                    // Whoever is told may fail too, and settling goes on.
                    let _ = contained(|| {
                        (self.told)(Err(error));
                        Ok(())
                    });
                    Wait { time: Some(SETTLE_PAUSE), is_pause: true }
                }
            };
        }
    }

    /// Settles if it is time; gives how long until it is, where nothing has to be recorded first.
    fn turn(&mut self, look: Look) -> Result<Option<Duration>> {
        let due_in = self.terms(look)?.due_in(look);
        if due_in != Some(Duration::ZERO) {
            return Ok(due_in);
        }
        // In hand, the log is looked at again: while it rested another process may have settled, or been told to settle elsewhere.
        let (pen, keys, look, open) = self.recorder.beside()?;
        let terms = self.terms(look)?;
        let due_in = terms.due_in(look);
        if due_in != Some(Duration::ZERO) {
            return Ok(due_in);
        }
        let mut settler = (self.reach)(&self.system, terms.settling())?;
        let settlement = self.system.settle_by(&pen, (ActorClass::System, Id::ZERO), &keys, &mut *settler)?;
        drop((pen, open));
        (self.told)(Ok(settlement));
        // What comes next is told before the log is given back.
        Ok(None)
    }

    fn terms(&mut self, look: Look) -> Result<Terms> {
        let terms = Terms::of(&self.system, look, self.terms.take())?;
        self.terms = Some(terms.clone());
        Ok(terms)
    }
}

/// Says that the thread has ended, however it did.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(30);

    fn at_most(time: Duration) -> Wait {
        Wait { time: Some(time), is_pause: false }
    }

    #[test]
    fn what_is_told_or_the_time_ends_a_wait_and_the_end_ends_all() {
        let shared = Shared::default();
        shared.hear(Look::default());
        assert_eq!(shared.next(Wait::default()), Some(Look::default()), "told before it was waited for");
        // Nothing new, but the minute has come: the log stands where it stood.
        let begun = Instant::now();
        assert_eq!(shared.next(at_most(SOON)), Some(Look::default()));
        assert!(begun.elapsed() >= SOON);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| shared.next(Wait::default()));
            shared.hear(Look::default());
            assert_eq!(waits.join().unwrap(), Some(Look::default()));
            let waits = scope.spawn(|| shared.next(at_most(Duration::from_secs(3_600))));
            shared.lock().is_closed = true;
            shared.changed.notify_all();
            assert_eq!(waits.join().unwrap(), None);
        });
        shared.hear(Look::default());
        assert_eq!(shared.next(Wait::default()), None);
    }

    #[test]
    fn nothing_that_is_told_ends_a_pause() {
        let shared = Shared::default();
        shared.hear(Look::default());
        let begun = Instant::now();
        assert_eq!(shared.next(Wait { time: Some(SOON), is_pause: true }), Some(Look::default()));
        assert!(begun.elapsed() >= SOON);
    }
}
