//! A log whose key is lost goes on under a committed one, wherever the takeover is cut off, and never under any other.

use super::*;
use crate::disk::faulty::{Choices, Fault, mount};
use crate::keys::{Custody, KeyFault, OperatorKey, Successor, committed_keys, export_recovery, give_up_vault};
use crate::log::{Draft, LogReader, fsck, key_account};
use crate::testing::{AUTHORITY, StillClock, copy_tree, heartbeat, intent, killed, memory_folder, new_home, still, writer};
use crate::vault::Sealing;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::KeyId;
use mickai_proof::history::Committed;
use mickai_proof::record::{Mode, OutcomeCode};
use tempfile::TempDir;

const BY_RECOVERY: Revoking = Revoking { key: None, effective: None, since_ms: None, successor: Successor::Recovery };

/// Records 0 to 3: genesis, a kept value, an intent that stays open, a sealed record without a seal; as a killed process leaves them. And a prompt for an intent that would have been record 4,
/// kept when its signer or its process died.
struct Lost {
    _folder: TempDir,
    home: Home,
    key: KeyId,
    committed: Committed,
}

/// How the key is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    File,
    Signer,
}

fn lost(loss: Loss) -> Lost {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    log.append_with(heartbeat(), &[("note", b"kept")]).unwrap();
    log.append(intent()).unwrap();
    log.append(Draft { mode: Mode::Sealed, ..heartbeat() }).unwrap();
    log.vault().put(4, &Sealing::new(&[("prompt", b"never said")]).unwrap()).unwrap();
    let (_folder, home) = killed(&home);
    let (key, committed) = (log.key().public().clone(), committed_keys(&home).unwrap());
    if loss == Loss::Signer {
        std::fs::write(home.operator_public_path(), key.to_pem()).unwrap();
    }
    std::fs::remove_file(home.operator_key_path()).unwrap();
    Lost { _folder, home, key: key.id(), committed }
}

fn take(home: &Home, revoking: &Revoking, recovery: Option<&Path>) -> Result<TakenOver, Error> {
    let home = Home::open_keyless(home.path(), Custody::default())?;
    LogWriter::take_over_options(&home, AUTHORITY, Box::new(StillClock::default()), still(), revoking, recovery)
}

