//! What a generation is held to while it decodes: nothing, the form of the verbs, or a grammar that the caller brought. It is part of the record, and a replay is held to the same.

use crate::error::Result;
use crate::grammar::{CONSTRAINT_GRAMMAR, Grammar, Held};
use crate::models::Loaded;
use crate::said::Said;
use crate::verbs::Form;
use mickai_model::constrain::{Constrained, Constraint, TokenOrder};
use std::sync::Arc;

/// The name of the verbs' form in records (spec/record.md "Genesis, intent, outcome, seal").
pub(crate) const CONSTRAINT_VERBS: &str = "verbs-1";

/// What decoding is held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// Nothing: every token may come.
    #[default]
    Free,
    /// The form of the verbs for what was asked last.
    Verbs,
    /// A grammar.
    Grammar(Grammar),
}

impl Bound {
    /// Its name in the record.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Free => None,
            Self::Verbs => Some(CONSTRAINT_VERBS),
            Self::Grammar(_) => Some(CONSTRAINT_GRAMMAR),
        }
    }

    /// Made ready for one generation.
    ///
    /// # Errors
    /// [`crate::Error::Grammar`].
    pub(crate) fn ready(&self, model: &Loaded, said: &Said) -> Result<Ready> {
        Ok(match self {
            Self::Free => Ready::Free,
            Self::Verbs => Ready::Verbs(Constrained::new(Form::new(said.last_content()), Arc::new(TokenOrder::new(&model.file.tokenizer)))),
            Self::Grammar(grammar) => Ready::Grammar(Box::new(model.grammars()?.hold(grammar, &model.file.tokenizer)?)),
        })
    }
}

/// A bound with what is computed from it once for each generation.
pub(crate) enum Ready {
    /// Nothing.
    Free,
    /// The form.
    Verbs(Constrained<Form>),
    /// The compiled grammar.
    Grammar(Box<Held>),
}

impl Ready {
    /// The constraint, if there is one.
    pub fn constraint(&mut self) -> Option<&mut dyn Constraint> {
        match self {
            Self::Free => None,
            Self::Verbs(constrained) => Some(constrained),
            Self::Grammar(held) => Some(&mut **held),
        }
    }
}
