//! Many signatures under one key, several at a time: ML-DSA.Verify (FIPS 204, Algorithms 3 and 8) in lanes.

use super::challenge::Challenges;
use super::hint::{self, Hints};
use super::isa::{Isa, LANE_COUNT_MAX, Lanes, Task};
use super::keccak::{SHAKE_SUFFIX, SHAKE256_RATE, pad, shake256};
use super::key::{ExpandedKey, Row};
use super::ntt::{Poly, inverse_ntt, ntt};
use super::params::{CHALLENGE_LEN, DEGREE, K, L, MU_LEN, W1_POLY_LEN, challenge_of, hint_of};
use super::response;
use crate::signature::SIGNATURE_LEN;
use alloc::vec;
use alloc::vec::Vec;

/// A message and the signature that is said to cover it.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// What was signed.
    pub message: &'a [u8],
    /// Its FIPS 204 encoding.
    pub signature: &'a [u8; SIGNATURE_LEN],
}

/// For each item: does its signature by `key` cover its message (pure ML-DSA-65, empty context string)? Equal on every path. Nobody checks the answer here; [`super::Verifier`]
/// does.
pub fn verify_many(key: &ExpandedKey, isa: Isa, items: &[Item<'_>]) -> Vec<bool> {
    verify_in_context(key, isa, &[], items)
}

/// As [`verify_many`], under a context string of at most 255 bytes; a longer one covers nothing.
pub(super) fn verify_in_context(key: &ExpandedKey, isa: Isa, context: &[u8], items: &[Item<'_>]) -> Vec<bool> {
    match u8::try_from(context.len()) {
        Ok(context_len) => isa.run(VerifyMany { key, context, context_len, items }),
        Err(_) => vec![false; items.len()],
    }
}

/// One call's work.
pub(super) struct VerifyMany<'a> {
    pub(super) key: &'a ExpandedKey,
    pub(super) context: &'a [u8],
    pub(super) context_len: u8,
    pub(super) items: &'a [Item<'a>],
}

impl Task for VerifyMany<'_> {
    type Output = Vec<bool>;

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> Vec<bool> {
        let mut work = Work::new(lanes);
        let mut verdicts = Vec::with_capacity(self.items.len());
        for chunk in self.items.chunks(S::COUNT) {
            // The last lanes of the last group repeat its first item.
            let group = core::array::from_fn(|lane| chunk.get(lane).unwrap_or(&chunk[0]));
            let accepted = self.verify_group(lanes, &group, &mut work);
            verdicts.extend((0..chunk.len()).map(|lane| accepted >> lane & 1 == 1));
        }
        verdicts
    }
}

/// Room for one group of signatures.
pub(super) struct Work<S: Lanes> {
    /// The polynomials of z, then c.
    vectors: Vec<Poly<S>>,
    /// The polynomials of w′.
    w: Vec<Poly<S>>,
    hints: Hints,
    challenges: Challenges,
    /// tr ‖ 0 ‖ |context| ‖ context ‖ message of each lane, padded.
    messages: [Vec<u8>; LANE_COUNT_MAX],
    /// μ ‖ w1 of each lane, padded.
    commitments: [[u8; COMMITMENT_LEN]; LANE_COUNT_MAX],
    /// What was hashed last: after a verification, the c̃ that each signature should hold.
    pub(super) blocks: [[u8; SHAKE256_RATE]; LANE_COUNT_MAX],
}

/// μ ‖ w1 with the padding of SHAKE256.
const COMMITMENT_LEN: usize = (MU_LEN + K * W1_POLY_LEN + 1).next_multiple_of(SHAKE256_RATE);

impl<S: Lanes> Work<S> {
    pub(super) fn new(lanes: S) -> Self {
        let mut commitment = [0; COMMITMENT_LEN];
        commitment[MU_LEN + K * W1_POLY_LEN] = SHAKE_SUFFIX;
        commitment[COMMITMENT_LEN - 1] ^= 0x80;
        Self {
            vectors: vec![[lanes.int(0); DEGREE]; L + 1],
            w: vec![[lanes.int(0); DEGREE]; K],
            hints: [[0; DEGREE]; K],
            challenges: Challenges::NONE,
            messages: Default::default(),
            commitments: [commitment; LANE_COUNT_MAX],
            blocks: [[0; SHAKE256_RATE]; LANE_COUNT_MAX],
        }
    }
}

