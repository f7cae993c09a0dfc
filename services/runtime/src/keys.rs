//! The operator's keys as acts: protected, copied, moved, published; each on record but for what only tells the public half.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::export::{public_file, refuse_existing};
use crate::policy;
use crate::system::System;
use mickai_proof::digest::{KeyId, LogId};
use mickai_proof::history::Revocation;
use mickai_proof::record::{Fact, Kind};
use mickai_store::keys::{self, Moved, WellKnown};
use mickai_store::{Appended, Custody, Draft, Home, KeyAccount, LogWriter, Passphrase, Revoking, Succeeded, TakenOver, key_account};
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

/// Is the operator's key of the log at `home` not in the home? It is lost then, or a signer has it.
pub fn lacks_operator_key(home: &Path) -> bool {
    Home::lacks_operator_key(home)
}

/// As [`System::revoke_key`] for a log whose key in force is not there to sign anything: a committed key revokes it and takes over. The policy is not asked: until there is a key that signs, a refusal
/// could not be recorded, and the right to this is the committed key itself.
///
/// # Errors
/// As [`System::revoke_key`]; a key of the vault that is lost too; another key than the one in force, whose revocation the lost one would have to sign.
pub fn take_over(home: &Path, custody: Custody, wanted: Option<&str>, revoking: Revoking, recovery: Option<&Path>, statement: Option<&Path>) -> Result<TakenOver> {
    statement.map_or(Ok(()), refuse_existing)?;
    let recovery = absolute(recovery)?;
    let home = Home::open_keyless(home, custody)?;
    let (_, account) = key_account(&home)?.ok_or(Error::NothingInRange)?;
    let key = wanted.map(|wanted| find_key(&account, wanted)).transpose()?;
    let taken = LogWriter::take_over(&home, policy::authority(), &Revoking { key, ..revoking }, recovery.as_deref())?;
    write_statement(&taken.writer, taken.revocation, statement)?;
    Ok(taken)
}

/// Goes on without a vault key that is lost for good: what the vault holds stays as it is under another name, unreadable, and a new key is made for what is to come. It is not on record: no record could say
/// more than that the values cannot be opened any more. Gives where they lie now.
///
/// # Errors
/// A vault key that is here; a home that cannot be written.
pub fn give_up_vault(home: &Path) -> Result<Option<PathBuf>> {
    Ok(keys::give_up_vault(home)?)
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
        let committed = self.well_known()?.committed;
        self.change_key(action::RECOVERY_IMPORT, |_| Ok(keys::import_recovery(self.home(), from, committed)?))
    }

    /// What the log says of its keys, for others. Nobody is asked for a passphrase.
    ///
    /// # Errors
    /// A log that has not begun, or is damaged.
    pub fn well_known(&self) -> Result<WellKnown> {
        let (log, account) = self.key_account()?;
        let committed = account.committed().ok_or(Error::BadRecord { index: 0, part: fact::KEY })?;
        Ok(WellKnown { created_ms: now_ms()?, log, keys: account.keys().collect(), revoked: account.revocations().to_vec(), committed })
    }

    /// The log, and the keys that its records tell of.
    pub(crate) fn key_account(&self) -> Result<(LogId, KeyAccount)> {
        key_account(self.home())?.ok_or(Error::NothingInRange)
    }

    /// Puts the committed next key in force. The recovery file is that of the home, or the one at `recovery`; it is rewritten, for the rotation after this one.
    ///
    /// There is no intent and no outcome: the rotate record, signed by both keys, is the act, and the new key is in force by its being durable. Cut off before it nothing was done, after it
    /// the next start gives the key files their places; in between there is nothing of which an outcome could tell. The policy is asked first, and a refusal is on record.
    ///
    /// # Errors
    /// A recovery file that is not here or another log's; a signer that holds the key; a log that cannot be written; [`Error::Denied`].
    pub fn rotate_key(&self, recovery: Option<&Path>) -> Result<Succeeded> {
        let recovery = absolute(recovery)?;
        let mut executor = self.executor()?;
        executor.allow(executor.operator(), action::KEY_ROTATE)?;
        Ok(executor.log_mut().rotate_key(policy::authority(), recovery.as_deref())?)
    }

    /// Says that a key is worth nothing from some record on; where it is the key in force, a committed key takes over. A key that was revoked before just so is not revoked again. With `statement` the
    /// revocation is also written to a file that reaches verifiers without the log.
    ///
    /// There is no intent and no outcome, as with [`System::rotate_key`]: the revoke record is the act. It waits for no retention policy: one that cannot be enforced keeps no key from being revoked.
    ///
    /// # Errors
    /// As [`System::rotate_key`]; a key that this log never had, or several that begin with those digits; a file that exists. [`Error::NoStatement`] comes after the revocation, which stands.
    pub fn revoke_key(&self, wanted: Option<&str>, revoking: Revoking, recovery: Option<&Path>, statement: Option<&Path>) -> Result<(Option<Succeeded>, Revocation)> {
        statement.map_or(Ok(()), refuse_existing)?;
        let recovery = absolute(recovery)?;
        let (_, account) = self.key_account()?;
        let key = wanted.map(|wanted| find_key(&account, wanted)).transpose()?;
        // One key may be revoked several times, each time from another record on.
        let told = account.revocations().iter().find(|told| {
            let is_of_record = Some(told.revoked) == key && revoking.effective.is_none_or(|effective| effective == told.effective);
            is_of_record && (revoking.since_ms.is_none() || revoking.since_ms == told.since_ms)
        });
        let mut executor = self.executor_as_is()?;
        let (succeeded, revocation) = match told {
            Some(told) => (None, *told),
            None => {
                executor.allow(executor.operator(), action::KEY_REVOKE)?;
                let (succeeded, revocation) = executor.log_mut().revoke_key(policy::authority(), &Revoking { key, ..revoking }, recovery.as_deref())?;
                (Some(succeeded), revocation)
            }
        };
        write_statement(executor.log(), revocation, statement)?;
        Ok((succeeded, revocation))
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
        let mut executor = self.executor()?;
        let key = executor.log().key().id();
        let draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action).fact(fact::KEY, Fact::Bytes(key.0.to_vec().into()));
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |_, log| Ok(Done::new(perform(log)?, Vec::new())))?;
        Ok(KeyChanged { done: performed.value, records: (performed.intent, performed.outcome) })
    }
}

