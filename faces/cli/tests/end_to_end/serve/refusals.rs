//! What is refused, how, and that nothing of it is on record.

use super::http::{Answer, Server, at, hello};
use crate::common::{GENERAL, Machine, Run, eventually, not_checked, program_answers, vectors};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::path::Path;

#[test]
fn wrong_requests_are_refused_with_the_field_and_leave_no_record() {
    let machine = Machine::with_model();
    let before = machine.lines(&["log", "list"]).len();
    let server = Server::start(&machine, &[]);
    let chat = |more: Value| server.post("/v1/chat/completions", &hello(more)).refusal();
    let long = "word ".repeat(4_000);
    let cases = [
        (json!({ "model": "nobody" }), 404, json!("model_not_found"), Value::Null, "llama-64.f32"),
        (json!({ "messages": [] }), 400, Value::Null, json!("messages"), "a list of 1"),
        (json!({ "messages": [{ "role": "robot", "content": "x" }] }), 400, Value::Null, json!("messages[0].role"), "assistant"),
        (json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }), 400, Value::Null, json!("messages[0].content[0].type"), "text"),
        (json!({ "temperature": 3 }), 400, Value::Null, json!("temperature"), "at most 2"),
        (json!({ "n": 0 }), 400, Value::Null, json!("n"), "from 1 to 8"),
        (json!({ "messages": [{ "role": "user", "content": long }] }), 400, json!("context_length_exceeded"), Value::Null, "2048"),
        (json!({ "tool_choice": "required" }), 400, Value::Null, json!("tool_choice"), "not among the tools"),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "tea" } } } }),
            400,
            json!("invalid_json_schema"),
            Value::Null,
            "tea",
        ),
    ];
    for (more, status, code, param, words) in cases {
        let refusal = chat(more.clone());
        assert_eq!((refusal.0, &refusal.1, &refusal.2), (status, &code, &param), "{more} {}", refusal.3);
        assert!(refusal.3.contains(words), "{more}: {}", refusal.3);
    }
    let shortened = json!({ "messages": [{ "role": "user", "content": long }, { "role": "assistant", "content": "yes" }, { "role": "user", "content": "hello" }] });
    assert_eq!(chat(shortened.clone()).0, 400);
    server.send("POST", "/v1/chat/completions", &[], "{").is(400);
    server.send("POST", "/v1/chat/completions", &[("content-type", "text/plain")], "{}").is(415);
    // Nothing of what is that long is waited for.
    server.send("POST", "/v1/chat/completions", &[("content-length", "99999999")], "").is(413);
    // What a record cannot hold, and more than one caller may have waiting: before the model is looked for, or anything else is made of it.
    let large = chat(json!({ "model": "nobody", "user": "x".repeat(1 << 20), "n": 8 }));
    assert!((large.0, &large.1) == (413, &json!("too_large")) && large.3.contains("1048576"), "{}", large.3);
    let many = server.post("/v1/completions", &json!({ "model": "nobody", "prompt": vec!["x"; 16], "n": 8 })).refusal();
    assert!((many.0, &many.2) == (400, &json!("n")) && many.3.contains("128") && many.3.contains("64"), "{}", many.3);
    server.get("/v1/nothing").is(404);
    let refused = server.get("/v1/chat/completions").is(405);
    assert_eq!(refused.header("allow"), Some("POST"));
    // Under Ollama's path in its words, wherever it leads.
    assert!(server.get("/api/nothing").is(404).json()["error"].is_string());
    let refused = server.get("/api/chat").is(405);
    assert!(refused.header("allow") == Some("POST") && refused.json()["error"].is_string(), "{}", refused.body);
    let strict = server.send("POST", "/v1/chat/completions", &[("mickai-strict", "true")], &hello(json!({ "user": "x" })).to_string());
    assert_eq!(strict.refusal().2, "user");
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    // Asked for, the oldest turns go, and what is on record is what is left.
    let told = server.post("/v1/chat/completions", &hello(json!({ "messages": shortened["messages"], "truncation": "auto" }))).is(200).json();
    assert!(told["usage"]["prompt_tokens"].as_u64().unwrap() < 100);
    server.stop();
}

