//! The line between sequencer, signers and syncing thread: groups of records that have their place and are not yet durable, in index order, and never more of them than fit the limits.
//!
//! A group is what one caller appended in one call. It is *ready* when its signatures are made and its values are kept; the syncing thread takes ready groups from the front, so what is durable
//! is always a beginning of the log. After the first failure nothing moves any more: every group in the line is told of it, and every later call too.

use super::writer::Appended;
use crate::error::Error;
use crate::keys::OperatorKey;
use crate::limits;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::record::Mode;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A record with its place, not yet signed.
#[derive(Debug)]
pub(super) struct Placed {
    pub record: Vec<u8>,
    pub appended: Appended,
    pub mode: Mode,
    pub is_seal: bool,
}

/// A record with its signature (empty if it is sealed), not yet durable.
#[derive(Debug)]
pub(super) struct Finished {
    pub record: Vec<u8>,
    pub signature: Vec<u8>,
    pub is_seal: bool,
}

/// Records of one group that one signer signs.
pub(super) struct Part {
    group: u64,
    place: usize,
    pub key: Arc<OperatorKey>,
    pub records: Vec<Placed>,
}

/// A checkpoint that is due as soon as a group is durable.
pub(super) struct Plan {
    pub checkpoint: Checkpoint,
    pub key: Arc<OperatorKey>,
}

/// What is put into the line.
pub(super) struct Entering {
    /// At least one.
    pub placed: Vec<Placed>,
    pub key: Arc<OperatorKey>,
    /// Somebody waits for this group alone: it is not kept back for others to join its fsync.
    pub is_urgent: bool,
    /// Its values are still to be kept: [`Line::finish_values`].
    pub has_values: bool,
    pub plan: Option<Plan>,
}

/// What one caller appended in one call.
pub(super) struct Group {
    number: u64,
    count: usize,
    byte_count: usize,
    is_urgent: bool,
    parts: Vec<Vec<Finished>>,
    /// Parts not yet signed, and one more while values are not yet kept.
    missing: usize,
    ready_at: Option<Instant>,
    pub plan: Option<Plan>,
    /// Where its caller waits; `None` once they were answered.
    ticket: Option<Arc<Ticket>>,
}

impl Group {
    /// Its records, in order.
    pub fn records(&self) -> impl Iterator<Item = &Finished> {
        self.parts.iter().flatten()
    }

    /// Its records are durable, or never will be.
    pub fn answer(&mut self, outcome: Result<(), &Error>) {
        if let Some(ticket) = self.ticket.take() {
            ticket.answer(outcome.map_err(Error::again));
        }
    }
}

impl Drop for Group {
    /// Whoever has it may die with it, and its caller is still waiting: nothing is known of its records then.
    fn drop(&mut self) {
        self.answer(Err(&Error::Poisoned));
    }
}

/// Where the caller of one group waits for its answer.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    answer: Mutex<Answer>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Answer {
    outcome: Option<Result<(), Error>>,
    /// Waking nobody costs a call of the system all the same.
    is_awaited: bool,
}

impl Ticket {
    fn answer(&self, outcome: Result<(), Error>) {
        let mut answer = locked(&self.answer);
        answer.outcome = Some(outcome);
        let is_awaited = answer.is_awaited;
        // Whoever wakes finds it unlocked.
        drop(answer);
        if is_awaited {
            self.answered.notify_all();
        }
    }

