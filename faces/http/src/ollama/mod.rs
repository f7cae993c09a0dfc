//! The shapes that Ollama defines: answers come as lines of JSON unless `stream` is false, and a refusal is `{"error": "…"}`.

mod options;

pub mod chat;

pub mod generate;

pub mod embed;

pub mod models;

mod lines;
