//! What is acknowledged is found again, whatever a crash left behind.

use super::line::{Entering, Line, Placed};
use super::workers::seal_overdue;
use super::*;
use crate::error::{Damage, Error, Misuse};
use crate::home::Home;
use crate::keys::OperatorKey;
use crate::testing::{AUTHORITY, StillClock, heartbeat, intent, killed, new_home, sized_writer, verdict, writer};
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{Id, RecordDigest};
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn segment(home: &Home) -> PathBuf {
    home.log_path().join("00000000.seg")
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// What a power cut does to files that were never synced.
fn lose_unsynced_files(home: &Home) {
    std::fs::remove_file(home.log_path().join("synced")).unwrap();
}

fn assert_sound(home: &Home, records: u64) -> Report {
    let report = fsck(home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.records, records);
    report
}

/// One generation: records 1 and 2.
fn generate(writer: &mut LogWriter) -> Appended {
    let permit = writer.append_intent(intent(), &[("prompt", b"hello")]).unwrap();
    let act = writer.begin(permit).unwrap();
    writer.close(act, OutcomeCode::Executed, vec![("stop".to_owned(), Fact::Text("end".into()))], &[("output", b"hi")]).unwrap()
}

#[test]
fn a_first_run_and_one_generation_read_like_this() {
    let (_folder, home) = new_home();
    let mut writer = writer(&home).unwrap();
    assert_eq!(writer.size(), 1);
    let outcome = generate(&mut writer);
    let note = writer.checkpoint().unwrap();
    assert_eq!(writer.checkpoint().unwrap(), note);

    let reader = LogReader::open(&home).unwrap();
    assert_eq!(reader.head().unwrap(), Some(Head { log: writer.log_id(), size: 3, digest: outcome.digest }));
    let entries: Vec<Entry> = reader.entries(0..u64::MAX).collect::<Result<_, _>>().unwrap();
    let records: Vec<_> = entries.iter().map(|entry| entry.decode().unwrap()).collect();
    assert_eq!(records.iter().map(|record| record.kind).collect::<Vec<_>>(), [Kind::Genesis, Kind::Intent, Kind::Outcome]);
    assert_eq!(records[0].fact("key").unwrap().as_bytes(), Some(&writer.key().public().to_spki()[..]));
    assert_eq!(records[0].actor, (ActorClass::Operator, Id(writer.key().id().0)));
    assert_eq!(records[2].closes, Some((entries[1].digest(), OutcomeCode::Executed)));
    assert_eq!(records[2].action, "generate");
    assert_eq!(*writer.vault().get(1, "prompt").unwrap().unwrap().value, b"hello");

    let checkpoint = Note::parse(note.as_bytes()).unwrap().verify(writer.key().public(), writer.log_id()).unwrap();
    assert_eq!((checkpoint.size, Some(checkpoint.root)), (3, reader.frontier(3).unwrap().unwrap().root()));
    let report = assert_sound(&home, 3);
    assert_eq!((report.signatures, report.openings, report.unopened, report.checkpoint), (3, 2, 0, Some(3)));
}

#[test]
fn readers_see_what_a_writer_appends_and_are_never_refused() {
    let (_folder, home) = new_home();
    assert_eq!(LogReader::open(&home).unwrap().head().unwrap(), None);
    let mut writer = sized_writer(&home, 20_000).unwrap();
    let mut reader = LogReader::open(&home).unwrap();
    for size in 2..30 {
        writer.append(heartbeat()).unwrap();
        assert_eq!(reader.refresh().unwrap(), size);
        assert_eq!(LogReader::open(&home).unwrap().size(), size);
    }
    assert!(home.log_path().join("00000003.seg").exists());
    assert_eq!(reader.entry(30).unwrap(), None);
    for (index, entry) in (0..).zip(reader.entries(0..29)) {
        assert_eq!(entry.unwrap().decode().unwrap().index, index);
    }
    // A frame that is only half there, and was never acknowledged, is not yet there.
    lose_unsynced_files(&home);
    change(&last_segment(&home), |bytes| bytes.truncate(bytes.len() - 1));
    assert_eq!(LogReader::open(&home).unwrap().size(), 28);
}

fn last_segment(home: &Home) -> PathBuf {
    (0..=9).rev().map(|number| home.log_path().join(format!("{number:08}.seg"))).find(|path| path.exists()).unwrap()
}

/// Whole records before it, a bit flipped in it, cut inside it, cut before it: the last record was acknowledged, so a reader says that it is gone.
#[test]
fn a_reader_misses_an_acknowledged_last_record() {
    let (_folder, home) = new_home();
    let mut live = sized_writer(&home, 20_000).unwrap();
    for _ in 0..9 {
        live.append(heartbeat()).unwrap();
    }
    let path = last_segment(&home);
    assert_ne!(path, segment(&home), "the mark speaks of a later segment");
    let mut early = LogReader::open(&home).unwrap();
    let before = std::fs::metadata(&path).unwrap().len() as usize;
    live.append(heartbeat()).unwrap();
    assert_eq!(last_segment(&home), path);
    let whole = std::fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damaged = [flipped(before), flipped(before + 40), flipped(whole.len() - 1), whole[..before + 9].to_vec(), whole[..whole.len() - 1].to_vec(), whole[..before].to_vec()];
    for bytes in damaged {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(LogReader::open(&home), Err(Error::Damaged { offset, .. }) if offset == before as u64));
        assert!(matches!(early.refresh(), Err(Error::Damaged { offset, .. }) if offset == before as u64));
    }
    std::fs::write(&path, whole).unwrap();
    assert_eq!((early.refresh().unwrap(), LogReader::open(&home).unwrap().size()), (11, 11));
}

