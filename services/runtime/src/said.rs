//! What a model is given to go on from: a conversation for its template, or a text as it is.

use crate::error::{Error, Result};
use crate::models::Loaded;
use jiff::civil::Date as Day;
use mickai_model::error::Misuse;
use mickai_model::tokens::{Date, Message, Prompt, Role};
use mickai_proof::cbor::{Major, Reader, write_head, write_text};

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

    /// The prompt without its oldest parts, so that with `room` tokens of answer it fits the model: turns go before the last one, words of the system stay; a text loses its beginning.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] when what must stay is too long by itself; what [`Said::render`] says otherwise.
    pub(crate) fn shortened(mut self, model: &Loaded, day: Day, room: usize) -> Result<Self> {
        let context = model.file.config.context_tokens_max;
        let goal = context.saturating_sub(room.clamp(1, context / 2));
        loop {
            let token_count = self.render_any(model, day)?.tokens.len();
            if token_count <= goal {
                return Ok(self);
            }
            if !self.lose_oldest(token_count, goal) {
                return self.render(model, day).map(|_| self.clone());
            }
        }
    }

    /// `false` where nothing is left that may go.
    fn lose_oldest(&mut self, token_count: usize, goal: usize) -> bool {
        match self {
            Self::Conversation(messages) => {
                let oldest = messages.iter().position(|message| message.role != Role::System).filter(|&at| at + 1 < messages.len());
                oldest.map(|at| messages.remove(at)).is_some()
            }
            Self::Text(text) => {
                // In proportion, and always something, so that this ends.
                let mut cut = (text.len() * (token_count - goal) / token_count).max(1).min(text.len());
                while !text.is_char_boundary(cut) {
                    cut += 1;
                }
                text.drain(..cut);
                !text.is_empty()
            }
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
