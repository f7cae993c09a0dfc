//! Erasure: the record that names values comes first, then their data keys, salts and bytes go (spec/privacy.md).
//!
//! A crash may fall anywhere. What the next start may find, and what it means:
//! - the intent and no erase record: nothing was destroyed, nothing is; the act's outcome is unknown;
//! - erase records, and values that they name: the start destroys them before anything else is written, then the act's outcome is unknown: how far it was to go, only its intent tells;
//! - erase records, and none of their values: only the outcome is missing;
//! - half a new vault file beside the old one: the old one counts, as above; the half one is written anew by the next erasure, or destroyed with the last value of its record;
//! - half a new vault file alone: cut off between the two; the start destroys it;
//! - the outcome, and values that erase records name: an older copy of the vault was restored; the start destroys them again;
//! - a vault file that cannot be read: left alone, `fsck` names it.

use super::{Vault, fields, read};
use crate::disk;
use crate::error::{Damage, Error, Misuse};
use crate::limits;
use crate::log::{Appended, Draft, LogWriter, Running};
use mickai_proof::digest::RecordDigest;
use mickai_proof::record::{Fact, Kind, Record};
use std::collections::BTreeMap;

/// The action of every erase record.
const ACTION: &str = "erase";
const RECORD: &str = "record";
const RECORD_DIGEST: &str = "record_digest";
const LABELS: &str = "labels";

/// What one erase record says: which values of which record are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The record that committed to them.
    pub record: u64,
    /// Its D.
    pub digest: RecordDigest,
    /// Which of its commitments: at least one, none twice.
    pub labels: Vec<String>,
}

/// The values that a log says are erased: record, label, and the index of the erase record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased(BTreeMap<u64, BTreeMap<String, u64>>);

impl Erasure {
    /// What a record says, if it is an erase record in the form of spec/record.md.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        let fact = |name: &str| record.fact(name);
        (record.kind == Kind::Erase).then(|| Self::of_facts(fact))?.filter(|erasure| erasure.record < record.index)
    }

    pub(crate) fn of_draft(draft: &Draft) -> Option<Self> {
        Self::of_facts(|name| draft.facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact))
    }

    fn of_facts<'a, 'b: 'a>(fact: impl Fn(&str) -> Option<&'a Fact<'b>>) -> Option<Self> {
        let Some(Fact::List(items)) = fact(LABELS) else { return None };
        let labels: Vec<String> = items.iter().map(|item| item.as_text().map(str::to_owned)).collect::<Option<_>>()?;
        let in_order = labels.windows(2).all(|pair| matches!(pair, [a, b] if (a.len(), a) < (b.len(), b)));
        let fit = (1..=limits::VAULT_FIELDS_MAX).contains(&labels.len()) && labels.iter().all(|label| (1..=super::LABEL_BYTES_MAX).contains(&label.len()));
        (in_order && fit).then_some(())?;
        Some(Self { record: fact(RECORD)?.as_uint()?, digest: RecordDigest::from_slice(fact(RECORD_DIGEST)?.as_bytes()?)?, labels })
    }

    /// As the act of `running` says it.
    fn draft(&self, running: &Running) -> Draft {
        let mut labels = self.labels.clone();
        labels.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        labels.dedup();
        let intent = running.intent();
        Draft::new(Kind::Erase, running.actor(), running.authority(), ACTION)
            .fact(RECORD, Fact::Uint(self.record))
            .fact(RECORD_DIGEST, Fact::Bytes(self.digest.0.to_vec().into()))
            .fact(LABELS, Fact::List(labels.into_iter().map(|label| Fact::Text(label.into())).collect()))
            .cause(intent.index, intent.digest)
    }
}

impl Erased {
    /// Takes in the next erase record; `None` if it is not one. Of two that name one value the first counts.
    pub fn push(&mut self, record: &Record<'_>) -> Option<()> {
        let erasure = Erasure::of(record)?;
        let labels = self.0.entry(erasure.record).or_default();
        for label in erasure.labels {
            labels.entry(label).or_insert(record.index);
        }
        Some(())
    }

    /// The index of the record by which that value was erased.
    pub fn by(&self, record: u64, label: &str) -> Option<u64> {
        self.0.get(&record)?.get(label).copied()
    }

