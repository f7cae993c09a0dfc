//! Settling beside answers: none waits for it, there is one at a time, and what goes wrong is told and stops nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::Flow;
use mickai_proof::digest::{ChainId, LogId};
use mickai_proof::pantheon::Action;
use mickai_proof::record::{ActorClass, OutcomeCode};
use mickai_runtime::serve::{Begun, Caller, Desk, Gone, Heard, Listener, Order};
use mickai_runtime::settle::own::OwnChain;
use mickai_runtime::settle::{Cadence, Place, SettleChange, SettleError, Settlement, Settler};
use mickai_runtime::{Allowance, Answered, Asked, EMBEDDED_NAME, Error, Said, System};
use mickai_store::Custody;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

const ALLOWANCE: Allowance = Allowance { memory_bytes: 1 << 30, cache_bytes: 64 << 20 };

/// The home's own chain, which is not reached before the test lets go.
struct Held {
    own: OwnChain,
    gate: Arc<Gate>,
    has_passed: bool,
}

struct Gate {
    reached: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Settler for Held {
    fn chain(&self) -> ChainId {
        self.own.chain()
    }

    fn light(&mut self, log: LogId) -> Result<Option<Vec<u8>>, SettleError> {
        if !std::mem::replace(&mut self.has_passed, true) {
            self.gate.reached.send(()).unwrap();
            self.gate.go.lock().unwrap().recv().unwrap();
        }
        self.own.light(log)
    }

    fn perform(&mut self, action: Action) -> Result<(), SettleError> {
        self.own.perform(action)
    }
}

/// Hears that a generation has ended.
struct Ear(Sender<Result<(), String>>);

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {}

    fn heard(&mut self, _: Heard<'_>) -> Flow {
        Flow::Continue
    }

    fn ended(self: Box<Self>, ended: Result<Answered, Error>) {
        let _ = self.0.send(ended.map(drop).map_err(|error| error.to_string()));
    }
}

/// Waits for one answer: two records.
fn ask(desk: &Desk) {
    let (ended, told) = channel();
    let asked = Asked { said: Said::Text("hello".to_owned()), ..Asked::conversation(Vec::new(), 4) };
    let order = Order { model: desk.model(EMBEDDED_NAME).unwrap(), asked, likely_count: None, shortens: false, caller: Caller(1), gone: Gone::default() };
    desk.submit(vec![(order, Box::new(Ear(ended)))]).unwrap();
    told.recv().unwrap().unwrap();
}

/// A desk on a home that settles on its own chain every three records: at once, as it never has.
fn desk(home: &Path) -> Desk {
    let system = System::open(home, 1, Custody::default()).unwrap();
    system.set_settling(SettleChange { place: Some(Place::Own), every: Some(Cadence { records: Some(3), minutes: None }) }).unwrap();
    Desk::open(Arc::new(system), ALLOWANCE).unwrap()
}

type Settled = Result<Settlement, String>;

/// Whoever is told, as a channel.
fn told() -> (impl Fn(Result<Settlement, Error>) + Send + 'static, Receiver<Settled>) {
    let (sender, receiver) = channel();
    (move |settled: Result<Settlement, Error>| drop(sender.send(settled.map_err(|error| error.to_string()))), receiver)
}

#[test]
fn answers_do_not_wait_for_a_settlement_and_there_is_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder.path().join("home"));
    let ((reached, reaches), (go, goes)) = (channel(), channel());
    let gate = Arc::new(Gate { reached, go: Mutex::new(goes) });
    let (tell, settled) = told();
    desk.settle_when_due(move |system, settling| Ok(Box::new(Held { own: system.own_chain(settling)?, gate: gate.clone(), has_passed: false })), tell).unwrap();
    for round in 0..2 {
        reaches.recv().unwrap();
        // A settlement is under way and stays so: two answers are given, and nothing else is begun although it would be time.
        if round == 0 {
            ask(&desk);
            ask(&desk);
        }
        assert!(reaches.try_recv().is_err() && settled.try_recv().is_err());
        go.send(()).unwrap();
        let settlement = settled.recv().unwrap().unwrap();
        assert_eq!((settlement.settled.seats, settlement.settled.chain), (1, desk.system().settling().unwrap().chain.unwrap()));
    }
    // Its own two records are no reason for another.
    drop(desk);
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    let acts = system.acts().unwrap();
    let settles: Vec<_> = acts.iter().filter(|act| act.action == "settle").collect();
    assert_eq!(settles.len(), 2);
    assert!(settles.iter().all(|act| act.actor == ActorClass::System && act.outcome.as_ref().is_some_and(|(code, _)| *code == OutcomeCode::Executed)));
    assert_eq!(acts.iter().filter(|act| act.action == "generate").count(), 2);
}

#[test]
fn what_cannot_be_settled_is_told_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder.path().join("home"));
    std::fs::remove_dir_all(desk.system().home().own_chain_path()).unwrap();
    let (tell, settled) = told();
    desk.settle_when_due(|system, settling| Ok(Box::new(system.own_chain(settling)?)), tell).unwrap();
    assert!(settled.recv().unwrap().unwrap_err().contains("mickai settle --own"));
    ask(&desk);
    // A pause follows, and the end does not wait for it.
    assert!(settled.try_recv().is_err());
    drop(desk);
}

#[test]
fn the_end_does_not_wait_for_a_chain_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder.path().join("home"));
    let ((reached, reaches), (_go, goes)) = (channel(), channel());
    let gate = Arc::new(Gate { reached, go: Mutex::new(goes) });
    let (tell, _settled) = told();
    desk.settle_when_due(move |system, settling| Ok(Box::new(Held { own: system.own_chain(settling)?, gate: gate.clone(), has_passed: false })), tell).unwrap();
    reaches.recv().unwrap();
    let begun = std::time::Instant::now();
    drop(desk);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
}
