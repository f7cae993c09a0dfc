//! What a JSON value may look like, written once: requests are checked against it, and `/openapi.json` is made of it, so that neither can say what the other does not.
//!
//! A field that a shape does not name is not refused here: its path is collected, and the caller decides whether that is an error or a warning.

use serde_json::{Map, Value, json};

/// A value's form.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text of so many characters.
    Text { min: usize, max: usize },
    /// Letters, digits, `_`, `-` and `.`: 1 to `max` of them.
    Name { max: usize },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number from `min`, or above it, to `max`.
    Number { min: f64, max: f64, is_open: bool },
    /// A whole number.
    Whole { min: i64, max: i64 },
    /// `true` or `false`.
    Flag,
    /// An object with these fields.
    Fields(&'static [Field]),
    /// An object whose fields have names of the caller's, each of this form.
    Named(&'static Shape),
    /// A list.
    List { of: &'static Shape, min: usize, max: usize },
    /// One of several, each of another JSON type, or lists whose items are, or objects of which each has something else that must be there: the first that may be it is it.
    Either(&'static [Shape]),
    /// An object whose form the word in `tag` decides; where the tag is absent, the first.
    Tagged { tag: &'static str, cases: &'static [(&'static str, &'static [Field])] },
    /// Anything.
    Any,
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
    /// Where, as in `messages[0].role`.
    pub path: String,
    /// What it must be.
    pub wanted: String,
}

/// Where a value stands in what is checked. A list may have millions of items: words are made of the place of one only where it is told of.
enum Place<'a> {
    /// At a path.
    At(&'a str),
    /// At a field of what stands there.
    Field(&'a Place<'a>, &'a str),
    /// At an item of it.
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    /// As in `messages[0].role`.
    fn path(&self) -> String {
        match self {
            Self::At(path) => (*path).to_owned(),
            Self::Field(of, name) => {
                let path = of.path();
                if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") }
            }
            Self::Item(of, at) => format!("{}[{at}]", of.path()),
        }
    }
}

/// Any text.
pub const TEXT: Shape = Shape::Text { min: 0, max: usize::MAX };
/// Text that is not empty.
pub const SOME_TEXT: Shape = Shape::Text { min: 1, max: usize::MAX };
/// Any object.
pub const OBJECT: Shape = Shape::Named(&Shape::Any);
/// Any list.
pub const ANY_LIST: Shape = Shape::List { of: &Shape::Any, min: 0, max: usize::MAX };
/// A whole number from 0.
pub const COUNT: Shape = Shape::Whole { min: 0, max: i64::MAX };
/// A token's id.
pub const TOKEN: Shape = Shape::Whole { min: 0, max: u32::MAX as i64 };
/// Any number.
pub const NUMBER: Shape = Shape::Number { min: f64::MIN, max: f64::MAX, is_open: false };

/// A field that must be there.
pub const fn must(name: &'static str, shape: Shape, says: &'static str) -> Field {
    Field { name, shape, is_required: true, says }
}

/// A field that may be there.
pub const fn may(name: &'static str, shape: Shape, says: &'static str) -> Field {
    Field { name, shape, is_required: false, says }
}

impl Shape {
    /// Holds a value against the form; paths of fields that it does not know are added to `unknown`.
    ///
    /// # Errors
    /// The first place where it does not fit.
    pub fn check(&self, value: &Value, path: &str, unknown: &mut Vec<String>) -> Result<(), Misshapen> {
        self.check_at(value, &Place::At(path), unknown)
    }

    fn check_at(&self, value: &Value, place: &Place<'_>, unknown: &mut Vec<String>) -> Result<(), Misshapen> {
        let fits = match (self, value) {
            (Self::Ref(_, shape), _) => return shape.check_at(value, place, unknown),
            (Self::Any, _) | (Self::Flag, Value::Bool(_)) => true,
            (Self::Text { min, max }, Value::String(text)) => (*min..=*max).contains(&text.chars().count()),
            (Self::Name { max }, Value::String(text)) => (1..=*max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)),
            (Self::Word(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Number { min, max, is_open }, Value::Number(number)) => number.as_f64().is_some_and(|x| x <= *max && if *is_open { x > *min } else { x >= *min }),
            (Self::Whole { min, max }, Value::Number(_)) => whole(value).is_some_and(|number| (*min..=*max).contains(&number)),
            (Self::Fields(fields), Value::Object(object)) => return check_fields(fields, &[], object, place, unknown),
            (Self::Named(shape), Value::Object(object)) => return object.iter().try_for_each(|(name, value)| shape.check_at(value, &Place::Field(place, name), unknown)),
            (Self::List { of, min, max }, Value::Array(items)) if (*min..=*max).contains(&items.len()) => {
                return items.iter().enumerate().try_for_each(|(at, item)| of.check_at(item, &Place::Item(place, at), unknown));
            }
            (Self::Either(shapes), _) => {
                let mut candidates = shapes.iter().filter(|shape| shape.has_type_of(value));
                let first = candidates.clone().next();
                match candidates.find(|shape| shape.begins_as(value)).or(first) {
                    Some(shape) => return shape.check_at(value, place, unknown),
                    None => false,
                }
            }
            (Self::Tagged { tag, cases }, Value::Object(object)) => match self.case(object) {
                Some((_, fields)) => return check_fields(fields, &[tag], object, place, unknown),
                None => {
                    let words: Vec<&str> = cases.iter().map(|(word, _)| *word).collect();
                    return Err(Misshapen { path: Place::Field(place, tag).path(), wanted: format!("one of {}", words.join(", ")) });
                }
            },
            _ => false,
        };
        if fits { Ok(()) } else { Err(Misshapen { path: place.path(), wanted: self.words() }) }
    }

    /// The case of a tagged object.
    fn case(&self, object: &Map<String, Value>) -> Option<&'static (&'static str, &'static [Field])> {
        let Self::Tagged { tag, cases } = self else { return None };
        match object.get(*tag) {
            None => cases.first(),
            Some(value) => cases.iter().find(|(word, _)| value.as_str() == Some(word)),
        }
    }

    /// Could it be this, as far as the JSON type tells?
    fn has_type_of(&self, value: &Value) -> bool {
        match self {
            Self::Ref(_, shape) => shape.has_type_of(value),
            Self::Any => true,
            Self::Text { .. } | Self::Name { .. } | Self::Word(_) => value.is_string(),
            Self::Number { .. } | Self::Whole { .. } => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Fields(_) | Self::Named(_) | Self::Tagged { .. } => value.is_object(),
            Self::List { .. } => value.is_array(),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.has_type_of(value)),
        }
    }

    /// Could its first item be this one's, or has it what must be there? Tells lists of one form from those of another, and objects.
    fn begins_as(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                let has = |field: &Field| object.get(field.name).is_some_and(|value| field.shape.check(value, "", &mut Vec::new()).is_ok());
                fields.iter().filter(|field| field.is_required).all(has)
            }
            (Self::List { of, .. }, Value::Array(items)) => items.first().is_none_or(|first| of.has_type_of(first)),
            _ => true,
        }
    }

    /// In words, for whoever gave something else.
    fn words(&self) -> String {
        let most = |max: usize| if max == usize::MAX { String::new() } else { format!(" to {max}") };
        match self {
            Self::Ref(_, shape) => shape.words(),
            Self::Any => "any value".to_owned(),
            Self::Text { min: 0, max: usize::MAX } => "text".to_owned(),
            Self::Text { min, max } => format!("text of {min}{} characters or more", most(*max)),
            Self::Name { max } => format!("a name of 1 to {max} letters, digits, `_`, `-` and `.`"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Number { min, max, .. } if *min == f64::MIN && *max == f64::MAX => "a number".to_owned(),
            Self::Number { min, max, is_open } => format!("a number {} {min}, at most {max}", if *is_open { "above" } else { "from" }),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Flag => "true or false".to_owned(),
            Self::Fields(_) | Self::Named(_) | Self::Tagged { .. } => "an object".to_owned(),
            Self::List { min, max, .. } => format!("a list of {min}{} items or more", most(*max)),
            Self::Either(shapes) => shapes.iter().map(Self::words).collect::<Vec<_>>().join(", or "),
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
            Self::Any => json!({}),
            Self::Text { min, max } => with_bounds(json!({ "type": "string" }), ("minLength", *min), ("maxLength", *max)),
            Self::Name { max } => json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_.-]{{1,{max}}}$") }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Number { min, max, .. } if *min == f64::MIN && *max == f64::MAX => json!({ "type": "number" }),
            Self::Number { min, max, is_open } => json!({ "type": "number", (if *is_open { "exclusiveMinimum" } else { "minimum" }): min, "maximum": max }),
            Self::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Fields(fields) => object_schema(fields, None, named),
            Self::Named(shape) => json!({ "type": "object", "additionalProperties": shape.schema(named) }),
            Self::List { of, min, max } => with_bounds(json!({ "type": "array", "items": of.schema(named) }), ("minItems", *min), ("maxItems", *max)),
            Self::Either(shapes) => json!({ "anyOf": shapes.iter().map(|shape| shape.schema(named)).collect::<Vec<_>>() }),
            Self::Tagged { tag, cases } => {
                let case = |(at, (word, fields)): (usize, &(&str, &[Field]))| object_schema(fields, Some((tag, word, at > 0)), named);
                json!({ "anyOf": cases.iter().enumerate().map(case).collect::<Vec<_>>() })
            }
        }
    }
}

