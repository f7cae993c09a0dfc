//! Schemas that only objects fit. The arguments of a call must be one: a call with anything else could be made and never be told again.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Keywords that may say what a schema is of.
const SAYING: [&str; 7] = ["type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"];
/// Levels that are looked through, what references lead to counted in.
const LEVELS_MAX: usize = 64;

/// The schema, of objects where it does not say what it is of.
pub fn of_objects(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema
        && !SAYING.iter().any(|word| members.contains_key(*word))
    {
        members.insert("type".to_owned(), "object".into());
    }
    schema
}

/// Does nothing but objects fit it, as far as these keywords say? One that is deeper than what is looked through does not say so.
pub fn is_of_objects(schema: &Value) -> bool {
    Look { root: schema, led: BTreeMap::new() }.is_of_objects(schema, LEVELS_MAX)
}

/// A look through a schema.
struct Look<'a> {
    root: &'a Value,
    /// What references lead to: is it of objects? Each is followed once.
    led: BTreeMap<&'a str, bool>,
}

impl<'a> Look<'a> {
    fn is_of_objects(&mut self, schema: &'a Value, levels_max: usize) -> bool {
        let Some(levels_max) = levels_max.checked_sub(1) else { return false };
        match schema {
            // All keywords must hold, so one is enough.
            Value::Object(members) => members.iter().any(|(word, value)| self.says_objects(word, value, levels_max)),
            // Nothing fits it.
            other => *other == false,
        }
    }

    fn says_objects(&mut self, word: &str, value: &'a Value, levels_max: usize) -> bool {
        match word {
            "type" => *value == "object" || *value == json!(["object"]),
            "const" => value.is_object(),
            "enum" => value.as_array().is_some_and(|values| values.iter().all(Value::is_object)),
            "anyOf" | "oneOf" => value.as_array().is_some_and(|schemas| schemas.iter().all(|schema| self.is_of_objects(schema, levels_max))),
            "allOf" => value.as_array().is_some_and(|schemas| schemas.iter().any(|schema| self.is_of_objects(schema, levels_max))),
            "$ref" => value.as_str().is_some_and(|name| self.leads_to_objects(name, levels_max)),
            _ => false,
        }
    }

    fn leads_to_objects(&mut self, name: &'a str, levels_max: usize) -> bool {
        if let Some(is_of_objects) = self.led.get(name) {
            return *is_of_objects;
        }
        // What leads back to itself shows nothing by that.
        self.led.insert(name, false);
        let is_of_objects = found(self.root, name).is_some_and(|schema| self.is_of_objects(schema, levels_max));
        self.led.insert(name, is_of_objects);
        is_of_objects
    }
}

/// Where a reference leads, its words taken as they are, as the grammar takes them.
fn found<'a>(root: &'a Value, name: &str) -> Option<&'a Value> {
    if name == "#" || name == "#/" {
        return Some(root);
    }
    let words = name.strip_prefix("#/")?;
    words.split('/').try_fold(root, |value, word| if value.is_array() { value.get(word.parse::<usize>().ok()?) } else { value.get(word) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_of_objects() {
        for (given, said) in [
            (json!({}), json!({ "type": "object" })),
            (json!({ "properties": { "a": {} } }), json!({ "properties": { "a": {} }, "type": "object" })),
            (json!({ "type": "string" }), json!({ "type": "string" })),
            (json!({ "enum": [{}] }), json!({ "enum": [{}] })),
            (json!({ "$ref": "#/$defs/a" }), json!({ "$ref": "#/$defs/a" })),
        ] {
            assert_eq!(of_objects(given), said);
        }
    }

    #[test]
    fn only_what_says_so_is_of_objects() {
        let with = |root: Value| {
            let mut schema = json!({ "$defs": { "a": { "type": "object" }, "b": { "$ref": "#/$defs/b" }, "c": { "anyOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/c" }] }, "d": [{ "const": {} }] } });
            schema.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
            schema
        };
        let cases = [
            (json!({ "type": "object" }), true),
            (json!({ "type": ["object"] }), true),
            (json!({ "type": ["object", "null"] }), false),
            (json!({ "type": "string" }), false),
            (json!({}), false),
            (json!({ "enum": [{}] }), true),
            (json!({ "enum": [{}, 1] }), false),
            (json!({ "const": {} }), true),
            (json!({ "const": "x" }), false),
            (json!({ "$ref": "#/$defs/a" }), true),
            (json!({ "$ref": "#/$defs/d/0" }), true),
            // References that only lead back, and those that lead nowhere.
            (json!({ "$ref": "#/$defs/b" }), false),
            (json!({ "$ref": "#/$defs/c" }), false),
            (json!({ "$ref": "#" }), false),
            (json!({ "$ref": "#/$defs/x" }), false),
            (json!({ "anyOf": [{ "type": "object" }, { "$ref": "#/$defs/a" }, false] }), true),
            (json!({ "oneOf": [{ "type": "object" }, { "properties": {} }] }), false),
            (json!({ "anyOf": [{ "type": "object" }, true] }), false),
            (json!({ "allOf": [{}, { "type": "object" }] }), true),
            (json!({ "allOf": [{}, { "minProperties": 1 }] }), false),
            // One keyword is enough.
            (json!({ "type": "object", "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }), true),
        ];
        for (root, expected) in cases {
            assert_eq!(is_of_objects(&with(root.clone())), expected, "{root}");
        }
        let deep = (0..LEVELS_MAX).fold(json!({ "type": "object" }), |inner, _| json!({ "allOf": [inner] }));
        assert!(!is_of_objects(&deep));
        assert!(is_of_objects(&deep["allOf"][0]));
    }
}
