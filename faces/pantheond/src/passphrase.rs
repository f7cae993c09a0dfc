//! Passphrases, by the flags of a command.

use crate::args::{Bond, Cli, Command};
use crate::failure::Failure;
use mickai_store::keys::asking;
use mickai_store::limits::PASSPHRASE_BYTES_MAX;
use mickai_store::{Custody, Error, KeyFault, Passphrase, PassphraseFault};
use std::fs::File;
use std::io::Read;
use std::ops::DerefMut;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How this command gets at keys: by `--passphrase-file`, or by asking whoever sits at the terminal; at a voter's by `--voter-passphrase-file`, where that is given. A command makes one and opens all its keys with it.
pub fn custody(cli: &Cli) -> Custody {
    let file = cli.passphrase_file.as_deref().map(Once::new);
    let voter = match &cli.command {
        Command::Bond(Bond { voter, voter_passphrase_file, .. }) => {
            // The same file is the same passphrase, and read once.
            let own = voter_passphrase_file.as_deref().filter(|own| Some(*own) != cli.passphrase_file.as_deref());
            voter.clone().zip(own.map(Once::new))
        }
        _ => None,
    };
    Custody::new(None, move |path| match (&voter, &file) {
        (Some((voter, file)), _) if voter == path => file.passphrase().map(Some),
        (_, Some(file)) => file.passphrase().map(Some),
        (_, None) => asking::existing(None, path),
    })
}

/// A passphrase for something new.
pub fn new(file: Option<&Path>, what: &str) -> Result<Passphrase, Failure> {
    let wanted = Failure::Value { flag: "--new-passphrase-file", value: String::new(), wanted: "a file with a passphrase, or run it on a terminal" };
    asking::new(file, what)?.ok_or(wanted)
}

/// A file with a passphrase, read when it is first wanted and only then: a descriptor gives what it has once, and two keys may be opened with it.
struct Once {
    file: PathBuf,
    again: Mutex<Option<Again>>,
}

/// Gives the passphrase as often as it is asked for.
type Again = Box<dyn Fn() -> Result<Passphrase, Error> + Send>;

impl Once {
    fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), again: Mutex::default() }
    }

    fn passphrase(&self) -> Result<Passphrase, Error> {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        if again.is_none() {
            *again = Some(kept(&self.file, Passphrase::new)?);
        }
        again.as_ref().map_or_else(|| Err(KeyFault::PassphraseNeeded(self.file.clone()).into()), |again| again())
    }
}

/// Keeps what stands in a file as what passphrases are made of, which is wiped when it goes.
fn kept<B>(file: &Path, make: fn(B) -> Result<Passphrase, PassphraseFault>) -> Result<Again, Error>
where
    B: From<Vec<u8>> + DerefMut<Target = Vec<u8>> + Clone + Send + 'static,
{
    let line: B = first_line(file)?;
    Ok(Box::new(move || make(line.clone()).map_err(|fault| Error::from(KeyFault::Passphrase(fault)))))
}

fn first_line<B>(path: &Path) -> Result<B, Error>
where
    B: From<Vec<u8>> + DerefMut<Target = Vec<u8>>,
{
    let failed = |source| Error::Io { doing: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    let mode = data.mode() & 0o777;
    if data.is_file() && mode & 0o077 != 0 {
        return Err(Error::ReadableByOthers { path: path.to_owned(), mode });
    }
    // Room for all of it at once: a vector that grows would leave copies behind.
    let mut bytes = B::from(Vec::<u8>::with_capacity(PASSPHRASE_BYTES_MAX + 3));
    file.take(PASSPHRASE_BYTES_MAX as u64 + 2).read_to_end(&mut bytes).map_err(failed)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn written(folder: &Path, words: &[u8], mode: u32) -> PathBuf {
        let path = folder.join("words");
        std::fs::write(&path, words).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_is_read_once_and_its_passphrase_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = Passphrase::read(&b"correct horse"[..]).unwrap().unwrap();
        for words in [&b"correct horse"[..], b"correct horse\n", b"correct horse\r\nbattery staple\n"] {
            let path = written(folder.path(), words, 0o600);
            let once = Once::new(&path);
            assert!(once.passphrase().unwrap().is(&wanted), "{words:?}");
            std::fs::remove_file(&path).unwrap();
            assert!(once.passphrase().unwrap().is(&wanted), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_passphrase_or_not_ones_own_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |words: &[u8], mode| Once::new(&written(folder.path(), words, mode)).passphrase().err().unwrap();
        assert!(matches!(refused(b"short\n", 0o600), Error::Key(KeyFault::Passphrase(PassphraseFault::Short))));
        assert!(matches!(refused(&[b'x'; PASSPHRASE_BYTES_MAX + 1], 0o600), Error::Key(KeyFault::Passphrase(PassphraseFault::Long))));
        assert!(matches!(refused(b"correct horse\n", 0o640), Error::ReadableByOthers { mode: 0o640, .. }));
        assert!(matches!(Once::new(&folder.path().join("nothing")).passphrase().err().unwrap(), Error::Io { .. }));
    }
}
