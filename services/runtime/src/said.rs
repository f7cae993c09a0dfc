//! What a model is given to go on from: a conversation for its template, or a text as it is.

use crate::error::{Error, Result};
use crate::models::Loaded;
use jiff::civil::Date as Day;
use mickai_model::error::{Error as ModelError, Misbehaved, Misuse};
use mickai_model::tokens::{Date, Message, Prompt, Role};
use mickai_proof::cbor::{Major, Reader, write_head, write_text};

/// What a turn of the user begins with that tells what a call gave, and is none of the user's.
pub const GIVEN: &str = "<tool_response>\n";

/// Times that a text is shortened in proportion, which nearly every text needs only a few of; then it is halved.
const CUTS_MAX: usize = 32;

/// The prompt of a generation, before it is tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Turns, which the model's own template makes one text of; the last is the operator's or the caller's.
    Conversation(Vec<Message>),
    /// A text that the model goes on with; no template is asked.
    Text(String),
}

impl Said {
    /// The prompt's tokens, as on `day`; the same for a first time and for a replay.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] with both numbers, a template that refuses, a text that is too long.
    pub(crate) fn render(&self, model: &Loaded, day: Day) -> Result<Prompt> {
        let prompt = self.render_any(model, day)?;
        if prompt.tokens.is_empty() {
            return Err(Error::Model(Misuse::PromptEmpty.into()));
        }
        let (prompt_token_count, context_token_count) = (prompt.tokens.len(), model.file.config.context_tokens_max);
        // Refused here so that no record speaks of an act that could never begin.
        if prompt_token_count >= context_token_count {
            return Err(Error::PromptTooLong { prompt_token_count, context_token_count });
        }
        Ok(prompt)
    }

    fn render_any(&self, model: &Loaded, day: Day) -> Result<Prompt> {
        match self {
            Self::Conversation(messages) => {
                let date = u16::try_from(day.year()).ok().zip(u8::try_from(day.month()).ok().zip(u8::try_from(day.day()).ok()));
                let (year, (month, day)) = date.ok_or(Error::Clock)?;
                Ok(model.file.require_template()?.render(messages, Date::new(year, month, day)?, &model.file.tokenizer)?)
            }
            Self::Text(text) => Ok(Prompt::plain(text, &model.file.tokenizer)?),
        }
    }

    /// The prompt without its oldest parts, so that with an answer it fits: turns go before one of the user, words of the system stay; a text loses its beginning.
    /// Where what must stay is too long by itself, or cannot be rendered, [`Said::render`] says so of what this gives.
    ///
    /// # Errors
    /// Those of `look`, which is asked before each rendering whether to go on.
    pub(crate) fn shortened(&self, model: &Loaded, day: Day, room: Room, look: &dyn Fn() -> Result<()>) -> Result<Self> {
        let goal = room.prompt_token_count_max(model);
        let count = |said: &Self| {
            look()?;
            Ok(said.render_any(model, day).map(|prompt| prompt.tokens.len()))
        };
        match self {
            Self::Conversation(messages) => without_turns(messages, goal, &count),
            Self::Text(text) => without_beginning(text, goal, &count),
        }
    }

    /// As deterministic CBOR: `[+ [role, content]]`, or a text.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Conversation(messages) => {
                write_head(&mut out, Major::Array, messages.len() as u64);
                for message in messages {
                    write_head(&mut out, Major::Array, 2);
                    write_text(&mut out, message.role.name());
                    write_text(&mut out, &message.content);
                }
            }
            Self::Text(text) => write_text(&mut out, text),
        }
        out
    }

    /// What a value says.
    pub(crate) fn of(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let Ok(count) = reader.array() else { return Reader::new(value).text().ok().map(|text| Self::Text(text.to_owned())) };
        let message = |_| {
            reader.array().ok().filter(|&elements| elements == 2)?;
            let role = reader.text().ok()?;
            let role = [Role::System, Role::User, Role::Assistant].into_iter().find(|known| known.name() == role)?;
            Some(Message { role, content: reader.text().ok()?.to_owned() })
        };
        (0..count).map(message).collect::<Option<_>>().map(Self::Conversation)
    }

    /// For people: turns with their roles, or the text.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Conversation(messages) => messages.iter().map(|message| format!("{}: {}", message.role.name(), message.content)).collect::<Vec<_>>().join("\n"),
            Self::Text(text) => text.clone(),
        }
    }

    /// What was asked: the content of the last message of the role user, or the text.
    pub(crate) fn last_content(&self) -> &str {
        match self {
            Self::Conversation(messages) => messages.iter().rev().find(|message| message.role == Role::User).map_or("", |message| &message.content),
            Self::Text(text) => text,
        }
    }
}

