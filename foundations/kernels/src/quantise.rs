//! Activations for quantised weights: per 32 values a scale and 32 signed bytes (`spec/arithmetic.md`, "Activations").
//!
//! ```text
//! a     = max |x_i|                        by bit pattern, so that a NaN is the largest
//! scale = a / 127                          NaN if a is not finite; 0 if a < 2⁻¹¹⁰, and then every q_i is 0
//! q_i   = nearest(x_i · (127 / a))         ties to even
//! sum   = f32(Σ q_i) · scale
//! ```

use crate::columns::place;
use crate::crew::{Crew, Shared, run_parts};
use crate::isa::{Isa, Lanes, on_isa};

/// Activations that share a scale.
pub const BLOCK: usize = 32;

/// Below this a block is zero: 127 / a would overflow soon after, and nothing this small moves a logit.
const SMALLEST: f32 = f32::from_bits((127 - 110) << 23);

/// 1.5 · 2²³: adding it rounds |x| < 2²² to the nearest integer, which then lies in the low bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// 32 quantised activations, and what the products need of them once for all rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    pub scale: f32,
    /// f32(Σ q_i) · scale: what a weight block's minimum multiplies.
    pub sum: f32,
    /// −8 · Σ q_i: what a sum of weights that are stored plus 8 begins with. Multiplied here, because what comes from memory reaches all lanes for nothing, and what is computed first does not.
    pub(crate) less_8: i32,
    /// −32 · Σ q_i of each half.
    pub(crate) less_32: [i32; 2],
    /// −128 · Σ q_i.
    pub(crate) less_128: i32,
    /// The signed bytes q_i, four and four.
    pub(crate) q: [[u8; 4]; BLOCK / 4],
}

impl Block {
    /// What a column of zeros becomes.
    pub const ZERO: Self = Self { scale: 0.0, sum: 0.0, less_8: 0, less_32: [0; 2], less_128: 0, q: [[0; 4]; BLOCK / 4] };

    /// The quantised values.
    pub fn values(&self) -> [i8; BLOCK] {
        std::array::from_fn(|i| self.q[i / 4][i % 4].cast_signed())
    }
}

/// Quantises rows of `width` values of `x`, one a column, into tiles of blocks.
pub fn quantise(isa: Isa, crew: &dyn Crew, x: &[f32], width: usize, out: &mut [Block]) {
    assert!(width.is_multiple_of(BLOCK) && width > 0 && x.len().is_multiple_of(width) && x.len() == out.len() * BLOCK, "{} values, {} blocks", x.len(), out.len());
    let count = x.len() / width;
    let out = Shared::new(out);
    run_parts(crew, count, &|column| quantise_column(isa, &x[column * width..][..width], place(count, width / BLOCK, column), &out));
}

on_isa!(fn quantise_column(x: &[f32], place: (usize, usize), out: &Shared<'_, Block>) = column);

#[inline(always)]
fn column<S: Lanes>(_lanes: S, x: &[f32], (start, step): (usize, usize), out: &Shared<'_, Block>) {
    for (index, x) in x.as_chunks().0.iter().enumerate() {
        // SAFETY: `place` gives every column blocks of its own, and `run_parts` every column one part.
        #[allow(unsafe_code)]
        unsafe {
            out.set(start + index * step, block(x));
        }
    }
}

#[inline(always)]
fn block(x: &[f32; BLOCK]) -> Block {
    let mut largest = 0;
    for value in x {
        largest = largest.max(value.to_bits() & 0x7fff_ffff);
    }
    let largest = f32::from_bits(largest);
    if !largest.is_finite() {
        return Block { scale: f32::NAN, ..Block::ZERO };
    }
    if largest < SMALLEST {
        return Block::ZERO;
    }
    let (scale, inverse) = (largest / 127.0, 127.0 / largest);
    let mut nearest = [0i32; BLOCK];
    for i in 0..BLOCK {
        nearest[i] = (x[i] * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    }
    let mut q = [[0; 4]; BLOCK / 4];
    for (q, nearest) in q.as_flattened_mut().iter_mut().zip(nearest) {
        *q = nearest as u8;
    }
    let (mut low, mut high) = (0i32, 0i32);
    for i in 0..16 {
        (low, high) = (low.wrapping_sub(nearest[i]), high.wrapping_sub(nearest[16 + i]));
    }
    let negative_sum = low.wrapping_add(high);
    Block { scale, sum: -negative_sum as f32 * scale, less_8: negative_sum << 3, less_32: [low << 5, high << 5], less_128: negative_sum << 7, q }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::testing::check_hash;

    fn reference(x: &[f32]) -> Vec<f32> {
        let largest = x.iter().fold(0f32, |a, v| if v.abs() > a { v.abs() } else { a });
        let q: [i8; BLOCK] = std::array::from_fn(|i| (x[i] * (127.0 / largest)).round_ties_even() as i8);
        let scale = largest / 127.0;
        let sum = q.iter().map(|&q| i32::from(q)).sum::<i32>() as f32 * scale;
        [scale, sum].into_iter().chain(q.map(f32::from)).collect()
    }

    fn flat(block: &Block) -> Vec<f32> {
        let (q, sum) = (block.values(), |values: &[i8]| values.iter().map(|&q| i32::from(q)).sum::<i32>());
        assert_eq!((block.less_8, block.less_32, block.less_128), (-8 * sum(&q), [-32 * sum(&q[..16]), -32 * sum(&q[16..])], -128 * sum(&q)));
        [block.scale, block.sum].into_iter().chain(q.map(f32::from)).collect()
    }

    #[test]
    fn hash_of_quantise() {
        check_hash("activations", |random, isa, check| {
            let x = random.values(BLOCK);
            let mut out = [Block::ZERO];
            quantise(isa, &Serial, &x, BLOCK, &mut out);
            (flat(&out[0]), check.then(|| reference(&x)))
        });
    }

    #[test]
    fn edges() {
        let with = |value: f32| block(&std::array::from_fn(|i| if i == 7 { value } else { 0.0 }));
        assert_eq!(with(0.0), Block::ZERO);
        assert_eq!(with(-1e-40), Block::ZERO);
        assert_eq!((with(-2.0).values()[7], with(-2.0).scale), (-127, 2.0 / 127.0));
        assert_eq!(with(f32::MAX).values()[7], 127);
        assert_eq!(with(SMALLEST).values()[7], 127);
        for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            assert!(with(value).scale.is_nan() && with(value).values() == [0; BLOCK]);
        }
    }
}
