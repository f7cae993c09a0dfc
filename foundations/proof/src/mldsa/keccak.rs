//! SHAKE (FIPS 202) of several messages at once, one a lane.

use super::isa::{HASH_COUNT_MAX, KeccakWords, LANE_COUNT_MAX, Lanes};
use alloc::vec::Vec;

/// Bytes of a block of SHAKE256.
pub(super) const SHAKE256_RATE: usize = 136;
/// Bytes of a block of SHAKE128.
pub(super) const SHAKE128_RATE: usize = 168;
/// The domain bits of SHAKE and the first bit of the padding (FIPS 202, §6.2 and B.2).
pub(super) const SHAKE_SUFFIX: u8 = 0x1f;

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Appends the padding of SHAKE, so that the length becomes a multiple of `rate`.
pub(super) fn pad(message: &mut Vec<u8>, suffix: u8, rate: usize) {
    message.push(suffix);
    message.resize(message.len().next_multiple_of(rate), 0);
    if let Some(last) = message.last_mut() {
        *last ^= 0x80;
    }
}

/// The first block of SHAKE256 of each lane's message, already padded; lengths may differ, and a lane's block is taken when its own last block is absorbed.
#[inline(always)]
pub(super) fn shake256<S: Lanes>(lanes: S, padded: &[&[u8]; LANE_COUNT_MAX], out: &mut [[u8; SHAKE256_RATE]; LANE_COUNT_MAX]) {
    for first in (0..S::COUNT).step_by(S::HASH_COUNT) {
        let (padded, out) = (&padded[first..first + S::HASH_COUNT], &mut out[first..first + S::HASH_COUNT]);
        let mut block_count = 0;
        for message in padded {
            block_count = block_count.max(message.len() / SHAKE256_RATE);
        }
        let mut state = [lanes.word(0); 25];
        for block in 0..block_count {
            absorb(lanes, &mut state, padded, block * SHAKE256_RATE);
            permute(lanes, &mut state);
            if padded.iter().any(|message| message.len() / SHAKE256_RATE == block + 1) {
                squeeze(lanes, &state, padded, block + 1, out);
            }
        }
    }
}

/// XORs into the state the block of each message that begins at `start`; a message that has ended gives zeros.
#[inline(always)]
fn absorb<S: Lanes>(lanes: S, state: &mut [S::Words; 25], padded: &[&[u8]], start: usize) {
    let mut words = [[0; HASH_COUNT_MAX]; SHAKE256_RATE / 8];
    for (lane, message) in padded.iter().enumerate() {
        let block = message.get(start..start + SHAKE256_RATE).unwrap_or(&[0; SHAKE256_RATE]);
        for (words, bytes) in words.iter_mut().zip(block.as_chunks().0) {
            words[lane] = u64::from_le_bytes(*bytes);
        }
    }
    for (state, words) in state.iter_mut().zip(&words) {
        *state = lanes.xor(*state, lanes.words(words));
    }
}

