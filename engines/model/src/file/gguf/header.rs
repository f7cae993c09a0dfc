//! The GGUF header: magic, version, key-value pairs, tensor places. Nothing here allocates more than the header's own size.
//!
//! Layout (the GGUF specification of ggml), all little-endian:
//! "GGUF" · u32 version · u64 tensor count · u64 pair count · pairs · tensor infos · padding to the alignment · tensor data.
//! A pair is text key · u32 type · value; a text is u64 length · bytes; an array is u32 element type · u64 count · elements.
//! A tensor info is text name · u32 dimension count · u64 dimensions (fastest first) · u32 ggml type · u64 offset in the data.

use super::cursor::Cursor;
use crate::error::{Malformed, Part, Result, Unsupported};
use crate::limits;
use std::collections::BTreeMap;

/// A parsed header; texts and arrays are views on the file.
pub(crate) struct Header<'a> {
    pub metadata: BTreeMap<&'a str, Value<'a>>,
    pub tensors: Vec<TensorInfo<'a>>,
    /// Where the tensor data begins.
    pub data_start: u64,
    /// Every tensor's offset is a multiple of this.
    pub alignment: u64,
}

/// A metadata value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
    Array(Array<'a>),
}

/// A metadata array whose elements were checked to lie in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Array<'a> {
    element: u32,
    count: u64,
    bytes: &'a [u8],
}

/// Where a tensor lies.
pub(crate) struct TensorInfo<'a> {
    pub name: &'a str,
    /// Row-major: slowest dimension first.
    pub shape: Vec<u64>,
    pub ggml_type: u32,
    /// From the beginning of the data.
    pub offset: u64,
}

const MAGIC: [u8; 4] = *b"GGUF";
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

impl<'a> Header<'a> {
    /// Reads the header of a file.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array().map_err(|_| Malformed::Magic)? != MAGIC {
            return Err(Malformed::Magic.into());
        }
        let version = cursor.u32()?;
        if !matches!(version, 2 | 3) {
            return Err(Unsupported::GgufVersion(version).into());
        }
        // The shortest tensor info is 24 bytes, the shortest pair 13.
        let tensor_count = cursor.count(Part::Tensors, limits::TENSOR_COUNT_MAX, 24)?;
        let pair_count = cursor.count(Part::Metadata, limits::GGUF_METADATA_COUNT_MAX, 13)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..pair_count {
            let key = cursor.text(Part::MetadataKey, limits::GGUF_KEY_BYTES_MAX)?;
            let kind = cursor.u32()?;
            if metadata.insert(key, read_value(&mut cursor, kind, key)?).is_some() {
                return Err(Malformed::Duplicate { what: Part::Metadata, name: key.into() }.into());
            }
        }
        let tensors = (0..tensor_count).map(|_| read_tensor_info(&mut cursor)).collect::<Result<Vec<_>>>()?;
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Unsigned(n)) if n.is_power_of_two() && (8..=1 << 20).contains(n) => *n,
            Some(_) => return Err(Malformed::KeyInvalid { key: "general.alignment".into() }.into()),
        };
        let data_start = (cursor.position() as u64).next_multiple_of(alignment);
        Ok(Self { metadata, tensors, data_start, alignment })
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.typed(key, |value| if let Value::Text(text) = value { Some(text) } else { None })
    }

    pub fn bool(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, |value| if let Value::Bool(bool) = value { Some(bool) } else { None })
    }

    pub fn array(&self, key: &str) -> Result<Option<Array<'a>>> {
        self.typed(key, |value| if let Value::Array(array) = value { Some(array) } else { None })
    }

    pub fn float(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, |value| if let Value::Float(float) = value { Some(float) } else { None })
    }

    /// An unsigned number, whatever integer type it is stored in.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>> {
        self.typed(key, |value| match value {
            Value::Unsigned(n) => Some(n),
            Value::Signed(n) => u64::try_from(n).ok(),
            _ => None,
        })
    }

    fn typed<T>(&self, key: &str, pick: impl Fn(Value<'a>) -> Option<T>) -> Result<Option<T>> {
        let invalid = || Malformed::KeyInvalid { key: key.into() }.into();
        self.metadata.get(key).map(|&value| pick(value).ok_or_else(invalid)).transpose()
    }
}

