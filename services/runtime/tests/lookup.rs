//! What is looked up in a log costs the same however long the log is, and an index that hides something hides nothing that matters. Records are counted, not time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::Flow;
use mickai_model::tokens::{Message, Role};
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode};
use mickai_runtime::acts::{action, fact, label};
use mickai_runtime::{Asked, Error, Fields, PinError, ReplayOf, System};
use mickai_store::{Custody, Draft, Index, LogWriter};
use rusqlite::Connection;

fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    (folder, system)
}

fn generate(system: &System) -> Result<u64, Error> {
    let model = system.model("mickai-bootstrap")?;
    let mut context = system.context(&model)?;
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let asked = Asked { seed: Some(7), ..Asked::conversation(vec![message], 4) };
    Ok(system.generate(&model, &mut context, &asked, &mut |_| Flow::Continue)?.intent.index)
}

fn replay(system: &System, index: u64) -> Result<bool, Error> {
    Ok(system.replay(&ReplayOf::Record(index), None, &mut |_| Flow::Continue)?.is_identical())
}

/// Makes the log longer.
fn fill(system: &System, count: usize) {
    let mut writer = LogWriter::open(system.home(), (Id::ZERO, 1)).unwrap();
    for _ in 0..count / 500 {
        let draft = || {
            let mut draft = Draft::new(Kind::Heartbeat, (ActorClass::System, Id::ZERO), (Id::ZERO, 1), "heartbeat");
            draft.mode = Mode::Sealed;
            draft
        };
        writer.append_all((0..500).map(|_| draft()).collect()).unwrap();
    }
}

fn read_by(system: &System, work: impl FnOnce()) -> u64 {
    let before = system.records_read();
    work();
    system.records_read() - before
}

#[test]
fn a_replay_reads_as_many_records_of_a_long_log_as_of_a_short_one() {
    let (_folder, system) = home();
    let intent = generate(&system).unwrap();
    // The first look-up fills the index.
    assert!(replay(&system, intent).unwrap());
    let counts = [0, 1_000, 8_000].map(|more| {
        fill(&system, more);
        assert!(replay(&system, intent).unwrap());
        // By its intent and by its outcome, near the front of the log, and opening a model that is not the one inside the program.
        read_by(&system, || {
            assert!(replay(&system, intent).unwrap() && replay(&system, intent + 1).unwrap());
            assert!(matches!(system.model("absent"), Err(Error::NoModel { .. })));
        })
    });
    assert_eq!(counts, [counts[0]; 3]);
    assert!(counts[0] < 100, "{counts:?}");
}

#[test]
fn the_two_halves_of_an_act_are_found_where_the_index_hides_them() {
    let (_folder, system) = home();
    let intent = generate(&system).unwrap();
    assert!(replay(&system, intent).unwrap());
    let hide = |sql: &str| Connection::open(Index::path(system.home())).unwrap().execute_batch(sql).unwrap();
    hide("DELETE FROM record WHERE number < 3");
    assert!(replay(&system, intent).unwrap() && replay(&system, intent + 1).unwrap());
}

/// By the intent of the act, and by its outcome.
#[test]
fn an_answer_that_the_index_hides_is_erased_with_its_act() {
    for is_by_outcome in [false, true] {
        let (_folder, system) = home();
        let mut log = LogWriter::open(system.home(), (Id::ZERO, 1)).unwrap();
        let draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id::ZERO), (Id::ZERO, 1), action::GENERATE).fact(fact::IDEMPOTENCY, Fact::Bytes(vec![7; 32].into()));
        let permit = log.append_intent(draft, &[(label::PROMPT, b"asked")]).unwrap();
        let act = log.begin(permit).unwrap();
        let intent = act.intent();
        let outcome = log.close(act, OutcomeCode::Executed, Vec::new(), &[(label::OUTPUT, b"said")]).unwrap();
        let draft = Draft::new(Kind::Detail, (ActorClass::System, Id::ZERO), (Id::ZERO, 1), action::ANSWER).cause(intent.index, intent.digest);
        let answer = log.append_with(draft, &[(label::OUTPUT, b"said")]).unwrap();
        drop(log);
        // Something behind it: an index that ends before the log does is filled up. Looking a digest up fills it now.
        fill(&system, 500);
        assert_eq!(system.resolve_record(&answer.digest.to_string(), None).unwrap(), answer.index);
        let sql = format!("DELETE FROM record WHERE number IN ({}, {})", intent.index, answer.index);
        Connection::open(Index::path(system.home())).unwrap().execute_batch(&sql).unwrap();
        assert!(matches!(system.resolve_record(&answer.digest.to_string(), None), Err(Error::NoRecord { .. })), "it is hidden");
        let index = if is_by_outcome { outcome.index } else { intent.index };
        assert_eq!(system.erase(index, &Fields::All, None).unwrap().answers, [answer.index]);
        let entry = system.reader().unwrap().entry(answer.index).unwrap().unwrap();
        assert!(system.opened(&entry.decode().unwrap()).unwrap().is_empty());
    }
}

