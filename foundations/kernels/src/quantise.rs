//! Activations for quantised weights: per 32 values a scale and 32 signed bytes (`spec/arithmetic.md`, "Activations").
//!
//! ```text
//! a     = max |x_i|                        by bit pattern, so that a NaN is the largest
//! scale = a / 127                          NaN if a is not finite; 0 if a < 2⁻¹¹⁰, and then every q_i is 0
//! q_i   = nearest(x_i · (127 / a))         ties to even
//! sum   = f32(Σ q_i) · scale
//! ```

use crate::crew::{Crew, each_row};
use crate::isa::{Fused, Isa, on_isa};

/// Activations that share a scale.
pub const BLOCK: usize = 32;

/// Below this a block is zero: 127 / a would overflow soon after, and nothing this small moves a logit.
const SMALLEST: f32 = f32::from_bits((127 - 110) << 23);

/// 1.5 · 2²³: adding it rounds |x| < 2²² to the nearest integer, which then lies in the low bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// 32 quantised activations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    pub scale: f32,
    /// The sum of the quantised values: what a weight block's minimum multiplies.
    pub sum: f32,
    pub q: [i8; BLOCK],
}

impl Block {
    pub const ZERO: Self = Self { scale: 0.0, sum: 0.0, q: [0; BLOCK] };
}

/// Quantises rows of `width` values of `x` into rows of `width / 32` blocks of `out`.
pub fn quantise(isa: Isa, crew: &dyn Crew, x: &[f32], width: usize, out: &mut [Block]) {
    assert!(width.is_multiple_of(BLOCK) && x.len() == out.len() * BLOCK, "{} values, {} blocks", x.len(), out.len());
    each_row(crew, out, width / BLOCK, |row, blocks| quantise_row(isa, &x[row * width..][..width], blocks));
}

on_isa!(fn quantise_row(x: &[f32], out: &mut [Block]) = row);

#[inline(always)]
fn row<F: Fused>(x: &[f32], out: &mut [Block]) {
    for (x, out) in x.as_chunks().0.iter().zip(out) {
        *out = block(x);
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
    let mut q = [0; BLOCK];
    let mut total = 0i32;
    for i in 0..BLOCK {
        let nearest = (x[i] * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
        q[i] = nearest as i8;
        total = total.wrapping_add(nearest);
    }
    Block { scale, sum: total as f32 * scale, q }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::testing::check_hash;

    fn reference(x: &[f32]) -> Block {
        let largest = x.iter().fold(0f32, |a, v| if v.abs() > a { v.abs() } else { a });
        let q: [i8; BLOCK] = std::array::from_fn(|i| (x[i] * (127.0 / largest)).round_ties_even() as i8);
        let scale = largest / 127.0;
        Block { scale, sum: q.iter().map(|&q| i32::from(q)).sum::<i32>() as f32 * scale, q }
    }

    fn flat(block: &Block) -> Vec<f32> {
        [block.scale, block.sum].into_iter().chain(block.q.map(f32::from)).collect()
    }

    #[test]
    fn hash_of_quantise() {
        check_hash("75ba8822e112f1c51681d8389af80188b261a03efabfdbd1a641e79c3e5bd169", |random, isa, check| {
            let x = random.values(BLOCK);
            let mut out = [Block::ZERO];
            quantise(isa, &Serial, &x, BLOCK, &mut out);
            (flat(&out[0]), check.then(|| flat(&reference(&x))))
        });
    }

    #[test]
    fn edges() {
        let with = |value: f32| block(&std::array::from_fn(|i| if i == 7 { value } else { 0.0 }));
        assert_eq!(with(0.0), Block::ZERO);
        assert_eq!(with(-1e-40), Block::ZERO);
        assert_eq!((with(-2.0).q[7], with(-2.0).scale), (-127, 2.0 / 127.0));
        assert_eq!(with(f32::MAX).q[7], 127);
        assert_eq!(with(SMALLEST).q[7], 127);
        for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
            assert!(with(value).scale.is_nan() && with(value).q == [0; BLOCK]);
        }
    }
}
