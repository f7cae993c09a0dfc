//! What the forms of a chain have in common: an array that begins with its name and version, and nothing after it.

use super::address::Address;
use super::amount::Amount;
use super::error::{PantheonError, Part};
use crate::cbor::{CborError, Major, Reader, write_bytes, write_head, write_text};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::signature::SIGNATURE_LEN;
use alloc::boxed::Box;
use alloc::vec::Vec;

const VERSION: u64 = 1;

/// The refusal of everything that is in CBOR but not in the form.
pub(super) const BAD: CborError = CborError::NotCanonical;

/// Begins `[name, 1, …]` of `elements` elements in all.
pub(super) fn begin(name: &str, elements: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Major::Array, elements);
    write_text(&mut out, name);
    write_uint(&mut out, VERSION);
    out
}

/// Reads `[name, 1, …]` of `elements` elements, whose rest `read` takes; nothing may follow.
pub(super) fn whole<'a, T>(part: Part, bytes: &'a [u8], name: &str, elements: u64, read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>) -> Result<T, PantheonError> {
    bare(part, bytes, |reader| {
        let is_named = reader.array()? == elements && reader.text_within(name.len())? == name && reader.uint()? == VERSION;
        if is_named { read(reader) } else { Err(BAD) }
    })
}

/// Reads what `read` takes; nothing may follow.
pub(super) fn bare<'a, T>(part: Part, bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>) -> Result<T, PantheonError> {
    let mut reader = Reader::new(bytes);
    match read(&mut reader) {
        Ok(value) if reader.is_done() => Ok(value),
        _ => Err(PantheonError::Malformed(part)),
    }
}

/// Refuses what is larger than it may be.
pub(super) fn within(part: Part, bytes: &[u8], most: usize) -> Result<(), PantheonError> {
    if bytes.len() > most { Err(PantheonError::Oversized { part, bytes: bytes.len(), most }) } else { Ok(()) }
}

/// An array of exactly `elements`.
pub(super) fn array(reader: &mut Reader<'_>, elements: u64) -> Result<(), CborError> {
    if reader.array()? == elements { Ok(()) } else { Err(BAD) }
}

/// An array of at least `least` and at most `most` items, each read by `item`.
pub(super) fn list<'a, T>(reader: &mut Reader<'a>, least: usize, most: usize, mut item: impl FnMut(&mut Reader<'a>) -> Result<T, CborError>) -> Result<Vec<T>, CborError> {
    let count = reader.array()?;
    if count < least as u64 || count > most as u64 {
        return Err(BAD);
    }
    (0..count).map(|_| item(reader)).collect()
}

pub(super) fn amount(reader: &mut Reader<'_>) -> Result<Amount, CborError> {
    reader.uint().map(Amount::from_obols)
}

/// An amount that is not nothing.
pub(super) fn some_amount(reader: &mut Reader<'_>) -> Result<Amount, CborError> {
    amount(reader).and_then(|amount| if amount == Amount::ZERO { Err(BAD) } else { Ok(amount) })
}

pub(super) fn address(reader: &mut Reader<'_>) -> Result<Address, CborError> {
    reader.fixed().map(Address)
}

pub(super) fn key(reader: &mut Reader<'_>) -> Result<PublicKey, CborError> {
    reader.fixed::<PUBLIC_KEY_LEN>().map(PublicKey::from_raw)
}

pub(super) fn signature(reader: &mut Reader<'_>) -> Result<Box<[u8; SIGNATURE_LEN]>, CborError> {
    reader.fixed().map(Box::new)
}

pub(super) fn write_uint(out: &mut Vec<u8>, value: u64) {
    write_head(out, Major::Uint, value);
}

pub(super) fn write_array(out: &mut Vec<u8>, elements: usize) {
    write_head(out, Major::Array, elements as u64);
}

pub(super) fn write_amount(out: &mut Vec<u8>, amount: Amount) {
    write_uint(out, amount.obols());
}

pub(super) fn write_key(out: &mut Vec<u8>, key: &PublicKey) {
    write_bytes(out, key.raw());
}

/// Are these in strictly ascending order?
pub(super) fn ascend<T: Ord>(items: impl IntoIterator<Item = T>) -> bool {
    let mut last = None;
    items.into_iter().all(|item| {
        let is_above = last.as_ref().is_none_or(|last| *last < item);
        last = Some(item);
        is_above
    })
}
