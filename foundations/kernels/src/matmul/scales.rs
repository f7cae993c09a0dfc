//! How the scales of a weight block of sixteen rows lie in a panel.

use crate::blocks::six_bit_scales;
use crate::isa::{LANES, Lanes};

/// The scales of one shape. A block of sixteen rows is `[…][16 bytes]`.
pub(super) trait Scales {
    /// Groups of 32 columns that share it.
    const GROUPS: usize;
    /// The block.
    type Block;

    /// The blocks in these bytes.
    fn blocks(bytes: &[u8]) -> &[Self::Block];
    /// As [`Scales::blocks`].
    fn blocks_mut(bytes: &mut [u8]) -> &mut [Self::Block];
    /// Puts the scales of a stored block of a row.
    fn put(stored: &[u8], row: usize, out: &mut Self::Block);
    /// `w.scale` of each row in group `group`.
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, group: usize) -> S::Floats;
    /// `−w.min` of each row, in types with minima.
    #[inline(always)]
    fn negative_min<S: Lanes>(_lanes: S, _block: &Self::Block, _group: usize) -> Option<S::Floats> {
        None
    }
    /// The factors of the two halves of each row's group, in types with them.
    #[inline(always)]
    fn factors<S: Lanes>(_lanes: S, _block: &Self::Block, _group: usize) -> Option<[S::Floats; 2]> {
        None
    }
}

/// Sixteen 2-byte values in two of a block's rows of bytes.
#[inline(always)]
fn pairs(rows: &[[u8; LANES]; 2]) -> &[[u8; 2]; LANES] {
    let Some(pairs) = rows.as_flattened().as_chunks().0.first_chunk() else { unreachable!("32 bytes are sixteen pairs") };
    pairs
}

/// Rows of bytes `at` and `at + 1` of a block.
#[inline(always)]
fn two(block: &[[u8; LANES]], at: usize) -> &[[u8; LANES]; 2] {
    let Some(rows) = block[at..].first_chunk() else { unreachable!("a place inside the block") };
    rows
}

fn put_pair(stored: &[u8], row: usize, out: &mut [[u8; LANES]], at: usize) {
    out.as_flattened_mut()[at * LANES + 2 * row..][..2].copy_from_slice(&stored[..2]);
}

macro_rules! blocks {
    ($rows:literal) => {
        type Block = [[u8; LANES]; $rows];

        #[inline(always)]
        fn blocks(bytes: &[u8]) -> &[Self::Block] {
            bytes.as_chunks().0.as_chunks().0
        }

        fn blocks_mut(bytes: &mut [u8]) -> &mut [Self::Block] {
            bytes.as_chunks_mut().0.as_chunks_mut().0
        }
    };
}

/// An f16 for each group: bytes `[row]`.
pub(super) struct Half;

impl Scales for Half {
    const GROUPS: usize = 1;
    blocks!(2);

    fn put(stored: &[u8], row: usize, out: &mut Self::Block) {
        put_pair(stored, row, out, 0);
    }

    #[inline(always)]
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, _: usize) -> S::Floats {
        lanes.widen_f16(pairs(block))
    }
}

/// An f16 scale and an f16 that is added, for each group: `[row]`, `[row]`.
pub(super) struct HalfAndMin;

impl Scales for HalfAndMin {
    const GROUPS: usize = 1;
    blocks!(4);

    fn put(stored: &[u8], row: usize, out: &mut Self::Block) {
        put_pair(stored, row, out, 0);
        put_pair(&stored[2..], row, out, 2);
    }

    #[inline(always)]
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, _: usize) -> S::Floats {
        lanes.widen_f16(pairs(two(block, 0)))
    }

    #[inline(always)]
    fn negative_min<S: Lanes>(lanes: S, block: &Self::Block, _: usize) -> Option<S::Floats> {
        Some(lanes.widen_f16(pairs(two(block, 2))))
    }
}

/// An f16 scale and an f16 scale of the minima for eight groups, and their 6-bit scales and minima: f16 `[row]`, f16 `[row]`, u8 `[group][row]`, u8 `[group][row]`.
pub(super) struct Super;

impl Scales for Super {
    const GROUPS: usize = 8;
    blocks!(20);

    fn put(stored: &[u8], row: usize, out: &mut Self::Block) {
        put_pair(stored, row, out, 0);
        put_pair(&stored[2..], row, out, 2);
        let Some(packed) = stored[4..].first_chunk() else { unreachable!("a block of this type has twelve bytes here") };
        for group in 0..8 {
            (out[4 + group][row], out[12 + group][row]) = six_bit_scales(packed, group);
        }
    }

    #[inline(always)]
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, group: usize) -> S::Floats {
        lanes.mul(lanes.widen_f16(pairs(two(block, 0))), lanes.widen_i8(&block[4 + group]))
    }

    #[inline(always)]
    fn negative_min<S: Lanes>(lanes: S, block: &Self::Block, group: usize) -> Option<S::Floats> {
        let negative = lanes.mul(lanes.widen_f16(pairs(two(block, 2))), lanes.splat(-1.0));
        Some(lanes.mul(negative, lanes.widen_i8(&block[12 + group])))
    }
}

/// An f16 for eight groups, and two factors for each: f16 `[row]`, i8 `[group][half][row]`.
pub(super) struct HalfAndFactors;

impl Scales for HalfAndFactors {
    const GROUPS: usize = 8;
    blocks!(18);

    fn put(stored: &[u8], row: usize, out: &mut Self::Block) {
        put_pair(&stored[208..], row, out, 0);
        for (half, &factor) in stored[192..208].iter().enumerate() {
            out[2 + half][row] = factor;
        }
    }

    #[inline(always)]
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, _: usize) -> S::Floats {
        lanes.widen_f16(pairs(two(block, 0)))
    }

    #[inline(always)]
    fn factors<S: Lanes>(lanes: S, block: &Self::Block, group: usize) -> Option<[S::Floats; 2]> {
        Some([lanes.widen_i8(&block[2 + 2 * group]), lanes.widen_i8(&block[3 + 2 * group])])
    }
}

/// An f32 for eight groups: bytes `[row]`.
pub(super) struct Single;

impl Scales for Single {
    const GROUPS: usize = 8;
    blocks!(4);

    fn put(stored: &[u8], row: usize, out: &mut Self::Block) {
        out.as_flattened_mut()[4 * row..][..4].copy_from_slice(&stored[..4]);
    }

    #[inline(always)]
    fn scale<S: Lanes>(lanes: S, block: &Self::Block, _: usize) -> S::Floats {
        let mut values = [0.0; LANES];
        for (value, bytes) in values.iter_mut().zip(block.as_flattened().as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        lanes.load(&values)
    }
}
