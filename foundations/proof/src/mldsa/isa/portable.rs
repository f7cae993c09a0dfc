//! The primitives on every machine: plain integers, with the arithmetic checked for overflow wherever the profile checks it.

use super::{HASH_COUNT_MAX, KeccakWords, LANE_COUNT_MAX, Lanes};
use crate::mldsa::field::{Factor, montgomery_reduce};
use crate::mldsa::params::Q;

/// What every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mldsa) struct Portable;

const COUNT: usize = 4;

/// Applies an expression to each lane.
macro_rules! each_lane {
    ($lane:ident => $value:expr) => {{
        let mut out = [Default::default(); COUNT];
        let mut $lane = 0;
        while $lane < COUNT {
            out[$lane] = $value;
            $lane += 1;
        }
        out
    }};
}

impl Lanes for Portable {
    const COUNT: usize = COUNT;
    const HASH_COUNT: usize = 1;
    type Ints = [i32; COUNT];
    type Wide = [i64; COUNT];

    #[inline(always)]
    fn int(self, value: i32) -> Self::Ints {
        [value; COUNT]
    }

    #[inline(always)]
    fn int_array(self, values: Self::Ints) -> [i32; LANE_COUNT_MAX] {
        let mut out = [0; LANE_COUNT_MAX];
        out[..COUNT].copy_from_slice(&values);
        out
    }

    #[inline(always)]
    fn int_mask(self, bits: u16) -> Self::Ints {
        each_lane!(lane => -i32::from(bits >> lane & 1))
    }

    #[inline(always)]
    fn unpack_pair(self, groups: &[u64; LANE_COUNT_MAX]) -> [Self::Ints; 2] {
        // Masked to 20 bits, so the casts lose nothing.
        [each_lane!(lane => (groups[lane] & 0xf_ffff) as i32), each_lane!(lane => (groups[lane] >> 20 & 0xf_ffff) as i32)]
    }

    #[inline(always)]
    fn add(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] + b[lane])
    }

    #[inline(always)]
    fn sub(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] - b[lane])
    }

    #[inline(always)]
    fn and(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] & b[lane])
    }

    #[inline(always)]
    fn or(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] | b[lane])
    }

    #[inline(always)]
    fn max(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        each_lane!(lane => if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, a: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] << BITS)
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self, a: Self::Ints) -> Self::Ints {
        each_lane!(lane => a[lane] >> BITS)
    }

    #[inline(always)]
    fn times(self, a: Self::Ints, factor: Factor) -> Self::Ints {
        each_lane!(lane => {
            let t = a[lane].wrapping_mul(factor.shifted_by_q_inverse);
            ((i64::from(a[lane]) * i64::from(factor.shifted) - i64::from(t) * i64::from(Q)) >> 32) as i32
        })
    }

    #[inline(always)]
    fn wide_zero(self) -> Self::Wide {
        [0; COUNT]
    }

    #[inline(always)]
    fn widen(self, a: Self::Ints) -> Self::Wide {
        each_lane!(lane => i64::from(a[lane]))
    }

    #[inline(always)]
    fn multiply_add(self, sum: Self::Wide, a: Self::Wide, b: i32) -> Self::Wide {
        each_lane!(lane => sum[lane] + a[lane] * i64::from(b))
    }

    #[inline(always)]
    fn reduce(self, a: Self::Wide) -> Self::Ints {
        each_lane!(lane => montgomery_reduce(a[lane]))
    }

    #[inline(always)]
    fn words(self, values: &[u64; HASH_COUNT_MAX]) -> Self::Words {
        values[0]
    }

    #[inline(always)]
    fn word_array(self, values: Self::Words) -> [u64; HASH_COUNT_MAX] {
        let mut out = [0; HASH_COUNT_MAX];
        out[0] = values;
        out
    }
}

impl KeccakWords for Portable {
    type Words = u64;

    #[inline(always)]
    fn word(self, value: u64) -> Self::Words {
        value
    }

    #[inline(always)]
    fn xor(self, a: Self::Words, b: Self::Words) -> Self::Words {
        a ^ b
    }

    #[inline(always)]
    fn xor3(self, a: Self::Words, b: Self::Words, c: Self::Words) -> Self::Words {
        // In this order b ⊕ c, which five of θ's words share, is computed once.
        a ^ (b ^ c)
    }

    #[inline(always)]
    fn chi(self, a: Self::Words, b: Self::Words, c: Self::Words) -> Self::Words {
        a ^ (!b & c)
    }

    #[inline(always)]
    fn rotate<const BITS: u32>(self, a: Self::Words) -> Self::Words {
        a.rotate_left(BITS)
    }
}
