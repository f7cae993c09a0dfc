//! Files for whoever runs the program: whole under their names or not there, and never in another's place.

use crate::failure::Failure;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Behind the target's name and the id of the process that writes.
const PARTIAL: &str = ".partial";

/// Writes beside the target, and gives it its name when it is whole and durable.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    sweep(path);
    let partial = partial(path);
    let written = write(&partial, bytes).and_then(|()| mickai_store::publish(&partial, path));
    // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
    let _ = fs::remove_file(&partial);
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Exists(path.to_owned())),
        other => other.map_err(Failure::io(path)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn partial(path: &Path) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}{PARTIAL}", std::process::id()));
    PathBuf::from(partial)
}

/// Removes what processes that were killed left beside this target. Where it has this process's own id it is of one before, because this one has not begun.
fn sweep(path: &Path) {
    let (Some(target), own) = (path.file_name(), std::process::id().to_string()) else { return };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if pid_of(&name, target).is_some_and(|pid| pid == own || mickai_store::is_dead(pid)) {
            // What cannot be removed takes nobody's name.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The id in the name of what is being written for a target.
fn pid_of<'a>(name: &'a OsStr, target: &OsStr) -> Option<&'a str> {
    let rest = name.as_bytes().strip_prefix(target.as_bytes())?;
    std::str::from_utf8(rest).ok()?.strip_prefix('.')?.strip_suffix(PARTIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_and_takes_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        // Of killed processes; of one that lives, and of another target.
        for name in [format!("proof.{}.partial", std::process::id()), "proof.99999999.partial".to_owned(), "proof.1.partial".to_owned(), "proofs.99999999.partial".to_owned()] {
            fs::write(folder.path().join(name), b"half").unwrap();
        }
        write_new(&path, b"whole").unwrap();
        assert_eq!(
            (names(folder.path()), fs::read(&path).unwrap()),
            (vec!["proof".to_owned(), "proof.1.partial".to_owned(), "proofs.99999999.partial".to_owned()], b"whole".to_vec())
        );
        assert!(matches!(write_new(&path, b"other"), Err(Failure::Exists(at)) if at == path));
        // A link that leads nowhere has the name as well.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(matches!(write_new(&link, b"other"), Err(Failure::Exists(at)) if at == link));
        assert!(matches!(write_new(&folder.path().join("no/proof"), b"other"), Err(Failure::Io { .. })));
        assert_eq!((names(folder.path()).len(), fs::read(&path).unwrap()), (4, b"whole".to_vec()));
    }
}
