//! Nothing happens that policy refuses, that the log cannot hold, or whose permit has run out.

use super::*;
use crate::acts::action;
use mickai_proof::digest::Id;
use mickai_proof::record::ActorClass;
use mickai_store::{Clock, Home, LogReader, SystemClock};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The machine's clock, moved forward by as much as a test wants.
struct Moved(SystemClock, Arc<AtomicU64>);

impl Clock for Moved {
    fn wall_ms(&self) -> u64 {
        self.0.wall_ms()
    }

    fn boot_id(&self) -> Id {
        self.0.boot_id()
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.monotonic_ns() + self.1.load(Ordering::Relaxed)
    }
}

fn executor(folder: &Path) -> (Home, Executor, Arc<AtomicU64>) {
    let home = Home::open_or_create(&folder.join("home")).unwrap();
    let later = Arc::new(AtomicU64::new(0));
    let clock = Moved(SystemClock::new().unwrap(), later.clone());
    let log = LogWriter::open_with(&home, policy::authority(), Box::new(clock), Duration::ZERO).unwrap();
    (home, Executor::new(log), later)
}

fn draft(class: ActorClass, action: &str) -> Draft {
    Draft::new(Kind::Intent, (class, Id::ZERO), policy::authority(), action).fact(fact::COUNT, Fact::Uint(3))
}

fn never<T>(_: &Running, _: &mut LogWriter) -> std::result::Result<Done<T>, Failed> {
    panic!("the act ran")
}

#[test]
fn who_may_do_what() {
    use ActorClass::{Agent, Brain, Operator, System, User};
    let cases = [
        (action::GENERATE, &[Brain][..]),
        (action::EMBED, &[Brain]),
        (action::REPLAY, &[System]),
        (action::MODEL_IMPORT, &[Operator]),
        (action::MODEL_RM, &[Operator]),
        (action::MODEL_PIN, &[Operator]),
        (action::MODEL_UNPIN, &[Operator]),
        (action::MODEL_REPACK, &[System]),
        (action::EXPORT, &[Operator]),
        (action::ERASE, &[Operator]),
        (action::RETENTION_SET, &[Operator]),
        (action::RETENTION_RUN, &[Operator, System]),
        (action::KEY_ROTATE, &[Operator]),
        (action::KEY_REVOKE, &[Operator]),
        ("log.burn", &[]),
        ("", &[]),
        ("first", &[]),
    ];
    for (action, allowed) in cases {
        for class in [Operator, Agent, Brain, User, System] {
            assert_eq!(policy::check(class, action).is_ok(), allowed.contains(&class), "{class:?} {action}");
        }
    }
}

#[test]
fn a_refusal_is_on_record_and_the_act_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (home, mut executor, _) = executor(folder.path());
    let refused = executor.permit(draft(ActorClass::Agent, action::EXPORT), &[("prompt", b"secret")]).unwrap_err();
    assert!(matches!(&refused, Error::Denied { refusal: Refusal::Actor, record, .. } if record.index == 1), "{refused}");
    let reader = LogReader::open(&home).unwrap();
    let entry = reader.entry(1).unwrap().unwrap();
    let record = entry.decode().unwrap();
    assert_eq!((record.kind, &*record.action, record.actor.0, record.authority), (Kind::Deny, action::EXPORT, ActorClass::Agent, policy::authority()));
    assert_eq!((record.facts.len(), record.fact(fact::REASON).and_then(|fact| fact.as_text())), (1, Some("actor")));
    assert!(record.commitments.is_empty());
    assert_eq!((reader.size(), executor.log().vault().labels(1).unwrap().len()), (2, 0));
}

#[test]
fn a_key_event_is_asked_for_and_its_refusal_is_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let (home, mut executor, _) = executor(folder.path());
    for (place, (class, action)) in [(ActorClass::Brain, action::KEY_ROTATE), (ActorClass::Agent, action::KEY_REVOKE)].into_iter().enumerate() {
        let refused = executor.allow((class, Id::ZERO), action).unwrap_err();
        assert!(matches!(&refused, Error::Denied { refusal: Refusal::Actor, .. }), "{refused}");
        let entry = LogReader::open(&home).unwrap().entry(1 + place as u64).unwrap().unwrap();
        let record = entry.decode().unwrap();
        assert_eq!((record.kind, &*record.action, record.actor.0, record.authority), (Kind::Deny, action, class, policy::authority()));
    }
    executor.allow(executor.operator(), action::KEY_ROTATE).unwrap();
    assert_eq!(executor.log().size(), 3, "what is allowed leaves no record but its own");
}

#[test]
fn what_fails_is_recorded_as_failed_and_what_succeeds_as_executed() {
    let folder = tempfile::tempdir().unwrap();
    let (home, mut executor, _) = executor(folder.path());
    let permit = executor.permit(draft(ActorClass::Operator, action::EXPORT), &[]).unwrap();
    let failed = executor.run::<()>(permit, |_, _| Err(Error::NothingInRange.into()));
    assert!(matches!(failed, Err(Error::NothingInRange)));
    let permit = executor.permit(draft(ActorClass::Operator, action::EXPORT), &[]).unwrap();
    let done = executor.run(permit, |act, _| Ok(Done { value: act.intent().index, facts: Vec::new(), openings: vec![("output", b"hi".to_vec())] })).unwrap();
    assert_eq!((done.value, done.intent.index, done.outcome.index), (3, 3, 4));
    let reader = LogReader::open(&home).unwrap();
    let outcome = |index| reader.entry(index).unwrap().unwrap().decode().unwrap().closes.map(|(_, code)| code);
    assert_eq!((outcome(2), outcome(4)), (Some(OutcomeCode::Failed), Some(OutcomeCode::Executed)));
    assert_eq!(*executor.log().vault().get(4, "output").unwrap().unwrap().value, b"hi");
}

#[test]
fn a_permit_that_ran_out_performs_nothing_and_says_so_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let (home, mut executor, later) = executor(folder.path());
    let permit = executor.permit(draft(ActorClass::Operator, action::EXPORT), &[]).unwrap();
    later.store(2 * mickai_store::limits::PERMIT_LIFE.as_nanos() as u64, Ordering::Relaxed);
    let error = executor.run::<()>(permit, never).map(drop).unwrap_err();
    assert!(error.to_string().contains("ran out"), "{error}");
    let entry = LogReader::open(&home).unwrap().entry(2).unwrap().unwrap();
    assert_eq!(entry.decode().unwrap().closes.map(|(_, code)| code), Some(OutcomeCode::TimedOut));
}

/// The values of an intent cannot be kept, so there is no intent, and so no act.
#[test]
fn an_intent_that_is_not_durable_permits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (home, mut executor, _) = executor(folder.path());
    std::fs::remove_dir(home.vault_path()).unwrap();
    std::fs::write(home.vault_path(), b"in the way").unwrap();
    assert!(executor.permit(draft(ActorClass::Brain, action::GENERATE), &[("prompt", b"hello")]).is_err());
    assert_eq!((executor.log().size(), executor.log().open_intents().len()), (1, 0));
}
