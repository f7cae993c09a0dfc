//! Hugging Face folders: `config.json`, safetensors (one file or shards with an index), tokenizer and template files.

mod open;
pub(crate) mod safetensors;
mod settings;

pub use open::open_folder;
