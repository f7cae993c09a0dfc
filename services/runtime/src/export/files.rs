//! Files and folders of the operator's that appear whole or not at all, and never in another's place.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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

/// Writes beside the target and then gives it its name.
pub(super) fn file(path: &Path, fill: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Written> {
    let partial = partial(path);
    // Opened values are for whom the operator gives the file to.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(Error::file(&partial))?;
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

/// A link fails where the name is taken; the folder is synced so that a recorded export is still there after a power cut.
fn publish(partial: &Path, path: &Path) -> Result<()> {
    match fs::hard_link(partial, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(path.to_owned())),
        linked => linked.and_then(|()| sync_folder(folder_of(path))).map_err(Error::file(path)),
    }
}

/// Writes a folder beside its place and then gives it its name.
pub(super) fn folder(path: &Path, fill: impl FnOnce(Add<'_>) -> Result<()>) -> Result<Written> {
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

fn partial(path: &Path) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    PathBuf::from(partial)
}