/// The one key of the log whose id begins with these digits.
fn find_key(account: &KeyAccount, wanted: &str) -> Result<KeyId> {
    let digits = wanted.to_lowercase();
    let mut fitting = account.keys().map(|known| known.key.id()).filter(|id| digits.len() >= 4 && id.to_string().starts_with(&digits));
    match (fitting.next(), fitting.next()) {
        (Some(id), None) => Ok(id),
        _ => Err(Error::NoKey { wanted: wanted.to_owned(), known: account.keys().map(|known| known.key.id().short()).collect() }),
    }
}

/// By the key in force; the file appears whole or not at all. The revocation is on record by then: whoever heard of the file alone would give the command again, and revoke the key that took over.
fn write_statement(log: &LogWriter, revocation: Revocation, path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let signed = log.key().sign_statement(log.log_id(), revocation).map_err(Error::from);
    signed.and_then(|bytes| public_file(path, &bytes)).map_err(|because| Error::NoStatement { revocation, because: Box::new(because) })
}

fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>> {
    path.map(|path| std::path::absolute(path).map_err(Error::file(path))).transpose()
}

fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Clock)?;
    u64::try_from(since.as_millis()).map_err(|_| Error::Clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_store::keys::Successor;

    const BY_RECOVERY: Revoking = Revoking { key: None, effective: None, since_ms: None, successor: Successor::Recovery };

    /// A key that is here, and one that is lost.
    #[test]
    fn a_revocation_without_its_statement_is_told_and_the_statement_is_had_later() {
        for is_lost in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path().join("home");
            let system = System::open(&home, 1, Custody::default()).unwrap();
            let first = system.well_known().unwrap().key().unwrap().id();
            let absent = folder.path().join("absent/first.revocation");
            let failed = if is_lost {
                fs::remove_file(system.home().operator_key_path()).unwrap();
                take_over(&home, Custody::default(), None, BY_RECOVERY, None, Some(&absent)).map(drop)
            } else {
                system.revoke_key(None, BY_RECOVERY, None, Some(&absent)).map(drop)
            };
            let Err(error @ Error::NoStatement { revocation, .. }) = &failed else { panic!("{failed:?}") };
            assert_eq!((revocation.revoked, revocation.effective), (first, 1));
            assert!(error.to_string().contains(&format!("`mickai key revoke {first} --effective 1 --statement FILE`")), "{error}");
            // What is said there to be done.
            let system = System::open_existing(&home, 1, Custody::default()).unwrap();
            let (id, path) = (first.to_string(), folder.path().join("first.revocation"));
            let from = |index| Revoking { effective: Some(index), ..BY_RECOVERY };
            assert_eq!(system.revoke_key(Some(&id), from(1), None, Some(&path)).unwrap(), (None, *revocation));
            assert!(path.exists());
            // Also of a second revocation of the same key.
            let (done, again) = system.revoke_key(Some(&id), from(0), None, None).unwrap();
            assert!(done.is_some());
            assert_eq!(system.revoke_key(Some(&id), from(0), None, None).unwrap(), (None, again));
            let (_, account) = system.key_account().unwrap();
            assert_eq!((account.keys().count(), account.revocations().len()), (2, 2));
        }
    }
}
