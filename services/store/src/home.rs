//! The home: one folder, readable by its owner alone, that holds all that Mickai keeps.
//!
//! ```text
//! format              "mickai-home 1\n"
//! lock                who writes now
//! keys/operator.p8    the signing key (spec/keys.md), unless a signer has it elsewhere:
//! keys/operator.pub   then its public half, as PEM
//! keys/vault.key      32 bytes that wrap the vault's data keys
//! keys/wallet.p8      the key of the operator's account on a chain, once there is one
//! keys/voter.p8       the key that votes on the home's own chain, once there is one
//! recovery.mickai     the next and the recovery key, until they are moved away
//! log/                segments: the truth, and the mark of what is synced
//! checkpoints/        the newest own checkpoint
//! vault/              encrypted values behind commitments
//! vault.lost.N/       the same, given up because their key was lost
//! models/             imported models
//! adapters/           imported adapters, from the first on
//! retention           a copy of the retention policy in force, once one was set
//! settlements/        what chains said of the log
//! chain/              the home's own chain, of one validator, once something was settled there
//! index/              where in the log what is; made again when it is gone
//! tiles/              hashes of the log's tree; made again when they are gone
//! ```
//!
//! First creation may be cut off anywhere. What the next start may find, and what it means:
//! - no folder, an empty one, or one with nothing but `lock`: a new home; all is made;
//! - `format` and some of the keys, no segment: creation was cut off; the keys that are missing are made, those there are kept; `operator.pub` is as good as `operator.p8`;
//! - `format`, all keys, no record: creation is done; the first writer makes genesis;
//! - a segment, but no operator key or `vault.key`: never made anew, [`Error::KeyMissing`]; `mickai key restore` puts them back from a backup, and without one `mickai key revoke --by recovery`
//!   has a committed key take over, `mickai key restore --vault-lost` gives up what the vault holds;
//! - a segment, no operator key, and `operator.p8.next` with the log's key: a takeover was cut off after its record (`keys::succession`); whoever comes next completes it;
//! - a segment and no `recovery.mickai`: it was moved offline, as it should be;
//! - a segment and both keys, but not every folder, or no `format`: removed by somebody; what is left can be looked at. Whoever comes to act makes a folder again, and takes no folder without `format` for a home.

use crate::disk::{self, Existing};
use crate::error::Error;
use crate::keys::{self, Custody, KeyFault};
use crate::limits;
use crate::lock::Lock;
use crate::log::settle_cut_off;
use mickai_proof::key::PublicKey;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FORMAT: &[u8] = b"mickai-home 1\n";
const FORMAT_PREFIX: &[u8] = b"mickai-home ";

/// A home with its keys.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
    custody: Custody,
}

impl PartialEq for Home {
    /// The same folder, however its key is got.
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Home {}

impl Home {
    /// Opens the home at `path`, or makes one there: without a question, safe against being cut off.
    ///
    /// # Errors
    /// [`Error::NotAHome`], [`Error::Foreign`], [`Error::ReadableByOthers`], [`Error::KeyMissing`], [`Error::Locked`], [`Error::Io`].
    pub fn open_or_create(path: &Path) -> Result<Self, Error> {
        Self::open_or_create_with(path, Custody::default())
    }

    /// As [`Home::open_or_create`], and its signing key is got as `custody` says: where a signer has the key, a new home gets its public half.
    ///
    /// # Errors
    /// As there, and [`Error::Key`] if the signer does not answer.
    pub fn open_or_create_with(path: &Path, custody: Custody) -> Result<Self, Error> {
        let home = Self::unopened(path).with_custody(custody);
        if !home.is_complete()? {
            home.refuse_other_folders()?;
            disk::create_folder(&home.root)?;
            let _lock = Lock::acquire(&home.lock_path(), limits::LOCK_WAIT)?;
            home.create()?;
        }
        home.check_secrets()?;
        Ok(home)
    }

    /// Opens the home at `path`, which must be there with its keys; nothing is made. Where the log has begun another folder may be gone: whoever needs it says so.
    ///
    /// # Errors
    /// [`Error::NotAHome`] and those of [`Home::open_or_create`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let home = Self::unopened(path);
        if !home.is_complete()? {
            if !home.has_begun()? {
                return Err(Error::NotAHome(path.to_owned()));
            }
            if home.is_taken_over_perhaps() {
                let _lock = Lock::acquire(&home.lock_path(), limits::LOCK_WAIT)?;
                settle_cut_off(&home)?;
            }
            home.check_keys()?;
        }
        home.check_secrets()?;
        Ok(home)
    }

