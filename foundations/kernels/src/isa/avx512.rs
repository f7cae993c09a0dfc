//! The primitives by AVX-512 with VNNI: sixteen lanes are one register, and four products a lane are one instruction.
#![allow(unsafe_code)]

use super::ahead::Ahead;
use super::primitives::primitives;
use super::{LANES, Lanes};
use std::arch::x86_64::*;

/// Proof that the machine has AVX-512 (F, BW, DQ, VL, VNNI), and how its memory is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512 {
    ahead: Ahead,
}

impl Avx512 {
    /// The path, if the processor and its system have it.
    pub(super) fn detect() -> Option<Self> {
        use std::arch::is_x86_feature_detected as has;
        (has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx512vnni") && has!("avx2") && has!("fma"))
            .then(|| Self { ahead: Ahead::of_machine() })
    }
}

impl Lanes for Avx512 {
    const WIDE: bool = true;
    type Floats = __m512;
    type Ints = __m512i;
    type Quads = __m512i;
    /// Stored plus 128: the instruction wants unsigned weights, and `start_bytes` takes the surplus off.
    type Bytes = __m512i;
    type Partial = __m512i;

    #[inline(always)]
    fn prefetch(self, line: &[u8; 64]) {
        self.ahead.ask(line);
    }

    primitives! { "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni";
        fn fused(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }

        fn splat(value: f32) -> __m512 {
            _mm512_set1_ps(value)
        }

        fn load(values: &[f32; LANES]) -> __m512 {
            // SAFETY: 64 readable bytes; the instruction asks for no alignment.
            unsafe { _mm512_loadu_ps(values.as_ptr()) }
        }

        fn store(values: __m512, out: &mut [f32; LANES]) {
            // SAFETY: 64 writable bytes; the instruction asks for no alignment.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
        }

        fn widen_f16(values: &[[u8; 2]; LANES]) -> __m512 {
            // SAFETY: 32 readable bytes; the instruction asks for no alignment.
            _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(values.as_ptr().cast()) })
        }

        fn widen_bf16(values: &[[u8; 2]; LANES]) -> __m512 {
            // SAFETY: 32 readable bytes; the instruction asks for no alignment.
            let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(values)))
        }

        fn widen_i8(values: &[u8; LANES]) -> __m512 {
            // SAFETY: 16 readable bytes; the instruction asks for no alignment.
            let values = unsafe { _mm_loadu_si128(values.as_ptr().cast()) };
            _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(values))
        }

        fn add(a: __m512, b: __m512) -> __m512 {
            _mm512_add_ps(a, b)
        }

        fn mul(a: __m512, b: __m512) -> __m512 {
            _mm512_mul_ps(a, b)
        }

        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
            _mm512_fmadd_ps(a, b, c)
        }

        fn to_floats(values: __m512i) -> __m512 {
            _mm512_cvtepi32_ps(values)
        }

        fn quads(bytes: &[u8; 64]) -> __m512i {
            // SAFETY: 64 readable bytes; the instruction asks for no alignment.
            unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
        }

        fn low_nibbles(bytes: __m512i) -> __m512i {
            _mm512_and_si512(bytes, _mm512_set1_epi8(15))
        }

        fn high_nibbles(bytes: __m512i) -> __m512i {
            _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), _mm512_set1_epi8(15))
        }

        fn with_plane<const LEFT: u32, const RIGHT: u32, const MASK: u8>(nibbles: __m512i, plane: __m512i) -> __m512i {
            let moved = _mm512_srli_epi16::<RIGHT>(_mm512_slli_epi16::<LEFT>(plane));
            _mm512_or_si512(nibbles, _mm512_and_si512(moved, _mm512_set1_epi8(MASK.cast_signed())))
        }

        fn start(value: i32) -> __m512i {
            _mm512_set1_epi32(value)
        }

        fn dot(sum: __m512i, weights: __m512i, activations: [u8; 4]) -> __m512i {
            _mm512_dpbusd_epi32(sum, weights, _mm512_set1_epi32(i32::from_le_bytes(activations)))
        }

        fn settle(sum: __m512i) -> __m512i {
            sum
        }

        fn total(sum: __m512i) -> __m512i {
            sum
        }

        fn bytes(bytes: &[u8; 64]) -> __m512i {
            // SAFETY: 64 readable bytes; the instruction asks for no alignment.
            unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
        }

        fn start_bytes(less: i32) -> __m512i {
            _mm512_set1_epi32(less)
        }

        fn dot_bytes(sum: __m512i, weights: __m512i, activations: [u8; 4]) -> __m512i {
            _mm512_dpbusd_epi32(sum, weights, _mm512_set1_epi32(i32::from_le_bytes(activations)))
        }
    }
}
