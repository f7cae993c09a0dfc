//! What a JSON value may look like, written once: bodies are checked against it, and `/openapi.json` is made of it, so that neither can say what the other does not.

use serde_json::{Map, Value, json};

/// A value's form.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text of so many characters.
    Text { min: usize, max: usize },
    /// Text of a pattern, which `says` says in words.
    Pattern { pattern: &'static str, fits: fn(&str) -> bool, says: &'static str },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Whole { min: u64, max: u64 },
    /// `true` or `false`.
    Flag,
    /// An object with these fields and no others.
    Fields(&'static [Field]),
    /// An object of which more is said in words.
    Object,
    /// A list.
    List { of: &'static Shape, min: usize, max: usize },
    /// An object of exactly one of these forms.
    OneOf(&'static [Shape]),
    /// A form that is given at one place under a name.
    Ref(&'static str, &'static Shape),
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its form.
    pub shape: Shape,
    /// It may not be absent; one that may be absent may be null.
    pub is_required: bool,
    /// What it is for.
    pub says: &'static str,
}

/// A value that has not the form that it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Where, as in `keys[0].kind`.
    pub path: String,
    /// What it must be.
    pub wanted: String,
}

/// Any text.
pub const TEXT: Shape = Shape::Text { min: 0, max: usize::MAX };
/// Any whole number.
pub const COUNT: Shape = Shape::Whole { min: 0, max: u64::MAX };

/// A field that must be there.
pub const fn must(name: &'static str, shape: Shape, says: &'static str) -> Field {
    Field { name, shape, is_required: true, says }
}

/// A field that may be there, or null.
pub const fn may(name: &'static str, shape: Shape, says: &'static str) -> Field {
    Field { name, shape, is_required: false, says }
}

/// A list of any length.
pub const fn list(of: &'static Shape) -> Shape {
    Shape::List { of, min: 0, max: usize::MAX }
}

impl Shape {
    /// Holds a value against the form.
    ///
    /// # Errors
    /// The first place where it does not fit.
    pub fn check(&self, value: &Value, path: &str) -> Result<(), Misshapen> {
        let fits = match (self, value) {
            (Self::Ref(_, shape), _) => return shape.check(value, path),
            (Self::Object, Value::Object(_)) | (Self::Flag, Value::Bool(_)) => true,
            (Self::Text { min, max }, Value::String(text)) => (*min..=*max).contains(&text.chars().count()),
            (Self::Pattern { fits, .. }, Value::String(text)) => fits(text),
            (Self::Word(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Whole { min, max }, Value::Number(number)) => number.as_u64().is_some_and(|number| (*min..=*max).contains(&number)),
            (Self::Fields(fields), Value::Object(object)) => return check_fields(fields, object, path),
            (Self::List { of, min, max }, Value::Array(items)) if (*min..=*max).contains(&items.len()) => {
                return items.iter().enumerate().try_for_each(|(at, item)| of.check(item, &format!("{path}[{at}]")));
            }
            (Self::OneOf(shapes), Value::Object(_)) => shapes.iter().filter(|shape| shape.check(value, path).is_ok()).count() == 1,
            _ => false,
        };
        if fits { Ok(()) } else { Err(Misshapen { path: path.to_owned(), wanted: self.words() }) }
    }

    /// In words, for whoever gave something else.
    fn words(&self) -> String {
        let most = |max: usize| if max == usize::MAX { String::new() } else { format!(" to {max}") };
        match self {
            Self::Ref(_, shape) => shape.words(),
            Self::Text { min, max } => format!("text of {min}{} characters or more", most(*max)),
            Self::Pattern { says, .. } => (*says).to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Flag => "true or false".to_owned(),
            Self::Object => "an object".to_owned(),
            Self::Fields(fields) => format!("an object with {}", fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
            Self::List { min, max, .. } => format!("a list of {min}{} items or more", most(*max)),
            Self::OneOf(shapes) => shapes.iter().map(Self::words).collect::<Vec<_>>().join(", or "),
        }
    }

    /// As JSON Schema 2020-12; what has a name is put into `named` and referred to.
    pub fn schema(&self, named: &mut Map<String, Value>) -> Value {
        match self {
            Self::Ref(name, shape) => {
                if !named.contains_key(*name) {
                    named.insert((*name).to_owned(), Value::Null);
                    let schema = shape.schema(named);
                    named.insert((*name).to_owned(), schema);
                }
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            Self::Text { min, max } => bounded(json!({ "type": "string" }), ("minLength", *min), ("maxLength", *max)),
            Self::Pattern { pattern, says, .. } => json!({ "type": "string", "pattern": pattern, "description": says }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Whole { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
            Self::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Object => json!({ "type": "object" }),
            Self::Fields(fields) => object_schema(fields, named),
            Self::List { of, min, max } => bounded(json!({ "type": "array", "items": of.schema(named) }), ("minItems", *min), ("maxItems", *max)),
            Self::OneOf(shapes) => json!({ "oneOf": shapes.iter().map(|shape| shape.schema(named)).collect::<Vec<_>>() }),
        }
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn check_fields(fields: &[Field], object: &Map<String, Value>, path: &str) -> Result<(), Misshapen> {
    for field in fields {
        match object.get(field.name) {
            None if field.is_required => return Err(Misshapen { path: inside(path, field.name), wanted: format!("{}; it is missing", field.shape.words()) }),
            None => {}
            Some(Value::Null) if !field.is_required => {}
            Some(value) => field.shape.check(value, &inside(path, field.name))?,
        }
    }
    match object.keys().find(|name| !fields.iter().any(|field| field.name == *name)) {
        Some(unknown) => Err(Misshapen { path: inside(path, unknown), wanted: "absent: it is not known here".to_owned() }),
        None => Ok(()),
    }
}

fn bounded(mut schema: Value, (least, min): (&str, usize), (most, max): (&str, usize)) -> Value {
    if min > 0 {
        schema[least] = min.into();
    }
    if max < usize::MAX {
        schema[most] = max.into();
    }
    schema
}

fn object_schema(fields: &[Field], named: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let required: Vec<&str> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    for field in fields {
        let schema = field.shape.schema(named);
        let mut schema = if field.is_required { schema } else { json!({ "anyOf": [schema, { "type": "null" }] }) };
        if !field.says.is_empty() {
            schema["description"] = field.says.into();
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Shape = Shape::Fields(&[must("a", COUNT, ""), may("b", Shape::Word(&["x", "y"]), "")]);
    const OTHER: Shape = Shape::OneOf(&[Shape::Fields(&[must("c", TEXT, "")]), Shape::Fields(&[must("d", TEXT, "")])]);

    #[test]
    fn values_fit_or_are_named() {
        let fault = |shape: Shape, value: Value| shape.check(&value, "").err().map(|misshapen| misshapen.path);
        assert_eq!(fault(ONE, json!({ "a": 1 })), None);
        assert_eq!(fault(ONE, json!({ "a": 1, "b": null })), None);
        assert_eq!(fault(ONE, json!({ "a": 1, "b": "z" })).as_deref(), Some("b"));
        assert_eq!(fault(ONE, json!({ "a": -1 })).as_deref(), Some("a"));
        assert_eq!(fault(ONE, json!({ "a": 1.5 })).as_deref(), Some("a"));
        assert_eq!(fault(ONE, json!({})).as_deref(), Some("a"));
        assert_eq!(fault(ONE, json!({ "a": 1, "z": 1 })).as_deref(), Some("z"));
        assert_eq!(fault(OTHER, json!({ "c": "" })), None);
        assert_eq!(fault(OTHER, json!({ "c": "", "d": "" })).as_deref(), Some(""));
        assert_eq!(fault(OTHER, json!([])).as_deref(), Some(""));
    }
}
