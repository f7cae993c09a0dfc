//! The primitives by AVX-512 (F, BW, DQ, VL): sixteen signatures at a time, eight messages hashed at a time.
#![allow(unsafe_code)]

use super::primitives::primitives;
use super::{HASH_COUNT_MAX, KeccakWords, LANE_COUNT_MAX, Lanes, Task};
use crate::mldsa::field::{Factor, Q_INVERSE};
use crate::mldsa::keccak::absorb_one;
use crate::mldsa::params::Q;
use core::arch::x86_64::*;

cpufeatures::new!(has_avx512, "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl");

/// Proof that the machine has these parts of AVX-512.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The path, if the processor and its system have it.
    pub(super) fn detect() -> Option<Self> {
        has_avx512::get().then_some(Self(()))
    }

    /// Runs the work, compiled for this path.
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
        fn inside<T: Task>(lanes: Avx512, task: T) -> T::Output {
            task.run(lanes)
        }
        // SAFETY: an `Avx512` exists only where `detect` found all of these.
        unsafe { inside(self, task) }
    }

    /// Absorbs blocks of one message into Keccak's state.
    pub(super) fn absorb<const RATE: usize>(self, state: &mut [u64; 25], blocks: &[[u8; RATE]]) {
        #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
        fn inside<const RATE: usize>(single: Single, state: &mut [u64; 25], blocks: &[[u8; RATE]]) {
            let mut words = [single.word(0); 25];
            for (word, value) in words.iter_mut().zip(&*state) {
                *word = single.word(*value);
            }
            absorb_one(single, &mut words, blocks);
            for (value, word) in state.iter_mut().zip(words) {
                *value = _mm_cvtsi128_si64(word).cast_unsigned();
            }
        }
        // SAFETY: an `Avx512` exists only where `detect` found all of these.
        unsafe { inside(Single { _path: self }, state, blocks) }
    }
}

/// The high halves of 64-bit lanes, from the low halves' and the high halves' products.
#[target_feature(enable = "avx512f")]
#[inline]
fn high_halves(even: __m512i, odd: __m512i) -> __m512i {
    _mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0x5555, even)
}

/// Eight values as 64-bit lanes.
#[target_feature(enable = "avx512f")]
#[inline]
fn eight(values: &[u64; 8]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = values.map(u64::cast_signed);
    _mm512_setr_epi64(a, b, c, d, e, f, g, h)
}

impl Lanes for Avx512 {
    const COUNT: usize = 16;
    const HASH_COUNT: usize = 8;
    type Ints = __m512i;
    /// Lanes 0, 2, 4, … and lanes 1, 3, 5, ….
    type Wide = [__m512i; 2];

