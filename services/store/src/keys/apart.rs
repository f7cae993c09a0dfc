//! A key file apart from a home's own, in the two forms that these have: a wallet's, a validator's.
//!
//! Nobody who makes one holds a lock. Each process writes under a name with its own id in it, and then takes a name that nothing has yet: of two that make the same file one is refused, and its seed is destroyed.
//! What a start, or whoever makes the same file, may find beside it, under the name of a process that has ended:
//! - a file of one name: cut off before it was the key's; nobody has its public half, and it is destroyed;
//! - the key's own file by a second name: cut off right after; that name is removed.
//!
//! Whoever reads its seed signs in its owner's name; whoever changes it stops the owner, because the chain knows the key.

use super::custody::Custody;
use super::fault::KeyFault;
use super::files::KeyFile;
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{self, Content};
use super::seed::{Seed, pkcs8_from_seed, random_seed};
use crate::beside;
use crate::disk::{self, How, Sync};
use crate::error::Error;
use mickai_proof::key::PublicKey;
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Draws a seed and writes it, mode 0600, behind a passphrase if one is given; gives the public half. Folders that are missing are made.
///
/// # Errors
/// [`KeyFault::Exists`], [`Error::Io`], [`Error::Crypto`].
pub fn make_file(path: &Path, passphrase: Option<&Passphrase>) -> Result<PublicKey, Error> {
    if path.exists() {
        return Err(KeyFault::Exists(path.to_owned()).into());
    }
    if let Some(folder) = path.parent() {
        disk::create_folder(folder)?;
    }
    let seed = random_seed()?;
    let public = OperatorKey::from_seed(&seed)?.public().clone();
    let pkcs8 = pkcs8_from_seed(&seed);
    match passphrase {
        None => write_new(path, &pkcs8)?,
        Some(passphrase) => write_new(path, &protected::seal(Content::Operator, &public.to_spki(), &pkcs8, passphrase)?)?,
    }
    Ok(public)
}

/// Makes the file in the open unless it is there, or somebody else makes it meanwhile.
pub(super) fn make_missing(path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    match make_file(path, None) {
        Err(Error::Key(KeyFault::Exists(_))) => Ok(()),
        made => made.map(drop),
    }
}

/// Destroys what makers of that file left beside it when they were killed.
pub(super) fn destroy_left(path: &Path) -> Result<(), Error> {
    let _writing = writing();
    destroy_all_left(path)
}

/// The public half. Nobody is asked for a passphrase.
///
/// # Errors
/// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`].
pub fn public_of_file(path: &Path) -> Result<PublicKey, Error> {
    match KeyFile::read(path)? {
        KeyFile::Plain(seed) => Ok(OperatorKey::from_seed(&seed)?.public().clone()),
        KeyFile::Protected(_, public) => Ok(public),
    }
}

/// The seed; `custody` knows whom to ask for the passphrase of a protected one.
///
/// # Errors
/// As [`public_of_file`], and [`Error::Key`] where there is no answer, or a wrong one.
pub fn seed_of_file(path: &Path, custody: &Custody) -> Result<Seed, Error> {
    custody.seed_of_file(path)
}

/// One at a time in this process: what has its id in its name is then of a process before it.
fn writing() -> MutexGuard<'static, ()> {
    static WRITING: Mutex<()> = Mutex::new(());
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a file of mode 0600 that has its name when it is whole and synced, and not before; a name that is taken stays whose it is.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let _writing = writing();
    destroy_all_left(path)?;
    let temporary = beside::partial(path);
    let file = disk::open(&temporary, How::New)?;
    let written = file.write_all_at(bytes, 0).and_then(|()| file.sync(Sync::All)).map_err(Error::io("write", &temporary));
    let named = written.and_then(|()| {
        beside::publish(&temporary, path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => KeyFault::Exists(path.to_owned()).into(),
            _ => Error::io("create", path)(error),
        })
    });
    named.and(destroy(&temporary))
}

fn destroy_all_left(path: &Path) -> Result<(), Error> {
    let is_file = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    beside::left_beside(path).iter().filter(|entry| is_file(entry)).try_for_each(|entry| destroy(&entry.path()))
}

