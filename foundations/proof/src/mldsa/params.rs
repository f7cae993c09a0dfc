//! The constants of ML-DSA-65 (FIPS 204, Tables 1 and 2) and the parts of a signature.

use crate::signature::SIGNATURE_LEN;

/// The modulus of the ring's coefficients.
pub(super) const Q: i32 = 8_380_417;
/// Coefficients of one polynomial.
pub(super) const DEGREE: usize = 256;
/// Rows of the matrix Â: polynomials of t1, w and h.
pub(super) const K: usize = 6;
/// Columns of the matrix Â: polynomials of z.
pub(super) const L: usize = 5;
/// Bits dropped from t.
pub(super) const D: u32 = 13;
/// Non-zero coefficients of the challenge.
pub(super) const TAU: usize = 49;
/// Coefficients of z lie in (−γ1, γ1].
pub(super) const GAMMA1: i32 = 1 << 19;
/// Half the width of a bucket of high bits.
pub(super) const GAMMA2: i32 = (Q - 1) / 32;
/// τ·η: how far from γ1 an honest z stays.
pub(super) const BETA: i32 = 196;
/// One-bits of the hint, at most.
pub(super) const OMEGA: usize = 55;

/// Bytes of c̃: λ/4.
pub(super) const CHALLENGE_LEN: usize = 48;
/// Bytes of μ and tr.
pub(super) const MU_LEN: usize = 64;
/// Bits of one packed coefficient of z.
pub(super) const Z_BITS: usize = 20;
/// Bytes of all packed polynomials of z.
pub(super) const Z_LEN: usize = L * DEGREE * Z_BITS / 8;
/// Bytes of the packed hint.
pub(super) const HINT_LEN: usize = OMEGA + K;
/// Bytes of one polynomial of w1, four bits a coefficient.
pub(super) const W1_POLY_LEN: usize = DEGREE / 2;

const _: () = assert!(CHALLENGE_LEN + Z_LEN + HINT_LEN == SIGNATURE_LEN);

/// c̃ of a signature (FIPS 204, Algorithm 27: σ = c̃ ‖ z ‖ h).
#[inline(always)]
pub(super) fn challenge_of(signature: &[u8; SIGNATURE_LEN]) -> &[u8] {
    &signature[..CHALLENGE_LEN]
}

/// The packed hint of a signature.
#[inline(always)]
pub(super) fn hint_of(signature: &[u8; SIGNATURE_LEN]) -> &[u8] {
    &signature[CHALLENGE_LEN + Z_LEN..]
}
