//! What a grammar allows is what comes out, the end among it; what cannot be compiled is said.

use super::*;
use crate::models::EMBEDDED;
use mickai_model::file::open_gguf;
use std::sync::Arc;

fn tokenizer() -> Tokenizer {
    open_gguf(Arc::new(EMBEDDED)).unwrap().tokenizer
}

/// Writes the lowest token that is allowed, until the end is the only one or the count is full.
fn lowest(lark: &str, tokenizer: &Tokenizer, count: usize) -> String {
    let grammars = Grammars::new(tokenizer).unwrap();
    let mut held = grammars.hold(&Grammar::new(lark.to_owned()), tokenizer).unwrap();
    let (mut allowed, mut tokens) = (TokenSet::new(), Vec::new());
    for _ in 0..count {
        held.allow(&mut allowed);
        let is_end = |token: Token| tokenizer.roles().eos.contains(&token);
        let next = tokenizer.vocabulary().iter().map(|(token, _)| token).find(|token| allowed.contains(*token) && !is_end(*token));
        let Some(token) = next else {
            assert!(held.may_end(), "nothing may come, so it may end");
            assert!(tokenizer.roles().eos.iter().any(|end| allowed.contains(*end)), "the end is among what is allowed");
            break;
        };
        tokens.push(token);
        held.advance(token).unwrap();
    }
    tokenizer.decode(&tokens).unwrap()
}

#[test]
fn a_text_is_held_to_its_grammar() {
    let tokenizer = tokenizer();
    let cases = [
        ("start: \"yes\"", "yes"),
        ("start: %json {\"const\": {\"a\": [1, null]}}", "{\"a\":[1,null]}"),
        (
            "start: %json {\"const\": {\"a\": [1, null]}, \"x-guidance\": {\"whitespace_flexible\": false, \"item_separator\": \", \", \"key_separator\": \": \"}}",
            "{\"a\": [1, null]}",
        ),
    ];
    for (lark, text) in cases {
        let written = lowest(lark, &tokenizer, 64);
        // The first of these leaves white space to the model, which the lowest tokens make use of.
        let shown = if lark.contains("flexible") { written.clone() } else { written.split_whitespace().collect() };
        assert_eq!(shown, text, "{lark}: {written:?}");
    }
}

#[test]
fn text_that_begins_as_a_call_does_is_none() {
    let tokenizer = tokenizer();
    let grammars = Grammars::new(&tokenizer).unwrap();
    let lark = "start: TEXT\nTEXT: /(?s:.*)/ & ~/(?s:<tool_call>.*)/\n";
    for (text, fits) in [("hello", true), ("<tool_cal", true), ("<tool_call>", false), (" <tool_call>", true), ("", true)] {
        let mut held = grammars.hold(&Grammar::new(lark.to_owned()), &tokenizer).unwrap();
        let mut allowed = TokenSet::new();
        let came_through = tokenizer.encode_text(text).unwrap().into_iter().all(|token| {
            held.allow(&mut allowed);
            let may = allowed.contains(token);
            if may {
                held.advance(token).unwrap();
            }
            may
        });
        assert_eq!(came_through && held.may_end(), fits, "{text:?}");
    }
}

/// The answers to one request are compiled once, and go ways of their own.
#[test]
fn a_copy_is_another_text() {
    let tokenizer = tokenizer();
    let grammars = Grammars::new(&tokenizer).unwrap();
    let mut held = grammars.hold(&Grammar::new("start: \"yes\" | \"no\"".to_owned()), &tokenizer).unwrap();
    let mut copy = held.copy();
    let allowed = |held: &mut Held| {
        let mut allowed = TokenSet::new();
        held.allow(&mut allowed);
        tokenizer.vocabulary().iter().map(|(token, _)| token).filter(|token| allowed.contains(*token)).collect::<Vec<_>>()
    };
    let first = allowed(&mut held);
    assert_eq!(allowed(&mut copy), first);
    for token in tokenizer.encode_text("yes").unwrap() {
        held.advance(token).unwrap();
    }
    assert!(held.may_end() && !copy.may_end());
    assert_eq!(allowed(&mut copy), first);
}

#[test]
fn what_cannot_be_compiled_is_said() {
    let tokenizer = tokenizer();
    let grammars = Grammars::new(&tokenizer).unwrap();
    for lark in [
        "start: %json {\"type\": \"tea\"}",
        "start: %json {\"unevaluatedProperties\": false, \"type\": \"object\"}",
        "start: nothing",
        "",
        "start: %json {\"allOf\": [{\"type\": \"string\"}, {\"type\": \"integer\"}]}",
    ] {
        let refused = grammars.hold(&Grammar::new(lark.to_owned()), &tokenizer).err();
        assert!(matches!(refused, Some(Error::Grammar(_))), "{lark} {refused:?}");
    }
}

#[test]
fn the_version_on_record_is_the_one_that_is_linked() {
    let lock = include_str!("../../../../Cargo.lock");
    let (name, version) = CONSTRAINT_GRAMMAR.split_once('-').unwrap();
    assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{CONSTRAINT_GRAMMAR}");
}
