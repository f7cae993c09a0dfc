//! What is on record when clients go away, ask twice, or the server dies.

use super::http::{Server, hello};
use crate::common::{GENERAL, Machine, eventually};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Instant;

/// Facts of the outcomes in the log, oldest first.
fn outcomes(machine: &Machine) -> Vec<Value> {
    machine.lines(&["log", "list", "--kind", "outcome", "--action", "generate"])
}

/// Generations that have begun.
fn begun(machine: &Machine) -> usize {
    machine.lines(&["log", "list", "--kind", "intent", "--action", "generate"]).len()
}

/// Waits until everything that has begun is over, and more than `before`; gives how many that are.
pub fn settled(machine: &Machine, before: usize) -> usize {
    eventually("the outcomes", || {
        let (over, begun) = (outcomes(machine).len(), begun(machine));
        (over == begun && over > before).then_some(over)
    })
}

#[test]
fn who_goes_away_stops_what_was_ordered() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    // Some send more than the request, and some end their own side alone: whoever does has left, whether or not they would still read.
    for (stream, more, is_half) in [(true, "", false), (false, "", false), (false, "\r\n", false), (false, "", true), (false, "\r\n", true)] {
        let before = outcomes(&machine).len();
        // Many long answers at once, so that none is over before its client has left.
        let body = hello(json!({ "stream": stream, "max_tokens": 2000, "n": 8 })).to_string();
        let mut client = server.begin("POST", "/v1/chat/completions", &[], &body);
        client.write_all(more.as_bytes()).unwrap();
        if stream {
            client.read_exact(&mut [0; 64]).unwrap();
        } else {
            // There is no byte to wait for: an act is on record when it has begun.
            eventually("an intent", || (begun(&machine) > before).then_some(()));
        }
        client.shutdown(Shutdown::Write).unwrap();
        let _stays = is_half.then_some(client);
        settled(&machine, before);
        for outcome in &outcomes(&machine)[before..] {
            assert_eq!(machine.object(&["log", "show", &outcome["index"].to_string()])["facts"]["stop"], "interrupted");
        }
    }
    server.stop();
    assert_eq!(begun(&machine), outcomes(&machine).len());
    machine.assert_log_valid();
}

#[test]
fn the_same_key_gets_the_same_answer_and_nothing_runs_twice() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    for stream in [false, true] {
        let key = if stream { "two" } else { "one" };
        let send = |body: Value| server.send("POST", "/v1/chat/completions", &[("idempotency-key", key)], &body.to_string());
        let body = hello(json!({ "stream": stream, "temperature": 1 }));
        let (first, again) = (send(body.clone()).is(200), send(body).is(200));
        assert_eq!(first.body, again.body);
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
        assert_eq!(first.header("mickai-intent"), again.header("mickai-intent"));
        assert_eq!(send(hello(json!({ "stream": stream, "max_tokens": 2 }))).refusal().0, 422);
    }
    assert_eq!(outcomes(&machine).len(), 2);
    // A refusal is not kept: nothing was done.
    let send = |body: Value| server.send("POST", "/v1/chat/completions", &[("idempotency-key", "three")], &body.to_string());
    send(hello(json!({ "n": 99 }))).is(400);
    send(hello(json!({}))).is(200);
    server.stop();
}

#[test]
fn a_key_outlives_the_server_and_erasure_reaches_its_answer() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let send = |server: &Server, key: &str, body: &Value| server.send("POST", "/v1/chat/completions", &[("idempotency-key", key)], &body.to_string());
    let asked = [("whole", hello(json!({ "temperature": 1 }))), ("stream", hello(json!({ "temperature": 1, "stream": true, "n": 2, "logprobs": true })))];
    let first: Vec<_> = asked.iter().map(|(key, body)| send(&server, key, body).is(200)).collect();
    server.kill();
    let server = Server::start(&machine, &[]);
    let before = outcomes(&machine).len();
    for ((key, body), first) in asked.iter().zip(&first) {
        let again = send(&server, key, body).is(200);
        assert_eq!((&first.body, again.header("idempotent-replayed")), (&again.body, Some("true")));
        for header in ["content-type", "mickai-intent", "mickai-intent-digest"] {
            assert_eq!(first.header(header), again.header(header), "{header}");
        }
        assert_eq!(send(&server, key, &hello(json!({}))).refusal().1, "idempotency_key_reused");
    }
    // A key is one route's.
    server.send("POST", "/v1/completions", &[("idempotency-key", "whole")], &json!({ "model": GENERAL, "prompt": "once", "max_tokens": 1 }).to_string()).is(200);
    assert_eq!(outcomes(&machine).len(), before + 1);
    // What is erased of the act is not told by its answer.
    let outcome = first[0].json()["mickai"]["records"][0]["outcome"]["index"].to_string();
    let erased = machine.object(&["erase", &outcome, "--field", "output"]);
    assert_eq!(erased["answers"].as_array().unwrap().len(), 1);
    assert_eq!(send(&server, "whole", &asked[0].1).refusal().1, "answer_erased");
    send(&server, "stream", &asked[1].1).is(200);
    server.stop();
    assert_eq!(machine.object(&["log", "fsck"])["findings"], json!([]));
    machine.assert_log_valid();
}