impl VerifyMany<'_> {
    /// The lanes, as bits, whose signature holds (Algorithm 8).
    #[inline(always)]
    pub(super) fn verify_group<S: Lanes>(&self, lanes: S, group: &[&Item<'_>; LANE_COUNT_MAX], work: &mut Work<S>) -> u16 {
        let signatures = group.map(|item| item.signature);
        let is_canonical = unpack_hints::<S>(&signatures, &mut work.hints);
        let is_short = response::unpack(lanes, &signatures, &mut work.vectors);
        self.hash_messages(lanes, group, work);
        sample_challenges(lanes, &signatures, work);
        for vector in &mut work.vectors {
            ntt(lanes, vector);
        }
        multiply(lanes, self.key.rows(), &work.vectors, &mut work.w);
        for (row, (w, hints)) in work.w.iter_mut().zip(&work.hints).enumerate() {
            inverse_ntt(lanes, w);
            hint::encode_w1(lanes, w, hints, MU_LEN + row * W1_POLY_LEN, &mut work.commitments);
        }
        is_canonical & is_short & compare_challenges(lanes, &signatures, work)
    }

    /// μ = H(tr ‖ M′, 64) with M′ = 0 ‖ |context| ‖ context ‖ M (Algorithm 3, line 5; Algorithm 8, line 7), to the head of each lane's commitment.
    #[inline(always)]
    fn hash_messages<S: Lanes>(&self, lanes: S, group: &[&Item<'_>; LANE_COUNT_MAX], work: &mut Work<S>) {
        for (message, item) in work.messages.iter_mut().zip(group).take(S::COUNT) {
            message.clear();
            message.extend(self.key.tr());
            message.extend([0, self.context_len]);
            message.extend(self.context);
            message.extend(item.message);
            pad(message, SHAKE_SUFFIX, SHAKE256_RATE);
        }
        shake256(lanes, &work.messages.each_ref().map(Vec::as_slice), &mut work.blocks);
        for (commitment, block) in work.commitments.iter_mut().zip(&work.blocks) {
            commitment[..MU_LEN].copy_from_slice(&block[..MU_LEN]);
        }
    }
}

/// The hints of all lanes; gives the lanes, as bits, whose encoding is canonical.
#[inline(always)]
fn unpack_hints<S: Lanes>(signatures: &[&[u8; SIGNATURE_LEN]; LANE_COUNT_MAX], hints: &mut Hints) -> u16 {
    *hints = [[0; DEGREE]; K];
    let mut is_canonical = 0;
    for (lane, signature) in signatures.iter().enumerate().take(S::COUNT) {
        is_canonical |= u16::from(hint::unpack(hint_of(signature), lane, hints)) << lane;
    }
    is_canonical
}

/// c of each lane (Algorithm 8, line 8), behind z in the vectors.
#[inline(always)]
fn sample_challenges<S: Lanes>(lanes: S, signatures: &[&[u8; SIGNATURE_LEN]; LANE_COUNT_MAX], work: &mut Work<S>) {
    let padded = signatures.map(|signature| {
        let mut block = [0; SHAKE256_RATE];
        block[..CHALLENGE_LEN].copy_from_slice(challenge_of(signature));
        block[CHALLENGE_LEN] = SHAKE_SUFFIX;
        block[SHAKE256_RATE - 1] ^= 0x80;
        block
    });
    shake256(lanes, &padded.each_ref().map(<[u8; SHAKE256_RATE]>::as_slice), &mut work.blocks);
    work.challenges = Challenges::NONE;
    for (lane, signature) in signatures.iter().enumerate().take(S::COUNT) {
        work.challenges.sample(lane, &work.blocks[lane], challenge_of(signature));
    }
    work.challenges.write(lanes, &mut work.vectors[L]);
}

/// Â·NTT(z) − NTT(c)·NTT(t1·2¹³) (Algorithm 8, line 9), times 2⁻³².
///
/// A transformed coefficient is below 2¹⁹ + 8·0.52·q < 4.3·q, a key's below q/2: six products sum to less than 6·2.15·q² < 13·q² < 2³¹·q, far inside 64 bits, and the result is
/// below 13·q²/2³² + q/2 < 0.53·q.
#[inline(always)]
pub(super) fn multiply<S: Lanes>(lanes: S, rows: &[[Row; K]; DEGREE], vectors: &[Poly<S>], w: &mut [Poly<S>]) {
    let ([z0, z1, z2, z3, z4, c], [w0, w1, w2, w3, w4, w5]) = (vectors, w) else { return };
    for (k, rows) in rows.iter().enumerate() {
        let column = [lanes.widen(z0[k]), lanes.widen(z1[k]), lanes.widen(z2[k]), lanes.widen(z3[k]), lanes.widen(z4[k]), lanes.widen(c[k])];
        for (w, row) in [&mut *w0, w1, w2, w3, w4, w5].into_iter().zip(rows) {
            let mut sum = lanes.wide_zero();
            for (value, factor) in column.iter().zip(row) {
                sum = lanes.multiply_add(sum, *value, *factor);
            }
            w[k] = lanes.reduce(sum);
        }
    }
}

/// The lanes, as bits, where c̃ = H(μ ‖ w1, λ/4) (Algorithm 8, lines 12 and 13).
#[inline(always)]
fn compare_challenges<S: Lanes>(lanes: S, signatures: &[&[u8; SIGNATURE_LEN]; LANE_COUNT_MAX], work: &mut Work<S>) -> u16 {
    shake256(lanes, &work.commitments.each_ref().map(<[u8; COMMITMENT_LEN]>::as_slice), &mut work.blocks);
    let mut is_equal = 0;
    for (lane, (signature, block)) in signatures.iter().zip(&work.blocks).enumerate().take(S::COUNT) {
        is_equal |= u16::from(challenge_of(signature) == &block[..CHALLENGE_LEN]) << lane;
    }
    is_equal
}
