//! Reads a log without any lock, also while a writer appends: what is not yet whole is not yet there, and what was acknowledged is there or is missed.

use super::replay::refuse_damage;
use crate::error::{Damage, Error};
use crate::home::Home;
use crate::segment::{self, Frame, Mark, Scan, SegmentFile, Tail};
use mickai_proof::digest::{LogId, RecordDigest};
use mickai_proof::merkle::{self, Frontier};
use mickai_proof::record::{self, Record};
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A view of the whole records that were there when it was opened or last refreshed. A record may be seen a moment before its fsync ends.
///
/// Opening reads the last segment, and of the others the headers: how much that is does not depend on how long the log is. Another segment is gone through when somebody asks for one of its
/// records, and what is damaged in it shows then.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    segments: Vec<View>,
    size: u64,
    log: Option<LogId>,
    read: Arc<AtomicU64>,
}

/// One segment with the places of its frames.
#[derive(Debug)]
struct View {
    file: SegmentFile,
    opened: File,
    first_index: u64,
    /// What the header of the next segment says that it begins with; of the last segment, by its frames.
    next_index: u64,
    /// Of the last segment always known.
    frames: OnceLock<Vec<Frame>>,
    end: u64,
}

/// One record and the signature beside it, as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its index.
    pub index: u64,
    /// The record's bytes.
    pub record: Vec<u8>,
    /// The COSE_Sign1; empty if the record is sealed.
    pub signature: Vec<u8>,
}

/// The last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// Records so far, at least 1.
    pub size: u64,
    /// D of the last of them.
    pub digest: RecordDigest,
}

impl Entry {
    /// The record.
    ///
    /// # Errors
    /// [`record::RecordError`] if the stored bytes are not a record that this version knows.
    pub fn decode(&self) -> Result<Record<'_>, record::RecordError> {
        record::decode(&self.record)
    }

    /// Its D.
    pub fn digest(&self) -> RecordDigest {
        RecordDigest::of(&self.record)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({}, {} + {} bytes)", self.index, self.record.len(), self.signature.len())
    }
}

impl LogReader {
    /// Opens the log of a home for reading; a log that has not begun has no records.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a record of the last segment that was synced is not readable, or a segment begins with another record than it should; [`Error::Io`].
    pub fn open(home: &Home) -> Result<Self, Error> {
        Self::open_counted(home, Arc::default())
    }

    /// As [`LogReader::open`]; adds to `read` the number of records that are read through it.
    ///
    /// # Errors
    /// As there.
    pub fn open_counted(home: &Home, read: Arc<AtomicU64>) -> Result<Self, Error> {
        let mut reader = Self { folder: home.log_path(), segments: Vec::new(), size: 0, log: None, read };
        reader.refresh()?;
        Ok(reader)
    }

    /// Takes in what was appended since; gives the new size.
    ///
    /// # Errors
    /// As [`LogReader::open`].
    pub fn refresh(&mut self) -> Result<u64, Error> {
        // The mark before the names and the bytes: what it covers was durable before it was written, so whatever is read after it must hold that much.
        let mark = segment::read_mark(&self.folder)?;
        let files = segment::list(&self.folder)?;
        let known = self.segments.len();
        for (place, file) in files.iter().enumerate().skip(known.saturating_sub(1)) {
            let next = files.get(place + 1).map(SegmentFile::first_index).transpose()?;
            if place < known {
                self.extend_last(mark, next)?;
            } else {
                self.add(file.clone(), mark, next)?;
            }
        }
        if self.log.is_none() {
            self.log = self.entry(0)?.map(|genesis| LogId::of_genesis(&genesis.record));
        }
        Ok(self.size)
    }

    /// Records seen.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The log; `None` before genesis.
    pub fn log_id(&self) -> Option<LogId> {
        self.log
    }

    /// The last record; `None` before genesis.
    ///
    /// # Errors
    /// As [`LogReader::entry`].
    pub fn head(&self) -> Result<Option<Head>, Error> {
        let Some(last) = self.size.checked_sub(1) else { return Ok(None) };
        let entry = self.entry(last)?;
        Ok(entry.zip(self.log).map(|(entry, log)| Head { log, size: self.size, digest: entry.digest() }))
    }