#[test]
fn a_reader_may_run_beside_a_writer() {
    let (_folder, home) = new_home();
    // Segments small enough that the writer begins a dozen of them.
    let mut writer = sized_writer(&home, 60_000).unwrap();
    let reading = std::thread::spawn({
        let home = home.clone();
        move || {
            let mut reader = LogReader::open(&home).unwrap();
            let mut opened = 0;
            while reader.refresh().unwrap() < 201 {
                assert_eq!(reader.entries(0..reader.size()).filter(Result::is_err).count(), 0);
                let size = LogReader::open(&home).unwrap().size();
                assert!(size >= reader.size());
                opened += 1;
            }
            opened
        }
    });
    (0..50).for_each(|_| drop(writer.append_all((0..4).map(|_| heartbeat()).collect()).unwrap()));
    assert!(reading.join().unwrap() > 0);
    assert_sound(&home, 201);
}

/// A process killed after each of these steps, by a copy of its home as it was then.
#[test]
fn killed_at_each_step_the_next_start_goes_on() {
    let (_folder, home) = new_home();
    let (_a, before_genesis) = killed(&home);
    let mut live = writer(&home).unwrap();
    let (_b, after_genesis) = killed(&home);
    let permit = live.append_intent(intent(), &[("prompt", b"hello")]).unwrap();
    let (_c, during_the_act) = killed(&home);
    let act = live.begin(permit).unwrap();
    live.close(act, OutcomeCode::Executed, Vec::new(), &[("output", b"hi")]).unwrap();
    let (_d, after_the_act) = killed(&home);
    for (copy, size, recovered) in [(before_genesis, 1, 0), (after_genesis, 1, 0), (during_the_act, 3, 1), (after_the_act, 3, 0)] {
        let mut next = writer(&copy).unwrap();
        assert_eq!((next.size(), next.recovered().len()), (size, recovered));
        generate(&mut next);
        assert_sound(&copy, size + 2);
    }
}

#[test]
fn an_act_that_a_crash_cut_off_is_unknown_and_not_guessed() {
    let (_folder, home) = new_home();
    let mut first = writer(&home).unwrap();
    let permits: Vec<Permit> = (0..3).map(|_| first.append_intent(intent(), &[]).unwrap()).collect();
    drop(first);
    let second = writer(&home).unwrap();
    assert_eq!(second.size(), 7);
    assert!(second.open_intents().is_empty());
    let reader = LogReader::open(&home).unwrap();
    for (appended, permit) in second.recovered().iter().zip(&permits) {
        let entry = reader.entry(appended.index).unwrap().unwrap();
        let record = entry.decode().unwrap();
        assert_eq!(record.closes, Some((permit.digest(), OutcomeCode::Unknown)));
        assert_eq!((record.actor, record.authority, &*record.action), ((ActorClass::System, Id::ZERO), AUTHORITY, "generate"));
    }
    // Their permits are worth nothing any more: what would get no outcome is not begun.
    let mut second = second;
    for permit in permits {
        assert!(matches!(second.begin(permit), Err(Error::Misuse(Misuse::NotOpen))));
    }
    assert_sound(&home, 7);
}

