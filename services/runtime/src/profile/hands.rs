//! The crew with a look at who works when: every part is timed on the thread that does it.

use mickai_kernels::crew::Crew;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Numbers crews, so that a thread knows whether its place is in this one.
static CREWS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The crew that this thread last worked for, and its place there.
    static PLACE: Cell<(u64, usize)> = const { Cell::new((0, 0)) };
}

/// A crew that notes how long each of its threads was at parts since it was last asked.
pub(super) struct Hands {
    crew: Arc<dyn Crew>,
    started: Instant,
    number: u64,
    joined: AtomicUsize,
    notes: Box<[Note]>,
}

/// One thread's; on cache lines of its own, because all are written at once.
#[repr(align(128))]
struct Note {
    busy_ns: AtomicU64,
    /// `u64::MAX` before the first part.
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Note {
    fn new() -> Self {
        Self { busy_ns: AtomicU64::new(0), first_ns: AtomicU64::new(u64::MAX), last_ns: AtomicU64::new(0) }
    }
}

/// What one thread did since it was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worked {
    pub busy_ns: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

impl Hands {
    /// Around a crew of `thread_count`; the calling thread, which has to be the one that drives, has place 0.
    pub fn new(crew: Arc<dyn Crew>, thread_count: usize) -> Self {
        let notes = (0..thread_count.max(1)).map(|_| Note::new()).collect();
        let hands = Self { crew, started: Instant::now(), number: CREWS.fetch_add(1, Ordering::Relaxed), joined: AtomicUsize::new(0), notes };
        hands.place();
        hands
    }

    /// Nanoseconds since this crew was made.
    pub fn now_ns(&self) -> u64 {
        // 2⁶⁴ nanoseconds are centuries.
        self.started.elapsed().as_nanos() as u64
    }

    /// What each thread did since the last call, by its place; `None` if it had no part. Between operations alone: whoever is at a part is not waited for.
    pub fn take(&self) -> impl Iterator<Item = Option<Worked>> + '_ {
        self.notes.iter().map(|note| {
            let first_ns = note.first_ns.swap(u64::MAX, Ordering::Relaxed);
            let busy_ns = note.busy_ns.swap(0, Ordering::Relaxed);
            (first_ns != u64::MAX).then(|| Worked { busy_ns, first_ns, last_ns: note.last_ns.load(Ordering::Relaxed) })
        })
    }

    /// The place of the calling thread. Were there ever more threads than places, the last ones would share one.
    fn place(&self) -> usize {
        let (number, place) = PLACE.get();
        if number == self.number {
            return place;
        }
        let place = self.joined.fetch_add(1, Ordering::Relaxed).min(self.notes.len() - 1);
        PLACE.set((self.number, place));
        place
    }
}

impl Crew for Hands {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.crew.run(part_count, &|index| {
            let begin = self.now_ns();
            part(index);
            let end = self.now_ns();
            // `place` keeps below the number of notes.
            let note = &self.notes[self.place()];
            note.busy_ns.fetch_add(end - begin, Ordering::Relaxed);
            note.first_ns.fetch_min(begin, Ordering::Relaxed);
            note.last_ns.store(end, Ordering::Relaxed);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Threads;
    use std::sync::Barrier;

    #[test]
    fn each_thread_has_its_own_note() {
        let hands = Hands::new(Arc::new(Threads::new(3).unwrap()), 3);
        // As many parts as threads, and none ends before all have one.
        let all = Barrier::new(3);
        hands.run(3, &|_| _ = all.wait());
        let worked: Vec<Worked> = hands.take().map(Option::unwrap).collect();
        let now = hands.now_ns();
        assert!(worked.iter().all(|worked| worked.first_ns + worked.busy_ns == worked.last_ns && worked.last_ns <= now), "{worked:?}");
        assert!(hands.take().all(|note| note.is_none()), "asking takes the notes away");
        hands.run(1, &|_| {});
        assert_eq!(hands.take().filter(Option::is_some).count(), 1);
    }
}
