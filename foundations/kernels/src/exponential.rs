//! e^x in f32, to the bit (`spec/arithmetic.md`, "Exponential").
//!
//! ```text
//! z = fma(x, log2(e), 1.5·2²³);  k = z − 1.5·2²³        the nearest integer to x / ln 2
//! r = fma(k, −LN2_LOW, fma(k, −LN2_HIGH, x))            |r| ≤ 0.3466
//! p = Σ r^j / j!  for j = 0…7, by Horner with fma       truncation below 2⁻²⁷
//! y = p · 2^k;  +0.0 for x < −87, +∞ for x > 88, NaN for NaN
//! ```

use crate::isa::Lanes;
use crate::quantise::ROUNDER;

/// The upper bits of ln 2, so that `k · LN2_HIGH` is exact, and the rest.
const LN2_HIGH: f32 = 355.0 / 512.0;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// 1 / j! for j = 6 … 0; the Horner start is 1 / 7!.
const INVERSE_FACTORIALS: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

/// e^x within 1.1 ulp between −87 and 88.
#[inline(always)]
pub(crate) fn exp<S: Lanes>(lanes: S, x: f32) -> f32 {
    let z = lanes.fused(x, std::f32::consts::LOG2_E, ROUNDER);
    let k = z - ROUNDER;
    let r = lanes.fused(k, -LN2_LOW, lanes.fused(k, -LN2_HIGH, x));
    let mut p = 1.0 / 5040.0;
    for coefficient in INVERSE_FACTORIALS {
        p = lanes.fused(p, r, coefficient);
    }
    // The low bits of z are k; out of range they are anything, and the answer is replaced below.
    let exponent = z.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127);
    let y = p * f32::from_bits(exponent << 23);
    let y = if x < -87.0 { 0.0 } else { y };
    if x > 88.0 { f32::INFINITY } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Scalar, on_isa};
    use crate::testing::{Random, check_hash};

    on_isa!(fn exp_all(x: &[f32], out: &mut [f32]) = all);

    #[inline(always)]
    fn all<S: Lanes>(lanes: S, x: &[f32], out: &mut [f32]) {
        for (y, &x) in out.iter_mut().zip(x) {
            *y = exp(lanes, x);
        }
    }

    #[test]
    fn hash_of_exp() {
        check_hash("exponential", |random, isa, check| {
            let x = random.values(16);
            let mut out = vec![0.0; 16];
            exp_all(isa, &x, &mut out);
            (out, check.then(|| x.iter().map(|&x| exp(Scalar, x)).collect()))
        });
    }

    #[test]
    fn error_is_below_1_1_ulp() {
        let mut random = Random(2);
        let mut worst = 0f64;
        for _ in 0..200_000 {
            let x = (random.next() >> 40) as f32 / 16_777_216.0 * 175.0 - 87.0;
            let want = f64::from(x).exp();
            let ulp = f64::from(f32::from_bits((want as f32).to_bits() + 1)) - f64::from(want as f32);
            worst = worst.max((f64::from(exp(Scalar, x)) - want).abs() / ulp);
        }
        assert!(worst < 1.1, "{worst}");
    }

    #[test]
    fn edges() {
        let cases = [(0.0, 1.0), (-0.0, 1.0), (-87.1, 0.0), (f32::NEG_INFINITY, 0.0), (-1e30, 0.0), (88.1, f32::INFINITY), (f32::INFINITY, f32::INFINITY)];
        for (x, want) in cases {
            for isa in Isa::available() {
                let mut out = [0.0];
                exp_all(isa, &[x], &mut out);
                assert_eq!(out[0].to_bits(), f32::to_bits(want), "{x} {}", isa.name());
            }
        }
        assert!(exp(Scalar, f32::NAN).is_nan());
        assert!(exp(Scalar, 88.0).is_finite() && exp(Scalar, -87.0) > f32::MIN_POSITIVE);
    }
}
