//! The vault: the values behind commitments, each encrypted under a key of its own, one file for each record.
//!
//! A file holds the fields of one record, in the order of their labels. That of record 7 with one field `prompt` of 5 bytes, at `vault/00000000/000/00000007.v`:
//!
//! ```text
//! offset  bytes                     field
//!      0  6d 69 63 6b 61 69 56 31   "mickaiV1"
//!      8  06                        label length
//!      9  70 72 6f 6d 70 74         label "prompt"
//!     15  35 00 00 00               length of the sealed part: 53 = 32 (salt) + 5 (value) + 16 (tag), little-endian
//!     19  24 bytes                  nonce of the data key
//!     43  48 bytes                  data key (32) and tag (16), XChaCha20-Poly1305 under the vault key
//!     91  24 bytes                  nonce of the sealed part
//!    115  53 bytes                  salt, value and tag, XChaCha20-Poly1305 under the data key
//!    168                            the next field
//! ```
//!
//! Both have the associated data "mickai-vault-v1", 0, log id (32), index (8, big-endian), label: a field moved to another record, label or log does not decrypt.
//!
//! Whoever changes a file gains a value that does not decrypt; whoever reads `keys/vault.key` and these files reads what was asked and answered. A file is durable before its record is appended;
//! one whose record never came is an orphan, holds nothing anybody refers to, and is removed by the next writer before another record has its index.

use crate::disk::{self, Existing};
use crate::error::{Damage, Error, Misuse};
use crate::home::Home;
use crate::keys;
use crate::limits;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use mickai_proof::commitment::commit;
use mickai_proof::digest::{Commitment, LogId, Salt};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MAGIC: [u8; 8] = *b"mickaiV1";
const MAGIC_PREFIX: &[u8] = b"mickaiV";
const DOMAIN: &[u8] = b"mickai-vault-v1\0";
const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const WRAPPED_LEN: usize = KEY_LEN + TAG_LEN;
const LABEL_BYTES_MAX: usize = mickai_proof::limits::LABEL_BYTES_MAX;

mod erasure;

pub use erasure::{Erased, Erasure};

/// The values of one log.
pub struct Vault {
    folder: PathBuf,
    log: LogId,
    key: Zeroizing<[u8; KEY_LEN]>,
}

/// A value with the salt of its commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The salt.
    pub salt: Salt,
    /// The value; wiped when dropped.
    pub value: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} bytes)", self.value.len())
    }
}

/// Values that are about to be kept, each with a fresh salt.
pub(crate) struct Sealing<'a> {
    fields: BTreeMap<&'a str, (Salt, &'a [u8])>,
}

impl<'a> Sealing<'a> {
    /// Draws the salts; refuses what is over a limit.
    pub(crate) fn new(openings: &[(&'a str, &'a [u8])]) -> Result<Self, Error> {
        if openings.len() > limits::VAULT_FIELDS_MAX {
            return Err(Misuse::ValueCount(openings.len()).into());
        }
        let mut fields = BTreeMap::new();
        for (label, value) in openings {
            let label_fits = (1..=LABEL_BYTES_MAX).contains(&label.len());
            if value.len() > limits::VAULT_VALUE_BYTES_MAX {
                return Err(Misuse::ValueBytes(value.len()).into());
            }
            let is_new = fields.insert(*label, (Salt(keys::random()?), *value)).is_none();
            if !label_fits || !is_new {
                return Err(Misuse::Draft(mickai_proof::record::RecordError::Malformed).into());
            }
        }
        Ok(Self { fields })
    }

    /// What the record says of them.
    pub(crate) fn commitments(&self) -> impl Iterator<Item = (String, Commitment)> {
        self.fields.iter().map(|(label, (salt, value))| ((*label).to_owned(), commit(salt, label, value)))
    }
}

/// One field as it lies in a file.
struct Field<'a> {
    label: &'a str,
    /// All its bytes, label length included.
    whole: &'a [u8],
    key_nonce: &'a [u8; NONCE_LEN],
    wrapped: &'a [u8; WRAPPED_LEN],
    value_nonce: &'a [u8; NONCE_LEN],
    sealed: &'a [u8],
}

impl Vault {
    /// The vault of a home's log.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`].
    pub fn open(home: &Home, log: LogId) -> Result<Self, Error> {
        Ok(Self { folder: home.vault_path(), log, key: keys::vault_key(home)? })
    }

    /// Keeps the values of one record; durable when this returns. An orphan of that index is replaced.
    pub(crate) fn put(&self, index: u64, sealing: &Sealing<'_>) -> Result<(), Error> {
        if sealing.fields.is_empty() {
            return Ok(());
        }
        let mut bytes = MAGIC.to_vec();
        for (label, (salt, value)) in &sealing.fields {
            self.seal(&mut bytes, index, label, salt, value)?;
        }
        let path = self.path(index);
        path.parent().map_or(Ok(()), disk::create_folder)?;
        disk::write_file(&path, &bytes, Existing::Replace)
    }

    /// The value behind the commitment `label` of record `index`; `None` if it was erased or never kept.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the file was changed or the vault key is not that of the file; [`Error::Io`].
    pub fn get(&self, index: u64, label: &str) -> Result<Option<Opened>, Error> {
        let opened = self.look(index, |fields| {
            let field = fields.iter().find(|field| field.label == label);
            field.map(|field| self.unseal(index, field).ok_or(Damage::VaultSealed)).transpose()
        });
        Ok(opened?.flatten())
    }

