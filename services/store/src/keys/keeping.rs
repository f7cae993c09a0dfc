//! Keeping keys: a passphrase before them or not, the recovery file here or elsewhere. The caller holds the lock.
//!
//! What a start may find of [`protect`] and [`unprotect`], which replace the operator's file and then the recovery file, each in one step:
//! - both as before, or both changed: nothing, or all of it, was done;
//! - one of them changed: run again, it changes the other;
//! - a `.tmp` beside one of them: cut off while it was written; the next writer destroys it (`keys::succession`).
//!
//! What a start may find of [`export_recovery`], which writes the copy, syncs it, reads it back and only then removes the original:
//! - a `.tmp` beside the target: nothing was done, the next try begins it anew;
//! - the original and a whole copy: run again, the copy is recognised, synced, and the original removed;
//! - the copy alone: done.

use super::fault::KeyFault;
use super::files::{KeyFile, sealed_key};
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{self, Content, open};
use super::recovery::{Recovery, ids_in, read_recovery};
use super::seed::pkcs8_from_seed;
use crate::disk::{self, Existing, How, Sync};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use mickai_proof::history::Committed;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A recovery file that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it is now.
    pub path: PathBuf,
    /// It is behind a passphrase there.
    pub is_protected: bool,
    /// It lies on the home's own file system: whoever takes the disk takes both.
    pub is_same_disk: bool,
}

/// Puts a passphrase before the operator's seed, and before the recovery file if it is still in the home. Gives the files that were changed.
///
/// # Errors
/// [`KeyFault::ProtectedAlready`], [`KeyFault::HeldElsewhere`], [`Error::Io`].
pub fn protect(home: &Home, passphrase: &Passphrase) -> Result<Vec<PathBuf>, Error> {
    let operator = operator_file(home)?;
    let mut changed = Vec::new();
    if let KeyFile::Plain(seed) = KeyFile::read(&operator)? {
        let public = OperatorKey::from_seed(&seed)?.public().to_spki();
        let file = protected::seal(Content::Operator, &public, &pkcs8_from_seed(&seed), passphrase)?;
        replace_secret(&operator, &file)?;
        changed.push(operator.clone());
    }
    let recovery = home.recovery_path();
    if recovery.exists()
        && let bytes = read_recovery(&recovery)?
        && !protected::is_protected(&bytes)
    {
        let seeds = Recovery::parse(&bytes).ok_or_else(|| Error::NotAKey(recovery.clone()))?;
        replace_secret(&recovery, &seeds.file(Some(passphrase))?)?;
        changed.push(recovery);
    }
    if changed.is_empty() { Err(KeyFault::ProtectedAlready(operator).into()) } else { Ok(changed) }
}

/// Takes the passphrase away again. Gives the files that were changed.
///
/// # Errors
/// [`KeyFault::NotProtected`], [`KeyFault::PassphraseWrong`], [`KeyFault::HeldElsewhere`]; [`Error::NotAKey`] if what a file holds is not what it names; [`Error::Io`].
pub fn unprotect(home: &Home, passphrase: &Passphrase) -> Result<Vec<PathBuf>, Error> {
    let operator = operator_file(home)?;
    let mut plain = Vec::new();
    for (path, content) in [(operator.clone(), Content::Operator), (home.recovery_path(), Content::Recovery)] {
        let Some(bytes) = disk::read_file(&path, limits::KEY_FILE_BYTES_MAX)?.map(Zeroizing::new).filter(|bytes| protected::is_protected(bytes)) else { continue };
        let secret = open(&path, &bytes, content, passphrase)?;
        match content {
            Content::Operator => drop(sealed_key(&path, &bytes, &secret)?),
            _ => drop(Recovery::parse(&secret).ok_or_else(|| Error::NotAKey(path.clone()))?),
        }
        plain.push((path, secret));
    }
    // All were opened before any is changed.
    for (path, secret) in &plain {
        replace_secret(path, secret)?;
    }
    if plain.is_empty() { Err(KeyFault::NotProtected(operator).into()) } else { Ok(plain.into_iter().map(|(path, _)| path).collect()) }
}

