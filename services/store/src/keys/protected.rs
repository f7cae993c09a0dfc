//! A file behind a passphrase: Argon2id gives the key, XChaCha20-Poly1305 seals the secret (spec/keys.md "Protected").
//!
//! ```text
//! offset  bytes                     field
//!      0  6d 69 63 6b 61 69 4b 31   "mickaiK1"
//!      8  01                        content: 1 operator key, 2 recovery keys, 3 backup
//!      9  01                        derivation: 1 is Argon2id, version 0x13
//!     10  00 02 00 00               memory in KiB, big-endian: 131,072
//!     14  00 00 00 03               passes
//!     18  01                        lanes
//!     19  16 bytes                  salt
//!     35  24 bytes                  nonce
//!     59  00 00 07 b6               length p of the public part
//!     63  p bytes                   public part: what may be known without the passphrase
//!   63+p  to the end                secret and tag (16), XChaCha20-Poly1305; the associated data are all bytes before
//! ```
//!
//! Whoever changes a byte gains a file that does not open. Whoever copies it can try passphrases, each at the price that the parameters name.

use super::fault::KeyFault;
use super::passphrase::Passphrase;
use super::seed;
use crate::error::Error;
use crate::limits;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

const MAGIC_PREFIX: &[u8] = b"mickaiK";
const MAGIC: [u8; 8] = *b"mickaiK1";
const ARGON2ID: u8 = 1;
const SALT_LEN: usize = 16;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// What this program writes: twice the memory of RFC 9106's second recommended choice, in one lane, because it computes lanes one after the other.
const WRITTEN: Derivation = Derivation { memory_kib: 131_072, passes: 3, lanes: 1 };

/// What a protected file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The operator's key: PKCS#8. Public: its SubjectPublicKeyInfo.
    Operator = 1,
    /// The recovery file's text. Public: the two key ids.
    Recovery = 2,
    /// A backup. Public: the SubjectPublicKeyInfo of its operator key.
    Backup = 3,
}

/// The price of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Derivation {
    memory_kib: u32,
    passes: u32,
    lanes: u8,
}

/// A protected file that was read, not yet opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    /// What it holds.
    pub content: Content,
    /// What may be known without the passphrase. Nothing vouches for it before [`Protected::open`] has.
    pub public: &'a [u8],
    derivation: Derivation,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    /// All bytes before the sealed ones.
    header: &'a [u8],
    sealed: &'a [u8],
}

/// Why bytes are not a protected file that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectedFault {
    /// Not in the form.
    Malformed,
    /// In the form of another version.
    Newer,
    /// It asks for too much.
    TooCostly {
        /// KiB.
        memory_kib: u32,
        /// Passes over them.
        passes: u32,
    },
}

impl ProtectedFault {
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Self::Malformed => Error::NotAKey(path.to_owned()),
            Self::Newer => Error::Foreign(path.to_owned()),
            Self::TooCostly { memory_kib, passes } => KeyFault::TooCostly { path: path.to_owned(), memory_kib, passes }.into(),
        }
    }
}

/// Do the bytes begin as a protected file of any version does?
pub(crate) fn is_protected(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC_PREFIX)
}

impl<'a> Protected<'a> {
    /// Reads the form; refuses what would cost too much, before anything is allocated.
    ///
    /// # Errors
    /// [`ProtectedFault`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProtectedFault> {
        if is_protected(bytes) && !bytes.starts_with(&MAGIC) {
            return Err(ProtectedFault::Newer);
        }
        let parsed = parse(bytes).ok_or(ProtectedFault::Malformed)?;
        let Derivation { memory_kib, passes, lanes } = parsed.derivation;
        let work = u64::from(memory_kib) * u64::from(passes);
        if memory_kib > limits::DERIVATION_MEMORY_KIB_MAX || work > limits::DERIVATION_WORK_KIB_MAX {
            return Err(ProtectedFault::TooCostly { memory_kib, passes });
        }
        let is_sound = passes >= 1 && lanes >= 1 && memory_kib >= 8 * u32::from(lanes);
        if is_sound { Ok(parsed) } else { Err(ProtectedFault::Malformed) }
    }

    /// The secret; `None` if the passphrase is not that of the file, or a byte of it was changed.
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails.
    pub fn open(&self, passphrase: &Passphrase) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let key = self.derivation.key(passphrase, &self.salt)?;
        let payload = Payload { msg: self.sealed, aad: self.header };
        Ok(XChaCha20Poly1305::new((&*key).into()).decrypt(&XNonce::from(self.nonce), payload).ok().map(Zeroizing::new))
    }
}

