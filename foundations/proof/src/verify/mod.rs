//! From a bundle and a policy to a verdict (spec/verdict.md).
//!
//! [`Verifier`] is fed the file's bytes and keeps one chunk's digests, the tree's frontier and the open intents: memory is flat. Whatever fails is a [`Reason`] at an index; the lowest
//! index, then the lowest step, is the verdict, so that two verifiers name the same failure.

mod verifier;

mod engine;

mod judge;

mod hashing;

mod chain;

mod signatures;

mod reference;

mod settlement;

mod ending;

mod misuse;

mod policy;

mod policy_file;

mod reason;

mod axes;

mod verdict;

pub use axes::{Axes, Axis, AxisState};
pub use chain::Erased;
pub use engine::Engine;
pub use misuse::Misuse;
pub use policy::{Head, Policy, Reference, TrustedKey};
pub use reason::{Failure, Reason};
pub use settlement::{Settled, Standing, WITNESS_SEATS_MIN, settled};
pub use verdict::{Scope, Verdict, Word};
pub use verifier::{Verifier, verify};

#[cfg(test)]
mod tests;
