//! The response z of each lane's signature: unpacked, and held to its bound.

use super::isa::{LANE_COUNT_MAX, Lanes};
use super::ntt::Poly;
use super::params::{BETA, CHALLENGE_LEN, DEGREE, GAMMA1, L, Z_BITS};
use crate::signature::SIGNATURE_LEN;

/// Bytes of two packed coefficients.
const PAIR_LEN: usize = 2 * Z_BITS / 8;

/// BitUnpack(z, γ1 − 1, γ1) (FIPS 204, Algorithms 19 and 27) into the polynomials of z; gives the lanes, as bits, where ‖z‖∞ < γ1 − β (Algorithm 8, line 13).
#[inline(always)]
pub(super) fn unpack<S: Lanes>(lanes: S, signatures: &[&[u8; SIGNATURE_LEN]; LANE_COUNT_MAX], z: &mut [Poly<S>]) -> u16 {
    let (gamma1, zero) = (lanes.int(GAMMA1), lanes.int(0));
    let mut largest = zero;
    for (column, poly) in z.iter_mut().enumerate().take(L) {
        for (pair, values) in poly.as_chunks_mut().0.iter_mut().enumerate() {
            let start = CHALLENGE_LEN + (column * DEGREE / 2 + pair) * PAIR_LEN;
            let packed = lanes.unpack_pair(&groups::<S>(signatures, start));
            *values = packed.map(|packed| lanes.sub(gamma1, packed));
            for value in *values {
                largest = lanes.max(largest, lanes.max(value, lanes.sub(zero, value)));
            }
        }
    }
    let largest = lanes.int_array(largest);
    (0..S::COUNT).filter(|lane| largest[*lane] < GAMMA1 - BETA).fold(0, |bits, lane| bits | 1 << lane)
}

/// The eight bytes of each signature from `start`, little-endian: a pair of coefficients, and three bytes of what follows. The hint follows the last pair, so all lie inside.
#[inline(always)]
fn groups<S: Lanes>(signatures: &[&[u8; SIGNATURE_LEN]; LANE_COUNT_MAX], start: usize) -> [u64; LANE_COUNT_MAX] {
    let mut groups = [0; LANE_COUNT_MAX];
    for (group, signature) in groups.iter_mut().zip(signatures).take(S::COUNT) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&signature[start..start + 8]);
        *group = u64::from_le_bytes(bytes);
    }
    groups
}