/// The last append, cut at every byte: without the mark it never was; with it, it was.
#[test]
fn cut_at_every_byte_of_the_last_append() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    let before = std::fs::metadata(segment(&home)).unwrap().len();
    let sealed = Draft { mode: Mode::Sealed, ..heartbeat() };
    live.append(sealed).unwrap();
    let whole = std::fs::read(segment(&home)).unwrap();
    let (_killed_folder, home) = killed(&home);
    let (_copy_folder, copy) = killed(&home);
    for len in before..whole.len() as u64 {
        std::fs::write(segment(&home), &whole[..len as usize]).unwrap();
        let refused = writer(&home).unwrap_err();
        assert!(matches!(refused, Error::Damaged { what: Damage::Frame | Damage::CutShort { .. }, .. }), "{len}: {refused:?}");
        std::fs::write(segment(&copy), &whole[..len as usize]).unwrap();
        lose_unsynced_files(&copy);
        assert_eq!(writer(&copy).unwrap().size(), 1, "{len}");
        assert_eq!(std::fs::metadata(segment(&copy)).unwrap().len(), before);
    }
}

#[test]
fn a_changed_byte_anywhere_before_the_last_append_refuses_to_start() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    let genesis_len = std::fs::metadata(segment(&home)).unwrap().len() as usize;
    live.append(heartbeat()).unwrap();
    drop(live);
    lose_unsynced_files(&home);
    let whole = std::fs::read(segment(&home)).unwrap();
    for at in (0..genesis_len).step_by(37) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(segment(&home), &changed).unwrap();
        let refused = writer(&home).unwrap_err();
        assert!(matches!(refused, Error::Damaged { .. } | Error::Foreign(_)), "{at}: {refused:?}");
        assert!(LogReader::open(&home).is_err());
        let report = fsck(&home, &mut |_| {}).unwrap();
        assert!(!report.is_clean(), "{at}");
        assert_eq!(std::fs::read(segment(&home)).unwrap(), changed, "nothing was written");
    }
}

#[test]
fn records_that_an_own_checkpoint_saw_are_missed() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    generate(&mut live);
    let (_old_folder, old) = killed(&home);
    generate(&mut live);
    live.checkpoint().unwrap();
    drop(live);
    // The log folder of an older copy, as a restored snapshot of it would be.
    for name in ["00000000.seg", "synced"] {
        std::fs::copy(old.log_path().join(name), home.log_path().join(name)).unwrap();
    }
    let refused = writer(&home).unwrap_err();
    assert!(matches!(&refused, Error::RolledBack { have: 3, want: 5, .. }), "{refused:?}");
    assert!(matches!(fsck(&home, &mut |_| {}).unwrap().findings[..], [Finding::Log(Error::RolledBack { have: 3, want: 5, .. })]));
    // Missing ones that look torn are not cut either.
    lose_unsynced_files(&home);
    change(&segment(&home), |bytes| bytes.truncate(bytes.len() - 1));
    let len = std::fs::metadata(segment(&home)).unwrap().len();
    assert!(matches!(writer(&home), Err(Error::RolledBack { have: 2, want: 5, .. })));
    assert_eq!(std::fs::metadata(segment(&home)).unwrap().len(), len);
    // A log that is gone altogether.
    lose_all(&home);
    assert!(matches!(writer(&home), Err(Error::RolledBack { have: 0, want: 5, .. })));
}

