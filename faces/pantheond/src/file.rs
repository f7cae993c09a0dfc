//! Files of whoever runs the program: what is brought is read as far as it may be long; what is written is whole under its name or not there, and never in another's place.

use crate::failure::Failure;
use mickai_store::{left_beside, partial_file};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// The bytes of a file that is brought, of which there may be `most`. Where there are more, `too_long` is told how many at least: a pipe or a device does not say it, and has no end perhaps.
pub fn read_within(path: &Path, most: usize, too_long: impl FnOnce(usize) -> Failure) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(Failure::io(path))?;
    let said = file.metadata().map_err(Failure::io(path))?.len();
    let mut bytes = Vec::new();
    let read = file.take((most as u64).saturating_add(1)).read_to_end(&mut bytes).map_err(Failure::io(path))?;
    if read > most { Err(too_long(read.max(usize::try_from(said).unwrap_or(usize::MAX)))) } else { Ok(bytes) }
}

/// Writes beside the target, and gives it its name when it is whole and durable. What processes that were killed left there goes.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    for left in left_beside(path) {
        // What cannot be removed takes nobody's name.
        let _ = fs::remove_file(left.path());
    }
    let partial = partial_file(path).map_err(Failure::io(path))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn no_more_is_read_than_there_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        fs::write(&path, [7_u8; 9]).unwrap();
        let told = |path: &Path, most| match read_within(path, most, |bytes| Failure::Stalled { height: bytes as u64 }) {
            Ok(bytes) => Ok(bytes.len()),
            Err(Failure::Stalled { height }) => Err(height),
            Err(other) => panic!("{other}"),
        };
        assert_eq!([told(&path, 10), told(&path, 9), told(&path, 8), told(&path, 0)], [Ok(9), Ok(9), Err(9), Err(9)]);
        // It has no length and no end.
        assert_eq!(told(Path::new("/dev/zero"), 65_536), Err(65_537));
        assert!(matches!(read_within(&folder.path().join("absent"), 9, |_| panic!("it is not there")), Err(Failure::Io { .. })));
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
