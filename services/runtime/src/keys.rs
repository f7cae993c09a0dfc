//! The operator's keys as acts: protected, copied, moved, published; each on record but for what only tells the public half.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::policy;
use crate::system::System;
use mickai_proof::digest::{Id, KeyId, LogId};
use mickai_proof::key::PublicKey;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode, Record};
use mickai_store::keys::{self, InForce, Moved, WellKnown};
use mickai_store::{Appended, Custody, Draft, LogWriter, Passphrase};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a web server looks for the document, below its root.
const WELL_KNOWN_PATH: &str = ".well-known/mickai-operator-key.json";

/// An act on keys that was done, with its records.
#[derive(Clone, Debug)]
pub struct KeyChanged<T> {
    /// What came of it.
    pub done: T,
    /// The act's records.
    pub records: (Appended, Appended),
}

/// Puts the keys of a backup into a home whose log is there. It comes before anything can be signed, so it is the one act on keys that is not on record. Gives the log and the key.
///
/// # Errors
/// A file that is no backup of that home's log, a passphrase that does not open it, a key that would be overwritten.
pub fn restore_keys(home: &Path, from: &Path, custody: &Custody) -> Result<(LogId, KeyId)> {
    Ok(keys::restore(home, from, custody)?)
}

impl System {
    /// Puts a passphrase before the operator's key, and before the recovery file while it is here. Gives the files.
    ///
    /// # Errors
    /// A key that is protected already or lies elsewhere; a log that cannot be written.
    pub fn protect_key(&self, passphrase: &Passphrase) -> Result<KeyChanged<Vec<PathBuf>>> {
        self.change_key(action::KEY_PROTECT, |_| Ok(keys::protect(self.home(), passphrase)?))
    }

    /// Takes the passphrase away again. Gives the files.
    ///
    /// # Errors
    /// A passphrase that does not open them, a key that is not protected; a log that cannot be written.
    pub fn unprotect_key(&self, passphrase: &Passphrase) -> Result<KeyChanged<Vec<PathBuf>>> {
        self.home().custody().unlock_with(self.home(), passphrase)?;
        self.change_key(action::KEY_UNPROTECT, |_| Ok(keys::unprotect(self.home(), passphrase)?))
    }

    /// Writes a backup of the operator's key and the vault's key, behind a passphrase of its own.
    ///
    /// # Errors
    /// A file that exists; a key that lies elsewhere; a log that cannot be written.
    pub fn back_up_keys(&self, to: &Path, passphrase: &Passphrase) -> Result<KeyChanged<()>> {
        let to = std::path::absolute(to).map_err(Error::file(to))?;
        self.change_key(action::KEY_BACKUP, |writer| Ok(keys::back_up(self.home(), writer.log_id(), &to, passphrase)?))
    }

    /// Moves the recovery file out of the home.
    ///
    /// # Errors
    /// A file that exists or does not read back; a log that cannot be written.
    pub fn export_recovery(&self, to: &Path, passphrase: Option<&Passphrase>) -> Result<KeyChanged<Moved>> {
        let to = std::path::absolute(to).map_err(Error::file(to))?;
        self.change_key(action::RECOVERY_EXPORT, |_| Ok(keys::export_recovery(self.home(), &to, passphrase)?))
    }

    /// Brings a recovery file back.
    ///
    /// # Errors
    /// Another log's file, one that is here already; a log that cannot be written.
    pub fn import_recovery(&self, from: &Path) -> Result<KeyChanged<()>> {
        let committed = self.well_known()?;
        self.change_key(action::RECOVERY_IMPORT, |_| Ok(keys::import_recovery(self.home(), from, (committed.next, committed.recovery))?))
    }

    /// What the log says of its keys, for others. Nobody is asked for a passphrase.
    ///
    /// # Errors
    /// A log that has not begun, or is damaged.
    pub fn well_known(&self) -> Result<WellKnown> {
        let reader = self.reader()?;
        let genesis = reader.entry(0)?.ok_or(Error::NothingInRange)?;
        let log = reader.log_id().ok_or(Error::NothingInRange)?;
        let read = || {
            let record = genesis.decode().ok()?;
            let key = PublicKey::from_spki(bytes(&record, "key")?).ok()?;
            Some((key, KeyId::from_slice(bytes(&record, "next")?)?, KeyId::from_slice(bytes(&record, "recovery")?)?))
        };
        let (key, next, recovery) = read().ok_or(Error::BadRecord { index: 0, part: fact::KEY })?;
        Ok(WellKnown { created_ms: now_ms()?, log, keys: vec![InForce { from: 0, key }], revoked: Vec::new(), next, recovery })
    }

    /// Writes the document into a folder that a web server publishes, in place of an older one. Gives where it is.
    ///
    /// # Errors
    /// As [`System::well_known`]; a folder that cannot be written.
    pub fn write_well_known(&self, folder: &Path) -> Result<PathBuf> {
        let (path, text) = (folder.join(WELL_KNOWN_PATH), self.well_known()?.to_json());
        let partial = path.with_extension("json.partial");
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(Error::file(&path))?;
        let mut file = fs::File::create(&partial).map_err(Error::file(&partial))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file(&partial))?;
        fs::rename(&partial, &path).map_err(Error::file(&path))?;
        Ok(path)
    }

    fn change_key<T>(&self, action: &str, perform: impl FnOnce(&LogWriter) -> Result<T>) -> Result<KeyChanged<T>> {
        let mut writer = self.writer()?;
        let draft = Draft::new(Kind::Intent, (ActorClass::Operator, Id(writer.key().id().0)), policy::authority(), action)
            .fact(fact::KEY, Fact::Bytes(writer.key().id().0.to_vec().into()));
        let permit = writer.append_intent(draft, &[])?;
        writer.check_permit(&permit)?;
        let intent = Appended { index: permit.index(), digest: permit.digest() };
        let performed = perform(&writer);
        let code = if performed.is_ok() { OutcomeCode::Executed } else { OutcomeCode::Failed };
        let outcome = writer.close(permit, code, Vec::new(), &[])?;
        performed.map(|done| KeyChanged { done, records: (intent, outcome) })
    }
}

fn bytes<'a>(record: &'a Record<'_>, name: &str) -> Option<&'a [u8]> {
    record.fact(name).and_then(|fact| fact.as_bytes())
}

fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Clock)?;
    u64::try_from(since.as_millis()).map_err(|_| Error::Clock)
}
