//! Bundles out of the log: which records, which values opened, where to; streamed, and recorded as an act of its own.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::open::Open;
use crate::policy;
use crate::system::System;
use mickai_proof::bundle::{EventProof, Header, Writer};
use mickai_proof::checkpoint::Note;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle;
use mickai_proof::record::{Fact, Kind};
use mickai_store::tiles::{self, Around};
use mickai_store::{Appended, Draft, Entry, Erased, KeyAccount, LogReader, Running, Vault};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Which records a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The whole log.
    All,
    /// One record.
    One(u64),
    /// A run of records.
    Range(Range<u64>),
}

/// A bundle that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// Index of its first record.
    pub first: u64,
    /// Number of its records.
    pub count: u64,
    /// Bytes of the file.
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
    /// Writes a bundle and records that it was written; `cause` is the record that led to it.
    ///
    /// # Errors
    /// A file that exists, a selection of nothing, values to open that no record has, a log that cannot be written.
    pub fn export(&self, selection: &Selection, open: &Open, path: &Path, cause: Option<Appended>) -> Result<Exported> {
        if path.exists() {
            return Err(Error::FileExists(path.to_owned()));
        }
        let mut executor = self.executor()?;
        let note = executor.log_mut().checkpoint()?;
        let reader = self.reader()?;
        let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Error::BadRecord { index: reader.size(), part: "checkpoint" })?.checkpoint;
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
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let (_, account) = self.key_account()?;
        // Whatever is wrong with the tiles, the log itself has the same nodes, only not as quickly.
        let around = tiles::around(self.home(), &reader, &note, header.first..header.end()).ok();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, log| {
            let erased = log.erased();
            let source = Source { reader: &reader, account: &account, values: Some((log.vault(), &erased)), note: &note, size: checkpoint.size, around };
            let written = write_file(act, &source, header, open, path)?;
            let digest = Fact::Bytes(written.digest.to_vec().into());
            let facts = vec![(fact::BYTE_COUNT.to_owned(), Fact::Uint(written.byte_count)), (fact::FILE_DIGEST.to_owned(), digest)];
            Ok(Done::new(written, facts))
        })?;
        let Written { byte_count, missing, .. } = performed.value;
        Ok(Exported { path: path.to_owned(), first: header.first, count: header.count, byte_count, missing, records: (performed.intent, performed.outcome) })
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

/// A file that was written.
struct Written {
    byte_count: u64,
    digest: [u8; 32],
    missing: Vec<Missing>,
}

/// Writes beside the target and then gives it its name, so that a bundle appears whole or not at all, and never in another file's place.
fn write_file(_act: &Running, source: &Source<'_>, header: Header, open: &Open, path: &Path) -> Result<Written> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    // Opened values are for whom the operator gives the file to.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(Error::file(&partial))?;
    let written = write_all(source, header, open, file, &partial).and_then(|written| publish(&partial, path).map(|()| written));
    // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
    let _ = std::fs::remove_file(&partial);
    written
}

/// A link fails where the name is taken; the folder is synced so that a recorded export is still there after a power cut.
fn publish(partial: &Path, path: &Path) -> Result<()> {
    match std::fs::hard_link(partial, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(path.to_owned())),
        linked => linked.and_then(|()| File::open(folder_of(path))?.sync_all()).map_err(Error::file(path)),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_all(source: &Source<'_>, header: Header, open: &Open, mut file: File, path: &Path) -> Result<Written> {
    let mut hash = Sha256::new();
    let mut byte_count = 0;
    let missing = source.stream(header, open, &mut |bytes| {
        hash.update(bytes);
        byte_count += bytes.len() as u64;
        file.write_all(bytes).map_err(Error::file(path))
    })?;
    file.sync_all().map_err(Error::file(path))?;
    Ok(Written { byte_count, digest: hash.finalize().into(), missing })
}

/// What a bundle is made from.
pub(crate) struct Source<'a> {
    pub reader: &'a LogReader,
    /// The log's keys.
    pub account: &'a KeyAccount,
    /// Needed where values are opened: those that are kept, and what became of the others.
    pub values: Option<(&'a Vault, &'a Erased)>,
    /// A checkpoint of the first `size` records.
    pub note: &'a str,
    pub size: u64,
    /// The nodes left and right of the range, where they are known without reading the log.
    pub around: Option<Around>,
}

