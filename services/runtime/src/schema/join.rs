//! Parts of a schema as the library holds them once they are compiled, and what becomes of two that must both fit.

use super::SchemaFault as Fault;
use super::plan::{Built, Plan, Wrong};
use crate::serve::limits::SCHEMA_NAMES_MAX;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Levels of joining after which the library gives up.
const LEVELS_MAX: usize = 128;
/// What each place of a choice among counted properties comes to.
const CHOICE_COPIES: u64 = 4;
/// Pairs of parts that are compared in the time of a copy.
const PAIRS_PER_COPY: u64 = 64;

/// A compiled part, shared by all that hold it, and how many parts it would be by itself.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub form: Rc<Form<'a>>,
    pub size: u64,
}

/// What it is.
pub(super) enum Form<'a> {
    Any,
    Never,
    Plain(Kind),
    Array { first: Vec<Part<'a>>, rest: Option<Part<'a>> },
    Object(Object<'a>),
    AnyOf(Vec<Part<'a>>),
    OneOf(Vec<Part<'a>>),
    Ref(&'a str),
}

/// What has no parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    /// A number with `multipleOf`.
    Multiple,
    Text,
}

/// An object's properties.
#[derive(Default)]
pub(super) struct Object<'a> {
    pub named: BTreeMap<&'a str, Part<'a>>,
    pub patterned: Vec<Part<'a>>,
    pub other: Option<Part<'a>>,
    /// Names that are required.
    pub required_count: usize,
    /// How many properties there may be is said: the library then writes out each choice among the optional ones.
    pub is_counted: bool,
}

impl<'a> Part<'a> {
    fn new(form: Form<'a>) -> Self {
        let size = form.size();
        Self { form: Rc::new(form), size }
    }

    /// Whatever there is.
    pub fn any() -> Self {
        Self::new(Form::Any)
    }

    /// Nothing.
    pub fn never() -> Self {
        Self::new(Form::Never)
    }

    /// What the name leads to.
    pub fn reference(name: &'a str) -> Self {
        Self::new(Form::Ref(name))
    }

    /// What has no parts, but may take as much work as many.
    pub fn plain(kind: Kind, size: u64) -> Self {
        Self { form: Rc::new(Form::Plain(kind)), size }
    }

    /// A list.
    pub fn array(first: Vec<Self>, rest: Option<Self>) -> Self {
        Self::new(Form::Array { first, rest })
    }

    /// Any of several, flat, and without those that nothing fits.
    pub fn any_of(options: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for option in options {
            match &*option.form {
                Form::Any => return option,
                Form::Never => {}
                Form::AnyOf(nested) => flat.extend(nested.iter().cloned()),
                _ => flat.push(option),
            }
        }
        Self::one_or(flat, Form::AnyOf)
    }

    fn one_of(options: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for option in options {
            match &*option.form {
                Form::Never => {}
                Form::OneOf(nested) => flat.extend(nested.iter().cloned()),
                _ => flat.push(option),
            }
        }
        Self::one_or(flat, Form::OneOf)
    }

    fn one_or(mut options: Vec<Self>, several: impl FnOnce(Vec<Self>) -> Form<'a>) -> Self {
        match (options.pop(), options.is_empty()) {
            (None, _) => Self::never(),
            (Some(only), true) => only,
            (Some(last), false) => {
                options.push(last);
                Self::new(several(options))
            }
        }
    }
}

impl Form<'_> {
    fn size(&self) -> u64 {
        let sum = |parts: &[Part<'_>]| parts.iter().fold(1, |sum: u64, part| sum.saturating_add(part.size));
        let rest = |rest: &Option<Part<'_>>| rest.as_ref().map_or(0, |rest| rest.size);
        match self {
            Self::Any | Self::Never | Self::Plain(_) | Self::Ref(_) => 1,
            Self::Array { first, rest: other } => sum(first).saturating_add(rest(other)),
            Self::AnyOf(options) | Self::OneOf(options) => sum(options),
            Self::Object(object) => {
                let named = object.named.values().fold(object.required_count as u64, |sum, part| sum.saturating_add(part.size).saturating_add(1));
                named.saturating_add(sum(&object.patterned)).saturating_add(rest(&object.other))
            }
        }
    }
}

impl<'a> Plan<'a, '_> {
    /// What fits both, as the library computes it.
    pub(super) fn joined(&mut self, x: &Part<'a>, y: &Part<'a>, level: usize) -> Built<'a> {
        self.meter.step(1)?;
        if level > LEVELS_MAX {
            return Err(Fault::Deep.into());
        }
        match (&*x.form, &*y.form) {
            (Form::Any, _) | (_, Form::Never) => Ok(y.clone()),
            (_, Form::Any) | (Form::Never, _) => Ok(x.clone()),
            (Form::Ref(name), _) => {
                let whole = self.whole(name)?;
                self.joined(&whole, y, level + 2)
            }
            (_, Form::Ref(name)) => {
                let whole = self.whole(name)?;
                self.joined(x, &whole, level + 2)
            }
            (Form::OneOf(options), _) => {
                let options = self.each_joined(options, y, level)?;
                self.one_of(options)
            }
            (_, Form::OneOf(options)) => {
                let options = self.each_joined(options, x, level)?;
                self.one_of(options)
            }
            (Form::AnyOf(options), _) => Ok(Part::any_of(self.each_joined(options, y, level)?)),
            (_, Form::AnyOf(options)) => Ok(Part::any_of(self.each_joined(options, x, level)?)),
            (Form::Plain(Kind::Multiple), Form::Plain(Kind::Multiple)) => Err(Fault::Multiple.into()),
            (Form::Plain(a), Form::Plain(b)) if a == b => Ok(Part::plain(*a, x.size.saturating_add(y.size))),
            (Form::Plain(Kind::Number | Kind::Multiple), Form::Plain(Kind::Number | Kind::Multiple)) => Ok(Part::plain(Kind::Multiple, x.size.saturating_add(y.size))),
            (Form::Array { first: a, rest: a_rest }, Form::Array { first: b, rest: b_rest }) => self.joined_arrays((a, a_rest), (b, b_rest), level + 1),
            (Form::Object(a), Form::Object(b)) => self.joined_objects(a, b, level + 1),
            _ => Ok(Part::never()),
        }
    }

    /// Each option, joined with a copy of the other side.
    fn each_joined(&mut self, options: &[Part<'a>], other: &Part<'a>, level: usize) -> Result<Vec<Part<'a>>, Wrong> {
        let mut joined = Vec::with_capacity(options.len());
        for option in options {
            self.meter.copy(other.size)?;
            joined.push(self.joined(option, other, level + 1)?);
        }
        Ok(joined)
    }

    /// Exactly one of several. The library looks whether each excludes every other, which makes no difference to what they cost later.
    pub(super) fn one_of(&mut self, options: Vec<Part<'a>>) -> Built<'a> {
        let size = options.iter().fold(0, |sum: u64, option| sum.saturating_add(option.size));
        self.meter.copy(size.saturating_mul(size) / PAIRS_PER_COPY)?;
        Ok(Part::one_of(options))
    }

    fn joined_arrays(&mut self, (a, a_rest): (&[Part<'a>], &Option<Part<'a>>), (b, b_rest): (&[Part<'a>], &Option<Part<'a>>), level: usize) -> Built<'a> {
        let mut first = Vec::new();
        for at in 0..a.len().max(b.len()) {
            let (x, y) = (self.one(a.get(at), a_rest)?, self.one(b.get(at), b_rest)?);
            first.push(self.joined(&x, &y, level)?);
        }
        let rest = self.both(a_rest, b_rest, level)?;
        Ok(Part::array(first, rest))
    }

    fn joined_objects(&mut self, a: &Object<'a>, b: &Object<'a>, level: usize) -> Built<'a> {
        if !a.patterned.is_empty() || !b.patterned.is_empty() {
            return Err(Fault::Joined.into());
        }
        let mut named = BTreeMap::new();
        for name in a.named.keys().chain(b.named.keys()) {
            if !named.contains_key(name) {
                let (x, y) = (self.one(a.named.get(name), &a.other)?, self.one(b.named.get(name), &b.other)?);
                named.insert(*name, self.joined(&x, &y, level)?);
            }
        }
        let other = self.both(&a.other, &b.other, level)?;
        let required_count = a.required_count + b.required_count;
        self.object(Object { named, patterned: Vec::new(), other, required_count, is_counted: a.is_counted || b.is_counted })
    }

    /// The part at a place, or a copy of the one that holds for all other places.
    fn one(&mut self, at: Option<&Part<'a>>, rest: &Option<Part<'a>>) -> Built<'a> {
        let part = at.or(rest.as_ref()).cloned().unwrap_or_else(Part::any);
        self.meter.copy(part.size)?;
        Ok(part)
    }

    fn both(&mut self, a: &Option<Part<'a>>, b: &Option<Part<'a>>, level: usize) -> Result<Option<Part<'a>>, Wrong> {
        match (a, b) {
            (Some(a), Some(b)) => self.joined(a, b, level).map(Some),
            (one, None) | (None, one) => Ok(one.clone()),
        }
    }

    /// An object, with what the library adds when it writes its grammar: a copy of what other properties must fit for each name that is only required, and each choice among properties that are counted.
    pub(super) fn object(&mut self, object: Object<'a>) -> Built<'a> {
        let name_count = object.named.len() + object.required_count;
        if name_count > SCHEMA_NAMES_MAX {
            return Err(Fault::Names(name_count).into());
        }
        let other = object.other.as_ref().map_or(1, |other| other.size);
        self.meter.copy(other.saturating_mul(object.required_count as u64))?;
        if object.is_counted {
            self.meter.copy((name_count * name_count) as u64 * CHOICE_COPIES)?;
        }
        Ok(Part::new(Form::Object(object)))
    }
}