    /// The labels kept for record `index`.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub fn labels(&self, index: u64) -> Result<Vec<String>, Error> {
        let labels = self.look(index, |fields| Ok(fields.iter().map(|field| field.label.to_owned()).collect()))?;
        Ok(labels.unwrap_or_default())
    }

    /// The labels kept for record `index`, each with the bytes of its value.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub fn sizes(&self, index: u64) -> Result<Vec<(String, u64)>, Error> {
        let size = |field: &Field<'_>| (field.label.to_owned(), field.sealed.len().saturating_sub(Salt::LEN + TAG_LEN) as u64);
        let sizes = self.look(index, |fields| Ok(fields.iter().map(size).collect()))?;
        Ok(sizes.unwrap_or_default())
    }

    /// What `find` makes of the fields of record `index`; `None` if there is no file. Whoever reads without the lock may hold a file that an erasure has just replaced, and read the zeros that it
    /// writes over it: what looks damaged is read once more.
    fn look<T>(&self, index: u64, find: impl Fn(&[Field<'_>]) -> Result<T, Damage>) -> Result<Option<T>, Error> {
        let path = self.path(index);
        let look = || -> Result<Option<T>, Error> {
            let Some(bytes) = read(&path)? else { return Ok(None) };
            let found = fields(&bytes).ok_or(Damage::VaultForm).and_then(|fields| find(&fields));
            found.map(Some).map_err(|damage| Error::damaged(&path, 0, damage))
        };
        match look() {
            Err(Error::Damaged { .. }) => look(),
            seen => seen,
        }
    }

    /// Removes what appends that never became durable left behind: the files of `count` records from `index` on.
    pub(crate) fn discard_from(&self, index: u64, count: u64) -> Result<(), Error> {
        for shard in (index >> 10)..=(index.saturating_add(count) >> 10) {
            let Some(folder) = self.path(shard << 10).parent().map(Path::to_owned) else { continue };
            let entries = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(Error::io("read", &folder))?,
            };
            for entry in entries {
                let name = entry.map_err(Error::io("read", &folder))?.file_name();
                let found = name
                    .to_str()
                    .and_then(|name| name.strip_suffix(".v").or_else(|| name.strip_prefix('.')?.strip_suffix(".v.tmp")))
                    .and_then(|stem| u64::from_str_radix(stem, 16).ok());
                found.filter(|found| *found >= index).map_or(Ok(()), |_| disk::remove_file(&folder.join(&name)))?;
            }
        }
        Ok(())
    }

    /// At most 1,024 files a folder, 1,024 folders a folder.
    fn path(&self, index: u64) -> PathBuf {
        self.folder.join(format!("{:08x}/{:03x}/{index:08x}.v", index >> 20, (index >> 10) & 0x3ff))
    }

    fn seal(&self, out: &mut Vec<u8>, index: u64, label: &str, salt: &Salt, value: &[u8]) -> Result<(), Error> {
        let aad = self.associated_data(index, label);
        let data_key = Zeroizing::new(keys::random::<KEY_LEN>()?);
        let (key_nonce, value_nonce) = (keys::random::<NONCE_LEN>()?, keys::random::<NONCE_LEN>()?);
        let wrapped = encrypt(&self.key, &key_nonce, &data_key[..], &aad)?;
        let salted = Zeroizing::new([&salt.0[..], value].concat());
        let sealed = encrypt(&data_key, &value_nonce, &salted, &aad)?;
        // Both lengths were checked when the salts were drawn.
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
        out.extend((sealed.len() as u32).to_le_bytes());
        out.extend(key_nonce);
        out.extend(wrapped);
        out.extend(value_nonce);
        out.extend(sealed);
        Ok(())
    }

    fn unseal(&self, index: u64, field: &Field<'_>) -> Option<Opened> {
        let aad = self.associated_data(index, field.label);
        let data_key = decrypt(&self.key, field.key_nonce, field.wrapped, &aad)?;
        let data_key = Zeroizing::new(<[u8; KEY_LEN]>::try_from(data_key.as_slice()).ok()?);
        let salted = decrypt(&data_key, field.value_nonce, field.sealed, &aad)?;
        let (salt, value) = salted.split_at_checked(Salt::LEN)?;
        Some(Opened { salt: Salt::from_slice(salt)?, value: Zeroizing::new(value.to_vec()) })
    }

    fn associated_data(&self, index: u64, label: &str) -> Vec<u8> {
        [DOMAIN, &self.log.0, &index.to_be_bytes(), label.as_bytes()].concat()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.folder.display())
    }
}

fn encrypt(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
    XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(*nonce), Payload { msg, aad }).map_err(|_| Error::Crypto)
}

fn decrypt(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], msg: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), Payload { msg, aad }).ok().map(Zeroizing::new)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match disk::read_file(path, limits::VAULT_FILE_BYTES_MAX) {
        // A folder on the way that is not there is a file that is not there.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotADirectory => Ok(None),
        Ok(Some(bytes)) if bytes.starts_with(MAGIC_PREFIX) && !bytes.starts_with(&MAGIC) => Err(Error::Foreign(path.to_owned())),
        other => other,
    }
}

/// Zeros over all of a file that has lost its name.
fn overwrite(mut file: &File, len: usize) -> std::io::Result<()> {
    file.write_all(&vec![0; len])?;
    file.sync_all()
}

/// The fields of a file; `None` if it is not one.
fn fields(bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let (label_len, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked(usize::from(*label_len))?;
        let (sealed_len, after) = after.split_first_chunk::<4>()?;
        let (key_nonce, after) = after.split_first_chunk()?;
        let (wrapped, after) = after.split_first_chunk()?;
        let (value_nonce, after) = after.split_first_chunk()?;
        let (sealed, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*sealed_len)).ok()?)?;
        let whole = whole.get(..whole.len() - after.len())?;
        fields.push(Field { label: std::str::from_utf8(label).ok()?, whole, key_nonce, wrapped, value_nonce, sealed });
        rest = after;
    }
    Some(fields)
}

#[cfg(test)]
mod tests;
