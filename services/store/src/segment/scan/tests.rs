//! Every ordering that a start may find, and what it means.

use super::*;

/// A segment of batches; a batch is a list of record sizes. Every frame of a batch says that all before the batch was synced.
fn segment(batches: &[&[usize]]) -> (Vec<u8>, Vec<u64>) {
    let mut bytes = vec![0xaa; 20];
    let mut ends = vec![20];
    for batch in batches {
        let synced = bytes.len() as u64;
        for size in *batch {
            frame::write(&mut bytes, synced, &vec![*size as u8; *size], b"signature");
            ends.push(bytes.len() as u64);
        }
    }
    (bytes, ends)
}

fn check(bytes: &[u8], synced: u64, frame_count: usize, tail: Tail) {
    let scan = scan(bytes, 20, synced);
    assert_eq!((scan.frames.len(), scan.tail), (frame_count, tail));
}

/// The table at the head of `scan.rs`, row by row.
#[test]
fn every_ordering_has_its_meaning() {
    let (whole, ends) = segment(&[&[30], &[40, 50]]);
    let len = whole.len() as u64;
    // Frames up to the end; a header alone.
    check(&whole, len, 3, Tail::Clean);
    check(&whole, ends[1], 3, Tail::Clean);
    check(&whole[..20], 20, 0, Tail::Clean);
    // The last batch torn: cut short, zeroed, or of other bytes; mark at the batch's start, or none.
    let torn = |defect: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        defect(&mut bytes);
        bytes
    };
    for synced in [0, ends[1]] {
        check(&torn(&|bytes| bytes.truncate(bytes.len() - 1)), synced, 2, Tail::Torn);
        check(&torn(&|bytes| bytes[ends[2] as usize..].fill(0)), synced, 2, Tail::Torn);
        check(&torn(&|bytes| bytes.extend([0; 4_096])), synced, 3, Tail::Torn);
        // Out of order: the batch's first frame is missing, its second is there.
        check(&torn(&|bytes| bytes[ends[1] as usize..ends[2] as usize].fill(0)), synced, 1, Tail::Torn);
    }
    // A frame that a later one vouches for, and one that the mark vouches for.
    check(&torn(&|bytes| bytes[ends[0] as usize + 30] ^= 1), 0, 0, Tail::Damaged);
    check(&torn(&|bytes| bytes[ends[2] as usize + 30] ^= 1), len, 2, Tail::Damaged);
    check(&torn(&|bytes| bytes.truncate(bytes.len() - 1)), len, 2, Tail::Damaged);
    // Whole frames, and fewer than were synced.
    check(&whole[..ends[2] as usize], len, 2, Tail::CutShort { synced: len });
    check(&whole[..20], ends[1], 0, Tail::CutShort { synced: ends[1] });
}

/// Cut anywhere, a segment gives its whole frames; with a mark it is refused wherever synced bytes are gone.
#[test]
fn cut_at_every_byte() {
    let (whole, ends) = segment(&[&[5], &[300, 1], &[70]]);
    for len in 20..whole.len() {
        let cut = &whole[..len];
        let whole_frames = ends[1..].iter().filter(|end| **end <= len as u64).count();
        let without_mark = scan(cut, 20, 0);
        assert_eq!(without_mark.frames.len(), whole_frames);
        assert_eq!(without_mark.end, ends[whole_frames]);
        assert_ne!(without_mark.tail, Tail::Damaged);
        assert!(matches!(scan(cut, 20, whole.len() as u64).tail, Tail::Damaged | Tail::CutShort { .. }), "{len}");
    }
}

/// A bit that flips in any frame but those of the last batch is damage, mark or no mark.
#[test]
fn every_bit_of_what_was_synced_counts() {
    let (whole, ends) = segment(&[&[5], &[30, 1], &[7]]);
    for bit in ends[0] as usize * 8..ends[3] as usize * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(scan(&flipped, 20, 0).tail, Tail::Damaged, "bit {bit}");
    }
    for bit in ends[3] as usize * 8..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(scan(&flipped, 20, whole.len() as u64).tail, Tail::Damaged, "bit {bit}");
        assert_eq!(scan(&flipped, 20, 0).tail, Tail::Torn, "bit {bit}");
    }
}

/// Lengths that point past the end, or far beyond any limit, allocate nothing and end the walk.
#[test]
fn absurd_lengths_are_only_a_tail() {
    for (at, value) in [(4, u32::MAX), (8, u32::MAX), (4, 61_441), (8, 8_193)] {
        let (mut bytes, _) = segment(&[&[5]]);
        bytes[20 + at..24 + at].copy_from_slice(&value.to_le_bytes());
        check(&bytes, 0, 0, Tail::Torn);
    }
}
