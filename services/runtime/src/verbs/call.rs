//! A call: one verb with its arguments, read from the line of JSON that the embedded model wrote.

use super::table::{Argument, Verb};
use std::fmt;

/// One verb, and the arguments that the request gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What to do.
    pub verb: Verb,
    arguments: Vec<(Argument, String)>,
}

/// Why a line is not a call that can be performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// Not the JSON of a call.
    NotACall {
        /// What was written.
        text: String,
    },
    /// The verb needs an argument that the request did not give.
    Missing {
        /// The verb.
        verb: Verb,
        /// What it needs.
        argument: Argument,
    },
    /// Two arguments that exclude each other.
    Both {
        /// The first.
        first: Argument,
        /// The second.
        second: Argument,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACall { text } => write!(f, "the request could not be turned into one of the system's verbs (the model wrote {text:?}): say it in other words"),
            Self::Missing { verb, argument } => write!(f, "{} needs a {}: say which", verb.name(), argument.name()),
            Self::Both { first, second } => write!(f, "a {} and a {} exclude each other: say one of them", first.name(), second.name()),
        }
    }
}

impl std::error::Error for CallError {}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// [`CallError`]; nothing is guessed.
    pub fn parse(text: &str) -> Result<Self, CallError> {
        let call = Self::from_json(text).ok_or_else(|| CallError::NotACall { text: text.to_owned() })?;
        if let Some(argument) = call.verb.required()
            && call.get(argument).is_none()
        {
            return Err(CallError::Missing { verb: call.verb, argument });
        }
        if call.verb == Verb::LogExport && call.get(Argument::When).is_some() && call.get(Argument::Record).is_some() {
            return Err(CallError::Both { first: Argument::When, second: Argument::Record });
        }
        Ok(call)
    }

    fn from_json(text: &str) -> Option<Self> {
        let serde_json::Value::Object(mut fields) = serde_json::from_str(text).ok()? else { return None };
        let serde_json::Value::String(name) = fields.remove("verb")? else { return None };
        let verb = Verb::ALL.into_iter().find(|verb| verb.name() == name)?;
        let mut arguments = Vec::new();
        for &argument in verb.arguments() {
            match fields.remove(argument.name()) {
                Some(serde_json::Value::String(value)) if argument.words().is_none_or(|words| words.contains(&value.as_str())) => arguments.push((argument, value)),
                Some(_) => return None,
                None => {}
            }
        }
        fields.is_empty().then_some(Self { verb, arguments })
    }

    /// The value of an argument.
    pub fn get(&self, argument: Argument) -> Option<&str> {
        self.arguments.iter().find(|(known, _)| *known == argument).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Call {
    /// The call as an operator reads it: `log.list when="yesterday"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb.name())?;
        self.arguments.iter().try_for_each(|(argument, value)| write!(f, " {}={value:?}", argument.name()))
    }
}
