//! What must hold of every parser whatever the bytes are. The fuzzer's entries lie in `src/bin`; the workspace's tests run the same targets for a fixed number of seeded cases.

pub mod targets;

mod entry;

pub use entry::run;
