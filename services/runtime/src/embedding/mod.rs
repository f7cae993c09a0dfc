//! Recorded embeddings: inputs become tokens, the intent is durable, the model makes vectors, the outcome commits to their bits; and the same run again.

mod inputs;

mod prepared;

mod recorded;

pub use inputs::Input;
pub use prepared::{Embedded, ToEmbed};

pub(crate) use prepared::{PreparedEmbedding, prepare, run};
pub(crate) use recorded::RecordedEmbedding;
