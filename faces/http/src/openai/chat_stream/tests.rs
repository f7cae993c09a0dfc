//! Chunks as clients put them together: which choice comes first, and what the last one tells.

use super::*;
use crate::app::App;
use crate::call::Call;
use crate::going::{Going, Wanted};
use crate::tools::Form;
use mickai_runtime::serve::Begun;
use mickai_runtime::{Answered, EMBEDDED_NAME, Error};

/// A stream, and an answer that began and ended.
fn made(has_usage: bool) -> (Stream, Begun, Answered) {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let mut going = Going::start(&call, Wanted::of_test(&model, 1)).await.unwrap();
        let begun = going.begun().await.unwrap();
        let answered = going.all().await.unwrap().remove(0).answered;
        let told = Told { model, form: Form::default(), warnings: Vec::new(), created: 0, intent: begun.intent, likely_count: None };
        (Stream::new(told, has_usage), begun, answered)
    })
}

/// The chunks of a body, each with the name of its event.
fn chunks(body: &str) -> Vec<(Option<&str>, Value)> {
    let mut chunks = Vec::new();
    for event in body.split_terminator("\n\n") {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        if data != "[DONE]" {
            chunks.push((event.lines().find_map(|line| line.strip_prefix("event: ")), serde_json::from_str(data).unwrap()));
        }
    }
    chunks
}

/// PyPI's openai takes the first chunk of a choice for the next place in its list, whatever index it has.
#[test]
fn choices_show_themselves_in_order_whichever_begins_first() {
    let (mut stream, begun, _) = made(false);
    let mut shown = |choice: usize| {
        let body = stream.encode(choice, Event::Begun(begun));
        let choices: Vec<Value> = chunks(&body).into_iter().map(|(_, chunk)| chunk["choices"][0].clone()).collect();
        assert!(choices.iter().all(|choice| choice["delta"] == json!({ "role": "assistant", "content": "" })), "{body}");
        choices.iter().filter_map(|choice| choice["index"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!([shown(2), shown(0), shown(1)], [vec![0, 1, 2], vec![], vec![]]);
    let heard = stream.encode(1, Event::Heard(Spoken { token: None, text: "a".to_owned(), likely: None }));
    let choice = &chunks(&heard)[0].1["choices"][0];
    assert_eq!((&choice["index"], &choice["delta"]), (&json!(1), &json!({ "content": "a" })));
}

/// Clients find the records of each choice by its place.
#[test]
fn the_records_of_what_failed_come_in_its_place() {
    let (mut stream, _, answered) = made(false);
    let place = |index: u64| (Appended { index, ..answered.intent }, answered.outcome);
    for choice in [2, 0] {
        let (intent, outcome) = place(choice as u64);
        let answered = Answered { intent, outcome, generation: answered.generation.clone() };
        stream.encode(choice, Event::Ended(Box::new(Ok(answered))));
    }
    let because = Error::Failed { because: Box::new(Error::Fault), records: Box::new(place(1)) };
    let body = stream.encode(1, Event::Ended(Box::new(Err(because))));
    let last = chunks(&body).pop().unwrap().1;
    let indexes: Vec<Value> = last["error"]["mickai"]["records"].as_array().unwrap().iter().map(|pair| pair["intent"]["index"].clone()).collect();
    assert_eq!(indexes, [0, 1, 2]);
}

/// PyPI's openai takes the usage of the last chunk, also where that has none.
#[test]
fn the_usage_comes_last_and_with_the_records() {
    for has_usage in [false, true] {
        let (mut stream, begun, answered) = made(has_usage);
        let count = answered.generation.output_tokens.len() as u64;
        stream.encode(0, Event::Begun(begun));
        stream.encode(0, Event::Ended(Box::new(Ok(answered))));
        let body = stream.finish();
        let chunks = chunks(&body);
        let [(name, last)] = &chunks[..] else { panic!("{body}") };
        let nothing = json!([{ "index": 0, "delta": {}, "finish_reason": null }]);
        let (named, choices) = if has_usage { (None, json!([])) } else { (Some("mickai"), nothing) };
        assert_eq!((*name, &last["choices"]), (named, &choices));
        assert_eq!(last["usage"]["completion_tokens"].as_u64(), has_usage.then_some(count));
        assert_eq!(last["mickai"]["records"].as_array().map(Vec::len), Some(1));
        assert!(body.ends_with("\n\ndata: [DONE]\n\n"), "{body}");
    }
}
