//! What calls gave comes in the order of the calls, and each has its own; what messages are made of turns.

use super::*;

fn call(id: &str, name: &str) -> Turn {
    Turn::Call { id: id.to_owned(), name: name.to_owned(), arguments: "{}".to_owned() }
}

fn given(of: Of, content: &str, at: usize) -> Turn {
    Turn::Given { of, content: content.to_owned(), at }
}

fn id(id: &str) -> Of {
    Of::Id(id.to_owned())
}

fn name(name: &str) -> Of {
    Of::Name(name.to_owned())
}

/// What was given, in order.
fn contents(turns: Vec<Turn>) -> Result<String, usize> {
    let given = |turn: &Turn| if let Turn::Given { content, .. } = turn { Some(content.clone()) } else { None };
    Ok(in_order(turns)?.iter().filter_map(given).collect())
}

#[test]
fn results_come_in_the_order_of_their_calls() {
    let (a, b) = (call("1", "a"), call("2", "b"));
    let both = |first, second| contents(vec![a.clone(), b.clone(), first, second]);
    assert_eq!(both(given(id("2"), "B", 1), given(id("1"), "A", 2)), Ok("AB".to_owned()));
    assert_eq!(both(given(name("b"), "B", 1), given(name("a"), "A", 2)), Ok("AB".to_owned()));
    assert_eq!(both(given(Of::Next, "A", 1), given(Of::Next, "B", 2)), Ok("AB".to_owned()));
    // Each group of results stays where it is; an id that comes again is of the call that has none yet.
    let twice = vec![a.clone(), given(id("1"), "A", 1), Turn::User("x".to_owned()), a.clone(), b, given(id("2"), "C", 4), given(id("1"), "B", 5)];
    assert_eq!(contents(twice), Ok("ABC".to_owned()));
}

#[test]
fn a_result_of_no_call_is_refused_at_its_place() {
    let a = call("1", "a");
    assert_eq!(contents(vec![a.clone(), given(id("2"), "B", 7)]), Err(7));
    assert_eq!(contents(vec![given(id("1"), "A", 3), a.clone()]), Err(3));
    assert_eq!(contents(vec![a.clone(), given(id("1"), "A", 1), given(id("1"), "A", 2)]), Err(2));
    assert_eq!(contents(vec![a.clone(), given(name("b"), "B", 1)]), Err(1));
    assert_eq!(contents(vec![given(Of::Next, "A", 0), a]), Err(0));
}

/// A request may have ten thousands of turns without a word.
#[test]
fn a_turn_holds_itself_and_every_text_in_it() {
    let bare = Turn::User(String::new()).byte_count();
    assert!(bare >= size_of::<String>());
    let turns = [Turn::System("abc".to_owned()), Turn::Assistant("abc".to_owned()), call("", "a"), given(id("ab"), "c", 0), given(name("ab"), "c", 0), given(Of::Next, "abc", 0)];
    assert!(turns.iter().all(|turn| turn.byte_count() == bare + 3));
}

/// It is for the template to take two turns of one side or to refuse them.
#[test]
fn turns_stay_as_they_came_but_for_calls_and_what_they_gave() {
    let (user, assistant) = (|words: &str| Turn::User(words.to_owned()), |words: &str| Turn::Assistant(words.to_owned()));
    let turns = vec![user("a"), user("b"), assistant("c"), assistant("d"), call("1", "f"), call("2", "g"), given(id("1"), "A", 0), given(id("2"), "B", 0), user("e")];
    let messages = messages(turns, &Form::default());
    let calls = format!("d\n{}\n{}", tools::written("f", "{}"), tools::written("g", "{}"));
    let results = format!("{GIVEN}A\n</tool_response>\n{GIVEN}B\n</tool_response>");
    let expected = [(Role::User, "a"), (Role::User, "b"), (Role::Assistant, "c"), (Role::Assistant, calls.as_str()), (Role::User, results.as_str()), (Role::User, "e")];
    assert_eq!(messages.iter().map(|message| (message.role, message.content.as_str())).collect::<Vec<_>>(), expected);
}
