//! Tokens to logits: the forward pass of a decoder, to the bit of `spec/arithmetic.md`.
//!
//! [`Weights::bind`] checks that a model's tensors are those of its architecture and keeps views on them; the first [`Decoder`] has the matrices repacked for the kernels.
//! A [`Sequence`] is tokens with their keys and values, in pages of a [`Pool`] that is bounded and finds again what begins alike. [`Decoder::step`] takes [`Piece`]s of any number of
//! sequences through the layers together. How tokens were cut, beside whom they went, what was computed before, who computed it and with which instructions changes no bit.
//! A [`Session`] is all that for one sequence.

mod adapter;
mod decoder;
mod kept;
mod layer;
mod page;
mod pool;
mod sequence;
mod session;
mod watch;
mod weights;

pub use adapter::Adapter;
pub(crate) use adapter::Factors;
pub(crate) use decoder::scratch_bytes;
pub use decoder::{Decoder, Piece, Rows, Wanted};
pub use page::PAGE_TOKENS;
pub(crate) use page::page_bytes;
pub use pool::{Pool, PoolUse};
pub use sequence::Sequence;
pub use session::Session;
pub use watch::{Cost, Operation, Step, Watch};
pub use weights::Weights;
