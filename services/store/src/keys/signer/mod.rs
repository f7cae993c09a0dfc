//! A process of its own that holds the seed and signs over a Unix socket, so that the application never has it (spec/keys.md "Signer process").
//!
//! It is told what a message is about, never its bytes, and builds what it signs. It remembers the checkpoints that it signed, and signs no record before them a second time.

mod message;

mod memory;

mod rate;

mod client;

mod server;

pub use client::Client;
pub use memory::{Memory, Promise};
pub use message::{Refusal, Reply, Request};
pub use server::{Signer, harden};

#[cfg(test)]
mod tests;
