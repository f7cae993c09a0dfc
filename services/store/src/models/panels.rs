//! The file `panels` of a model: its weights as the kernels want them, and behind them a head that says of what they were made.
//!
//! ```text
//! panels            as long as the program says that they are
//! head              text; the caller's
//! bytes of the head u64, little-endian
//! ```
//!
//! It is written as `.panels-PID-N.tmp`, a name that nobody else writes to, and then renamed; what a process that died left of that, the next write beside it removes.
//!
//! It is a cache: absent, older or damaged it is made again. Whoever changes it gains nothing, because the digest of the whole file is on record, and nothing is taken from a file with another.

use super::{ModelStore, go_on};
use crate::beside::is_dead;
use crate::disk::{self, How, Sync};
use crate::error::Error;
use crate::limits;
use mickai_proof::digest::Id;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const NAME: &str = "panels";
const TEMPORARY: &str = ".panels-";
/// What programs before wrote to, all the same.
const TEMPORARY_BEFORE: &str = ".panels.tmp";
const LEN_BYTES: u64 = size_of::<u64>() as u64;

/// Such a file, open for reading.
#[derive(Debug)]
pub struct PanelFile {
    path: PathBuf,
    file: File,
    len: u64,
}

impl PanelFile {
    /// Bytes of the file.
    pub fn byte_count(&self) -> u64 {
        self.len
    }

    /// Bytes before its head, as its last bytes say; `None` if they cannot be read, or lie.
    pub fn panels_len(&self) -> Option<u64> {
        let mut head_len = [0; LEN_BYTES as usize];
        self.read_at(&mut head_len, self.len.checked_sub(LEN_BYTES)?).then_some(())?;
        (self.len - LEN_BYTES).checked_sub(u64::from_le_bytes(head_len))
    }

    fn open(path: PathBuf) -> Option<Self> {
        let file = File::open(&path).ok()?;
        let len = file.metadata().ok()?.len();
        Some(Self { path, file, len })
    }

    /// The file through a handle of its own: the system reads ahead, in large strides, of each handle that is read in order. `None` if it is gone.
    pub fn again(&self) -> Option<Self> {
        Self::open(self.path.clone())
    }

    /// Fills a buffer from that place on; `false` if the file cannot be read there.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        self.file.read_exact_at(buffer, offset).is_ok()
    }

    /// The head at the end of a file's bytes, or of as many of its last bytes as hold it; `None` if its length is a lie.
    pub fn head(tail: &[u8]) -> Option<&str> {
        let (rest, len) = tail.split_last_chunk::<{ LEN_BYTES as usize }>()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        std::str::from_utf8(&rest[rest.len().checked_sub(len)?..]).ok()
    }

    /// What stands behind panels of such a head.
    pub fn tail(head: &str) -> Vec<u8> {
        [head.as_bytes(), &(head.len() as u64).to_le_bytes()].concat()
    }
}

impl ModelStore {
    /// The repacked weights of a model, if they are there.
    pub fn panels(&self, digest: Id) -> Option<PanelFile> {
        PanelFile::open(self.folder.join(digest.to_string()).join(NAME))
    }

    /// Puts repacked weights beside a model, whole or not at all. Of several who do so at a time the last one's stay.
    ///
    /// # Errors
    /// [`Error::Stopped`] when `each`, which hears how many bytes more were written, says so; [`Error::Io`].
    pub fn write_panels(&self, digest: Id, bytes: &[&[u8]], each: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Error> {
        let folder = self.folder.join(digest.to_string());
        sweep(&folder);
        let (path, temporary) = (folder.join(NAME), folder.join(temporary_name()));
        let written = write(&temporary, bytes, each).and_then(|()| disk::rename_over(&temporary, &path));
        if written.is_err() {
            // Half a file under this name is never read; if it cannot be removed, a later write does it.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }
}

/// A name that no other process and no other thread writes to.
fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{TEMPORARY}{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Removes what writes of dead processes left behind. What cannot be removed takes room, and nothing else.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_left = entry.file_name().to_str().is_some_and(|name| {
            let pid = name.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid);
            name == TEMPORARY_BEFORE || pid.is_some_and(is_dead)
        });
        if is_left {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes and syncs a file of several parts.
pub(super) fn write(path: &Path, parts: &[&[u8]], each: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Error> {
    let file = disk::open(path, How::Empty)?;
    let mut offset = 0;
    for piece in parts.iter().flat_map(|part| part.chunks(limits::COPY_CHUNK_BYTES as usize)) {
        file.write_all_at(piece, offset).map_err(Error::io("write", path))?;
        offset += piece.len() as u64;
        go_on(each(piece.len() as u64))?;
    }
    file.sync(Sync::All).map_err(Error::io("fsync", path))
}