#[test]
fn digits_alone_are_a_number_and_never_the_beginning_of_a_digest() {
    let (_folder, system) = home();
    fill(&system, 500);
    let reader = system.reader().unwrap();
    let digests: Vec<String> = (0..reader.size()).map(|index| reader.entry(index).unwrap().unwrap().digest().to_string()).collect();
    let missing = |wanted: &str| assert!(matches!(system.resolve_record(wanted, None), Err(Error::NoRecord { .. })), "{wanted}");
    // Of 500 digests many begin with a number that no record has.
    let is_beyond = |digits: &str| digits.parse::<u64>().is_ok_and(|number| number >= reader.size());
    let begins = digests.iter().filter(|digest| is_beyond(&digest[..4]));
    assert!(begins.take(5).inspect(|digest| missing(&digest[..4])).count() > 0);
    let behind = reader.size().to_string();
    for wanted in [behind.as_str(), &format!("#{behind}"), "9999", "18446744073709551615", "18446744073709551616", "99999999999999999999", "", "+1", "-1"] {
        missing(wanted);
    }
    assert_eq!((system.resolve_record("#500", None).unwrap(), system.resolve_record("0007", None).unwrap()), (500, 7));
    // With a letter in it, or whole, it names its record.
    for (index, digest) in digests.iter().enumerate().step_by(50) {
        let beginning = &digest[..12];
        let named = if beginning.bytes().all(|byte| byte.is_ascii_digit()) { digest.as_str() } else { beginning };
        assert_eq!(system.resolve_record(named, None).unwrap(), index as u64, "{named}");
    }
}

#[test]
fn a_pin_that_the_index_hides_keeps_other_models_from_running_all_the_same() {
    let (_folder, system) = home();
    generate(&system).unwrap();
    let pinned = system.pin(&"7".repeat(64)).unwrap();
    let refused_by = |error: Error| match error {
        Error::Pins(PinError::Unpinned { record, .. }) => record,
        other => panic!("{other}"),
    };
    // By the index, when it is opened.
    assert_eq!(refused_by(system.model("mickai-bootstrap").err().unwrap()), Some(pinned.records.0.index));
    // The intent alone: an index that ends before the log does is filled up.
    let sql = format!("DELETE FROM record WHERE number = {}", pinned.records.0.index);
    Connection::open(Index::path(system.home())).unwrap().execute_batch(&sql).unwrap();
    // It is opened now; and refused by the log before anything is on record, also by a process that knows nothing yet.
    assert!(system.model("mickai-bootstrap").is_ok());
    let size = system.reader().unwrap().size();
    let other = System::open_existing(system.home().path(), 1, Custody::default()).unwrap();
    for system in [&system, &other] {
        assert_eq!(refused_by(generate(system).unwrap_err()), Some(pinned.records.0.index));
        assert_eq!(refused_by(replay(system, 1).unwrap_err()), Some(pinned.records.0.index));
        // Where nothing is put on record, neither.
        assert_eq!(refused_by(system.measure_memory("mickai-bootstrap").err().unwrap()), Some(pinned.records.0.index));
    }
    assert_eq!(system.reader().unwrap().size(), size);
    // What people are shown walks through the log.
    assert!(system.pins().unwrap().are_set());
}
