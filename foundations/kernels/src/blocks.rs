//! How the weight blocks of each quantised type unfold into 32 signed integers and their scale (`spec/arithmetic.md`, "Weight blocks").
//!
//! Layouts: GGUF specification and `ggml-common.h` of ggml. The value of weight `i` is `(scale · factor_i) · q_i − min`, and
//! `scale`, `min` and `scale · factor_i` are exact in f32: products of an f16 and at most 8 bits.

use crate::half::f16_to_f32;

/// 32 consecutive weights of one row.
pub(crate) struct Unfolded {
    pub(crate) q: [i8; 32],
    pub(crate) scale: f32,
    /// What is taken off every weight; 0 in types without minima.
    pub(crate) min: f32,
    /// Integer scales of the two halves; 1 in types without them.
    pub(crate) factors: [i8; 2],
}

/// A quantised type. `Block` is the array of bytes that the file repeats.
pub(crate) trait Quantised {
    type Block;
    /// Whether `min` can differ from 0.
    const HAS_MIN: bool = false;
    /// Groups of 32 in one block.
    const GROUPS: usize;

    fn blocks(bytes: &[u8]) -> &[Self::Block];

    /// Group `group < GROUPS` of a block.
    fn unfold(block: &Self::Block, group: usize) -> Unfolded;
}

#[inline(always)]
fn half(low: u8, high: u8) -> f32 {
    f16_to_f32(u16::from_le_bytes([low, high]))
}

/// Offset 0: f16 scale; 2: 32 signed bytes.
pub(crate) struct Q8_0;

impl Quantised for Q8_0 {
    type Block = [u8; 34];
    const GROUPS: usize = 1;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 34]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 34], _: usize) -> Unfolded {
        let q = std::array::from_fn(|i| block[2 + i] as i8);
        Unfolded { q, scale: half(block[0], block[1]), min: 0.0, factors: [1; 2] }
    }
}

/// Offset 0: f16 scale; 2: 16 bytes, weight i in the low half of byte i, weight 16 + i in its high half, each plus 8.
pub(crate) struct Q4_0;

impl Quantised for Q4_0 {
    type Block = [u8; 18];
    const GROUPS: usize = 1;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 18]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 18], _: usize) -> Unfolded {
        let mut q = [0; 32];
        for i in 0..16 {
            q[i] = (block[2 + i] & 15) as i8 - 8;
            q[16 + i] = (block[2 + i] >> 4) as i8 - 8;
        }
        Unfolded { q, scale: half(block[0], block[1]), min: 0.0, factors: [1; 2] }
    }
}

/// Offset 0: f16 scale; 2: f16 minimum, added; 4: 16 bytes as [`Q4_0`], without the 8.
pub(crate) struct Q4_1;

impl Quantised for Q4_1 {
    type Block = [u8; 20];
    const HAS_MIN: bool = true;
    const GROUPS: usize = 1;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 20]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 20], _: usize) -> Unfolded {
        let mut q = [0; 32];
        for i in 0..16 {
            q[i] = (block[4 + i] & 15) as i8;
            q[16 + i] = (block[4 + i] >> 4) as i8;
        }
        Unfolded { q, scale: half(block[0], block[1]), min: -half(block[2], block[3]), factors: [1; 2] }
    }
}

/// 32 weights of four bits and a fifth.
#[inline(always)]
fn fives(low: &[u8; 16], fifth: [u8; 4], offset: i8) -> [i8; 32] {
    let fifth = u32::from_le_bytes(fifth);
    let mut q = [0; 32];
    for i in 0..16 {
        q[i] = (low[i] & 15 | ((fifth >> i & 1) as u8) << 4) as i8 - offset;
        q[16 + i] = (low[i] >> 4 | ((fifth >> (16 + i) & 1) as u8) << 4) as i8 - offset;
    }
    q
}

/// Offset 0: f16 scale; 2: u32 of fifth bits, of weight i at bit i; 6: 16 bytes as [`Q4_0`]. Weights are stored plus 16.
pub(crate) struct Q5_0;

impl Quantised for Q5_0 {
    type Block = [u8; 22];
    const GROUPS: usize = 1;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 22]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 22], _: usize) -> Unfolded {
        let q = fives(&std::array::from_fn(|i| block[6 + i]), std::array::from_fn(|i| block[2 + i]), 16);
        Unfolded { q, scale: half(block[0], block[1]), min: 0.0, factors: [1; 2] }
    }
}

/// Offset 0: f16 scale; 2: f16 minimum, added; 4: u32 of fifth bits; 8: 16 bytes, both as [`Q5_0`], without the 16.
pub(crate) struct Q5_1;

