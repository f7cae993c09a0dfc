//! The library's way through a schema, gone without its copies: each part is compiled once, what a reference leads to where it is met first, and what is joined is joined in the order of the keywords.
//!
//! It follows `json/schema.rs` and `json/compiler.rs` of the version in [`crate::grammar::CONSTRAINT_GRAMMAR`], which is the one that is linked.

use super::SchemaFault as Fault;
use super::join::{Kind, Object, Part};
use super::words::{self, TYPES};
use crate::serve::limits::{SCHEMA_COPIES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_STEPS_MAX};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a regular expression counts as: the library looks whether anything fits it, for as long as 10,000 of its own steps.
const PATTERN_STEPS: u64 = 20;

/// A part, or what is wrong and where.
pub(super) type Built<'a> = Result<Part<'a>, Wrong>;

/// Keywords with no joined one between them.
type Group<'a> = BTreeMap<&'a str, &'a Value>;

/// What is wrong, and the way to it, the last word first.
pub(super) struct Wrong {
    pub fault: Fault,
    way: Vec<String>,
    /// The way begins at the root, because a reference led there.
    is_whole: bool,
}

/// What may still be done for one request.
pub(super) struct Meter {
    steps_left: u64,
    copies_left: u64,
}

/// A schema on its way.
pub(super) struct Plan<'a, 'm> {
    root: &'a Value,
    pub meter: &'m mut Meter,
    depth: usize,
    /// What references lead to; nothing yet for those that are under way.
    defined: BTreeMap<&'a str, Option<Part<'a>>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { steps_left: SCHEMA_STEPS_MAX, copies_left: SCHEMA_COPIES_MAX }
    }
}

impl Meter {
    /// Counts what takes time.
    pub fn step(&mut self, count: u64) -> Result<(), Fault> {
        self.steps_left = self.steps_left.checked_sub(count).ok_or(Fault::Steps)?;
        Ok(())
    }

    /// Counts what also takes memory.
    pub fn copy(&mut self, size: u64) -> Result<(), Fault> {
        self.copies_left = self.copies_left.checked_sub(size).ok_or(Fault::Copies)?;
        Ok(())
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self { fault, way: Vec::new(), is_whole: false }
    }
}

impl Wrong {
    fn under(mut self, words: &[&str]) -> Self {
        if !self.is_whole {
            self.way.extend(words.iter().rev().map(|word| word.replace('~', "~0").replace('/', "~1")));
        }
        self
    }

    /// As seen from the root of the schema.
    fn behind(mut self, reference: &str) -> Self {
        if !self.is_whole {
            self.way.extend(reference.trim_start_matches('#').split('/').rev().filter(|word| !word.is_empty()).map(str::to_owned));
            self.is_whole = true;
        }
        self
    }

    /// Where it is.
    pub fn pointer(&self) -> String {
        self.way.iter().rev().flat_map(|word| ["/", word.as_str()]).collect()
    }
}

impl<'a, 'm> Plan<'a, 'm> {
    /// The plan of a schema, which takes from what is left.
    pub fn new(root: &'a Value, meter: &'m mut Meter) -> Self {
        Self { root, meter, depth: 0, defined: BTreeMap::new() }
    }

