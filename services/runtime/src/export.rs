//! Bundles out of the log: which records, which values opened, where to; streamed, and recorded as an act of its own.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::policy;
use crate::system::System;
use mickai_proof::bundle::{Header, Writer};
use mickai_proof::checkpoint::Note;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::{Id, TreeHash};
use mickai_proof::key::PublicKey;
use mickai_proof::merkle;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_store::tiles::{self, Around};
use mickai_store::{Appended, Draft, LogReader, Vault};
use sha2::{Digest, Sha256};
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

/// Which values a bundle shows. None by default.
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
    /// The records of the export itself; they lie after those exported.
    pub records: (Appended, Appended),
}

impl System {
    /// Writes a bundle and records that it was written; `cause` is the record that led to it.
    ///
    /// # Errors
    /// A file that exists, a selection of nothing, a log that cannot be written.
    pub fn export(&self, selection: &Selection, open: Open, path: &Path, cause: Option<Appended>) -> Result<Exported> {
        if path.exists() {
            return Err(Error::FileExists(path.to_owned()));
        }
        let mut writer = self.writer()?;
        let note = writer.checkpoint()?;
        let reader = self.reader()?;
        let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Error::BadRecord { index: reader.size(), part: "checkpoint" })?.checkpoint;
        let size = checkpoint.size;
        let header = header(&reader, selection, size)?;
        let mut draft = Draft::new(Kind::Intent, (ActorClass::Operator, Id(writer.key().id().0)), policy::authority(), action::EXPORT)
            .fact(fact::FIRST, Fact::Uint(header.first))
            .fact(fact::COUNT, Fact::Uint(header.count))
            .fact(fact::SIZE, Fact::Uint(checkpoint.size))
            .fact(fact::ROOT, Fact::Bytes(checkpoint.root.0.to_vec().into()));
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let public = writer.key().public().clone();
        let permit = writer.append_intent(draft, &[])?;
        writer.check_permit(&permit)?;
        let intent = Appended { index: permit.index(), digest: permit.digest() };
        // Whatever is wrong with the tiles, the log itself has the same nodes, only not as quickly.
        let around = tiles::around(self.home(), &reader, &note, header.first..header.end()).ok();
        let source = Source { reader: &reader, key: &public, vault: Some(writer.vault()), note: &note, size, around };
        match write_file(&source, header, open, path) {
            Ok((byte_count, digest)) => {
                let facts = vec![(fact::BYTE_COUNT.to_owned(), Fact::Uint(byte_count)), (fact::FILE_DIGEST.to_owned(), Fact::Bytes(digest.to_vec().into()))];
                let outcome = writer.close(permit, OutcomeCode::Executed, facts, &[])?;
                Ok(Exported { path: path.to_owned(), first: header.first, count: header.count, byte_count, records: (intent, outcome) })
            }
            Err(error) => {
                writer.close(permit, OutcomeCode::Failed, Vec::new(), &[])?;
                Err(error)
            }
        }
    }
}

/// Writes beside the target and then gives it its name, so that a bundle appears whole or not at all, and never in another file's place. Gives the file's bytes and SHA-256.
fn write_file(source: &Source<'_>, header: Header, open: Open, path: &Path) -> Result<(u64, [u8; 32])> {
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

fn write_all(source: &Source<'_>, header: Header, open: Open, mut file: File, path: &Path) -> Result<(u64, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut byte_count = 0;
    source.stream(header, open, &mut |bytes| {
        hash.update(bytes);
        byte_count += bytes.len() as u64;
        file.write_all(bytes).map_err(Error::file(path))
    })?;
    file.sync_all().map_err(Error::file(path))?;
    Ok((byte_count, hash.finalize().into()))
}

/// What a bundle is made from.
pub(crate) struct Source<'a> {
    pub reader: &'a LogReader,
    pub key: &'a PublicKey,
    /// Needed where values are opened.
    pub vault: Option<&'a Vault>,
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
    /// The bundle's bytes, chunk by chunk.
    pub fn stream(&self, header: Header, open: Open, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Around { left, right } = match &self.around {
            Some(around) => around.clone(),
            None => self.hashed_around(header.first..header.end())?,
        };
        let mut writer = Writer::new(header, self.key, left.nodes());
        for entry in self.reader.entries(header.first..header.end()) {
            let entry = entry?;
            let openings = self.openings(entry.index, open)?;
            writer.push(entry.record, entry.signature, openings);
            sink(&writer.take())?;
        }
        sink(&writer.finish(&right, self.note))
    }

    /// The nodes around a range, by hashing every record outside it.
    fn hashed_around(&self, range: Range<u64>) -> Result<Around> {
        let missing = || Error::BadRecord { index: range.end, part: "tree" };
        let left = self.reader.frontier(range.start)?.ok_or_else(missing)?;
        let right = merkle::right_ranges(range.end, self.size).into_iter().map(|range| self.subtree(range));
        Ok(Around { left, right: right.collect::<Result<_>>()? })
    }

    fn subtree(&self, range: Range<u64>) -> Result<TreeHash> {
        let leaves = self.reader.entries(range.clone()).map(|entry| Ok(merkle::leaf(&entry?.record))).collect::<Result<Vec<_>>>()?;
        merkle::root_of(&leaves).ok_or(Error::BadRecord { index: range.start, part: "tree" })
    }

    fn openings(&self, index: u64, open: Open) -> Result<Vec<Opening>> {
        let Some(vault) = self.vault.filter(|_| open != Open::default()) else { return Ok(Vec::new()) };
        let mut openings = Vec::new();
        for label in vault.labels(index)?.into_iter().filter(|label| open.shows(label)) {
            if let Some(opened) = vault.get(index, &label)? {
                openings.push(Opening { index, label, salt: opened.salt, value: opened.value.to_vec() });
            }
        }
        Ok(openings)
    }
}
