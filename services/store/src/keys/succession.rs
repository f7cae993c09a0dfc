//! The key files when one key follows another: the new ones are written beside the old before the record, and take their places once it is durable.
//!
//! `operator.p8.next` and `recovery.mickai.next` (beside the recovery file, wherever that is) are whole and synced before the record of the log. What a start may find, where the log says which key is in force and which are committed:
//! - neither: nothing was begun, or all is done;
//! - one or both, and the log's key is that of `operator.p8`, its committed keys those of the recovery file: the record never became durable; they are removed;
//! - `operator.p8.next` has the log's key: the record is durable; it takes the place of `operator.p8`, then the other that of the recovery file;
//! - `operator.p8` has the log's key already, `recovery.mickai.next` its committed keys: cut off between the two; it takes its place;
//! - a recovery file on another disk, behind by one: its `.next` lies beside it, and takes its place when the file is next used;
//! - no `operator.p8`, because it was lost: as above; before the record is durable `operator.p8.next` stays, unused, and the next takeover, which begins anew, destroys it;
//! - a `.tmp` beside one of the four: cut off while that was written, here or by another act on the same files; nobody reads it, and it is destroyed. That of a recovery file on another disk when the file is next used.
//!
//! `operator.pub`, where a signer had the lost key, is removed once the record is durable and before the new `operator.p8` takes its place: it never outlives the key that it names.

use super::apart;
use super::fault::KeyFault;
use super::files::{self, KeyFile};
use super::keeping::{check_committed, destroy_secret, operator_file};
use super::operator::OperatorKey;
use super::protected::{self, Content};
use super::recovery::{Recovery, ids_in, read_recovery};
use super::seed::{pkcs8_from_seed, random_seed};
use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use mickai_proof::digest::KeyId;
use mickai_proof::history::{Committed, Succession};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Which of the committed keys takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// The next one, as in every rotation.
    Next,
    /// The recovery key: the others are lost, or in other hands.
    Recovery,
}

/// A key that is about to take over: its files are written beside the old ones, its record is not.
pub(crate) struct Coming {
    /// The key that takes over.
    pub(crate) key: OperatorKey,
    /// What the record says of it.
    pub(crate) to: Succession,
    recovery_path: PathBuf,
}

impl Coming {
    /// Writes the files; nothing is changed yet. `committed` is what the log says now.
    pub(crate) fn begin(home: &Home, recovery_path: &Path, successor: Successor, committed: Committed) -> Result<Self, Error> {
        Self::begin_at(home, &operator_file(home)?, recovery_path, successor, committed)
    }

    /// As [`Coming::begin`], where the key in force is lost: with its file, or with the signer that held it. No passphrase of it is known, so the new key lies in the open.
    pub(crate) fn begin_lost(home: &Home, recovery_path: &Path, successor: Successor, committed: Committed) -> Result<Self, Error> {
        Self::begin_at(home, &home.operator_key_path(), recovery_path, successor, committed)
    }

    fn begin_at(home: &Home, operator: &Path, recovery_path: &Path, successor: Successor, committed: Committed) -> Result<Self, Error> {
        if home.custody().signer().is_some() {
            return Err(KeyFault::NotThroughSigner.into());
        }
        settle_recovery(recovery_path, committed)?;
        // Cheap questions before a passphrase.
        check_committed(recovery_path, ids_in(recovery_path)?, committed)?;
        // It is this log's.
        destroy_unfinished_of(recovery_path)?;
        let (seeds, recovery_passphrase) = Recovery::read(recovery_path, home.custody())?;
        check_committed(recovery_path, seeds.ids()?, committed)?;
        let (seed, after) = match successor {
            Successor::Next => (seeds.next, Recovery { next: random_seed()?, recovery: seeds.recovery }),
            Successor::Recovery => (seeds.recovery, Recovery::draw()?),
        };
        let key = OperatorKey::from_seed(&seed)?;
        let passphrase = if operator.exists() { home.custody().passphrase(home)? } else { None };
        let pkcs8 = pkcs8_from_seed(&seed);
        let file = match passphrase {
            Some(passphrase) => Zeroizing::new(protected::seal(Content::Operator, &key.public().to_spki(), &pkcs8, &passphrase)?),
            None => pkcs8,
        };
        write_checked(&beside(recovery_path), &after.file(recovery_passphrase.as_ref())?)?;
        let waiting = beside(operator);
        if waiting.exists() {
            // Of a succession whose record never came: nobody will use it, and it may be a seed in the open.
            destroy_secret(&waiting)?;
        }
        write_checked(&waiting, &file)?;
        let to = Succession { key: key.public().clone(), committed: after.ids()? };
        Ok(Self { key, to, recovery_path: recovery_path.to_owned() })
    }

