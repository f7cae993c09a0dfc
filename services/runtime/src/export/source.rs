//! What exports are made from: the log as it was at one checkpoint, read in as few passes as the form allows.

use super::files::{Add, Sink};
use super::{Missing, Selection};
use crate::error::{Error, Result};
use crate::open::Open;
use mickai_proof::bundle::{Around, Cut, Header, Writer};
use mickai_proof::commitment::Opening;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{self, Gather};
use mickai_proof::statement::Named;
use mickai_proof::tiles::{CHECKPOINT_PATH, Tile, Tiler};
use mickai_proof::view;
use mickai_store::{Entry, Erased, Home, KeyAccount, LogReader, Vault, tiles};
use std::ops::Range;

/// The first `size` records of a log, and the values behind their commitments.
pub(crate) struct Source<'a> {
    pub reader: &'a LogReader,
    /// The log's keys.
    pub account: &'a KeyAccount,
    pub size: u64,
    /// Needed where values are opened: those that are kept, and what became of the others.
    pub values: Option<(&'a Vault, &'a Erased)>,
    /// The tiles that the home keeps of its tree, for whoever may write there: with them a part is made without reading the rest.
    pub kept: Option<Kept<'a>>,
}

/// The tiles of a home, and the checkpoint of the records before `size` that they are held against.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub home: &'a Home,
    pub note: &'a str,
}

/// The header of a bundle of these records of the first `size`.
pub(crate) fn header(reader: &LogReader, selection: &Selection, size: u64) -> Result<Header> {
    let range = match selection {
        Selection::All | Selection::Settled => 0..size,
        Selection::One(index) => *index..index.saturating_add(1),
        Selection::Range(range) => range.clone(),
    };
    let log = reader.log_id().filter(|_| range.start < range.end && range.end <= size).ok_or(Error::NothingInRange)?;
    Ok(Header { log, first: range.start, count: range.end - range.start })
}

impl Source<'_> {
    /// What a bundle of these records takes from the rest of the log: nothing of a bundle of everything, otherwise it is in the kept tiles. Whatever is wrong with those, one pass that hashes every record
    /// once gives the same; it must lead to `root` where that is known.
    pub fn around(&self, header: &Header, root: Option<TreeHash>) -> Result<Around> {
        if header.first == 0 && header.count == self.size {
            return Ok(Around { keys: self.account.keys_within(self.size).cloned().collect(), ..Around::default() });
        }
        let range = header.first..header.end();
        let kept = self.kept.and_then(|Kept { home, note }| tiles::around(home, self.reader, self.account, note, range.clone()).ok());
        if let Some(around) = kept {
            return Ok(around);
        }
        let mut cut = Cut::new(range, self.size);
        for entry in self.reader.entries(0..self.size) {
            let entry = entry?;
            cut.push(&entry.record, &entry.signature);
        }
        let (around, found) = cut.finish().ok_or(self.bad_tree())?;
        if root.is_some_and(|root| root != found) { Err(self.bad_tree()) } else { Ok(around) }
    }

    /// The bundle's bytes, chunk by chunk. Gives the values that were to be shown and are not there.
    pub fn bundle(&self, header: Header, around: &Around, settlements: &[Vec<u8>], note: &str, open: &Open, sink: Sink<'_>) -> Result<Vec<Missing>> {
        let mut all_missing = Vec::new();
        let mut writer = Writer::settled(header, &around.keys, &around.events, settlements, &around.left);
        for entry in self.reader.entries(header.first..header.end()) {
            let entry = entry?;
            let (openings, missing) = self.openings(&entry, open)?;
            all_missing.extend(missing);
            writer.push(entry.record, entry.signature, openings);
            sink(&writer.take())?;
        }
        sink(&writer.finish(&around.right, note))?;
        Ok(all_missing)
    }

    /// One line of JSON for each record. Gives the values that were to be shown and are not there.
    pub fn lines(&self, header: Header, open: &Open, sink: Sink<'_>) -> Result<Vec<Missing>> {
        let mut all_missing = Vec::new();
        for entry in self.reader.entries(header.first..header.end()) {
            let entry = entry?;
            let (openings, missing) = self.openings(&entry, open)?;
            all_missing.extend(missing);
            let line = view::line(entry.index, &entry.record, &entry.signature, &openings);
            sink(format!("{line}\n").as_bytes())?;
        }
        Ok(all_missing)
    }

    /// The tiles, and last the checkpoint, which they must give.
    pub fn tiles(&self, root: TreeHash, note: &str, add: Add<'_>) -> Result<()> {
        let mut tiler = Tiler::default();
        let mut write = |files: Vec<(Tile, Vec<u8>)>| files.iter().try_for_each(|(tile, bytes)| add(&tile.path(), bytes));
        for entry in self.reader.entries(0..self.size) {
            let entry = entry?;
            write(tiler.push(&entry.record).ok_or(Error::BadRecord { index: entry.index, part: "length" })?)?;
        }
        if tiler.root() != Some(root) {
            return Err(self.bad_tree());
        }
        write(tiler.finish())?;
        add(CHECKPOINT_PATH, note.as_bytes())
    }

    /// The records of a range with their digests and audit paths, which lead to this root: from the kept tiles, or in one pass.
    pub fn named(&self, range: &Range<u64>, root: TreeHash) -> Result<Vec<(Named, Vec<u8>)>> {
        let kept = self.kept.and_then(|Kept { home, note }| tiles::paths(home, self.reader, note, range.clone()).ok());
        if let Some(found) = kept {
            return Ok(found.into_iter().map(|(entry, path)| (Named::of(entry.index, &entry.record, path), entry.record)).collect());
        }
        let mut gather = Gather::new(self.size);
        let mut records = Vec::new();
        for entry in self.reader.entries(0..self.size) {
            let entry = entry?;
            gather_path(&mut gather, range, entry.index);
            gather.push(merkle::leaf(&entry.record));
            if range.contains(&entry.index) {
                records.push(entry.record);
            }
        }
        if gather.root() != Some(root) {
            return Err(self.bad_tree());
        }
        let named = |(index, record): (u64, Vec<u8>)| Some((Named::of(index, &record, gather.path(index)?), record));
        (range.start..).zip(records).map(named).collect::<Option<_>>().ok_or(self.bad_tree())
    }

    fn bad_tree(&self) -> Error {
        Error::BadRecord { index: self.size, part: "tree" }
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

fn gather_path(gather: &mut Gather, range: &Range<u64>, index: u64) {
    if range.contains(&index) {
        gather.want_path_of_next();
    }
}
