//! A queue in which callers take turns: each has a line of its own, and whoever was served goes behind the others.

use super::limits::{WAITING_BYTES_MAX, WAITING_COUNT_MAX, WAITING_PER_CALLER_MAX};
use super::order::{Caller, Gone};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What waits, for one worker.
pub(super) struct Queue<T> {
    lines: Mutex<Lines<T>>,
    changed: Condvar,
}

/// One thing that waits.
pub(super) struct Waiting<T> {
    pub item: T,
    pub caller: Caller,
    /// Bytes that it holds while it waits.
    pub byte_count: usize,
    /// Set when nobody waits for it any more.
    pub gone: Gone,
}

/// Why something may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// So many wait already.
    Count {
        /// How many wait.
        waiting: usize,
        /// How many may.
        max: usize,
    },
    /// So many of one caller wait already.
    PerCaller {
        /// How many of this caller wait.
        waiting: usize,
        /// How many may.
        max: usize,
    },
    /// What waits is too large together.
    Bytes {
        /// Bytes with this one.
        waiting: usize,
        /// Bytes that may wait.
        max: usize,
    },
    /// The system is ending.
    Closed,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { waiting, max } => write!(f, "{waiting} requests wait for this model, of at most {max}: ask again later"),
            Self::PerCaller { waiting, max } => write!(f, "{waiting} of your requests wait for this model, of at most {max}: ask again when some are done"),
            Self::Bytes { waiting, max } => write!(f, "the prompts that wait would have {waiting} bytes, of at most {max}: ask again later"),
            Self::Closed => f.write_str("the system is ending: ask again when it is back"),
        }
    }
}

/// What the worker finds.
pub(super) enum Next<T> {
    /// Something to do.
    Work(T),
    /// Nothing for so long.
    Quiet,
    /// Nothing any more.
    Closed,
}

struct Lines<T> {
    by_caller: BTreeMap<Caller, VecDeque<Waiting<T>>>,
    /// Callers that have something waiting, whoever's turn it is first.
    turns: VecDeque<Caller>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub fn new() -> Self {
        Self { lines: Mutex::new(Lines { by_caller: BTreeMap::new(), turns: VecDeque::new(), is_closed: false }), changed: Condvar::new() }
    }

    /// Puts all of these in line, or none. They are of one caller.
    ///
    /// # Errors
    /// Which limit stands against it, with what was to wait.
    pub fn push(&self, all: Vec<Waiting<T>>) -> Result<(), Full> {
        let mut lines = self.lock();
        lines.forget_gone();
        lines.admit(&all)?;
        for one in all {
            let Lines { by_caller, turns, .. } = &mut *lines;
            let line = by_caller.entry(one.caller).or_default();
            if line.is_empty() {
                turns.push_back(one.caller);
            }
            line.push_back(one);
        }
        self.changed.notify_one();
        Ok(())
    }

    /// The next in turn that somebody waits for.
    pub fn next(&self, patience: Duration) -> Next<T> {
        let mut lines = self.lock();
        loop {
            if let Some(item) = lines.pop() {
                return Next::Work(item);
            }
            if lines.is_closed {
                return Next::Closed;
            }
            let (again, waited) = self.changed.wait_timeout(lines, patience).unwrap_or_else(PoisonError::into_inner);
            lines = again;
            if waited.timed_out() && lines.count() == 0 && !lines.is_closed {
                return Next::Quiet;
            }
        }
    }

    /// How many wait that somebody waits for.
    pub fn count(&self) -> usize {
        let mut lines = self.lock();
        lines.forget_gone();
        lines.count()
    }