impl<'a> Array<'a> {
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The elements, if they are texts.
    pub fn texts(&self, key: &str) -> Result<Vec<&'a str>> {
        if self.element != TEXT {
            return Err(Malformed::KeyInvalid { key: key.into() }.into());
        }
        let mut cursor = Cursor::new(self.bytes);
        (0..self.count).map(|_| cursor.text(Part::MetadataString, limits::TEMPLATE_BYTES_MAX)).collect()
    }

    /// The elements, if they are integers of 32 bits.
    pub fn u32s(&self, key: &str) -> Result<Vec<u32>> {
        if !matches!(self.element, 4 | 5) {
            return Err(Malformed::KeyInvalid { key: key.into() }.into());
        }
        let mut cursor = Cursor::new(self.bytes);
        (0..self.count).map(|_| cursor.u32()).collect()
    }
}

/// Bytes of a value of a fixed-size type; `None` for texts, arrays and what no version defines.
const fn fixed_bytes(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn read_value<'a>(cursor: &mut Cursor<'a>, kind: u32, key: &str) -> Result<Value<'a>> {
    Ok(match kind {
        0 => Value::Unsigned(u64::from(cursor.u8()?)),
        1 => Value::Signed(i64::from(i8::from_le_bytes(cursor.array()?))),
        2 => Value::Unsigned(u64::from(u16::from_le_bytes(cursor.array()?))),
        3 => Value::Signed(i64::from(i16::from_le_bytes(cursor.array()?))),
        4 => Value::Unsigned(u64::from(cursor.u32()?)),
        5 => Value::Signed(i64::from(i32::from_le_bytes(cursor.array()?))),
        6 => Value::Float(f64::from(f32::from_le_bytes(cursor.array()?))),
        7 => match cursor.u8()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return Err(Malformed::KeyInvalid { key: key.into() }.into()),
        },
        TEXT => Value::Text(cursor.text(Part::MetadataString, limits::TEMPLATE_BYTES_MAX)?),
        ARRAY => Value::Array(read_array(cursor)?),
        10 => Value::Unsigned(cursor.u64()?),
        11 => Value::Signed(i64::from_le_bytes(cursor.array()?)),
        12 => Value::Float(f64::from_le_bytes(cursor.array()?)),
        other => return Err(Unsupported::GgufValueType(other).into()),
    })
}

/// Steps over an array, checking that it lies in the file.
fn read_array<'a>(cursor: &mut Cursor<'a>) -> Result<Array<'a>> {
    let element = cursor.u32()?;
    if let Some(size) = fixed_bytes(element) {
        let count = cursor.count(Part::MetadataArray, limits::GGUF_ARRAY_COUNT_MAX, size)?;
        return Ok(Array { element, count, bytes: cursor.take(count * size)? });
    }
    if element != TEXT {
        return Err(Unsupported::GgufValueType(element).into());
    }
    let count = cursor.count(Part::MetadataArray, limits::GGUF_ARRAY_COUNT_MAX, 8)?;
    let mut ahead = cursor.clone();
    for _ in 0..count {
        ahead.text(Part::MetadataString, limits::TEMPLATE_BYTES_MAX)?;
    }
    let bytes = cursor.take((ahead.position() - cursor.position()) as u64)?;
    Ok(Array { element, count, bytes })
}

fn read_tensor_info<'a>(cursor: &mut Cursor<'a>) -> Result<TensorInfo<'a>> {
    let name = cursor.text(Part::TensorName, limits::TENSOR_NAME_BYTES_MAX)?;
    let dimensions = u64::from(cursor.u32()?);
    if dimensions == 0 || dimensions > limits::TENSOR_DIMENSIONS_MAX {
        return Err(Malformed::TooMany { what: Part::TensorDimensions, count: dimensions, max: limits::TENSOR_DIMENSIONS_MAX }.into());
    }
    let mut shape = (0..dimensions).map(|_| cursor.u64()).collect::<Result<Vec<_>>>()?;
    shape.reverse();
    let elements = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d)).unwrap_or(u64::MAX);
    if elements > limits::TENSOR_ELEMENTS_MAX {
        return Err(Malformed::TooMany { what: Part::TensorElements, count: elements, max: limits::TENSOR_ELEMENTS_MAX }.into());
    }
    Ok(TensorInfo { name, shape, ggml_type: cursor.u32()?, offset: cursor.u64()? })
}
