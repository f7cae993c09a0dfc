//! Arithmetic modulo q by Montgomery's reduction (FIPS 204, Appendix A), with the bound of every result.

use super::params::Q;

/// q⁻¹ mod 2³².
pub(super) const Q_INVERSE: i32 = 58_728_449;

/// A constant factor, ready for a Montgomery product: `value`·2³² mod q, and that times q⁻¹ mod 2³².
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    /// In (−q/2, q/2).
    pub(super) shifted: i32,
    /// `shifted`·q⁻¹ mod 2³²: saves one of two dependent multiplications.
    pub(super) shifted_by_q_inverse: i32,
}

impl Factor {
    /// The factor that a Montgomery product turns into a plain multiplication by `value` mod q.
    pub(super) const fn new(value: i64) -> Self {
        Self::from_shifted(centered((value % Q as i64) * ((1 << 32) % Q as i64)))
    }

    /// The factor whose shifted form is known.
    pub(super) const fn from_shifted(shifted: i32) -> Self {
        Self { shifted, shifted_by_q_inverse: shifted.wrapping_mul(Q_INVERSE) }
    }
}

/// The representative in (−q/2, q/2).
pub(super) const fn centered(value: i64) -> i32 {
    let q = Q as i64;
    let below_q = ((value % q) + q) % q;
    (if below_q > q / 2 { below_q - q } else { below_q }) as i32
}

/// A value r with r ≡ a·2⁻³² mod q and |r| ≤ |a|/2³² + q/2, for |a| ≤ 2³¹·q.
///
/// t is a·q⁻¹ mod 2³² as a signed number, so |t·q| ≤ 2³¹·q and a − t·q is a multiple of 2³²: it neither overflows 64 bits (|a| + |t·q| ≤ 2³²·q < 2⁵⁶) nor, shifted, 32.
#[inline(always)]
pub(super) fn montgomery_reduce(a: i64) -> i32 {
    let t = (a as i32).wrapping_mul(Q_INVERSE);
    ((a - i64::from(t) * i64::from(Q)) >> 32) as i32
}
