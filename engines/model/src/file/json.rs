//! Typed access to the JSON files of a model folder, with the file and key in every error.

use crate::error::{Malformed, Part, Result};
use crate::limits::{self, limit};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parses a JSON file of at most `max` bytes as a tree, whose values are counted before any is made: one takes many times the bytes that it is written in. serde_json itself stops at a depth of 128.
pub(crate) fn parse(file: &str, bytes: &[u8], max: u64) -> Result<Value> {
    limit(Part::JsonBytes, bytes.len(), max)?;
    limit(Part::JsonValues, value_count(bytes), limits::JSON_VALUES_MAX)?;
    parse_as(file, bytes)
}

/// Parses a JSON file as what `T` keeps of it.
pub(crate) fn parse_as<'a, T: Deserialize<'a>>(file: &str, bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| Malformed::Json { file: file.into(), line: e.line(), column: e.column() }.into())
}

/// Values of a JSON text: the outermost, and one behind each comma and each bracket that opens. Brackets with nothing between them count as if they held one.
fn value_count(bytes: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (1, false, false);
    for &byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// A value and where it came from.
#[derive(Clone)]
pub(crate) struct Json<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Json<'a> {
    pub fn new(file: &str, value: &'a Value) -> Self {
        Self { path: format!("{file}:"), value }
    }

    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// A field; absent and null are the same.
    pub fn optional(&self, key: &str) -> Option<Json<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Json { path: format!("{} {key}", self.path), value })
    }

    pub fn field(&self, key: &str) -> Result<Json<'a>> {
        self.optional(key).ok_or_else(|| Malformed::KeyMissing { key: format!("{} {key}", self.path).into() }.into())
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.typed(key, Value::as_str)
    }

    pub fn bool(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, Value::as_bool)
    }

    pub fn unsigned(&self, key: &str) -> Result<Option<u64>> {
        self.typed(key, Value::as_u64)
    }

    pub fn float(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, Value::as_f64)
    }

    pub fn object(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.invalid())
    }

    /// The elements of an array; how many they are is known before any is looked at.
    pub fn items(&self) -> Result<impl ExactSizeIterator<Item = Json<'a>> + use<'a>> {
        let items = self.value.as_array().ok_or_else(|| self.invalid())?;
        Ok(items.iter().map(|value| Json { path: String::new(), value }))
    }

    fn typed<T>(&self, key: &str, pick: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        self.optional(key).map(|field| pick(field.value).ok_or_else(|| field.invalid())).transpose()
    }

    fn invalid(&self) -> crate::error::Error {
        Malformed::KeyInvalid { key: self.path.as_str().into() }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_without_what_stands_in_texts() {
        for (text, count) in [("1", 1), ("[]", 2), ("[1]", 2), ("[1, 2, 3]", 4), (r#"{"a": [1, {"b": 2}], "c": "d"}"#, 6), (r#"["[,{", "\\", "\",", 7]"#, 5), (r#""\\\"{"#, 1)] {
            assert_eq!(value_count(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn too_many_values_are_refused_before_any_is_made() {
        let (max, parsed) = (limits::JSON_VALUES_MAX, |bytes: &[u8], max| parse("x.json", bytes, max));
        // One more than the outermost and those behind the bracket and each comma.
        let text = format!("[{}0]", "0,".repeat(max as usize - 1));
        assert_eq!(parsed(text.as_bytes(), u64::MAX), Err(Malformed::TooMany { what: Part::JsonValues, count: max + 1, max }.into()));
        assert_eq!(parsed(b"[1]", 2), Err(Malformed::TooMany { what: Part::JsonBytes, count: 3, max: 2 }.into()));
        assert_eq!(parsed(b"[1]", 3), Ok(serde_json::json!([1])));
    }
}
