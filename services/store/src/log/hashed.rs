//! Segments read, scanned and hashed by other threads, ahead of the one that goes through their records in order: nothing of that depends on what was before.

use super::digest;
use crate::error::Error;
use crate::segment::{self, Mark, Scan, SegmentFile};
use mickai_proof::digest::{RecordDigest, TreeHash};
use mickai_proof::merkle;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::available_parallelism;

/// Records below which a second thread costs more than it saves.
const SHARE_RECORDS_MIN: usize = 512;
/// Segments that wait to be gone through, beside the one that is being made: each may be large.
const WAITING_MAX: usize = 1;

/// A segment as its file has it.
pub(super) struct HashedSegment {
    /// Of its first record, by its header.
    pub first_index: u64,
    pub bytes: Vec<u8>,
    pub scan: Scan,
    /// Of the record of each frame.
    pub hashes: Vec<Hashes>,
}

/// What a record's bytes come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub digest: RecordDigest,
    pub leaf: TreeHash,
}

impl Hashes {
    pub fn of(record: &[u8]) -> Self {
        Self { digest: digest::of_record(record), leaf: merkle::leaf(record) }
    }
}

/// Prepares segments in order while `work` takes them, one by one; of the first that fails, the error, and then no more.
pub(super) fn with_hashed<T>(files: &[SegmentFile], mark: Option<Mark>, work: impl FnOnce(&Receiver<Result<HashedSegment, Error>>) -> T) -> T {
    let (send, receive) = sync_channel(WAITING_MAX);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for file in files {
                let prepared = hash_segment(file, mark);
                let is_last = prepared.is_err();
                // Whoever has met damage takes no more.
                if send.send(prepared).is_err() || is_last {
                    return;
                }
            }
        });
        let done = work(&receive);
        drop(receive);
        done
    })
}

fn hash_segment(file: &SegmentFile, mark: Option<Mark>) -> Result<HashedSegment, Error> {
    let (first_index, bytes) = file.read_whole()?;
    let scan = segment::scan(&bytes, segment::HEADER_LEN, segment::synced_of(mark, file));
    let share = scan.frames.len().div_ceil(available_parallelism().map_or(1, usize::from)).max(SHARE_RECORDS_MIN);
    let mut hashes = Vec::with_capacity(scan.frames.len());
    std::thread::scope(|scope| {
        let hash = |frames: &[segment::Frame]| frames.iter().map(|frame| Hashes::of(slice(&bytes, &frame.record()))).collect::<Vec<_>>();
        let mut shares = scan.frames.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|frames| scope.spawn(move || hash(frames))).collect();
        hashes.extend(hash(first));
        for other in others {
            hashes.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    Ok(HashedSegment { first_index, bytes, scan, hashes })
}

/// A frame that was scanned lies inside the bytes that were scanned.
pub(super) fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let to_usize = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    bytes.get(to_usize(range.start)..to_usize(range.end)).unwrap_or_default()
}
