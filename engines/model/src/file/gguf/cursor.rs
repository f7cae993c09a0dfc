//! Reads little-endian numbers and texts from untrusted bytes, never past their end.

use crate::error::{Malformed, Part, Result};

/// A position in a file.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes left.
    pub fn left(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let truncated = Malformed::Truncated { offset: self.at as u64, needed: count, available: self.left() };
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(truncated)?;
        self.at += taken.len();
        Ok(taken)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }

    /// A count, refused beyond `max` and when `item_bytes_min` times it is more than what is left: no allocation follows a lie.
    pub fn count(&mut self, what: Part, max: u64, item_bytes_min: u64) -> Result<u64> {
        let count = self.u64()?;
        let max = max.min(self.left() / item_bytes_min.max(1));
        if count > max {
            return Err(Malformed::TooMany { what, count, max }.into());
        }
        Ok(count)
    }

    /// A length in u64 and as many bytes of UTF-8.
    pub fn text(&mut self, what: Part, max: u64) -> Result<&'a str> {
        let length = self.count(what, max, 1)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::NotUtf8 { what }.into())
    }
}
