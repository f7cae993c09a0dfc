//! Frames are whole after a sync, and a failed sync ends the writer.

use super::*;
use crate::segment::{Tail, scan};

const MAX: u64 = 1_000;

fn entry(record: &[u8]) -> Entry<'_> {
    Entry { record, signature: b"signature" }
}

#[test]
fn batches_follow_each_other_and_say_what_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::open(folder.path(), None, MAX).unwrap();
    writer.append(&[entry(b"one")]).unwrap();
    writer.append(&[entry(b"two"), entry(b"three")]).unwrap();
    let bytes = std::fs::read(folder::path(folder.path(), 0)).unwrap();
    let scan = scan(&bytes, HEADER_LEN, bytes.len() as u64);
    assert_eq!(scan.tail, Tail::Clean);
    assert_eq!(scan.frames.iter().map(|frame| frame.synced).collect::<Vec<_>>(), [20, 56, 56]);
    assert_eq!(folder::read_mark(folder.path()).unwrap(), Some(Mark { number: 0, synced: bytes.len() as u64 }));
}

#[test]
fn a_full_segment_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::open(folder.path(), None, MAX).unwrap();
    for _ in 0..5 {
        writer.append(&[entry(&[7; 400])]).unwrap();
    }
    // A batch larger than a segment still goes into one.
    writer.append(&[entry(&[8; 900]), entry(&[9; 900])]).unwrap();
    let files = folder::list(folder.path()).unwrap();
    assert_eq!(files.len(), 4);
    for (file, first_index) in files.iter().zip([0, 2, 4, 5]) {
        file.read(first_index).unwrap();
    }
}

/// `/dev/null` takes every write and refuses fsync.
#[test]
fn after_a_failed_fsync_nothing_is_written_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::open(folder.path(), None, MAX).unwrap();
    writer.append(&[entry(b"one")]).unwrap();
    let good = std::mem::replace(&mut writer.file, open_segment(Path::new("/dev/null")).unwrap());
    assert!(matches!(writer.append(&[entry(b"two")]), Err(Error::Io { doing: "fsync", .. })));
    writer.file = good;
    assert!(matches!(writer.append(&[entry(b"three")]), Err(Error::Poisoned)));
    assert_eq!(std::fs::read(folder::path(folder.path(), 0)).unwrap().len(), 56);
}

/// `/dev/full` answers every write as a full disk does.
#[test]
fn a_full_disk_is_said_plainly_and_ends_the_writing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::open(folder.path(), None, MAX).unwrap();
    writer.file = open_segment(Path::new("/dev/full")).unwrap();
    let error = writer.append(&[entry(b"one")]).unwrap_err();
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(matches!(writer.append(&[entry(b"one")]), Err(Error::Poisoned)));
}

#[test]
fn a_torn_tail_is_cut_before_anything_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::open(folder.path(), None, MAX).unwrap();
    writer.append(&[entry(b"one")]).unwrap();
    drop(writer);
    let path = folder::path(folder.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len() as u64;
    bytes.extend([0x6f; 500]);
    std::fs::write(&path, &bytes).unwrap();
    let mut writer = SegmentWriter::open(folder.path(), Some(Resume { number: 0, end, next_index: 1 }), MAX).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), end);
    writer.append(&[entry(b"two")]).unwrap();
    assert_eq!(scan(&std::fs::read(&path).unwrap(), HEADER_LEN, 0).frames.len(), 2);
}