fn parse(bytes: &[u8]) -> Option<Protected<'_>> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (&[content, derivation], rest) = rest.split_first_chunk()?;
    let (memory_kib, rest) = rest.split_first_chunk()?;
    let (passes, rest) = rest.split_first_chunk()?;
    let (&lanes, rest) = rest.split_first()?;
    let (&salt, rest) = rest.split_first_chunk()?;
    let (&nonce, rest) = rest.split_first_chunk()?;
    let (public_len, rest) = rest.split_first_chunk()?;
    let (public, sealed) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*public_len)).ok()?)?;
    let content = [Content::Operator, Content::Recovery, Content::Backup].into_iter().find(|known| *known as u8 == content)?;
    let header = bytes.get(..bytes.len() - sealed.len())?;
    let derivation = (derivation == ARGON2ID).then_some(Derivation { memory_kib: u32::from_be_bytes(*memory_kib), passes: u32::from_be_bytes(*passes), lanes })?;
    (sealed.len() > TAG_LEN).then_some(Protected { content, public, derivation, salt, nonce, header, sealed })
}

/// The secret of the file at `path`, which must hold `content`.
pub(crate) fn open(path: &Path, bytes: &[u8], content: Content, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = Protected::parse(bytes).map_err(|fault| fault.at(path))?;
    if file.content != content {
        return Err(Error::NotAKey(path.to_owned()));
    }
    file.open(passphrase)?.ok_or_else(|| KeyFault::PassphraseWrong(path.to_owned()).into())
}

/// The bytes of a protected file.
pub(crate) fn seal(content: Content, public: &[u8], secret: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, Error> {
    seal_with(WRITTEN, &seed::random()?, &seed::random()?, content, public, secret, passphrase)
}

fn seal_with(
    derivation: Derivation,
    salt: &[u8; SALT_LEN],
    nonce: &[u8; NONCE_LEN],
    content: Content,
    public: &[u8],
    secret: &[u8],
    passphrase: &Passphrase,
) -> Result<Vec<u8>, Error> {
    let public_len = u32::try_from(public.len()).map_err(|_| Error::Crypto)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([content as u8, ARGON2ID]);
    bytes.extend(derivation.memory_kib.to_be_bytes());
    bytes.extend(derivation.passes.to_be_bytes());
    bytes.push(derivation.lanes);
    bytes.extend(salt);
    bytes.extend(nonce);
    bytes.extend(public_len.to_be_bytes());
    bytes.extend(public);
    let key = derivation.key(passphrase, salt)?;
    let sealed = XChaCha20Poly1305::new((&*key).into()).encrypt(&XNonce::from(*nonce), Payload { msg: secret, aad: &bytes }).map_err(|_| Error::Crypto)?;
    bytes.extend(sealed);
    Ok(bytes)
}

impl Derivation {
    fn key(self, passphrase: &Passphrase, salt: &[u8; SALT_LEN]) -> Result<Zeroizing<[u8; KEY_LEN]>, Error> {
        let params = Params::new(self.memory_kib, self.passes, u32::from(self.lanes), Some(KEY_LEN)).map_err(|_| Error::Crypto)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let mut blocks = vec![Block::new(); params.block_count()];
        let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(passphrase.bytes(), salt, &mut key[..], &mut blocks);
        blocks.iter_mut().for_each(Zeroize::zeroize);
        derived.map_err(|_| Error::Crypto)?;
        Ok(key)
    }
}

#[cfg(test)]
pub(crate) mod tests;
