//! One key follows another, in the log and on disk, wherever it is cut off.

use super::*;
use crate::keys::{Custody, KeyFault, Passphrase, committed_keys, export_recovery, protect};
use crate::log::line::locked;
use crate::log::{Appender, Options, fsck, key_account};
use crate::testing::{AUTHORITY, StillClock, heartbeat, intent, killed, new_home, writer};
use mickai_proof::record::{Mode, OutcomeCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use zeroize::Zeroizing;

const FROM_NOW: Revoking = Revoking { key: None, effective: None, since_ms: None, successor: Successor::Next };

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// What must hold whenever no writer is at work: the key file is the log's, the recovery file holds what the log is committed to, nothing waits beside them, and every signature verifies.
#[track_caller]
fn assert_settled(home: &Home) {
    let (_, account) = key_account(home).unwrap().unwrap();
    assert_eq!(OperatorKey::public_of(home).unwrap(), *account.in_force().unwrap());
    assert_eq!(committed_keys(home).unwrap(), account.committed().unwrap());
    assert!(!home.path().join("keys/operator.p8.next").exists() && !home.path().join("recovery.mickai.next").exists());
    let note = std::fs::read(home.checkpoint_path()).unwrap();
    let note = mickai_proof::checkpoint::Note::parse(&note).unwrap();
    assert!(note.is_signed_by(account.in_force().unwrap()), "the newest own checkpoint is by the key in force");
    let report = fsck(home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.signatures, report.records);
}

#[test]
fn a_rotation_puts_the_committed_key_in_force() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let mut ids = vec![log.key().id()];
    for _ in 0..3 {
        let committed = committed_keys(&home).unwrap();
        let rotated = log.rotate_key(AUTHORITY, None).unwrap();
        assert_eq!((rotated.key, log.key().id()), (committed.next, committed.next));
        assert_eq!(committed_keys(&home).unwrap().recovery, committed.recovery);
        log.append(heartbeat()).unwrap();
        log.checkpoint().unwrap();
        assert_settled(&home);
        ids.push(rotated.key);
    }
    drop(log);
    drop(writer(&home).unwrap());
    let (_, account) = key_account(&home).unwrap().unwrap();
    let keys: Vec<_> = account.keys().map(|known| (known.from, known.key.id())).collect();
    assert_eq!(keys, [(0, ids[0]), (2, ids[1]), (4, ids[2]), (6, ids[3])]);
    assert_eq!(account.events(), [0, 1, 3, 5]);
    for (index, id) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (6, 3), (99, 3)] {
        assert_eq!(account.in_force_at(index).unwrap().id(), ids[id], "{index}");
    }
}

#[test]
fn a_revocation_hands_the_log_to_a_committed_key() {
    for successor in [Successor::Next, Successor::Recovery] {
        let (_folder, home) = new_home();
        let mut log = writer(&home).unwrap();
        let (first, committed) = (log.key().id(), committed_keys(&home).unwrap());
        let heir = if successor == Successor::Next { committed.next } else { committed.recovery };
        let (done, revocation) = log.revoke_key(AUTHORITY, &Revoking { since_ms: Some(5), successor, ..FROM_NOW }, None).unwrap();
        assert_eq!((done.key, revocation), (heir, Revocation { revoked: first, effective: 1, since_ms: Some(5) }));
        assert_eq!(committed_keys(&home).unwrap().recovery == committed.recovery, successor == Successor::Next);
        log.append(heartbeat()).unwrap();
        assert_settled(&home);
        let (_, account) = key_account(&home).unwrap().unwrap();
        assert_eq!(account.in_force_at(1).unwrap().id(), heir, "the successor signs the revocation");
        assert_eq!([1, 2].map(|size| account.in_force_after(size).unwrap().id()), [first, heir], "a checkpoint of before stays what it was");

        // Then an older key, by the key in force.
        log.rotate_key(AUTHORITY, None).unwrap();
        let again = Revoking { key: Some(heir), effective: Some(2), ..FROM_NOW };
        assert_eq!(log.revoke_key(AUTHORITY, &again, None).unwrap().1.effective, 2);
        assert_settled(&home);
        assert_eq!(key_account(&home).unwrap().unwrap().1.revocations().len(), 2);
    }
}

#[test]
fn what_may_not_be_revoked_changes_nothing() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let stranger = KeyId([7; 32]);
    for bad in [Revoking { key: Some(stranger), ..FROM_NOW }, Revoking { effective: Some(2), ..FROM_NOW }] {
        assert!(matches!(log.revoke_key(AUTHORITY, &bad, None), Err(Error::Misuse(Misuse::KeyEvent))));
    }
    assert!(matches!(log.append(Draft { kind: Kind::Rotate, ..heartbeat() }), Err(Error::Misuse(Misuse::Kind(Kind::Rotate)))));
    let (_other_folder, other) = new_home();
    assert!(matches!(log.rotate_key(AUTHORITY, Some(&other.recovery_path())), Err(Error::Key(KeyFault::NotCommitted { .. }))));
    assert!(matches!(log.rotate_key(AUTHORITY, Some(&home.path().join("none"))), Err(Error::Key(KeyFault::RecoveryMissing(_)))));
    assert_eq!(log.size(), 1);
    assert_settled(&home);
}

