//! Commitments to values that a record does not show, and their openings (spec/record.md "Digests, ids and commitments").

use crate::digest::{Commitment, Salt, sha3_256};
use alloc::string::String;
use alloc::vec::Vec;

/// A value shown again: enough to recompute the commitment of record `index` under `label`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The record.
    pub index: u64,
    /// Which of its commitments; 1 to 64 bytes.
    pub label: String,
    /// The salt used.
    pub salt: Salt,
    /// The value.
    pub value: Vec<u8>,
}

impl Opening {
    /// The commitment that this opening gives.
    pub fn commitment(&self) -> Commitment {
        commit(&self.salt, &self.label, &self.value)
    }
}

/// SHA3-256("oar-commit-v1" ‖ 0x00 ‖ salt ‖ u8 len(label) ‖ label ‖ value). Labels longer than 255 bytes are a caller's error that no record can hold.
pub fn commit(salt: &Salt, label: &str, value: &[u8]) -> Commitment {
    let label_len = u8::try_from(label.len()).unwrap_or(u8::MAX);
    Commitment(sha3_256(&[b"oar-commit-v1\0", &salt.0, &[label_len], label.as_bytes(), value]))
}
