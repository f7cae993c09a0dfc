//! The hint of a signature, and the high bits that it corrects.

use super::isa::{LANE_COUNT_MAX, Lanes};
use super::ntt::Poly;
use super::params::{DEGREE, GAMMA2, K, OMEGA, Q, W1_POLY_LEN};

/// The hints of all lanes: bit `lane` of entry `coefficient` of polynomial `row`.
pub(super) type Hints = [[u16; DEGREE]; K];

/// HintBitUnpack (FIPS 204, Algorithm 21) of one lane's packed hint; false for one that is not the canonical encoding, whose bits then mean nothing.
///
/// Canonical: the counts of the rows never fall and never pass ω, the positions inside a row rise, and positions that no row counts are zero. Without that one signature would have
/// many encodings.
#[inline(always)]
pub(super) fn unpack(packed: &[u8], lane: usize, hints: &mut Hints) -> bool {
    let (positions, ends) = packed.split_at(OMEGA);
    let mut start = 0;
    for (hints, end) in hints.iter_mut().zip(ends) {
        let Some(row) = positions.get(start..usize::from(*end)) else { return false };
        let mut previous = None;
        for position in row {
            if previous.is_some_and(|previous| previous >= *position) {
                return false;
            }
            previous = Some(*position);
            hints[usize::from(*position)] |= 1 << lane;
        }
        start = usize::from(*end);
    }
    positions[start..].iter().all(|position| *position == 0)
}

/// UseHint of each coefficient of one polynomial of w′, then SimpleBitPack with four bits (FIPS 204, Algorithms 40, 28 and 16): gives each lane's bytes from `start` of its output.
/// The coefficients are those that [`super::ntt::inverse_ntt`] gives.
#[inline(always)]
pub(super) fn encode_w1<S: Lanes, const LEN: usize>(lanes: S, w: &Poly<S>, hints: &[u16; DEGREE], start: usize, out: &mut [[u8; LEN]; LANE_COUNT_MAX]) {
    let groups = w.as_chunks::<8>().0.iter().zip(hints.as_chunks::<8>().0);
    for (group, (w, hints)) in groups.enumerate() {
        // From the last to the first, each moving those before it up by four bits.
        let mut packed = lanes.int(0);
        for (w, hint) in w.iter().zip(hints).rev() {
            packed = lanes.or(lanes.shift_left::<4>(packed), high_bits(lanes, *w, lanes.int_mask(*hint)));
        }
        let at = start + 4 * group;
        for (out, packed) in out.iter_mut().zip(lanes.int_array(packed)).take(S::COUNT) {
            out[at..at + 4].copy_from_slice(&packed.to_le_bytes());
        }
    }
}

const _: () = assert!(W1_POLY_LEN == 4 * DEGREE / 8);

/// UseHint (FIPS 204, Algorithm 40) for m = (q − 1)/(2·γ2) = 16 buckets; `w` in (−q, q), `hint` −1 where the bit is set, else 0.
#[inline(always)]
pub(super) fn high_bits<S: Lanes>(lanes: S, w: S::Ints, hint: S::Ints) -> S::Ints {
    const { assert!(2 * GAMMA2 == (1 << 19) - (1 << 9) && Q - 1 == 32 * GAMMA2) };
    // The representative in [0, q).
    let r = lanes.add(w, lanes.and(lanes.shift_right::<31>(w), lanes.int(Q)));
    // r1 of Decompose (Algorithm 36): r/(2·γ2) rounded, half down, by the reciprocal 1025/2²² of 2·γ2/2⁷ = 4092; below 2³¹ because r/2⁷ < 2¹⁷. Sixteen is the bucket of q − 1 and
    // its neighbours, which is 0.
    let scaled = lanes.shift_right::<7>(lanes.add(r, lanes.int(127)));
    let scaled = lanes.add(lanes.shift_left::<10>(scaled), scaled);
    let r1 = lanes.and(lanes.shift_right::<22>(lanes.add(scaled, lanes.int(1 << 21))), lanes.int(15));
    // r0, but for the bucket of q − 1, where q is still to be taken away: there it is above q/2, and negative in truth.
    let r0 = lanes.sub(r, lanes.sub(lanes.shift_left::<19>(r1), lanes.shift_left::<9>(r1)));
    let wraps = lanes.shift_right::<31>(lanes.sub(lanes.int((Q - 1) / 2), r0));
    let r0 = lanes.sub(r0, lanes.and(wraps, lanes.int(Q)));
    // 1 where r0 > 0, else −1.
    let is_positive = lanes.shift_right::<31>(lanes.sub(lanes.int(0), r0));
    let step = lanes.sub(lanes.int(-1), lanes.shift_left::<1>(is_positive));
    lanes.and(lanes.add(r1, lanes.and(step, hint)), lanes.int(15))
}
