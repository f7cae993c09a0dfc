//! What is written beside its place under a name that carries the id of its process, and then gets its own: in a home, and by whoever writes elsewhere.

use crate::disk::{Existing, disk_of};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Behind the target's name and the id of the process that writes.
const PARTIAL: &str = ".partial";

/// Has the process of that id ended? What is no id says nothing of any process.
pub(crate) fn is_dead(pid: &str) -> bool {
    let is_id = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_id && !Path::new("/proc").join(pid).exists()
}

/// Where this process writes what is to have that name: beside it, also where a slash ends the path.
pub fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}{PARTIAL}", std::process::id()));
    path.with_file_name(name)
}

/// As [`partial`], of a file.
///
/// # Errors
/// [`io::ErrorKind::IsADirectory`] where the path ends as only a folder's may.
pub fn partial_file(path: &Path) -> io::Result<PathBuf> {
    let ends = |end: &[u8]| path.as_os_str().as_bytes().ends_with(end);
    if ends(b"/") || ends(b"/.") { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(partial(path)) }
}

/// What writes of that target left beside it when they were killed: files and folders. What has this process's own id is of one before, because this one has not begun.
pub fn left_beside(path: &Path) -> Vec<DirEntry> {
    let Some(target) = path.file_name() else { return Vec::new() };
    let own = std::process::id().to_string();
    let is_left = |entry: &DirEntry| pid_of(&entry.file_name(), target).is_some_and(|pid| pid == own || is_dead(pid));
    std::fs::read_dir(folder_of(path)).into_iter().flatten().flatten().filter(is_left).collect()
}

/// Gives a whole and synced file its name, which nothing has yet; durable when this returns. The name beside it may remain, as a second one.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something has the name: it stays as it is. What the operating system refuses.
pub fn publish(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        // What most sticks are formatted with knows one name for each file.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK)) => move_there(from, to)?,
        linked => linked?,
    }
    let folder = folder_of(to);
    disk_of(folder).sync_folder(folder)
}

/// The same where no file has two names.
fn move_there(from: &Path, to: &Path) -> io::Result<()> {
    disk_of(to).rename(from, to, Existing::Keep)
}

/// That of a bare name is the one in which this process is.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The id in the name of what is being written for a target.
fn pid_of<'a>(name: &'a OsStr, target: &OsStr) -> Option<&'a str> {
    let rest = name.as_bytes().strip_prefix(target.as_bytes())?;
    std::str::from_utf8(rest).ok()?.strip_prefix('.')?.strip_suffix(PARTIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_stays_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for publish in [publish, move_there] {
            std::fs::write(&from, b"new").unwrap();
            publish(&from, &to).unwrap();
            assert_eq!(std::fs::read(&to).unwrap(), b"new");
            std::fs::write(&from, b"other").unwrap();
            std::fs::remove_file(&to).unwrap();
            // A link that leads nowhere has the name as well.
            std::os::unix::fs::symlink("nowhere", &to).unwrap();
            assert_eq!(publish(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!((std::fs::read_link(&to).unwrap(), std::fs::read(&from).unwrap()), ("nowhere".into(), b"other".to_vec()));
            std::fs::remove_file(&to).unwrap();
        }
    }

    #[test]
    fn what_is_left_is_of_the_dead_and_of_one_target() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("proof");
        let own = partial(&target);
        assert_eq!(own, folder.path().join(format!("proof.{}.partial", std::process::id())));
        assert_eq!(partial(&folder.path().join("proof/")), own);
        assert_eq!(partial_file(&target).unwrap(), own);
        for end in ["proof/", "proof/."] {
            assert_eq!(partial_file(&folder.path().join(end)).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        }
        for name in ["proof", "proof.bak.partial", "proof.1.partial", "proof.99999999", "proofs.99999999.partial", "proof.99999999.partial"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        std::fs::create_dir(&own).unwrap();
        let mut left: Vec<_> = left_beside(&target).iter().map(DirEntry::path).collect();
        left.sort();
        let mut wanted = vec![own, folder.path().join("proof.99999999.partial")];
        wanted.sort();
        assert_eq!(left, wanted);
        assert!(left_beside(&folder.path().join("none/proof")).is_empty() && left_beside(Path::new("/")).is_empty());
        assert_eq!(["proof", "a/proof", "/proof"].map(|path| folder_of(Path::new(path))), [".", "a", "/"].map(Path::new));
    }

    #[test]
    fn what_is_no_process_id_is_nobodys() {
        assert!(is_dead("99999999") && !is_dead(&std::process::id().to_string()));
        assert!(["", "1/../99999999", "bak", "-1"].iter().all(|name| !is_dead(name)));
    }
}
