//! Writes tiles from the segments, and goes on where an earlier run ended.
//!
//! What a run may find, and what it means:
//! - no `checkpoint`: never finished here; every tile is written, also over what lies there;
//! - a `checkpoint` of this log, no larger than the new one, whose root its tiles give: complete up to its size; the run goes on from the last full bundle of entries before it;
//! - one that is of another log, larger, broken, or not what its tiles give: worth nothing, as if there were none;
//! - tiles beyond the `checkpoint`: a run was cut off before its end; they are written again.
//!
//! The root of what was written is compared with the new checkpoint's before that is put beside it. If it differs after going on, all is written again; if it differs then too, the log is not
//! the one that the checkpoint is of.

use super::path::{self, HEIGHT, Kind, WIDTH};
use super::tree::Tree;
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::log::LogReader;
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::TreeHash;
use mickai_proof::limits::NOTE_BYTES_MAX;
use mickai_proof::merkle::{self, Frontier};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What a run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Records that the tiles are complete for.
    pub size: u64,
    /// The first record that was read for it; those before it had their tiles already.
    pub first: u64,
}

/// Writes the log up to a checkpoint's size into a folder that any static file server can serve (C2SP tlog-tiles): tiles, entries, and last the checkpoint. Run again it goes on. `note` is what
/// [`crate::LogWriter::checkpoint`] gave; `progress` is told the number of records done.
///
/// # Errors
/// [`Misuse::Checkpoint`] for a note of another log or none; [`Error::RolledBack`] if it covers more records than there are; [`Error::Rewritten`] if it covers others; [`Error::Io`].
pub fn publish(reader: &LogReader, note: &str, folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<Published, Error> {
    run(reader, note, folder, true, progress)
}

/// Keeps the hash tiles of a home's own log up to date, without entries, in its `tiles/`, and gives the tree whose root is the note's: what makes a proof for one record of a million cheap.
/// Only what the root needs was compared: a proof must still lead to it, see [`renew`].
///
/// # Errors
/// As [`publish`].
pub fn keep(home: &Home, reader: &LogReader, note: &str) -> Result<Tree, Error> {
    let folder = home.path().join("tiles");
    run(reader, note, &folder, false, &mut |_| {})?;
    Ok(Tree::open(&folder))
}

/// As [`keep`], from nothing: for whoever finds that a proof from the kept tiles does not lead to the root.
///
/// # Errors
/// As [`publish`].
pub fn renew(home: &Home, reader: &LogReader, note: &str) -> Result<Tree, Error> {
    let folder = home.path().join("tiles");
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", &folder)(error)),
        _ => keep(home, reader, note),
    }
}

fn run(reader: &LogReader, note: &str, folder: &Path, has_entries: bool, progress: &mut dyn FnMut(u64)) -> Result<Published, Error> {
    let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Misuse::Checkpoint)?.checkpoint;
    if Some(checkpoint.log) != reader.log_id() {
        return Err(Misuse::Checkpoint.into());
    }
    if checkpoint.size > reader.size() {
        return Err(Error::RolledBack { have: reader.size(), want: checkpoint.size, checkpoint: folder.join("checkpoint") });
    }
    let done = done_before(folder, &checkpoint)?;
    let starts = if done >= WIDTH { vec![done - done % WIDTH, 0] } else { vec![0] };
    let mut root = None;
    for first in starts {
        if first == checkpoint.size && first == done && done % WIDTH == 0 {
            // Nothing is new, and the tiles were compared with their checkpoint.
            root = Tree::open(folder).root(done)?;
        } else {
            root = Run::begin(folder, first, has_entries)?.write(reader, checkpoint.size, progress)?;
        }
        if root == Some(checkpoint.root) {
            sync(folder)?;
            write(&folder.join("checkpoint"), note.as_bytes())?;
            sync(folder)?;
            return Ok(Published { size: checkpoint.size, first });
        }
    }
    // There is a root: the size is at least 1.
    let have = root.unwrap_or(checkpoint.root);
    Err(Error::Rewritten { size: checkpoint.size, have, want: checkpoint.root })
}