#[test]
fn a_key_whose_answer_nobody_knows_is_not_run_again() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let body = hello(json!({ "stream": true, "max_tokens": 2000, "n": 8 }));
    let begin = |server: &Server, key: &str| {
        let mut client = server.begin("POST", "/v1/chat/completions", &[("idempotency-key", key)], &body.to_string());
        client.read_exact(&mut [0; 64]).unwrap();
        client
    };
    let send = |server: &Server, key: &str| server.send("POST", "/v1/chat/completions", &[("idempotency-key", key)], &body.to_string());
    // Who went away was not answered, and may ask again.
    let away = begin(&server, "away");
    assert_eq!(send(&server, "away").refusal().1, "idempotency_key_in_use");
    drop(away);
    let before = settled(&machine, 0);
    drop(begin(&server, "away"));
    settled(&machine, before);
    let cut_off = begin(&server, "cut-off");
    server.kill();
    drop(cut_off);
    let server = Server::start(&machine, &[]);
    let before = begun(&machine);
    let (status, code, _, message) = send(&server, "cut-off").refusal();
    assert!(status == 409 && code == "outcome_unknown" && message.contains("record "), "{message}");
    assert_eq!(begun(&machine), before);
    server.stop();
    machine.assert_log_valid();
}

#[test]
fn other_commands_write_while_the_server_rests() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    machine.run(&["ask", "-m", GENERAL, "--max-tokens", "3", "hello"]).ok();
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    server.stop();
    assert_eq!(outcomes(&machine).len(), 3);
    machine.assert_log_valid();
}

#[test]
fn an_end_by_the_operator_leaves_no_act_open() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let mut client = server.begin("POST", "/v1/chat/completions", &[], &hello(json!({ "stream": true, "max_tokens": 50 })).to_string());
    client.read_exact(&mut [0; 64]).unwrap();
    server.stop();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("[DONE]"), "{rest}");
    assert!(machine.open_intents().is_empty());
}

/// A short form of `cargo xtask bench serve`: clients that come and go, and then the power is gone.
#[test]
fn a_server_killed_under_load_starts_again_and_says_what_nobody_knows() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let long = hello(json!({ "max_tokens": 2000, "stream": true, "n": 8 })).to_string();
    let short = hello(json!({ "max_tokens": 2, "stream": true })).to_string();
    let mut clients: Vec<_> = (0..24).map(|at| server.begin("POST", "/v1/chat/completions", &[], if at % 3 == 0 { &long } else { &short })).collect();
    // Every fourth goes away before it is its turn, or in the middle.
    (0..6).for_each(|at| drop(clients.remove(at * 3)));
    eventually("some outcomes", || (outcomes(&machine).len() >= 4).then_some(()));
    eventually("an act under way", || (begun(&machine) > outcomes(&machine).len()).then_some(()));
    server.kill();
    let open = begun(&machine) - outcomes(&machine).len();
    let since = Instant::now();
    let server = Server::start(&machine, &[]);
    let took = since.elapsed();
    assert_eq!(begun(&machine), outcomes(&machine).len(), "{open} acts were open");
    let unknown = outcomes(&machine).iter().filter(|record| record["outcome"] == "outcome_unknown").count();
    assert_eq!(unknown, open);
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    server.stop();
    println!("{open} acts were open; the next server listened after {took:?}");
    machine.assert_log_valid();
}

/// Under load every answer is what its record says, run again alone on another number of threads and with other instructions.
#[test]
fn what_was_answered_beside_others_runs_again_alone() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let body = |at: usize| {
        hello(
            json!({ "max_tokens": 5 + at, "temperature": 1, "seed": at, "stream": at.is_multiple_of(2), "messages": [{ "role": "user", "content": "hello ".repeat(1 + at % 4 * 30) }] }),
        )
    };
    let clients: Vec<_> = (0..24).map(|at| server.begin("POST", "/v1/chat/completions", &[], &body(at).to_string())).collect();
    let answers: Vec<_> = clients.into_iter().map(|client| super::http::Answer::of(client).is(200).header("mickai-intent").unwrap().to_owned()).collect();
    let metrics = server.get("/metrics").is(200).body;
    let count = |name: &str| -> u64 { metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{model=\"llama-64.f32\"} ")?.parse().ok()).unwrap() };
    assert!(count("mickai_step_rows_total") > count("mickai_steps_total") && count("mickai_reused_tokens_total") > 0, "{metrics}");
    assert_eq!((count("mickai_generations_executed_total"), count("mickai_cache_promised_bytes")), (24, 0));
    server.stop();
    for intent in answers.iter().step_by(3) {
        machine.run(&["replay", intent, "--threads", "3", "--isa", "scalar"]).ok().says(&["identical"]);
    }
    machine.run(&["replay", &answers[0], "--isa", "abacus"]).code(64).says(&["abacus", "scalar"]);
}
