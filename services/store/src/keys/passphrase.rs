//! A passphrase: bytes that a person or a service gives, wiped when dropped.

use super::fault::PassphraseFault;
use crate::limits;
use std::fmt;
use std::io::{self, Read};
use zeroize::Zeroizing;

/// The bytes as they were given; no normalisation, so that every program that is given the same bytes opens the same file.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes 8 to 1,024 bytes.
    ///
    /// # Errors
    /// [`PassphraseFault::Short`], [`PassphraseFault::Long`].
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, PassphraseFault> {
        match bytes.len() {
            ..limits::PASSPHRASE_BYTES_MIN => Err(PassphraseFault::Short),
            limits::PASSPHRASE_BYTES_MIN..=limits::PASSPHRASE_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(PassphraseFault::Long),
        }
    }

    /// Reads the first line, without its LF or CRLF.
    ///
    /// # Errors
    /// The reader's own; the inner one is that of [`Passphrase::new`].
    pub fn read(input: impl Read) -> io::Result<Result<Self, PassphraseFault>> {
        // Room for all of it at once: a vector that grows would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(limits::PASSPHRASE_BYTES_MAX + 3));
        input.take(limits::PASSPHRASE_BYTES_MAX as u64 + 2).read_to_end(&mut bytes)?;
        if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            bytes.truncate(end);
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(Self::new(bytes))
    }

    /// Are both the same? For the second time that it is typed.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// A copy, wiped like this one.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.0.clone())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}
