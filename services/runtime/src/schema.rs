//! JSON schemas that a caller brings, looked at before they are compiled: what no answer could be held to is refused with its place, and so is what would cost more stack, memory or time than a request may.
//!
//! The library passes over keywords that it does not know. It follows nesting and references on the stack, and it copies whatever it joins: the parts of `allOf`, and what stands beside `$ref`, `anyOf`, `oneOf`, `const`
//! or `enum`. A few hundred bytes can come to 2⁴⁰ copies. So its way through a schema is gone here first, in the same order, with parts that are shared where it copies them, and counted.

use crate::error::{Error, Result};
use crate::grammar::GrammarError;
use crate::room::with_room;
use crate::serve::limits::{SCHEMA_COPIES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_NAMES_MAX, SCHEMA_STEPS_MAX};
use plan::{Meter, Plan};
use serde_json::Value;
use std::fmt;

/// Characters of a name or a place that are shown of it.
const SHOWN_MAX: usize = 160;

/// Why an answer cannot be held to a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// Whose schema it is.
    pub of: Box<str>,
    /// Where in it, as a JSON pointer.
    pub at: Box<str>,
    /// What is there.
    pub fault: SchemaFault,
}

/// What may be wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaFault {
    /// A keyword that nothing is held to.
    Keyword {
        /// It.
        word: Box<str>,
        /// The one that may have been meant.
        meant: Option<&'static str>,
    },
    /// A keyword that has no effect beside another.
    Beside {
        /// It.
        word: &'static str,
        /// The other.
        other: &'static str,
    },
    /// Neither an object nor true nor false.
    NoSchema,
    /// No name of a type, or one that is there twice.
    Type(Box<str>),
    /// A reference that leads to nothing in the schema.
    Reference(Box<str>),
    /// A reference back to where it stands, beside other keywords.
    Circular(Box<str>),
    /// A `multipleOf` that the library computes wrongly.
    Multiple,
    /// `patternProperties` of a schema that is joined with another.
    Joined,
    /// More levels, references among them.
    Deep,
    /// More properties of one object.
    Names(usize),
    /// More parts of all schemas of a request.
    Steps,
    /// More copies, made where schemas are joined.
    Copies,
}

/// Holds the schemas of one request, each with a word for whose it is, against what can be held to and what they may cost together.
///
/// # Errors
/// [`GrammarError::Schema`] for the first that is wrong.
pub fn check_schemas(schemas: &[(String, &Value)]) -> Result<()> {
    if schemas.is_empty() {
        return Ok(());
    }
    with_room(|| {
        let mut meter = Meter::default();
        for (of, schema) in schemas {
            let wrong = Plan::new(schema, &mut meter).part(schema).err();
            if let Some(wrong) = wrong {
                let (at, fault) = (wrong.pointer().into(), wrong.fault);
                return Err(Error::Grammar(GrammarError::Schema(SchemaError { of: of.as_str().into(), at, fault })));
            }
        }
        Ok(())
    })?
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "its root".to_owned() } else { shown(&self.at) };
        write!(f, "the schema of {}, at {at}: {}", self.of, self.fault)
    }
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword { word, meant: Some(meant) } => write!(f, "{} is no keyword: write {meant}", shown(word)),
            Self::Keyword { word, meant: None } => write!(f, "no answer can be held to {}: leave it out, or begin its name with x- if it is only a remark", shown(word)),
            Self::Beside { word, other } => write!(f, "{word} has no effect beside {other}: leave out one of them"),
            Self::NoSchema => f.write_str("a schema must be an object, true or false"),
            Self::Type(name) => write!(f, "{} is no type, or is there twice: take null, boolean, integer, number, string, array or object, each once", shown(name)),
            Self::Reference(name) => write!(f, "$ref must lead to a place in the schema, as in #/$defs/name, and {} does not", shown(name)),
            Self::Circular(name) => write!(f, "$ref {} leads back to itself, and cannot while other keywords stand beside it", shown(name)),
            Self::Multiple => f.write_str("multipleOf must be a number from 0.00000001 to 300000000 of at most 9 digits, and only one may hold at a place"),
            Self::Joined => f.write_str("patternProperties cannot be joined with what allOf, anyOf, oneOf, const, enum or $ref say of the same object"),
            Self::Deep => write!(f, "it is nested more than {SCHEMA_DEPTH_MAX} levels deep, what $ref leads to counted in"),
            Self::Names(count) => write!(f, "an object has {count} properties and required names, at most {SCHEMA_NAMES_MAX} are taken"),
            Self::Steps => write!(f, "the schemas of a request come to more than {SCHEMA_STEPS_MAX} parts together: ask for less at a time"),
            Self::Copies => write!(
                f,
                "joining what allOf, anyOf, oneOf and $ref say beside other keywords takes more than {SCHEMA_COPIES_MAX} copies of parts: say it once, under the keyword that needs it"
            ),
        }
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_MAX).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

mod words;

mod plan;

mod join;

#[cfg(test)]
mod tests;
