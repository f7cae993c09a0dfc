//! Finds the frames of a segment and says what its end means: whole, torn by a crash, or damaged.
//!
//! A writer appends a batch of frames with one write and one fsync, then puts the new length into the mark file (`log/synced`, not synced itself). Every frame says how much was synced when
//! it was written. What a segment may look like after a crash or worse, and what it means:
//!
//! | found | meaning | so |
//! |---|---|---|
//! | frames up to the end | nothing happened, or a crash between batches | go on |
//! | a defect; no valid frame after it; mark below or at it, or no mark | the last batch was being written, nobody was told of it | cut at the defect |
//! | a defect; valid frames after it whose `synced` is at most the defect's offset | the last batch reached the disk out of order | cut at the defect |
//! | a defect; a later valid frame whose `synced` is above its offset | it was durable once | damage |
//! | a defect; the mark is above its offset | it was durable once | damage |
//! | frames up to the end, which is below the mark | synced frames are gone | damage |
//! | any defect in a segment that is not the last | it was synced before the next began | damage |
//! | a header alone | a new segment was begun, then a crash | go on |
//!
//! A mark that is absent, or does not read, is worth nothing: then only frames speak. After a power cut it may be older than the frames, never newer. Whoever deletes it, or writes an older
//! one, gains that damage in the last batch looks torn, and that batches cut off the end look never written. A writer's start and `fsck` refuse that as far as the newest own checkpoint
//! reaches (made at the first start, whenever one is asked for, and by the store itself with the first append after 1,024 records without one, at most once a second; a reader does not ask it).
//! Acknowledged records after it can be taken away so, and nothing here notices; nor where an older checkpoint was put back too. A checkpoint that somebody else keeps notices both.

use super::frame::{self, Frame};
use std::ops::Range;

/// What a segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Its whole, valid frames, from the front to the first defect.
    pub(crate) frames: Vec<Frame>,
    /// The offset after the last of them.
    pub(crate) end: u64,
    /// What lies there.
    pub(crate) tail: Tail,
}

/// What lies after the last valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing, and nothing is missing.
    Clean,
    /// Bytes that were never acknowledged: they may be cut.
    Torn,
    /// Bytes that were synced once and are no frame now.
    Damaged,
    /// Nothing, although more was synced.
    CutShort {
        /// Bytes that were synced.
        synced: u64,
    },
}

/// Walks the frames of a segment's bytes, from `start`, the end of its header or a frame known before. `synced`: bytes known to have been durable, by the mark.
pub(crate) fn scan(segment: &[u8], start: usize, synced: u64) -> Scan {
    let mut frames = Vec::new();
    let mut end = start;
    while let Some(frame) = frame_at(segment, end) {
        let Ok(next) = usize::try_from(frame.end()) else { break };
        frames.push(frame);
        end = next;
    }
    let tail = tail(segment, end, synced);
    Scan { frames, end: end as u64, tail }
}

fn tail(segment: &[u8], end: usize, synced: u64) -> Tail {
    let was_durable = synced > end as u64;
    if end >= segment.len() {
        return if was_durable { Tail::CutShort { synced } } else { Tail::Clean };
    }
    if was_durable || later_frame_vouches(segment, end) { Tail::Damaged } else { Tail::Torn }
}

/// Is there a valid frame after `defect` that was written when the defect was already durable?
fn later_frame_vouches(segment: &[u8], defect: usize) -> bool {
    magics(segment, defect + 1..segment.len()).filter_map(|offset| frame_at(segment, offset)).any(|frame| frame.synced > defect as u64)
}

/// A frame can only have known what was synced before it.
fn frame_at(segment: &[u8], offset: usize) -> Option<Frame> {
    frame::read(segment, offset).filter(|frame| frame.synced <= frame.offset)
}

fn magics(segment: &[u8], range: Range<usize>) -> impl Iterator<Item = usize> {
    let start = range.start;
    let bytes = segment.get(range).unwrap_or_default();
    bytes.windows(frame::MAGIC.len()).enumerate().filter(|(_, window)| *window == frame::MAGIC).map(move |(at, _)| start + at)
}

#[cfg(test)]
mod tests;
