//! Text to tokens and back: the vocabulary in its canonical form, the BPE pipeline, streaming text, chat templates.

mod alphabet;
mod buckets;
pub mod chat;
mod from_gguf;
mod from_json;
mod jinja;
mod merges;
mod pipeline;
mod stream;
mod template;
pub mod vocabulary;

pub use chat::{Date, Message, Prompt, Role};
pub(crate) use from_gguf::from_gguf;
pub(crate) use from_json::{Named, from_json};
pub use pipeline::Tokenizer;
pub use stream::TextStream;
pub use template::ChatTemplate;
pub use vocabulary::Token;

#[cfg(test)]
mod tests;