fn lose_all(home: &Home) {
    for entry in std::fs::read_dir(home.log_path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

#[test]
fn another_history_under_the_same_key_is_not_this_log() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    let (_fork_folder, fork) = killed(&home);
    generate(&mut live);
    live.checkpoint().unwrap();
    drop(live);
    let mut other = writer(&fork).unwrap();
    generate(&mut other);
    generate(&mut other);
    drop(other);
    for name in ["00000000.seg", "synced"] {
        std::fs::copy(fork.log_path().join(name), home.log_path().join(name)).unwrap();
    }
    assert!(matches!(writer(&home), Err(Error::Rewritten { size: 3, .. })));
    // A key of another home, and a checkpoint that nobody signed.
    let (_other_folder, stranger) = new_home();
    std::fs::copy(stranger.operator_key_path(), fork.operator_key_path()).unwrap();
    assert!(matches!(writer(&fork), Err(Error::WrongKey { have, .. }) if have == OperatorKey::load(&stranger).unwrap().id()));
    drop(writer(&stranger).unwrap());
    change(&stranger.checkpoint_path(), |note| {
        let last = note.len() - 9;
        note[last] = if note[last] == b'A' { b'B' } else { b'A' };
    });
    assert!(matches!(writer(&stranger), Err(Error::Damaged { what: Damage::Checkpoint(_), .. })));
}

#[test]
fn an_orphan_of_the_vault_is_gone_at_the_next_start() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    let _permit = live.append_intent(intent(), &[("prompt", b"hello")]).unwrap();
    let (_killed_folder, home) = killed(&home);
    // As if the process had been killed between the vault's fsync and the append: the values are there, the record is not.
    lose_unsynced_files(&home);
    change(&segment(&home), |bytes| bytes.truncate(bytes.len() - 1));
    let mut next = writer(&home).unwrap();
    assert_eq!(next.size(), 1);
    assert_eq!(next.vault().get(1, "prompt").unwrap(), None);
    generate(&mut next);
    assert_sound(&home, 3);
}

#[test]
fn what_is_wrong_with_signatures_and_values_is_found_and_named() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    generate(&mut live);
    let log = live.log_id();
    live.vault().erase(1, &mut |label| label == "prompt").unwrap();
    assert_eq!(assert_sound(&home, 3).unopened, 1);
    // A value of the right form that is not the one committed to.
    let sealing = crate::vault::Sealing::new(&[("output", b"ho")]).unwrap();
    live.vault().put(2, &sealing).unwrap();
    drop(live);
    // A signature of another record, in a frame whose checksum holds.
    let key = OperatorKey::load(&home).unwrap();
    let reader = LogReader::open(&home).unwrap();
    let mut bytes = std::fs::read(segment(&home)).unwrap()[..20].to_vec();
    for entry in reader.entries(0..3) {
        let entry = entry.unwrap();
        let signature = if entry.index == 1 { key.sign_record(log, 1, RecordDigest([0; 64])).unwrap() } else { entry.signature };
        crate::segment::write_frame(&mut bytes, 20, &entry.record, &signature);
    }
    std::fs::write(segment(&home), bytes).unwrap();
    let report = fsck(&home, &mut |_| {}).unwrap();
    assert!(matches!(&report.findings[..], [Finding::Signature { index: 1 }, Finding::Opening { index: 2, label }] if label == "output"), "{report:?}");
    assert_eq!(report.signatures, 2);
}

#[test]
fn what_cannot_be_a_record_is_refused_and_nothing_is_written() {
    let (_folder, home) = new_home();
    let mut writer = writer(&home).unwrap();
    let len = std::fs::metadata(segment(&home)).unwrap().len();
    let twice = heartbeat().fact("a", Fact::Uint(1)).fact("a", Fact::Uint(2));
    let later = heartbeat().cause(1, RecordDigest([0; 64]));
    let long = heartbeat().fact("a", Fact::Bytes(vec![0; 61_440].into()));
    let unsigned = Draft { mode: Mode::Sealed, ..intent() };
    for draft in [twice, later, long, unsigned] {
        assert!(matches!(writer.append(draft), Err(Error::Misuse(Misuse::Draft(_)))));
    }
    for kind in [Kind::Genesis, Kind::Seal] {
        assert!(matches!(writer.append(Draft { kind, ..heartbeat() }), Err(Error::Misuse(Misuse::Kind(_)))));
    }
    let outcome = Draft { kind: Kind::Outcome, closes: Some((RecordDigest([1; 64]), OutcomeCode::Executed)), ..heartbeat() };
    assert!(matches!(writer.append(outcome), Err(Error::Misuse(Misuse::NotOpen))));
    assert!(matches!(writer.append_intent(heartbeat(), &[]), Err(Error::Misuse(Misuse::Kind(Kind::Heartbeat)))));
    assert!(matches!(writer.append_all(Vec::new()), Err(Error::Misuse(Misuse::BatchCount(0)))));
    assert_eq!(std::fs::metadata(segment(&home)).unwrap().len(), len);
    // A log does not end while an act is open.
    let terminal = || Draft { kind: Kind::Terminal, ..heartbeat() };
    let permit = writer.append_intent(intent(), &[]).unwrap();
    assert!(matches!(writer.append(terminal()), Err(Error::Misuse(Misuse::Kind(Kind::Terminal)))));
    let act = writer.begin(permit).unwrap();
    writer.close(act, OutcomeCode::NotAttempted, Vec::new(), &[]).unwrap();
    writer.append(terminal()).unwrap();
    assert!(matches!(writer.append(heartbeat()), Err(Error::Misuse(Misuse::Closed))));
    drop(writer);
    let mut again = sized_writer(&home, 20_000).unwrap();
    assert!(matches!(again.append(heartbeat()), Err(Error::Misuse(Misuse::Closed))));
}

