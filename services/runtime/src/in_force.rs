//! Decisions of the operator's that stand on record whole: which is in force.
//!
//! The intent of such an act holds the whole decision. A crash may fall between the intent and its outcome; what is found, and what it means:
//! - the intent without outcome, or with outcome_unknown: the operator's decision is on record, so it is in force;
//! - the outcome `executed`: it is in force;
//! - the outcome `failed`, `timed_out` or `not_attempted`: the decision before it is in force, which is among the causes of this one.

use crate::error::{Error, Result};
use mickai_proof::digest::RecordDigest;
use mickai_proof::record::{Kind, OutcomeCode, Record};
use mickai_store::{Entry, LogReader};

/// The newest intent of one of these actions, found by walking through the log from its end.
pub(crate) fn newest(reader: &LogReader, actions: &[&str]) -> Result<Option<u64>> {
    for index in (0..reader.size()).rev() {
        if is_one(&decoded(&entry(reader, index)?)?, actions) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The intent that is in force, the index of the newest of them being known.
pub(crate) fn in_force(reader: &LogReader, newest: Option<u64>, actions: &[&str]) -> Result<Option<Entry>> {
    let mut next = newest;
    while let Some(index) = next {
        let entry = entry(reader, index)?;
        if is_in_force(reader, index, entry.digest())? {
            return Ok(Some(entry));
        }
        next = before(reader, &decoded(&entry)?, actions)?;
    }
    Ok(None)
}

/// A record that must be there.
pub(crate) fn entry(reader: &LogReader, index: u64) -> Result<Entry> {
    reader.entry(index)?.ok_or(Error::BadRecord { index, part: "form" })
}

/// A record that must be one.
pub(crate) fn decoded(entry: &Entry) -> Result<Record<'_>> {
    entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })
}

fn is_one(record: &Record<'_>, actions: &[&str]) -> bool {
    record.kind == Kind::Intent && actions.contains(&&*record.action)
}

/// The decision before this one: among its causes.
fn before(reader: &LogReader, record: &Record<'_>, actions: &[&str]) -> Result<Option<u64>> {
    for (index, _) in record.causes.iter().rev() {
        if is_one(&decoded(&entry(reader, *index)?)?, actions) {
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
