//! The recovery file: the next and the recovery seed, as two PEM blocks or behind a passphrase.

use super::custody::Custody;
use super::fault::KeyFault;
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{self, Content, Protected, open};
use super::seed::{Seed, parse_pkcs8, pkcs8_from_seed, random_seed};
use crate::disk;
use crate::error::Error;
use crate::limits;
use base64ct::{Base64, Encoding};
use mickai_proof::digest::KeyId;
use mickai_proof::history::Committed;
use std::path::Path;
use zeroize::Zeroizing;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const PEM_END: &str = "-----END PRIVATE KEY-----\n";
const TITLE: &str = "Mickai: the next and the recovery key, in this order. Move this file to another place; it is not needed here.\n";

/// The two seeds that come after the current one.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// Takes over at a rotation.
    pub(crate) next: Seed,
    /// Takes over when the others are lost.
    pub(crate) recovery: Seed,
}

impl Recovery {
    /// Two new ones.
    pub(crate) fn draw() -> Result<Self, Error> {
        Ok(Self { next: random_seed()?, recovery: random_seed()? })
    }

    /// Reads a recovery file, asking for its passphrase if it has one; gives that too, for what takes the file's place.
    pub(crate) fn read(path: &Path, custody: &Custody) -> Result<(Self, Option<Passphrase>), Error> {
        let bytes = read_recovery(path)?;
        let (text, passphrase) = if protected::is_protected(&bytes) {
            let passphrase = custody.ask(path)?;
            (open(path, &bytes, Content::Recovery, &passphrase)?, Some(passphrase))
        } else {
            (bytes, None)
        };
        Ok((Self::parse(&text).ok_or_else(|| Error::NotAKey(path.to_owned()))?, passphrase))
    }

    /// The key ids of the next and the recovery key.
    pub(crate) fn ids(&self) -> Result<Committed, Error> {
        Ok(Committed { next: OperatorKey::from_seed(&self.next)?.id(), recovery: OperatorKey::from_seed(&self.recovery)?.id() })
    }

    /// The file's text.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str(TITLE);
        for seed in [&self.next, &self.recovery] {
            let base64 = Zeroizing::new(Base64::encode_string(&pkcs8_from_seed(seed)));
            let (line, rest) = base64.split_at(64.min(base64.len()));
            for part in [PEM_BEGIN, line, "\n", rest, "\n", PEM_END] {
                text.push_str(part);
            }
        }
        text
    }

    /// The file's bytes: behind `passphrase` if there is one.
    pub(crate) fn file(&self, passphrase: Option<&Passphrase>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let text = self.text();
        let Some(passphrase) = passphrase else { return Ok(Zeroizing::new(text.as_bytes().to_vec())) };
        let Committed { next, recovery } = self.ids()?;
        protected::seal(Content::Recovery, &[next.0, recovery.0].concat(), text.as_bytes(), passphrase).map(Zeroizing::new)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (next, recovery) = parse_recovery(std::str::from_utf8(bytes).ok()?)?;
        Some(Self { next, recovery })
    }
}

/// A recovery file's bytes. Its permissions are no matter here: in the home they are checked when it is opened, and a memory stick has none.
pub(crate) fn read_recovery(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    disk::read_file(path, limits::KEY_FILE_BYTES_MAX)?.map(Zeroizing::new).ok_or_else(|| KeyFault::RecoveryMissing(path.to_owned()).into())
}

/// The next and the recovery key's ids in a recovery file, by the file's own word where it is protected: nobody is asked for a passphrase.
pub(crate) fn ids_in(path: &Path) -> Result<Committed, Error> {
    let bytes = read_recovery(path)?;
    let wrong = || Error::NotAKey(path.to_owned());
    if !protected::is_protected(&bytes) {
        return Recovery::parse(&bytes).ok_or_else(wrong)?.ids();
    }
    let file = Protected::parse(&bytes).map_err(|fault| fault.at(path))?;
    let (next, recovery) = file.public.split_at_checked(KeyId::LEN).ok_or_else(wrong)?;
    let ids = KeyId::from_slice(next).zip(KeyId::from_slice(recovery)).map(|(next, recovery)| Committed { next, recovery });
    ids.filter(|_| file.content == Content::Recovery).ok_or_else(wrong)
}

/// The next and the recovery seed of a recovery file's text: the title and exactly two blocks, or `None`.
pub fn parse_recovery(text: &str) -> Option<(Seed, Seed)> {
    let (_, text) = text.split_once(PEM_BEGIN)?;
    let (next, text) = text.split_once(PEM_END)?;
    let (recovery, rest) = text.strip_prefix(PEM_BEGIN)?.split_once(PEM_END)?;
    let seed = |block: &str| {
        // Room for all of it at once: a text that grows would leave copies of a seed behind.
        let mut base64 = Zeroizing::new(String::with_capacity(block.len()));
        base64.extend(block.split('\n'));
        parse_pkcs8(&Zeroizing::new(Base64::decode_vec(&base64).ok()?))
    };
    rest.is_empty().then_some((seed(next)?, seed(recovery)?))
}