#[test]
fn a_permit_is_for_one_log() {
    let (_folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let (_other_folder, other_home) = new_home();
    let mut other = writer(&other_home).unwrap();
    let permit = log.append_intent(intent(), &[]).unwrap();
    assert!(matches!(other.begin(permit), Err(Error::Misuse(Misuse::PermitForeign))));
    let permit = log.append_intent(intent(), &[]).unwrap();
    let act = log.begin(permit).unwrap();
    assert!(matches!(other.close(act, OutcomeCode::Executed, Vec::new(), &[]), Err(Error::Misuse(Misuse::PermitForeign))));
    assert_eq!((log.open_intents().len(), other.size()), (2, 1));
    assert!(matches!(writer(&home), Err(Error::Locked { holder: Some(_), .. })));
}

/// To the last nanosecond it begins; after it the log says that it ran out, and the act does not run.
#[test]
fn a_permit_does_not_outlive_its_deadline() {
    let (_folder, home) = new_home();
    let clock = StillClock::default();
    let mut writer = LogWriter::open_with(&home, AUTHORITY, Box::new(clock.clone()), Duration::ZERO).unwrap();
    for (late_ns, is_in_time) in [(0, true), (1, false)] {
        let permit = writer.append_intent(intent(), &[]).unwrap();
        let digest = permit.digest();
        clock.monotonic_ns.store(permit.deadline_ns() + late_ns, Ordering::Relaxed);
        let begun = writer.begin(permit);
        if let (true, Ok(act)) = (is_in_time, &begun) {
            assert_eq!(act.intent().digest, digest);
            continue;
        }
        assert!(matches!(begun, Err(Error::Misuse(Misuse::PermitExpired))), "{late_ns}");
        let entry = LogReader::open(&home).unwrap().entry(writer.size() - 1).unwrap().unwrap();
        assert_eq!(entry.decode().unwrap().closes, Some((digest, OutcomeCode::TimedOut)));
        assert_eq!(entry.decode().unwrap().action, "generate");
    }
    assert_eq!(writer.open_intents().len(), 1, "an act that is never closed stays open");
}

/// When the log can no longer be written there is no permit, and a permit from before begins nothing that could be closed.
#[test]
fn a_log_that_failed_gives_no_right_to_act() {
    let (_folder, home) = new_home();
    let mut log = sized_writer(&home, 20_000).unwrap();
    let (permit, act) = (log.append_intent(intent(), &[]).unwrap(), log.append_intent(intent(), &[]).unwrap());
    let act = log.begin(act).unwrap();
    while log.append(heartbeat()).is_ok() {
        // The folder is gone when the next segment is due: no file can be made in it.
        let _ = std::fs::remove_dir_all(home.log_path());
    }
    assert!(matches!(log.append_intent(intent(), &[]), Err(Error::Poisoned)));
    assert!(matches!(log.close(act, OutcomeCode::Executed, Vec::new(), &[]), Err(Error::Poisoned)));
    assert!(matches!(log.begin(permit), Err(Error::Poisoned)), "an intent that could not get an outcome is not begun");
}

#[test]
fn a_long_log_signs_its_head_by_itself() {
    let (_folder, home) = new_home();
    let mut writer = writer(&home).unwrap();
    writer.append_all((0..1_024).map(|_| sealed()).collect()).unwrap();
    writer.append(heartbeat()).unwrap();
    // The thread that keeps checkpoints is the one that answers: whatever came before is kept by now.
    writer.append(heartbeat()).unwrap();
    // Genesis, the sealed ones, and their seal.
    let note = std::fs::read(home.checkpoint_path()).unwrap();
    assert_eq!(Note::parse(&note).unwrap().checkpoint.size, 1_026);
    assert_eq!(assert_sound(&home, 1_028).checkpoint, Some(1_026));
}

fn sealed() -> Draft {
    Draft { mode: Mode::Sealed, ..heartbeat() }
}

fn kinds(home: &Home) -> Vec<Kind> {
    let reader = LogReader::open(home).unwrap();
    reader.entries(0..u64::MAX).map(|entry| entry.unwrap().decode().unwrap().kind).collect()
}

/// Before a checkpoint, at the end, after a crash, before a terminal record, and after so many: each seal names what came before, and a stranger agrees.
#[test]
fn what_is_sealed_has_its_seal_whatever_happens() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    live.append_all(vec![sealed(), heartbeat(), sealed()]).unwrap();
    live.checkpoint().unwrap();
    live.checkpoint().unwrap();
    live.append(sealed()).unwrap();
    drop(live);
    let mut live = writer(&home).unwrap();
    live.append(sealed()).unwrap();
    let (_copy_folder, copy) = killed(&home);
    live.append(Draft { kind: Kind::Terminal, ..heartbeat() }).unwrap();
    let note = live.checkpoint().unwrap();
    assert_eq!(Note::parse(note.as_bytes()).unwrap().checkpoint.size, 10);
    drop(live);
    let name = |kind: &Kind| kind.name();
    assert_eq!(kinds(&home).iter().map(name).collect::<Vec<_>>().join(" "), "genesis heartbeat heartbeat heartbeat seal heartbeat seal heartbeat seal terminal");
    assert_eq!(assert_sound(&home, 10).signatures, 6);
    assert_eq!(verdict(&home).word, mickai_proof::verify::Word::Verified);
    // The copy was killed with one unsealed.
    drop(writer(&copy).unwrap());
    assert_eq!(kinds(&copy)[7..], [Kind::Heartbeat, Kind::Seal]);
    assert_sound(&copy, 9);

    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    for _ in 0..9 {
        live.append_all((0..1_000).map(|_| sealed()).collect()).unwrap();
        live.append(heartbeat()).unwrap();
    }
    live.checkpoint().unwrap();
    let seals: Vec<_> = (0..).zip(kinds(&home)).filter(|(_, kind)| *kind == Kind::Seal).map(|(index, _): (u64, _)| index).collect();
    assert!(seals.len() >= 3 && seals.windows(2).all(|pair| pair[1] - pair[0] <= 4_096 + 6), "{seals:?}");
    assert_sound(&home, live.size());
    assert_eq!(verdict(&home).word, mickai_proof::verify::Word::Verified);
}

