//! What the forward pass promises: logits of the reference, equal bits however the work was cut, and clear refusals.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the committed vectors from disk and lend threads of their own")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows test functions, but not their helpers, as tests")]

#[path = "logits/batch.rs"]
mod batch;
#[path = "logits/bits.rs"]
mod bits;
#[path = "logits/parity.rs"]
mod parity;
#[path = "logits/refusals.rs"]
mod refusals;
#[path = "logits/vectors.rs"]
mod vectors;
