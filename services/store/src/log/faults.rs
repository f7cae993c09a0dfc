//! Disks that fail, processes that die and power that is cut: what was acknowledged is there afterwards, and a permit means a durable intent.
//!
//! Signatures are made by the real library with a fresh key for each run; what makes ten thousand starts quick is that no fsync reaches a real disk.

use super::{Appended, Appender, Draft, LogReader, LogWriter, Options, fsck};
use crate::disk::faulty::{Choices, Fault, Faulty, Volatile, mount};
use crate::error::Error;
use crate::home::Home;
use crate::keys::committed_keys;
use crate::testing::{AUTHORITY, StillClock, heartbeat, intent, memory_folder, still};
use mickai_proof::record::{Mode, OutcomeCode};
use std::path::Path;
use tempfile::TempDir;

/// Power cuts and kills that are tried.
const CRASH_POINTS: usize = 10_000;
/// Different lives of a log that they cut.
const LIVES: u64 = 20;
/// A segment for a few records, so that every life begins several.
const SEGMENT_BYTES_MAX: u64 = 12_000;

fn open(home: &Home) -> Result<LogWriter, Error> {
    LogWriter::open_options(home, AUTHORITY, Box::new(StillClock::default()), Options { segment_bytes_max: SEGMENT_BYTES_MAX, signer_count: 1, ..still() })
}

/// What callers were told, each with the number of changes that the disk had seen by then, and the label of the value that was kept with it.
#[derive(Default)]
struct Told {
    records: Vec<One>,
}

type One = (usize, Appended, Option<&'static str>);

/// The life of a log: first run, records of all sorts, at least one rotation, two orderly ends. Ends at the first error.
struct Life<'a> {
    disk: &'a Faulty,
    told: Told,
}

impl Life<'_> {
    fn tell(&mut self, appended: Appended, label: Option<&'static str>) {
        self.told.records.push((self.disk.now(), appended, label));
    }

    fn live(&mut self, root: &Path, choices: &mut Choices) -> Result<(), Error> {
        let home = Home::open_or_create(&root.join("home"))?;
        for start in 0..2 {
            let mut writer = open(&home)?;
            writer.recovered().iter().for_each(|appended| self.tell(*appended, None));
            for turn in 0..4 + choices.below(4) {
                let done = if (start, turn) == (0, 2) { self.rotate(&mut writer) } else { self.act(&mut writer, choices) };
                if let Err(error) = done {
                    // Whoever goes on after a failed append is refused; a checkpoint or a key file that failed harms nothing.
                    if writer.append(heartbeat()).is_err() {
                        assert!(matches!(writer.append(heartbeat()), Err(Error::Poisoned)));
                        assert!(matches!(writer.append_intent(intent(), &[]), Err(Error::Poisoned)));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Another key takes over: every life has one that does.
    fn rotate(&mut self, writer: &mut LogWriter) -> Result<(), Error> {
        writer.rotate_key(AUTHORITY, None).map(|rotated| self.tell(rotated.appended, None))
    }

    fn act(&mut self, writer: &mut LogWriter, choices: &mut Choices) -> Result<(), Error> {
        let sealed = || Draft { mode: Mode::Sealed, ..heartbeat() };
        match choices.below(9) {
            0 => writer.append(heartbeat()).map(|appended| self.tell(appended, None)),
            1 => writer.append(sealed()).map(|appended| self.tell(appended, None)),
            2 => writer.append_all(vec![sealed(), heartbeat(), sealed()]).map(|all| all.into_iter().for_each(|appended| self.tell(appended, None))),
            3 => writer.append_with(heartbeat(), &[("note", b"kept")]).map(|appended| self.tell(appended, Some("note"))),
            4 => writer.checkpoint().map(drop),
            5 => self.crowd(writer),
            6 => self.rotate(writer),
            _ => {
                let permit = writer.append_intent(intent(), &[("prompt", b"hello")])?;
                self.tell(Appended { index: permit.index(), digest: permit.digest() }, Some("prompt"));
                if choices.below(3) == 0 {
                    return Ok(());
                }
                let act = writer.begin(permit)?;
                writer.close(act, OutcomeCode::Executed, Vec::new(), &[("output", b"hi")]).map(|appended| self.tell(appended, Some("output")))
            }
        }
    }
}

impl Life<'_> {
    /// Three callers at once, so that groups of several share a write, and some wait for their values while others are ready.
    fn crowd(&mut self, writer: &LogWriter) -> Result<(), Error> {
        let disk = self.disk;
        let call = |appender: Appender, caller: u32| -> (Vec<One>, Result<(), Error>) {
            let mut told = Vec::new();
            let mut run = || {
                for turn in 0..2 {
                    let sealed = Draft { mode: Mode::Sealed, ..heartbeat() };
                    let (appended, label) = match (caller + turn) % 3 {
                        0 => (appender.append_all(vec![heartbeat(), sealed])?, None),
                        1 => (vec![appender.append_with(heartbeat(), &[("note", b"kept")])?], Some("note")),
                        _ => {
                            let permit = appender.append_intent(intent(), &[("prompt", b"hello")])?;
                            (vec![Appended { index: permit.index(), digest: permit.digest() }], Some("prompt"))
                        }
                    };
                    let now = disk.now();
                    told.extend(appended.into_iter().map(|appended| (now, appended, label)));
                }
                Ok(())
            };
            let ended = run();
            (told, ended)
        };
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..3).map(|caller| (writer.appender(), caller)).map(|(appender, caller)| scope.spawn(move || call(appender, caller))).collect();
            let mut all = Ok(());
            for caller in callers {
                let (told, ended) = caller.join().unwrap();
                self.told.records.extend(told);
                all = all.and(ended);
            }
            all
        })
    }
}