/// Moves the recovery file out of the home, behind a passphrase if one is given.
///
/// # Errors
/// [`KeyFault::RecoveryMissing`]; [`KeyFault::Exists`] if another file is there, or this very one by whatever name; [`KeyFault::NotWritten`], [`KeyFault::ProtectedAlready`] if a passphrase is given for a file that has one, [`Error::Io`].
pub fn export_recovery(home: &Home, to: &Path, passphrase: Option<&Passphrase>) -> Result<Moved, Error> {
    let original = home.recovery_path();
    if !original.exists() {
        return Err(KeyFault::RecoveryMissing(original).into());
    }
    let here = read_recovery(&original)?;
    let copy = match (passphrase, protected::is_protected(&here)) {
        (Some(_), true) => return Err(KeyFault::ProtectedAlready(original).into()),
        (None, true) => {
            ids_in(&original)?;
            here
        }
        (passphrase, false) => Recovery::parse(&here).ok_or_else(|| Error::NotAKey(original.clone()))?.file(passphrase)?,
    };
    let place = |path: &Path| std::fs::metadata(path).map(|data| (data.dev(), data.ino())).map_err(Error::io("look at", path));
    if to.exists() {
        // The original by another name is its own copy, and would be destroyed as the original.
        if place(to)? == place(&original)? || !is_same(to, &copy, passphrase)? {
            return Err(KeyFault::Exists(to.to_owned()).into());
        }
        // Whoever wrote it may have died before it was durable.
        disk::open(to, How::ToSync)?.sync(Sync::All).map_err(Error::io("fsync", to))?;
        disk::sync_folder_of(to)?;
    } else {
        disk::write_file(to, &copy, Existing::Keep)?;
        if *read_recovery(to)? != *copy {
            return Err(KeyFault::NotWritten(to.to_owned()).into());
        }
    }
    let moved = Moved { path: to.to_owned(), is_protected: protected::is_protected(&copy), is_same_disk: place(to)?.0 == place(home.path())?.0 };
    destroy_secret(&original)?;
    Ok(moved)
}

/// Brings a recovery file back into the home as it is; `committed` are the next and the recovery key that the log names.
///
/// # Errors
/// [`KeyFault::Exists`], [`KeyFault::RecoveryMissing`], [`KeyFault::NotCommitted`], [`Error::Io`].
pub fn import_recovery(home: &Home, from: &Path, committed: Committed) -> Result<(), Error> {
    let path = home.recovery_path();
    if path.exists() {
        return Err(KeyFault::Exists(path).into());
    }
    if !from.exists() {
        return Err(KeyFault::RecoveryMissing(from.to_owned()).into());
    }
    check_committed(from, ids_in(from)?, committed)?;
    disk::write_file(&path, &read_recovery(from)?, Existing::Keep)
}

/// Are the keys of a recovery file those that the log has committed to?
pub(crate) fn check_committed(path: &Path, have: Committed, want: Committed) -> Result<(), Error> {
    let pairs = [(have.next, want.next), (have.recovery, want.recovery)];
    match pairs.into_iter().find(|(have, want)| have != want) {
        Some((have, want)) => Err(KeyFault::NotCommitted { path: path.to_owned(), have, want }.into()),
        None => Ok(()),
    }
}

/// The operator's file, which must be in this home to be worked on.
pub(crate) fn operator_file(home: &Home) -> Result<PathBuf, Error> {
    let path = home.operator_key_path();
    if path.exists() || !home.operator_public_path().exists() { Ok(path) } else { Err(KeyFault::HeldElsewhere(path).into()) }
}

/// Is the file at `to` the copy of an earlier try? Behind a passphrase two copies differ in salt and nonce, so it is opened.
fn is_same(to: &Path, copy: &[u8], passphrase: Option<&Passphrase>) -> Result<bool, Error> {
    let there = read_recovery(to)?;
    let (Some(passphrase), true) = (passphrase, protected::is_protected(&there)) else { return Ok(*there == *copy) };
    let secret = |bytes: &[u8]| open(to, bytes, Content::Recovery, passphrase);
    match secret(&there) {
        Err(Error::Key(KeyFault::PassphraseWrong(_))) => Ok(false),
        there => Ok(*there? == *secret(copy)?),
    }
}

/// Replaces a secret file in one step; the old bytes are overwritten too, as far as the file system writes in place.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // Held open while the new one takes its name: whatever happens in between, the secret is in one of the two.
    let old = held(path)?;
    disk::write_file(path, bytes, Existing::Replace)?;
    overwrite(old, path)
}

/// Removes a secret file, its bytes overwritten first as far as the file system writes in place.
pub(crate) fn destroy_secret(path: &Path) -> Result<(), Error> {
    let old = held(path)?;
    // The name first: a start between the two must not find a file of zeros.
    disk::remove_file(path)?;
    overwrite(old, path)
}

/// Holds a secret file, to overwrite it when it has no name any more.
pub(crate) fn held(path: &Path) -> Result<File, Error> {
    OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))
}

pub(crate) fn overwrite(mut old: File, path: &Path) -> Result<(), Error> {
    let len = old.metadata().map_err(Error::io("look at", path))?.len();
    let zeros = vec![0; usize::try_from(len).unwrap_or(0)];
    old.write_all(&zeros).and_then(|()| old.sync_all()).map_err(Error::io("overwrite", path))
}
