//! Model files: GGUF and Hugging Face folders, both read into one [`ModelFile`] whose tensors stay views on the caller's bytes.

mod adapter;
mod folder;
pub(crate) mod gguf;
pub(crate) mod json;
mod model;
pub(crate) mod ranges;
mod rope;

pub use adapter::{open_adapter_folder, open_adapter_gguf};
pub use folder::open_folder;
pub use gguf::open_gguf;
pub use model::ModelFile;
