//! What the tests of several modules share: homes in temporary folders, a clock that stands still, copies of a home as a crash would leave it.

use crate::clock::Clock;
use crate::home::Home;
use crate::keys::OperatorKey;
use crate::log::{Draft, LogReader, LogWriter, Options, Running, key_account};
use crate::{Error, limits};
use mickai_proof::bundle;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_proof::verify::{Policy, Reference, TrustedKey, Verdict, verify};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const AUTHORITY: (Id, u64) = (Id([7; 32]), 1);

/// A clock that moves only when it is told to.
#[derive(Clone, Default)]
pub(crate) struct StillClock {
    pub(crate) monotonic_ns: Arc<AtomicU64>,
}

impl Clock for StillClock {
    fn wall_ms(&self) -> u64 {
        1_795_420_800_000
    }

    fn boot_id(&self) -> Id {
        Id::of_boot("00000000-0000-4000-8000-000000000000")
    }

    fn monotonic_ns(&self) -> u64 {
        self.monotonic_ns.load(Ordering::Relaxed)
    }
}

/// A new folder, in memory where the system has such a place: tests that never wait for a disk make thousands of them.
pub(crate) fn memory_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A new home; it goes when the folder is dropped.
pub(crate) fn new_home() -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(&folder.path().join("home")).unwrap();
    (folder, home)
}

/// A copy of a home, byte for byte: what is left if the process is killed now.
pub(crate) fn killed(home: &Home) -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("home");
    copy_tree(home.path(), &copy);
    (folder, Home::open(&copy).unwrap())
}

/// All of a folder, under a name that nothing has yet.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn writer(home: &Home) -> Result<LogWriter, Error> {
    sized_writer(home, limits::SEGMENT_BYTES_MAX)
}

pub(crate) fn sized_writer(home: &Home, segment_bytes_max: u64) -> Result<LogWriter, Error> {
    LogWriter::open_options(home, AUTHORITY, Box::new(StillClock::default()), Options { segment_bytes_max, ..still() })
}

/// Nothing that depends on time.
pub(crate) fn still() -> Options {
    Options { wait: Duration::ZERO, seal_after: None, group_wait: Duration::ZERO, signer_count: 2, ..Options::default() }
}

pub(crate) fn intent() -> Draft {
    Draft::new(Kind::Intent, (ActorClass::System, Id::ZERO), AUTHORITY, "generate").fact("seed", Fact::Uint(11))
}

/// An act that may be performed, on a log that is gone when this returns.
pub(crate) fn running() -> Running {
    let (_folder, home) = new_home();
    let mut writer = writer(&home).unwrap();
    let permit = writer.append_intent(intent(), &[]).unwrap();
    writer.begin(permit).unwrap()
}

/// What a stranger who knows the key says of the whole log, with the newest own checkpoint as the one they kept.
pub(crate) fn verdict(home: &Home) -> Verdict {
    let reader = LogReader::open(home).unwrap();
    let note = std::fs::read_to_string(home.checkpoint_path()).unwrap();
    let size = Note::parse(note.as_bytes()).unwrap().checkpoint.size;
    let (log, account) = key_account(home).unwrap().unwrap();
    let mut bundle = bundle::Writer::new(bundle::Header { log, first: 0, count: size }, account.keys_within(size), &[], &[]);
    reader.entries(0..size).map(Result::unwrap).for_each(|entry| bundle.push(entry.record, entry.signature, Vec::new()));
    let key = TrustedKey::Id(OperatorKey::public_of(home).unwrap().id());
    let policy = Policy { references: vec![Reference::parse(note.as_bytes()).unwrap()], keys: vec![key], ..Policy::default() };
    verify(&bundle.finish(&[], &note), policy).unwrap()
}

pub(crate) fn heartbeat() -> Draft {
    Draft::new(Kind::Heartbeat, (ActorClass::System, Id::ZERO), AUTHORITY, "heartbeat")
}
