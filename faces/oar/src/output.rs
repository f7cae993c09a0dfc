//! Files and folders that appear whole or not at all, and never in the place of another; and answers, whose code does not depend on who stays to read them.

use crate::problem::Problem;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Takes the files of a folder: the path within it, and the bytes.
pub type Add<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), Problem>;

/// An answer that was printed, or that nobody stayed to read (`| head`): it is the same.
pub fn printed(written: io::Result<()>) -> Result<(), Problem> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Problem::Output),
    }
}

/// Writes one file, or standard output for `-`. What `fill` has written when it fails is removed.
pub fn file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<(), Problem>) -> Result<(), Problem> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        return fill(&mut out).and_then(|()| out.flush().map_err(Problem::Output));
    }
    refuse_existing(path)?;
    let partial = partial(path);
    let problem = |error| Problem::Write(path.to_owned(), error);
    // Opened values are for whom the file is given to.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(problem)?;
    let mut out = BufWriter::new(file);
    let written = fill(&mut out).and_then(|()| publish(out, &partial, path));
    // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
    let _ = fs::remove_file(&partial);
    written
}

/// A link fails where the name is taken.
fn publish(out: BufWriter<File>, partial: &Path, path: &Path) -> Result<(), Problem> {
    let synced = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    match synced.and_then(|()| fs::hard_link(partial, path)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Problem::Exists(path.to_owned())),
        linked => linked.map_err(|error| Problem::Write(path.to_owned(), error)),
    }
}

/// Writes a folder of files; `fill` is given what makes one of them.
pub fn folder(path: &Path, fill: impl FnOnce(Add<'_>) -> Result<(), Problem>) -> Result<(), Problem> {
    refuse_existing(path)?;
    let partial = partial(path);
    let problem = |error| Problem::Write(path.to_owned(), error);
    fs::create_dir(&partial).map_err(problem)?;
    let mut add = |name: &str, bytes: &[u8]| {
        let file = partial.join(name);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&file, bytes)).map_err(|error| Problem::Write(file, error))
    };
    // A rename replaces nothing but an empty folder.
    let written = fill(&mut add).and_then(|()| fs::rename(&partial, path).map_err(problem));
    if written.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

fn refuse_existing(path: &Path) -> Result<(), Problem> {
    if path.symlink_metadata().is_ok() { Err(Problem::Exists(path.to_owned())) } else { Ok(()) }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(format!(".{}.partial", std::process::id()));
    PathBuf::from(name)
}
