//! ML-DSA.Verify_internal by the letter of FIPS 204: one signature, 64-bit arithmetic, a remainder after each step, transforms by their definition.

use super::super::field::centered;
use super::super::params::{BETA, CHALLENGE_LEN, DEGREE, GAMMA1, GAMMA2, K, L, OMEGA, Q, TAU};
use super::super::sponge::Sponge;
use crate::signature::SIGNATURE_LEN;
use alloc::vec::Vec;

pub(super) type Poly = [i64; DEGREE];

/// The c̃ that the signature should hold, and whether z and the hint are what the standard allows.
pub(super) fn challenge(key: &[u8; 1_952], message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> ([u8; CHALLENGE_LEN], bool) {
    let z: Vec<Poly> = (0..L).map(|column| core::array::from_fn(|k| i64::from(GAMMA1) - bits(&signature[CHALLENGE_LEN..], 20, DEGREE * column + k))).collect();
    let is_short = z.iter().flatten().all(|value| value.abs() < i64::from(GAMMA1 - BETA));
    let hint = hint(&signature[SIGNATURE_LEN - OMEGA - K..]);
    let c = ntt(&sample_in_ball(&signature[..CHALLENGE_LEN]));
    let z: Vec<Poly> = z.iter().map(ntt).collect();
    let tr = shake256(key, 64);
    let mu = shake256(&[&tr[..], &[0, 0], message].concat(), 64);
    let mut commitment = mu;
    for row in 0..K {
        let t1: Poly = core::array::from_fn(|k| bits(&key[32..], 10, DEGREE * row + k) << 13);
        let t1 = ntt(&t1);
        let matrix: Vec<Poly> = (0..L).map(|column| uniform(&key[..32], column as u8, row as u8)).collect();
        let w = inverse_ntt(&core::array::from_fn(|k| ((0..L).map(|column| matrix[column][k] * z[column][k] % q()).sum::<i64>() - c[k] * t1[k]).rem_euclid(q())));
        let is_set = |k: usize| hint.as_ref().is_some_and(|hint| hint[row][k]);
        let w1: Vec<i64> = (0..DEGREE).map(|k| use_hint(is_set(k), w[k])).collect();
        commitment.extend(w1.chunks(2).map(|pair| (pair[0] | pair[1] << 4) as u8));
    }
    (shake256(&commitment, CHALLENGE_LEN).try_into().unwrap(), is_short && hint.is_some())
}

fn q() -> i64 {
    i64::from(Q)
}

fn shake256(message: &[u8], len: usize) -> Vec<u8> {
    Sponge::new(message.to_vec(), 136).next_block()[..len].to_vec()
}

/// The value number `index` of `width` bits each.
fn bits(bytes: &[u8], width: usize, index: usize) -> i64 {
    (0..width).map(|bit| width * index + bit).enumerate().fold(0, |value, (bit, at)| value | i64::from(bytes[at / 8] >> (at % 8) & 1) << bit)
}

/// Algorithm 21.
fn hint(packed: &[u8]) -> Option<[[bool; DEGREE]; K]> {
    let mut hint = [[false; DEGREE]; K];
    let mut index = 0;
    for (row, hint) in hint.iter_mut().enumerate() {
        let end = usize::from(packed[OMEGA + row]);
        if end < index || end > OMEGA {
            return None;
        }
        let first = index;
        while index < end {
            if index > first && packed[index - 1] >= packed[index] {
                return None;
            }
            hint[usize::from(packed[index])] = true;
            index += 1;
        }
    }
    packed[index..OMEGA].iter().all(|byte| *byte == 0).then_some(hint)
}

/// Algorithm 29.
fn sample_in_ball(challenge: &[u8]) -> Poly {
    let mut sponge = Sponge::new(challenge.to_vec(), 136);
    let mut stream: Vec<u8> = (0..4).flat_map(|_| sponge.next_block().to_vec()).collect();
    sample_in_ball_from(&mut stream)
}

/// Algorithm 29, lines 3 to 12, from the stream of H.
pub(super) fn sample_in_ball_from(stream: &mut Vec<u8>) -> Poly {
    let signs: Vec<u8> = stream.drain(..8).collect();
    let mut c = [0; DEGREE];
    let mut stream = stream.iter();
    for i in DEGREE - TAU..DEGREE {
        let j = stream.by_ref().map(|byte| usize::from(*byte)).find(|j| *j <= i).unwrap();
        c[i] = c[j];
        let at = i + TAU - DEGREE;
        c[j] = if signs[at / 8] >> (at % 8) & 1 == 1 { -1 } else { 1 };
    }
    c
}

/// Algorithm 30.
fn uniform(rho: &[u8], column: u8, row: u8) -> Poly {
    let mut sponge = Sponge::new([rho, &[column, row]].concat(), 168);
    let stream: Vec<u8> = (0..10).flat_map(|_| sponge.next_block().to_vec()).collect();
    let values: Vec<i64> = stream.chunks(3).map(|b| i64::from(b[0]) | i64::from(b[1]) << 8 | i64::from(b[2] & 0x7f) << 16).filter(|value| *value < q()).take(DEGREE).collect();
    values.try_into().unwrap()
}

/// The values at ζ^(2·BitRev8(i) + 1) (§7.5), each by Horner's rule.
pub(super) fn ntt(poly: &Poly) -> Poly {
    core::array::from_fn(|i| {
        let root = power(1753, 2 * u32::from((i as u8).reverse_bits()) + 1);
        poly.iter().rev().fold(0, |sum, value| (sum * root + value).rem_euclid(q()))
    })
}

/// The polynomial with these values: coefficient k is the mean of value·root⁻ᵏ.
fn inverse_ntt(values: &Poly) -> Poly {
    let inverse_roots: Poly = core::array::from_fn(|i| power(power(1753, 2 * u32::from((i as u8).reverse_bits()) + 1), Q.unsigned_abs() - 2));
    let mut terms = *values;
    let mut poly = [0; DEGREE];
    for value in &mut poly {
        *value = terms.iter().sum::<i64>() % q() * power(256, Q.unsigned_abs() - 2) % q();
        for (term, root) in terms.iter_mut().zip(&inverse_roots) {
            *term = *term * root % q();
        }
    }
    poly
}

fn power(base: i64, mut exponent: u32) -> i64 {
    let (mut result, mut square) = (1, base);
    while exponent > 0 {
        result = if exponent & 1 == 1 { result * square % q() } else { result };
        square = square * square % q();
        exponent >>= 1;
    }
    result
}

/// Algorithms 36 and 40.
pub(super) fn use_hint(is_set: bool, r: i64) -> i64 {
    let width = 2 * i64::from(GAMMA2);
    let mut r0 = r % width;
    r0 = if r0 > width / 2 { r0 - width } else { r0 };
    let r1;
    if r - r0 == q() - 1 {
        (r1, r0) = (0, r0 - 1);
    } else {
        r1 = (r - r0) / width;
    }
    match (is_set, r0 > 0) {
        (false, _) => r1,
        (true, true) => (r1 + 1).rem_euclid(16),
        (true, false) => (r1 - 1).rem_euclid(16),
    }
}

/// A residue as the lanes keep it.
pub(super) fn is_same(lane: i32, plain: i64) -> bool {
    centered(i64::from(lane)) == centered(plain)
}
