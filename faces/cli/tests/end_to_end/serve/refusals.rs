//! What is refused, how, and that nothing of it is on record.

use super::http::{Answer, Server, at, hello};
use crate::common::{GENERAL, Machine, Run, eventually, not_checked, program_answers, vectors};
use serde_json::{Value, json};
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
    server.send("POST", "/v1/chat/completions", &[("content-length", "99999999")], "").is(413);
    // What a record cannot hold, and more than one caller may have waiting: before the model is looked for, or anything else is made of it.
    let large = chat(json!({ "model": "nobody", "user": "x".repeat(1 << 20), "n": 8 }));
    assert!((large.0, &large.1) == (413, &json!("too_large")) && large.3.contains("1048576"), "{}", large.3);
    let many = server.post("/v1/completions", &json!({ "model": "nobody", "prompt": vec!["x"; 16], "n": 8 })).refusal();
    assert!((many.0, &many.2) == (400, &json!("n")) && many.3.contains("128") && many.3.contains("64"), "{}", many.3);
    server.get("/v1/nothing").is(404);
    let refused = server.get("/v1/chat/completions").is(405);
    assert_eq!(refused.header("allow"), Some("POST"));
    let strict = server.send("POST", "/v1/chat/completions", &[("mickai-strict", "true")], &hello(json!({ "user": "x" })).to_string());
    assert_eq!(strict.refusal().2, "user");
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    // Asked for, the oldest turns go, and what is on record is what is left.
    let told = server.post("/v1/chat/completions", &hello(json!({ "messages": shortened["messages"], "truncation": "auto" }))).is(200).json();
    assert!(told["usage"]["prompt_tokens"].as_u64().unwrap() < 100);
    server.stop();
}

#[test]
fn an_act_that_fails_is_named_in_its_refusal() {
    let machine = Machine::new();
    let mut file = std::fs::read(vectors(&format!("{GENERAL}.gguf"))).unwrap();
    let end = file.len();
    file[end - 4_096..].copy_from_slice(&f32::NAN.to_le_bytes().repeat(1_024));
    std::fs::write(machine.path("broken.gguf"), file).unwrap();
    machine.run(&["model", "import", "broken.gguf"]).ok();
    let server = Server::start(&machine, &[]);
    for (path, body) in [("/v1/chat/completions", hello(json!({ "model": "broken" }))), ("/v1/embeddings", json!({ "model": "broken", "input": "hello" }))] {
        let answer = server.send("POST", path, &[("idempotency-key", "a")], &body.to_string()).is(500);
        let intent = answer.header("mickai-intent").unwrap();
        let failed = machine.object(&["log", "show", &(intent.parse::<u64>().unwrap() + 1).to_string()]);
        assert_eq!((&failed["outcome"], &failed["facts"]["stop"]), (&json!("failed"), &json!("error")), "{failed}");
        assert_eq!(server.send("POST", path, &[("idempotency-key", "a")], &body.to_string()).refusal().1, "outcome_failed");
    }
    server.stop();
    machine.assert_log_valid();
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
