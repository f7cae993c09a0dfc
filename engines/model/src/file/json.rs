//! Typed access to the JSON files of a model folder, with the file and key in every error.

use crate::error::{Malformed, Part, Result};
use serde_json::{Map, Value};

/// Parses a JSON file of at most `max` bytes; serde_json itself stops at a depth of 128.
pub(crate) fn parse(file: &str, bytes: &[u8], max: u64) -> Result<Value> {
    if bytes.len() as u64 > max {
        return Err(Malformed::TooMany { what: Part::JsonBytes, count: bytes.len() as u64, max }.into());
    }
    serde_json::from_slice(bytes).map_err(|e| Malformed::Json { file: file.into(), line: e.line(), column: e.column() }.into())
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

    /// The elements of an array.
    pub fn items(&self) -> Result<Vec<Json<'a>>> {
        let items = self.value.as_array().ok_or_else(|| self.invalid())?;
        Ok(items.iter().map(|value| Json { path: String::new(), value }).collect())
    }

    fn typed<T>(&self, key: &str, pick: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        self.optional(key).map(|field| pick(field.value).ok_or_else(|| field.invalid())).transpose()
    }

    fn invalid(&self) -> crate::error::Error {
        Malformed::KeyInvalid { key: self.path.as_str().into() }.into()
    }
}
