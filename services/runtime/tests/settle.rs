//! Settling on a chain in this process: four seats, keys from seeds, certificates made here. No socket, no clock that matters.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test, which copies homes")]

#[path = "../../../engines/ledger/tests/common/mod.rs"]
mod chain;

mod common;

use chain::{Chain, Signer, params};
use common::copied;
// What the chain's module signs with.
use libcrux_ml_dsa as _;
use mickai_ledger::{Library, Rejection};
use mickai_proof::digest::{ChainId, LogId};
use mickai_proof::fork::ForkReport;
use mickai_proof::pantheon::{Action, LightProof, StateKey};
use mickai_proof::record::OutcomeCode;
use mickai_proof::verify::{Policy, Standing, TrustedKey, Verdict, Word, verify};
use mickai_runtime::retention::{Change, Keep};
use mickai_runtime::settle::{Cadence, SettleChange, SettleError, Settler};
use mickai_runtime::{Error, Form, Open, Selection, System};
use mickai_store::keys::Successor;
use mickai_store::{Custody, OperatorKey, Revoking};
use std::fs;
use std::path::Path;

/// A chain, reached without a node: account 10 pays.
struct Local {
    chain: Chain,
    validators: Vec<u8>,
    payer: Signer,
    /// Nothing is reached any more.
    is_away: bool,
    /// It goes away once an action of this kind is final.
    leaves_after: Option<&'static str>,
    performed: Vec<&'static str>,
}

impl Local {
    fn new(validators: &[u8]) -> Self {
        Self { chain: Chain::with(params(), validators), validators: validators.to_vec(), payer: Signer::new(10), is_away: false, leaves_after: None, performed: Vec::new() }
    }

    fn refused<T>(&self, why: Rejection) -> Result<T, SettleError> {
        Err(SettleError::Chain(Box::new(why)))
    }
}

impl Settler for Local {
    fn chain(&self) -> ChainId {
        self.chain.ledger.chain()
    }

    fn light(&mut self, log: LogId) -> Result<Option<Vec<u8>>, SettleError> {
        if self.is_away {
            return self.refused(Rejection::KeyMissing);
        }
        let Some(block) = self.chain.blocks.last() else { return Ok(None) };
        let header = block.header.clone();
        let certificate = self.chain.certify(&header, &self.validators);
        let entries = vec![self.chain.ledger.state().prove(StateKey::Log(log))];
        Ok(Some(LightProof { head: self.chain.genesis.head.clone(), changes: Vec::new(), header, certificate, entries }.encode()))
    }

    fn perform(&mut self, action: Action) -> Result<(), SettleError> {
        if self.is_away {
            return Err(SettleError::Unsent(Box::new(Rejection::KeyMissing)));
        }
        self.performed.push(action.kind());
        self.is_away = self.leaves_after == Some(action.kind());
        let transaction = self.chain.transaction(&self.payer, action);
        match self.chain.push(vec![transaction], &Library).1.pop() {
            None => Ok(()),
            Some(Rejection::LogForked { proof, .. }) => Err(SettleError::Conflict(proof)),
            Some(other) => self.refused(other),
        }
    }
}

const FOUR: &[u8] = &[1, 2, 3, 4];

fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = open(&folder.path().join("home"));
    (folder, system)
}

fn open(home: &Path) -> System {
    System::open(home, 1, Custody::default()).unwrap()
}

/// Something to be on record: two records.
fn act(system: &System, minutes: u64) {
    system.set_settling(SettleChange { every: Some(Cadence { records: None, minutes: Some(minutes) }), ..SettleChange::default() }).unwrap();
}

/// What a stranger says who pinned nothing but key and chain.
fn stranger(system: &System, bundle: &Path, chain: ChainId, upto: Option<u64>) -> Verdict {
    let keys = system.key_account_keys();
    verify(&fs::read(bundle).unwrap(), Policy { keys, chains: vec![chain], upto, ..Policy::default() }).unwrap()
}

trait Keys {
    fn key_account_keys(&self) -> Vec<TrustedKey>;
}

impl Keys for System {
    fn key_account_keys(&self) -> Vec<TrustedKey> {
        vec![TrustedKey::Key(OperatorKey::public_of(self.home()).unwrap())]
    }
}

