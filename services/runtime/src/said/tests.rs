//! Prompts lose what they lose when every turn of the user is tried, and few renderings find out how much that is.

use super::*;
use crate::models::open_files;
use crate::serve::Full;
use mickai_model::file::open_folder;
use mickai_model::tensor::Source;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DAY: Day = Day::constant(2026, 2, 28);

/// As the templates of Llama 2, Mistral and Gemma are: who does not speak in turn, the user first, is refused.
const ALTERNATING: &str = "{% if messages[0].role == 'system' %}{{ messages[0].content }}\n{% set turns = messages[1:] %}{% else %}{% set turns = messages %}{% endif %}\
    {% for turn in turns %}{% if (turn.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant must alternate') }}{% endif %}\
    {{ turn.role }}: {{ turn.content }}\n{% endfor %}assistant:";

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model").join(name)
}

fn model() -> Loaded {
    Loaded::new("tiny".to_owned(), open_files(&[vectors("llama-64.f32.gguf")]).unwrap(), false).unwrap()
}

/// The same weights with another template.
fn model_with(template: &str) -> Loaded {
    let source = |bytes: Vec<u8>| -> Source { Arc::new(bytes) };
    let names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
    let mut files: BTreeMap<String, Source> = names.map(|name| (name.to_owned(), source(std::fs::read(vectors("llama-64").join(name)).unwrap()))).into();
    files.insert("chat_template.jinja".to_owned(), source(template.as_bytes().to_vec()));
    Loaded::new("strict".to_owned(), open_folder(files).unwrap(), false).unwrap()
}

/// The `length` turns of a conversation, of different lengths, behind words of the system.
fn conversation(length: usize) -> Vec<Message> {
    let turn = |at: usize| {
        let role = if at.is_multiple_of(2) { Role::User } else { Role::Assistant };
        Message { role, content: format!("turn {at} {}", "na ".repeat(at * 7 % 40)) }
    };
    std::iter::once(Message { role: Role::System, content: "be brief".to_owned() }).chain((1..=length).map(turn)).collect()
}

/// One turn of the user after the other is the first that stays, or one beginning goes, until what is left can be written and fits.
fn one_by_one(said: &Said, model: &Loaded, room: usize) -> Result<Said> {
    let context = model.file.config.context_tokens_max;
    let goal = context.saturating_sub(room.clamp(1, context / 2));
    let mut left = said.clone();
    loop {
        let token_count = left.render_any(model, DAY).map(|prompt| prompt.tokens.len());
        let is_refused = matches!(token_count, Err(Error::Model(ModelError::Misbehaved(Misbehaved::TemplateRefused(_)))));
        if token_count.as_ref().is_ok_and(|token_count| *token_count <= goal) || is_refused && left == *said {
            break;
        }
        let is_less = match &mut left {
            Said::Conversation(messages) => {
                let turns = messages.iter().enumerate().filter(|(_, message)| message.role != Role::System);
                let next = turns.skip(1).find(|(_, message)| message.role == Role::User && !message.content.starts_with(GIVEN)).map(|(at, _)| at);
                let mut at = 0;
                messages.retain(|message| {
                    at += 1;
                    next.is_none_or(|next| at > next) || message.role == Role::System
                });
                next.is_some()
            }
            Said::Text(text) => {
                let token_count = token_count?;
                let cut = (text.len() * (token_count - goal) / token_count).max(1).min(text.len());
                text.drain(..text.ceil_char_boundary(cut));
                !text.is_empty()
            }
        };
        if !is_less {
            break;
        }
    }
    left.render(model, DAY)?;
    Ok(left)
}

/// What is found for a prompt is what every cut one by one comes to, also where that is a refusal.
fn check(said: &Said, model: &Loaded) {
    for room in [0, 1, 300, 5_000] {
        let ((found, _), wanted) = (shortened(said, model, room), one_by_one(said, model, room));
        let what = said.to_text().chars().take(40).collect::<String>();
        match (&found, &wanted) {
            (Ok(found), Ok(wanted)) => assert!(found == wanted, "{what:?} with room for {room}: {} and {} bytes", found.to_text().len(), wanted.to_text().len()),
            (found, wanted) => assert_eq!(found.as_ref().err().map(Error::to_string), wanted.as_ref().err().map(Error::to_string), "{what:?} with room for {room}"),
        }
    }
}