    /// The record of that index; `None` if there is none yet.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] if it changed since it was scanned, or its segment holds what is no record.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, Error> {
        let place = self.segments.partition_point(|view| view.first_index <= index);
        let Some(view) = place.checked_sub(1).and_then(|place| self.segments.get(place)) else { return Ok(None) };
        if index >= view.next_index {
            return Ok(None);
        }
        let within = usize::try_from(index - view.first_index).ok();
        let Some(frame) = within.zip(Some(view.frames()?)).and_then(|(within, frames)| frames.get(within)) else { return Ok(None) };
        self.read.fetch_add(1, Ordering::Relaxed);
        view.read(frame).map(|(record, signature)| Some(Entry { index, record, signature }))
    }

    /// The records of a range, in order, up to the size.
    pub fn entries(&self, range: Range<u64>) -> Entries<'_> {
        Entries { reader: self, next: range.start, end: range.end.min(self.size) }
    }

    /// The tree of the first `size` records, for roots, checkpoints and bundles; `None` if there are fewer.
    ///
    /// # Errors
    /// As [`LogReader::entry`].
    pub fn frontier(&self, size: u64) -> Result<Option<Frontier>, Error> {
        if size > self.size {
            return Ok(None);
        }
        let mut frontier = Frontier::default();
        for entry in self.entries(0..size) {
            frontier.push(merkle::leaf(&entry?.record));
        }
        Ok(Some(frontier))
    }

    /// Takes in a segment; `next` is what the one behind it begins with, if there is one.
    fn add(&mut self, file: SegmentFile, mark: Option<Mark>, next: Option<u64>) -> Result<(), Error> {
        let opened = File::open(&file.path).map_err(Error::io("open", &file.path))?;
        let (first_index, start) = (self.size, segment::HEADER_LEN as u64);
        let mut view = View { file, opened, first_index, next_index: first_index, end: start, frames: OnceLock::new() };
        if let Some(next) = next {
            view.check_end(view.file.first_index()? == first_index && next >= first_index)?;
            view.next_index = next;
        } else {
            let scan = scan_settled(&view.file, first_index, start, mark, true)?;
            (view.end, view.next_index) = (scan.end, first_index + scan.frames.len() as u64);
            view.check_first(scan.frames.first())?;
            view.frames = scan.frames.into();
        }
        self.size = view.next_index;
        self.segments.push(view);
        Ok(())
    }

    /// Reads the last known segment again: it may have grown, and may no longer be the last.
    fn extend_last(&mut self, mark: Option<Mark>, next: Option<u64>) -> Result<(), Error> {
        let Some(view) = self.segments.last_mut() else { return Ok(()) };
        let scan = scan_settled(&view.file, view.first_index, view.end, mark, next.is_none())?;
        view.next_index += scan.frames.len() as u64;
        view.end = scan.end;
        if let Some(frames) = view.frames.get_mut() {
            frames.extend(scan.frames);
        }
        if let Some(next) = next {
            view.check_end(next == view.next_index)?;
        }
        self.size = view.next_index;
        Ok(())
    }
}

impl View {
    /// The places of its frames: as many as the next segment says that there are.
    fn frames(&self) -> Result<&[Frame], Error> {
        if let Some(frames) = self.frames.get() {
            return Ok(frames);
        }
        let scan = scan_settled(&self.file, self.first_index, segment::HEADER_LEN as u64, None, false)?;
        self.check_end(self.first_index + scan.frames.len() as u64 == self.next_index)?;
        Ok(self.frames.get_or_init(|| scan.frames))
    }

    /// Refuses a segment whose records do not end where the next one's begin.
    fn check_end(&self, follows: bool) -> Result<(), Error> {
        if follows { Ok(()) } else { Err(Error::damaged(&self.file.path, self.end, Damage::Chain)) }
    }

    /// Refuses a last segment whose first record is not the one that its header names: of the segments before it only headers were read.
    fn check_first(&self, first: Option<&Frame>) -> Result<(), Error> {
        let Some(frame) = first.filter(|_| self.first_index > 0) else { return Ok(()) };
        let (record, _) = self.read(frame)?;
        let is_another = record::decode(&record).is_ok_and(|record| record.index != self.first_index);
        if is_another { Err(Error::damaged(&self.file.path, frame.offset, Damage::Chain)) } else { Ok(()) }
    }

    /// The record and the signature of a frame; its checksum is checked again.
    fn read(&self, frame: &Frame) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let damaged = || Error::damaged(&self.file.path, frame.offset, Damage::Frame);
        let mut bytes = vec![0; usize::try_from(frame.end() - frame.offset).unwrap_or(0)];
        match self.opened.read_exact_at(&mut bytes, frame.offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(damaged()),
            other => other.map_err(Error::io("read", &self.file.path))?,
        }
        let same = |again: &Frame| Frame { offset: frame.offset, ..*again } == *frame;
        let again = segment::read_frame(&bytes, 0).filter(same).ok_or_else(damaged)?;
        let mut record = bytes.split_off(usize::try_from(again.record().start).unwrap_or(0));
        let signature = record.split_off(record.len().min(again.record_len as usize));
        Ok((record, signature))
    }
}

/// Scans a segment that a writer may be appending to; the mark was read before it. What looks damaged may be a write that was half seen, so it is read once more.
fn scan_settled(file: &SegmentFile, first_index: u64, start: u64, mark: Option<Mark>, is_last: bool) -> Result<Scan, Error> {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let synced = segment::synced_of(mark, file);
    let mut scan = segment::scan(&file.read(first_index)?, start, synced);
    if scan.tail != Tail::Clean {
        scan = segment::scan(&file.read(first_index)?, start, synced);
    }
    refuse_damage(file, &scan, is_last)?;
    Ok(scan)
}

/// Walks records in order.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: &'a LogReader,
    next: u64,
    end: u64,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let entry = self.reader.entry(self.next).transpose();
        self.next += 1;
        entry
    }
}
