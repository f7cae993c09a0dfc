//! The log: records in order, written by one process, read by any.

mod draft;

mod key_events;

mod takeover;

mod permit;

mod digest;

mod line;

mod sequencer;

mod seal;

mod workers;

mod appender;

mod writer;

mod hashed;

mod replay;

mod reader;

mod check;

pub use appender::{Appender, Pending};
pub use check::{Finding, Report, TornTail, fsck};
pub use draft::Draft;
pub(crate) use key_events::settle_cut_off;
pub use key_events::{KeyAccount, Revoking, Succeeded, key_account};
pub use permit::{Permit, Running};
pub use reader::{Entries, Entry, Head, LogReader};
pub use takeover::TakenOver;
#[cfg(test)]
pub(crate) use writer::Options;
pub use writer::{Appended, LogWriter, OpenIntent};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod endings;

#[cfg(test)]
mod faults;

#[cfg(test)]
mod beside;