    /// A schema, compiled.
    pub fn part(&mut self, schema: &'a Value) -> Built<'a> {
        self.meter.step(1)?;
        match schema {
            Value::Bool(true) => Ok(Part::any()),
            Value::Bool(false) => Ok(Part::never()),
            Value::Object(schema) if self.depth < SCHEMA_DEPTH_MAX => {
                self.depth += 1;
                let part = self.keywords(schema);
                self.depth -= 1;
                part
            }
            Value::Object(_) => Err(Fault::Deep.into()),
            _ => Err(Fault::NoSchema.into()),
        }
    }

    /// What a reference leads to, of which the library takes a copy.
    pub(super) fn whole(&mut self, name: &'a str) -> Built<'a> {
        self.define(name)?;
        let whole = self.defined.get(name).cloned().flatten().ok_or_else(|| Fault::Circular(name.into()))?;
        self.meter.copy(whole.size)?;
        Ok(whole)
    }

    fn define(&mut self, name: &'a str) -> Result<(), Wrong> {
        if self.defined.contains_key(name) {
            return Ok(());
        }
        self.defined.insert(name, None);
        let target = found(self.root, name).ok_or_else(|| Fault::Reference(name.into()))?;
        let part = self.part(target).map_err(|wrong| wrong.behind(name))?;
        self.defined.insert(name, Some(part));
        Ok(())
    }

    fn keywords(&mut self, schema: &'a Map<String, Value>) -> Built<'a> {
        words::check(schema)?;
        if schema.keys().all(|word| words::is_remark(word)) {
            return Ok(Part::any());
        }
        let (mut result, mut group) = (Part::any(), Group::new());
        for (word, value) in schema {
            if words::is_joined(word) {
                result = self.with_group(result, std::mem::take(&mut group), schema)?;
                result = self.with_joined(&result, word, value).map_err(|wrong| wrong.under(&[word.as_str()]))?;
            } else if !words::is_passed_over(word) {
                group.insert(word, value);
            }
        }
        self.with_group(result, group, schema)
    }

    fn with_group(&mut self, result: Part<'a>, group: Group<'a>, schema: &'a Map<String, Value>) -> Built<'a> {
        if group.is_empty() {
            return Ok(result);
        }
        let mut options = Vec::new();
        for name in types(schema)? {
            self.meter.step(1)?;
            options.push(match name {
                "array" => self.array(&group, schema)?,
                "object" => self.properties(&group, schema)?,
                "string" => self.text(&group)?,
                "null" => Part::plain(Kind::Null, 1),
                "boolean" => Part::plain(Kind::Boolean, 1),
                _ => Part::plain(if group.contains_key("multipleOf") { Kind::Multiple } else { Kind::Number }, 1),
            });
        }
        self.joined(&result, &Part::any_of(options), 0)
    }

    fn with_joined(&mut self, result: &Part<'a>, word: &str, value: &'a Value) -> Built<'a> {
        let joined = match word {
            "allOf" => {
                let mut result = result.clone();
                for (at, value) in list(value).enumerate() {
                    let part = self.part(value).map_err(|wrong| wrong.under(&[&at.to_string()]))?;
                    result = self.joined(&result, &part, 0)?;
                }
                return Ok(result);
            }
            "anyOf" => Part::any_of(self.parts(value)?),
            "oneOf" => {
                let options = self.parts(value)?;
                self.one_of(options)?
            }
            "enum" => Part::any_of(self.constants(list(value))?),
            "const" => self.constant(value)?,
            _ => {
                let name = value.as_str().ok_or_else(|| Fault::Reference("".into()))?;
                self.define(name)?;
                Part::reference(name)
            }
        };
        self.joined(result, &joined, 0)
    }

    fn parts(&mut self, schemas: &'a Value) -> Result<Vec<Part<'a>>, Wrong> {
        list(schemas).enumerate().map(|(at, schema)| self.part(schema).map_err(|wrong| wrong.under(&[&at.to_string()]))).collect()
    }

    fn constants(&mut self, values: impl Iterator<Item = &'a Value>) -> Result<Vec<Part<'a>>, Wrong> {
        values.map(|value| self.constant(value)).collect()
    }

    fn constant(&mut self, value: &'a Value) -> Built<'a> {
        self.meter.copy(1)?;
        Ok(match value {
            Value::Null => Part::plain(Kind::Null, 1),
            Value::Bool(_) => Part::plain(Kind::Boolean, 1),
            Value::Number(_) => Part::plain(Kind::Number, 1),
            Value::String(_) => Part::plain(Kind::Text, 1),
            Value::Array(items) => Part::array(self.constants(items.iter())?, Some(Part::never())),
            Value::Object(fields) => {
                let mut named = BTreeMap::new();
                for (name, value) in fields {
                    named.insert(name.as_str(), self.constant(value)?);
                }
                self.object(Object { named, other: Some(Part::never()), ..Object::default() })?
            }
        })
    }

    fn text(&mut self, group: &Group<'a>) -> Built<'a> {
        let is_matched = ["pattern", "format"].iter().any(|word| group.contains_key(word));
        let steps = if is_matched { PATTERN_STEPS } else { 1 };
        self.meter.step(steps)?;
        Ok(Part::plain(Kind::Text, steps))
    }

    fn array(&mut self, group: &Group<'a>, schema: &'a Map<String, Value>) -> Built<'a> {
        let items = group.get("items").copied();
        let is_tuple = items.is_some_and(Value::is_array);
        let (first, rest) = if is_tuple { ("items", "additionalItems") } else { ("prefixItems", "items") };
        let first = match (group.get(first).copied(), items) {
            (Some(schemas), _) => self.parts(schemas).map_err(|wrong| wrong.under(&[first]))?,
            // Where the places come in another group, the rest is still not theirs.
            (None, Some(_)) => schema.get(first).into_iter().flat_map(list).map(|_| Part::any()).collect(),
            (None, None) => Vec::new(),
        };
        let rest = group.get(rest).copied().map(|items| self.part(items).map_err(|wrong| wrong.under(&[rest]))).transpose()?;
        Ok(Part::array(first, rest))
    }

    fn properties(&mut self, group: &Group<'a>, schema: &'a Map<String, Value>) -> Built<'a> {
        let other = group.get("additionalProperties").copied();
        let mut named = match (group.get("properties").copied(), other) {
            (Some(properties), _) => self.named(properties, "properties")?,
            // As above: where the properties come in another group, the others are still not theirs.
            (None, Some(_)) => fields(schema.get("properties")).map(|(name, _)| (name, Part::any())).collect(),
            (None, None) => BTreeMap::new(),
        };
        let patterned: Vec<Part<'a>> = match group.get("patternProperties").copied() {
            Some(patterns) => self.named(patterns, "patternProperties")?.into_values().collect(),
            None => Vec::new(),
        };
        self.meter.step((patterned.len() * patterned.len()) as u64 * PATTERN_STEPS)?;
        // Which properties a pattern is of is not looked at: each may be of the largest.
        if let Some(largest) = patterned.iter().max_by_key(|part| part.size) {
            for part in named.values_mut() {
                self.meter.copy(largest.size)?;
                let both = self.joined(part, largest, 0)?;
                if both.size > part.size {
                    *part = both;
                }
            }
        }
        let other = other.map(|schema| self.part(schema).map_err(|wrong| wrong.under(&["additionalProperties"]))).transpose()?;
        let required_count = group.get("required").copied().into_iter().flat_map(list).count();
        let is_counted = ["minProperties", "maxProperties"].iter().any(|word| group.contains_key(word));
        self.object(Object { named, patterned, other, required_count, is_counted })
    }

    fn named(&mut self, schemas: &'a Value, word: &str) -> Result<BTreeMap<&'a str, Part<'a>>, Wrong> {
        fields(Some(schemas)).map(|(name, schema)| Ok((name, self.part(schema).map_err(|wrong| wrong.under(&[word, name]))?))).collect()
    }
}

/// The items of a list; of anything else none, which the library refuses.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The members of an object, likewise.
fn fields(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// The types that a schema may be of.
fn types(schema: &Map<String, Value>) -> Result<Vec<&str>, Fault> {
    let Some(said) = schema.get("type") else { return Ok(TYPES.to_vec()) };
    let mut names = Vec::new();
    for said in said.as_array().map_or(std::slice::from_ref(said), Vec::as_slice) {
        let name = said.as_str().filter(|name| TYPES.contains(name) || *name == "integer").filter(|name| !names.contains(name));
        names.push(name.ok_or_else(|| Fault::Type(said.to_string().into()))?);
    }
    Ok(names)
}

/// Where a reference leads: the library takes the words of a pointer as they are.
fn found<'a>(root: &'a Value, name: &str) -> Option<&'a Value> {
    if name == "#" {
        return Some(root);
    }
    let words = name.strip_prefix("#/")?;
    if words.is_empty() {
        return Some(root);
    }
    words.split('/').try_fold(root, |value, word| if value.is_array() { value.get(word.parse::<usize>().ok()?) } else { value.get(word) })
}