#[test]
fn a_log_that_is_closed_begins_no_key_event() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    log.append(Draft { kind: Kind::Terminal, ..heartbeat() }).unwrap();
    assert!(matches!(log.rotate_key(AUTHORITY, None), Err(Error::Misuse(Misuse::Closed))));
    drop(log);
    assert_settled(&home);
}

#[test]
fn a_log_that_has_had_every_key_event_begins_no_other() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let first = log.key().id();
    log.rotate_key(AUTHORITY, None).unwrap();
    let before = std::fs::read(home.recovery_path()).unwrap();
    locked(&log.appender.inner().sequencer).state.keys.events.resize(KEY_EVENTS_MAX, 0);
    let older = Revoking { key: Some(first), ..FROM_NOW };
    for refused in [log.rotate_key(AUTHORITY, None).map(drop), log.revoke_key(AUTHORITY, &FROM_NOW, None).map(drop), log.revoke_key(AUTHORITY, &older, None).map(drop)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Misuse(Misuse::TooManyKeyEvents)) && error.to_string().contains("256 key events"), "{error}");
    }
    assert_eq!((log.size(), std::fs::read(home.recovery_path()).unwrap()), (2, before));
    drop(log);
    assert_settled(&home);
}

#[test]
fn a_recovery_file_elsewhere_and_passphrases_are_kept() {
    let (folder, home) = new_home();
    drop(writer(&home).unwrap());
    let stick = folder.path().join("stick");
    export_recovery(&home, &stick, Some(&passphrase("of the stick"))).unwrap();
    protect(&home, &passphrase("of the home")).unwrap();
    let asked = stick.clone();
    let home = home.with_custody(Custody::new(None, move |path| Ok(Some(passphrase(if path == asked { "of the stick" } else { "of the home" })))));
    let before = std::fs::read(&stick).unwrap();
    let mut log = writer(&home).unwrap();
    assert!(matches!(log.rotate_key(AUTHORITY, None), Err(Error::Key(KeyFault::RecoveryMissing(_)))));
    let rotated = log.rotate_key(AUTHORITY, Some(&stick)).unwrap();
    drop(log);
    assert_ne!(std::fs::read(&stick).unwrap(), before, "the stick has the keys that come after");
    assert!(keys::is_protected(&home).unwrap());
    assert_eq!(writer(&home).unwrap().key().id(), rotated.key);
    let mut log = writer(&home).unwrap();
    // As it is left where the record became durable and the stick was not yet rewritten.
    std::fs::rename(&stick, folder.path().join("stick.next")).unwrap();
    std::fs::write(&stick, before).unwrap();
    // And as one that was cut off earlier leaves it.
    let (left, witness) = (folder.path().join(".stick.tmp"), folder.path().join("witness"));
    std::fs::write(&left, "a seed").unwrap();
    std::fs::hard_link(&left, &witness).unwrap();
    log.rotate_key(AUTHORITY, Some(&stick)).unwrap();
    assert_eq!((left.exists(), std::fs::read(witness).unwrap()), (false, vec![0; 6]));
}

/// The orderings of `keys::succession`, each as a crash leaves it.
#[test]
fn wherever_it_is_cut_off_the_next_start_completes_it_or_takes_it_back() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    log.append(intent()).unwrap();
    let committed = log.state().keys.committed().unwrap();
    let (old, beside) = (log.key().id(), |home: &Home| [home.path().join("keys/operator.p8.next"), home.path().join("recovery.mickai.next")]);
    let coming = Coming::begin(&home, &home.recovery_path(), Successor::Next, committed).unwrap();
    let check = |what: &str, home: &Home, key: KeyId| {
        let writer = writer(home).unwrap();
        assert_eq!(writer.key().id(), key, "{what}");
        assert_eq!(writer.recovered().len(), 1, "the intent was closed, by the key that is in force");
        drop(writer);
        assert_settled(home);
    };
    // Before the record: each of the two files, and both.
    for keep in [&[0][..], &[1], &[0, 1]] {
        let (_copy, copied) = killed(&home);
        for (place, path) in beside(&copied).iter().enumerate().filter(|(place, _)| !keep.contains(place)) {
            std::fs::remove_file(path).unwrap_or_else(|error| panic!("{place}: {error}"));
        }
        check("before the record", &copied, old);
    }
    // After it: nothing moved, the key alone, both.
    let request = Request::Rotation { log: log.log_id(), index: log.size(), prev: log.state().last.unwrap(), committed: coming.to.committed };
    let proof = Box::new(coming.key.sign(&request).unwrap());
    let event = draft(Kind::Rotate, old, AUTHORITY, &KeyEvent::Rotate { to: coming.to.clone(), proof });
    log.append_key_event(log.key().clone(), coming.key.clone(), |_| Ok(event)).unwrap();
    let (_copy, copied) = killed(&home);
    check("after the record", &copied, coming.key.id());
    let (_copy, copied) = killed(&home);
    std::fs::rename(&beside(&copied)[0], copied.operator_key_path()).unwrap();
    check("between the two files", &copied, coming.key.id());
    coming.finish(&home).unwrap();
    let (_copy, copied) = killed(&home);
    check("after both", &copied, coming.key.id());
}

