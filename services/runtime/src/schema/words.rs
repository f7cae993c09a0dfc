//! The keywords: those that answers are held to, those that say nothing of what fits, and nothing else.

use super::SchemaFault as Fault;
use serde_json::{Map, Value};

/// What the library holds answers to.
const HELD: [&str; 27] = [
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "const",
    "enum",
    "type",
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "properties",
    "additionalProperties",
    "patternProperties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// What is joined with everything before it, one after the other.
const JOINED: [&str; 6] = ["const", "enum", "allOf", "anyOf", "oneOf", "$ref"];

/// What says nothing of what fits, and is passed over.
const PASSED_OVER: [&str; 15] = [
    "$anchor",
    "$defs",
    "definitions",
    "$schema",
    "$id",
    "id",
    "$comment",
    "title",
    "description",
    "default",
    "readOnly",
    "writeOnly",
    "examples",
    "contentMediaType",
    "contentEncoding",
];

/// The same, but where another keyword stands beside it, the library takes it for one that any type may have.
const REMARKS: [&str; 5] = ["deprecated", "example", "discriminator", "externalDocs", "xml"];
/// What the names of everybody's own remarks begin with.
const REMARK: &str = "x-";
/// Only named like one: it tells the library how to read the schema.
const STEERING: &str = "x-guidance";

/// The types, in the library's order; where none is named, a schema is of each of them.
pub(super) const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// Refuses what would have no effect.
pub(super) fn check(schema: &Map<String, Value>) -> Result<(), Fault> {
    if let Some(word) = schema.keys().find(|word| !is_known(word)) {
        let meant = HELD.into_iter().find(|held| held.eq_ignore_ascii_case(word));
        return Err(Fault::Keyword { word: word.as_str().into(), meant });
    }
    let has = |word| schema.contains_key(word);
    let has_list = schema.get("items").is_some_and(Value::is_array);
    if has("prefixItems") && has_list {
        return Err(Fault::Beside { word: "prefixItems", other: "a list of items" });
    }
    if has("additionalItems") && !has_list {
        return Err(Fault::Beside { word: "additionalItems", other: "items that are no list" });
    }
    schema.get("multipleOf").map_or(Ok(()), check_multiple)
}

/// Is it joined with what stands before it?
pub(super) fn is_joined(word: &str) -> bool {
    JOINED.contains(&word)
}

/// Is it one of those that the library never looks at?
pub(super) fn is_passed_over(word: &str) -> bool {
    PASSED_OVER.contains(&word)
}

/// Does it say nothing of what fits?
pub(super) fn is_remark(word: &str) -> bool {
    PASSED_OVER.contains(&word) || REMARKS.contains(&word) || word.starts_with(REMARK) && word != STEERING
}

fn is_known(word: &str) -> bool {
    HELD.contains(&word) || is_remark(word)
}

/// The library computes with 32 bits: digits times ten, and the places behind the point.
fn check_multiple(value: &Value) -> Result<(), Fault> {
    let mut value = value.as_f64().unwrap_or(0.0).abs();
    let mut places = 0;
    while value.fract() != 0.0 && places < 9 {
        value *= 10.0;
        places += 1;
    }
    if (1.0..=3e8).contains(&value) && places <= 8 { Ok(()) } else { Err(Fault::Multiple) }
}
