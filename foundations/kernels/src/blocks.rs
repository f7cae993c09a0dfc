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
    /// Whether `factors` can differ from 1.
    const HAS_FACTORS: bool = false;
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
        // The first four scales and minima are the low six bits of bytes 4…11; the other four have their low halves in
        // bytes 12…15 and their two high bits on top of the first four.
        let at = |i: usize| block[4 + i];
        let (scale, min) = if group < 4 { (at(group) & 63, at(group + 4) & 63) } else { (at(group + 4) & 15 | at(group - 4) >> 6 << 4, at(group + 4) >> 4 | at(group) >> 6 << 4) };
        let shift = 4 * (group % 2);
        let start = 16 + 32 * (group / 2);
        let q = std::array::from_fn(|i| (block[start + i] >> shift & 15) as i8);
        Unfolded { q, scale: half(block[0], block[1]) * f32::from(scale), min: half(block[2], block[3]) * f32::from(min), factors: [1; 2] }
    }
}

/// Offset 0: 128 bytes of low halves; 128: 64 bytes of high pairs; 192: sixteen signed scales; 208: f16 scale. Weights are stored plus 32.
pub(crate) struct Q6K;

impl Quantised for Q6K {
    type Block = [u8; 210];
    const HAS_FACTORS: bool = true;
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
