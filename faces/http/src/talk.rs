//! Conversations of every shape as the turns that a model's template knows: system, user, assistant.

use crate::tools::{self, Form};
use mickai_model::tokens::{Message, Role};

/// One turn as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Words before the conversation.
    System(String),
    /// The caller's.
    User(String),
    /// The model's earlier words.
    Assistant(String),
    /// The model's earlier call: name and arguments.
    Call(String, String),
    /// What a call gave.
    Given(String),
}

/// The messages: tools are told in the first words of the system, calls and what they gave are written as models read them, and turns of one side that follow each other are one.
pub fn messages(turns: Vec<Turn>, form: &Form) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut was_given = false;
    for turn in turns {
        let is_given = matches!(turn, Turn::Given(_));
        let is_call = matches!(turn, Turn::Call(..));
        let (role, content) = match turn {
            Turn::System(content) => (Role::System, content),
            Turn::User(content) => (Role::User, content),
            Turn::Assistant(content) => (Role::Assistant, content),
            Turn::Call(name, arguments) => (Role::Assistant, tools::written(&name, &arguments)),
            Turn::Given(content) => (Role::User, format!("<tool_response>\n{content}\n</tool_response>")),
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
