//! The primitives by AVX2: eight signatures at a time, four messages hashed at a time.
#![allow(unsafe_code)]

use super::primitives::primitives;
use super::{HASH_COUNT_MAX, KeccakWords, LANE_COUNT_MAX, Lanes, Task};
use crate::mldsa::field::{Factor, Q_INVERSE};
use crate::mldsa::params::Q;
use core::arch::x86_64::*;

cpufeatures::new!(has_avx2, "avx2");

/// Proof that the machine has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The path, if the processor and its system have it.
    pub(super) fn detect() -> Option<Self> {
        has_avx2::get().then_some(Self(()))
    }

    /// Runs the work, compiled for this path.
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx2")]
        fn inside<T: Task>(lanes: Avx2, task: T) -> T::Output {
            task.run(lanes)
        }
        // SAFETY: an `Avx2` exists only where `detect` found AVX2.
        unsafe { inside(self, task) }
    }
}

/// The high halves of 64-bit lanes, from the low halves' and the high halves' products.
#[target_feature(enable = "avx2")]
#[inline]
fn high_halves(even: __m256i, odd: __m256i) -> __m256i {
    _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<32>(even), odd)
}

impl Lanes for Avx2 {
    const COUNT: usize = 8;
    const HASH_COUNT: usize = 4;
    type Ints = __m256i;
    /// Lanes 0, 2, 4, 6 and lanes 1, 3, 5, 7.
    type Wide = [__m256i; 2];

    primitives! { "avx2";
        fn int(value: i32) -> __m256i {
            _mm256_set1_epi32(value)
        }

        fn int_array(values: __m256i) -> [i32; LANE_COUNT_MAX] {
            // SAFETY: both are 32 bytes of plain integers.
            let values: [i32; 8] = unsafe { core::mem::transmute(values) };
            let mut out = [0; LANE_COUNT_MAX];
            out[..8].copy_from_slice(&values);
            out
        }

        fn int_mask(bits: u16) -> __m256i {
            let own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(i32::from(bits)), own), own)
        }

        fn unpack_pair(groups: &[u64; LANE_COUNT_MAX]) -> [__m256i; 2] {
            let mask = _mm256_set1_epi64x(0xf_ffff);
            let half = |from: usize| _mm256_setr_epi64x(groups[from].cast_signed(), groups[from + 1].cast_signed(), groups[from + 2].cast_signed(), groups[from + 3].cast_signed());
            // The low halves of the 64-bit lanes of both, in order.
            let join = |low: __m256i, high: __m256i| {
                let mixed = _mm256_shuffle_ps::<0b10_00_10_00>(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
                _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(mixed))
            };
            let (low, high) = (half(0), half(4));
            let first = join(_mm256_and_si256(low, mask), _mm256_and_si256(high, mask));
            let (low, high) = (_mm256_srli_epi64::<20>(low), _mm256_srli_epi64::<20>(high));
            [first, join(_mm256_and_si256(low, mask), _mm256_and_si256(high, mask))]
        }

        fn add(a: __m256i, b: __m256i) -> __m256i {
            _mm256_add_epi32(a, b)
        }

        fn sub(a: __m256i, b: __m256i) -> __m256i {
            _mm256_sub_epi32(a, b)
        }

        fn and(a: __m256i, b: __m256i) -> __m256i {
            _mm256_and_si256(a, b)
        }

        fn or(a: __m256i, b: __m256i) -> __m256i {
            _mm256_or_si256(a, b)
        }

        fn max(a: __m256i, b: __m256i) -> __m256i {
            _mm256_max_epi32(a, b)
        }

        fn shift_left<const BITS: u32>(a: __m256i) -> __m256i {
            _mm256_sllv_epi32(a, _mm256_set1_epi32(BITS.cast_signed()))
        }

        fn shift_right<const BITS: u32>(a: __m256i) -> __m256i {
            _mm256_srav_epi32(a, _mm256_set1_epi32(BITS.cast_signed()))
        }

        fn times(a: __m256i, factor: Factor) -> __m256i {
            let (shifted, q) = (_mm256_set1_epi32(factor.shifted), _mm256_set1_epi32(Q));
            let t = _mm256_mullo_epi32(a, _mm256_set1_epi32(factor.shifted_by_q_inverse));
            let (a_odd, t_odd) = (_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(t));
            // Both differences are multiples of 2³².
            let even = _mm256_sub_epi64(_mm256_mul_epi32(a, shifted), _mm256_mul_epi32(t, q));
            let odd = _mm256_sub_epi64(_mm256_mul_epi32(a_odd, shifted), _mm256_mul_epi32(t_odd, q));
            high_halves(even, odd)
        }

        fn wide_zero() -> [__m256i; 2] {
            [_mm256_setzero_si256(); 2]
        }

        // A multiplication reads the low half of each 64-bit lane alone.
        fn widen(a: __m256i) -> [__m256i; 2] {
            [a, _mm256_srli_epi64::<32>(a)]
        }

        fn multiply_add(sum: [__m256i; 2], a: [__m256i; 2], b: i32) -> [__m256i; 2] {
            let b = _mm256_set1_epi32(b);
            [_mm256_add_epi64(sum[0], _mm256_mul_epi32(a[0], b)), _mm256_add_epi64(sum[1], _mm256_mul_epi32(a[1], b))]
        }

        fn reduce(a: [__m256i; 2]) -> __m256i {
            let (q, q_inverse) = (_mm256_set1_epi32(Q), _mm256_set1_epi32(Q_INVERSE));
            let [even, odd] = a.map(|a| _mm256_sub_epi64(a, _mm256_mul_epi32(_mm256_mul_epi32(a, q_inverse), q)));
            high_halves(even, odd)
        }

        fn words(values: &[u64; HASH_COUNT_MAX]) -> __m256i {
            _mm256_setr_epi64x(values[0].cast_signed(), values[1].cast_signed(), values[2].cast_signed(), values[3].cast_signed())
        }

        fn word_array(values: __m256i) -> [u64; HASH_COUNT_MAX] {
            // SAFETY: both are 32 bytes of plain integers.
            let values: [u64; 4] = unsafe { core::mem::transmute(values) };
            let mut out = [0; HASH_COUNT_MAX];
            out[..4].copy_from_slice(&values);
            out
        }
    }
}

impl KeccakWords for Avx2 {
    type Words = __m256i;

    primitives! { "avx2";
        fn word(value: u64) -> __m256i {
            _mm256_set1_epi64x(value.cast_signed())
        }

        fn xor(a: __m256i, b: __m256i) -> __m256i {
            _mm256_xor_si256(a, b)
        }

        fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
            // In this order b ⊕ c, which five of θ's words share, is computed once.
            _mm256_xor_si256(a, _mm256_xor_si256(b, c))
        }

        fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
            _mm256_xor_si256(a, _mm256_andnot_si256(b, c))
        }

        fn rotate<const BITS: u32>(a: __m256i) -> __m256i {
            let (left, right) = (_mm256_set1_epi64x(i64::from(BITS)), _mm256_set1_epi64x(64 - i64::from(BITS)));
            _mm256_or_si256(_mm256_sllv_epi64(a, left), _mm256_srlv_epi64(a, right))
        }
    }
}
