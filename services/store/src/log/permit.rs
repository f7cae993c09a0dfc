//! A permit: the single-use right to perform the one act whose intent is durable.

use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::record::ActorClass;

/// Held by whoever performs the act, consumed by [`super::LogWriter::close`]. It cannot be copied. One that is dropped leaves its intent open: the next start closes it as `outcome_unknown`.
#[derive(Debug)]
#[must_use = "an intent that is never closed becomes outcome_unknown"]
pub struct Permit {
    pub(super) log: LogId,
    pub(super) index: u64,
    pub(super) digest: RecordDigest,
    pub(super) action: String,
    pub(super) actor: (ActorClass, Id),
    pub(super) authority: (Id, u64),
    pub(super) deadline_ns: u64,
}

impl Permit {
    /// Index of the intent.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// D of the intent.
    pub fn digest(&self) -> RecordDigest {
        self.digest
    }

    /// When the right to begin ends, in the nanoseconds of [`crate::Clock::monotonic_ns`].
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }
}