/// A whole number, also where it is written with a point.
pub fn whole(value: &Value) -> Option<i64> {
    // 2⁵³: beyond it not every whole number is an f64.
    let exact = |number: f64| (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(exact))
}

fn check_fields(fields: &[Field], also: &[&str], object: &Map<String, Value>, place: &Place<'_>, unknown: &mut Vec<String>) -> Result<(), Misshapen> {
    for field in fields {
        let inside = Place::Field(place, field.name);
        match object.get(field.name) {
            None if field.is_required => return Err(Misshapen { path: inside.path(), wanted: format!("{}; it is missing", field.shape.words()) }),
            None => {}
            Some(Value::Null) if !field.is_required => {}
            Some(value) => field.shape.check_at(value, &inside, unknown)?,
        }
    }
    let is_known = |name: &str| also.contains(&name) || fields.iter().any(|field| field.name == name);
    unknown.extend(object.keys().filter(|name| !is_known(name)).map(|name| Place::Field(place, name).path()));
    Ok(())
}

fn with_bounds(mut schema: Value, (least, min): (&str, usize), (most, max): (&str, usize)) -> Value {
    if min > 0 {
        schema[least] = min.into();
    }
    if max < usize::MAX {
        schema[most] = max.into();
    }
    schema
}

fn object_schema(fields: &[Field], tag: Option<(&str, &str, bool)>, named: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    if let Some((tag, word, is_required)) = tag {
        properties.insert(tag.to_owned(), json!({ "const": word }));
        required.extend(is_required.then_some(tag));
    }
    for field in fields {
        let schema = field.shape.schema(named);
        let mut schema = if field.is_required { schema } else { json!({ "anyOf": [schema, { "type": "null" }] }) };
        if !field.says.is_empty() {
            schema["description"] = field.says.into();
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

#[cfg(test)]
mod tests;