/// For an answer of so many tokens, with as much of a cache as the model can use.
fn room(answer_token_count: usize) -> Room {
    Room { token_count_max: usize::MAX, answer_token_count }
}

/// Shortened, the number of renderings that it took, and whether what is left can be rendered.
fn shortened(said: &Said, model: &Loaded, answer_token_count: usize) -> (Result<Said>, usize) {
    let count = Cell::new(0);
    let look = || {
        count.set(count.get() + 1);
        Ok(())
    };
    let shortened = said.shortened(model, DAY, room(answer_token_count), &look).unwrap();
    (shortened.render(model, DAY).map(|_| shortened), count.get())
}

fn message(role: Role, content: &str) -> Message {
    Message { role, content: content.to_owned() }
}

#[test]
fn what_goes_is_what_goes_when_every_turn_is_tried() {
    let model = model();
    let long = "word ".repeat(4_000);
    let conversations = [
        conversation(0),
        conversation(1),
        conversation(50),
        conversation(50)[1..].to_vec(),
        // What must stay is too long by itself.
        vec![message(Role::User, &long)],
        vec![message(Role::System, &long), message(Role::User, "hello")],
        vec![message(Role::User, "hello"), message(Role::Assistant, "yes"), message(Role::User, &long)],
        vec![message(Role::User, &long), message(Role::Assistant, "yes"), message(Role::User, "hello")],
        vec![message(Role::User, &long), message(Role::Assistant, "an answer to go on with")],
        // The template takes words of the system at the beginning alone: never, and when the first turn is gone.
        vec![message(Role::User, "hello"), message(Role::System, "be brief"), message(Role::User, &long)],
        vec![message(Role::User, &long), message(Role::System, "be brief"), message(Role::User, "hello")],
        Vec::new(),
    ];
    let uneven = ["    ".repeat(2_000) + &"x".repeat(3_000), "x".repeat(3_000) + &"    ".repeat(3_000)];
    let texts = [String::new(), "hello".to_owned(), long.clone(), "é".repeat(9_000)].into_iter().chain(uneven);
    for said in conversations.into_iter().map(Said::Conversation).chain(texts.map(Said::Text)) {
        check(&said, &model);
    }
}

/// Half of all cuts would leave an answer in front, which such a template refuses: they are no way to be short enough.
#[test]
fn a_template_that_wants_turns_in_turn_gets_them() {
    let model = model_with(ALTERNATING);
    let said_first_by_the_user = |length: usize| {
        let mut messages = conversation(length);
        messages.remove(1);
        messages
    };
    let (said, count) = shortened(&Said::Conversation(said_first_by_the_user(1_000)), &model, 1);
    let Said::Conversation(messages) = said.unwrap() else { panic!("no conversation") };
    assert!((3..1_000).contains(&messages.len()) && count <= 12, "{} {count}", messages.len());
    assert_eq!((messages[0].role, messages[1].role), (Role::System, Role::User));
    let long = "word ".repeat(4_000);
    let conversations = [
        said_first_by_the_user(1_000),
        said_first_by_the_user(1_000)[1..].to_vec(),
        said_first_by_the_user(301),
        said_first_by_the_user(3),
        vec![message(Role::User, &long), message(Role::Assistant, "yes"), message(Role::User, "hello")],
        vec![message(Role::User, "hello"), message(Role::Assistant, "yes"), message(Role::User, &long)],
        // Refused whole, and not for its length: nothing goes.
        conversation(3),
        conversation(1_000),
        vec![message(Role::User, &long), message(Role::User, "hello"), message(Role::Assistant, "yes"), message(Role::User, "why")],
        // Refused whatever goes.
        vec![message(Role::User, "hello"), message(Role::User, "hello"), message(Role::Assistant, "yes"), message(Role::Assistant, "yes")],
    ];
    for said in conversations.into_iter().map(Said::Conversation) {
        check(&said, &model);
    }
}

