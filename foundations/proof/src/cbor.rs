//! CBOR in the record's profile: unsigned integers, byte and text strings, arrays and maps, deterministic, definite (spec/record.md "Encoding").
//!
//! Reading never allocates more than it has read, and every refusal is the same value: what is not the one encoding of something is not that thing.

use alloc::vec::Vec;

/// Why an item could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CborError {
    /// The bytes end inside it; so far it is in the profile.
    Short,
    /// It is not in the profile, or not what was asked for.
    NotCanonical,
}

/// The major types of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Major {
    /// Unsigned integer.
    Uint = 0,
    /// Byte string.
    Bytes = 2,
    /// Text string.
    Text = 3,
    /// Array.
    Array = 4,
    /// Map.
    Map = 5,
}

/// Reads one head: its type, its argument and its length in bytes.
pub fn read_head(bytes: &[u8]) -> Result<(Major, u64, usize), CborError> {
    let (&first, rest) = bytes.split_first().ok_or(CborError::Short)?;
    let major = match first >> 5 {
        0 => Major::Uint,
        2 => Major::Bytes,
        3 => Major::Text,
        4 => Major::Array,
        5 => Major::Map,
        _ => return Err(CborError::NotCanonical),
    };
    let (width, least) = match first & 31 {
        small @ 0..24 => return Ok((major, u64::from(small), 1)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return Err(CborError::NotCanonical),
    };
    let argument = rest.get(..width).ok_or(CborError::Short)?;
    let value = argument.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    if value < least { Err(CborError::NotCanonical) } else { Ok((major, value, 1 + width)) }
}

/// Appends one head in its shortest form.
pub fn write_head(out: &mut Vec<u8>, major: Major, value: u64) {
    let first = (major as u8) << 5;
    let be = value.to_be_bytes();
    let [.., b4, b5, b6, b7] = be;
    match value {
        0..24 => out.push(first | b7),
        24..0x100 => out.extend([first | 24, b7]),
        0x100..0x1_0000 => out.extend([first | 25, b6, b7]),
        0x1_0000..0x1_0000_0000 => out.extend([first | 26, b4, b5, b6, b7]),
        _ => {
            out.push(first | 27);
            out.extend(be);
        }
    }
}

/// Appends a byte string.
pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_head(out, Major::Bytes, bytes.len() as u64);
    out.extend(bytes);
}

/// Appends a text string.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, Major::Text, text.len() as u64);
    out.extend(text.as_bytes());
}

/// Walks one encoded item from front to back.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes are used.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next head, whatever it is.
    pub fn head(&mut self) -> Result<(Major, u64), CborError> {
        let (major, value, len) = read_head(self.rest)?;
        self.rest = self.rest.get(len..).ok_or(CborError::Short)?;
        Ok((major, value))
    }

    /// The major type of the next item, without reading it.
    pub fn peek(&self) -> Result<Major, CborError> {
        read_head(self.rest).map(|(major, ..)| major)
    }

    fn expect(&mut self, wanted: Major) -> Result<u64, CborError> {
        let (major, value) = self.head()?;
        if major == wanted { Ok(value) } else { Err(CborError::NotCanonical) }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::NotCanonical)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(CborError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.expect(Major::Uint)
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let len = self.expect(Major::Bytes)?;
        self.take(len)
    }

    /// A byte string of at most `most` bytes; a longer one is refused before its bytes have come.
    pub fn bytes_within(&mut self, most: usize) -> Result<&'a [u8], CborError> {
        let len = self.expect(Major::Bytes)?;
        if len > most as u64 { Err(CborError::NotCanonical) } else { self.take(len) }
    }

    /// A byte string of exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        self.bytes_within(N)?.try_into().map_err(|_| CborError::NotCanonical)
    }

    /// A text string of 1 to `most` bytes.
    pub fn text_within(&mut self, most: usize) -> Result<&'a str, CborError> {
        let len = self.expect(Major::Text)?;
        if len == 0 || len > most as u64 {
            return Err(CborError::NotCanonical);
        }
        core::str::from_utf8(self.take(len)?).map_err(|_| CborError::NotCanonical)
    }

    /// A text string.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let len = self.expect(Major::Text)?;
        core::str::from_utf8(self.take(len)?).map_err(|_| CborError::NotCanonical)
    }

    /// An array's number of items.
    pub fn array(&mut self) -> Result<u64, CborError> {
        self.expect(Major::Array)
    }

    /// A map's number of entries.
    pub fn map(&mut self) -> Result<u64, CborError> {
        self.expect(Major::Map)
    }

    /// Skips one item of any type, at most `depth` deep, and gives its bytes. Keys of maps must be text, ascending.
    pub fn value(&mut self, depth: usize) -> Result<&'a [u8], CborError> {
        let start = self.rest;
        self.skip(depth)?;
        start.get(..start.len() - self.rest.len()).ok_or(CborError::NotCanonical)
    }

    fn skip(&mut self, depth: usize) -> Result<(), CborError> {
        match self.peek()? {
            Major::Uint => self.uint().map(drop),
            Major::Bytes => self.bytes().map(drop),
            Major::Text => self.text().map(drop),
            Major::Array => {
                let depth = depth.checked_sub(1).ok_or(CborError::NotCanonical)?;
                (0..self.array()?).try_for_each(|_| self.skip(depth))
            }
            Major::Map => {
                let depth = depth.checked_sub(1).ok_or(CborError::NotCanonical)?;
                let mut order = KeyOrder::default();
                (0..self.map()?).try_for_each(|_| {
                    order.next(self.text()?)?;
                    self.skip(depth)
                })
            }
        }
    }
}

/// Checks that text keys come in the bytewise order of their encodings: shorter first, then bytewise.
#[derive(Default)]
pub struct KeyOrder<'a> {
    last: Option<&'a str>,
}

impl<'a> KeyOrder<'a> {
    /// Fails unless `key` comes after every key before it.
    pub fn next(&mut self, key: &'a str) -> Result<(), CborError> {
        let ascending = self.last.is_none_or(|last| (last.len(), last) < (key.len(), key));
        self.last = Some(key);
        if ascending { Ok(()) } else { Err(CborError::NotCanonical) }
    }
}

#[cfg(test)]
mod tests;