/// What a prompt that is shortened has to fit into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Tokens whose keys and values can be held, of the prompt and its answer together.
    pub token_count_max: usize,
    /// Of these, tokens of the answer.
    pub answer_token_count: usize,
}

impl Room {
    /// The answer gets what it asks for, but no more than half of what the model reads and there is room for.
    fn prompt_token_count_max(self, model: &Loaded) -> usize {
        let token_count_max = model.file.config.context_tokens_max.min(self.token_count_max);
        token_count_max.saturating_sub(self.answer_token_count.clamp(1, (token_count_max / 2).max(1)))
    }
}

/// The prompt that was shortened last, before and after: the orders of one request follow each other and share it.
#[derive(Default)]
pub(crate) struct Shortening(Option<(Said, Room, Said)>);

impl Shortening {
    /// As [`Said::shortened`], of a prompt for that model.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn of(&mut self, said: Said, model: &Loaded, day: Day, room: Room, look: &dyn Fn() -> Result<()>) -> Result<Said> {
        if let Some((_, _, known)) = self.0.as_ref().filter(|(before, of_room, _)| (before, *of_room) == (&said, room)) {
            return Ok(known.clone());
        }
        let shortened = said.shortened(model, day, room, look)?;
        self.0 = Some((said, room, shortened.clone()));
        Ok(shortened)
    }
}

/// Says how many tokens a prompt has, or why it cannot be rendered; an error of its own where nobody waits any more.
type Count<'a> = &'a dyn Fn(&Said) -> Result<Result<usize>>;

/// The conversation without as few turns as will do; without all that may go, where even that is too long. What is left begins with a turn of the user: many templates refuse an answer that nothing was asked
/// before. So what is refused is too long as well, while there is less to try; but not where all of it is refused, and not for its length.
fn without_turns(messages: &[Message], goal: usize, count: Count<'_>) -> Result<Said> {
    let turns = messages.iter().enumerate().filter(|(_, message)| message.role != Role::System);
    // Before the first turn there is nothing that could go.
    let later = turns.skip(1).filter(|(_, message)| message.role == Role::User && !message.content.starts_with(GIVEN)).map(|(at, _)| at);
    let firsts: Vec<usize> = std::iter::once(0).chain(later).collect();
    let from = |cut: usize| {
        let stay = messages.iter().enumerate().filter(|(at, message)| *at >= firsts[cut] || message.role == Role::System);
        Said::Conversation(stay.map(|(_, message)| message.clone()).collect())
    };
    let is_enough = |cut: usize| match count(&from(cut))? {
        Ok(token_count) => Ok(token_count <= goal),
        Err(Error::Model(ModelError::Misbehaved(Misbehaved::TemplateRefused(_) | Misbehaved::TemplateLooks))) => Ok(cut == 0),
        Err(_) => Ok(false),
    };
    Ok(from(least(firsts.len() - 1, is_enough)?))
}

/// The text without a beginning in proportion to what is too much, as often as that is so.
fn without_beginning(text: &str, goal: usize, count: Count<'_>) -> Result<Said> {
    let said = |text: &str| Said::Text(text.to_owned());
    let mut rest = text;
    for _ in 0..CUTS_MAX {
        // What the tokenizer does not take, for its bytes or its white space, is refused and not shortened.
        let Some(token_count) = count(&said(rest))?.ok().filter(|token_count| *token_count > goal && !rest.is_empty()) else { return Ok(said(rest)) };
        rest = behind(rest, (rest.len() * (token_count - goal) / token_count).max(1));
    }
    // Its end has many more tokens for a byte than its beginning.
    let at = least(rest.len(), |at| Ok(count(&said(behind(rest, at)))?.ok().is_none_or(|token_count| token_count <= goal)))?;
    Ok(said(behind(rest, at)))
}

/// What stands behind a byte, from the next character on.
fn behind(text: &str, at: usize) -> &str {
    text.get(text.ceil_char_boundary(at)..).unwrap_or_default()
}

/// The least number below `end` that is enough, `end` where none is. 0 is tried first, because it mostly is; the others by halving.
fn least(end: usize, is_enough: impl Fn(usize) -> Result<bool>) -> Result<usize> {
    let (mut from, mut to, mut tried) = (0, end, 0);
    while from < to {
        if is_enough(tried)? {
            to = tried;
        } else {
            from = tried + 1;
        }
        tried = usize::midpoint(from, to);
    }
    Ok(from)
}

#[cfg(test)]
mod tests;
