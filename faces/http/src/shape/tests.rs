//! What fits, what does not and where, and what is not known.

use super::*;

const PART: Shape = Shape::Tagged { tag: "type", cases: &[("text", &[must("text", TEXT, "")]), ("none", &[])] };
const SHAPE: Shape = Shape::Fields(&[
    must("model", SOME_TEXT, "a name"),
    may("n", Shape::Whole { min: 1, max: 8 }, ""),
    may("x", Shape::Number { min: 0.0, max: 2.0, is_open: true }, ""),
    may("stop", Shape::Either(&[TEXT, Shape::List { of: &TEXT, min: 1, max: 2 }]), ""),
    may("input", Shape::Either(&[TEXT, Shape::List { of: &TEXT, min: 1, max: 9 }, Shape::List { of: &TOKEN, min: 1, max: 9 }]), ""),
    may("word", Shape::Word(&["a", "b"]), ""),
    may("parts", Shape::List { of: &PART, min: 0, max: 9 }, ""),
    may("names", Shape::Named(&COUNT), ""),
    may("tool", Shape::Name { max: 3 }, ""),
]);

/// The path that does not fit, empty for one that does; the paths that are not known.
fn check(value: Value) -> (String, Vec<String>) {
    let mut unknown = Vec::new();
    let checked = SHAPE.check(&value, "", &mut unknown);
    (checked.err().map(|wrong| wrong.path).unwrap_or_default(), unknown)
}

#[test]
fn what_fits_and_what_does_not() {
    let cases = [
        (json!({ "model": "m" }), ""),
        (json!({}), "model"),
        (json!({ "model": null }), "model"),
        (json!({ "model": "" }), "model"),
        (json!({ "model": "m", "n": null, "x": null, "word": null }), ""),
        (json!({ "model": "m", "n": 8 }), ""),
        (json!({ "model": "m", "n": 8.0 }), ""),
        (json!({ "model": "m", "n": 8.5 }), "n"),
        (json!({ "model": "m", "n": 9 }), "n"),
        (json!({ "model": "m", "n": "1" }), "n"),
        (json!({ "model": "m", "x": 0.0 }), "x"),
        (json!({ "model": "m", "x": 2 }), ""),
        (json!({ "model": "m", "stop": "s" }), ""),
        (json!({ "model": "m", "stop": ["s", 1] }), "stop[1]"),
        (json!({ "model": "m", "stop": [] }), "stop"),
        (json!({ "model": "m", "stop": ["a", "b", "c"] }), "stop"),
        (json!({ "model": "m", "stop": {} }), "stop"),
        (json!({ "model": "m", "input": ["a", "b"] }), ""),
        (json!({ "model": "m", "input": [1, 2] }), ""),
        (json!({ "model": "m", "input": [1, "b"] }), "input[1]"),
        (json!({ "model": "m", "input": [true] }), "input[0]"),
        (json!({ "model": "m", "input": [] }), "input"),
        (json!({ "model": "m", "word": "c" }), "word"),
        (json!({ "model": "m", "parts": [{ "type": "text", "text": "t" }, { "type": "none" }, { "text": "t" }] }), ""),
        (json!({ "model": "m", "parts": [{ "type": "none" }, { "type": "text" }] }), "parts[1].text"),
        (json!({ "model": "m", "parts": [{ "type": "image" }] }), "parts[0].type"),
        (json!({ "model": "m", "names": { "a": 1, "b": -1 } }), "names.b"),
        (json!({ "model": "m", "tool": "a-b" }), ""),
        (json!({ "model": "m", "tool": "" }), "tool"),
        (json!({ "model": "m", "tool": "a b" }), "tool"),
        (json!({ "model": "m", "tool": "abcd" }), "tool"),
        (json!([]), ""),
    ];
    for (value, path) in cases {
        assert_eq!(check(value.clone()).0, path, "{value}");
    }
    assert!(SHAPE.check(&json!([]), "", &mut Vec::new()).is_err());
}

#[test]
fn what_is_not_known_is_named_with_its_path() {
    let (path, unknown) = check(json!({ "model": "m", "y": 1, "parts": [{ "type": "none", "z": 2 }] }));
    assert_eq!((path.as_str(), unknown), ("", vec!["parts[0].z".to_owned(), "y".to_owned()]));
}

/// Of an object that may be one of two: by what must be there.
#[test]
fn an_object_is_the_first_that_has_what_it_must() {
    const NAMED: Shape =
        Shape::Either(&[Shape::Fields(&[must("model", SOME_TEXT, ""), may("name", TEXT, "")]), Shape::Fields(&[must("name", SOME_TEXT, ""), may("model", TEXT, "")])]);
    let cases = [
        (json!({ "model": "m" }), None),
        (json!({ "name": "m" }), None),
        (json!({ "model": "m", "name": "" }), None),
        (json!({ "model": "", "name": "m" }), None),
        (json!({ "model": null, "name": "m" }), None),
        (json!({}), Some("model")),
        (json!({ "model": "", "name": "" }), Some("model")),
        (json!({ "model": "m", "name": 1 }), Some("name")),
        (json!({ "model": 1, "name": "m" }), Some("model")),
        (json!(["m"]), Some("")),
    ];
    for (value, wrong) in cases {
        let mut unknown = Vec::new();
        assert_eq!(NAMED.check(&value, "", &mut unknown).err().map(|misshapen| misshapen.path).as_deref(), wrong, "{value}");
        assert!(unknown.is_empty());
    }
    let mut unknown = Vec::new();
    NAMED.check(&json!({ "name": "m", "x": 1 }), "", &mut unknown).unwrap();
    assert_eq!(unknown, ["x"]);
}

#[test]
fn the_place_of_an_item_is_told_however_deep_it_is() {
    const ROWS: Shape = Shape::Fields(&[must("rows", Shape::List { of: &Shape::List { of: &Shape::Named(&COUNT), min: 0, max: 9 }, min: 0, max: 9 }, "")]);
    let wrong = ROWS.check(&json!({ "rows": [[], [{}, { "a": 1, "b": true }]] }), "body", &mut Vec::new()).unwrap_err();
    assert_eq!(wrong, Misshapen { path: "body.rows[1][1].b".to_owned(), wanted: COUNT.words() });
}

#[test]
fn the_schema_says_the_same() {
    let mut named = Map::new();
    let schema = SHAPE.schema(&mut named);
    assert_eq!(schema["required"], json!(["model"]));
    assert_eq!(schema["properties"]["model"], json!({ "type": "string", "minLength": 1, "description": "a name" }));
    assert_eq!(schema["properties"]["x"]["anyOf"][0], json!({ "type": "number", "exclusiveMinimum": 0.0, "maximum": 2.0 }));
    assert_eq!(schema["properties"]["parts"]["anyOf"][0]["items"]["anyOf"][1]["required"], json!(["type"]));
    assert!(named.is_empty());
    assert_eq!(Shape::Ref("One", &TEXT).schema(&mut named), json!({ "$ref": "#/components/schemas/One" }));
    assert_eq!(named["One"], json!({ "type": "string" }));
}