/// What a call gave is told as a turn of the user, and means nothing without the question and the call.
#[test]
fn a_conversation_does_not_begin_with_what_a_call_gave() {
    let model = model();
    let given = |content: &str| message(Role::User, &format!("{GIVEN}{content}\n</tool_response>"));
    let question = [message(Role::User, "what is the time"), message(Role::Assistant, "a call"), given(&"long ".repeat(4_000))];
    let (said, _) = shortened(&Said::Conversation(question.to_vec()), &model, 1);
    assert!(matches!(said, Err(Error::PromptTooLong { .. })));
    let before = [message(Role::User, &"word ".repeat(4_000)), message(Role::Assistant, "a call"), given("short")];
    let after = [message(Role::User, "what is the time"), message(Role::Assistant, "a call"), given("noon")];
    let (said, _) = shortened(&Said::Conversation([before, after.clone()].concat()), &model, 1);
    assert_eq!(said.unwrap(), Said::Conversation(after.to_vec()));
}

#[test]
fn a_thousand_turns_take_a_dozen_renderings() {
    let model = model();
    let (said, count) = shortened(&Said::Conversation(conversation(1_000)), &model, 1);
    let Said::Conversation(messages) = said.unwrap() else { panic!("no conversation") };
    assert!((2..1_000).contains(&messages.len()) && messages[0].role == Role::System, "{}", messages.len());
    assert!(count <= 12, "{count}");
    // What fits is rendered once.
    assert_eq!(shortened(&Said::Conversation(conversation(3)), &model, 1).1, 1);
}

/// In proportion, each cut would take little of what is too much: the beginning has the bytes, the end the tokens.
#[test]
fn a_text_that_is_dense_at_its_end_is_halved() {
    let (long, dense, goal) = ("a".repeat(12_800), "b".repeat(2_000), 2_000);
    let calls = Cell::new(0);
    let count = |said: &Said| {
        calls.set(calls.get() + 1);
        let long = said.last_content().bytes().filter(|byte| *byte == b'a').count();
        Ok(Ok(long.div_ceil(128) + said.last_content().len() - long))
    };
    assert_eq!(without_beginning(&(long + &dense), goal, &count).unwrap(), Said::Text(dense));
    assert!((CUTS_MAX..CUTS_MAX + 16).contains(&calls.get()), "{}", calls.get());
}

#[test]
fn who_is_asked_says_when_it_is_enough() {
    let model = model();
    let left = Cell::new(3);
    let look = || {
        left.set(left.get() - 1);
        if left.get() == 0 { Err(Error::Full(Full::Closed)) } else { Ok(()) }
    };
    for said in [Said::Conversation(conversation(1_000)), Said::Text("word ".repeat(1_000) + &"x".repeat(9_000))] {
        left.set(3);
        assert!(matches!(said.shortened(&model, DAY, room(1), &look), Err(Error::Full(Full::Closed))));
        assert_eq!(left.get(), 0);
    }
}

#[test]
fn answers_to_one_request_share_what_is_left_of_it() {
    let model = model();
    let (mut shortening, count) = (Shortening::default(), Cell::new(0));
    let look = || {
        count.set(count.get() + 1);
        Ok(())
    };
    let said = Said::Conversation(conversation(300));
    let first = shortening.of(said.clone(), &model, DAY, room(1), &look).unwrap();
    let renderings = count.get();
    for _ in 0..7 {
        assert_eq!(shortening.of(said.clone(), &model, DAY, room(1), &look).unwrap(), first);
    }
    assert_eq!(count.get(), renderings);
    // Another answer's length, or another prompt, is another matter.
    assert_ne!(shortening.of(said, &model, DAY, room(1_000), &look).unwrap(), first);
    shortening.of(Said::Text("hello".to_owned()), &model, DAY, room(1_000), &look).unwrap();
    assert!(count.get() > renderings + 1);
}

/// A cache that holds less than the model reads is what there is room in.
#[test]
fn what_cannot_be_held_goes_too() {
    let model = model();
    let (context, said) = (model.file.config.context_tokens_max, Said::Conversation(conversation(300)));
    for token_count_max in [context / 2, context / 4] {
        let room = Room { token_count_max, answer_token_count: 16 };
        let left = said.shortened(&model, DAY, room, &|| Ok(())).unwrap();
        let token_count = left.render(&model, DAY).unwrap().tokens.len();
        assert!((1..=token_count_max - 16).contains(&token_count), "{token_count} of {token_count_max}");
    }
}
