//! Transfers as fast as the validators take them: several accounts, each with several transfers on their way, each transfer followed from its submission to the block that holds it.

use super::figures::{Blocks, Transfers};
use super::senders::{Sender, Way, ready};
use crate::client::{Events, Rpc, height, text, whole};
use crate::failure::Failure;
use crate::key::Key;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that sign and submit.
const WORKERS_MAX: usize = 8;
/// How long the event of a block is waited for before somebody asks whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long no block may come before what is on its way is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a validator may take to begin with its events before the next one is listened to.
const EAR_PATIENCE: Duration = Duration::from_secs(10);
/// Transactions that one answer tells of.
const PAGE: u64 = 1_000;

/// What is to be done.
pub struct Plan<'a> {
    /// Where the validators answer.
    pub rpcs: &'a [SocketAddr],
    /// The accounts; none where blocks alone are measured.
    pub senders: Vec<Key>,
    /// Transfers of one account on their way.
    pub window: usize,
    /// For how long.
    pub time: Duration,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Blocks that became final while it was measured.
    pub blocks: Blocks,
    /// And transfers.
    pub transfers: Transfers,
    /// For how long it was measured.
    pub measured: Duration,
}

/// Runs it. `has_stopped` is asked again and again, so that whoever waits can end it before its time.
pub fn run(plan: Plan<'_>, has_stopped: &mut dyn FnMut() -> bool) -> Result<Outcome, Failure> {
    if plan.rpcs.is_empty() {
        return Ok(Outcome::default());
    }
    let senders = ready(plan.rpcs, plan.senders)?;
    let ways = senders.iter().map(|sender| (sender.address(), sender.way())).collect();
    let (ear, counted) = Ear::open(plan.rpcs, 0, None)?;
    let begun = Instant::now();
    let mut watcher = Watcher { rpcs: plan.rpcs, ear, ways, begun, time: plan.time, outcome: Outcome::default(), counted, last: begun };
    let crew = Crew::start(plan.rpcs, senders, plan.window);
    while begun.elapsed() < plan.time && !has_stopped() {
        watcher.look(&crew.shared)?;
    }
    watcher.outcome.measured = begun.elapsed().min(plan.time);
    let shared = crew.shared.clone();
    crew.end()?;
    // What was submitted is followed to its end; nothing of it counts as throughput.
    watcher.last = Instant::now();
    while watcher.waits() && watcher.last.elapsed() < SILENCE_MAX && !has_stopped() {
        watcher.look(&shared)?;
    }
    watcher.outcome.transfers.submitted = shared.submitted.load(Ordering::Relaxed);
    watcher.outcome.transfers.retries = shared.retries.load(Ordering::Relaxed);
    Ok(watcher.outcome)
}

/// One validator that is listened to.
struct Ear {
    /// Its number.
    at: usize,
    rpc: Rpc,
    /// Its events, each with the instant at which it came.
    events: Receiver<(Instant, Value)>,
}

impl Ear {
    /// At the first that answers, from validator `at` on and around: what becomes final after a height, or else after the newest block that it has; that height too.
    fn open(rpcs: &[SocketAddr], at: usize, after: Option<u64>) -> Result<(Self, u64), Failure> {
        let mut silent = Failure::Stalled { height: after.unwrap_or_default() };
        for (at, address) in rpcs.iter().copied().enumerate().cycle().skip(at).take(rpcs.len()) {
            match Self::open_at(at, address, after) {
                Ok(opened) => return Ok(opened),
                Err(failure) => silent = failure,
            }
        }
        Err(silent)
    }

    fn open_at(at: usize, address: SocketAddr, after: Option<u64>) -> Result<(Self, u64), Failure> {
        let mut rpc = Rpc::new(address);
        let after = match after {
            Some(height) => height,
            None => {
                let status = rpc.get("/v1/status")?;
                rpc.counted(&status, "height")?
            }
        };
        let events = Events::open_within(address, Some(after), EAR_PATIENCE)?;
        Ok((Self { at, rpc, events: told(events) }, after))
    }
}

/// Events as they come, from a thread that ends with the node, or when nobody takes what it hears.
fn told(mut events: Events) -> Receiver<(Instant, Value)> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        while let Ok(event) = events.next(SILENCE_MAX) {
            if event.is_some_and(|header| sender.send((Instant::now(), header)).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// Sees what becomes final, at one validator, and where that is gone at the next one.
struct Watcher<'a> {
    rpcs: &'a [SocketAddr],
    ear: Ear,
    ways: BTreeMap<String, Arc<Way>>,
    begun: Instant,
    time: Duration,
    outcome: Outcome,
    /// The block up to which all are counted, or were there before.
    counted: u64,
    /// When the last block came.
    last: Instant,
}

impl Watcher<'_> {
    /// Waits a moment for the next block, and counts it.
    fn look(&mut self, shared: &Shared) -> Result<(), Failure> {
        let (at, header) = match self.ear.events.recv_timeout(LOOK_EVERY) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                self.turn();
                return Ok(());
            }
        };
        match self.count(at, &header) {
            // It told of the block and was gone: the next one tells of it again.
            Err(Failure::Rpc { .. } | Failure::Answer { .. }) => self.turn(),
            counted => {
                counted?;
                self.last = Instant::now();
                shared.block();
            }
        }
        Ok(())
    }

    /// Listens to the next validator that answers, from the last block on that was counted. Where none answers it is tried again at the next look: one that ended can be started again.
    fn turn(&mut self) {
        match Ear::open(self.rpcs, self.ear.at.saturating_add(1), Some(self.counted)) {
            Ok((ear, _)) => self.ear = ear,
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }

    /// Counts a block and the transfers in it; what was counted of one that is told of twice is not counted again.
    fn count(&mut self, at: Instant, header: &Value) -> Result<(), Failure> {
        let is_measured = at >= self.begun && at.saturating_duration_since(self.begun) <= self.time;
        let (height, count) = (height(header), whole(header, "/transaction_count"));
        for from in (0..count).step_by(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
            let block = self.ear.rpc.get(&format!("/v1/blocks/{height}?from={from}&limit={PAGE}"))?;
            for transaction in block["transactions"].as_array().into_iter().flatten() {
                let Some(way) = self.ways.get(text(transaction, "/sender")) else { continue };
                for begun in way.arrived(whole(transaction, "/nonce")) {
                    self.outcome.transfers.finality.push(at.saturating_duration_since(begun));
                    self.outcome.transfers.finalised += u64::from(is_measured);
                }
            }
        }
        self.outcome.blocks.add(header, is_measured);
        self.counted = height;
        Ok(())
    }

    /// Is anything on its way?
    fn waits(&self) -> bool {
        self.ways.values().any(|way| way.len() > 0)
    }
}

