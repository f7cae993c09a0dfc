//! The handshake between two nodes against those who attack it, and against its vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../examples/handshake_vectors/forge.rs"]
mod forge;

#[path = "../examples/handshake_vectors/stream.rs"]
mod stream;

mod adversaries;

mod vectors;
