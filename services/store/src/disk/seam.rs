//! The few calls by which the log, its checkpoints and the keys change a disk, as one trait: so that tests can fail, lose or reorder every one of them.
//!
//! Reading is not part of it: what is read is checked. Neither is the lock, which holds nothing. A file is closed by dropping it; whatever has to last was fsynced before, so a close can only
//! be a moment at which a process dies.

use super::Existing;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// How a file is opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Empty, made if it is not there; mode 0600.
    Empty,
    /// Empty, and nothing of that name may be there; mode 0600.
    New,
    /// As it is; it must be there.
    AsItIs,
    /// As it is, made if it is not there; mode 0600.
    AsItIsOrNew,
    /// As it is, to be made durable alone: it need not be writable.
    ToSync,
}

/// What an fsync has to make durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// The bytes, and what is needed to find them.
    Bytes,
    /// All of the file's metadata as well.
    All,
}

/// A disk, as far as it is changed.
pub(crate) trait Disk: Debug + Send + std::marker::Sync {
    /// Opens a file for writing, or to sync it.
    fn open(&self, path: &Path, how: How) -> io::Result<Box<dyn Handle>>;
    /// Gives a file another name, in one step.
    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()>;
    /// Takes a file's name away.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes one folder, mode 0700.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that is open for writing.
pub(crate) trait Handle: Debug + Send + std::marker::Sync {
    /// Writes the first bytes, at least one; says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes the file longer or shorter.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes durable what was written.
    fn sync(&self, what: Sync) -> io::Result<()>;
    /// Bytes of the file.
    fn len(&self) -> io::Result<u64>;
}

impl dyn Handle + '_ {
    /// Writes all the bytes, however few the disk takes at a time.
    pub(crate) fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The disk that a path lies on: the machine's; in tests, the one that is mounted there.
pub(crate) fn disk_of(path: &Path) -> Arc<dyn Disk> {
    #[cfg(test)]
    if let Some(disk) = super::faulty::mounted_at(path) {
        return disk;
    }
    // No path of the machine's own file system is on another disk.
    let _ = path;
    Arc::new(Machine)
}

/// The operating system's calls.
#[derive(Debug)]
pub(crate) struct Machine;

impl Disk for Machine {
    fn open(&self, path: &Path, how: How) -> io::Result<Box<dyn Handle>> {
        let (is_new, is_written) = (matches!(how, How::Empty | How::AsItIsOrNew), how != How::ToSync);
        let mut options = OpenOptions::new();
        options.read(!is_written).write(is_written).create(is_new).create_new(how == How::New).truncate(how == How::Empty).mode(0o600);
        Ok(Box::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        if existing == Existing::Keep {
            match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(()),
                // Some file systems lack the flag; the caller's lock makes looking first as good.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    if to.symlink_metadata().is_ok() {
                        return Err(io::ErrorKind::AlreadyExists.into());
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl Handle for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync(&self, what: Sync) -> io::Result<()> {
        match what {
            Sync::Bytes => self.sync_data(),
            Sync::All => self.sync_all(),
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