/// Of a rotation, and of a passphrase that was being taken away: seeds, some of them in the open.
#[test]
fn what_was_cut_off_while_it_was_written_is_destroyed() {
    let (_folder, home) = new_home();
    drop(writer(&home).unwrap());
    let left = ["keys/.operator.p8.tmp", "keys/.operator.p8.next.tmp", ".recovery.mickai.tmp", ".recovery.mickai.next.tmp"].map(|name| home.path().join(name));
    for path in &left {
        std::fs::write(path, "a seed").unwrap();
        // The file under a second name shows what is left of its bytes.
        std::fs::hard_link(path, path.with_extension("witness")).unwrap();
    }
    drop(writer(&home).unwrap());
    for path in &left {
        assert!(!path.exists(), "{}", path.display());
        assert_eq!(std::fs::read(path.with_extension("witness")).unwrap(), [0_u8; 6], "{}", path.display());
    }
    assert_settled(&home);
}

#[test]
fn a_key_that_a_signer_holds_is_not_rotated_behind_its_back() {
    let (folder, home) = new_home();
    drop(writer(&home).unwrap());
    let home = home.with_custody(Custody::new(Some(folder.path().join("nobody")), |_| Ok(None)));
    let committed = key_account(&home).unwrap().unwrap().1.committed().unwrap();
    assert!(matches!(Coming::begin(&home, &home.recovery_path(), Successor::Next, committed), Err(Error::Key(KeyFault::NotThroughSigner))));
}

/// Callers of every sort append all the while. Each record is signed by the key that was in force when it got its place, what was unsealed is sealed by its own key, and a stranger verifies all of it.
#[test]
fn keys_follow_each_other_while_others_append() {
    let (_folder, home) = new_home();
    let options = Options { segment_bytes_max: 200_000, ..crate::testing::still() };
    let mut log = LogWriter::open_options(&home, AUTHORITY, Box::new(StillClock::default()), options).unwrap();
    let first = log.key().id();
    let older = Revoking { key: Some(first), ..FROM_NOW };
    let by_recovery = Revoking { successor: Successor::Recovery, ..FROM_NOW };
    let turns = [None, Some(FROM_NOW), Some(older), None, Some(by_recovery), None];
    let has_ended = AtomicBool::new(false);
    let succeeded = std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..4 {
            let (appender, tell, has_ended) = (log.appender(), tell.clone(), &has_ended);
            scope.spawn(move || {
                for turn in 0.. {
                    append_one(&appender, turn);
                    if has_ended.load(Ordering::Relaxed) || tell.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        let mut follow = |turn: &Option<Revoking>| -> Result<Succeeded, Error> {
            // Others are at work: so many more appends than at the last event, or all of them died.
            told.try_iter().for_each(drop);
            (0..12).for_each(|_| told.recv().unwrap());
            let Some(revoking) = turn else { return log.rotate_key(AUTHORITY, None) };
            let (succeeded, revocation) = log.revoke_key(AUTHORITY, revoking, None)?;
            assert_eq!(revocation.effective, succeeded.appended.index);
            Ok(succeeded)
        };
        let succeeded: Result<Vec<_>, _> = turns.iter().map(&mut follow).collect();
        has_ended.store(true, Ordering::Relaxed);
        succeeded
    });
    let succeeded = succeeded.unwrap();
    assert_eq!(log.key().id(), succeeded[5].key);
    drop(log);
    let (_, account) = key_account(&home).unwrap().unwrap();
    assert_eq!(account.events()[1..], succeeded.iter().map(|done| done.appended.index).collect::<Vec<_>>());
    assert_eq!((account.keys().count(), account.revocations().len(), account.in_force().unwrap().id()), (6, 3, succeeded[5].key));
    let report = fsck(&home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.unsealed, report.checkpoint, report.unopened), (0, Some(report.records), 0));
    let verdict = crate::testing::verdict(&home);
    assert_eq!((verdict.word, &verdict.failure), (mickai_proof::verify::Word::Verified, &None));
}

fn append_one(appender: &Appender, turn: u64) {
    let sealed = || Draft { mode: Mode::Sealed, ..heartbeat() };
    match turn % 4 {
        0 => drop(appender.append(heartbeat()).unwrap()),
        1 => drop(appender.append_all(vec![sealed(), heartbeat(), sealed()]).unwrap()),
        2 => drop(appender.append_with(sealed(), &[("note", b"kept")]).unwrap()),
        _ => {
            let permit = appender.append_intent(intent(), &[("prompt", b"hello")]).unwrap();
            appender.close(appender.begin(permit).unwrap(), OutcomeCode::Executed, Vec::new(), &[]).unwrap();
        }
    }
}
