//! Safetensors: u64 header length, a JSON header with type, shape and place of every tensor, then their bytes.

use crate::error::{Malformed, Part, Result, Unsupported};
use crate::file::gguf::Cursor;
use crate::file::json::parse_as;
use crate::limits::{self, limit};
use crate::tensor::{RowOrder, Source, Tensor};
use mickai_kernels::element::ElementType;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::collections::BTreeMap;
use std::fmt;

/// Adds the tensors of one file, whose name in the folder is `file`.
pub(crate) fn read(file: &str, source: &Source, tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
    let bytes = (**source).as_ref();
    let mut cursor = Cursor::new(bytes);
    let header_bytes = cursor.count(Part::HeaderBytes, limits::SAFETENSORS_HEADER_BYTES_MAX, 1)?;
    let header: Header = parse_as(file, cursor.take(header_bytes)?)?;
    let data_start = cursor.position();
    limit(Part::Tensors, header.name_count, limits::TENSOR_COUNT_MAX)?;
    for (name, entry) in header.entries {
        let tensor = tensor(file, &name, entry, source, data_start)?;
        if tensors.insert(name.clone(), tensor).is_some() {
            return Err(Malformed::Duplicate { what: Part::Tensors, name: name.into() }.into());
        }
    }
    Ok(())
}

/// Tables that older exports store although they follow from the settings.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

fn tensor(file: &str, name: &str, entry: Entry, source: &Source, data_start: usize) -> Result<Tensor> {
    let out = || Malformed::TensorRange { name: name.into() };
    let element = match entry.dtype.as_deref() {
        Some("F32") => ElementType::F32,
        Some("F16") => ElementType::F16,
        Some("BF16") => ElementType::Bf16,
        other => return Err(Unsupported::ElementType { name: name.into(), element: other.unwrap_or("(none)").into() }.into()),
    };
    let missing = |key: &str| Malformed::KeyMissing { key: format!("{file}: {name} {key}").into() };
    let Sizes(shape) = entry.shape.ok_or_else(|| missing("shape"))?;
    let Sizes(offsets) = entry.data_offsets.ok_or_else(|| missing("data_offsets"))?;
    let (shape, offsets) = shape.zip(offsets).ok_or_else(out)?;
    let &[begin, end] = &*offsets else { return Err(out().into()) };
    if shape.is_empty() || begin > end {
        return Err(out().into());
    }
    let range = data_start.checked_add(begin).zip(data_start.checked_add(end)).ok_or_else(out)?;
    Tensor::new(name.to_owned(), shape, element, RowOrder::Canonical, source.clone(), range.0..range.1).ok_or_else(|| out().into())
}

/// What is kept of a header while it is read. A hundred megabytes of one would take gigabytes as a tree of values.
#[derive(Default)]
struct Header {
    /// By name; of two with one name the last.
    entries: BTreeMap<String, Entry>,
    /// All names; beyond as many as a model has tensors, nothing is kept.
    name_count: usize,
}

/// What a header says of one tensor, of each thing what it says last; null is nothing.
#[derive(Default)]
struct Entry {
    dtype: Option<String>,
    shape: Option<Sizes>,
    data_offsets: Option<Sizes>,
}

/// As many sizes as a tensor has dimensions, at most; `None` for more, and where one is no size.
struct Sizes(Option<Vec<usize>>);

/// The names inside an entry.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Dtype,
    Shape,
    DataOffsets,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Header {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.name_count += 1;
            if self.name_count as u64 > limits::TENSOR_COUNT_MAX || name == "__metadata__" || is_buffer(&name) {
                map.next_value::<IgnoredAny>()?;
            } else {
                self.entries.insert(name, map.next_value()?);
            }
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Entry {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("type, shape and place of a tensor")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(key) = map.next_key()? {
            match key {
                Key::Dtype => self.dtype = map.next_value()?,
                Key::Shape => self.shape = map.next_value()?,
                Key::DataOffsets => self.data_offsets = map.next_value()?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(None))
    }
}

impl<'de> Visitor<'de> for Sizes {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sizes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        let (mut sizes, mut are_sizes) = (Vec::new(), true);
        while let Some(number) = items.next_element::<Number>()? {
            match number.as_u64().and_then(|number| usize::try_from(number).ok()) {
                Some(size) if (sizes.len() as u64) < limits::TENSOR_DIMENSIONS_MAX => sizes.push(size),
                _ => are_sizes = false,
            }
        }
        Ok(Self(are_sizes.then_some(sizes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(json: &str) -> Header {
        parse_as("model.safetensors", json.as_bytes()).unwrap()
    }

    /// However long its arrays are and however many tensors it names.
    #[test]
    fn little_is_kept_of_a_header() {
        let zeros = "0,".repeat(100_000);
        let long = header(&format!(r#"{{"__metadata__": [{zeros}0], "a": {{"dtype": "F32", "shape": [{zeros}0], "data_offsets": [0, 4], "more": [{zeros}0]}}}}"#));
        assert_eq!((long.name_count, long.entries.len()), (2, 1));
        let Entry { dtype, shape: Some(Sizes(None)), data_offsets: Some(Sizes(Some(offsets))) } = &long.entries["a"] else { panic!() };
        assert_eq!((dtype.as_deref(), &offsets[..]), (Some("F32"), &[0, 4][..]));
        let (count, max) = (limits::TENSOR_COUNT_MAX as usize + 10, limits::TENSOR_COUNT_MAX as usize);
        let names: Vec<String> = (0..count).map(|index| format!(r#""{index}":{{}}"#)).collect();
        let many = header(&format!("{{{}}}", names.join(",")));
        assert_eq!((many.name_count, many.entries.len()), (count, max));
    }

    #[test]
    fn what_is_said_last_counts() {
        let twice = header(r#"{"a": {"dtype": "F16"}, "a": {"shape": [1, -2], "shape": [3], "data_offsets": null, "dtype": "BF16", "dtype": "F32"}}"#);
        let Entry { dtype, shape: Some(Sizes(Some(shape))), data_offsets: None } = &twice.entries["a"] else { panic!() };
        assert_eq!((dtype.as_deref(), &shape[..]), (Some("F32"), &[3][..]));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for json in ["[]", r#"{"a": 1}"#, r#"{"a": {"dtype": 1}}"#, r#"{"a": {"shape": {}}}"#, r#"{"a": {"shape": ["1"]}}"#, r#"{"a": {}"#] {
            let said = parse_as::<Header>("model.safetensors", json.as_bytes()).err().unwrap();
            assert!(matches!(said, crate::error::Error::Malformed(Malformed::Json { line: 1, .. })), "{json} {said}");
        }
    }
}
