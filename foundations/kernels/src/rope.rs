//! Rotary positions: frequencies, angles, sine and cosine, and the rotation (`spec/arithmetic.md`, "Rotary positions").
//!
//! ```text
//! f_i    = (1 / f32(base^(2i / w))) / factor_i       the power in f64; the exponent, the rest in f32, as Hugging Face does
//! a      = f32(position) · f_i                       one rounding, as Hugging Face does: at 100,000 tokens it is what matters
//! c, s   = f32(cos a), f32(sin a)                    in f64 by plain multiplications and additions, rounded once at the end
//! x'_i       = fma(x_i, c, −(x_{i+w/2} · s))
//! x'_{i+w/2} = fma(x_{i+w/2}, c, x_i · s)
//! ```
//! f64 operations here are never fused: each rounds by itself, so that no machine needs a fused f64 instruction.

use crate::isa::{Lanes, on_isa};

/// Positions end before this one: below it `f32(position)` is exact and the reduction of the angle loses nothing.
pub const POSITION_LIMIT: usize = 1 << 20;

/// The widest head.
pub const HEAD_WIDTH_MAX: usize = 256;

/// The `head_width / 2` frequencies in radians per position. `base` at least 1; factors, where the model has them, divide.
pub fn frequencies(base: f32, head_width: usize, factors: Option<&[f32]>) -> Vec<f32> {
    let frequency = |i: usize| 1.0 / power(base, (2 * i) as f32 / head_width as f32);
    (0..head_width / 2).map(|i| factors.and_then(|factors| factors.get(i)).map_or(frequency(i), |factor| frequency(i) / factor)).collect()
}

/// Cosines into `out[..n]` and sines into `out[n..]` for the n frequencies at one position.
pub fn angles(position: usize, frequencies: &[f32], out: &mut [f32]) {
    assert!(position < POSITION_LIMIT, "position {position}");
    let (cosines, sines) = out.split_at_mut(frequencies.len());
    for ((c, s), f) in cosines.iter_mut().zip(sines).zip(frequencies) {
        (*c, *s) = cos_sin(position as f32 * f);
    }
}

on_isa!(
    /// Rotates one head of w values in place; `angles` holds its w/2 cosines and then its w/2 sines.
    pub fn rotate(head: &mut [f32], angles: &[f32]) = turn
);

#[inline(always)]
fn turn<S: Lanes>(lanes: S, head: &mut [f32], angles: &[f32]) {
    let half = head.len() / 2;
    let (low, high) = head.split_at_mut(half);
    let (cosines, sines) = angles.split_at(half);
    for (((a, b), &c), &s) in low.iter_mut().zip(high).zip(cosines).zip(sines) {
        (*a, *b) = (lanes.fused(*a, c, -(*b * s)), lanes.fused(*b, c, *a * s));
    }
}

/// The upper 33 bits of π/2, so that a multiple below 2²⁰ is exact, and the rest (fdlibm, `e_rem_pio2.c`).
const HALF_PI_HIGH: f64 = f64::from_bits(0x3ff9_21fb_5440_0000);
const HALF_PI_LOW: f64 = f64::from_bits(0x3dd0_b461_1a62_6331);
/// 1.5 · 2⁵²: adding it rounds to the nearest integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// `(-1)^j / (2j+1)!` for j = 7 … 0.
const SINE: [f64; 8] = [-1.0 / 1_307_674_368_000.0, 1.0 / 6_227_020_800.0, -1.0 / 39_916_800.0, 1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0];
/// `(-1)^j / (2j)!` for j = 8 … 0.
const COSINE: [f64; 9] = [1.0 / 20_922_789_888_000.0, -1.0 / 87_178_291_200.0, 1.0 / 479_001_600.0, -1.0 / 3_628_800.0, 1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0];

/// Cosine and sine of an angle of 0 to 2²⁰ radians, each the f32 nearest to a f64 result with an error below 2⁻⁴⁸.
pub(crate) fn cos_sin(angle: f32) -> (f32, f32) {
    let angle = f64::from(angle);
    let turns = angle * std::f64::consts::FRAC_2_PI + ROUNDER - ROUNDER;
    let r = (angle - turns * HALF_PI_HIGH) - turns * HALF_PI_LOW;
    let square = r * r;
    let horner = |coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    let (c, s) = (horner(&COSINE), r * horner(&SINE));
    let (c, s) = match turns as i64 & 3 {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    };
    (c as f32, s as f32)
}

/// ln 2 to f64, and cut in two as [`HALF_PI_HIGH`] is.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// `base^exponent` for base ≥ 1 and 0 ≤ exponent < 1: e^(exponent · ln base) in f64, rounded to f32 at the end.
fn power(base: f32, exponent: f32) -> f32 {
    assert!(base >= 1.0 && base.is_finite() && (0.0..1.0).contains(&exponent), "power of {base} to {exponent}");
    exp_f64(f64::from(exponent) * ln_f64(f64::from(base))) as f32
}

/// ln x for a normal x ≥ 1: x = m · 2^e with √½ < m ≤ √2; ln m = 2 · artanh((m − 1) / (m + 1)) by its series.
fn ln_f64(x: f64) -> f64 {
    let (mut m, mut e) = (f64::from_bits(x.to_bits() & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000), (x.to_bits() >> 52) as f64 - 1023.0);
    if m > std::f64::consts::SQRT_2 {
        (m, e) = (m * 0.5, e + 1.0);
    }
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = (0..=11).rev().fold(0.0, |sum, j| sum * square + 1.0 / f64::from(2 * j + 1));
    e * LN2_HIGH + (e * LN2_LOW + 2.0 * t * series)
}

/// e^y for 0 ≤ y < 700 by the series up to y¹⁴ / 14!.
fn exp_f64(y: f64) -> f64 {
    let k = y * std::f64::consts::LOG2_E + ROUNDER - ROUNDER;
    let r = (y - k * LN2_HIGH) - k * LN2_LOW;
    let series = (1..=14).rev().fold(1.0, |sum, j| sum * r / f64::from(j) + 1.0);
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests;
