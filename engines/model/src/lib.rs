//! Prompt to tokens to logits to tokens: model files, tokenizers, chat templates, the forward pass, sampling.
#![allow(missing_docs)]
pub mod config;
pub mod tensor;
pub mod forward;
