//! The log: records in order, written by one process, read by any.

mod check;
mod draft;
mod key_events;
mod permit;
mod reader;
mod replay;
mod writer;

pub use check::{Finding, Report, TornTail, fsck};
pub use draft::Draft;
pub use key_events::{KeyAccount, Revoking, Succeeded, key_account};
pub use permit::{Permit, Running};
pub use reader::{Entries, Entry, Head, LogReader};
pub use writer::{Appended, LogWriter, OpenIntent};

#[cfg(test)]
mod tests;