/// Takes the name away, and the bytes too unless they have another name by now.
fn destroy(temporary: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(temporary) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("look at", temporary)(error)),
        Ok(data) if data.nlink() > 1 => disk::remove_file(temporary),
        Ok(_) => disk::destroy_unfinished(temporary),
    }
}

#[cfg(test)]
mod tests {
    use super::super::seed::parse_pkcs8;
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;
    use zeroize::Zeroizing;

    fn passphrase(words: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(words.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_file_is_made_once_and_read_back_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let custody = Custody::new(None, |_| Ok(Some(passphrase("correct horse"))));
        for (name, words) in [("open/wallet.p8", None), ("closed/wallet.p8", Some(passphrase("correct horse")))] {
            let path = folder.path().join(name);
            let public = make_file(&path, words.as_ref()).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(public_of_file(&path).unwrap(), public);
            let seed = seed_of_file(&path, &custody).unwrap();
            assert_eq!(OperatorKey::from_seed(&seed).unwrap().public(), &public);
            assert!(matches!(make_file(&path, words.as_ref()), Err(Error::Key(KeyFault::Exists(_)))));
            let is_open = parse_pkcs8(&std::fs::read(&path).unwrap()).is_some();
            assert_eq!(is_open, words.is_none());
        }
        let wrong = Custody::new(None, |_| Ok(Some(passphrase("wrong horse"))));
        let closed = folder.path().join("closed/wallet.p8");
        assert!(matches!(seed_of_file(&closed, &wrong), Err(Error::Key(KeyFault::PassphraseWrong(_)))));
        assert!(matches!(seed_of_file(&closed, &Custody::default()), Err(Error::Key(KeyFault::PassphraseNeeded(_)))));
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(public_of_file(&closed), Err(Error::ReadableByOthers { .. })));
    }

    /// What is beside the file, by name.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn of_many_makers_one_makes_it_and_the_others_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.p8");
        let begin = Barrier::new(8);
        let made: Vec<_> = std::thread::scope(|scope| {
            let make = || {
                begin.wait();
                make_file(&path, None)
            };
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        let public = public_of_file(&path).unwrap();
        assert_eq!(made.iter().flatten().collect::<Vec<_>>(), [&public]);
        assert!(made.iter().filter_map(|made| made.as_ref().err()).all(|error| matches!(error, Error::Key(KeyFault::Exists(_)))));
        make_missing(&path).unwrap();
        assert_eq!((public_of_file(&path).unwrap(), names(folder.path())), (public, vec!["wallet.p8".to_owned()]));
    }

    /// Another process makes the same file at the same time: neither writes into what the other has begun.
    #[test]
    fn what_another_process_is_writing_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.p8");
        // Where every process wrote before it had a name of its own, and where the first process of this machine would write now.
        let others = [disk::temporary_beside(&path), folder.path().join("wallet.p8.1.partial")];
        others.iter().for_each(|other| std::fs::write(other, "another seed").unwrap());
        let held = others.each_ref().map(|other| std::fs::OpenOptions::new().write(true).open(other).unwrap());
        let public = make_file(&path, None).unwrap();
        held.iter().for_each(|mut held| held.write_all(b"ANOTHER SEED").unwrap());
        assert_eq!(public_of_file(&path).unwrap(), public);
        others.iter().for_each(|other| assert_eq!(std::fs::read(other).unwrap(), b"ANOTHER SEED"));
    }

    #[test]
    fn what_a_killed_maker_left_is_destroyed_and_the_key_itself_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.p8");
        let left = [beside::partial(&path), folder.path().join("wallet.p8.99999999.partial")];
        left.iter().for_each(|left| std::fs::write(left, "a seed").unwrap());
        // Held open, they show what is left of their bytes.
        let held = left.each_ref().map(|left| std::fs::File::open(left).unwrap());
        let public = make_file(&path, None).unwrap();
        for mut held in held {
            let mut bytes = Vec::new();
            held.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, [0_u8; 6]);
        }
        // As one that was cut off between its two names.
        std::fs::hard_link(&path, &left[1]).unwrap();
        destroy_left(&path).unwrap();
        assert_eq!((public_of_file(&path).unwrap(), names(folder.path())), (public, vec!["wallet.p8".to_owned()]));
    }
}
