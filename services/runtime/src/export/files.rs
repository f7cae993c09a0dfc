//! Files and folders of the operator's that appear whole or not at all, and never in another's place.

use crate::error::{Error, Result};
use mickai_store::{left_beside, partial, partial_file};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Opened values are for whom the operator gives the file to.
const PRIVATE: u32 = 0o600;
/// What says nothing but what everybody may know has the mode that files of the operator's have.
const PUBLIC: u32 = 0o666;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub byte_count: u64,
    /// SHA-256 of the file; a folder has none.
    pub digest: Option<[u8; 32]>,
}

/// Takes bytes of a file as they are made.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// Takes the files of a folder: the path within it, and the bytes.
pub(super) type Add<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<()>;

/// Refuses a name that something has, before anything is begun for it. What killed processes left beside it goes in any case.
pub(crate) fn refuse_existing(path: &Path) -> Result<()> {
    sweep(path);
    if path.symlink_metadata().is_ok() { Err(Error::FileExists(path.to_owned())) } else { Ok(()) }
}

/// Writes a file that everybody may read.
pub(crate) fn public_file(path: &Path, bytes: &[u8]) -> Result<()> {
    new_file(path, PUBLIC, |sink| sink(bytes)).map(drop)
}

/// Writes a file that may show values.
pub(super) fn file(path: &Path, fill: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Written> {
    new_file(path, PRIVATE, fill)
}

/// Writes beside the target and then gives it its name.
fn new_file(path: &Path, mode: u32, fill: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Written> {
    sweep(path);
    let partial = partial_file(path).map_err(Error::file(path))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial).map_err(Error::file(&partial))?;
    let written = fill_file(file, &partial, fill).and_then(|written| publish(&partial, path).map(|()| written));
    // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
    let _ = fs::remove_file(&partial);
    written
}

fn fill_file(file: File, path: &Path, fill: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Written> {
    let (mut hash, mut byte_count) = (Sha256::new(), 0);
    let mut out = BufWriter::new(file);
    fill(&mut |bytes| {
        hash.update(bytes);
        byte_count += bytes.len() as u64;
        out.write_all(bytes).map_err(Error::file(path))
    })?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all()).map_err(Error::file(path))?;
    Ok(Written { byte_count, digest: Some(hash.finalize().into()) })
}

/// Fails where the name is taken, and is durable, so that a recorded export is still there after a power cut.
fn publish(partial: &Path, path: &Path) -> Result<()> {
    match mickai_store::publish(partial, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(path.to_owned())),
        published => published.map_err(Error::file(path)),
    }
}

/// Writes a folder beside its place and then gives it its name.
pub(super) fn folder(path: &Path, fill: impl FnOnce(Add<'_>) -> Result<()>) -> Result<Written> {
    // Without a slash or a dot at its end, which a rename would not take.
    let path = &path.components().collect::<PathBuf>();
    sweep(path);
    let partial = partial(path);
    fs::create_dir(&partial).map_err(Error::file(&partial))?;
    let written = fill_folder(&partial, fill).and_then(|written| {
        // A rename replaces nothing but an empty folder.
        fs::rename(&partial, path).and_then(|()| sync_folder(folder_of(path))).map_err(Error::file(path))?;
        Ok(written)
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

fn fill_folder(folder: &Path, fill: impl FnOnce(Add<'_>) -> Result<()>) -> Result<Written> {
    let mut byte_count = 0;
    fill(&mut |name, bytes| {
        byte_count += bytes.len() as u64;
        let path = folder.join(name);
        let made = fs::create_dir_all(folder_of(&path)).and_then(|()| File::create_new(&path));
        made.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(Error::file(&path))
    })?;
    sync_folders(folder).map_err(Error::file(folder))?;
    Ok(Written { byte_count, digest: None })
}

/// The folder and every folder in it: a name is durable when its folder is.
fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what writes of this target left behind when they were killed: it may show opened values. What cannot be removed is found out about by whoever is to have that name.
fn sweep(path: &Path) {
    for left in left_beside(path) {
        let is_folder = left.file_type().is_ok_and(|file_type| file_type.is_dir());
        let _ = if is_folder { fs::remove_dir_all(left.path()) } else { fs::remove_file(left.path()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_writes_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.mickai");
        let left = [format!("all.mickai.{}.partial", std::process::id()), "all.mickai.99999999.partial".to_owned()];
        // Of others, of a process that lives, of another target.
        let kept = ["all.mickai.bak.partial", "all.mickai.1.partial", "all.mickai2.99999999.partial", "all.mickai.99999999"];
        for name in left.iter().map(String::as_str).chain(kept) {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        fs::create_dir_all(folder.path().join("all.mickai.99999998.partial/tile")).unwrap();
        let written = file(&path, |sink| sink(b"whole")).unwrap();
        assert_eq!((written.byte_count, fs::read(&path).unwrap()), (5, b"whole".to_vec()));
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let mut wanted: Vec<String> = kept.iter().map(|name| (*name).to_owned()).chain(["all.mickai".to_owned()]).collect();
        wanted.sort();
        assert_eq!(names, wanted);
        // Also where there is nothing to write, because the write got as far as the name.
        fs::write(folder.path().join(&left[0]), b"").unwrap();
        assert!(matches!(refuse_existing(&path), Err(Error::FileExists(_))));
        assert!(!folder.path().join(&left[0]).exists());
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        assert!(file(&path, |sink| sink(b"half").and(Err(Error::Fault))).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        public_file(&path, b"whole").unwrap();
        assert!(matches!(public_file(&path, b"another"), Err(Error::FileExists(_))));
        assert_eq!((fs::read(&path).unwrap(), fs::read_dir(folder.path()).unwrap().count()), (b"whole".to_vec(), 1));
    }
}