    /// Labels erased of one record, each with the index of its erase record.
    pub fn of(&self, record: u64) -> impl Iterator<Item = (&str, u64)> {
        self.0.get(&record).into_iter().flatten().map(|(label, by)| (label.as_str(), *by))
    }
}

impl Vault {
    /// Destroys what erase records name and is still here; gives how many values that were.
    ///
    /// # Errors
    /// [`Error::Io`]. A file that cannot be read is left for `fsck` to name.
    pub(crate) fn finish(&self, erased: &Erased) -> Result<usize, Error> {
        let mut count = 0;
        for (record, labels) in &erased.0 {
            match self.erase(*record, &mut |label| labels.contains_key(label)) {
                Err(Error::Damaged { .. } | Error::Foreign(_) | Error::TooLarge(_)) => {}
                destroyed => count += destroyed?,
            }
        }
        Ok(count)
    }

    /// How many values erase records name that are still here. A file that cannot be read has none to speak of.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn unfinished(&self, erased: &Erased) -> Result<u64, Error> {
        let mut count = 0;
        for (record, labels) in &erased.0 {
            match self.labels(*record) {
                Err(Error::Damaged { .. } | Error::Foreign(_) | Error::TooLarge(_)) => {}
                kept => count += kept?.iter().filter(|label| labels.contains_key(*label)).count() as u64,
            }
        }
        Ok(count)
    }

    /// Destroys the values of those labels with their salts and data keys; gives how many there were. The old bytes are overwritten too, as far as the file system writes in place.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub(crate) fn erase(&self, index: u64, is_erased: &mut dyn FnMut(&str) -> bool) -> Result<usize, Error> {
        let path = self.path(index);
        // An erasure that was cut off may have left half a file beside this one: values that were to stay then.
        let half = disk::temporary_beside(&path);
        let Some(bytes) = read(&path)? else { return disk::destroy_unfinished(&half).map(|()| 0) };
        let fields = fields(&bytes).ok_or_else(|| Error::damaged(&path, 0, Damage::VaultForm))?;
        let (gone, kept): (Vec<_>, Vec<_>) = fields.iter().partition(|field| is_erased(field.label));
        if gone.is_empty() {
            return Ok(0);
        }
        let kept: Vec<&[u8]> = kept.iter().map(|field| field.whole).collect();
        // Opened before another file takes its name: whatever happens in between, the other fields are in one of the two.
        let old = std::fs::OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?;
        if kept.is_empty() {
            disk::remove_file(&path)?;
        } else {
            disk::write_file(&path, &[&super::MAGIC[..], &kept.concat()].concat(), disk::Existing::Replace)?;
        }
        super::overwrite(&old, bytes.len()).map_err(Error::io("overwrite", &path))?;
        if kept.is_empty() {
            disk::destroy_unfinished(&half)?;
        }
        Ok(gone.len())
    }
}

impl LogWriter {
    /// Erases values, under a running act: first the erase records are durable, one for each record that is named, then the values are destroyed. Whoever is cut off in between is
    /// completed by the next start.
    ///
    /// # Errors
    /// [`Misuse::Kind`] if a record is named that does not exist or without labels, and nothing is done; as [`LogWriter::append`] and [`Vault::get`].
    pub fn erase(&mut self, act: &Running, erasures: &[Erasure]) -> Result<Vec<Appended>, Error> {
        let size = self.size();
        let drafts: Vec<Draft> = erasures.iter().map(|erasure| erasure.draft(act)).collect();
        if erasures.iter().any(|erasure| erasure.record >= size) || drafts.iter().any(|draft| Erasure::of_draft(draft).is_none()) {
            return Err(Misuse::Kind(Kind::Erase).into());
        }
        let mut appended = Vec::with_capacity(drafts.len());
        for (drafts, erasures) in drafts.chunks(limits::BATCH_RECORDS_MAX).zip(erasures.chunks(limits::BATCH_RECORDS_MAX)) {
            appended.extend(self.append_all(drafts.to_vec())?);
            for erasure in erasures {
                self.vault().erase(erasure.record, &mut |label| erasure.labels.iter().any(|named| named == label))?;
            }
        }
        Ok(appended)
    }
}

#[cfg(test)]
mod tests;
