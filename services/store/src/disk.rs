//! Files that appear whole or not at all: create, write, fsync, rename, fsync the folder, in one place.

mod seam;

#[cfg(test)]
pub(crate) mod faulty;

pub(crate) use seam::{Handle, How, Sync, disk_of};

use crate::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What to do when the file exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Put the new one in its place, in one step.
    Replace,
    /// Leave it and fail: for keys.
    Keep,
}

/// Writes a file of mode 0600 so that after a crash at any point it is either absent (or its old self) or whole. The caller is the only writer of that path. Where it fails before the file has its name,
/// nothing is left of it, not even of its bytes as far as the file system writes in place: they may be a secret.
pub(crate) fn write_file(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), Error> {
    let temporary = temporary_beside(path);
    let disk = disk_of(path);
    let file = disk.open(&temporary, How::Empty).map_err(Error::io("create", &temporary))?;
    let written = file.write_all_at(bytes, 0).map_err(Error::io("write", &temporary));
    let synced = written.and_then(|()| file.sync(Sync::All).map_err(Error::io("fsync", &temporary)));
    let named = synced.and_then(|()| disk.rename(&temporary, path, existing).map_err(Error::io(if existing == Existing::Keep { "create" } else { "rename" }, path)));
    // The name first: a rename that was refused and happened all the same leaves none to remove, and the file is not overwritten.
    if named.is_err() && disk.remove(&temporary).is_ok() {
        let len = file.len().map_or(0, |len| usize::try_from(len).unwrap_or(0));
        let _ = file.write_all_at(&vec![0; len], 0).and_then(|()| file.sync(Sync::All));
    }
    named?;
    sync_folder_of(path)
}

/// Where [`write_file`] writes before it renames; a crash may leave it behind, the next write starts it anew.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}

/// Opens a file that is written in place.
pub(crate) fn open(path: &Path, how: How) -> Result<Box<dyn Handle>, Error> {
    disk_of(path).open(path, how).map_err(Error::io("open", path))
}

/// Gives a whole and synced file the name of another of the same folder, in one step; durable when this returns.
pub(crate) fn rename_over(from: &Path, to: &Path) -> Result<(), Error> {
    disk_of(to).rename(from, to, Existing::Replace).map_err(Error::io("rename", to))?;
    sync_folder_of(to)
}

/// Gives a folder another name beside the old one, which nothing has yet; durable when this returns.
pub(crate) fn move_folder(from: &Path, to: &Path) -> Result<(), Error> {
    disk_of(to).rename(from, to, Existing::Keep).map_err(Error::io("rename", from))?;
    sync_folder_of(to)
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), Error> {
    // That of a bare name is the one in which this process is.
    path.parent().map_or(Ok(()), |folder| sync_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    disk_of(folder).sync_folder(folder).map_err(Error::io("fsync", folder))
}

/// Makes a folder of mode 0700, and those above it, if it is not there; every name that is new is durable afterwards.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    // A thread that finds a folder must not go on before the thread that made it has synced its name.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    create_folders(folder)
}

fn create_folders(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), create_folders)?;
    match disk_of(folder).create_folder(folder) {
        // Another process made it, or a path that names it in two ways.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made.map_err(Error::io("create", folder))?,
    }
    match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => sync_folder(above),
        _ => sync_folder(Path::new(".")),
    }
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

/// Destroys what was cut off while it was written beside its place: nobody reads it, so it keeps its name until its bytes are gone, as far as the file system writes in place, and whoever is cut off
/// here leaves it to the next. Absent is as good.
pub(crate) fn destroy_unfinished(temporary: &Path) -> Result<(), Error> {
    let mut file = match OpenOptions::new().write(true).open(temporary) {
        // A folder on the way that is not there is a file that is not there.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        opened => opened.map_err(Error::io("open", temporary))?,
    };
    let len = file.metadata().map_err(Error::io("look at", temporary))?.len();
    let zeros = vec![0; usize::try_from(len).unwrap_or(0)];
    file.write_all(&zeros).and_then(|()| file.sync_all()).map_err(Error::io("overwrite", temporary))?;
    remove_file(temporary)
}

/// Removes a file; absent is as good.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match disk_of(path).remove(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::faulty::{Fault, mount};
    use super::*;
    use crate::testing::memory_folder;

    /// The calls before a file has its name: open, write, fsync, rename.
    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_beside_it() {
        for (call, fault) in (0..4).flat_map(|call| [(call, Fault::Io), (call, Fault::NoSpace)]) {
            let folder = memory_folder();
            let path = folder.path().join("secret");
            std::fs::write(&path, "old").unwrap();
            let mounted = mount(folder.path(), false);
            mounted.0.plan(call, fault);
            assert!(matches!(write_file(&path, b"a new secret", Existing::Replace), Err(Error::Io { .. })), "{fault:?} at call {call}");
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{fault:?} at call {call}");
        }
    }
}
