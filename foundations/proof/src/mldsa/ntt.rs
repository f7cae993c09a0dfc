//! The number-theoretic transform and its inverse (FIPS 204, Algorithms 41 and 42), on one polynomial of each lane at once.

use super::field::{Factor, centered};
use super::isa::Lanes;
use super::params::{DEGREE, Q};

/// One polynomial a lane: coefficient k of all lanes lies together.
pub(super) type Poly<S> = [<S as Lanes>::Ints; DEGREE];

/// ζ, a 512th root of unity modulo q (FIPS 204, §2.3).
const ZETA: i64 = 1_753;

/// ζ^BitRev8(m) (FIPS 204, Appendix B).
static ZETAS: [Factor; DEGREE] = zetas();

/// 2⁶⁴/256 = 2⁵⁶ mod q, as it stands: takes the 256 of the transform away, and the 2⁻³² of the Montgomery reduction that made the input.
const LAST_FACTOR: Factor = Factor::from_shifted(centered(power(2, 56)));

/// Into the transformed domain, in place.
///
/// Each of the eight layers adds a Montgomery product of at most |y|·|ζ|/2³² + q/2 < 0.52·q (|y| < 9·q, |ζ| < q/2): from |input| ≤ q the output stays below 5.2·q, far inside 32
/// bits.
#[inline(always)]
pub(super) fn ntt<S: Lanes>(lanes: S, poly: &mut Poly<S>) {
    let mut zeta_index = 0;
    let mut length = DEGREE / 2;
    while length > 0 {
        for block in poly.chunks_exact_mut(2 * length) {
            zeta_index += 1;
            let zeta = ZETAS[zeta_index];
            let (low, high) = block.split_at_mut(length);
            for (x, y) in low.iter_mut().zip(high) {
                let product = lanes.times(*y, zeta);
                *y = lanes.sub(*x, product);
                *x = lanes.add(*x, product);
            }
        }
        length /= 2;
    }
}

/// Back from the transformed domain, in place, times 2³²: the input is what a Montgomery reduction of products gave.
///
/// Sums double in each of the eight layers: from |input| < 0.59·q they stay below 256·0.59·q < 2³¹, and so do the differences. Products of a difference with |ζ| < q/2 are below
/// 2³¹·q, as Montgomery's reduction asks. The last factor is small (41,978), so the output lies in (−0.51·q, 0.51·q): adding q to the negative ones gives the representatives in [0, q).
#[inline(always)]
pub(super) fn inverse_ntt<S: Lanes>(lanes: S, poly: &mut Poly<S>) {
    let mut zeta_index = DEGREE;
    let mut length = 1;
    while length < DEGREE {
        for block in poly.chunks_exact_mut(2 * length) {
            zeta_index -= 1;
            let zeta = ZETAS[zeta_index];
            let (low, high) = block.split_at_mut(length);
            for (x, y) in low.iter_mut().zip(high) {
                let before = *x;
                *x = lanes.add(before, *y);
                // The standard multiplies x − y by −ζ.
                *y = lanes.times(lanes.sub(*y, before), zeta);
            }
        }
        length *= 2;
    }
    for x in poly.iter_mut() {
        *x = lanes.times(*x, LAST_FACTOR);
    }
}

const fn zetas() -> [Factor; DEGREE] {
    let mut all = [Factor::new(0); DEGREE];
    let mut m = 0;
    while m < DEGREE {
        all[m] = Factor::new(power(ZETA, (m as u8).reverse_bits() as u32));
        m += 1;
    }
    all
}

/// base^exponent mod q.
const fn power(base: i64, exponent: u32) -> i64 {
    let mut result = 1;
    let mut step = 0;
    while step < exponent {
        result = result * base % Q as i64;
        step += 1;
    }
    result
}
