//! The keys that vote during an epoch, and how many of them are a quorum (spec/pantheon.md "Validators").

use super::error::{PantheonError, Part};
use super::form::{BAD, ascend, begin, key, list, whole, write_array, write_key};
use crate::digest::{SetDigest, sha256};
use crate::key::PublicKey;
use crate::limits;
use alloc::vec::Vec;

const MAGIC: &str = "pan-validators";
const ELEMENTS: u64 = 3;
const DOMAIN: &[u8] = b"pan-validators-v1\0";

/// How many of `seats` validators must sign: all but the third, rounded down, that may be faulty.
pub fn quorum(seats: usize) -> usize {
    seats - seats.saturating_sub(1) / 3
}

/// One or more keys, ascending by their bytes. A key's place is its seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet(Vec<PublicKey>);

impl ValidatorSet {
    /// From keys in any order; `None` for none, too many, or one twice.
    pub fn new(mut keys: Vec<PublicKey>) -> Option<Self> {
        keys.sort_by(|a, b| a.raw().cmp(b.raw()));
        let is_good = (1..=limits::SEATS_MAX).contains(&keys.len()) && ascend(keys.iter().map(PublicKey::raw));
        is_good.then_some(Self(keys))
    }

    /// The keys, by seat.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = begin(MAGIC, ELEMENTS);
        write_array(&mut out, self.0.len());
        self.0.iter().for_each(|key| write_key(&mut out, key));
        out
    }

    /// Reads the form.
    ///
    /// # Errors
    /// [`PantheonError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        whole(Part::Validators, bytes, MAGIC, ELEMENTS, |reader| {
            let keys = list(reader, 1, limits::SEATS_MAX, key)?;
            if ascend(keys.iter().map(PublicKey::raw)) { Ok(Self(keys)) } else { Err(BAD) }
        })
    }

    /// SHA-256("pan-validators-v1" ‖ 0x00 ‖ encoding).
    pub fn digest(&self) -> SetDigest {
        SetDigest(sha256(&[DOMAIN, &self.encode()]))
    }
}