    /// Opens the home at `path`, whose log has begun and whose operator key is lost: with its file, or with the signer that held it. For [`crate::LogWriter::take_over`].
    ///
    /// # Errors
    /// [`Error::NotAHome`], [`Error::Foreign`]; [`Error::KeyMissing`] if the vault's key is lost too; [`KeyFault::Exists`] if the operator's key is here.
    pub fn open_keyless(path: &Path, custody: Custody) -> Result<Self, Error> {
        let home = Self::unopened(path).with_custody(custody);
        home.is_complete()?;
        if !home.has_begun()? {
            return Err(Error::NotAHome(path.to_owned()));
        }
        if home.operator_key_path().exists() {
            return Err(KeyFault::Exists(home.operator_key_path()).into());
        }
        if !home.vault_key_path().exists() {
            return Err(Error::KeyMissing(home.vault_key_path()));
        }
        home.check_secrets()?;
        Ok(home)
    }

    /// Has the log at `path` begun, and is its operator key not in the home? It is lost then, or a signer has it.
    pub fn lacks_operator_key(path: &Path) -> bool {
        let home = Self::unopened(path);
        home.has_begun().unwrap_or(false) && !home.operator_key_path().exists()
    }

    /// A home that was not looked at.
    pub(crate) fn unopened(path: &Path) -> Self {
        Self { root: path.to_owned(), custody: Custody::default() }
    }

    /// The same home, whose signing key is got as `custody` says; without it a key file that asks for a passphrase cannot sign.
    #[must_use]
    pub fn with_custody(self, custody: Custody) -> Self {
        Self { custody, ..self }
    }

    /// How its signing key is got.
    pub fn custody(&self) -> &Custody {
        &self.custody
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

    /// The operator's public key, where a signer has the private one.
    pub fn operator_public_path(&self) -> PathBuf {
        self.root.join("keys/operator.pub")
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

    /// The folder of adapters.
    pub fn adapters_path(&self) -> PathBuf {
        self.root.join("adapters")
    }

    /// The copy of the retention policy in force.
    pub fn retention_path(&self) -> PathBuf {
        self.root.join("retention")
    }

    /// The folder of what chains said of the log.
    pub fn settlements_path(&self) -> PathBuf {
        self.root.join("settlements")
    }

    /// The private key of the operator's account on a chain.
    pub fn wallet_path(&self) -> PathBuf {
        self.root.join("keys/wallet.p8")
    }

    /// The private key that votes on the home's own chain.
    pub fn voter_path(&self) -> PathBuf {
        self.root.join("keys/voter.p8")
    }

    /// Has the recovery file been moved away from this machine's home?
    pub fn recovery_is_offline(&self) -> bool {
        !self.recovery_path().exists()
    }

    /// Puts back the keys of a log that is here; what is there already must be the same, and one of the two must be missing.
    pub(crate) fn restore_keys(&self, (public, operator): (&PublicKey, &[u8]), vault: &[u8]) -> Result<(), Error> {
        let has_vault = self.vault_key_path().exists();
        if self.has_operator_key() && (has_vault || keys::OperatorKey::public_of(self)? != *public) {
            return Err(KeyFault::Exists(self.operator_key_path()).into());
        }
        if has_vault && disk::read_file(&self.vault_key_path(), limits::KEY_FILE_BYTES_MAX)?.as_deref() != Some(vault) {
            return Err(KeyFault::Exists(self.vault_key_path()).into());
        }
        self.create_skeleton()?;
        if !has_vault {
            disk::write_file(&self.vault_key_path(), vault, Existing::Keep)?;
        }
        if self.has_operator_key() { Ok(()) } else { disk::write_file(&self.operator_key_path(), operator, Existing::Keep) }
    }

    pub(crate) fn has_operator_key(&self) -> bool {
        self.operator_key_path().exists() || self.operator_public_path().exists()
    }

    /// Is there a segment? From then on a missing key is a loss, not a beginning.
    pub(crate) fn has_begun(&self) -> Result<bool, Error> {
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
        let keys = self.has_operator_key() && self.vault_key_path().exists();
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
        self.create_skeleton()?;
        if self.has_begun()? {
            if self.is_taken_over_perhaps() {
                settle_cut_off(self)?;
            }
            return self.check_keys();
        }
        keys::create_missing(self)
    }

    pub(crate) fn create_skeleton(&self) -> Result<(), Error> {
        let format = self.root.join("format");
        if !format.exists() {
            disk::write_file(&format, FORMAT, Existing::Keep)?;
        }
        for folder in [self.root.join("keys"), self.log_path(), self.vault_path(), self.models_path(), self.root.join("checkpoints")] {
            disk::create_folder(&folder)?;
        }
        Ok(())
    }

    /// No operator key, and one that waits to be it: what the log says decides.
    fn is_taken_over_perhaps(&self) -> bool {
        !self.has_operator_key() && keys::is_unsettled(self)
    }

    /// Are the keys here that a log which has begun needs?
    fn check_keys(&self) -> Result<(), Error> {
        let missing = if self.has_operator_key() { self.vault_key_path() } else { self.operator_key_path() };
        if missing.exists() { Ok(()) } else { Err(Error::KeyMissing(missing)) }
    }

    fn check_secrets(&self) -> Result<(), Error> {
        disk::check_private(&self.vault_key_path())?;
        for path in [self.operator_key_path(), self.recovery_path(), self.wallet_path(), self.voter_path()] {
            if path.exists() {
                disk::check_private(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
