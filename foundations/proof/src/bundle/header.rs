//! The first part of a bundle, and what names the others.

use crate::digest::{LogId, TreeHash};
use crate::limits;
use alloc::vec::Vec;

/// The first part: which records the bundle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of which log.
    pub log: LogId,
    /// Index of the first record.
    pub first: u64,
    /// Number of records, at least 1.
    pub count: u64,
}

impl Header {
    /// The index after the last record.
    pub fn end(&self) -> u64 {
        // The reader refuses first + count above 2^53−1; a writer's header comes from a log, which ends there too.
        self.first + self.count
    }

    /// The index after the last record of the chunk that holds `index`.
    pub(super) fn chunk_end(&self, index: u64) -> u64 {
        let chunk = (index - self.first) / limits::CHUNK_RECORDS + 1;
        self.end().min(self.first + chunk * limits::CHUNK_RECORDS)
    }
}

/// A key event that lies outside the bundle's range, with its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventProof {
    /// Its index.
    pub index: u64,
    /// The record's bytes.
    pub record: Vec<u8>,
    /// What lies beside it.
    pub signature: Vec<u8>,
    /// Its audit path in the tree of the checkpoint, from the leaf's sibling up.
    pub path: Vec<TreeHash>,
}

pub(super) const MAGIC: &str = "oar-bundle";
pub(super) const VERSION: u64 = 1;

/// The first element of each part.
pub(super) mod part {
    pub const HEADER: u64 = 0;
    pub const KEYS: u64 = 1;
    pub const LEFT: u64 = 2;
    pub const CHUNK: u64 = 3;
    pub const RIGHT: u64 = 4;
    pub const CHECKPOINT: u64 = 5;
    /// Stands before `LEFT`: the verifier has to know its size before it reads the records.
    pub const SETTLEMENT: u64 = 6;
}
