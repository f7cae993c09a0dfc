//! The bundle: everything needed to verify offline, in one file, written and read in one pass (spec/bundle.md).

mod header;

mod write;

mod read;

mod cut;

pub use cut::{Around, Cut};
pub use header::{EventProof, Header};
pub use read::{BundleError, Event, Parser};
pub use write::Writer;

#[cfg(test)]
mod tests;
