//! Conversations of every shape as the turns that a model's template knows: system, user, assistant.

use crate::tools::{self, Form};
use mickai_model::tokens::{Message, Role};
use mickai_runtime::GIVEN;
use std::collections::{BTreeMap, VecDeque};

/// One turn as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Words before the conversation.
    System(String),
    /// The caller's.
    User(String),
    /// The model's earlier words.
    Assistant(String),
    /// The model's earlier call.
    Call {
        /// What its result is told by, where the shape has that.
        id: String,
        /// Of which function.
        name: String,
        /// One JSON object.
        arguments: String,
    },
    /// What a call gave.
    Given {
        /// Which call.
        of: Of,
        /// It.
        content: String,
        /// The place of it among what the caller sent.
        at: usize,
    },
}

impl Turn {
    /// Bytes that it holds.
    pub fn byte_count(&self) -> usize {
        let words = match self {
            Self::System(words) | Self::User(words) | Self::Assistant(words) => words.len(),
            Self::Call { id, name, arguments } => id.len() + name.len() + arguments.len(),
            Self::Given { of: Of::Id(of) | Of::Name(of), content, .. } => of.len() + content.len(),
            Self::Given { of: Of::Next, content, .. } => content.len(),
        };
        size_of::<Self>() + words
    }
}

/// Which call a result is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// The one of that id.
    Id(String),
    /// The first of that function that has given nothing yet.
    Name(String),
    /// The first that has given nothing yet.
    Next,
}

/// Puts what several calls gave in the order of the calls, which is how a model reads it: nothing else tells it which is which.
///
/// # Errors
/// The place of a result that is of no call before it, or of one that has given something already.
pub fn in_order(turns: Vec<Turn>) -> Result<Vec<Turn>, usize> {
    let (mut calls, mut given, mut ordered) = (Calls::default(), Vec::new(), Vec::new());
    for turn in turns {
        if let Turn::Given { of, at, .. } = &turn {
            given.push((calls.take(of).ok_or(*at)?, turn));
            continue;
        }
        settle(&mut given, &mut ordered);
        if let Turn::Call { id, name, .. } = &turn {
            calls.push(id, name);
        }
        ordered.push(turn);
    }
    settle(&mut given, &mut ordered);
    Ok(ordered)
}

/// The calls of a conversation, by their places.
#[derive(Default)]
struct Calls {
    have_given: Vec<bool>,
    by_id: BTreeMap<String, VecDeque<usize>>,
    by_name: BTreeMap<String, VecDeque<usize>>,
    /// All before it have given something.
    next: usize,
}

impl Calls {
    fn push(&mut self, id: &str, name: &str) {
        let place = self.have_given.len();
        self.have_given.push(false);
        self.by_id.entry(id.to_owned()).or_default().push_back(place);
        self.by_name.entry(name.to_owned()).or_default().push_back(place);
    }

    /// The place of the call that a result is of, which thereby has given something.
    fn take(&mut self, of: &Of) -> Option<usize> {
        loop {
            let place = match of {
                Of::Id(id) => self.by_id.get_mut(id)?.pop_front()?,
                Of::Name(name) => self.by_name.get_mut(name)?.pop_front()?,
                Of::Next => {
                    self.next += 1;
                    self.next - 1
                }
            };
            let has_given = self.have_given.get_mut(place)?;
            if !std::mem::replace(has_given, true) {
                return Some(place);
            }
        }
    }
}

fn settle(given: &mut Vec<(usize, Turn)>, ordered: &mut Vec<Turn>) {
    given.sort_by_key(|(place, _)| *place);
    ordered.extend(given.drain(..).map(|(_, turn)| turn));
}

/// The messages: tools are told in the first words of the system, and calls and what they gave are written as models read them, calls with the words before them and what several gave together. Other turns stay as they
/// came, also where one side has several in a row: it is for the template to take them or to refuse them.
pub fn messages(turns: Vec<Turn>, form: &Form) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut was_given = false;
    for turn in turns {
        let is_given = matches!(turn, Turn::Given { .. });
        let is_call = matches!(turn, Turn::Call { .. });
        let (role, content) = match turn {
            Turn::System(content) => (Role::System, content),
            Turn::User(content) => (Role::User, content),
            Turn::Assistant(content) => (Role::Assistant, content),
            Turn::Call { name, arguments, .. } => (Role::Assistant, tools::written(&name, &arguments)),
            Turn::Given { content, .. } => (Role::User, format!("{GIVEN}{content}\n</tool_response>")),
        };
        match messages.last_mut() {
            // Calls belong to the words before them; results of several calls come together.
            Some(last) if last.role == role && (is_call || is_given && was_given) => {
                last.content.push_str(if last.content.is_empty() { "" } else { "\n" });
                last.content.push_str(&content);
            }
            _ => messages.push(Message { role, content }),
        }
        was_given = is_given;
    }
    if let Some(words) = form.words() {
        match messages.first_mut().filter(|first| first.role == Role::System) {
            Some(first) => first.content = format!("{}\n\n{words}", first.content),
            None => messages.insert(0, Message { role: Role::System, content: words }),
        }
    }
    messages
}

#[cfg(test)]
mod tests;
