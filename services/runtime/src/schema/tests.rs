//! What is taken and compiled, what is refused and where, and that nothing small costs much.

use super::*;
use crate::grammar::{Grammar, Grammars};
use crate::models::EMBEDDED;
use mickai_model::file::open_gguf;
use serde_json::{Map, json};
use std::sync::Arc;

fn check(schema: &Value) -> std::result::Result<(), SchemaError> {
    match check_schemas(&[("the answer".to_owned(), schema)]) {
        Err(Error::Grammar(GrammarError::Schema(error))) => Err(error),
        other => other.map_err(|error| panic!("{error}")),
    }
}

/// Taken, and compiled too.
fn compile(schemas: &[Value]) {
    let tokenizer = open_gguf(Arc::new(EMBEDDED)).unwrap().tokenizer;
    let grammars = Grammars::new(&tokenizer).unwrap();
    for schema in schemas {
        check(schema).unwrap_or_else(|error| panic!("{error}\n{}", short(schema)));
        let held = grammars.hold(&Grammar::new(format!("start: %json {schema}")), &tokenizer);
        assert!(held.is_ok(), "{:?}\n{}", held.err(), short(schema));
    }
}

/// Definitions of which each is made of the one before it, and a reference to the last.
fn chain(count: usize, link: impl Fn(Value) -> Value) -> Value {
    let reference = |at: usize| json!({ "$ref": format!("#/$defs/a{at}") });
    let mut definitions: Map<String, Value> = (1..count).map(|at| (format!("a{at}"), link(reference(at - 1)))).collect();
    definitions.insert("a0".to_owned(), json!({ "type": "string" }));
    json!({ "$ref": reference(count - 1)["$ref"], "$defs": definitions })
}

/// The name of a draft of JSON schema.
fn draft(number: &str) -> String {
    format!("{}://json-schema.org/draft-{number}/schema#", "http")
}

fn short(schema: &Value) -> String {
    schema.to_string().chars().take(200).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("a{at}")).collect()
}