/// Records whose tiles an earlier run finished, at most those of the new checkpoint.
fn done_before(folder: &Path, checkpoint: &Checkpoint) -> Result<u64, Error> {
    let Some(bytes) = crate::disk::read_file(&folder.join("checkpoint"), NOTE_BYTES_MAX as u64)? else { return Ok(0) };
    let Ok(Note { checkpoint: old, .. }) = Note::parse(&bytes) else { return Ok(0) };
    let is_before = old.log == checkpoint.log && old.size <= checkpoint.size;
    Ok(if is_before && Tree::open(folder).root(old.size)? == Some(old.root) { old.size } else { 0 })
}

/// One run over the records from a multiple of 256 on.
struct Run<'a> {
    folder: &'a Path,
    next: u64,
    frontier: Frontier,
    /// Of each level, the hashes of the tile that is not yet full.
    levels: Vec<Vec<TreeHash>>,
    entries: Option<Vec<u8>>,
}

impl<'a> Run<'a> {
    fn begin(folder: &'a Path, first: u64, has_entries: bool) -> Result<Self, Error> {
        let tree = Tree::open(folder);
        let mut levels = Vec::new();
        let mut count = first;
        while count > 0 {
            let width = (count % WIDTH) as usize;
            let mut hashes = if width == 0 { Vec::new() } else { tree.hashes(levels.len() as u32, count / WIDTH, width)? };
            hashes.truncate(width);
            levels.push(hashes);
            count /= WIDTH;
        }
        let frontier = tree.frontier(first)?.unwrap_or_default();
        Ok(Self { folder, next: first, frontier, levels, entries: has_entries.then(Vec::new) })
    }

    fn write(mut self, reader: &LogReader, size: u64, progress: &mut dyn FnMut(u64)) -> Result<Option<TreeHash>, Error> {
        for entry in reader.entries(self.next..size) {
            self.push(&entry?.record)?;
            if self.next.is_multiple_of(WIDTH) {
                progress(self.next);
            }
        }
        let last = self.next % WIDTH;
        if let Some(entries) = self.entries.take().filter(|_| last > 0) {
            write(&path::partial(self.folder, Kind::Entries, self.next / WIDTH, last), &entries)?;
        }
        for (level, hashes) in (0..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()) {
            let number = self.next >> (HEIGHT * (level + 1));
            write(&path::partial(self.folder, Kind::Hashes(level), number, hashes.len() as u64), &bytes_of(hashes))?;
        }
        progress(self.next);
        Ok(self.frontier.root())
    }

    fn push(&mut self, record: &[u8]) -> Result<(), Error> {
        let leaf = merkle::leaf(record);
        self.frontier.push(leaf);
        self.next += 1;
        if let Some(entries) = &mut self.entries {
            // A record has at most 61,440 bytes.
            entries.extend((record.len() as u16).to_be_bytes());
            entries.extend(record);
            if self.next.is_multiple_of(WIDTH) {
                let full = std::mem::take(entries);
                write_full(self.folder, Kind::Entries, self.next / WIDTH - 1, &full)?;
            }
        }
        self.push_hash(0, leaf)
    }

    fn push_hash(&mut self, level: usize, hash: TreeHash) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let Some(hashes) = self.levels.get_mut(level) else { return Ok(()) };
        hashes.push(hash);
        if (hashes.len() as u64) < WIDTH {
            return Ok(());
        }
        let full = std::mem::take(hashes);
        let number = (self.next >> (HEIGHT * (level as u32 + 1))) - 1;
        write_full(self.folder, Kind::Hashes(level as u32), number, &bytes_of(&full))?;
        merkle::root_of(&full).map_or(Ok(()), |root| self.push_hash(level + 1, root))
    }
}

fn bytes_of(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A full tile, and no partial one beside it any more.
fn write_full(folder: &Path, kind: Kind, number: u64, bytes: &[u8]) -> Result<(), Error> {
    write(&path::full(folder, kind, number), bytes)?;
    let partials = path::partials(folder, kind, number);
    match std::fs::remove_dir_all(&partials) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", &partials)(error)),
        _ => Ok(()),
    }
}

/// Whole or not at all, readable by whoever serves it. It is synced with all the others before the checkpoint that needs it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary: PathBuf = crate::disk::temporary_beside(path);
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(Error::io("create", path))?;
    let mut file = File::create(&temporary).map_err(Error::io("create", &temporary))?;
    file.write_all(bytes).map_err(Error::io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(Error::io("rename", path))
}

/// Thousands of small files at once.
fn sync(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let opened = File::open(folder).map_err(Error::io("open", folder))?;
    rustix::fs::syncfs(opened).map_err(|errno| Error::io("fsync", folder)(errno.into()))
}
