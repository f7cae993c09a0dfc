//! The form of a call, byte by byte: what constrained decoding lets the embedded model write for one request (spec/verbs.md "Form").

use super::table::{Argument, Verb};
use mickai_model::constrain::Grammar;

/// Bytes of a copied value.
const VALUE_BYTES_MAX: usize = 120;

/// The calls that one request allows.
pub struct Form {
    /// The request's characters, and one last place behind them where a value may end.
    request: Vec<Character>,
}

/// One character of the request.
struct Character {
    /// As JSON writes it inside a string.
    escaped: String,
    /// Bytes of UTF-8.
    size: usize,
    /// A copied value may hold it.
    is_copyable: bool,
    /// A copied value may begin with it.
    starts: bool,
    /// A copied value may end before it.
    ends: bool,
}

/// All the ways in which what has been written so far may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormState(Vec<Item>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// `at` bytes into a piece of fixed text.
    Text { piece: Piece, at: usize },
    /// Copying the value of an argument that began at character `from`: `offset` bytes into the escaped form of character `index`.
    Copy { from: usize, index: usize, offset: usize, then: Place },
    /// After the closing brace.
    Done,
}

/// Behind the verb's name or a value: the arguments from `index` on may follow, or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    verb: Verb,
    index: usize,
}

/// Fixed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// `{"verb":"NAME"`
    Open(Verb),
    /// `,"KEY":"`
    Key(Verb, usize, Argument),
    /// `WORD"`
    Word(&'static str, Place),
    /// `}`
    Close,
}

impl Piece {
    fn byte(self, at: usize) -> Option<u8> {
        let (before, name, after) = match self {
            Self::Open(verb) => ("{\"verb\":\"", verb.name(), "\""),
            Self::Key(_, _, argument) => (",\"", argument.name(), "\":\""),
            Self::Word(word, _) => ("", word, "\""),
            Self::Close => ("}", "", ""),
        };
        before.bytes().chain(name.bytes()).chain(after.bytes()).nth(at)
    }
}

impl Form {
    /// The form for one request.
    pub fn new(request: &str) -> Self {
        let characters: Vec<char> = request.chars().collect();
        let place = |(i, c): (usize, Option<char>)| Character {
            escaped: c.map(escaped).unwrap_or_default(),
            size: c.map_or(0, char::len_utf8),
            is_copyable: c.is_some_and(|c| c >= ' '),
            starts: starts_at(&characters, i),
            ends: ends_before(&characters, i),
        };
        let request = characters.iter().copied().map(Some).chain([None]).enumerate().map(place).collect();
        Self { request }
    }

    /// Can a value from `from`, now before `index`, still end within its 120 bytes?
    fn can_end(&self, from: usize, index: usize) -> bool {
        let mut size: usize = self.request.get(from..index).unwrap_or_default().iter().map(|character| character.size).sum();
        for character in self.request.get(index..).unwrap_or_default() {
            if size > VALUE_BYTES_MAX {
                return false;
            }
            if character.ends {
                return true;
            }
            if !character.is_copyable {
                return false;
            }
            size += character.size;
        }
        false
    }

    /// Behind the name or a value.
    fn enter_arguments(&self, Place { verb, index }: Place, out: &mut Vec<Item>) {
        out.push(Item::Text { piece: Piece::Close, at: 0 });
        let keys = verb.arguments().iter().enumerate().skip(index);
        out.extend(keys.map(|(index, argument)| Item::Text { piece: Piece::Key(verb, index, *argument), at: 0 }));
    }

    /// Behind a key and its colon.
    fn enter_value(&self, verb: Verb, index: usize, argument: Argument, out: &mut Vec<Item>) {
        let then = Place { verb, index: index + 1 };
        match argument.words() {
            Some(words) => out.extend(words.iter().map(|word| Item::Text { piece: Piece::Word(word, then), at: 0 })),
            None => {
                let starts = self.request.iter().enumerate().filter(|(from, character)| character.starts && self.can_end(*from, from + 1));
                out.extend(starts.map(|(from, _)| Item::Copy { from, index: from, offset: 0, then }));
            }
        }
    }

    fn step_text(&self, piece: Piece, at: usize, byte: u8, out: &mut Vec<Item>) {
        if piece.byte(at) != Some(byte) {
            return;
        }
        if piece.byte(at + 1).is_some() {
            return out.push(Item::Text { piece, at: at + 1 });
        }
        match piece {
            Piece::Open(verb) => self.enter_arguments(Place { verb, index: 0 }, out),
            Piece::Key(verb, index, argument) => self.enter_value(verb, index, argument, out),
            Piece::Word(_, then) => self.enter_arguments(then, out),
            Piece::Close => out.push(Item::Done),
        }
    }

    fn step_copy(&self, (from, index, offset, then): (usize, usize, usize, Place), byte: u8, out: &mut Vec<Item>) {
        let Some(character) = self.request.get(index) else { return };
        if byte == b'"' && offset == 0 && index > from && character.ends {
            self.enter_arguments(then, out);
        }
        if character.escaped.as_bytes().get(offset) != Some(&byte) {
            return;
        }
        if offset + 1 < character.escaped.len() {
            out.push(Item::Copy { from, index, offset: offset + 1, then });
        } else if self.can_end(from, index + 1) {
            out.push(Item::Copy { from, index: index + 1, offset: 0, then });
        }
    }
}

impl Grammar for Form {
    type State = FormState;

    fn start(&self) -> FormState {
        FormState(Verb::ALL.into_iter().map(|verb| Item::Text { piece: Piece::Open(verb), at: 0 }).collect())
    }

    fn step(&self, state: &FormState, byte: u8) -> Option<FormState> {
        let mut out = Vec::new();
        for item in &state.0 {
            match *item {
                Item::Text { piece, at } => self.step_text(piece, at, byte, &mut out),
                Item::Copy { from, index, offset, then } => self.step_copy((from, index, offset, then), byte, &mut out),
                Item::Done => {}
            }
        }
        (!out.is_empty()).then_some(FormState(out))
    }

    fn may_end(&self, state: &FormState) -> bool {
        state.0.contains(&Item::Done)
    }
}

/// A character inside a JSON string, escaped as little as JSON allows.
fn escaped(c: char) -> String {
    let quoted = serde_json::Value::from(c.to_string()).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// A value begins at a character that is not white space, and not inside a run of letters or of digits.
fn starts_at(characters: &[char], i: usize) -> bool {
    let Some(&c) = characters.get(i) else { return false };
    c >= ' ' && !c.is_whitespace() && !i.checked_sub(1).and_then(|i| characters.get(i)).is_some_and(|&before| is_one_run(before, c))
}

/// A value ends behind a character that is not white space, and not inside a run; but the last letter of a run may be left out when it is an s (`yesterdays`).
fn ends_before(characters: &[char], i: usize) -> bool {
    let Some(&last) = i.checked_sub(1).and_then(|i| characters.get(i)) else { return false };
    let Some(&next) = characters.get(i) else { return last >= ' ' && !last.is_whitespace() };
    let leaves_out_s = matches!(next, 's' | 'S') && last.is_alphabetic() && characters.get(i + 1).is_none_or(|c| !c.is_alphabetic());
    last >= ' ' && !last.is_whitespace() && (!is_one_run(last, next) || leaves_out_s)
}

fn is_one_run(a: char, b: char) -> bool {
    (a.is_alphabetic() && b.is_alphabetic()) || (a.is_ascii_digit() && b.is_ascii_digit())
}
