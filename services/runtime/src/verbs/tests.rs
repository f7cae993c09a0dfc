//! What the form allows is exactly the calls of spec/verbs.md with values copied from the request.

use super::*;
use mickai_model::constrain::Grammar;

fn allows(request: &str, call: &str) -> bool {
    let form = Form::new(request);
    let end = call.bytes().try_fold(form.start(), |state, byte| form.step(&state, byte));
    end.is_some_and(|state| form.may_end(&state))
}

#[test]
fn values_are_copied_whole_words() {
    let request = "what ran yesterday after three?";
    assert!(allows(request, r#"{"verb":"log.list"}"#));
    assert!(allows(request, r#"{"verb":"log.list","when":"yesterday after three"}"#));
    assert!(allows(request, r#"{"verb":"log.count","when":"yesterday","outcome":"failed"}"#));
    assert!(allows(request, r#"{"verb":"log.list","when":"after three?"}"#));
    for wrong in [
        r#"{"verb":"log.list","when":"today"}"#,
        r#"{"verb":"log.list","when":"yester"}"#,
        r#"{"verb":"log.list","when":"sterday"}"#,
        r#"{"verb":"log.list","when":" yesterday"}"#,
        r#"{"verb":"log.list","when":"yesterday "}"#,
        r#"{"verb":"log.list","when":""}"#,
        r#"{"verb":"log.list","outcome":"failed","when":"yesterday"}"#,
        r#"{"verb":"log.list","outcome":"fine"}"#,
        r#"{"verb":"log.list","path":"yesterday"}"#,
        r#"{"verb":"log.burn"}"#,
        r#"{"verb":"log.list"}x"#,
        r#"{"verb":"log.list""#,
    ] {
        assert!(!allows(request, wrong), "{wrong}");
    }
}

#[test]
fn runs_of_letters_and_digits_are_not_cut() {
    assert!(allows("show #417 please", r#"{"verb":"log.show","record":"417"}"#));
    assert!(!allows("show #417 please", r#"{"verb":"log.show","record":"41"}"#));
    assert!(allows("digest 9f3ac1", r#"{"verb":"log.show","record":"9f3ac1"}"#));
    assert!(allows("yesterdays runs", r#"{"verb":"log.list","when":"yesterday"}"#));
    assert!(allows("yesterday's runs", r#"{"verb":"log.list","when":"yesterday"}"#));
}

#[test]
fn quotes_and_backslashes_are_copied_as_json_writes_them() {
    assert!(allows(r"load C:\models\a.gguf", r#"{"verb":"model.import","path":"C:\\models\\a.gguf"}"#));
    assert!(allows("load /mod\u{e8}les/a b.gguf now", "{\"verb\":\"model.import\",\"path\":\"/mod\u{e8}les/a b.gguf\"}"));
    assert_eq!(Call::parse(r#"{"verb":"model.import","path":"C:\\m"}"#).unwrap().get(Argument::Path), Some(r"C:\m"));
}

#[test]
fn a_value_ends_within_its_limit() {
    let long = "x".repeat(121);
    assert!(!allows(&long, &format!(r#"{{"verb":"model.rm","model":"{long}"}}"#)));
    let fits = "x".repeat(120);
    assert!(allows(&fits, &format!(r#"{{"verb":"model.rm","model":"{fits}"}}"#)));
}

#[test]
fn what_cannot_be_performed_is_said() {
    assert_eq!(Call::parse(r#"{"verb":"replay"}"#), Err(CallError::Missing { verb: Verb::Replay, argument: Argument::Record }));
    assert_eq!(Call::parse(r#"{"verb":"log.export","when":"today","record":"3"}"#), Err(CallError::Both { first: Argument::When, second: Argument::Record }));
    for text in ["", "none", r#"{"verb":"burn"}"#, r#"{"verb":"none","when":"today"}"#, r#"{"verb":"log.list","kind":"dance"}"#, r#"{"verb":"log.list","when":3}"#] {
        assert!(matches!(Call::parse(text), Err(CallError::NotACall { .. })), "{text}");
    }
    assert_eq!(Call::parse(r#"{"verb":"log.list","when":"today","outcome":"failed"}"#).unwrap().to_string(), r#"log.list when="today" outcome="failed""#);
}
