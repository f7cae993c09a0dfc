//! A fork proof: two checkpoints of one log that cannot both be true, in one file (spec/checkpoint.md "Fork proof").

mod proof;

mod report;

pub use proof::{ForkError, ForkProof, encode, is_fork_proof};
pub use report::ForkReport;

#[cfg(test)]
mod tests;
