//! The primitives by NEON with the dot product of Armv8.4: sixteen lanes are four registers, of four lanes each.
//!
//! Two instructions have no stable function yet and are written as assembly: `sdot`, and the widening of binary16.
#![allow(unsafe_code)]

use super::primitives::primitives;
use super::{LANES, Lanes};
use std::arch::aarch64::*;
use std::arch::asm;

/// Proof that the machine has NEON and its dot product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neon(());

impl Neon {
    /// The path, if the processor and its system have it.
    pub(super) fn detect() -> Option<Self> {
        use std::arch::is_aarch64_feature_detected as has;
        (has!("neon") && has!("dotprod")).then_some(Self(()))
    }
}

/// Adds to each of four lanes the products of its four signed bytes with four activations.
#[target_feature(enable = "neon,dotprod")]
#[inline]
fn sdot(sum: int32x4_t, weights: int8x16_t, activations: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the instruction reads and writes these registers alone, and the function is compiled for machines that have it.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sum, in(vreg) weights, in(vreg) activations, options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// Four binary16, widened exactly.
#[target_feature(enable = "neon")]
#[inline]
fn widen(values: uint16x4_t) -> float32x4_t {
    let wide: float32x4_t;
    // SAFETY: the instruction reads and writes these registers alone; every NEON has it.
    unsafe {
        asm!("fcvtl {0:v}.4s, {1:v}.4h", out(vreg) wide, in(vreg) values, options(pure, nomem, nostack, preserves_flags));
    }
    wide
}

/// Four activations in each lane.
#[target_feature(enable = "neon")]
#[inline]
fn repeat(activations: [u8; 4]) -> int8x16_t {
    vreinterpretq_s8_s32(vdupq_n_s32(i32::from_le_bytes(activations)))
}

/// The four registers of 64 bytes.
#[target_feature(enable = "neon")]
#[inline]
fn registers(bytes: &[u8; 64]) -> [uint8x16_t; 4] {
    // SAFETY: 64 readable bytes; the instruction asks for no alignment.
    let all = unsafe { vld1q_u8_x4(bytes.as_ptr()) };
    [all.0, all.1, all.2, all.3]
}

#[target_feature(enable = "neon")]
#[inline]
fn pairs(values: &[[u8; 2]; LANES]) -> [uint16x4_t; 4] {
    // SAFETY: 32 readable bytes; the instruction asks for no alignment.
    let bytes = unsafe { vld1q_u8_x2(values.as_flattened().as_ptr()) };
    let (low, high) = (vreinterpretq_u16_u8(bytes.0), vreinterpretq_u16_u8(bytes.1));
    [vget_low_u16(low), vget_high_u16(low), vget_low_u16(high), vget_high_u16(high)]
}

impl Lanes for Neon {
    const WIDE: bool = false;
    type Floats = [float32x4_t; 4];
    type Ints = [int32x4_t; 4];
    type Quads = [uint8x16_t; 4];
    type Bytes = [int8x16_t; 4];
    type Partial = [int32x4_t; 4];

    primitives! { "neon,dotprod";
        fn fused(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }

        fn splat(value: f32) -> [float32x4_t; 4] {
            [vdupq_n_f32(value); 4]
        }

        fn load(values: &[f32; LANES]) -> [float32x4_t; 4] {
            // SAFETY: 64 readable bytes; the instruction asks for no more alignment than an f32 has.
            let all = unsafe { vld1q_f32_x4(values.as_ptr()) };
            [all.0, all.1, all.2, all.3]
        }

        fn store(values: [float32x4_t; 4], out: &mut [f32; LANES]) {
            // SAFETY: 64 writable bytes; the instruction asks for no more alignment than an f32 has.
            unsafe { vst1q_f32_x4(out.as_mut_ptr(), float32x4x4_t(values[0], values[1], values[2], values[3])) };
        }

        fn widen_f16(values: &[[u8; 2]; LANES]) -> [float32x4_t; 4] {
            let [a, b, c, d] = pairs(values);
            [widen(a), widen(b), widen(c), widen(d)]
        }

        fn widen_bf16(values: &[[u8; 2]; LANES]) -> [float32x4_t; 4] {
            let [a, b, c, d] = pairs(values);
            let wide = [vshll_n_u16::<16>(a), vshll_n_u16::<16>(b), vshll_n_u16::<16>(c), vshll_n_u16::<16>(d)];
            [vreinterpretq_f32_u32(wide[0]), vreinterpretq_f32_u32(wide[1]), vreinterpretq_f32_u32(wide[2]), vreinterpretq_f32_u32(wide[3])]
        }

        fn widen_i8(values: &[u8; LANES]) -> [float32x4_t; 4] {
            // SAFETY: 16 readable bytes; the instruction asks for no alignment.
            let bytes = vreinterpretq_s8_u8(unsafe { vld1q_u8(values.as_ptr()) });
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_s8(vget_high_s8(bytes)));
            let float = |values: int16x4_t| vcvtq_f32_s32(vmovl_s16(values));
            [float(vget_low_s16(low)), float(vget_high_s16(low)), float(vget_low_s16(high)), float(vget_high_s16(high))]
        }

        fn add(a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
            [vaddq_f32(a[0], b[0]), vaddq_f32(a[1], b[1]), vaddq_f32(a[2], b[2]), vaddq_f32(a[3], b[3])]
        }

        fn mul(a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
            [vmulq_f32(a[0], b[0]), vmulq_f32(a[1], b[1]), vmulq_f32(a[2], b[2]), vmulq_f32(a[3], b[3])]
        }

        fn fma(a: [float32x4_t; 4], b: [float32x4_t; 4], c: [float32x4_t; 4]) -> [float32x4_t; 4] {
            [vfmaq_f32(c[0], a[0], b[0]), vfmaq_f32(c[1], a[1], b[1]), vfmaq_f32(c[2], a[2], b[2]), vfmaq_f32(c[3], a[3], b[3])]
        }

        fn to_floats(values: [int32x4_t; 4]) -> [float32x4_t; 4] {
            [vcvtq_f32_s32(values[0]), vcvtq_f32_s32(values[1]), vcvtq_f32_s32(values[2]), vcvtq_f32_s32(values[3])]
        }

        fn quads(bytes: &[u8; 64]) -> [uint8x16_t; 4] {
            registers(bytes)
        }

        fn low_nibbles(bytes: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            let mask = vdupq_n_u8(15);
            [vandq_u8(bytes[0], mask), vandq_u8(bytes[1], mask), vandq_u8(bytes[2], mask), vandq_u8(bytes[3], mask)]
        }

        fn high_nibbles(bytes: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            [vshrq_n_u8::<4>(bytes[0]), vshrq_n_u8::<4>(bytes[1]), vshrq_n_u8::<4>(bytes[2]), vshrq_n_u8::<4>(bytes[3])]
        }

        fn with_plane<const LEFT: u32, const RIGHT: u32, const MASK: u8>(nibbles: [uint8x16_t; 4], plane: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            let (mask, shift) = (vdupq_n_u8(MASK), vdupq_n_s8((LEFT.cast_signed() - RIGHT.cast_signed()) as i8));
            let mut out = nibbles;
            for r in 0..4 {
                out[r] = vorrq_u8(nibbles[r], vandq_u8(vshlq_u8(plane[r], shift), mask));
            }
            out
        }

        fn start(value: i32) -> [int32x4_t; 4] {
            [vdupq_n_s32(value); 4]
        }

        // Weights below 64 are the same number with a sign.
        fn dot(sum: [int32x4_t; 4], weights: [uint8x16_t; 4], activations: [u8; 4]) -> [int32x4_t; 4] {
            let x = repeat(activations);
            let mut out = sum;
            for r in 0..4 {
                out[r] = sdot(sum[r], vreinterpretq_s8_u8(weights[r]), x);
            }
            out
        }

        fn settle(sum: [int32x4_t; 4]) -> [int32x4_t; 4] {
            sum
        }

        fn total(sum: [int32x4_t; 4]) -> [int32x4_t; 4] {
            sum
        }

        fn bytes(bytes: &[u8; 64]) -> [int8x16_t; 4] {
            let [a, b, c, d] = registers(bytes);
            let surplus = vdupq_n_u8(0x80);
            [vreinterpretq_s8_u8(veorq_u8(a, surplus)), vreinterpretq_s8_u8(veorq_u8(b, surplus)), vreinterpretq_s8_u8(veorq_u8(c, surplus)), vreinterpretq_s8_u8(veorq_u8(d, surplus))]
        }

        fn start_bytes(_less: i32) -> [int32x4_t; 4] {
            [vdupq_n_s32(0); 4]
        }

        fn dot_bytes(sum: [int32x4_t; 4], weights: [int8x16_t; 4], activations: [u8; 4]) -> [int32x4_t; 4] {
            let x = repeat(activations);
            [sdot(sum[0], weights[0], x), sdot(sum[1], weights[1], x), sdot(sum[2], weights[2], x), sdot(sum[3], weights[3], x)]
        }
    }
}