impl Quantised for Q5_1 {
    type Block = [u8; 24];
    const HAS_MIN: bool = true;
    const GROUPS: usize = 1;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 24]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 24], _: usize) -> Unfolded {
        let q = fives(&std::array::from_fn(|i| block[8 + i]), std::array::from_fn(|i| block[4 + i]), 0);
        Unfolded { q, scale: half(block[0], block[1]), min: -half(block[2], block[3]), factors: [1; 2] }
    }
}

/// The 6-bit scale and minimum of a group, from twelve bytes: the first four of each are the low six bits of bytes 0 … 7; the other four have their low
/// halves in bytes 8 … 11 and their two high bits on top of the first four.
#[inline(always)]
pub(crate) fn six_bit_scales(bytes: &[u8; 12], group: usize) -> (u8, u8) {
    let at = |i: usize| bytes[i];
    if group < 4 { (at(group) & 63, at(group + 4) & 63) } else { (at(group + 4) & 15 | at(group - 4) >> 6 << 4, at(group + 4) >> 4 | at(group) >> 6 << 4) }
}

/// Offset 0: f16 scale; 2: f16 scale of the minima; 4: 12 bytes of eight 6-bit scales and minima; 16: 128 bytes, groups 2g and 2g + 1 in the low
/// and high halves of bytes 32g … 32g + 31.
pub(crate) struct Q4K;

impl Quantised for Q4K {
    type Block = [u8; 144];
    const HAS_MIN: bool = true;
    const GROUPS: usize = 8;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 144]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 144], group: usize) -> Unfolded {
        let (scale, min) = six_bit_scales(&std::array::from_fn(|i| block[4 + i]), group);
        let shift = 4 * (group % 2);
        let start = 16 + 32 * (group / 2);
        let q = std::array::from_fn(|i| (block[start + i] >> shift & 15) as i8);
        Unfolded { q, scale: half(block[0], block[1]) * f32::from(scale), min: half(block[2], block[3]) * f32::from(min), factors: [1; 2] }
    }
}

/// Offset 0: scales and minima as [`Q4K`]; 16: 32 bytes of fifth bits, of weight i of group g bit g of byte i; 48: 128 bytes as [`Q4K`].
pub(crate) struct Q5K;

impl Quantised for Q5K {
    type Block = [u8; 176];
    const HAS_MIN: bool = true;
    const GROUPS: usize = 8;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 176]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 176], group: usize) -> Unfolded {
        let (scale, min) = six_bit_scales(&std::array::from_fn(|i| block[4 + i]), group);
        let (shift, start) = (4 * (group % 2), 48 + 32 * (group / 2));
        let q = std::array::from_fn(|i| (block[start + i] >> shift & 15 | (block[16 + i] >> group & 1) << 4) as i8);
        Unfolded { q, scale: half(block[0], block[1]) * f32::from(scale), min: half(block[2], block[3]) * f32::from(min), factors: [1; 2] }
    }
}

/// Offset 0: 128 bytes of low halves; 128: 64 bytes of high pairs; 192: sixteen signed scales; 208: f16 scale. Weights are stored plus 32.
pub(crate) struct Q6K;

impl Quantised for Q6K {
    type Block = [u8; 210];
    const GROUPS: usize = 8;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 210]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 210], group: usize) -> Unfolded {
        let (side, quarter) = (group / 4, group % 4);
        let (low, low_shift) = (64 * side + 32 * (quarter % 2), 4 * (quarter / 2));
        let (high, high_shift) = (128 + 32 * side, 2 * quarter);
        let q = std::array::from_fn(|i| (block[low + i] >> low_shift & 15 | (block[high + i] >> high_shift & 3) << 4) as i8 - 32);
        let factors = [block[192 + 2 * group] as i8, block[193 + 2 * group] as i8];
        Unfolded { q, scale: half(block[208], block[209]), min: 0.0, factors }
    }
}

/// Offset 0: f32 scale; 4: 256 signed bytes; 260: sums of sixteen, which are not read.
pub(crate) struct Q8K;

impl Quantised for Q8K {
    type Block = [u8; 292];
    const GROUPS: usize = 8;

    #[inline(always)]
    fn blocks(bytes: &[u8]) -> &[[u8; 292]] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn unfold(block: &[u8; 292], group: usize) -> Unfolded {
        let q = std::array::from_fn(|i| block[4 + 32 * group + i] as i8);
        Unfolded { q, scale: f32::from_le_bytes([block[0], block[1], block[2], block[3]]), min: 0.0, factors: [1; 2] }
    }
}
