//! TurboSHAKE128 (RFC 9861, §2) of one message, and of many chunks of equal length at once, one a lane.

use super::isa::{HASH_COUNT_MAX, Isa, Lanes, Portable, Task};
use super::keccak::{SHAKE128_RATE as RATE, last_rounds};

/// Bytes of a chaining value.
pub(crate) const CHAINING_LEN: usize = 32;
/// Rounds of the permutation.
const ROUNDS: usize = 12;
/// The domain byte of an inner chunk of KT128.
const LEAF: u8 = 0x0b;

/// The first 32 bytes of TurboSHAKE128 of pieces that follow each other, under a domain byte.
pub(crate) fn turboshake128<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, domain: u8) -> [u8; CHAINING_LEN] {
    let mut state = [0; 25];
    let mut block = [0; RATE];
    let mut used = 0;
    for byte in pieces.into_iter().flatten() {
        block[used] = *byte;
        used += 1;
        if used == RATE {
            absorb(&mut state, &block);
            used = 0;
        }
    }
    block[used..].fill(0);
    block[used] = domain;
    block[RATE - 1] ^= 0x80;
    absorb(&mut state, &block);
    let mut out = [0; CHAINING_LEN];
    for (bytes, word) in out.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_le_bytes();
    }
    out
}

fn absorb(state: &mut [u64; 25], block: &[u8; RATE]) {
    for (word, bytes) in state.iter_mut().zip(block.as_chunks().0) {
        *word ^= u64::from_le_bytes(*bytes);
    }
    last_rounds::<Portable, ROUNDS>(Portable, state);
}

/// The chaining values of whole chunks, on the instructions of `isa`.
pub(crate) fn leaves<const LEN: usize>(isa: Isa, chunks: &[[u8; LEN]], out: &mut [[u8; CHAINING_LEN]]) {
    const { assert!(LEN.is_multiple_of(8) && !LEN.is_multiple_of(RATE)) };
    assert_eq!(chunks.len(), out.len(), "one value a chunk");
    isa.run(Leaves { chunks, out });
}

struct Leaves<'a, const LEN: usize> {
    chunks: &'a [[u8; LEN]],
    out: &'a mut [[u8; CHAINING_LEN]],
}

impl<const LEN: usize> Task for Leaves<'_, LEN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) {
        for (chunks, out) in self.chunks.chunks(S::HASH_COUNT).zip(self.out.chunks_mut(S::HASH_COUNT)) {
            let mut state = [lanes.word(0); 25];
            for block in 0..LEN / RATE {
                add_words(lanes, &mut state[..RATE / 8], chunks, block * RATE / 8);
                last_rounds::<S, ROUNDS>(lanes, &mut state);
            }
            let left = LEN % RATE / 8;
            add_words(lanes, &mut state[..left], chunks, LEN / RATE * RATE / 8);
            // The domain byte behind the message, and the padding's last bit.
            state[left] = lanes.xor(state[left], lanes.word(u64::from(LEAF)));
            state[RATE / 8 - 1] = lanes.xor(state[RATE / 8 - 1], lanes.word(1 << 63));
            last_rounds::<S, ROUNDS>(lanes, &mut state);
            for (word, state) in state.iter().take(CHAINING_LEN / 8).enumerate() {
                let values = lanes.word_array(*state);
                for (out, value) in out.iter_mut().zip(values) {
                    out[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

/// XORs into the state the words of each chunk from word `first` on.
#[inline(always)]
fn add_words<S: Lanes, const LEN: usize>(lanes: S, state: &mut [S::Words], chunks: &[[u8; LEN]], first: usize) {
    for (word, state) in state.iter_mut().enumerate() {
        let mut values = [0; HASH_COUNT_MAX];
        for (value, chunk) in values.iter_mut().zip(chunks) {
            *value = chunk.as_chunks().0.get(first + word).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        }
        *state = lanes.xor(*state, lanes.words(&values));
    }
}
