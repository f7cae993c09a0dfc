//! Files that appear whole or not at all: create, write, fsync, rename, fsync the folder, in one place.

use crate::error::Error;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What to do when the file exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Put the new one in its place, in one step.
    Replace,
    /// Leave it and fail: for keys.
    Keep,
}

/// Writes a file of mode 0600 so that after a crash at any point it is either absent (or its old self) or whole. The caller is the only writer of that path.
pub(crate) fn write_file(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), Error> {
    let temporary = temporary_beside(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary).map_err(Error::io("create", &temporary))?;
    file.write_all(bytes).map_err(Error::io("write", &temporary))?;
    file.sync_all().map_err(Error::io("fsync", &temporary))?;
    drop(file);
    rename(&temporary, path, existing)?;
    sync_folder_of(path)
}

/// Where [`write_file`] writes before it renames; a crash may leave it behind, the next write starts it anew.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}

fn rename(from: &Path, to: &Path, existing: Existing) -> Result<(), Error> {
    if existing == Existing::Keep {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // Some file systems lack the flag; the caller's lock makes looking first as good.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !to.exists() => {}
            Err(errno) => return Err(Error::io("create", to)(errno.into())),
        }
    }
    std::fs::rename(from, to).map_err(Error::io("rename", to))
}

/// Gives a whole and synced file the name of another of the same folder, in one step; durable when this returns.
pub(crate) fn rename_over(from: &Path, to: &Path) -> Result<(), Error> {
    rename(from, to, Existing::Replace)?;
    sync_folder_of(to)
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    let opened = File::open(folder).map_err(Error::io("open", folder))?;
    opened.sync_all().map_err(Error::io("fsync", folder))
}

/// Makes a folder of mode 0700, and those above it, if it is not there; the name is durable afterwards.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::io("create", folder))?;
    // Which of the folders above are new is not known, so the nearest two are synced: a vault's shard is never deeper.
    sync_folder_of(folder)?;
    folder.parent().and_then(Path::parent).filter(|above| !above.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

/// The whole file, or `None` if there is none; refuses more than `bytes_max`.
pub(crate) fn read_file(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    // Room for all of it at once: of a secret, a vector that grows would leave copies behind.
    let len = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(len.min(bytes_max)).unwrap_or(0) + 1);
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > bytes_max { Err(Error::TooLarge(path.to_owned())) } else { Ok(Some(bytes)) }
}

/// Refuses a secret file that others may read.
pub(crate) fn check_private(path: &Path) -> Result<(), Error> {
    let mode = std::fs::metadata(path).map_err(Error::io("look at", path))?.mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Error::ReadableByOthers { path: path.to_owned(), mode }) }
}

/// Removes a file; absent is as good.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
