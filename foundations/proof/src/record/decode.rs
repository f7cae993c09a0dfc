//! From bytes to a record, refusing everything that is not its one encoding (spec/verdict.md step 3).

use super::{ActorClass, Fact, Kind, Mode, OutcomeCode, Record, encode};
use crate::cbor::{CborError, KeyOrder, Major, Reader};
use crate::digest::{Commitment, Id, KeyId, LogId, RecordDigest};
use crate::limits;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// Why bytes are not a record that this version can judge, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Not in the profile, not by the CDDL, or over a limit.
    Malformed,
    /// Well formed, of a kind whose meaning this version does not know.
    UnsupportedKind(Kind),
    /// Well formed, with a critical extension that this version does not know.
    UnsupportedExtension,
}

impl RecordError {
    /// The stable reason code (spec/verdict.md).
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed-record",
            Self::UnsupportedKind(_) => "unsupported-kind",
            Self::UnsupportedExtension => "unsupported-extension",
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the bytes are not a record"),
            Self::UnsupportedKind(kind) => write!(f, "records of kind {} need a newer verifier", kind.name()),
            Self::UnsupportedExtension => f.write_str("a critical extension needs a newer verifier"),
        }
    }
}

impl core::error::Error for RecordError {}

impl From<CborError> for RecordError {
    fn from(_: CborError) -> Self {
        Self::Malformed
    }
}

/// The record that these bytes are.
///
/// # Errors
/// [`RecordError`], in the order of its variants.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    if bytes.len() > limits::RECORD_BYTES_MAX {
        return Err(RecordError::Malformed);
    }
    let record = fields(bytes)?;
    // The walk reads one encoding of a record and no other; writing it again is the proof of that, at each record.
    if !shape_holds(&record) || encode(&record) != bytes {
        return Err(RecordError::Malformed);
    }
    if record.kind.is_reserved() {
        return Err(RecordError::UnsupportedKind(record.kind));
    }
    if !record.critical.is_empty() {
        return Err(RecordError::UnsupportedExtension);
    }
    Ok(record)
}

/// What the fields say of each other.
fn shape_holds(record: &Record<'_>) -> bool {
    record.prev.is_none() == (record.index == 0)
        && record.closes.is_some() == (record.kind == Kind::Outcome)
        && (record.mode == Mode::Each || record.kind.may_be_sealed())
        && record.causes.iter().all(|(index, _)| *index < record.index)
}

/// The kind that these bytes claim, without judging the rest: for whoever looks for a few records among many. `None` where a record's first fields are not there.
pub fn kind_of(bytes: &[u8]) -> Option<Kind> {
    let mut fields = Fields::open(bytes).ok()?;
    for key in [1, 2, 3] {
        fields.required(key).and_then(|reader| reader.value(0)).ok()?;
    }
    fields.optional(4).ok()?.map(|reader| reader.value(0)).transpose().ok()?;
    fields.required(5).and_then(|reader| reader.value(0)).ok()?;
    fields.required(6).and_then(|reader| reader.value(1)).ok()?;
    fields.required(7).and_then(|reader| coded(reader, Kind::from_code)).ok()
}

/// Walks the map's fields; each absent optional field leaves the reader where it is.
fn fields(bytes: &[u8]) -> Result<Record<'_>, CborError> {
    let mut fields = Fields::open(bytes)?;
    let reader = fields.required(1)?;
    (reader.uint()? == 1).then_some(()).ok_or(CborError::NotCanonical)?;
    let log_id = LogId(fields.required(2)?.fixed()?);
    let index = fields.required(3)?.uint()?;
    let prev = fields.optional(4)?.map(Reader::fixed).transpose()?.map(RecordDigest);
    let wall_ms = fields.required(5)?.uint()?;
    let (boot_id, monotonic_ns) = id_and_number(fields.required(6)?)?;
    let kind = coded(fields.required(7)?, Kind::from_code)?;
    let actor = actor(fields.required(8)?)?;
    let authority = id_and_number(fields.required(9)?)?;
    let action = Cow::Borrowed(fields.required(10)?.text_within(limits::LABEL_BYTES_MAX)?);
    let causes = fields.optional(11)?.map(causes).transpose()?.unwrap_or_default();
    let facts = fields.optional(12)?.map(|reader| entries(reader, fact)).transpose()?.unwrap_or_default();
    let commitments = fields.optional(13)?.map(|reader| entries(reader, |reader| Ok(Commitment(reader.fixed()?)))).transpose()?.unwrap_or_default();
    let intent = fields.optional(14)?.map(Reader::fixed).transpose()?.map(RecordDigest);
    let outcome = fields.optional(15)?.map(|reader| coded(reader, OutcomeCode::from_code)).transpose()?;
    let closes = match (intent, outcome) {
        (Some(intent), Some(outcome)) => Some((intent, outcome)),
        (None, None) => None,
        _ => return Err(CborError::NotCanonical),
    };
    let mode = coded(fields.required(16)?, Mode::from_code)?;
    let key_id = KeyId(fields.required(17)?.fixed()?);
    let critical = fields.optional(18)?.map(labels).transpose()?.unwrap_or_default();
    let extensions = fields.optional(19)?.map(|reader| entries(reader, extension)).transpose()?.unwrap_or_default();
    fields.close()?;
    if critical.iter().any(|label| !extensions.iter().any(|(known, _)| known == label)) {
        return Err(CborError::NotCanonical);
    }
    Ok(Record { log_id, index, prev, wall_ms, boot_id, monotonic_ns, kind, actor, authority, action, causes, facts, commitments, closes, mode, key_id, critical, extensions })
}

