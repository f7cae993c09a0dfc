//! The key files of a home: which there are, and what can be known of them without a passphrase.

use super::keeping::operator_file;
use super::operator::OperatorKey;
use super::protected::{self, Content, Protected};
use super::recovery::{Recovery, ids_in};
use super::seed::{Seed, parse_pkcs8, pkcs8_from_seed, random_seed, read_secret};
use super::signer::Client;
use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use mickai_proof::history::Committed;
use mickai_proof::key::PublicKey;
use std::path::Path;
use zeroize::Zeroizing;

const VAULT_KEY_LEN: usize = 32;

/// An operator key's file.
pub(crate) enum KeyFile {
    /// The seed lies there.
    Plain(Seed),
    /// The seed is behind a passphrase; these are the file's bytes and the key that it says it holds.
    Protected(Zeroizing<Vec<u8>>, PublicKey),
}

impl KeyFile {
    /// Reads it; never asks for anything.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_secret(path)?;
        let wrong = || Error::NotAKey(path.to_owned());
        if !protected::is_protected(&bytes) {
            return parse_pkcs8(&bytes).map(Self::Plain).ok_or_else(wrong);
        }
        let file = Protected::parse(&bytes).map_err(|fault| fault.at(path))?;
        let public = PublicKey::from_spki(file.public).ok().filter(|_| file.content == Content::Operator).ok_or_else(wrong)?;
        Ok(Self::Protected(bytes, public))
    }
}

/// The seed that was sealed in an operator's file, and its key, which must be the one that the file names (spec/keys.md "Protected", step 5): until then nothing vouches for that name.
pub(crate) fn sealed_key(path: &Path, file: &[u8], pkcs8: &[u8]) -> Result<(Seed, OperatorKey), Error> {
    let wrong = || Error::NotAKey(path.to_owned());
    let named = Protected::parse(file).map_err(|fault| fault.at(path))?.public;
    let seed = parse_pkcs8(pkcs8).ok_or_else(wrong)?;
    let key = OperatorKey::from_seed(&seed)?;
    if key.public().to_spki() == named { Ok((seed, key)) } else { Err(wrong()) }
}

/// Makes those of the three key files that are missing. The caller holds the lock and knows that no log has begun.
pub(crate) fn create_missing(home: &Home) -> Result<(), Error> {
    if !home.recovery_path().exists() {
        disk::write_file(&home.recovery_path(), &Recovery::draw()?.file(None)?, Existing::Keep)?;
    }
    if !home.vault_key_path().exists() {
        disk::write_file(&home.vault_key_path(), &random_seed()?[..], Existing::Keep)?;
    }
    if home.has_operator_key() {
        return Ok(());
    }
    if let Some(socket) = home.custody().signer() {
        let pem = Client::key_at(socket)?.to_pem();
        disk::write_file(&home.operator_public_path(), pem.as_bytes(), Existing::Keep)?;
    } else {
        disk::write_file(&home.operator_key_path(), &pkcs8_from_seed(&random_seed()?), Existing::Keep)?;
    }
    Ok(())
}

/// The home's public key. Nobody is asked for a passphrase, and no signer.
pub(crate) fn public_key(home: &Home) -> Result<PublicKey, Error> {
    if home.operator_key_path().exists() {
        return match KeyFile::read(&home.operator_key_path())? {
            KeyFile::Plain(seed) => Ok(OperatorKey::from_seed(&seed)?.public().clone()),
            KeyFile::Protected(_, public) => Ok(public),
        };
    }
    let path = home.operator_public_path();
    let pem = disk::read_file(&path, limits::KEY_FILE_BYTES_MAX)?.ok_or_else(|| Error::KeyMissing(home.operator_key_path()))?;
    std::str::from_utf8(&pem).ok().and_then(|pem| PublicKey::from_pem(pem).ok()).ok_or(Error::NotAKey(path))
}

/// Does a passphrase stand before the home's key? Nobody is asked for it.
///
/// # Errors
/// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`], [`super::KeyFault::HeldElsewhere`].
pub fn is_protected(home: &Home) -> Result<bool, Error> {
    Ok(matches!(KeyFile::read(&operator_file(home)?)?, KeyFile::Protected(..)))
}

/// The key ids of the next and the recovery key, to which genesis commits.
pub(crate) fn committed_keys(home: &Home) -> Result<Committed, Error> {
    ids_in(&home.recovery_path())
}

/// The key that wraps the vault's data keys.
pub(crate) fn vault_key(home: &Home) -> Result<Zeroizing<[u8; VAULT_KEY_LEN]>, Error> {
    let path = home.vault_key_path();
    let bytes = read_secret(&path)?;
    let key: [u8; VAULT_KEY_LEN] = bytes.as_slice().try_into().map_err(|_| Error::NotAKey(path))?;
    Ok(Zeroizing::new(key))
}
