//! The primitives in plain Rust: what every machine has, and the reference of the others. The fused multiply-add is computed in software.

use super::{LANES, Lanes};
use crate::half::{bf16_to_f32, f16_to_f32};

/// The path of every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar;

/// `a · b + c` with one rounding, so that a machine without the instruction needs no libm and rounds the same.
///
/// The product of two f32 is exact in f64; the sum is rounded to odd there, so that the rounding to f32 is the only one that shows
/// (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
#[inline(always)]
fn software_fma(a: f32, b: f32, c: f32) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let addend = f64::from(c);
    let sum = product + addend;
    // Knuth's two-sum: `error` is exactly what the addition lost; NaN where the sum is not finite.
    let back = sum - product;
    let error = (product - (sum - back)) + (addend - back);
    let bits = sum.to_bits();
    let away = (error > 0.0) == (sum > 0.0);
    let odd = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
    let inexact = (error < 0.0) | (error > 0.0);
    let adjust = inexact & (bits & 1 == 0);
    f64::from_bits(if adjust { odd } else { bits }) as f32
}

/// Adds each lane's four products. The wrapping forms only keep the checks of a debug build out: nothing here can leave 2²⁴.
#[inline(always)]
fn dot(mut sum: [i32; LANES], weights: impl Fn(usize) -> i32, activations: [u8; 4]) -> [i32; LANES] {
    for (lane, sum) in sum.iter_mut().enumerate() {
        for (i, x) in activations.into_iter().enumerate() {
            *sum = sum.wrapping_add(weights(4 * lane + i).wrapping_mul(i32::from(x.cast_signed())));
        }
    }
    sum
}

impl Lanes for Scalar {
    const WIDE: bool = false;
    type Floats = [f32; LANES];
    type Ints = [i32; LANES];
    type Quads = [u8; 64];
    /// Stored plus 128.
    type Bytes = [u8; 64];
    type Partial = [i32; LANES];

    #[inline(always)]
    fn fused(self, a: f32, b: f32, c: f32) -> f32 {
        software_fma(a, b, c)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> [f32; LANES] {
        *values
    }

    #[inline(always)]
    fn store(self, values: [f32; LANES], out: &mut [f32; LANES]) {
        *out = values;
    }

    #[inline(always)]
    fn widen_f16(self, values: &[[u8; 2]; LANES]) -> [f32; LANES] {
        values.map(|bytes| f16_to_f32(u16::from_le_bytes(bytes)))
    }

    #[inline(always)]
    fn widen_bf16(self, values: &[[u8; 2]; LANES]) -> [f32; LANES] {
        values.map(|bytes| bf16_to_f32(u16::from_le_bytes(bytes)))
    }

    #[inline(always)]
    fn widen_i8(self, values: &[u8; LANES]) -> [f32; LANES] {
        values.map(|byte| f32::from(byte.cast_signed()))
    }

    #[inline(always)]
    fn add(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    }

    #[inline(always)]
    fn mul(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        a.iter_mut().zip(b).for_each(|(a, b)| *a *= b);
        a
    }

    #[inline(always)]
    fn fma(self, a: [f32; LANES], b: [f32; LANES], mut c: [f32; LANES]) -> [f32; LANES] {
        for l in 0..LANES {
            c[l] = software_fma(a[l], b[l], c[l]);
        }
        c
    }

    #[inline(always)]
    fn to_floats(self, values: [i32; LANES]) -> [f32; LANES] {
        values.map(|value| value as f32)
    }

    #[inline(always)]
    fn quads(self, bytes: &[u8; 64]) -> [u8; 64] {
        *bytes
    }

    #[inline(always)]
    fn low_nibbles(self, bytes: [u8; 64]) -> [u8; 64] {
        bytes.map(|byte| byte & 15)
    }

    #[inline(always)]
    fn high_nibbles(self, bytes: [u8; 64]) -> [u8; 64] {
        bytes.map(|byte| byte >> 4)
    }

    #[inline(always)]
    fn with_plane<const LEFT: u32, const RIGHT: u32, const MASK: u8>(self, mut nibbles: [u8; 64], plane: [u8; 64]) -> [u8; 64] {
        nibbles.iter_mut().zip(plane).for_each(|(nibble, plane)| *nibble |= plane << LEFT >> RIGHT & MASK);
        nibbles
    }

    #[inline(always)]
    fn start(self, value: i32) -> [i32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn dot(self, sum: [i32; LANES], weights: [u8; 64], activations: [u8; 4]) -> [i32; LANES] {
        dot(sum, |i| i32::from(weights[i]), activations)
    }

    #[inline(always)]
    fn settle(self, sum: [i32; LANES]) -> [i32; LANES] {
        sum
    }

    #[inline(always)]
    fn total(self, sum: [i32; LANES]) -> [i32; LANES] {
        sum
    }

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 64]) -> [u8; 64] {
        *bytes
    }

    #[inline(always)]
    fn start_bytes(self, _less: i32) -> [i32; LANES] {
        [0; LANES]
    }

    #[inline(always)]
    fn dot_bytes(self, sum: [i32; LANES], weights: [u8; 64], activations: [u8; 4]) -> [i32; LANES] {
        dot(sum, |i| i32::from((weights[i] ^ 0x80).cast_signed()), activations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// The software path against the standard library's on arbitrary bits: subnormals, infinities, cancellation, halfway cases.
    #[test]
    fn software_fma_rounds_once() {
        let mut random = Random(1);
        let check = |a: f32, b: f32, c: f32| {
            let (got, want) = (software_fma(a, b, c), a.mul_add(b, c));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{a:e} {b:e} {c:e}: {got:e} {want:e}");
        };
        for _ in 0..200_000 {
            let [a, b, c] = std::array::from_fn(|_| f32::from_bits(random.next() as u32));
            check(a, b, c);
            check(a, b, -(a * b));
            check(a, b, c * f32::EPSILON * a * b);
            check(1.0 + f32::EPSILON * (random.next() % 8) as f32, 1.0 + f32::EPSILON * (random.next() % 8) as f32, f32::EPSILON * 0.5);
            check(a % 1e-20, b % 1e-20, f32::from_bits((random.next() % 100) as u32));
        }
    }
}
