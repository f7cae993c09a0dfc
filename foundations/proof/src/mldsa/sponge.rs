//! SHAKE (FIPS 202) of a single message, block by block: for what is not worth lanes.

use super::isa::Portable;
use super::keccak::{SHAKE_SUFFIX, SHAKE128_RATE, pad, permute};
use alloc::vec::Vec;

/// SHAKE of one message, block by block.
pub(super) struct Sponge {
    state: [u64; 25],
    /// Bytes of a block: at most those of `block`.
    rate: usize,
    block: [u8; SHAKE128_RATE],
    is_squeezing: bool,
}

impl Sponge {
    /// Ready to give the first block.
    pub(super) fn new(mut message: Vec<u8>, rate: usize) -> Self {
        pad(&mut message, SHAKE_SUFFIX, rate);
        let mut sponge = Self { state: [0; 25], rate, block: [0; SHAKE128_RATE], is_squeezing: false };
        for block in message.chunks_exact(rate) {
            for (word, bytes) in sponge.state.iter_mut().zip(block.as_chunks().0) {
                *word ^= u64::from_le_bytes(*bytes);
            }
            permute(Portable, &mut sponge.state);
        }
        sponge
    }

    /// The next block of output, as many bytes as the rate.
    pub(super) fn next_block(&mut self) -> &[u8] {
        if core::mem::replace(&mut self.is_squeezing, true) {
            permute(Portable, &mut self.state);
        }
        for (bytes, word) in self.block.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        &self.block[..self.rate]
    }
}