    /// The record is durable: the new files take their places.
    pub(crate) fn finish(&self, home: &Home) -> Result<(), Error> {
        settle(home, self.key.id(), self.to.committed)?;
        settle_recovery(&self.recovery_path, self.to.committed)
    }
}

/// Completes, or takes back, what was cut off: by what the log says. To be called at every start, with the lock.
pub(crate) fn settle(home: &Home, in_force: KeyId, committed: Committed) -> Result<(), Error> {
    let operator = home.operator_key_path();
    let new = beside(&operator);
    if new.exists() {
        if operator.exists() && files::public_key(home)?.id() == in_force {
            destroy_secret(&new)?;
        } else if key_in(&new)? == in_force {
            if home.operator_public_path().exists() {
                disk::remove_file(&home.operator_public_path())?;
            }
            take_place(&new, &operator)?;
        }
    }
    settle_recovery(&home.recovery_path(), committed)
}

/// Does a key file wait beside another?
pub(crate) fn is_unsettled(home: &Home) -> bool {
    [home.operator_key_path(), home.recovery_path()].iter().any(|path| beside(path).exists())
}

/// Destroys what was cut off while one of the four files was written, or a key apart: seeds, perhaps in the open. To be called at every start, with the lock.
pub(crate) fn destroy_unfinished(home: &Home) -> Result<(), Error> {
    destroy_unfinished_of(&home.operator_key_path())?;
    destroy_unfinished_of(&home.recovery_path())?;
    apart::destroy_left(&home.wallet_path())?;
    apart::destroy_left(&home.voter_path())
}

/// As [`destroy_unfinished`], of one file and its successor.
fn destroy_unfinished_of(path: &Path) -> Result<(), Error> {
    [path, &*beside(path)].map(disk::temporary_beside).iter().try_for_each(|temporary| disk::destroy_unfinished(temporary))
}

/// As [`settle`], of a recovery file wherever it is.
fn settle_recovery(path: &Path, committed: Committed) -> Result<(), Error> {
    let new = beside(path);
    if !new.exists() {
        return Ok(());
    }
    if ids_in(&new)? == committed {
        take_place(&new, path)
    } else if path.exists() && ids_in(path)? == committed {
        destroy_secret(&new)
    } else {
        Ok(())
    }
}

fn key_in(path: &Path) -> Result<KeyId, Error> {
    Ok(match KeyFile::read(path)? {
        KeyFile::Plain(seed) => OperatorKey::from_seed(&seed)?.id(),
        KeyFile::Protected(_, public) => public.id(),
    })
}

/// Where a file's successor waits.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// A seed that is on no disk when its record is durable would be lost with this process: what was written is read back.
fn write_checked(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    disk::write_file(path, bytes, Existing::Replace)?;
    if *read_recovery(path)? == *bytes { Ok(()) } else { Err(KeyFault::NotWritten(path.to_owned()).into()) }
}

/// The old file's bytes are overwritten, as far as the file system writes in place.
fn take_place(new: &Path, old: &Path) -> Result<(), Error> {
    let before = if old.exists() { Some(super::keeping::held(old)?) } else { None };
    disk::rename_over(new, old)?;
    before.map_or(Ok(()), |before| super::keeping::overwrite(before, old))
}
