//! The primitives by AVX2, FMA and F16C: sixteen lanes are two registers, of lanes 0 … 7 and 8 … 15.
#![allow(unsafe_code)]

use super::ahead::Ahead;
use super::primitives::primitives;
use super::{LANES, Lanes};
use std::arch::x86_64::*;

/// Proof that the machine has AVX2, FMA and F16C, and how its memory is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2 {
    ahead: Ahead,
}

impl Avx2 {
    /// The path, if the processor and its system have it.
    pub(super) fn detect() -> Option<Self> {
        use std::arch::is_x86_feature_detected as has;
        (has!("avx2") && has!("fma") && has!("f16c")).then(|| Self { ahead: Ahead::of_machine() })
    }
}

/// Both registers of weights, and of their magnitudes, which are unsigned as the instruction wants them.
#[derive(Clone, Copy)]
pub(crate) struct Signed {
    weights: [__m256i; 2],
    magnitudes: [__m256i; 2],
}

/// Sums in 32 bits, and what was added since the last settling, in pairs of 16 bits.
#[derive(Clone, Copy)]
pub(crate) struct Partial {
    settled: [__m256i; 2],
    recent: [__m256i; 2],
}

/// The two 32-byte halves.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(bytes: &[u8; 64]) -> [__m256i; 2] {
    // SAFETY: the first 32 of 64 readable bytes; the instruction asks for no alignment.
    let low = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
    // SAFETY: the last 32 bytes of the same array.
    let high = unsafe { _mm256_loadu_si256(bytes[32..].as_ptr().cast()) };
    [low, high]
}

/// The two 16-byte halves.
#[target_feature(enable = "avx2")]
#[inline]
fn quarters(values: &[[u8; 2]; LANES]) -> [__m128i; 2] {
    // SAFETY: the first 16 of 32 readable bytes; the instruction asks for no alignment.
    let low = unsafe { _mm_loadu_si128(values.as_ptr().cast()) };
    // SAFETY: the last 16 bytes of the same array.
    let high = unsafe { _mm_loadu_si128(values[8..].as_ptr().cast()) };
    [low, high]
}

#[target_feature(enable = "avx2")]
#[inline]
fn settled(sum: Partial) -> [__m256i; 2] {
    let ones = _mm256_set1_epi16(1);
    [_mm256_add_epi32(sum.settled[0], _mm256_madd_epi16(sum.recent[0], ones)), _mm256_add_epi32(sum.settled[1], _mm256_madd_epi16(sum.recent[1], ones))]
}

/// The same sum. Whatever is added to it next is computed after it: left to itself the compiler computes the products of many columns first and, having sixteen registers, carries them through memory, at
/// six tenths of the speed.
#[target_feature(enable = "avx2")]
#[inline]
fn in_order(mut sum: __m256i) -> __m256i {
    // SAFETY: a comment is no instruction; the register holds afterwards what it held before.
    unsafe { std::arch::asm!("/* {0} */", inout(ymm_reg) sum, options(nomem, nostack, preserves_flags)) };
    sum
}

impl Lanes for Avx2 {
    const WIDE: bool = false;
    type Floats = [__m256; 2];
    type Ints = [__m256i; 2];
    type Quads = [__m256i; 2];
    type Bytes = Signed;
    type Partial = Partial;

    #[inline(always)]
    fn prefetch(self, line: &[u8; 64]) {
        self.ahead.ask(line);
    }

    primitives! { "avx2,fma,f16c";
        fn fused(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }

        fn splat(value: f32) -> [__m256; 2] {
            [_mm256_set1_ps(value); 2]
        }

        fn load(values: &[f32; LANES]) -> [__m256; 2] {
            // SAFETY: the first 32 of 64 readable bytes; the instruction asks for no alignment.
            let low = unsafe { _mm256_loadu_ps(values.as_ptr()) };
            // SAFETY: the last 32 bytes of the same array.
            let high = unsafe { _mm256_loadu_ps(values[8..].as_ptr()) };
            [low, high]
        }

        fn store(values: [__m256; 2], out: &mut [f32; LANES]) {
            // SAFETY: the first 32 of 64 writable bytes; the instruction asks for no alignment.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), values[0]) };
            // SAFETY: the last 32 bytes of the same array.
            unsafe { _mm256_storeu_ps(out[8..].as_mut_ptr(), values[1]) };
        }

        fn widen_f16(values: &[[u8; 2]; LANES]) -> [__m256; 2] {
            let [low, high] = quarters(values);
            [_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)]
        }

