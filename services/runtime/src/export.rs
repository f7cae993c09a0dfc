//! Exports out of the log: which records, which values opened, in which form, where to; streamed, and recorded as an act of its own.

mod files;

mod form;

mod source;

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::open::Open;
use crate::policy;
use crate::system::System;
use files::Written;
pub(crate) use files::{public_file, refuse_existing};
use mickai_proof::bundle::Header;
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::receipt::Receipt;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, LogReader, OperatorKey, Running};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use form::{Form, FormError};
use source::Kept;
pub(crate) use source::{Source, header};

/// Which records an export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The whole log.
    All,
    /// One record.
    One(u64),
    /// A run of records.
    Range(Range<u64>),
    /// The records up to the newest settlement, under the checkpoint that was settled.
    Settled,
}

/// An export that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// As what.
    pub form: Form,
    /// Index of its first record.
    pub first: u64,
    /// Number of its records.
    pub count: u64,
    /// Bytes of the file, or of all files of the folder.
    pub byte_count: u64,
    /// Values that were to be shown and are not there, in order.
    pub missing: Vec<Missing>,
    /// The records of the export itself; they lie after those exported.
    pub records: (Appended, Appended),
}

/// A value that a record commits to and the vault does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The record.
    pub record: u64,
    /// Which value.
    pub label: String,
    /// The record that erased it; without one it was lost, or its record came from elsewhere.
    pub erased_by: Option<u64>,
}

impl System {
    /// Writes an export and records that it was written; `cause` is the record that led to it.
    ///
    /// # Errors
    /// A file that exists, a selection of nothing or one that the form cannot hold, values to open that no record has, a log that cannot be written.
    pub fn export(&self, form: Form, selection: &Selection, open: &Open, path: &Path, cause: Option<Appended>) -> Result<Exported> {
        refuse_existing(path)?;
        let mut executor = self.executor()?;
        let note = executor.log_mut().checkpoint()?;
        let note = if *selection == Selection::Settled { self.settled_note()? } else { note };
        let reader = self.reader()?;
        let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Error::BadRecord { index: reader.size(), part: "checkpoint" })?.checkpoint;
        form.check(selection, open, checkpoint.size)?;
        let header = header(&reader, selection, checkpoint.size)?;
        check_open(&reader, header, open)?;
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action::EXPORT)
            .fact(fact::FIRST, Fact::Uint(header.first))
            .fact(fact::COUNT, Fact::Uint(header.count))
            .fact(fact::SIZE, Fact::Uint(checkpoint.size))
            .fact(fact::ROOT, Fact::Bytes(checkpoint.root.0.to_vec().into()));
        if !open.is_empty() {
            draft = draft.fact(fact::OPEN, Fact::List(open.words().into_iter().map(|word| Fact::Text(word.into())).collect()));
        }
        if form != Form::Bundle {
            draft = draft.fact(fact::FORM, Fact::Text(form.name().into()));
        }
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let settlements = if form == Form::Bundle && header.count == checkpoint.size { self.settlements_within(&checkpoint)? } else { Vec::new() };
        let account = executor.log().keys();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, log| {
            let erased = log.erased();
            let kept = Some(Kept { home: self.home(), note: &note });
            let source = Source { reader: &reader, account: &account, size: checkpoint.size, values: Some((log.vault(), &erased)), kept };
            let made = Making { source, key: log.key(), checkpoint, settlements, note: &note, header, open };
            let (written, missing) = made.write(act, form, selection, path)?;
            let mut facts = vec![(fact::BYTE_COUNT.to_owned(), Fact::Uint(written.byte_count))];
            facts.extend(written.digest.map(|digest| (fact::FILE_DIGEST.to_owned(), Fact::Bytes(digest.to_vec().into()))));
            Ok(Done::new((written, missing), facts))
        })?;
        let (written, missing) = performed.value;
        let records = (performed.intent, performed.outcome);
        Ok(Exported { path: path.to_owned(), form, first: header.first, count: header.count, byte_count: written.byte_count, missing, records })
    }
}

/// Whoever names a value gets it, or hears that no record of the selection has it.
fn check_open(reader: &LogReader, header: Header, open: &Open) -> Result<()> {
    let mut unmet: Vec<_> = open.choices().iter().filter(|choice| !choice.is_everything()).collect();
    let mut known = BTreeSet::new();
    for entry in reader.entries(header.first..header.end()) {
        if unmet.is_empty() {
            break;
        }
        let entry = entry?;
        let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
        for (label, _) in &record.commitments {
            unmet.retain(|choice| !choice.shows(record.index, label));
            known.insert(label.to_string());
        }
    }
    unmet.first().map_or(Ok(()), |choice| Err(Error::NothingToOpen { wanted: choice.to_string(), known: known.into_iter().collect() }))
}

/// Everything that one export is made from.
struct Making<'a> {
    source: Source<'a>,
    key: &'a OperatorKey,
    checkpoint: Checkpoint,
    settlements: Vec<Vec<u8>>,
    note: &'a str,
    header: Header,
    open: &'a Open,
}

impl Making<'_> {
    fn write(&self, _act: &Running, form: Form, selection: &Selection, path: &Path) -> Result<(Written, Vec<Missing>)> {
        let root = self.checkpoint.root;
        let mut missing = Vec::new();
        let written = match form {
            Form::Bundle => {
                let around = self.source.around(&self.header, Some(root))?;
                files::file(path, |sink| {
                    missing = self.source.bundle(self.header, &around, &self.settlements, self.note, self.open, sink)?;
                    Ok(())
                })
            }
            Form::JsonLines => files::file(path, |sink| {
                missing = self.source.lines(self.header, self.open, sink)?;
                Ok(())
            }),
            Form::Tiles => files::folder(path, |add| self.source.tiles(root, self.note, add)),
            Form::Receipt => {
                let receipt = self.receipt()?;
                files::file(path, |sink| sink(&receipt))
            }
            Form::Statement => {
                // The whole log is named by its checkpoint; of a part every record.
                let range = if *selection == Selection::All { 0..0 } else { self.header.first..self.header.end() };
                let named: Vec<_> = self.source.named(&range, root)?.into_iter().map(|(named, _)| named).collect();
                let envelope = self.key.sign_attestation(&self.checkpoint, &named)?;
                files::file(path, |sink| sink(format!("{envelope}\n").as_bytes()))
            }
        }?;
        Ok((written, missing))
    }

    fn receipt(&self) -> Result<Vec<u8>> {
        let index = self.header.first;
        let bad = || Error::BadRecord { index, part: "receipt" };
        let (named, record) = self.source.named(&(index..index + 1), self.checkpoint.root)?.pop().ok_or_else(bad)?;
        let signature = Box::new(self.key.sign_receipt(&self.checkpoint)?);
        let receipt = Receipt { log: self.checkpoint.log, key: self.key.id(), size: self.checkpoint.size, index, path: named.path, signature };
        let bytes = receipt.to_bytes();
        // Read again as a stranger would, before anybody relies on it.
        Receipt::parse(&bytes).and_then(|receipt| receipt.verify(self.key.public(), &record)).map_err(|_| bad())?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
