//! Which key was in force when: the records that change it, the state that follows from them, and revocations that come without the log (spec/keys.md "Key events").

mod event;

mod state;

mod statement;

pub use event::{Committed, KeyEvent, Revocation, Succession, rotation_message};
pub use state::{History, KeyFault, Reign, Weight};
pub use statement::{Statement, StatementError};

#[cfg(test)]
mod tests;