/// A start on a healthy disk: all that was told by then is there, in its place, and the log goes on. `is_thorough`: it is also checked from end to end, and opened once more.
fn check(root: &Path, told: &Told, at: usize, is_thorough: bool, what: &dyn std::fmt::Debug) {
    let _disk = mount(root, false);
    let home = Home::open_or_create(&root.join("home")).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let mut writer = open(&home).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert!(writer.open_intents().is_empty());
    let account = writer.keys();
    assert_eq!((account.in_force(), account.committed()), (Some(writer.key().public()), committed_keys(&home).ok()), "{what:?}: the key files are those that the log names");
    for name in ["keys/operator.p8.next", "recovery.mickai.next", "keys/.operator.p8.tmp", "keys/.operator.p8.next.tmp", ".recovery.mickai.tmp", ".recovery.mickai.next.tmp"] {
        assert!(!home.path().join(name).exists(), "{what:?}: nothing waits beside them: {name}");
    }
    let reader = LogReader::open(&home).unwrap();
    for (_, appended, label) in told.records.iter().filter(|(time, ..)| *time <= at) {
        let entry = reader.entry(appended.index).unwrap();
        assert_eq!(entry.map(|entry| entry.digest()), Some(appended.digest), "{what:?}: record {}", appended.index);
        if let Some(label) = label {
            assert!(writer.vault().get(appended.index, label).unwrap().is_some(), "{what:?}: the {label} of record {}", appended.index);
        }
    }
    if is_thorough {
        writer.append_with(heartbeat(), &[("note", b"after")]).unwrap();
        drop(writer);
        let report = fsck(&home, &mut |_| {}).unwrap();
        assert!(report.is_clean(), "{what:?}: {:?}", report.findings);
        // No value was erased, so every commitment in the log opens, told or not.
        assert_eq!((report.open_intents.len(), report.torn, report.unopened), (0, None, 0), "{what:?}");
        drop(open(&home).unwrap());
    }
}

/// Every call by turn, each with every fault; then a start on what a kill and what a power cut leave.
#[test]
fn whichever_call_fails_nothing_acknowledged_is_lost() {
    for fault in [Fault::Io, Fault::NoSpace, Fault::Short, Fault::Death] {
        let mut call = 0;
        loop {
            let folder = memory_folder();
            let mounted = mount(folder.path(), true);
            mounted.0.plan(call, fault);
            let mut life = Life { disk: &mounted.0, told: Told::default() };
            let ended = life.live(folder.path(), &mut Choices(11));
            let told = life.told;
            if !mounted.0.is_done() {
                assert!(ended.is_ok() && call > 100, "{ended:?} after {call} calls");
                break;
            }
            if fault == Fault::Short {
                assert!(ended.is_ok(), "a short write is continued: {ended:?}");
            }
            let at = mounted.0.now();
            let (mut state, events) = mounted.0.history();
            drop(mounted);
            check(folder.path(), &told, at, true, &(fault, call, "killed"));
            events.iter().for_each(|event| state.apply(event));
            let cut = image(&state.cut_off(&mut Choices(call)));
            check(cut.path(), &told, at, false, &(fault, call, "power cut"));
            call += 1;
        }
    }
}

fn image(state: &Volatile) -> TempDir {
    let folder = memory_folder();
    state.write_to(folder.path());
    folder
}

/// Ten thousand moments in the lives of twenty logs: half of them kills, half of them power cuts that keep any subset of what was not synced, in any order.
#[test]
fn ten_thousand_crash_points() {
    let check_life = |life: u64| {
        let folder = memory_folder();
        let mounted = mount(folder.path(), true);
        let mut choices = Choices(life);
        let mut lived = Life { disk: &mounted.0, told: Told::default() };
        lived.live(folder.path(), &mut choices).unwrap();
        let told = lived.told;
        let (mut state, events) = mounted.0.history();
        drop(mounted);
        let mut moments: Vec<usize> = (0..CRASH_POINTS / LIVES as usize).map(|_| choices.below(events.len() + 1)).collect();
        moments.sort_unstable();
        let mut seen = 0;
        for (number, at) in moments.into_iter().enumerate() {
            events[seen..at].iter().for_each(|event| state.apply(event));
            seen = at;
            let found = if number % 2 == 0 { state.clone().killed() } else { state.clone().cut_off(&mut choices) };
            let folder = image(&found);
            check(folder.path(), &told, at, number % 16 < 2, &(life, at, number));
        }
    };
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || (0..LIVES).filter(|life| life % 2 == half).for_each(check_life));
        }
    });
}
