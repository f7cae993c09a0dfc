//! What is written beside its place under a name that carries the id of its process, and then gets its own: in a home, and by whoever writes elsewhere.

use crate::disk::{Existing, disk_of};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// Has the process of that id ended? What is no id says nothing of any process.
pub fn is_dead(pid: &str) -> bool {
    let is_id = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_id && !Path::new("/proc").join(pid).exists()
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
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    disk_of(folder).sync_folder(folder)
}

/// The same where no file has two names.
fn move_there(from: &Path, to: &Path) -> io::Result<()> {
    disk_of(to).rename(from, to, Existing::Keep)
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
    fn what_is_no_process_id_is_nobodys() {
        assert!(is_dead("99999999") && !is_dead(&std::process::id().to_string()));
        assert!(["", "1/../99999999", "bak", "-1"].iter().all(|name| !is_dead(name)));
    }
}
