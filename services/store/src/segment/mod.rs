//! Segments: the files that are the truth of the log, frame after frame, and the mark of what is synced.

mod folder;
mod frame;
mod scan;
mod writer;

pub(crate) use folder::{HEADER_LEN, Mark, SegmentFile, first_path, list, read_mark, synced_of};
#[cfg(test)]
pub(crate) use frame::write as write_frame;
pub(crate) use frame::{Frame, read as read_frame};
pub(crate) use scan::{Scan, Tail, scan};
pub(crate) use writer::{Entry, Resume, SegmentWriter};