/// With no patience at all the keeper seals by itself; nobody appends or asks.
#[test]
fn the_keeper_seals_what_waits_too_long() {
    let (_folder, home) = new_home();
    let options = Options { seal_after: Some(Duration::ZERO), ..crate::testing::still() };
    let mut live = LogWriter::open_options(&home, AUTHORITY, Box::new(StillClock::default()), options).unwrap();
    live.append(sealed()).unwrap();
    live.appender().inner().line.wait_durable(3).unwrap();
    assert_eq!(kinds(&home), [Kind::Genesis, Kind::Heartbeat, Kind::Seal]);
}

/// A seal that could not be made and harmed nothing is made later, though nobody appends or asks.
#[test]
fn the_keeper_tries_again_what_failed_without_harm() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    live.append(sealed()).unwrap();
    let appender = live.appender();
    let shared = appender.inner();
    // Whoever seals for the first time reads the signatures before it from the log, which is not there to be read.
    let away = home.path().join("log.away");
    std::fs::rename(home.log_path(), &away).unwrap();
    seal_overdue(shared, Duration::ZERO);
    std::fs::rename(&away, home.log_path()).unwrap();
    assert_eq!(kinds(&home), [Kind::Genesis, Kind::Heartbeat]);
    assert!(shared.keeper.wait());
    seal_overdue(shared, Duration::ZERO);
    shared.line.wait_durable(3).unwrap();
    assert_eq!(kinds(&home), [Kind::Genesis, Kind::Heartbeat, Kind::Seal]);
}

