//! What is kept about what: every commitment of the log held against the vault, the erase records, and a policy.

use super::policy::{Retention, Rule};
use crate::error::{Error, Result};
use crate::system::System;
use mickai_store::{Damage, Erased, Erasure, Error as StoreError, LogReader, Vault};
use std::collections::BTreeMap;

/// What is kept of one sort of value.
#[derive(Clone, Debug)]
pub struct Held {
    /// Values that the vault keeps.
    pub count: u64,
    /// Their bytes, before encryption.
    pub byte_count: u64,
    /// The time that the record of the oldest of them claims, ms since 1970.
    pub oldest_ms: Option<u64>,
    /// How many of them the policy no longer keeps.
    pub due_count: u64,
    /// Values that were erased.
    pub erased_count: u64,
    /// Values that are neither kept nor erased.
    pub lost_count: u64,
    /// The rule about them; of a request, whose record may hold more or less, what all of theirs allow.
    pub rule: Rule,
}

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// By action and label.
    pub held: BTreeMap<(String, String), Held>,
    /// What the policy no longer keeps, by record.
    pub due: Vec<Erasure>,
    /// Bytes of that.
    pub due_byte_count: u64,
    /// Records whose vault files cannot be read.
    pub unreadable: Vec<u64>,
}

impl System {
    /// What is kept, and what of it the policy in force no longer keeps at `now_ms`.
    ///
    /// # Errors
    /// A log that is damaged, a vault that cannot be opened.
    pub fn held(&self, policy: &Retention, now_ms: u64) -> Result<Survey> {
        let reader = self.reader()?;
        let Some(vault) = self.vault(&reader)? else { return Ok(Survey::default()) };
        survey(&reader, &vault, &self.erased()?, policy, now_ms)
    }
}

/// Reads the whole log, and the vault file of every record that commits to something.
pub(super) fn survey(reader: &LogReader, vault: &Vault, erased: &Erased, policy: &Retention, now_ms: u64) -> Result<Survey> {
    let mut survey = Survey::default();
    for entry in reader.entries(0..reader.size()) {
        let entry = entry?;
        let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
        if record.commitments.is_empty() {
            continue;
        }
        let Some(sizes) = readable(vault.sizes(record.index))? else {
            survey.unreadable.push(record.index);
            continue;
        };
        let mut due = Vec::new();
        for (label, _) in &record.commitments {
            let rule = policy.rule_among(label, &record.action, record.commitments.iter().map(|(label, _)| &**label));
            let held = survey.held.entry((record.action.to_string(), label.to_string())).or_insert_with(|| Held::none(rule));
            held.rule = held.rule.and(rule);
            match sizes.iter().find(|(kept, _)| kept == label) {
                Some((_, byte_count)) => {
                    held.keep(*byte_count, record.wall_ms);
                    if rule.keep.is_over(record.wall_ms, now_ms) {
                        held.due_count += 1;
                        survey.due_byte_count += byte_count;
                        due.push(label.to_string());
                    }
                }
                None if erased.by(record.index, label).is_some() => held.erased_count += 1,
                None => held.lost_count += 1,
            }
        }
        if !due.is_empty() {
            survey.due.push(Erasure { record: record.index, digest: entry.digest(), labels: due });
        }
    }
    Ok(survey)
}

/// What a vault file says; `None` where it cannot be read, which keeps nobody from erasing what other files hold.
pub(crate) fn readable<T>(said: std::result::Result<T, StoreError>) -> Result<Option<T>> {
    match said {
        Err(StoreError::Damaged { what: Damage::VaultForm, .. } | StoreError::Foreign(_) | StoreError::TooLarge(_)) => Ok(None),
        said => Ok(Some(said?)),
    }
}

impl Held {
    fn none(rule: Rule) -> Self {
        Self { count: 0, byte_count: 0, oldest_ms: None, due_count: 0, erased_count: 0, lost_count: 0, rule }
    }

    fn keep(&mut self, byte_count: u64, wall_ms: u64) {
        self.count += 1;
        self.byte_count += byte_count;
        self.oldest_ms = Some(self.oldest_ms.map_or(wall_ms, |oldest| oldest.min(wall_ms)));
    }
}