    /// Lets nothing more in and forgets what waits.
    pub fn close(&self) {
        let mut lines = self.lock();
        lines.is_closed = true;
        lines.by_caller.clear();
        lines.turns.clear();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lines<T>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Lines<T> {
    fn count(&self) -> usize {
        self.by_caller.values().map(VecDeque::len).sum()
    }

    fn admit(&self, all: &[Waiting<T>]) -> Result<(), Full> {
        if self.is_closed {
            return Err(Full::Closed);
        }
        let waiting = self.count();
        if waiting + all.len() > WAITING_COUNT_MAX {
            return Err(Full::Count { waiting, max: WAITING_COUNT_MAX });
        }
        let of_caller = all.first().and_then(|one| self.by_caller.get(&one.caller)).map_or(0, VecDeque::len);
        if of_caller + all.len() > WAITING_PER_CALLER_MAX {
            return Err(Full::PerCaller { waiting: of_caller, max: WAITING_PER_CALLER_MAX });
        }
        let bytes = self.by_caller.values().flatten().chain(all).map(|one| one.byte_count).sum();
        if bytes > WAITING_BYTES_MAX {
            return Err(Full::Bytes { waiting: bytes, max: WAITING_BYTES_MAX });
        }
        Ok(())
    }

    fn forget_gone(&mut self) {
        for line in self.by_caller.values_mut() {
            line.retain(|one| !one.gone.is_set());
        }
        self.by_caller.retain(|_, line| !line.is_empty());
        let by_caller = &self.by_caller;
        self.turns.retain(|caller| by_caller.contains_key(caller));
    }

    fn pop(&mut self) -> Option<T> {
        self.forget_gone();
        let caller = self.turns.pop_front()?;
        let line = self.by_caller.get_mut(&caller)?;
        let one = line.pop_front()?;
        if line.is_empty() {
            self.by_caller.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        Some(one.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &'static str, caller: u64) -> Waiting<&'static str> {
        Waiting { item: name, caller: Caller(caller), byte_count: 1, gone: Gone::default() }
    }

    fn drain(queue: &Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| match queue.next(Duration::ZERO) {
            Next::Work(item) => Some(item),
            Next::Quiet | Next::Closed => None,
        })
        .collect()
    }

    #[test]
    fn callers_take_turns() {
        let queue = Queue::new();
        queue.push(vec![one("a1", 1), one("a2", 1), one("a3", 1)]).unwrap();
        queue.push(vec![one("b1", 2)]).unwrap();
        queue.push(vec![one("c1", 3), one("c2", 3)]).unwrap();
        assert_eq!(drain(&queue), ["a1", "b1", "c1", "a2", "c2", "a3"]);
    }

    #[test]
    fn who_was_served_goes_behind_who_waits() {
        let queue = Queue::new();
        queue.push(vec![one("a1", 1), one("a2", 1)]).unwrap();
        assert!(matches!(queue.next(Duration::ZERO), Next::Work("a1")));
        queue.push(vec![one("b1", 2)]).unwrap();
        assert_eq!(drain(&queue), ["a2", "b1"]);
    }

    #[test]
    fn who_is_gone_is_forgotten_and_makes_room() {
        let queue = Queue::new();
        let gone = Gone::default();
        let waiting = |count: usize| (0..count).map(|_| Waiting { gone: gone.clone(), ..one("x", 1) }).collect::<Vec<_>>();
        queue.push(waiting(WAITING_PER_CALLER_MAX)).unwrap();
        assert_eq!(queue.push(vec![one("y", 1)]), Err(Full::PerCaller { waiting: WAITING_PER_CALLER_MAX, max: WAITING_PER_CALLER_MAX }));
        gone.set();
        queue.push(vec![one("y", 1)]).unwrap();
        assert_eq!(drain(&queue), ["y"]);
    }

    #[test]
    fn limits_are_told_with_their_numbers() {
        let queue = Queue::new();
        for caller in 0..4 {
            queue.push((0..64).map(|_| one("x", caller)).collect()).unwrap();
        }
        assert_eq!(queue.push(vec![one("y", 9)]), Err(Full::Count { waiting: 256, max: 256 }));
        let queue = Queue::new();
        queue.push(vec![Waiting { byte_count: WAITING_BYTES_MAX, ..one("x", 1) }]).unwrap();
        assert_eq!(queue.push(vec![one("y", 2)]), Err(Full::Bytes { waiting: WAITING_BYTES_MAX + 1, max: WAITING_BYTES_MAX }));
        queue.close();
        assert_eq!(queue.push(vec![one("y", 2)]), Err(Full::Closed));
        assert!(matches!(queue.next(Duration::ZERO), Next::Closed));
    }
}
