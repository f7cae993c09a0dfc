//! Tokens to logits: the forward pass of a decoder, to the bit of `spec/arithmetic.md`.
//!
//! [`Weights::bind`] checks that a model's tensors are those of its architecture and keeps views on them; the first
//! session has the matrices repacked for the kernels. A [`Session`] is one context: it holds the key-value cache and the room for intermediate values, takes tokens in pieces of
//! any size, and gives the logits of the last one. How the tokens were cut, who computed them and with which instructions changes no bit.

mod cache;
mod layer;
mod session;
mod watch;
mod weights;

pub use session::Session;
pub use watch::{Cost, Operation, Step, Watch};
pub use weights::Weights;
