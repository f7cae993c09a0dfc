//! KT128, also called KangarooTwelve (RFC 9861, §3), of a long message whose pieces several threads hash: for bytes that are checked each time they are read.
//!
//! A message is cut into chunks of 8 KiB, each hashed by itself, so that lanes and threads share the work; the result is that of any other implementation. The customisation string is empty.

use crate::digest::hex;
use crate::mldsa::{CHAINING_LEN, Isa, leaves, turboshake128};
use alloc::vec::Vec;
use core::fmt;

/// Bytes of a piece: a multiple of a chunk, small enough for a core's own cache.
pub const PIECE_LEN: usize = 128 * CHUNK_LEN;
const CHUNK_LEN: usize = 8_192;
/// The domain byte of a message of one chunk.
const SINGLE: u8 = 0x07;
/// The domain byte of the node above the chunks.
const FINAL: u8 = 0x06;
/// The domain byte of a chunk that is not the first.
const LEAF: u8 = 0x0b;

/// 32 bytes of KT128.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kt128(pub [u8; CHAINING_LEN]);

/// What one piece gives to the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first chunk of the message, which goes into the last node as it is.
    first: Vec<u8>,
    values: Vec<[u8; CHAINING_LEN]>,
}

impl Kt128 {
    /// Of a message in one place.
    pub fn of(isa: Isa, message: &[u8]) -> Self {
        let parts = (0..piece_count(message.len() as u64)).map(|index| {
            let start = index * PIECE_LEN;
            part(isa, index, &message[start..message.len().min(start + PIECE_LEN)], message.len() as u64)
        });
        Self::join(&parts.collect::<Vec<_>>())
    }

    /// Of the parts of a message, all of them and in order.
    pub fn join(parts: &[Part]) -> Self {
        let values: Vec<&[u8]> = parts.iter().flat_map(|part| &part.values).map(<[u8; CHAINING_LEN]>::as_slice).collect();
        let first = parts.first().map_or(&[][..], |part| &part.first);
        if values.is_empty() {
            return Self(turboshake128([first], SINGLE));
        }
        let count = length(values.len() as u64);
        let before = [first, &[3, 0, 0, 0, 0, 0, 0, 0]];
        Self(turboshake128(before.into_iter().chain(values).chain([&count[..], &[0xff, 0xff]]), FINAL))
    }

    /// From exactly as many bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Pieces of a message of that many bytes; at least one.
pub fn piece_count(message_len: u64) -> usize {
    usize::try_from(message_len.div_ceil(PIECE_LEN as u64)).unwrap_or(usize::MAX).max(1)
}

/// The part of piece `index`: its bytes are [`PIECE_LEN`], or in the last piece what is left.
///
/// # Panics
/// If the piece is not as long as its place in the message says: a fault of the caller.
pub fn part(isa: Isa, index: usize, piece: &[u8], message_len: u64) -> Part {
    let start = index as u64 * PIECE_LEN as u64;
    let expected = message_len.saturating_sub(start).min(PIECE_LEN as u64);
    assert_eq!(piece.len() as u64, expected, "bytes of piece {index}");
    let is_last = start + expected == message_len;
    let mut part = Part { first: Vec::new(), values: Vec::new() };
    let mut rest = piece;
    if index == 0 {
        let (first, after) = piece.split_at(piece.len().min(CHUNK_LEN));
        (part.first, rest) = (first.to_vec(), after);
        if is_last && first.len() < CHUNK_LEN {
            // The empty customisation's length ends the message.
            part.first.push(0);
            return part;
        }
    }
    let (chunks, tail) = rest.as_chunks::<CHUNK_LEN>();
    part.values.resize(chunks.len(), [0; CHAINING_LEN]);
    leaves(isa, chunks, &mut part.values);
    if is_last {
        part.values.push(turboshake128([tail, &[0]], LEAF));
    }
    part
}

/// RFC 9861's `length_encode`: the number's bytes, most significant first and without leading zeros, and how many they are.
fn length(number: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    // At most eight.
    bytes.push(bytes.len() as u8);
    bytes
}

impl fmt::Display for Kt128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Kt128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kt128({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths around every edge of the form, as PyCryptodome hashes them (`spec/vectors/kt128/make.py`).
    #[test]
    fn every_path_hashes_as_another_library_does() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../spec/vectors/kt128/digests.json")).unwrap();
        let cases = vectors["digests"].as_object().unwrap();
        assert!(cases.len() >= 20);
        for (len, digest) in cases {
            let message: Vec<u8> = (0..len.parse::<usize>().unwrap()).map(|i| (i % 251) as u8).collect();
            for isa in Isa::available() {
                assert_eq!(Kt128::of(isa, &message).to_string(), digest.as_str().unwrap(), "{len} bytes, {}", isa.name());
            }
        }
    }

    #[test]
    fn a_changed_bit_changes_the_digest_wherever_it_is() {
        let message = alloc::vec![7; 2 * PIECE_LEN + 9_000];
        let isa = Isa::best();
        let whole = Kt128::of(isa, &message);
        for at in [0, 8_191, 8_192, PIECE_LEN - 1, PIECE_LEN, 2 * PIECE_LEN + 8_191, message.len() - 1] {
            let mut changed = message.clone();
            changed[at] ^= 0x10;
            assert_ne!(Kt128::of(isa, &changed), whole, "{at}");
        }
        assert_ne!(Kt128::of(isa, &message[..message.len() - 1]), whole);
    }

    #[test]
    #[should_panic(expected = "bytes of piece 1")]
    fn a_piece_of_another_length_is_a_fault() {
        part(Isa::PORTABLE, 1, &[0; 5], PIECE_LEN as u64 + 6);
    }
}
