//! The index: where in the log a kind, an action, a time, a digest or a cause is found. Made from the segments, and made again whenever it is missing, foreign, broken or not of this log.
//!
//! Nothing is believed that is read through it: each record that it names is read from its segment and compared with what was asked. Whoever changes the index can hide records from a look-up until
//! `fsck` finds it, and show none that is not there; whoever deletes it costs one reading of the log.

mod file;

mod query;

pub use file::Index;
pub use query::Query;

#[cfg(test)]
mod tests;
