//! Answers piece by piece: the same words, a count, and at the end the records.

use super::clients::{ENDLESS, machine_with_endless};
use super::http::{Server, hello};
use crate::common::{GENERAL, Machine};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn a_streamed_chat_says_the_same_and_ends_with_its_records() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let whole = server.post("/v1/chat/completions", &hello(json!({}))).is(200).json();
    for include_usage in [false, true] {
        let answer = server.post("/v1/chat/completions", &hello(json!({ "stream": true, "stream_options": { "include_usage": include_usage } }))).is(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let mut events = answer.events();
        assert_eq!(events.pop(), Some(json!("[DONE]")));
        let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(whole["choices"][0]["message"]["content"], text.as_str());
        assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
        // The records are in the last chunk alone, beside the usage where that is wanted: a client may take the usage of whichever chunk is the last.
        let last = events.pop().unwrap();
        assert!(events.iter().all(|event| event["mickai"].is_null() && event["usage"].is_null()), "{}", answer.body);
        assert_eq!(last["mickai"]["records"][0]["intent"]["index"].to_string(), answer.header("mickai-intent").unwrap());
        assert_eq!(last["usage"], if include_usage { whole["usage"].clone() } else { Value::Null });
        // Without it the event has a name of its own and says nothing else: many programs look at the first choice of every chunk.
        assert_eq!(last["choices"], if include_usage { json!([]) } else { json!([{ "index": 0, "delta": {}, "finish_reason": null }]) });
        assert_eq!(answer.body.contains("\n\nevent: mickai\ndata: "), !include_usage);
        // The outcome is durable before it is told.
        let outcome = last["mickai"]["records"][0]["outcome"]["index"].to_string();
        assert_eq!(machine.object(&["log", "show", &outcome])["digest"], last["mickai"]["records"][0]["outcome"]["digest"]);
    }
    server.stop();
}

#[test]
fn a_streamed_completion_and_response_say_the_same() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let body = |stream: bool| json!({ "model": GENERAL, "prompt": "once", "max_tokens": 6, "temperature": 0, "stream": stream, "n": 2 });
    let whole = server.post("/v1/completions", &body(false)).is(200).json();
    let events = server.post("/v1/completions", &body(true)).is(200).events();
    for index in [0, 1] {
        let of_choice = events.iter().filter(|event| event["choices"][0]["index"] == index);
        let text: String = of_choice.filter_map(|event| event["choices"][0]["text"].as_str()).collect();
        assert_eq!(whole["choices"][index]["text"], text.as_str());
    }
    let last = &events[events.len() - 2];
    assert_eq!((&last["choices"][0]["text"], last["mickai"]["records"].as_array().unwrap().len()), (&json!(""), 2));
    let mut counted = body(true);
    counted["stream_options"] = json!({ "include_usage": true });
    let events = server.post("/v1/completions", &counted).is(200).events();
    let last = &events[events.len() - 2];
    assert_eq!((&last["choices"], &last["usage"], last["mickai"]["records"].as_array().unwrap().len()), (&json!([]), &whole["usage"], 2));
    let body = |stream: bool| json!({ "model": GENERAL, "input": "hello", "max_output_tokens": 6, "temperature": 0, "stream": stream });
    let whole = server.post("/v1/responses", &body(false)).is(200).json();
    let events = server.post("/v1/responses", &body(true)).is(200).events();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"response.created"), Some(&"response.incomplete")));
    assert!(events.iter().enumerate().all(|(number, event)| event["sequence_number"] == number));
    let text: String = events.iter().filter(|event| event["type"] == "response.output_text.delta").filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(whole["output"][0]["content"][0]["text"], text.as_str());
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"], whole["output"][0]["content"]);
    server.stop();
}

#[test]
fn an_echo_is_streamed_whatever_comes_after_it() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let prompts = ["once", "twice"];
    let ask = |more: Value, stream: bool| {
        let mut body = json!({ "model": GENERAL, "prompt": prompts, "n": 2, "max_tokens": 5, "temperature": 0, "echo": true, "stream": stream });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/v1/completions", &body).is(200)
    };
    let told = ask(json!({}), false).json();
    let firsts = [0, 2].map(|index| told["choices"][index]["text"].as_str().unwrap()[prompts[index / 2].len()..].chars().next().unwrap().to_string());
    for (more, is_only_echo) in [(json!({}), false), (json!({ "stop": firsts }), true)] {
        let whole = ask(more.clone(), false).json();
        let events = ask(more, true).events();
        for index in 0..4 {
            let pieces: Vec<&Value> = events.iter().map(|event| &event["choices"][0]).filter(|choice| choice["index"] == index).collect();
            let choice = &whole["choices"][index];
            let text: String = pieces.iter().filter_map(|piece| piece["text"].as_str()).collect();
            assert_eq!((choice["text"].as_str(), text == prompts[index / 2]), (Some(text.as_str()), is_only_echo));
        }
    }
    server.stop();
}

