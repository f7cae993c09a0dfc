//! Appends batches of frames, one write and one fsync each; after the first failure it never writes again.
//!
//! A failed fsync may have dropped what it was for from the disk and not from memory: a new process still reads it, and its own fsync, which has nothing to write any more, succeeds. So whatever
//! no mark vouches for is written once more before a writer goes on after it. What a start may find behind the mark, and what it does:
//!
//! | found | meaning | so |
//! |---|---|---|
//! | nothing | the last batch was answered, or never begun | go on |
//! | whole frames | written, and perhaps synced; nobody was told, or the mark is older than they are | written again, synced, and part of the log |
//! | bytes that are no frame | torn by a crash (`segment::scan` has told it from damage) | cut |
//! | no mark | a power cut took it | every frame of the last segment counts as behind it |

use super::folder::{self, HEADER_LEN, Mark};
use super::frame;
use crate::disk::{self, Existing, Handle, How, Sync};
use crate::error::{Damage, Error};
use crate::limits;
use std::path::{Path, PathBuf};

/// A record and the signature beside it (empty if the record is sealed).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) record: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// Where a writer goes on, by what a replay found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    /// The last segment.
    pub(crate) number: u32,
    /// The end of its last valid frame: what lies after it is cut.
    pub(crate) end: u64,
    /// Index of the next record.
    pub(crate) next_index: u64,
}

/// The one appender of a folder of segments.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    folder: PathBuf,
    number: u32,
    path: PathBuf,
    file: Box<dyn Handle>,
    /// Length, all of it synced.
    len: u64,
    mark: Box<dyn Handle>,
    next_index: u64,
    bytes_max: u64,
    poisoned: bool,
}

impl SegmentWriter {
    /// Goes on after a replay: cuts a torn tail, makes durable what the last process may have left in the page cache, and marks it. `None`: begins the first segment.
    pub(crate) fn open(folder: &Path, resume: Option<Resume>, bytes_max: u64) -> Result<Self, Error> {
        let resume = match resume {
            Some(resume) => resume,
            None => begin_segment(folder, 0, 0)?,
        };
        let path = folder::path(folder, resume.number);
        let file = open_segment(&path)?;
        if file.len().map_err(Error::io("look at", &path))? > resume.end {
            file.set_len(resume.end).map_err(Error::io("cut", &path))?;
        }
        write_again(folder, &path, file.as_ref(), resume)?;
        file.sync(Sync::All).map_err(Error::io("fsync", &path))?;
        disk::sync_folder(folder)?;
        let mark_path = folder::mark_path(folder);
        let mark = disk::open(&mark_path, How::AsItIsOrNew)?;
        let Resume { number, end, next_index } = resume;
        let writer = Self { folder: folder.to_owned(), number, path, file, len: end, mark, next_index, bytes_max, poisoned: false };
        writer.write_mark()?;
        Ok(writer)
    }

    /// Makes the entries durable together, in order. They are acknowledged when this returns, and not before.
    pub(crate) fn append(&mut self, entries: &[Entry<'_>]) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        // Whatever goes wrong below leaves the file in a state that only a replay can tell.
        self.poisoned = true;
        let bytes_of = |entry: &Entry<'_>| (frame::HEADER_LEN + entry.record.len() + entry.signature.len()) as u64;
        let batch_len: u64 = entries.iter().map(bytes_of).sum();
        if self.len > HEADER_LEN as u64 && self.len + batch_len > self.bytes_max {
            self.rotate()?;
        }
        let mut batch = Vec::with_capacity(usize::try_from(batch_len).unwrap_or(0));
        entries.iter().for_each(|entry| frame::write(&mut batch, self.len, entry.record, entry.signature));
        self.file.write_all_at(&batch, self.len).map_err(Error::io("write", &self.path))?;
        self.file.sync(Sync::Bytes).map_err(Error::io("fsync", &self.path))?;
        self.len += batch_len;
        self.next_index += entries.len() as u64;
        self.write_mark()?;
        self.poisoned = false;
        Ok(())
    }

    /// The old segment is synced to its last byte before the new one gets a name.
    fn rotate(&mut self) -> Result<(), Error> {
        let number = self.number.checked_add(1).ok_or_else(|| Error::TooLarge(self.folder.clone()))?;
        let begun = begin_segment(&self.folder, number, self.next_index)?;
        self.path = folder::path(&self.folder, number);
        self.file = open_segment(&self.path)?;
        self.number = number;
        self.len = begun.end;
        Ok(())
    }

    /// In one write of 16 bytes, without fsync: it only has to outlive this process.
    fn write_mark(&self) -> Result<(), Error> {
        let mark = Mark { number: self.number, synced: self.len };
        self.mark.write_all_at(&mark.to_bytes(), 0).map_err(Error::io("write", &folder::mark_path(&self.folder)))
    }
}

/// Makes dirty again what may have been dropped by an fsync that failed.
fn write_again(folder: &Path, path: &Path, file: &dyn Handle, resume: Resume) -> Result<(), Error> {
    let mark = folder::read_mark(folder)?.filter(|mark| mark.number == resume.number);
    let start = mark.map_or(0, |mark| mark.synced).max(HEADER_LEN as u64);
    if start >= resume.end {
        return Ok(());
    }
    let bytes = disk::read_file(path, limits::SEGMENT_READ_BYTES_MAX)?.unwrap_or_default();
    let to_usize = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let behind = bytes.get(to_usize(start)..to_usize(resume.end)).ok_or_else(|| Error::damaged(path, start, Damage::Frame))?;
    file.write_all_at(behind, start).map_err(Error::io("write", path))
}

fn begin_segment(folder: &Path, number: u32, first_index: u64) -> Result<Resume, Error> {
    disk::write_file(&folder::path(folder, number), &folder::header(first_index), Existing::Keep)?;
    Ok(Resume { number, end: HEADER_LEN as u64, next_index: first_index })
}

fn open_segment(path: &Path) -> Result<Box<dyn Handle>, Error> {
    disk::open(path, How::AsItIs)
}

#[cfg(test)]
mod tests;
