//! Looking things up in a log of any length: through the index, near by, and only then by walking.
//!
//! The index is a hint. What it names is read from its segment and compared with what was asked ([`Index::find`]), so nothing wrong is found. What it does not name may be there all the same,
//! where somebody changed it; so of each look-up it is said what an answer of "none" is worth:
//! - the other half of an act, and what is on record of repacked weights: nothing; the log is walked through before it is believed;
//! - pins, when a model is opened: enough to open it. It does not run by that: before an intent the pins are asked of the writer, which has read the whole log, record by record, when it took the
//!   log in hand ([`System::refuse_unpinned`]); where nothing is recorded, the log is walked through ([`System::measure_memory`]);
//! - a caller's key, and the answer that is kept for it: enough to run what is asked, or to say that there is no answer. An erasure does not believe it and walks through the log ([`System::erase`]).

use crate::acts::{Act, Side};
use crate::error::Result;
use crate::in_force::{decoded, entry};
use crate::system::System;
use mickai_proof::digest::RecordDigest;
use mickai_proof::record::Kind;
use mickai_store::{Entry, LogReader, Query};
use std::ops::Range;

/// Records behind an intent that are looked at one by one: alone, an act's outcome is the next record; beside others it is not far.
const NEAR: u64 = 16;

impl System {
    /// The newest intent of one of these actions, as far as the index knows.
    pub(crate) fn newest_known(&self, reader: &LogReader, actions: &[&str]) -> Result<Option<u64>> {
        let found = actions.iter().map(|action| self.find(reader, &Query { limit: Some(1), ..intents_of(action) }));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().map(|entry| entry.index).max())
    }

    /// All intents of these actions, as far as the index knows, the newest first.
    pub(crate) fn intents_known(&self, reader: &LogReader, actions: &[&str]) -> Result<Vec<Entry>> {
        let found = actions.iter().map(|action| self.find(reader, &intents_of(action)));
        let mut found: Vec<Entry> = found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.index));
        Ok(found)
    }

    /// The outcome of an intent; `None` if it has none yet.
    pub(crate) fn outcome_behind(&self, reader: &LogReader, intent: &Entry) -> Result<Option<Entry>> {
        let digest = intent.digest();
        let walk = |range: Range<u64>| -> Result<Option<Entry>> {
            for entry in reader.entries(range) {
                let entry = entry?;
                if decoded(&entry)?.closes.is_some_and(|(closed, _)| closed == digest) {
                    return Ok(Some(entry));
                }
            }
            Ok(None)
        };
        let near = intent.index.saturating_add(1)..intent.index.saturating_add(1 + NEAR);
        if let Some(found) = walk(near.clone())? {
            return Ok(Some(found));
        }
        let known = self.find(reader, &Query { closes: Some(digest), limit: Some(1), ..Query::default() })?;
        match known.into_iter().next() {
            Some(found) => Ok(Some(found)),
            None => walk(near.end..reader.size()),
        }
    }

    /// The act that record `index` belongs to; `None` if it belongs to none.
    pub(crate) fn act_at(&self, reader: &LogReader, index: u64) -> Result<Option<Act>> {
        let Some(found) = reader.entry(index)? else { return Ok(None) };
        let record = decoded(&found)?;
        let (intent, outcome) = match (record.kind, record.closes) {
            (Kind::Intent, _) => {
                let outcome = self.outcome_behind(reader, &found)?;
                (Some(found), outcome)
            }
            (_, Some((digest, _))) => (self.intent_before(reader, index, digest)?, Some(found)),
            _ => return Ok(None),
        };
        let Some(intent) = intent else { return Ok(None) };
        let record = decoded(&intent)?;
        let outcome = match &outcome {
            None => None,
            Some(entry) => {
                let record = decoded(entry)?;
                record.closes.map(|(_, code)| (code, Side::new(entry.digest(), &record)))
            }
        };
        Ok(Some(Act { action: record.action.to_string(), actor: record.actor.0, intent: Side::new(intent.digest(), &record), outcome }))
    }

    /// The intent of that digest, which an outcome at `index` closes.
    fn intent_before(&self, reader: &LogReader, index: u64, digest: RecordDigest) -> Result<Option<Entry>> {
        let walk = |range: Range<u64>| -> Result<Option<Entry>> {
            for index in range.rev() {
                let entry = entry(reader, index)?;
                if entry.digest() == digest {
                    return Ok(Some(entry));
                }
            }
            Ok(None)
        };
        let near = index.saturating_sub(NEAR)..index;
        if let Some(found) = walk(near.clone())? {
            return Ok(Some(found));
        }
        let known = self.find(reader, &Query { kind: Some(Kind::Intent), digest_prefix: Some(digest.to_string()), limit: Some(1), ..Query::default() })?;
        match known.into_iter().next() {
            Some(found) => Ok(Some(found)),
            None => walk(0..near.start),
        }
    }
}

fn intents_of(action: &str) -> Query {
    Query { kind: Some(Kind::Intent), action: Some(action.to_owned()), newest_first: true, ..Query::default() }
}
