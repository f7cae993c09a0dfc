//! Erases values on the operator's word: the intent, the erase record, the destruction, the outcome (spec/privacy.md).

use crate::acts::{Side, action, fact, label};
use crate::error::{Error, Result};
use crate::executor::{Done, Executor};
use crate::in_force::decoded;
use crate::policy;
use crate::retention::readable;
use crate::system::System;
use mickai_proof::record::{Fact, Kind, Record};
use mickai_store::{Appended, Draft, Entry, Erased, Erasure, LogReader, Vault};

/// Which values of a record to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fields {
    /// All that are still kept.
    All,
    /// Those under these labels; a text takes the tokens that spell it with it, and the request that said it.
    Labels(Vec<String>),
}

/// Values that were erased.
#[derive(Clone, Debug)]
pub struct ValuesErased {
    /// The record that commits to them.
    pub record: u64,
    /// Their labels.
    pub labels: Vec<String>,
    /// The erase record.
    pub by: Appended,
    /// Records that kept what was answered with them, whose values went too.
    pub answers: Vec<u64>,
    /// The act's records before and after it.
    pub records: (Appended, Appended),
    /// What the other record of the same act still keeps, by [`System::erase`]: record and label.
    pub remaining: Vec<(u64, String)>,
}

impl System {
    /// Erases values of a record, and records it. The record itself stays, and verifies as before.
    ///
    /// # Errors
    /// [`Error::NoRecord`], [`Error::NoField`], [`Error::AlreadyErased`], [`Error::NotKept`]: nothing was begun. A log or a vault that cannot be written.
    pub fn erase(&self, index: u64, fields: &Fields, cause: Option<Appended>) -> Result<ValuesErased> {
        let mut executor = self.executor()?;
        let erased = self.erase_by(&mut executor, index, fields, cause, &mut |_| {})?;
        Ok(ValuesErased { remaining: self.remaining(index, executor.log().vault())?, ..erased })
    }

    /// As [`System::erase`], on a log that is held already; `begun` hears of the intent when it is durable. Whoever erases both records of an act does not ask what the other one still keeps.
    pub(crate) fn erase_by(&self, executor: &mut Executor, index: u64, fields: &Fields, cause: Option<Appended>, begun: &mut dyn FnMut(Appended)) -> Result<ValuesErased> {
        let reader = self.reader()?;
        let entry = reader.entry(index)?.ok_or_else(|| Error::NoRecord { wanted: index.to_string(), record_count: reader.size() })?;
        let record = entry.decode().map_err(|_| Error::BadRecord { index, part: "form" })?;
        let labels = choose(&record, fields, &executor.log().erased(), executor.log().vault())?;
        // An answer that is kept for its key tells what its act's values tell.
        let answers = self.answers(&reader, index, executor.log().vault())?;
        let mut erasures = vec![Erasure { record: index, digest: entry.digest(), labels: labels.clone() }];
        erasures.extend(answers.iter().map(|answer| Erasure { record: answer.index, digest: answer.digest(), labels: vec![label::OUTPUT.to_owned()] }));
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action::ERASE)
            .fact(fact::RECORD, Fact::Uint(index))
            .fact(fact::RECORD_DIGEST, Fact::Bytes(entry.digest().0.to_vec().into()))
            .fact(fact::LABELS, Fact::List(labels.iter().map(|label| Fact::Text(label.clone().into())).collect()));
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, log| {
            begun(act.intent());
            let by = log.erase(act, &erasures)?.into_iter().next().ok_or(Error::BadRecord { index, part: "form" })?;
            Ok(Done::new(by, Vec::new()))
        })?;
        Ok(ValuesErased {
            record: index,
            labels,
            by: performed.value,
            answers: answers.iter().map(|answer| answer.index).collect(),
            records: (performed.intent, performed.outcome),
            remaining: Vec::new(),
        })
    }

    /// The records that still keep what was answered of the act that record `index` belongs to, as far as their vault files can be read. The log is walked through to its end: what the index hides would
    /// stay readable.
    fn answers(&self, reader: &LogReader, index: u64, vault: &Vault) -> Result<Vec<Entry>> {
        let mut answers = Vec::new();
        let Some(act) = self.act_at(reader, index)? else { return Ok(answers) };
        // Of an act without a key nothing is kept.
        if act.intent.fact(fact::IDEMPOTENCY).is_none() {
            return Ok(answers);
        }
        for answer in reader.entries(act.intent.index..reader.size()) {
            let answer = answer?;
            if is_answer(&decoded(&answer)?, &act.intent) && readable(vault.labels(answer.index))?.is_some_and(|labels| !labels.is_empty()) {
                answers.push(answer);
            }
        }
        Ok(answers)
    }

    /// What the intent still keeps of an act whose outcome is `index`, or the other way round, as far as its vault file can be read.
    fn remaining(&self, index: u64, vault: &Vault) -> Result<Vec<(u64, String)>> {
        let Some(act) = self.act_at(&self.reader()?, index)? else { return Ok(Vec::new()) };
        let other = if act.intent.index == index { act.outcome.map(|(_, side)| side.index) } else { Some(act.intent.index) };
        let Some(other) = other else { return Ok(Vec::new()) };
        Ok(readable(vault.labels(other))?.unwrap_or_default().into_iter().map(|label| (other, label)).collect())
    }
}

/// Does the record keep what was answered of the act of this intent?
fn is_answer(record: &Record<'_>, intent: &Side) -> bool {
    record.kind == Kind::Detail && record.action == action::ANSWER && record.causes.contains(&(intent.index, intent.digest))
}

/// The labels to erase, in the order of the record.
fn choose(record: &Record<'_>, fields: &Fields, erased: &Erased, vault: &Vault) -> Result<Vec<String>> {
    let index = record.index;
    let committed: Vec<&str> = record.commitments.iter().map(|(label, _)| label.as_ref()).collect();
    let missing = |wanted: &str| Error::NoField { index, wanted: wanted.to_owned(), known: committed.iter().map(|label| (*label).to_owned()).collect() };
    let named: Vec<&str> = match fields {
        Fields::All => committed.clone(),
        Fields::Labels(labels) => {
            if let Some(wanted) = labels.iter().find(|wanted| !committed.iter().any(|label| label::covers(wanted, label))) {
                return Err(missing(wanted));
            }
            committed.iter().copied().filter(|label| labels.iter().any(|wanted| label::erases(wanted, label))).collect()
        }
    };
    let kept = vault.labels(index)?;
    let chosen: Vec<String> = named.iter().filter(|label| kept.iter().any(|kept| kept == *label)).map(|label| (*label).to_owned()).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let Some(first) = named.first() else { return Err(missing("")) };
    Err(match named.iter().find_map(|label| Some(((*label).to_owned(), erased.by(index, label)?))) {
        Some((label, by)) => Error::AlreadyErased { index, label, by },
        None => Error::NotKept { index, label: (*first).to_owned() },
    })
}
