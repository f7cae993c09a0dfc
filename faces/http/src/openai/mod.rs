//! The shapes that OpenAI defines.

pub mod chat;

mod chat_stream;

mod events;

mod logprobs;

pub mod completions;

pub mod responses;

pub mod models;

pub mod embeddings;