/// What the threads share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    submitted: AtomicU64,
    retries: AtomicU64,
    blocks: Mutex<u64>,
    block_came: Condvar,
}

impl Shared {
    fn block(&self) {
        *self.blocks.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.block_came.notify_all();
    }

    /// Waits until another block than the `seen`th came.
    fn wait(&self, seen: u64) {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.block_came.wait_timeout_while(blocks, LOOK_EVERY, |blocks| *blocks == seen);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// The threads that sign and submit.
struct Crew {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<Result<(), Failure>>>,
}

impl Crew {
    fn start(rpcs: &[SocketAddr], senders: Vec<Sender>, window: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let count = WORKERS_MAX.min(senders.len());
        let mut shares: Vec<Vec<Sender>> = (0..count).map(|_| Vec::new()).collect();
        for (at, sender) in senders.into_iter().enumerate() {
            // There is a share where there is a sender.
            if let Some(share) = shares.get_mut(at % count.max(1)) {
                share.push(sender);
            }
        }
        let worker = |(at, senders)| {
            // Each begins at another validator, and goes on to the next where one does not answer.
            let rpcs = rpcs.iter().cycle().skip(at).take(rpcs.len()).copied().collect();
            let mut worker = Worker { rpcs, at: 0, senders, window, shared: shared.clone() };
            std::thread::spawn(move || worker.run())
        };
        let workers = shares.into_iter().enumerate().map(worker).collect();
        Self { shared, workers }
    }

    /// Ends them; the first failure of one is the answer.
    fn end(mut self) -> Result<(), Failure> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let ended: Vec<_> = self.workers.drain(..).map(|worker| worker.join().unwrap_or(Ok(()))).collect();
        ended.into_iter().collect()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

/// One of them.
struct Worker {
    rpcs: Vec<SocketAddr>,
    at: usize,
    senders: Vec<Sender>,
    window: usize,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(&mut self) -> Result<(), Failure> {
        let mut failures = 0;
        while !self.shared.is_over() {
            match self.submit_while() {
                Err(Failure::Rpc { .. } | Failure::Answer { .. }) if failures < self.rpcs.len() => {
                    failures += 1;
                    self.at += 1;
                    // What the lost one did not pass on is sent again: the same transactions, by the same ids.
                    let mut rpc = self.rpc();
                    self.senders
                        .iter_mut()
                        .try_for_each(|sender| sender.begin_again(&mut rpc))
                        .or_else(|failure| if failures < self.rpcs.len() { Ok(()) } else { Err(failure) })?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn rpc(&self) -> Rpc {
        Rpc::new(self.rpcs.get(self.at % self.rpcs.len().max(1)).copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))))
    }

    fn submit_while(&mut self) -> Result<(), Failure> {
        let mut rpc = self.rpc();
        while !self.shared.is_over() {
            let seen = *self.shared.blocks.lock().unwrap_or_else(PoisonError::into_inner);
            let mut has_submitted = false;
            for sender in self.senders.iter_mut().filter(|sender| sender.way().len() < self.window) {
                if self.shared.is_over() {
                    return Ok(());
                }
                if sender.send(&mut rpc)? {
                    has_submitted = true;
                    self.shared.submitted.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.shared.retries.fetch_add(1, Ordering::Relaxed);
                }
            }
            if !has_submitted {
                self.shared.wait(seen);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{answer, events, node};
    use super::*;
    use serde_json::json;

    /// The first validator is gone before it told of a block; the second knows which one comes next only where it is asked for what follows.
    #[test]
    fn no_block_is_lost_where_the_first_validator_tells_of_none() {
        let first = node(|head| if head.starts_with("GET /v1/status ") { answer(&json!({ "height": 5 })) } else { events(&[]) });
        let block = json!({ "height": 6, "byte_count": 10, "transaction_count": 0 });
        let second = node(move |head| if head.contains("last-event-id: 5\r\n") { events(std::slice::from_ref(&block)) } else { events(&[]) });
        let rpcs = [first, second];
        let (ear, counted) = Ear::open(&rpcs, 0, None).unwrap();
        assert_eq!((ear.at, counted), (0, 5));
        let begun = Instant::now();
        let mut watcher = Watcher { rpcs: &rpcs, ear, ways: BTreeMap::new(), begun, time: Duration::MAX, outcome: Outcome::default(), counted, last: begun };
        let shared = Shared::default();
        let is_counted = (0..1_000).any(|_| {
            watcher.look(&shared).unwrap();
            watcher.counted == 6
        });
        let blocks = &watcher.outcome.blocks;
        assert_eq!((is_counted, watcher.ear.at, blocks.newest, blocks.count, blocks.bytes), (true, 1, 6, 1, 10));
    }
}
