//! Exports out of the log: which records, which values opened, in which form, where to; streamed, and recorded as an act of its own.

mod files;

mod form;

mod source;

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::policy;
use crate::system::System;
use files::Written;
use mickai_proof::bundle::Header;
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::Id;
use mickai_proof::receipt::Receipt;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_store::{Appended, Draft, OperatorKey};
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use form::{Form, FormError};
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
}

/// Which values an export shows. None by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Prompts and their tokens.
    pub prompt: bool,
    /// Outputs and their tokens.
    pub output: bool,
}

impl Open {
    /// Every value.
    pub const ALL: Self = Self { prompt: true, output: true };

    fn shows(self, label: &str) -> bool {
        (self.prompt && label.starts_with("prompt")) || (self.output && label.starts_with("output"))
    }
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
    /// The records of the export itself; they lie after those exported.
    pub records: (Appended, Appended),
}

impl System {
    /// Writes an export and records that it was written; `cause` is the record that led to it.
    ///
    /// # Errors
    /// A file that exists, a selection of nothing or one that the form cannot hold, a log that cannot be written.
    pub fn export(&self, form: Form, selection: &Selection, open: Open, path: &Path, cause: Option<Appended>) -> Result<Exported> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::FileExists(path.to_owned()));
        }
        let mut writer = self.writer()?;
        let note = writer.checkpoint()?;
        let reader = self.reader()?;
        let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Error::BadRecord { index: reader.size(), part: "checkpoint" })?.checkpoint;
        form.check(selection, open, checkpoint.size)?;
        let header = header(&reader, selection, checkpoint.size)?;
        let mut draft = Draft::new(Kind::Intent, (ActorClass::Operator, Id(writer.key().id().0)), policy::authority(), action::EXPORT)
            .fact(fact::FIRST, Fact::Uint(header.first))
            .fact(fact::COUNT, Fact::Uint(header.count))
            .fact(fact::SIZE, Fact::Uint(checkpoint.size))
            .fact(fact::ROOT, Fact::Bytes(checkpoint.root.0.to_vec().into()));
        if form != Form::Bundle {
            draft = draft.fact(fact::FORM, Fact::Text(form.name().into()));
        }
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let (_, account) = self.key_account()?;
        let permit = writer.append_intent(draft, &[])?;
        writer.check_permit(&permit)?;
        let intent = Appended { index: permit.index(), digest: permit.digest() };
        let source = Source { reader: &reader, account: &account, size: checkpoint.size, vault: Some(writer.vault()) };
        let made = Making { source, key: writer.key(), checkpoint, note: &note, header, open };
        match made.write(form, selection, path) {
            Ok(Written { byte_count, digest }) => {
                let mut facts = vec![(fact::BYTE_COUNT.to_owned(), Fact::Uint(byte_count))];
                facts.extend(digest.map(|digest| (fact::FILE_DIGEST.to_owned(), Fact::Bytes(digest.to_vec().into()))));
                let outcome = writer.close(permit, OutcomeCode::Executed, facts, &[])?;
                Ok(Exported { path: path.to_owned(), form, first: header.first, count: header.count, byte_count, records: (intent, outcome) })
            }
            Err(error) => {
                writer.close(permit, OutcomeCode::Failed, Vec::new(), &[])?;
                Err(error)
            }
        }
    }
}

/// Everything that one export is made from.
struct Making<'a> {
    source: Source<'a>,
    key: &'a OperatorKey,
    checkpoint: Checkpoint,
    note: &'a str,
    header: Header,
    open: Open,
}

impl Making<'_> {
    fn write(&self, form: Form, selection: &Selection, path: &Path) -> Result<Written> {
        let root = self.checkpoint.root;
        match form {
            Form::Bundle => {
                let around = self.source.around(&self.header, Some(root))?;
                files::file(path, |sink| self.source.bundle(self.header, &around, self.note, self.open, sink))
            }
            Form::JsonLines => files::file(path, |sink| self.source.lines(self.header, self.open, sink)),
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
        }
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
