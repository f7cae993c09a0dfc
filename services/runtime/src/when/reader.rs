//! A place in the pieces of a phrase: cheap to copy, so that a reading which does not fit leaves no trace.

use super::vocabulary::{Unit, month, small, tens, unit, weekday};
use super::words::{Shape, Token};

/// A place in the pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// The word here, if it is one.
    pub(super) fn word(&self) -> Option<&'a str> {
        self.peek().filter(|token| token.shape == Shape::Word).map(|token| token.text.as_str())
    }

    /// Takes the word here if it is one of `words`.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let taken = self.word().is_some_and(|word| words.contains(&word));
        self.at += usize::from(taken);
        taken
    }

    /// Takes the words of `words` in their order, all or none.
    pub(super) fn take_all(&mut self, words: &str) -> bool {
        let before = *self;
        let taken = words.split(' ').all(|word| self.take(&[word]));
        if !taken {
            *self = before;
        }
        taken
    }

    pub(super) fn take_shape(&mut self, shape: &Shape) -> bool {
        let taken = self.peek().is_some_and(|token| token.shape == *shape);
        self.at += usize::from(taken);
        taken
    }

    /// Takes what `read` finds in the word here.
    pub(super) fn take_as<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = read(self.word()?)?;
        self.at += 1;
        Some(found)
    }

    pub(super) fn unit(&mut self) -> Option<Unit> {
        self.take_as(unit)
    }

    pub(super) fn weekday(&mut self) -> Option<jiff::civil::Weekday> {
        self.take_as(weekday)
    }

    pub(super) fn month(&mut self) -> Option<i8> {
        self.take_as(month)
    }

    /// A number in digits.
    pub(super) fn digits(&mut self) -> Option<(u32, usize)> {
        let Shape::Number { value, digits } = self.peek()?.shape else { return None };
        self.at += 1;
        Some((value, digits))
    }

    /// A number in digits or words up to a hundred: `90`, `three`, `forty-five`, `a hundred`.
    pub(super) fn number(&mut self) -> Option<u32> {
        if let Some((value, _)) = self.digits() {
            return Some(value);
        }
        if self.take_all("a hundred") || self.take_all("one hundred") {
            return Some(100);
        }
        if let Some(value) = self.take_as(small) {
            return Some(value);
        }
        let ten = self.take_as(tens)?;
        let before = *self;
        self.take_shape(&Shape::Dash);
        match self.take_as(small).filter(|one| *one < 10) {
            Some(one) => Some(ten + one),
            None => {
                *self = before;
                Some(ten)
            }
        }
    }

    /// Passes words that join the parts of one time and say nothing of their own.
    pub(super) fn skip_joints(&mut self) {
        while self.take(&["on", "at", "in", "the", "of", "during"]) || self.take_shape(&Shape::Pause) {}
    }

    pub(super) fn skip_pauses(&mut self) {
        while self.take_shape(&Shape::Pause) {}
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The text between an earlier place and this one.
    pub(super) fn text_since(&self, earlier: &Self) -> String {
        join(self.tokens.get(earlier.at..self.at).unwrap_or(&[]))
    }
}

/// The pieces as they were written, with one space where there was white space.
pub(super) fn join<'t>(tokens: impl IntoIterator<Item = &'t Token>) -> String {
    let mut text = String::new();
    for token in tokens {
        if !text.is_empty() && !token.glued {
            text.push(' ');
        }
        text.push_str(&token.text);
    }
    text
}
