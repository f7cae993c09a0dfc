//! Which policy is in force: that of the newest act `retention.set` that was not known to fail.
//!
//! The intent of that act holds the whole policy. A crash may fall between its intent, the copy in the home, and its outcome; what is found, and what it means:
//! - the intent without outcome, or with outcome_unknown: the operator's decision is on record, so it is in force; the copy may still be the old one;
//! - the outcome `executed`: the copy is that of the record, unless somebody changed it;
//! - the outcome `failed`, `timed_out` or `not_attempted`: the policy before it is in force.

use super::policy::Retention;
use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::system::System;
use mickai_proof::digest::RecordDigest;
use mickai_proof::record::{Fact, Kind, OutcomeCode, Record};
use mickai_store::{Appended, Entry, LogReader};

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
        let mut newest = None;
        for index in (0..reader.size()).rev() {
            let entry = entry(&reader, index)?;
            if is_set(&decoded(&entry)?) {
                newest = Some(index);
                break;
            }
        }
        self.retention_of(&reader, newest)
    }

    /// The policy in force, the index of the newest `retention.set` being known.
    pub(super) fn retention_of(&self, reader: &LogReader, newest: Option<u64>) -> Result<InForce> {
        let copy = self.home().retention()?;
        let mut next = newest;
        while let Some(index) = next {
            let entry = entry(reader, index)?;
            let record = decoded(&entry)?;
            let bad = || Error::BadRecord { index, part: fact::RETENTION };
            if is_in_force(reader, index, entry.digest())? {
                let text = record.fact(fact::RETENTION).and_then(Fact::as_text).ok_or_else(bad)?;
                let policy = Retention::parse(text).ok_or_else(bad)?;
                return Ok(InForce { policy, set_by: Some(Appended { index, digest: entry.digest() }), is_copy_same: copy.as_deref() == Some(text.as_bytes()) });
            }
            next = before(reader, &record)?;
        }
        Ok(InForce { policy: Retention::default(), set_by: None, is_copy_same: copy.is_none() })
    }
}

fn is_set(record: &Record<'_>) -> bool {
    record.kind == Kind::Intent && record.action == action::RETENTION_SET
}

/// The change before this one: among its causes.
fn before(reader: &LogReader, record: &Record<'_>) -> Result<Option<u64>> {
    for (index, _) in record.causes.iter().rev() {
        if is_set(&decoded(&entry(reader, *index)?)?) {
            return Ok(Some(*index));
        }
    }
    Ok(None)
}

/// Not known to have failed. Its outcome is the next record, or near.
fn is_in_force(reader: &LogReader, index: u64, digest: RecordDigest) -> Result<bool> {
    for entry in reader.entries(index + 1..reader.size()) {
        if let Some((intent, code)) = decoded(&entry?)?.closes
            && intent == digest
        {
            return Ok(matches!(code, OutcomeCode::Executed | OutcomeCode::Unknown));
        }
    }
    Ok(true)
}

fn entry(reader: &LogReader, index: u64) -> Result<Entry> {
    reader.entry(index)?.ok_or(Error::BadRecord { index, part: "form" })
}

fn decoded(entry: &Entry) -> Result<Record<'_>> {
    entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })
}