/// Sent whole before the answer is read, as clients do: a server that closed on what it did not want would take its answer with it.
#[test]
fn a_refusal_reaches_who_is_still_sending_the_body() {
    let machine = Machine::new();
    let server = Server::start(&machine, &[]);
    let (long, chunked) = ("x".repeat(9 << 20), ("transfer-encoding", "chunked"));
    let pieces = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let cases = [
        ("/v1/chat/completions", vec![], &long, 413),
        ("/tokenize", vec![], &long, 413),
        ("/tokenize", vec![chunked, ("content-length", "")], &pieces, 413),
        ("/v1/chat/completions", vec![("content-type", "text/plain")], &long, 415),
        ("/v1/chat/completions", vec![("host", "evil.example")], &long, 403),
        ("/v1/models", vec![], &long, 405),
    ];
    for (path, headers, body, status) in cases {
        server.send("POST", path, &headers, body).is(status);
    }
    let refused = server.send("POST", "/v1/nothing", &[("connection", "keep-alive")], &long[..2 << 20]).is(404);
    assert_eq!(refused.header("connection"), Some("close"));
    // The connection goes on behind the body of whoever may call.
    let mut stream = server.begin("POST", "/v1/chat/completions", &[("connection", "keep-alive"), ("content-type", "text/plain")], &long[..2 << 20]);
    write!(stream, "GET /health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!((text.matches("HTTP/1.1 415 ").count(), text.matches("HTTP/1.1 200 ").count()), (1, 1), "{text}");
    server.stop();
}

/// Every place where a caller may bring a schema, with this one in it.
fn with_schema(schema: &Value) -> Vec<(&'static str, Value)> {
    let (tool, format) = (json!({ "name": "f", "parameters": schema }), json!({ "name": "x", "schema": schema }));
    let response = |more: Value| {
        let mut body = json!({ "model": GENERAL, "input": "hello" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        ("/v1/chat/completions", hello(json!({ "response_format": { "type": "json_schema", "json_schema": format } }))),
        ("/v1/chat/completions", hello(json!({ "tools": [{ "type": "function", "function": tool }] }))),
        ("/v1/responses", response(json!({ "text": { "format": { "type": "json_schema", "name": "x", "schema": schema } } }))),
        ("/v1/responses", response(json!({ "tools": [{ "type": "function", "name": "f", "parameters": schema }] }))),
        ("/api/chat", json!({ "model": GENERAL, "messages": [{ "role": "user", "content": "hello" }], "format": schema })),
        ("/api/chat", json!({ "model": GENERAL, "messages": [{ "role": "user", "content": "hello" }], "tools": [{ "type": "function", "function": tool }] })),
        ("/api/generate", json!({ "model": GENERAL, "prompt": "hello", "format": schema })),
        ("/api/generate", json!({ "model": GENERAL, "prompt": "hello", "raw": true, "format": schema })),
    ]
}

#[test]
fn a_schema_that_no_answer_can_be_held_to_is_refused_everywhere() {
    let machine = Machine::with_model();
    let before = machine.lines(&["log", "list"]).len();
    let server = Server::start(&machine, &[]);
    let names = |count: usize, of: &dyn Fn(usize) -> Value| -> Map<String, Value> { (0..count).map(|at| (format!("a{at}"), of(at))).collect() };
    let chain = names(20_000, &|at| if at == 0 { json!({}) } else { json!({ "$ref": format!("#/$defs/a{}", at - 1) }) });
    let doubled = names(41, &|at| {
        let half = json!({ "type": "array", "$ref": format!("#/$defs/a{}", at.saturating_sub(1)) });
        if at == 0 { json!({ "type": "array" }) } else { json!({ "type": "array", "prefixItems": [half, half] }) }
    });
    let cases = [
        (json!({ "$ref": "#/$defs/a19999", "$defs": chain }), "512 levels"),
        (json!({ "$ref": "#/$defs/a40", "$defs": doubled }), "200000 copies"),
        (json!({ "properties": names(20_000, &|_| json!(true)) }), "at most 4096"),
        (json!({ "properties": { "x": { "type": "string", "minlength": 5 } } }), "at /properties/x: minlength is no keyword: write minLength"),
        (json!({ "$schema": at("http", "json-schema.org/draft-07/schema#"), "unevaluatedProperties": false }), "unevaluatedProperties"),
        (json!({ "x-guidance": { "lenient": true } }), "x-guidance"),
        // The library's own words, and no trace of its code; of an object, because the arguments of a call must be one.
        (json!({ "type": "object", "properties": { "x": { "type": "string", "format": "tea" } } }), "tea"),
        (json!({ "type": "object", "properties": { "x": { "type": "string", "minLength": "é".repeat(120) } } }), "the library fails on it"),
    ];
    for (schema, words) in cases {
        for (path, body) in with_schema(&schema) {
            let refused = server.post(path, &body).is(400);
            assert!(refused.body.contains(words) && refused.body.len() < 1_000, "{path} {words}: {}", refused.body);
        }
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    server.stop();
}

#[test]
fn what_would_have_no_effect_on_a_raw_prompt_is_refused() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let raw = |more: Value| {
        let mut body = json!({ "model": GENERAL, "prompt": "once", "raw": true, "stream": false, "options": { "num_predict": 2 } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/api/generate", &body)
    };
    assert!(raw(json!({ "system": "be short" })).is(400).body.contains("system"));
    assert!(raw(json!({ "model": "mickai-bootstrap", "format": "json" })).is(400).body.contains("format"));
    assert!(raw(json!({ "model": "mickai-bootstrap", "format": { "type": "object" } })).is(400).body.contains("format"));
    raw(json!({ "system": "", "format": "json" })).is(200);
    raw(json!({ "model": "mickai-bootstrap", "format": "" })).is(200);
    server.stop();
}

/// As everywhere a prompt is whole, or it was asked for that it is not; of Ollama's own shapes too, where less is done by default.
#[test]
fn ollamas_prompts_are_shortened_where_that_is_asked_for() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let ask = |path: &str, mut body: Value, more: Value| {
        body["model"] = GENERAL.into();
        body["stream"] = false.into();
        body["options"] = json!({ "num_predict": 2 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post(path, &body)
    };
    let long = "word ".repeat(4_000);
    let turns = json!({ "messages": [{ "role": "user", "content": long }, { "role": "assistant", "content": "yes" }, { "role": "user", "content": "hello" }] });
    let (raw, one) = (json!({ "prompt": long, "raw": true }), json!({ "prompt": long }));
    for (path, body) in [("/api/chat", &turns), ("/api/generate", &raw), ("/api/generate", &one)] {
        for more in [json!({}), json!({ "truncate": null }), json!({ "truncate": false })] {
            let refused = ask(path, body.clone(), more).is(400);
            assert!(refused.body.contains("2048"), "{path}: {}", refused.body);
        }
    }
    let shortened = json!({ "truncate": true });
    let told = ask("/api/chat", turns, shortened.clone()).is(200).json();
    assert!(told["prompt_eval_count"].as_u64().unwrap() < 100, "{told}");
    let told = ask("/api/generate", raw, shortened.clone()).is(200).json();
    assert!((1_000..2_048).contains(&told["prompt_eval_count"].as_u64().unwrap()), "{told}");
    // One turn is not made less.
    ask("/api/generate", one, shortened).is(400);
    // Nothing to answer: the model is opened, and that is no act.
    for body in [json!({}), json!({ "messages": null })] {
        let loaded = ask("/api/chat", body, json!({})).is(200).json();
        assert_eq!((&loaded["done"], &loaded["done_reason"], &loaded["message"]), (&json!(true), &json!("load"), &json!({ "role": "assistant", "content": "" })));
        assert_eq!(loaded["mickai"], json!({ "records": [], "warnings": [] }));
    }
    server.stop();
}

/// A list of tokens is short as JSON, and its text need not be.
#[test]
fn more_tokens_than_the_model_reads_are_not_made_text() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let text = |tokens: Vec<Value>| server.post("/detokenize", &json!({ "model": GENERAL, "tokens": tokens }));
    text(vec![json!(7); 2_048]).is(200);
    for count in [2_049, 100_000] {
        let refused = text(vec![json!(7); count]).refusal();
        assert_eq!((refused.0, &refused.1), (413, &json!("too_large")));
        assert!(refused.3.contains(&count.to_string()) && refused.3.contains("2048"), "{}", refused.3);
    }
    // Whatever is wrong with a long body is found where a short one's is.
    for count in [1, 100_000] {
        let refused = text([vec![json!(7); count], vec![json!("x")]].concat()).refusal();
        assert_eq!((refused.0, refused.2), (400, json!(format!("tokens[{count}]"))), "{}", refused.3);
    }
    let long = "word ".repeat(100_000);
    let told = server.post("/tokenize", &json!({ "model": GENERAL, "content": long, "robot": 1 })).is(200).json();
    assert!(told["count"].as_u64().unwrap() >= 100_000);
    assert_eq!(told["mickai"]["warnings"], json!(["robot is not known here and had no effect"]));
    server.post("/v1/chat/completions", &hello(json!({ "user": "x".repeat(100_000) }))).is(200);
    server.stop();
}

/// Who looks at a model runs nothing of it.
#[test]
fn a_model_that_is_not_pinned_is_shown_and_not_run() {
    let machine = Machine::with_model();
    machine.run(&["model", "pin", "mickai-bootstrap"]).ok();
    let server = Server::start(&machine, &[]);
    server.post("/api/show", &json!({ "model": GENERAL })).is(200);
    let refused = server.post("/v1/chat/completions", &hello(json!({}))).refusal();
    assert_eq!((refused.0, refused.1), (403, json!("model_not_pinned")), "{}", refused.3);
    assert!(server.post("/api/show", &json!({})).is(400).body.contains("model"));
    server.stop();
}

#[test]
fn a_result_of_no_call_is_refused() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let calls = json!([{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }]);
    let chat = |id: &str| {
        server.post("/v1/chat/completions", &hello(json!({ "messages": [{ "role": "assistant", "tool_calls": calls }, { "role": "tool", "tool_call_id": id, "content": "x" }] })))
    };
    chat("1").is(200);
    assert_eq!(chat("2").refusal().2, "messages[1].tool_call_id");
    let item = |id: &str| json!({ "type": "function_call_output", "call_id": id, "output": "x" });
    let call = json!({ "type": "function_call", "call_id": "1", "name": "f", "arguments": "{}" });
    let respond = |input: Value| server.post("/v1/responses", &json!({ "model": GENERAL, "input": input, "max_output_tokens": 2 }));
    respond(json!([call, item("1")])).is(200);
    assert_eq!(respond(json!([call, item("1"), item("1")])).refusal().2, "input[2].call_id");
    assert_eq!(respond(json!([item("1"), call])).refusal().2, "input[0].call_id");
    let made = json!({ "role": "assistant", "tool_calls": [{ "function": { "name": "f", "arguments": {} } }] });
    let ollama = |name: &str| {
        let messages = json!([made, { "role": "tool", "tool_name": name, "content": "x" }]);
        server.post("/api/chat", &json!({ "model": GENERAL, "messages": messages, "stream": false, "options": { "num_predict": 2 } }))
    };
    ollama("f").is(200);
    assert!(ollama("g").is(400).body.contains("messages[1] must be the result of a call"));
    server.stop();
}

/// A machine with a model of which every act fails.
fn machine_with_broken() -> Machine {
    let machine = Machine::new();
    let mut file = std::fs::read(vectors(&format!("{GENERAL}.gguf"))).unwrap();
    let end = file.len();
    file[end - 4_096..].copy_from_slice(&f32::NAN.to_le_bytes().repeat(1_024));
    std::fs::write(machine.path("broken.gguf"), file).unwrap();
    machine.run(&["model", "import", "broken.gguf"]).ok();
    machine
}

/// One pair of records is named, its outcome says that the act failed, and its intent is the one of the headers.
fn assert_failed(machine: &Machine, answer: &Answer, mickai: &Value) {
    let [named] = &mickai["records"].as_array().unwrap()[..] else { panic!("{mickai}") };
    assert_eq!(answer.header("mickai-intent"), Some(named["intent"]["index"].to_string().as_str()));
    let failed = machine.object(&["log", "show", &named["outcome"]["index"].to_string()]);
    assert_eq!((&failed["digest"], &failed["outcome"], &failed["facts"]["stop"]), (&named["outcome"]["digest"], &json!("failed"), &json!("error")), "{failed}");
}

#[test]
fn an_act_that_fails_is_named_in_its_refusal() {
    let machine = machine_with_broken();
    let server = Server::start(&machine, &[]);
    for (path, body) in [("/v1/chat/completions", hello(json!({ "model": "broken" }))), ("/v1/embeddings", json!({ "model": "broken", "input": "hello" }))] {
        let answer = server.send("POST", path, &[("idempotency-key", "a")], &body.to_string()).is(500);
        assert_failed(&machine, &answer, &answer.json()["error"]["mickai"]);
        assert_eq!(server.send("POST", path, &[("idempotency-key", "a")], &body.to_string()).refusal().1, "outcome_failed");
    }
    server.stop();
    machine.assert_log_valid();
}

#[test]
fn a_stream_that_fails_names_the_records_of_what_failed() {
    let machine = machine_with_broken();
    let server = Server::start(&machine, &[]);
    let warnings = json!(["robot is not known here and had no effect"]);
    let cases = [
        ("/v1/chat/completions", hello(json!({ "model": "broken", "stream": true, "robot": 1 })), "/error/mickai"),
        ("/v1/completions", json!({ "model": "broken", "prompt": "once", "stream": true, "robot": 1 }), "/error/mickai"),
        ("/v1/responses", json!({ "model": "broken", "input": "hello", "stream": true, "robot": 1 }), "/response/mickai"),
        ("/api/chat", json!({ "model": "broken", "messages": [{ "role": "user", "content": "hello" }], "robot": 1 }), "/mickai"),
        ("/api/generate", json!({ "model": "broken", "prompt": "hello", "robot": 1 }), "/mickai"),
    ];
    for (path, body, place) in cases {
        let answer = server.post(path, &body).is(200);
        let last: Value = if path.starts_with("/api") { serde_json::from_str(answer.body.lines().last().unwrap()).unwrap() } else { answer.events().pop().unwrap() };
        let mickai = last.pointer(place).unwrap_or_else(|| panic!("{path}: {last}"));
        assert_failed(&machine, &answer, mickai);
        assert_eq!(mickai["warnings"], warnings, "{path}");
    }
    server.stop();
    machine.assert_log_valid();
}

/// What it was given is kept as any other response's, so it can be looked at and erased.
#[test]
fn a_response_that_failed_is_told_of_and_deleted() {
    let machine = machine_with_broken();
    let server = Server::start(&machine, &[]);
    let failed = server.post("/v1/responses", &json!({ "model": "broken", "input": "hello", "stream": true })).is(200).events().pop().unwrap()["response"].clone();
    let path = format!("/v1/responses/{}", failed["id"].as_str().unwrap());
    let told = server.get(&path).is(200).json();
    for member in ["id", "status", "model", "output", "usage", "mickai"] {
        assert_eq!(told[member], failed[member], "{member}");
    }
    assert!(told["status"] == "failed" && told["error"]["code"] == failed["error"]["code"] && told["error"]["message"].is_string(), "{told}");
    assert_eq!(server.get(&format!("{path}/input_items")).is(200).json()["data"][0]["content"][0]["text"], "hello");
    let (status, _, param, message) = server.post("/v1/responses", &json!({ "model": "broken", "input": "more", "previous_response_id": failed["id"] })).refusal();
    assert!(status == 400 && param == "previous_response_id" && message.contains("no answer"), "{message}");
    // Its outcome keeps nothing, so one act is enough.
    let deleted = server.send("DELETE", &path, &[], "").is(200).json();
    assert_eq!(deleted["mickai"]["records"].as_array().unwrap().len(), 1);
    server.get(&path).is(404);
    server.send("DELETE", &path, &[], "").is(404);
    server.stop();
    let intent = &failed["mickai"]["records"][0]["intent"]["index"];
    machine.run(&["log", "show", &intent.to_string(), "--open"]).ok().says(&["ERASED by record"]);
    machine.assert_log_valid();
}

/// As a home may be that was filled when two models could have one name.
#[test]
fn a_name_of_two_models_is_the_callers_to_make_clear() {
    let machine = Machine::with_model();
    let other = machine.object(&["model", "import", &vectors("qwen2-64.f32.gguf"), "--name", "other"])["digest"].as_str().unwrap().to_owned();
    let manifest = machine.home().join("models").join(&other).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"name\":\"other\"", &format!("\"name\":\"{GENERAL}\""))).unwrap();
    let server = Server::start(&machine, &[]);
    for (path, body) in [("/v1/chat/completions", hello(json!({}))), ("/tokenize", json!({ "model": GENERAL, "content": "x" }))] {
        let answer = server.post(path, &body);
        let (status, code, _, message) = answer.refusal();
        assert_eq!((status, code, answer.header("retry-after")), (400, json!("model_ambiguous"), None));
        assert!(message.contains(&other[..8]) && message.contains("more digits"), "{message}");
    }
    assert_eq!(server.get(&format!("/v1/models/{GENERAL}")).refusal().1, "model_ambiguous");
    server.get(&format!("/v1/models/{other}")).is(200);
    server.post("/v1/chat/completions", &hello(json!({ "model": other }))).is(200);
    server.stop();
}

#[test]
fn another_host_or_origin_is_turned_away() {
    let machine = Machine::new();
    let server = Server::start(&machine, &["--name", "box.example"]);
    let own = server.address.to_string();
    let cases = [
        ("host", "evil.example", 403),
        ("host", "localhost", 200),
        ("host", "box.example", 200),
        ("host", "", 400),
        ("origin", &at("http", "evil.example"), 403),
        ("origin", "null", 403),
        ("origin", &at("http", &own), 200),
        ("origin", &at("https", &own), 403),
        // A page of another server on this machine.
        ("origin", &at("http", "localhost"), 403),
        ("origin", &at("http", "box.example"), 403),
    ];
    for (name, value, status) in cases {
        server.send("GET", "/v1/models", &[(name, value)], "").is(status);
    }
    server.stop();
}

#[test]
fn what_others_can_reach_needs_keys_and_tls() {
    let machine = Machine::new();
    machine.run(&["serve", "--listen", "0.0.0.0:0"]).code(64).says(&["--api-keys", "--tls-cert"]);
    std::fs::write(machine.folder().join("keys"), "# for the tests\nshort\n").unwrap();
    machine.run(&["serve", "--api-keys", "keys"]).code(1).says(&["20"]);
    let key = "a-key-of-more-than-20-characters";
    std::fs::write(machine.folder().join("keys"), format!("# for the tests\n{key}\n")).unwrap();
    let server = Server::start(&machine, &["--api-keys", "keys"]);
    server.get("/v1/models").is(401);
    server.send("GET", "/v1/models", &[("authorization", "Bearer a-key-of-more-than-20-charactert")], "").is(401);
    server.send("GET", "/v1/models", &[("authorization", &format!("Bearer {key}"))], "").is(200);
    server.get("/health").is(200);
    server.stop();
}

#[test]
fn over_tls_a_client_that_verifies_is_answered() {
    if !program_answers("python3", &["-c", "import ssl"]) {
        not_checked("serve over TLS: python3 with its module ssl is not here");
        return;
    }
    let machine = Machine::new();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../http/tests/tls");
    let (certificate, key) = (files.join("certificate.pem"), files.join("key.pem"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let secret = "a-key-of-more-than-20-characters";
    std::fs::write(machine.folder().join("keys"), secret).unwrap();
    let server = Server::start(&machine, &["--api-keys", "keys", "--tls-cert", certificate, "--tls-key", key]);
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/serve/tls_client.py");
    let run = Run::of(machine.command(Path::new("python3"), &[client.to_str().unwrap(), &at("https", &server.address.to_string()), certificate, secret]).env_remove("HTTPS_PROXY"));
    run.ok().says(&["200 1 models", "401 without a key", "no TLS 1.2"]);
    server.stop();
}

#[test]
fn a_second_server_on_one_home_or_port_says_why_it_cannot() {
    let machine = Machine::new();
    let server = Server::start(&machine, &[]);
    machine.run(&["serve", "--listen", &server.address.to_string()]).code(1).says(&["--listen"]);
    server.stop();
}

#[test]
fn the_queue_has_an_end_that_is_told_with_its_numbers() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    // Some that run long, then more than may wait; connections stay open, as their callers wait. Which of them comes too late is decided by the threads.
    let body = hello(json!({ "max_tokens": 2000, "n": 8 })).to_string();
    let mut waiting: Vec<_> = (0..42).map(|_| server.begin("POST", "/v1/chat/completions", &[], &body)).collect();
    waiting.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    let refused = eventually("a refusal", || waiting.iter().position(|stream| stream.peek(&mut [0]).is_ok()));
    let refused = Answer::of(waiting.remove(refused));
    assert_eq!(refused.status, 429, "{}", refused.body);
    let (_, code, _, message) = refused.refusal();
    assert!(code == "queue_full" && message.contains("256"), "{message}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(waiting);
    // Whoever went away makes room.
    server.post("/v1/chat/completions", &hello(json!({ "model": GENERAL }))).is(200);
    server.stop();
    machine.assert_log_valid();
}
