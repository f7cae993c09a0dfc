//! A key file apart from any home, in the two forms that a home's own has: a wallet's, a validator's.
//!
//! Whoever reads its seed signs in its owner's name; whoever changes it stops the owner, because the chain knows the key.

use super::custody::Custody;
use super::fault::KeyFault;
use super::files::KeyFile;
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{self, Content};
use super::seed::{Seed, pkcs8_from_seed, random_seed};
use crate::disk::{self, Existing};
use crate::error::Error;
use mickai_proof::key::PublicKey;
use std::path::Path;

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
        None => disk::write_file(path, &pkcs8, Existing::Keep)?,
        Some(passphrase) => disk::write_file(path, &protected::seal(Content::Operator, &public.to_spki(), &pkcs8, passphrase)?, Existing::Keep)?,
    }
    Ok(public)
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

#[cfg(test)]
mod tests {
    use super::super::seed::parse_pkcs8;
    use super::*;
    use std::os::unix::fs::PermissionsExt;
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
}
