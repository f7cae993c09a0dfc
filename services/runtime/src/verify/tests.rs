//! The log's verdict is the same by lanes and many threads as by the library and none, whatever is wrong with the log.

use super::*;
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Kind, Mode};
use mickai_proof::verify::{Reason, Word};
use mickai_store::{Custody, Draft, LogWriter};

const AUTHORITY: (Id, u64) = (Id([7; 32]), 1);
const RECORDS: u64 = 40;

fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 3, Custody::default()).unwrap();
    let mut log = LogWriter::open(system.home(), AUTHORITY).unwrap();
    let mut draft = Draft::new(Kind::Heartbeat, (ActorClass::System, Id::ZERO), AUTHORITY, "heartbeat");
    log.append_all((2..RECORDS).map(|_| draft.clone()).collect()).unwrap();
    draft.mode = Mode::Sealed;
    log.append(draft).unwrap();
    drop(log);
    (folder, system)
}

/// CRC32C (RFC 3720), a bit at a time.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |sum: u32, byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 }))
}

/// Flips a bit of the signature of one record on disk, and mends its frame's checksum.
fn spoil(system: &System, index: usize) {
    let path = system.home().log_path().join("00000000.seg");
    let mut segment = std::fs::read(&path).unwrap();
    let starts: Vec<usize> = segment.windows(4).enumerate().filter(|(_, window)| *window == b"oar\x01").map(|(at, _)| at).collect();
    let (start, end) = (starts[index], starts[index + 1]);
    segment[end - 1_000] ^= 4;
    let sum = crc32c(segment[start..start + 20].iter().chain(&segment[start + 24..end]).copied());
    segment[start + 20..start + 24].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, segment).unwrap();
}

#[test]
fn lanes_and_threads_say_what_the_library_says() {
    let (_folder, system) = home();
    let both = |selection: &Selection| {
        let by_lanes = system.verify_selection(selection, Policy::default()).unwrap();
        assert_eq!(system.verify_by(Engine::library(), selection, Policy::default()).unwrap().to_json(), by_lanes.to_json());
        by_lanes
    };
    assert_eq!(both(&Selection::All).word, Word::Stale);
    assert_eq!(both(&Selection::All).scope.last, Some(RECORDS));
    assert_eq!(both(&Selection::One(7)).axes.get(Axis::Authenticity).name(), "pass");
    for index in [29, 7] {
        spoil(&system, index);
        let verdict = both(&Selection::All);
        assert_eq!((verdict.word, verdict.reason, verdict.index()), (Word::Invalid, Some(Reason::Signature), Some(index as u64)));
    }
    assert_eq!(system.disagreements(), 0);
}

#[test]
fn a_checkpoint_that_cannot_be_signed_leaves_no_file() {
    let (folder, system) = home();
    let (path, segment) = (folder.path().join("pin"), system.home().log_path().join("00000000.seg"));
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..10]).unwrap();
    assert!(system.write_checkpoint(&path).is_err() && !path.exists());
    std::fs::write(&segment, bytes).unwrap();
    let note = system.write_checkpoint(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), note);
    assert!(matches!(system.write_checkpoint(&path), Err(Error::FileExists(_))));
}
