//! Passphrases, by the flags of a command.

use crate::args::{Bond, Cli, Command};
use crate::failure::Failure;
use mickai_store::keys::asking;
use mickai_store::{Custody, Error, Passphrase};
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
        (Some((voter, file)), _) if voter == path => file.passphrase(path),
        (_, Some(file)) => file.passphrase(path),
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
    read: Mutex<Option<Passphrase>>,
}

impl Once {
    fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), read: Mutex::default() }
    }

    fn passphrase(&self, key: &Path) -> Result<Option<Passphrase>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_none() {
            *read = asking::existing(Some(&self.file), key)?;
        }
        Ok(read.as_ref().map(Passphrase::again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_read_once_and_its_passphrase_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        std::fs::write(&path, "correct horse\nbattery staple\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (once, key) = (Once::new(&path), Path::new("wallet.p8"));
        let wanted = Passphrase::read(&b"correct horse"[..]).unwrap().unwrap();
        assert!(once.passphrase(key).unwrap().unwrap().is(&wanted));
        std::fs::remove_file(&path).unwrap();
        assert!(once.passphrase(key).unwrap().unwrap().is(&wanted));
        assert!(Once::new(&path).passphrase(key).is_err());
    }
}
