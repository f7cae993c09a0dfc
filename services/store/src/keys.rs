//! The operator's signing key: made from a 32-byte seed, kept as PKCS#8, used for the kinds of message that it builds itself (spec/keys.md, spec/exports.md).
//!
//! Whoever reads `operator.p8` can write a different history in the operator's name; whoever changes it stops the log, because genesis names the key.

use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use aws_lc_rs::rand;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{KeyId, LogId, RecordDigest};
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::receipt;
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed, to_cose};
use mickai_proof::statement::{self, Named};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

const SEED_LEN: usize = 32;
const VAULT_KEY_LEN: usize = 32;

/// PKCS#8 up to the seed: version 0, id-ml-dsa-65, OCTET STRING { [0] seed } (RFC 9881 §6, seed-only form).
const PKCS8_PREFIX: [u8; 22] = [0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x04, 0x22, 0x80, 0x20];

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const PEM_END: &str = "-----END PRIVATE KEY-----\n";
const RECOVERY_TITLE: &str = "Mickai: the next and the recovery key, in this order. Move this file to another place; it is not needed here.\n";

type Seed = Zeroizing<[u8; SEED_LEN]>;

/// The key that signs a log. It has no way to sign bytes that a caller made.
pub struct OperatorKey {
    pair: PqdsaKeyPair,
    public: PublicKey,
    id: KeyId,
}

impl OperatorKey {
    /// Reads `keys/operator.p8`.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`].
    pub fn load(home: &Home) -> Result<Self, Error> {
        let path = home.operator_key_path();
        let bytes = read_secret(&path)?;
        Self::from_seed(&seed_from_pkcs8(&bytes).ok_or(Error::NotAKey(path))?)
    }

    /// The key pair of a seed (FIPS 204 algorithm 6, KeyGen_internal).
    fn from_seed(seed: &Seed) -> Result<Self, Error> {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed[..]).map_err(|_| Error::Crypto)?;
        let raw: [u8; PUBLIC_KEY_LEN] = pair.public_key().as_ref().try_into().map_err(|_| Error::Crypto)?;
        let public = PublicKey::from_raw(raw);
        let id = public.id();
        Ok(Self { pair, public, id })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The name of its public half.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Signs one record of one log; gives the COSE_Sign1 (spec/record.md "Signature").
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn sign_record(&self, log: LogId, record: RecordDigest) -> Result<Vec<u8>, Error> {
        Ok(to_cose(self.id, &self.sign(&to_be_signed(self.id, log, record))?))
    }

    /// Signs one tree head; gives the note (spec/checkpoint.md).
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn sign_checkpoint(&self, checkpoint: &Checkpoint) -> Result<String, Error> {
        Ok(checkpoint.to_note(&self.public, &self.sign(checkpoint.text().as_bytes())?))
    }

    /// Signs one tree head as that of receipts (spec/exports.md "Receipt").
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn sign_receipt(&self, checkpoint: &Checkpoint) -> Result<[u8; SIGNATURE_LEN], Error> {
        self.sign(&receipt::to_be_signed(self.id, checkpoint))
    }

    /// Signs a statement about one tree head and records of it; gives the envelope (spec/exports.md "Statement").
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn sign_statement(&self, checkpoint: &Checkpoint, records: &[Named]) -> Result<String, Error> {
        let payload = statement::payload(checkpoint, records);
        Ok(statement::to_envelope(&payload, self.id, &self.sign(&statement::to_be_signed(&payload))?))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Error> {
        let mut signature = [0; SIGNATURE_LEN];
        match self.pair.sign(message, &mut signature) {
            Ok(SIGNATURE_LEN) => Ok(signature),
            _ => Err(Error::Crypto),
        }
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKey({})", self.id.short())
    }
}

/// Makes those of the three key files that are missing. The caller holds the lock and knows that no log has begun.
pub(crate) fn create_missing(home: &Home) -> Result<(), Error> {
    if !home.recovery_path().exists() {
        let text = recovery_text(&random_seed()?, &random_seed()?);
        disk::write_file(&home.recovery_path(), text.as_bytes(), Existing::Keep)?;
    }
    if !home.vault_key_path().exists() {
        disk::write_file(&home.vault_key_path(), &random_seed()?[..], Existing::Keep)?;
    }
    if !home.operator_key_path().exists() {
        disk::write_file(&home.operator_key_path(), &pkcs8_from_seed(&random_seed()?), Existing::Keep)?;
    }
    Ok(())
}

/// The key ids of the next and the recovery key, to which genesis commits.
pub(crate) fn committed_keys(home: &Home) -> Result<(KeyId, KeyId), Error> {
    let path = home.recovery_path();
    let bytes = read_secret(&path)?;
    let seeds = std::str::from_utf8(&bytes).ok().and_then(seeds_from_recovery_text);
    let (next, recovery) = seeds.ok_or(Error::NotAKey(path))?;
    Ok((OperatorKey::from_seed(&next)?.id, OperatorKey::from_seed(&recovery)?.id))
}

/// The key that wraps the vault's data keys.
pub(crate) fn vault_key(home: &Home) -> Result<Zeroizing<[u8; VAULT_KEY_LEN]>, Error> {
    let path = home.vault_key_path();
    let bytes = read_secret(&path)?;
    let key: [u8; VAULT_KEY_LEN] = bytes.as_slice().try_into().map_err(|_| Error::NotAKey(path))?;
    Ok(Zeroizing::new(key))
}

/// Fresh random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto)?;
    Ok(bytes)
}

fn random_seed() -> Result<Seed, Error> {
    random().map(Zeroizing::new)
}

fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = disk::read_file(path, limits::KEY_FILE_BYTES_MAX)?.ok_or_else(|| Error::KeyMissing(path.to_owned()))?;
    let bytes = Zeroizing::new(bytes);
    disk::check_private(path)?;
    Ok(bytes)
}

fn pkcs8_from_seed(seed: &Seed) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&PKCS8_PREFIX[..], &seed[..]].concat())
}

fn seed_from_pkcs8(der: &[u8]) -> Option<Seed> {
    der.strip_prefix(&PKCS8_PREFIX)?.try_into().ok().map(Zeroizing::new)
}

/// Two PEM blocks (RFC 7468) under a line that says what they are.
fn recovery_text(next: &Seed, recovery: &Seed) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(RECOVERY_TITLE);
    for seed in [next, recovery] {
        let base64 = Zeroizing::new(Base64::encode_string(&pkcs8_from_seed(seed)));
        let (line, rest) = base64.split_at(64.min(base64.len()));
        for part in [PEM_BEGIN, line, "\n", rest, "\n", PEM_END] {
            text.push_str(part);
        }
    }
    text
}

fn seeds_from_recovery_text(text: &str) -> Option<(Seed, Seed)> {
    let (_, text) = text.split_once(PEM_BEGIN)?;
    let (next, text) = text.split_once(PEM_END)?;
    let (recovery, rest) = text.strip_prefix(PEM_BEGIN)?.split_once(PEM_END)?;
    let seed = |block: &str| {
        let base64: Zeroizing<String> = Zeroizing::new(block.split('\n').collect());
        seed_from_pkcs8(&Zeroizing::new(Base64::decode_vec(&base64).ok()?))
    };
    rest.is_empty().then_some((seed(next)?, seed(recovery)?))
}

#[cfg(test)]
mod tests;
