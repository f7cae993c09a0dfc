//! A queue in which callers take turns: each has a line of its own, and whoever was served goes behind the others.

use super::bell::Bell;
use super::limits::{WAITING_BYTES_MAX, WAITING_COUNT_MAX, WAITING_PER_CALLER_MAX};
use super::order::{Caller, Gone};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits, for one worker.
pub(super) struct Queue<T> {
    lines: Mutex<Lines<T>>,
    bell: Arc<Bell>,
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

/// What the worker says to the first in somebody's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is taken.
    Take,
    /// Its caller has as much as they may have: it is the next one's turn, and they stay first.
    Pass,
    /// There is no room for it yet: nobody smaller goes before it.
    Wait,
}

struct Lines<T> {
    by_caller: BTreeMap<Caller, VecDeque<Waiting<T>>>,
    /// Callers that have something waiting, whoever's turn it is first.
    turns: VecDeque<Caller>,
    /// Taken, and not over. Counted with what waits, so that at no moment it is neither.
    taken_count: usize,
    is_closed: bool,
}

impl<T> Queue<T> {
    /// Empty; the bell is rung when there is more to find.
    pub fn new(bell: Arc<Bell>) -> Self {
        Self { lines: Mutex::new(Lines { by_caller: BTreeMap::new(), turns: VecDeque::new(), taken_count: 0, is_closed: false }), bell }
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
        drop(lines);
        self.bell.ring();
        Ok(())
    }

    /// The next in turn that somebody waits for and that `turn` takes. Whoever takes it says with [`Queue::over`] when it is over.
    pub fn next(&self, turn: impl FnMut(Caller, &T) -> Turn) -> Option<T> {
        let mut lines = self.lock();
        let next = lines.pop(turn);
        lines.taken_count += usize::from(next.is_some());
        next
    }

    /// One that was taken is over.
    pub fn over(&self) {
        let mut lines = self.lock();
        lines.taken_count = lines.taken_count.saturating_sub(1);
    }

    /// Nothing waits that somebody waits for, and everything that was taken is over.
    pub fn is_idle(&self) -> bool {
        let mut lines = self.lock();
        lines.forget_gone();
        lines.count() == 0 && lines.taken_count == 0
    }

    /// Nothing more is let in.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Nothing will come any more.
    pub fn is_over(&self) -> bool {
        let lines = self.lock();
        lines.is_closed && lines.count() == 0
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
        drop(lines);
        self.bell.ring();
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

    fn pop(&mut self, mut turn: impl FnMut(Caller, &T) -> Turn) -> Option<T> {
        self.forget_gone();
        let mut place = 0;
        let caller = loop {
            let caller = *self.turns.get(place)?;
            match turn(caller, &self.by_caller.get(&caller)?.front()?.item) {
                Turn::Take => break caller,
                Turn::Pass => place += 1,
                Turn::Wait => return None,
            }
        };
        self.turns.remove(place);
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

    fn queue() -> Queue<&'static str> {
        Queue::new(Arc::default())
    }

    fn drain(queue: &Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.next(|_, _| Turn::Take)).collect()
    }

    #[test]
    fn callers_take_turns() {
        let queue = queue();
        queue.push(vec![one("a1", 1), one("a2", 1), one("a3", 1)]).unwrap();
        queue.push(vec![one("b1", 2)]).unwrap();
        queue.push(vec![one("c1", 3), one("c2", 3)]).unwrap();
        assert_eq!(drain(&queue), ["a1", "b1", "c1", "a2", "c2", "a3"]);
    }

    #[test]
    fn who_was_served_goes_behind_who_waits() {
        let queue = queue();
        queue.push(vec![one("a1", 1), one("a2", 1)]).unwrap();
        assert_eq!(queue.next(|_, _| Turn::Take), Some("a1"));
        queue.push(vec![one("b1", 2)]).unwrap();
        assert_eq!(drain(&queue), ["a2", "b1"]);
    }

    #[test]
    fn who_has_enough_is_passed_and_who_is_too_large_is_waited_for() {
        let queue = queue();
        queue.push(vec![one("a1", 1), one("a2", 1)]).unwrap();
        queue.push(vec![one("large", 2)]).unwrap();
        queue.push(vec![one("c1", 3)]).unwrap();
        let turn = |has_room: bool| {
            move |caller, item: &&str| match item {
                &"large" if !has_room => Turn::Wait,
                _ if caller == Caller(1) => Turn::Pass,
                _ => Turn::Take,
            }
        };
        assert_eq!(queue.next(turn(false)), None);
        assert_eq!([queue.next(turn(true)), queue.next(turn(true)), queue.next(turn(true))], [Some("large"), Some("c1"), None]);
        assert_eq!(drain(&queue), ["a1", "a2"]);
    }

    #[test]
    fn who_is_gone_is_forgotten_and_makes_room() {
        let queue = queue();
        let gone = Gone::default();
        let waiting = |count: usize| (0..count).map(|_| Waiting { gone: gone.clone(), ..one("x", 1) }).collect::<Vec<_>>();
        queue.push(waiting(WAITING_PER_CALLER_MAX)).unwrap();
        assert_eq!(queue.push(vec![one("y", 1)]), Err(Full::PerCaller { waiting: WAITING_PER_CALLER_MAX, max: WAITING_PER_CALLER_MAX }));
        gone.set();
        queue.push(vec![one("y", 1)]).unwrap();
        assert_eq!(drain(&queue), ["y"]);
    }

    /// From the moment it is taken on, with no moment between.
    #[test]
    fn what_is_taken_keeps_it_from_being_idle_until_it_is_over() {
        let queue = queue();
        assert!(queue.is_idle());
        queue.push(vec![one("a", 1), one("b", 2)]).unwrap();
        assert_eq!((queue.is_idle(), queue.next(|_, _| Turn::Take), queue.is_idle()), (false, Some("a"), false));
        assert_eq!((queue.next(|_, _| Turn::Take), queue.is_idle()), (Some("b"), false));
        assert_eq!(queue.next(|_, _| Turn::Take), None);
        queue.over();
        assert!(!queue.is_idle());
        queue.over();
        assert!(queue.is_idle() && !queue.is_closed());
        queue.close();
        assert!(queue.is_idle() && queue.is_closed());
    }

    #[test]
    fn limits_are_told_with_their_numbers() {
        let first = queue();
        for caller in 0..4 {
            first.push((0..64).map(|_| one("x", caller)).collect()).unwrap();
        }
        assert_eq!(first.push(vec![one("y", 9)]), Err(Full::Count { waiting: 256, max: 256 }));
        let queue = queue();
        queue.push(vec![Waiting { byte_count: WAITING_BYTES_MAX, ..one("x", 1) }]).unwrap();
        assert_eq!(queue.push(vec![one("y", 2)]), Err(Full::Bytes { waiting: WAITING_BYTES_MAX + 1, max: WAITING_BYTES_MAX }));
        queue.close();
        assert_eq!(queue.push(vec![one("y", 2)]), Err(Full::Closed));
        assert!(queue.is_over());
    }
}
