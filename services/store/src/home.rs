//! The home: one folder, readable by its owner alone, that holds all that Mickai keeps.
//!
//! ```text
//! format              "mickai-home 1\n"
//! lock                who writes now
//! keys/operator.p8    the signing key (spec/keys.md)
//! keys/vault.key      32 bytes that wrap the vault's data keys
//! recovery.mickai     the next and the recovery key, until they are moved away
//! log/                segments: the truth, and the mark of what is synced
//! checkpoints/        the newest own checkpoint
//! vault/              encrypted values behind commitments
//! models/             imported models
//! index/              where in the log what is; made again when it is gone
//! tiles/              hashes of the log's tree; made again when they are gone
//! ```
//!
//! First creation may be cut off anywhere. What the next start may find, and what it means:
//! - no folder, an empty one, or one with nothing but `lock`: a new home; all is made;
//! - `format` and some of the keys, no segment: creation was cut off; the keys that are missing are made, those there are kept;
//! - `format`, all keys, no record: creation is done; the first writer makes genesis;
//! - a segment, but no `operator.p8` or `vault.key`: never made anew, [`Error::KeyMissing`];
//! - a segment and no `recovery.mickai`: it was moved offline, as it should be.

use crate::disk::{self, Existing};
use crate::error::Error;
use crate::keys;
use crate::limits;
use crate::lock::Lock;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FORMAT: &[u8] = b"mickai-home 1\n";
const FORMAT_PREFIX: &[u8] = b"mickai-home ";

/// A home that is complete: its folders, its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Opens the home at `path`, or makes one there: without a question, safe against being cut off.
    ///
    /// # Errors
    /// [`Error::NotAHome`], [`Error::Foreign`], [`Error::ReadableByOthers`], [`Error::KeyMissing`], [`Error::Locked`], [`Error::Io`].
    pub fn open_or_create(path: &Path) -> Result<Self, Error> {
        let home = Self { root: path.to_owned() };
        if !home.is_complete()? {
            home.refuse_other_folders()?;
            disk::create_folder(&home.root)?;
            let _lock = Lock::acquire(&home.lock_path(), limits::LOCK_WAIT)?;
            home.create()?;
        }
        home.check_secrets()?;
        Ok(home)
    }

    /// Opens the home at `path`, which must be complete.
    ///
    /// # Errors
    /// [`Error::NotAHome`] and those of [`Home::open_or_create`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let home = Self { root: path.to_owned() };
        if !home.is_complete()? {
            return Err(if home.has_begun()? { Error::KeyMissing(home.missing_key()) } else { Error::NotAHome(path.to_owned()) });
        }
        home.check_secrets()?;
        Ok(home)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The file on which the one writer holds a lock.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The operator's private key.
    pub fn operator_key_path(&self) -> PathBuf {
        self.root.join("keys/operator.p8")
    }

    /// The key that wraps the vault's data keys.
    pub fn vault_key_path(&self) -> PathBuf {
        self.root.join("keys/vault.key")
    }

    /// The next and the recovery key, until they are moved away.
    pub fn recovery_path(&self) -> PathBuf {
        self.root.join("recovery.mickai")
    }

    /// The newest own checkpoint.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.root.join("checkpoints/newest.note")
    }

    /// The folder of segments.
    pub fn log_path(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The folder of encrypted values.
    pub fn vault_path(&self) -> PathBuf {
        self.root.join("vault")
    }

    /// The folder of models.
    pub fn models_path(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Has the recovery file been moved away from this machine's home?
    pub fn recovery_is_offline(&self) -> bool {
        !self.recovery_path().exists()
    }

    /// Is there a segment? From then on a missing key is a loss, not a beginning.
    fn has_begun(&self) -> Result<bool, Error> {
        crate::segment::first_path(&self.log_path()).try_exists().map_err(Error::io("look at", &self.root))
    }

    fn is_complete(&self) -> Result<bool, Error> {
        let format = self.root.join("format");
        if self.root.is_file() {
            return Err(Error::NotAHome(self.root.clone()));
        }
        match disk::read_file(&format, limits::KEY_FILE_BYTES_MAX)? {
            None => return Ok(false),
            Some(bytes) if bytes == FORMAT => {}
            Some(bytes) if bytes.starts_with(FORMAT_PREFIX) => return Err(Error::Foreign(self.root.clone())),
            Some(_) => return Err(Error::NotAHome(self.root.clone())),
        }
        let folders = [self.log_path(), self.vault_path(), self.models_path(), self.root.join("checkpoints")];
        let keys = self.operator_key_path().exists() && self.vault_key_path().exists();
        Ok(keys && folders.iter().all(|folder| folder.is_dir()) && (self.has_begun()? || self.recovery_path().exists()))
    }

    /// A folder with other things in it is somebody else's, whatever the operator typed.
    fn refuse_other_folders(&self) -> Result<(), Error> {
        if self.root.join("format").exists() {
            return Ok(());
        }
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("read", &self.root)(error)),
        };
        for entry in entries {
            let name = entry.map_err(Error::io("read", &self.root))?.file_name();
            if name != "lock" && name != ".format.tmp" && name != "format" {
                return Err(Error::NotAHome(self.root.clone()));
            }
        }
        Ok(())
    }

    /// Makes what is missing, under the lock: the format first, the keys next; genesis is left to the first writer.
    fn create(&self) -> Result<(), Error> {
        let format = self.root.join("format");
        if !format.exists() {
            disk::write_file(&format, FORMAT, Existing::Keep)?;
        }
        for folder in [self.root.join("keys"), self.log_path(), self.vault_path(), self.models_path(), self.root.join("checkpoints")] {
            disk::create_folder(&folder)?;
        }
        if self.has_begun()? {
            let missing = self.missing_key();
            return if missing.exists() { Ok(()) } else { Err(Error::KeyMissing(missing)) };
        }
        keys::create_missing(self)
    }

    fn missing_key(&self) -> PathBuf {
        let operator = self.operator_key_path();
        if operator.exists() { self.vault_key_path() } else { operator }
    }

    fn check_secrets(&self) -> Result<(), Error> {
        disk::check_private(&self.operator_key_path())?;
        disk::check_private(&self.vault_key_path())?;
        let recovery = self.recovery_path();
        if recovery.exists() { disk::check_private(&recovery) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
