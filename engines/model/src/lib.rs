//! Prompt to tokens to logits to tokens: model files, tokenizers, chat templates, the forward pass, sampling.
//!
//! It is pure: services hand in bytes, a date, a seed and a crew of threads; it opens no file, reads no clock and never knows what an audit
//! record is.
//!
//! The life of a prompt: [`file::open_gguf`] or [`file::open_folder`] makes a [`file::ModelFile`]; its template writes the conversation as one
//! text and its tokenizer makes tokens of it ([`tokens`]); a [`forward::Decoder`] makes logits of the tokens of many sequences; [`sample::Sampler`] chooses one,
//! under a [`constrain::Constraint`] where there is one; [`generate::Inference`] goes on with it until something ends it.
//!
//! Invariants: no size in a file is believed before it was held against the file's length and [`limits`]; a text that a person wrote never
//! becomes a control token; equal model, tokens, sampler and seed give equal tokens everywhere.
//!
//! Start reading at `generate.rs`.
// The names of fields and variants say what they are; what needs more has it.
#![allow(missing_docs)]

pub mod generate;

pub mod config;
pub mod constrain;
pub mod digest;
pub mod error;
pub mod file;
pub mod forward;
pub mod limits;
mod philox;
mod power;
pub mod sample;
pub mod stats;
pub mod tensor;
pub mod tokens;