#[test]
fn a_checkpoint_is_settled_and_a_stranger_needs_no_more_than_the_chain() {
    let (folder, system) = home();
    let mut chain = Local::new(FOUR);
    act(&system, 1);
    let settlement = system.settle(&mut chain).unwrap();
    let settled = &settlement.settled;
    assert_eq!((settled.size, settled.seats, settled.chain, settled.standing), (3, 4, chain.chain(), Standing::ChainNotPinned));
    assert_eq!(chain.performed, ["register_log", "attest"]);
    // Intent before, outcome after, and what they say.
    let acts = system.acts().unwrap();
    let done = acts.last().unwrap();
    assert_eq!((done.action.as_str(), done.intent.index, done.outcome.as_ref().map(|(code, side)| (*code, side.index))), ("settle", 3, Some((OutcomeCode::Executed, 4))));
    let names = |side: &mickai_runtime::acts::Side| side.facts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&done.intent), ["chain", "root", "size"]);
    assert_eq!(names(&done.outcome.as_ref().unwrap().1), ["block", "block_height", "chain", "height", "seats"]);
    // A bundle of everything carries it.
    let whole = folder.path().join("whole.oar");
    system.export(Form::Bundle, &Selection::All, &Open::default(), &whole, None).unwrap();
    let verdict = stranger(&system, &whole, chain.chain(), None);
    assert_eq!((verdict.word, verdict.reason.map(|reason| reason.code())), (Word::Stale, Some("after-reference")));
    assert!(verdict.scope_text().contains("consistent with the settlement of size 3, completeness not established (after-reference); settled on chain "));
    assert_eq!(stranger(&system, &whole, chain.chain(), Some(3)).word, Word::Verified);
    assert_eq!(stranger(&system, &whole, ChainId([7; 32]), None).reason.map(|reason| reason.code()), Some("completeness-unwitnessed"));
    // And one that ends at the settlement is complete.
    let ends = folder.path().join("settled.oar");
    system.export(Form::Bundle, &Selection::Settled, &Open::default(), &ends, None).unwrap();
    let verdict = stranger(&system, &ends, chain.chain(), None);
    assert_eq!((verdict.word, verdict.scope.last), (Word::Verified, Some(2)), "{verdict}");
    // A part of the log carries none.
    let part = folder.path().join("part.oar");
    system.export(Form::Bundle, &Selection::One(1), &Open::default(), &part, None).unwrap();
    assert!(stranger(&system, &part, chain.chain(), None).scope.settlements.is_empty());
}

#[test]
fn key_events_are_told_and_a_checkpoint_that_is_settled_already_is_not_sent_again() {
    let (_folder, system) = home();
    let mut chain = Local::new(FOUR);
    system.settle(&mut chain).unwrap();
    system.rotate_key(None).unwrap();
    act(&system, 1);
    system.rotate_key(None).unwrap();
    chain.performed.clear();
    let settlement = system.settle(&mut chain).unwrap();
    assert_eq!(chain.performed, ["rotate_log", "rotate_log", "attest"]);
    assert_eq!(settlement.settled.size, 7);
    // The same home, whose outcome was lost on the way: the chain has it already.
    chain.performed.clear();
    let again = system.settle(&mut chain).unwrap();
    assert_eq!((chain.performed.as_slice(), again.settled.size), (["attest"].as_slice(), 9), "its own two records are new");
}

#[test]
fn a_chain_of_one_settles_and_witnesses_nothing() {
    let (folder, system) = home();
    let mut chain = Local::new(&[1]);
    assert_eq!(system.settle(&mut chain).unwrap().settled.seats, 1);
    let ends = folder.path().join("settled.oar");
    system.export(Form::Bundle, &Selection::Settled, &Open::default(), &ends, None).unwrap();
    let verdict = stranger(&system, &ends, chain.chain(), None);
    assert_eq!((verdict.word, verdict.reason.map(|reason| reason.code())), (Word::Stale, Some("completeness-unwitnessed")));
    assert!(verdict.scope_text().contains("settled on a chain of one: completeness still unwitnessed"), "{verdict}");
}

/// The log as it is, and the same log from a copy of its home, where something else was done.
fn two_histories(first: usize, second: usize) -> (tempfile::TempDir, System, System) {
    let (folder, honest) = home();
    let (from, to) = (folder.path().join("home"), folder.path().join("copy"));
    drop(honest);
    copied(&from, &to);
    let (honest, other) = (open(&from), open(&to));
    (1..=first).for_each(|minutes| act(&honest, minutes as u64));
    (1..=second).for_each(|minutes| act(&other, 100 + minutes as u64));
    (folder, honest, other)
}

/// ledger → file → INVALID fork, for as many records and for more; the other verifier reads the same file in the test of the command.
#[test]
fn a_conflicting_root_is_refused_and_the_proof_is_kept() {
    for (first, second) in [(1, 1), (1, 3)] {
        let (_folder, honest, other) = two_histories(first, second);
        let mut chain = Local::new(FOUR);
        honest.settle(&mut chain).unwrap();
        let Err(Error::Settle(SettleError::Forked { proof })) = other.settle(&mut chain) else { panic!("not refused as a fork") };
        let bytes = fs::read(&proof).unwrap();
        let report = ForkReport::of(&bytes, &[OperatorKey::public_of(honest.home()).unwrap()]).unwrap();
        assert_eq!((report.word(), report.reason()), (Word::Invalid, "fork"));
        let (code, _) = other.acts().unwrap().pop().unwrap().outcome.unwrap();
        assert_eq!(code, OutcomeCode::Failed, "and that is on record");
        // Whoever has the proof can have the chain freeze the log; then nothing of it is settled any more.
        chain.perform(Action::Fork(bytes)).unwrap();
        assert!(matches!(honest.settle(&mut chain), Err(Error::Settle(SettleError::Frozen { .. }))));
    }
}

