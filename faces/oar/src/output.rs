//! Files and folders that appear whole or not at all, and never in the place of another; and answers, whose code does not depend on who stays to read them.

use crate::problem::Problem;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
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

/// A line on standard error. Whether anybody reads it changes no code either.
pub fn remark(line: impl Display) {
    let _ = writeln!(io::stderr(), "oar: {line}");
}

/// Writes one file, or standard output for `-`. What `fill` has written when it fails is removed.
pub fn file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<(), Problem>) -> Result<(), Problem> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        return fill(&mut out).and_then(|()| out.flush().map_err(Problem::Output));
    }
    refuse_existing(path)?;
    let problem = |error| Problem::Write(path.to_owned(), error);
    let ends = |end: &[u8]| path.as_os_str().as_bytes().ends_with(end);
    if ends(b"/") || ends(b"/.") {
        return Err(problem(ErrorKind::IsADirectory.into()));
    }
    let partial = partial(path);
    // Opened values are for whom the file is given to.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(problem)?;
    let mut out = BufWriter::new(file);
    let written = fill(&mut out).and_then(|()| publish(out, &partial, path));
    // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
    let _ = fs::remove_file(&partial);
    written
}

/// A link fails where the name is taken, and where no file has two names, as with what most sticks are formatted with.
fn publish(out: BufWriter<File>, partial: &Path, path: &Path) -> Result<(), Problem> {
    let synced = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    synced.map_err(|error| Problem::Write(path.to_owned(), error))?;
    match fs::hard_link(partial, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Problem::Exists(path.to_owned())),
        Err(_) => move_there(partial, path),
        Ok(()) => Ok(()),
    }
}

/// A rename would replace what has the name, so it is looked at first; of two at once, one may still take the other's place.
fn move_there(partial: &Path, path: &Path) -> Result<(), Problem> {
    refuse_existing(path)?;
    fs::rename(partial, path).map_err(|error| Problem::Write(path.to_owned(), error))
}

/// Writes a folder of files; `fill` is given what makes one of them.
pub fn folder(path: &Path, fill: impl FnOnce(Add<'_>) -> Result<(), Problem>) -> Result<(), Problem> {
    // Without a slash or a dot at its end, which a rename would not take.
    let path = &path.components().collect::<PathBuf>();
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

/// Beside it, also where a slash ends the path.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_file_has_two_names_a_name_that_is_taken_stays_whose_it_is_too() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, b"new").unwrap();
        move_there(&from, &to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), from.exists()), (b"new".to_vec(), false));
        fs::write(&from, b"other").unwrap();
        assert!(matches!(move_there(&from, &to), Err(Problem::Exists(at)) if at == to));
        assert_eq!(fs::read(&to).unwrap(), b"new");
    }
}
