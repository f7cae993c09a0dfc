//! Which policy is in force: that of the newest act `retention.set` that was not known to fail ([`crate::in_force`]).
//!
//! The copy in the home is written between intent and outcome: after a crash it may still be the old one, and after `executed` it is that of the record, unless somebody changed it.

use super::policy::Retention;
use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::in_force::{decoded, in_force, newest};
use crate::system::System;
use mickai_proof::record::Fact;
use mickai_store::{Appended, LogReader};

/// The policy in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// What it says.
    pub policy: Retention,
    /// The intent that put it in force; without one it is what holds when nobody has said anything.
    pub set_by: Option<Appended>,
    /// Whether the copy in the home says the same.
    pub is_copy_same: bool,
}

impl System {
    /// The policy in force.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn retention(&self) -> Result<InForce> {
        let reader = self.reader()?;
        let newest = newest(&reader, &[action::RETENTION_SET])?;
        self.retention_of(&reader, newest)
    }

    /// The policy in force, the index of the newest `retention.set` being known.
    pub(super) fn retention_of(&self, reader: &LogReader, newest: Option<u64>) -> Result<InForce> {
        let copy = self.home().retention()?;
        let Some(entry) = in_force(reader, newest, &[action::RETENTION_SET])? else {
            return Ok(InForce { policy: Retention::default(), set_by: None, is_copy_same: copy.is_none() });
        };
        let bad = || Error::BadRecord { index: entry.index, part: fact::RETENTION };
        let record = decoded(&entry)?;
        let text = record.fact(fact::RETENTION).and_then(Fact::as_text).ok_or_else(bad)?;
        let policy = Retention::parse(text).ok_or_else(bad)?;
        Ok(InForce { policy, set_by: Some(Appended { index: entry.index, digest: entry.digest() }), is_copy_same: copy.as_deref() == Some(text.as_bytes()) })
    }
}