/// The header of a bundle of these records of the first `size`.
pub(crate) fn header(reader: &LogReader, selection: &Selection, size: u64) -> Result<Header> {
    let range = match selection {
        Selection::All => 0..size,
        Selection::One(index) => *index..index.saturating_add(1),
        Selection::Range(range) => range.clone(),
    };
    let log = reader.log_id().filter(|_| range.start < range.end && range.end <= size).ok_or(Error::NothingInRange)?;
    Ok(Header { log, first: range.start, count: range.end - range.start })
}

impl Source<'_> {
    /// The bundle's bytes, chunk by chunk. Gives the values that were to be shown and are not there.
    pub fn stream(&self, header: Header, open: &Open, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<Vec<Missing>> {
        let Around { left, right } = match &self.around {
            Some(around) => around.clone(),
            None => self.hashed_around(header.first..header.end())?,
        };
        let mut writer = Writer::new(header, self.account.keys_within(self.size), &self.key_events(header)?, left.nodes());
        let mut all_missing = Vec::new();
        for entry in self.reader.entries(header.first..header.end()) {
            let entry = entry?;
            let (openings, missing) = self.openings(&entry, open)?;
            all_missing.extend(missing);
            writer.push(entry.record, entry.signature, openings);
            sink(&writer.take())?;
        }
        sink(&writer.finish(&right, self.note))?;
        Ok(all_missing)
    }

    /// The nodes around a range, by hashing every record outside it.
    fn hashed_around(&self, range: Range<u64>) -> Result<Around> {
        let missing = || Error::BadRecord { index: range.end, part: "tree" };
        let left = self.reader.frontier(range.start)?.ok_or_else(missing)?;
        let right = merkle::right_ranges(range.end, self.size).into_iter().map(|range| self.subtree(range));
        Ok(Around { left, right: right.collect::<Result<_>>()? })
    }

    /// The key events outside the range, if the log holds any but genesis (spec/bundle.md "Production").
    fn key_events(&self, header: Header) -> Result<Vec<EventProof>> {
        let within: Vec<u64> = self.account.events().iter().copied().filter(|index| *index < self.size).collect();
        let outside = within.iter().filter(|index| within.len() > 1 && !(header.first..header.end()).contains(index));
        outside.map(|index| self.key_event(*index)).collect()
    }

    fn key_event(&self, index: u64) -> Result<EventProof> {
        let entry = self.reader.entry(index)?.ok_or(Error::BadRecord { index, part: "tree" })?;
        let path = merkle::path_ranges(index, self.size).into_iter().map(|range| self.subtree(range)).collect::<Result<_>>()?;
        Ok(EventProof { index, record: entry.record, signature: entry.signature, path })
    }

    fn subtree(&self, range: Range<u64>) -> Result<TreeHash> {
        let leaves = self.reader.entries(range.clone()).map(|entry| Ok(merkle::leaf(&entry?.record))).collect::<Result<Vec<_>>>()?;
        merkle::root_of(&leaves).ok_or(Error::BadRecord { index: range.start, part: "tree" })
    }

    /// In the order of the record's commitments, which is that of the bundle.
    fn openings(&self, entry: &Entry, open: &Open) -> Result<(Vec<Opening>, Vec<Missing>)> {
        let (mut openings, mut missing) = (Vec::new(), Vec::new());
        let Some((vault, erased)) = self.values.filter(|_| !open.is_empty()) else { return Ok((openings, missing)) };
        let index = entry.index;
        let record = entry.decode().map_err(|_| Error::BadRecord { index, part: "form" })?;
        for label in record.commitments.iter().map(|(label, _)| label.to_string()).filter(|label| open.shows(index, label)) {
            match vault.get(index, &label)? {
                Some(opened) => openings.push(Opening { index, label, salt: opened.salt, value: opened.value.to_vec() }),
                None => missing.push(Missing { record: index, erased_by: erased.by(index, &label), label }),
            }
        }
        Ok((openings, missing))
    }
}