#[test]
fn probabilities_are_streamed_as_they_are_told_at_once() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let ask = |stream: bool| {
        let body = json!({ "model": GENERAL, "prompt": ["once", "twice"], "n": 2, "max_tokens": 5, "temperature": 1, "seed": 3, "logprobs": 2, "stream": stream });
        server.post("/v1/completions", &body).is(200)
    };
    let (whole, events) = (ask(false).json(), ask(true).events());
    for index in 0..4 {
        let pieces: Vec<&Value> = events.iter().map(|event| &event["choices"][0]).filter(|choice| choice["index"] == index).collect();
        for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            let streamed: Vec<&Value> = pieces.iter().filter_map(|piece| piece["logprobs"][list].as_array()).flatten().collect();
            assert_eq!(json!(streamed), whole["choices"][index]["logprobs"][list], "{list}");
        }
    }
    server.stop();
}

#[test]
fn a_schema_and_a_tool_are_held_to_streamed_or_not() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let schema = json!({ "type": "object", "properties": { "ok": { "type": "boolean" }, "n": { "type": "integer", "minimum": 0, "maximum": 99 } }, "required": ["ok", "n"], "additionalProperties": false });
    let format = json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } }, "max_tokens": 60 });
    let told = server.post("/v1/chat/completions", &hello(format)).is(200).json();
    let content: Value = serde_json::from_str(told["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(content["ok"].is_boolean() && content["n"].as_u64().unwrap() < 100, "{content}");
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    let tool = json!({ "type": "function", "function": { "name": "look_up", "parameters": schema } });
    let wanted = |stream: bool| hello(json!({ "tools": [tool], "tool_choice": "required", "parallel_tool_calls": false, "max_tokens": 120, "stream": stream }));
    let called = server.post("/v1/chat/completions", &wanted(false)).is(200).json();
    let choice = &called["choices"][0];
    let call = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!((&call["name"], &choice["finish_reason"], &choice["message"]["content"]), (&json!("look_up"), &json!("tool_calls"), &Value::Null));
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["ok"].is_boolean(), "{arguments}");
    let events = server.post("/v1/chat/completions", &wanted(true)).is(200).events();
    let calls: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"]).filter(|calls| !calls.is_null()).collect();
    assert_eq!((calls.len(), &calls[0][0]["function"]), (1, call));
    // What the call gave goes back, and a free answer comes.
    let messages =
        json!([{ "role": "user", "content": "hello" }, choice["message"], { "role": "tool", "tool_call_id": choice["message"]["tool_calls"][0]["id"], "content": "42" }]);
    server.post("/v1/chat/completions", &hello(json!({ "messages": messages, "tools": [tool] }))).is(200);
    server.stop();
    for told in [&told, &called] {
        machine.run(&["replay", &told["mickai"]["records"][0]["intent"]["index"].to_string()]).ok().says(&["identical"]);
    }
    machine.assert_log_valid();
}

#[test]
fn who_leaves_a_response_finds_it_incomplete() {
    let machine = machine_with_endless();
    let server = Server::start(&machine, &[]);
    let body = json!({ "model": ENDLESS, "input": "hello", "temperature": 0, "stream": true });
    let mut stream = server.begin("POST", "/v1/responses", &[], &body.to_string());
    let mut text = String::new();
    while !text.contains("\"id\":\"resp_") || !text.ends_with('\n') {
        let mut piece = [0; 1_024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    drop(stream);
    let id: String = text.split_once("\"id\":\"").unwrap().1.chars().take_while(|letter| *letter != '"').collect();
    // It is there as soon as its outcome is durable.
    let told = loop {
        let answer = server.get(&format!("/v1/responses/{id}"));
        if answer.status == 200 {
            break answer.json();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!((&told["status"], &told["incomplete_details"]), (&json!("incomplete"), &json!({ "reason": "interrupted" })));
    server.stop();
}

/// As one may be whose outcome could not be written. Of two servers on a home one dies; the other rests, and has written nothing since.
#[test]
fn a_response_that_was_left_without_an_outcome_gets_one_when_it_is_asked_for() {
    let machine = machine_with_endless();
    let (stays, dies) = (Server::start(&machine, &[]), Server::start(&machine, &[]));
    let stream = dies.begin("POST", "/v1/responses", &[], &json!({ "model": ENDLESS, "input": "hello", "stream": true }).to_string());
    let data = |line: std::io::Result<String>| serde_json::from_str::<Value>(line.unwrap().strip_prefix("data: ")?).ok();
    let created = BufReader::new(&stream).lines().find_map(data).unwrap();
    dies.kill();
    let path = format!("/v1/responses/{}", created["response"]["id"].as_str().unwrap());
    let told = stays.get(&path).is(200).json();
    assert_eq!((&told["status"], &told["error"]["code"]), (&json!("failed"), &json!("outcome_unknown")));
    stays.send("DELETE", &path, &[], "").is(200);
    stays.stop();
    machine.assert_log_valid();
}

/// A pool of connections that asks nothing is no reason to wait.
#[test]
fn the_end_cuts_off_nobody_who_waits_for_nothing() {
    let machine = Machine::with_model();
    let server = Server::start_with(&machine, &[], Stdio::piped());
    let mut idle = server.begin("GET", "/health", &[("connection", "keep-alive")], "");
    let mut piece = [0; 1_024];
    assert!(idle.read(&mut piece).unwrap() > 0);
    assert_eq!(server.stop_saying(), "");
    assert_eq!(idle.read(&mut piece).unwrap(), 0);
}
