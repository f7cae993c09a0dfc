//! A backup: what a log cannot go on without, in one file behind a passphrase (spec/keys.md "Backup").
//!
//! What a start may find of [`restore`], which writes `vault.key` and then `operator.p8`, each whole or not at all:
//! - neither: nothing was done;
//! - `vault.key` alone: cut off, or the other was lost alone; the home says that its key is missing, and the same backup completes it;
//! - `operator.p8` alone: `vault.key` was lost alone; it is written if the two are of one backup;
//! - both: done.
//!
//! [`give_up_vault`] is for a `vault.key` of which there is no copy. It moves the vault aside, as it is, and makes a new key. What a start may find:
//! - the vault, and no key: nothing was done;
//! - no vault, or an empty one, and no key: cut off; run again, it makes what is missing;
//! - the key: done; what it keeps begins empty.

use super::custody::Custody;
use super::fault::KeyFault;
use super::files;
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{self, Content, Protected};
use super::seed::{Seed, pkcs8_from_seed, random_seed};
use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use crate::lock::Lock;
use crate::log::key_account;
use mickai_proof::digest::{KeyId, LogId};
use mickai_proof::key::PublicKey;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a backup holds.
pub struct Backup {
    seed: Seed,
    vault_key: Seed,
    /// The log that they belong to.
    pub log: LogId,
}

impl Backup {
    /// The secret part: seed (32), vault key (32), log id (32).
    ///
    /// `None` for any other length.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (seed, rest) = bytes.split_first_chunk()?;
        let (vault_key, log) = rest.split_first_chunk()?;
        Some(Self { seed: Zeroizing::new(*seed), vault_key: Zeroizing::new(*vault_key), log: LogId::from_slice(log)? })
    }
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup(of {})", self.log.short())
    }
}

/// Writes a backup of the home's operator key and vault key to a file that is not there yet. The recovery file is no part of it: it is kept apart, or its purpose is lost.
///
/// # Errors
/// [`KeyFault::Exists`], [`KeyFault::HeldElsewhere`], [`KeyFault::NotWritten`], those of opening a protected key, [`Error::Io`].
pub fn back_up(home: &Home, log: LogId, to: &Path, passphrase: &Passphrase) -> Result<(), Error> {
    if to.exists() {
        return Err(KeyFault::Exists(to.to_owned()).into());
    }
    let seed = home.custody().seed(home)?;
    let vault_key = files::vault_key(home)?;
    let secret = Zeroizing::new([&seed[..], &vault_key[..], &log.0[..]].concat());
    let file = protected::seal(Content::Backup, &OperatorKey::from_seed(&seed)?.public().to_spki(), &secret, passphrase)?;
    disk::write_file(to, &file, Existing::Keep)?;
    if disk::read_file(to, limits::KEY_FILE_BYTES_MAX)?.as_ref() == Some(&file) { Ok(()) } else { Err(KeyFault::NotWritten(to.to_owned()).into()) }
}

/// Goes on without a `vault.key` that is lost for good: moves the vault to another name, where nothing opens it without that key, and makes a new key for the values to come. Gives where it lies now, if it held anything.
///
/// # Errors
/// [`KeyFault::Exists`] if the key is here; [`Error::NotAHome`]; [`Error::Locked`], [`Error::Io`].
pub fn give_up_vault(home: &Path) -> Result<Option<PathBuf>, Error> {
    let home = Home::unopened(home);
    if !home.has_begun()? {
        return Err(Error::NotAHome(home.path().to_owned()));
    }
    let _lock = Lock::acquire(&home.lock_path(), limits::LOCK_WAIT)?;
    if home.vault_key_path().exists() {
        return Err(KeyFault::Exists(home.vault_key_path()).into());
    }
    let vault = home.vault_path();
    let is_empty = match std::fs::read_dir(&vault) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(Error::io("read", &vault)(error)),
    };
    let aside = (1..).map(|number: u64| home.path().join(format!("vault.lost.{number}"))).find(|path| !path.exists()).filter(|_| !is_empty);
    if let Some(aside) = &aside {
        disk::move_folder(&vault, aside)?;
    }
    home.create_skeleton()?;
    disk::write_file(&home.vault_key_path(), &random_seed()?[..], Existing::Keep)?;
    Ok(aside)
}

/// Puts the keys of a backup into the home at `home`, whose log must be there. Nothing is overwritten. Gives the log and the key.
///
/// # Errors
/// [`KeyFault::PassphraseNeeded`], [`KeyFault::PassphraseWrong`], [`KeyFault::NoLog`], [`KeyFault::OtherLog`], [`KeyFault::Exists`]; [`Error::WrongKey`] if the log has another key now; [`Error::NotAKey`] if the file is no
/// backup; [`Error::Locked`], [`Error::Io`].
pub fn restore(home: &Path, from: &Path, custody: &Custody) -> Result<(LogId, KeyId), Error> {
    let bytes = disk::read_file(from, limits::KEY_FILE_BYTES_MAX)?.ok_or_else(|| Error::KeyMissing(from.to_owned()))?;
    let wrong = || Error::NotAKey(from.to_owned());
    let named = PublicKey::from_spki(Protected::parse(&bytes).map_err(|fault| fault.at(from))?.public).map_err(|_| wrong())?;
    let backup = Backup::parse(&custody.open(from, &bytes, Content::Backup)?).ok_or_else(wrong)?;
    let key = OperatorKey::from_seed(&backup.seed)?;
    if *key.public() != named {
        return Err(wrong());
    }
    let home = Home::unopened(home);
    if !home.log_path().is_dir() {
        return Err(KeyFault::NoLog(backup.log).into());
    }
    let _lock = Lock::acquire(&home.lock_path(), limits::LOCK_WAIT)?;
    let (log, account) = key_account(&home)?.ok_or(KeyFault::NoLog(backup.log))?;
    if log != backup.log {
        return Err(KeyFault::OtherLog { have: backup.log, want: log }.into());
    }
    if let Some(in_force) = account.in_force().filter(|in_force| *in_force != key.public()) {
        return Err(Error::WrongKey { have: key.id(), want: in_force.id() });
    }
    home.restore_keys((key.public(), &pkcs8_from_seed(&backup.seed)), &backup.vault_key[..])?;
    Ok((log, key.id()))
}
