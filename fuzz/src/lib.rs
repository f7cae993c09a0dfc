//! What must hold of every parser whatever the bytes are. The fuzzer's entries lie in `src/bin`; the workspace's tests run the same targets for a fixed number of seeded cases.

pub mod targets;

// What needs more crates than the proof.
#[path = "targets/key_file.rs"]
pub mod key_file;

#[path = "targets/handshake.rs"]
pub mod handshake;

#[path = "targets/rpc.rs"]
pub mod rpc;

mod entry;

pub use entry::run;

use targets::{harness, vectors};
