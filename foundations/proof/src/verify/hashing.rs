//! SHA3-512 (FIPS 202) of what a verification hashes most: each record, and the signatures that a seal names.
//!
//! By the library, or on the instructions that verify signatures. Keccak has neither carries nor branches on its data, so that what is right on one random block is right on all: unlike the lanes'
//! arithmetic it is compared with the library in tests alone.

use crate::digest::{RECORD_DOMAIN, RecordDigest};
use crate::mldsa::Isa;
use sha3::{Digest, Sha3_512};

/// Bytes of a block of SHA3-512.
const RATE: usize = 72;
/// The domain bits of SHA-3 and the first bit of the padding (FIPS 202, §6.1 and B.2).
const SUFFIX: u8 = 0x06;
const DIGEST_LEN: usize = 64;

/// Who hashes: the library, or the machine's instructions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hashing(Option<Isa>);

impl Hashing {
    pub fn with(isa: Isa) -> Self {
        Self(Some(isa))
    }

    pub fn start(self) -> Hash {
        match self.0 {
            Some(isa) => Hash::Sponge(Sponge { isa, state: [0; 25], block: [0; RATE], used: 0 }),
            None => Hash::Library(Sha3_512::new()),
        }
    }

    /// D of a record.
    pub fn record(self, record: &[u8]) -> RecordDigest {
        let mut hash = self.start();
        hash.update(RECORD_DOMAIN);
        hash.update(record);
        RecordDigest(hash.finish())
    }
}

/// A message of which more may come.
#[derive(Clone)]
pub(super) enum Hash {
    Library(Sha3_512),
    Sponge(Sponge),
}

impl Hash {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Library(hash) => hash.update(bytes),
            Self::Sponge(sponge) => sponge.update(bytes),
        }
    }

    pub fn finish(self) -> [u8; DIGEST_LEN] {
        match self {
            Self::Library(hash) => hash.finalize().into(),
            Self::Sponge(sponge) => sponge.finish(),
        }
    }
}

/// SHA3-512 on the machine's instructions.
#[derive(Clone)]
pub(super) struct Sponge {
    isa: Isa,
    state: [u64; 25],
    /// The block that is being filled: `used` bytes of it.
    block: [u8; RATE],
    used: usize,
}

impl Sponge {
    fn update(&mut self, mut bytes: &[u8]) {
        if self.used > 0 {
            let (begin, rest) = bytes.split_at(bytes.len().min(RATE - self.used));
            self.keep(begin);
            if self.used < RATE {
                return;
            }
            self.isa.absorb(&mut self.state, &[self.block]);
            (self.used, bytes) = (0, rest);
        }
        let (blocks, rest) = bytes.as_chunks();
        self.isa.absorb::<RATE>(&mut self.state, blocks);
        self.keep(rest);
    }

    /// Puts bytes for which the block has room behind those that it has.
    fn keep(&mut self, bytes: &[u8]) {
        for (place, byte) in self.block.iter_mut().skip(self.used).zip(bytes) {
            *place = *byte;
        }
        self.used += bytes.len();
    }

    fn finish(mut self) -> [u8; DIGEST_LEN] {
        let mut block = [0; RATE];
        block[..self.used].copy_from_slice(&self.block[..self.used]);
        block[self.used] = SUFFIX;
        block[RATE - 1] |= 0x80;
        self.isa.absorb(&mut self.state, &[block]);
        let mut digest = [0; DIGEST_LEN];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_path_hashes_as_the_library_does_whatever_the_lengths_and_the_pieces() {
        let message: Vec<u8> = (0..3 * 3_309_u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        for isa in Isa::available() {
            for len in (0..300).chain([3_309, message.len()]) {
                let message = &message[..len];
                let expected: [u8; DIGEST_LEN] = Sha3_512::digest(message).into();
                for piece in [1, 7, 71, 72, 73, 143, 144, 145, 3_309, usize::MAX] {
                    let mut hash = Hashing::with(isa).start();
                    message.chunks(piece).for_each(|piece| hash.update(piece));
                    assert_eq!(hash.finish(), expected, "{} {len} bytes in pieces of {piece}", isa.name());
                }
                assert_eq!(Hashing::with(isa).record(message), RecordDigest::of(message));
            }
        }
    }
}
