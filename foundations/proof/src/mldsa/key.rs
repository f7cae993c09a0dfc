//! A public key with all that depends on it alone: the matrix Â, the transform of t1·2¹³, and tr.

use super::field::centered;
use super::isa::{Lanes, Portable};
use super::keccak::{SHAKE128_RATE, SHAKE256_RATE};
use super::ntt::ntt;
use super::params::{D, DEGREE, K, L, MU_LEN, Q};
use super::sponge::Sponge;
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use alloc::boxed::Box;

/// Bytes of ρ, the seed of Â.
const RHO_LEN: usize = 32;
/// Bytes of one polynomial of t1, ten bits a coefficient.
const T1_POLY_LEN: usize = 320;

/// Coefficient k of one row of the matrix equation: Â's five polynomials, then −NTT(t1·2¹³). Each in (−q/2, q/2).
pub(super) type Row = [i32; L + 1];

/// An ML-DSA-65 public key made ready for many verifications, about 37 kB: everything in a verification that the key alone decides (FIPS 204, Algorithm 8, lines 1, 5, 6 and half
/// of 9).
#[derive(Clone)]
pub struct ExpandedKey {
    key: PublicKey,
    /// For each coefficient the six rows, in the order in which they are multiplied.
    rows: Box<[[Row; K]; DEGREE]>,
    tr: [u8; MU_LEN],
}

impl ExpandedKey {
    /// Expands a key: the work of two or three verifications by a library.
    pub fn new(key: &PublicKey) -> Self {
        let raw = key.raw();
        let mut rows = Box::new([[[0; L + 1]; K]; DEGREE]);
        for (row, t1) in raw[RHO_LEN..].chunks_exact(T1_POLY_LEN).enumerate() {
            for column in 0..L {
                let matrix = sample_uniform(&raw[..RHO_LEN], column as u8, row as u8);
                rows.iter_mut().zip(matrix).for_each(|(rows, value)| rows[row][column] = value);
            }
            let scaled = transformed_t1(t1);
            rows.iter_mut().zip(scaled).for_each(|(rows, value)| rows[row][L] = -value);
        }
        Self { key: key.clone(), rows, tr: tr(raw) }
    }

    /// The key that was expanded.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn rows(&self) -> &[[Row; K]; DEGREE] {
        &self.rows
    }

    pub(super) fn tr(&self) -> &[u8; MU_LEN] {
        &self.tr
    }
}

/// RejNTTPoly (FIPS 204, Algorithm 30): coefficients below q from SHAKE128(ρ ‖ column ‖ row), centred.
fn sample_uniform(rho: &[u8], column: u8, row: u8) -> [i32; DEGREE] {
    let mut input = rho.to_vec();
    input.extend([column, row]);
    let mut sponge = Sponge::new(input, SHAKE128_RATE);
    let mut out = [0; DEGREE];
    let mut filled = 0;
    while filled < DEGREE {
        for bytes in sponge.next_block().as_chunks().0 {
            // CoeffFromThreeBytes (Algorithm 14).
            let [low, middle, high] = bytes.map(i32::from);
            let value = low | middle << 8 | (high & 0x7f) << 16;
            if value < Q && filled < DEGREE {
                out[filled] = if value > Q / 2 { value - Q } else { value };
                filled += 1;
            }
        }
    }
    out
}

/// NTT(t1·2¹³), centred, of one polynomial packed by SimpleBitPack with ten bits (FIPS 204, Algorithms 16 and 18).
fn transformed_t1(packed: &[u8]) -> [i32; DEGREE] {
    let lanes = Portable;
    let mut poly = [lanes.int(0); DEGREE];
    for (values, bytes) in poly.chunks_exact_mut(4).zip(packed.as_chunks::<5>().0) {
        let group = bytes.iter().rev().fold(0u64, |group, byte| group << 8 | u64::from(*byte));
        for (at, value) in values.iter_mut().enumerate() {
            // Ten bits times 2¹³ is below 2²³, less than q.
            *value = lanes.int(((group >> (10 * at) & 0x3ff) as i32) << D);
        }
    }
    ntt(lanes, &mut poly);
    poly.map(|value| centered(i64::from(lanes.int_array(value)[0])))
}

/// H(pk, 64).
fn tr(raw: &[u8; PUBLIC_KEY_LEN]) -> [u8; MU_LEN] {
    let mut sponge = Sponge::new(raw.to_vec(), SHAKE256_RATE);
    let block = sponge.next_block();
    core::array::from_fn(|at| block[at])
}