/// What must hold of a log that was taken over, when no writer is at work.
#[track_caller]
fn assert_taken_over(home: &Home, heir: KeyId, what: &dyn std::fmt::Debug) {
    let home = Home::open(home.path()).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let (_, account) = key_account(&home).unwrap().unwrap();
    assert_eq!(account.in_force().unwrap().id(), heir, "{what:?}");
    assert_eq!(account.revocations().len(), 1, "{what:?}");
    assert_eq!(OperatorKey::public_of(&home).unwrap().id(), heir, "{what:?}");
    assert!(home.recovery_is_offline() || committed_keys(&home).unwrap() == account.committed().unwrap(), "{what:?}");
    let left = ["keys/operator.p8.next", "recovery.mickai.next", "keys/operator.pub"].iter().find(|name| home.path().join(name).exists());
    assert_eq!(left, None, "{what:?}");
    assert!(!home.vault_path().join("00000000/000/00000004.v").exists(), "{what:?}: what was kept for no record lies under the revocation");
    let note = Note::parse(&std::fs::read(home.checkpoint_path()).unwrap()).unwrap();
    assert!(note.is_signed_by(account.in_force().unwrap()), "{what:?}: the newest own checkpoint is by the key in force");
    let report = fsck(&home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{what:?}: {:?}", report.findings);
    assert_eq!((report.records, report.signatures, report.openings, report.unsealed, report.open_intents.len()), (7, 6, 1, 0, 0), "{what:?}");
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_committed_key_takes_over_and_does_what_the_lost_one_left() {
    for (loss, successor) in [(Loss::File, Successor::Recovery), (Loss::File, Successor::Next), (Loss::Signer, Successor::Recovery)] {
        let Lost { home, key, committed, .. } = &lost(loss);
        let heir = if successor == Successor::Next { committed.next } else { committed.recovery };
        let taken = take(home, &Revoking { successor, ..BY_RECOVERY }, None).unwrap();
        let appended = taken.succeeded.unwrap().appended;
        assert_eq!((taken.revocation, taken.unsealed, appended.index), (Revocation { revoked: *key, effective: 4, since_ms: None }, 1, 4));
        assert_eq!((taken.succeeded.unwrap().key, taken.writer.key().id()), (heir, heir));
        assert_eq!(taken.writer.recovered().len(), 1);
        let reader = LogReader::open(home).unwrap();
        let kinds: Vec<_> =
            reader.entries(4..9).map(|entry| entry.unwrap().decode().map(|record| (record.kind, record.key_id, record.closes.map(|(_, code)| code))).unwrap()).collect();
        assert_eq!(kinds, [(Kind::Revoke, heir, None), (Kind::Outcome, heir, Some(OutcomeCode::Unknown)), (Kind::Seal, heir, None)]);
        assert_eq!(reader.entry(4).unwrap().unwrap().digest(), appended.digest);
        drop(taken);
        assert_taken_over(home, heir, &(loss, successor));
        let mut log = writer(home).unwrap();
        log.append(heartbeat()).unwrap();
        assert!(matches!(take(home, &BY_RECOVERY, None), Err(Error::Key(KeyFault::Exists(_)))), "the key is here");
        // Of the keys that come after, one takes over next.
        log.rotate_key(AUTHORITY, None).unwrap();
    }
}

#[test]
fn what_may_not_be_done_changes_nothing() {
    let Lost { home, key, .. } = &lost(Loss::File);
    let (other_folder, other) = new_home();
    let unknown = Revoking { key: Some(KeyId([7; 32])), ..BY_RECOVERY };
    for bad in [unknown, Revoking { effective: Some(5), ..BY_RECOVERY }] {
        assert!(matches!(take(home, &bad, None), Err(Error::Misuse(Misuse::KeyEvent))));
    }
    assert!(matches!(take(home, &BY_RECOVERY, Some(&other.recovery_path())), Err(Error::Key(KeyFault::NotCommitted { .. }))));
    assert!(matches!(take(home, &BY_RECOVERY, Some(&other_folder.path().join("none"))), Err(Error::Key(KeyFault::RecoveryMissing(_)))));
    let through_signer = Home::open_keyless(home.path(), Custody::new(Some("nobody".into()), |_| Ok(None))).unwrap();
    assert!(matches!(LogWriter::take_over(&through_signer, AUTHORITY, &BY_RECOVERY, None), Err(Error::Key(KeyFault::NotThroughSigner))));
    assert!(matches!(take(&other, &BY_RECOVERY, None), Err(Error::NotAHome(_))), "its log has not begun");

    let vault_key = std::fs::read(home.vault_key_path()).unwrap();
    std::fs::remove_file(home.vault_key_path()).unwrap();
    assert!(matches!(take(home, &BY_RECOVERY, None), Err(Error::KeyMissing(path)) if path == home.vault_key_path()));
    std::fs::write(home.vault_key_path(), vault_key).unwrap();
    private(&home.vault_key_path());

    assert!(!home.path().join("keys/operator.p8.next").exists());
    assert_eq!((LogReader::open(home).unwrap().size(), key_account(home).unwrap().unwrap().1.in_force().unwrap().id()), (4, *key));
    for opened in [Home::open(home.path()), Home::open_or_create(home.path())] {
        let error = opened.unwrap_err();
        assert!(matches!(&error, Error::KeyMissing(path) if *path == home.operator_key_path()));
        assert!(["mickai key restore FILE", "mickai key revoke --by recovery"].iter().all(|way| error.to_string().contains(way)), "{error}");
    }
}

/// An older key's revocation would have to be signed by the lost one.
#[test]
fn only_the_key_in_force_is_revoked_so() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let first = log.key().id();
    log.rotate_key(AUTHORITY, None).unwrap();
    drop(log);
    std::fs::remove_file(home.operator_key_path()).unwrap();
    let older = Revoking { key: Some(first), ..BY_RECOVERY };
    assert!(matches!(take(&home, &older, None), Err(Error::KeyMissing(_))));
    take(&home, &BY_RECOVERY, None).unwrap();
}

#[test]
fn a_closed_log_is_not_taken_over() {
    let (_folder, home) = new_home();
    writer(&home).unwrap().append(Draft { kind: Kind::Terminal, ..heartbeat() }).unwrap();
    std::fs::remove_file(home.operator_key_path()).unwrap();
    assert!(matches!(take(&home, &BY_RECOVERY, None), Err(Error::Misuse(Misuse::Closed))));
}

#[test]
fn a_recovery_file_elsewhere_is_rewritten_there() {
    let Lost { _folder: folder, home, committed, .. } = &lost(Loss::File);
    let stick = folder.path().join("stick");
    export_recovery(home, &stick, None).unwrap();
    let before = std::fs::read(&stick).unwrap();
    assert!(matches!(take(home, &BY_RECOVERY, None), Err(Error::Key(KeyFault::RecoveryMissing(_)))));
    let taken = take(home, &BY_RECOVERY, Some(&stick)).unwrap();
    assert_eq!(taken.writer.key().id(), committed.recovery);
    assert_ne!(std::fs::read(&stick).unwrap(), before, "the stick has the keys that come after");
    drop(taken);
    writer(home).unwrap().rotate_key(AUTHORITY, Some(&stick)).unwrap();
}

/// The orderings of this module that a fault at one call does not show: what a rerun, another command and a writer do with them.
#[test]
fn a_takeover_that_was_cut_off_after_its_record_is_completed_and_not_repeated() {
    let Lost { home, committed, .. } = &lost(Loss::Signer);
    let [recovery, recovery_next, public] = ["recovery.mickai", "recovery.mickai.next", "keys/operator.pub"].map(|name| home.path().join(name));
    let before = [&recovery, &public].map(|path| std::fs::read(path).unwrap());
    take(home, &BY_RECOVERY, None).unwrap();
    // As it was between the record and the files.
    let put_back = || {
        std::fs::rename(home.operator_key_path(), home.path().join("keys/operator.p8.next")).unwrap();
        std::fs::rename(&recovery, &recovery_next).unwrap();
        std::fs::write(&public, &before[1]).unwrap();
        std::fs::write(&recovery, &before[0]).unwrap();
        private(&recovery);
    };
    put_back();
    let again = take(home, &BY_RECOVERY, None).unwrap();
    assert!(again.succeeded.is_none());
    assert_eq!(again.revocation.effective, 4);
    drop(again);
    assert_taken_over(home, committed.recovery, &"begun again");
    put_back();
    drop(writer(&Home::open(home.path()).unwrap()).unwrap());
    assert_taken_over(home, committed.recovery, &"a writer came");
    put_back();
    std::fs::remove_file(&public).unwrap();
    Home::open(home.path()).unwrap();
    assert_taken_over(home, committed.recovery, &"somebody looked");
    put_back();
    std::fs::remove_file(&public).unwrap();
    Home::open_or_create(home.path()).unwrap();
    assert_taken_over(home, committed.recovery, &"somebody opened");
}

/// It may hold a seed in the open, of which a rename or an empty file of that name would leave the bytes on the disk.
#[test]
fn a_key_file_that_waited_for_no_record_is_destroyed() {
    let Lost { home, committed, .. } = &lost(Loss::File);
    let (_other_folder, other) = new_home();
    let (waiting, witness) = (home.path().join("keys/operator.p8.next"), home.path().join("witness"));
    std::fs::copy(other.operator_key_path(), &waiting).unwrap();
    // The file under a second name shows what is left of its bytes.
    std::fs::hard_link(&waiting, &witness).unwrap();
    drop(take(home, &BY_RECOVERY, None).unwrap());
    assert_eq!(std::fs::read(&witness).unwrap(), [0_u8; 54]);
    assert_taken_over(home, committed.recovery, &"begun again");
}

/// Settling cuts what looks torn, so it asks the own checkpoint first, as every start does.
#[test]
fn what_the_own_checkpoint_covers_is_not_cut_when_somebody_looks() {
    let Lost { home, .. } = &lost(Loss::File);
    drop(take(home, &BY_RECOVERY, None).unwrap());
    std::fs::rename(home.operator_key_path(), home.path().join("keys/operator.p8.next")).unwrap();
    let segment = home.log_path().join("00000000.seg");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
    std::fs::remove_file(home.log_path().join("synced")).unwrap();
    assert!(matches!(Home::open(home.path()), Err(Error::RolledBack { .. })));
    assert_eq!(std::fs::read(&segment).unwrap().len(), bytes.len() - 1);
}

/// A start on a healthy disk after a takeover that failed: it is done, or it can be begun again, and then all is as it should be. Says whether it had to be begun again.
fn check(root: &Path, heir: KeyId, is_done: bool, what: &dyn std::fmt::Debug) -> bool {
    let _disk = mount(root, false);
    let home = Home::unopened(&root.join("home"));
    // On a stick where it is not in the home.
    let stick = root.join("stick");
    let recovery = stick.exists().then_some(&*stick);
    let is_begun_again = match Home::open(home.path()) {
        Ok(home) => {
            drop(writer(&home).unwrap_or_else(|error| panic!("{what:?}: {error}")));
            false
        }
        Err(Error::KeyMissing(_)) if !is_done => {
            let taken = take(&home, &BY_RECOVERY, recovery).unwrap_or_else(|error| panic!("{what:?}: {error}"));
            assert!(taken.succeeded.is_some(), "{what:?}");
            true
        }
        Err(error) => panic!("{what:?}: {error}"),
    };
    assert_taken_over(&home, heir, what);
    if recovery.is_some() {
        // One that was behind is completed by its next use.
        writer(&home).unwrap().rotate_key(AUTHORITY, recovery).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    }
    is_begun_again
}

fn in_memory(lost: &Lost) -> (TempDir, Home) {
    let folder = memory_folder();
    let home = folder.path().join("home");
    copy_tree(lost.home.path(), &home);
    (folder, Home::unopened(&home))
}

/// Every call of a takeover by turn, each with every fault, the recovery file in the home or on a stick; then a start on what a kill and what a power cut leave.
#[test]
fn whichever_call_of_a_takeover_fails_the_log_has_one_key_and_it_is_here() {
    let lost = lost(Loss::File);
    let heir = lost.committed.recovery;
    for (fault, is_away) in [(Fault::Io, false), (Fault::NoSpace, false), (Fault::Short, false), (Fault::Death, false), (Fault::Death, true)] {
        let mut begun_again = [0, 0];
        for call in 0.. {
            let (folder, home) = in_memory(&lost);
            let stick = folder.path().join("stick");
            if is_away {
                std::fs::rename(home.recovery_path(), &stick).unwrap();
            }
            let mounted = mount(folder.path(), true);
            mounted.0.plan(call, fault);
            let ended = take(&home, &BY_RECOVERY, is_away.then_some(&*stick)).map(drop);
            if !mounted.0.is_done() {
                assert!(ended.is_ok() && call > 30, "{ended:?} after {call} calls");
                break;
            }
            let is_done = ended.is_ok();
            assert!(is_done || fault != Fault::Short, "a short write is continued: {ended:?}");
            let (mut state, events) = mounted.0.history();
            drop(mounted);
            begun_again[usize::from(check(folder.path(), heir, is_done, &(fault, call, "killed", &ended)))] += 1;
            events.iter().for_each(|event| state.apply(event));
            let image = memory_folder();
            state.cut_off(&mut Choices(call)).write_to(image.path());
            check(image.path(), heir, is_done, &(fault, call, "power cut", &ended));
        }
        assert!(begun_again[0] > 10 && (fault == Fault::Short || begun_again[1] > 10), "{fault:?}: {begun_again:?}");
    }
}

/// A process dies between writing the record and its fsync, the next one reads the record from memory and dies too, and then the power is cut: no key file took its place by a record that is gone.
#[test]
fn files_take_their_places_by_what_is_durable() {
    let lost = lost(Loss::File);
    let mut dead_between = None;
    for second in 0.. {
        let (folder, home) = in_memory(&lost);
        let mounted = mount(folder.path(), true);
        let first = *dead_between.get_or_insert_with(|| {
            let dies_at = |call: &u64| {
                let (folder, home) = in_memory(&lost);
                let mounted = mount(folder.path(), false);
                mounted.0.plan(*call, Fault::Death);
                drop(take(&home, &BY_RECOVERY, None));
                LogReader::open(&home).unwrap().size() == 5
            };
            (0..).find(dies_at).unwrap()
        });
        mounted.0.plan(first, Fault::Death);
        take(&home, &BY_RECOVERY, None).unwrap_err();
        mounted.0.revive();
        mounted.0.plan(second, Fault::Death);
        drop(Home::open(home.path()).and_then(|home| writer(&home)));
        let is_over = !mounted.0.is_done();
        let (mut state, events) = mounted.0.history();
        drop(mounted);
        events.iter().for_each(|event| state.apply(event));
        for seed in 0..4 {
            let image = memory_folder();
            state.clone().cut_off(&mut Choices(second * 4 + seed)).write_to(image.path());
            check(image.path(), lost.committed.recovery, is_over, &(first, second, seed));
        }
        if is_over {
            assert!(second > 10, "{second}");
            break;
        }
    }
}

#[test]
fn a_vault_without_its_key_is_given_up_only_when_that_is_said() {
    let Lost { home, committed, .. } = &lost(Loss::File);
    assert!(matches!(give_up_vault(home.path()), Err(Error::Key(KeyFault::Exists(_)))));
    std::fs::remove_file(home.vault_key_path()).unwrap();
    let aside = give_up_vault(home.path()).unwrap().unwrap();
    assert!(aside.join("00000000/000/00000001.v").exists(), "nothing is destroyed");
    // Cut off between the two: what is missing is made, and nothing is moved again.
    std::fs::remove_file(home.vault_key_path()).unwrap();
    std::fs::remove_dir(home.vault_path()).unwrap();
    assert_eq!(give_up_vault(home.path()).unwrap(), None);
    let mut taken = take(home, &BY_RECOVERY, None).unwrap();
    assert_eq!((taken.writer.key().id(), taken.writer.vault().get(1, "note").unwrap()), (committed.recovery, None));
    let kept = taken.writer.append_with(heartbeat(), &[("note", b"after")]).unwrap();
    assert_eq!(*taken.writer.vault().get(kept.index, "note").unwrap().unwrap().value, b"after");
    drop(taken);
    let report = fsck(home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.openings, report.unopened), (1, 1));
    let (_other_folder, other) = new_home();
    assert!(matches!(give_up_vault(other.path()), Err(Error::NotAHome(_))));
}
