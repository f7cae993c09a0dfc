//! The handshake between two nodes against those who attack it, and against its vectors.

#[path = "../examples/handshake_vectors/forge.rs"]
mod forge;

mod adversaries;

mod vectors;