#[test]
fn a_log_that_was_put_back_is_told_so() {
    let (_folder, honest, other) = two_histories(3, 1);
    let mut chain = Local::new(FOUR);
    honest.settle(&mut chain).unwrap();
    let Err(Error::Settle(SettleError::Ahead { settled, have, note })) = other.settle(&mut chain) else { panic!("not said") };
    assert_eq!((settled, have), (7, 3));
    let (code, outcome) = other.acts().unwrap().pop().unwrap().outcome.unwrap();
    assert_eq!((code, outcome.text("reason")), (OutcomeCode::Failed, Some("ahead")), "and the record says that it is no use to ask again");
    assert!(fs::read_to_string(note).unwrap().starts_with("mickai.log/"));
}

#[test]
fn a_chain_that_is_away_or_lies_leaves_a_failed_act_and_no_proof() {
    let (_folder, system) = home();
    let mut chain = Local::new(FOUR);
    chain.is_away = true;
    assert!(matches!(system.settle(&mut chain), Err(Error::Settle(SettleError::Chain(_)))));
    assert!(system.settlements().unwrap().is_empty());
    assert_eq!(system.acts().unwrap().pop().unwrap().outcome.unwrap().0, OutcomeCode::Failed);
    // Certificates of too few.
    chain.is_away = false;
    chain.validators = vec![1, 2];
    assert!(matches!(system.settle(&mut chain), Err(Error::Settle(SettleError::Light(_)))));
    assert!(system.settlements().unwrap().is_empty());
    assert!(matches!(system.export(Form::Bundle, &Selection::Settled, &Open::default(), Path::new("unused.oar"), None), Err(Error::Settle(SettleError::Unsettled))));
}

/// The registration is final and the checkpoint was not sent, which is certain; everything is final and no proof of it is had, and as little is known where the process dies there.
#[test]
fn what_a_chain_that_goes_away_was_sent_is_unknown_and_settled_the_next_time() {
    for (kind, code) in [("register_log", OutcomeCode::Failed), ("attest", OutcomeCode::Unknown)] {
        let (_folder, system) = home();
        let outcome = || system.acts().unwrap().pop().unwrap().outcome.unwrap().0;
        let mut chain = Local::new(FOUR);
        chain.leaves_after = Some(kind);
        assert!(matches!(system.settle(&mut chain), Err(Error::Settle(SettleError::Chain(_) | SettleError::Unsent(_)))));
        assert_eq!((outcome(), system.settlements().unwrap().len()), (code, 0), "{kind}");
        (chain.leaves_after, chain.is_away) = (None, false);
        assert_eq!(system.settle(&mut chain).unwrap().settled.size, 3);
        assert_eq!(outcome(), OutcomeCode::Executed, "{kind}");
    }
}

#[test]
fn it_is_due_when_the_operator_said_so() {
    let (folder, system) = home();
    let mut chain = Local::new(FOUR);
    let path = folder.path().join("home");
    let every = |records, minutes| SettleChange { every: Some(Cadence { records, minutes }), ..SettleChange::default() };
    let is_due = || {
        let system = open(&path);
        system.checkpoint().unwrap();
        // Any act looks.
        system.pin("mickai-bootstrap").unwrap();
        system.unpin("mickai-bootstrap").unwrap();
        system.was_settle_due()
    };
    assert!(!is_due(), "nobody said anything");
    assert!(matches!(system.set_settling(every(Some(2), None)), Err(Error::Settle(SettleError::Cadence { asked: 2, min: 3, .. }))));
    system.set_settling(every(Some(8), None)).unwrap();
    assert!(is_due(), "it never was settled");
    system.settle_automatically(&mut chain).unwrap();
    assert!(!is_due());
    // Since then: settling itself, and four records by the look before.
    assert!(!is_due());
    assert!(is_due(), "eight records and more");
    system.settle(&mut chain).unwrap();
    system.set_settling(every(None, None)).unwrap();
    assert!(!is_due());
    assert_eq!(system.settling().unwrap().every, Cadence::default());
    assert!(matches!(system.set_settling(every(None, None)), Err(Error::Settle(SettleError::NoChange))));
}

/// Acts about retention and a revocation too, which wait for no policy.
#[test]
fn whatever_acts_looks_whether_it_is_due() {
    let (folder, system) = home();
    system.set_settling(SettleChange { every: Some(Cadence { records: Some(8), minutes: None }), ..SettleChange::default() }).unwrap();
    let acts: [fn(&System); 3] = [
        |system| {
            system.set_retention(Change { keep: Keep::parse("30d"), ..Change::default() }).unwrap();
        },
        |system| {
            system.run_retention(0, false).unwrap();
        },
        |system| {
            system.revoke_key(None, Revoking { key: None, effective: None, since_ms: None, successor: Successor::Next }, None, None).unwrap();
        },
    ];
    for perform in acts {
        let next = open(&folder.path().join("home"));
        assert!(!next.was_settle_due(), "it has not acted");
        perform(&next);
        assert!(next.was_settle_due());
    }
    // A rehearsal is no act.
    let next = open(&folder.path().join("home"));
    next.run_retention(0, true).unwrap();
    assert!(!next.was_settle_due());
}