/// A thread that dies with a batch in its hands: whoever waits for it hears that nothing is known.
#[test]
fn a_batch_that_is_dropped_unanswered_is_answered() {
    let (_folder, home) = new_home();
    let line = Line::new(0, Duration::ZERO);
    let appended = Appended { index: 0, digest: RecordDigest([0; 64]) };
    let placed = vec![Placed { record: vec![0], appended, mode: Mode::Sealed, is_seal: false }];
    let key = Arc::new(OperatorKey::load(&home).unwrap());
    let (_, ticket) = line.enter(Entering { placed, key, is_urgent: true, has_values: false, plan: None }).unwrap();
    drop(line.next_batch().unwrap());
    assert!(matches!(ticket.wait(), Err(Error::Poisoned)));
}

#[test]
fn many_callers_append_at_once_and_each_is_answered_with_its_own_place() {
    let (_folder, home) = new_home();
    let options = Options { segment_bytes_max: 200_000, ..crate::testing::still() };
    let live = LogWriter::open_options(&home, AUTHORITY, Box::new(StillClock::default()), options).unwrap();
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let appender = live.appender();
            std::thread::spawn(move || {
                let mut places = Vec::new();
                for turn in 0..24_u64 {
                    let draft = heartbeat().fact("caller", Fact::Uint(caller)).fact("turn", Fact::Uint(turn));
                    match turn % 4 {
                        0 => places.push((appender.append(draft).unwrap(), turn)),
                        1 => places.extend(appender.append_all(vec![Draft { mode: Mode::Sealed, ..draft.clone() }, draft]).unwrap().into_iter().map(|place| (place, turn))),
                        2 => places.push((appender.append_with(draft, &[("note", b"kept")]).unwrap(), turn)),
                        _ => {
                            let draft = intent().fact("caller", Fact::Uint(caller)).fact("turn", Fact::Uint(turn));
                            let permit = appender.append_intent(draft, &[]).unwrap();
                            let intent = Appended { index: permit.index(), digest: permit.digest() };
                            appender.close(appender.begin(permit).unwrap(), OutcomeCode::Executed, Vec::new(), &[]).unwrap();
                            places.push((intent, turn));
                        }
                    }
                }
                places
            })
        })
        .collect();
    let places: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let reader = LogReader::open(&home).unwrap();
    for (caller, places) in (0..).zip(places) {
        assert!(places.windows(2).all(|pair| pair[0].0.index < pair[1].0.index));
        for (place, turn) in places {
            let entry = reader.entry(place.index).unwrap().unwrap();
            let record = entry.decode().unwrap();
            assert_eq!(entry.digest(), place.digest);
            assert_eq!((record.fact("caller"), record.fact("turn")), (Some(&Fact::Uint(caller)), Some(&Fact::Uint(turn))));
        }
    }
    let size = live.size();
    let appender = live.appender();
    drop(live);
    assert!(matches!(writer(&home), Err(Error::Locked { .. })), "a handle holds the lock");
    drop(appender);
    // More than 8 × 6 × (1 + 2 + 1 + 2): genesis and seals too.
    assert!(size > 8 * 6 * 6);
    assert_sound(&home, writer(&home).unwrap().size());
}

/// A seal whose digest of signatures is another is found by the check and by a stranger, though its own signature is good.
#[test]
fn a_seal_over_other_signatures_is_found() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    live.append_all(vec![heartbeat(), sealed()]).unwrap();
    live.checkpoint().unwrap();
    let log = live.log_id();
    drop(live);
    // Another valid signature of record 1: signing is hedged.
    let key = OperatorKey::load(&home).unwrap();
    let reader = LogReader::open(&home).unwrap();
    let mut bytes = std::fs::read(segment(&home)).unwrap()[..20].to_vec();
    for entry in reader.entries(0..4) {
        let entry = entry.unwrap();
        let signature = if entry.index == 1 { key.sign_record(log, 1, entry.digest()).unwrap() } else { entry.signature };
        crate::segment::write_frame(&mut bytes, 20, &entry.record, &signature);
    }
    std::fs::write(segment(&home), bytes).unwrap();
    let report = fsck(&home, &mut |_| {}).unwrap();
    assert!(matches!(report.findings[..], [Finding::Seal { index: 3 }]), "{report:?}");
    assert_eq!(verdict(&home).failure.map(|failure| failure.reason), Some(mickai_proof::verify::Reason::Seal));
}
