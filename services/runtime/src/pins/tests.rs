//! Which pins are in force, whatever became of the acts that set them.

use super::*;
use mickai_model::tokens::{Message, Role};
use mickai_proof::record::{ActorClass, OutcomeCode};
use mickai_store::Custody;
use tempfile::TempDir;

fn system() -> (TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    (folder, system)
}

fn draft(action: &str, pins: Fact<'static>) -> Draft {
    Draft::new(Kind::Intent, (ActorClass::Operator, Id::ZERO), policy::authority(), action).fact(fact::PINS, pins)
}

/// The orderings of `in_force.rs`: killed before its outcome, and an act that failed.
#[test]
fn an_act_that_was_cut_off_is_in_force_and_one_that_failed_is_not() {
    let other = ModelDigest([7; 32]);
    for (code, is_in_force) in [
        (None, true),
        (Some(OutcomeCode::Unknown), true),
        (Some(OutcomeCode::Executed), true),
        (Some(OutcomeCode::Failed), false),
        (Some(OutcomeCode::TimedOut), false),
        (Some(OutcomeCode::NotAttempted), false),
    ] {
        let (_folder, system) = system();
        let embedded = system.embedded().unwrap().digest;
        let (first, _) = system.pin(EMBEDDED_NAME).unwrap().records;
        let mut log = system.writer().unwrap();
        let pins = Fact::List(vec![Fact::Bytes(other.0.to_vec().into())]);
        let permit = log.append_intent(draft(action::MODEL_UNPIN, pins).cause(first.index, first.digest), &[]).unwrap();
        let act = log.begin(permit).unwrap();
        match code {
            None | Some(OutcomeCode::Unknown) => drop(act),
            Some(code) => drop(log.close(act, code, Vec::new(), &[]).unwrap()),
        }
        drop(log);
        if code == Some(OutcomeCode::Unknown) {
            // The next start closes it.
            drop(system.writer().unwrap());
        }
        let expected = if is_in_force { other } else { embedded };
        assert_eq!(system.pins().unwrap().digests().collect::<Vec<_>>(), [expected], "{code:?}");
        assert_eq!(system.model(EMBEDDED_NAME).is_ok(), !is_in_force, "{code:?}");
        // What runs looks with the log in hand, and comes to the same.
        let embedded = system.look_at(EMBEDDED_NAME).unwrap();
        let mut context = system.context(&embedded).unwrap();
        let asked = crate::Asked::conversation(vec![Message { role: Role::User, content: "what models do I have".to_owned() }], 1);
        let ran = system.generate(&embedded, &mut context, &asked, &mut |_| mickai_model::generate::Flow::Continue);
        assert_eq!(matches!(ran, Err(Error::Pins(PinError::Unpinned { .. }))), is_in_force, "{code:?} {:?}", ran.map(drop));
    }
}

/// Nothing runs where it cannot be known what may.
#[test]
fn a_record_of_pins_that_cannot_be_read_lets_nothing_run() {
    for pins in [Fact::Uint(3), Fact::List(vec![Fact::Bytes(vec![1; 31].into())]), Fact::List(vec![Fact::Uint(1)])] {
        let (_folder, system) = system();
        let mut log = system.writer().unwrap();
        let permit = log.append_intent(draft(action::MODEL_PIN, pins), &[]).unwrap();
        let act = log.begin(permit).unwrap();
        log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
        drop(log);
        assert!(matches!(system.model(EMBEDDED_NAME), Err(Error::BadRecord { index: 1, part: fact::PINS })));
        assert!(matches!(system.pin(EMBEDDED_NAME), Err(Error::BadRecord { .. })));
    }
}

#[test]
fn there_is_an_end_to_pins() {
    let (_folder, system) = system();
    let mut log = system.writer().unwrap();
    let digest = |number: usize| Fact::Bytes([&[0; 24], &(number as u64).to_be_bytes()[..]].concat().into());
    let permit = log.append_intent(draft(action::MODEL_PIN, Fact::List((0..PINS_MAX).map(digest).collect())), &[]).unwrap();
    let act = log.begin(permit).unwrap();
    log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
    drop(log);
    assert_eq!(system.pins().unwrap().digests().count(), PINS_MAX);
    assert!(matches!(system.pin(EMBEDDED_NAME), Err(Error::Pins(PinError::TooMany { max: PINS_MAX }))));
    system.unpin(&"00".repeat(32)).unwrap();
    system.pin(EMBEDDED_NAME).unwrap();
}