#[test]
fn what_libraries_of_schemas_write_is_taken() {
    let tree =
        json!({ "type": "object", "properties": { "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } } }, "required": ["name"] });
    compile(&[
        // pydantic: titles, defaults, optional fields, references with remarks, a model that holds itself, unions told apart by a field.
        json!({
            "$defs": { "Node": tree, "Color": { "enum": ["red", "green"], "title": "Color", "type": "string" } },
            "properties": {
                "color": { "$ref": "#/$defs/Color", "default": "red", "description": "which" },
                "old": { "allOf": [{ "$ref": "#/$defs/Color" }], "default": "red" },
                "count": { "anyOf": [{ "type": "integer", "exclusiveMinimum": 0 }, { "type": "null" }], "default": null, "title": "Count" },
                "pair": { "maxItems": 2, "minItems": 2, "prefixItems": [{ "type": "string" }, { "type": "number", "multipleOf": 0.25 }], "type": "array" },
                "when": { "format": "date-time", "type": "string", "deprecated": true, "examples": ["2026-11-29T00:00:00Z"], "x-order": 3 },
                "roots": { "items": { "$ref": "#/$defs/Node" }, "type": "array", "readOnly": true },
            },
            "required": ["pair"],
            "title": "Model",
            "type": "object",
        }),
        json!({
            "$defs": {
                "Cat": { "properties": { "kind": { "const": "cat", "type": "string" }, "lives": { "type": "integer" } }, "required": ["kind", "lives"], "type": "object" },
                "Dog": { "properties": { "kind": { "const": "dog", "type": "string" } }, "required": ["kind"], "type": "object" },
            },
            "discriminator": { "mapping": { "cat": "#/$defs/Cat", "dog": "#/$defs/Dog" }, "propertyName": "kind" },
            "oneOf": [{ "$ref": "#/$defs/Cat" }, { "$ref": "#/$defs/Dog" }],
        }),
        // zod: a draft, closed objects, an intersection, a reference to the root, a list of fixed length of the older drafts.
        json!({
            "$schema": draft("07"),
            "type": "object",
            "properties": {
                "both": { "allOf": [{ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }, { "type": "object", "properties": { "b": { "type": "number" } }, "required": ["b"] }] },
                "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] },
                "pair": { "type": "array", "minItems": 2, "maxItems": 2, "items": [{ "type": "string" }, { "type": "boolean" }], "additionalItems": false },
                "name": { "type": ["string", "null"], "minLength": 1, "pattern": "^[a-z]+$" },
            },
            "additionalProperties": false,
        }),
        // By hand.
        json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } }, "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
        json!({ "type": "object", "patternProperties": { "^s-": { "type": "string" }, "^n-": { "type": "number" } }, "additionalProperties": false }),
        json!({}),
    ]);
}

#[test]
fn what_would_be_passed_over_is_refused_with_its_place() {
    let cases = [
        (json!({ "type": "string", "minlength": 5 }), "", "minlength is no keyword: write minLength"),
        (json!({ "type": "string", "nullable": true }), "", "nullable"),
        (json!({ "properties": { "a/b": { "items": { "uniqueItems": true } } } }), "/properties/a~1b/items", "uniqueItems"),
        (json!({ "anyOf": [{}, { "not": {} }] }), "/anyOf/1", "held to not"),
        (json!({ "items": { "$ref": "#/$defs/x" }, "$defs": { "x": { "additionalProperties": { "if": {} } } } }), "/$defs/x/additionalProperties", "held to if"),
        (json!({ "$schema": draft("07"), "unevaluatedProperties": false }), "", "unevaluatedProperties"),
        (json!({ "$schema": draft("07"), "dependentRequired": {} }), "", "dependentRequired"),
        (json!({ "$schema": draft("04"), "contains": {}, "minContains": 200 }), "", "contains"),
        (json!({ "x-guidance": { "lenient": true } }), "", "x-guidance"),
        (json!({ "prefixItems": [{ "type": "string" }], "items": [{ "type": "string" }] }), "", "prefixItems has no effect"),
        (json!({ "prefixItems": [{ "type": "string" }], "additionalItems": false }), "", "additionalItems has no effect"),
        (json!({ "type": "number", "multipleOf": 4_294_967_295_u32 }), "", "300000000"),
        (json!({ "allOf": [{ "multipleOf": 65_537 }, { "multipleOf": 65_539 }] }), "/allOf", "only one"),
        (json!({ "type": "tea" }), "", "tea"),
        (json!({ "type": ["object", "object"] }), "", "object"),
        (json!({ "properties": { "a": 5 } }), "/properties/a", "must be an object"),
        (json!({ "$ref": "#/$defs/none" }), "/$ref", "#/$defs/none"),
        (json!({ "$ref": "example.org/schema" }), "/$ref", "example.org/schema"),
    ];
    for (schema, at, words) in cases {
        let error = check(&schema).expect_err(&schema.to_string());
        assert!(*error.at == *at && error.to_string().contains(words), "{schema}: {error}");
    }
    // What no reference leads to holds nobody to anything, and what stands for a value is no schema.
    check(&json!({ "$defs": { "unused": { "not": {} } }, "enum": [{ "not": 1 }], "default": { "if": 1 } })).unwrap();
}

#[test]
fn what_is_too_deep_is_refused_and_what_is_not_has_room() {
    let nested = |count: usize| (1..count).fold(json!({ "type": "string" }), |inner, _| json!({ "type": "array", "items": inner }));
    compile(&[chain(SCHEMA_DEPTH_MAX - 1, |before| before), chain(SCHEMA_DEPTH_MAX / 2 - 1, |before| json!({ "type": "array", "items": before })), nested(120)]);
    for deep in [chain(20_000, |before| before), chain(SCHEMA_DEPTH_MAX, |before| json!({ "items": before })), chain(SCHEMA_DEPTH_MAX, |before| json!({ "allOf": [before, {}] }))] {
        assert_eq!(check(&deep).unwrap_err().fault, SchemaFault::Deep, "{}", short(&deep));
    }
    let wide = |count: usize| json!({ "properties": names(count).into_iter().map(|name| (name, json!(true))).collect::<Map<_, _>>() });
    compile(&[wide(SCHEMA_NAMES_MAX)]);
    assert_eq!(check(&wide(20_000)).unwrap_err().fault, SchemaFault::Names(20_000));
    assert_eq!(check(&json!({ "type": "object", "required": names(20_000) })).unwrap_err().fault, SchemaFault::Names(20_000));
    let patterns: Vec<_> = names(20_000).into_iter().map(|name| json!({ "type": "string", "pattern": name })).collect();
    assert_eq!(check(&json!({ "allOf": patterns })).unwrap_err().fault, SchemaFault::Steps);
}

#[test]
fn what_is_copied_is_counted() {
    // Each of these would be 2⁴⁰ parts, or a part of thousands thousands of times.
    let big: Vec<_> = (0..4_000).map(|_| json!({ "type": "null" })).collect();
    let arrays: Vec<_> = (0..4_000).map(|_| json!({ "type": "array" })).collect();
    let cases = [
        chain(40, |before| {
            let both = json!({ "type": "array", "$ref": before["$ref"] });
            json!({ "type": "array", "prefixItems": [both, both] })
        }),
        json!({ "anyOf": arrays, "type": "array", "items": { "prefixItems": big } }),
        json!({ "allOf": [{ "properties": names(400).into_iter().map(|name| (name, json!({}))).collect::<Map<_, _>>() }, { "additionalProperties": { "anyOf": big } }] }),
        json!({ "type": "object", "required": names(4_000), "additionalProperties": { "type": "array", "prefixItems": big } }),
        json!({ "type": "object", "properties": names(4_000).into_iter().map(|name| (name, json!({}))).collect::<Map<_, _>>(), "minProperties": 1, "additionalProperties": false }),
        json!({ "oneOf": big }),
    ];
    for schema in &cases {
        assert_eq!(check(schema).unwrap_err().fault, SchemaFault::Copies, "{}", short(schema));
    }
    // A reference by itself is no copy, however often it is met.
    compile(&[chain(40, |before| json!({ "type": "array", "prefixItems": [before, before] }))]);
    // What one request brings is counted together.
    let schema = json!({ "properties": names(4_000).into_iter().map(|name| (name, json!({ "type": "string" }))).collect::<Map<_, _>>() });
    check(&schema).unwrap();
    let many: Vec<_> = (0..16).map(|at| (format!("the tool {at}"), &schema)).collect();
    let Err(Error::Grammar(GrammarError::Schema(error))) = check_schemas(&many) else { panic!("{} schemas were taken", many.len()) };
    assert_eq!(error.fault, SchemaFault::Steps);
    assert!(error.of.starts_with("the tool"), "{error}");
}