    primitives! { "avx2,avx512f,avx512bw,avx512dq,avx512vl";
        fn int(value: i32) -> __m512i {
            _mm512_set1_epi32(value)
        }

        fn int_array(values: __m512i) -> [i32; LANE_COUNT_MAX] {
            // SAFETY: both are 64 bytes of plain integers.
            unsafe { core::mem::transmute(values) }
        }

        fn int_mask(bits: u16) -> __m512i {
            _mm512_maskz_set1_epi32(bits, -1)
        }

        fn unpack_pair(groups: &[u64; LANE_COUNT_MAX]) -> [__m512i; 2] {
            let mask = _mm512_set1_epi64(0xf_ffff);
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *groups;
            let (low, high) = (eight(&[a, b, c, d, e, f, g, h]), eight(&[i, j, k, l, m, n, o, p]));
            // The low halves of the 64-bit lanes of both, in order.
            let join = |low: __m512i, high: __m512i| {
                let (low, high) = (_mm512_and_si512(low, mask), _mm512_and_si512(high, mask));
                _mm512_inserti64x4::<1>(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)), _mm512_cvtepi64_epi32(high))
            };
            [join(low, high), join(_mm512_srli_epi64::<20>(low), _mm512_srli_epi64::<20>(high))]
        }

        fn add(a: __m512i, b: __m512i) -> __m512i {
            _mm512_add_epi32(a, b)
        }

        fn sub(a: __m512i, b: __m512i) -> __m512i {
            _mm512_sub_epi32(a, b)
        }

        fn and(a: __m512i, b: __m512i) -> __m512i {
            _mm512_and_si512(a, b)
        }

        fn or(a: __m512i, b: __m512i) -> __m512i {
            _mm512_or_si512(a, b)
        }

        fn max(a: __m512i, b: __m512i) -> __m512i {
            _mm512_max_epi32(a, b)
        }

        fn shift_left<const BITS: u32>(a: __m512i) -> __m512i {
            _mm512_sllv_epi32(a, _mm512_set1_epi32(BITS.cast_signed()))
        }

        fn shift_right<const BITS: u32>(a: __m512i) -> __m512i {
            _mm512_srav_epi32(a, _mm512_set1_epi32(BITS.cast_signed()))
        }

        fn times(a: __m512i, factor: Factor) -> __m512i {
            let (shifted, q) = (_mm512_set1_epi32(factor.shifted), _mm512_set1_epi32(Q));
            let t = _mm512_mullo_epi32(a, _mm512_set1_epi32(factor.shifted_by_q_inverse));
            let (a_odd, t_odd) = (_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(t));
            // Both differences are multiples of 2³².
            let even = _mm512_sub_epi64(_mm512_mul_epi32(a, shifted), _mm512_mul_epi32(t, q));
            let odd = _mm512_sub_epi64(_mm512_mul_epi32(a_odd, shifted), _mm512_mul_epi32(t_odd, q));
            high_halves(even, odd)
        }

        fn wide_zero() -> [__m512i; 2] {
            [_mm512_setzero_si512(); 2]
        }

        // A multiplication reads the low half of each 64-bit lane alone.
        fn widen(a: __m512i) -> [__m512i; 2] {
            [a, _mm512_srli_epi64::<32>(a)]
        }

        fn multiply_add(sum: [__m512i; 2], a: [__m512i; 2], b: i32) -> [__m512i; 2] {
            let b = _mm512_set1_epi32(b);
            [_mm512_add_epi64(sum[0], _mm512_mul_epi32(a[0], b)), _mm512_add_epi64(sum[1], _mm512_mul_epi32(a[1], b))]
        }

        fn reduce(a: [__m512i; 2]) -> __m512i {
            let (q, q_inverse) = (_mm512_set1_epi32(Q), _mm512_set1_epi32(Q_INVERSE));
            let [even, odd] = a.map(|a| _mm512_sub_epi64(a, _mm512_mul_epi32(_mm512_mul_epi32(a, q_inverse), q)));
            high_halves(even, odd)
        }

        fn words(values: &[u64; HASH_COUNT_MAX]) -> __m512i {
            eight(values)
        }

        fn word_array(values: __m512i) -> [u64; HASH_COUNT_MAX] {
            // SAFETY: both are 64 bytes of plain integers.
            unsafe { core::mem::transmute(values) }
        }
    }
}

impl KeccakWords for Avx512 {
    type Words = __m512i;

    primitives! { "avx2,avx512f,avx512bw,avx512dq,avx512vl";
        fn word(value: u64) -> __m512i {
            _mm512_set1_epi64(value.cast_signed())
        }

        fn xor(a: __m512i, b: __m512i) -> __m512i {
            _mm512_xor_si512(a, b)
        }

        fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
            _mm512_ternarylogic_epi64::<0x96>(a, b, c)
        }

        fn chi(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
            _mm512_ternarylogic_epi64::<0xd2>(a, b, c)
        }

        fn rotate<const BITS: u32>(a: __m512i) -> __m512i {
            _mm512_rolv_epi64(a, _mm512_set1_epi64(i64::from(BITS)))
        }
    }
}

/// One message, a vector for each word of the state: AVX-512 has the logic of three operands, rotations, and registers enough for all of it.
#[derive(Clone, Copy)]
struct Single {
    _path: Avx512,
}

impl KeccakWords for Single {
    type Words = __m128i;

    primitives! { "avx2,avx512f,avx512bw,avx512dq,avx512vl";
        fn word(value: u64) -> __m128i {
            _mm_set1_epi64x(value.cast_signed())
        }

        fn xor(a: __m128i, b: __m128i) -> __m128i {
            _mm_xor_si128(a, b)
        }

        fn xor3(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
            _mm_ternarylogic_epi64::<0x96>(a, b, c)
        }

        fn chi(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
            _mm_ternarylogic_epi64::<0xd2>(a, b, c)
        }

        fn rotate<const BITS: u32>(a: __m128i) -> __m128i {
            _mm_rolv_epi64(a, _mm_set1_epi64x(i64::from(BITS)))
        }
    }
}