/// Writes the rate part of the state for the lanes whose message has `block_count` blocks.
#[inline(always)]
fn squeeze<S: Lanes>(lanes: S, state: &[S::Words; 25], padded: &[&[u8]], block_count: usize, out: &mut [[u8; SHAKE256_RATE]]) {
    for (word, state) in state.iter().take(SHAKE256_RATE / 8).enumerate() {
        let values = lanes.word_array(*state);
        for ((message, out), value) in padded.iter().zip(out.iter_mut()).zip(values) {
            if message.len() / SHAKE256_RATE == block_count {
                out[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
}

/// Absorbs blocks of one message into its state.
#[inline(always)]
pub(super) fn absorb_one<S: KeccakWords, const RATE: usize>(lanes: S, state: &mut [S::Words; 25], blocks: &[[u8; RATE]]) {
    for block in blocks {
        for (word, bytes) in state.iter_mut().zip(block.as_chunks().0) {
            *word = lanes.xor(*word, lanes.word(u64::from_le_bytes(*bytes)));
        }
        permute(lanes, state);
    }
}

/// Keccak-f[1600] (FIPS 202, §3.3).
#[inline(always)]
pub(super) fn permute<S: KeccakWords>(lanes: S, a: &mut [S::Words; 25]) {
    last_rounds::<S, 24>(lanes, a);
}

/// The last `COUNT` rounds of it: Keccak-p[1600, `COUNT`]. `c` is the parity of θ's columns, `r` that rotated by one; ρ and π move lane x + 5·y, rotated, to its place in `b`; χ and ι
/// make the next state of it.
#[inline(always)]
pub(super) fn last_rounds<S: KeccakWords, const COUNT: usize>(lanes: S, a: &mut [S::Words; 25]) {
    for constant in &ROUND_CONSTANTS[ROUND_CONSTANTS.len() - COUNT..] {
        let c0 = lanes.xor3(lanes.xor3(a[0], a[5], a[10]), a[15], a[20]);
        let c1 = lanes.xor3(lanes.xor3(a[1], a[6], a[11]), a[16], a[21]);
        let c2 = lanes.xor3(lanes.xor3(a[2], a[7], a[12]), a[17], a[22]);
        let c3 = lanes.xor3(lanes.xor3(a[3], a[8], a[13]), a[18], a[23]);
        let c4 = lanes.xor3(lanes.xor3(a[4], a[9], a[14]), a[19], a[24]);
        let (r0, r1, r2) = (lanes.rotate::<1>(c0), lanes.rotate::<1>(c1), lanes.rotate::<1>(c2));
        let (r3, r4) = (lanes.rotate::<1>(c3), lanes.rotate::<1>(c4));
        let b = [
            lanes.xor3(a[0], c4, r1),
            lanes.rotate::<44>(lanes.xor3(a[6], c0, r2)),
            lanes.rotate::<43>(lanes.xor3(a[12], c1, r3)),
            lanes.rotate::<21>(lanes.xor3(a[18], c2, r4)),
            lanes.rotate::<14>(lanes.xor3(a[24], c3, r0)),
            lanes.rotate::<28>(lanes.xor3(a[3], c2, r4)),
            lanes.rotate::<20>(lanes.xor3(a[9], c3, r0)),
            lanes.rotate::<3>(lanes.xor3(a[10], c4, r1)),
            lanes.rotate::<45>(lanes.xor3(a[16], c0, r2)),
            lanes.rotate::<61>(lanes.xor3(a[22], c1, r3)),
            lanes.rotate::<1>(lanes.xor3(a[1], c0, r2)),
            lanes.rotate::<6>(lanes.xor3(a[7], c1, r3)),
            lanes.rotate::<25>(lanes.xor3(a[13], c2, r4)),
            lanes.rotate::<8>(lanes.xor3(a[19], c3, r0)),
            lanes.rotate::<18>(lanes.xor3(a[20], c4, r1)),
            lanes.rotate::<27>(lanes.xor3(a[4], c3, r0)),
            lanes.rotate::<36>(lanes.xor3(a[5], c4, r1)),
            lanes.rotate::<10>(lanes.xor3(a[11], c0, r2)),
            lanes.rotate::<15>(lanes.xor3(a[17], c1, r3)),
            lanes.rotate::<56>(lanes.xor3(a[23], c2, r4)),
            lanes.rotate::<62>(lanes.xor3(a[2], c1, r3)),
            lanes.rotate::<55>(lanes.xor3(a[8], c2, r4)),
            lanes.rotate::<39>(lanes.xor3(a[14], c3, r0)),
            lanes.rotate::<41>(lanes.xor3(a[15], c4, r1)),
            lanes.rotate::<2>(lanes.xor3(a[21], c0, r2)),
        ];
        for (row, a) in a.chunks_exact_mut(5).enumerate() {
            for (x, a) in a.iter_mut().enumerate() {
                *a = lanes.chi(b[5 * row + x], b[5 * row + (x + 1) % 5], b[5 * row + (x + 2) % 5]);
            }
        }
        a[0] = lanes.xor(a[0], lanes.word(*constant));
    }
}