/// The fields of the record's map: small unsigned keys, ascending.
struct Fields<'a> {
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Fields<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let left = reader.map()?;
        Ok(Self { reader, left })
    }

    /// The reader at the value of field `key`, if that is the next one.
    fn optional(&mut self, key: u64) -> Result<Option<&mut Reader<'a>>, CborError> {
        if self.left == 0 || Reader::new(self.reader.rest()).uint()? != key {
            return Ok(None);
        }
        self.reader.uint()?;
        self.left -= 1;
        Ok(Some(&mut self.reader))
    }

    fn required(&mut self, key: u64) -> Result<&mut Reader<'a>, CborError> {
        self.optional(key)?.ok_or(CborError::NotCanonical)
    }

    fn close(self) -> Result<(), CborError> {
        if self.left == 0 && self.reader.is_done() { Ok(()) } else { Err(CborError::NotCanonical) }
    }
}

fn coded<T>(reader: &mut Reader<'_>, from_code: impl Fn(u64) -> Option<T>) -> Result<T, CborError> {
    from_code(reader.uint()?).ok_or(CborError::NotCanonical)
}

fn pair(reader: &mut Reader<'_>) -> Result<(), CborError> {
    if reader.array()? == 2 { Ok(()) } else { Err(CborError::NotCanonical) }
}

fn id_and_number(reader: &mut Reader<'_>) -> Result<(Id, u64), CborError> {
    pair(reader)?;
    Ok((Id(reader.fixed()?), reader.uint()?))
}

fn actor(reader: &mut Reader<'_>) -> Result<(ActorClass, Id), CborError> {
    pair(reader)?;
    Ok((coded(reader, ActorClass::from_code)?, Id(reader.fixed()?)))
}

/// A count that is at least 1 and at most `most`.
fn count(count: u64, most: usize) -> Result<usize, CborError> {
    usize::try_from(count).ok().filter(|count| (1..=most).contains(count)).ok_or(CborError::NotCanonical)
}

fn causes(reader: &mut Reader<'_>) -> Result<Vec<(u64, RecordDigest)>, CborError> {
    let count = count(reader.array()?, limits::CAUSES_MAX)?;
    let mut causes: Vec<(u64, RecordDigest)> = Vec::with_capacity(count);
    for _ in 0..count {
        pair(reader)?;
        let cause = (reader.uint()?, RecordDigest(reader.fixed()?));
        if causes.last().is_some_and(|last| last.0 >= cause.0) {
            return Err(CborError::NotCanonical);
        }
        causes.push(cause);
    }
    Ok(causes)
}

fn labels<'a>(reader: &mut Reader<'a>) -> Result<Vec<Cow<'a, str>>, CborError> {
    let count = count(reader.array()?, limits::CRITICAL_MAX)?;
    let mut order = KeyOrder::default();
    (0..count)
        .map(|_| {
            let label = reader.text_within(limits::LABEL_BYTES_MAX)?;
            order.next(label)?;
            Ok(Cow::Borrowed(label))
        })
        .collect()
}

fn entries<'a, T>(reader: &mut Reader<'a>, read: impl Fn(&mut Reader<'a>) -> Result<T, CborError>) -> Result<Vec<(Cow<'a, str>, T)>, CborError> {
    let count = count(reader.map()?, limits::MAP_ENTRIES_MAX)?;
    let mut order = KeyOrder::default();
    (0..count)
        .map(|_| {
            let label = reader.text_within(limits::LABEL_BYTES_MAX)?;
            order.next(label)?;
            Ok((Cow::Borrowed(label), read(reader)?))
        })
        .collect()
}

/// The record's map and the extensions' map are two of the levels that nesting may have.
fn extension<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, CborError> {
    reader.value(limits::DEPTH_MAX - 2).map(Cow::Borrowed)
}

fn fact<'a>(reader: &mut Reader<'a>) -> Result<Fact<'a>, CborError> {
    if reader.peek()? != Major::Array {
        return scalar(reader);
    }
    let count = reader.array()?;
    (0..count).map(|_| scalar(reader)).collect::<Result<_, _>>().map(Fact::List)
}

fn scalar<'a>(reader: &mut Reader<'a>) -> Result<Fact<'a>, CborError> {
    match reader.peek()? {
        Major::Uint => reader.uint().map(Fact::Uint),
        Major::Bytes => reader.bytes().map(|bytes| Fact::Bytes(Cow::Borrowed(bytes))),
        Major::Text => reader.text().map(|text| Fact::Text(Cow::Borrowed(text))),
        Major::Array | Major::Map => Err(CborError::NotCanonical),
    }
}

#[cfg(test)]
mod tests;