    /// Waits until the group is durable.
    pub fn wait(&self) -> Result<(), Error> {
        let mut answer = locked(&self.answer);
        loop {
            match answer.outcome.as_ref() {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(error.again()),
                None => {
                    answer.is_awaited = true;
                    answer = self.answered.wait(answer).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// The line; see the top of this file.
pub(super) struct Line {
    inner: Mutex<Inner>,
    /// For signers: there is a part to sign.
    work: Condvar,
    /// For the syncing thread: a group became ready, or somebody is in a hurry.
    ready: Condvar,
    /// For sequencers and those who wait for a size: something became durable.
    moved: Condvar,
    group_wait: Duration,
}

#[derive(Default)]
struct Inner {
    work: VecDeque<Part>,
    groups: VecDeque<Group>,
    next_number: u64,
    record_count: usize,
    byte_count: usize,
    /// Records durable.
    durable: u64,
    /// Somebody waits for this many records to be durable.
    wanted: u64,
    idle_signers: usize,
    /// Records of ready groups.
    ready_count: usize,
    /// Ready groups that somebody waits for.
    urgent_count: usize,
    failure: Option<Error>,
    is_closing: bool,
}

impl Line {
    /// An empty line behind `durable` records; a group waits at most `group_wait` for others to share its fsync.
    pub fn new(durable: u64, group_wait: Duration) -> Self {
        let inner = Inner { durable, ..Inner::default() };
        Self { inner: Mutex::new(inner), work: Condvar::new(), ready: Condvar::new(), moved: Condvar::new(), group_wait }
    }

    /// Records durable.
    pub fn durable(&self) -> u64 {
        self.lock().durable
    }

    /// Refuses once something failed.
    pub fn check(&self) -> Result<(), Error> {
        self.lock().refuse_after_failure()
    }

    /// Waits until the line has room for one more group. Only the sequencer calls it, so the room stays until [`Line::enter`].
    pub fn wait_for_room(&self) -> Result<(), Error> {
        let mut inner = self.lock();
        loop {
            inner.refuse_after_failure()?;
            if inner.record_count < limits::IN_FLIGHT_RECORDS_MAX && inner.byte_count < limits::IN_FLIGHT_BYTES_MAX {
                return Ok(());
            }
            inner = self.moved.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts a group at the end; gives its number and where to wait for it.
    pub fn enter(&self, entering: Entering) -> Result<(u64, Arc<Ticket>), Error> {
        let Entering { placed, key, is_urgent, has_values, plan } = entering;
        let (count, byte_count) = (placed.len(), placed.iter().map(|placed| placed.record.len()).sum());
        let ticket = Arc::new(Ticket::default());
        let mut inner = self.lock();
        inner.refuse_after_failure()?;
        let number = inner.next_number;
        inner.next_number += 1;
        inner.record_count += count;
        inner.byte_count += byte_count;
        let mut group =
            Group { number, count, byte_count, is_urgent, parts: Vec::new(), missing: usize::from(has_values), ready_at: None, plan, ticket: Some(Arc::clone(&ticket)) };
        let mut placed = placed.into_iter().peekable();
        while placed.peek().is_some() {
            let records: Vec<_> = placed.by_ref().take(limits::PART_RECORDS).collect();
            if records.iter().all(|record| record.mode == Mode::Sealed) {
                group.parts.push(records.into_iter().map(|placed| placed.finished(Vec::new())).collect());
            } else {
                inner.work.push_back(Part { group: number, place: group.parts.len(), key: Arc::clone(&key), records });
                group.parts.push(Vec::new());
                group.missing += 1;
            }
        }
        let part_count = group.missing - usize::from(has_values);
        let is_ready = group.missing == 0;
        inner.groups.push_back(group);
        (0..part_count.min(inner.idle_signers)).for_each(|_| self.work.notify_one());
        if is_ready {
            self.became_ready(&mut inner, number);
        }
        Ok((number, ticket))
    }

    /// Takes a part that is signed (what this gave before, without its records), and gives the next to sign; `None` when the line has ended.
    pub fn next_part(&self, done: Option<(Part, Vec<Finished>)>) -> Option<Part> {
        let mut inner = self.lock();
        if let Some((part, finished)) = done
            && let Some(group) = inner.group(part.group)
        {
            if let Some(place) = group.parts.get_mut(part.place) {
                *place = finished;
            }
            self.finish_one(&mut inner, part.group);
        }
        loop {
            if let Some(part) = inner.work.pop_front() {
                return Some(part);
            }
            if inner.is_closing || inner.failure.is_some() {
                return None;
            }
            inner.idle_signers += 1;
            inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.idle_signers -= 1;
        }
    }

    /// The values of a group are kept.
    pub fn finish_values(&self, number: u64) {
        self.finish_one(&mut self.lock(), number);
    }

    /// One of what the group was missing is there.
    fn finish_one(&self, inner: &mut Inner, number: u64) {
        let Some(group) = inner.group(number) else { return };
        group.missing = group.missing.saturating_sub(1);
        if group.missing == 0 {
            self.became_ready(inner, number);
        }
    }

    /// The syncing thread is woken only if it could do more than go on waiting: waking it for each of thousands of records would cost as much as signing some of them.
    fn became_ready(&self, inner: &mut Inner, number: u64) {
        let is_first = inner.groups.front().is_some_and(|front| front.number == number);
        let Some(group) = inner.group(number) else { return };
        group.ready_at = Some(Instant::now());
        let (count, is_urgent) = (group.count, group.is_urgent);
        inner.ready_count += count;
        inner.urgent_count += usize::from(is_urgent);
        if is_first || inner.urgent_count > 0 || inner.ready_count >= limits::BATCH_RECORDS_MAX || inner.wanted > inner.durable {
            self.ready.notify_one();
        }
    }

    /// The groups that the next fsync is for: those that are ready, from the front, at most as many records as one batch may have. Waits for the first, and up to `group_wait` for more of them
    /// unless somebody waits for one of these. `None` when the line has ended.
    pub fn next_batch(&self) -> Option<Vec<Group>> {
        let mut inner = self.lock();
        loop {
            if inner.failure.is_some() || (inner.is_closing && inner.groups.is_empty()) {
                return None;
            }
            let batch = inner.ready_batch();
            let waited = inner.groups.front().and_then(|group| group.ready_at).map_or(Duration::ZERO, |at| at.elapsed());
            let is_wanted = batch.is_urgent || inner.is_closing || inner.wanted > inner.durable;
            if batch.groups > 0 && (is_wanted || batch.is_full || waited >= self.group_wait) {
                let taken: Vec<Group> = inner.groups.drain(..batch.groups).collect();
                inner.ready_count -= taken.iter().map(|group| group.count).sum::<usize>();
                inner.urgent_count -= taken.iter().filter(|group| group.is_urgent).count();
                return Some(taken);
            }
            inner = if batch.groups > 0 {
                self.ready.wait_timeout(inner, self.group_wait.saturating_sub(waited)).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.ready.wait(inner).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// A batch is durable.
    pub fn done(&self, batch: &[Group]) {
        let mut inner = self.lock();
        for group in batch {
            inner.record_count -= group.count;
            inner.byte_count -= group.byte_count;
            inner.durable += group.count as u64;
        }
        self.moved.notify_all();
    }

    /// Nothing moves any more; whoever waits is told why.
    pub fn fail(&self, error: Error) {
        let mut inner = self.lock();
        inner.groups.drain(..).for_each(|mut group| group.answer(Err(&error)));
        inner.work.clear();
        inner.failure.get_or_insert(error);
        [&self.work, &self.ready, &self.moved].into_iter().for_each(Condvar::notify_all);
    }

    /// Waits until so many records are durable, and lets nobody keep them back.
    pub fn wait_durable(&self, size: u64) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.wanted = inner.wanted.max(size);
        self.ready.notify_one();
        while inner.durable < size {
            if let Some(error) = &inner.failure {
                return Err(error.again());
            }
            inner = self.moved.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// No group will enter any more: what is in the line is finished, then the threads end.
    pub fn close(&self) {
        self.lock().is_closing = true;
        [&self.work, &self.ready, &self.moved].into_iter().for_each(Condvar::notify_all);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        locked(&self.inner)
    }
}

/// What the front of the line has for one fsync.
struct Batch {
    groups: usize,
    is_full: bool,
    is_urgent: bool,
}

impl Inner {
    fn refuse_after_failure(&self) -> Result<(), Error> {
        if self.failure.is_some() { Err(Error::Poisoned) } else { Ok(()) }
    }

    fn group(&mut self, number: u64) -> Option<&mut Group> {
        let front = self.groups.front()?.number;
        self.groups.get_mut(usize::try_from(number.checked_sub(front)?).ok()?)
    }

    fn ready_batch(&self) -> Batch {
        let mut batch = Batch { groups: 0, is_full: false, is_urgent: false };
        let mut record_count = 0;
        for group in self.groups.iter().take_while(|group| group.missing == 0) {
            record_count += group.count;
            batch.is_full = record_count >= limits::BATCH_RECORDS_MAX;
            if batch.groups > 0 && record_count > limits::BATCH_RECORDS_MAX {
                break;
            }
            batch.groups += 1;
            batch.is_urgent |= group.is_urgent;
        }
        batch
    }
}

impl Placed {
    pub fn finished(self, signature: Vec<u8>) -> Finished {
        Finished { record: self.record, signature, is_seal: self.is_seal }
    }
}

/// A lock whose holder died holds nothing that is half done: the line is failed by then.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