        fn widen_bf16(values: &[[u8; 2]; LANES]) -> [__m256; 2] {
            let [low, high] = quarters(values);
            let (low, high) = (_mm256_cvtepu16_epi32(low), _mm256_cvtepu16_epi32(high));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)), _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high))]
        }

        fn widen_i8(values: &[u8; LANES]) -> [__m256; 2] {
            // SAFETY: 16 readable bytes; the instruction asks for no alignment.
            let values = unsafe { _mm_loadu_si128(values.as_ptr().cast()) };
            let high = _mm_unpackhi_epi64(values, values);
            [_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(values)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(high))]
        }

        fn add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])]
        }

        fn mul(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])]
        }

        fn fma(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])]
        }

        fn to_floats(values: [__m256i; 2]) -> [__m256; 2] {
            [_mm256_cvtepi32_ps(values[0]), _mm256_cvtepi32_ps(values[1])]
        }

        fn quads(bytes: &[u8; 64]) -> [__m256i; 2] {
            halves(bytes)
        }

        fn low_nibbles(bytes: [__m256i; 2]) -> [__m256i; 2] {
            let mask = _mm256_set1_epi8(15);
            [_mm256_and_si256(bytes[0], mask), _mm256_and_si256(bytes[1], mask)]
        }

        fn high_nibbles(bytes: [__m256i; 2]) -> [__m256i; 2] {
            let mask = _mm256_set1_epi8(15);
            [_mm256_and_si256(_mm256_srli_epi16::<4>(bytes[0]), mask), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes[1]), mask)]
        }

        fn with_plane<const LEFT: u32, const RIGHT: u32, const MASK: u8>(nibbles: [__m256i; 2], plane: [__m256i; 2]) -> [__m256i; 2] {
            let mask = _mm256_set1_epi8(MASK.cast_signed());
            let (left, right) = (_mm_cvtsi32_si128(LEFT.cast_signed()), _mm_cvtsi32_si128(RIGHT.cast_signed()));
            let low = _mm256_and_si256(_mm256_srl_epi16(_mm256_sll_epi16(plane[0], left), right), mask);
            let high = _mm256_and_si256(_mm256_srl_epi16(_mm256_sll_epi16(plane[1], left), right), mask);
            [_mm256_or_si256(nibbles[0], low), _mm256_or_si256(nibbles[1], high)]
        }

        fn start(value: i32) -> Partial {
            Partial { settled: [_mm256_set1_epi32(value); 2], recent: [_mm256_setzero_si256(); 2] }
        }

        // A pair of products of weights up to w is at most 2·127·w, and Σ w ≤ 128 keeps the sum of pairs below 2¹⁵.
        fn dot(sum: Partial, weights: [__m256i; 2], activations: [u8; 4]) -> Partial {
            let x = _mm256_set1_epi32(i32::from_le_bytes(activations));
            let low = _mm256_add_epi16(sum.recent[0], _mm256_maddubs_epi16(weights[0], x));
            let high = _mm256_add_epi16(sum.recent[1], _mm256_maddubs_epi16(weights[1], x));
            Partial { settled: sum.settled, recent: [in_order(low), in_order(high)] }
        }

        fn settle(sum: Partial) -> Partial {
            Partial { settled: settled(sum), recent: [_mm256_setzero_si256(); 2] }
        }

        fn total(sum: Partial) -> [__m256i; 2] {
            settled(sum)
        }

        fn bytes(bytes: &[u8; 64]) -> Signed {
            let surplus = _mm256_set1_epi8(-128);
            let [low, high] = halves(bytes);
            let weights = [_mm256_xor_si256(low, surplus), _mm256_xor_si256(high, surplus)];
            Signed { weights, magnitudes: [_mm256_abs_epi8(weights[0]), _mm256_abs_epi8(weights[1])] }
        }

        fn start_bytes(_less: i32) -> [__m256i; 2] {
            [_mm256_setzero_si256(); 2]
        }

        // A pair is at most 2·128·127 = 32,512: nothing saturates.
        fn dot_bytes(sum: [__m256i; 2], weights: Signed, activations: [u8; 4]) -> [__m256i; 2] {
            let (x, ones) = (_mm256_set1_epi32(i32::from_le_bytes(activations)), _mm256_set1_epi16(1));
            let low = _mm256_maddubs_epi16(weights.magnitudes[0], _mm256_sign_epi8(x, weights.weights[0]));
            let high = _mm256_maddubs_epi16(weights.magnitudes[1], _mm256_sign_epi8(x, weights.weights[1]));
            let (low, high) = (_mm256_madd_epi16(low, ones), _mm256_madd_epi16(high, ones));
            [in_order(_mm256_add_epi32(sum[0], low)), in_order(_mm256_add_epi32(sum[1], high))]
        }
    }
}
